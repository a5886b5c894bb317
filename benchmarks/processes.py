"""New processes: how long until the first model stands, and how much memory that takes.

The peak is the process's own high-water mark, set back to what stands after the imports.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import record
from benchmarks.timing import seconds_of

__all__ = ["memory", "peak_of", "startup"]

FIRST_FIT = """
import numpy as np
X = np.random.default_rng(0).normal(size=(1000, 20)).astype(np.float32)
y = (X[:, 0] > 0).astype(int)
import clearprop as cp
cp.train(cp.Network([20, 32, 32, 2], cost="cross_entropy"), X, y, epochs=5, batch_size=32)
"""

STATEMENTS = {
    "the interpreter": "pass",
    "import numpy": "import numpy",
    "import clearprop": "import clearprop",
    "import clearprop; clearprop.Network": "import clearprop; clearprop.Network",
    "import clearprop; clearprop.train": "import clearprop; clearprop.train",
    "import, build and train: 1,000 rows of 20, 20-32-32-2, 5 epochs": FIRST_FIT,
    "import sklearn.neural_network": "import sklearn.neural_network",
    "import torch": "import torch",
    "import jax": "import jax",
}

MEMORY = """
import json, sys
import numpy as np
import clearprop as cp
from benchmarks import high_water
cp.train, cp.Network
case = json.loads(sys.argv[1])
base = high_water.mark()
sizes, n, m = case["sizes"], case["rows"], case["batch"]
rng = np.random.default_rng(0)
X = rng.standard_normal(size=(n, sizes[0]), dtype=np.float32)
y = rng.integers(0, sizes[-1], n).astype(np.int32)
drawn = high_water.peak() - base
net = cp.Network(sizes, cost="cross_entropy")
given = {name: case[name] for name in ("steps", "precision", "clip")}
cp.train(net, X, y, batch_size=m, **given)
peak, data = high_water.peak() - base, X.nbytes + y.nbytes
print(json.dumps({"peak": peak, "after drawing": drawn, "data": data,
                  "parameters": 4 * net.graph.size}))
"""

CASES: dict[str, dict[str, Any]] = {
    "small: 54-64-64-7": {"sizes": (54, 64, 64, 7), "rows": 10_000, "batch": 64},
    "many rows: 50-256-256-2": {"sizes": (50, 256, 256, 2), "rows": 1_000_000, "batch": 256},
    "a large batch: 20-512-512-512-2": {
        "sizes": (20, 512, 512, 512, 2), "rows": 16_384, "batch": 16_384},
    "many weights: 1024-2048-2048-1000": {
        "sizes": (1024, 2048, 2048, 1000), "rows": 4096, "batch": 512},
    "many weights, clipping": {
        "sizes": (1024, 2048, 2048, 1000), "rows": 4096, "batch": 512, "clip": 1.0},
    "many weights, bfloat16": {
        "sizes": (1024, 2048, 2048, 1000), "rows": 4096, "batch": 512, "precision": "bfloat16"},
}  # fmt: skip

ALLOWED = 50e6
"""Bytes beside data, parameters and activations."""


def startup(rounds: int) -> dict[str, Any]:
    """Return seconds of new interpreters that run one statement, the interpreter's own taken off.

    Each is beside numpy's import too. All of them find their modules compiled, as those that an
    installer has put there are: wherever Python keeps such files here, and whether it may at all,
    they are in a folder of this measurement.
    """
    with tempfile.TemporaryDirectory() as folder:
        return _startup(rounds, {**os.environ, "PYTHONPYCACHEPREFIX": folder})


def _startup(rounds: int, env: dict[str, str]) -> dict[str, Any]:
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    here = {}
    for name, statement in STATEMENTS.items():
        command = [sys.executable, "-c", statement]
        if subprocess.run(command, capture_output=True, check=False, env=env).returncode:
            print(f"    {name!r} is skipped: it is not here")
        else:
            here[name] = command
    samples: dict[str, list[float]] = {name: [] for name in here}
    names = list(here)
    for number in range(rounds):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            run = partial(subprocess.run, here[name], check=True, env=env)
            samples[name].append(seconds_of(run))
    start = statistics.median(samples.pop("the interpreter"))
    numpy = statistics.median(samples["import numpy"]) - start
    rows: dict[str, Any] = {}
    for name, found in samples.items():
        own = record.summary([one - start for one in found])
        rows[name] = own | {"times numpy": own["median"] / numpy}
    return {"the interpreter's own": start, "seconds": rows}


def memory(quick: bool) -> dict[str, Any]:
    """Return each case's peak over what stood after the imports, and the bound it is held to.

    Data as float32 + 5 × parameters (6 × with clipping or bfloat16) + one batch's activations
    + 50 MB.
    """
    if not Path("/proc/self/clear_refs").exists():
        return {}
    found: dict[str, Any] = {}
    for name, case in CASES.items():
        rows = min(case["rows"], 100_000) if quick else case["rows"]
        try:
            found[name] = peak_of(case | {"rows": rows})
        except subprocess.CalledProcessError as error:
            print(f"    {name} is skipped: {error.stderr.strip().splitlines()[-1]}")
    return found


def peak_of(case: dict[str, Any]) -> dict[str, Any]:
    """Return one case's peak and bound, measured in a process of its own.

    Parameters
    ----------
    case : dict
        Sizes of the layers, rows and batch; where they are others than plain float32's, the
        precision and the clip; steps, 20 if nothing is said.
    """
    case = {"precision": "float32", "clip": None, "steps": 20} | case
    command = [sys.executable, "-c", MEMORY, json.dumps(case)]
    told = subprocess.run(command, capture_output=True, text=True, check=True, cwd=record.ROOT)
    row: dict[str, Any] = json.loads(told.stdout)
    apart = case["clip"] is not None or case["precision"] == "bfloat16"
    activations = 4 * case["batch"] * sum(case["sizes"][1:])
    bound = row["data"] + (6 if apart else 5) * row["parameters"] + activations + ALLOWED
    return row | {"activations": activations, "bound": bound} | case
