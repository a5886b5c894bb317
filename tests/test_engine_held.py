"""A state that the engine holds: the same bits as arrays, whole steps only, once in memory."""

from __future__ import annotations

import copy
import gc
import pickle
import subprocess
import sys
import threading
import tracemalloc
import weakref
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import count
from engine_runs import data_of, opened, same, state_of, window
from random_networks import random_case

import clearprop as cp
from clearprop.engine import NativeRunner, Precision, State, Window
from clearprop.errors import NativeError
from clearprop.optimizers import SGD, Adam
from clearprop.training import Training


@pytest.mark.prove
@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("clip", [None, 0.3])
def test_it_has_the_bits_of_arrays_whatever_is_asked_between(
    precision: Precision, clip: float | None, rng: np.random.Generator
) -> None:
    for seed in range(count(12, 300)):
        case = random_case(seed, rows=40)
        one = opened(case, Adam(0.02), precision=precision, clip=clip)
        two = opened(case, Adam(0.02), precision=precision, clip=clip)
        plain, held = state_of(case, one), two.hold(state_of(case, two))
        other = rng.normal(size=plain.parameters.size)
        for steps in (1, 3, 2):
            part = window([rng.permutation(40)[:16] for _ in range(steps)], 0.02)
            one.run(plain, part)
            two.run(held, part)
            assert same(held, plain), seed
            expected = one.evaluate(plain.parameters, one.data)
            assert two.evaluate(held, two.data) == expected or np.isnan(expected)
            two.evaluate(other, two.data)  # leaves the state alone
            for name, found in two.forward(held, two.data.inputs).items():
                np.testing.assert_array_equal(
                    found, one.forward(plain.parameters, one.data.inputs)[name]
                )


def small(rule: cp.Optimizer | None = None) -> tuple[NativeRunner, State]:
    rng = np.random.default_rng(2)
    net = cp.Network([3, 8, 2], "tanh")
    data = data_of(net, rng.normal(size=(32, 3)), rng.normal(size=(32, 2)))
    optimizer = rule or Adam(0.01)
    runner = NativeRunner(net.graph, optimizer, data, threads=1)
    return runner, State.initial(net.initial(0).flat, optimizer, 0, "float32", runner.family)


STEP = Window(np.arange(16), np.array([0, 16]), np.array([0.01]))


def test_what_is_read_is_a_copy_and_what_is_assigned_is_written() -> None:
    runner, plain = small()
    held = runner.hold(plain)
    with pytest.raises(ValueError, match="read-only"):
        held.parameters[0] = 1
    with pytest.raises(ValueError, match="read-only"):
        held.slots["m"] += 1
    changed = np.arange(plain.parameters.size, dtype=np.float32) / 100
    held.parameters = plain.parameters = changed
    held.slots["v"] = plain.slots["v"] = changed**2
    runner.run(held, STEP)
    small()[0].run(plain, STEP)
    assert same(held, plain)
    with pytest.raises(NativeError, match="numbers"):
        held.parameters = changed[1:]
    with pytest.raises(KeyError):
        held.slots["w"]


def test_a_copy_is_a_state_of_arrays_that_goes_on_with_the_same_bits() -> None:
    runner, plain = small()
    held = runner.hold(plain)
    runner.run(held, STEP)
    copy = held.copy()
    assert copy.parameters.flags.writeable and same(copy, held)
    runner.run(held, STEP)
    small()[0].run(copy, STEP)
    assert same(copy, held)


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda state: pickle.loads(pickle.dumps(state))]
)
def test_pickled_and_copied_it_is_a_state_of_arrays(copied: Callable[[State], State]) -> None:
    runner, plain = small()
    held = runner.hold(plain)
    runner.run(held, STEP)
    found = copied(held)
    assert type(found) is State and same(found, held)
    assert (found.seed, found.family) == (held.seed, held.family)
    runner.run(held, STEP)
    small()[0].run(found, STEP)
    assert same(found, held)


def test_all_slots_may_be_assigned_at_once() -> None:
    runner, plain = small()
    held = runner.hold(plain)
    slots = {"m": plain.parameters / 2, "v": plain.parameters**2}
    held.slots = {name: slots[name] for name in ("v", "m")}
    for name, slot in slots.items():
        np.testing.assert_array_equal(held.slots[name], slot)


