"""What an optimizer states: its equation as expressions, its step-wise scalars, its kernel.

A row states its update once as expressions (printed, and run by the reference in float64) and
once as scalar kernel text (from which the native functor is generated); a test holds the two
together. Slots start at zero; ``t`` counts steps from 1. A row that is not element-wise has no
kernel: the native engine gives it gradients (`clearprop.engine.stepping`). Proved by
``tests/test_optimizers.py``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from clearprop.expressions import Array, Expr, Num, Sym
from clearprop.graph import Graph
from clearprop.settings import Attr, check_all

__all__ = [
    "BETA1",
    "BETA2",
    "EPSILON",
    "LEARNING_RATE",
    "MOMENTUM",
    "RATE",
    "TIME",
    "Flat",
    "Optimizer",
    "Update",
    "correction",
    "scaled_rate",
]

Flat = NDArray[Any]

RATE = Sym("learning_rate")
TIME = Sym("t")

LEARNING_RATE = Attr("learning_rate", float, 1e-3, bounds="(0, inf)", help="size of a step, α")
MOMENTUM = Attr("momentum", float, 0.9, bounds="[0, 1)", help="share of the last direction kept")
BETA1 = Attr("beta1", float, 0.9, bounds="[0, 1)", help="memory of the gradient's mean")
BETA2 = Attr("beta2", float, 0.999, bounds="[0, 1)", help="memory of the gradient's square")
EPSILON = Attr("epsilon", float, 1e-8, bounds="(0, inf)", help="keeps the quotient finite")

NOTHING = 2.0**-60
"""What is taken from 1 without changing it."""

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
    kernel: ClassVar[tuple[tuple[str, str], ...]] = ()
    """Assignments in order, over w, g, the slots, ``rate`` = α · lr_factor, ``decay`` =
    weight_decay · decay_factor, the settings, and the names of `per_step`. Empty: no kernel."""
    source: ClassVar[str]
    when: ClassVar[str]
    """When to use it, in a few words: the command line's help."""
    whole: ClassVar[bool] = False
    """Whether a step sees all rows and evaluates for itself: a `WholeBatch`."""
    full_batch: ClassVar[bool] = False
    """Whether a step takes all rows unless a batch size is given."""
    scheduled: ClassVar[bool] = True
    """Whether a schedule may change α."""
    side_by_side: ClassVar[bool] = True
    """Whether it trains members side by side."""
    precisions: ClassVar[tuple[str, ...]] = ("float32", "float64", "bfloat16")
    """Those that it can be trained in."""

    def __init__(self, learning_rate: float | None = None, **settings: Any) -> None:
        given = settings if learning_rate is None else {"learning_rate": learning_rate, **settings}
        object.__setattr__(self, "settings", check_all(self.attrs, given, self.name))

    @property
    def learning_rate(self) -> float:
        """α, before a schedule changes it; 1 for rules that find their own step."""
        return float(self.settings.get("learning_rate", 1.0))

    @property
    def weight_decay(self) -> float:
        """Decoupled decay before a parameter's factor; 0 for rules without it."""
        return float(self.settings.get("weight_decay", 0.0))

    def updates(self, w: Sym, g: Sym, lr_factor: float, decay_factor: float) -> list[Update]:
        """Return the update of ``w`` as steps in order, of the slots and of ``w`` itself."""
        raise NotImplementedError

    def per_step(self, t: Array) -> dict[str, Array]:
        """Return the scalars of the kernel that change with the step's number ``t`` (from 1)."""
        return {}

    def slot(self, slot: str, w: Sym) -> Sym:
        """Return the symbol of a slot of ``w``."""
        return Sym(f"{slot}.{w.name}", w.type)

    def begin(self, parameters: Flat) -> dict[str, Flat]:
        """Return the slots before the first step, all zero."""
        # Of np.zeros a page takes memory when it is written to, of np.zeros_like at once.
        shape, dtype = parameters.shape, parameters.dtype
        return {name: np.zeros(shape, dtype) for name in self.slots}

    def vectors(self, size: int) -> float:
        """Return what a run keeps in slots and for a step, in vectors of ``size`` numbers."""
        return len(self.slots)

    def kept(self, parameters: Flat, slots: Mapping[str, Flat], t: int) -> Flat:
        """Return the parameters to judge and to keep after step ``t``: those trained, as a rule."""
        return parameters

    def check(self, graph: Graph) -> None:
        """Refuse a network that the rule cannot train; raises SettingError."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v}' for k, v in self.settings.items())})"


def correction(beta: float, t: Array) -> Array:
    """Return 1 / (1 − βᵗ), which makes up for a mean that began with 0.

    From where βᵗ is less than `NOTHING` on it is 1, and no smaller power is taken: a power below
    the least number takes some twenty times as long as another.

    Parameters
    ----------
    beta : float in [0, 1)
    t : array
        Numbers of steps, from 1.

    Examples
    --------
    >>> correction(0.5, np.array([1.0, 2.0, 1e6])).round(3).tolist()
    [2.0, 1.333, 1.0]
    """
    enough = math.ceil(math.log(NOTHING) / math.log(beta)) if beta > 0 else 1
    found: Array = 1 / (1 - beta ** np.minimum(t, max(1, enough)))
    return found


def scaled_rate(lr_factor: float) -> Expr:
    """Return α, times a parameter's own factor."""
    return RATE if lr_factor == 1 else Num(lr_factor) * RATE
