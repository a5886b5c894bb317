"""Intervals hold the share of unseen rows that they promise; quantiles leave theirs below."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from conftest import count
from sklearn.base import clone

import clearprop as cp
from clearprop.errors import DataError, SettingError, UsageError
from clearprop.model.interval import Residuals

QUICK: dict[str, Any] = {"changes": {"epochs": 12, "hidden": (32, 32)}}

Noise = Callable[[np.random.Generator, np.ndarray], np.ndarray]
NOISES: dict[str, Noise] = {
    "normal": lambda rng, f: rng.normal(size=len(f)),
    "larger for larger numbers": lambda rng, f: rng.normal(size=len(f)) * np.exp(f / 2) / 2,
    "one-sided": lambda rng, f: rng.exponential(size=len(f)),
    "heavy tails": lambda rng, f: rng.standard_t(2, size=len(f)),
}


def draw(rng: np.random.Generator, n: int, noise: Noise) -> tuple[np.ndarray, np.ndarray]:
    X = rng.uniform(-2, 2, (n, 3))
    f = 2 * X[:, 0] + np.sin(3 * X[:, 1])
    return X, f + noise(rng, f)


@pytest.mark.prove
@pytest.mark.parametrize("preset", ["fast", "default"])
@pytest.mark.parametrize("noise", NOISES)
def test_unseen_rows_are_covered_as_promised(
    noise: str, preset: str, proof: Callable[..., None]
) -> None:
    seeds = count(1, 8)
    shares: dict[float, list[float]] = {0.5: [], 0.8: [], 0.9: [], 0.95: []}
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        X, y = draw(rng, 800, NOISES[noise])
        unseen, truth = draw(rng, 3000, NOISES[noise])
        model = cp.TabularRegressor(preset=preset, random_state=seed, **QUICK).fit(X, y)
        for coverage, found in shares.items():
            low, high = model.predict_interval(unseen, coverage).T
            found.append(float(np.mean((low <= truth) & (truth <= high))))
    for coverage, found in shares.items():
        # Of 800 rows the share itself varies by √(c (1 − c) / 800) from fit to fit. That it is
        # more: all networks together err less than the one that held a row back.
        slack = 3 * np.sqrt(coverage * (1 - coverage) / 800 / seeds)
        assert coverage - slack - 0.01 <= np.mean(found) <= coverage + slack + 0.08
    proof(
        f"share of unseen rows within the interval of 0.9, {preset}, noise {noise}",
        seeds, share=float(np.mean(shares[0.9])), bar=0.9,
    )  # fmt: skip


def test_small_and_large_numbers_are_covered_alike_where_the_noise_grows() -> None:
    rng = np.random.default_rng(5)
    noise = NOISES["larger for larger numbers"]
    X, y = draw(rng, 1500, noise)
    unseen, truth = draw(rng, 6000, noise)
    model = cp.TabularRegressor(preset="fast", random_state=0, **QUICK).fit(X, y)
    low, high = model.predict_interval(unseen).T
    held = (low <= truth) & (truth <= high)
    order = np.argsort(model.predict(unseen))
    shares = [held[part].mean() for part in np.array_split(order, 4)]
    assert min(shares) > 0.85
    widths = [(high - low)[part].mean() for part in np.array_split(order, 4)]
    assert widths[3] > 2 * widths[0]  # an interval of one width would not do


@pytest.mark.prove
def test_the_ranks_hold_their_share_exactly(proof: Callable[..., None]) -> None:
    """Of 39 residuals and a new one, any is as likely to be the greatest: 1 / 40 of the time."""
    rng = np.random.default_rng(0)
    rounds, inside, below = count(4000, 100_000), 0, 0
    for _ in range(rounds):
        draws = rng.exponential(size=40)
        ends = Residuals(np.zeros(39), draws[:39], np.ones(39)).interval(np.zeros(1), 0.9)[0]
        inside += bool(ends[0] <= draws[39] <= ends[1])
        below += bool(draws[39] < ends[0])
    slack = 4 * np.sqrt(0.09 / rounds)
    assert abs(inside / rounds - 0.9) < slack and abs(below / rounds - 0.05) < slack
    proof("share within ranks 2 and 38 of 39 residuals", rounds, share=inside / rounds, bar=0.9)


def test_the_ends_are_residuals_of_the_right_ranks() -> None:
    r = np.array([5.0, -3.0, 8.0, 1.0, -7.0, 2.0, 0.0, -1.0, 4.0, 3.0, 6.0, -2.0, 7.0, 9.0, -4.0,
                  -5.0, -6.0, 10.0, 11.0])  # fmt: skip
    of = Residuals(np.zeros(19), r, np.ones(19))
    assert of.interval(np.array([100.0]), 0.9).tolist() == [[93.0, 111.0]]  # ranks 1 and 19
    assert of.interval(np.array([100.0]), 0.8).tolist() == [[94.0, 110.0]]  # ranks 2 and 18
    assert of.interval(np.array([0.0, 1.0]), 0.5).tolist() == [[-3.0, 7.0], [-2.0, 8.0]]
    with pytest.raises(DataError, match=r"coverage=0.95 needs 39 rows .* there are 19"):
        of.interval(np.zeros(1), 0.95)


def test_wider_intervals_hold_narrower_ones_and_the_prediction() -> None:
    rng = np.random.default_rng(1)
    X, y = draw(rng, 400, NOISES["normal"])
    model = cp.TabularRegressor(random_state=0, **QUICK).fit(X, y)
    predicted = model.predict(X)
    narrow, wide = model.predict_interval(X, 0.3), model.predict_interval(X, 0.9)
    assert (wide[:, 0] <= predicted).all() and (predicted <= wide[:, 1]).all()
    assert (wide[:, 0] <= narrow[:, 0]).all() and (narrow[:, 1] <= wide[:, 1]).all()


def test_residuals_are_those_of_rows_that_did_not_train() -> None:
    rng = np.random.default_rng(2)
    X, y = rng.normal(size=(300, 4)), rng.normal(size=300)  # nothing to learn
    changes = {"epochs": 100, "hidden": (64, 64), "validation": 0.2, "temperature": False}
    model = cp.TabularRegressor(preset="fast", changes=changes, random_state=0).fit(X, y)
    assert len(model.model_.residuals.residuals) == 300  # every row is held back once
    assert np.std(model.model_.residuals.residuals) > 0.95 * np.std(y)
    one = cp.TabularRegressor(preset="fast", changes={**changes, "bags": 1}, random_state=0)
    assert len(one.fit(X, y).model_.residuals.residuals) == 60


def test_rows_of_weight_zero_tell_nothing() -> None:
    rng = np.random.default_rng(3)
    X, y = draw(rng, 400, NOISES["normal"])
    spoiled = np.arange(400) % 4 == 0
    y[spoiled] += 1000.0 * rng.normal(size=100)
    weights = np.where(spoiled, 0.0, 1.0)
    model = cp.TabularRegressor(preset="fast", random_state=0, **QUICK).fit(X, y, weights)
    assert len(model.model_.residuals.residuals) == 300
    assert np.ptp(model.predict_interval(X), axis=1).max() < 50


def test_units_and_shift_do_not_matter() -> None:
    rng = np.random.default_rng(4)
    X, y = draw(rng, 300, NOISES["one-sided"])
    model = cp.TabularRegressor(preset="fast", random_state=0, **QUICK)
    plain = model.fit(X, y).predict_interval(X)
    scaled = clone(model).fit(X, 1024 * y).predict_interval(X)
    np.testing.assert_allclose(scaled, 1024 * plain, rtol=1e-3, atol=1)


def test_a_pickle_gives_the_same_intervals() -> None:
    rng = np.random.default_rng(6)
    X, y = draw(rng, 120, NOISES["normal"])
    for preset in ("fast", "default"):
        model = cp.TabularRegressor(preset=preset, random_state=0, **QUICK).fit(X, y)
        again = pickle.loads(pickle.dumps(model))
        assert again.predict_interval(X).tobytes() == model.predict_interval(X).tobytes()
        assert again.predict(X).tobytes() == model.predict(X).tobytes()


@pytest.mark.parametrize("coverage", [0, 1, -0.1, 1.5, float("nan"), "most", None])
def test_a_coverage_is_a_share(coverage: Any) -> None:
    rng = np.random.default_rng(7)
    X, y = draw(rng, 60, NOISES["normal"])
    model = cp.TabularRegressor(preset="fast", random_state=0, **QUICK).fit(X, y)
    with pytest.raises(SettingError, match="coverage"):
        model.predict_interval(X, coverage)


def test_a_fit_that_held_nothing_back_says_so() -> None:
    model = cp.TabularRegressor(preset="fast", random_state=0, **QUICK).fit([[1.0], [2.0]], [1, 2])
    with pytest.raises(UsageError, match="the model has no interval"):
        model.predict_interval([[1.0]])


def test_two_quantiles_follow_noise_that_depends_on_anything() -> None:
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (2400, 2))
    y = np.where(X[:, 1] > 0, 3.0, 0.3) * rng.normal(size=2400)  # the mean is 0 everywhere
    ends = []
    for level in (0.1, 0.9):
        model = cp.TabularRegressor(preset="fast", quantile=level, random_state=0, **QUICK)
        ends.append(model.fit(X[:1600], y[:1600]).predict(X[1600:]))
    low, high = ends
    inside, wide = (low <= y[1600:]) & (y[1600:] <= high), X[1600:, 1] > 0
    assert 0.72 <= inside[wide].mean() <= 0.88
    assert 0.72 <= inside[~wide].mean() <= 0.88
    assert np.median((high - low)[wide]) > 5 * np.median((high - low)[~wide])


def test_what_is_trained_for_a_quantile_is_its_pinball_cost() -> None:
    X, y = draw(np.random.default_rng(0), 120, NOISES["normal"])
    model = cp.TabularRegressor(preset="fast", quantile=0.8, random_state=0, **QUICK).fit(X, y)
    (cost,) = model.to_network().graph.costs
    assert (cost.op, cost.attrs["quantile"]) == ("quantile", 0.8)
    median = cp.TabularRegressor(preset="fast", metric="pinball", random_state=0, **QUICK)
    assert median.fit(X, y).to_network().graph.costs[0].attrs["quantile"] == 0.5


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"quantile": 0.9, "metric": "rmse"}, "the metric of a quantile is 'pinball'"),
        ({"quantile": 1.0}, "quantile"),
        ({"quantile": "high"}, "quantile"),
    ],
)
def test_a_quantile_that_cannot_be_is_refused(settings: dict[str, Any], words: str) -> None:
    X, y = draw(np.random.default_rng(0), 40, NOISES["normal"])
    with pytest.raises(SettingError, match=words):
        cp.TabularRegressor(preset="fast", **settings).fit(X, y)
