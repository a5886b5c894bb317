"""What a run can be told: wrong settings are refused by name, given parameters are begun with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from training_runs import network, table

import clearprop as cp
from clearprop.errors import DataError, NativeError, SettingError
from clearprop.expressions import primitive
from clearprop.operations import TABLE, Function
from clearprop.training import Training


# -- a user's rows --------------------------------------------------------------------------------
@pytest.fixture
def hump() -> Iterator[str]:
    """The function exp(−x²) as a user's own row."""
    row = Function(
        "hump_of_this_test",
        definition=lambda x, attrs: primitive("exp", -(x**2)),
        slope=lambda x, attrs: -2 * x * primitive("exp", -(x**2)),
        value=lambda x, attrs: np.exp(-(x**2)),
        derivative=lambda x, attrs: -2 * x * np.exp(-(x**2)),
    )
    TABLE.register(row)
    yield row.name
    TABLE._rows.pop(row.name)


def test_a_users_row_trains_in_the_reference_and_the_native_engine_says_so(hump: str) -> None:
    X = np.linspace(-2, 2, 40)[:, None]
    Y = np.exp(-((X - 0.5) ** 2))
    net = cp.Network([1, 4, 1], hump)
    with pytest.raises(NativeError, match=f"{hump}.*engine='reference'"):
        Training(net, X, Y)
    settings: dict[str, Any] = {"epochs": 150, "learning_rate": 0.03}
    training = Training(net, X, Y, engine="auto", **settings)
    assert training.run().cost < 1e-3
    event = training.history.events[0]
    assert event.kind == "engine"
    assert hump in event.text
    same = Training(net, X, Y, engine="reference", **settings)
    same.run()
    assert (same.best.flat == training.best.flat).all()


# -- settings -------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": 0}, r"epochs must be a whole number in \[1, ∞\)"),
        ({"epochs": 1, "steps": 1}, "epochs=1 or steps=1, not both"),
        ({"learning_rate": -1}, "learning_rate"),
        ({"optimizer": "adamm"}, "did you mean 'adam"),
        ({"optimizer": cp.Adam(), "learning_rate": 1.0}, "to the adam object itself"),
        ({"schedule": "cosin"}, "did you mean 'cosine'"),
        ({"validation": 1.5}, r"validation must be a number in \(0, 1\)"),
        ({"monitor": "metric"}, "needs a metric and validation rows"),
        ({"engine": "nativ"}, "did you mean 'native'"),
        ({"engine": "reference", "precision": "float32"}, "float64 only"),
        ({"batch_size": 2.5}, "batch_size"),
        ({"seed": -1}, "seed"),
        ({"time_limit": 0}, "time_limit"),
        ({"schedule": [0.1]}, "1 rates for"),
    ],
)
def test_a_wrong_setting_is_refused_by_name(settings: dict[str, Any], message: str) -> None:
    X, Y = table(20)
    with pytest.raises(SettingError, match=message):
        Training(network(), X, Y, **settings).run()


@pytest.mark.parametrize("given", [{}, {"steps": 1, "epochs": 1}, {"steps": 0}, {"seconds": -1}])
def test_advance_takes_one_amount(given: dict[str, Any]) -> None:
    X, Y = table(20)
    with pytest.raises(SettingError, match="advance"):
        Training(network(), X, Y).advance(**given)


def test_parameters_may_be_given_to_start_from() -> None:
    X, Y = table()
    p = network().initial(9)
    training = Training(network(), X, Y, parameters=p, precision="float64")
    assert (training.parameters.flat == p.flat).all()
    with pytest.raises(SettingError, match=r"W1 .*missing"):
        Training(network(), X, Y, parameters={})


@pytest.mark.parametrize("engine", ["reference", "native"])
def test_initial_values_that_look_at_data_look_at_the_training_rows_alone(engine: Any) -> None:
    X, Y = table(300)
    X = X * [1, 10, 0.1, 3] + 5
    x = cp.Input(4)
    h = cp.Dense(6, "tanh", initial="standardising")(x)
    net = cp.Network(inputs=x, outputs=cp.Dense(2)(h), cost="cross_entropy")
    training = Training(net, X, Y, validation=0.3, precision="float64", engine=engine, seed=4)
    assert training.validation_rows is not None
    trains = np.setdiff1d(np.arange(300), training.validation_rows)
    z = X @ training.parameters["W1"].T
    np.testing.assert_allclose(z[trains].std(axis=0), 1, rtol=1e-12)
    assert (np.abs(z.std(axis=0) - 1) > 1e-4).all()  # of all rows it would be another number
    assert training.advance(steps=1).step == 1


def test_weights_that_leave_no_training_rows_are_refused() -> None:
    X, Y = table(40)
    w = np.zeros(40)
    w[3] = 1
    with pytest.raises(DataError, match="sample_weight is 0 on all"):
        Training(network(), X, Y, sample_weight=w, validation=0.5)


def test_a_closed_run_keeps_its_figures() -> None:
    X, Y = table()
    with Training(network(), X, Y, epochs=1) as training:
        training.run()
    assert len(training.history) == 1
    assert np.isfinite(training.best.flat).all()
