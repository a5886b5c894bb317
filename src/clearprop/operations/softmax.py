"""Softmax: the one function here whose outputs each depend on all inputs of the sample.

Its derivative is the full Jacobian product; there is no element-wise f′ to multiply by. With the
cross-entropy behind it the two are one step (`clearprop.operations.costs`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clearprop.expressions import Array, Expr, Hadamard, MatMul, Sum, Transpose, primitive
from clearprop.operations.row import Activation, Attrs, Site
from clearprop.operations.table import TABLE


def softmax(x: Array, attrs: Attrs = {}) -> Array:  # noqa: B006  # read only
    """Return e^(x_i) / Σ_k e^(x_k) over the last axis, the largest x taken off first."""
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return np.asarray(e / e.sum(axis=-1, keepdims=True))


@dataclass(frozen=True, eq=False)
class Softmax(Activation):
    """a_i = e^(z_i) / Σ_k e^(z_k)."""

    def adjoints(self, site: Site, delta: Expr) -> tuple[Expr | None, ...]:
        # ∂a_i/∂z_k = a_i (1[i=k] − a_k), so δ = a ⊙ (Δ − (aᵀ Δ))
        a = site.output
        return (Hadamard(a, delta - MatMul(Transpose(a), delta)),)


TABLE.register(
    Softmax(
        "softmax",
        onnx="Softmax",
        source="Bridle 1990",
        definition=lambda x, attrs: primitive("exp", x) / Sum(("unit",), primitive("exp", x)),
        value=softmax,
    )
)
