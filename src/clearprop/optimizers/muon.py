"""Muon: a matrix moves along its momentum made orthogonal. Proved by
``tests/test_optimizers_more.py``.
"""

from __future__ import annotations

import math

import numpy as np

from clearprop.expressions import Apply, Array, Expr, Num, Primitive, Sym, primitive
from clearprop.optimizers.rule import (
    BETA1,
    BETA2,
    EPSILON,
    TIME,
    Optimizer,
    Update,
    scaled_rate,
)
from clearprop.settings import Attr

__all__ = ["Muon", "orthogonalised"]

#: X ← a X + (b A + c A²) X with A = X Xᵀ: Jordan et al. 2024, tuned to lift small singular values
#: fast; five times bring those above 1e-3 of the norm to between 0.7 and 1.2.
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
TIMES = 5
TINY = 1e-7
#: The root mean square of Adam's step is 0.2 to 0.4 of α: Liu et al. 2025, section 2.2.
MATCH = 0.2


def orthogonalised(matrix: Array) -> Array:
    """Return the matrix with all its singular values near 1: five steps of Newton-Schulz.

    In float32, whatever is given: five steps are off by a fifth, not by 1e-7.

    Parameters
    ----------
    matrix : (…, r, c) array

    Returns
    -------
    (…, r, c) array
        Of the dtype given; zero for zero.

    Examples
    --------
    >>> made = orthogonalised(np.array([[3.0, 0.0], [0.0, 0.5]]))
    >>> bool((abs(np.linalg.svd(made)[1] - 1) < 0.35).all())
    True
    """
    a, b, c = COEFFICIENTS
    tall = matrix.shape[-2] > matrix.shape[-1]
    X = np.swapaxes(matrix, -1, -2) if tall else matrix
    X = (X / (np.sqrt((X * X).sum(axis=(-2, -1), keepdims=True)) + TINY)).astype(np.float32)
    for _ in range(TIMES):
        A = X @ np.swapaxes(X, -1, -2)
        X = a * X + (b * A + c * (A @ A)) @ X
    return np.asarray(np.swapaxes(X, -1, -2) if tall else X, dtype=matrix.dtype)


_ORTHOGONALISE = Primitive("orthogonalise", orthogonalised)


class Muon(Optimizer):
    """Muon for matrices, AdamW for all else: u ← μ u + g;  W ← W − α (κ O(g + μ u) + λ W).

    O(M) = U Vᵀ of M's singular value decomposition U Σ Vᵀ, found nearly by five steps of
    Newton–Schulz; κ = 0.2 √max(r, c) gives an (r, c) matrix steps of the size that AdamW's have, so
    that one α and one weight decay λ serve biases (which AdamW moves) and matrices. Every matrix
    counts, an embedding's and the last layer's too.

    It is no rule of one element at a time and so has no native kernel: the native engine gives the
    gradient, and the step itself is NumPy's.

    Parameters
    ----------
    learning_rate : float in (0, ∞)
        α, 0.001 by default.
    momentum : float in [0, 1)
        μ, 0.95 by default.
    beta1, beta2, epsilon
        Of AdamW, for what is no matrix.
    weight_decay : float in [0, ∞)
        λ, decoupled; 0.01 by default.

    Examples
    --------
    >>> Muon(0.01).settings["momentum"]
    0.95
    """

    name = "muon"
    attrs = (
        Attr("learning_rate", float, 1e-3, bounds="(0, inf)", help="size of a step, α"),
        Attr("momentum", float, 0.95, bounds="[0, 1)", help="share of the last direction kept"),
        BETA1, BETA2, EPSILON,
        Attr("weight_decay", float, 0.01, bounds="[0, inf)",
             help="decoupled: W shrinks by α · weight_decay · W a step"),
    )  # fmt: skip
    slots = ("m", "v")
    when = "wide layers, large batches"
    source = "Jordan et al. 2024, Muon; κ: Liu et al. 2025, Muon is Scalable, eq. 4"

    def updates(self, w: Sym, g: Sym, lr_factor: float, decay_factor: float) -> list[Update]:
        m, v, told = self.slot("m", w), self.slot("v", w), self.settings
        rate, decay = scaled_rate(lr_factor), decay_factor * self.weight_decay
        shrunk: Expr = w if decay == 0 else w - rate * Num(decay) * w
        if len(w.shape) == 2:
            mu = Num(told["momentum"])
            way = Num(MATCH * math.sqrt(max(w.shape))) * Apply(_ORTHOGONALISE, (g + mu * m,))
            return [(m, mu * m + g), (w, shrunk - rate * way)]
        beta1, beta2 = told["beta1"], told["beta2"]
        m_hat, v_hat = m / (1 - Num(beta1) ** TIME), v / (1 - Num(beta2) ** TIME)
        return [
            (m, Num(beta1) * m + Num(1 - beta1) * g),
            (v, Num(beta2) * v + Num(1 - beta2) * g * g),
            (w, shrunk - rate * m_hat / (primitive("sqrt", v_hat) + told["epsilon"])),
        ]
