"""What the machine can do at most: the fastest product of large matrices, and copied bytes."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from benchmarks.timing import seconds_of
from clearprop.engine import Data, NativeRunner, Precision
from clearprop.network import Network

__all__ = ["peaks", "product_of"]

PRECISIONS: tuple[Precision, ...] = ("float32", "bfloat16")


def product_of(A: np.ndarray[Any, Any], precision: Precision, threads: int) -> Callable[[], Any]:
    """Return a product of our own, A · Wᵀ: a network of one layer, its packing inside."""
    n = len(A)
    net = Network([n, n], "identity", cost="squared_error", output="identity", bias="none")
    flat = np.full(n * n, 1 / n, np.float32)
    runner = NativeRunner(
        net.graph, None, Data({"X": A[:1]}, {}), precision=precision, threads=threads
    )
    return lambda: runner.forward(flat, {"X": A})


def peaks(rounds: int, size: int = 4096) -> dict[str, Any]:
    """Return GFLOP/s of products of size³ by whoever is here, the best of a few rounds.

    On all cores; and on one, by what can be held to one within this process.
    """
    everyone = os.cpu_count() or 1
    A, B = np.ones((2, size, size), np.float32) / size

    def best(once: Callable[[], Any]) -> float:
        once()
        return 2e-9 * size**3 / min(seconds_of(once) for _ in range(max(3, rounds)))

    found: dict[str, float] = {"NumPy float32": best(lambda: A @ B)}
    single: dict[str, float] = {}
    try:
        import torch  # a peer that may not be installed

        for name, kind in (("float32", torch.float32), ("bfloat16", torch.bfloat16)):
            a, b = torch.from_numpy(A).to(kind), torch.from_numpy(B).to(kind)
            for threads, into in ((1, single), (everyone, found)):
                torch.set_num_threads(threads)
                into[f"PyTorch {name}"] = best(partial(torch.matmul, a, b))
    except ImportError:
        pass
    for precision in PRECISIONS:
        try:
            for threads, into in ((1, single), (everyone, found)):
                into[f"ClearProp {precision}"] = best(product_of(A, precision, threads))
        except Exception as error:
            print(f"ClearProp {precision}: {error}")
    result: dict[str, Any] = {"size": size, "GFLOP/s": found, "GFLOP/s on one core": single}
    for precision in PRECISIONS:
        for where, into in (("", found), (" on one core", single)):
            of = [value for name, value in into.items() if name.endswith(precision)]
            if of:
                result[precision + where] = max(of)
    source = np.ones(1 << 26, np.float32)
    target = np.empty_like(source)
    result["copied GB/s"] = 2 * source.nbytes / 1e9 / min(
        seconds_of(lambda: np.copyto(target, source)) for _ in range(5)
    )  # fmt: skip
    return result
