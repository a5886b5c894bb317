"""What tests of training share: a table, a network, the settings of a full run, its outcome."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import clearprop as cp
from clearprop.training import Training

BOTH = pytest.mark.parametrize("engine", ["reference", "native"])


def table(n: int = 150, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 4))
    return X, (X[:, 0] * X[:, 1] + 0.3 * rng.normal(size=n) > 0).astype(np.int64)


def network(**settings: Any) -> cp.Network:
    return cp.Network([4, 6, 2], "tanh", cost="cross_entropy", **settings)


def outcome(training: Training) -> tuple[bytes, bytes, bytes, list[Any], str]:
    """All that must not depend on slices: everything but the time it took."""
    state = training.state
    columns = training.history.to_array()[:, :-1]
    slots = b"".join(slot.tobytes() for slot in state.slots.values())
    return (
        state.parameters.tobytes() + slots,
        training.best.flat.tobytes(),
        columns.tobytes(),
        training.history.events,
        training.why,
    )


FULL: dict[str, Any] = {
    "epochs": 9, "batch_size": 16, "validation": 0.2, "learning_rate": 0.02, "clip": 0.5,
    "schedule": "one_cycle", "seed": 5, "patience": 3,
}  # fmt: skip
