"""Where columns are many, every second network sees the numbers alone: what it reads, and gives."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import clearprop as cp
from clearprop.estimators import tabular_views
from clearprop.estimators.tabular import TabularRegressor
from clearprop.estimators.tabular_figures import cost_of
from clearprop.estimators.tabular_ingredients import chosen
from clearprop.estimators.tabular_rows import Rows, decisions_of
from clearprop.estimators.tabular_runs import Runs
from clearprop.estimators.tabular_targets import labels_of
from clearprop.estimators.tabular_views import View, views_of
from clearprop.model.model import Model, input_arrays
from clearprop.tables.opening import open_table

N = 80


@pytest.fixture(autouse=True)
def few_rows_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tabular_views, "LEAST_FOR_TURNS", N)


def table(numbers: int) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    columns: dict[str, Any] = {f"x{i}": rng.normal(size=N) for i in range(numbers)}
    columns["x1"][::5] = np.nan
    columns["many"] = [f"level {i % 40}" for i in range(N)]
    columns["few"] = list("abcd") * (N // 4)
    return columns


def seen(columns: int, /, bags: int = 4, **changes: Any) -> tuple[Rows, tuple[View, ...]]:
    opened = open_table(table(columns))
    _, codes, target = labels_of(np.arange(N) % 3, N)
    rows = Rows(opened, decisions_of(opened, None).roles, codes, target)
    made_of = chosen("default", "classification", "log_loss", changes)
    return rows, views_of(rows, made_of, cost_of("classification", "log_loss"), bags)


def test_of_few_columns_every_network_sees_all() -> None:
    told: tuple[dict[str, Any], ...] = ({"bags": 1}, {"by_turns": False}, {"numbers": "standard"})
    for given in (seen(24), *(seen(25, **one) for one in told)):
        assert len(given[1]) == 1 and given[1][0].seen is None
    width = {n: seen(n, by_turns=False)[1][0].encoder.width for n in (24, 25)}
    assert width[24] > 24 * 16 and width[25] < 50  # with pieces, and without


def test_of_few_rows_no_network_sees_pieces_of_many_columns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tabular_views, "LEAST_FOR_TURNS", N + 1)
    (view,) = seen(25)[1]
    assert view.seen is None and view.encoder.width < 50


def test_of_many_every_second_sees_what_an_encoder_without_pieces_makes() -> None:
    rows, (whole, other) = seen(25)
    plain = seen(25, by_turns=False)[1][0]
    assert other.encoder.labels == plain.encoder.labels
    assert whole.encoder.width > 25 * 16
    encoded = whole.encoder.encode(rows.table)
    alone = other.of(encoded)
    np.testing.assert_array_equal(alone.X, plain.encoder.encode(rows.table).X)
    np.testing.assert_array_equal(alone.indices, encoded.indices)
    assert alone.indices.shape == (N, 1)  # the category of many levels is embedded
    assert alone.X.flags.c_contiguous


@pytest.mark.parametrize("changes", [{}, {"members": 2}, {"scale_lr_factor": 0.0}])
def test_put_beside_others_a_network_gives_what_it_gave(changes: dict[str, Any]) -> None:
    rows, (whole, other) = seen(25, **changes)
    parameters = other.network.initial(1)
    rng = np.random.default_rng(2)
    parameters.flat[...] = rng.normal(size=parameters.flat.size)
    model = Model(other.network, parameters, rows.target, other.encoder)
    wide = other.widened(model, whole)
    encoded = whole.encoder.encode(rows.table, np.float64)
    was = model._one(input_arrays(other.network, other.of(encoded)))
    now = wide._one(input_arrays(whole.network, encoded))
    np.testing.assert_allclose(now, was, rtol=1e-9, atol=1e-12)
    assert wide.encoder is whole.encoder and wide.network is whole.network
    # What it does not see changes nothing, however large.
    encoded.X[:, ~other.seen] = 1e6  # type: ignore[operator]
    np.testing.assert_array_equal(wide._one(input_arrays(whole.network, encoded)), now)
    assert whole.widened(wide, whole) is wide


def test_a_fit_of_many_columns_predicts_by_both_kinds_and_repeats_its_bits(tmp_path: Any) -> None:
    X = table(30)
    y = np.nan_to_num(X["x0"]) + np.array([len(text) for text in X["many"]])
    settings: dict[str, Any] = {
        "changes": {"epochs": 4, "hidden": (8,), "bags": 3}, "random_state": 0,
    }  # fmt: skip
    model = TabularRegressor(**settings).fit(X, y)
    graph = model.to_network().graph
    assert graph.members == 6  # of each bag the network its rows judge, and that of all rows
    zeros = (model.model_.parameters["s4"] == 0).sum(axis=1)
    assert zeros.tolist() == [0, 0, 480, 480, 0, 0]
    again = TabularRegressor(**settings, n_jobs=1).fit(X, y)
    assert again.model_.parameters.flat.tobytes() == model.model_.parameters.flat.tobytes()
    part = tmp_path / "run.part"
    TabularRegressor(**settings, checkpoint=str(part), max_steps=2).fit(X, y)
    on = TabularRegressor(**settings, checkpoint=str(part)).fit(X, y)
    assert on.model_.parameters.flat.tobytes() == model.model_.parameters.flat.tobytes()


@pytest.mark.parametrize("kept", [0, 1])
def test_a_kind_that_is_worse_is_left_behind(kept: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Runs, "better", lambda self, parts: kept)
    X, y = table(30), np.arange(N) / 7
    model = TabularRegressor(changes={"epochs": 2, "hidden": (4,)}, random_state=0).fit(X, y)
    inputs = [30 * 17 + 1 + 4, 30 + 1 + 4]  # with a flag of what is missing, and four levels
    first, second = inputs
    assert model.inputs_ == (first, first, second, second, *[inputs[kept]] * 4)
    graph = model.to_network().graph
    assert graph.members == 6 and graph.inputs[0].width == inputs[kept]
    assert model.model_.encoder is not None and model.model_.encoder.width == inputs[kept]
    assert len(model.model_.residuals.residuals) == N - 20  # the rows of the bag that was left
    repeated = TabularRegressor(
        changes={"epochs": 2, "hidden": (4,)}, random_state=0, max_steps=model.n_steps_
    ).fit(X, y)
    np.testing.assert_array_equal(repeated.predict(X), model.predict(X))


@pytest.mark.parametrize("kinds", [(0, 1), (1, 0), (1, None), (None, 0)])
def test_a_shorter_fit_that_told_the_better_kind_otherwise_is_gone_on_from(
    kinds: tuple[int | None, int | None], monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    X, y = table(30), np.arange(N) / 7
    settings: dict[str, Any] = {"changes": {"epochs": 4, "hidden": (4,)}, "random_state": 0}
    part = str(tmp_path / "run.part")
    monkeypatch.setattr(Runs, "better", lambda self, parts: kinds[0])
    TabularRegressor(**settings, checkpoint=part, max_steps=2).fit(X, y)
    monkeypatch.setattr(Runs, "better", lambda self, parts: kinds[1])
    on = TabularRegressor(**settings, checkpoint=part).fit(X, y)
    whole = TabularRegressor(**settings).fit(X, y)
    assert on.model_.parameters.flat.tobytes() == whole.model_.parameters.flat.tobytes()


@pytest.mark.parametrize("kept", [0, 1, None])
def test_operations_are_those_of_what_each_run_saw(
    kept: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(Path(__file__).parents[1])
    flop = importlib.import_module("benchmarks.accuracy_flop").flop
    monkeypatch.setattr(Runs, "better", lambda self, parts: kept)
    X = {f"x{i}": column for i, column in enumerate(np.random.default_rng(0).normal(size=(30, N)))}
    made_of = {"epochs": 2, "hidden": (4,), "refit": False}
    model = TabularRegressor(changes=made_of, random_state=0).fit(X, np.arange(N) / 7)
    operations = [  # two epochs of 60 rows that train and 20 that judge; factors are trained
        2 * (60 * 3 + 20) * 2 * (inputs * 4 + 4) for inputs in model.inputs_
    ]
    assert flop(model) == sum(operations)


def judged(task: str, y: Any, outputs: Any, weights: Any = None) -> int | None:
    own = SimpleNamespace(task=task, predicted=lambda a: a, decode=lambda a: a)
    rows = SimpleNamespace(y=y, weights=weights, target=own)
    parts = [np.arange(len(y)) % 2 == 0, np.arange(len(y)) % 2 == 1]
    runs = object.__new__(Runs)
    runs.rows, runs.outputs = rows, outputs  # type: ignore[assignment]
    return runs.better(parts)


def test_which_is_better_is_told_beyond_a_standard_error_of_the_rows_held_back() -> None:
    n = 2000
    rng = np.random.default_rng(0)
    noise = np.repeat(rng.normal(size=n // 2), 2)  # the same of both
    even = np.arange(n) % 2 == 0
    for scale, expected in ((1.0, None), (2.0, 1), (0.5, 0)):
        off = np.where(even, scale, 1.0) * noise  # what the first kind is off by, and the second
        found = judged("regression", np.zeros(n), off[:, None])
        # Var e² = 2 σ⁴ of normal errors
        z = (1 - scale**2) / np.sqrt(2 * (1 + scale**4) / (n / 2))
        assert found == expected == (None if abs(z) < 1 else int(z < 0))
    y = rng.integers(0, 2, n)
    p = np.where(even, 0.9, 0.6)  # of the right class
    P = np.where(np.arange(2) == y[:, None], p[:, None], 1 - p[:, None])
    assert judged("classification", y, P) == 0
    assert judged("classification", y, P[:, ::-1]) == 1
    few = np.zeros(n)
    few[:200] = 1  # rows of no weight say nothing
    off = np.where(even & (few == 0), 2.0, 1.0) * noise
    assert judged("regression", np.zeros(n), off[:, None]) == 1
    assert judged("regression", np.zeros(n), off[:, None], few) is None
    few[50:] = 0  # 25 rows of each
    assert judged("regression", np.zeros(n), (3.0**even * noise)[:, None], few) is None


def test_rows_that_judge_apart_are_seen_alike() -> None:
    rows = {**table(30), "y": [i % 7 + 0.5 for i in range(N)]}
    model = cp.train_table(rows, "y", preset="fast", validation=rows, seed=0, max_steps=3)
    assert model.network.graph.members == 4
    assert model.provenance["rows"]["validation"] == N
    assert 0 < model.provenance["figures"]["validation"]["rmse"] < 10
