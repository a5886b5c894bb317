"""What names in a space mean: parameters, ingredients of a tabular estimator, settings of `train`.

A name that nothing has, be it a parameter's or its value's, and a number that cannot be
(``tuning_rules``) are told before the first trial, which would fail as all others with it. Of what
else there is trials tell. Proved by ``tests/test_estimators_tune.py`` and
``tests/test_estimators_tune_space.py``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import fields
from typing import Any

from sklearn.utils._param_validation import Interval, StrOptions

from clearprop.errors import SettingError
from clearprop.estimators.multilayer import Multilayer
from clearprop.estimators.tabular_estimator import Tabular
from clearprop.estimators.tabular_ingredients import PRESETS, Ingredients
from clearprop.estimators.tuning_rules import of_estimator, of_ingredient, of_train
from clearprop.estimators.tuning_space import Choices, Range, Space
from clearprop.initializers import DATA_DRIVEN, INITIALIZERS
from clearprop.model.arrays import check_settings
from clearprop.network import Network
from clearprop.operations import TABLE
from clearprop.optimizers import OPTIMIZERS
from clearprop.settings import Attr
from clearprop.training import ATTRS, SCHEDULES
from clearprop.words import did_you_mean

__all__ = ["check_names", "fitted_ingredient", "fitted_space", "value_of", "with_parameters"]

_INITIAL: Collection[str] = (*INITIALIZERS, *DATA_DRIVEN)
_UNITS = Attr("hidden", int, 128, bounds="[1, inf)", unit="units")
_PLANNED = ("schedule", "dropout_schedule", "decay_schedule")

#: What of a tabular estimator names something; functions are asked for, as users register theirs.
_OF_TABULAR: Mapping[str, Collection[str]] = {
    "preset": PRESETS,
    **dict.fromkeys(_PLANNED, SCHEDULES),
    **dict.fromkeys(("factors", "weights", "biases", "last"), _INITIAL),
}

#: What of `clearprop.train` does.
_OF_TRAIN: Mapping[str, Collection[str]] = {
    "optimizer": OPTIMIZERS,
    **dict.fromkeys(_PLANNED, SCHEDULES),
    **{row.name: [str(choice) for choice in row.choices] for row in ATTRS if row.choices},
}


def with_parameters(estimator: Any, chosen: Mapping[str, Any]) -> Any:
    """Set parameters of an estimator, ingredients of a tabular one among them; return it.

    An ingredient joins the ``changes`` of its estimator, in a pipeline behind the step's name:
    ``model__learning_rate``.
    """
    own = estimator.get_params()
    changes: dict[str, dict[str, Any]] = {}
    plain = {}
    for name, value in chosen.items():
        where, ingredient = _parted(name)
        if name not in own and _has_ingredient(estimator, name):
            inner = f"{where}__changes" if where else "changes"
            changes.setdefault(inner, dict(own[inner] or {}))[ingredient] = value
        else:
            plain[name] = value
    return estimator.set_params(**plain, **changes)


def value_of(estimator: Any, name: str) -> Any:
    """Return what a parameter, or an ingredient of a preset, is now; raise KeyError for none."""
    own = estimator.get_params()
    if name in own:
        return own[name]
    if not _has_ingredient(estimator, name):
        raise KeyError(name)
    return getattr(_owner(estimator, name).ingredients(), _parted(name)[1])


def check_names(what: Any, names: Iterable[str]) -> None:
    """See that an estimator has each parameter of a space, or `clearprop.train` each setting.

    Raises
    ------
    SettingError
        With the nearest name.
    """
    if isinstance(what, Network):
        check_settings(names)
        return
    own = list(what.get_params())
    more = [one.name for one in fields(Ingredients)] if isinstance(what, Tabular) else []
    for name in names:
        if name not in own and not _has_ingredient(what, name):
            raise SettingError(
                f"{type(what).__name__} has no parameter {name!r} to search; "
                f"{did_you_mean(name, [*more, *own])}"
            )


def fitted_space(what: Any, space: Space) -> Space:
    """Return a space with ranges of the numbers that the settings take.

    Raises
    ------
    SettingError
        For a value, or an end of a range, that cannot be: of names with the nearest, and all
        there are.
    """
    return {name: _fitted(what, name, values) for name, values in space.items()}


def _fitted(what: Any, name: str, values: Range | Choices) -> Range | Choices:
    if isinstance(what, Network):
        _check_named(name, _OF_TRAIN.get(name, ()), values)
        rule = of_train(name)
        return values if rule is None else rule.fitted(values)
    owner, own = _owner(what, name), _parted(name)[1]
    if isinstance(owner, Tabular) and name not in what.get_params():
        return fitted_ingredient(own, values)
    if isinstance(owner, Tabular):
        _check_named(name, _OF_TABULAR.get(own, ()), values)
    elif isinstance(owner, Multilayer):
        _check_named(name, _of_multilayer(owner, own), values)
    rule = of_estimator(owner, own, value_of(what, name))
    return values if rule is None else rule.fitted(values)


def fitted_ingredient(name: str, values: Range | Choices) -> Range | Choices:
    """Return what is tried of a tabular estimator's ingredient, as `fitted_space` does.

    Raises
    ------
    SettingError
        For a name that is no ingredient, with the nearest; for a value that cannot be.
    """
    rule = of_ingredient(name)
    if rule is not None:
        return rule.fitted(values)
    for value in _ends(values):
        Ingredients().changed({name: value})
        for units in value if name == "hidden" else ():
            _UNITS.check(units)
    known = TABLE.activations() if name == "activation" else _OF_TABULAR.get(name, ())
    _check_named(name, known, values)
    return values


def _check_named(name: str, known: Collection[str], values: Range | Choices) -> None:
    """Objects, such as a `Schedule` of one's own, may stand where a name does; no number may."""
    if not known:
        return
    row = Attr(name, str, next(iter(known)), choices=tuple(known))
    for value in _ends(values):
        for one in value if isinstance(value, list | tuple) else [value]:  # one for each layer
            if isinstance(one, bool | int | float | str):
                row.check(one)


def _ends(values: Range | Choices) -> Iterator[Any]:
    yield from values.values if isinstance(values, Choices) else (values.low, values.high)


def _of_multilayer(owner: Multilayer, name: str) -> Collection[str]:
    """The names that a parameter may have, of one that takes no numbers beside them."""
    rules = owner._parameter_constraints.get(name, ())
    if any(isinstance(rule, Interval) for rule in rules):
        return ()
    return sorted(option for rule in rules if isinstance(rule, StrOptions)
                  for option in rule.options)  # fmt: skip


def _parted(name: str) -> tuple[str, str]:
    """The step of a pipeline that a parameter is of, "" for the estimator itself; its own name."""
    where, _, own = name.rpartition("__")
    return where, own


def _owner(estimator: Any, name: str) -> Any:
    """The estimator that a name is of: in a pipeline, a step."""
    where, _ = _parted(name)
    return estimator.get_params().get(where) if where else estimator


def _has_ingredient(estimator: Any, name: str) -> bool:
    known = {one.name for one in fields(Ingredients)}
    return isinstance(_owner(estimator, name), Tabular) and _parted(name)[1] in known
