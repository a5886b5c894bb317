"""The generated kernels are those of the rows."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from clearprop import _native
from clearprop.operations import TABLE, Cost, Function
from clearprop.optimizers import NATIVE

ROOT = Path(__file__).parents[1]


def test_the_generated_file_is_fresh() -> None:
    sys.path.insert(0, str(ROOT / "tools"))
    try:
        import generate
    finally:
        sys.path.remove(str(ROOT / "tools"))
    assert generate.TARGET.read_text("utf-8") == generate.source(), "run tools/generate.py"


def test_every_row_with_a_kernel_is_native() -> None:
    rows = [row for row in TABLE.rows() if getattr(row, "kernel", None)]
    functions = [row.name for row in rows if isinstance(row, Function)]
    assert _native.kernel_names("function") == functions
    assert _native.kernel_names("cost") == [row.name for row in rows if isinstance(row, Cost)]
    assert _native.kernel_names("optimizer") == list(NATIVE)
    scalars = {"correct1", "correct2", "warm", "share", "rest"}
    for name in NATIVE:
        assert NATIVE[name]().per_step(np.ones(1)).keys() <= scalars
