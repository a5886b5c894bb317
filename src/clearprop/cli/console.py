"""How results look: tables on standard output, a bar on standard error, JSON for programs."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Drawn
from rich.segment import Segment, Segments
from rich.table import Table as Grid
from rich.text import Text

from clearprop.metrics import METRICS
from clearprop.tables import Table
from clearprop.tables.columns import Decisions
from clearprop.tables.target import Target
from clearprop.training import Progress
from clearprop.words import number, visible

__all__ = [
    "aim",
    "bar",
    "columns",
    "facts",
    "figures",
    "grid",
    "heading",
    "line",
    "lines",
    "print_json",
    "uses",
]

_out = Console(highlight=False, markup=False, emoji=False)


def line(text: str = "", style: str = "") -> None:
    """Print one line; on a terminal it is folded at words, below where it begins."""
    bare = text.lstrip()
    indent = len(text) - len(bare)
    told = Text(visible(bare), style)
    for part in told.wrap(_out, max(1, _out.width - indent)) if _out.is_terminal else [told]:
        part.rstrip()  # no blanks at the ends of lines: they are copied
        _out.print(Text(" " * indent).append_text(part), soft_wrap=True)


def lines(text: str) -> None:
    """Print text that is aligned already, as it is."""
    _out.print(Text(text), soft_wrap=True)


def heading(text: str, more: str = "") -> None:
    """Print what a part is about, in bold, with some words behind."""
    told = Text.assemble((visible(text), "bold"), f"  {visible(more)}" if more else "")
    _out.print(told, soft_wrap=True)


def grid(
    names: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = (), last: str = ""
) -> None:
    """Print rows under their names; the columns in `right` are numbers."""
    table = Grid(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for place, name in enumerate(names):
        final = place == len(names) - 1
        table.add_column(
            visible(name),
            justify="right" if place in right else "left",
            overflow="fold",
            style=last if final else "",
            no_wrap=place in right,
        )
    _print(table, rows)


def _print(table: Grid, rows: Iterable[Sequence[str]]) -> None:
    for row in rows:
        table.add_row(*(Text(visible(cell)) for cell in row))
    for drawn in _out.render_lines(table, pad=False):
        while drawn and not drawn[-1].text.strip():
            drawn.pop()
        if drawn:  # no blanks at the ends of lines: they are copied, and make lines wrap
            drawn[-1] = drawn[-1]._replace(text=drawn[-1].text.rstrip())
        _out.print(Segments([*drawn, Segment.line()]), soft_wrap=True, end="")


def facts(rows: Sequence[tuple[str, str]]) -> None:
    """Print what is known under short names, one below the other; long texts fold at words."""
    table = Grid(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(no_wrap=True, style="dim")
    table.add_column()
    _print(table, rows)


def columns(table: Table, decisions: Decisions, notes: Sequence[str]) -> None:
    """Print what each column of a table is used as, and why."""
    heading(table.name, f"{table.rows:,} rows, {len(table.columns)} columns")
    for note in notes:
        line(f"  {note}", "dim")
    line()
    grid(
        ("column", "used as", "levels", "missing", "because"),
        [
            (c.name, c.use, "" if c.levels is None else str(c.levels), str(c.missing or ""), c.why)
            for c in decisions
        ],
        right=(2, 3),
        last="dim",
    )
    line()


def uses(columns: Sequence[tuple[str, str, str]]) -> None:
    """Print what each column that a model was made of was used as, and why."""
    grid(("column", "used as", "because"), columns, last="dim")


def aim(target: Target, quantile: float | None = None) -> str:
    """Say what is predicted, in a line."""
    if target.task == "regression":
        return f"{target.name}: a number" + ("" if quantile is None else f", quantile {quantile:g}")
    labels = [str(label) for label in target.labels]
    more = f", … ({len(labels)} classes)" if len(labels) > 6 else ""
    return f"{target.name}: {', '.join(labels[:6])}{more}"


def figures(found: Mapping[str, Mapping[str, float]]) -> None:
    """Print figures of several parts side by side, with what each means."""
    parts = [part for part in ("test", "validation", "") if part in found]
    known = dict.fromkeys(name for part in parts for name in found[part])
    rows = [
        (name, *(_figure(found[part].get(name)) for part in parts), METRICS[name].help)
        for name in METRICS
        if name in known
    ]
    names = [part or "value" for part in parts]
    grid(("figure", *names, "meaning"), rows, right=range(1, 1 + len(parts)), last="dim")
    alone = [part for part in parts if "auc" in known and _figure(found[part].get("auc")) == "–"]
    if alone:
        where = f"the {' and the '.join(alone)} rows" if any(alone) else "these rows"
        line(f"auc –: {where} are of one class alone, which leaves nothing to rank", "dim")


def _figure(value: float | None) -> str:
    return "–" if value is None or math.isnan(value) else number(value)


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
def bar(shown: bool = True) -> Iterator[Bar | None]:
    """Give what draws a run's progress on standard error, if that is a terminal."""
    console = Console(stderr=True, highlight=False)
    if not (shown and console.is_terminal):
        yield None
        return
    console.width -= 3  # room for the ^C that a terminal echoes
    drawn = Bar(console)
    try:
        yield drawn
    finally:
        drawn.stop()


class Bar:
    """A line that is drawn again a few times a second, and is gone at the end.

    Attributes
    ----------
    figure : str
        What people call the figure of the validation rows that chooses the epoch.
    """

    def __init__(self, console: Console) -> None:
        self.figure = "validation"
        columns = (
            TextColumn("{task.fields[epoch]}"),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[figures]}"),
            TimeRemainingColumn(compact=True),
        )
        self._drawn = Drawn(*columns, console=console, transient=True, expand=True)
        self._task = self._drawn.add_task("", total=None, epoch="epoch 0", figures="")

    def __call__(self, progress: Progress) -> None:
        """Draw where the run stands."""
        run = f"run {progress.run}/{progress.runs}  " if progress.runs > 1 else ""
        self._drawn.update(
            self._task,
            total=progress.steps * progress.runs,
            completed=progress.steps * (progress.run - 1) + progress.step,
            epoch=f"{run}epoch {progress.epoch}/{progress.epochs}",
            figures=self._figures(progress),
        )
        self._drawn.start()  # at the first step: what was decided is told before

    def _figures(self, progress: Progress) -> str:
        if not progress.epoch:
            return ""
        cost = f"cost {number(progress.cost, 3)}"
        if math.isnan(progress.validation_metric):
            return cost
        best = f"{number(progress.best, 3)} in {progress.best_epoch}"
        return f"{self.figure} {number(progress.validation_metric, 3)} (best {best})  {cost}"

    def stop(self) -> None:
        """Take the line away."""
        self._drawn.stop()
