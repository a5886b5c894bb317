"""A compiled model predicts what the model predicts, one row or many, from any thread."""

from __future__ import annotations

import itertools
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from random_networks import random_case

import clearprop as cp
from clearprop.errors import DataError, NativeError, ShapeError
from clearprop.model.compiled import Compiled


def made(members: int = 0) -> tuple[cp.Network, np.ndarray]:
    x = cp.Input(5)
    h = cp.Dense(20, "tanh")(x)
    out = cp.Dense(3, members=members)(h) if members else cp.Dense(3)(h)
    net = cp.Network(inputs=x, outputs=out, cost="cross_entropy")
    return net, np.random.default_rng(0).normal(size=(300, 5))


@pytest.mark.parametrize("members", [0, 3])
def test_rows_and_batches_are_the_networks(members: int) -> None:
    net, X = made(members)
    p = net.initial(1)
    fast = Compiled(net, p)
    exact = net.forward(p, X)
    exact = exact.mean(axis=0) if exact.ndim == 3 else exact
    assert np.abs(fast.predict(X) - exact).max() < 1e-12
    out = np.empty(3)
    for row in (0, 127, 128, 299):
        assert fast.predict(X[row], out=out) is out
        assert out.tobytes() == fast.predict(X)[row].tobytes()
    assert (fast.predict(np.asfortranarray(X)[::2]) == fast.predict(X)[::2]).all()
    assert np.abs(fast.predict(X.astype(np.float32)) - exact).max() < 1e-5


def test_random_networks_with_one_input() -> None:
    tried = 0
    for seed in range(40):
        case = random_case(seed, rows=9)
        graph = case.network.graph
        if len(graph.inputs) != 1 or len(graph.outputs) != 1 or graph.inputs[0].levels:
            continue
        tried += 1
        parameters = case.network.initial(seed)
        X = next(iter(case.X.values())) if isinstance(case.X, dict) else case.X
        exact = case.network.forward(parameters, case.X)
        exact = exact.mean(axis=0) if np.ndim(exact) == 3 else exact
        assert np.allclose(Compiled(case.network, parameters).predict(X), exact, 1e-9, 1e-12)
    assert tried > 5


def test_the_model_gives_it_and_keeps_it() -> None:
    net, X = made()
    model = cp.train(net, X, np.digitize(X[:, 0], [-0.5, 0.5]), epochs=1)
    assert model.compiled is model.compiled
    assert np.abs(model.compiled.predict(X[:7]) - model.predict_probabilities(X[:7])).max() < 1e-6


def test_nothing_is_allocated_for_a_row() -> None:
    net, X = made()
    fast, out = Compiled(net, net.initial(0)), np.empty(3)
    row = X[0]
    fast.predict(row, out=out)
    tracemalloc.start()
    before = tracemalloc.take_snapshot()
    for _ in range(500):
        fast.predict(row, out=out)
    after = tracemalloc.take_snapshot()
    tracemalloc.stop()
    changes = after.compare_to(before, "filename")
    grown = sum(one.size_diff for one in changes if "compiled" in str(one))
    assert grown < 500  # less than one byte a call


def test_many_threads_take_turns() -> None:
    net, X = made()
    fast = Compiled(net, net.initial(0))
    expected = fast.predict(X)
    wrong: list[int] = []

    def work(number: int) -> None:
        out = np.empty(3)
        for row in range(number, 300, 3):
            if (fast.predict(X[row], out=out) != expected[row]).any():
                wrong.append(row)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert not wrong


@pytest.fixture
def unasked() -> Iterator[None]:
    """For a test's length no thread gives up the interpreter's lock because others want it."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1000.0)
    yield
    sys.setswitchinterval(before)


def at_work_beside(call: Callable[[], object]) -> bool:
    """Whether another thread comes to run Python while `call` is called again and again."""
    begin, ran = threading.Lock(), threading.Event()
    begin.acquire()
    other = threading.Thread(target=lambda: (begin.acquire(), ran.set()))
    other.start()
    begin.release()  # from here on only `call` can give up the lock
    for _ in range(200):
        call()
        if ran.is_set():
            break
    found = ran.is_set()
    other.join()
    return found


@pytest.mark.usefixtures("unasked")
def test_another_thread_runs_python_meanwhile() -> None:
    net = cp.Network([64, 256, 256, 8], "tanh")
    parameters = [net.initial(seed) for seed in range(2)]
    fast, X, out = Compiled(net, parameters[0]), np.zeros((2000, 64)), np.empty((2000, 8))
    turn = itertools.cycle(parameters)
    assert not at_work_beside(lambda: sum(range(20_000)))  # which keeps the lock
    assert at_work_beside(lambda: fast.predict(X, out=out))
    assert at_work_beside(lambda: fast.use(next(turn)))


def test_batches_of_many_threads_at_once_have_the_bits_of_one() -> None:
    net, X = made()
    fast = Compiled(net, net.initial(0))
    batches = [X[first:] for first in range(8)]
    expected = [fast.predict(batch).tobytes() for batch in batches]
    together, found = threading.Barrier(len(batches)), [list[bytes]() for _ in batches]

    def work(number: int) -> None:
        together.wait()
        for _ in range(50):
            found[number].append(fast.predict(batches[number]).tobytes())

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(batches))]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert found == [[bits] * 50 for bits in expected]


def test_a_model_predicts_many_rows_from_many_threads_as_from_one() -> None:
    """Unlike a compiled one they are no few: passes of an engine whose memory is one for all."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(4000, 20)).astype(np.float32)
    net = cp.Network([20, 64, 64, 2], cost="cross_entropy")
    model = cp.train(net, X, X[:, 0] > 0, epochs=1)
    table = cp.TabularClassifier(preset="fast", max_steps=2, random_state=0)
    table.fit(X[:300], X[:300, 0] + X[:300, 1] > 0)
    for predict in (model.predict_probabilities, table.predict_proba):
        parts = [slice(start, start + 200) for start in range(0, 4000, 200)]
        expected = [predict(X[part]).tobytes() for part in parts]
        with ThreadPoolExecutor(4) as pool:
            for _ in range(5):
                found = list(pool.map(lambda part: predict(X[part]).tobytes(), parts))  # noqa: B023
                assert found == expected


