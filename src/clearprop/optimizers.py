"""The optimizers, a row each: the update as an equation, its step-wise scalars, its kernel.

A row states its update once as expressions (printed, and run by the reference in float64) and
once as scalar kernel text (from which the native functor is generated); a test holds the two
together. Slots start at zero; ``t`` counts steps from 1. Proved by ``tests/test_optimizers.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from clearprop.errors import SettingError
from clearprop.expressions import Array, Expr, Num, Sym, primitive
from clearprop.settings import Attr, check_all
from clearprop.words import did_you_mean, shown

__all__ = [
    "BETA1",
    "BETA2",
    "EPSILON",
    "LEARNING_RATE",
    "MOMENTUM",
    "OPTIMIZERS",
    "RATE",
    "SGD",
    "TIME",
    "Adam",
    "AdamW",
    "Momentum",
    "Nesterov",
    "Optimizer",
    "RMSprop",
    "Update",
    "optimizer",
]

RATE = Sym("learning_rate")
TIME = Sym("t")

LEARNING_RATE = Attr("learning_rate", float, 1e-3, bounds="(0, inf)", help="size of a step, α")
MOMENTUM = Attr("momentum", float, 0.9, bounds="[0, 1)", help="share of the last direction kept")
BETA1 = Attr("beta1", float, 0.9, bounds="[0, 1)", help="memory of the gradient's mean")
BETA2 = Attr("beta2", float, 0.999, bounds="[0, 1)", help="memory of the gradient's square")
EPSILON = Attr("epsilon", float, 1e-8, bounds="(0, inf)", help="keeps the quotient finite")

Update = tuple[Sym, Expr]


@dataclass(frozen=True)
class Optimizer:
    """A rule that turns a gradient into the next parameters.

    ``settings`` holds the checked settings by name; subclasses state the rule.
    """

    settings: Mapping[str, Any]

    name: ClassVar[str]
    attrs: ClassVar[tuple[Attr, ...]]
    slots: ClassVar[tuple[str, ...]] = ()
    kernel: ClassVar[tuple[tuple[str, str], ...]]
    """Assignments in order, over w, g, the slots, ``rate`` = α · lr_factor, ``decay`` =
    weight_decay · decay_factor, the settings, and the names of `per_step`."""
    source: ClassVar[str]

    def __init__(self, learning_rate: float | None = None, **settings: Any) -> None:
        given = settings if learning_rate is None else {"learning_rate": learning_rate, **settings}
        object.__setattr__(self, "settings", check_all(self.attrs, given, self.name))

    @property
    def learning_rate(self) -> float:
        """α, before a schedule changes it."""
        return float(self.settings["learning_rate"])

    @property
    def weight_decay(self) -> float:
        """Decoupled decay before a parameter's factor; 0 for rules without it."""
        return float(self.settings.get("weight_decay", 0.0))

    def updates(self, w: Sym, g: Sym, lr_factor: float, decay_factor: float) -> list[Update]:
        """Return the update of ``w`` as steps in order: the slots, then ``w`` itself."""
        raise NotImplementedError

    def per_step(self, t: Array) -> dict[str, Array]:
        """Return the scalars of the kernel that change with the step's number ``t`` (from 1)."""
        return {}

    def slot(self, slot: str, w: Sym) -> Sym:
        """Return the symbol of a slot of ``w``."""
        return Sym(f"{slot}.{w.name}", w.type)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v}' for k, v in self.settings.items())})"


def _rate(lr_factor: float) -> Expr:
    return RATE if lr_factor == 1 else Num(lr_factor) * RATE


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
    source = "S0 and S3, the update; Cauchy 1847; Robbins & Monro 1951"

    def updates(self, w: Sym, g: Sym, lr_factor: float, decay_factor: float) -> list[Update]:
        return [(w, w - _rate(lr_factor) * g)]


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
    source = "Polyak 1964, eq. 9; in the form of Sutskever et al. 2013 with α outside"

    def updates(self, w: Sym, g: Sym, lr_factor: float, decay_factor: float) -> list[Update]:
        u = self.slot("u", w)
        return [(u, Num(self.settings["momentum"]) * u + g), (w, w - _rate(lr_factor) * u)]


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
    source = "Nesterov 1983; Sutskever, Martens, Dahl & Hinton 2013, eq. 3–4, rearranged"

    def updates(self, w: Sym, g: Sym, lr_factor: float, decay_factor: float) -> list[Update]:
        u, mu = self.slot("u", w), Num(self.settings["momentum"])
        return [(u, mu * u + g), (w, w - _rate(lr_factor) * (g + mu * u))]


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
    source = "Tieleman & Hinton 2012, lecture 6.5"

    def updates(self, w: Sym, g: Sym, lr_factor: float, decay_factor: float) -> list[Update]:
        v, rho = self.slot("v", w), self.settings["rho"]
        step = _rate(lr_factor) * g / (primitive("sqrt", v) + self.settings["epsilon"])
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
    source = "Kingma & Ba 2015, Algorithm 1"

    def updates(self, w: Sym, g: Sym, lr_factor: float, decay_factor: float) -> list[Update]:
        m, v = self.slot("m", w), self.slot("v", w)
        beta1, beta2 = self.settings["beta1"], self.settings["beta2"]
        m_hat = m / (1 - Num(beta1) ** TIME)
        v_hat = v / (1 - Num(beta2) ** TIME)
        step = _rate(lr_factor) * m_hat / (primitive("sqrt", v_hat) + self.settings["epsilon"])
        return [
            (m, Num(beta1) * m + Num(1 - beta1) * g),
            (v, Num(beta2) * v + Num(1 - beta2) * g * g),
            (w, self._decayed(w, lr_factor, decay_factor) - step),
        ]

    def per_step(self, t: Array) -> dict[str, Array]:
        beta1, beta2 = self.settings["beta1"], self.settings["beta2"]
        return {"correct1": 1 / (1 - beta1**t), "correct2": 1 / (1 - beta2**t)}

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
    source = "Loshchilov & Hutter 2019, Algorithm 2"

    def _decayed(self, w: Sym, lr_factor: float, decay_factor: float) -> Expr:
        decay = decay_factor * self.weight_decay
        return w if decay == 0 else w - _rate(lr_factor) * Num(decay) * w


OPTIMIZERS: dict[str, type[Optimizer]] = {
    row.name: row for row in (SGD, Momentum, Nesterov, RMSprop, Adam, AdamW)
}


def optimizer(given: str | Optimizer, **settings: Any) -> Optimizer:
    """Return the optimizer called ``given`` with ``settings``, or ``given`` if it is one.

    Raises
    ------
    SettingError
        For an unknown name or setting, with the nearest one.

    Examples
    --------
    >>> optimizer("adam", learning_rate=0.01).learning_rate
    0.01
    """
    if isinstance(given, Optimizer):
        if settings:
            named = ", ".join(settings)
            raise SettingError(f"give {named} to the {given.name} object itself, not beside it")
        return given
    if not isinstance(given, str) or given not in OPTIMIZERS:  # a list has no hash
        raise SettingError(
            f"there is no optimizer {shown(given)}; {did_you_mean(given, OPTIMIZERS)}"
        )
    return OPTIMIZERS[given](**settings)
