"""A run killed at any moment and resumed ends with the bits of one that was never killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import count
from killed_run import result, training

import clearprop as cp
from clearprop import _native, storage
from clearprop.errors import DivergenceError, FileError, NativeError, SettingError
from clearprop.training import CHECKPOINT, Checkpoint, Training

SCRIPT = Path(__file__).with_name("killed_run.py")


@pytest.fixture(scope="module")
def unbroken() -> dict[str, bytes]:
    run = training(None)
    run.run()
    return result(run)


# -- killed ---------------------------------------------------------------------------------------
@pytest.mark.prove
def test_runs_killed_at_random_moments_resume_to_the_same_bits(
    unbroken: dict[str, bytes], tmp_path: Path, proof: Any
) -> None:
    """kill -9 at random moments; with a checkpoint every slice, many fall inside its write."""
    rng = np.random.default_rng(7)
    wanted = count(6, 200)
    kills = inside = runs = 0
    while kills < wanted:
        path = tmp_path / f"run{runs}.checkpoint"
        runs += 1
        finished = False
        while not finished and kills < wanted:
            process = subprocess.Popen(
                [sys.executable, str(SCRIPT), str(path)], stdout=subprocess.PIPE, text=True
            )
            assert process.stdout is not None
            while process.stdout.readline().strip() not in ("goes on", ""):
                pass
            time.sleep(rng.uniform(0, 0.12))
            process.send_signal(signal.SIGKILL)
            finished = "done" in process.communicate()[0]
            if not finished:
                kills += 1
                inside += any(tmp_path.glob(".*.part"))
        run = training(path)
        run.run()
        assert result(run) == unbroken
        assert not list(tmp_path.glob(".*.part")), "what was half written is swept away"
        for left in tmp_path.iterdir():
            left.unlink()
    assert inside or wanted < 100, "no kill fell inside a checkpoint's write"
    proof(
        "a run killed at a random moment and resumed ends with the bits of one never killed",
        count=kills,
        inside_a_write=inside,
    )


@pytest.mark.parametrize("call", ["open", "write", "fsync", "replace"])
def test_killed_inside_a_checkpoints_write_the_older_one_stands(
    call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every system call of the write fails in turn, as it would if the process ended there."""
    path = tmp_path / "run.checkpoint"
    run = training(path)
    run.advance(steps=13)
    run.save(path)
    older = path.read_bytes()
    run.advance(steps=1)
    run.save(tmp_path / "other")

    class KilledError(BaseException):
        pass

    def die(*args: Any, **kwargs: Any) -> Any:
        raise KilledError

    if call == "write":
        monkeypatch.setattr(storage, "open", die, raising=False)
    else:
        monkeypatch.setattr(os, call, die)
    path.write_bytes(older)
    with pytest.raises(KilledError):
        run.save(path)
    monkeypatch.undo()
    assert path.read_bytes() == older
    assert Checkpoint.read(path).state.step == 13


@pytest.mark.parametrize("engine", ["reference", "native"])
def test_resumed_at_every_kind_of_moment_the_run_is_the_same(engine: str, tmp_path: Path) -> None:
    whole = training(None, engine, epochs=8)
    whole.run()
    for steps in (1, 7, 8, 9, 30, 56):  # first step, around an epoch's end, in the middle, the end
        path = tmp_path / f"{engine}{steps}"
        first = training(None, engine, epochs=8)
        first.advance(steps=steps)
        first.save(path)
        again = training(None, engine, epochs=8)
        again.restore(path)
        assert result(again) == result(first)
        assert repr(again.progress) == repr(first.progress)
        again.run()
        assert result(again) == result(whole)


