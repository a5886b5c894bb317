"""A run that tests start in a process of its own and kill at any moment: its data and settings."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

import clearprop as cp
from clearprop.training import Plateau, Training


def training(checkpoint: Path | None, engine: str = "native", epochs: int = 60) -> Training:
    """A run with everything a checkpoint must hold: slots, dropout, plateau, watch, weights."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 4)).astype(np.float32)
    Y = (X[:, 0] * X[:, 1] + 0.5 * rng.normal(size=80) > 0).astype(np.int64)
    net = cp.Network([4, 12, 2], "tanh", cost="cross_entropy", dropout=0.1, l2=1e-4)
    settings: dict[str, Any] = {
        "sample_weight": rng.integers(0, 3, size=80),
        "validation": 0.25,
        "epochs": epochs,
        "batch_size": 8,
        "learning_rate": 0.02,
        "schedule": Plateau(factor=0.5, patience=3),
        "clip": 1.0,
        "patience": epochs,
        "engine": engine,
    }
    if checkpoint is not None:
        settings |= {"checkpoint": checkpoint, "checkpoint_seconds": 0.0, "resume": True}
    return Training(net, X, Y, **settings)


def result(run: Training) -> dict[str, bytes]:
    """All that must be the same bits, however often the run was killed."""
    found = {"best": run.best.flat.tobytes(), "parameters": run.state.parameters.tobytes()}
    found |= {name: slot.tobytes() for name, slot in run.state.slots.items()}
    found["history"] = run.history.to_array()[:, :-1].tobytes()  # not the seconds
    found["events"] = repr(run.history.events).encode()
    found["position"] = repr((run.step, run.state.skipped, run.why)).encode()
    return found


if __name__ == "__main__":
    print("began", flush=True)
    run = training(Path(sys.argv[1]))
    print("goes on", flush=True)
    while not run.finished:
        run.advance(steps=5)
    print("done", flush=True)
