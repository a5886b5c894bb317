"""A model's network at work: rows in, outputs out, with the preparations that they are worth.

Proved by ``tests/test_model.py`` and ``tests/test_model_compiled.py``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from clearprop.engine import Data, Runner, open_native, open_reference
from clearprop.errors import DataError, NativeError
from clearprop.model.compiled import Compiled
from clearprop.network import Network, Parameters
from clearprop.optimizers import SGD

__all__ = ["Forward"]

#: Rows for which preparing a pass takes longer than the pass.
_FEW = 32
_FLOATS = (np.dtype(np.float32), np.dtype(np.float64))
#: float32 holds whatever has a square below this.
_SQUARES = 1e76


class Forward:
    """Forward passes of a network, in the precision of its training.

    Parameters
    ----------
    network : Network
    dtype : float32 or float64
    """

    def __init__(self, network: Network, dtype: DTypeLike) -> None:
        self.network = network
        self.dtype = np.dtype(dtype)
        self._begin()

    def _begin(self) -> None:
        self._process = os.getpid()
        self._compiled: list[Compiled | None] = []  # once it has been asked for
        self._runners: list[Runner] = []

    def _see_process(self) -> None:
        """In a forked process begin anew: another thread may have been in the middle of a pass."""
        if self._process != os.getpid():
            self._begin()

    def __call__(
        self, inputs: Mapping[str, NDArray[Any]], parameters: Parameters
    ) -> dict[str, NDArray[Any]]:
        """Return the outputs of all rows, by name; raises where one is not finite."""
        found = self._runner().forward(parameters.flat, inputs)
        for outputs in found.values():
            _check_outputs(outputs)
        return found

    def members(
        self, inputs: Mapping[str, NDArray[Any]], parameters: Parameters
    ) -> dict[str, NDArray[Any]]:
        """Return each member's outputs, (K, n, width) by name, with K = 1 for a plain network."""
        found = self._runner().member_outputs(parameters.flat, inputs)
        for outputs in found.values():
            for own in outputs:
                _check_outputs(own)
        return found

    def few(self, X: object, parameters: Parameters) -> NDArray[Any] | None:
        """The outputs of a few rows without the preparations that many are worth.

        None for what is not seen at once to be in order: that is looked at properly.
        """
        if type(X) is not np.ndarray or X.dtype not in _FLOATS or X.ndim != 2 or len(X) > _FEW:
            return None
        compiled, flags = self._quick(parameters), X.flags
        if compiled is None or X.shape[1] != compiled.width:
            return None
        # Σ x² is no less than each x² and NaN with any of them: so all are finite, as float32 too.
        if not (flags.c_contiguous and flags.aligned and float(np.vdot(X, X)) < _SQUARES):
            return None
        compiled.use(parameters)
        outputs = compiled.predict(X)
        if not float(np.vdot(outputs, outputs)) < np.inf:
            _check_outputs(outputs)
        return outputs

    def _quick(self, parameters: Parameters) -> Compiled | None:
        """The compiled network; None where it has members or the native engine has no way."""
        self._see_process()
        if not self._compiled:
            try:
                many = self.network.graph.members > 1
                self._compiled.append(None if many else Compiled(self.network, parameters))
            except NativeError:
                self._compiled.append(None)
        return self._compiled[0]

    def _runner(self) -> Runner:
        """The native engine in the precision of training, or the reference for a user's rows."""
        self._see_process()
        if not self._runners:
            self._runners.append(self._opened())
        return self._runners[0]

    def _opened(self) -> Runner:
        graph = self.network.graph
        empty = {
            given.key: np.zeros(0, np.int64) if given.levels else np.zeros((0, given.width))
            for given in graph.inputs
        }
        try:
            narrow = self.dtype == np.float32
            return open_native(
                graph, None, Data(empty, {}), precision="float32" if narrow else "float64"
            )
        except NativeError:
            return open_reference(graph, SGD(), Data(empty, {}))


def _check_outputs(outputs: NDArray[Any]) -> None:
    finite = np.isfinite(outputs)
    if not finite.all():
        raise DataError(
            f"the network's output is not finite for row {int(np.argmin(finite.all(axis=1)))} of "
            "X: its numbers are too large; scale them as in training"
        )
