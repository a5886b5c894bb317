"""What the targets of an array are: labels as their users wrote them, or numbers.

A table's target is `clearprop.tables.target`'s; both speak through one `Target`. Proved by
``tests/test_model.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clearprop.backprop.given import as_held
from clearprop.errors import DataError, ShapeError
from clearprop.network import Network
from clearprop.tables import Kind
from clearprop.tables.cells import date_names
from clearprop.tables.target import Target
from clearprop.words import did_you_mean, shown

__all__ = ["encode_target", "find_target"]

_KINDS: Mapping[str, Kind] = {"b": "boolean", "i": "integer", "u": "integer", "f": "real"}


def find_target(network: Network, Y: Any) -> Target:
    """Return what Y is to the network's cost: classes with their labels, or numbers.

    A cost over classes with one whole number of 0 … K − 1 a row has these as labels; any other K
    different values are labels in sorted order. A binary cost with two different values is one over
    classes too.

    Raises
    ------
    DataError
        If Y has more or fewer labels than the network has outputs.
    """
    number = Target("Y", "regression", "the network's cost is over numbers", "real")
    if len(network.graph.costs) != 1:
        return number
    cost = network.graph.costs[0]
    width = network.graph.values[cost.value].type.shape[0]
    y = as_held("Y", Y)
    if cost.row.target == "class":
        if y.ndim == 2:  # one-hot, or rows of probabilities
            return _classes(cost.op, np.arange(width))
        return _classes(cost.op, _labels(y, width))
    if cost.row.target == "probability" and width == 1 and (y.ndim == 1 or y.shape[1:] == (1,)):
        flat = y.reshape(-1)
        if flat.dtype.kind != "f" or bool(((flat == 0) | (flat == 1)).all()):
            return _classes(cost.op, _labels(flat, 2))
    return number


def encode_target(target: Target, Y: Any) -> NDArray[Any]:
    """Return Y as the cost reads it: places of labels, or what it was.

    Raises
    ------
    DataError
        For a label that the target does not have.
    ShapeError
        For what has no rows.
    """
    y = as_held("Y", Y)
    if y.ndim == 0:
        raise ShapeError(f"Y: expected one target a row, got {shown(Y)}")
    if target.task == "regression" or (y.ndim == 2 and y.shape[1] > 1):
        return y
    place = {label: number for number, label in enumerate(target.labels)}
    flat = y.reshape(-1)
    given = date_names(flat) if flat.dtype.kind == "M" else flat.tolist()
    if target.kind == "text":  # as which labels of other types, such as dates, are kept in a file
        given = [one if one is None or one != one else str(one) for one in given]
    codes = np.fromiter((place.get(one, -1) for one in given), np.int64, y.size)
    if (codes < 0).any():
        row = int(np.argmax(codes < 0))
        known = [str(label) for label in target.labels]
        raise DataError(
            f"Y has the label {given[row]!s} in row {row}, which training has not seen; "
            f"{did_you_mean(str(given[row]), known)}"
        )
    return codes


def _labels(y: NDArray[Any], classes: int) -> NDArray[Any]:
    """The labels in the order of the network's outputs."""
    if y.dtype.kind == "O":
        y = np.array(y.tolist())  # strings or numbers; a mixture becomes strings
    if y.dtype.kind not in "biufUT" or y.ndim != 1:
        raise DataError(f"Y holds {y.dtype} of shape {y.shape}; give one label a row")
    if y.dtype.kind == "f" and not np.isfinite(y).all():
        raise DataError("Y has NaN or infinite entries; leave these rows out")
    if y.dtype.kind in "iu" and len(y) and y.min() >= 0 and y.max() < classes:
        return np.arange(classes)  # numbers of classes, of which some may not occur
    found: NDArray[Any] = np.array([False, True]) if y.dtype.kind == "b" else np.unique(y)
    if len(found) != classes:
        shown = ", ".join(map(str, found[:8].tolist())) + (", …" if len(found) > 8 else "")
        many = "one label alone" if len(found) == 1 else f"{len(found)} different labels"
        raise DataError(
            f"Y has {many} ({shown}), but the network tells {classes} "
            "classes apart; give the last layer one output a label"
        )
    return found


def _classes(cost: str, labels: NDArray[Any]) -> Target:
    kind = _KINDS.get(labels.dtype.kind, "text")
    names = [str(one).lower() if kind == "boolean" else str(one) for one in labels.tolist()]
    return Target("Y", "classification", f"the network's cost is {cost}", kind, tuple(names))
