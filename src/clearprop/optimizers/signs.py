"""Steps whose size the gradient's sign decides, not its length. Proved by
``tests/test_optimizers_more.py``.
"""

from __future__ import annotations

from clearprop.expressions import Cases, Expr, Less, Num, Sym, primitive
from clearprop.optimizers.rule import BETA1, Optimizer, Update, scaled_rate
from clearprop.settings import Attr

__all__ = ["Lion", "Rprop"]

_SIGN = "select({x} > 0, 1, select({x} < 0, -1, {x}))"  # NaN stays NaN, and is seen


class Rprop(Optimizer):
    """Resilient back-propagation: each weight has a step of its own, and only signs count.

    With h the sign of a weight's last gradient (0 at first) and Δ = α s its step, s = 1 at first:
    s ← min(η⁺ s, s_max) where g h > 0;  s ← max(η⁻ s, s_min) where g h < 0;  else s stays.
    h ← 0 where g h < 0, else sign g;  w ← w − α s h. (So a weight whose gradient changed its sign
    rests for a step.)

    A step takes all rows unless a batch size is given: the noise of small batches flips signs.

    Parameters
    ----------
    learning_rate : float in (0, ∞)
        α, the first step of every weight; 0.01 by default.
    grow : float in (1, ∞)
        η⁺, 1.2 by default.
    shrink : float in (0, 1)
        η⁻, 0.5 by default.
    smallest, largest : float in (0, ∞)
        s_min and s_max: bounds of a step as multiples of α; 1e-6 and 5000 by default.

    Examples
    --------
    >>> Rprop(0.1).settings["grow"]
    1.2
    """

    name = "rprop"
    attrs = (
        Attr("learning_rate", float, 0.01, bounds="(0, inf)", help="first step of a weight, α"),
        Attr("grow", float, 1.2, bounds="(1, inf)", help="η⁺, of a step whose gradient keeps sign"),
        Attr("shrink", float, 0.5, bounds="(0, 1)", help="η⁻, of a step that went too far"),
        Attr("smallest", float, 1e-6, bounds="(0, inf)", help="least step, as a multiple of α"),
        Attr("largest", float, 5000.0, bounds="(0, inf)", help="greatest step, as a multiple of α"),
    )
    slots = ("s", "h")
    kernel = (
        ("s", "select(s > 0, s, 1)"),  # the first step
        (
            "s",
            "select(g * h > 0, fmin(s * grow, largest),"
            " select(g * h < 0, fmax(s * shrink, smallest), s))",
        ),
        ("h", f"select(g * h < 0, 0, {_SIGN.format(x='g')})"),
        ("w", "w - rate * s * h"),
    )
    full_batch = True
    when = "all rows at once, no rate to tune"
    source = (
        "Riedmiller & Braun 1993, eq. 4-6, in the form iRprop- of Igel & Hüsken 2003, Algorithm 4"
    )

    def updates(self, w: Sym, g: Sym, lr_factor: float, decay_factor: float) -> list[Update]:
        s, h = self.slot("s", w), self.slot("h", w)
        told = {name: Num(value) for name, value in self.settings.items()}
        zero, now = Num(0.0), Cases(Less(Num(0.0), s), s, Num(1.0))
        longer, shorter = told["grow"] * now, told["shrink"] * now
        longer = Cases(Less(longer, told["largest"]), longer, told["largest"])
        shorter = Cases(Less(told["smallest"], shorter), shorter, told["smallest"])
        turned, same = Less(g * h, zero), Less(zero, g * h)
        return [
            (s, Cases(same, longer, Cases(turned, shorter, now))),
            (h, Cases(turned, zero, primitive("sign", g))),
            (w, w - scaled_rate(lr_factor) * s * h),
        ]


class Lion(Optimizer):
    """Lion: w ← w − α (sign(β₁ m + (1 − β₁) g) + weight_decay · w);  m ← β₂ m + (1 − β₂) g.

    Every weight moves by α, whatever its gradient's size: take α three to ten times smaller than
    Adam's, and a weight decay as many times larger.

    Parameters
    ----------
    learning_rate : float in (0, ∞)
        α, 1e-4 by default.
    beta1, beta2 : float in [0, 1)
        β₁ of the step's direction, 0.9, and β₂ of what is remembered, 0.99 by default.
    weight_decay : float in [0, ∞)
        Decoupled: W shrinks by α · weight_decay · W a step; 0 by default.

    Examples
    --------
    >>> Lion(weight_decay=0.1).weight_decay
    0.1
    """

    name = "lion"
    attrs = (
        Attr("learning_rate", float, 1e-4, bounds="(0, inf)", help="size of a step, α"),
        BETA1,
        Attr("beta2", float, 0.99, bounds="[0, 1)", help="memory of the gradient's mean"),
        Attr("weight_decay", float, 0.0, bounds="[0, inf)",
             help="decoupled: W shrinks by α · weight_decay · W a step"),
    )  # fmt: skip
    slots = ("m",)
    kernel = (
        (
            "w",
            "w - rate * decay * w - rate * " + _SIGN.format(x="(beta1 * m + (1 - beta1) * g)"),
        ),
        ("m", "beta2 * m + (1 - beta2) * g"),
    )
    when = "large networks: half of Adam's memory"
    source = "Chen et al. 2023, Algorithm 2"

    def updates(self, w: Sym, g: Sym, lr_factor: float, decay_factor: float) -> list[Update]:
        m, beta1, beta2 = self.slot("m", w), self.settings["beta1"], self.settings["beta2"]
        rate, decay = scaled_rate(lr_factor), decay_factor * self.weight_decay
        shrunk: Expr = w if decay == 0 else w - rate * Num(decay) * w
        way = primitive("sign", Num(beta1) * m + Num(1 - beta1) * g)
        return [(w, shrunk - rate * way), (m, Num(beta2) * m + Num(1 - beta2) * g)]
