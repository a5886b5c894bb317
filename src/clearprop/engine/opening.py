"""Opening an engine: which runner does the steps of a rule. Proved by
``tests/test_optimizers_more.py`` and ``tests/test_reference_runner.py``.
"""

from __future__ import annotations

from clearprop.engine.contract import Data, Precision, Runner
from clearprop.engine.gradients import NativeGradients, ReferenceGradients
from clearprop.engine.native import NativeRunner
from clearprop.engine.reference import ReferenceRunner
from clearprop.engine.stepping import SteppingRunner
from clearprop.errors import SettingError
from clearprop.graph import Graph
from clearprop.optimizers import Optimizer

__all__ = ["open_native", "open_reference"]


def open_native(
    graph: Graph,
    optimizer: Optimizer | None,
    data: Data,
    *,
    precision: Precision = "float32",
    threads: int | None = None,
    clip: float | None = None,
) -> Runner:
    """Open the native engine; see `clearprop.engine.contract.Open` and `NativeRunner`.

    A rule without a kernel is given the engine's gradients, and steps in Python.

    Parameters
    ----------
    graph : Graph
    optimizer : Optimizer or None
    data : Data
        The rows that windows will point into.
    precision : {"float32", "float64", "bfloat16"}
    threads : int, optional
        By default as many as a step is worth. Changes no bits.
    clip : float > 0, optional
        The gradient's greatest 2-norm.
    """
    if optimizer is None or optimizer.kernel:
        return NativeRunner(graph, optimizer, data, precision=precision, threads=threads, clip=clip)
    runner = NativeRunner(graph, None, data, precision=precision, threads=threads)
    return SteppingRunner(runner, NativeGradients(runner), graph, optimizer, clip)


def open_reference(
    graph: Graph,
    optimizer: Optimizer,
    data: Data,
    *,
    precision: Precision = "float64",
    threads: int | None = None,
    clip: float | None = None,
) -> Runner:
    """Open the reference; see `clearprop.engine.contract.Open`.

    Parameters
    ----------
    graph : Graph
    optimizer : Optimizer
    data : Data
        The rows that windows will point into.
    precision : str
        ``"float64"``, the only one.
    threads : int, optional
        Of no effect: the reference uses one.
    clip : float > 0, optional
        The gradient's greatest 2-norm.

    Raises
    ------
    SettingError
        For another precision.
    """
    if precision != "float64":
        raise SettingError(
            f"the reference computes in float64 only, got precision={precision!r}; "
            "leave precision out"
        )
    if not optimizer.whole:
        return ReferenceRunner(graph, optimizer, data, clip)
    gradients = ReferenceGradients(graph, data)
    return SteppingRunner(ReferenceRunner(graph, None, data), gradients, graph, optimizer)
