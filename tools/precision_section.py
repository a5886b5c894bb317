"""The part of docs/performance.md that says what bfloat16 costs in accuracy, beside float32.

From benchmarks/results/precision.json, which ``python -m benchmarks.precision`` makes.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from scipy.stats import t

RECORD = Path(__file__).parents[1] / "benchmarks" / "results" / "precision.json"

#: By its key in a record: a figure of the validation rows, all of which are better when less.
FIGURES = {"log_loss": "log-loss", "error": "error", "rmse": "RMSE / σ"}

HEAD = """\
## bfloat16 beside float32: what it costs in accuracy

`cp.train_table` on the public tables of the [accuracy page](accuracy.md), with one network a run
(`members=1`) and its defaults else, in float32 and in bfloat16: the same rows, and with a seed the
same initial weights and order. Figures are of the rows that are held back and choose the epoch, as
the model that is kept predicts them; less is better.

The spread is the standard deviation of the float32 figure over seeds: what another seed changes.
bfloat16 is *within* it where its mean is no more than one spread worse. Products alone are of
bfloat16 numbers: sums, weights and the optimizer's slots stay float32.
"""


@dataclass(frozen=True)
class Compared:
    """A figure of a table in both precisions, over the seeds that both have.

    Parameters
    ----------
    table, figure : str
    rows : int
        That train.
    float32, bfloat16 : tuple of float
        A value a seed, in the same order.
    """

    table: str
    figure: str
    rows: int
    float32: tuple[float, ...]
    bfloat16: tuple[float, ...]

    @property
    def spread(self) -> float:
        """The standard deviation of float32 over seeds, √(Σ (x − mean)² / (seeds − 1))."""
        return statistics.stdev(self.float32)

    @property
    def difference(self) -> float:
        """How much worse the mean of bfloat16 is; negative where it is better."""
        return statistics.fmean(self.bfloat16) - statistics.fmean(self.float32)

    @property
    def spreads(self) -> float | None:
        """The difference in units of the spread, if there is a spread."""
        return self.difference / self.spread if self.spread else None

    @property
    def within(self) -> bool:
        """Whether bfloat16 is no more than a spread worse."""
        return self.difference <= self.spread

    @property
    def chance(self) -> float:
        """The probability of not being within, were bfloat16 but other seeds of float32.

        Of n normal values a side, difference / spread is √(2 / n) times a t of n − 1 degrees.
        """
        n = len(self.float32)
        return float(t.sf((n / 2) ** 0.5, n - 1))


def compared(record: dict[str, Any]) -> list[Compared]:
    """Return every figure of every table that has enough seeds in both precisions."""
    found = []
    for table in record["protocol"]["tables"]:
        by: dict[str, dict[int, dict[str, Any]]] = {"float32": {}, "bfloat16": {}}
        for one in record["records"]:
            if one["table"] == table and one["threads"] == 1:
                by[one["precision"]][one["seed"]] = one
        both = [(by["float32"][seed], one) for seed, one in sorted(by["bfloat16"].items())
                if seed in by["float32"]]  # fmt: skip
        if len(both) < record["protocol"]["seeds"]:
            continue
        first = both[0][0]
        found += [
            Compared(table, key, first["rows"], tuple(one[key] for one, _ in both),
                     tuple(one[key] for _, one in both))
            for key in FIGURES if key in first
        ]  # fmt: skip
    return found


def threads(record: dict[str, Any]) -> dict[str, list[bool]]:
    """Return by precision, for each run on two threads: whether its weights are those of one."""
    runs = {
        (one["table"], one["seed"], one["precision"], one["threads"]): one["weights"]
        for one in record["records"]
    }
    found: dict[str, list[bool]] = {"float32": [], "bfloat16": []}
    for (table, seed, precision, count), weights in runs.items():
        alone = runs.get((table, seed, precision, 1))
        if count == 2 and alone is not None:
            found[precision].append(weights == alone)
    return found


def section(record: dict[str, Any]) -> list[str]:
    """The heading, what was run, a row a figure, and what follows from them."""
    rows = compared(record)
    text = [HEAD, *run_of(record), "", *table(rows), ""]
    if rows:
        text += verdict(rows)
    text += first_seeds(rows, record["protocol"]["seeds"])
    text += [*bits(record), ""]
    missing = [name for name in record["protocol"]["tables"]
               if name not in {row.table for row in rows}]  # fmt: skip
    if missing:
        text += [f"Not run, or on too few seeds to say: {', '.join(missing)}.", ""]
    return [*text, "`python -m benchmarks.precision` makes the runs that are missing.", ""]


def run_of(record: dict[str, Any]) -> list[str]:
    """Commits, machine, versions, rows and load."""
    runs, protocol = record["runs"], record["protocol"]
    commits = list(dict.fromkeys(run["commit"] for run in runs))
    dates = list(dict.fromkeys(run["date"] for run in runs))
    versions = ", ".join(f"{name} {version}" for name, version in runs[-1]["versions"].items())
    text = [
        f"Commit {', '.join(commits)}, {', '.join(dates)}, {runs[-1]['machine']}; {versions}. "
        f"Of a large table {protocol['training']:,} rows drawn at random train and "
        f"{protocol['held']:,} judge, of others four fifths and a fifth.",
    ]
    by = {one["engine"]: None for one in record["records"] if one["precision"] == "bfloat16"}
    if by:
        text += ["", f"Products of bfloat16 by {', '.join(f'`{name}`' for name in by)}."]
    load = max(run["load"] for run in runs)
    if load > 0.5:
        text += [
            "",
            f"Up to {load:.1f} programs wanted each core meanwhile: that changes no figure here, "
            "and is why no times stand beside them.",
        ]
    return text


def table(rows: list[Compared]) -> list[str]:
    """A line a figure."""
    lines = [
        "| table | rows | seeds | figure | float32 | spread | bfloat16 | difference in spreads | "
        "verdict |",
        "|---|--:|--:|---|--:|--:|--:|--:|---|",
    ]
    for row in rows:
        apart = "–" if row.spreads is None else f"{row.spreads:+.2f}"
        lines.append(
            f"| {row.table} | {row.rows:,} | {len(row.float32)} | {FIGURES[row.figure]} | "
            f"{statistics.fmean(row.float32):.4f} | {row.spread:.4f} | "
            f"{statistics.fmean(row.bfloat16):.4f} | {apart} | "
            f"{'within' if row.within else '**beyond**'} |"
        )
    return lines


def verdict(rows: list[Compared]) -> list[str]:
    """How many are within, how far the furthest is, and whether all lean to one side."""
    watched = [row for row in rows if row.figure != "error"]
    text = []
    for name, some in (("log-loss or RMSE", watched),
                       ("error", [row for row in rows if row.figure == "error"])):  # fmt: skip
        units = [row.spreads for row in some if row.spreads is not None]
        if len(units) < 2:
            continue
        mean, doubt = statistics.fmean(units), statistics.stdev(units) / len(units) ** 0.5
        chance = sum(row.chance for row in some)
        text.append(
            f"In {name} bfloat16 is within the spread on {sum(row.within for row in some)} of "
            f"{len(some)} tables: between {min(units):+.2f} and {max(units):+.2f} spreads from "
            f"float32, where a plus is worse, {mean:+.2f} ± {doubt:.2f} in the mean over tables (± "
            f"its standard error). Were it no more than other seeds of float32, {chance:.1f} of "
            f"{len(some)} would come out beyond by chance."
        )
        text.append("")
    return text


def first_seeds(rows: list[Compared], seeds: int) -> list[str]:
    """Where the first seeds alone would have said otherwise than all that were run."""
    text = []
    for row in rows:
        first = replace(row, float32=row.float32[:seeds], bfloat16=row.bfloat16[:seeds])
        if first.within != row.within and first.spreads is not None:
            text += [
                f"On its first {seeds} seeds alone {row.table} would be "
                f"{'within' if first.within else 'beyond'} in {FIGURES[row.figure]}: "
                f"{first.spreads:+.2f} spreads of {first.spread:.4f}, where all "
                f"{len(row.float32)} have a spread of {row.spread:.4f}.",
                "",
            ]
    return text


def bits(record: dict[str, Any]) -> list[str]:
    """Whether two threads ended in the bits of one."""
    told = []
    for precision, same in threads(record).items():
        if same:
            told.append(f"{sum(same)} of {len(same)} runs in {precision}")
    if not told:
        return ["No run was repeated on two threads."]
    return [f"On two threads the weights have the bits of one thread's in {' and '.join(told)}."]
