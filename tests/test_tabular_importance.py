"""Importances: a column that decides matters, one that does not does not; gradients by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from clearprop import philox
from clearprop.errors import SettingError
from clearprop.estimators.tabular import TabularClassifier, TabularRegressor
from clearprop.estimators.tabular_importance import Importances


@pytest.fixture(scope="module")
def told() -> tuple[TabularClassifier, pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(3)
    X = pd.DataFrame(
        {
            "noise": rng.normal(size=300),
            "sign": rng.normal(size=300),
            "many": rng.choice([f"k{place}" for place in range(40)], 300),
        }
    )
    y = np.where(X["sign"] > 0, "yes", "no")
    model = TabularClassifier(changes={"epochs": 30, "hidden": (16,)}, random_state=0)
    with pytest.warns(UserWarning, match="caution: 'sign' alone tells y in all 300 rows"):
        return model.fit(X, y), X, y


@pytest.mark.parametrize("method", ["permutation", "gradient"])
def test_the_column_that_decides_matters_most(told: Any, method: str) -> None:
    model, X, y = told
    found: Importances = model.feature_importances(X, y, method=method)
    by_name = dict(zip(found.names, found.mean, strict=True))
    assert list(by_name) == ["noise", "sign", "many"]
    assert by_name["sign"] > 5 * max(by_name["noise"], by_name["many"])


def test_permutations_repeat_and_spread(told: Any) -> None:
    model, X, y = told
    one = model.feature_importances(X, y, random_state=4)
    two = model.feature_importances(X, y, random_state=4)
    other = model.feature_importances(X, y, random_state=5)
    assert one.mean.tolist() == two.mean.tolist() != other.mean.tolist()
    assert one.deviation[1] > 0
    assert (model.feature_importances(X, y, repeats=1).deviation == 0).all()


@pytest.mark.parametrize("changes", [{}, {"members": 2}])
def test_gradients_are_central_differences_of_the_cost(changes: dict[str, Any]) -> None:
    rng = np.random.default_rng(1)
    X = rng.normal(size=(40, 2))
    y = X[:, 0] * 3 + X[:, 1]
    model = TabularRegressor(
        changes={"epochs": 5, "hidden": (8,), "numbers": "robust", **changes}, random_state=0
    ).fit(X, y)
    found = model.feature_importances(X, y, method="gradient")
    inside = model.model_
    from clearprop.tables.opening import open_table

    assert inside.encoder is not None
    inputs = inside.encoder.encode(open_table({"x0": X[:, 0], "x1": X[:, 1]}), np.float64).X
    target = (y - inside.target.mean) / inside.target.std
    h, slopes = 1e-5, np.zeros((40, 2))
    for row in range(40):
        for column in range(2):
            step = np.zeros((1, 2))
            step[0, column] = h
            up, down = (
                inside.network.cost(inside.parameters, inputs[[row]] + sign * step, target[[row]])
                for sign in (1, -1)
            )
            slopes[row, column] = (up - down) / (2 * h)
    np.testing.assert_allclose(found.mean, np.abs(slopes).mean(axis=0), rtol=1e-5)


def test_a_table_of_them_has_the_largest_first_with_its_spread(told: Any) -> None:
    model, X, y = told
    found = model.feature_importances(X, y)
    assert found.metric == "log_loss"
    head, first, *_, meaning = str(found).splitlines()
    assert head.split() == ["column", "importance", "spread"]
    assert first.split()[0] == "sign"
    assert len(head) == len(first)
    assert meaning.startswith("importance: how much worse log_loss gets")
    assert repr(found).startswith("<Importances of 3 columns: 'sign' ")
    frame = pd.DataFrame(found.to_dict())
    assert frame["mean"].is_monotonic_decreasing
    assert frame["mean"][0] == found.mean[1]
    assert frame["deviation"][0] == found.deviation[1]


def test_names_of_any_width_and_sign_stand_in_line() -> None:
    made = Importances(("价格", "two\nlines"), np.array([0.5, 0.25]), np.zeros(2))
    assert str(made).splitlines() == [
        "column      importance  spread",
        "价格               0.5       0",
        "two\\nlines        0.25       0",
        "importance: the mean of ‖∂J/∂x‖ over the rows, x the column's inputs",
    ]


def test_permutations_are_told_by_any_metric_of_the_task(told: Any) -> None:
    model, X, y = told
    found = model.feature_importances(X, y, metric="accuracy")
    assert found.metric == "accuracy"
    by_hand = []
    for repeat in range(5):
        u = philox.uniform(0, philox.VALIDATION, 0, len(X), word2=repeat, within=1)
        moved = X.assign(sign=X["sign"].to_numpy()[np.argsort(u, kind="stable")])
        by_hand.append(model.score(X, y) - model.score(moved, y))
    assert found.mean[1] == pytest.approx(np.mean(by_hand))
    for wrong in ("rmse", "nothing", 3):
        with pytest.raises(SettingError, match="there is no metric"):
            model.feature_importances(X, y, metric=wrong)
    with pytest.raises(SettingError, match="leave it out"):
        model.feature_importances(X, y, method="gradient", metric="accuracy")


def test_other_methods_are_refused(told: Any) -> None:
    model, X, y = told
    with pytest.raises(SettingError, match="permutation"):
        model.feature_importances(X, y, method="shap")
    with pytest.raises(SettingError, match="repeats"):
        model.feature_importances(X, y, repeats=0)
    for wrong in (1.5, "2", None):
        with pytest.raises(SettingError, match="repeats must be a whole number"):
            model.feature_importances(X, y, repeats=wrong)
    for wrong in (None, "a", 1.5, -1):
        with pytest.raises(SettingError, match="random_state must be a whole number"):
            model.feature_importances(X, y, random_state=wrong)
