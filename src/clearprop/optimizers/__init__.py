"""The optimizers, a row each: the update as an equation, its step-wise scalars, its kernel.

Three kinds of row: element-wise, which the native engine runs whole (`NATIVE`); of a whole
gradient (Muon), which it gives the gradient; and `WholeBatch`, which it answers as often as they
ask. Proved by ``tests/test_optimizers.py``, ``tests/test_optimizers_more.py`` and
``tests/test_optimizers_whole.py``.
"""

from __future__ import annotations

from typing import Any

from clearprop.errors import SettingError
from clearprop.optimizers.adaptive import Adam, AdamW, RMSprop
from clearprop.optimizers.descent import SGD, Momentum, Nesterov
from clearprop.optimizers.lbfgs import LBFGS
from clearprop.optimizers.levenberg_marquardt import LevenbergMarquardt
from clearprop.optimizers.muon import Muon
from clearprop.optimizers.rule import (
    BETA1,
    BETA2,
    EPSILON,
    LEARNING_RATE,
    MOMENTUM,
    RATE,
    TIME,
    Optimizer,
    Update,
)
from clearprop.optimizers.schedule_free import ScheduleFreeAdamW
from clearprop.optimizers.signs import Lion, Rprop
from clearprop.optimizers.whole import Moved, Problem, WholeBatch
from clearprop.words import did_you_mean, shown

__all__ = [
    "BETA1",
    "BETA2",
    "EPSILON",
    "LBFGS",
    "LEARNING_RATE",
    "MOMENTUM",
    "NATIVE",
    "OPTIMIZERS",
    "RATE",
    "SGD",
    "TIME",
    "Adam",
    "AdamW",
    "LevenbergMarquardt",
    "Lion",
    "Momentum",
    "Moved",
    "Muon",
    "Nesterov",
    "Optimizer",
    "Problem",
    "RMSprop",
    "Rprop",
    "ScheduleFreeAdamW",
    "Update",
    "WholeBatch",
    "optimizer",
]

OPTIMIZERS: dict[str, type[Optimizer]] = {
    row.name: row
    for row in (
        SGD, Momentum, Nesterov, RMSprop, Adam, AdamW, Rprop, Lion, ScheduleFreeAdamW, Muon, LBFGS,
        LevenbergMarquardt,
    )
}  # fmt: skip
NATIVE: dict[str, type[Optimizer]] = {name: row for name, row in OPTIMIZERS.items() if row.kernel}
"""Those of which the native engine does whole steps."""


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
