"""The one product of the native engine: right, and the same bits wherever an element falls."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from conftest import count

from clearprop import _native
from clearprop.engine.isa import choose, instruction_sets
from clearprop.errors import NativeError

SETS = [one.name for one in instruction_sets() if one.supported]
KINDS = {np.float32: _native.product_f32, np.float64: _native.product_f64}
SIZES = [1, 2, 3, 5, 6, 7, 8, 9, 13, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100]
#: So many columns that rows of A are packed where the instruction set does that, and far panels.
WIDE = [(2, 225, 5), (13, 257, 33), (37, 300, 601), (70, 513, 600)]


def pair(m: int, n: int, k: int, kind: type, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng([m, n, k, seed])
    return rng.normal(size=(m, k)).astype(kind), rng.normal(size=(k, n)).astype(kind)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("isa", SETS)
def test_products_are_numpys_in_float64(isa: str, kind: type) -> None:
    rng = np.random.default_rng(1)
    sizes = [(20, 40, 1000), *WIDE, *rng.choice(SIZES, (count(150, 3000), 3))]  # 1000: k in pieces
    for m, n, k in sizes:
        A, B = pair(m, n, k, kind)
        exact = A.astype(np.float64) @ B.astype(np.float64)
        scale = np.abs(A).astype(np.float64) @ np.abs(B).astype(np.float64)
        error = np.abs(KINDS[kind](isa, A, B) - exact)
        assert (error <= k * np.finfo(kind).eps * scale).all(), (m, n, k)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("columns", [71, 271])
@pytest.mark.parametrize("isa", SETS)
def test_an_element_is_one_chain_wherever_it_falls(isa: str, columns: int, kind: type) -> None:
    product = KINDS[kind]
    A, B = pair(37, columns, 300, kind)
    whole = product(isa, A, B)
    for row in (0, 5, 7, 8, 36):
        assert (product(isa, A[row : row + 1], B) == whole[row]).all()
        assert (product(isa, A[row:], B)[0] == whole[row]).all()
    for column in (0, 15, 16, 31, 32, 70, columns - 1):
        one = np.ascontiguousarray(B[:, column:])
        assert (product(isa, A, one)[:, 0] == whole[:, column]).all()
    assert (product(isa, np.asfortranarray(A), B) == whole).all()


def test_an_element_is_fma_in_order_of_k() -> None:
    A, B = pair(3, 4, 290, np.float32)
    exact = np.float64  # holds the product of two float32, and all but always its sum with a third
    expected = np.zeros((3, 4), dtype=np.float32)
    for k in range(290):
        product = np.outer(A[:, k].astype(exact), B[k].astype(exact))
        expected = (expected.astype(exact) + product).astype(np.float32)
    for isa in (one.name for one in instruction_sets() if one.supported and one.family == "fma"):
        assert (_native.product_f32(isa, A, B) == expected).all()


def test_infinity_and_nan_come_through() -> None:
    A, B = pair(9, 20, 12, np.float32)
    A[3, 4], A[7, 2] = np.inf, np.nan
    for isa in SETS:
        C = _native.product_f32(isa, A, B)
        assert np.isinf(C[3]).all()
        assert np.isnan(C[7]).all()
        assert np.isfinite(np.delete(C, [3, 7], axis=0)).all()


def test_an_instruction_set_is_chosen_by_name_and_a_missing_one_is_refused() -> None:
    assert choose("baseline").name == "baseline"
    assert choose().supported
    with pytest.raises(NativeError, match="there is no such instruction set; built are"):
        choose("sse9")
    absent = [one.name for one in instruction_sets() if not one.supported]
    for name in absent:
        with pytest.raises(NativeError, match="this processor does not have it"):
            choose(name)


def test_the_environment_forces_an_instruction_set() -> None:
    code = "from clearprop.engine.isa import choose; print(choose().name)"
    env = os.environ | {"CLEARPROP_ISA": "baseline"}
    command = [sys.executable, "-c", code]
    run = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "baseline"
