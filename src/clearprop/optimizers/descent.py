"""Gradient descent and its two momenta. Proved by ``tests/test_optimizers.py``."""

from __future__ import annotations

from clearprop.expressions import Num, Sym
from clearprop.optimizers.rule import MOMENTUM, Optimizer, Update, scaled_rate
from clearprop.settings import Attr

__all__ = ["SGD", "Momentum", "Nesterov"]


class SGD(Optimizer):
    """Gradient descent: w ← w − α g.

    Parameters
    ----------
    learning_rate : float in (0, ∞)
        α, 0.01 by default.

    Raises
    ------
    SettingError
        For a value out of bounds, or an unknown setting.

    Examples
    --------
    >>> SGD(0.1).learning_rate
    0.1
    """

    name = "sgd"
    attrs = (Attr("learning_rate", float, 0.01, bounds="(0, inf)", help="size of a step, α"),)
    kernel = (("w", "w - rate * g"),)
    when = "the plain rule, to compare with"
    source = "S0 and S3, the update; Cauchy 1847; Robbins & Monro 1951"

    def updates(self, w: Sym, g: Sym, lr_factor: float, decay_factor: float) -> list[Update]:
        return [(w, w - scaled_rate(lr_factor) * g)]


class Momentum(Optimizer):
    """Heavy ball: u ← μ u + g;  w ← w − α u.

    Parameters
    ----------
    learning_rate : float in (0, ∞)
        α, 0.01 by default.
    momentum : float in [0, 1)
        μ, the share of the last direction that is kept; 0.9 by default.

    Examples
    --------
    >>> Momentum(0.1)
    Momentum(learning_rate=0.1, momentum=0.9)
    """

    name = "momentum"
    attrs = (Attr("learning_rate", float, 0.01, bounds="(0, inf)", help="size of a step, α"),
             MOMENTUM)  # fmt: skip
    slots = ("u",)
    kernel = (("u", "momentum * u + g"), ("w", "w - rate * u"))
    when = "large data, a rate you tune"
    source = "Polyak 1964, eq. 9; in the form of Sutskever et al. 2013 with α outside"

    def updates(self, w: Sym, g: Sym, lr_factor: float, decay_factor: float) -> list[Update]:
        u = self.slot("u", w)
        return [(u, Num(self.settings["momentum"]) * u + g), (w, w - scaled_rate(lr_factor) * u)]


class Nesterov(Optimizer):
    """Nesterov's momentum: u ← μ u + g;  w ← w − α (g + μ u).

    Parameters
    ----------
    learning_rate : float in (0, ∞)
        α, 0.01 by default.
    momentum : float in [0, 1)
        μ, the share of the last direction that is kept; 0.9 by default.

    Examples
    --------
    >>> Nesterov(0.1, momentum=0.8)
    Nesterov(learning_rate=0.1, momentum=0.8)
    """

    name = "nesterov"
    attrs = Momentum.attrs
    slots = ("u",)
    kernel = (("u", "momentum * u + g"), ("w", "w - rate * (g + momentum * u)"))
    when = "as momentum, a little surer"
    source = "Nesterov 1983; Sutskever, Martens, Dahl & Hinton 2013, eq. 3–4, rearranged"

    def updates(self, w: Sym, g: Sym, lr_factor: float, decay_factor: float) -> list[Update]:
        u, mu = self.slot("u", w), Num(self.settings["momentum"])
        return [(u, mu * u + g), (w, w - scaled_rate(lr_factor) * (g + mu * u))]
