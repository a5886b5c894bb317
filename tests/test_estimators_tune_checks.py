"""What would make every trial fail is told before the first one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from test_estimators_tune import tabular

import clearprop as cp
from clearprop.errors import ClearPropError, DataError, SettingError
from clearprop.estimators.tuning import Searching

pytestmark = pytest.mark.filterwarnings("ignore:.*Maximum iterations")

X = np.random.default_rng(0).normal(size=(60, 3))
Y = X[:, 0] - X[:, 1]
LABELS = np.array(["a", "b", "c"])[np.arange(60) % 3]
ALPHA = {"alpha": [1e-4, 1.0]}


def gone(y: Any, place: Any, value: Any) -> Any:
    found = np.array(y, object if y.dtype.kind == "U" else None)
    found[place] = value
    return found


@pytest.mark.parametrize(
    ("what", "y", "told", "kind", "says"),
    [
        (cp.MLPRegressor(), Y, {"metric": "accuracy"}, SettingError,
         "metric='accuracy' is for classification, and this is regression: give 'rmse', 'mae'"),
        (cp.MLPClassifier(), LABELS, {"metric": "rmse"}, SettingError,
         "metric='rmse' is for regression, and this is classification: give 'accuracy'"),
        (cp.MLPRegressor(), Y, {"metric": "f1"}, SettingError,
         "metric='f1' does not judge the numbers that MLPRegressor predicts"),
        (cp.MLPClassifier(), LABELS, {"metric": "f1"}, SettingError,
         "metric='f1' does not judge the 3 classes that MLPClassifier predicts"),
        (cp.MLPClassifier(), LABELS, {"metric": "neg_mean_squared_error"}, SettingError,
         "metric='neg_mean_squared_error' does not judge the 3 classes"),
        (cp.MLPRegressor(), gone(Y, 4, np.nan), {}, DataError,
         "Input y contains NaN: the target of row 5 is missing"),
        (cp.MLPRegressor(), gone(Y, 4, np.inf), {}, DataError,
         "Input y contains infinity: the target of row 5 is infinite"),
        (Ridge(), gone(np.stack([Y, Y], 1), (6, 1), np.nan), {}, DataError, "row 7 is missing"),
        (cp.MLPClassifier(), gone(LABELS, 2, np.nan), {}, DataError, "row 3 is missing"),
        (cp.MLPClassifier(), gone(LABELS, 2, None), {}, DataError, "row 3 is missing"),
        (cp.MLPRegressor(), Y, {"cv": 3, "validation": 0.3}, SettingError,
         "validation=0.3 is a share that judges once, and cv=3 judges in folds: leave one"),
        (cp.MLPRegressor(), Y, {"cv": 3, "validation": 0.2}, SettingError, "leave one"),
    ],
)  # fmt: skip
def test_what_fits_no_trial_is_told_before_the_first(
    what: Any, y: Any, told: dict[str, Any], kind: type[ClearPropError], says: str
) -> None:
    begun: list[Searching] = []
    with pytest.raises(kind, match=says):
        cp.tune(what, X, y, ALPHA, trials=6, progress=begun.append, **told)
    assert not begun


def test_a_network_of_other_inputs_than_the_columns_is_told_before_the_first_trial() -> None:
    begun: list[Searching] = []
    for wide in (X, gone(X[:, :2], (0, 0), np.nan)):
        with pytest.raises(ClearPropError, match="X"):
            cp.tune(cp.Network([2, 4, 1]), wide, Y, {"epochs": [2]}, progress=begun.append)
    assert not begun


@pytest.mark.parametrize("metric", ["roc_auc_ovr", "f1_macro", "neg_log_loss", "top_k_accuracy"])
def test_scorers_that_fit_the_labels_judge(metric: str) -> None:
    found = cp.tune(cp.MLPClassifier((4,), max_iter=2), X, LABELS, ALPHA, trials=1, metric=metric)
    assert found.metric == metric and found.trials[0].state == "complete"


def test_numbers_of_classes_may_be_judged_as_numbers() -> None:
    model = cp.MLPClassifier((4,), max_iter=2)
    found = cp.tune(model, X, np.arange(60) % 3, ALPHA, trials=1, metric="neg_mean_absolute_error")
    assert found.best_score < 0


def test_a_fifth_judges_where_nothing_else_is_said() -> None:
    model, y = tabular(), LABELS
    space = {"learning_rate": [0.05]}
    one = cp.tune(model, X, y, space, trials=1)
    same = cp.tune(model, X, y, space, trials=1, validation=0.2)
    other = cp.tune(model, X, y, space, trials=1, validation=0.4)
    assert one.best_score == same.best_score != other.best_score