def test_it_outlives_the_runner_that_holds_it() -> None:
    runner, plain = small()
    held = runner.hold(plain)
    runner.run(held, STEP)
    before = held.parameters.tobytes()
    runner.close()
    del runner
    gc.collect()
    assert held.parameters.tobytes() == before
    another = small()[0]
    another.run(held, STEP)
    assert held.step == 2 and held.parameters.tobytes() != before


def test_runners_in_turn_see_what_the_other_wrote() -> None:
    first, plain = small()
    second, third = small()[0], small()[0]
    held = first.hold(plain.copy())
    for turn in range(6):
        (first, second)[turn % 2].run(held, STEP)
        third.run(plain, STEP)
        assert same(held, plain), turn


def test_a_gradient_applied_changes_it_as_it_does_arrays() -> None:
    runner, plain = small()
    held = runner.hold(plain.copy())
    g = np.linspace(-1, 1, plain.parameters.size)
    assert runner.apply(held, g, 0.1) == runner.apply(plain, g, 0.1)
    assert same(held, plain)


def test_one_held_for_another_network_is_refused() -> None:
    runner, _ = small()
    net = cp.Network([3, 9, 2], "tanh")
    other = NativeRunner(net.graph, Adam(), runner.data)
    held = other.hold(State.initial(net.initial(0).flat, Adam(), 0, "float32", other.family))
    with pytest.raises(ValueError, match="another network"):
        runner.run(held, STEP)


def test_one_held_for_a_graph_of_the_same_shapes_is_refused() -> None:
    """Of which another matrix is held as its transposed copy."""
    x = cp.Input(8)
    chain = cp.Network(inputs=x, outputs=cp.Dense(8)(cp.Dense(8)(x)), cost="squared_error")
    y = cp.Input(8)
    side = cp.Network(inputs=y, outputs=cp.Dense(8)(y) + cp.Dense(8)(y), cost="squared_error")
    rows = np.random.default_rng(0).normal(size=(32, 8))
    one, two = (NativeRunner(net.graph, Adam(), data_of(net, rows, rows)) for net in (chain, side))
    flat = np.arange(144.0)
    held = one.hold(State.initial(flat, Adam(), 0, "float32", one.family))
    with pytest.raises(ValueError, match="another network"):
        two.run(held, STEP)
    assert (held.parameters == flat).all()


def test_one_held_for_another_optimizer_is_refused() -> None:
    runner, plain = small(SGD(0.1))
    held = runner.hold(plain)
    with pytest.raises(NativeError, match=r"held with the slots \(\), and the optimizer adam has"):
        small()[0].run(held, STEP)
    with pytest.raises(ValueError, match="another network, optimizer"):
        small()[0].evaluate(held, runner.data)
    reader = NativeRunner(runner.graph, None, runner.data)
    assert reader.evaluate(held, runner.data) == runner.evaluate(held, runner.data)


def test_numbers_that_are_not_finite_are_seen() -> None:
    runner, plain = small()
    held = runner.hold(plain)
    assert held.finite
    for wrong in (np.nan, np.inf, -np.inf):
        for place in (0, 13, plain.parameters.size - 1):
            flat = np.zeros(plain.parameters.size, dtype=np.float32)
            flat[place] = wrong
            held.parameters = flat
            assert not held.finite
    assert len(held.slots) == 2 and held.nbytes == 3 * plain.parameters.nbytes


def test_another_thread_reads_states_of_whole_steps_only() -> None:
    steps = 300
    runner, plain = small(SGD(0.05))
    states = {plain.parameters.tobytes()}
    for _ in range(steps):
        runner.run(plain, STEP)
        states.add(plain.parameters.tobytes())
    runner, plain = small(SGD(0.05))
    held = runner.hold(plain)
    seen: list[bytes] = []
    over = threading.Event()

    def read() -> None:
        while not over.is_set():
            seen.append(held.parameters.tobytes())

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(steps):
        runner.run(held, STEP)
    over.set()
    reader.join()
    assert seen and set(seen) <= states


