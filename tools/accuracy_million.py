"""The accuracy page's section on a million rows: seconds, memory, log-loss.

Its record is that of ``python -m benchmarks.million``; `accuracy_page` puts the section into the
page.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["read", "section"]

_HEAD = """\
## A million rows

A table of ten numbers, two categories and a flag, drawn with known probabilities, so that the least
log-loss there can be is known ({least:.4f}). Ours is the preset *{preset}* with a limit of seconds,
which it keeps to. Memory is the most that stood at once above what
stood before the fit, where the table itself is. {threads} threads; a process for each model."""

_COLUMNS = (
    "| model | limit | seconds | of processors | memory | log-loss | above the least | runs "
    "| steps |\n"
    "|---|--:|--:|--:|--:|--:|--:|--:|--:|"
)


def read(path: Path) -> Mapping[str, Any] | None:
    """The record of a file, None if there is no file."""
    found: Mapping[str, Any] | None = None
    if path.exists():
        found = json.loads(path.read_text("utf-8"))
    return found


def section(result: Mapping[str, Any] | None) -> list[str]:
    """Return the section's lines; none without a record."""
    if result is None:
        return []
    records, run = result["records"], result["run"]
    ours = [one for one in records if "steps" in one]
    head = _HEAD.format(
        least=records[0]["least_log_loss"],
        preset=ours[0]["model"] if ours else "fast",
        threads={1: "One", 2: "Two"}.get(run["threads"], str(run["threads"])),
    )
    text = [head, "", _COLUMNS]
    for one in records:
        mine = "steps" in one
        name = f"clearprop {one['model']}" if mine else one["model"]
        limit = f"{one['limit']:g} s" if one["limit"] else "–"
        runs = f"{one['runs']} of {one['of_runs']}" if mine else "–"
        above = one["log_loss"] - one["least_log_loss"]
        text.append(
            f"| {name} | {limit} | {one['seconds']:.0f} | {one['cpu_seconds']:.0f} | "
            f"{one['peak'] / 1e9:.2f} GB | {one['log_loss']:.4f} | {above:.4f} | {runs} | "
            f"{format(one['steps'], ',') if mine else '–'} |"
        )
    where = f"{run['machine']}, {run['commit'].rstrip('+')}"
    return [*text, "", f"Machine and commit: {where}.", ""]
