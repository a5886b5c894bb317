"""How each class is predicted, on the screen: figures by class, what is taken for what, cautions.

Proved by ``tests/test_cli_classes.py``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from rich.cells import cell_len

from clearprop.cli import console
from clearprop.model.by_class import ByClass
from clearprop.words import number

__all__ = ["tell", "tell_never_predicted"]

#: Classes that are told one by one, and those of which each pair is.
_LISTED, _IN_PAIRS = 30, 10
#: Columns of the screen.
_WIDTH = 80


def tell(found: ByClass) -> None:
    """Print the figures of each class and, of few, what is taken for what."""
    names = ("class", "rows", "precision", "recall", "f1")
    figures = (found.precision, found.recall, found.f1)
    rows = [
        (str(label), f"{count:,}", *map(_figure, three))
        for label, count, *three in zip(found.labels, found.rows, *figures, strict=True)
    ]
    console.line()
    console.grid(names, rows[:_LISTED], right=range(1, len(names)))
    if len(rows) > _LISTED:
        console.line(f"and {len(rows) - _LISTED} more: --json has all", "dim")
    labels = [str(label) for label in found.labels]
    pairs = [
        (label, *(number(one) for one in row))
        for label, row in zip(labels, found.confusion.tolist(), strict=True)
    ]
    header = ("is, down; taken for", *labels)
    if len(labels) <= _IN_PAIRS and _width([header, *pairs]) <= _WIDTH:
        console.line()
        console.grid(header, pairs, right=range(1, len(header)))


def tell_never_predicted(
    missed: Mapping[str, Sequence[Mapping[str, Any]]], *, weighed: bool
) -> None:
    """Print a caution for each class that rows of a part have and none is taken for.

    ``weighed`` says that classes were given weights already: then that is no advice.
    """
    told: dict[str, list[str]] = {}
    for part, classes in missed.items():
        for one in classes:
            rows = " ".join(f"{one['rows']:,} of {one['of']:,} {part} rows".split())
            told.setdefault(repr(str(one["label"])), []).append(rows)
    for label, (first, *more) in list(told.items())[:_IN_PAIRS]:
        console.line(f"caution: {label} is never predicted: {first} have it")
        for others in more:
            console.line(f"  and {others}")
    if len(told) > _IN_PAIRS:
        console.line(f"  and so are {len(told) - _IN_PAIRS} other classes")
    if told and not weighed:
        console.line("  --class-weight balanced in training lets rare classes count for more")


def _figure(value: float) -> str:
    return "–" if math.isnan(value) else number(value)


def _width(rows: Sequence[Sequence[str]]) -> int:
    columns = zip(*rows, strict=True)
    return sum(max(map(cell_len, column)) + 2 for column in columns) - 2
