"""Several epochs in one call of the engine: what a run comes to is what it comes to one by one."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import clearprop as cp
from clearprop.engine import NativeRunner
from clearprop.errors import DivergenceError
from clearprop.network import Network
from clearprop.training import Training

RNG = np.random.default_rng(0)
X = RNG.normal(size=(150, 5))
CLASSES = RNG.integers(0, 3, 150)
NUMBERS = X @ RNG.normal(size=(5, 2))

CASES: dict[str, dict[str, Any]] = {
    "plain": {},
    "stopped early": {"early_stopping": True, "patience": 3, "learning_rate": 0.1},
    "whatever is best": {"early_stopping": True, "patience": 3, "min_delta": 1e-3},
    "decay in a step": {"schedule": "cosine", "clip": 0.5},
    "steps, not epochs": {"epochs": None, "steps": 94},
    "cut": {"max_steps": 33},
    "full batches": {"batch_size": "full", "learning_rate": 0.05},
    "two threads": {"threads": 2, "precision": "float64", "optimizer": "momentum"},
    "dropout and decay in a step": {
        "dropout": 0.3,
        "optimizer": cp.AdamW(weight_decay=0.1),
        "dropout_schedule": "flat_cos",
        "decay_schedule": "cosine",
    },
    "by epoch": {"schedule": "step"},
    "plateau": {"schedule": "plateau"},
    "an average": {"optimizer": "schedule_free"},
}


def made(settings: dict[str, Any], cost: str = "cross_entropy", **more: Any) -> Training:
    """A run with a third of the rows held out."""
    target = CLASSES if cost == "cross_entropy" else NUMBERS
    own = {"cost": cost, "l2": 1e-3, "dropout": settings.get("dropout", 0.0)}
    network = Network([5, 6, 3 if cost == "cross_entropy" else 2], "tanh", **own)
    settings = {name: value for name, value in settings.items() if name != "dropout"}
    told = {"epochs": 30, "batch_size": 16, "validation": 0.3, "early_stopping": False, "seed": 4}
    return Training(network, X, target, **(told | settings | more))


def one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(NativeRunner, "epochs_at_once", lambda *_: 1)


def calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many epochs each call of several is asked for."""
    found: list[int] = []
    before = NativeRunner.run_epochs

    def counted(self: NativeRunner, state: Any, window: Any, looks: Any) -> Any:
        found.append(len(looks.ends))
        return before(self, state, window, looks)

    monkeypatch.setattr(NativeRunner, "run_epochs", counted)
    return found


def told_of(training: Training) -> tuple[Any, ...]:
    """All that a run comes to, but for its seconds."""
    history = training.history.columns
    del history["seconds"]
    state = training.state.copy()
    return (
        {name: column.tobytes() for name, column in history.items()},
        training.history.events,
        training.why,
        training.best.flat.tobytes(),
        state.parameters.tobytes(),
        {name: slot.tobytes() for name, slot in state.slots.items()},
        (state.step, state.skipped),
        (training.progress.step_cost, training.progress.learning_rate),
    )


@pytest.mark.parametrize("name", CASES)
def test_epochs_at_once_come_to_what_they_do_one_by_one(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = calls(monkeypatch)
    at_once = made(CASES[name])
    at_once.run()
    assert bool(asked) is (name not in ("by epoch", "plateau", "an average"))
    seconds = at_once.history["seconds"]
    assert (np.diff(seconds) > 0).all()
    one_by_one(monkeypatch)
    alone = made(CASES[name])
    alone.run()
    assert told_of(at_once) == told_of(alone)


def test_where_somebody_looks_at_each_epoch_epochs_go_one_by_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = calls(monkeypatch)
    seen: list[float] = []
    made({}, callbacks=lambda now: seen.append(now.validation_cost)).run()
    made({"sample_weight": np.ones(150)}).run()
    made({"metric": lambda y, a: 0.5}).run()
    made({"validation": None}).run()
    assert asked == []
    assert len(set(seen)) == 30
    made({}).run()
    assert sum(asked) == 30


@pytest.mark.parametrize("rate", [3.0, 1e18, 1e30])
def test_a_run_that_diverges_is_told_of_as_it_is_epoch_by_epoch(
    rate: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for _ in range(2):
        training = made({"optimizer": "sgd", "learning_rate": rate}, cost="squared_error")
        with pytest.raises(DivergenceError) as error:
            training.run()
        found.append((str(error.value), told_of(training)))
        one_by_one(monkeypatch)
    assert found[0] == found[1]


def test_ctrl_c_ends_it_within_an_epoch_and_it_goes_on_to_the_same() -> None:
    whole = made({"epochs": 400})
    whole.run()
    parts, presses = made({"epochs": 400}), 0
    while not parts.finished:
        timer = threading.Timer(1e-3 * (presses % 5), os.kill, (os.getpid(), signal.SIGINT))
        try:
            try:
                timer.start()
                parts.run()
            finally:
                timer.join()
        except KeyboardInterrupt:
            presses += 1
        parts.history.events.clear()
    assert presses
    assert told_of(parts) == told_of(whole)


def test_runs_that_are_stopped_and_go_on_come_to_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = made({"epochs": 400})
    whole.run()
    parts = made({"epochs": 400})
    borders = iter(range(1, 10_000))
    while not parts.finished:
        timer = threading.Timer(1e-3 * (next(borders) % 7), parts.interrupt)
        timer.start()
        parts.advance(steps=1001)
        timer.join()
        steps = parts.batches.epoch
        assert parts.epoch in (parts.step // steps, parts.step // steps - 1)
        if parts.step < 2000:
            parts.save(tmp_path / "run")
    assert told_of(parts)[:6] == told_of(whole)[:6]
    again = made({"epochs": 400})
    again.restore(tmp_path / "run")
    again.run()
    assert told_of(again) == told_of(whole)
