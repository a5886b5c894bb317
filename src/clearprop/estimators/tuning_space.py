"""What a search may try: ranges and choices as data, and the usual ones of our estimators.

What their names mean in an estimator is in ``tuning_parameters``.

Proved by ``tests/test_estimators_tune.py``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from clearprop.errors import SettingError
from clearprop.estimators.multilayer import Multilayer
from clearprop.estimators.tabular import TabularRegressor
from clearprop.estimators.tabular_estimator import Tabular
from clearprop.words import number, shown

__all__ = [
    "Choices",
    "Range",
    "Sampler",
    "Space",
    "read_range",
    "read_space",
    "usual_space",
]

#: Distributions of scipy.stats that prefer no number, or no factor.
_EVEN, _LOG = ("uniform", "randint"), ("loguniform", "reciprocal")

_RANGE = re.compile(r"\s*(\S+?)\s*\.\.\s*(\S+?)\s*(\blog)?\s*")


@dataclass(frozen=True)
class Range:
    """Numbers from one to another, both included: whole ones if both ends are.

    What it is a range of may say otherwise: see ``tuning_rules``.

    Parameters
    ----------
    low, high : int or float
    log : bool
        Equal chances for equal factors rather than for equal differences.
    open_ends : (bool, bool)
        Whether an end itself is left out. It is no part of what a study knows a range by.

    Raises
    ------
    SettingError
        If the ends are no finite numbers in order, or ``log`` meets one that is not positive.
    """

    low: float
    high: float
    log: bool = False
    open_ends: tuple[bool, bool] = field(default=(False, False), repr=False)

    def __post_init__(self) -> None:
        ends = (self.low, self.high)
        if any(isinstance(e, bool) or not isinstance(e, int | float) for e in ends):
            raise SettingError(f"a range has two numbers as its ends, got {ends!r}")
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise SettingError(
                f"a range goes from a number to a greater one, got {self.low} to {self.high}"
            )
        if self.log and self.low <= 0:
            raise SettingError(f"a range with log begins above 0, got {self.low}")

    @property
    def whole(self) -> bool:
        """Whether its numbers are whole ones."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    def holds(self, value: Any) -> bool:
        """Whether a value is in the range."""
        kinds: Any = int if self.whole else int | float
        return (
            isinstance(value, kinds)
            and not isinstance(value, bool)
            and (self.low <= value <= self.high)
        )

    def label(self, value: Any) -> Any:
        """The value as Optuna knows it."""
        return value

    def value(self, label: Any) -> Any:
        """The value behind what Optuna knows it as."""
        for end, left_out, inward in zip(
            (self.low, self.high), self.open_ends, (math.inf, -math.inf), strict=True
        ):
            if left_out and label == end:
                return math.nextafter(label, inward)
        return label

    def __str__(self) -> str:
        return f"{number(self.low)}..{number(self.high)}{' log' if self.log else ''}"


@dataclass(frozen=True)
class Choices:
    """Values of any kind, each as likely at first.

    Optuna keeps texts and numbers; any other value it knows by its text.
    """

    values: tuple[Any, ...]

    def __post_init__(self) -> None:
        labels = [repr(self.label(value)) for value in self.values]
        if not labels or len(set(labels)) < len(labels):
            raise SettingError(f"choices are one or more different values, got {self.values!r}")

    def holds(self, value: Any) -> bool:
        """Whether a value is one of them."""
        return repr(self.label(value)) in {repr(self.label(one)) for one in self.values}

    def label(self, value: Any) -> Any:
        """The value as Optuna knows it."""
        plain = value is None or isinstance(value, bool | int | float | str)
        return value if plain else repr(value)

    def value(self, label: Any) -> Any:
        """The value behind what Optuna knows it as."""
        return next(one for one in self.values if repr(self.label(one)) == repr(label))


Space = Mapping[str, Range | Choices]

Sampler = Callable[[Any], Mapping[str, Any]]
"""A space of one's own: from an Optuna trial to the values of the parameters."""


def read_range(text: str) -> Range | None:
    """Return the range that a text such as ``"1e-4..1e-1 log"`` or ``"16..256"`` says, or None."""
    found = _RANGE.fullmatch(text)
    if found is None:
        return None
    try:
        low, high = (
            int(e) if re.fullmatch(r"[+-]?\d+", e) else float(e) for e in found.group(1, 2)
        )
    except ValueError:
        return None
    return Range(low, high, found.group(3) is not None)


