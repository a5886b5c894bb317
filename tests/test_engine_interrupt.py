"""A run stops when asked, at once and between whole steps; forks and Ctrl-C do no harm."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from engine_runs import data_of, flat_of, same, window

from clearprop.engine import NativeRunner, State
from clearprop.network import Network
from clearprop.optimizers import Adam

ROOT = Path(__file__).parents[1]


def opened(width: int, m: int, **settings: object) -> tuple[NativeRunner, State]:
    network = Network([30, width, width, 2], "tanh")
    rng = np.random.default_rng(0)
    data = data_of(network, rng.normal(size=(m, 30)), rng.normal(size=(m, 2)))
    runner = NativeRunner(network.graph, Adam(1e-3), data, **settings)  # type: ignore[arg-type]
    start = flat_of(network, dict(network.initial(seed=0)))
    return runner, State.initial(start, Adam(1e-3), 0, "float32", runner.family)


@pytest.mark.parametrize(("width", "threads"), [(32, 1), (32, 3), (700, 1), (700, 2)])
def test_an_interrupted_run_holds_whole_steps_only(width: int, threads: int) -> None:
    runner, state = opened(width, 256, threads=threads)
    fresh = state.copy()
    batches = [np.arange(256)] * 20_000
    all_of_them = window(batches, 1e-4)
    threading.Timer(0.2, runner.interrupt).start()
    report = runner.run(state, all_of_them)
    assert report.why == "stopped"
    assert 0 < report.done == state.step == len(report.costs) < 20_000
    again = runner.run(fresh, window(batches[: report.done], 1e-4))
    assert again.why == "done"
    assert same(state, fresh)


def test_a_stop_question_is_asked_between_slices() -> None:
    runner, state = opened(16, 64)
    asked = iter([False, False, True])
    report = runner.run(state, window([np.arange(64)] * 200_000, 1e-4), lambda: next(asked))
    assert report.why == "stopped"
    assert 0 < report.done == state.step < 200_000


def test_an_interrupt_between_slices_stops_the_next_and_only_that() -> None:
    runner, state = opened(8, 16)
    runner.interrupt()
    assert runner.run(state, window([np.arange(16)])).why == "stopped"
    assert state.step == 0
    assert runner.run(state, window([np.arange(16)])).why == "done"


CTRL_C = """
import os, signal, sys, threading, time
import numpy as np
sys.path.insert(0, "tests")
from test_engine_interrupt import opened
from engine_runs import same, window
runner, state = opened(900, 1024, threads=2)
another, fresh = opened(900, 1024, threads=2)
steps = window([np.arange(1024)] * 10_000, 1e-4)
threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
try:
    runner.run(state, steps)
except KeyboardInterrupt:
    if state.step:
        another.run(fresh, window([np.arange(1024)] * state.step, 1e-4))
    print("interrupted", state.step < 10_000, same(state, fresh))
try:
    time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(1)
except KeyboardInterrupt:
    print("as before")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="sends a POSIX signal to itself")
def test_ctrl_c_stops_a_run_and_python_hears_it() -> None:
    run = subprocess.run(
        [sys.executable, "-c", CTRL_C],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.stdout.splitlines() == ["interrupted True True", "as before"], run.stderr


HURRY = """
import os, signal, sys, threading, time
import numpy as np
import clearprop as cp
network = cp.Network([1024, 2048, 2048, 1000], output="softmax", cost="cross_entropy")
rng = np.random.default_rng(0)
X, y = rng.normal(size=(2048, 1024)).astype(np.float32), rng.integers(1000, size=2048)
training = cp.Training(network, X, y, batch_size=512, precision="float32", epochs=10_000, seed=0)
training.advance(steps=1)
for wait in rng.uniform(0.05, 0.6, size=int(sys.argv[1])):
    pressed = []
    def press():
        pressed.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)
    threading.Timer(wait, press).start()
    try:
        training.run()
    except KeyboardInterrupt:
        print(time.monotonic() - pressed[0])
"""


@pytest.mark.prove_only
@pytest.mark.skipif(sys.platform == "win32", reason="sends a POSIX signal to itself")
def test_ctrl_c_in_a_large_network_is_obeyed_at_once(
    proof: Callable[..., None],
) -> None:
    presses = 50
    run = subprocess.run(
        [sys.executable, "-c", HURRY, str(presses)],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    waits = [float(line) for line in run.stdout.splitlines()]
    assert len(waits) == presses, run.stderr
    proof(
        "Ctrl-C in 1024-2048-2048-1000, batch 512: seconds until Python has the word again",
        presses,
        median=float(np.median(waits)),
        worst=max(waits),
        goal=0.2,
    )


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_an_ignored_ctrl_c_stays_ignored() -> None:
    """A shell's background job ignores SIGINT: the engine does not listen in its place."""
    runner, state = opened(32, 64)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
        report = runner.run(state, window([np.arange(64)] * 20_000, 1e-4))
        time.sleep(0.1)  # the signal comes while it is ignored, however fast the run was
    finally:
        signal.signal(signal.SIGINT, before)
    assert (report.why, report.done) == ("done", 20_000)


def test_a_fork_trains_as_its_parent_does() -> None:
    runner, state = opened(40, 64, threads=3)
    fresh = state.copy()
    runner.run(state, window([np.arange(64)] * 5))
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        runner.run(fresh, window([np.arange(64)] * 5))
        os.write(write, b"same" if same(state, fresh) else b"other")
        os._exit(0)
    deadline = time.monotonic() + 60
    while os.waitpid(child, os.WNOHANG)[0] == 0:
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
            pytest.fail("the child hangs")
        time.sleep(0.01)
    assert os.read(read, 10) == b"same"