FORKED = """
import os, sys, threading, time
import numpy as np
import clearprop as cp
from clearprop.errors import NativeError

rows, of = np.zeros((4096, 54), np.float32), int(sys.argv[1])
net = cp.Network([54, 512, 512, 2], cost="cross_entropy")
model = cp.train(net, rows[:64], np.arange(64) % 2, epochs=1)
predict = model.compiled.predict if of == 0 else model.predict_probabilities
many = rows[:of] if of else rows
expected = predict(rows[:2])
ends = threading.Event()

def work():
    while not ends.is_set():
        predict(many)

thread = threading.Thread(target=work)
thread.start()
time.sleep(0.2)
for _ in range(5):
    if os.fork() == 0:
        try:
            os._exit(0 if (predict(rows[:2]) == expected).all() else 3)
        except NativeError as error:
            os._exit(7 if "forked" in str(error) else 1)
    _, status = os.wait()
    code = os.waitstatus_to_exitcode(status)
    if code not in ((0, 7) if of == 0 else (0,)):
        break
else:
    code = 0
ends.set()
thread.join()
sys.exit(code)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
@pytest.mark.parametrize("rows", [0, 32, 4096], ids=["compiled", "few rows", "many rows"])
def test_a_process_forked_in_the_middle_of_a_prediction_does_not_wait(rows: int) -> None:
    """A model predicts there, and a compiled one does, or says that it was forked."""
    done = subprocess.run([sys.executable, "-c", FORKED, str(rows)], timeout=60, check=False)
    assert done.returncode == 0


def test_where_the_outputs_would_be_rows_still_to_be_read_they_are_refused() -> None:
    net = cp.Network([4, 8, 4])
    fast, X = Compiled(net, net.initial(0)), np.random.default_rng(0).normal(size=(2000, 4))
    expected = fast.predict(X)
    with pytest.raises(ShapeError, match="sharing memory with X"):
        fast.predict(X[:-1], out=X[1:])
    given = X.copy()
    assert (fast.predict(given, out=given) == expected).all()
    locked = np.empty_like(X)
    locked.flags.writeable = False
    for out, said in ((locked, "read-only"), (np.empty((4, 2000)).T, "not contiguous")):
        with pytest.raises(ShapeError, match=f"{said}$"):
            fast.predict(X, out=out)


def test_wrong_shapes_and_networks_are_refused() -> None:
    net, X = made()
    fast = Compiled(net, net.initial(0))
    for x, out in (
        (X[:, :4], None), (X[0, :4], None), (X.astype(int), None), ([1.0] * 5, None), (X[0], X[0]),
        (X[0], np.empty(3, np.float32)), (X, np.empty(3)), (X[:2], np.empty((3, 3))),
    ):  # fmt: skip
        with pytest.raises(ShapeError, match=r"compiled\.predict: X has to be"):
            fast.predict(x, out=out)
    k = cp.Input(levels=4)
    indexed = cp.Network(inputs=k, outputs=cp.Dense(2)(cp.Embedding(3)(k)), cost="cross_entropy")
    with pytest.raises(NativeError, match="one input of numbers"):
        Compiled(indexed, indexed.initial(0))


def test_few_rows_are_checked_as_many_are(rng: np.random.Generator) -> None:
    X = rng.normal(size=(100, 3))
    model = cp.train(cp.Network([3, 4, 2], cost="cross_entropy"), X, X[:, 0] > 0, epochs=2)
    for wrong in (np.nan, np.inf, -np.inf, 1e39, 1e300):
        for dtype in (np.float32, np.float64):
            many = X.copy()
            many[1, 2] = wrong
            with np.errstate(over="ignore"):
                many = many.astype(dtype)
            told = []
            for rows in (many[:2], many, np.asfortranarray(many[:2]), many[:2].tolist()):
                with pytest.raises(DataError) as error:
                    model.predict(rows)
                told.append(str(error.value))
            assert len(set(told)) == 1, told
    for dtype in (np.float32, np.float64):
        rows = (X * 1e25).astype(dtype)  # their squares overflow float32, they do not
        assert (model.predict(rows[:4]) == model.predict(rows)[:4]).all()
    with pytest.raises(ShapeError, match=r"X: expected shape \(n, 3\)"):
        model.predict(X[:2, :2])
    assert model.predict(X[:0]).shape == (0,)
