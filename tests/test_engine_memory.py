"""A run's memory: the data, the parameters five times, a batch's activations and 50 MB beside.

With clipping or bfloat16 the parameters count six times. A case has much of the data, of the
parameters or of the activations, so that the 50 MB cannot hide a copy of them. δ, which the bound
does not know, stands beside a for the rows of a piece alone where values are many more than
parameters. docs/performance.md has the same figures of other networks.
"""

from __future__ import annotations

import importlib
from typing import Any

import pytest

from clearprop import _native

CASES: dict[str, dict[str, Any]] = {
    "many rows": {"sizes": (100, 16, 2), "rows": 250_000, "batch": 256},
    "a large batch": {"sizes": (20, 512, 512, 512, 2), "rows": 16_384, "batch": 3072},
    "all rows in a batch": {"sizes": (20, 512, 512, 512, 2), "rows": 24_576, "batch": 24_576},
    "many weights": {"sizes": (2048, 4096, 2048, 10), "rows": 512, "batch": 64},
    "many weights, clipping": {
        "sizes": (2048, 4096, 2048, 10), "rows": 512, "batch": 64, "clip": 1.0},
    "many weights, bfloat16": {
        "sizes": (2048, 4096, 2048, 10), "rows": 512, "batch": 64, "precision": "bfloat16"},
}  # fmt: skip


def counts_peaks() -> bool:
    """Whether the system keeps a process's high-water mark, and lets it start anew."""
    try:
        with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
            file.write("5")
    except OSError:
        return False
    return True


@pytest.mark.skipif(not counts_peaks(), reason="needs Linux's high-water mark of memory")
@pytest.mark.parametrize("name", CASES)
def test_the_peak_stays_within_the_bound(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")  # each thread has room of its own
    if CASES[name].get("precision") == "bfloat16" and not _native.bfloat16_sets():
        monkeypatch.setenv("CLEARPROP_BFLOAT16", "emulated")
    found = importlib.import_module("benchmarks.processes").peak_of(CASES[name] | {"steps": 4})
    assert found["after drawing"] < found["peak"] <= found["bound"], found
