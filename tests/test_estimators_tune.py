"""The search: the same trials from a seed, stopped and gone on or not; what it finds is better."""

from __future__ import annotations

import builtins
import io
import math
import os
import signal
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.stats import loguniform, norm, randint, uniform
from sklearn.datasets import load_diabetes, load_wine
from sklearn.linear_model import Ridge
from sklearn.metrics import accuracy_score, log_loss, mean_squared_error
from sklearn.model_selection import GroupKFold, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import clearprop as cp
from clearprop.errors import ClearPropError, DataError, SettingError, UsageError
from clearprop.estimators.tuning import Searching
from clearprop.estimators.tuning_parameters import value_of
from clearprop.estimators.tuning_space import usual_space
from clearprop.membership import VALIDATION, split
from clearprop.training import Cosine
from clearprop.words import number

pytestmark = pytest.mark.filterwarnings("ignore:.*Maximum iterations")

SMALL: dict[str, Any] = {"epochs": 8, "hidden": (8,), "bags": 1, "refit": False}
RATE = {"learning_rate": "1e-3..0.2 log", "dropout": [0.0, 0.1, 0.3]}


@pytest.fixture(scope="module")
def wine() -> tuple[np.ndarray, np.ndarray]:
    X, y = load_wine(return_X_y=True)
    return X, np.array(["low", "middle", "high"])[y]


def tabular(**changes: Any) -> cp.TabularClassifier:
    return cp.TabularClassifier(changes={**SMALL, **changes})


def same(one: Any, other: Any) -> None:
    assert len(one.trials) == len(other.trials)
    for a, b in zip(one.trials, other.trials, strict=True):
        assert (a.number, a.state, a.epochs, a.why) == (b.number, b.state, b.epochs, b.why)
        assert a.parameters == b.parameters
        assert a.score == b.score or (math.isnan(a.score) and math.isnan(b.score))


def test_a_seed_gives_the_same_search_to_the_bit_and_another_seed_another(wine: Any) -> None:
    one, two, other = (cp.tune(tabular(), *wine, RATE, trials=5, seed=seed) for seed in (3, 3, 4))
    same(one, two)
    P, Q = (found.best_estimator.predict_proba(wine[0]) for found in (one, two))
    assert P.tobytes() == Q.tobytes()
    assert [t.parameters for t in one.trials[1:]] != [t.parameters for t in other.trials[1:]]


def test_a_search_that_was_stopped_goes_on_to_the_trials_it_would_have_had(
    wine: Any, tmp_path: Path
) -> None:
    path = tmp_path / "wine.study"
    whole = cp.tune(tabular(), *wine, RATE, trials=14)
    cp.tune(tabular(), *wine, RATE, trials=4, study=path)
    seen: list[int] = []
    resumed = cp.tune(
        tabular(), *wine, RATE, trials=14, study=path, progress=lambda s: seen.append(s.trial)
    )
    same(whole, resumed)
    assert set(seen) == set(range(5, 15))  # the first four were not done again
    assert whole.best_params == resumed.best_params
    P, Q = (found.best_estimator.predict_proba(wine[0]) for found in (whole, resumed))
    assert P.tobytes() == Q.tobytes()


def test_the_first_trial_is_the_estimator_as_it_is(wine: Any) -> None:
    found = cp.tune(tabular(learning_rate=0.02, dropout=0.3), *wine, RATE, trials=1)
    assert found.trials[0].parameters == {"learning_rate": 0.02, "dropout": 0.3}
    usual = cp.tune(cp.MLPClassifier(max_iter=3), *wine, trials=1).trials[0].parameters
    own = cp.MLPClassifier().get_params()
    assert usual["hidden_layer_sizes"] == (100,)
    for name in ("activation", "alpha", "learning_rate_init", "batch_size", "dropout"):
        assert usual[name] == own[name]


def test_the_score_is_that_of_rows_that_did_not_train(wine: Any) -> None:
    X, y = wine
    model = tabular(learning_rate=0.05)
    found = cp.tune(model, X, y, {"learning_rate": [0.05]}, trials=1, validation=0.3, seed=7)
    codes = np.unique(y, return_inverse=True)[1]
    held = split(7, len(y), validation=0.3, labels=codes) == VALIDATION
    by_hand = model.set_params(random_state=7).fit(X[~held], y[~held])
    expected = log_loss(y[held], by_hand.predict_proba(X[held]), labels=by_hand.classes_)
    assert found.best_score == pytest.approx(expected, rel=1e-9)
    again = found.best_estimator  # of all rows
    assert (again.predict_proba(X) == model.fit(X, y).predict_proba(X)).all()


