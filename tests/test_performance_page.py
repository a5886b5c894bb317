"""The page of performance and its plots say what the record says."""

from __future__ import annotations

import copy
import importlib
import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import performance_page
import performance_plots
import precision_section
import pytest

ROOT = Path(performance_page.ROOT)
RECORD: dict[str, Any] = json.loads(performance_page.RECORD.read_text("utf-8"))
OTHER: dict[str, Any] = json.loads(performance_page.OTHER.read_text("utf-8"))
PRECISION: dict[str, Any] = json.loads(precision_section.RECORD.read_text("utf-8"))


def row(median: float, **more: Any) -> dict[str, Any]:
    return {"median": median, "least": median, "greatest": median, "rounds": 5} | more


def point(width: int, ours: float, theirs: float) -> dict[str, Any]:
    """A point of the sweep at which PyTorch is faster but does another step."""
    return {
        "width": width, "batch": 8, "depth": 2, "flop": 1e6, "skipped": {}, "ours": "ClearProp",
        "peer": "JAX", "ratio": theirs / ours,
        "microseconds": {
            "ClearProp": row(ours, library="ClearProp", disagrees=None),
            "JAX": row(theirs, library="JAX", disagrees=None),
            "PyTorch": row(0.5, library="PyTorch", disagrees=True),
        },
    }  # fmt: skip


def whole() -> dict[str, Any]:
    """A record of every part, with figures that stand nowhere else."""
    step = copy.deepcopy(RECORD["parts"]["step"])
    run = step["run"]
    net = {"sizes": [3, 5, 7], "batch": 32, "rows": 100, "epochs": 2, "runs": 8}
    predict = {"sizes": [3, 5, 7], "rows": 64, "flop": 1e6, "microseconds": {
        "compiled": row(123.0, threads=1, **{"share of peak": 0.876}),
        "runner": row(130.0, threads=2, **{"share of peak": 0.765})}}  # fmt: skip
    one = {"onnxruntime": row(6.78), "model.compiled.predict(row, out=out)": row(1.5),
           "Model.predict of a row": row(5.0)}  # fmt: skip
    return {
        "parts": {
            "step": step,
            "sweep": {"run": run, "points": [point(8, 10, 43), point(32, 50, 31)],
                      "left out for time": [[1, 1, 1]]},
            "predict": {"run": run, "one row": one, "batches": [predict]},
            "startup": {"run": run, "the interpreter's own": 0.01, "seconds": {
                "import numpy": row(0.061, **{"times numpy": 1.0})}},
            "memory": {"run": run, "cases": {
                "small": {"data": 1e6, "parameters": 2e6, "peak": 61.2e6, "bound": 61e6},
                "wide": {"data": 1e6, "parameters": 2e6, "peak": 60.9e6, "bound": 61e6}}},
            "scaling": {
                "run": run,
                "threads": [{"net": "odd", "sizes": [3, 5], "batch": 9, "threads": [1, 2],
                             "microseconds": [200.0, 80.0], "its own choice": 81.0}],
                "rows": [row(5e4, rows=1000), row(7e5, rows=100_000)],
                "parameters": [row(44.0, width=16, parameters=714, **{"share of peak": 0.345})],
            },
            "many": {"run": run, "cases": {"odd": net | {"seconds": {"cp.train_many": row(1.37)}}}},
        }
    }  # fmt: skip


def test_the_page_and_its_plots_are_rendered_from_the_committed_record() -> None:
    docs = performance_page.PAGE.parent
    made = performance_page.files(RECORD, OTHER, PRECISION)
    for name, text in made.items():
        assert (docs / name).read_text("utf-8") == text, (
            f"docs/{name} is stale: run tools/performance_page.py"
        )
    assert {path.name for path in docs.glob("performance*")} == set(made)


def test_the_steps_without_amx_stand_apart() -> None:
    other = copy.deepcopy(OTHER)
    tiny = other["parts"]["step"]["nets"]["tiny"]
    tiny["ratios"]["bfloat16, fastest peer"]["ratio"] = 98.76
    other["parts"]["step"]["peaks"]["GFLOP/s"]["ClearProp bfloat16"] = 765.43
    text = performance_page.page(RECORD, other, PRECISION)
    start = text.index("## On a processor without AMX")
    section = text[start : text.index("## bfloat16 beside")]
    for said in ("98.76×", "| ClearProp bfloat16 | 765.4 |"):
        assert said in section and said not in text[:start], said