def test_ctrl_c_leaves_a_checkpoint_of_the_last_whole_step(tmp_path: Path) -> None:
    path = tmp_path / "run.checkpoint"
    whole = training(None)
    whole.run()

    def press(progress: Any) -> None:
        if progress.epoch == 5:
            os.kill(os.getpid(), signal.SIGINT)

    run = training(None)
    run._keeper.path, run._keeper.every = path, 1e9
    run._loop.callbacks = (press,)
    with pytest.raises(KeyboardInterrupt):
        run.run()
    resumed = training(path)
    assert resumed.epoch == 5
    resumed.run()
    assert result(resumed) == result(whole)


def test_a_limit_is_no_part_of_the_run_and_may_be_raised(tmp_path: Path) -> None:
    path = tmp_path / "run.checkpoint"
    whole = training(None)
    whole.run()
    for limit in (3, 8, 21, 200):
        run = training(path)
        run._loop.ends.max_steps = limit
        run.run()
        assert (run.why, run.step) == ("max_steps", limit)
    run = training(path)
    assert run.step == 200
    run.run()
    assert result(run) == result(whole)


def test_a_finished_run_resumes_as_finished(tmp_path: Path) -> None:
    path = tmp_path / "run.checkpoint"
    run = training(path)
    run.run()
    again = training(path)
    assert again.finished
    assert result(again) == result(run)
    assert again.run().step == run.step


def test_a_diverged_run_is_not_resumed_and_its_checkpoint_keeps_the_best(tmp_path: Path) -> None:
    X = np.linspace(-1, 1, 32)[:, None]
    path = tmp_path / "run"

    def made(learning_rate: float, resume: bool = True) -> Training:
        return Training(
            cp.Network([1, 1], output="identity"), X, X, optimizer="sgd",
            learning_rate=learning_rate, batch_size=8, checkpoint=path, resume=resume,
            early_stopping=True,
        )  # fmt: skip

    first = made(20)
    with pytest.raises(DivergenceError) as diverged:
        first.run()
    for rate in (20, 0.1):  # the advice followed, but with --resume
        with pytest.raises(FileError, match="diverged and cannot go on") as refused:
            made(rate)
        assert str(diverged.value) in str(refused.value)
        assert str(refused.value).endswith("start anew without resume")
    assert (Checkpoint.read(path).best == first.best.flat).all()
    anew = made(0.1, resume=False)
    assert anew.run().why in ("complete", "early_stopping")


def test_a_diverged_runs_checkpoint_gives_no_model(tmp_path: Path) -> None:
    X = np.linspace(-1, 1, 32)[:, None]
    settings: dict[str, Any] = {
        "optimizer": "sgd", "learning_rate": 20, "batch_size": 8, "checkpoint": tmp_path / "run",
    }  # fmt: skip
    net = cp.Network([1, 1], output="identity")
    with pytest.raises(DivergenceError):
        cp.train(net, X, X, **settings)
    with pytest.raises(FileError, match="diverged and cannot go on"):
        cp.train(net, X, X, resume=True, **settings)


# -- refused --------------------------------------------------------------------------------------
def test_to_resume_from_nowhere_is_refused() -> None:
    with pytest.raises(SettingError, match="resume=True needs the checkpoint to go on from"):
        small(None)
    X = np.ones((4, 1))
    with pytest.raises(SettingError, match="resume=True needs the checkpoint to go on from"):
        cp.train(cp.Network([1, 1]), X, X, resume=True)


def small(path: Path | None, **changed: Any) -> Training:
    X = np.arange(40.0).reshape(20, 2) / 40
    given: dict[str, Any] = {
        "network": cp.Network([2, 3, 1], "tanh"), "X": X, "Y": X[:, :1], "epochs": 3, "seed": 1,
        "validation": (X, X[:, :1]), "engine": "reference", "schedule": "cosine",
    }  # fmt: skip
    return Training(**({"checkpoint": path, "resume": True} | given | changed))


def worst_error(Y: Any, output: Any) -> float:
    return float(np.abs(Y - output).max())


def mean_error(Y: Any, output: Any) -> float:
    return float(np.abs(Y - output).mean())


