"""A table with its target: opened, each column decided, and its rows divided by what they are for.

What every training from a table begins with; nothing is encoded or trained here. Proved by
``tests/test_model_table.py`` and ``tests/test_tabular_files.py``.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clearprop.errors import DataError
from clearprop.membership import TEST, TRAIN, VALIDATION, split
from clearprop.tables import Table
from clearprop.tables.cautions import cautions
from clearprop.tables.classes import doubts_of_classes
from clearprop.tables.columns import Decisions, check_uses, decide
from clearprop.tables.opening import open_table
from clearprop.tables.split import read_groups
from clearprop.tables.target import Target, TaskName
from clearprop.tables.task import fit_target
from clearprop.tables.weights import read_weights
from clearprop.words import number

__all__ = ["Divided", "counting", "defined", "divide", "labelled", "naming", "open_other"]

#: Fewer training rows than so many are told, where half of the rows or more do something else.
FEW_ROWS = 50

_PARTS = {TRAIN: "training", VALIDATION: "validation", TEST: "test"}


@dataclass(frozen=True)
class Divided:
    """A table, its rows divided.

    Attributes
    ----------
    table : Table
        As it was read, the target in it.
    decisions : Decisions
    target : Target
        A number's mean and deviation are those of the training rows.
    y : (table.rows,) int64 places of classes, or float64 numbers in their own units
    known : (table.rows,) bool
        Which rows have a target.
    parts : (table.rows,) uint8
        What each row is for, as `clearprop.membership` says it.
    weights : (table.rows,) float64 or None
    groups : (table.rows,) names or None
        Rows of one name stay together.
    notes : tuple of str
        What else was decided, and cautions: where few rows train, where classes look odd, where one
        column alone tells the target, where rows are copies of others.
    """

    table: Table
    decisions: Decisions
    target: Target
    y: NDArray[Any]
    known: NDArray[np.bool_]
    parts: NDArray[np.uint8]
    weights: NDArray[np.float64] | None
    groups: NDArray[np.object_] | None
    notes: tuple[str, ...]

    def rows(self, part: int) -> NDArray[np.bool_]:
        """Return which rows of the table are of a part and have a target."""
        chosen: NDArray[np.bool_] = self.known & (self.parts == part)
        return chosen

    def codes(self, part: int) -> NDArray[Any]:
        """Return a part's targets as the cost wants them: places, or (y − mean) / std."""
        y = self.y[self.rows(part)]
        if self.target.task == "classification":
            return y
        return (y - self.target.mean) / self.target.std

    def weights_of(self, part: int, name: str) -> NDArray[np.float64] | None:
        """Return a part's weights, of which one at least must count; None without.

        Raises
        ------
        DataError
            If all of them are 0.
        """
        if self.weights is None:
            return None
        return counting(self.weights[self.rows(part)], part, name)

    @property
    def counts(self) -> dict[str, int]:
        """How many rows train, validate, test, and have no target."""
        own = {name: int(self.rows(part).sum()) for part, name in _PARTS.items()}
        return {**own, "unlabelled": int((~self.known).sum())}