def test_every_part_stands_on_the_page() -> None:
    text = performance_page.page(whole(), OTHER, PRECISION)
    for said in (
        "width 32, batch 8, 2 hidden | 50 | 31 | 0.62 | JAX",
        "between 0.62 and 4.3 times as fast; it is slower at 1.",
        "width 8, batch 8, 2 hidden: PyTorch; width 32, batch 8, 2 hidden: PyTorch.",
        "Left out for time: width 1, batch 1, 1 hidden.",
        "| onnxruntime | 6.78 |",
        "| `model.compiled.predict` | 1 | 123 | 87.6 % |",
        "| `import numpy` | 61 | 1.00 |",
        "| small | 1.0 | 2.0 | 61.2 | 61.0 | **no** |",
        "| wide | 1.0 | 2.0 | 60.9 | 61.0 | yes |",
        "| 3-5, batch 9 | 200 | 80 | 81 |",
        "| 100,000 | 0.7 | 7 |",
        "| 16-16-16-10 | 714 | 44 | 34.5 % |",
        "| 8 of 3-5-7, batch 32, 100 rows, 2 epochs | 1.37 |",
    ):
        assert said in text, said
    assert "Not measured yet" not in text


def test_what_the_peak_leaves_is_the_peers_time_beside_the_arithmetic_at_the_peak() -> None:
    record = whole()
    part = record["parts"]["step"]
    part["peaks"]["float32"] = 100.0  # GFLOP/s: 10⁹ operations take 10,000 µs
    net = part["nets"]["medium"]
    net["flop"] = 1e9
    found = net["ratios"]["float32, fastest float32 peer"]
    found["ratio"] = 1.5
    net["microseconds"][found["peer"]]["median"] = 25_000.0
    assert "| 1.50× | 2.7× | 2.5× | 85 % |" in performance_page.page(record, OTHER, PRECISION)


def test_other_aims_are_beside_what_was_reached_and_say_whether_they_hold() -> None:
    parts = copy.deepcopy(RECORD["parts"])
    parts["step"]["variants"] = {"gelu": {"times plain": 1.151}, "silu": {"times plain": 1.149},
                                 "clipping": {"times plain": 1.9}}  # fmt: skip
    parts["step"]["nets"]["tiny"]["ratios"]["float32, PyTorch eager"]["ratio"] = 59.0
    parts["predict"]["one row"] = {
        "model.compiled.predict(row, out=out)": row(1.5), "onnxruntime": row(4.2),
        "Model.predict of a row": row(10.0),
    }  # fmt: skip
    said = performance_page.other_aims(parts)
    for line in (
        "| a step with gelu | 1.151× | ≤ 1.15× | **no** |",
        "| a step with silu | 1.149× | ≤ 1.15× | yes |",
        "| 30-32-16-2, batch 32, beside PyTorch eager | 59× | ≥ 60× | **no** |",
        "| `model.compiled.predict` of a row | 1.5 µs | ≤ 2 µs | yes |",
        "| the same beside onnxruntime | 2.8× | ≥ 3× | **no** |",
        "| `Model.predict` of a row | 10 µs | ≤ 10 µs | yes |",
    ):
        assert line in said, line
    assert not any("clipping" in line for line in said[1:])


def test_a_part_that_was_not_measured_is_said_to_be_missing() -> None:
    record = whole()
    del record["parts"]["many"]
    assert "`python -m benchmarks.speed --parts many`" in performance_page.page(
        record, OTHER, PRECISION
    )


def test_plots_are_xml_whose_labels_are_the_records_figures() -> None:
    made = performance_plots.plots(whole()["parts"])
    assert set(made) == {f"performance_{name}.svg" for name in ("step", "sweep", "scaling")}
    labels = {
        name: [one.text for one in ET.fromstring(text).iter("{http://www.w3.org/2000/svg}text")]
        for name, text in made.items()
    }
    assert {"4.3×", "0.62×", "width 8", "width 32"} <= set(labels["performance_sweep.svg"])
    assert {"714", "100k", "odd"} <= set(labels["performance_scaling.svg"])
    own = [text for text in labels["performance_step.svg"] if text and text.startswith("1.00×")]
    assert len(own) >= len(RECORD["parts"]["step"]["nets"])


def test_the_prose_types_no_figure() -> None:
    for text in (performance_page.HOW, precision_section.HEAD):
        found = re.findall(r"\d+(?:\.\d+)?\s*(?:×|%|µs|ms|GFLOP|s\b)", text)
        assert not found


def test_every_peer_of_the_record_was_held_to_the_exact_step() -> None:
    for net in RECORD["parts"]["step"]["nets"].values():
        for name, row in net["microseconds"].items():
            agreement = row["agreement"]
            if "not compared" in agreement:
                assert name.startswith("scikit-learn")
            elif row["precision"] == "float32":
                assert agreement["largest"] <= 1e-5, name
            else:
                assert agreement["same direction"] >= 0.95, name


def test_a_look_is_not_for_the_record() -> None:
    assert not any(part["run"].get("quick") for part in RECORD["parts"].values())


