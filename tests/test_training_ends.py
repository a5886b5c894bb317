"""A run ends when it should, says why, and gives back the best of its epochs."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from training_runs import BOTH, FULL, network, outcome, table

import clearprop as cp
from clearprop.errors import DivergenceError, SettingError
from clearprop.training import Progress, Training


@BOTH
def test_early_stopping_gives_back_the_best_epoch(engine: Any) -> None:
    X, Y = table(60)
    Xv, Yv = table(200, seed=1)
    kept: list[np.ndarray] = []

    def keep(progress: Progress) -> None:
        kept.append(progress.training.parameters.flat)

    net = cp.Network([4, 30, 2], "tanh", cost="cross_entropy")
    training = Training(
        net, X, Y, validation=(Xv, Yv), epochs=200, learning_rate=0.05, patience=4,
        callbacks=keep, engine=engine, precision="float64",
    )  # fmt: skip
    progress = training.run()
    costs = [net.cost(cp.Parameters(net.graph, flat), Xv, Yv) for flat in kept]
    best = int(np.argmin(costs))
    assert progress.why == "early_stopping"
    assert progress.best_epoch == best + 1
    assert progress.epoch == len(costs) == best + 1 + 4
    assert (training.best.flat == kept[best]).all()
    assert (training.parameters.flat == kept[-1]).all()
    event = training.history.events[-1]
    assert (event.kind, event.epoch) == ("early_stopping", progress.epoch)
    assert f"best epoch {best + 1}" in event.text


def cycled(engine: Any, metric: Any, patience: Any = "cycle", epochs: int = 30) -> Any:
    X, Y = table(60)
    training = Training(
        network(), X, Y, validation=table(40, seed=1), epochs=epochs, schedule="coslog4",
        patience=patience, engine=engine, metric=metric, monitor="metric", greater_is_better=False,
    )  # fmt: skip
    return training.run(), training


@BOTH
@pytest.mark.parametrize(
    ("best", "end"),
    [(1, 6), (2, 6), (3, 14), (6, 14), (7, 30), (14, 30), (30, 30)],
)
def test_patience_of_a_cycle_ends_behind_one_without_progress(
    engine: Any, best: int, end: int
) -> None:
    """Of 30 epochs, cycles of coslog4 end at 2, 6, 14 and 30."""
    epochs = iter(range(1, 31))
    progress, training = cycled(engine, lambda Y, output: float(abs(next(epochs) - best)))
    assert (progress.best_epoch, progress.epoch) == (best, end)
    assert progress.why == ("early_stopping" if end < 30 else "complete")
    if end < 30:
        assert "no progress for a cycle of the rate" in training.history.events[-1].text


def test_cycles_too_short_to_be_apart_end_once() -> None:
    # The ends of cycles: 1; 1, 2; 1, 3; 1, 2, 5; the first epoch is the best of all.
    for epochs, end in ((1, 1), (2, 2), (3, 3), (5, 2)):
        progress, _ = cycled("native", lambda Y, output: 1.0, epochs=epochs)
        assert (progress.epoch, progress.best_epoch) == (end, 1)
        assert progress.why == ("early_stopping" if end < epochs else "complete")


def test_patience_of_a_cycle_counts_a_small_fall_for_none() -> None:
    epochs = iter(range(1, 31))
    X, Y = table(60)
    training = Training(
        network(), X, Y, validation=table(40, seed=1), epochs=30, schedule="coslog4",
        patience="cycle", metric=lambda Y, output: 1 - 1e-3 * next(epochs), monitor="metric",
        greater_is_better=False, min_delta=0.5,
    )  # fmt: skip
    assert training.run().epoch == 6  # the first epoch alone is progress


def test_patience_of_a_cycle_goes_ahead_to_the_same_bits() -> None:
    X, Y = table(60)
    other, labels = table(40, seed=1)
    given: dict[str, Any] = {
        "validation": (other, labels[::-1]), "epochs": 60, "schedule": "coslog4",
        "patience": "cycle", "learning_rate": 0.3,
    }  # fmt: skip
    ahead, looked = (
        Training(network(), X, Y, **given),
        Training(network(), X, Y, callbacks=lambda progress: None, **given),
    )
    ahead.run(), looked.run()
    assert ahead.epoch == looked.epoch < 60
    assert (ahead.best.flat == looked.best.flat).all()


def test_patience_of_a_cycle_needs_cycles() -> None:
    with pytest.raises(SettingError, match="constant has none"):
        Training(network(), *table(60), patience="cycle")
    with pytest.raises(SettingError, match="patience"):
        Training(network(), *table(60), patience="cycles", schedule="coslog4")  # type: ignore[arg-type]


def test_without_validation_rows_the_run_is_complete_and_the_last_parameters_count() -> None:
    X, Y = table()
    training = Training(network(), X, Y)
    progress = training.run()
    assert (progress.epoch, progress.why) == (100, "complete")
    assert (training.best.flat == training.parameters.flat).all()


def test_early_stopping_may_watch_the_training_cost() -> None:
    x = np.linspace(-1, 1, 40)[:, None]
    training = Training(
        cp.Network([1, 1], output="identity"), x, 2 * x, optimizer=cp.SGD(0.5), epochs=10_000,
        batch_size="full", early_stopping=True, min_delta=1e-6, patience=2,
    )  # fmt: skip
    assert training.run().why == "early_stopping"
    falls = -np.diff(training.history["cost"])
    assert (falls[-2:] <= 1e-6).all()


@BOTH
def test_max_steps_of_a_time_limit_gives_the_same_bits(engine: Any) -> None:
    X, Y = table()
    settings = FULL | {"epochs": 10_000, "patience": 10_000}
    limited = Training(network(), X, Y, engine=engine, time_limit=0.05, **settings)
    progress = limited.run()
    assert progress.why == "time_limit"
    assert 0 < progress.step < 80_000
    event = limited.history.events[-1]
    assert f"max_steps={progress.step} gives" in event.text
    again = Training(network(), X, Y, engine=engine, max_steps=progress.step, **settings)
    assert again.run().why == "max_steps"
    first, second = outcome(limited), outcome(again)
    assert first[:3] == second[:3]


def test_a_run_cut_in_mid_epoch_looks_at_the_validation_rows_once_more() -> None:
    X, Y = table()
    settings: dict[str, Any] = {**FULL, "schedule": "constant", "precision": "float64"}
    training = Training(network(), X, Y, max_steps=3, **settings)
    training.run()
    rows = training.validation_rows
    assert rows is not None
    expected = network().cost(training.parameters, X[rows], Y[rows])
    assert training.history["validation_cost"].tolist() == pytest.approx([expected], rel=1e-12)
    assert training.history["steps"].tolist() == [3]
    assert (training.best.flat == training.parameters.flat).all()


def test_steps_may_be_the_length_of_the_run() -> None:
    X, Y = table(100)
    training = Training(network(), X, Y, steps=10, batch_size=40, schedule="cosine")
    progress = training.run()
    assert (progress.step, progress.epoch, progress.why) == (10, 4, "complete")
    expected = 1e-3 * (1 + np.cos(np.pi * 9 / 10)) / 2
    assert progress.learning_rate == pytest.approx(expected, rel=1e-12)


@BOTH
def test_divergence_is_named_with_its_place_and_what_to_try(engine: Any) -> None:
    x = np.random.default_rng(0).normal(size=(64, 1)) * 30
    training = Training(
        cp.Network([1, 1], output="identity"), x, x, optimizer="sgd", learning_rate=10,
        batch_size=8, epochs=50, engine=engine,
    )  # fmt: skip
    with pytest.raises(DivergenceError) as error:
        training.run()
    step = training.step
    epoch = (step - 1) // 8 + 1
    pattern = rf"cost became (NaN|∞) in epoch {epoch}, step {step}, learning_rate=10: try 0.01"
    assert re.fullmatch(pattern, str(error.value))
    assert error.value.training is training
    assert training.why == "diverged"
    assert training.history.events[-1].text == str(error.value)
    assert np.isfinite(training.best.flat).all()
    assert training.run().why == "diverged"  # it does not go on


@pytest.mark.parametrize(("rate", "advice"), [(0.5, "0.005"), (1e9, "0.01")])
def test_the_rate_to_try_is_no_greater_than_the_optimizer_s_own(rate: float, advice: str) -> None:
    """A hundredth of the rate; where that is still wild, the default, which is 0.01 for SGD."""
    x = np.linspace(-1, 1, 64)[:, None] * 1e3
    net = cp.Network([1, 1], output="identity")
    training = Training(net, x, x, optimizer="sgd", learning_rate=rate, epochs=50)
    with pytest.raises(DivergenceError, match=rf"try {advice}$"):
        training.run()


def test_divergence_by_a_huge_penalty_blames_the_penalty() -> None:
    x = np.linspace(-1, 1, 64)[:, None]
    net = cp.Network([1, 4, 1], "tanh", l2=1e5)
    training = Training(net, x, x, optimizer="sgd", epochs=50)
    with pytest.raises(DivergenceError, match=r"step \d+, l2=100000: try 0\.0001$"):
        training.run()


def test_divergence_by_a_wild_rate_blames_the_rate_beside_a_penalty() -> None:
    x = np.linspace(-1, 1, 64)[:, None]
    net = cp.Network([1, 4, 1], l2=1e-3)
    training = Training(net, x, x, optimizer="sgd", learning_rate=1e6, epochs=50)
    with pytest.raises(DivergenceError, match=r"learning_rate=1000000: try 0\.01$"):
        training.run()


@pytest.mark.parametrize("what", ["targets", "X"])
def test_divergence_by_huge_numbers_blames_them(what: str) -> None:
    x = np.linspace(-1, 1, 64)[:, None]
    X, Y = (x * 1e30, x) if what == "X" else (x, x * 1e30)
    training = Training(cp.Network([1, 8, 1]), X, Y, optimizer="sgd", epochs=50)
    pattern = rf"{what} of up to 1e\d+: standardise the columns, or try learning_rate=0\.0001"
    with pytest.raises(DivergenceError, match=pattern):
        training.run()


def test_after_divergence_the_least_training_cost_is_kept() -> None:
    x = np.linspace(-1, 1, 32)[:, None]
    net = cp.Network([1, 1], output="identity", bias="none")
    rates = np.r_[np.full(4 * 5, 0.1), np.full(4 * 500, 1e9)]
    training = Training(net, x, 2 * x, optimizer="sgd", batch_size=8, epochs=505, schedule=rates)
    training.advance(epochs=5)
    good = training.parameters.flat
    with pytest.raises(DivergenceError):
        training.run()
    assert (training.best.flat == good).all()
    assert training.progress.best_epoch == 5


def test_a_validation_cost_that_is_not_finite_is_divergence_too() -> None:
    X, Y = np.ones((8, 1)), np.ones((8, 1))
    training = Training(
        cp.Network([1, 1], output="identity"), X, Y, validation=(X * 1e30, Y), epochs=1
    )
    with pytest.raises(DivergenceError, match="validation cost became ∞ in epoch 1, step 1"):
        training.run()
