"""How results look: tables on standard output, a bar on standard error, JSON for programs."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.table import Table as Grid
from rich.text import Text

from clearprop.metrics import METRICS
from clearprop.training import Progress
from clearprop.words import number

__all__ = ["bar", "figures", "grid", "heading", "line", "lines", "print_json"]

_out = Console(highlight=False, markup=False, emoji=False)


def line(text: str = "", style: str = "") -> None:
    """Print one line, folded at words where the terminal ends."""
    _out.print(Text(text, style), soft_wrap=not _out.is_terminal)


def lines(text: str) -> None:
    """Print text that is aligned already, as it is."""
    _out.print(Text(text), soft_wrap=True)


def heading(text: str, more: str = "") -> None:
    """Print what a part is about, in bold, with some words behind."""
    _out.print(Text.assemble((text, "bold"), f"  {more}" if more else ""), soft_wrap=True)


def grid(
    names: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = (), last: str = ""
) -> None:
    """Print rows under their names; the columns in `right` are numbers."""
    table = Grid(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for place, name in enumerate(names):
        final = place == len(names) - 1
        table.add_column(
            name,
            justify="right" if place in right else "left",
            overflow="fold",
            style=last if final else "",
            no_wrap=place in right,
        )
    for row in rows:
        table.add_row(*map(Text, row))
    _out.print(table)


def figures(found: Mapping[str, Mapping[str, float]]) -> None:
    """Print figures of several parts side by side, with what each means."""
    parts = [part for part in ("test", "validation", "") if part in found]
    rows = [
        (name, *(number(found[part][name]) for part in parts), METRICS[name].help)
        for name in found[parts[0]]
    ]
    grid(("figure", *parts, "meaning"), rows, right=range(1, 1 + len(parts)), last="dim")


def print_json(data: Mapping[str, Any]) -> None:
    """Print one JSON object; what is not finite is null."""
    sys.stdout.write(json.dumps(_finite(data), ensure_ascii=True, allow_nan=False) + "\n")


def _finite(data: Any) -> Any:
    if isinstance(data, Mapping):
        return {str(key): _finite(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_finite(value) for value in data]
    if isinstance(data, float):
        return data if math.isfinite(data) else None
    return data


@contextmanager
def bar(shown: bool = True) -> Iterator[Callable[[Progress], None] | None]:
    """Give a function that draws a run's progress on standard error, if that is a terminal."""
    console = Console(stderr=True, highlight=False)
    if not (shown and console.is_terminal):
        yield None
        return
    console.width -= 3  # room for the ^C that a terminal echoes
    columns = (
        TextColumn("epoch {task.fields[epoch]}"),
        BarColumn(bar_width=None),
        TextColumn("{task.fields[figures]}"),
        TimeRemainingColumn(compact=True),
    )
    drawn = Bar(*columns, console=console, transient=True, expand=True)
    task = drawn.add_task("", total=None, epoch="0", figures="")

    def draw(progress: Progress) -> None:
        told = [f"cost {number(progress.cost, 3)}"] if progress.epoch else []
        if progress.epoch and not math.isnan(progress.validation_cost):
            told.append(f"validation {number(progress.validation_cost, 3)}")
        told.append(f"rate {number(progress.learning_rate, 2)}")
        drawn.update(
            task,
            total=progress.steps,
            completed=progress.step,
            epoch=f"{progress.epoch}/{progress.epochs}",
            figures="  ".join(told),
        )
        drawn.start()  # at the first step: what was decided is told before

    try:
        yield draw
    finally:
        drawn.stop()
