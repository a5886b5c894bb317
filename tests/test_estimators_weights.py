"""Weights of rows of any size: an MLP learns from them what their objective says."""

from __future__ import annotations

from inspect import signature
from typing import Any

import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight, compute_sample_weight

import clearprop as cp
from clearprop.estimators.row_weights import balanced, near_one, product

N = 40
X = np.random.default_rng(0).normal(size=(N, 3))
NUMBERS = X[:, 0]
LABELS = np.where(NUMBERS > 0, "a", "b")
SMALL: dict[str, Any] = {"hidden_layer_sizes": (8,), "max_iter": 30, "random_state": 0}
SOLVERS = pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
pytestmark = [
    pytest.mark.filterwarnings("ignore:Stochastic Optimizer"),
    pytest.mark.filterwarnings("ignore:lbfgs failed to converge"),
    pytest.mark.filterwarnings("error::RuntimeWarning"),
]


@SOLVERS
@pytest.mark.parametrize("weight", [1e308, 1e-300])
def test_without_a_penalty_the_size_of_weights_tells_nothing(solver: str, weight: float) -> None:
    model = cp.MLPRegressor(solver=solver, alpha=0.0, **SMALL)
    plain = model.fit(X, NUMBERS).predict(X)
    weighted = model.fit(X, NUMBERS, sample_weight=[weight] * N).predict(X)
    np.testing.assert_allclose(weighted, plain, atol=1e-6)


@SOLVERS
@pytest.mark.parametrize("exponent", [140, -140])
def test_the_penalty_is_shared_among_the_weights_as_given(solver: str, exponent: int) -> None:
    plain = cp.MLPRegressor(solver=solver, alpha=0.5, **SMALL).fit(X, NUMBERS, [1.0] * N)
    size = 2.0**exponent
    other = cp.MLPRegressor(solver=solver, alpha=0.5 * size, **SMALL).fit(X, NUMBERS, [size] * N)
    np.testing.assert_array_equal(other.predict(X), plain.predict(X))
    assert other.loss_ == plain.loss_
    assert other.to_network().graph.l2 == plain.to_network().graph.l2 == 0.5 / N


def test_weights_beyond_all_sums_leave_no_penalty() -> None:
    network = cp.MLPRegressor(**SMALL).fit(X, NUMBERS, sample_weight=[1e308] * N).to_network()
    assert network.graph.l2 == 0


def test_validation_rows_of_huge_weights_are_scored() -> None:
    model = cp.MLPRegressor(**SMALL)
    curves = [
        model.fit(X, NUMBERS, validation_data=(X, NUMBERS, [w] * N)).validation_loss_curve_
        for w in (1.0, 1e308)
    ]
    np.testing.assert_allclose(curves[1], curves[0])


def test_factors_of_classes_and_weights_of_rows_are_multiplied_at_any_size() -> None:
    made = cp.MLPClassifier(class_weight={"a": 2e300, "b": 1e300}, alpha=0.0, **SMALL)
    huge = made.fit(X, LABELS, sample_weight=[1e300] * N).predict_proba(X)
    made.set_params(class_weight={"a": 2.0, "b": 1.0})
    np.testing.assert_allclose(huge, made.fit(X, LABELS).predict_proba(X), atol=1e-6)


@pytest.mark.parametrize("weight", [None, [1e300] * N])
def test_a_table_is_learned_from_with_huge_factors_of_classes(weight: Any) -> None:
    changes = {"epochs": 8, "hidden": (8,), "bags": 1, "refit": False}
    made = cp.TabularClassifier(class_weight={"a": 2e300, "b": 1e300}, changes=changes)
    huge = made.set_params(random_state=0).fit(X, LABELS, weight).predict_proba(X)
    made.set_params(class_weight={"a": 2.0, "b": 1.0})
    np.testing.assert_allclose(huge, made.fit(X, LABELS).predict_proba(X), atol=1e-5)


@pytest.mark.parametrize("size", [1.0, 1e-300, 1e300])
def test_balanced_classes_weigh_the_same_in_all(size: float, rng: np.random.Generator) -> None:
    codes, weights = np.repeat([0, 1, 2], [50, 30, 5]), rng.uniform(0, 2, 85)
    factors = balanced(codes, weights * size)
    totals = np.bincount(codes, weights * factors[codes])
    np.testing.assert_allclose(totals, weights.sum() / 3, rtol=1e-14)


def test_balanced_factors_are_those_of_scikit_learn(rng: np.random.Generator) -> None:
    codes, weights = np.repeat([0, 1, 2], [50, 30, 5]), rng.uniform(0, 2, 85)
    told: dict[str, Any] = {"classes": np.arange(3), "y": codes}
    theirs = compute_class_weight("balanced", **told)
    np.testing.assert_array_equal(balanced(codes, None), theirs)
    if "sample_weight" not in signature(compute_class_weight).parameters:
        pytest.skip("this scikit-learn balances rows alone")
    theirs = compute_class_weight("balanced", **told, sample_weight=weights)
    np.testing.assert_allclose(balanced(codes, weights), theirs, rtol=1e-14)


def test_a_class_whose_rows_have_no_weight_is_not_balanced() -> None:
    factors = balanced(np.array([0, 0, 1, 2]), np.array([1.0, 1.0, 2.0, 0.0]))
    np.testing.assert_array_equal(factors, [1, 1, 0])
    assert balanced(np.array([0, 1]), np.zeros(2)).tolist() == [0, 0]
    assert np.isfinite(balanced(np.array([0, 1]), np.array([1.0, 1e-320]))).all()


def test_an_mlp_balances_the_weights_of_rows(rng: np.random.Generator) -> None:
    own = np.where(LABELS == "a", 8.0, 1.0) * rng.uniform(0.5, 2, N)
    each = {label: own.sum() / (2 * own[label == LABELS].sum()) for label in "ab"}
    both = cp.MLPClassifier(class_weight="balanced", **SMALL).fit(X, LABELS, own)
    by_row = cp.MLPClassifier(**SMALL).fit(X, LABELS, own * [each[label] for label in LABELS])
    np.testing.assert_allclose(both.predict_proba(X), by_row.predict_proba(X), rtol=1e-9)


def test_each_of_several_labels_a_row_is_balanced(rng: np.random.Generator) -> None:
    several = np.column_stack([NUMBERS > 1, X[:, 1] > -1]).astype(int)
    factors = compute_sample_weight("balanced", several)
    both = cp.MLPClassifier(class_weight="balanced", **SMALL).fit(X, several)
    by_row = cp.MLPClassifier(**SMALL).fit(X, several, factors)
    np.testing.assert_array_equal(both.predict_proba(X), by_row.predict_proba(X))


def test_ordinary_weights_are_left_as_they_are() -> None:
    ordinary = np.array([0.0, 3.0, 1e30])
    assert near_one(ordinary) == (ordinary, 0)
    assert near_one(np.zeros(2))[1] == 0
    halved, exponent = near_one(np.array([2.0**200, 3 * 2.0**198]))
    assert halved.tolist() == [0.5, 0.375] and exponent == 201
    assert product(None, None) == (None, 0)
    (found, exponent) = product(np.array([2.0**1000, 1.0]), np.array([2.0**1000, 2.0**1000]))
    assert found is not None
    assert np.ldexp(found, exponent - 2000).tolist() == [1.0, 2.0**-1000]
