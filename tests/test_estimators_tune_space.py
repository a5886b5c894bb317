"""What a search draws of a space: numbers of the setting's type, within its bounds."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import uniform
from sklearn.datasets import load_wine
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from test_estimators_tune import SMALL, tabular

import clearprop as cp
from clearprop.errors import SettingError, UsageError
from clearprop.estimators.tuning import Searching
from clearprop.estimators.tuning_identity import of_value
from clearprop.estimators.tuning_parameters import fitted_space
from clearprop.estimators.tuning_rules import of_ingredient
from clearprop.estimators.tuning_space import Range, read_space

pytestmark = pytest.mark.filterwarnings("ignore:.*Maximum iterations")

X = np.random.default_rng(0).normal(size=(60, 3))
Y = X[:, 0] - X[:, 1]


@pytest.fixture(scope="module")
def wine() -> tuple[np.ndarray, np.ndarray]:
    X, y = load_wine(return_X_y=True)
    return X, np.array(["low", "middle", "high"])[y]


def fitted(what: Any, **space: Any) -> Any:
    return fitted_space(what, read_space(space))


@pytest.mark.parametrize(
    ("what", "name"),
    [
        (cp.MLPRegressor(), "alpha"),
        (cp.MLPClassifier(), "dropout"),
        (cp.TabularRegressor(), "dropout"),
        (cp.TabularClassifier(), "learning_rate"),
        (cp.Network([3, 1]), "learning_rate"),
        (Ridge(), "alpha"),
        (make_pipeline(StandardScaler(), cp.MLPRegressor()), "mlpregressor__alpha"),
        (make_pipeline(cp.TabularRegressor()), "tabularregressor__weight_decay"),
    ],
)
def test_a_range_of_a_real_setting_is_real_whatever_its_ends(what: Any, name: str) -> None:
    (range_,) = fitted(what, **{name: "0..1"}).values()
    assert of_value(range_) == of_value(Range(0.0, 1.0)) != of_value(Range(0, 1))


@pytest.mark.parametrize(
    ("what", "name"),
    [
        (cp.MLPRegressor(), "max_iter"),
        (cp.MLPRegressor(), "hidden_layer_sizes"),
        (cp.MLPClassifier(), "n_iter_no_change"),
        (cp.TabularRegressor(), "epochs"),
        (cp.TabularRegressor(), "batch_size"),
        (cp.Network([3, 1]), "epochs"),
        (RandomForestClassifier(), "n_estimators"),
    ],
)
def test_a_range_of_a_whole_setting_is_whole_whatever_its_ends(what: Any, name: str) -> None:
    for text in ("2..100", "2.0..1e2"):
        (range_,) = fitted(what, **{name: text}).values()
        assert of_value(range_) == of_value(Range(2, 100))
    with pytest.raises(SettingError, match=f"{name} is a whole number.* got 1.5..3 log"):
        fitted(what, **{name: "1.5..3 log"})


def test_where_nothing_says_it_whole_ends_make_whole_numbers() -> None:
    class Other(Ridge):
        _parameter_constraints = {}  # noqa: RUF012

    assert fitted(Other(2), alpha="1..4")["alpha"] == Range(1, 4)
    assert repr(fitted(Other(2.0), alpha="1..4")["alpha"].low) == "1.0"
    assert repr(fitted(RandomForestClassifier(), max_features="1..3")["max_features"].low) == "1"
    found = cp.tune(lambda alpha: Ridge(alpha), X, Y, {"alpha": "1..4"}, trials=3)
    assert all(type(trial.parameters["alpha"]) is int for trial in found.trials)


def test_real_numbers_are_tried_and_the_estimator_s_own_first() -> None:
    found = cp.tune(
        cp.MLPRegressor(hidden_layer_sizes=4, max_iter=3), X, Y, {"alpha": "0..1"}, trials=4
    )
    tried = [trial.parameters["alpha"] for trial in found.trials]
    assert tried[0] == 1e-4 and len(set(tried)) == 4 and all(0 < one < 1 for one in tried)
    made = cp.TabularRegressor(changes=SMALL)
    first = cp.tune(made, X, Y, {"dropout": uniform(0, 1)}, trials=1).trials[0]
    assert (first.state, first.parameters) == ("complete", {"dropout": 0.0})


def test_what_the_estimator_has_and_the_space_has_not_is_noted() -> None:
    """Its own value may be better than all that were tried: the first trial is not it."""
    model = cp.MLPRegressor(hidden_layer_sizes=4, max_iter=2)
    space = {"alpha": "1e-3..1 log", "max_iter": [2, 3], "dropout": [0.1]}
    found = cp.tune(model, X, Y, space, trials=2)
    assert found.trials[0].parameters["max_iter"] == 2
    said = "own alpha = 0.0001, dropout = 0.0 are not in the space: they are never tried"
    assert found.notes == (f"the estimator's {said}",)
    assert cp.tune(model, X, Y, {"max_iter": [2]}, trials=1).notes == ()


def test_an_end_that_a_setting_s_bounds_leave_out_is_not_drawn() -> None:
    dropout = fitted(tabular(), dropout="0..1")["dropout"]
    assert dropout.value(1.0) == math.nextafter(1.0, 0.0) and dropout.value(0.0) == 0.0
    rate = fitted(cp.MLPRegressor(), learning_rate_init="0..1")["learning_rate_init"]
    assert rate.value(0.0) > 0 and rate.value(1.0) == 1.0


@pytest.mark.parametrize(
    ("what", "space", "says"),
    [
        (tabular(), {"dropout": "0..2"}, r"dropout must be a number in \[0, 1\), got 2"),
        (tabular(), {"learning_rate": "-1..1"}, r"learning_rate .* in \(0, ∞\), got -1"),
        (tabular(), {"learning_rate": ["abc"]}, "got 'abc'; a range is written 1e-3..0.1"),
        (tabular(), {"epochs": ["3:9"]}, "got '3:9'; a range is written 16..256"),
        (tabular(), {"epochs": [3.5]}, "epochs must be a whole number"),
        (tabular(), {"hidden": [(64,), ("a",)]}, "hidden must be a whole number .*got 'a'"),
        (tabular(), {"beta1": [0.5]}, "no parameter 'beta1'"),
        (cp.MLPRegressor(), {"alpha": [1e-4, -1.0]}, r"'alpha' parameter .*Got -1\.0"),
        (cp.MLPRegressor(), {"dropout": "0..1.5"}, "'dropout' parameter .*Got 1.5"),
        (cp.MLPRegressor(), {"alpha": ["1e-3:1"]}, "a range is written 1e-3..0.1"),
        (cp.MLPClassifier(), {"hidden_layer_sizes": [8, (4, -1)]}, "hidden_layer_sizes must be"),
        (cp.Network([3, 1]), {"epochs": [3, 0]}, r"epochs must be a whole number in \[1, ∞\)"),
        (cp.Network([3, 1]), {"batch_size": ["half"]}, "batch_size must be .*got 'half'"),
        (make_pipeline(tabular()), {"tabularclassifier__beta2": "0.5..1.5"}, "beta2 .*got 1.5"),
    ],
)
def test_a_number_that_cannot_be_is_refused_before_the_first_trial(
    what: Any, space: dict[str, Any], says: str, wine: Any
) -> None:
    begun: list[Searching] = []
    with pytest.raises(SettingError, match=says):
        cp.tune(what, *wine, space, trials=6, progress=begun.append)
    assert not begun


def test_what_a_setting_takes_beside_numbers_is_tried() -> None:
    assert fitted(cp.MLPRegressor(), batch_size=["auto", 32])["batch_size"].holds(32)
    assert fitted(cp.Network([3, 1]), batch_size=["full"], patience=["cycle", 3])
    assert fitted(tabular(), batch_size=[None, 64], bags=[1], clip=[True, False])


def test_every_ingredient_that_is_a_number_has_a_rule() -> None:
    own = vars(tabular().ingredients())
    numbers = [name for name, value in own.items() if type(value) in (int, float)]
    for name in numbers:
        rule = of_ingredient(name)
        assert rule is not None and rule.whole is (type(own[name]) is int), name
        rule.check(own[name])


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("0..0.5", "Range(low=0, high=0.5, log=False)"),
        ("1e-3..1 log", "Range(low=0.001, high=1, log=True)"),
        ("0..1", "Range(low=0.0, high=1.0, log=False)"),
    ],
)
def test_a_study_knows_a_range_of_real_numbers_as_it_is_written(text: str, known: str) -> None:
    """Files of before hold these texts; of two whole ends other trials are made now."""
    space = fitted(cp.MLPRegressor(), learning_rate_init=text)
    assert of_value(dict(space)) == f"{{'learning_rate_init': {known}}}"


def test_ends_that_mean_the_same_are_the_same_search(tmp_path: Path) -> None:
    path = tmp_path / "s"
    cp.tune(Ridge(), X, Y, {"alpha": "1..4"}, trials=1, study=path)
    assert len(cp.tune(Ridge(), X, Y, {"alpha": Range(1, 4)}, trials=2, study=path).trials) == 2
    with pytest.raises(UsageError, match="another space"):
        cp.tune(Ridge(), X, Y, {"alpha": "1..5"}, trials=2, study=path)
