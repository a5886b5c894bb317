"""What an estimator's parameters may be: scikit-learn's rules, and the values beyond theirs."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils._param_validation import Interval, Options, StrOptions

from clearprop.estimators.chains import activation_names
from clearprop.estimators.descent import RATE_RULES, SOLVERS
from clearprop.training import SCHEDULES, Schedule

__all__ = ["CLASSIFIER", "COMMON", "LOSSES", "REGRESSOR"]

LOSSES = ("squared_error", "poisson", "absolute_error", "huber", "log_cosh", "quantile")
"""The regressor's; the first two are scikit-learn's. Each is the name of a cost."""


class _Names(StrOptions):  # type: ignore[misc]
    """Texts that a message lists in order: a set has another one in every process."""

    def __str__(self) -> str:
        return f"a str among {{{', '.join(map(repr, sorted(self.options)))}}}"


_AT_LEAST_1 = Interval(Integral, 1, None, closed="left")
_POSITIVE = Interval(Real, 0, None, closed="neither")
_NOT_NEGATIVE = Interval(Real, 0, None, closed="left")
_SHARE = Interval(Real, 0, 1, closed="left")

COMMON: dict[str, Any] = {
    "hidden_layer_sizes": ["array-like", _AT_LEAST_1],
    "activation": [_Names(activation_names()), "array-like"],
    "solver": [_Names({"lbfgs", *SOLVERS})],
    "alpha": [_NOT_NEGATIVE],
    "batch_size": [_Names({"auto"}), _AT_LEAST_1],
    "learning_rate": [_Names({*RATE_RULES, *SCHEDULES}), Schedule, callable],
    "learning_rate_init": [_POSITIVE],
    "power_t": [_NOT_NEGATIVE],
    "max_iter": [_AT_LEAST_1],
    "shuffle": ["boolean"],
    "random_state": ["random_state"],
    "tol": [_NOT_NEGATIVE],
    "verbose": ["verbose"],
    "warm_start": ["boolean"],
    "momentum": [Interval(Real, 0, 1, closed="both")],
    "nesterovs_momentum": ["boolean"],
    "early_stopping": ["boolean"],
    "validation_fraction": [_SHARE],
    "validation_curve": ["boolean"],
    "beta_1": [_SHARE],
    "beta_2": [_SHARE],
    "epsilon": [_POSITIVE],
    "n_iter_no_change": [_AT_LEAST_1, Options(Real, {np.inf})],
    "max_fun": [_AT_LEAST_1],
    "dropout": [_SHARE],
    "residual": ["boolean"],
    "weight_decay": [_NOT_NEGATIVE],
    "callbacks": [callable, list, tuple, None],
    "n_jobs": [Integral, None],
    "precision": [_Names({"auto", "float32", "float64"})],
}
CLASSIFIER: dict[str, Any] = {
    **COMMON,
    "class_weight": [_Names({"balanced"}), dict, None],
}
REGRESSOR: dict[str, Any] = {
    **COMMON,
    "loss": [_Names(set(LOSSES))],
    "huber_limit": [_POSITIVE],
    "quantile": [Interval(Real, 0, 1, closed="both")],
}
