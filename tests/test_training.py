"""A run in slices is one run, and its history holds what a loop by hand finds."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from training_runs import BOTH, FULL, network, outcome, table

import clearprop as cp
from clearprop import philox
from clearprop.engine import Report, Window
from clearprop.errors import SettingError
from clearprop.training import Plateau, Progress, Shuffled, Training, WarmUp, Whole
from clearprop.training.sums import Sums


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


def test_sums_of_an_epoch_are_the_same_in_any_slices_and_leave_out_skipped_batches() -> None:
    rng = np.random.default_rng(3)
    sizes = rng.integers(1, 9, 40)
    borders = np.concatenate(([0], np.cumsum(sizes)))
    costs, norms, rates = rng.normal(size=40) * 1e3, rng.random(40), rng.random(40)
    weights = rng.random(borders[-1])
    weights[borders[7] : borders[8]] = 0.0
    rows = rng.permutation(borders[-1])
    batches = [rows[a:b] for a, b in itertools.pairwise(borders)]
    for given in (None, weights):
        whole, parts, expected = Sums(), Sums(), [0.0, 0.0, 0.0, 0.0]
        window = Window(rows, borders, rates)
        whole.count(window, Report(costs, norms, 40, "done"), given)
        for first, last in ((0, 1), (1, 1), (1, 17), (17, 40)):
            part = Window(
                rows[borders[first] : borders[last]],
                borders[first : last + 1] - borders[first],
                rates[first:last],
            )
            report = Report(costs[first:last], norms[first:last], last - first, "done")
            parts.count(part, report, given)
        for batch, cost, norm in zip(batches, costs.tolist(), norms.tolist(), strict=True):
            w = float(len(batch)) if given is None else math.fsum(given[batch])
            if w > 0:
                terms = (w * cost, w, norm, 1.0)
                expected = [total + term for total, term in zip(expected, terms, strict=True)]
        assert whole.totals.tobytes() == parts.totals.tobytes()
        np.testing.assert_allclose(whole.totals, expected, rtol=1e-12)
        if given is None:  # whole numbers of rows: the sum from left to right itself
            assert whole.totals.tolist() == expected
        assert (whole.cost, whole.rate) == (parts.cost, parts.rate) == (costs[-1], rates[-1])
