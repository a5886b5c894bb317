"""Ctrl-C, and another thread's call, end a run after a whole step, and it can go on."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import Any

import pytest
from training_runs import BOTH, FULL, network, outcome, table

from clearprop.training import Progress, Training


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
    training._loop._ahead = None  # else the engine looks by itself: test_training_ahead.py
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
