"""Dropout and decay along schedules: which steps have which, in a run, its file and its resume."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from training_runs import BOTH, network, outcome, table

import clearprop as cp
from clearprop.engine import Report, State
from clearprop.errors import FileError, SettingError
from clearprop.training import Cosine, FlatCos, Training

X, Y = table()
SETTINGS: dict[str, Any] = {
    "optimizer": cp.AdamW(0.01, weight_decay=0.3), "epochs": 8, "batch_size": 32, "seed": 3,
}  # fmt: skip
FADING = {"dropout_schedule": "flat_cos", "decay_schedule": "cosine"}


def made(dropout: float = 0.4, **settings: Any) -> Training:
    return Training(network(dropout=dropout), X, Y, **(SETTINGS | settings))


def windows(training: Training, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The windows that a run gives its engine."""
    found: list[Any] = []
    inner = training._runner.run

    def run(state: State, window: Any, stop: Any = None) -> Report:
        found.append(window)
        return inner(state, window, stop)

    monkeypatch.setattr(training._runner, "run", run)
    training.run()
    return found


@BOTH
def test_each_step_has_its_share_of_the_rate_and_of_the_decay(
    engine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = windows(made(engine=engine, **FADING), monkeypatch)
    steps = 8 * 5  # 150 rows, 32 a step
    x = np.arange(steps) / steps
    dropped = [1.0 if one < 0.5 else math.cos(math.pi * (one - 0.5)) ** 2 for one in x]
    decayed = [math.cos(math.pi * one / 2) ** 2 for one in x]
    for name, expected in (("dropouts", dropped), ("decays", decayed)):
        shares = np.concatenate([getattr(window, name) for window in found])
        np.testing.assert_allclose(shares, expected, rtol=1e-13, atol=1e-15)


def test_a_constant_schedule_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = made()
    said = made(dropout_schedule="constant", decay_schedule="constant")
    for window in windows(said, monkeypatch):
        assert window.dropouts is None
        assert window.decays is None
    plain.run()
    assert outcome(plain) == outcome(said)
    assert list(plain.schedules) == ["schedule"]


@BOTH
def test_a_schedule_changes_what_is_learned_and_ones_do_not(engine: Any) -> None:
    found = {}
    for name, settings in {
        "plain": {},
        "ones": {"dropout_schedule": np.ones(40), "decay_schedule": lambda t: 1.0},
        "dropout": {"dropout_schedule": "flat_cos"},
        "decay": {"decay_schedule": "flat_cos"},
    }.items():
        one = made(engine=engine, **settings)
        one.run()
        found[name] = one.parameters.flat.tobytes()
    assert found["plain"] == found["ones"]
    assert len(set(found.values())) == 3


@BOTH
def test_dropout_that_is_zero_all_along_is_none(engine: Any) -> None:
    dropped = made(engine=engine, dropout_schedule=np.zeros(40))
    first = dropped.parameters.values()  # a layer of dropout takes a number, and so names away
    names = network().graph.parameters
    plain = made(0.0, engine=engine, parameters=dict(zip(names, first, strict=True)))
    for one in (dropped, plain):
        one.run()
    assert dropped.parameters.flat.tobytes() == plain.parameters.flat.tobytes()


@BOTH
def test_a_run_goes_on_from_a_checkpoint_to_the_same_bits(engine: Any, tmp_path: Path) -> None:
    whole = made(engine=engine, **FADING)
    whole.run()
    for steps in (1, 5, 23, 39):
        first = made(engine=engine, **FADING)
        first.advance(steps=steps)
        first.save(tmp_path / "run")
        again = made(engine=engine, **FADING)
        again.restore(tmp_path / "run")
        again.run()
        assert outcome(again) == outcome(whole), steps


def test_another_schedule_is_refused_by_name_on_resuming(tmp_path: Path) -> None:
    first = made(**FADING)
    first.advance(steps=3)
    first.save(tmp_path / "run")
    for settings, said in (
        ({}, "decay_schedule was .*cosine.* and is not given; dropout_schedule was .*flat_cos"),
        ({**FADING, "dropout_schedule": FlatCos(flat=0.7)}, "flat.*0.5.* and is .*0.7"),
    ):
        with pytest.raises(FileError, match=said):
            made(**settings).restore(tmp_path / "run")


def test_the_model_file_says_along_what(tmp_path: Path) -> None:
    net = network(dropout=0.2)
    model = cp.train(net, X, Y, **SETTINGS, dropout_schedule="flat_cos", decay_schedule=Cosine())
    kept = cp.load(model.save(tmp_path / "m.clearprop")).provenance
    assert kept["dropout_schedule"] == {"name": "flat_cos", "flat": 0.5}
    assert kept["decay_schedule"] == {"name": "cosine", "final": 0.0}


@pytest.mark.parametrize(
    ("settings", "dropout", "said"),
    [
        ({"dropout_schedule": "flat_cosine"}, 0.4, "there is no schedule 'flat_cosine'; did you"),
        ({"dropout_schedule": "flat_cos"}, 0.0, "dropout_schedule='flat_cos', and the network has"),
        ({"decay_schedule": "cosine", "optimizer": "adam"}, 0.4, "adam has no weight decay: take"),
        (
            {"decay_schedule": "cosine", "optimizer": cp.AdamW(weight_decay=0.0)},
            0.4,
            "adamw has no weight decay: give it one",
        ),
        ({"dropout_schedule": "plateau"}, 0.4, "dropout_schedule='plateau' follows what epochs"),
        ({"decay_schedule": "plateau"}, 0.4, "decay_schedule='plateau' follows what epochs end"),
        ({"decay_schedule": [1.0, -1.0]}, 0.4, "^decay_schedule: the rate of step 1 is -1.0"),
        ({"decay_schedule": [1.0]}, 0.4, "^decay_schedule: 1 rates for 40 steps"),
        ({"dropout_schedule": np.full(40, 2.5)}, 0.4, "2.5 times the rate 0.4, in step 0"),
        ({"dropout_schedule": {}}, 0.4, "^dropout_schedule is a name, a Schedule, an array"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(
    settings: dict[str, Any], dropout: float, said: str
) -> None:
    with pytest.raises(SettingError, match=said):
        made(dropout, **settings).run()


def test_members_and_many_runs_share_the_schedule() -> None:
    X_, y = table(60)
    net = cp.Network([4, 6, 2], "tanh", cost="cross_entropy", dropout=0.3)
    told: dict[str, Any] = {"epochs": 3, "optimizer": cp.AdamW(weight_decay=0.1), **FADING}
    alone = [cp.train(net, X_, y, seed=seed, **told).parameters.flat for seed in (1, 2)]
    together = cp.train_many([{"seed": 1}, {"seed": 2}], X_, y, network=net, **told)
    for one, other in zip(alone, together, strict=True):
        assert one.tobytes() == other.parameters.flat.tobytes()


def test_a_plain_network_of_a_table_takes_them_along() -> None:
    data = {"x": X[:, 0], "z": X[:, 1], "y": Y}
    told: dict[str, Any] = {
        "hidden": [8], "epochs": 2, "dropout": 0.2, "optimizer": "adamw", "members": 1,
    }  # fmt: skip
    model = cp.train_table(data, "y", **told, **FADING)
    assert model.provenance["dropout_schedule"]["name"] == "flat_cos"
    with pytest.raises(SettingError, match="and the network has no dropout"):
        cp.train_table("no such table.csv", "y", **(told | {"dropout": 0.0}), **FADING)
