"""What the page says about bfloat16 beside float32 follows from the record, and the record is made
of runs that differ in nothing else."""

from __future__ import annotations

import copy
import importlib
import itertools
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from precision_section import RECORD, bits, compared, first_seeds, run_of, section

import clearprop as cp

ROOT = RECORD.parents[2]


def one(table: str, seed: int, precision: str, figure: float, **more: Any) -> dict[str, Any]:
    key = "rmse" if table == "numbers" else "log_loss"
    return {
        "table": table, "seed": seed, "precision": precision, "threads": 1, "rows": 1234,
        "weights": f"{table}{seed}{precision}", "engine": precision, key: figure,
    } | more  # fmt: skip


def made_up() -> dict[str, Any]:
    """Means 2 and 2.5 at a spread of 1; means 1 and 3 at a spread of √2; a table of one seed."""
    records = [one("classes", seed, "float32", figure) for seed, figure in enumerate((1, 2, 3))]
    records += [one("classes", seed, "bfloat16", figure) for seed, figure in enumerate((2, 2, 3.5))]
    records += [one("numbers", seed, "float32", figure) for seed, figure in enumerate((0, 0, 3))]
    records += [one("numbers", seed, "bfloat16", figure) for seed, figure in enumerate((3, 3, 3))]
    records += [one("few", 0, "float32", 1), one("few", 0, "bfloat16", 1)]
    run = {
        "commit": "abc",
        "date": "2026-01-02",
        "machine": "a machine",
        "versions": {"numpy": "2"},
    }
    return {
        "protocol": {"tables": ["few", "classes", "numbers", "never"], "seeds": 3,
                     "training": 9_000, "held": 700},
        "runs": [run | {"load": 0.2}, run | {"load": 3.456, "commit": "def"}],
        "records": records,
    }  # fmt: skip


def test_the_difference_is_counted_in_standard_deviations_over_seeds() -> None:
    classes, numbers = compared(made_up())
    assert (classes.spread, classes.difference, classes.spreads) == (1.0, 0.5, 0.5)
    assert classes.within
    assert numbers.spread == pytest.approx(math.sqrt(3))
    assert numbers.spreads == pytest.approx(2 / math.sqrt(3))
    assert not numbers.within


def test_better_is_within_however_far_and_a_spread_of_nothing_has_no_unit() -> None:
    record = made_up()
    for of in record["records"]:
        if of["table"] == "numbers":
            of["rmse"] = 5 if of["precision"] == "float32" else 4
    numbers = compared(record)[1]
    assert (numbers.spread, numbers.spreads, numbers.within) == (0, None, True)
    assert "| numbers | 1,234 | 3 | RMSE / σ | 5.0000 | 0.0000 | 4.0000 | – | within |" in section(
        record
    )


def test_seeds_that_one_precision_lacks_do_not_count() -> None:
    record = made_up()
    record["records"].append(one("classes", 3, "float32", 1e6))
    assert compared(record) == compared(made_up())
    record["records"] = [
        of for of in record["records"]
        if (of["table"], of["seed"], of["precision"]) != ("classes", 1, "bfloat16")
    ]  # fmt: skip
    assert [row.table for row in compared(record)] == ["numbers"]


def test_the_section_says_what_is_beyond_what_was_not_run_and_the_load() -> None:
    text = "\n".join(section(made_up()))
    for said in (
        "| classes | 1,234 | 3 | log-loss | 2.0000 | 1.0000 | 2.5000 | +0.50 | within |",
        "| numbers | 1,234 | 3 | RMSE / σ | 1.0000 | 1.7321 | 3.0000 | +1.15 | **beyond** |",
        "within the spread on 1 of 2 tables: between +0.50 and +1.15 spreads",
        "Not run, or on too few seeds to say: few, never.",
        "Commit abc, def, 2026-01-02, a machine; numpy 2. Of a large",
        "Of a large table 9,000 rows drawn at random train and 700 judge",
        "Up to 3.5 programs wanted each core",
    ):
        assert said in text, said


def test_what_the_first_seeds_alone_would_have_said_is_told_where_it_is_otherwise() -> None:
    record = made_up()
    assert not first_seeds(compared(record), 3)
    for seed, figure in enumerate((-1, 7), start=3):  # a spread of 3.27 in place of 1.73
        record["records"].append(one("numbers", seed, "float32", figure))
        record["records"].append(one("numbers", seed, "bfloat16", figure))
    assert "\n".join(section(record)).count("seeds alone") == 1
    said = "On its first 3 seeds alone numbers would be beyond in RMSE / σ: +1.15 spreads of 1.7321"
    assert said in first_seeds(compared(record), 3)[0]


def test_chance_is_how_often_other_seeds_of_the_same_would_be_beyond(
    rng: np.random.Generator,
) -> None:
    x, y = rng.normal(size=(2, 200_000, 3))
    beyond = (y.mean(axis=1) - x.mean(axis=1) > x.std(axis=1, ddof=1)).mean()
    assert compared(made_up())[0].chance == pytest.approx(beyond, abs=0.003)


