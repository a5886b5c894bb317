"""The caller's arrays as the native engine reads them: checked, and copied only where they must be.

Proved by ``tests/test_engine_agrees.py`` and ``tests/test_engine_held.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clearprop import _native
from clearprop.backprop import target_name
from clearprop.engine.contract import Data
from clearprop.errors import DataError
from clearprop.expressions import Array
from clearprop.graph import Graph

__all__ = ["Ready"]


class Ready:
    """Rows of a network, made ready once for any number of calls.

    Parameters
    ----------
    graph : Graph
    data : Data
        Without targets: for predictions only.

    Raises
    ------
    DataError
        For an array that is missing or of another shape, or an index out of its bounds.
    """

    def __init__(self, graph: Graph, data: Data) -> None:
        self.data, n = data, len(data)
        inputs = [
            _input(given.key, data.inputs, n, given.width, given.levels) for given in graph.inputs
        ]
        targets = []
        for cost in graph.costs if data.targets else ():
            name = target_name(graph, cost)
            width = graph.values[cost.value].type.shape[0]
            targets.append(_target(name, data.targets, n, width, cost.row.target))
        self.weights = _weights(data)
        self.native: Any = _native.Given(inputs, targets, self.weights)

    def weight_of(self, rows: NDArray[np.int64]) -> float:
        """Return Σ w of some rows."""
        weights = self.weights
        return float(len(rows)) if weights is None else _native.total_weight(weights, rows)

    @cached_property
    def weight(self) -> float:
        """Σ w of all rows."""
        n = len(self.data)
        return float(n) if self.weights is None else self.weight_of(np.arange(n, dtype=np.int64))


def _weights(data: Data) -> Array | None:
    if data.weights is None:
        return None
    weights = np.ascontiguousarray(data.weights, dtype=np.float64)
    if weights.shape != (len(data),):
        raise DataError(f"sample weights: expected shape {(len(data),)}, got {weights.shape}")
    return weights


def _input(
    key: str, inputs: Mapping[str, NDArray[Any]], n: int, width: int, levels: int
) -> NDArray[Any]:
    if key not in inputs:
        raise DataError(f"the input {key!r} is missing")
    array = np.asarray(inputs[key])
    wanted = (n,) if levels else (n, width)
    if array.shape != wanted:
        raise DataError(f"the input {key!r}: expected shape {wanted}, got {array.shape}")
    return _indices(f"the input {key!r}", array, levels) if levels else _numbers(array)


def _target(
    name: str, targets: Mapping[str, NDArray[Any]], n: int, width: int, kind: str
) -> NDArray[Any]:
    if name not in targets:
        raise DataError(f"the target {name!r} is missing")
    array = np.asarray(targets[name])
    if kind == "class" and array.shape == (n,) and array.dtype.kind in "iu":
        return _indices(f"the target {name!r}", array, width)
    if array.shape != (n, width):
        raise DataError(f"the target {name!r}: expected shape {(n, width)}, got {array.shape}")
    return _numbers(array)


def _numbers(array: NDArray[Any]) -> NDArray[Any]:
    """Return float32 or float64 as they are, any strides; else, or unaligned, a float64 copy."""
    if array.dtype not in (np.float32, np.float64):
        return np.ascontiguousarray(array, dtype=np.float64)
    whole = all(stride % array.itemsize == 0 for stride in array.strides)
    return array if array.flags.aligned and whole else np.array(array)


def _indices(what: str, array: NDArray[Any], levels: int) -> NDArray[np.int64]:
    if array.dtype.kind not in "iu" and not np.array_equal(array, np.floor(array)):
        raise DataError(f"{what}: indices are whole numbers from 0")
    if len(array) and not (array.min() >= 0 and array.max() < levels):
        wrong = array.min() if array.min() < 0 else array.max()
        raise DataError(f"{what}: the index {wrong} is outside 0 … {levels - 1}")
    return np.ascontiguousarray(array, dtype=np.int64)
