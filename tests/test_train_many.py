"""Many networks trained at once are the networks that would be trained one by one."""

from __future__ import annotations

import os
import signal
import threading
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import clearprop as cp
from clearprop.errors import (
    DataError,
    DivergenceError,
    FileError,
    GraphError,
    SettingError,
    ShapeError,
)
from clearprop.training import Progress, together


def table(rng: np.random.Generator, n: int = 150) -> tuple[np.ndarray, np.ndarray]:
    X = rng.normal(size=(n, 4)).astype(np.float32)
    return X, np.array(["low", "mid", "high"])[np.digitize(X[:, 0] * X[:, 1], [-0.3, 0.3])]


def network(l2: float = 0.0, hidden: int = 8) -> cp.Network:
    return cp.Network([4, hidden, 3], "tanh", cost="cross_entropy", l2=l2, dropout=0.1)


def same(one: cp.Model, other: cp.Model) -> bool:
    """Whether two models agree to the bit, histories too, all but the time that they took."""
    columns = [name for name in one.history.columns if name != "seconds"]
    return (
        one.parameters.flat.tobytes() == other.parameters.flat.tobytes()
        and all(one.history[name].tobytes() == other.history[name].tobytes() for name in columns)
        and [event.text for event in one.history.events]
        == [event.text for event in other.history.events]
        and one.labels == other.labels
    )


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_each_has_the_bits_of_the_run_it_stands_for(rng: np.random.Generator, threads: int) -> None:
    X, Y = table(rng)
    w = rng.uniform(0, 2, len(X))
    some = rng.random(len(X)) < 0.6
    drawn = rng.integers(0, len(X), 100)
    plain = cp.Network([4, 6, 3], "tanh", cost="cross_entropy")
    common: dict[str, Any] = {"epochs": 4, "batch_size": 16, "learning_rate": 0.01}
    runs: list[dict[str, Any]] = [
        {},
        {"seed": 7},
        {"learning_rate": 0.003, "schedule": "cosine"},
        {"optimizer": cp.AdamW(0.01, weight_decay=0.1), "learning_rate": None},
        {"l2": 1e-2},
        {"rows": some},
        {"rows": drawn, "seed": 3},
        {"sample_weight": w},
        {"sample_weight": w, "rows": some, "validation": 0.25},
        {"batch_size": 40, "clip": 0.5, "optimizer": "momentum"},
        {"batch_size": "full", "steps": 9, "epochs": None},
        {"network": network(hidden=5), "validation": (X[:30], Y[:30]), "patience": 1},
        {"precision": "float64", "max_steps": 11},
        {"engine": "reference", "epochs": 2},
        {"optimizer": "muon"},
        {"optimizer": "schedule_free"},
        {"network": plain, "optimizer": "lbfgs", "learning_rate": None, "batch_size": None},
        {"optimizer": "rprop", "learning_rate": None, "batch_size": None},
    ]
    models = cp.train_many(runs, X, Y, network=network(), threads=threads, **common)
    assert len(models) == len(runs)
    for run, model in zip(runs, models, strict=True):
        told = common | run
        rows = told.pop("rows", np.arange(len(X)))
        net = told.pop("network", network(told.pop("l2", 0.0)))
        if "sample_weight" in told:
            told["sample_weight"] = told["sample_weight"][rows]
        alone = cp.train(net, X[rows], Y[rows], **told)
        assert same(model, alone), run


def test_numbers_and_several_inputs_are_shared_too(rng: np.random.Generator) -> None:
    x, colour = cp.Input(2, name="size"), cp.Input(levels=3, name="colour")
    h = cp.Dense(6, "tanh")(cp.concat(x, cp.Embedding(2)(colour)))
    net = cp.Network(inputs=[x, colour], outputs=cp.Dense(1)(h))
    X = {"size": rng.normal(size=(60, 2)), "colour": rng.integers(0, 3, 60)}
    y = X["size"][:, 0] + X["colour"]
    half = np.arange(30)
    models = cp.train_many([{"rows": half}, {"seed": 1}], X, y, network=net, epochs=3)
    assert same(models[0], cp.train(net, {k: a[half] for k, a in X.items()}, y[half], epochs=3))
    assert same(models[1], cp.train(net, X, y, epochs=3, seed=1))


