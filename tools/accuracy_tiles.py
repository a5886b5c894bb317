"""The accuracy page's section on a processor with tiles for bfloat16: seconds, ratios, figures.

Its records (``python -m benchmarks.accuracy --tiles``) are of one machine, each table's one after
another, so that their seconds can be compared; `accuracy_page` puts the section into the page.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from accuracy_records import SHIFT, Record, change, figures, mean

__all__ = ["GOALS", "pairs", "section"]

#: (ours, theirs, how many times as fast it is to be; 1/3: three times its seconds are allowed)
GOALS = (
    ("clearprop fast", "CatBoost", 1 / 3),
    ("clearprop fast, bfloat16", "CatBoost", 1.0),
    ("clearprop default", "RealMLP-TD", 6.0),
    ("clearprop default, bfloat16", "RealMLP-TD", 15.0),
    ("clearprop default", "TabM-D", 20.0),
    ("clearprop default, bfloat16", "TabM-D", 20.0),
)

_HEAD = """\
## With tiles for bfloat16

`precision="bfloat16"` on a processor that has tiles for such products (AMX), beside float32 and the
slow models: a run of its own on that machine, beside other work, one split of each table, the
records of a table one after another. Ours and CatBoost had one thread. RealMLP-TD and TabM-D had
two, which their package sets by itself. Processor seconds of fitting, all threads together:"""

_RATIOS = """\
Geometric means over the tables that both were run on, and where it is least and most by processor
seconds. By the clock, two threads are in favour of those that had them. An aim holds where both
means reach it."""

_FIGURES = """\
What bfloat16 does to the figures of the same preset: the change of the shifted geometric mean, −
being better, and its standard error over the tables."""


def pairs(records: Sequence[Record], ours: str, theirs: str, name: str) -> dict[str, float]:
    """Return {table: log of theirs over ours} of a figure, over the splits that both have."""
    found = figures(records, name)
    shift = 0 if name in ("cpu_seconds", "seconds") else SHIFT
    ratios: dict[str, float] = {}
    for table in dict.fromkeys(record["table"] for record in records):
        one, other = found.get((table, ours), {}), found.get((table, theirs), {})
        common = one.keys() & other.keys()
        if common:
            ratios[table] = mean(math.log((other[s] + shift) / (one[s] + shift)) for s in common)
    return ratios


def section(records: Sequence[Record]) -> list[str]:
    """Return the section's lines; none without records."""
    if not records:
        return []
    models = list(dict.fromkeys(record["model"] for record in records))
    models.sort(key=lambda model: (not model.startswith("clearprop"), model))
    found = figures(records, "cpu_seconds")
    text = [_HEAD, "", "| table | rows | " + " | ".join(models) + " |"]
    text.append("|---|--:|" + "--:|" * len(models))
    for table in dict.fromkeys(record["table"] for record in records):
        rows = next(r["rows"] for r in records if r["table"] == table)
        cells = [_seconds(found.get((table, model), {}).values()) for model in models]
        text.append(f"| {table} | {rows:,} | " + " | ".join(cells) + " |")
    heads = "ours | beside | tables | times as fast | least | most | by the clock"
    heads += " | aimed at | holds"
    text += ["", _RATIOS, "", f"| {heads} |", "|---|---|" + "--:|" * 7]
    for ours, theirs, aim in GOALS:
        ratios = pairs(records, ours, theirs, "cpu_seconds")
        if not ratios:
            continue
        times = math.exp(mean(ratios.values()))
        ends = [f"{math.exp(at(ratios.values())):.2f}" for at in (min, max)]
        clock = math.exp(mean(pairs(records, ours, theirs, "seconds").values()))
        holds = "yes" if min(times, clock) >= aim else "**no**"
        text.append(
            f"| {ours} | {theirs} | {len(ratios)} | {times:.2f}× | {ends[0]} | {ends[1]} | "
            f"{clock:.2f}× | ≥ {aim:.3g}× | {holds} |"
        )
    text += ["", _FIGURES, "", "| preset | figure | tables | change |", "|---|---|--:|--:|"]
    for preset in ("clearprop fast", "clearprop default"):
        for name in ("error", "log_loss", "rmse"):
            low = list(pairs(records, preset, f"{preset}, bfloat16", name).values())
            if low:
                text.append(f"| {preset} | {name.replace('_', ' ')} | {len(low)} | {change(low)} |")
    machine = sorted({f"{r['machine']}, {r['commit'].rstrip('+')}" for r in records})
    return [*text, "", f"Machine and commit: {'; '.join(machine)}.", ""]


def _seconds(values: Iterable[float]) -> str:
    found = list(values)
    if not found:
        return "–"
    return f"{mean(found):.2f}" if mean(found) < 10 else f"{mean(found):.0f}"
