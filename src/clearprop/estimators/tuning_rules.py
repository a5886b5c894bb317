"""Which numbers a setting takes, as far as that is known before the first trial.

Ours say it in tables; of other estimators their rules, or the value they have, tell whole numbers
from real ones. Proved by ``tests/test_estimators_tune_space.py``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from numbers import Integral
from typing import Any

from sklearn.base import clone
from sklearn.utils._param_validation import (
    Interval,
    InvalidParameterError,
    validate_parameter_constraints,
)

from clearprop.errors import SettingError
from clearprop.estimators.multilayer import Multilayer
from clearprop.estimators.tabular_ingredients import ATTRS
from clearprop.estimators.tuning_space import Choices, Range
from clearprop.optimizers import AdamW
from clearprop.settings import Attr, Bounds
from clearprop.training import ATTRS as RUN

__all__ = ["Rule", "of_estimator", "of_ingredient", "of_train"]

#: What the network and its training look at, when a trial makes them.
_INGREDIENTS: Mapping[str, Attr] = {
    row.name: row
    for row in (
        *ATTRS,
        *(row for row in AdamW.attrs if row.name in ("learning_rate", "beta2", "weight_decay")),
        Attr("epochs", int, 64, bounds="[1, inf)"),
        Attr("dropout", float, 0.0, bounds="[0, 1)"),
        Attr("label_smoothing", float, 0.0, bounds="[0, 1]"),
        Attr("scale_lr_factor", float, 6.0, bounds="[0, inf)"),
        Attr("bias_lr_factor", float, 0.1, bounds="[0, inf)"),
    )
}

_TRAIN: Mapping[str, Attr] = {
    row.name: row for row in (*RUN, Attr("learning_rate", float, None, bounds="(0, inf)"))
}

#: Texts that `clearprop.train` takes beside numbers.
_WORDS = {"batch_size": "full", "patience": "cycle"}


@dataclass(frozen=True)
class Rule:
    """What a setting of numbers may be.

    Parameters
    ----------
    name : str
    whole : bool or None
        Whether its numbers are whole ones; None where nothing says it.
    interval : Bounds or None
        Where they lie, if that is known.
    check : callable
        Raises SettingError for a value that cannot be.
    """

    name: str
    whole: bool | None
    interval: Bounds | None
    check: Callable[[Any], object]

    def fitted(self, given: Range | Choices) -> Range | Choices:
        """Return what is tried, a range with numbers of the setting's type.

        Raises
        ------
        SettingError
            For a value, or an end of a range, that the setting cannot have.
        """
        if isinstance(given, Choices):
            for value in given.values:
                self._check_one(value)
            return given
        return self._typed(given)

    def _check_one(self, value: Any) -> None:
        try:
            self.check(value)
        except SettingError as error:
            if not isinstance(value, str):
                raise
            example = "16..256" if self.whole else "1e-3..0.1"
            raise SettingError(f"{error}; a range is written {example}") from None

    def _typed(self, given: Range) -> Range:
        ends: tuple[float, float] = (given.low, given.high)
        if self.whole and all(float(end).is_integer() for end in ends):
            ends = (int(given.low), int(given.high))
        elif self.whole:
            raise SettingError(
                f"{self.name} is a whole number, and so are the ends of its range: got {given}"
            )
        elif self.whole is False and given.whole:  # else it is real: a study knows it as written
            ends = (float(given.low), float(given.high))
        open_ends = (False, False)
        if self.interval is not None:
            edges = (self.interval.low, self.interval.high)
            open_ends = (
                not self.interval.with_low and ends[0] == edges[0],
                not self.interval.with_high and ends[1] == edges[1],
            )
        for end, left_out in zip(ends, open_ends, strict=True):
            if not left_out:
                self.check(end)
        return replace(given, low=ends[0], high=ends[1], open_ends=open_ends)


def of_ingredient(name: str) -> Rule | None:
    """Return the rule of a tabular estimator's ingredient; None for one that is no number."""
    row = _INGREDIENTS.get(name)
    return None if row is None else _of_row(row)


def of_train(name: str) -> Rule | None:
    """Return the rule of a setting of `clearprop.train`; None for one that is no number."""
    row = _TRAIN.get(name)
    return None if row is None else _of_row(row, _WORDS.get(name))


def _of_row(row: Attr, word: str | None = None) -> Rule | None:
    if row.type not in (int, float):
        return None

    def check(value: Any) -> None:
        if word is None or value != word:
            row.check(value)

    return Rule(row.name, row.type is int, row.interval, check)


def of_estimator(owner: Any, name: str, value: Any) -> Rule | None:
    """Return the rule of an estimator's parameter; None if nothing says that it is a number.

    Only ours are known to refuse what their rules do: of values of others, trials tell.

    Parameters
    ----------
    owner : estimator
    name : str
    value : object
        The parameter's now.
    """
    rules = getattr(owner, "_parameter_constraints", {}).get(name, ())
    intervals = [rule for rule in rules if isinstance(rule, Interval)]
    kinds = {issubclass(one.type, Integral) for one in intervals}
    if not isinstance(owner, Multilayer):
        whole = kinds.pop() if len(kinds) == 1 else None
        if whole is None and not intervals and isinstance(value, float):
            whole = False
        return Rule(name, whole, None, lambda value: None)
    if not intervals:
        return None

    def check(value: Any) -> None:
        if name == "hidden_layer_sizes" and not isinstance(value, str):
            clone(owner).set_params(hidden_layer_sizes=value)._hidden()
        try:
            validate_parameter_constraints({name: rules}, {name: value}, type(owner).__name__)
        except InvalidParameterError as error:
            raise SettingError(str(error)) from None

    return Rule(name, all(kinds), _bounds(intervals[0]), check)


def _bounds(given: Interval) -> Bounds:
    low = -math.inf if given.left is None else float(given.left)
    high = math.inf if given.right is None else float(given.right)
    return Bounds(low, high, given.closed in ("left", "both"), given.closed in ("right", "both"))