def test_a_subset_without_a_label_still_tells_all_of_them_apart(rng: np.random.Generator) -> None:
    X, Y = table(rng)
    (model,) = cp.train_many([{"rows": Y != "mid"}], X, Y, network=network(), epochs=1)
    assert sorted(model.labels) == ["high", "low", "mid"]


def test_slices_in_turn_change_no_bits(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slice as short as can be, and room for one open run beside those at work."""
    X, Y = table(rng)
    runs = [{"seed": seed} for seed in range(5)]
    whole = cp.train_many(runs, X, Y, network=network(), epochs=3, validation=0.2)
    monkeypatch.setattr(together, "SLICE", 1e-9)
    monkeypatch.setattr(together, "OPEN_BYTES", 1)
    cut = cp.train_many(runs, X, Y, network=network(), epochs=3, validation=0.2, threads=2)
    assert all(same(one, other) for one, other in zip(whole, cut, strict=True))


def test_runs_stay_level(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(together, "SLICE", 1e-9)
    X, Y = table(rng)
    seen: list[list[int]] = []

    def watch(progress: Sequence[Progress | None]) -> None:
        seen.append([0 if one is None else one.step for one in progress])

    runs = [{"seed": seed} for seed in range(3)]
    cp.train_many(runs, X, Y, network=network(), epochs=4, progress=watch, threads=1)
    assert all(max(steps) - min(steps) <= 5 for steps in seen)  # an epoch's
    assert len(seen) > 3
    assert len(set(seen[-1])) == 1


def test_progress_is_told_of_every_run_on_the_callers_thread(rng: np.random.Generator) -> None:
    X, Y = table(rng)
    last: list[Progress | None] = []
    threads = set()

    def watch(progress: Sequence[Progress | None]) -> None:
        last[:] = progress
        threads.add(threading.current_thread())

    cp.train_many([{}, {"epochs": 2}], X, Y, network=network(), epochs=3, progress=watch)
    assert [(one.epoch, one.why) for one in last if one] == [(3, "complete"), (2, "complete")]
    assert threads == {threading.main_thread()}


def pressed_in_epoch(wanted: int) -> Callable[[Progress], None]:
    def press(progress: Progress) -> None:
        if progress.epoch == wanted:
            os.kill(os.getpid(), signal.SIGINT)  # heard by the main thread, which this one is not
            deadline = time.monotonic() + 30
            while not progress.training._loop.asked and time.monotonic() < deadline:
                time.sleep(0.001)

    return press


def test_ctrl_c_keeps_what_there_is_and_the_runs_go_on_from_there(
    rng: np.random.Generator, tmp_path: Path
) -> None:
    X, Y = table(rng, 600)
    runs: list[dict[str, Any]] = [{"seed": 1, "epochs": 1}, {"seed": 2}, {"seed": 3}]
    told: dict[str, Any] = {"network": network(), "epochs": 40, "checkpoint": tmp_path / "kept"}
    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(cp.InterruptedMany) as caught:
        cp.train_many(runs, X, Y, callbacks=pressed_in_epoch(20), threads=1, **told)
    assert signal.getsignal(signal.SIGINT) is handler
    models = caught.value.models
    assert len(models) == 3
    assert models[0] is not None
    assert models[0].provenance["stopped"] == "complete"
    assert any(m is not None and m.provenance["stopped"] == "interrupted" for m in models)
    begun = {path.name for path in (tmp_path / "kept").iterdir()}
    assert {"run-0.checkpoint", "run-1.checkpoint"} <= begun
    seen: list[tuple[int, int]] = []
    resumed = cp.train_many(
        runs, X, Y, resume=True,
        callbacks=lambda progress: seen.append((progress.training.seed, progress.epoch)), **told,
    )  # fmt: skip
    assert 1 not in {seed for seed, _ in seen}  # it had ended
    assert min(epoch for seed, epoch in seen if seed == 2) >= 20
    del told["checkpoint"]
    alone = cp.train_many(runs, X, Y, **told)
    for one, other in zip(resumed, alone, strict=True):
        assert one.parameters.flat.tobytes() == other.parameters.flat.tobytes()
        assert one.history["cost"].tobytes() == other.history["cost"].tobytes()


def test_more_runs_go_on_from_what_fewer_have_kept(
    rng: np.random.Generator, tmp_path: Path
) -> None:
    X, Y = table(rng, 60)
    told: dict[str, Any] = {"network": network(), "epochs": 2, "checkpoint": tmp_path / "kept"}
    seeds = [{"seed": seed} for seed in range(11)]
    cp.train_many(seeds[:10], X, Y, **told)
    trained: list[int] = []
    cp.train_many(
        seeds, X, Y, resume=True,
        callbacks=lambda progress: trained.append(progress.training.seed), **told,
    )  # fmt: skip
    assert trained == [10, 10]


def test_a_handler_that_returns_lets_the_runs_go_on(rng: np.random.Generator) -> None:
    X, Y = table(rng, 600)
    heard: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: heard.append(number))
    try:
        models = cp.train_many(
            [{"seed": 1}, {"seed": 2}], X, Y, network=network(), epochs=30,
            callbacks=pressed_in_epoch(10),
        )  # fmt: skip
    finally:
        signal.signal(signal.SIGINT, before)
    assert heard
    assert [len(model.history) for model in models] == [30, 30]


def test_one_that_diverges_is_named_or_kept(rng: np.random.Generator) -> None:
    X = rng.normal(size=(64, 4)).astype(np.float32)
    net = cp.Network([4, 8, 1], "relu")
    runs: list[dict[str, Any]] = [{}, {"learning_rate": 1e30}, {"seed": 1}]
    told: dict[str, Any] = {"network": net, "optimizer": "sgd", "epochs": 5, "batch_size": 8}
    with pytest.raises(DivergenceError, match=r"^runs\[1\]: .* became") as caught:
        cp.train_many(runs, X, X[:, 0], **told)
    assert caught.value.training is not None
    models = cp.train_many(runs, X, X[:, 0], diverged="keep", **told)
    assert models[1].provenance["stopped"] == "diverged"
    assert models[1].history.events[-1].kind == "diverged"
    assert np.isfinite(models[1].parameters.flat).all()
    del told["network"]
    assert same(models[2], cp.train(net, X, X[:, 0], seed=1, **told))


def test_an_error_of_a_callers_own_function_stops_all_and_is_itself(
    rng: np.random.Generator,
) -> None:
    X, Y = table(rng)
    before = threading.active_count()

    def fails(progress: Progress) -> None:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        cp.train_many([{}, {"callbacks": fails}], X, Y, network=network(), epochs=1000)
    assert threading.active_count() == before

    def fails_too(progress: Sequence[Progress | None]) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        cp.train_many([{}], X, Y, network=network(), epochs=10**6, progress=fails_too)
    assert threading.active_count() == before


def test_nothing_begins_if_one_is_wrong(rng: np.random.Generator, tmp_path: Path) -> None:
    X, Y = table(rng)
    ok: dict[str, Any] = {}
    wide = cp.Network([5, 3], cost="cross_entropy")
    two = cp.Network([4, 2], cost="cross_entropy")
    wrong: list[tuple[Any, type[Exception], str]] = [
        ({"network": wide}, ShapeError, r"runs\[1\]: X: expected shape \(n, 5\), got \(150, 4\)"),
        ({"network": two}, DataError, r"runs\[1\]: Y has 3 different labels"),
        ({"network": "4-3"}, GraphError, r"runs\[1\]: train_many takes a Network, got '4-3'"),
        ({"sed": 1}, SettingError, r"runs\[1\]: a run has no setting 'sed'; did you mean 'seed'"),
        ({"threads": 2}, SettingError, r"runs\[1\]: a run has no setting 'threads'"),
        ({"learning_rate": -1}, SettingError, r"runs\[1\]: .*learning_rate must be a number in"),
        ({"epochs": 0}, SettingError, r"runs\[1\]: epochs"),
        ({"schedule": "cosin"}, SettingError, r"runs\[1\]: .*did you mean 'cosine'"),
        ({"optimizer": "lbfgs"}, SettingError, r"runs\[1\]: lbfgs needs one cost for all"),
        ({"l2": -1.0}, SettingError, r"runs\[1\]: l2 must be a number in"),
        ({"rows": np.zeros(150, bool)}, DataError, r"runs\[1\]: rows leaves no rows"),
        ({"rows": []}, DataError, r"runs\[1\]: rows leaves no rows"),
        ({"rows": [150]}, DataError, r"runs\[1\]: rows holds 150; the rows of X are 0 to 149"),
        ({"rows": [True]}, DataError, r"runs\[1\]: rows has 1 truth values and X has 150 rows"),
        ({"rows": [0.5]}, DataError, r"runs\[1\]: rows are 150 truth values or row numbers"),
        ({"sample_weight": [1.0]}, ShapeError, r"runs\[1\]: sample_weight: expected shape"),
        ({"parameters": {}}, SettingError, r"runs\[1\]: parameters: W1 \(8, 4\) is missing"),
        ({"validation": (X, np.full(150, "x"))}, DataError, r"runs\[1\]: Y has the label x"),
        (3, SettingError, r"runs\[1\]: a run is a dict of settings, got 3"),
    ]
    begun: list[Progress] = []
    for run, kind, text in wrong:
        with pytest.raises(kind, match=text):
            cp.train_many([ok, run], X, Y, network=network(), callbacks=begun.append)
    net = network()
    with pytest.raises(SettingError, match="list of runs, a dict each, got 3"):
        cp.train_many(3, X, Y, network=net)  # type: ignore[arg-type]
    with pytest.raises(SettingError, match="train_many has no setting 'epoch'; did you mean"):
        cp.train_many([ok], X, Y, network=net, epoch=3)
    with pytest.raises(SettingError, match="diverged is 'raise' or 'keep', got 'no'"):
        cp.train_many([ok], X, Y, network=net, diverged="no")  # type: ignore[arg-type]
    with pytest.raises(SettingError, match="progress is a function"):
        cp.train_many([ok], X, Y, network=net, progress=1)  # type: ignore[arg-type]
    with pytest.raises(SettingError, match="give their folder"):
        cp.train_many([ok], X, Y, network=net, resume=True)
    with pytest.raises(SettingError, match="threads must be a whole number"):
        cp.train_many([ok], X, Y, network=net, threads=0)
    with pytest.raises(FileError, match="cannot make the folder"):
        cp.train_many([ok], X, Y, network=net, checkpoint=tmp_path / "no" / "folder")
    with pytest.raises(DataError, match="NaN"):
        cp.train_many([ok], X * np.nan, Y, network=net, callbacks=begun.append)
    assert not begun


def test_no_runs_are_no_models(rng: np.random.Generator) -> None:
    assert cp.train_many([], *table(rng), network=network()) == []


def test_a_checkpoint_of_other_runs_is_refused(rng: np.random.Generator, tmp_path: Path) -> None:
    X, Y = table(rng)
    told: dict[str, Any] = {"network": network(), "epochs": 2, "checkpoint": tmp_path}
    cp.train_many([{}, {"seed": 1}], X, Y, **told)
    with pytest.raises(FileError, match=r"^runs\[1\]: cannot resume .*seed was 1 and is 2"):
        cp.train_many([{}, {"seed": 2}], X, Y, resume=True, **told)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_fork_trains_many_as_its_parent_did(rng: np.random.Generator) -> None:
    X, Y = table(rng)

    def trained() -> bytes:
        runs = [{"seed": seed} for seed in range(3)]
        models = cp.train_many(runs, X, Y, network=network(), epochs=3, threads=2)
        return b"".join(model.parameters.flat.tobytes() for model in models)

    here = trained()
    read, write = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of forks while threads of others may live
        child = os.fork()
    if child == 0:
        os.write(write, b"same" if trained() == here else b"other")
        os._exit(0)
    deadline = time.monotonic() + 60
    while os.waitpid(child, os.WNOHANG)[0] == 0:
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
            pytest.fail("the child hangs")
        time.sleep(0.01)
    assert os.read(read, 10) == b"same"
