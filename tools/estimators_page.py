"""Write the times in docs/estimators.md, between their two marks, from a record of figures.

`python -m benchmarks.estimators` makes the record; a test holds the page fresh. Figures come from
the record alone; the prose around them holds none.
"""

from __future__ import annotations

import json
import math
import textwrap
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RECORD = ROOT / "benchmarks" / "results" / "estimators.json"
PAGE = ROOT / "docs" / "estimators.md"
FIRST = "<!-- Written by tools/estimators_page.py from benchmarks/results/estimators.json. -->\n"
LAST = "<!-- End of what is written. -->\n"

GOAL = 10
"""Times faster than scikit-learn at its defaults."""

QUIET = 0.3
"""Programs that want a core, above which a machine is told to have had other work."""

Row = dict[str, Any]


def section(record: dict[str, Any]) -> str:
    """Return the text between the marks."""
    run, rows = record["run"], record["results"]
    fits = [row for row in rows if row["what"] == "fit" and row["defaults"]]
    others = [row for row in rows if row not in fits]
    versions = ", ".join(f"{name} {of}" for name, of in run["versions"].items())
    quiet = run["load"] <= QUIET
    clock = "seconds" if quiet else "processor seconds"
    rounds = fits[0][clock]["clearprop"]["rounds"]
    text = "\n## How long it takes\n" + _filled(
        f"Commit {run['commit']}, {run['date']}, {run['machine']}; "
        f"{versions}. The same calls on both sides, checks of the data included, "
        f"{'one of each' if rounds == 1 else f'order turning, medians of {rounds}'}."
    )
    if not quiet:
        text += "\n" + _filled(
            f"**The machine was not quiet**: {run['load']:.1f} programs wanted its cores when "
            "the run began. So times are the processor's; a quiet run is to replace them."
        )
    if run["blas threads"]:
        text += "\n" + _filled(
            f"scikit-learn's products had {run['blas threads']} thread, which is its best where "
            "other programs want the cores, too; ClearProp chose its own number."
        )
    text += "\nFits at scikit-learn's defaults: one layer of 100, batches of 200, Adam.\n\n"
    text += _table(
        ["fit", "scikit-learn, µs a step", "ClearProp, µs a step", "times faster",
         "GFLOP/s", f"{GOAL} times would need"],
        [_fit(row, clock) for row in fits],
    )  # fmt: skip
    return text + _bound(fits, clock, record["product GFLOP/s"]) + _others(others, clock)


_SIDES = ("scikit-learn", "clearprop")


def _fit(row: Row, clock: str) -> list[str]:
    theirs, ours = (1e6 * row[clock][of]["median"] / row["steps"] for of in _SIDES)
    return [
        row["case"], f"{theirs:,.0f}", f"{ours:,.1f}", _ratio(row, clock),
        f"{row['FLOP a step'] / ours / 1e3:.0f}",
        f"{row['FLOP a step'] * GOAL / theirs / 1e3:.0f}",
    ]  # fmt: skip


def _ratio(row: Row, clock: str) -> str:
    return f"{row[clock]['times faster']:.1f}×"


def _bound(fits: list[Row], clock: str, product: float) -> str:
    """What keeps from the goal where it is not reached."""
    ratios = [row[clock]["times faster"] for row in fits]
    mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
    text = f"The geometric mean is {mean:.1f}×, the least {min(ratios):.1f}×. "
    missed = sum(ratio < GOAL for ratio in ratios)
    if not missed:
        return f"\n{text}The goal, {GOAL}×, is reached everywhere.\n"
    return "\n" + _filled(
        f"{text}The goal is {GOAL}×, and {missed} of {len(fits)} are below it. The last column "
        "says what a whole fit would have to compute for it each second, drawing the order of "
        "rows, gathering them, the softmax and Adam's update included. A product of 1024³ in "
        f"float32, with nothing around it, reaches {product:.0f} GFLOP/s on one core here: with "
        "many columns the goal is near what the processor can do. With few columns what remains "
        "is not arithmetic: a step of so few rows takes some microseconds to gather, for the "
        "softmax and to update, and the order of rows is drawn by scikit-learn's own generator, "
        "because the same seed is to give the same run."
    )


def _others(rows: list[Row], clock: str) -> str:
    told = [
        [row["case"], row["what"], *(f"{1e3 * row[clock][of]['median']:,.2f}" for of in _SIDES),
         _ratio(row, clock)]
        for row in rows
    ]  # fmt: skip
    slower = sum(row[clock]["times faster"] < 1 for row in rows)
    text = "\nEverything else: other settings, small tables, predictions, single calls.\n\n"
    text += _table(["of", "what", "scikit-learn, ms", "ClearProp, ms", "times faster"], told)
    verb = "is" if slower < 2 else "are"
    return text + f"\n{slower or 'None'} of these {len(rows)} {verb} slower than scikit-learn's.\n"


def _filled(text: str) -> str:
    return textwrap.fill(text, 110, break_long_words=False, break_on_hyphens=False) + "\n"


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["--", *["--:"] * (len(head) - 1)], *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def page(text: str, record: dict[str, Any]) -> str:
    """Return the page with the times of a record."""
    before, rest = text.split(FIRST)
    return before + FIRST + section(record) + "\n" + LAST + rest.split(LAST)[1]


def main() -> None:
    record = json.loads(RECORD.read_text("utf-8"))
    PAGE.write_text(page(PAGE.read_text("utf-8"), record), encoding="utf-8")


if __name__ == "__main__":
    main()
