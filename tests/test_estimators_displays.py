"""The displays draw the figures that the estimators keep, and scikit-learn's own take ours."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV, LearningCurveDisplay
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import clearprop as cp
from clearprop.errors import ClearPropError, SettingError, UsageError

mpl.use("Agg")

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*Maximum iterations"),
    pytest.mark.filterwarnings("ignore:lbfgs failed to converge"),
]

SMALL: dict[str, Any] = {"changes": {"epochs": 5, "hidden": (8,)}, "random_state": 0}


@pytest.fixture(autouse=True)
def _closed() -> Any:
    yield
    import matplotlib.pyplot as plt

    plt.close("all")


@pytest.fixture(scope="module")
def iris() -> tuple[pd.DataFrame, np.ndarray]:
    X, y = load_iris(return_X_y=True, as_frame=True)
    X.columns = ["sl", "sw", "pl", "pw"]
    X["colour"] = np.where(y == 0, "red", "blue")
    X["day"] = pd.Timestamp("2024-01-01")
    return X, y.to_numpy()


@pytest.fixture(scope="module")
def fitted(iris: Any) -> cp.TabularClassifier:
    return cp.TabularClassifier(preset="fast", **SMALL).fit(*iris)


def test_the_loss_of_an_mlp_is_drawn_as_it_is_kept(iris: Any) -> None:
    X, y = iris[0].to_numpy()[:, :4].astype(float), iris[1]
    model = cp.MLPClassifier((8,), max_iter=12, early_stopping=True, random_state=0).fit(X, y)
    shown = cp.LossCurveDisplay.from_estimator(model, log=True, linewidth=3)
    training, validation = shown.lines_
    np.testing.assert_array_equal(training.get_xdata(), np.arange(1, 13))
    np.testing.assert_array_equal(training.get_ydata(), model.loss_curve_)
    np.testing.assert_array_equal(validation.get_ydata(), model.validation_loss_curve_)
    assert training.get_linewidth() == 3 and shown.ax_.get_yscale() == "log"
    assert shown.runs[0].best_epoch == int(np.argmax(model.validation_scores_)) + 1
    (dot,) = [line for line in shown.ax_.lines if line.get_marker() == "o"]
    assert dot.get_xdata()[0] == shown.runs[0].best_epoch
    assert shown.figure_ is shown.ax_.figure


def test_what_holds_a_network_is_drawn_as_it_is(iris: Any) -> None:
    X, y = iris[0].to_numpy()[:, :4].astype(float), iris[1]
    model = cp.MLPClassifier((4,), max_iter=3, random_state=0)
    pipeline = make_pipeline(StandardScaler(), model)
    search = GridSearchCV(pipeline, {"mlpclassifier__alpha": [0.1]}, cv=2).fit(X, y)
    theirs = TransformedTargetRegressor(cp.MLPRegressor(max_iter=3)).fit(X, X[:, 0])
    alone = MLPRegressor(max_iter=3).fit(X, X[:, 0])
    for outer, inner in (
        (search, search.best_estimator_[-1]),
        (theirs, theirs.regressor_),
        (alone, alone),
    ):
        (run,) = cp.LossCurveDisplay.from_runs(outer).runs
        assert run.cost.tolist() == inner.loss_curve_


def test_without_validation_rows_one_line_is_drawn(iris: Any) -> None:
    X, y = iris[0].to_numpy()[:, :4].astype(float), iris[1]
    model = make_pipeline(StandardScaler(), cp.MLPClassifier((8,), max_iter=3)).fit(X, y)
    shown = cp.LossCurveDisplay.from_estimator(model, name="mine")
    assert len(shown.lines_) == 1 and shown.runs[0].validation_cost is None
    assert shown.ax_.get_title() == "mine"


@pytest.mark.parametrize("preset", ["fast", "default"])
def test_of_a_tabular_estimator_the_runs_that_rows_judge_are_drawn(iris: Any, preset: str) -> None:
    model = cp.TabularClassifier(preset=preset, **SMALL).fit(*iris)
    runs = 4 if preset == "fast" else 8  # each bag, and each anew on all rows
    assert len(model.histories_) == len(model.epochs_) == runs
    assert model.n_iter_ == len(model.histories_[0]) == 5
    shown = cp.LossCurveDisplay.from_estimator(model)
    assert len(shown.runs) == 4 and len(shown.lines_) == 8
    first = model.histories_[0]
    np.testing.assert_array_equal(shown.lines_[0].get_ydata(), first["cost"])
    np.testing.assert_array_equal(shown.lines_[4].get_ydata(), first["validation_cost"])
    assert shown.runs[0].best_epoch == model.best_epoch_
    labels = [text.get_text() for text in shown.ax_.get_legend().get_texts()]
    assert labels == ["training", "validation", "epoch kept"]


def test_a_model_is_drawn_too() -> None:
    net = cp.Network([2, 4, 2], cost="cross_entropy")
    X = np.random.default_rng(0).normal(size=(40, 2))
    model = cp.train(net, X, X[:, 0] > 0, epochs=4, validation=0.25)
    shown = cp.LossCurveDisplay.from_estimator(model)
    np.testing.assert_array_equal(shown.lines_[1].get_ydata(), model.history["validation_cost"])
    again = shown.plot(ax=shown.ax_)
    assert again.ax_ is shown.ax_


@pytest.mark.parametrize("preset", ["fast", "default"])
def test_the_model_of_a_tabular_estimator_is_drawn_as_the_estimator_is(
    iris: Any, preset: str, tmp_path: Path
) -> None:
    fitted = cp.TabularClassifier(preset=preset, **SMALL).fit(*iris)
    fitted.model_.save(tmp_path / "m.clearprop")
    expected = cp.LossCurveDisplay.from_estimator(fitted)
    for model in (fitted.model_, cp.load(tmp_path / "m.clearprop")):
        shown = cp.LossCurveDisplay.from_estimator(model)
        assert [run.best_epoch for run in shown.runs] == [run.best_epoch for run in expected.runs]
        assert len(shown.lines_) == 8
        for one, other in zip(shown.lines_, expected.lines_, strict=True):
            np.testing.assert_array_equal(one.get_ydata(), other.get_ydata())


def test_of_runs_that_do_not_predict_the_epoch_kept_is_not_told(iris: Any) -> None:
    changes = {"epochs": 5, "hidden": (8,), "bags": 2, "refit": True, "beside": False}
    y = np.linspace(-1, 1, len(iris[0]))
    fitted = cp.TabularRegressor(changes=changes, random_state=0).fit(iris[0], y)
    runs = cp.LossCurveDisplay.from_runs(fitted.model_).runs
    assert len(fitted.histories_) == 4
    assert [run.best_epoch for run in runs] == [fitted.epochs_[0], fitted.epochs_[2]]
    del fitted.model_.provenance["runs"]  # which models of before do not have
    runs = cp.LossCurveDisplay.from_runs(fitted.model_).runs
    assert [run.best_epoch for run in runs] == [None, None]
    np.testing.assert_array_equal(runs[1].cost, fitted.histories_[2]["cost"])


def test_what_has_no_costs_is_refused(iris: Any) -> None:
    X, y = iris[0].to_numpy()[:, :4].astype(float), iris[1]
    with pytest.raises(SettingError, match="adam"):
        cp.LossCurveDisplay.from_estimator(
            cp.MLPClassifier((2,), solver="lbfgs", max_iter=2).fit(X, y)
        )
    with pytest.raises(SettingError, match="StandardScaler has no costs of epochs: it is no net"):
        cp.LossCurveDisplay.from_estimator(StandardScaler().fit(X))
    with pytest.raises(SettingError, match="estimator or a Model"):
        cp.LossCurveDisplay.from_estimator(3)


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.from_pandas])
def test_the_plane_of_two_columns_shows_what_the_estimator_says(
    iris: Any, fitted: Any, frame: Any
) -> None:
    X = frame(iris[0])
    shown = cp.DecisionBoundaryDisplay.from_estimator(
        fitted, X, columns=["pl", "pw"], grid_resolution=7, response_method="predict"
    )
    usual = {"sl": iris[0]["sl"].median(), "sw": iris[0]["sw"].median(), "colour": "blue"}
    rows = {name: [value] * 49 for name, value in usual.items()}
    rows |= {"pl": shown.xx0.ravel(), "pw": shown.xx1.ravel()}
    rows["day"] = [pd.Timestamp("2024-01-01")] * 49
    expected = fitted.predict(pd.DataFrame(rows))
    np.testing.assert_array_equal(shown.response.ravel(), expected)
    assert (shown.ax_.get_xlabel(), shown.ax_.get_ylabel()) == ("pl", "pw")


def test_two_columns_of_an_array_are_drawn_as_scikit_learn_draws_them(
    rng: np.random.Generator,
) -> None:
    from sklearn.inspection import DecisionBoundaryDisplay

    X = rng.normal(size=(60, 2))
    model = cp.TabularClassifier(preset="fast", **SMALL).fit(X, X[:, 0] > 0)
    ours = cp.DecisionBoundaryDisplay.from_estimator(model, X, grid_resolution=5)
    theirs = DecisionBoundaryDisplay.from_estimator(model, X, grid_resolution=5)
    np.testing.assert_array_equal(ours.response, theirs.response)
    assert isinstance(ours, DecisionBoundaryDisplay)
    wide = np.c_[X, np.full((60, 1), 7.0)]
    regressor = cp.MLPRegressor(hidden_layer_sizes=(4,), max_iter=3, random_state=0).fit(
        wide, X[:, 0]
    )
    shown = cp.DecisionBoundaryDisplay.from_estimator(
        regressor, wide, columns=[1, 0], grid_resolution=3
    )
    rows = np.c_[shown.xx1.ravel(), shown.xx0.ravel(), np.full(9, 7.0)]
    np.testing.assert_allclose(shown.response.ravel(), regressor.predict(rows))


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        (None, "6 columns"),
        (["pl", "petal"], "'petal'"),
        (["pl", "pl"], "two columns"),
        (["pl"], "two columns"),
        (5, "columns names two columns, got 5"),
        ("pl", "columns names two columns, got 'pl'"),
        (["pl", "colour"], "not both numbers"),
    ],
)
def test_wrong_columns_are_said_in_one_sentence(
    iris: Any, fitted: Any, columns: Any, says: str
) -> None:
    with pytest.raises(ClearPropError, match=says):
        cp.DecisionBoundaryDisplay.from_estimator(fitted, iris[0], columns=columns)


def test_scikit_learn_s_learning_curve_takes_ours(rng: np.random.Generator) -> None:
    X = rng.normal(size=(60, 2))
    shown = LearningCurveDisplay.from_estimator(
        cp.TabularClassifier(preset="fast", **SMALL), X, X[:, 0] > 0, cv=2, train_sizes=[0.5, 1.0]
    )
    assert shown.test_scores.shape == (2, 2) and shown.test_scores.min() > 0.4


def test_without_matplotlib_a_sentence_says_what_to_install(
    fitted: Any, iris: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UsageError, match=r"pip install 'clearprop\[plot\]'"):
        cp.LossCurveDisplay.from_estimator(fitted)
    with pytest.raises(UsageError, match=r"pip install 'clearprop\[plot\]'"):
        cp.DecisionBoundaryDisplay.from_estimator(fitted, iris[0], columns=["pl", "pw"])
