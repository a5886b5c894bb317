"""What is predicted, as data: the classes of a label, or a number with its mean and deviation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import repeat
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from clearprop.errors import DataError
from clearprop.tables.amounts import AMOUNTS
from clearprop.tables.cells import READERS, read_numbers, respelt
from clearprop.tables.table import Cells, Chunk, Kind

__all__ = ["Label", "Target", "TaskName"]

TaskName = Literal["classification", "regression"]
Label = str | int | float | bool


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
    form : str
        How its numbers were written, as of `clearprop.tables.table.Column`: others are read so.
    """

    name: str
    task: TaskName
    why: str
    kind: Kind
    classes: tuple[str, ...] = ()
    mean: float = 0.0
    std: float = 1.0
    bounds: tuple[float, float] | None = None
    form: str = ""

    @property
    def labels(self) -> tuple[Label, ...]:
        """The classes as values of the column's kind."""
        return tuple(_label(name, self.kind) for name in self.classes)

    def read(self, chunk: Chunk) -> Cells:
        """The target's cells in some rows: numbers, or names of classes in the model's spelling."""
        cells = chunk[self.name]
        if self.task == "regression":
            return read_numbers(cells, self.name, chunk.start, self.form)
        return respelt(READERS["category"](cells, self.name, chunk.start), self.classes)

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
        values, valid = self.read(chunk)
        if self.task == "regression":
            return np.where(valid, (values - self.mean) / self.std, 0.0), valid
        place = {name: number for number, name in enumerate(self.classes)}
        codes = np.fromiter(map(place.get, values.tolist(), repeat(-1)), np.int64, len(values))
        codes[~valid] = 0
        if (codes < 0).any():
            row = int(np.argmax(codes < 0))
            at = chunk.start + row + 1
            raise DataError(
                f"target {self.name!r} has the label {values[row]!r} in row {at}, "
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
        own: dict[str, Any] = {} if self.bounds is None else {"bounds": list(self.bounds)}
        own |= {"form": self.form} if self.form else {}
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
                _form(data),
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise DataError(f"this describes no target: {error!r} is amiss") from error


def _form(data: Mapping[str, Any]) -> str:
    form = data.get("form", "")
    if form not in ("", *AMOUNTS):
        raise ValueError(f"numbers like {form!r}")
    return str(form)


def _label(name: str, kind: Kind) -> Label:
    if kind == "integer":
        return int(name)
    if kind == "real":
        return float(name)
    return name == "true" if kind == "boolean" else name