def test_two_threads_are_compared_bit_by_bit() -> None:
    record = made_up()
    assert bits(record) == ["No run was repeated on two threads."]
    record["records"] += [
        one("classes", 0, "float32", 1, threads=2),
        one("classes", 1, "float32", 2, threads=2, weights="others"),
        one("classes", 0, "bfloat16", 2, threads=2),
    ]
    (said,) = bits(record)
    assert "in 1 of 2 runs in float32 and 1 of 1 runs in bfloat16." in said


def test_the_kernels_of_bfloat16_are_named_and_no_others() -> None:
    record = copy.deepcopy(COMMITTED)
    for of in record["records"]:
        of["engine"] = {"float32": "plain", "bfloat16": "pairwise"}[of["precision"]]
    said = "\n".join(run_of(record))
    assert "Products of bfloat16 by `pairwise`." in said and "plain" not in said


# -- the committed record ------------------------------------------------------------------------
COMMITTED: dict[str, Any] = json.loads(RECORD.read_text("utf-8"))


def test_two_threads_gave_the_bits_and_the_figures_of_one() -> None:
    runs = {
        (of["table"], of["seed"], of["precision"], of["threads"]): of for of in COMMITTED["records"]
    }
    twice = [key for key in runs if key[-1] == 2]
    assert {key[2] for key in twice} == {"float32", "bfloat16"}
    for key in twice:
        two, alone = runs[key], runs[*key[:3], 1]
        for name in ("weights", "best_epoch", "log_loss", "error", "rmse"):
            assert two.get(name) == alone.get(name), (key, name)


def test_the_two_precisions_were_trained_on_the_same_rows_by_the_kernels_they_name() -> None:
    kernels: dict[str, set[str]] = {"float32": set(), "bfloat16": set()}
    for of in COMMITTED["records"]:
        kernels[of["precision"]].add(of["engine"])
        assert of["rows"] <= COMMITTED["protocol"]["training"]
        assert of["held"] <= COMMITTED["protocol"]["held"]
    assert not kernels["float32"] & kernels["bfloat16"]
    for table, of in itertools.groupby(COMMITTED["records"], key=lambda of: of["table"]):
        assert len({(one["rows"], one["held"], one["parameters"]) for one in of}) == 1, table


# -- the run that makes it -----------------------------------------------------------------------
@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(ROOT)
    return importlib.import_module("benchmarks.precision")


def test_both_precisions_take_turns_and_the_first_seed_is_repeated_on_two_threads(
    benchmark: Any,
) -> None:
    assert list(benchmark.wanted(2)) == [
        (0, "float32", 1), (0, "bfloat16", 1), (0, "float32", 2), (0, "bfloat16", 2),
        (1, "bfloat16", 1), (1, "float32", 1),
    ]  # fmt: skip


def test_a_class_that_no_row_trains_is_not_held_back(
    benchmark: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = importlib.import_module("benchmarks.accuracy_tables")
    y = np.array(["a"] * 60 + ["b"] * 35 + ["rare"] * 5)
    frame = pd.DataFrame({"x": np.arange(100.0)})
    table = tables.PublicTable("classification", "", lambda file: (frame, y))
    monkeypatch.setitem(benchmark.TABLES, "letters", table)
    monkeypatch.setattr(benchmark, "TRAINING", 10)
    monkeypatch.setattr(benchmark, "HELD", 20)
    rows, held = benchmark.divided("letters")
    assert len(rows) == 10
    assert not set(rows["x"]) & set(held["x"])
    assert set(held[benchmark.TARGET]) <= set(rows[benchmark.TARGET])
    for part in (rows, held):  # every row has its own target
        assert (part[benchmark.TARGET] == y[part["x"].astype(int)]).all()


def test_a_run_goes_on_from_its_record_and_ends_where_threads_change_bits(
    benchmark: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(benchmark, "provenance", lambda: {"commit": "abc"})
    path = tmp_path / "precision.json"
    benchmark.Book(path).keep(one("digits", 0, "float32", 1.0))
    again = benchmark.Book(path)
    assert again.has("digits", 0, "float32", 1)
    assert not again.has("digits", 0, "float32", 2)
    again.keep(one("digits", 0, "float32", 1.0, threads=2))
    with pytest.raises(SystemExit, match="digits: threads changed the bits"):
        again.keep(one("digits", 0, "float32", 1.0, threads=3, weights="others"))
    found = json.loads(path.read_text())
    assert [of["run"] for of in found["records"]] == [0, 1, 1]
    assert len(found["runs"]) == 2


def test_the_same_run_in_both_precisions_is_kept_with_its_figure(benchmark: Any) -> None:
    x = np.linspace(-1, 1, 80)
    frame = pd.DataFrame({"x": x, benchmark.TARGET: x**2})
    record = benchmark.one(frame[::2], frame[1::2], 0, "float32", 1)
    model = cp.train_table(
        frame[::2], benchmark.TARGET, validation=frame[1::2], members=1, precision="float32"
    )
    y = x[1::2] ** 2
    exact = np.sqrt(np.mean((model.predict(frame[1::2]) - y) ** 2)) / y.std()
    assert record["rmse"] == pytest.approx(exact, rel=1e-6)
    assert (record["rows"], record["held"], record["columns"]) == (40, 40, 1)
