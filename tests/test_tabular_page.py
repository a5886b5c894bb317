"""The accuracy page is what its tool writes from the committed records, and says what they say."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import accuracy_goals
import accuracy_million
import accuracy_outside
import accuracy_tiles
import pytest
from accuracy_page import (
    ABLATION,
    DOCS,
    ELSEWHERE,
    RECORDS,
    TILES,
    ablation,
    files,
    grid,
    not_run,
)
from accuracy_records import MODELS, ranks, read, shifted

ABOUT = {"task": "classification", "rows": 80, "machine": "m", "commit": "c", "cpu_seconds": 1.0}


def record(table: str, split: int, model: str, error: float) -> dict[str, Any]:
    return {"table": table, "split": split, "model": model, "error": error, **ABOUT}


def test_the_page_and_its_plot_are_fresh() -> None:
    made = files()
    for name, text in made.items():
        assert (DOCS / name).read_text("utf-8") == text, "run python tools/accuracy_page.py"
    assert {path.name for path in DOCS.glob("accuracy*")} == set(made)


def test_every_record_says_where_it_comes_from() -> None:
    for one in (*read(RECORDS), *read(ABLATION), *read(TILES), *read(ELSEWHERE)):
        assert {"table", "split", "model", "threads", "commit", "machine", "date"} <= set(one)
        assert ("error" in one and "log_loss" in one) or "rmse" in one


def test_the_shifted_mean_is_geometric_behind_its_shift() -> None:
    assert shifted([0.09, 0.39]) == pytest.approx(math.sqrt(0.1 * 0.4) - 0.01)


def test_the_least_of_a_row_is_bold_among_those_of_as_many_splits() -> None:
    records = [
        record("a", 0, "CatBoost", 0.2),
        record("a", 1, "CatBoost", 0.4),
        record("a", 0, "LightGBM", 0.25),
    ]
    text = "\n".join(grid(records, "error", "Error"))
    assert "| a | 80 | 0.250 † | **0.300 ± 0.100** |" in text


def test_a_verdict_compares_the_splits_in_common_alone() -> None:
    records = [
        record("a", 0, "clearprop fast", 0.19),
        record("a", 1, "clearprop fast", 0.5),
        record("a", 0, "CatBoost", 0.39),
    ]
    text = "\n".join(accuracy_goals.pairs(records))
    assert "| clearprop fast | CatBoost | error | 1 | 1 | 1 | -50.0 % |" in text
    assert "Not run yet" in text and "TabM-D" in text


def test_a_change_is_over_tables_and_not_over_splits() -> None:
    ours = [record("a", 0, "clearprop fast", 0.19), record("a", 1, "clearprop fast", 0.19)]
    theirs = [record("a", 0, "CatBoost", 0.39), record("a", 1, "CatBoost", 0.39)]
    ours.append(record("b", 0, "clearprop fast", 0.39))
    theirs.append(record("b", 0, "CatBoost", 0.39))
    # Logarithms −ln 2 and 0: their mean is ln √½, their standard error (ln 2) / 2.
    half = 100 * math.log(2) / 2
    line = f"| clearprop fast | CatBoost | error | 2 | 3 | 2 | -29.3 ± {half:.1f} % |"
    assert line in "\n".join(accuracy_goals.pairs([*ours, *theirs]))


@pytest.mark.parametrize(
    ("errors", "verdict"),
    [
        ([0.19, 0.19, 0.20], "better"),
        ([0.19, 0.39, 0.59], "**no**: level"),
        ([0.59, 0.60, 0.61], "**no**: worse"),
        ([0.19, 0.19], "–"),
    ],
)
def test_a_goal_is_reached_where_the_interval_says_so(errors: list[float], verdict: str) -> None:
    ours = [record(str(at), 0, "clearprop best", error) for at, error in enumerate(errors)]
    theirs = [record(str(at), 0, "RealMLP-TD", 0.39) for at in range(len(errors))]
    lines = accuracy_goals.section([*ours, *theirs], None)
    (line,) = [one for one in lines if one.startswith("| clearprop best | RealMLP-TD | better")]
    assert line.endswith(f"| {verdict} |")


def test_what_was_not_run_is_named() -> None:
    records = [record("a", 0, model, 0.1) for model in MODELS]
    records += [record("b", 0, model, 0.1) for model in MODELS if model != "TabM-D"]
    assert "each: TabM-D on b. Where" in not_run(records)


def test_an_interval_is_student_s() -> None:
    ours = [
        record(str(at), 0, "clearprop best", error) for at, error in enumerate((0.19, 0.39, 0.79))
    ]
    theirs = [record(str(at), 0, "RealMLP-TD", 0.39) for at in range(3)]
    # Logarithms −ln 2, 0 and ln 2: their standard error is ln 2 / √3, t₂ is 4.303 at 97.5 %.
    low, high = (100 * math.expm1(sign * 4.30265 * math.log(2) / math.sqrt(3)) for sign in (-1, 1))
    text = "\n".join(accuracy_goals.section([*ours, *theirs], None))
    assert f"| error | 3 | +0.0 % ({low:+.1f} to {high:+.1f}) | 1.50, 1.50 |" in text


def test_an_aggregate_is_over_the_splits_in_common() -> None:
    records = [
        record("a", 0, "clearprop default", 0.09),
        record("a", 1, "clearprop default", 0.99),
        record("a", 0, "CatBoost", 0.19),
    ]
    text = "\n".join(grid(records, "error", "Error"))
    assert "| *all* | | 0.0900 | 0.1900 |" in text and "| *mean rank* | | 1.0 | 2.0 |" in text


def test_equal_figures_share_their_ranks() -> None:
    assert ranks({"x": 0.1, "y": 0.2, "z": 0.1}) == {"x": 1.5, "y": 3.0, "z": 1.5}


def test_an_ablation_compares_with_the_preset_as_it_is() -> None:
    changes = [record("a", 0, name, 0.0) | {"log_loss": value}
               for name, value in (("as it is", 0.09), ("ReLU", 0.19))]  # fmt: skip
    assert "| ReLU | +100.0 % | +100.0 % | ×1.00 |" in "\n".join(ablation(changes))


def test_no_public_table_is_named_where_rules_are_made() -> None:
    names = {one["table"] for one in (*read(RECORDS), *read(ABLATION))}
    source = Path(__file__).parents[1] / "src" / "clearprop" / "estimators"
    text = "\n".join(file.read_text("utf-8") for file in source.glob("tabular*.py")).lower()
    assert not [name for name in names if name in text]


def timed(table: str, model: str, seconds: float, error: float) -> dict[str, Any]:
    return record(table, 0, model, error) | {"cpu_seconds": seconds, "seconds": seconds / 2}


def test_ratios_are_geometric_over_the_tables_of_both_and_hold_by_both_clocks() -> None:
    records = [
        timed("a", "clearprop default, bfloat16", 1.0, 0.2),
        timed("a", "RealMLP-TD", 10.0, 0.2),
        timed("b", "clearprop default, bfloat16", 2.0, 0.2),
        timed("b", "RealMLP-TD", 80.0, 0.2) | {"seconds": 10.0},
        timed("c", "RealMLP-TD", 1.0, 0.2),
        timed("a", "clearprop default", 4.0, 0.2),
    ]
    text = "\n".join(accuracy_tiles.section(records))
    ours = "| clearprop default, bfloat16 | RealMLP-TD | 2 | 20.00× | 10.00 | 40.00 | 10.00× |"
    ours += " ≥ 15× | **no** |"
    assert ours in text
    assert (
        "| clearprop default | RealMLP-TD | 1 | 2.50× | 2.50 | 2.50 | 2.50× | ≥ 6× | **no** |"
        in text
    )
    assert "CatBoost |" not in text
    assert accuracy_tiles.section([]) == []


def test_bfloat16_that_errs_more_is_a_plus() -> None:
    records = [
        timed("a", "clearprop fast", 1.0, 0.19),
        timed("a", "clearprop fast, bfloat16", 1.0, 0.29),
    ]
    text = "\n".join(accuracy_tiles.section(records))
    assert "| clearprop fast | error | 1 | +50.0 % |" in text


def test_elsewhere_ours_is_counted_beside_each_over_the_tables_of_both() -> None:
    records = [
        timed("a", "clearprop default", 4.0, 0.19),
        timed("b", "clearprop default", 9.0, 0.05),
        timed("c", "clearprop default", 1.0, 0.5),
        timed("a", "CatBoost", 1.0, 0.39),
        timed("b", "CatBoost", 4.0, 0.05),
    ]
    records = [one | {"log_loss": 2 * one["error"]} for one in records]
    text = "\n".join(accuracy_outside.section(records))
    assert "| a | 80 | **0.3800** | 0.7800 |" in text
    assert "| b | 80 | **0.1000** | **0.1000** |" in text
    assert "| c | 80 | **1.0000** | – |" in text
    # √(20/40 · 1) of the errors; √(4/1 · 9/4) of the seconds
    assert "| CatBoost | all | error | 2 | 1 | 0 | -29.3 ± " in text
    assert text.split("| CatBoost | all | error |")[1].split("\n")[0].endswith("% | ×3.00 |")
    assert "| not ‡ |" not in text
    seen = [one | {"looked at": one["table"] == "b"} for one in records]
    text = "\n".join(accuracy_outside.section(seen))
    assert "| b ‡ | 80 |" in text and "| a | 80 |" in text
    assert "| CatBoost | not ‡ | error | 1 | 1 | 0 | -50.0 % | ×4.00 |" in text
    assert accuracy_outside.section([]) == []


def test_a_million_rows_are_told_by_seconds_memory_and_what_is_left_to_learn() -> None:
    one = {
        "seconds": 60.4,
        "cpu_seconds": 99.0,
        "peak": 1_600_000_000,
        "log_loss": 0.43,
        "least_log_loss": 0.41,
    }
    ours = {"model": "fast", "limit": 60.0, "steps": 900, "runs": 1, "of_runs": 4}
    run = {"machine": "m", "commit": "c+", "threads": 2}
    result = {"run": run, "records": [ours | one, {"model": "CatBoost", "limit": 0.0} | one]}
    text = "\n".join(accuracy_million.section(result))
    assert "| clearprop fast | 60 s | 60 | 99 | 1.60 GB | 0.4300 | 0.0200 | 1 of 4 | 900 |" in text
    assert "| CatBoost | – | 60 | 99 | 1.60 GB | 0.4300 | 0.0200 | – | – |" in text
    assert "Machine and commit: m, c." in text
    assert accuracy_million.section(None) == []
