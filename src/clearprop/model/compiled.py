"""A model made ready to predict rows as they come: its weights packed once, nothing allocated.

Owns an engine of its own; what it gives has the same bits as `Model.predict` reads. Proved by
``tests/test_model_compiled.py``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from clearprop.engine import Data, NativeRunner
from clearprop.errors import NativeError, ShapeError
from clearprop.network import Network, Parameters

__all__ = ["Compiled"]


class Compiled:
    """The outputs of a network's one input, row by row or in batches.

    Parameters
    ----------
    network : Network
        With one input of numbers and one output.
    parameters : Parameters
        Copied: what becomes of them later changes nothing here.

    Raises
    ------
    NativeError
        If the network has several inputs or outputs, an index as its input, or a row without a
        native kernel.

    Examples
    --------
    >>> import clearprop as cp
    >>> net = cp.Network([3, 4, 2], cost="cross_entropy")
    >>> fast = Compiled(net, net.initial(0))
    >>> fast.predict(np.zeros(3, np.float32)).shape
    (2,)
    """

    __slots__ = ("_engine", "_output", "_units", "dtype", "width")

    def __init__(self, network: Network, parameters: Parameters) -> None:
        graph = network.graph
        if len(graph.inputs) != 1 or len(graph.outputs) != 1 or graph.inputs[0].levels:
            raise NativeError(
                "a compiled model has one input of numbers and one output; predict with the model"
            )
        given = graph.inputs[0]
        narrow = parameters.flat.dtype == np.float32
        runner = NativeRunner(
            graph,
            None,
            Data({given.key: np.zeros((0, given.width))}, {}),
            precision="float32" if narrow else "float64",
            threads=1,
        )
        self.dtype, self.width = runner.dtype, given.width
        self._engine, self._output = runner.compiled(parameters.flat)
        self._units = runner.program.slots[self._output].width

    def use(self, parameters: Parameters) -> None:
        """Predict with these parameters from now on; quick where they are the same.

        Parameters
        ----------
        parameters : Parameters
            Of the same network, in the same precision.
        """
        self._engine.prepare(parameters.flat)

    def predict(self, X: Any, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return what the network gives: probabilities of classes, or numbers.

        Not checked: whether the numbers are finite. Safe from many threads, which take turns; the
        interpreter's lock is given up.

        Parameters
        ----------
        X : (width,) or (m, width) float32 or float64 array
            One row, or rows; any strides.
        out : (K,) or (m, K) array of the model's ``dtype``, optional
            Where it goes: then nothing is allocated.

        Returns
        -------
        (K,) or (m, K) array
            ``out``, if it was given.

        Raises
        ------
        ShapeError
            If X or ``out`` has another shape or dtype, is not in order in memory, or if ``out`` is
            memory of rows of X that are still to be read.
        NativeError
            In a process that was forked while another thread predicted with this.

        Examples
        --------
        >>> import clearprop as cp
        >>> net = cp.Network([3, 4, 2], cost="cross_entropy")
        >>> out = np.empty((5, 2), np.float64)
        >>> Compiled(net, net.initial(0)).predict(np.zeros((5, 3)), out=out) is out
        True
        """
        try:
            if out is None:
                out = np.empty((*X.shape[:-1], self._units), self.dtype)
            self._engine.predict(X, out, self.width, self._output)
        except (TypeError, ValueError, AttributeError):
            raise self._refusal(X, out) from None
        except RuntimeError as error:
            raise NativeError(str(error)) from None
        return out

    def _refusal(self, X: Any, out: Any) -> ShapeError:
        def told(array: Any, out: bool = False) -> str:
            if not isinstance(array, np.ndarray):
                return type(array).__name__
            faults = [
                fault
                for fault, there in (
                    ("read-only", out and not array.flags.writeable),
                    ("not contiguous", out and not array.flags.c_contiguous),
                    ("not aligned", not array.flags.aligned),
                    ("sharing memory with X", out and np.may_share_memory(array, X)),
                )
                if there
            ]
            of = "".join(f", {fault}" for fault in faults)
            return f"{array.dtype} of shape {array.shape}{of}"

        to = "" if out is None else f" and {told(out, True)}"
        return ShapeError(
            f"compiled.predict: X has to be float32 or float64 of shape ({self.width},) or "
            f"(m, {self.width}), and out contiguous {self.dtype} of shape ({self._units},) or "
            f"(m, {self._units}); got {told(X)}{to}"
        )
