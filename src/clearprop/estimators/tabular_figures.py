"""What chooses the epoch: the figure of the validation rows that stands for a metric.

Proved by ``tests/test_tabular_fitting.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clearprop.errors import SettingError
from clearprop.estimators.tabular_temperature import refinement
from clearprop.metrics import METRICS, accuracy, log_loss, mean_pinball
from clearprop.tables.target import Target
from clearprop.words import did_you_mean

__all__ = ["check_metric", "cost_of", "figure_of", "metric_of", "watched"]

Figure = Callable[[Any, Any], float]

#: Figures of numbers that have no unit.
_BARE = ("r2",)

#: Of the log-loss where other figures are equal: too little to outweigh any step of theirs.
_LEAST = 2.0**-40

#: Costs of numbers besides the usual one, by metric.
_COSTS = {"mae": "absolute_error", "median_ae": "absolute_error", "pinball": "quantile"}

#: What scikit-learn's scorers call the same.
_THEIRS = {
    "roc_auc": "auc",
    "neg_log_loss": "log_loss",
    "neg_root_mean_squared_error": "rmse",
    "neg_mean_squared_error": "rmse",
    "neg_mean_absolute_error": "mae",
    "neg_median_absolute_error": "median_ae",
}

_USUAL = {"classification": "log_loss", "regression": "rmse"}


def check_metric(metric: str | None, task: str | None = None) -> None:
    """See that there is such a metric, and that it is for the task where that is known.

    Raises
    ------
    SettingError
        If there is none, or it is for the other task.
    """
    known = [name for name, row in METRICS.items() if task in (None, row.task)]
    if metric is not None and metric not in known:
        of = "" if task is None else f" for {task}"
        own = _THEIRS.get(metric) if isinstance(metric, str) else None
        hint = f"here it is {own!r}" if own in known else did_you_mean(metric, known)
        raise SettingError(f"there is no metric {metric!r}{of}; {hint}")


def metric_of(task: str, metric: str | None) -> str:
    """Return the metric's name, the task's usual one for None.

    Raises
    ------
    SettingError
        For a metric that does not exist or is for the other task.
    """
    check_metric(metric, task)
    return _USUAL[task] if metric is None else metric


def metric_of_quantile(metric: str | None, quantile: float | None) -> str | None:
    """Return the metric where a quantile is predicted: pinball; else what was given.

    Raises
    ------
    SettingError
        If another is asked for beside a quantile.
    """
    if quantile is None:
        return metric
    if metric not in (None, "pinball"):
        raise SettingError(
            f"the metric of a quantile is 'pinball', got metric={metric!r}: leave it out"
        )
    return "pinball"


def cost_of(task: str, metric: str) -> str:
    """Return the cost that is trained for a metric."""
    if task == "classification":
        return "cross_entropy"
    return _COSTS.get(metric, "squared_error")


def figure_of(task: str, metric: str) -> str:
    """Return what people call the figure of `watched`, less being better."""
    if task == "classification" and metric == "auc":
        return "log_loss"
    if metric == "accuracy":
        return "1 − accuracy"
    return f"−{metric}" if METRICS[metric].higher_is_better else metric


def watched(
    target: Target, metric: str, weights: NDArray[np.float64] | None, level: float = 0.5
) -> Figure:
    """Return the figure of validation rows that chooses the epoch, less being better.

    Shares of right answers come in steps of one row: where they are equal, the smaller log-loss
    decides. The log-loss is that behind the best temperature, which comes after training (Berta,
    Holzmüller, Jordan & Bach 2025, "Rethinking early stopping"): by itself it would stop the
    network when it becomes too sure, long before it stops to learn what is right. The area under
    the curve is chosen so too, which is a smoother guide to the same order. Of a number to
    predict, the figure is in its units: standardised numbers, times their deviation; that of a
    quantile is of the level.

    It has the metric's name: a run that is gone on with is asked for the one it began with.
    """
    figure = _figure(target, metric, weights, level)

    def named(y: Any, a: Any) -> float:
        return figure(y, a)

    named.__name__ = metric
    return named


def _figure(
    target: Target, metric: str, weights: NDArray[np.float64] | None, level: float
) -> Figure:
    row = METRICS[metric]
    if metric == "pinball":
        return lambda y, a: target.std * mean_pinball(y[:, 0], a[:, 0], weights, level=level)
    if target.task == "regression":
        unit = 1.0 if metric in _BARE else target.std
        return lambda y, a: (
            unit * _signed(row.higher_is_better, row.function(y[:, 0], a[:, 0], weights))
        )
    if metric in ("log_loss", "auc"):
        return lambda y, P: refinement(P, y, weights)
    if metric == "accuracy":
        # The log-loss of 36 at most (its probabilities are 2⁻⁵² at least) stays below one row.
        return lambda y, P: 1 - accuracy(y, P, weights) + log_loss(y, P, weights) / (64 * len(y))
    if metric in ("balanced_accuracy", "f1_macro"):  # their steps are no row's
        return lambda y, P: _LEAST * log_loss(y, P, weights) - row.function(y, P, weights)
    return lambda y, P: _signed(row.higher_is_better, row.function(y, P, weights))


def _signed(higher_is_better: bool, figure: float) -> float:
    return -figure if higher_is_better else figure
