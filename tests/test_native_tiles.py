"""AMX's tiles, computed with loops where the processor has none: products, and whole steps.

What is simulated are five instructions (``native/tiles.hpp``); how operands are laid out for them,
what is left of k, of rows and of columns, and what stands behind a product are the engine's own.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from replayed_runs import CASES, NETWORKS, ROOT, build, recorded, replayed

from clearprop import _native

pytestmark = pytest.mark.skipif(
    "avx512bf16" not in _native.bfloat16_sets(),
    reason="the rest of such a product needs AVX512-BF16; run it on a processor that has it",
)
FLAGS = ["-std=c++20", "-O2", "-ffp-contract=off", "-march=x86-64-v4", "-mavx512bf16"]
MACROS = ["-DCLEARPROP_ISA_AVX512", "-DCLEARPROP_BFLOAT16", "-DCLEARPROP_TILES"]
SOURCE = ROOT / "tests" / "native" / "tiles.cpp"


def compiled(to: Path, *more: str) -> Path:
    made = subprocess.run(
        ["c++", *FLAGS, *MACROS, *more, SOURCE, "-o", to],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr[-4000:]
    return to


def test_products_by_tiles_are_sums_of_products_and_a_row_is_itself_alone(tmp_path: Path) -> None:
    program = compiled(tmp_path / "simulated", "-DCLEARPROP_SIMULATED_TILES")
    ran = subprocess.run([program], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout
    assert int(ran.stdout.split()[0]) > 2000  # and it compares them itself
    own = subprocess.run([compiled(tmp_path / "own")], capture_output=True, text=True, check=False)
    given = "avx512amx" in _native.bfloat16_sets()
    assert own.stdout == (ran.stdout if given else "")  # a processor's tiles have the same bits
    assert own.returncode == (0 if given else 77)


def test_the_processors_own_instructions_are_what_is_compiled(tmp_path: Path) -> None:
    text = compiled(tmp_path / "tiles.s", "-S").read_text("utf-8")
    for instruction in ("ldtilecfg", "tilezero", "tileloadd", "tdpbf16ps", "tilestored",
                        "tilerelease"):  # fmt: skip
        assert instruction in text


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The replay program with simulated tiles."""
    return build(tmp_path_factory.mktemp("tiles"), "-DCLEARPROP_SIMULATED_TILES=ON")


@pytest.mark.prove_only
@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_steps_by_tiles_differ_from_those_by_vectors_less_than_these_from_float32s(
    name: str, simulated: Path, tmp_path: Path, proof: Callable[..., None]
) -> None:
    size = 4 * NETWORKS[name]().initial(1).flat.size
    optimizers = [optimizer for of, optimizer in CASES if of == name]
    shares = []
    for optimizer in optimizers:
        left = {}
        for precision in ("float32", "bfloat16"):
            rng = np.random.default_rng(5)  # the same rows for both
            ran, left[precision] = recorded(name, optimizer, precision, tmp_path / "record", rng)
        for kernels in ("avx512amx", "avx512bf16"):
            said, left[kernels] = replayed([simulated], tmp_path / "record", kernels)
            assert said == f"{kernels} {kernels}\n"
        found = {by: np.frombuffer(some[:size], np.float32) for by, some in left.items()}
        assert np.array_equal(found["bfloat16"], found[ran])  # the engine's own, by that set
        apart = np.median(np.abs(found["avx512bf16"] - found["avx512amx"]))
        rounding = np.median(np.abs(found["avx512bf16"] - found["float32"]))
        assert apart <= rounding, optimizer
        shares.append(apart / rounding if rounding else 0.0)
    proof(
        "steps by simulated tiles beside those by vectors, as a share of what bfloat16 changes",
        len(optimizers),
        worst=max(shares),
        bar=1.0,
    )
