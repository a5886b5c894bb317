"""The accuracy page's section on tables that no rule was chosen by.

Its records are those of ``python -m benchmarks.accuracy --outside``; `accuracy_page` puts the
section into the page.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from accuracy_records import MODELS, OURS, Record, change, figures, mean
from accuracy_tiles import pairs

__all__ = ["section"]

_HEAD = """\
## On tables that nothing was chosen by

The rules and settings of the presets were chosen on the tables above and on rows of them. These are
others, of three packages (`benchmarks/accuracy_outside.py` names them): one split of each, the same
protocol, each model's own defaults, one thread. When the cut of rare values was chosen, seventeen
tables were looked at, most of the second half of these among them; no other rule knows of any.
Log-loss for classes, RMSE over the standard deviation for numbers (*n*):"""

_PAIRS = """\
*default* beside each, over the tables that both were run on: the change from theirs to ours of the
shifted geometric mean, − being better, ± its standard error over them; on how many ours is better
and worse."""

_NAMES = {"error": "error", "log_loss": "log-loss", "rmse": "RMSE"}


def section(records: Sequence[Record]) -> list[str]:
    """Return the section's lines; none without records."""
    if not records:
        return []
    models = [name for name in MODELS if any(r["model"] == name for r in records)]
    found = {name: figures(records, name) for name in _NAMES}
    text = [_HEAD, "", "| table | rows | " + " | ".join(models) + " |"]
    text.append("|---|--:|" + "--:|" * len(models))
    for table in dict.fromkeys(record["table"] for record in records):
        one = next(r for r in records if r["table"] == table)
        own = found["rmse" if one["task"] == "regression" else "log_loss"]
        known = {m: mean(own[table, m].values()) for m in models if (table, m) in own}
        least = min(known.values())
        cells = [_cell(known.get(model), least) for model in models]
        name = f"{table} (*n*)" if one["task"] == "regression" else table
        text.append(f"| {name} | {one['rows']:,} | " + " | ".join(cells) + " |")
    text += ["", _PAIRS, ""]
    text += ["| beside | figure | tables | better | worse | change | times its processor seconds |"]
    text += ["|---|---|--:|--:|--:|--:|--:|"]
    for other in models:
        if other == OURS:
            continue
        for name, shown in _NAMES.items():
            ratios = {t: -r for t, r in pairs(records, OURS, other, name).items()}
            if not ratios:
                continue
            better = sum(one < 0 for one in ratios.values())
            worse = sum(one > 0 for one in ratios.values())
            spent = pairs(records, OURS, other, "cpu_seconds")
            times = math.exp(-mean(spent[table] for table in ratios))
            text.append(
                f"| {other} | {shown} | {len(ratios)} | {better} | {worse} | "
                f"{change(list(ratios.values()))} | {times:.2f} |"
            )
    where = _joined(f"{r['machine']}, {r['commit'].rstrip('+')}" for r in records)
    return [*text, "", f"Machine and commit: {where}.", ""]


def _cell(value: float | None, least: float) -> str:
    if value is None:
        return "–"
    return f"**{value:.4f}**" if value == least else f"{value:.4f}"


def _joined(texts: Iterable[str]) -> str:
    return "; ".join(sorted(set(texts)))
