"""scikit-learn's checks of every estimator, without a waiver."""

from __future__ import annotations

from typing import Any

import pytest
from sklearn.exceptions import ConvergenceWarning, SkipTestWarning
from sklearn.utils.estimator_checks import parametrize_with_checks

import clearprop as cp

ESTIMATORS = [
    cp.MLPClassifier(max_iter=100),
    cp.MLPRegressor(max_iter=100),
    cp.MLPClassifier(solver="lbfgs", max_iter=20),  # further on, a probability rounds to 1
    cp.MLPClassifier((16, 16), ["silu", "tanh"], max_iter=100, solver="adamw", residual=True),
    cp.MLPRegressor("huber", (16, 16), "gelu", max_iter=100, learning_rate="cosine"),
]


@pytest.mark.filterwarnings(f"ignore::{ConvergenceWarning.__module__}.ConvergenceWarning")
@pytest.mark.filterwarnings(f"ignore::{SkipTestWarning.__module__}.SkipTestWarning")
@parametrize_with_checks(ESTIMATORS)
def test_it_is_an_estimator(estimator: Any, check: Any) -> None:
    check(estimator)
