"""Epochs that go through the engine together are those that go one by one."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

import clearprop as cp
from clearprop.engine import NativeRunner, Report, State, Window

Array = NDArray[Any]


@pytest.fixture(name="X")
def given_X() -> Array:
    return np.random.default_rng(0).normal(size=(130, 3))


def windows_of(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The steps of each call of the engine, from now on."""
    found: list[int] = []
    run = NativeRunner.run

    def told(self: NativeRunner, state: State, window: Window, stop: Any = None) -> Report:
        found.append(len(window.rates))
        return run(self, state, window, stop)

    monkeypatch.setattr(NativeRunner, "run", told)
    return found


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"tol": 0.05, "n_iter_no_change": 2},
        {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.01, "n_iter_no_change": 1},
        {"solver": "sgd", "learning_rate": "invscaling"},
        {"shuffle": False, "batch_size": 50},
        {"loss": "poisson"},
        {"dropout": 0.2},
        {"learning_rate": "cosine", "solver": "adamw"},
    ],
)
@pytest.mark.parametrize("weighted", [False, True])
def test_epochs_together_are_the_bits_of_epochs_one_by_one(
    X: Array, told: dict[str, Any], weighted: bool
) -> None:
    y = np.exp(X[:, 0])
    weights = np.where(np.arange(130) % 3 == 0, 0.0, 1.5) if weighted else None
    settings: dict[str, Any] = {
        "hidden_layer_sizes": (5,), "batch_size": 40, "max_iter": 40, "random_state": 3, **told
    }  # fmt: skip
    together = cp.MLPRegressor(**settings)
    one_by_one = cp.MLPRegressor(callbacks=lambda _: False, **settings)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        together.fit(X, y, weights)
        one_by_one.fit(X, y, weights)
    assert together.loss_curve_ == one_by_one.loss_curve_
    assert together.n_iter_ == one_by_one.n_iter_ == len(together.loss_curve_)
    assert together.t_ == 130 * together.n_iter_
    for ours, theirs in zip(together.coefs_, one_by_one.coefs_, strict=True):
        assert np.array_equal(ours, theirs)


def test_no_epoch_is_done_beyond_the_one_that_ends_the_fit(
    X: Array, monkeypatch: pytest.MonkeyPatch
) -> None:
    windows = windows_of(monkeypatch)
    model = cp.MLPRegressor(
        hidden_layer_sizes=(4,),
        batch_size=65,
        tol=1e9,
        n_iter_no_change=6,
        max_iter=100,
        random_state=0,
    ).fit(X, X[:, 0])
    # The first epoch is better than none, and so many as are more than six are not, by 10⁹.
    assert model.n_iter_ == 8
    assert windows == [14, 2]


def test_ctrl_c_in_epochs_together_keeps_those_that_had_ended(
    X: Array, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings: dict[str, Any] = {"hidden_layer_sizes": (4,), "batch_size": 65, "random_state": 0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        whole = cp.MLPRegressor(max_iter=10, **settings).fit(X, X[:, 0])
    run = NativeRunner.run

    def broken(self: NativeRunner, state: State, window: Window, stop: Any = None) -> Report:
        assert window.penalties is not None
        run(
            self,
            state,
            Window(window.rows, window.borders[:8], window.rates[:7], window.penalties[:7]),
            stop,
        )
        raise KeyboardInterrupt

    monkeypatch.setattr(NativeRunner, "run", broken)
    with pytest.warns(UserWarning, match="interrupted by user"):
        model = cp.MLPRegressor(max_iter=10, **settings).fit(X, X[:, 0])
    assert model.n_iter_ == 3
    assert model.loss_curve_ == whole.loss_curve_[:3]
    assert np.isfinite(model.predict(X)).all()


def test_layers_that_were_used_before_are_not_prepared_again(
    X: Array, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings: dict[str, Any] = {"hidden_layer_sizes": (7,), "max_iter": 1, "alpha": 0.0123}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        cp.MLPRegressor(**settings).fit(X, X[:, 0]).predict(X)
        monkeypatch.setattr(
            "clearprop.estimators.machine.lower", lambda *_: pytest.fail("prepared again")
        )
        cp.MLPRegressor(**settings, learning_rate_init=0.1).fit(X, X[:, 0]).predict(X)
        with pytest.raises(pytest.fail.Exception):  # another cost is another program
            cp.MLPRegressor("huber", **settings, huber_limit=0.5).fit(X, X[:, 0])
