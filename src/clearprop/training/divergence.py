"""Why a run may have left the finite numbers, and what to try: the setting that is at fault.

Three things make steps grow without bound: a learning rate too large, a penalty whose own pull
λ W overshoots, and numbers so large that their gradients do. Proved by
``tests/test_training_ends.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clearprop.engine import Data
from clearprop.graph import Graph
from clearprop.optimizers import Optimizer
from clearprop.words import number

__all__ = ["advice"]

#: Standardised columns seldom pass 10; numbers beyond this were not scaled.
LARGE = 100.0
#: A penalty that helps is far smaller.
USUAL_L2 = 1e-4


def advice(graph: Graph, optimizer: Optimizer, *rows: Data | None) -> str:
    """Return which setting is at fault and what to try: ``"learning_rate=10: try 0.01"``.

    Parameters
    ----------
    graph : Graph
    optimizer : Optimizer
    rows : Data
        Those that train, and those that validate.

    Returns
    -------
    str
        The end of a sentence. The penalty is named where it would diverge at the optimizer's own
        rate too: w ← w − α λ w grows from α λ = 2 on. Large numbers are named where the rate is
        no larger than ten times the optimizer's own; else the rate.

    Examples
    --------
    >>> from clearprop.network import Network
    >>> from clearprop.optimizers import SGD
    >>> data = Data({"X": np.ones((2, 1))}, {"y": np.ones((2, 1))})
    >>> advice(Network([1, 1]).graph, SGD(10.0), data)
    'learning_rate=10: try 0.01'
    >>> advice(Network([1, 1], l2=1e6).graph, SGD(0.01), data)
    'l2=1000000: try 0.0001'
    """
    if optimizer.whole:  # which takes no step to where the cost is not finite
        return "where it began: standardise the columns, or start from other parameters"
    rate, usual = optimizer.learning_rate, type(optimizer)().learning_rate
    if min(rate, usual) * graph.l2 >= 2:
        return f"l2={number(graph.l2)}: try {number(USUAL_L2)}"
    better = number(min(rate / 100, usual))  # a wild rate tells nothing
    if rate <= 10 * usual:
        given = [data for data in rows if data is not None]
        for what, greatest in (
            ("targets", max(_greatest(data.targets) for data in given)),
            ("X", max(_greatest(data.inputs) for data in given)),
        ):
            if greatest > LARGE:
                return (
                    f"{what} of up to {number(greatest)}: standardise the columns, "
                    f"or try learning_rate={better} in place of {number(rate)}"
                )
    return f"learning_rate={number(rate)}: try {better}"


def _greatest(arrays: Mapping[str, NDArray[Any]]) -> float:
    """The largest magnitude among numbers; classes and indices have none."""
    found = [np.abs(array).max() for array in arrays.values() if array.dtype.kind == "f"]
    return float(max(found, default=0.0))
