"""The front of figures against seconds is that of the records, and its plot can be read."""

from __future__ import annotations

import importlib
import math
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from accuracy_front import Points, compared, points, section, spent
from accuracy_front_plot import around, border, decades, front_plot, labels, overlap, ticks
from accuracy_page import RECORDS
from accuracy_records import MODELS, PRESETS, read

import clearprop as cp

ROOT = Path(__file__).parents[1]
SVG = "{http://www.w3.org/2000/svg}"


def record(table: str, model: str, seconds: float, error: float, **more: Any) -> dict[str, Any]:
    return {
        "table": table, "split": 0, "model": model, "cpu_seconds": seconds, "error": error,
    } | more  # fmt: skip


def everywhere(tables: Sequence[str], models: Sequence[str]) -> list[dict[str, Any]]:
    return [record(table, model, 1.0, 0.1) for table in tables for model in models]


# -- which tables ---------------------------------------------------------------------------------
def test_the_tables_are_those_of_the_most_pairs_with_all_presets() -> None:
    records = everywhere("abc", [*PRESETS, "LightGBM"])
    records += everywhere("de", [*PRESETS])  # 5 × 3 pairs: more than the 3 × 4 of a, b and c
    assert compared(records, "error") == ([*PRESETS], [*"abcde"])
    records += everywhere("d", ["LightGBM"])
    assert compared(records, "error") == ([*PRESETS, "LightGBM"], [*"abcd"])
    records += everywhere("fghijk", ["LightGBM", "XGBoost"])  # no preset there
    assert compared(records, "error")[1] == [*"abcd"]


def test_a_table_of_which_no_split_is_shared_is_left_out() -> None:
    records = [record("a", model, 1.0, 0.1, split=place) for place, model in enumerate(PRESETS)]
    assert compared(records, "error") == ([], [])
    assert points(records) == [] and section(records) == []


def test_places_are_shifted_geometric_means_of_the_shared_splits() -> None:
    records = everywhere("ab", PRESETS)
    records[0] |= {"error": 0.09, "cpu_seconds": 0.99}
    records[3] |= {"error": 0.39, "cpu_seconds": 3.99}
    records.append(record("a", PRESETS[0], 50.0, 0.9, split=1))  # the others have not this split
    (one,) = points(records)
    seconds, error = one.places[PRESETS[0]]
    assert error == pytest.approx(math.sqrt(0.1 * 0.4) - 0.01)
    assert seconds == pytest.approx(math.sqrt(1.0 * 4.0) - 0.01)


# -- the front ------------------------------------------------------------------------------------
def test_the_front_is_all_that_none_as_fast_is_as_good_as() -> None:
    places = {"quick": (1.0, 0.5), "as quick": (1.0, 0.6), "slow": (3.0, 0.4), "equal": (4.0, 0.4),
              "worse": (2.0, 0.55), "best": (9.0, 0.1)}  # fmt: skip
    one = Points("Error", ("a",), places)
    assert one.front == ("quick", "slow", "best")
    for model, (seconds, figure) in places.items():
        bettered = any(
            s <= seconds and f <= figure and (s, f) != (seconds, figure)
            for other, (s, f) in places.items()
            if other != model
        )
        assert bettered == (model not in one.front)


def test_its_border_goes_right_before_it_goes_down() -> None:
    stairs = border([(100.0, 80.0), (200.0, 150.0)], 20.0)
    assert stairs[:4] == [(100.0, 20.0), (100.0, 80.0), (200.0, 80.0), (200.0, 150.0)]
    assert stairs[4][1] == 150.0


# -- the plot -------------------------------------------------------------------------------------
def drawn() -> list[Points]:
    places = {PRESETS[0]: (1.0, 0.04), PRESETS[1]: (10.0, 0.02), PRESETS[2]: (100.0, 0.01)}
    return [Points("Error", ("a", "b"), {**places, "CatBoost": (0.1, 0.05)})]


def test_places_are_those_of_the_figures_on_logarithmic_axes() -> None:
    root = ET.fromstring(front_plot(drawn()))
    discs = [
        (float(one.get("cx", 0)), float(one.get("cy", 0))) for one in root.iter(f"{SVG}circle")
    ]
    (a, p), (b, q), (c, r) = discs[1:]  # the first is the legend's
    assert b - a == pytest.approx(c - b, abs=0.11) and b > a  # tenfold both times
    assert r - q == pytest.approx(q - p, abs=0.11) and q > p  # half both times, lower on the sheet
    told = {one.text for one in root.iter(f"{SVG}text")}
    assert {*PRESETS, "CatBoost", "Error", "mean over 2 tables", "0.1 s", "100 s"} <= told


def test_ticks_are_round_and_few() -> None:
    assert ticks(0.043, 0.066) == [0.045, 0.05, 0.055, 0.06, 0.065]
    assert ticks(0.09, 1.7) == [0.5, 1.0, 1.5]
    assert decades(0.04, 120) == [0.1, 0.3, 1, 3, 10, 30, 100]


