"""AdamW without a schedule: an average of the way takes the place of a falling rate.

Proved by ``tests/test_optimizers_more.py``.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from clearprop.expressions import Array, Cases, Expr, Less, Num, Sym, primitive
from clearprop.optimizers.rule import (
    BETA1,
    BETA2,
    EPSILON,
    TIME,
    Flat,
    Optimizer,
    Update,
    correction,
    scaled_rate,
)
from clearprop.settings import Attr

__all__ = ["ScheduleFreeAdamW"]


class ScheduleFreeAdamW(Optimizer):
    """Schedule-free AdamW: gradients at y, steps of z, and the average x is what is kept.

    y = (1 − β₁) z + β₁ x;  v ← β₂ v + (1 − β₂) g(y)²;  v̂ = v / (1 − β₂ᵗ)
    z ← z − γ (g(y) / (√v̂ + ε) + weight_decay · y);  x ← (1 − c) x + c z

    γ = α min(1, t / warmup), and c = γ² / Σ γ² over the steps so far, 1 / t without a warm-up. The
    parameters trained are y, one slot holds s = z − x before x moves, and with s ← (1 − c′) s −
    γ (…), c′ the last step's c, all of it is y ← y + β₁ c s − (1 − β₁) γ (…) and
    x = y − (1 − β₁)(1 − c) s. What is judged on validation rows and what the model holds is x. (A
    batch whose weights are all 0 counts as a step in t.)

    Parameters
    ----------
    learning_rate : float in (0, ∞)
        α, 0.0025 by default. No schedule changes it.
    beta1, beta2 : float in [0, 1)
        β₁ between z and x, 0.9, and β₂, memory of the gradient's square, 0.999 by default.
    epsilon : float in (0, ∞)
        ε, which keeps the quotient finite; 1e-8 by default.
    weight_decay : float in [0, ∞)
        Decoupled, taken at y; 0 by default.
    warmup : int, steps
        Over which γ rises to α; 0 by default.

    Examples
    --------
    >>> ScheduleFreeAdamW(0.01, warmup=2).per_step(np.array([1.0, 2.0, 3.0]))["share"].round(3)
    array([1.   , 0.8  , 0.444])
    """

    name = "schedule_free"
    attrs = (
        Attr("learning_rate", float, 2.5e-3, bounds="(0, inf)", help="size of a step, α"),
        BETA1, BETA2, EPSILON,
        Attr("weight_decay", float, 0.0, bounds="[0, inf)",
             help="decoupled: W shrinks by α · weight_decay · W a step"),
        Attr("warmup", int, 0, bounds="[0, 1000000000]", unit="steps",
             help="over which the rate rises"),
    )  # fmt: skip
    slots = ("v", "s")
    kernel = (
        ("v", "beta2 * v + (1 - beta2) * g * g"),
        ("s", "rest * s - warm * rate * (g / (sqrt(v * correct2) + epsilon) + decay * w)"),
        (
            "w",
            "w + beta1 * share * s"
            " - (1 - beta1) * warm * rate * (g / (sqrt(v * correct2) + epsilon) + decay * w)",
        ),
    )
    scheduled = False
    when = "when the length of the run is not known"
    source = (
        "Defazio et al. 2024, The Road Less Scheduled, eq. 5-7 and Algorithm 1, with v̂ as in "
        "Adam's Algorithm 1"
    )

    def updates(self, w: Sym, g: Sym, lr_factor: float, decay_factor: float) -> list[Update]:
        v, s = self.slot("v", w), self.slot("s", w)
        told = self.settings
        beta1, beta2, warmup = told["beta1"], told["beta2"], told["warmup"]
        rate = scaled_rate(lr_factor)
        if warmup:
            rate = Cases(Less(TIME, Num(warmup)), TIME / Num(warmup), Num(1.0)) * rate
        way: Expr = g / (primitive("sqrt", v / (1 - Num(beta2) ** TIME)) + told["epsilon"])
        if decay := decay_factor * self.weight_decay:
            way = way + Num(decay) * w
        rest = Cases(Less(TIME, Num(1.5)), Num(0.0), 1 - _share(TIME - 1, warmup))
        return [
            (v, Num(beta2) * v + Num(1 - beta2) * g * g),
            (s, rest * s - rate * way),
            (w, w + Num(beta1) * _share(TIME, warmup) * s - Num(1 - beta1) * rate * way),
        ]

    def per_step(self, t: Array) -> dict[str, Array]:
        warmup = self.settings["warmup"]
        return {
            "correct2": correction(self.settings["beta2"], t),
            "warm": np.minimum(1.0, t / warmup) if warmup else np.ones_like(t, dtype=np.float64),
            "share": self._shares(t),
            "rest": np.where(t > 1, 1 - self._shares(np.maximum(t - 1, 1)), 0.0),
        }

    def _shares(self, t: Array) -> Array:
        """c of some steps; see `_share`."""
        warmup = self.settings["warmup"]
        if not warmup:
            return 1 / t
        rising = (warmup + 1) * (2 * warmup + 1) / (6 * warmup)
        late = np.maximum(t, warmup)
        return np.where(t <= warmup, 6 * t / ((t + 1) * (2 * t + 1)), 1 / (rising + late - warmup))

    def kept(self, parameters: Flat, slots: Mapping[str, Flat], t: int) -> Flat:
        """Return x after step ``t``."""
        if t == 0:
            return parameters
        apart = (1 - self.settings["beta1"]) * (1 - float(self._shares(np.array(float(t)))))
        return np.asarray(parameters - apart * slots["s"], dtype=parameters.dtype)


def _share(t: Expr, warmup: int) -> Expr:
    """c of step t: t² / Σᵢ i² while the rate rises, i up to t; then 1 / (Σᵢ i² / T² + t − T)."""
    if not warmup:
        return 1 / t
    rising = (warmup + 1) * (2 * warmup + 1) / (6 * warmup)
    return Cases(
        Less(t, Num(warmup), or_equal=True),
        6 * t / ((t + 1) * (2 * t + 1)),
        1 / (t + (rising - warmup)),
    )
