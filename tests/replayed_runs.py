"""Calls of the engine recorded here and replayed by ``tests/native/replay.cpp``, built elsewise.

The same native sources, built for another processor or with a sanitizer in them, without Python:
what they leave must be this machine's, byte for byte.
"""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from clearprop import _native
from clearprop.engine import Data, NativeRunner, State, Window
from clearprop.graph import Activation, Dense, Dropout, Embedding, Input, Scale, concat
from clearprop.network import Network
from clearprop.optimizers import NATIVE

ROOT = Path(__file__).parents[1]
STEPS, SEED, THREADS, CLIP = 4, 3, 2, 0.5
WIDE = "wide"
"""Of layers so wide that rows and δ are packed; its steps update where they sum, unclipped."""
BROAD = "broad"
"""Of layers whose units threads share."""


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


def broad() -> Network:
    """Units that threads may share, of whole panels, with all that is shared by rows beside."""
    x, k = Input(7, name="x"), Input(levels=5, name="k")
    h = Dense(128, "gelu")(x) + Embedding(128)(k)
    h = h + Dense(128, "tanh")(Dropout(0.2)(Dense(64, "relu")(h)))
    h = concat(Dense(64, "softplus", members=2)(h), Scale(members=2)(x))
    return Network(inputs=[x, k], outputs=Dense(3, members=2)(h), cost="cross_entropy")


def chain(cost: str, output: str = "identity") -> Network:
    return Network([7, 33, 2], "sigmoid", output=output, cost=cost, l2=1e-3)


NETWORKS: dict[str, Callable[[], Network]] = {
    "every row": everything,
    BROAD: broad,
    WIDE: lambda: Network([7, 300, 320, 3], "relu", cost="cross_entropy", l2=1e-3),
    **{
        cost: lambda cost=cost: chain(cost)  # type: ignore[misc]
        for cost in ("squared_error", "absolute_error", "huber", "log_cosh", "quantile", "poisson",
                     "binary_cross_entropy")
    },
}  # fmt: skip


CASES = [
    (name, optimizer)
    for name in sorted(NETWORKS)
    for optimizer in (["adam"] if name in (WIDE, BROAD) else sorted(NATIVE))
]
"""Networks and optimizers that are replayed; what is wide takes long, and differs in its sums."""


def build(folder: Path, *settings: str) -> Path:
    """The replay program, built by the project's own CMakeLists.txt with these settings."""
    tools = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    cmake, ninja = (shutil.which(name, path=tools) for name in ("cmake", "ninja"))
    assert cmake and ninja, "cmake and ninja are missing: run `make install`"
    known = ["-DCLEARPROP_REPLAY=ON", "-DSKBUILD_PROJECT_VERSION=0", "-DCMAKE_BUILD_TYPE=Release"]
    configure = [cmake, "-G", "Ninja", "-S", ROOT, "-B", folder, f"-DCMAKE_MAKE_PROGRAM={ninja}"]
    for command in ([*configure, *known, *settings], [cmake, "--build", folder]):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    return folder / "replay"


def recorded(
    name: str, optimizer: str, precision: str, file: Path, rng: np.random.Generator
) -> tuple[str, bytes]:
    """Run some steps here and write what their replay needs into `file`.

    Returns the family of instruction sets that ran and the bytes that are left: the parameters, the
    optimizer's slots, the costs.
    """
    network = NETWORKS[name]()
    graph, rule = network.graph, NATIVE[optimizer]()
    m, clip = (260, None) if name == WIDE else (130, CLIP)
    inputs: dict[str, np.ndarray[Any, Any]] = {
        given.key: rng.integers(0, given.levels, m) if given.levels else rng.normal(size=(m, 7))
        for given in graph.inputs
    }
    classes = graph.costs[0].op == "cross_entropy"
    y = rng.integers(0, 3, m) if classes else rng.uniform(size=(m, 2))
    weights = rng.uniform(size=m)
    data = Data(inputs, {"y": y}, weights)
    runner = NativeRunner(graph, rule, data, precision=precision, threads=THREADS, clip=clip)  # type: ignore[arg-type]
    state = State.initial(network.initial(1).flat, rule, SEED, precision, runner.family)  # type: ignore[arg-type]
    start = state.parameters.copy()
    window = Window(
        np.concatenate([rng.permutation(m) for _ in range(STEPS)]),
        np.arange(STEPS + 1) * m,
        np.full(STEPS, 1e-2),
    )
    report = runner.run(state, window)
    assert report.done == STEPS
    assert np.isfinite(state.parameters).all() and not np.array_equal(start, state.parameters)

    t = np.arange(1.0, STEPS + 1)
    per_step = list(rule.per_step(t).values())
    settings = [rule.weight_decay, *(rule.settings[attr.name] for attr in rule.attrs)]
    settings += [0.0] * len(per_step)
    number = _native.kernel_names("optimizer").index(rule.name)
    program = runner.program
    record = [
        np.array([64 if precision == "float64" else 32]),
        *program.tables,
        np.array(program.attrs, dtype=np.float64),
        np.array(program.constants, dtype=np.float64),
        np.array([program.members, number, len(rule.slots), SEED, THREADS]),
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
        np.stack(per_step, axis=1) if per_step else np.zeros((STEPS, 0)),
        np.array([clip or 0.0]),
    ]
    file.write_bytes(b"".join(map(blob, record)))
    slots = [state.slots[slot] for slot in rule.slots]
    left = (state.parameters, *slots, report.costs)
    return runner.family, b"".join(array.tobytes() for array in left)


def blob(content: Any) -> bytes:
    """The content behind its length."""
    raw = content if isinstance(content, bytes) else np.ascontiguousarray(content).tobytes()
    return struct.pack("q", len(raw)) + raw


def replayed(command: Sequence[str | Path], record: Path, isa: str) -> tuple[str, bytes]:
    """What the program said, and the bytes it left."""
    result = record.with_suffix(".result")
    result.unlink(missing_ok=True)
    ran = subprocess.run(
        [*command, record, result, isa], capture_output=True, text=True, check=False, timeout=600
    )
    assert ran.returncode == 0, ran.stderr[-4000:]
    return ran.stdout, result.read_bytes()
