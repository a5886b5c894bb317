"""What the command line prints: for programs, for people, in terminals of any kind."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
import typer
from cli_runs import PENGUINS, command, train
from conftest import Run

import clearprop as cp
from clearprop.cli import console
from clearprop.cli.app import app


@pytest.mark.parametrize(
    "args",
    [
        train("--json"),
        ["predict", "m.clearprop", PENGUINS, "--json"],
        ["predict", "m.clearprop", PENGUINS, "--json", "-o", "out.csv"],
        ["evaluate", "m.clearprop", PENGUINS, "--json"],
        ["describe", "m.clearprop", "--json"],
        ["describe", "2-3-2", "--json"],
        ["info", "--json"],
    ],
    ids=lambda args: " ".join(args[:1] + args[-2:]),
)
def test_json_is_one_object_and_nothing_else(run: Run, args: list[str]) -> None:
    run(*train())
    code, out, err = run(*args)
    assert code == 0
    assert err == ""
    assert isinstance(json.loads(out), dict)
    assert out.count("\n") == 1


def test_a_pipe_gets_no_progress(tmp_path: Path) -> None:
    done = command(*train(), cwd=tmp_path)
    assert done.returncode == 0
    assert done.stderr == ""
    assert "\x1b" not in done.stdout


def everything(ours: int) -> bytes:
    """What is written to the other side of a terminal until that closes."""
    drawn = b""
    with suppress(OSError):  # Linux says EIO where the other side has closed
        while part := os.read(ours, 65536):
            drawn += part
    os.close(ours)
    return drawn


@pytest.mark.parametrize("more", [[], ["--json"]], ids=["for people", "for programs"])
def test_a_terminal_gets_a_bar_unless_json_is_asked_for(tmp_path: Path, more: list[str]) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "clearprop", *train(*more)],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "80"},
    )
    os.close(theirs)
    drawn = everything(ours)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert b"\x1b" not in out  # results are no terminal's: they went into a pipe
    if more:
        assert drawn == b""
    else:
        assert re.search(rb"epoch .*\d/3", drawn)
        assert re.search(rb"log_loss [\d.]+ \(best [\d.]+ in \d\)  cost", drawn)
        assert drawn.rstrip().endswith((b"\x1b[2K", b"\x1b[?25h")), drawn[-40:]  # and it is gone


def test_help_teaches(run: Run) -> None:
    for args in (["--help"], ["train", "--help"], ["predict", "-h"], []):
        code, out, _ = run(*args)
        assert code == 0
        assert "clearprop" in out
    _, out, _ = run("train", "--help")
    assert "--column zip=category" in out


@pytest.mark.parametrize(
    "command", ["", "train", "evaluate", "predict", "describe", "info", "check", "derive"]
)
def test_help_shows_no_types_of_flags_and_each_default_once(
    run: Run, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    _, out, _ = run(*command.split(), "--help")
    for odd in ("<bool>", "<str>", "{", "[default: (", "default: None"):
        assert odd not in out
    assert all(len(line.rstrip()) <= 80 for line in out.splitlines())


@pytest.mark.parametrize("command", ["train", "predict", "tune", "describe", "derive", "check"])
def test_examples_of_help_can_be_copied_from_a_screen_of_80_columns(
    run: Run, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    _, out, _ = run(command, "--help")
    said = (typer.main.get_command(app).commands[command].epilog or "").splitlines()
    examples = [line for line in said if line.lstrip().startswith("clearprop ")]
    assert len(examples) > 1
    shown = [line.rstrip() for line in out.splitlines()]
    assert [line for line in shown if line.startswith(" clearprop ")] == [
        f" {one}" for one in examples
    ]


def test_help_names_the_defaults(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    _, out, _ = run("train", "--help")
    for option, default in (("seed", "0"), ("preset", "default"), ("optimizer", "adam")):
        assert re.search(rf"--{option} .*\[default: {default}\]", out), option
    assert "Usage: clearprop train DATA --target COLUMN [OPTIONS]" in out


def test_no_line_ends_in_blanks(run: Run) -> None:
    run(*train("--test", "0.2"))
    for args in (train("--test", "0.2"), ["evaluate", "m.clearprop", PENGUINS], ["info"],
                 ["describe", "m.clearprop"]):  # fmt: skip
        _, out, _ = run(*args)
        assert [line for line in out.splitlines() if line != line.rstrip()] == []


def test_figures_that_are_not_defined_are_left_out(run: Run) -> None:
    """Rows of one class have no area under the ROC curve."""
    rows = "".join(f"{v},{'ab'[v % 2]},{('no', 'yes')[v % 2]}\n" for v in range(40))
    Path("t.csv").write_text("x,group,y\n" + rows)
    args = ["train", "t.csv", "-t", "y", "--split-by", "group", "--epochs", "1", "-o", "m"]
    code, out, err = run(*args)
    assert (code, err) == (0, "")
    assert "auc" not in out
    assert "auc" not in cp.load("m").provenance["figures"]["validation"]
    Path("one.csv").write_text("x,y\n1,no\n2,no\n")
    _, out, _ = run("evaluate", "m", "one.csv")
    assert re.search("^auc +–  area", out, re.M)
    assert json.loads(run("evaluate", "m", "one.csv", "--json")[1])["figures"]["auc"] is None


def test_a_dash_for_the_auc_comes_with_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    console.figures({"test": {"accuracy": 0.5, "auc": 0.75}, "validation": {"accuracy": 1.0}})
    shown = capsys.readouterr().out
    assert "auc –: the validation rows are of one class alone" in shown
    console.figures({"": {"accuracy": 0.5, "auc": float("nan")}})
    assert "auc –: these rows are of one class alone" in capsys.readouterr().out
    console.figures({"": {"accuracy": 0.5, "auc": 0.75}})
    assert "–:" not in capsys.readouterr().out


def test_a_minus_is_the_screen(run: Run) -> None:
    run(*train())
    assert run("predict", "m.clearprop", PENGUINS, "-o", "-") == run(
        "predict", "m.clearprop", PENGUINS
    )
    code, out, _ = run("predict", "m.clearprop", PENGUINS, "-o", "-", "--json")
    assert (code, len(json.loads(out)["rows"])) == (0, 344)
    assert not Path("-").exists()


def test_version(run: Run) -> None:
    assert run("--version") == (0, f"clearprop {cp.__version__}\n", "")


def test_wrong_use_is_exit_code_two(run: Run) -> None:
    for args in (["train", PENGUINS], ["trian"], ["train"], ["info", "--nothing"]):
        code, out, err = run(*args)
        assert (code, out) == (2, "")
        assert len(err.splitlines()) == 1
        assert "--help" in err


def test_a_reader_that_goes_away_is_no_traceback(tmp_path: Path) -> None:
    command(*train(), cwd=tmp_path)
    done = subprocess.run(
        f"{sys.executable} -m clearprop predict m.clearprop {PENGUINS} | head -1",
        shell=True, check=False, capture_output=True, text=True, cwd=tmp_path,
    )  # fmt: skip
    assert done.stdout == "species,prediction\n"
    assert done.stderr == ""


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_without_utf8_gets_what_it_can_show(tmp_path: Path, encoding: str) -> None:
    env = {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    for args in (train(), ["describe", "m.clearprop"], ["train", "--help"]):
        done = command(*args, cwd=tmp_path, env=env, encoding=encoding)
        assert done.returncode == 0, done.stderr


def test_tables_fit_eighty_columns(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for args in (train("--test", "0.2"), ["evaluate", "m.clearprop", PENGUINS], ["train", "-h"]):
        _, out, _ = run(*args)
        assert [line for line in out.splitlines() if len(line) > 80] == []


def test_lines_of_a_terminal_fit_it_and_those_of_a_pipe_stay_whole(tmp_path: Path) -> None:
    names = ",".join(f"the long name of column {place}" for place in range(4))
    rows = [f"{'?' if row == 5 else f'${row}.50'},{row % 7},3,{row % 2}" for row in range(60)]
    Path(tmp_path, "t.csv").write_text("\n".join([names, *rows]))
    target = "the long name of column 3"
    for args in (
        ["train", "t.csv", "-t", target, "--preset", "fast", "--max-steps", "9", "-o", "m"],
        ["describe", "m"],
    ):
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-m", "clearprop", *args],
            cwd=tmp_path, stdout=theirs, env={**os.environ, "TERM": "dumb", "COLUMNS": "80"},
        )  # fmt: skip
        os.close(theirs)
        drawn = everything(ours).decode().replace("\r", "").split("\n")
        assert process.wait(timeout=60) == 0
        assert [line for line in drawn if len(line) > 80 or line.endswith(" ")] == []
    piped = command("describe", "m", cwd=tmp_path).stdout
    assert f"from 2 columns: {', '.join(names.split(',')[:2])}" in piped


def test_signs_of_a_file_that_would_steer_the_terminal_are_written_out(run: Run) -> None:
    rows = "".join(f"{row},k{row},{'no' if row % 2 else 'yes'}\x1b[33m\n" for row in range(40))
    Path("t\x1b[35m.csv").write_text(f"x\x1b[31m,id\x1b[32m,y\x1b]0;title\x07\n{rows}")
    path, target = "t\x1b[35m.csv", "y\x1b]0;title\x07"
    quick = ["--epochs", "1", "--members", "1", "--hidden", "2"]
    for args, names in (
        (["train", path, "-t", target, *quick, "-o", "m.clearprop"], ("x", "id", "y", "t")),
        (["describe", "m.clearprop"], ("x", "y", "t")),
        (["evaluate", "m.clearprop", path], ("y", "t")),
        (["predict", "m.clearprop", path, "-o", "p.csv"], ("y",)),
        (["derive", "m.clearprop", "--data", path], ("x", "y", "t")),
    ):
        code, out, err = run(*args)
        assert (code, err) == (0, ""), err
        assert "\x1b" not in out and "\x07" not in out
        assert [name for name in names if f"{name}\\x1b" not in out] == [], args


def test_a_mistake_of_ours_is_one_line_with_how_to_report_it(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: object) -> None:
        raise ZeroDivisionError("oh\nno")

    monkeypatch.setattr("clearprop.cli.describing.choose", broken)
    code, out, err = run("info")
    assert (code, out) == (1, "")
    assert len(err.splitlines()) == 1
    assert "CLEARPROP_DEBUG=1" in err
    monkeypatch.setenv("CLEARPROP_DEBUG", "1")
    assert "Traceback" in run("info")[2]
