"""Figures agree with scikit-learn's, weighted and not, ties and rare classes included."""

from __future__ import annotations

import math

import numpy as np
import pytest
from conftest import count
from sklearn import metrics as oracle
from sklearn.calibration import calibration_curve

from clearprop import metrics
from clearprop.errors import DataError, ShapeError

CASES = [(m, K, seed) for m in (2, 7, 200) for K in (2, 3, 6) for seed in range(count(3, 30))]


def classified(m: int, K: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng([m, K, seed])
    y = rng.integers(0, K, m)
    y[:2] = [0, 1]
    P = rng.dirichlet(np.ones(K), m)
    if seed % 2:  # coarse, so that there are ties
        P = np.round(P * 4) + 0.25
        P /= P.sum(axis=1, keepdims=True)
    return y, P, rng.random(m) + 0.01


@pytest.mark.parametrize(("m", "K", "seed"), CASES)
@pytest.mark.parametrize("weighted", [False, True])
def test_classification_figures_agree_with_scikit_learn(
    m: int, K: int, seed: int, weighted: bool
) -> None:
    y, P, w = classified(m, K, seed)
    weights = w if weighted else None
    predicted = P.argmax(axis=1)
    there = np.unique(y)
    figures = metrics.evaluate("classification", y, P, weights)
    expected = {
        "accuracy": oracle.accuracy_score(y, predicted, sample_weight=weights),
        "log_loss": oracle.log_loss(y, P, labels=range(K), sample_weight=weights),
        "f1_macro": oracle.f1_score(y, predicted, average="macro", sample_weight=weights),
        "balanced_accuracy": oracle.recall_score(
            y, predicted, average="macro", labels=there, sample_weight=weights
        ),
    }
    if K == 2:
        expected["auc"] = oracle.roc_auc_score(y, P[:, 1], sample_weight=weights)
    else:
        each = [oracle.roc_auc_score(y == k, P[:, k], sample_weight=weights) for k in there]
        expected["auc"] = np.mean(each)
    for name, value in expected.items():
        assert figures[name] == pytest.approx(value, rel=1e-13, abs=1e-14), name
    C = oracle.confusion_matrix(y, predicted, labels=range(K), sample_weight=weights)
    assert metrics.confusion(y, P, weights) == pytest.approx(C, rel=1e-13)


@pytest.mark.parametrize("seed", range(count(5, 50)))
@pytest.mark.parametrize("weighted", [False, True])
def test_regression_figures_agree_with_scikit_learn(seed: int, weighted: bool) -> None:
    rng = np.random.default_rng(seed)
    m = [1, 2, 3, 100, 101][seed % 5]
    y, p = np.round(rng.normal(size=(2, m)), seed % 3)
    w = rng.random(m) + 0.1 if weighted else None
    figures = metrics.evaluate("regression", y, p, w)
    assert figures["rmse"] == pytest.approx(
        oracle.root_mean_squared_error(y, p, sample_weight=w), rel=1e-13
    )
    assert figures["mae"] == pytest.approx(
        oracle.mean_absolute_error(y, p, sample_weight=w), rel=1e-13
    )
    if m > 1:
        assert figures["r2"] == pytest.approx(oracle.r2_score(y, p, sample_weight=w), rel=1e-12)
    assert figures["pinball"] == pytest.approx(
        oracle.mean_pinball_loss(y, p, sample_weight=w), rel=1e-13
    )
    for level in (0.1, 0.9):
        assert metrics.mean_pinball(y, p, w, level=level) == pytest.approx(
            oracle.mean_pinball_loss(y, p, sample_weight=w, alpha=level), rel=1e-13
        )
    if not weighted:
        assert figures["median_ae"] == pytest.approx(oracle.median_absolute_error(y, p), rel=1e-13)


@pytest.mark.parametrize("name", [n for n in metrics.METRICS if n != "median_ae"])
def test_a_whole_weight_is_a_repeated_row(name: str, rng: np.random.Generator) -> None:
    metric = metrics.METRICS[name]
    w = rng.integers(0, 4, 60)
    w[:2] = 1
    y, P, _ = classified(60, 3, 0)
    if metric.task == "regression":
        y, P = rng.normal(size=(2, 60))
    repeated = metric.function(np.repeat(y, w), np.repeat(P, w, axis=0), None)
    assert metric.function(y, P, w) == pytest.approx(repeated, rel=1e-12)


def test_a_whole_weight_is_a_repeated_row_for_the_median_too(rng: np.random.Generator) -> None:
    for _ in range(200):
        w = rng.integers(0, 3, 9)
        w[0] = 1
        y, p = rng.normal(size=(2, 9))
        repeated = metrics.median_absolute_error(np.repeat(y, w), np.repeat(p, w))
        assert metrics.median_absolute_error(y, p, w) == repeated


def test_area_counts_every_pair_ties_half(rng: np.random.Generator) -> None:
    y = np.array([0, 1] * 20)
    score = rng.integers(0, 5, 40) / 5
    w = rng.random(40)
    pairs = [
        (w[i] * w[j], (score[i] > score[j]) + 0.5 * (score[i] == score[j]))
        for i in np.flatnonzero(y)
        for j in np.flatnonzero(y == 0)
    ]
    expected = sum(a * b for a, b in pairs) / sum(a for a, _ in pairs)
    P = np.column_stack([1 - score, score])
    assert metrics.roc_auc(y, P, w) == pytest.approx(expected, rel=1e-13)


def test_calibration_error_is_that_of_a_loop_over_bins(rng: np.random.Generator) -> None:
    y, P, w = classified(500, 3, 1)
    confidence, right = P.max(axis=1), P.argmax(axis=1) == y
    expected = 0.0
    for b in range(15):
        inside = (confidence > b / 15) & (confidence <= (b + 1) / 15)
        if inside.any():
            gap = np.average(right[inside], weights=w[inside]) - np.average(
                confidence[inside], weights=w[inside]
            )
            expected += w[inside].sum() / w.sum() * abs(gap)
    assert metrics.calibration_error(y, P, w) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("weighted", [False, True])
def test_calibration_error_of_two_classes_is_that_of_the_calibration_curve(weighted: bool) -> None:
    y, P, w = classified(500, 2, 0)
    weights = w if weighted else np.ones(500)
    inside = np.searchsorted(np.linspace(0, 1, 16)[1:-1], P[:, 1])  # the curve's bins
    filled = np.unique(inside)
    share, mean = calibration_curve(y, P[:, 1], n_bins=15)
    if weighted:
        share, mean = (
            np.array([np.average(x[inside == b], weights=w[inside == b]) for b in filled])
            for x in (y, P[:, 1])
        )
    expected = np.average(
        np.abs(share - mean), weights=[weights[inside == b].sum() for b in filled]
    )
    assert metrics.calibration_error(y, P, w if weighted else None) == pytest.approx(expected)


def test_a_rare_class_whose_probability_is_too_high_is_no_calibrated_one() -> None:
    """As those of balanced classes are: of the more probable class, both halves cancel out."""
    p = np.tile(np.linspace(0.01, 0.79, 100), 10)
    y = (np.arange(1000) % 25 == 0).astype(int)
    found = metrics.calibration_error(y, np.column_stack([1 - p, p]))
    assert found == pytest.approx(p.mean() - y.mean(), abs=0.03)


def test_known_values_by_hand() -> None:
    P = np.array([[0.8, 0.2], [0.3, 0.7]])
    assert metrics.log_loss([0, 1], P) == pytest.approx(-(math.log(0.8) + math.log(0.7)) / 2)
    assert metrics.log_loss([0, 1], [[0.0, 1.0], [0.0, 1.0]]) == pytest.approx(18.02182669544298)
    assert math.isnan(metrics.roc_auc([1, 1], P))
    assert metrics.r2([2.0, 2.0], [2.0, 2.0]) == 1.0
    assert metrics.r2([2.0, 2.0], [2.0, 3.0]) == 0.0


def test_the_table_says_which_way_is_better() -> None:
    better = {name: metric.higher_is_better for name, metric in metrics.METRICS.items()}
    assert better == {
        "accuracy": True,
        "balanced_accuracy": True,
        "log_loss": False,
        "auc": True,
        "f1_macro": True,
        "calibration_error": False,
        "rmse": False,
        "mae": False,
        "r2": True,
        "median_ae": False,
        "pinball": False,
    }


def test_wrong_shapes_labels_and_weights_are_refused() -> None:
    P = [[0.5, 0.5], [0.5, 0.5]]
    with pytest.raises(ShapeError, match=r"labels have shape \(3,\)"):
        metrics.accuracy([0, 1, 1], P)
    with pytest.raises(DataError, match="labels run from 0 to 2"):
        metrics.accuracy([0, 2], P)
    with pytest.raises(ShapeError, match=r"predictions \(3,\)"):
        metrics.rmse([1.0, 2.0], [1.0, 2.0, 3.0])
    with pytest.raises(DataError, match="weights must be finite"):
        metrics.rmse([1.0, 2.0], [1.0, 2.0], [0.0, 0.0])
    with pytest.raises(DataError, match="no rows"):
        metrics.rmse([], [])


@pytest.mark.parametrize("target", [1e249, np.nan, np.inf])
def test_targets_too_large_to_judge_by_are_refused_without_warnings(target: float) -> None:
    with pytest.raises(DataError, match="rmse is not finite"):
        metrics.evaluate("regression", [target, 0.0], [0.0, 0.0])
