"""X and Y as a network's exact methods read them: by key or symbol, checked.

Shapes and indices are checked by the reference itself (`clearprop.backprop.given`). Proved by
``tests/test_network.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import ArrayLike

from clearprop.backprop import target_name
from clearprop.backprop.given import as_array, as_target, check_finite
from clearprop.errors import DataError, GraphError
from clearprop.expressions import Array
from clearprop.graph import Graph
from clearprop.network.parameters import check_known

__all__ = ["Inputs", "read_inputs", "read_targets"]

Inputs = ArrayLike | Mapping[str, ArrayLike]


def read_inputs(graph: Graph, X: Inputs) -> dict[str, Array]:
    """Return X by the inputs' keys, finite numbers of any shape: the reference checks shapes."""
    keys = [given.key for given in graph.inputs]
    if not isinstance(X, Mapping):
        if len(keys) > 1:
            raise DataError(f"the network has the inputs {keys}; give X as a dict of them")
        X = {keys[0]: X}
    _check_keys("X", X, keys)
    found = {}
    for key in keys:
        where = "X" if len(keys) == 1 else f"X[{key!r}]"
        found[key] = as_array(where, X[key])
        check_finite(where, found[key])
    return found


def read_targets(graph: Graph, Y: Any) -> dict[str, Array]:
    """Return Y as the plan reads it; see `Network.targets`."""
    costs = graph.costs
    keys = [cost.value for cost in costs]
    if not costs:
        raise GraphError("the network has no cost to compare Y with")
    if not isinstance(Y, Mapping):
        if len(costs) > 1:
            raise DataError(f"the network has the outputs {keys}; give Y as a dict of them")
        Y = {keys[0]: Y}
    _check_keys("Y", Y, keys)
    found = {}
    for cost in costs:
        y = as_array("Y" if len(costs) == 1 else f"Y[{cost.value!r}]", Y[cost.value])
        width = graph.values[cost.value].type.shape[0]
        found[target_name(graph, cost)] = as_target(y, width, cost.row.target)
    return found


def _check_keys(what: str, given: Mapping[str, Any], keys: Sequence[str]) -> None:
    check_known(what, given, dict.fromkeys(keys))
    for key in keys:
        if key not in given:
            raise DataError(f"{what}: {key!r} is missing")
