"""The tabular estimators in scikit-learn's world, with a frame of all kinds of columns."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.exceptions import NotFittedError
from sklearn.inspection import permutation_importance
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_validate
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils.validation import check_is_fitted

import clearprop as cp
from clearprop.metrics import calibration_error

CHANGES: dict[str, Any] = {"epochs": 8, "hidden": (16,), "bags": 1, "refit": False}
QUICK: dict[str, Any] = {"changes": CHANGES, "random_state": 0}
BOTH = [cp.TabularClassifier, cp.TabularRegressor]


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    n = 240
    frame = pd.DataFrame(
        {
            "size": rng.normal(size=n),
            "colour": pd.Categorical(rng.choice(["red", "green", "blue"], n)),
            "old": rng.random(n) < 0.5,
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 300, n), "D"),
        }
    )
    frame.loc[::9, "size"] = np.nan
    return frame


@pytest.fixture(scope="module")
def number(rows: pd.DataFrame) -> np.ndarray:
    return np.asarray(rows["size"].fillna(0) + 2.0 * (rows["colour"] == "red"))


def target(kind: Any, number: np.ndarray) -> np.ndarray:
    return number if kind is cp.TabularRegressor else np.where(number > 0.5, "high", "low")


def answers(model: Any, X: Any) -> np.ndarray:
    return model.predict_proba(X) if hasattr(model, "predict_proba") else model.predict(X)


@pytest.mark.parametrize("kind", BOTH)
def test_the_page_of_a_notebook_shows_its_settings(kind: Any, rows: Any, number: Any) -> None:
    model = kind(preset="fast", **QUICK)
    before = model._repr_html_()
    assert kind.__name__ in before and "preset" in before and "Not fitted" in before
    assert "Fitted" in model.fit(rows, target(kind, number))._repr_html_()
    assert repr(kind(preset="fast")) == f"{kind.__name__}(preset='fast')"
    bundle = model._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html"}


@pytest.mark.parametrize("kind", BOTH)
def test_a_clone_is_unfitted_and_fits_to_the_same_bits(kind: Any, rows: Any, number: Any) -> None:
    y = target(kind, number)
    model = kind(**QUICK).fit(rows, y)
    again = clone(model)
    with pytest.raises(NotFittedError):
        check_is_fitted(again)
    assert again.get_params() == model.get_params()
    assert answers(again.fit(rows, y), rows).tobytes() == answers(model, rows).tobytes()


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize("compressed", [False, True])
def test_joblib_keeps_it(
    kind: Any, compressed: bool, rows: Any, number: Any, tmp_path: Path
) -> None:
    model = kind(**QUICK).fit(rows, target(kind, number))
    path = tmp_path / "m.joblib"
    joblib.dump(model, path, compress=compressed)
    again = joblib.load(path)
    assert answers(again, rows).tobytes() == answers(model, rows).tobytes()
    assert again.n_iter_ == model.n_iter_ and again.epochs_ == model.epochs_
    unfitted = pickle.loads(pickle.dumps(kind(**QUICK)))
    assert unfitted.get_params() == kind(**QUICK).get_params()


def test_another_process_predicts_the_same_bits(rows: Any, number: Any, tmp_path: Path) -> None:
    model = cp.TabularRegressor(**QUICK).fit(rows, number)
    joblib.dump((model, rows), tmp_path / "m")
    code = (
        "import joblib, sys; model, rows = joblib.load(sys.argv[1]); "
        "print(model.predict(rows).tobytes().hex())"
    )
    found = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "m")],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert bytes.fromhex(found.stdout.strip()) == model.predict(rows).tobytes()


@pytest.mark.parametrize("kind", BOTH)
def test_a_grid_goes_over_ingredients(kind: Any, rows: Any, number: Any) -> None:
    grid = {"changes": [CHANGES, {**CHANGES, "epochs": 1, "learning_rate": 1e-6}]}
    found = GridSearchCV(kind(**QUICK), grid, cv=3).fit(rows, target(kind, number))
    assert found.best_params_["changes"] is CHANGES
    assert found.best_estimator_.n_iter_ == 8
    assert found.cv_results_["mean_test_score"][0] > found.cv_results_["mean_test_score"][1]


def test_many_fits_at_once_give_the_bits_of_one_after_the_other(rows: Any, number: Any) -> None:
    y = target(cp.TabularClassifier, number)
    model = cp.TabularClassifier(**QUICK)
    one = cross_val_predict(model, rows, y, cv=3, method="predict_proba")
    with joblib.parallel_config("threading", n_jobs=2):
        two = cross_val_predict(model, rows, y, cv=3, method="predict_proba")
    assert one.tobytes() == two.tobytes()


@pytest.mark.parametrize("output", ["default", "pandas", "polars"])
@pytest.mark.parametrize("kind", BOTH)
def test_it_stands_behind_a_column_transformer(
    kind: Any, output: str, rows: Any, number: Any
) -> None:
    y = target(kind, number)
    parts = ColumnTransformer(
        [("scaled", StandardScaler(), ["size"]), ("kept", "passthrough", ["colour", "old"])]
    ).set_output(transform=output)  # fmt: skip
    model = Pipeline([("parts", parts), ("model", kind(**QUICK))]).fit(rows, y)
    assert model.score(rows, y) > 0.7
    assert model["model"].n_features_in_ == 3
    if output != "default":
        names = ["scaled__size", "kept__colour", "kept__old"]
        assert model["model"].feature_names_in_.tolist() == names
        uses = {c["name"]: c["use"] for c in model["model"].model_.columns}
        assert uses == dict(zip(names, ["number", "category", "boolean"], strict=True))


def test_calibration_goes_around_it(rows: Any, number: Any) -> None:
    rng = np.random.default_rng(1)
    y = target(cp.TabularClassifier, number + rng.normal(size=len(number)))
    for method in ("sigmoid", "isotonic"):
        model = CalibratedClassifierCV(cp.TabularClassifier(**QUICK), method=method, cv=3)
        P = model.fit(rows, y).predict_proba(rows)
        np.testing.assert_allclose(P.sum(axis=1), 1)
        codes = np.searchsorted(model.classes_, y)
        assert calibration_error(codes, P) < 0.15


def test_weights_are_routed_through_searches_and_pipelines(rows: Any, number: Any) -> None:
    y = target(cp.TabularClassifier, number)
    weights = np.where(y == "high", 4.0, 0.5)
    with config_context(enable_metadata_routing=True):
        asked = cp.TabularClassifier(**QUICK).set_fit_request(sample_weight=True)
        asked.set_score_request(sample_weight=True)
        same = FunctionTransformer(None)
        model = make_pipeline(same, asked)
        found = GridSearchCV(model, {"tabularclassifier__metric": ["log_loss"]}, cv=2)
        found.fit(rows, y, sample_weight=weights)
        scores = cross_validate(
            make_pipeline(same, asked), rows, y, cv=2, params={"sample_weight": weights}
        )
        deaf = cp.TabularClassifier(**QUICK).set_fit_request(sample_weight=False)
        unheard = make_pipeline(same, deaf).fit(rows, y)
    direct = cp.TabularClassifier(**QUICK).fit(rows, y, sample_weight=weights)
    inside = found.best_estimator_[-1]
    assert inside.predict_proba(rows).tobytes() == direct.predict_proba(rows).tobytes()
    assert unheard.predict_proba(rows).tobytes() != direct.predict_proba(rows).tobytes()
    assert np.isfinite(scores["test_score"]).all()


def test_other_estimators_go_around_it(rows: Any, number: Any) -> None:
    three = np.array(["a", "b", "c"])[np.digitize(number, [0, 1.5])]
    split = OneVsRestClassifier(cp.TabularClassifier(**QUICK))
    numbers = rows[["size"]].fillna(0).assign(red=rows["colour"] == "red").astype(float)
    assert split.fit(numbers.to_numpy(), three).score(numbers.to_numpy(), three) > 0.6
    logs = TransformedTargetRegressor(
        cp.TabularRegressor(**QUICK), func=np.log1p, inverse_func=np.expm1
    )
    assert logs.fit(rows, np.exp(number)).predict(rows).min() > -1
    model = cp.TabularRegressor(**QUICK).fit(rows, number)
    theirs = permutation_importance(model, rows, number, n_repeats=2, random_state=0)
    assert theirs.importances_mean[0] > theirs.importances_mean[3]


def test_it_says_what_it_is() -> None:
    assert is_classifier(cp.TabularClassifier()) and not is_classifier(cp.TabularRegressor())
    assert is_regressor(cp.TabularRegressor())
    tags = cp.TabularClassifier().__sklearn_tags__()
    assert tags.input_tags.allow_nan and tags.input_tags.string and tags.input_tags.categorical
    assert not tags.input_tags.sparse and tags.target_tags.required


def test_ten_thousand_categories_cost_a_row_of_an_embedding_each() -> None:
    rng = np.random.default_rng(0)
    place = np.tile(np.arange(10_000), 3)  # each level three times
    effect = rng.normal(size=10_000)
    X = pd.DataFrame({"city": [f"c{k}" for k in place], "x": rng.normal(size=30_000)})
    y = effect[place] + X["x"]
    changes = {**CHANGES, "epochs": 12}
    model = cp.TabularRegressor(changes=changes, random_state=0).fit(X, y)
    assert model.model_.encoder is not None
    assert model.model_.encoder.index_levels["city"] >= 10_000
    embedding = 8 * model.model_.encoder.index_levels["city"]
    assert model.to_network().graph.size < embedding + 5_000  # no weight for each level and unit
    assert model.score(X, y) > 0.6  # 0.5 is what x alone explains
    unseen = model.predict(pd.DataFrame({"city": ["nowhere", "c1"], "x": [0.0, 0.0]}))
    assert np.isfinite(unseen).all()


def test_its_settings_are_plain_data(rows: Any) -> None:
    told = cp.TabularClassifier(preset="best", class_weight={"a": 2.0}).get_params()
    assert json.loads(json.dumps(told))["class_weight"] == {"a": 2.0}
