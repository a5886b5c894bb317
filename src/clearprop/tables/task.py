"""What is to be predicted: the classes of a label, or a number, found from the target's cells."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import repeat
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from clearprop.errors import DataError, SettingError
from clearprop.tables.cells import READERS
from clearprop.tables.facts import Asked, Facts
from clearprop.tables.fold import gather
from clearprop.tables.table import Chunk, Kind, Table

__all__ = ["Label", "Target", "TaskName", "decide_task", "fit_target"]

TaskName = Literal["classification", "regression"]
Label = str | int | float | bool

#: Whole numbers of at most so many different values are taken for labels.
MOST_INTEGER_CLASSES = 20
#: … if each value occurs so many times on average.
ROWS_PER_INTEGER_CLASS = 5

#: A deviation below this is no normal number, and dividing by it overflows.
TINY = float(np.finfo(np.float64).tiny)


@dataclass(frozen=True)
class Target:
    """The target column, as data.

    Attributes
    ----------
    name : str
        The column.
    task : "classification" or "regression"
    why : str
        How the task was found.
    kind : Kind
        The kind of the column's cells, which predicted labels have too.
    classes : tuple of str
        The names of the classes in sorted order (numbers by value); empty for regression.
    mean, std : float
        Of the training rows, for regression: the network learns (y − mean) / std.
    bounds : (float, float) or None
        The least and the greatest number that is predicted; None for any.
    """

    name: str
    task: TaskName
    why: str
    kind: Kind
    classes: tuple[str, ...] = ()
    mean: float = 0.0
    std: float = 1.0
    bounds: tuple[float, float] | None = None

    @property
    def labels(self) -> tuple[Label, ...]:
        """The classes as values of the column's kind."""
        return tuple(_label(name, self.kind) for name in self.classes)

    def encode(self, chunk: Chunk) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """The target of some rows, as the cost wants it.

        Returns
        -------
        y : int64 array of places in `classes`, or float64 array of (y − mean) / std; shape (m,)
        known : bool array of shape (m,)
            False where the target is missing; y is 0 there.

        Raises
        ------
        DataError
            For a label that training has not seen, a text where a number should be, an infinity.
        """
        cells = chunk[self.name]
        if self.task == "regression":
            values, valid = READERS["number"](cells, self.name, chunk.start)
            return np.where(valid, (values - self.mean) / self.std, 0.0), valid
        names, valid = READERS["category"](cells, self.name, chunk.start)
        place = {name: number for number, name in enumerate(self.classes)}
        codes = np.fromiter(map(place.get, names.tolist(), repeat(-1)), np.int64, len(names))
        codes[~valid] = 0
        if (codes < 0).any():
            row = int(np.argmax(codes < 0))
            at = chunk.start + row + 1
            raise DataError(
                f"target {self.name!r} has the label {names[row]!r} in row {at}, "
                f"which training has not seen: it knows {', '.join(map(repr, self.classes[:12]))}"
            )
        return codes, valid

    def decode(self, outputs: NDArray[Any]) -> NDArray[Any]:
        """Predictions in the target's own terms.

        Parameters
        ----------
        outputs : array
            Classification: whole numbers, places in `classes`, of any shape. Regression: what the
            network gives, of any shape.

        Returns
        -------
        array of that shape, of labels or of float64 mean + std · output
        """
        if self.task == "regression":
            return np.asarray(outputs, np.float64) * self.std + self.mean
        return self._by_place[np.asarray(outputs, np.int64)]

    @cached_property
    def _by_place(self) -> NDArray[Any]:
        """The labels as an array."""
        dtype: Any = {"integer": np.int64, "real": np.float64, "boolean": np.bool_}
        labels = np.empty(len(self.classes), dtype.get(self.kind, object))
        labels[:] = self.labels
        return labels

    def predicted(self, outputs: NDArray[Any]) -> NDArray[Any]:
        """What the network gives, decoded; numbers within the `bounds`."""
        found = self.decode(outputs)
        return found if self.bounds is None else np.clip(found, *self.bounds)

    def to_data(self) -> dict[str, Any]:
        """The target as plain data, which JSON keeps to the bit."""
        own = {} if self.bounds is None else {"bounds": list(self.bounds)}
        return {
            "name": self.name,
            "task": self.task,
            "why": self.why,
            "kind": self.kind,
            "classes": list(self.classes),
            "mean": self.mean,
            "std": self.std,
            **own,
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Target:
        """The target that `to_data` described."""
        try:
            low, high = data.get("bounds", (None, None))
            return cls(
                str(data["name"]),
                cast(TaskName, data["task"]),
                str(data["why"]),
                cast(Kind, data["kind"]),
                tuple(str(name) for name in data["classes"]),
                float(data["mean"]),
                float(data["std"]),
                None if low is None else (float(low), float(high)),
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise DataError(f"this describes no target: {error!r} is amiss") from error


def _label(name: str, kind: Kind) -> Label:
    if kind == "integer":
        return int(name)
    if kind == "real":
        return float(name)
    return name == "true" if kind == "boolean" else name


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

    found = gather({name: Asked("number", moments=True)}, table.rows, chunks)[name]
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
    return Target(name, task, why, kind, (), found.mean, found.std)
