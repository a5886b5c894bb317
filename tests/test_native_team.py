"""Threads that the system refuses: the work is done by those there are, with the same bits."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import count

ROOT = Path(__file__).parents[1]

REFUSED = """
import os
import resource
import sys
import threading

import numpy as np

import clearprop as cp
from clearprop.engine import Data, NativeRunner, State, Window

rng = np.random.default_rng(0)
net, rule, n = cp.Network([9, 20, 3], "gelu", cost="cross_entropy"), cp.Adam(1e-2), 1400
data = Data({"X": rng.normal(size=(n, 9))}, {"y": rng.integers(0, 3, n)})
window = Window(rng.permutation(n), np.arange(8) * 200, np.full(7, 1e-2))


def run() -> bytes:
    runner = NativeRunner(net.graph, rule, data, threads=4)
    state = State.initial(net.initial(0).flat, rule, 0, "float32", runner.family)
    report = runner.run(state, window)
    found = runner.forward(state.parameters, data.inputs)
    nodes = runner.gradient(state, np.arange(n), float(n))
    cost = runner.evaluate(state.parameters, data)
    parts = [node.gradient for node in nodes]
    arrays = (state.parameters, report.costs, *found.values(), *parts, np.array(cost))
    return b"".join(array.tobytes() for array in arrays)


free = run()
if os.getuid() == 0:  # no limit holds for root
    os.setuid(65534)
resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))
try:
    threading.Thread(target=int).start()
    sys.exit(77)  # another kind of system
except RuntimeError:
    assert run() == free
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits the number of threads as Linux does")
def test_a_run_of_threads_that_cannot_be_started_has_the_same_bits() -> None:
    done = subprocess.run([sys.executable, "-c", REFUSED], capture_output=True, check=False)
    if done.returncode == 77:
        pytest.skip("the system starts threads beyond its limit")
    assert done.returncode == 0, done.stderr.decode()[-2000:]


SANITIZERS = ("", "thread", "address", "undefined")[: count(1, 4)]


@pytest.mark.prove
@pytest.mark.parametrize("program", ["team", "sharing"])
def test_teams_of_the_threads_there_are_share_their_work(program: str, tmp_path: Path) -> None:
    compiler = shutil.which("c++") or shutil.which("g++")
    if compiler is None:
        pytest.skip("there is no C++ compiler")
    for sanitizer in SANITIZERS:
        built = tmp_path / f"{program}{sanitizer}"
        flags = [f"-fsanitize={sanitizer}", "-fno-sanitize-recover=all"] if sanitizer else []
        sources = [ROOT / f"tests/native/{program}.cpp", ROOT / "native/threads.cpp"]
        command = [compiler, "-std=c++20", "-O1", "-pthread", *flags, *sources, "-o", built]
        subprocess.run([*map(str, command)], check=True)
        run = [str(built)]
        if sanitizer == "thread" and (setarch := shutil.which("setarch")):
            run = [setarch, "-R", *run]  # it wants its addresses without randomisation
        done = subprocess.run(run, capture_output=True, text=True, check=False, timeout=120)
        assert (done.returncode, done.stdout) == (0, "ok\n"), done.stdout + done.stderr[-2000:]


NO_ROOM = """
import resource, sys
import numpy as np
import clearprop as cp
from clearprop.engine import Data, NativeRunner, State, Window

n, free = 4096, (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
net, rule = cp.Network([20, 16384, 2], cost="cross_entropy"), cp.Adam(1e-3)
data = Data({"X": np.ones((n, 20))}, {"y": np.arange(n) % 2})
window = Window(np.arange(n), np.array([0, n]), np.array([1e-3]))

def made():
    runner = NativeRunner(net.graph, rule, data, threads=1)
    return runner, State.initial(net.initial(0).flat, rule, 0, "float32", runner.family)

runner, state = made()
room = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (room + 20_000_000, free[1]))
try:
    runner.run(state, window)
    sys.exit(77)  # another kind of system
except MemoryError:
    resource.setrlimit(resource.RLIMIT_AS, free)
runner.run(state, window)
other, expected = made()
other.run(expected, window)
assert (state.parameters == expected.parameters).all()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits the memory as Linux does")
def test_a_step_that_found_no_memory_can_be_done_once_there_is() -> None:
    done = subprocess.run([sys.executable, "-c", NO_ROOM], capture_output=True, check=False)
    if done.returncode == 77:
        pytest.skip("the system gives memory beyond its limit")
    assert done.returncode == 0, done.stderr.decode()[-2000:]
