"""Whatever ends a run, its state is that of whole steps: a handler that raises included."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from conftest import count

from clearprop.engine import Data, NativeRunner, ReferenceRunner, State, Window
from clearprop.network import Network
from clearprop.optimizers import Adam
from clearprop.training import Training


class PressedError(Exception):
    """What the handler of these tests raises, wherever Python happens to be."""


@pytest.fixture
def raising() -> Iterator[None]:
    def handle(number: int, frame: Any) -> None:
        raise PressedError

    before = signal.signal(signal.SIGINT, handle)
    yield
    signal.signal(signal.SIGINT, before)


def press(after: float) -> threading.Thread:
    """Send the signal to this process a little later."""

    def send() -> None:
        time.sleep(after)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=send)
    thread.start()
    return thread


@pytest.mark.prove
@pytest.mark.parametrize("engine", ["native", "held", "reference"])
def test_a_run_ended_by_an_exception_holds_whole_steps(
    engine: str, raising: None, rng: np.random.Generator
) -> None:
    network, n, m = Network([6, 16, 2]), 640, 32
    steps = 400 if engine == "reference" else 40_000
    data = Data({"X": rng.normal(size=(n, 6))}, {"y": rng.normal(size=(n, 2))})
    rows = np.resize(np.arange(n), steps * m)
    window = Window(rows, np.arange(steps + 1) * m, np.full(steps, 1e-3))
    start = network.initial(0).flat
    optimizer = Adam(1e-3)

    def opened() -> Any:
        if engine == "reference":
            return ReferenceRunner(network.graph, optimizer, data)
        return NativeRunner(network.graph, optimizer, data, precision="float64", threads=1)

    ended, state = 0, State.initial(start, optimizer, 0, "float64", "fma")
    for delay in rng.uniform(0.001, 0.05, size=count(10, 100)):
        runner = opened()
        state = State.initial(start, optimizer, 0, "float64", runner.family)
        try:
            press(delay)
            while True:
                state = State.initial(start, optimizer, 0, "float64", runner.family)
                if engine == "held":
                    state = runner.hold(state)
                runner.run(state, window)
        except PressedError:
            pass
        ended += 0 < state.step < steps
        assert runner.broken_off().done in (state.step, state.step - 1, 0)
        again = State.initial(start, optimizer, 0, "float64", runner.family)
        part = Window(rows, window.borders[: state.step + 1], window.rates[: state.step])
        if state.step:
            opened().run(again, part)
        np.testing.assert_array_equal(state.parameters, again.parameters)
        for slot in optimizer.slots:
            np.testing.assert_array_equal(state.slots[slot], again.slots[slot])
    assert ended  # some were stopped in the midst of a window


@pytest.mark.prove
def test_a_training_goes_on_after_a_handler_that_raises_as_if_nothing_had_been(
    raising: None, rng: np.random.Generator
) -> None:
    X, Y = rng.normal(size=(3_200, 6)), rng.normal(size=(3_200, 2))

    def made() -> Training:
        return Training(Network([6, 16, 2]), X, Y, batch_size=16, epochs=40, seed=5, threads=1)

    whole = made()
    whole.run()
    for delay in rng.uniform(0.001, 0.03, size=count(8, 60)):
        broken = made()
        try:
            thread = press(delay)
            while not broken.finished:
                broken.advance(steps=500)
            thread.join()
            time.sleep(0.01)  # the handler runs here at the latest
        except PressedError:
            pass
        if not broken.finished:
            broken.run()
        np.testing.assert_array_equal(broken.state.parameters, whole.state.parameters)
        np.testing.assert_array_equal(broken.history["cost"], whole.history["cost"])