def divide(
    data: object,
    target: str,
    *,
    task: TaskName | None = None,
    columns: Mapping[str, str] | None = None,
    drop: Sequence[str] = (),
    weight: str | None = None,
    split_by: str | None = None,
    validation: float = 0.0,
    test: float = 0.0,
    divided_again: bool = False,
    seed: int = 0,
    encoding: str | None = None,
) -> Divided:
    """Open a table, decide what its columns and its target are, and divide its rows.

    Parameters
    ----------
    data : anything that holds a table
    target : str
        The column to predict.
    task : {"classification", "regression"}, optional
    columns : {name: "number", "category", "boolean" or "date"}, optional
    drop : sequence of str
    weight : str, optional
        The column of the rows' weights.
    split_by : str, optional
        The column whose equal values stay together.
    validation, test : float in [0, 1)
        Shares of the rows that choose the epoch, and that are kept aside.
    divided_again : bool
        Whether what trains will hold rows of its own back, drawn at random.
    seed : int
    encoding : str, optional
        Of a text file; by default found from its bytes.

    Raises
    ------
    DataError, SettingError, FileError
        One sentence: what is wrong, where, and the fix.
    """
    roles = dict(columns or {})
    check_uses(target=target, columns=roles, drop=drop, weight=weight, split_by=split_by)
    texts = [name for name, role in roles.items() if role == "category"]
    whole = [*texts, *([split_by] if split_by else [])]
    if not isinstance(data, str | os.PathLike):
        whole.append(target)  # texts of a frame are labels
    named = [name for name in (target, *roles, *drop, weight, split_by) if name is not None]
    table = open_table(data, as_text=whole, asked=named, encoding=encoding)
    decisions = decide(
        table, target=target, columns=roles, drop=drop, weight=weight, split_by=split_by
    )
    facts = decisions.facts[target]
    aim = fit_target(table, target, facts, task)
    # Numbers as they are: (y - 0) / 1.
    y, known = labelled(table, replace(aim, mean=0.0, std=1.0))
    least = 2 + (validation > 0) + (test > 0)
    if known.sum() < least:
        raise DataError(
            f"{table.name} has {int(known.sum())} rows with a target {target!r}: training needs "
            f"{least} at least"
        )
    labels = y if aim.task == "classification" else None
    groups = None if split_by is None else read_groups(table, split_by)
    parts = split(
        seed, table.rows, validation=validation, test=test, labels=labels, groups=groups,
        usable=known,
    )  # fmt: skip
    if aim.task == "regression":  # its mean and deviation are those of the training rows
        aim = fit_target(table, target, facts, task, keep=known & (parts == TRAIN))
    weights = None if weight is None else read_weights(table, weight)
    doubts = [] if labels is None else doubts_of_classes(aim, y[known])
    notes = (
        *table.notes,
        *(f"caution: {doubt}" for doubt in doubts),
        *_few(known, parts, validation, test),
        *cautions(
            table, decisions.roles, target, y, known,
            divided=split_by is None and (divided_again or validation + test > 0), options=True,
        ),
    )  # fmt: skip
    return Divided(table, decisions, aim, y, known, parts, weights, groups, notes)


def open_other(data: object, as_text: Sequence[str], encoding: str | None) -> Table:
    """Open a table beside that of training: a file has the encoding that is said of both."""
    named = isinstance(data, str | os.PathLike)
    return open_table(data, as_text=as_text, encoding=encoding if named else None)


@contextmanager
def naming(table: Table) -> Iterator[None]:
    """Say of which table it is what cannot be read of it, where training has one of its own."""
    try:
        yield
    except DataError as error:
        if table.name in str(error):
            raise
        raise DataError(f"{table.name}: {error}") from None


def labelled(table: Table, target: Target) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return the target of every row as the cost wants it, and which rows have one."""
    found = [target.encode(chunk) for chunk in table.chunks(names=[target.name])]
    return np.concatenate([y for y, _ in found]), np.concatenate([known for _, known in found])


def counting(weights: NDArray[np.float64], part: int, name: str) -> NDArray[np.float64]:
    """Return the weights of a part of the rows, of which one at least must count.

    Raises
    ------
    DataError
        If all of them are 0.
    """
    if not weights.any():
        raise DataError(
            f"weight {name!r} is 0 in all {len(weights)} {_PARTS[part]} rows: give more rows a "
            "weight, or divide them with another seed"
        )
    return weights


def defined(figures: Mapping[str, float]) -> dict[str, float]:
    """Return the figures that are numbers: rows of one class have no area under the ROC curve."""
    return {name: value for name, value in figures.items() if math.isfinite(value)}


def _few(
    known: NDArray[np.bool_], parts: NDArray[np.uint8], validation: float, test: float
) -> list[str]:
    """A caution where what is held back leaves little to learn from."""
    rows, left = int(known.sum()), int((known & (parts == TRAIN)).sum())
    if left >= min(FEW_ROWS, rows / 2):
        return []
    shares = (("validation", validation), ("test", test))
    asked = " and ".join(f"{name} {number(share)}" for name, share in shares if share)
    trains = "row trains" if left == 1 else "rows train"
    return [f"caution: only {left} of {rows} {trains}, as {asked} holds the others back"]
