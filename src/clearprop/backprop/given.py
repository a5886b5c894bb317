"""What a run is given, checked: arrays of numbers, their shapes, indices, targets and weights.

Every mistake that a caller can make with an array ends here in one sentence; nothing is guessed,
wrapped around or broadcast. Proved by ``tests/test_network.py``.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

from clearprop.backprop.planning import target_name
from clearprop.errors import DataError, GraphError, ShapeError
from clearprop.expressions import Array
from clearprop.graph import Graph
from clearprop.words import number

__all__ = [
    "as_array",
    "as_held",
    "as_target",
    "check_finite",
    "given_arrays",
    "given_targets",
    "shares",
]


def as_array(where: str, given: Any) -> np.ndarray[Any, Any]:
    """Return ``given`` as an array of real numbers of its own dtype; refuse to guess.

    Raises
    ------
    ShapeError
        If its rows differ in length.
    DataError
        If it holds text, objects, truth values, dates or complex numbers.

    Examples
    --------
    >>> as_array("X", [[1, 2]])
    array([[1, 2]])
    """
    array = as_held(where, given)
    if array.dtype.kind not in "iuf":
        what = {"O": "objects", "U": "text", "S": "text", "b": "truth values", "c": "complex"}
        held = what.get(array.dtype.kind, str(array.dtype))
        raise DataError(f"{where}: expected numbers, got {held}; convert it with astype(float)")
    return array


def as_held(where: str, given: Any) -> np.ndarray[Any, Any]:
    """Return ``given`` as an array of whatever it holds; a mask is never dropped silently.

    Raises
    ------
    ShapeError
        If its rows differ in length.
    DataError
        If a cell is masked.

    Examples
    --------
    >>> as_held("Y", ["a", "b"]).tolist()
    ['a', 'b']
    """
    # There is no masked array where NumPy's part with them has not been loaded, which takes time.
    known = "numpy.ma" in sys.modules
    if known and np.ma.isMaskedArray(given) and np.ma.getmaskarray(given).any():
        raise DataError(
            f"{where} has masked cells; fill them in with .filled(…) or leave the rows out"
        )
    try:
        return np.asarray(given)
    except (ValueError, TypeError, OverflowError):
        raise ShapeError(f"{where}: the rows differ in length, or are no arrays") from None


def as_target(y: Any, width: int, kind: str) -> Array:
    """Return a target as (m, width) float64, checked: classes become one-hot.

    Parameters
    ----------
    y : (m, width) array; (m,) if width is 1, or for classes as whole numbers from 0
    width : int
        Of the output it is compared with.
    kind : str
        What the cost compares with: ``"real"``, ``"count"``, ``"probability"`` or ``"class"``.

    Raises
    ------
    ShapeError, DataError
        For a wrong shape or values that the cost is not defined for.

    Examples
    --------
    >>> as_target(np.array([1, 0]), 2, "class")
    array([[0., 1.],
           [1., 0.]])
    """
    y = as_array("Y", y)
    if kind == "class" and y.ndim == 1:
        if y.dtype.kind not in "iu":
            raise DataError("Y: classes must be whole numbers from 0, or rows of probabilities")
        if y.size and (y.min() < 0 or y.max() >= width):
            wrong = y.max() if y.max() >= width else y.min()
            raise DataError(f"Y has the class {wrong}; the output has the classes 0 to {width - 1}")
        return np.asarray(np.eye(width)[y.astype(np.int64)])
    found = y.astype(np.float64)
    if found.ndim == 1 and width == 1:
        found = found[:, None]
    if found.ndim != 2 or found.shape[1] != width:
        fix = ", or (m,) for classes" if kind == "class" else ""
        raise ShapeError(f"Y: expected shape (m, {width}){fix}, got {y.shape}")
    check_finite("Y", found)
    if kind == "count" and (found < 0).any():
        raise DataError(f"Y: the poisson cost needs 0 or more, got {number(found.min())}")
    if kind in ("probability", "class") and ((found < 0) | (found > 1)).any():
        wrong = found[(found < 0) | (found > 1)][0]
        raise DataError(f"Y: a cross-entropy needs values from 0 to 1, got {number(wrong)}")
    # rows of float32 probabilities sum to 1 within a few of its roundings
    if kind == "class" and not np.allclose(found.sum(axis=1), 1.0, rtol=0, atol=1e-6):
        raise DataError("Y: each row must sum to 1 for cross_entropy")
    return np.asarray(found)


def check_finite(where: str, array: np.ndarray[Any, Any]) -> None:
    """Raise DataError at the first entry that is NaN or infinite."""
    wrong = np.argwhere(~np.isfinite(array))
    if len(wrong):
        place = ", ".join(map(str, wrong[0]))
        got = number(array[tuple(wrong[0])])
        raise DataError(f"{where}[{place}] is {got}; fill it in or leave the row out")


def given_arrays(
    graph: Graph, parameters: Mapping[str, Array], inputs: Mapping[str, Array]
) -> tuple[dict[str, Array], int]:
    """Return parameters and inputs by symbol, their shapes checked, and the number of rows m."""
    values: dict[str, Array] = {}
    if not isinstance(parameters, Mapping):
        raise ShapeError("give the parameters as a mapping of names to arrays")
    for name, parameter in graph.parameters.items():
        if name not in parameters:
            raise ShapeError(f"the parameter {name} {parameter.shape} is missing")
        values[name] = _shaped(f"the parameter {name}", parameters[name], parameter.shape)
    m = -1
    for given in graph.inputs:
        if given.key not in inputs:
            raise ShapeError(f"the input {given.key!r} is missing")
        what = f"the input {given.key!r}"
        array = as_array(what, inputs[given.key]).astype(np.float64, copy=False)
        wanted = (len(array) if array.ndim else 0, *given.type.shape)
        if array.ndim == 0 or array.shape != wanted or (m >= 0 and len(array) != m):
            rows = "m" if m < 0 else str(m)
            size = f"({rows}, {given.width})" if given.width else f"({rows},)"
            raise ShapeError(f"{what}: expected shape {size}, got {array.shape}")
        if given.levels:
            _check_index(what, array, given.levels)
        m = len(array)
        values[given.value] = array
    return values, m


def given_targets(graph: Graph, targets: Mapping[str, Array], m: int) -> dict[str, Array]:
    """Return the targets by symbol, their shapes checked."""
    if not graph.costs:
        raise GraphError("the network has no cost to compare targets with")
    found = {}
    for cost in graph.costs:
        name = target_name(graph, cost)
        if name not in targets:
            raise ShapeError(f"the target {name!r} is missing")
        shape = (m, *graph.values[cost.value].type.shape)
        found[name] = _shaped(f"the target {name!r}", targets[name], shape)
    return found


def shares(weights: Array | None, m: int) -> Array:
    """Return wᵢ / Σ w."""
    if m == 0:
        raise DataError("there are no rows; the cost of an empty batch is not defined")
    w = np.ones(m) if weights is None else _shaped("the sample weights", weights, (m,))
    wrong = np.flatnonzero(~(np.isfinite(w) & (w >= 0)))
    if wrong.size:
        raise DataError(
            f"the sample weight of row {wrong[0]} is {number(w[wrong[0]])}; "
            "weights are finite, 0 or more"
        )
    with np.errstate(over="ignore"):
        total = w.sum()
    if total == 0:
        raise DataError("the sample weights sum to 0; the cost of such a batch is not defined")
    if not np.isfinite(total):
        raise DataError("the sample weights sum to infinity; divide them by the largest")
    return np.asarray(w / total)


def _check_index(what: str, array: Array, levels: int) -> None:
    wrong = ~((array >= 0) & (array < levels) & (array == np.floor(array)))
    if wrong.any():
        got = number(array[wrong][0])
        raise DataError(f"{what}: expected whole numbers from 0 to {levels - 1}, got {got}")


def _shaped(what: str, given: object, shape: tuple[int, ...]) -> Array:
    array = as_array(what, given).astype(np.float64, copy=False)
    if array.shape != shape:
        raise ShapeError(f"{what}: expected shape {shape}, got {array.shape}")
    return array
