"""Nothing is allocated inside a step: a run of many steps asks for as much memory as one of few."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

COUNTER = r"""
#include <cstdlib>
#include <atomic>
#include <dlfcn.h>
static std::atomic<long> calls{0};
extern "C" long allocations() { return calls.load(); }
extern "C" void* malloc(std::size_t n) {
    static auto next = (void* (*)(std::size_t))dlsym(RTLD_NEXT, "malloc");
    ++calls;
    return next(n);
}
extern "C" void* aligned_alloc(std::size_t a, std::size_t n) {
    static auto next = (void* (*)(std::size_t, std::size_t))dlsym(RTLD_NEXT, "aligned_alloc");
    ++calls;
    return next(a, n);
}
"""

COUNTED = r"""
import ctypes
import numpy as np
import clearprop as cp
from clearprop.engine import Data, NativeRunner, State, Window

allocations = ctypes.CDLL(None).allocations
allocations.restype = ctypes.c_long
rng = np.random.default_rng(0)
n, m = 512, 160
x = cp.Input(20)
h = cp.Dense(40, "gelu")(x)
h = h + cp.Dropout(0.2)(cp.Dense(40, "relu")(h))
net = cp.Network(inputs=x, outputs=cp.Dense(3)(h), cost="cross_entropy", l2=1e-3)
data = Data({"X": rng.normal(size=(n, 20))}, {"y": rng.integers(0, 3, n)})
data = Data({net.graph.inputs[0].key: data.inputs["X"]}, data.targets)
for precision in ("float32", "float64", "bfloat16"):
    for clip in (None, 1.0):
        for threads in (1, 2):
            optimizer = cp.Adam(1e-3)
            runner = NativeRunner(net.graph, optimizer, data, precision=precision, clip=clip,
                                  threads=threads)
            state = State.initial(net.initial(0).flat, optimizer, 0, precision, runner.family)
            asked = []
            for steps in (2, 2, 200):
                rows = rng.integers(0, n, steps * m)
                window = Window(rows, np.arange(steps + 1) * m, np.full(steps, 1e-3))
                before = allocations()
                runner.run(state, window)
                asked.append(allocations() - before)
            print(precision, clip, threads, *asked)
            assert asked[2] - asked[1] < 50, asked  # Python's arrays; one a step would be 198
"""


@pytest.mark.skipif(sys.platform != "linux", reason="counts calls of malloc in front of glibc's")
def test_a_step_allocates_nothing(tmp_path: Path) -> None:
    compiler = shutil.which("c++") or shutil.which("g++")
    if compiler is None:
        pytest.skip("there is no C++ compiler")
    source, library = tmp_path / "counter.cpp", tmp_path / "counter.so"
    source.write_text(COUNTER)
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", source, "-o", library, "-ldl"], check=True)
    environment = os.environ | {"LD_PRELOAD": str(library), "CLEARPROP_BFLOAT16": "emulated"}
    done = subprocess.run(
        [sys.executable, "-c", COUNTED],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("\n") == 12
