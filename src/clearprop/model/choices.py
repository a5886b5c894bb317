"""What `train_table` can be told: which run it asks for, a plain one's defaults, and what is wrong.

Everything is checked before a table is opened, so that a mistyped name costs no time. Proved by
``tests/test_model_table.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from clearprop.errors import SettingError
from clearprop.graph import L2
from clearprop.operations import TABLE
from clearprop.optimizers import optimizer
from clearprop.settings import Attr, check_all
from clearprop.training import ATTRS, check_planned, schedule
from clearprop.words import did_you_mean, number, shown

__all__ = [
    "DEFAULTS", "FEW_UNITS", "PLAIN", "WHOLE_ACTIVATION", "WHOLE_L2_ROWS", "asks_for_plain",
    "check_choices", "check_shares", "check_together", "check_types", "run_settings",
]  # fmt: skip

#: What is used of a plain network where nothing else is asked for.
DEFAULTS: Mapping[str, Any] = {
    "activation": "relu",
    "optimizer": "adam",
    "learning_rate": 1e-3,
    "schedule": "cosine",
    "dropout_schedule": "constant",
    "decay_schedule": "constant",
    "epochs": 100,
    "patience": 30,
    "l2_rows": 3.0,
}
#: Of a rule whose step sees all rows: a smooth, small network, and an epoch is one step. Such a
#: rule goes where others stop early, so a penalty as large as theirs would be what it fits.
WHOLE_ACTIVATION, FEW_UNITS, WHOLE_STEPS, WHOLE_PATIENCE = "tanh", (16,), 500, 100
WHOLE_L2_ROWS = 0.01

#: What is chosen of a plain network alone: one of these given asks for one.
PLAIN = ("hidden", "activation", "members", "dropout", "l2", "optimizer", "learning_rate",
         "schedule", "dropout_schedule", "decay_schedule", "epochs", "batch_size", "patience",
         "engine")  # fmt: skip

_OWN: tuple[Attr, ...] = (
    Attr("members", int, None, bounds="[1, 1000]", help="networks trained side by side"),
    Attr("dropout", float, 0.0, bounds="[0, 1)", help="share of hidden units left out"),
    Attr("validation", float, 0.2, bounds="[0, 1)", help="share of rows that choose the epoch"),
    Attr("test", float, 0.0, bounds="[0, 1)", help="share of rows kept aside"),
    Attr("task", str, None, choices=("classification", "regression"), help="what is predicted"),
)
#: Texts that may be left out.
_ABSENT = ("weight", "split_by", "encoding")
_UNITS = Attr("hidden", int, 128, bounds="[1, inf)", unit="units", help="of one layer")
_TRAINING = {attr.name for attr in ATTRS}


def run_settings(**given: Any) -> dict[str, Any]:
    """Return what `Training` is told: what is given, and a default where nothing is."""
    settings = {
        name: DEFAULTS[name] if value is None and name in DEFAULTS else value
        for name, value in given.items()
    }
    if given["optimizer"] is None:
        return settings
    rule = optimizer(given["optimizer"])
    if given["learning_rate"] is None:
        settings["learning_rate"] = None  # the default is for the default optimizer
    if given["schedule"] is None and not rule.scheduled:
        settings["schedule"] = "constant"
    if rule.whole:
        usual = {"precision": "float64", "epochs": WHOLE_STEPS, "patience": WHOLE_PATIENCE}
        settings |= {name: value for name, value in usual.items() if given[name] is None}
    return settings


def asks_for_plain(
    given: Mapping[str, Any],
    own: Mapping[str, Any],
    written: Callable[[str], str] = str,
) -> str | None:
    """Return the first choice of a plain network among what is given; None where a preset trains.

    Parameters
    ----------
    given : mapping
        None for what is not given.
    own : mapping
        What is chosen of a preset alone, None for what is not.
    written : callable
        How a setting's name is written where it was given.

    Raises
    ------
    SettingError
        If both are asked for.
    """
    plain = next((name for name in PLAIN if given.get(name) is not None), None)
    for name, value in own.items():
        if plain is not None and value is not None:
            raise SettingError(
                f"{written(name)} {value} is for a preset, which chooses the network and its "
                f"training, and {written(plain)} is for a plain network: leave one of them out"
            )
    return plain


def check_types(
    *,
    hidden: object,
    columns: object,
    drop: object,
    names: Mapping[str, object],
    functions: Mapping[str, object],
) -> None:
    """See that what is not one plain value has the type that is read: lists, texts, functions.

    Raises
    ------
    SettingError
        For the first that has another.
    """
    for what, value in (("hidden", hidden), ("drop", drop)):
        if not (value is None and what == "hidden") and not isinstance(value, list | tuple):
            raise SettingError(f"{what} is a list, got {shown(value)}")
    if columns is not None and not isinstance(columns, Mapping):
        raise SettingError(f"columns is a dict of names to kinds, got {shown(columns)}")
    kinds = dict(columns or {})
    texts = [*names.items(), *(("a name in drop", one) for one in cast(Sequence[object], drop))]
    texts += [("a column's name", name) for name in kinds]
    texts += [("a column's kind", kind) for kind in kinds.values()]
    for what, value in texts:
        if not isinstance(value, str) and (value is not None or what not in _ABSENT):
            raise SettingError(f"{what} is a text, got {shown(value)}")
    for what, value in functions.items():
        if value is not None and not callable(value):
            raise SettingError(f"{what} is a function or None, got {shown(value)}")


def check_choices(
    settings: Mapping[str, Any],
    *,
    hidden: Sequence[int] | None,
    activation: str,
    l2: float | None,
    dropout: float,
    validation: object,
    **own: object,
) -> None:
    """See that all that was asked for exists and is in bounds.

    Parameters
    ----------
    settings : mapping
        Of `run_settings`.
    hidden, activation, l2, dropout, validation
        And ``members``, ``test``, ``task``: of `train_table`.

    Raises
    ------
    SettingError
        For the first that is wrong, with the nearest name or the bounds.
    """
    check_all(ATTRS, {name: value for name, value in settings.items() if name in _TRAINING})
    rate = settings["learning_rate"]
    rule = optimizer(settings["optimizer"], **({} if rate is None else {"learning_rate": rate}))
    schedule(settings["schedule"])
    if settings["engine"] == "reference" and settings["precision"] not in (None, "float64"):
        raise SettingError(
            f"the reference computes in float64 only, got precision={settings['precision']!r}; "
            "leave precision out"
        )
    if not isinstance(activation, str) or activation not in TABLE.activations():
        hint = did_you_mean(activation, TABLE.activations())
        raise SettingError(f"there is no activation {shown(activation)}; {hint}")
    for units in hidden or ():
        _UNITS.check(units)
    if l2 is not None:
        L2.check(l2)
    check_shares(validation, dropout=dropout, **own)
    check_planned(float(dropout), rule, settings["dropout_schedule"], settings["decay_schedule"])


def check_shares(validation: object, **own: object) -> None:
    """See that shares of the rows are in bounds, and that there is such a task.

    Parameters
    ----------
    validation, test, task
        And ``members``, ``dropout``: of `train_table`.

    Raises
    ------
    SettingError
        For the first that is not.
    """
    if isinstance(validation, int | float):  # a share, not a table
        own["validation"] = validation
    check_all(_OWN, own)


def check_together(
    *,
    hidden: Sequence[int] | None,
    activation: str | None,
    dropout: float,
    validation: object,
    test: float,
    patience: int | None,
    split_by: str | None,
    checkpoint: object,
    resume: bool,
) -> None:
    """See that no choice asks for what another leaves nothing of; each is in bounds by itself.

    Raises
    ------
    SettingError
        For the first that would have no effect, with what to do.
    """
    share = validation if isinstance(validation, int | float) else None
    if share is not None and share + test >= 1:
        raise SettingError(
            f"validation={number(share)} and test={number(test)} leave no rows to train on: "
            "together they must be below 1"
        )
    if share == 0 and patience is not None:
        raise SettingError(
            f"patience={patience} counts epochs in which validation rows get no better, and "
            "validation=0 leaves none: leave one of them out"
        )
    if split_by is not None and not share and not test:
        raise SettingError(
            f"split_by={split_by!r} keeps rows together where rows are divided, and here none "
            "are: give a share to validation or test, or drop the column"
        )
    if hidden is not None and not len(hidden):
        for name, value in (("activation", activation), ("dropout", dropout or None)):
            if value is not None:
                raise SettingError(
                    f"{name}={value} is for hidden layers, and hidden=0 asks for none: leave one "
                    "of them out"
                )
    if resume and checkpoint is None:
        raise SettingError("resume=True needs the checkpoint to go on from: give its path")
