"""A model knows what it is off by on rows that did not train, and so does its file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_tabular_interval import NOISES, QUICK, draw

import clearprop as cp
from clearprop import storage
from clearprop.errors import FileError, UsageError
from clearprop.model.file import KIND
from clearprop.model.interval import Residuals
from clearprop.tables.target import Target


def columns(X: np.ndarray, y: np.ndarray) -> dict[str, Any]:
    return {f"x{k}": X[:, k] for k in range(X.shape[1])} | {"price": y}


@pytest.mark.parametrize(
    "asked", [{"preset": "fast"}, {"preset": "default"}, {"hidden": [8], "epochs": 20}]
)
def test_a_saved_model_gives_the_same_intervals(asked: dict[str, Any], tmp_path: Path) -> None:
    X, y = draw(np.random.default_rng(8), 260, NOISES["normal"])
    model = cp.train_table(columns(X, y), "price", **asked)
    found = model.predict_interval(columns(X, y), 0.8)
    model.save(tmp_path / "m.clearprop")
    again = cp.load(tmp_path / "m.clearprop")
    assert again.predict_interval(columns(X, y), 0.8).tobytes() == found.tobytes()
    own = cp.load(tmp_path / "m.clearprop").residuals
    assert own is not None and len(own.residuals) == (52 if "hidden" in asked else 260)


def test_the_estimator_and_its_model_give_the_same_intervals() -> None:
    X, y = draw(np.random.default_rng(9), 120, NOISES["normal"])
    model = cp.TabularRegressor(preset="default", random_state=0, **QUICK).fit(X, y)
    assert (model.predict_interval(X) == model.model_.predict_interval(X)).all()


@pytest.mark.parametrize("asked", [{"preset": "fast"}, {"hidden": [16], "epochs": 60}])
def test_rows_of_another_table_that_judge_tell_what_the_model_is_off_by(
    asked: dict[str, Any],
) -> None:
    rng = np.random.default_rng(10)
    X, y = draw(rng, 400, NOISES["normal"])
    held, off = draw(rng, 1000, NOISES["normal"])
    unseen, truth = draw(rng, 4000, NOISES["normal"])
    model = cp.train_table(columns(X, y), "price", validation=columns(held, off), **asked)
    residuals = model.residuals
    assert residuals is not None
    np.testing.assert_allclose(
        np.sort(residuals.residuals), np.sort(off - model.predict(columns(held, off))), atol=1e-9
    )
    low, high = model.predict_interval(columns(unseen, truth), 0.8).T
    assert abs(np.mean((low <= truth) & (truth <= high)) - 0.8) < 0.05


def test_a_model_of_arrays_knows_its_validation_rows() -> None:
    rng = np.random.default_rng(11)
    X, y = draw(rng, 600, NOISES["one-sided"])
    unseen, truth = draw(rng, 4000, NOISES["one-sided"])
    net = cp.Network([3, 16, 1], "tanh")
    told: dict[str, Any] = {"validation": 0.5, "learning_rate": 0.02, "epochs": 40}
    model = cp.train(net, X, y, **told)
    low, high = model.predict_interval(unseen, 0.9).T
    assert abs(np.mean((low <= truth) & (truth <= high)) - 0.9) < 0.05
    (many,) = cp.train_many([{}], X, y, network=net, **told)
    assert (many.predict_interval(unseen) == model.predict_interval(unseen)).all()


def test_weights_of_held_rows_count_in_a_saved_model(tmp_path: Path) -> None:
    rng = np.random.default_rng(12)
    X, y = draw(rng, 300, NOISES["normal"])
    net, w = cp.Network([3, 4, 1]), rng.uniform(0.5, 2, 300)
    model = cp.train(net, X, y, validation=(X, y, w), epochs=3)
    assert model.residuals is not None and (model.residuals.weights == w).all()
    model.save(tmp_path / "m.clearprop")
    again = cp.load(tmp_path / "m.clearprop")
    assert (again.predict_interval(X) == model.predict_interval(X)).all()


def test_of_many_rows_as_many_are_kept_as_the_share_needs() -> None:
    rng = np.random.default_rng(13)
    target = Target("y", "regression", "", "real", (), 10.0, 2.0)
    y, outputs = rng.normal(size=90_000), np.zeros((90_000, 1))
    outputs[:, 0] = np.linspace(-3, 3, 90_000)
    few = Residuals.of(target, y + outputs[:, 0], outputs)
    assert few is not None and len(few.residuals) == 20_000
    ends = few.interval(np.array([10.0]), 0.9)[0] - 10.0
    np.testing.assert_allclose(ends, [-2 * 1.645, 2 * 1.645], atol=0.25)


def test_residuals_beyond_float64_are_none_and_the_file_is_read(tmp_path: Path) -> None:
    target = Target("y", "regression", "", "real", (), 0.0, 1e308)
    assert Residuals.of(target, np.array([-1.5, 0.5]), np.array([[1.5], [0.5]])) is None
    model = cp.train(cp.Network([1, 1]), [[1.0], [2.0]], [1.0, 2.0], epochs=1)
    model.residuals = Residuals.of(target, np.array([-1.5]), np.array([[1.5]]))
    model.save(tmp_path / "m.clearprop")
    assert cp.load(tmp_path / "m.clearprop").residuals is None


def test_what_has_no_interval_says_so() -> None:
    X, y = draw(np.random.default_rng(14), 60, NOISES["normal"])
    classes = cp.train(cp.Network([3, 2], cost="cross_entropy"), X, y > 0, epochs=1, validation=0.2)
    with pytest.raises(UsageError, match="predicts the class 'Y', which has no interval"):
        classes.predict_interval(X)
    alone = cp.train(cp.Network([3, 1]), X, y, epochs=1)
    with pytest.raises(UsageError, match="the model has no interval"):
        alone.predict_interval(X)
    two = cp.train(cp.Network([3, 2]), X, np.stack([y, y], 1), epochs=1, validation=0.2)
    with pytest.raises(UsageError, match="the model has no interval"):
        two.predict_interval(X)


@pytest.mark.parametrize(
    "spoiled",
    [
        {"predictions": np.zeros(3), "residuals": np.zeros(2)},
        {"predictions": np.zeros(2), "residuals": np.array([0.0, np.nan])},
        {"predictions": np.zeros(0), "residuals": np.zeros(0)},
        {"predictions": np.zeros((2, 1)), "residuals": np.zeros((2, 1))},
        {"predictions": np.zeros(2, np.float32), "residuals": np.zeros(2)},
        {"predictions": np.zeros(2)},
        {"predictions": np.zeros(2), "residuals": np.zeros(2), "weights": np.zeros(2)},
        {"predictions": np.zeros(2), "residuals": np.zeros(2), "foo": np.zeros(2)},
    ],
)
def test_a_file_whose_residuals_are_spoiled_is_refused(
    spoiled: dict[str, np.ndarray], tmp_path: Path
) -> None:
    X, y = draw(np.random.default_rng(15), 60, NOISES["normal"])
    path = tmp_path / "m.clearprop"
    cp.train(cp.Network([3, 1]), X, y, epochs=1, validation=0.5).save(path)
    content, tensors = storage.read(path, KIND)
    kept = {name: array for name, array in tensors.items() if not name.startswith("held/")}
    storage.write(path, KIND, content, kept | {f"held/{k}": v for k, v in spoiled.items()})
    with pytest.raises(FileError, match="holds a model that cannot be built"):
        cp.load(path)


def test_numbers_near_the_end_of_float64_have_intervals_of_numbers() -> None:
    most = np.finfo(np.float64).max
    held = Residuals(most * np.linspace(-1, 1, 400), np.linspace(-1, 1, 400), np.full(400, 1e307))
    low, high = held.interval(np.array([most, 0.0, -most]), 0.9).T
    assert (low <= high).all() and np.isfinite(low).all() and np.isfinite(high).all()
