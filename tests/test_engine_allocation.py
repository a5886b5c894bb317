"""Nothing is allocated inside a step, nor for a row of a compiled model.

A run of many steps asks for as much memory as one of few, whether the engine holds its state or
Python does.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable

import pytest

from clearprop import _native

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
extern "C" void* realloc(void* p, std::size_t n) {
    static auto next = (void* (*)(void*, std::size_t))dlsym(RTLD_NEXT, "realloc");
    ++calls;
    return next(p, n);
}
extern "C" void* __libc_calloc(std::size_t, std::size_t);
extern "C" void* calloc(std::size_t n, std::size_t size) {
    ++calls;
    return __libc_calloc(n, size);  // dlsym itself may ask for memory by it
}
extern "C" void* memalign(std::size_t a, std::size_t n) {
    static auto next = (void* (*)(std::size_t, std::size_t))dlsym(RTLD_NEXT, "memalign");
    ++calls;
    return next(a, n);
}
using Map = void* (*)(void*, std::size_t, int, int, int, long);
extern "C" void* mmap(void* p, std::size_t n, int how, int flags, int file, long at) noexcept {
    static auto next = (Map)dlsym(RTLD_NEXT, "mmap");
    ++calls;
    return next(p, n, how, flags, file, at);
}
extern "C" void* mmap64(void* p, std::size_t n, int how, int flags, int file, long at) noexcept {
    static auto next = (Map)dlsym(RTLD_NEXT, "mmap64");
    ++calls;
    return next(p, n, how, flags, file, at);
}
extern "C" int posix_memalign(void** p, std::size_t a, std::size_t n) {
    using Next = int (*)(void**, std::size_t, std::size_t);
    static auto next = (Next)dlsym(RTLD_NEXT, "posix_memalign");
    ++calls;
    return next(p, a, n);
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
            for stands in (state, runner.hold(state)):
                asked = []
                for steps in (2, 2, 200):
                    rows = rng.integers(0, n, steps * m)
                    window = Window(rows, np.arange(steps + 1) * m, np.full(steps, 1e-3))
                    before = allocations()
                    runner.run(stands, window)
                    asked.append(allocations() - before)
                print(precision, clip, threads, type(stands).__name__, *asked)
                assert asked[0] > 0  # it is counted: Python's own arrays at least
                assert asked[2] - asked[1] < 50, asked  # Python's arrays; one a step would be 198
"""

COUNTED_ROWS = r"""
import ctypes
import numpy as np
import clearprop as cp
from clearprop.model.compiled import Compiled

allocations = ctypes.CDLL(None).allocations
allocations.restype = ctypes.c_long
net = cp.Network([20, 40, 3], cost="cross_entropy")
fast = Compiled(net, net.initial(0))
for shape in ((20,), (300, 20)):
    X, out = np.ones(shape), np.empty((*shape[:-1], 3))
    fast.predict(X, out=out)
    before = allocations()
    for _ in range(500):
        fast.predict(X, out=out)
    asked = allocations() - before
    print(*shape, asked)
    assert asked < 50, asked
"""


# Each way of asking is seen: else a step could ask by it unnoticed.
EACH = r"""
import ctypes

libc = ctypes.CDLL(None)
allocations, size, pointer = libc.allocations, ctypes.c_size_t, ctypes.c_void_p
allocations.restype = ctypes.c_long
room = pointer()
asking = {
    "malloc": ([size], [64]),
    "calloc": ([size, size], [1, 64]),
    "realloc": ([pointer, size], [None, 64]),
    "aligned_alloc": ([size, size], [64, 64]),
    "memalign": ([size, size], [64, 64]),
    "posix_memalign": ([pointer, size, size], [ctypes.addressof(room), 64, 64]),
    "mmap": ([pointer, size, *[ctypes.c_int] * 3, ctypes.c_long], [None, 4096, 3, 34, -1, 0]),
    "mmap64": ([pointer, size, *[ctypes.c_int] * 3, ctypes.c_long], [None, 4096, 3, 34, -1, 0]),
}
for name, (types, given) in asking.items():
    ask = getattr(libc, name)
    ask.argtypes = types

    def seen(times):
        before = allocations()
        for _ in range(times):
            ask(*given)
        return allocations() - before

    seen(1)
    print(name, seen(1000))
    assert seen(1000) >= 1000, name
"""


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """Run a program with its calls for memory counted; what it printed."""
    if platform.libc_ver()[0] != "glibc":
        pytest.skip("counts calls of malloc in front of glibc's")
    compiler = shutil.which("c++") or shutil.which("g++")
    if compiler is None:
        pytest.skip("there is no C++ compiler")
    folder = tmp_path_factory.mktemp("counter")
    source, library = folder / "counter.cpp", folder / "counter.so"
    source.write_text(COUNTER)
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", source, "-o", library, "-ldl"], check=True)
    environment = os.environ | {"LD_PRELOAD": str(library)}
    if not _native.bfloat16_sets():
        environment["CLEARPROP_BFLOAT16"] = "emulated"

    def run(program: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", program],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def test_every_way_to_ask_for_memory_is_counted(counted: Callable[[str], str]) -> None:
    assert counted(EACH).count("\n") == 8


def test_a_step_allocates_nothing(counted: Callable[[str], str]) -> None:
    assert counted(COUNTED).count("\n") == 24


def test_a_row_of_a_compiled_model_allocates_nothing(counted: Callable[[str], str]) -> None:
    assert counted(COUNTED_ROWS).count("\n") == 2