def test_every_model_is_named_beside_its_mark_and_nothing_is_covered() -> None:
    found = points(read(RECORDS))
    assert [one.title for one in found][:2] == ["Error", "Log-loss"]
    text = front_plot(found)
    assert text == front_plot(found)
    root = ET.fromstring(text)
    width = float(root.get("width", 0))
    names = [
        (float(one.get("x", 0)), float(one.get("y", 0)), one.get("text-anchor", ""), one.text or "")
        for one in root.iter(f"{SVG}text")
        if (one.text or "").partition(", ")[0] in MODELS
    ]
    assert len(names) == sum(len(one.places) for one in found)
    boxes = [around(*one) for one in names]
    assert all(box[0] >= 0 and box[2] <= width for box in boxes)
    for place, one in enumerate(boxes):
        assert not any(overlap(one, other) for other in boxes[:place]), names[place]
    discs = list(root.iter(f"{SVG}circle"))
    corners = [one.get("points", "").split() for one in root.iter(f"{SVG}polygon")]
    marks = [(float(one.get("cx", 0)), float(one.get("cy", 0))) for one in discs]
    for four in (each for each in corners if len(each) == 4):
        xs, ys = zip(*(map(float, corner.split(",")) for corner in four), strict=True)
        marks.append((sum(xs) / 4, sum(ys) / 4))
    assert len(marks) == len(names) + 3  # the legend's
    for x, y in marks:
        assert not any(overlap(one, (x - 5, y - 5, x + 5, y + 5)) for one in boxes), (x, y)


def test_labels_keep_away_from_marks_and_from_each_other() -> None:
    at = {name: (100.0 + 9 * place, 100.0) for place, name in enumerate(PRESETS)}
    found = labels(at, [(100.0, 0.0), (100.0, 100.0)], (0.0, 0.0, 700.0, 200.0))
    boxes = [around(*found[name], name) for name in at]
    marks = [(x - 6, y - 6, x + 6, y + 6) for x, y in at.values()]
    for place, box in enumerate(boxes):
        assert not any(overlap(box, other) for other in [*marks, *boxes[:place]])


def test_one_far_away_stands_at_the_top_with_its_figure() -> None:
    (one,) = drawn()
    far = Points("Error", ("a",), {**one.places, "scikit-learn MLP": (2.0, 9.0)})
    texts = [text.text for text in ET.fromstring(front_plot([far])).iter(f"{SVG}text")]
    assert "scikit-learn MLP, 9.00 ↑" in texts
    assert "CatBoost" in texts


# -- what is spent --------------------------------------------------------------------------------
def test_the_share_is_of_a_cores_products_in_the_seconds_of_the_processor() -> None:
    records = everywhere("ab", PRESETS)
    records[0] |= {"flop": 25_000_000_000, "peak": 100.0}
    records[3] |= {"flop": 4_000_000_000, "peak": 100.0}
    assert spent(records, "ab")[PRESETS[0]]["a"] == {"seconds": 1.0, "GFLOP": 25.0, "share": 0.25}
    text = "\n".join(section(records))
    assert f"| {PRESETS[0]} | 2 | 1 | 10 | 10.0 % | 4.0 % (b) | 25.0 % (a) |" in text


def test_every_record_of_ours_has_its_arithmetic() -> None:
    for one in read(RECORDS):
        if one["model"] in PRESETS:
            assert 0 < one["flop"] / 1e9 / one["cpu_seconds"] / one["peak"] < 1


@pytest.mark.parametrize(("refit", "bags"), [(False, 4), (False, 1), (True, 4), (True, 1)])
def test_operations_are_those_of_the_products_of_every_run(
    refit: bool, bags: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(ROOT)
    flop = importlib.import_module("benchmarks.accuracy_flop").flop
    X = np.random.default_rng(0).normal(size=(100, 3))
    changes = {"refit": refit, "bags": bags, "hidden": (5,), "numbers": "robust", "members": 2}
    model = cp.TabularClassifier(random_state=0, max_steps=3, changes=changes)
    model.fit(X, np.arange(100) % 2)
    row = 2 * 2 * (3 * 5 + 5 * 2)  # of two members forward; the factors in front are trained
    held = 100 // bags if bags > 1 else 20
    trained = 100 - held
    # 64 rows a step: the second is what is left of an epoch, the third the next one's first.
    judged = 3 * row * (trained + 64) + row * held
    steps = model.n_steps_ if isinstance(model.n_steps_, tuple) else (model.n_steps_,)
    again = 0
    if refit:
        again = sum(3 * row * {1: 64, 2: 100, 3: 164}[count] for count in steps[1::2])
    assert flop(model) == bags * judged + again


@pytest.mark.parametrize("beside", [True, False])
def test_operations_of_a_run_are_those_of_its_own_rows_where_others_are_left_out(
    beside: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(ROOT)
    flop = importlib.import_module("benchmarks.accuracy_flop").flop
    X = np.random.default_rng(0).normal(size=(101, 3))
    made_of = {"refit": True, "beside": beside, "hidden": (5,), "numbers": "robust"}
    model = cp.TabularClassifier(random_state=0, max_steps=[4, 1, 4, 1, 4, 0], changes=made_of)
    model.fit(X, np.arange(101) % 2)
    assert model.n_steps_ == (4, 1, 4, 1, 4, 0, 0, 0)
    row = 2 * (3 * 5 + 5 * 2)
    # Two epochs of two steps: the first bag holds 26 rows back, the others 25.
    judged = [2 * (3 * row * (101 - held) + row * held) for held in (26, 25, 25)]
    assert flop(model) == sum(judged) + 2 * 3 * row * 64


def test_a_layer_with_nothing_trained_before_it_passes_nothing_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(ROOT)
    products = importlib.import_module("benchmarks.accuracy_flop").products
    graph = cp.Network([3, 5, 2], "relu").graph
    assert products(graph) == (2 * (15 + 10), 2 * (2 * 15 + 3 * 10))
