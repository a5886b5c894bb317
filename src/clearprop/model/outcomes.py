"""What a network's outputs say of the target: labels or numbers, probabilities, figures.

Proved by ``tests/test_model.py``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from clearprop.errors import DataError
from clearprop.metrics import evaluate
from clearprop.tables.target import Target

__all__ = ["figures", "probabilities", "values"]


def values(target: Target, outputs: NDArray[Any]) -> NDArray[Any]:
    """Return labels, or numbers in the target's units."""
    if target.task == "classification":
        # Two numbers of float32 stay two in float64, whatever they are divided by.
        exact = outputs.dtype == np.float32 and outputs.shape[1] > 1
        scores = outputs if exact else probabilities(outputs)
        return target.decode(scores.argmax(axis=1))
    found = target.predicted(outputs)
    return found[:, 0] if found.shape[1] == 1 else found


def figures(
    target: Target,
    y: NDArray[Any],
    outputs: NDArray[Any],
    weights: NDArray[np.float64] | None,
    level: float = 0.5,
) -> dict[str, float]:
    """Return how good outputs are for encoded targets, by the name of the figure.

    The level is that of the quantile which is predicted.
    """
    if target.task == "classification":
        y = y.argmax(axis=1) if y.ndim == 2 else y
        return evaluate("classification", y, probabilities(outputs), weights)
    t, p = target.decode(y), target.predicted(outputs)
    t = t.reshape(len(t), -1)
    if t.shape != p.shape:
        raise DataError(f"Y has {t.shape[1]} numbers a row, the network gives {p.shape[1]}")
    each = [evaluate("regression", t[:, k], p[:, k], weights, level) for k in range(p.shape[1])]
    return {name: float(np.mean([one[name] for one in each])) for name in each[0]}


def probabilities(outputs: NDArray[Any]) -> NDArray[np.float64]:
    """One column a class; a binary network gives that of its second class alone."""
    P = np.asarray(outputs, np.float64)
    if P.shape[1] == 1:
        return np.concatenate([1.0 - P, P], axis=1)
    # Rounded to float32, the shares of softmax miss the sum 1 by some 1e-7: mended in float64.
    return np.asarray(P / P.sum(axis=1, keepdims=True))