class Share:
    """A metric that is an object."""

    def __call__(self, Y: Any, output: Any) -> float:
        return mean_error(Y, output)


X2 = np.arange(40.0).reshape(20, 2) / 41


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"learning_rate": 0.5}, "learning_rate was 0.001 and is 0.5"),
        (
            {"optimizer": "sgd"},
            "optimizer was adam and is sgd; learning_rate was 0.001 and is 0.01",
        ),
        ({"epochs": 4}, "the run had 3 steps and would have 4: epochs or batch_size"),
        ({"batch_size": 7}, "batch_size was 20 and is 7"),
        ({"seed": 2}, "seed was 1 and is 2"),
        ({"clip": 1.0}, "clip was not given and is 1.0"),
        ({"patience": 3}, "patience was 16 and is 3"),
        ({"schedule": "constant"}, "schedule was .*cosine.* and is .*constant"),
        ({"engine": "native", "precision": "float64"}, "engine was reference and is "),
        ({"network": cp.Network([2, 4, 1], "tanh")}, "the network is not the same"),
        ({"X": X2, "seed": 7}, "cannot resume from [^ ]*: seed was 1 and is 7[.] Give"),
        ({"X": X2}, r"X\['X'\] is not the same"),
        ({"X": X2.astype(np.float32)}, r"X\['X'\] is not the same"),
        ({"Y": X2[:, 1:]}, r"Y\['y'\] is not the same"),
        ({"sample_weight": np.ones(20)}, "sample_weight is not the same"),
        ({"validation": (X2, X2[:, :1])}, r"validation X\['X'\] is not the same"),
        ({"validation": None}, "rows of validation data was 20 and is not given"),
        ({"metric": None, "monitor": "cost"}, "metric was .*worst_error and is not given"),
        ({"metric": mean_error}, "metric was .*worst_error and is .*mean_error"),
        ({"metric": Share()}, "metric was .*worst_error and is .*Share"),
        ({"greater_is_better": True}, "greater_is_better was False and is True"),
    ],
)
def test_other_data_or_settings_are_refused_by_name(
    changed: dict[str, Any], message: str, tmp_path: Path
) -> None:
    path = tmp_path / "run.checkpoint"
    watched: dict[str, Any] = {}
    if changed.get("validation", X2) is not None:
        watched = {"metric": worst_error, "monitor": "metric", "greater_is_better": False}
    small(path, **watched).run()
    with pytest.raises(FileError, match=message):
        small(path, **(watched | changed))


def test_a_file_from_before_metrics_were_noted_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "run.checkpoint"
    watched: dict[str, Any] = {
        "metric": worst_error, "monitor": "metric", "greater_is_better": False,
    }  # fmt: skip
    whole = small(path, **watched)
    whole.run()
    early = small(tmp_path / "early", max_steps=1, **watched)
    early.run()
    old = Checkpoint.read(tmp_path / "early")
    kept = {k: v for k, v in old.fingerprint.items() if k not in ("metric", "greater_is_better")}
    assert len(kept) == len(old.fingerprint) - 2
    old.fingerprint = kept
    old.write(path)
    again = small(path, **watched)
    assert again.step == 1
    again.run()
    assert result(again) == result(whole)


def test_what_changes_no_bits_may_differ(tmp_path: Path) -> None:
    path = tmp_path / "run.checkpoint"
    small(path, max_steps=1).run()
    run = small(path, threads=2, time_limit=100.0, callbacks=lambda progress: None)
    assert run.step == 1
    assert run.run().why == "complete"


SETS = [name for name, family, here in _native.instruction_sets() if family == "fma" and here]