def test_a_copy_taken_while_another_thread_steps_is_of_one_step() -> None:
    steps = 300
    runner, plain = small()

    def told(state: State) -> tuple[int, bytes, bytes, bytes]:
        slots = state.slots
        return state.step, state.parameters.tobytes(), slots["m"].tobytes(), slots["v"].tobytes()

    states = {told(plain)}
    for _ in range(steps):
        runner.run(plain, STEP)
        states.add(told(plain))
    runner, plain = small()
    held = runner.hold(plain)
    seen: list[tuple[int, bytes, bytes, bytes]] = []
    over = threading.Event()

    def read() -> None:
        while not over.is_set():
            seen.append(told(held.copy()))

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(steps):
        runner.run(held, STEP)
    over.set()
    reader.join()
    assert seen and set(seen) <= states


FORKED = """
import os, sys, threading, time
import numpy as np
import clearprop as cp
from clearprop.engine import Data, NativeRunner, State, Window
from clearprop.errors import NativeError

net, n = cp.Network([200, 400, 400, 2]), 2000
rng = np.random.default_rng(0)
data = Data({"X": rng.normal(size=(n, 200))}, {"y": rng.normal(size=(n, 2))})
rule = cp.Adam(1e-4)
runner = NativeRunner(net.graph, rule, data, threads=1)
held = runner.hold(State.initial(net.initial(0).flat, rule, 0, "float32", runner.family))
steps = 20_000
window = Window(np.resize(np.arange(n), steps * 500), np.arange(steps + 1) * 500,
                np.full(steps, 1e-4))
before = held.parameters.tobytes()
thread = threading.Thread(target=runner.run, args=(held, window))
thread.start()
time.sleep(0.3)
if os.fork() == 0:
    try:
        held.parameters
    except NativeError as error:
        os._exit(7 if "forked" in str(error) else 1)
    os._exit(2)
_, status = os.wait()
runner.interrupt()
thread.join()
assert held.step > 0 and held.parameters.tobytes() != before
if os.fork() == 0:  # with nobody in the middle of a step, a child has it as its parent has
    os._exit(0 if held.parameters.tobytes() != before else 3)
_, after = os.wait()
sys.exit(os.waitstatus_to_exitcode(status) * 10 + os.waitstatus_to_exitcode(after))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_a_fork_in_the_middle_of_a_step_is_refused_and_does_not_wait() -> None:
    done = subprocess.run([sys.executable, "-c", FORKED], timeout=60, check=False)
    assert done.returncode == 70


def test_training_keeps_the_state_once_and_the_best_beside_it() -> None:
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(256, 300)).astype(np.float32), rng.integers(0, 2, 256)
    net = cp.Network([300, 1200, 1200, 2], cost="cross_entropy")
    size = 4 * net.graph.size
    tracemalloc.start()
    try:
        run = Training(net, X, Y, batch_size=64, epochs=3)
        run.advance(steps=1)
        tracemalloc.reset_peak()
        now, _ = tracemalloc.get_traced_memory()
        assert now < 1.6 * size  # of NumPy's arrays, the best alone
        run.run()
        _, peak = tracemalloc.get_traced_memory()
        assert peak < 1.6 * size
    finally:
        tracemalloc.stop()


def test_a_checkpoint_takes_one_vector_more_and_resuming_what_the_file_holds(
    tmp_path: Path,
) -> None:
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(64, 300)).astype(np.float32), rng.integers(0, 2, 64)
    net = cp.Network([300, 1200, 1200, 2], cost="cross_entropy")
    size = 4 * net.graph.size
    run = Training(net, X, Y, epochs=2)
    run.advance(epochs=1)
    run.save(tmp_path / "warm")  # what is imported and fingerprinted once
    again = Training(net, X, Y, epochs=2)
    tracemalloc.start()
    try:
        run.save(tmp_path / "run")
        _, saving = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        again.restore(tmp_path / "run")
        _, resuming = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert saving < 1.1 * size  # one part of the state after the other
    assert resuming < 4.1 * size  # parameters, two slots and the best
    run.run()
    again.run()
    assert same(run.state, again.state)


def test_a_run_let_go_gives_its_memory_back_at_once() -> None:
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(64, 3)), rng.normal(size=(64, 1))
    gc.disable()
    try:
        run = Training(cp.Network([3, 8, 1]), X, Y, epochs=2, callbacks=[lambda now: False])
        run.run()
        left = weakref.ref(run), weakref.ref(run._runner), weakref.ref(run._books._best)
        del run
        assert [one() for one in left] == [None, None, None]
    finally:
        gc.enable()