def test_folds_are_judged_by_their_mean() -> None:
    X, y = load_diabetes(return_X_y=True)
    folds = KFold(3)
    found = cp.tune(Ridge(), X, y, {"alpha": [1.0, 0.1]}, trials=1, cv=folds, metric="rmse")
    each = [
        math.sqrt(mean_squared_error(y[b], Ridge().fit(X[a], y[a]).predict(X[b])))
        for a, b in folds.split(X)
    ]
    assert found.best_score == pytest.approx(np.mean(each), rel=1e-12)


def test_the_best_trial_is_found_and_fitted_to_all_rows(rng: np.random.Generator) -> None:
    X = rng.normal(size=(200, 30))
    y = X[:, 0] + rng.normal(size=200)
    found = cp.tune(Ridge(), X, y, {"alpha": "1e-3..1e4 log"}, trials=30)
    complete = [t for t in found.trials if t.state == "complete"]
    assert found.best_score == min(t.score for t in complete) < found.trials[0].score
    alpha = found.best_params["alpha"]
    np.testing.assert_array_equal(found.best_estimator.coef_, Ridge(alpha).fit(X, y).coef_)


def test_higher_is_better_where_it_is(wine: Any) -> None:
    found = cp.tune(tabular(), *wine, RATE, trials=6, metric="accuracy")
    assert found.best_score == max(t.score for t in found.trials if t.state == "complete")
    theirs = cp.tune(tabular(), *wine, RATE, trials=1, metric="balanced_accuracy")
    assert theirs.metric == "balanced_accuracy" and 0 < theirs.best_score <= 1


@pytest.mark.parametrize("kind", [cp.TabularClassifier, cp.TabularRegressor])
def test_the_usual_space_has_the_preset_s_own_values(kind: Any) -> None:
    space = usual_space(kind(), 200)
    assert [name for name, one in space.items() if not one.holds(value_of(kind(), name))] == []


def test_the_usual_space_has_no_batch_of_more_rows_than_train() -> None:
    X = np.random.default_rng(0).normal(size=(200, 3))
    assert usual_space(cp.MLPRegressor(), 200)["batch_size"].values == ("auto", 32, 64)
    model = cp.MLPRegressor(hidden_layer_sizes=4, max_iter=3, random_state=0)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        found = cp.tune(model, X, X[:, 0], trials=8, seed=0)
    assert len({trial.parameters["batch_size"] for trial in found.trials}) > 1
    assert not [one for one in told if "clipped" in str(one.message)]


def test_the_usual_metric_is_the_estimator_s_own(wine: Any) -> None:
    own = cp.TabularClassifier(metric="accuracy", changes=SMALL)
    assert cp.tune(own, *wine, RATE, trials=1).metric == "accuracy"
    assert cp.tune(tabular(), *wine, RATE, trials=1).metric == "log_loss"


def test_a_hopeless_trial_is_given_up_early(wine: Any) -> None:
    def space(trial: Any) -> dict[str, Any]:
        hopeless = trial.number >= 5
        return {
            "learning_rate": trial.suggest_float(
                "learning_rate", *((1e-9, 1e-8) if hopeless else (0.03, 0.06))
            )
        }

    model = tabular(epochs=30)
    found = cp.tune(model, *wine, space, trials=7)
    assert [t.state for t in found.trials] == ["complete"] * 5 + ["pruned"] * 2
    assert all(t.epochs < 30 and math.isnan(t.score) for t in found.trials[5:])
    kept = cp.tune(model, *wine, space, trials=7, prune=False)
    assert [t.state for t in kept.trials] == ["complete"] * 7
    assert kept.trials[6].epochs == 30


@pytest.mark.parametrize("early", [False, True])
def test_epochs_of_scikit_learn_s_mlp_are_told(wine: Any, early: bool) -> None:
    model = cp.MLPClassifier((8,), max_iter=7, tol=0, early_stopping=early)
    found = cp.tune(model, *wine, {"alpha": [1e-4, 1.0]}, trials=2)
    assert [t.epochs for t in found.trials] == [7, 7]


