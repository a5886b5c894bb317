"""How an estimator goes down: scikit-learn's rules of SGD and Adam, in the engine's kernels.

Adam adds ε to √v before its correction (Kingma & Ba 2015, end of section 2), so the correction is
in the rate; SGD keeps the rate inside its velocity, so the slot is rescaled when the rate changes.
Both are exact. Proved by ``tests/test_estimators_same.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from clearprop.engine import State
from clearprop.expressions import Array, Expr, Num, Sym, primitive
from clearprop.optimizers import (
    TIME,
    Adam,
    AdamW,
    Momentum,
    Nesterov,
    Optimizer,
    RMSprop,
    Update,
)
from clearprop.settings import Attr
from clearprop.training import Horizon, schedule
from clearprop.training.rates import Rates

__all__ = ["SOLVERS", "Descent", "solver_rule"]

SMALLEST_RATE = 1e-6
"""Where ``learning_rate="adaptive"`` gives up, as in scikit-learn."""

ADAPTIVE_FACTOR = 5.0

GREATEST_RESCALING = 1e12
"""Of a velocity at once: rules that train anything stay far below, and float32 holds it."""

_ANY_MOMENTUM = Attr("momentum", float, 0.9, bounds="[0, 1]", help="share of the velocity kept")


class _Velocity(Momentum):
    """Heavy ball with μ up to 1, as scikit-learn takes it."""

    attrs = (Momentum.attrs[0], _ANY_MOMENTUM)


class _NesterovVelocity(Nesterov):
    """Nesterov's momentum with μ up to 1, as scikit-learn takes it."""

    attrs = _Velocity.attrs


class _AdamHat(Adam):
    """Adam with ε beside √v: w ← w − α √(1 − β₂ᵗ) / (1 − β₁ᵗ) · m / (√v + ε)."""

    source: ClassVar[str] = "Kingma & Ba 2015, the end of section 2"

    def updates(self, w: Sym, g: Sym, lr_factor: float, decay_factor: float) -> list[Update]:
        m_update, v_update, (_, _) = super().updates(w, g, lr_factor, decay_factor)
        m, v = self.slot("m", w), self.slot("v", w)
        beta1, beta2 = self.settings["beta1"], self.settings["beta2"]
        rate: Expr = Num(lr_factor) * Sym("learning_rate")
        rate = rate * primitive("sqrt", 1 - Num(beta2) ** TIME) / (1 - Num(beta1) ** TIME)
        step = rate * m / (primitive("sqrt", v) + self.settings["epsilon"])
        return [m_update, v_update, (w, w - step)]

    def per_step(self, t: Array) -> dict[str, Array]:
        one = np.ones_like(t)  # the correction is in the rate: see `corrected`
        return {"correct1": one, "correct2": one}

    def corrected(self, t: Array) -> Array:
        """√(1 − β₂ᵗ) / (1 − β₁ᵗ)."""
        beta1, beta2 = self.settings["beta1"], self.settings["beta2"]
        return np.asarray(np.sqrt(1 - beta2**t) / (1 - beta1**t))


def _sgd(told: dict[str, Any]) -> Optimizer:
    kind = _NesterovVelocity if told["nesterovs_momentum"] else _Velocity
    return kind(told["learning_rate_init"], momentum=told["momentum"])


def _adam_settings(told: dict[str, Any]) -> dict[str, Any]:
    return {
        "learning_rate": told["learning_rate_init"],
        "beta1": told["beta_1"],
        "beta2": told["beta_2"],
        "epsilon": told["epsilon"],
    }


SOLVERS: dict[str, Callable[[dict[str, Any]], Optimizer]] = {
    "sgd": _sgd,
    "adam": lambda told: _AdamHat(**_adam_settings(told)),
    "adamw": lambda told: AdamW(weight_decay=told["weight_decay"], **_adam_settings(told)),
    "rmsprop": lambda told: RMSprop(
        told["learning_rate_init"], rho=told["beta_2"], epsilon=told["epsilon"]
    ),
}
"""The solvers that go by batches, each from an estimator's parameters."""

RATE_RULES = ("constant", "invscaling", "adaptive")
"""scikit-learn's values of ``learning_rate``, which its Adam leaves aside."""


def solver_rule(told: dict[str, Any]) -> Optimizer:
    """Return the update rule of an estimator's parameters."""
    return SOLVERS[told["solver"]](told)


class Descent:
    """The rule, its rate and its slots: what `partial_fit` goes on with, and what is pickled.

    Parameters
    ----------
    told : dict
        The estimator's parameters.
    flat : (size,) float array
        The parameters to start from.
    precision : {"float32", "float64"}
    horizon : Horizon
        The run that a schedule spans.
    seed : int
        Of dropout.
    """

    def __init__(
        self, told: dict[str, Any], flat: NDArray[Any], precision: Any, horizon: Horizon, seed: int
    ) -> None:
        self.rule = solver_rule(told)
        self.state = State.initial(flat, self.rule, seed, precision, "")
        self._rate_rule = told["learning_rate"]
        self._power: float = told["power_t"]
        self._carries = told["solver"] == "sgd"  # the rate is in the velocity
        self._scheduled: Rates | None = None
        if not (isinstance(self._rate_rule, str) and self._rate_rule in RATE_RULES):
            self._scheduled = Rates(schedule(self._rate_rule), horizon)
        self.learning_rate_init = float(told["learning_rate_init"])
        self.learning_rate = self.base = self.learning_rate_init

    def fits(self, flat: NDArray[Any]) -> bool:
        """Whether these parameters can go on with the slots there are."""
        has = self.state.parameters
        return has.shape == flat.shape and has.dtype == flat.dtype

    @property
    def steady(self) -> bool:
        """Whether epochs that go on as before leave the rate as it is."""
        changes = self._carries and self._rate_rule == "invscaling"
        return self._scheduled is None and not changes

    def rates(self, steps: int) -> Array:
        """Return the rates of the next steps."""
        done = self.state.step
        base: Array = np.full(steps, self.base)
        if self._scheduled is not None:
            last = self._scheduled.horizon.steps - 1  # `partial_fit` may go on beyond the end
            t = np.minimum(np.arange(done, done + steps), last).astype(np.float64)
            base = self._scheduled.at(t)
        if isinstance(self.rule, _AdamHat):
            base = base * self.rule.corrected(np.arange(done + 1.0, done + steps + 1.0))
        self.learning_rate = float(base[-1])
        return base

    def epoch_ends(self, samples: int, loss: float) -> None:
        """Take the rate of the next epoch, after ``samples`` samples in all."""
        if self._scheduled is not None:
            self._scheduled.observe(loss)
        elif self._carries and self._rate_rule == "invscaling":
            self._change(self.learning_rate_init / float(samples + 1) ** self._power)

    def stalls(self) -> str:
        """Say what to do where nothing improves: what is printed; "" means go on slower."""
        if not self._carries or self._rate_rule != "adaptive":
            return "Stopping."
        if self.base <= SMALLEST_RATE:
            return "Learning rate too small. Stopping."
        self._change(self.base / ADAPTIVE_FACTOR)
        return ""

    def _change(self, rate: float) -> None:
        # Theirs: v ← μ v − α g, w ← w + v. Ours: u ← μ u + g, w ← w − α u, so that v is −α u.
        self.state.slots["u"] *= min(self.base / rate, GREATEST_RESCALING) if rate else 0.0
        self.learning_rate = self.base = rate
