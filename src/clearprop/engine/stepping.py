"""Steps made in Python of an engine's gradients: for rules that are no update element by element.

A rule of one gradient (Muon) is run from the plan's own updates. A `WholeBatch` rule is given a
`RowsProblem` and asks it as often as it wants. Both leave the state alone until the step is whole.
Proved by ``tests/test_optimizers_more.py`` and ``tests/test_optimizers_whole.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from clearprop.backprop import gradient_name, plan
from clearprop.engine.contract import Data, Flat, Precision, Report, Runner, State, Window
from clearprop.engine.gradients import Gradients
from clearprop.engine.one_thread import one_thread
from clearprop.engine.problem import RowsProblem, penalised
from clearprop.engine.scaled import Scaled
from clearprop.engine.updating import updated
from clearprop.expressions import Array
from clearprop.graph import Graph
from clearprop.network import Parameters
from clearprop.optimizers import Moved, Optimizer, WholeBatch

__all__ = ["SteppingRunner"]


Scales = tuple[float, float, float]
"""What λ, the rates of dropout and the decay are multiplied by; see `Window.scales`."""


class _StoppedError(Exception):
    """Asked to stop in mid-step."""


@dataclass
class _Books:
    """What the last run has done."""

    costs: list[float]
    norms: list[float]


class SteppingRunner:
    """Does steps of a rule without a native kernel; see `clearprop.engine.contract.Runner`.

    Parameters
    ----------
    inner : Runner
        Evaluates and predicts.
    gradients : Gradients
        Of the same data.
    graph : Graph
    optimizer : Optimizer
    clip : float, optional
        Greatest 2-norm of the gradient, for rules of one gradient.
    """

    def __init__(
        self,
        inner: Runner,
        gradients: Gradients,
        graph: Graph,
        optimizer: Optimizer,
        clip: float | None = None,
    ) -> None:
        optimizer.check(graph)
        self._inner, self._gradients, self._graph = inner, gradients, graph
        self._optimizer, self._clip = optimizer, clip
        self._plans = None if optimizer.whole else Scaled(plan(graph, optimizer))
        self._pull = penalised(graph)
        self._asked_to_stop = False
        self._books = _Books([], [])
        self._problem: RowsProblem | None = None

    @property
    def family(self) -> str:
        """Which instruction sequences give the gradients; see `State`."""
        return self._inner.family

    @property
    def precision(self) -> Precision:
        """The precision of the gradients."""
        return self._inner.precision

    def run(self, state: State, window: Window, stop: Callable[[], bool] | None = None) -> Report:
        """Do the window's steps, changing ``state`` in place."""
        self._books = books = _Books([], [])
        start, why, text = state.step, "done", ""
        state.family = self.family
        with one_thread():
            for i, rate in enumerate(window.rates.tolist()):
                if self._asked_to_stop or (stop is not None and stop()):
                    why = "stopped"
                    break
                rows = window.rows[window.borders[i] : window.borders[i + 1]]
                try:
                    found = self._step(state, rows, rate, window.scales(i))
                except _StoppedError:
                    why = "stopped"
                    break
                if found is None:
                    continue
                if not np.isfinite(found.cost):
                    why = "diverged"
                    break
                if found.found:
                    why, text = "converged", found.found
                    break
        self._asked_to_stop = False
        return self._report(books, state.step - start, why, text)

    def hold(self, state: State) -> State:
        """Return the state itself: a step makes its numbers anew."""
        return state

    def broken_off(self) -> Report:
        """Return what the last run had done when an exception ended it."""
        return self._report(self._books, len(self._books.costs), "stopped", "")

    def _report(self, books: _Books, done: int, why: str, text: str) -> Report:
        ended: Literal["done", "stopped", "diverged", "converged"] = why  # type: ignore[assignment]
        norms = books.norms if self._clip is not None else []
        return Report(np.array(books.costs), np.array(norms), done, ended, text)

    def _step(
        self, state: State, rows: NDArray[np.int64], rate: float, scales: Scales
    ) -> Moved | None:
        """One step; None if its batch has no weight."""
        weights = self._gradients.data.weights
        total = float(len(rows) if weights is None else np.asarray(weights[rows]).sum())
        if not total > 0:
            self._commit(state, Moved(state.parameters, state.slots, np.nan, np.nan), skipped=1)
            return None
        if isinstance(self._optimizer, WholeBatch):
            found = self._optimizer.step(
                state.parameters, state.slots, self._problem_of(rows, total, scales[0])
            )
        else:
            found = self._updated(state, rows, total, rate, scales)
        self._commit(state, found)
        return found

    def _problem_of(self, rows: NDArray[np.int64], total: float, penalty: float) -> RowsProblem:
        """The problem of these rows: the last one, which remembers, if they are the same."""
        if self._problem is None or not self._problem.asks_of(rows, penalty):
            self._problem = RowsProblem(
                self._graph, self._gradients, rows.copy(), total, penalty, self._ask
            )
        return self._problem

    def _updated(
        self, state: State, rows: NDArray[np.int64], total: float, rate: float, scales: Scales
    ) -> Moved:
        """The plan's updates with g = ∂J/∂w + λ w, clipped."""
        penalty, dropout, decay = scales
        cost, g = self._gradients.gradient(
            state.parameters, rows, total, state.seed, state.step, dropout
        )
        w = np.asarray(state.parameters, dtype=np.float64)
        pull = penalty * self._pull
        cost += 0.5 * float((pull * w * w).sum())
        g = g + pull * w
        norm = float(np.sqrt((g * g).sum()))
        if not np.isfinite(cost):
            return Moved(state.parameters, state.slots, cost, norm)
        if self._clip is not None and norm > self._clip:
            g = g * (self._clip / norm)
        values: dict[str, Array] = {
            gradient_name(name): array for name, array in Parameters(self._graph, g).items()
        }
        assert self._plans is not None
        return Moved(*updated(self._plans.at(decay=decay), state, values, rate), cost, norm)

    def _commit(self, state: State, moved: Moved, skipped: int = 0) -> None:
        """Make the step's end the state: three stores with no call between, so all or none."""
        counters = state.counters + np.array([1, skipped])
        parameters, slots = moved.parameters, dict(moved.slots)
        costs, norms = [*self._books.costs, moved.cost], [*self._books.norms, moved.norm]
        state.parameters, state.slots, state.counters = parameters, slots, counters
        self._books.costs, self._books.norms = costs, norms

    def _ask(self) -> None:
        if self._asked_to_stop:
            raise _StoppedError

    def interrupt(self) -> None:
        """Ask a run in progress to stop before its next evaluation."""
        self._asked_to_stop = True

    def evaluate(self, parameters: Flat | State, data: Data) -> float:
        """Return J over all rows of ``data``."""
        return self._inner.evaluate(parameters, data)

    def forward(
        self, parameters: Flat | State, inputs: Mapping[str, NDArray[Any]]
    ) -> dict[str, Array]:
        """Return each output by value name, (n, width)."""
        return self._inner.forward(parameters, inputs)

    def member_outputs(
        self, parameters: Flat | State, inputs: Mapping[str, NDArray[Any]]
    ) -> dict[str, Array]:
        """Return each output by value name, (K, n, width), K = 1 for a plain network."""
        return self._inner.member_outputs(parameters, inputs)

    def judge(self, parameters: Flat | State, data: Data) -> tuple[float, dict[str, Array]]:
        """Return J over all rows of ``data``, and each output of them."""
        return self._inner.judge(parameters, data)

    def close(self) -> None:
        """Give back threads and memory."""
        self._inner.close()
