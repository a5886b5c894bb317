"""The engine's bits on another kind of processor: arm64's NEON, run under emulation.

A call of the engine is recorded here, replayed by ``tests/native/replay.cpp`` built for arm64, and
the results compared byte for byte with this machine's.
"""

from __future__ import annotations

import shutil
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clearprop import _native
from clearprop.engine import Data, NativeRunner, State, Window
from clearprop.graph import Activation, Dense, Dropout, Embedding, Input, Scale, concat
from clearprop.network import Network
from clearprop.optimizers import OPTIMIZERS

ROOT = Path(__file__).parents[1]
COMPILER, EMULATOR = "aarch64-linux-gnu-g++", "qemu-aarch64"
FLAGS = ["-std=c++20", "-O2", "-ffp-contract=off", "-fno-math-errno"]

needs_arm64 = pytest.mark.skipif(
    shutil.which(COMPILER) is None or shutil.which(EMULATOR) is None,
    reason=f"needs {COMPILER} and {EMULATOR}: sudo apt install g++-aarch64-linux-gnu qemu-user",
)
needs_fma = pytest.mark.skipif(
    not any(family == "fma" and here for _, family, here in _native.instruction_sets()),
    reason="this processor has no fma instructions to compare with; run it on one that has",
)


@pytest.fixture(scope="module")
def arm64(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The replay program for arm64."""
    folder = tmp_path_factory.mktemp("arm64")
    objects = []
    sources = [
        (f, ["-DCLEARPROP_HAS_NEON"])
        for f in ("engine", "workspace", "threads", "isa", "interrupt")
    ]
    sources += [("kernels", [f"-DCLEARPROP_ISA_{isa}"]) for isa in ("NEON", "BASELINE")]
    for number, (name, flags) in enumerate(sources):
        objects.append(folder / f"{number}.o")
        source = ROOT / "native" / f"{name}.cpp"
        subprocess.run([COMPILER, *FLAGS, *flags, "-c", source, "-o", objects[-1]], check=True)
    program = folder / "replay"
    main = ROOT / "tests" / "native" / "replay.cpp"
    subprocess.run(
        [COMPILER, *FLAGS, "-static", "-pthread", main, *objects, "-o", program], check=True
    )
    return program


def everything() -> Network:
    """A network with every kind of row in it."""
    x, k = Input(7, name="x"), Input(levels=5, name="k")
    h = Dropout(0.2)(Dense(19, "gelu")(x))
    tied = Dense(19, "selu", bias="shared")
    h = tied(h) + h
    h = concat(tied(h), Scale(members=3)(x), Embedding(4)(k))
    h = h + Activation("mish", parametric=True)(h)
    h = Dense(18, "softplus", bias="none")(h)
    h = Dense(17, "silu", members=3)(h) + Dense(17, "tanh")(h)
    h = Dense(9, "elu")(Dense(16, "leaky_relu")(Dense(16, "softsign")(h)))
    out = Dense(3, members=3)(h)
    return Network(inputs=[x, k], outputs=out, cost="cross_entropy", l2=1e-3, label_smoothing=0.1)


def chain(cost: str, output: str = "identity") -> Network:
    return Network([7, 33, 2], "sigmoid", output=output, cost=cost, l2=1e-3)


NETWORKS: dict[str, Callable[[], Network]] = {
    "every row": everything,
    **{
        cost: lambda cost=cost: chain(cost)  # type: ignore[misc]
        for cost in ("squared_error", "absolute_error", "huber", "log_cosh", "quantile", "poisson",
                     "binary_cross_entropy")
    },
}  # fmt: skip


def blob(content: Any) -> bytes:
    raw = content if isinstance(content, bytes) else np.ascontiguousarray(content).tobytes()
    return struct.pack("q", len(raw)) + raw


@needs_arm64
@needs_fma
@pytest.mark.prove_only
@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("optimizer", sorted(OPTIMIZERS))
@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_arm64_trains_to_the_same_bits(
    name: str,
    optimizer: str,
    precision: str,
    arm64: Path,
    tmp_path: Path,
    rng: np.random.Generator,
    proof: Callable[..., None],
) -> None:
    network, m, steps = NETWORKS[name](), 130, 4
    graph, rule = network.graph, OPTIMIZERS[optimizer]()
    inputs: dict[str, np.ndarray[Any, Any]] = {
        given.key: rng.integers(0, given.levels, m) if given.levels else rng.normal(size=(m, 7))
        for given in graph.inputs
    }
    classes = graph.costs[0].op == "cross_entropy"
    y = rng.integers(0, 3, m) if classes else rng.uniform(size=(m, 2))
    weights = rng.uniform(size=m)
    data = Data(inputs, {"y": y}, weights)
    runner = NativeRunner(graph, rule, data, precision=precision, threads=2, clip=0.5)  # type: ignore[arg-type]
    state = State.initial(network.initial(1).flat, rule, 3, precision, runner.family)  # type: ignore[arg-type]
    start = state.parameters.copy()
    window = Window(
        np.concatenate([rng.permutation(m) for _ in range(steps)]),
        np.arange(steps + 1) * m,
        np.full(steps, 1e-2),
    )
    report = runner.run(state, window)
    assert runner.family == "fma" and report.done == steps

    t = np.arange(1.0, steps + 1)
    per_step = list(rule.per_step(t).values())
    settings = [rule.weight_decay, *(rule.settings[attr.name] for attr in rule.attrs)]
    settings += [0.0] * len(per_step)
    number = _native.kernel_names("optimizer").index(rule.name)
    program = runner.program
    record = [
        np.array([64 if precision == "float64" else 32]),
        *program.tables(),
        np.array(program.attrs, dtype=np.float64),
        np.array(program.constants, dtype=np.float64),
        np.array([program.members, number, len(rule.slots), 3, 2]),
        np.array(settings, dtype=np.float64),
        start,
        np.array([given.width for given in graph.inputs]),
        np.array([0 if classes else 2]),
        *inputs.values(),
        y,
        weights,
        window.rows,
        window.borders,
        window.rates,
        np.stack(per_step, axis=1) if per_step else np.zeros((steps, 0)),
        np.array([0.5]),
    ]
    (tmp_path / "record").write_bytes(b"".join(map(blob, record)))
    ran = subprocess.run(
        [EMULATOR, arm64, tmp_path / "record", tmp_path / "result", "neon"],
        check=True,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ran.stdout == "neon fma\n"
    slots = [state.slots[slot] for slot in rule.slots]
    here = b"".join(array.tobytes() for array in (state.parameters, *slots, report.costs))
    assert (tmp_path / "result").read_bytes() == here
    assert np.isfinite(state.parameters).all() and not np.array_equal(start, state.parameters)
    proof(f"arm64's bits under emulation are this machine's: {name}, {optimizer}, {precision}", 1)
