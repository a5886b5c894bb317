"""Which columns are cut finer: those whose rare values mean something each."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import clearprop as cp
from clearprop.estimators.rare_values import mean_something


def mostly_zero(rng: np.random.Generator, values: int = 40, rows: int = 6000) -> np.ndarray:
    """A tenth of the rows has one of some values."""
    return np.where(rng.random(rows) < 0.1, rng.integers(1, values + 1, rows), 0).astype(float)


def of_two(rng: np.random.Generator, share: np.ndarray) -> np.ndarray:
    return (rng.random(len(share)) < share).astype(np.int64)


@pytest.mark.parametrize("numbers", [False, True])
def test_values_that_mean_something_each_are_found(rng: np.random.Generator, numbers: bool) -> None:
    x = mostly_zero(rng)
    of_value = rng.random(41)[x.astype(int)]  # another share for each value
    y = of_value + rng.normal(0, 0.3, len(x)) if numbers else of_two(rng, of_value)
    assert mean_something(x, y)
    order = rng.permutation(len(x))
    assert mean_something(x[order], y[order])


def common(rng: np.random.Generator, kind: str, rows: int) -> np.ndarray:
    """A column of mostly zeros: its others equally common, of Zipf's law, or all different."""
    if kind == "equal":
        return mostly_zero(rng, rows=rows)
    other = rng.zipf(1.5, rows) % 400 + 1.0 if kind == "zipf" else rng.lognormal(0, 1, rows)
    return np.where(rng.random(rows) < 0.1, other, 0.0)


TARGETS: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "two classes": lambda rng, n: rng.integers(0, 2, n),
    "a rare class": lambda rng, n: (rng.random(n) < 0.01).astype(np.int64),
    "fifty classes": lambda rng, n: rng.integers(0, 50, n),
    "classes of Zipf's law": lambda rng, n: np.minimum(rng.zipf(1.3, n), 300),
    "normal": lambda rng, n: rng.normal(size=n),
    "heavy tails": lambda rng, n: rng.standard_t(2, n),
    "claims": lambda rng, n: np.where(rng.random(n) < 0.05, rng.lognormal(0, 1.5, n), 0.0),
    "constant": lambda rng, n: np.full(n, rng.normal()),
}


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("kind", ["equal", "zipf", "different"])
def test_values_that_mean_nothing_are_hardly_ever_taken_for_some(
    rng: np.random.Generator, kind: str, target: str
) -> None:
    found = 0
    for rows in [2000] * 60 + [20_000] * 20:
        found += mean_something(common(rng, kind, rows), TARGETS[target](rng, rows))
    assert found == 0


@pytest.mark.parametrize("rows", [6000, 60_000, 200_000])
@pytest.mark.parametrize("kind", ["equal", "different"])
def test_what_follows_the_value_smoothly_or_in_steps_is_none_of_their_own(
    rng: np.random.Generator, kind: str, rows: int
) -> None:
    x = common(rng, kind, rows)
    place = np.where(x > 0, np.searchsorted(np.sort(x[x > 0]), x) / (x > 0).sum(), 0.0)
    for share in (
        0.3 + 0.3 * place,
        1 / (1 + np.exp(-1.5 * np.log(np.maximum(x, 0.1)))),
        np.tanh(3 * place),
        np.where(place > rng.random(), 0.9, 0.1),
        np.where((place > 0.3) & (place < 0.7), 0.8, 0.2),
    ):
        assert not mean_something(x, of_two(rng, share))
        assert not mean_something(x, share + rng.normal(0, 0.5, rows))


def test_no_threshold_of_the_example_is_taken_for_single_values() -> None:
    x = np.repeat([0.0, *range(1, 21)], [1000, *[20] * 20])
    assert [t for t in range(1, 21) if mean_something(x, (x > t).astype(np.int64))] == []
    assert [t for t in range(1, 21) if mean_something(x, (x > t).astype(np.float64))] == []


def test_a_column_of_many_common_values_or_few_rare_rows_is_none(rng: np.random.Generator) -> None:
    x = rng.integers(0, 40, 4000).astype(float)
    assert not mean_something(x, (x % 2).astype(np.int64))
    x = np.where(rng.random(4000) < 0.4, 8.0, rng.integers(0, 16, 4000))
    assert not mean_something(x, (x % 2).astype(np.int64))
    huge = np.where(x == 8, 1.5e308, x)
    assert not mean_something(huge, (x % 2).astype(np.int64))
    x = np.zeros(4000)
    x[:60] = np.arange(60) % 4 + 1
    assert not mean_something(x, (x % 2).astype(np.int64))
    assert not mean_something(np.zeros(0), np.zeros(0, np.int64))
    assert not mean_something(np.zeros(9), np.zeros(9, np.int64))


def test_a_table_is_learned_better_where_they_are_cut_finer(rng: np.random.Generator) -> None:
    gains = mostly_zero(rng, values=32, rows=6000) * 37
    other = rng.normal(size=len(gains))
    odd = (gains / 37) % 2 == 1
    share = 1 / (1 + np.exp(-(other - 2 + 5 * odd)))
    y, X = of_two(rng, share), {"gains": gains, "other": other}
    losses, recipes = [], []
    for rare in (True, False):
        model = cp.TabularClassifier(
            preset="fast", changes={"rare": rare, "bags": 1, "epochs": 16}, random_state=0
        ).fit({name: x[:4500] for name, x in X.items()}, y[:4500])
        P = model.predict_proba({name: x[4500:] for name, x in X.items()})
        losses.append(-np.log(P[np.arange(1500), y[4500:]]).mean())
        recipes.append([c.recipe for c in model.model_.encoder.columns])
    assert recipes == [["rare", "pieces"], ["pieces", "pieces"]]
    assert losses[0] < losses[1] - 0.005


def test_rows_of_no_weight_do_not_tell(rng: np.random.Generator) -> None:
    x = mostly_zero(rng, values=16, rows=2000)
    y = (x % 2).astype(np.int64)
    own, nothing = np.concatenate([x, x]), rng.integers(0, 2, len(x))
    model = cp.TabularClassifier(preset="fast", changes={"bags": 1, "epochs": 1}, random_state=0)
    weights = np.concatenate([np.zeros(len(x)), np.ones(len(x))])
    labels = np.concatenate([y, nothing])
    table = {"x": own, "z": rng.normal(size=len(own))}
    assert model.fit(table, labels).model_.encoder.columns[0].recipe == "rare"
    model.fit(table, labels, sample_weight=weights)
    assert model.model_.encoder.columns[0].recipe == "pieces"
