"""The caller's arrays, looked at once: shapes, finite numbers, classes, weights.

Makes the `Data` an engine is given, without a copy where the arrays can stay as they are (float32
and float64 of any strides, read-only ones too). Every refusal names the row and the column. Proved
by ``tests/test_training_data.py``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clearprop.backprop import target_name
from clearprop.backprop.given import as_held, as_target
from clearprop.engine import Data
from clearprop.errors import DataError, ShapeError
from clearprop.network import Inputs, Network
from clearprop.words import number

__all__ = ["classes", "gathered", "read_inputs", "read_sample_weight", "taken"]

Numbers = NDArray[Any]

#: Numbers that are checked at a time: a flag each is all the memory that looking takes.
_LOOKED_AT = 1 << 20
#: Of Σ w: costs up to 1e108 leave Σ w J finite.
_GREATEST_WEIGHT = 1e200


def gathered(
    network: Network,
    X: Inputs,
    Y: Any,
    sample_weight: ArrayLike | None = None,
    *,
    greatest: float = float(np.finfo(np.float64).max),
    part: str = "",
) -> Data:
    """Return the arrays as an engine reads them.

    Parameters
    ----------
    network : Network
    X : array (n, width), or mapping of the inputs' keys to arrays
        float32 and float64 stay as they are; an index input takes (n,) whole numbers.
    Y : array (n, width), (n,) for one output or for classes 0 … K−1, or mapping by output
    sample_weight : (n,) array, optional
        0 or more.
    greatest : float
        The largest number the precision holds.
    part : str
        Which rows these are, for messages: ``"validation "``.

    Returns
    -------
    Data

    Raises
    ------
    DataError
        For NaN, infinity, text, lengths that differ, classes outside the output, no rows.
    ShapeError
        For another width than the network's.
    """
    inputs = read_inputs(network, X, greatest, part)
    n = len(next(iter(inputs.values())))
    if n == 0:
        raise DataError(f"{part}X has no rows")
    targets = _targets(network, Y, greatest, part)
    for what, array in targets.items():
        if len(array) != n:
            raise DataError(
                f"{part}X has {n} rows and {part}Y{what[1:]} has {len(array)}; "
                "they need one row each for every sample"
            )
    return Data(inputs, targets, read_sample_weight(sample_weight, n, part))


def taken(data: Data, rows: NDArray[np.int64]) -> Data:
    """Return a copy of some rows."""
    return Data(
        {key: array[rows] for key, array in data.inputs.items()},
        {key: array[rows] for key, array in data.targets.items()},
        None if data.weights is None else data.weights[rows],
    )


def classes(network: Network, data: Data) -> NDArray[np.int64] | None:
    """Return the class of each row, to keep proportions by, or None if the target is no class."""
    if len(network.graph.costs) != 1:
        return None
    (target,) = data.targets.values()
    kind = network.graph.costs[0].row.target
    if kind == "class":
        found: NDArray[np.int64] = target if target.ndim == 1 else np.argmax(target, axis=1)
        return found
    yes_or_no = kind == "probability" and target.shape[1] == 1
    if yes_or_no and bool(((target == 0) | (target == 1)).all()):
        return target[:, 0].astype(np.int64)
    return None


def read_inputs(
    network: Network,
    X: Inputs,
    greatest: float = float(np.finfo(np.float64).max),
    part: str = "",
) -> dict[str, Numbers]:
    """Return the inputs by key, checked as in `gathered`."""
    graph = network.graph
    keys = [given.key for given in graph.inputs]
    if not isinstance(X, Mapping):
        if len(keys) > 1:
            raise DataError(f"the network has the inputs {keys}; give {part}X as a dict of them")
        X = {keys[0]: X}
    missing = [key for key in keys if key not in X]
    if missing:
        raise DataError(f"{part}X: the input {missing[0]!r} is missing; the network has {keys}")
    found: dict[str, Numbers] = {}
    for given in graph.inputs:
        what = f"{part}X" if len(keys) == 1 else f"{part}X[{given.key!r}]"
        array = as_held(what, X[given.key])
        if given.levels:
            found[given.key] = _indices(what, array, given.levels, "level")
            continue
        if array.ndim != 2 or array.shape[1] != given.width:
            raise ShapeError(
                f"{what}: expected shape (n, {given.width}), got {array.shape}; "
                f"{_shape_hint(array, given.width)}"
            )
        found[given.key] = _numbers(what, array, greatest, graph.labels.get(given.value, ()))
    if len({len(array) for array in found.values()}) > 1:
        sizes = ", ".join(f"{key!r} {len(array)}" for key, array in found.items())
        raise DataError(f"the inputs of {part}X differ in rows: {sizes}")
    return found


def _shape_hint(array: Numbers, width: int) -> str:
    if array.ndim == 1 and width == 1:
        return "one column is written X[:, None]"
    if array.ndim == 1 and len(array) == width:
        return "one sample is written X[None, :]"
    return "one sample a row, one column an input"


def _targets(network: Network, Y: Any, greatest: float, part: str) -> dict[str, Numbers]:
    graph = network.graph
    if not graph.costs:
        raise DataError("the network has no cost to train by; build it with cost=…")
    found: dict[str, Numbers] = {}
    for cost in graph.costs:
        given = cost.value in Y if isinstance(Y, Mapping) else len(graph.costs) == 1
        if not given:
            wanted = [one.value for one in graph.costs]
            raise DataError(f"the network has the outputs {wanted}; give {part}Y as a dict of them")
        what = f"{part}Y" if len(graph.costs) == 1 else f"{part}Y[{cost.value!r}]"
        array = as_held(what, Y[cost.value] if isinstance(Y, Mapping) else Y)
        width = graph.values[cost.value].type.shape[0]
        name = target_name(graph, cost)
        if cost.row.target == "class" and array.ndim == 1:
            found[name] = _indices(what, array, width, "class")
            continue
        wide = array[:, None] if array.ndim == 1 else array
        if wide.ndim == 2:
            wide = _numbers(what, wide, greatest, graph.labels.get(cost.value, ()))
        try:
            found[name] = as_target(wide, width, cost.row.target)
        except (DataError, ShapeError) as error:
            raise type(error)(f"{part}{error}") from None
    return found


def _numbers(what: str, array: Numbers, greatest: float, labels: tuple[str, ...]) -> Numbers:
    if array.dtype.kind not in "fiub":
        array = _converted(what, array, labels)
    if array.dtype not in (np.float32, np.float64):
        array = array.astype(np.float64)
    rows = max(1, _LOOKED_AT // max(1, math.prod(array.shape[1:])))
    for start in range(0, len(array), rows):
        _check_numbers(what, array[start : start + rows], start, greatest, labels)
    return array


def _check_numbers(
    what: str, array: Numbers, start: int, greatest: float, labels: tuple[str, ...]
) -> None:
    """Refuse what is not finite, or more than float32 holds, in rows from ``start`` on."""
    finite = np.isfinite(array)
    if not finite.all():
        row, column = _first(~finite)
        raise DataError(
            f"{what} has {number(array[row, column])} in row {start + row}, "
            f"{_column(column, labels)}; fill missing values or leave the row out"
        )
    if array.dtype == np.float64:
        large = np.abs(array) > greatest
        if large.any():
            row, column = _first(large)
            raise DataError(
                f"{what} has {number(array[row, column])} in row {start + row}, "
                f"{_column(column, labels)}, more than float32 holds; scale the column, or use "
                "precision='float64'"
            )


def _converted(what: str, array: Numbers, labels: tuple[str, ...]) -> Numbers:
    """Numbers in an array of Python objects; text is refused, even if it reads as a number."""
    if array.dtype.kind == "O":
        for (row, column), cell in np.ndenumerate(array):
            if not isinstance(cell, int | float | np.number | np.bool_):
                place = f"row {row}, {_column(column, labels)}"
                raise DataError(f"{what} has {cell!r} in {place}; numbers are needed")
        try:
            return array.astype(np.float64)
        except OverflowError:
            raise DataError(f"{what} has a whole number more than float64 holds") from None
    raise DataError(f"{what} has the type {array.dtype}; numbers are needed")


def _indices(what: str, array: Numbers, levels: int, word: str) -> NDArray[np.int64]:
    """Whole numbers from 0 up to levels − 1, one a row."""
    if array.ndim != 1:
        raise ShapeError(f"{what}: expected shape (n,), one {word} a row, got {array.shape}")
    if array.dtype.kind not in "iub":
        raise DataError(f"{what} has the type {array.dtype}; a {word} is a whole number from 0")
    wrong = (array < 0) | (array >= levels)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise DataError(
            f"{what} has the {word} {array[row]} in row {row}; the network has {levels}, "
            f"numbered 0 to {levels - 1}"
        )
    return array.astype(np.int64, copy=False)


def read_sample_weight(sample_weight: ArrayLike | None, n: int, part: str = "") -> Numbers | None:
    """Return the weights of n samples, (n,) float64, checked as in `gathered`."""
    if sample_weight is None:
        return None
    what = f"{part}sample_weight"
    given = as_held(what, sample_weight)
    if given.shape == (n,) and given.dtype.kind == "O":
        given = _converted(what, given[:, None], ())[:, 0]
    if given.dtype.kind not in "fiub":
        raise DataError(f"{what} has the type {given.dtype}; numbers are needed")
    weights = given.astype(np.float64)
    if weights.shape != (n,):
        raise ShapeError(f"{what}: expected shape ({n},), got {weights.shape}")
    wrong = ~(np.isfinite(weights) & (weights >= 0))
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise DataError(f"{what} has {number(weights[row])} in row {row}; weights are 0 or more")
    if not weights.any():
        raise DataError(f"{what} is 0 everywhere; at least one row must count")
    with np.errstate(over="ignore"):
        total = weights.sum()
    if total > _GREATEST_WEIGHT:  # Σ w J must be finite too
        raise DataError(f"the sum of {what} overflows: divide the weights by a constant")
    return weights


def _first(wrong: NDArray[np.bool_]) -> tuple[int, int]:
    row, column = np.argwhere(wrong)[0]
    return int(row), int(column)


def _column(column: int, labels: tuple[str, ...]) -> str:
    return f"column {labels[column]!r}" if column < len(labels) else f"column {column}"
