"""A run in slices is one run; it ends when it should, and says why."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import clearprop as cp
from clearprop import philox
from clearprop.errors import DataError, DivergenceError, NativeError, SettingError
from clearprop.expressions import primitive
from clearprop.operations import TABLE, Function
from clearprop.training import Plateau, Progress, Shuffled, Training, WarmUp, Whole

BOTH = pytest.mark.parametrize("engine", ["reference", "native"])


def table(n: int = 150, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 4))
    return X, (X[:, 0] * X[:, 1] + 0.3 * rng.normal(size=n) > 0).astype(np.int64)


def network(**settings: Any) -> cp.Network:
    return cp.Network([4, 6, 2], "tanh", cost="cross_entropy", **settings)


def outcome(training: Training) -> tuple[bytes, bytes, bytes, list[Any], str]:
    """All that must not depend on slices: everything but the time it took."""
    state = training.state
    columns = training.history.to_array()[:, :-1]
    slots = b"".join(slot.tobytes() for slot in state.slots.values())
    return (
        state.parameters.tobytes() + slots,
        training.best.flat.tobytes(),
        columns.tobytes(),
        training.history.events,
        training.why,
    )


FULL: dict[str, Any] = {
    "epochs": 9, "batch_size": 16, "validation": 0.2, "learning_rate": 0.02, "clip": 0.5,
    "schedule": "one_cycle", "seed": 5, "patience": 3,
}  # fmt: skip


# -- slices ---------------------------------------------------------------------------------------
@BOTH
@pytest.mark.parametrize("slicing", ["one", "seven", "random", "epochs", "seconds", "mixed"])
def test_slices_give_the_bits_of_one_run(engine: Any, slicing: str) -> None:
    X, Y = table()
    w = np.random.default_rng(1).integers(0, 3, size=150)
    made: Callable[[], Training] = lambda: Training(  # noqa: E731
        network(l2=1e-3, dropout=0.2), X, Y, engine=engine, sample_weight=w, **FULL
    )
    whole = made()
    whole.run()
    rng = np.random.default_rng(len(slicing))
    sliced = made()
    while not sliced.finished:
        match slicing if slicing != "mixed" else rng.choice(["one", "random", "epochs"]):
            case "one":
                sliced.advance(steps=1)
            case "seven":
                sliced.advance(steps=7)
            case "random":
                sliced.advance(steps=int(rng.integers(1, 20)))
            case "epochs":
                sliced.advance(epochs=1)
            case _:
                sliced.advance(seconds=1e-9)
    assert outcome(sliced) == outcome(whole)
    assert whole.step == 9 * 8
    assert len(whole.history) == 9


@BOTH
def test_advance_does_what_it_is_told(engine: Any) -> None:
    X, Y = table(100)
    training = Training(network(), X, Y, batch_size=30, epochs=5, engine=engine)
    assert training.advance(steps=3).step == 3
    assert training.advance(epochs=1).step == 4
    progress = training.advance(epochs=2)
    assert (progress.step, progress.epoch, progress.finished) == (12, 3, False)
    assert training.advance(steps=1000).step == 20
    assert training.progress.why == "complete"
    assert training.advance(steps=1).step == 20


def test_the_native_engine_and_the_reference_agree_on_a_run() -> None:
    X, Y = table()
    runs = [
        Training(network(l2=1e-3, dropout=0.2), X, Y, engine=engine, precision="float64", **FULL)
        for engine in ("reference", "native")
    ]
    for run in runs:
        run.run()
    reference, native = runs
    np.testing.assert_allclose(native.best.flat, reference.best.flat, rtol=0, atol=1e-10)
    np.testing.assert_allclose(
        native.history.to_array()[:, :-1], reference.history.to_array()[:, :-1], rtol=1e-9
    )


def test_threads_change_no_bits() -> None:
    X, Y = table(1000)
    runs = [Training(network(), X, Y, threads=n, batch_size=400, epochs=3) for n in (1, 2, 3)]
    for run in runs:
        run.run()
    assert len({run.best.flat.tobytes() for run in runs}) == 1


def test_the_same_seed_gives_the_same_bits_and_another_seed_others() -> None:
    X, Y = table()
    bits = []
    for seed in (1, 1, 2):
        training = Training(network(), X, Y, seed=seed, epochs=2)
        training.run()
        bits.append(training.best.flat.tobytes())
    assert bits[0] == bits[1] != bits[2]


# -- what a step takes ----------------------------------------------------------------------------
@pytest.mark.parametrize(("n", "size"), [(10, 3), (7, 7), (1, 1), (100, 32), (5, 9)])
def test_an_epoch_takes_every_row_once_and_windows_agree(n: int, size: int) -> None:
    batches = Shuffled(n, size)
    for epoch in range(3):
        start = epoch * batches.epoch
        rows, borders = batches.window(4, start, start + batches.epoch)
        assert sorted(rows.tolist()) == list(range(n))
        assert rows.tolist() == philox.permutation(4, epoch, n).tolist()
        assert borders[-1] == n
        assert set(np.diff(borders)[:-1].tolist()) <= {size}
        parts = [batches.window(4, start + i, start + i + 1) for i in range(batches.epoch)]
        assert np.concatenate([part for part, _ in parts]).tolist() == rows.tolist()
        assert [int(b[-1]) for _, b in parts] == np.diff(borders).tolist()


def test_only_the_rows_given_are_taken() -> None:
    own = np.array([3, 8, 9, 20, 31])
    rows, _ = Shuffled(own, 2).window(0, 3, 6)
    assert sorted(rows.tolist()) == own.tolist()
    rows, borders = Whole(own).window(0, 5, 7)
    assert rows.tolist() == own.tolist() * 2
    assert borders.tolist() == [0, 5, 10]


def test_a_full_batch_run_on_a_quadratic_is_the_closed_form() -> None:
    x = np.random.default_rng(0).normal(size=(30, 1))
    net = cp.Network([1, 1], output="identity", bias="none")
    training = Training(
        net, x, 3 * x, optimizer=cp.SGD(0.1), batch_size="full", epochs=40, engine="reference"
    )
    w0 = float(training.parameters["W1"][0, 0])
    progress = training.run()
    curve = float((x**2).mean())
    w = 3 + (w0 - 3) * (1 - 0.1 * curve) ** np.arange(41)  # w_t of ½ (w − 3)² x̄²
    assert float(training.best["W1"][0, 0]) == pytest.approx(w[-1], rel=1e-12)
    np.testing.assert_allclose(training.history["cost"], (w[:-1] - 3) ** 2 * curve / 2, rtol=1e-11)
    assert (progress.epoch, progress.step) == (40, 40)


# -- figures --------------------------------------------------------------------------------------
@BOTH
def test_history_holds_what_a_loop_by_hand_finds(engine: Any) -> None:
    """Epoch cost, validation cost, rate and norm, from the exact network and its gradient alone."""
    X, Y = table(50)
    Xv, Yv = table(20, seed=1)
    w = np.random.default_rng(2).uniform(0.5, 2, size=50)
    w[philox.permutation(3, 1, 50)[8:16]] = 0  # the second batch of the second epoch
    net = network(l2=0.01)
    training = Training(
        net, X, Y, optimizer=cp.SGD(0.5), batch_size=8, epochs=3, seed=3, sample_weight=w,
        validation=(Xv, Yv), clip=0.3, schedule="cosine", engine=engine, precision="float64",
    )  # fmt: skip
    training.run()
    p = net.initial(3)
    t, skipped = 0, 0
    for epoch in range(3):
        order = philox.permutation(3, epoch, 50)
        costs, norms, weights = [], [], []
        for start in range(0, 50, 8):
            rows = order[start : start + 8]
            rate = 0.25 * (1 + np.cos(np.pi * t / 21))
            t += 1
            if w[rows].sum() == 0:
                skipped += 1
                continue
            costs.append(net.cost(p, X[rows], Y[rows], w[rows]))
            g = net.gradient(p, X[rows], Y[rows], w[rows])
            norms.append(np.linalg.norm(g.flat))
            weights.append(w[rows].sum())
            p.flat[...] -= rate * g.flat * min(1, 0.3 / norms[-1])
        row = dict(zip(training.history.columns, training.history.rows[epoch], strict=True))
        assert row["epoch"] == epoch + 1
        assert row["steps"] == t
        assert row["cost"] == pytest.approx(np.average(costs, weights=weights), rel=1e-10)
        assert row["norm"] == pytest.approx(np.mean(norms), rel=1e-10)
        assert row["validation_cost"] == pytest.approx(net.cost(p, Xv, Yv), rel=1e-10)
        assert row["learning_rate"] == pytest.approx(rate, rel=1e-12)
        assert row["skipped"] == skipped
    assert skipped == 1
    assert [event.kind for event in training.history.events] == ["skipped"]
    np.testing.assert_allclose(training.parameters.flat, p.flat, rtol=0, atol=1e-11)


def test_a_metric_is_kept_and_may_be_watched() -> None:
    X, Y = table(300)

    def accuracy(y: np.ndarray, output: np.ndarray) -> float:
        return float((output.argmax(1) == y).mean())

    training = Training(
        network(), X, Y, validation=0.3, metric=accuracy, monitor="metric", epochs=30,
        learning_rate=0.02,
    )  # fmt: skip
    progress = training.run()
    column = training.history["validation_metric"]
    assert progress.best == column.max()
    assert progress.best_epoch == int(column.argmax()) + 1
    rows = training.validation_rows
    assert rows is not None
    best = network().forward(training.best, X[rows])
    assert accuracy(Y[rows], best) == progress.best


def test_before_an_epoch_is_judged_the_present_parameters_are_the_best() -> None:
    """Interrupted in its first epoch, a run has learnt more than its initial values know."""
    X, Y = table(300)
    training = Training(network(), X, Y, validation=0.2, batch_size=10)
    training.advance(steps=5)
    assert (training.best.flat == training.parameters.flat).all()
    never = Training(
        network(), X, Y, validation=0.2, metric=lambda y, output: float("nan"), monitor="metric",
        patience=3,
    )  # fmt: skip
    progress = never.run()
    assert (progress.why, progress.epoch, progress.best_epoch) == ("early_stopping", 3, 0)
    assert (never.best.flat == never.parameters.flat).all()
    told = never.history.events[-1].text
    assert told.endswith("no progress for 3 epochs, as the watched figure was no number in any")


@pytest.mark.parametrize("given", ["0.5 or so", None, np.zeros(2), {}])
def test_a_metric_that_gives_no_number_is_refused(given: Any) -> None:
    X, Y = table()
    training = Training(network(), X, Y, validation=0.2, metric=lambda y, output: given)
    with pytest.raises(SettingError, match="metric must return a number, got "):
        training.run()


def test_validation_rows_are_a_share_with_classes_in_proportion() -> None:
    X, _ = table(200)
    Y = np.repeat([0, 1], [150, 50])
    training = Training(network(), X, Y, validation=0.2, epochs=1)
    rows = training.validation_rows
    assert rows is not None
    assert np.bincount(Y[rows]).tolist() == [30, 10]
    taken, _ = training.batches.window(0, 0, training.batches.epoch)
    assert sorted([*taken.tolist(), *rows.tolist()]) == list(range(200))
    again = Training(network(), X + 1, Y, validation=0.2, epochs=1).validation_rows
    assert again is not None
    assert again.tolist() == rows.tolist()  # of the seed and the row, not of what is in it


# -- the end --------------------------------------------------------------------------------------
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


# -- events, callbacks, schedules -----------------------------------------------------------------
def test_a_callback_is_told_after_each_epoch_and_may_stop() -> None:
    X, Y = table()
    seen: list[int] = []

    def stop_at_three(progress: Progress) -> bool:
        seen.append(progress.epoch)
        return progress.epoch == 3

    class Keeps:
        def __init__(self) -> None:
            self.costs: list[float] = []

        def __call__(self, progress: Progress) -> None:
            self.costs.append(progress.cost)

    keeps = Keeps()
    training = Training(network(), X, Y, callbacks=[keeps, stop_at_three])
    assert training.run().why == "callback"
    assert seen == [1, 2, 3]
    assert keeps.costs == training.history["cost"].tolist()
    assert training.history.events[-1].text == "stopped by a callback after epoch 3"


def test_a_plateau_lowers_the_rate_and_says_so() -> None:
    X, Y = table(60)
    training = Training(
        network(), X, Y, schedule=Plateau(factor=0.5, patience=2, min_delta=10.0), epochs=7,
        learning_rate=0.01,
    )  # fmt: skip
    training.run()
    expected = 0.01 * np.array([1, 1, 1, 0.5, 0.5, 0.25, 0.25])
    np.testing.assert_allclose(training.history["learning_rate"], expected, rtol=1e-15)
    events = [event for event in training.history.events if event.kind == "learning_rate"]
    assert [(event.epoch, event.text) for event in events] == [
        (3, "learning rate changed from 0.01 to 0.005"),
        (5, "learning rate changed from 0.005 to 0.0025"),
    ]


def test_a_plateau_behind_a_warm_up_says_so_too() -> None:
    """What the rise does to every step is no event; what is made of the epochs' costs is."""
    X, Y = table(60)
    schedule = WarmUp(Plateau(factor=0.5, patience=2, min_delta=10.0), share=0.25)
    training = Training(
        network(), X, Y, schedule=schedule, epochs=8, learning_rate=0.01, batch_size=30
    )
    training.run()
    rates = 0.01 * np.array([0.5, 1, 1, 0.5, 0.5, 0.25, 0.25, 0.125])
    np.testing.assert_allclose(training.history["learning_rate"], rates, rtol=1e-15)
    told = [(event.kind, event.epoch, event.text) for event in training.history.events]
    assert told == [
        ("learning_rate", 3, "learning rate changed from 0.01 to 0.005"),
        ("learning_rate", 5, "learning rate changed from 0.005 to 0.0025"),
        ("learning_rate", 7, "learning rate changed from 0.0025 to 0.00125"),
    ]


