"""The accuracy page's section on other tables than those that the presets were chosen on.

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
## On other tables

The rules and settings of the presets were chosen on the tables above and on rows of them. These are
others, of three packages (`benchmarks/accuracy_outside.py` names them): one split of each, the same
protocol, each model's own defaults, one thread. Two rules looked at those marked ‡ as well: when
pieces of many columns are seen by turns, and when a run stops behind a cycle of its rate. Log-loss
for classes, RMSE over the standard deviation for numbers (*n*); a dash where a model refused the
table or was not run:"""

_PAIRS = """\
*default* beside each, over the tables that both were run on, and over those of them that no rule
looked at: the change from theirs to ours of the shifted geometric mean, − being better, ± its
standard error over them; on how many ours is better and worse."""

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
        name += " ‡" if one.get("looked at") else ""
        text.append(f"| {name} | {one['rows']:,} | " + " | ".join(cells) + " |")
    text += ["", _PAIRS, ""]
    text += ["| beside | tables | figure | of them | better | worse | change | its seconds |"]
    text += ["|---|---|---|--:|--:|--:|--:|--:|"]
    unseen = [one for one in records if not one.get("looked at")]
    for other in models:
        for which, among in (("all", records), ("not ‡", unseen)):
            if other != OURS and (which == "all" or len(unseen) < len(records)):
                text += _beside(among, other, which)
    machines = _joined("; ", (r["machine"] for r in records))
    commits = _joined(", ", (r["commit"].rstrip("+") for r in records))
    return [*text, "", f"Machine: {machines}. Commits: {commits}.", ""]


def _beside(records: Sequence[Record], other: str, which: str) -> list[str]:
    """Lines of the table: ours beside another model, by figure."""
    lines = []
    for name, shown in _NAMES.items():
        ratios = {table: -ratio for table, ratio in pairs(records, OURS, other, name).items()}
        if not ratios:
            continue
        better = sum(one < 0 for one in ratios.values())
        worse = sum(one > 0 for one in ratios.values())
        spent = pairs(records, OURS, other, "cpu_seconds")
        times = math.exp(-mean(spent[table] for table in ratios))
        lines.append(
            f"| {other} | {which} | {shown} | {len(ratios)} | {better} | {worse} | "
            f"{change(list(ratios.values()))} | ×{times:.2f} |"
        )
    return lines


def _cell(value: float | None, least: float) -> str:
    if value is None:
        return "–"
    return f"**{value:.4f}**" if value == least else f"{value:.4f}"


def _joined(between: str, texts: Iterable[str]) -> str:
    return between.join(sorted(set(texts)))