@pytest.mark.parametrize("name", SETS)
def test_another_count_of_threads_and_another_instruction_set_go_on_to_the_same_bits(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(600, 20)), rng.integers(0, 3, 600)

    def made(**settings: Any) -> Training:
        net = cp.Network([20, 40, 40, 3], "gelu", cost="cross_entropy", dropout=0.1, l2=1e-3)
        return Training(net, X, Y, batch_size=256, epochs=4, clip=0.5, **settings)

    whole = made(threads=1)
    whole.run()
    monkeypatch.setenv("CLEARPROP_ISA", name)
    part = made(threads=3, max_steps=5, checkpoint=tmp_path / "run")
    part.run()
    monkeypatch.delenv("CLEARPROP_ISA")
    again = made(threads=2, checkpoint=tmp_path / "run", resume=True)
    assert again.step == 5
    again.run()
    assert result(again) == result(whole)


def test_saving_elsewhere_does_not_put_off_the_runs_own_checkpoint(tmp_path: Path) -> None:
    run = small(tmp_path / "run", resume=False, max_steps=1)
    due = run._keeper.due
    run.save(tmp_path / "elsewhere")
    assert run._keeper.due == due
    run.run()
    assert run._keeper.due > due


def test_a_restore_that_the_engine_refuses_leaves_a_whole_run(tmp_path: Path) -> None:
    first, second = training(None), training(None)
    first.advance(steps=13)
    first.save(tmp_path / "run")
    second.close()
    with pytest.raises(NativeError, match="closed"):
        second.restore(tmp_path / "run")
    assert result(second) == result(first)


def test_a_file_cut_anywhere_or_edited_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.checkpoint"
    small(path).run()
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    for size in [0, 1, 8, 50, len(whole) - 1, *rng.integers(0, len(whole), size=20).tolist()]:
        path.write_bytes(whole[:size])
        with pytest.raises(FileError, match=r"is damaged|is no ClearProp checkpoint"):
            Checkpoint.read(path)
    for place in rng.integers(0, len(whole), size=60).tolist():
        edited = bytearray(whole)
        edited[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(bytes(edited))
        with pytest.raises(FileError, match=r"is damaged|no ClearProp checkpoint|newer one"):
            Checkpoint.read(path)
    path.write_bytes(whole)
    assert Checkpoint.read(path).state.step == 3


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"PAR1....", "no ClearProp checkpoint: it is a Parquet table"),
        (b'{"a": 1}', "it is JSON"),
        (b"\x80\x04\x95", "runs no code from files"),
        (b"", "it is empty"),
    ],
)
def test_a_foreign_file_is_refused_and_not_replaced(
    content: bytes, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "mine"
    path.write_bytes(content)
    with pytest.raises(FileError, match=message):
        small(path)
    X = np.ones((4, 1))
    with pytest.raises(FileError, match="exists and is no checkpoint"):
        Training(cp.Network([1, 1]), X, X, checkpoint=path)
    assert path.read_bytes() == content


def test_a_newer_format_is_named(tmp_path: Path) -> None:
    path = tmp_path / "run.checkpoint"
    newer = storage.Kind(CHECKPOINT.format, "checkpoint", 2, "")
    storage.write(path, newer, {}, {"parameters": np.zeros(1)})
    with pytest.raises(FileError, match="format version 2; this ClearProp reads up to 1"):
        Checkpoint.read(path)


def test_a_place_that_cannot_be_written_is_refused_before_training(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="there is no folder"):
        small(tmp_path / "no" / "such")
    with pytest.raises(FileError, match="it is a folder"):
        small(tmp_path)


def test_a_checkpoint_is_plain_safetensors(tmp_path: Path) -> None:
    path = tmp_path / "run.checkpoint"
    run = small(path)
    run.run()
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    start, end = header["parameters"]["data_offsets"]
    kept = np.frombuffer(data[8 + length :][start:end], "<f8")
    assert (kept == run.parameters.flat).all()
    said = json.loads(header["__metadata__"]["clearprop"])
    assert said["position"][0] == run.step == 3


def test_the_same_run_writes_the_same_bytes_but_for_the_time(tmp_path: Path) -> None:
    run = small(None, resume=False)
    run.run()
    run.save(tmp_path / "a")
    run.save(tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
