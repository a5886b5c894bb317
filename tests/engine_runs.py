"""Random networks opened in the native engine: what the engine's tests have in common."""

from __future__ import annotations

from typing import Any

import numpy as np
from random_networks import Case

from clearprop.backprop import target_name
from clearprop.engine import Data, NativeRunner, State, Window
from clearprop.network import Network
from clearprop.optimizers import SGD, Optimizer

Flat = np.ndarray[Any, Any]


def data_of(network: Network, X: Any, Y: Any, weights: Any = None) -> Data:
    """What users give as the engine is given it: dicts by key and symbol, classes as they are."""
    graph = network.graph
    inputs = X if isinstance(X, dict) else {graph.inputs[0].key: X}
    by_value = Y if isinstance(Y, dict) else {graph.costs[0].value: Y}
    targets = {target_name(graph, cost): by_value[cost.value] for cost in graph.costs}
    return Data(inputs, targets, weights)


def flat_of(network: Network, parameters: dict[str, np.ndarray]) -> Flat:
    """Named arrays as one flat vector in the graph's order."""
    return np.concatenate(
        [np.zeros(0), *(np.ravel(parameters[name]) for name in network.graph.parameters)]
    )


def opened(case: Case, optimizer: Optimizer | None = None, **settings: Any) -> NativeRunner:
    """A runner of a random case."""
    data = data_of(case.network, case.X, case.Y, case.weights)
    return NativeRunner(case.network.graph, optimizer or SGD(0.1), data, **settings)


def state_of(case: Case, runner: NativeRunner, step: int = 0) -> State:
    """The state before the case's first step."""
    assert runner.optimizer is not None
    flat = flat_of(case.network, case.parameters)
    state = State.initial(flat, runner.optimizer, case.seed, runner.precision, runner.family)
    state.counters[0] = step
    return state


def window(batches: list[Any], rate: float = 0.1) -> Window:
    """A window of the given batches at one learning rate."""
    borders = np.cumsum([0, *map(len, batches)])
    rows = np.concatenate(batches).astype(np.int64)
    return Window(rows, borders.astype(np.int64), np.full(len(batches), rate))


def same(a: State, b: State) -> bool:
    """Whether two states are equal to the bit."""
    return (
        a.parameters.tobytes() == b.parameters.tobytes()
        and a.step == b.step
        and a.skipped == b.skipped
        and all(a.slots[name].tobytes() == b.slots[name].tobytes() for name in b.slots)
    )