def _range_of(name: str, given: Any) -> Range:
    """The range that a distribution of scipy.stats draws from, each number as likely.

    Raises
    ------
    SettingError
        For a distribution that prefers some.
    """
    kind, ends = str(given.dist.name), np.asarray(given.support(), np.float64)
    shifted = kind in _LOG and not np.isclose(given.median(), np.sqrt(ends.prod())).all()
    if kind not in (*_EVEN, *_LOG) or ends.ndim > 1 or shifted:
        raise SettingError(
            f"space[{name!r}] is scipy.stats.{kind}{', shifted' if shifted else ''}: of its "
            "distributions uniform, loguniform and randint are read, any other is the body of a "
            "function of an Optuna trial"
        )
    low, high = ends.tolist()
    if kind == "randint" and low.is_integer() and high.is_integer():
        low, high = int(low), int(high)
    try:
        return Range(low, high, log=kind in _LOG)
    except SettingError as error:
        raise SettingError(f"space[{name!r}]: {error}") from None


def read_space(given: Mapping[str, Any]) -> Space:
    """Return a caller's space: of each name a list of values, a range, or a text that says one.

    A uniform, loguniform or randint of scipy.stats is a range, too.

    Raises
    ------
    SettingError
        For anything else.
    """
    if not given:
        raise SettingError("space names no parameter: there is nothing to search")
    found: dict[str, Range | Choices] = {}
    for name, one in given.items():
        if isinstance(one, str) and (said := read_range(one)) is not None:
            one = said
        elif hasattr(one, "support") and hasattr(one, "dist"):
            one = _range_of(name, one)
        elif isinstance(one, list):
            one = Choices(tuple(one))
        if not isinstance(one, Range | Choices):
            raise SettingError(
                f"space[{name!r}] is a list of values, a range such as '1e-4..1e-1 log', or a "
                f"uniform, loguniform or randint of scipy.stats, got {shown(one)}"
            )
        found[str(name)] = one
    return found


_HIDDEN = ((64,), (128,), (256,), (64, 64), (128, 128), (256, 256), (128, 128, 128))


def usual_space(estimator: Any, rows: int) -> Space:
    """Return what is searched of one of our estimators where its caller names nothing.

    Its own settings are among what may be tried, so that the search begins with them; a batch is
    of half the rows at most, since some are held back.

    Raises
    ------
    SettingError
        For any other estimator.
    """
    if isinstance(estimator, Multilayer):
        return _usual_mlp(estimator, rows)
    if isinstance(estimator, Tabular):
        regresses = isinstance(estimator, TabularRegressor)
        return {
            "hidden": Choices(((64, 64), (128, 128), (128, 128, 128), (256, 256, 256))),
            "activation": Choices(("selu", "mish", "silu", "relu")),
            "learning_rate": Range(0.005, 0.2, log=True),
            "dropout": Choices((0.0, 0.05, 0.1, 0.2, 0.3)),
            "weight_decay": Choices((0.0, 0.003, 0.01, 0.03, 0.1)),
            "numbers": Choices(("pieces", "robust")),
            "scale_lr_factor": Range(1.0, 12.0, log=True),
            **({} if regresses else {"label_smoothing": Choices((0.0, 0.01, 0.1))}),
        }
    raise SettingError(
        f"there is no usual space of a {type(estimator).__name__}: give space={{name: list of "
        "values, or a range such as '1e-4..1e-1 log'}"
    )


def _usual_mlp(estimator: Any, rows: int) -> Space:
    own = estimator.hidden_layer_sizes
    hidden = dict.fromkeys((tuple(own) if isinstance(own, Sequence) else (own,), *_HIDDEN))
    found: dict[str, Range | Choices] = {
        "hidden_layer_sizes": Choices(tuple(hidden)),
        "alpha": Range(1e-6, 1.0, log=True),
    }
    if isinstance(estimator.activation, str):
        names = dict.fromkeys((estimator.activation, "relu", "tanh", "silu", "mish"))
        found["activation"] = Choices(tuple(names))
    if estimator.solver != "lbfgs":
        found["learning_rate_init"] = Range(1e-4, 0.1, log=True)
        sizes = (size for size in (32, 64, 128, 256) if size <= rows // 2)
        found["batch_size"] = Choices(("auto", *sizes))
        found["dropout"] = Choices((0.0, 0.05, 0.1, 0.2, 0.3))
    return found