def test_the_callers_rates_drive_the_run() -> None:
    X, Y = table(64)
    rates = np.linspace(0.01, 0.02, 8)
    training = Training(network(), X, Y, schedule=rates, batch_size=32, epochs=4)
    training.run()
    assert training.history["learning_rate"].tolist() == rates[1::2].tolist()


# -- Ctrl-C ---------------------------------------------------------------------------------------
def assert_same_but_for_interruptions(training: Training, whole: Training) -> None:
    events = training.history.events
    events[:] = [event for event in events if event.kind != "interrupted"]
    assert outcome(training) == outcome(whole)


@BOTH
def test_ctrl_c_ends_after_a_whole_step_and_the_run_can_go_on(engine: Any) -> None:
    X, Y = table()
    epochs = 60 if engine == "reference" else 2000
    settings = FULL | {"epochs": epochs, "patience": epochs}
    whole = Training(network(), X, Y, engine=engine, **settings)
    whole.run()
    training = Training(network(), X, Y, engine=engine, **settings)
    interrupted = 0
    handler = signal.getsignal(signal.SIGINT)
    while not training.finished:
        timer = threading.Timer(0.01, os.kill, (os.getpid(), signal.SIGINT))
        try:
            if interrupted < 10:
                timer.start()
            training.run()
            if interrupted < 10:
                timer.join()
        except KeyboardInterrupt:
            interrupted += 1
        assert signal.getsignal(signal.SIGINT) is handler
    assert interrupted
    told = [event for event in training.history.events if event.kind == "interrupted"]
    assert 1 <= len(told) <= interrupted
    assert_same_but_for_interruptions(training, whole)