@pytest.mark.filterwarnings("ignore:lbfgs failed to converge")
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("metric", ["log_loss", "accuracy"])
def test_a_hopeless_trial_of_a_pipeline_is_given_up_early(
    wine: Any, solver: str, metric: str
) -> None:
    def space(trial: Any) -> dict[str, Any]:
        return {"mlpclassifier__alpha": 1e6 if trial.number >= 5 else 1e-4}

    model = cp.MLPClassifier((8,), solver=solver, learning_rate_init=0.02, max_iter=30, tol=0)
    made = make_pipeline(make_pipeline(StandardScaler()), model)
    found = cp.tune(made, *wine, space, trials=7, metric=metric)
    assert [t.state for t in found.trials] == ["complete"] * 5 + ["pruned"] * 2
    assert all(0 < t.epochs < 30 for t in found.trials[5:])


def test_networks_and_functions_of_parameters_are_searched(wine: Any) -> None:
    X, y = wine
    X = (X - X.mean(0)) / X.std(0)

    def build(width: int, **settings: Any) -> Any:
        net = cp.Network([13, width, 3], "tanh", cost="cross_entropy")
        return net, {**settings, "epochs": 6}

    space = {"width": "4..16", "learning_rate": "1e-3..1e-1 log"}
    found = cp.tune(build, X, y, space, trials=4)
    assert isinstance(found.best_estimator, cp.Model)
    (W1, *_) = found.best_estimator.parameters.values()
    assert W1.shape == (found.best_params["width"], 13)
    assert [t.epochs for t in found.trials] == [6] * 4
    net = cp.Network([13, 8, 3], cost="cross_entropy")
    tuned = cp.tune(net, X, y, {"batch_size": [16, 64], "epochs": [3]}, trials=2)
    assert {t.parameters["batch_size"] for t in tuned.trials} <= {16, 64}
    lambdas = cp.tune(
        lambda alpha: Ridge(alpha), X, y == "low", {"alpha": [1, 2]}, trials=1, metric="r2"
    )
    assert isinstance(lambdas.best_estimator, Ridge)


def test_patience_is_for_the_rows_that_judge_and_not_for_the_last_fit_of_all(wine: Any) -> None:
    X, y = (wine[0] - wine[0].mean(0)) / wine[0].std(0), wine[1]
    net = cp.Network([13, 4, 3], cost="cross_entropy")
    space = {"patience": [2], "epochs": [30], "learning_rate": [0.5]}
    found = cp.tune(net, X, y, space, trials=1, cv=3)
    assert found.trials[0].epochs < 30 and found.best_params["patience"] == 2
    assert len(found.best_estimator.history) == 30


def test_a_function_that_takes_no_parameters_by_name_is_told_how(wine: Any) -> None:
    with pytest.raises(SettingError, match=r"with the parameters by name, f\(alpha=1\): "):
        cp.tune(lambda parameters: Ridge(**parameters), *wine, {"alpha": [1]}, trials=1)


def test_whole_numbers_are_numbers_to_a_network_or_a_metric_of_numbers() -> None:
    X = np.random.default_rng(0).normal(size=(60, 2))
    y = (10 * X[:, 0]).astype(int)
    net = cp.Network([2, 4, 1], "tanh")
    space = {"learning_rate": "1e-3..1e-1 log", "epochs": [3]}
    found = cp.tune(net, X, y, space, trials=2)
    assert found.metric == "rmse" and found.best_estimator.task == "regression"
    by_metric = cp.tune(lambda **s: (net, s), X, y, space, trials=2, metric="mae")
    assert by_metric.metric == "mae" and by_metric.best_score > 0


