"""The engine's bits elsewhere: on arm64's NEON, run under emulation, and in sanitizers' builds.

Both run in `make prove` alone, which looks for their compilers first (``tools/preflight.sh``).
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from replayed_runs import CASES, build, recorded, replayed

from clearprop import _native

COMPILER, EMULATOR = "aarch64-linux-gnu-g++", "qemu-aarch64"
ARM64 = [
    "-DCMAKE_SYSTEM_NAME=Linux",
    "-DCMAKE_SYSTEM_PROCESSOR=aarch64",
    f"-DCMAKE_CXX_COMPILER={COMPILER}",
    "-DCMAKE_EXE_LINKER_FLAGS=-static",
]
PRECISIONS = ("float32", "float64")
FAMILIES = {name: family for name, family, here in _native.instruction_sets() if here}
PAIRS = {name: name for name in ("avx512amx", "avx512bf16") if _native.bfloat16_sets()}

needs_fma = pytest.mark.skipif(
    "fma" not in FAMILIES.values(),
    reason="this processor has no fma instructions to compare with; run it on one that has",
)


def test_arm64s_tools_are_those_that_proving_asks_for():
    looked_for = Path(__file__).parents[1].joinpath("tools", "preflight.sh").read_text("utf-8")
    assert f"command -v {COMPILER} " in looked_for and f"command -v {EMULATOR} " in looked_for


@pytest.fixture(scope="session")
def arm64(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The replay program for arm64."""
    if shutil.which(COMPILER) is None or shutil.which(EMULATOR) is None:
        pytest.fail(f"{COMPILER} or {EMULATOR} is missing: "
                    "sudo apt install g++-aarch64-linux-gnu qemu-user")  # fmt: skip
    return build(tmp_path_factory.mktemp("arm64"), *ARM64)


@needs_fma
@pytest.mark.prove_only
@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize(("name", "optimizer"), CASES)
def test_arm64_trains_to_the_same_bits(
    name: str,
    optimizer: str,
    precision: str,
    arm64: Path,
    tmp_path: Path,
    rng: np.random.Generator,
    proof: Callable[..., None],
) -> None:
    family, here = recorded(name, optimizer, precision, tmp_path / "record", rng)
    assert family == "fma"
    said, there = replayed([EMULATOR, arm64], tmp_path / "record", "neon")
    assert said == "neon fma\n"
    assert there == here
    proof(
        "arm64's bits, under emulation, are this machine's: networks × optimizers × precisions", 1
    )


@pytest.mark.prove_only
@pytest.mark.parametrize("sanitizer", ["address", "undefined", "thread"])
def test_no_sanitizer_finds_fault_and_none_changes_a_bit(
    sanitizer: str, tmp_path: Path, rng: np.random.Generator, proof: Callable[..., None]
) -> None:
    flags = f"-fsanitize={sanitizer} -fno-sanitize-recover=all -g1"
    program = build(
        tmp_path / "build",
        f"-DCMAKE_CXX_FLAGS={flags}",
        "-DCLEARPROP_OPTIMIZE=-O1",
        "-DCLEARPROP_SIMULATED_TILES=ON",
    )
    # The sanitizer of threads wants its addresses where they are without randomisation.
    command: list[str | Path] = [program]
    if sanitizer == "thread" and (setarch := shutil.which("setarch")):
        command = [setarch, "-R", program]
    cases = 0
    for name, optimizer in CASES:
        for precision in (*PRECISIONS, *(["bfloat16"] if PAIRS else [])):
            ran, here = recorded(name, optimizer, precision, tmp_path / "record", rng)
            for isa, family in (PAIRS if precision == "bfloat16" else FAMILIES).items():
                said, there = replayed(command, tmp_path / "record", isa)
                assert said == f"{isa} {family}\n"
                if family == ran:  # the sums of another family are others
                    assert there == here, (name, optimizer, precision, isa)
                cases += 1
    proof(f"The sanitizer `{sanitizer}` finds nothing in the engine's steps, for each instruction "
          "set of this machine", cases)  # fmt: skip