@pytest.mark.parametrize("presses", [1, 2])
def test_an_interruption_is_told_whoever_listens_to_ctrl_c(presses: int) -> None:
    """A handler of one's own, as the command line has; a second Ctrl-C raises at once."""
    X, Y = table()

    def own(number: int, frame: Any) -> None:
        raise KeyboardInterrupt

    def press(progress: Progress) -> None:
        if progress.epoch == 2:
            for _ in range(presses):
                os.kill(os.getpid(), signal.SIGINT)
                time.sleep(0.01)

    before = signal.signal(signal.SIGINT, own)
    try:
        training = Training(network(), X, Y, **FULL, callbacks=press)
        with pytest.raises(KeyboardInterrupt):
            training.run()
    finally:
        signal.signal(signal.SIGINT, before)
    told = training.history.events[-1]
    assert (told.kind, told.epoch, told.step) == ("interrupted", 2, 16)
    assert told.text == "interrupted after step 16"


def test_ctrl_c_during_a_look_at_the_validation_rows_repeats_the_look() -> None:
    X, Y = table()
    whole = Training(network(), X, Y, **FULL)
    whole.run()
    training = Training(network(), X, Y, **FULL)
    runner = training._runner
    honest, calls = runner.evaluate, 0

    def evaluate(parameters: Any, data: Any) -> float:
        nonlocal calls
        calls += 1
        if calls == 3:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0)
            return -1.0  # what an interrupted look may give
        return honest(parameters, data)

    runner.evaluate = evaluate  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        training.run()
    assert training.epoch == 2
    training.run()
    assert_same_but_for_interruptions(training, whole)


def test_another_thread_may_ask_to_return_early() -> None:
    X, Y = table()
    training = Training(network(), X, Y, epochs=1_000_000)
    timer = threading.Timer(0.02, training.interrupt)
    timer.start()
    progress = training.run()
    timer.join()
    assert not progress.finished
    assert 0 < progress.step < training.steps
    assert training.advance(steps=1).step == progress.step + 1


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
