"""``clearprop train`` that is interrupted, limited and gone on with."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cli_runs import PENGUINS, command, interrupted, train
from conftest import Run

import clearprop as cp
from clearprop.cli import main
from clearprop.training.keeping import Keeper


def test_ctrl_c_saves_the_best_so_far_and_resume_gives_the_same_bits(tmp_path: Path) -> None:
    """Stopped in the middle by the real signal, resumed, and compared to a run never stopped."""
    args = ["train", PENGUINS, "-t", "species", "--epochs", "10000", "--patience", "10000",
            "--hidden", "4", "--members", "1"]  # fmt: skip
    out = interrupted(*args, "-o", "m.clearprop", cwd=tmp_path, after=0.2)
    assert "--resume" in out
    part = cp.load(tmp_path / "m.clearprop")
    assert part.provenance["stopped"] == "interrupted"
    told = part.history.events[-1]
    assert (told.kind, told.step) == ("interrupted", part.provenance["steps"])
    assert (tmp_path / "m.clearprop.checkpoint").exists()
    other = command(*args, "-o", "m.clearprop", "--resume", "--l2", "0.5", cwd=tmp_path)
    assert (other.returncode, other.stdout) == (1, "")  # refused before anything is told
    assert "m.clearprop.checkpoint: the network is not the same" in other.stderr
    for more in (["-o", "m.clearprop", "--resume"], ["-o", "whole.clearprop"]):
        done = command(*args, *more, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    resumed, whole = (cp.load(tmp_path / name) for name in ("m.clearprop", "whole.clearprop"))
    assert 0 < part.provenance["steps"] < whole.provenance["steps"]
    assert resumed.parameters.flat.tobytes() == whole.parameters.flat.tobytes()
    assert not (tmp_path / "m.clearprop.checkpoint").exists()


@pytest.mark.parametrize("wait", [0.0, 0.02, 0.2])
def test_pressing_ctrl_c_again_and_again_loses_nothing(tmp_path: Path, wait: float) -> None:
    """What was done is saved whole, however impatient; and nothing half is left."""
    args = ["train", PENGUINS, "-t", "species", "--epochs", "100000", "--patience", "100000",
            "--members", "2", "-o", "m.clearprop"]  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-m", "clearprop", *args], cwd=tmp_path, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("training"):
            break
    time.sleep(0.5)
    while process.poll() is None and not (tmp_path / "m.clearprop").exists():
        process.send_signal(signal.SIGINT)
        time.sleep(wait)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    model = cp.load(tmp_path / "m.clearprop")
    assert model.provenance["stopped"] == "interrupted"
    assert model.provenance["steps"] > 0
    assert "saved m.clearprop" in out
    assert not list(tmp_path.glob(".*.part"))


def test_a_checkpoint_broken_off_by_ctrl_c_leaves_no_part_of_it(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the file's being there and its being looked after there is a moment."""

    def broken_off(self: Keeper, books: object, path: str | os.PathLike[str]) -> None:
        Path(f".{Path(path).name}.0123abcd.part").write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(Keeper, "save", broken_off)
    code, out, _ = run(*train())
    assert code == 130
    assert "saved m.clearprop" in out
    assert "--resume" not in out  # there is nothing to go on from
    assert sorted(path.name for path in Path().iterdir()) == ["m.clearprop"]


def test_ctrl_c_while_the_figures_are_made_keeps_the_model(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cp.Model, "judged", interrupted)
    code, out, _ = run(*train())
    assert code == 130
    assert "saved m.clearprop" in out
    model = cp.load("m.clearprop")
    assert (model.provenance["stopped"], model.provenance["figures"]) == ("complete", {})
    monkeypatch.undo()


def test_a_time_limit_tells_the_steps_that_give_the_same_bits(run: Run) -> None:
    long = ["train", PENGUINS, "-t", "species", "--epochs", "1000000", "--patience", "1000000",
            "--members", "1", "--hidden", "4"]  # fmt: skip
    code, out, err = run(*long, "--time-limit", "0.2", "-o", "limited.clearprop")
    assert code == 0, err
    told = re.search(r"max_steps=(\d+) gives the same parameters", out)
    assert told is not None
    limited = cp.load("limited.clearprop")
    assert limited.provenance["stopped"] == "time_limit"
    assert limited.provenance["steps"] == int(told[1])
    found = re.search(r"stopped by the time limit in epoch (\d+)", out)
    assert found is not None
    assert int(found[1]) == limited.provenance["epochs"]
    code, out, err = run(*long, "--max-steps", told[1], "--json", "-o", "counted.clearprop")
    assert code == 0, err
    counted = cp.load("counted.clearprop")
    assert counted.parameters.flat.tobytes() == limited.parameters.flat.tobytes()
    assert json.loads(out)["stopped"] == "max_steps"
    assert [event["kind"] for event in json.loads(out)["events"]] == ["max_steps"]


def test_resume_without_a_checkpoint_says_so(run: Run) -> None:
    code, _, err = run(*train("--resume"))
    assert code == 1
    assert "nothing to resume" in err


@pytest.mark.parametrize(
    ("line", "body"),
    [
        ("derive 2-3-2", "derivation.derive"),
        ("notation", "derivation.notation"),
        ("tune d.csv --target y", "tune_table.tune_table"),
        ("evaluate m.clearprop d.csv", "predicting.evaluate"),
    ],
)
def test_ctrl_c_breaks_every_command_off_in_a_sentence(
    line: str, body: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def pressed(*_: object, **__: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(f"clearprop.cli.{body}", pressed)
    assert main(line.split()) == 130
    assert capsys.readouterr() == ("", "clearprop: interrupted; nothing was saved\n")
