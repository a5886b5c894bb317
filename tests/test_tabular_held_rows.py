"""Rows of the caller's own that validate a tabular estimator, and never train it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import clearprop as cp
from clearprop.errors import DataError, SettingError

QUICK: dict[str, Any] = {"changes": {"epochs": 12, "hidden": (32, 32)}, "random_state": 0}


def rows(seed: int, n: int, shift: float = 0.0) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = pd.DataFrame({"x": rng.uniform(-2, 2, n), "kind": rng.choice(["a", "b"], n)})
    y = 2 * X["x"] + (X["kind"] == "a") + 0.3 * rng.normal(size=n) + shift
    return X, y.to_numpy()


@pytest.mark.parametrize("preset", ["fast", "default"])
def test_they_judge_every_run_and_all_others_train(preset: str) -> None:
    X, y = rows(0, 200)
    held = rows(1, 60, shift=5.0)  # which the fit is off by 5 on, and knows it
    model = cp.TabularRegressor(preset=preset, **QUICK).fit(X, y, validation_data=held)
    residuals = model.model_.residuals
    assert residuals is not None
    np.testing.assert_allclose(
        np.sort(residuals.residuals), np.sort(held[1] - model.predict(held[0])), atol=1e-9
    )
    assert abs(residuals.residuals.mean() - 5.0) < 1
    costs = [history["validation_cost"] for history in model.histories_]
    assert len(costs) == 4 and all(cost.min() > 1 for cost in costs)  # (4 / 2.4)² / 2, about
    assert model.epochs_ == tuple(int(np.argmin(cost)) + 1 for cost in costs)


def test_it_is_what_a_table_with_validation_rows_of_its_own_is_trained_to() -> None:
    X, y = rows(2, 150)
    held = rows(3, 70)
    frames = [one[0].assign(price=one[1]) for one in ((X, y), held)]
    table = cp.train_table(frames[0], "price", validation=frames[1], preset="fast", seed=4)
    model = cp.TabularRegressor(preset="fast", random_state=4).fit(X, y, validation_data=held)
    assert model.model_.parameters.flat.tobytes() == table.parameters.flat.tobytes()


def test_labels_are_those_of_the_fit_and_weights_count() -> None:
    (X, y), (Xv, yv) = rows(5, 200), rows(6, 80)
    names, told = np.where(y > 0, "up", "down"), np.where(yv > 0, "up", "down")
    spoiled = told.copy()
    spoiled[:40] = np.where(spoiled[:40] == "up", "down", "up")
    model = cp.TabularClassifier(preset="fast", **QUICK)

    def temperatures(*held: Any) -> list[float]:
        fitted = model.fit(X, names, validation_data=held)
        return [run["temperature"] for run in fitted.model_.provenance["bags"]]

    right, wrong = temperatures(Xv[40:], told[40:]), temperatures(Xv, spoiled)
    assert max(right) < min(wrong)  # half of them wrong: less sure
    weights = np.where(np.arange(80) < 40, 0.0, 1.0)
    np.testing.assert_allclose(temperatures(Xv, spoiled, weights), right, rtol=1e-6)


def test_class_weights_are_those_of_the_fit() -> None:
    (X, y), (Xv, yv) = rows(7, 300), rows(8, 100)
    noise = np.random.default_rng(9).normal(0, 3, 400)  # so that the rare are told with doubt
    rare, held = np.where(y + noise[:300] > 4, 1, 0), np.where(yv + noise[300:] > 4, 1, 0)
    plain = cp.TabularClassifier(preset="fast", **QUICK).fit(X, rare, validation_data=(Xv, held))
    balanced = cp.TabularClassifier(preset="fast", class_weight="balanced", **QUICK)
    balanced.fit(X, rare, validation_data=(Xv, held))
    shares = [model.predict_proba(Xv)[:, 1].mean() for model in (plain, balanced)]
    assert abs(shares[0] - held.mean()) < 0.05 < shares[1] - held.mean()


@pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame, dict])
def test_any_kind_of_table_in_any_order_of_its_columns(kind: Any) -> None:
    (X, y), (Xv, yv) = rows(9, 120), rows(10, 50)
    turned = {name: Xv[name].tolist() for name in ("kind", "x")}
    model = cp.TabularRegressor(preset="fast", **QUICK)
    first = model.fit(X, y, validation_data=(Xv, yv)).predict(Xv)
    own = X if kind is pd.DataFrame else kind({name: X[name].tolist() for name in X})
    again = clone(model).fit(own, y, validation_data=(kind(turned), yv))
    assert again.epochs_ == model.epochs_
    np.testing.assert_allclose(first, again.predict(kind(turned)), rtol=1e-6)


def test_a_pipeline_transforms_them_too() -> None:
    import sklearn

    rng = np.random.default_rng(11)
    X, Xv = rng.normal(size=(120, 3)), rng.normal(size=(40, 3))
    y, yv = X[:, 0], Xv[:, 0]
    with sklearn.config_context(enable_metadata_routing=True):
        last = cp.TabularRegressor(preset="fast", **QUICK).set_fit_request(X_val=True, y_val=True)
        piped = make_pipeline(StandardScaler(), last, transform_input=["X_val"])
        piped.fit(X, y, X_val=Xv, y_val=yv)
    scaler = StandardScaler().fit(X)
    alone = cp.TabularRegressor(preset="fast", **QUICK)
    alone.fit(scaler.transform(X), y, X_val=scaler.transform(Xv), y_val=yv)
    np.testing.assert_array_equal(piped.predict(Xv), alone.predict(scaler.transform(Xv)))


@pytest.mark.parametrize(
    ("held", "kind", "says"),
    [
        ((rows(1, 9)[0],), SettingError, r"validation_data is \(X, y\) or \(X, y, sample_weight\)"),
        ((rows(1, 9)[0], np.ones(8)), DataError, "validation_data: X has 9 rows and y has 8"),
        ((rows(1, 9)[0][["x"]], np.ones(9)), DataError, "validation_data has no column 'kind'"),
        ((rows(1, 9)[0].assign(x=np.inf), np.ones(9)), DataError, "validation_data: column 'x'"),
        ((rows(1, 9)[0], np.full(9, 1e200)), DataError, "validation_data: y in row 1 is more than"),
        ((rows(1, 9)[0], [*"abcdefghi"]), DataError, "validation_data: y holds what is no number"),
        ((*rows(1, 9), -np.ones(9)), DataError, "validation_data: sample_weight has -1 in row 1"),
        ((rows(1, 9)[0], np.full(9, np.nan)), DataError, "validation_data: Input y contains NaN"),
    ],
)
def test_what_cannot_judge_is_refused(held: Any, kind: type[Exception], says: str) -> None:
    X, y = rows(12, 60)
    with pytest.raises(kind, match=says):
        cp.TabularRegressor(preset="fast", **QUICK).fit(X, y, validation_data=held)


def test_a_label_that_no_row_of_the_fit_has_is_refused() -> None:
    X, _ = rows(13, 40)
    names = ["a", "b"] * 20
    with pytest.raises(DataError, match="validation_data: y has the label 'c'"):
        cp.TabularClassifier(preset="fast", **QUICK).fit(
            X, names, validation_data=(X, ["a", "c"] * 20)
        )
    with pytest.raises(SettingError, match="give validation_data, or X_val and y_val together"):
        cp.TabularClassifier(preset="fast", **QUICK).fit(X, names, X_val=X)


@pytest.mark.parametrize("names", ["ab", (1, 2)])
def test_rows_of_one_group_are_held_back_together(names: Any) -> None:
    """Rows that repeat others tell nothing of new ones: what is held back must be strangers."""
    rng = np.random.default_rng(14)
    who = np.repeat(np.arange(40), 10)
    X = np.repeat(rng.normal(size=(40, 4)), 10, axis=0)  # of one group, rows are alike
    y = np.repeat(rng.normal(size=40), 10)  # and tell nothing of those of others
    groups = [f"{names[0]}{one}" for one in who] if names == "ab" else who
    changes = {"epochs": 60, "hidden": (64,), "temperature": False}
    model = cp.TabularRegressor(preset="fast", changes=changes, random_state=0)

    def off(**told: Any) -> float:
        residuals = model.fit(X, y, **told).model_.residuals
        assert residuals is not None
        return float(np.std(residuals.residuals))

    assert off() < 0.4 * np.std(y)  # of rows that it has seen the like of
    assert off(groups=groups) > 0.8 * np.std(y)


@pytest.mark.parametrize(
    ("groups", "kind", "says"),
    [
        ([1] * 40, DataError, "groups has one value only"),
        ([1, 2], DataError, r"groups has the shape \(2,\) for 40 rows"),
        ([None, *range(39)], DataError, "groups is missing in row 1"),
        ([float("nan"), *range(39)], DataError, "groups is missing in row 1"),
        (np.array(["NaT", *["2024-01-01"] * 39], "M8[D]"), DataError, "groups is missing in row 1"),
        (np.ma.masked_equal(np.arange(40), 3), DataError, "groups is masked in row 4"),
        ([1, "1"] * 20, DataError, "groups has one value only"),
        ([{"a": 1}] * 40, DataError, "groups has one value only"),
    ],
)
def test_groups_that_are_none_are_refused(groups: Any, kind: type[Exception], says: str) -> None:
    X, y = rows(15, 40)
    with pytest.raises(kind, match=says):
        cp.TabularRegressor(preset="fast", **QUICK).fit(X, y, groups=groups)


def test_groups_beside_rows_that_judge_are_refused() -> None:
    X, y = rows(16, 40)
    with pytest.raises(SettingError, match="groups are held back together"):
        cp.TabularRegressor(preset="fast", **QUICK).fit(
            X, y, groups=range(40), validation_data=(X, y)
        )


def test_classes_of_no_weight_cannot_judge() -> None:
    X, _ = rows(17, 40)
    names = np.array(["a", "b"] * 20)
    with pytest.raises(DataError, match="validation_data: class_weight leaves no row a weight"):
        cp.TabularClassifier(preset="fast", class_weight={"a": 0}, **QUICK).fit(
            X, names, validation_data=(X[names == "a"], names[names == "a"])
        )
