"""A network and its native runner, kept between calls and left out of copies and pickles.

The network and its program are kept for later estimators of the same layers, too: a search over
learning rates, or a cross-validation, makes them once.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from clearprop.backprop import plan
from clearprop.engine import Data, NativeRunner, Precision, Program, lower
from clearprop.estimators.chains import Chain
from clearprop.estimators.rows import CHUNK_BYTES, Rows
from clearprop.network import Network
from clearprop.optimizers import Optimizer

ONE_THREAD = 3e7
"""Multiplications of a prediction below which waking a second thread costs more than it saves where
another library's threads wait for work: OpenBLAS's do so busily. One in float64 counts twice."""


@lru_cache(maxsize=64)
def _made(chain: Chain, l2: float) -> tuple[Network, Program]:
    network = chain.network(l2)
    return network, lower(plan(network.graph))


class Machine:
    """What runs one chain: its network, and a runner made when first needed.

    Predictions from several threads at once wait for each other.

    Parameters
    ----------
    chain : Chain
    l2 : float
        λ before a step's own scale.
    rule : Optimizer or None
        None: for predictions and gradients only.
    precision : {"float32", "float64"}
    threads : int or None
    """

    def __init__(
        self,
        chain: Chain,
        l2: float,
        rule: Optimizer | None,
        precision: Precision,
        threads: int | None = None,
    ) -> None:
        self.chain, self.l2, self.rule = chain, l2, rule
        self.precision: Precision = precision
        self.threads = threads
        self._runners: dict[int | None, NativeRunner] = {}  # by threads
        self._judged: tuple[Rows, Data] | None = None
        self._lock = Lock()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_runners": {}, "_judged": None, "_lock": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _lock=Lock())

    def does(self, other: Machine) -> bool:
        """Whether this one would do what another does."""
        return (
            (self.chain, self.l2, self.precision, self.threads)
            == (other.chain, other.l2, other.precision, other.threads)
        ) and self.rule is other.rule

    @property
    def network(self) -> Network:
        """The chain's network, with λ = ``l2``."""
        return _made(self.chain, self.l2)[0]

    @property
    def runner(self) -> NativeRunner:
        """The runner; `NativeRunner.use` points it at rows."""
        return self._runner(self.threads)

    def _runner(self, threads: int | None) -> NativeRunner:
        if threads not in self._runners:
            self._runners[threads] = NativeRunner(
                self.network.graph,
                self.rule,
                self._no_rows(),
                precision=self.precision,
                threads=threads,
                program=_made(self.chain, self.l2)[1],
            )
        return self._runners[threads]

    def _no_rows(self) -> Data:
        (given,) = self.network.graph.inputs
        return Data({given.key: np.zeros((0, given.width))}, {})

    def rest(self) -> None:
        """Let go of the rows that trained and of those that judged."""
        self._judged = None
        self.runner.use(self._no_rows())

    def forward(self, flat: NDArray[Any], X: Any) -> NDArray[Any]:
        """Return the output of each row, (n, outputs), in the machine's precision."""
        few = X.shape[0] * flat.nbytes / 4 < ONE_THREAD
        with self._lock:
            graph = self.network.graph
            runner = self._runner(1 if few else self.threads)
            found = [
                runner.forward(flat, {graph.inputs[0].key: part})[graph.outputs[0]]
                for part in dense_parts(X)
            ]
        return found[0] if len(found) == 1 else np.concatenate(found)

    def judge(self, flat: NDArray[Any], rows: Rows) -> tuple[NDArray[Any], float]:
        """Return the outputs of rows as `forward` does, and Σ w C / Σ w without the penalty."""
        graph = self.network.graph
        penalty = self.chain.penalty(flat, self.l2)
        if rows.dense:
            if self._judged is None or self._judged[0] is not rows:
                self._judged = rows, rows.data(graph)
            cost, outputs = self.runner.judge(flat, self._judged[1])
            return outputs[graph.outputs[0]], cost - penalty
        total = weight = 0.0
        for first in range(0, len(rows), rows.batch):
            data = rows.data(graph, np.arange(first, min(first + rows.batch, len(rows))))
            own = float(len(data) if data.weights is None else data.weights.sum())
            if own > 0:
                total += own * (self.runner.evaluate(flat, data) - penalty)
                weight += own
        return self.forward(flat, rows.X), total / weight


def dense_parts(X: Any) -> Iterator[NDArray[Any]]:
    """Yield X, or if it is sparse some rows at a time, dense."""
    if not sparse.issparse(X):
        yield X
        return
    rows = max(1, CHUNK_BYTES // max(1, X.shape[1] * X.dtype.itemsize))
    X = X.tocsr()
    for first in range(0, max(1, X.shape[0]), rows):
        yield X[first : first + rows].toarray()