def test_a_pipeline_is_searched_by_its_steps_names(wine: Any) -> None:
    X, y = wine
    made = make_pipeline(StandardScaler(), tabular())
    space = {"tabularclassifier__learning_rate": [0.01, 0.1], "standardscaler__with_mean": [True]}
    found = cp.tune(made, X, y, space, trials=3)
    inside = found.best_estimator[-1]
    assert inside.changes["learning_rate"] == found.best_params["tabularclassifier__learning_rate"]
    assert inside.changes["hidden"] == (8,)
    assert accuracy_score(y, found.best_estimator.predict(X)) > 0.9


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame, dict])
def test_any_frame_is_searched(wine: Any, frame: Any, tmp_path: Path) -> None:
    X, y = wine
    rows = frame({f"c{k}": X[:, k] for k in range(13)})
    labels = pd.Series(y) if frame is pd.DataFrame else y.tolist()
    path = tmp_path / "s"
    found = cp.tune(tabular(), rows, labels, RATE, trials=2, study=path)
    assert found.best_estimator.feature_names_in_.tolist() == [f"c{k}" for k in range(13)]
    assert len(cp.tune(tabular(), rows, labels, RATE, trials=3, study=path).trials) == 3


def test_weights_count_in_fitting_and_in_judging(rng: np.random.Generator) -> None:
    x = np.concatenate([np.zeros(100), np.ones(100)])
    y = np.array([0.0, 1.0] * 100)
    weights = np.where(y == 1, 1.0, 0.0)
    found = cp.tune(Ridge(), x[:, None], y, {"alpha": [1.0]}, trials=1, sample_weight=weights)
    assert found.best_score == pytest.approx(0, abs=1e-9)


def test_the_table_of_trials_is_a_frame(wine: Any) -> None:
    found = cp.tune(tabular(), *wine, RATE, trials=3)
    table = pd.DataFrame(found.to_dict())
    assert table["number"].tolist() == [1, 2, 3]
    assert table["dropout"].isin([0.0, 0.1, 0.3]).all()
    assert "log_loss" in repr(found) and "learning_rate = " in repr(found)
    assert len(found.study.trials) == 3


def test_a_trial_that_fails_is_kept_and_the_search_goes_on(wine: Any) -> None:
    X, y = wine
    model = cp.MLPClassifier((4,), max_iter=2)
    found = cp.tune(model, X, y, {"activation": ["relu", ("tanh", "relu")]}, trials=6)
    failed = [t for t in found.trials if t.state == "failed"]
    assert failed and all("activation" in t.why for t in failed)
    wrong = {"activation": [("tanh", "relu")], "alpha": "1..2"}
    with pytest.raises(UsageError, match=r"the first 3 trials failed.*activation"):
        cp.tune(model, X, y, wrong, trials=6)
    with pytest.raises(SettingError, match="no trial was complete"):
        cp.tune(model, X, y, wrong, trials=1)


@pytest.mark.parametrize(
    ("what", "space", "says"),
    [
        (tabular(), {"activation": ["selu", "rleu"]}, r"'relu', .*got 'rleu'; did you mean 'relu'"),
        (tabular(), {"factors": ["normal", "singns"]}, "did you mean 'signs'"),
        (tabular(), {"sharing": ["mini", "packt"]}, "'mini', 'packed', got 'packt'"),
        (cp.MLPClassifier(), {"solver": ["adam", "adamm"]}, r"'sgd', got 'adamm'; did you mean"),
        (cp.MLPClassifier(), {"activation": [["logistc"]]}, "did you mean 'logistic'"),
        (cp.MLPClassifier(), {"learning_rate": ["cosin"]}, "did you mean 'cosine'"),
        (cp.MLPRegressor(), {"loss": ["huber", "squared"]}, "'squared_error', got 'squared'"),
        (make_pipeline(cp.MLPClassifier()), {"mlpclassifier__solver": ["smd"]}, "got 'smd'"),
        (make_pipeline(tabular()), {"tabularclassifier__schedule": ["cosin"]}, "got 'cosin'"),
        (cp.Network([13, 3]), {"optimizer": ["adam", "adan"]}, "got 'adan'; did you mean 'adam'"),
        (cp.Network([13, 3]), {"precision": ["flaot64"]}, "did you mean 'float64'"),
        (cp.Network([13, 3]), {"decay_schedule": ["cosin"]}, "did you mean 'cosine'"),
        (cp.Network([13, 3]), {"epoch": [3, 4]}, "train has no setting 'epoch'; did you mean"),
    ],
)
def test_a_name_that_nothing_has_is_refused_before_the_first_trial(
    what: Any, space: dict[str, list[Any]], says: str, wine: Any
) -> None:
    begun: list[Searching] = []
    with pytest.raises(SettingError, match=says):
        cp.tune(what, *wine, space, trials=6, progress=begun.append)
    assert not begun


