"""The reference as a Runner: training steps in float64 NumPy, straight from the plan.

Slow and exact: the oracle of the native engine, and what trains rows that users have registered.
A step runs the plan's forward, cost and backward steps, clips, then runs the plan's own updates.
Proved by ``tests/test_reference_runner.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from clearprop.backprop import (
    Plan,
    Position,
    gradient_name,
    mean_of_members,
    plan,
    run,
    target_name,
)
from clearprop.backprop.given import as_target
from clearprop.engine.contract import Data, Flat, Precision, Report, State, Window, flat_of
from clearprop.engine.scaled import Scaled
from clearprop.engine.updating import updated
from clearprop.errors import NativeError, SettingError
from clearprop.expressions import Array
from clearprop.graph import Graph
from clearprop.network import Parameters
from clearprop.optimizers import Optimizer

ROW_BLOCK = 1024
"""Rows of one pass of `ReferenceRunner.evaluate` and `forward`: bounds the memory they need."""


class ReferenceRunner:
    """Does training steps in float64, one at a time; see `clearprop.engine.contract.Runner`."""

    family = "reference"
    precision: Precision = "float64"

    def __init__(
        self, graph: Graph, optimizer: Optimizer | None, data: Data, clip: float | None = None
    ) -> None:
        self._graph, self._data, self._clip = graph, data, clip
        whole = plan(graph, optimizer)
        self._plans = Scaled(whole)
        wanted = ("forward", "cost", "penalty")
        steps = tuple(step for step in whole.steps if step.kind in wanted)
        self._costs: Plan = replace(whole, steps=steps)
        self._asked_to_stop = False
        self._closed = False
        self._books: tuple[list[float], list[float]] = ([], [])

    def run(self, state: State, window: Window, stop: Callable[[], bool] | None = None) -> Report:
        """Do the window's steps, changing ``state`` in place."""
        self._open()
        costs, norms = self._books = ([], [])
        start = state.step
        why: Literal["done", "stopped", "diverged"] = "done"
        with np.errstate(all="ignore"):  # NaN and infinity are seen in the cost
            for i, rate in enumerate(window.rates.tolist()):
                if self._asked_to_stop or (stop is not None and stop()):
                    self._asked_to_stop, why = False, "stopped"
                    break
                rows = window.rows[window.borders[i] : window.borders[i + 1]]
                skipped = state.skipped
                self._step(state, rows, rate, self._plans.at(*window.scales(i)))
                if state.skipped == skipped and not np.isfinite(costs[-1]):
                    why = "diverged"
                    break
        return Report(np.array(costs), np.array(norms), state.step - start, why)

    def hold(self, state: State) -> State:
        """Return the state itself: it stands nowhere else."""
        return state

    def broken_off(self) -> Report:
        """Return what the last run had done when an exception ended it."""
        costs, norms = self._books
        return Report(np.array(costs), np.array(norms), len(costs), "stopped")

    def _step(self, state: State, rows: NDArray[np.int64], rate: float, steps: Plan) -> None:
        """One step, in new arrays that become the state together at its end."""
        weights = self._data.weights
        w = None if weights is None else np.asarray(weights[rows], dtype=np.float64)
        if w is not None and not w.sum() > 0:
            return self._commit(state, state.parameters, state.slots, np.nan, np.nan, skipped=1)
        parameters = Parameters(self._graph, state.parameters)
        inputs = {key: array[rows] for key, array in self._data.inputs.items()}
        targets = self._targets({key: array[rows] for key, array in self._data.targets.items()})
        at = Position(state.seed, 0, state.step, 0)
        trace = run(steps, parameters, inputs, targets, weights=w, at=at)
        if not np.isfinite(trace.cost):
            return self._commit(state, state.parameters, state.slots, trace.cost, np.nan)
        values = dict(trace)
        norm = np.nan
        if self._clip is not None:
            norm = self._clip_gradient(values, self._clip)
        return self._commit(state, *updated(steps, state, values, rate), trace.cost, norm)

    def _commit(
        self,
        state: State,
        parameters: Flat,
        slots: MutableMapping[str, Flat],
        cost: float,
        norm: float,
        skipped: int = 0,
    ) -> None:
        """Make the step's end the state: three stores with no call between, so all or none."""
        counters = state.counters + np.array([1, skipped])
        costs = [*self._books[0], cost]
        norms = [*self._books[1], norm] if self._clip is not None else []
        state.parameters, state.slots, state.counters = parameters, slots, counters
        self._books[0][:], self._books[1][:] = costs, norms

    def _clip_gradient(self, values: dict[str, Array], clip: float) -> float:
        """g ← g · min(1, clip / ‖g‖), over all parameters together; return ‖g‖."""
        names = [gradient_name(name) for name in self._graph.parameters]
        norm = float(np.sqrt(sum(float((values[name] ** 2).sum()) for name in names)))
        if norm > clip:
            for name in names:
                values[name] = values[name] * (clip / norm)
        return norm

    def evaluate(self, parameters: Flat | State, data: Data) -> float:
        """Return J over all rows of ``data``, without dropout."""
        self._open()
        named = Parameters(self._graph, np.asarray(flat_of(parameters), dtype=np.float64))
        total, mean, penalty = 0.0, 0.0, 0.0
        with np.errstate(all="ignore"):
            for start in range(0, len(data), ROW_BLOCK):
                rows = slice(start, start + ROW_BLOCK)
                inputs = {key: array[rows] for key, array in data.inputs.items()}
                targets = self._targets({k: array[rows] for k, array in data.targets.items()})
                w = None if data.weights is None else np.asarray(data.weights[rows], np.float64)
                weight = float(len(next(iter(inputs.values()))) if w is None else w.sum())
                if weight > 0:
                    trace = run(self._costs, named, inputs, targets, weights=w)
                    penalty = trace.penalty
                    total += weight
                    mean += (trace.cost - penalty - mean) * (weight / total)
        if not total > 0:
            raise SettingError("the sample weights sum to 0; the cost is not defined")
        return mean + penalty

    def forward(
        self, parameters: Flat | State, inputs: Mapping[str, NDArray[Any]]
    ) -> dict[str, Array]:
        """Return each output (the members' mean) by value name, (n, width), without dropout."""
        found = self.member_outputs(parameters, inputs)
        return {name: mean_of_members(array) for name, array in found.items()}

    def member_outputs(
        self, parameters: Flat | State, inputs: Mapping[str, NDArray[Any]]
    ) -> dict[str, Array]:
        """Return each output by value name, (K, n, width), K = 1 for a plain network."""
        self._open()
        named = Parameters(self._graph, np.asarray(flat_of(parameters), dtype=np.float64))
        parts: dict[str, list[Array]] = {name: [] for name in self._graph.outputs}
        n = len(next(iter(inputs.values())))
        with np.errstate(all="ignore"):
            for start in range(0, max(n, 1), ROW_BLOCK):
                block = {key: array[start : start + ROW_BLOCK] for key, array in inputs.items()}
                trace = run(self._costs, named, block)
                for name in parts:
                    member = self._graph.values[name].type.member
                    parts[name].append(trace[name] if member else trace[name][None])
        return {name: np.concatenate(arrays, axis=1) for name, arrays in parts.items()}

    def judge(self, parameters: Flat | State, data: Data) -> tuple[float, dict[str, Array]]:
        """Return J over all rows of ``data``, and each output of them."""
        return self.evaluate(parameters, data), self.forward(parameters, data.inputs)

    def interrupt(self) -> None:
        """Ask a run in progress to stop before its next step."""
        self._asked_to_stop = True

    def close(self) -> None:
        """Refuse to run from now on."""
        self._closed = True

    def _open(self) -> None:
        if self._closed:
            raise NativeError("this runner is closed; open another one")

    def _targets(self, targets: Mapping[str, NDArray[Any]]) -> dict[str, Array]:
        found = {}
        for cost in self._graph.costs:
            name = target_name(self._graph, cost)
            width = self._graph.values[cost.value].type.shape[0]
            found[name] = as_target(np.asarray(targets[name]), width, cost.row.target)
        return found
