"""Schedules, a row each: the learning rate of every step as a function of the step's number.

A schedule gives arrays of rates for windows of steps; the engine knows none. All but `Plateau` are
functions of the step alone; `Plateau` remembers a few numbers between epochs, which a checkpoint
holds. Proved by ``tests/test_schedules.py``.

In the equations α is the learning rate given, t the step's number from 0, T the steps of the whole
run, E the steps of an epoch, e = ⌊t / E⌋ the epoch from 0.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from clearprop.errors import SettingError
from clearprop.expressions import Array
from clearprop.settings import Attr, check_all
from clearprop.words import did_you_mean, shown

__all__ = [
    "SCHEDULES",
    "Constant",
    "CosLog4",
    "Cosine",
    "Exponential",
    "FlatCos",
    "Given",
    "Horizon",
    "OneCycle",
    "Plateau",
    "Schedule",
    "StepDecay",
    "WarmUp",
    "schedule",
]

Memory = Mapping[str, float]


@dataclass(frozen=True)
class Horizon:
    """What a schedule knows of its run: ``rate`` α, ``steps`` T, ``epoch`` E."""

    rate: float
    steps: int
    epoch: int


class Schedule:
    """A rule that gives each step its learning rate; subclasses state the rule.

    ``settings`` holds the checked settings by name.
    """

    name: ClassVar[str]
    attrs: ClassVar[tuple[Attr, ...]] = ()
    source: ClassVar[str]
    by_epoch: ClassVar[bool] = False
    """Whether the rate changes between epochs only; such a change is an event of the history."""
    cycles: ClassVar[tuple[float, ...]] = ()
    """Where the rate comes down to 0 to go up again, and the end, as shares of the run."""

    def __init__(self, **settings: Any) -> None:
        self.settings: dict[str, Any] = check_all(self.attrs, settings, self.name)

    def rates(self, t: Array, run: Horizon, memory: Memory) -> Array:
        """Return the rates of the steps ``t``.

        Parameters
        ----------
        t : (count,) float64
            Numbers of the steps, from 0.
        run : Horizon
        memory : mapping of str to float
            What `start` gave or `observe` made of it.

        Returns
        -------
        (count,) float64
        """
        raise NotImplementedError

    def start(self) -> Memory:
        """Return what the schedule remembers before the first epoch."""
        return {}

    def observe(self, cost: float, run: Horizon, memory: Memory) -> Memory:
        """Return what it remembers after an epoch that ended with ``cost``."""
        return memory

    def setting(self, name: str) -> float:
        """Return a setting that is a number."""
        return float(self.settings[name])

    def describe(self) -> dict[str, Any]:
        """Return name and settings as plain data: equal for schedules that give equal rates."""
        return {"name": self.name, **self.settings}

    def __repr__(self) -> str:
        inside = ", ".join(f"{name}={value}" for name, value in self.settings.items())
        return f"{type(self).__name__}({inside})"


class Constant(Schedule):
    """The same rate at every step: α.

    Examples
    --------
    >>> Constant().rates(np.arange(3.0), Horizon(0.1, 3, 1), {}).tolist()
    [0.1, 0.1, 0.1]
    """

    name = "constant"
    source = "Robbins & Monro 1951 with a constant gain"

    def rates(self, t: Array, run: Horizon, memory: Memory) -> Array:
        return np.full(len(t), run.rate)


class StepDecay(Schedule):
    """Multiplied by a factor every so many epochs: α · factor^⌊e / every⌋.

    Examples
    --------
    >>> StepDecay(every=2, factor=0.5).rates(np.arange(6.0), Horizon(1.0, 6, 1), {}).tolist()
    [1.0, 1.0, 0.5, 0.5, 0.25, 0.25]
    """

    name = "step"
    attrs = (
        Attr("every", int, 30, bounds="[1, inf)", unit="epochs", help="epochs between changes"),
        Attr("factor", float, 0.1, bounds="(0, 1]", help="what the rate is multiplied by"),
    )
    source = "He, Zhang, Ren & Sun 2016, section 3.4: divided by 10 at fixed times"
    by_epoch = True

    def rates(self, t: Array, run: Horizon, memory: Memory) -> Array:
        changes = np.floor(np.floor(t / run.epoch) / self.setting("every"))
        return run.rate * self.setting("factor") ** changes


class Exponential(Schedule):
    """Smooth decay by a factor an epoch: α · factor^(t / E)."""

    name = "exponential"
    attrs = (Attr("factor", float, 0.95, bounds="(0, 1]", help="what an epoch multiplies it by"),)
    source = "Senior, Heigold, Ranzato & Yang 2013, section 2.2 (exponential scheduling)"

    def rates(self, t: Array, run: Horizon, memory: Memory) -> Array:
        return run.rate * self.setting("factor") ** (t / run.epoch)


class Cosine(Schedule):
    """Half a cosine down to a share of α: α (final + (1 − final) (1 + cos(π t / T)) / 2)."""

    name = "cosine"
    attrs = (Attr("final", float, 0.0, bounds="[0, 1]", help="share of the rate left at the end"),)
    source = "Loshchilov & Hutter 2017, eq. 5, without restarts"

    def rates(self, t: Array, run: Horizon, memory: Memory) -> Array:
        final = self.setting("final")
        return run.rate * (final + (1 - final) * (1 + np.cos(np.pi * t / run.steps)) / 2)


class FlatCos(Schedule):
    """α at first, then half a cosine down to 0: with x = t / T and p = flat, α up to x = p.

    From there on α (1 + cos(π (x − p) / (1 − p))) / 2.

    Examples
    --------
    >>> FlatCos().rates(np.arange(5.0), Horizon(1.0, 4, 1), {}).round(3).tolist()
    [1.0, 1.0, 1.0, 0.5, 0.0]
    """

    name = "flat_cos"
    attrs = (Attr("flat", float, 0.5, bounds="[0, 1)", help="share of the steps before the fall"),)
    source = "Holzmüller, Grinsztajn & Steinwart 2024, appendix A, flat_cos"

    def rates(self, t: Array, run: Horizon, memory: Memory) -> Array:
        flat = self.setting("flat")
        fallen = np.maximum(t / run.steps - flat, 0.0) / (1 - flat)
        return run.rate * (1 + np.cos(np.pi * fallen)) / 2


class WarmUp(Schedule):
    """Rise from near 0 in the first steps, then another schedule over the steps that are left.

    With s = share · T, rounded and 1 at least: for t < s, the rate α' with which the other begins
    times (t + 1) / s, or (1 − cos(π (t + 1) / s)) / 2 with ``shape="cosine"``. From t = s on the
    other schedule at t − s of T − s.

    Parameters
    ----------
    share : float in (0, 1)
        Share of the run's steps to rise in.
    shape : {"linear", "cosine"}
    then : str or Schedule
        What follows, ``"constant"`` by default.

    Examples
    --------
    >>> WarmUp(share=0.5).rates(np.arange(6.0), Horizon(3.0, 6, 1), {}).tolist()
    [1.0, 2.0, 3.0, 3.0, 3.0, 3.0]
    """

    name = "warm_up"
    attrs = (
        Attr("share", float, 0.05, bounds="(0, 1)", help="share of the steps to rise in"),
        Attr("shape", str, "linear", choices=("linear", "cosine"), help="form of the rise"),
    )
    source = "Goyal et al. 2017, section 2.2 (gradual warm-up)"

    def __init__(self, then: str | Schedule = "constant", **settings: Any) -> None:
        super().__init__(**settings)
        self.then = schedule(then)

    def _rise(self, run: Horizon) -> tuple[int, Horizon]:
        """s, and the run that is left behind it."""
        steps = min(max(1, round(self.setting("share") * run.steps)), max(1, run.steps - 1))
        return steps, Horizon(run.rate, max(1, run.steps - steps), run.epoch)

    def rates(self, t: Array, run: Horizon, memory: Memory) -> Array:
        s, left = self._rise(run)
        rise = np.minimum((t + 1) / s, 1.0)
        if self.settings["shape"] == "cosine":
            rise = (1 - np.cos(np.pi * rise)) / 2
        return rise * self.then.rates(np.maximum(t - s, 0.0), left, memory)

    def start(self) -> Memory:
        return self.then.start()

    def observe(self, cost: float, run: Horizon, memory: Memory) -> Memory:
        return self.then.observe(cost, self._rise(run)[1], memory)

    def describe(self) -> dict[str, Any]:
        return {**super().describe(), "then": self.then.describe()}


class OneCycle(Schedule):
    """Up to α and down again, each half a cosine: α is the rate at the peak.

    With p = peak · T: from α · initial at t = 0 up to α at t = p, then down to α · final at t = T.
    """

    name = "one_cycle"
    attrs = (
        Attr("peak", float, 0.3, bounds="(0, 1)", help="share of the steps before the peak"),
        Attr("initial", float, 0.04, bounds="[0, 1]", help="share of the rate at the start"),
        Attr("final", float, 4e-6, bounds="[0, 1]", help="share of the rate at the end"),
    )
    source = "Smith & Topin 2018, section 2; cosines for its straight lines, as is usual since"

    def rates(self, t: Array, run: Horizon, memory: Memory) -> Array:
        peak, initial, final = (self.setting(name) for name in ("peak", "initial", "final"))
        x = t / run.steps
        up = initial + (1 - initial) * (1 - np.cos(np.pi * x / peak)) / 2
        down = final + (1 - final) * (1 + np.cos(np.pi * (x - peak) / (1 - peak))) / 2
        return run.rate * np.where(x < peak, up, down)


class CosLog4(Schedule):
    """Four cycles, each twice as long as the last: α/2 · (1 − cos(2π log₂(1 + 15 t / T))).

    Examples
    --------
    >>> CosLog4().rates(np.arange(2.0), Horizon(1.0, 30, 1), {}).round(12).tolist()
    [0.0, 0.930430970431]
    """

    name = "coslog4"
    source = "Holzmüller, Grinsztajn & Steinwart 2024, section 3, coslog4"
    cycles = (1 / 15, 3 / 15, 7 / 15, 1.0)

    def rates(self, t: Array, run: Horizon, memory: Memory) -> Array:
        return run.rate / 2 * (1 - np.cos(2 * np.pi * np.log2(1 + 15 * t / run.steps)))


class Plateau(Schedule):
    """Multiplied by a factor when the cost has not fallen for some epochs.

    The cost is the one that early stopping watches: of the validation rows, else of training. It
    has fallen if it is below the least so far by more than ``min_delta``; the count of epochs
    begins anew with each change. The rate never falls below ``final`` · α.
    """

    name = "plateau"
    attrs = (
        Attr("factor", float, 0.1, bounds="(0, 1)", help="what the rate is multiplied by"),
        Attr("patience", int, 10, bounds="[1, inf)", unit="epochs", help="epochs without progress"),
        Attr("min_delta", float, 0.0, bounds="[0, inf)", help="a smaller fall is none"),
        Attr("final", float, 1e-4, bounds="[0, 1]", help="least share of the rate"),
    )
    source = "the rule by hand of He, Zhang, Ren & Sun 2016, section 4.2, made automatic"
    by_epoch = True

    def rates(self, t: Array, run: Horizon, memory: Memory) -> Array:
        return np.full(len(t), run.rate * memory["share"])

    def start(self) -> Memory:
        return {"share": 1.0, "best": np.inf, "waited": 0.0}

    def observe(self, cost: float, run: Horizon, memory: Memory) -> Memory:
        share, best, waited = memory["share"], memory["best"], memory["waited"] + 1
        if cost < best - self.setting("min_delta"):
            best, waited = cost, 0.0
        elif waited >= self.setting("patience"):
            share, waited = max(share * self.setting("factor"), self.setting("final")), 0.0
        return {"share": share, "best": best, "waited": waited}


class Given(Schedule):
    """The caller's own rates: an array with one for each step, or a function of the step.

    Parameters
    ----------
    rates : array (steps,) or callable
        The rates themselves, not shares of α; a callable takes a step's number from 0.

    Examples
    --------
    >>> Given(lambda t: 0.1 / (t + 1)).rates(np.arange(2.0), Horizon(1.0, 2, 1), {}).tolist()
    [0.1, 0.05]
    """

    name = "given"
    source = "the caller's"

    def __init__(self, rates: ArrayLike | Callable[[int], float]) -> None:
        super().__init__()
        self._function = rates if callable(rates) else None
        self._array = np.zeros(0)
        if isinstance(rates, type):
            raise SettingError(f"schedule: give an object, {rates.__name__}(), not the class")
        if self._function is None:
            try:
                self._array = np.array(rates, dtype=np.float64)
            except (TypeError, ValueError, OverflowError):
                raise SettingError(
                    "schedule is a name, a Schedule, an array with a rate for each step, or a "
                    f"function of the step, got {shown(rates)}"
                ) from None
            if self._array.ndim != 1:
                raise SettingError(
                    f"schedule: an array of rates has one for each step, shape (steps,), "
                    f"got shape {self._array.shape}"
                )
            _checked(self._array, 0)

    def rates(self, t: Array, run: Horizon, memory: Memory) -> Array:
        if self._function is not None:
            found = np.array([self._of(int(step)) for step in t], dtype=np.float64)
            return _checked(found, int(t[0]) if len(t) else 0)
        if run.steps > len(self._array):
            raise SettingError(
                f"schedule: {len(self._array)} rates for {run.steps} steps; give one for each step "
                "or train for fewer epochs"
            )
        chosen: Array = self._array[t.astype(np.int64)]
        return chosen

    def _of(self, step: int) -> float:
        assert self._function is not None
        rate = self._function(step)
        try:
            return float(rate)
        except (TypeError, ValueError):
            raise SettingError(
                f"schedule: the rate of step {step} must be a number, got {shown(rate)}"
            ) from None

    def describe(self) -> dict[str, Any]:
        if self._function is not None:
            named = getattr(self._function, "__qualname__", type(self._function).__name__)
            return {"name": self.name, "function": str(named)}
        digest = hashlib.sha256(self._array.tobytes()).hexdigest()
        return {"name": self.name, "array": digest}

    def __repr__(self) -> str:
        return f"Given({self._function or self._array})"


def _checked(rates: Array, first: int) -> Array:
    wrong = np.flatnonzero(~(np.isfinite(rates) & (rates >= 0)))
    if len(wrong):
        raise SettingError(
            f"schedule: the rate of step {first + int(wrong[0])} is {rates[wrong[0]]}; "
            "rates are finite numbers of 0 or more"
        )
    return rates


SCHEDULES: dict[str, type[Schedule]] = {
    row.name: row
    for row in (
        Constant, StepDecay, Exponential, Cosine, FlatCos, WarmUp, OneCycle, CosLog4, Plateau,
    )
}  # fmt: skip
"""The schedules by name; the caller's own array or function is `Given`."""


def schedule(
    given: str | Schedule | ArrayLike | Callable[[int], float], **settings: Any
) -> Schedule:
    """Return the schedule called ``given`` with ``settings``, or ``given`` made a schedule.

    Raises
    ------
    SettingError
        For an unknown name or setting, with the nearest one, or rates that are no rates.

    Examples
    --------
    >>> schedule("cosine", final=0.1)
    Cosine(final=0.1)
    """
    if isinstance(given, str):
        if given not in SCHEDULES:
            raise SettingError(f"there is no schedule {given!r}; {did_you_mean(given, SCHEDULES)}")
        return SCHEDULES[given](**settings)
    if settings:
        raise SettingError(f"give {', '.join(settings)} to the schedule itself, not beside it")
    return given if isinstance(given, Schedule) else Given(given)