# -- the run that makes the record ---------------------------------------------------------------
def test_a_run_that_was_broken_off_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(ROOT)
    record = importlib.import_module("benchmarks.record")
    monkeypatch.setattr(record, "provenance", lambda: {"commit": "abc"})
    path = tmp_path / "speed.json"
    path.write_text(json.dumps({"parts": {"many": {"run": {}, "cases": 1}, "step": 0}}))
    first = record.Kept(path, {"rounds": 5, "load": 0.1})
    assert first.piece("one", lambda: (1, 2)) == [1, 2]
    again = record.Kept(path, {"rounds": 5, "load": 0.9})
    assert again.piece("one", lambda: pytest.fail("measured twice")) == [1, 2]
    other = record.Kept(path, {"rounds": 7, "load": 0.1})
    assert other.piece("one", lambda: 3) == 3  # other settings, another run
    other.finish({"step": {"nets": {}}})
    found = json.loads(path.read_text())["parts"]
    assert found["many"] == {"run": {}, "cases": 1}  # the parts beside it stay
    assert found["step"] == {"run": {"commit": "abc", "rounds": 7, "load": 0.1}, "nets": {}}
    assert [one.name for one in tmp_path.iterdir()] == ["speed.json"]


def test_the_sweep_reaches_all_corners_and_no_further_than_its_arithmetic(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(ROOT)
    sweep = importlib.import_module("benchmarks.sweep")
    points = sweep.points(quick=False)
    assert len(set(points)) == len(points)
    assert [width == 4096 for width, _, _ in points] == sorted(w == 4096 for w, _, _ in points)
    assert {8, 4096} <= {width for width, _, _ in points}
    assert {1, 4096} <= {batch for _, batch, _ in points}
    assert {1, 16} <= {depth for _, _, depth in points}
    # 2m (2 Σ s s' + Σ_{l>1} s s') of 8-8-8-10, batch 3
    assert sweep.flop((8, 3, 2)) == 6 * (2 * (64 + 64 + 80) + 64 + 80)
    assert max(map(sweep.flop, points)) <= sweep.MOST


def test_only_slow_rivals_without_hope_are_timed_for_one_round(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(ROOT)
    timing = importlib.import_module("benchmarks.timing")
    now = 0.0

    def lasting(seconds: float) -> Callable[[], None]:
        def once() -> None:
            nonlocal now
            now += seconds

        return once

    monkeypatch.setattr(timing.time, "perf_counter", lambda: now)
    took = {"best": 2.0, "near": 2.9, "hopeless": 3.1, "of its own": 9.0, "brief": 0.125}
    runs = {name: lasting(seconds) for name, seconds in took.items()}
    rivals = dict.fromkeys(("best", "near", "hopeless"), "long") | {"brief": "short"}
    found = timing.timed(runs, 3, 1.0, rivals)
    assert {name: row["rounds"] for name, row in found.items()} == {
        "best": 3, "near": 3, "hopeless": 1, "of its own": 3, "brief": 3
    }  # fmt: skip
    assert found["hopeless"]["median"] == pytest.approx(3.1e6)
    quick = {"brisk": lasting(0.125), "four times": lasting(0.5)}
    found = timing.timed(quick, 3, 1.0, dict.fromkeys(quick, "short"))
    assert [row["rounds"] for row in found.values()] == [3, 3]  # nothing would be saved


def test_the_load_of_a_run_is_what_others_use_while_it_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(ROOT)
    record = importlib.import_module("benchmarks.record")
    stat = tmp_path / "stat"
    stat.write_text("cpu  10 0 10 100 20 0 0 0 0 0\ncpu0 1 2 3\n")

    def later(_: float) -> None:  # of 100 ticks 20 user, 5 nice, 10 system, 15 stolen: half
        stat.write_text("cpu  30 5 20 140 30 0 0 15 99 0\n")

    monkeypatch.setattr(record.time, "sleep", later)
    monkeypatch.setattr(record.os, "cpu_count", lambda: 4)
    assert record.load(1.0, stat) == pytest.approx(2.0)
    monkeypatch.setattr(record.os, "getloadavg", lambda: (0.25, 1, 1), raising=False)
    assert record.load(1.0, tmp_path / "none") == 0.25


def test_its_own_choice_of_threads_stands_beside_one_thread_and_the_peers() -> None:
    def point(width: int, one: float, own: float, theirs: float) -> dict[str, Any]:
        rows = {"ClearProp float32, 1 thread": one, "JAX": theirs}
        rows["ClearProp float32, its own choice of threads"] = own
        medians = {name: {"median": value} for name, value in rows.items()}
        return {"width": width, "batch": 8, "depth": 2, "peer": "JAX", "microseconds": medians}

    told, _ = performance_page.own_choice([point(8, 10, 10.2, 30), point(16, 10, 16, 12)])
    assert "5 % over one thread at 1 of 2 points, at most 1.60 times (width 16" in told
    assert told.endswith(
        "slower than the fastest peer at width 16, batch 8, 2 hidden (0.75 times as fast)."
    )