def test_objects_and_names_of_either_kind_may_be_searched_together(wine: Any) -> None:
    space = {"learning_rate": ["constant", Cosine()], "activation": ["relu", ("tanh", "gelu")]}
    found = cp.tune(cp.MLPClassifier((4, 4), max_iter=2), *wine, space, trials=4)
    assert [trial.state for trial in found.trials] == ["complete"] * 4


@pytest.mark.parametrize("kind", ["tabular", "mlp", "function"])
def test_ctrl_c_keeps_what_is_done(wine: Any, kind: str, tmp_path: Path) -> None:
    X, y = wine
    what = {
        "tabular": tabular(),
        "mlp": cp.MLPClassifier((4,), max_iter=5),
        "function": lambda **settings: (cp.Network([13, 4, 3], cost="cross_entropy"), settings),
    }[kind]
    names = {"tabular": "learning_rate", "mlp": "alpha", "function": "epochs"}
    space: Any = {names[kind]: [3, 4]} if kind == "function" else {names[kind]: "1e-3..1e-1 log"}
    path = tmp_path / "s"

    def press(at: Searching) -> None:
        if at.trial == 3 and at.epoch == 2:
            os.kill(os.getpid(), signal.SIGINT)

    found = cp.tune(what, X, y, space, trials=5, study=path, progress=press)
    assert found.interrupted and [t.state for t in found.trials] == ["complete"] * 2
    assert found.best_estimator.predict(X).shape == y.shape
    whole = cp.tune(what, X, y, space, trials=5)
    same(whole, cp.tune(what, X, y, space, trials=5, study=path))
    with pytest.raises(KeyboardInterrupt):
        cp.tune(what, X, y, space, trials=5,
                progress=lambda at: os.kill(os.getpid(), signal.SIGINT))  # fmt: skip


def test_no_trial_begins_behind_the_time_limit(wine: Any) -> None:
    found = cp.tune(tabular(), *wine, RATE, trials=500, time_limit=1e-9)
    assert len(found.trials) == 1 and not found.interrupted
    assert found.notes == ("the time limit of 1e-9 s ended the search, behind 1 of 500 trials",)
    assert "note: the time limit" in repr(found)


