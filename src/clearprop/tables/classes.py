"""Classes that look like slips: spelt alike but for case and blanks, or of one row alone.

Proved by ``tests/test_tables_task.py``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from clearprop.tables.target import Target

__all__ = ["doubts_of_classes"]

#: Classes that a message lists at most.
_TOLD = 8


def doubts_of_classes(target: Target, y: NDArray[np.int64]) -> list[str]:
    """Return a sentence on each thing that is odd about the classes of some rows.

    Parameters
    ----------
    target : Target
    y : (n,) int64 places of classes

    Examples
    --------
    >>> target = Target("y", "classification", "its values are texts", "text", ("Yes ", "no"))
    >>> doubts_of_classes(target, np.array([0, 0, 1]))
    ["target 'y': only one row has the class 'no': give more of such rows, or leave it out"]
    """
    front, counts = f"target {target.name!r}", np.bincount(y, minlength=len(target.classes))
    if len(target.classes) == 1:
        return [f"{front} is {target.classes[0]!r} in every row: there is nothing to tell apart"]
    told = [
        f"{front}: the classes {_listed(same, ' and ')} differ in case or blanks only: write them "
        "alike if they mean the same"
        for same in _alike(target.classes)
    ]
    alone = [one for one, count in zip(target.classes, counts.tolist(), strict=True) if count == 1]
    if len(alone) == 1:
        told.append(
            f"{front}: only one row has the class {alone[0]!r}: give more of such rows, or leave "
            "it out"
        )
    elif alone:
        told.append(
            f"{front}: only one row each has the classes {_listed(alone, ', ')}: give more of such "
            "rows, or leave them out"
        )
    return told


def _alike(classes: Iterable[str]) -> list[list[str]]:
    """The classes that are spelt as another is, but for case and blanks."""
    spelt: dict[str, list[str]] = {}
    for one in classes:
        spelt.setdefault(" ".join(one.casefold().split()), []).append(one)
    return [same for same in spelt.values() if len(same) > 1]


def _listed(classes: Sequence[str], between: str) -> str:
    more = f" and {len(classes) - _TOLD} more" if len(classes) > _TOLD else ""
    return f"{between.join(map(repr, classes[:_TOLD]))}{more}"
