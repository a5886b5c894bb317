"""A newcomer's model is a good one: `train_table`, told nothing, against scikit-learn's MLP.

The same rows train and the same rows judge; scikit-learn's inputs are standardised, its settings
its own. Ours is the estimators' default preset, and holds back rows of the training rows alone.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from conftest import count
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.metrics import accuracy_score, log_loss, mean_squared_error
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import clearprop as cp

SPLITS = count(2, 10)
#: Student's t at 97.5 % for that many differences.
T = {2: 12.706, 10: 2.262}[SPLITS]

#: The most that ours may be on any of the splits, a third above what it is at worst.
HIGHEST = {
    ("digits", "error"): 0.043,
    ("digits", "log loss"): 0.178,
    ("breast_cancer", "error"): 0.066,
    ("breast_cancer", "log loss"): 0.189,
    ("diabetes", "RMSE"): 77.0,
}

DATA: dict[str, Callable[..., Any]] = {
    "digits": load_digits,
    "breast_cancer": load_breast_cancer,
    "diabetes": load_diabetes,
}


def parts(name: str, seed: int) -> tuple[Any, ...]:
    X, y = DATA[name](return_X_y=True)
    if name == "digits" and SPLITS < 10:
        X, y = X[:500], y[:500]
    stratify = None if name == "diabetes" else y
    found: tuple[Any, ...] = tuple(
        train_test_split(X, y, test_size=0.25, random_state=seed, stratify=stratify)
    )
    return found


def table(X: np.ndarray, y: np.ndarray) -> dict[str, Any]:
    return {f"x{place}": X[:, place] for place in range(X.shape[1])} | {"y": y}


def peers(name: str, seed: int) -> Any:
    kind = MLPRegressor if name == "diabetes" else MLPClassifier
    return make_pipeline(StandardScaler(), kind(random_state=seed))


def figures(name: str, seed: int) -> dict[str, tuple[float, float]]:
    """(ours, theirs) by figure, less being better; judged by scikit-learn, not by ourselves."""
    X, X_test, y, y_test = parts(name, seed)
    model = cp.train_table(table(X, y), "y", seed=seed)
    other = peers(name, seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says that 200 epochs are not enough for it
        other.fit(X, y)
    asked = table(X_test, y_test)
    if name == "diabetes":
        ours, theirs = model.predict(asked), other.predict(X_test)
        return {
            "RMSE": (
                mean_squared_error(y_test, ours) ** 0.5,
                mean_squared_error(y_test, theirs) ** 0.5,
            )
        }
    P, Q = model.predict_probabilities(asked), other.predict_proba(X_test)
    return {
        "error": (
            1 - accuracy_score(y_test, model.predict(asked)),
            1 - accuracy_score(y_test, other.predict(X_test)),
        ),
        "log loss": (log_loss(y_test, P), log_loss(y_test, Q)),
    }


@pytest.mark.parametrize("name", DATA)
def test_defaults_are_no_worse_than_scikit_learns_mlp(
    name: str, proof: Callable[..., None]
) -> None:
    found = [figures(name, seed) for seed in range(SPLITS)]
    for figure in found[0]:
        pairs = np.array([one[figure] for one in found])
        difference = pairs[:, 0] - pairs[:, 1]  # of the same split: below 0, ours is better
        half = T * difference.std(ddof=1) / len(difference) ** 0.5
        mean = difference.mean()
        proof(
            f"{name}: {figure} of train_table's defaults less that of scikit-learn's MLP",
            SPLITS,
            ours=pairs[:, 0].mean(),
            theirs=pairs[:, 1].mean(),
            difference=mean,
            interval=f"{mean - half:.4f} to {mean + half:.4f}",
            bar="the interval's lower end at most 0",
        )
        # Fixed splits, the same bits on every run: these figures stay where they are.
        assert pairs[:, 0].max() <= HIGHEST[name, figure], f"{figure}: {pairs[:, 0]}"
        # Worse would be a difference above 0 that its interval does not reach down from.
        assert mean - half <= 0, f"{figure}: {mean:.4f} ± {half:.4f}"