def test_progress_says_where_the_search_stands(wine: Any) -> None:
    seen: list[Searching] = []
    found = cp.tune(tabular(), *wine, RATE, trials=3, progress=seen.append)
    assert {at.trial for at in seen} == {1, 2, 3}
    assert max(at.epoch for at in seen) == SMALL["epochs"]
    assert seen[-1].best_score == found.best_score
    assert seen[-1].best_parameters == found.best_params
    assert math.isnan(seen[0].best_score)


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_a_line_a_trial_that_is_written_over(
    wine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = {}
    for kind in (Screen, io.StringIO):
        to = written[kind] = kind()
        monkeypatch.setattr("sys.stderr", to)
        found = cp.tune(tabular(), *wine, RATE, trials=3, progress=True)
    lines = written[io.StringIO].getvalue().splitlines()
    told = "trial {} of 3: epoch " + str(SMALL["epochs"])
    assert [line.partition(",")[0] for line in lines] == [told.format(n) for n in (1, 2, 3)]
    assert f", best log_loss {number(found.best_score)}, " in lines[-1]
    ends = written[Screen].getvalue().splitlines(keepends=True)
    assert "\r" + told.format(1) in written[Screen].getvalue()
    assert written[Screen].getvalue().count("\n") == 3 and ends[-1].endswith(" s\n")


def test_progress_of_an_interrupted_search_ends_its_line(
    wine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    to = io.StringIO()
    monkeypatch.setattr("sys.stderr", to)

    def interrupt(**_: Any) -> Any:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cp.tune(interrupt, *wine, {"alpha": [0.1, 1.0]}, metric="accuracy", progress=True)
    assert to.getvalue().startswith("trial 1 of 50, ") and to.getvalue().endswith(" s\n")


def test_progress_false_shows_nothing(wine: Any, capsys: pytest.CaptureFixture[str]) -> None:
    cp.tune(tabular(), *wine, RATE, trials=1, progress=False)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"trials": 0}, "trials"),
        ({"seed": -1}, "seed"),
        ({"time_limit": -1}, "time_limit"),
        ({"metric": "acuracy"}, "accuracy"),
        ({"validation": 0}, "validation"),
        ({"cv": 1}, "cv=1"),
        ({"progress": 3}, "progress is a function of a Searching, True or None, got 3"),
        ({"space": {}}, "nothing to search"),
        ({"space": {"learning_rte": [1]}}, "learning_rate"),
        ({"space": {"learning_rate": "fast"}}, "1e-4..1e-1 log"),
        ({"space": {"learning_rate": "2..1"}}, "greater"),
        ({"space": {"learning_rate": "0..1 log"}}, "above 0"),
        ({"space": {"learning_rate": [1, 1]}}, "different"),
        ({"space": 3}, "space"),
        ({"what": 3}, "what to tune"),
        ({"what": Ridge(), "space": None}, "no usual space"),
        ({"y": [1, 2]}, "one target a row"),
        ({"y": [None, *["a", "b"] * 88, "b"]}, "missing"),
        ({"X": 3}, "no table"),
        ({"study": "/nowhere/at/all"}, "folder"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(
    changed: dict[str, Any], says: str, wine: Any
) -> None:
    X, y = wine
    given = {"what": tabular(), "X": X, "y": y, "space": RATE, "trials": 1, **changed}
    with pytest.raises(ClearPropError, match=says):
        cp.tune(**given)


def test_without_optuna_a_sentence_says_what_to_install(
    wine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.startswith("optuna"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UsageError, match=r"pip install 'clearprop\[tune\]'"):
        cp.tune(tabular(), *wine, RATE, trials=1)


def test_distributions_of_scipy_are_ranges(wine: Any) -> None:
    drawn = {"learning_rate": loguniform(1e-3, 0.2), "dropout": uniform(0.1, 0.2),
             "epochs": randint(3, 9)}  # fmt: skip
    said = {"learning_rate": "1e-3..0.2 log", "dropout": "0.1..0.30000000000000004",
            "epochs": "3..8"}  # fmt: skip
    same(cp.tune(tabular(), *wine, drawn, trials=4), cp.tune(tabular(), *wine, said, trials=4))
    with pytest.raises(SettingError, match=r"space\['dropout'\] is scipy.stats.norm: of its"):
        cp.tune(tabular(), *wine, {"dropout": norm(0.1, 0.1)}, trials=1)
    for odd in (randint(3, 4), randint(9, 9), randint(8.5, 11.5), uniform(0.1, 0)):
        with pytest.raises(SettingError, match=r"space\['epochs'\]: a range goes from a number to"):
            cp.tune(tabular(), *wine, {"epochs": odd}, trials=1)
    with pytest.raises(SettingError, match=r"scipy\.stats\.loguniform, shifted"):
        cp.tune(tabular(), *wine, {"learning_rate": loguniform(1, 10, loc=5)}, trials=1)


@pytest.mark.parametrize("cv", [None, 3, np.int64(3), GroupKFold(3)])
def test_rows_of_one_group_are_on_one_side(cv: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    who = np.array([f"p{one}" for one in np.repeat(np.arange(12), 8)])
    X = np.repeat(rng.normal(size=(12, 3)), 8, axis=0)
    y = np.repeat(rng.normal(size=12), 8)
    seen: list[Any] = []
    fit = cp.TabularRegressor.fit

    def watched(self: Any, X: Any, y: Any, *args: Any, **told: Any) -> Any:
        seen.append((set(map(tuple, X)), set(told["groups"])))
        return fit(self, X, y, *args, **told)

    monkeypatch.setattr(cp.TabularRegressor, "fit", watched)
    what = cp.TabularRegressor(changes={**SMALL, "bags": 2})
    found = cp.tune(what, X, y, RATE, trials=2, cv=cv, groups=who)
    folds, last = seen[:-1], seen[-1]
    assert len(folds) == (2 if cv is None else 6) and len(last[1]) == 12
    for kept, names in folds:  # a row that is held back has none like it that trains
        assert len(kept) == len(names) < 12
    assert found.best_score > 0.8 * np.std(y)
    with pytest.raises(DataError, match="groups has one value only"):
        cp.tune(what, X, y, RATE, trials=1, groups=["a"] * 96)
