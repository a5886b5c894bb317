"""What would make every trial fail, told before the first: targets, the metric, a network's inputs.

Proved by ``tests/test_estimators_tune_checks.py``.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.dummy import DummyClassifier, DummyRegressor

from clearprop.errors import DataError, SettingError
from clearprop.estimators.tabular_targets import missing
from clearprop.estimators.tuning_trials import Candidate, Data, Judge
from clearprop.model.targets import encode_target, find_target
from clearprop.network import Network
from clearprop.tables import Table
from clearprop.training.arrays import gathered

__all__ = ["check_inputs", "check_scorer", "check_targets"]


def check_targets(y: NDArray[Any]) -> None:
    """See that each row has its target.

    Raises
    ------
    DataError
        With the first row that has none, or one that is infinite.
    """
    infinite = np.isinf(y) if y.dtype.kind == "f" else np.zeros(y.shape, np.bool_)
    absent = missing(y.reshape(-1)).reshape(y.shape)
    for wrong, what, is_it in ((absent, "NaN", "missing"), (infinite, "infinity", "infinite")):
        rows = wrong.reshape(len(y), -1).any(axis=1)
        if rows.any():
            raise DataError(
                f"Input y contains {what}: the target of row {int(np.argmax(rows)) + 1} is "
                f"{is_it}; mend it, or leave the row out"
            )


def check_inputs(candidate: Candidate, data: Data) -> None:
    """See that the rows are what a network reads; of anything else trials tell.

    Raises
    ------
    DataError, ShapeError
        As `clearprop.train`.
    """
    network = candidate.what
    if isinstance(network, Network) and not isinstance(data.X, Table):
        target = find_target(network, data.y)
        gathered(network, data.X, encode_target(target, data.y), data.weights)


def check_scorer(candidate: Candidate, judge: Judge, y: NDArray[Any]) -> None:
    """See that a scorer of scikit-learn's, asked for by name, judges such targets.

    One that guesses is judged by it: what it cannot judge there, it can of no other.

    Raises
    ------
    SettingError
        With the task, and what the scorer says.
    """
    if judge.scorer is None or not isinstance(judge.metric, str):
        return
    if candidate.estimator is None or y.ndim != 1:
        return
    numbers = judge.classes is None
    X = np.zeros((len(y), 1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            judge.scorer((DummyRegressor() if numbers else DummyClassifier()).fit(X, y), X, y)
        except (TypeError, ValueError) as error:
            task = "numbers" if numbers else f"{len(judge.classes)} classes"  # type: ignore[arg-type]
            raise SettingError(
                f"metric={judge.metric!r} does not judge the {task} that "
                f"{type(candidate.what).__name__} predicts here: {' '.join(str(error).split())}"
            ) from None
