"""What is to be predicted: a label or a number, found from the target's cells."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from clearprop.errors import DataError, SettingError
from clearprop.tables.cells import UnreadableError
from clearprop.tables.facts import Asked, Facts
from clearprop.tables.fold import gather
from clearprop.tables.table import Chunk, Table
from clearprop.tables.target import Target, TaskName

__all__ = ["decide_task", "fit_target"]

#: Whole numbers of at most so many different values are taken for labels.
MOST_INTEGER_CLASSES = 20
#: … if each value occurs so many times on average.
ROWS_PER_INTEGER_CLASS = 5

#: A deviation below this is no normal number, and dividing by it overflows.
TINY = float(np.finfo(np.float64).tiny)


def decide_task(
    table: Table, name: str, facts: Facts, task: TaskName | None = None
) -> tuple[TaskName, str]:
    """Whether to predict a label or a number, and why.

    Texts and truth values are labels. Whole numbers are labels if they have at most 20 different
    values, each five times on average. All else are numbers.

    Parameters
    ----------
    table : Table
    name : str
        The target column.
    facts : Facts
        Of the target column, as `decide` found them.
    task : "classification", "regression" or None
        What the user says; None to find out.

    Raises
    ------
    DataError
        If no row has a target, it is a date, or a text that cannot be what was asked for.
    SettingError
        If the task does not exist.
    """
    kind = table.column(name).kind
    if task not in (None, "classification", "regression"):
        raise SettingError(f"task must be 'classification' or 'regression', got {task!r}")
    if not facts.count:
        raise DataError(f"target {name!r} has no value in any of {table.rows} rows")
    if kind == "date":
        raise DataError(f"target {name!r} holds dates: make it a number of days, or a label")
    levels = list(facts.levels or ())
    if task == "regression" and kind == "text" and levels and not re.search(r"\d", "".join(levels)):
        some = " and ".join(map(repr, levels[:2]))
        raise DataError(
            f"target {name!r} holds texts such as {some}, and a number was asked for: leave that "
            "out, and its classes are predicted"
        )
    if task is not None:
        return task, "as asked"
    if kind in ("text", "boolean"):
        what = "texts" if kind == "text" else "true or false"
        return "classification", f"its values are {what}"
    count = None if facts.levels is None else len(facts.levels)
    few = count is not None and count <= MOST_INTEGER_CLASSES
    if facts.whole and few and count is not None and facts.count >= ROWS_PER_INTEGER_CLASS * count:
        return "classification", f"its values are {count} different whole numbers"
    return "regression", "its values are numbers"


def fit_target(
    table: Table,
    name: str,
    facts: Facts,
    task: TaskName | None = None,
    *,
    keep: NDArray[np.bool_] | None = None,
    rows_per_chunk: int = 65536,
) -> Target:
    """Find the task, and the classes, or the mean and standard deviation.

    Parameters
    ----------
    table, name, facts, task :
        As in `decide_task`.
    keep : bool array of shape (table.rows,) or None
        The training rows, whose mean and standard deviation it takes. Classes are of all rows.

    Raises
    ------
    DataError
        If there is one class only, one value only, or nearly as many labels as rows.
    """
    task, why = decide_task(table, name, facts, task)
    kind = table.column(name).kind
    if task == "classification":
        if facts.levels is None or (len(facts.levels) > 50 and len(facts.levels) > facts.count / 2):
            raise DataError(
                f"target {name!r} has nearly as many labels as rows: name another target"
                + ("" if kind == "text" else ", or ask for task='regression'")
            )
        if len(facts.levels) < 2:
            only = next(iter(facts.levels))
            raise DataError(
                f"target {name!r} is {only!r} in every row: there is nothing to tell apart"
            )
        names = sorted(facts.levels, key=float) if kind in ("integer", "real") else facts.levels
        return Target(name, task, why, kind, tuple(names))

    def chunks(names: Sequence[str]) -> Iterator[tuple[Chunk, NDArray[np.bool_] | None]]:
        for chunk in table.chunks(rows_per_chunk, names):
            rows = slice(chunk.start, chunk.start + chunk.rows)
            yield chunk, None if keep is None else keep[rows]

    try:
        found = gather({name: Asked("number", moments=True)}, table.rows, chunks)[name]
    except UnreadableError as error:
        raise error.as_asked("target", "a number") from None
    if not found.count:
        raise DataError(f"target {name!r} has no value in any training row")
    if found.low == found.high:
        raise DataError(
            f"target {name!r} is {found.low:g} in every training row: there is nothing to learn"
        )
    if not found.std > TINY:
        raise DataError(
            f"target {name!r} runs from {found.low:g} to {found.high:g}, which is too little to "
            "compute with: multiply it by a constant"
        )
    form = table.column(name).form
    return Target(name, task, why, kind, (), found.mean, found.std, None, form)
