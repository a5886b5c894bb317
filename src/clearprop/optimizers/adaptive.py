"""Steps divided by the gradient's own size. Proved by ``tests/test_optimizers.py``."""

from __future__ import annotations

from typing import ClassVar

from clearprop.expressions import Array, Expr, Num, Sym, primitive
from clearprop.optimizers.rule import (
    BETA1,
    BETA2,
    EPSILON,
    LEARNING_RATE,
    TIME,
    Optimizer,
    Update,
    correction,
    scaled_rate,
)
from clearprop.settings import Attr

__all__ = ["Adam", "AdamW", "RMSprop"]


class RMSprop(Optimizer):
    """RMSprop: v ← ρ v + (1 − ρ) g²;  w ← w − α g / (√v + ε).

    Parameters
    ----------
    learning_rate : float in (0, ∞)
        α, 0.001 by default.
    rho : float in [0, 1)
        ρ, the memory of the gradient's square; 0.9 by default.
    epsilon : float in (0, ∞)
        ε, which keeps the quotient finite; 1e-8 by default.

    Examples
    --------
    >>> RMSprop(rho=0.99).settings["rho"]
    0.99
    """

    name = "rmsprop"
    attrs = (LEARNING_RATE,
             Attr("rho", float, 0.9, bounds="[0, 1)", help="memory of the gradient's square"),
             EPSILON)  # fmt: skip
    slots = ("v",)
    kernel = (
        ("v", "rho * v + (1 - rho) * g * g"),
        ("w", "w - rate * g / (sqrt(v) + epsilon)"),
    )
    when = "noisy gradients; Adam without its mean"
    source = "Tieleman & Hinton 2012, lecture 6.5"

    def updates(self, w: Sym, g: Sym, lr_factor: float, decay_factor: float) -> list[Update]:
        v, rho = self.slot("v", w), self.settings["rho"]
        step = scaled_rate(lr_factor) * g / (primitive("sqrt", v) + self.settings["epsilon"])
        return [(v, Num(rho) * v + Num(1 - rho) * g * g), (w, w - step)]


class Adam(Optimizer):
    """Adam: m ← β₁ m + (1 − β₁) g;  v ← β₂ v + (1 − β₂) g²;  w ← w − α m̂ / (√v̂ + ε).

    m̂ = m / (1 − β₁ᵗ) and v̂ = v / (1 − β₂ᵗ) with t from 1, as in the paper's Algorithm 1.

    Parameters
    ----------
    learning_rate : float in (0, ∞)
        α, 0.001 by default.
    beta1, beta2 : float in [0, 1)
        β₁ and β₂, the memory of the gradient's mean and square; 0.9 and 0.999 by default.
    epsilon : float in (0, ∞)
        ε, which keeps the quotient finite; 1e-8 by default.

    Examples
    --------
    >>> Adam(0.01).settings["beta2"]
    0.999
    """

    name = "adam"
    attrs: ClassVar[tuple[Attr, ...]] = (LEARNING_RATE, BETA1, BETA2, EPSILON)
    slots = ("m", "v")
    kernel: ClassVar[tuple[tuple[str, str], ...]] = (
        ("m", "beta1 * m + (1 - beta1) * g"),
        ("v", "beta2 * v + (1 - beta2) * g * g"),
        ("w", "w - rate * (m * correct1) / (sqrt(v * correct2) + epsilon)"),
    )
    when = "the default: any network, any batch"
    source = "Kingma & Ba 2015, Algorithm 1"

    def updates(self, w: Sym, g: Sym, lr_factor: float, decay_factor: float) -> list[Update]:
        m, v = self.slot("m", w), self.slot("v", w)
        beta1, beta2 = self.settings["beta1"], self.settings["beta2"]
        m_hat = m / (1 - Num(beta1) ** TIME)
        v_hat = v / (1 - Num(beta2) ** TIME)
        step = (
            scaled_rate(lr_factor) * m_hat / (primitive("sqrt", v_hat) + self.settings["epsilon"])
        )
        return [
            (m, Num(beta1) * m + Num(1 - beta1) * g),
            (v, Num(beta2) * v + Num(1 - beta2) * g * g),
            (w, self._decayed(w, lr_factor, decay_factor) - step),
        ]

    def per_step(self, t: Array) -> dict[str, Array]:
        beta1, beta2 = self.settings["beta1"], self.settings["beta2"]
        return {"correct1": correction(beta1, t), "correct2": correction(beta2, t)}

    def _decayed(self, w: Sym, lr_factor: float, decay_factor: float) -> Expr:
        return w


class AdamW(Adam):
    """Adam with decoupled weight decay: Adam's step from w − α · weight_decay · w.

    The decay is not in the cost J, unlike the penalty ``l2``. Each parameter's ``decay_factor``
    scales it; biases have 0.

    Parameters
    ----------
    learning_rate, beta1, beta2, epsilon
        As for `Adam`.
    weight_decay : float in [0, ∞)
        W shrinks by α · weight_decay · W a step; 0.01 by default.

    Examples
    --------
    >>> AdamW(weight_decay=0.1).weight_decay
    0.1
    """

    name = "adamw"
    attrs = (LEARNING_RATE, BETA1, BETA2, EPSILON,
             Attr("weight_decay", float, 0.01, bounds="[0, inf)",
                  help="decoupled: W shrinks by α · weight_decay · W a step"))  # fmt: skip
    kernel = (
        *Adam.kernel[:2],
        ("w", "w - rate * decay * w - rate * (m * correct1) / (sqrt(v * correct2) + epsilon)"),
    )
    when = "as adam, with a decay that is not in the cost"
    source = "Loshchilov & Hutter 2019, Algorithm 2"

    def _decayed(self, w: Sym, lr_factor: float, decay_factor: float) -> Expr:
        decay = decay_factor * self.weight_decay
        return w if decay == 0 else w - scaled_rate(lr_factor) * Num(decay) * w
