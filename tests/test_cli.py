"""The command line does the main job, in terminals and for programs."""

from __future__ import annotations

import csv
import inspect
import json
import os
import pty
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import duckdb
import numpy as np
import pytest
from cli_runs import PENGUINS, ROOT, command, train
from conftest import Run

import clearprop as cp
from clearprop.cli import console
from clearprop.cli.app import train as train_command


# -- the main job ---------------------------------------------------------------------------------
def test_data_and_target_are_enough_for_a_good_model(run: Run) -> None:
    Path("penguins.csv").write_bytes(Path(PENGUINS).read_bytes())
    code, out, err = run("train", "penguins.csv", "--target", "species", "--test", "0.2")
    assert code == 0, err
    assert err == ""
    model = cp.load("penguins.clearprop")
    assert model.provenance["figures"]["test"]["accuracy"] > 0.94
    assert "saved penguins.clearprop" in out
    assert not Path("penguins.clearprop.checkpoint").exists()


#: Most flags of ``train`` at once, and what they are in Python.
MANY: dict[str, object] = {
    "hidden": [8, 4], "activation": "tanh", "members": 2, "dropout": 0.1, "l2": 0.01,
    "optimizer": "rmsprop", "learning_rate": 0.002, "schedule": "one_cycle", "epochs": 6,
    "batch_size": 16, "patience": 3, "seed": 7, "threads": 2, "precision": "float64",
    "max_steps": 45, "validation": 0.25, "test": 0.2, "task": "classification",
    "columns": {"year": "category"}, "drop": ["island"], "weight": "body_mass_g",
    "split_by": "flipper_length_mm", "encoding": "utf-8",
}  # fmt: skip
FEW: dict[str, object] = {
    "hidden": [8], "epochs": 3, "members": 1, "seed": 7, "test": 0.2,
    "columns": {"year": "category"}, "drop": ["island"],
}  # fmt: skip


def flags(settings: dict[str, object]) -> list[str]:
    args = []
    for name, value in settings.items():
        text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
        if isinstance(value, dict):
            name, text = "column", ",".join(f"{k}={v}" for k, v in value.items())
        args += [f"--{name.replace('_', '-')}", text]
    return args


@pytest.mark.parametrize("settings", [FEW, MANY], ids=["few flags", "most flags"])
def test_the_command_and_the_call_make_the_same_bits(run: Run, settings: dict[str, object]) -> None:
    complete = [row for row in Path(PENGUINS).read_text("utf-8").splitlines() if ",NA," not in row]
    Path("t.csv").write_text("\n".join(row for row in complete if ",," not in row))
    code, _, err = run("train", "t.csv", "-t", "species", *flags(settings), "-o", "m.clearprop")
    assert code == 0, err
    model = cp.load("m.clearprop")
    same = cp.train_table("t.csv", "species", **settings)  # type: ignore[arg-type]
    assert model.parameters.flat.tobytes() == same.parameters.flat.tobytes()
    assert model.network.graph == same.network.graph
    assert model.encoder == same.encoder
    assert model.columns == same.columns
    assert model.target == same.target
    assert model.provenance["figures"] == same.provenance["figures"]
    assert [e.text for e in model.history.events] == [e.text for e in same.history.events]


def test_the_command_takes_all_that_the_call_takes() -> None:
    """And `MANY` holds all of it but what says when to stop, and where to go on."""
    command = {
        name for name in inspect.signature(train_command).parameters
        if name not in ("output", "overwrite", "json")
    }  # fmt: skip
    command = command - {"column"} | {"columns"}
    call = set(inspect.signature(cp.train_table).parameters) - {"unknown"}
    assert call - command == {"engine", "checkpoint", "progress", "announce"}
    assert command <= call
    of_presets = {"preset", "metric"}
    assert command - set(MANY) == {"data", "target", "time_limit", "resume"} | of_presets


def test_what_was_decided_is_printed_and_kept(run: Run) -> None:
    _, out, _ = run(*train("--column", "year=category", "--drop", "island"))
    assert re.search(r"^year +category +3 +as asked", out, re.M)
    assert re.search(r"^island +dropped .* as asked", out, re.M)
    assert re.search(r"^sex +category +2 +11 +text", out, re.M)
    uses = {
        column["name"]: (column["use"], column["why"]) for column in cp.load("m.clearprop").columns
    }
    assert uses["year"] == ("category", "as asked")
    assert uses["species"] == ("target", "the column to predict")


def test_the_default_output_is_the_data_s_name(run: Run) -> None:
    Path("a.table.csv").write_bytes(Path(PENGUINS).read_bytes())
    run("train", "a.table.csv", "-t", "species", "--epochs", "1")
    assert Path("a.table.clearprop").exists()


@pytest.mark.parametrize("name", ["p.csv", "p.tsv", "p.json", "p.jsonl", "p.parquet", "p.csv.gz"])
def test_predictions_in_every_format_keep_order_and_identifiers(run: Run, name: str) -> None:
    table = list(csv.DictReader(Path(PENGUINS).read_text("utf-8").splitlines()))
    with Path("t.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, ["bird_id", *table[0]])
        writer.writeheader()
        writer.writerows({"bird_id": f"b{9999 - n}", **row} for n, row in enumerate(table))
    run("train", "t.csv", "-t", "species", "--epochs", "3", "-o", "m.clearprop")
    code, _, err = run("predict", "m.clearprop", "t.csv", "-o", name)
    assert code == 0, err
    reader = f"read_csv('{name}', all_varchar=true)" if "sv" in name else f"'{name}'"
    rows = duckdb.sql(f"SELECT bird_id, prediction FROM {reader}").fetchall()
    assert [row[0] for row in rows] == [f"b{9999 - n}" for n in range(len(table))]
    assert [row[1] for row in rows] == cp.load("m.clearprop").predict("t.csv").tolist()


@pytest.mark.parametrize("name", ["p.csv", "p.json", "p.jsonl", "p.parquet"])
def test_columns_that_the_model_does_not_read_go_through(run: Run, name: str) -> None:
    rows = [("2024-02-29", "1.5", "007", 'a "b",\nc', "true"), ("", "inf", "", "é", "false")]
    header = "day,real,zip,free,flag"
    with Path("t.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerows([("x", "y"), *((v, v % 2 == 0) for v in range(20))])
    with Path("new.csv").open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([(*header.split(","), "x"), *((*row, 3) for row in rows)])
    run("train", "t.csv", "-t", "y", "--epochs", "1", "-o", "m.clearprop")
    code, _, err = run("predict", "m.clearprop", "new.csv", "-o", name)
    assert code == 0, err
    quoted = f"read_csv('{name}', types={{'zip': 'VARCHAR'}})" if name == "p.csv" else f"'{name}'"
    found = duckdb.sql(f"SELECT day::DATE::VARCHAR, zip, free, flag FROM {quoted}").fetchall()
    assert found == [("2024-02-29", "007", 'a "b",\nc', True), (None, None, "é", False)]


def test_probabilities_are_columns_that_sum_to_one(run: Run) -> None:
    run(*train())
    _, out, _ = run("predict", "m.clearprop", PENGUINS, "--probabilities")
    rows = list(csv.DictReader(out.splitlines()))
    model = cp.load("m.clearprop")
    P = np.array([[float(row[f"probability_{label}"]) for label in model.labels] for row in rows])
    assert P.tobytes() == model.predict_probabilities(PENGUINS).tobytes()
    np.testing.assert_allclose(P.sum(axis=1), 1, atol=1e-6)


def test_numbers_are_predicted_in_their_units(run: Run) -> None:
    run("train", PENGUINS, "-t", "body_mass_g", "-o", "m.clearprop")
    _, out, _ = run("predict", "m.clearprop", PENGUINS)
    pairs = [(row["body_mass_g"], row["prediction"]) for row in csv.DictReader(out.splitlines())]
    known = np.array([(float(y), float(p)) for y, p in pairs if y])
    assert len(pairs) == 344
    assert np.sqrt(((known[:, 0] - known[:, 1]) ** 2).mean()) < 350


def test_evaluate_gives_the_figures_of_the_call(run: Run) -> None:
    run(*train())
    code, out, _ = run("evaluate", "m.clearprop", PENGUINS, "--json")
    assert code == 0
    assert json.loads(out)["figures"] == cp.load("m.clearprop").evaluate(PENGUINS)


def test_figures_of_rows_that_trained_are_shown_with_a_caution(run: Run) -> None:
    rows = Path(PENGUINS).read_text("utf-8").splitlines()
    Path("p.csv").write_text("\n".join(rows[:201]))
    Path("rest.csv").write_text("\n".join([rows[0], *rows[201:]]))
    Path("turned.csv").write_text("\n".join(",".join(row.split(",")[::-1]) for row in rows[:201]))
    quick = ["--epochs", "2", "--members", "1", "--hidden", "4"]
    run("train", "p.csv", "-t", "sex", *quick, "-o", "m.clearprop")
    for name, seen in (("p.csv", True), ("turned.csv", True), ("rest.csv", False)):
        _, out, _ = run("evaluate", "m.clearprop", name)
        assert ("the model was trained on this table" in out) == seen
        _, out, _ = run("evaluate", "m.clearprop", name, "--json")
        assert json.loads(out)["trained_on_these_rows"] is seen


def test_rows_without_a_target_are_not_counted_as_judged(run: Run) -> None:
    run("train", PENGUINS, "-t", "sex", "--epochs", "1", "--members", "1", "-o", "m.clearprop")
    _, out, _ = run("evaluate", "m.clearprop", PENGUINS)
    assert "333 of 344 rows" in out.splitlines()[0]
    assert json.loads(run("evaluate", "m.clearprop", PENGUINS, "--json")[1])["rows"] == 333


def test_a_validation_file_chooses_the_epoch(run: Run) -> None:
    Path("v.csv").write_bytes(Path(PENGUINS).read_bytes())
    code, out, err = run(*train("--validation", "v.csv", "--json"))
    assert code == 0, err
    assert json.loads(out)["rows"] == {
        "training": 344, "validation": 344, "test": 0, "unlabelled": 0,
    }  # fmt: skip


def test_the_readme_shows_what_is_printed(tmp_path: Path) -> None:
    """Its commands are run. What follows from the table is compared as it is; of the figures,
    which may differ between processors in their last bits, all but the numbers."""
    block = (ROOT / "README.md").read_text("utf-8").split("```console\n")[1].split("```")[0]
    (tmp_path / "build" / "demo").mkdir(parents=True)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    parts = block.split("$ ")[1:]
    assert len(parts) == 3
    for part in parts:
        line, _, shown = part.partition("\n")
        done = subprocess.run(
            line, shell=True, check=False, capture_output=True, text=True, encoding="utf-8",
            cwd=tmp_path, env={**os.environ, "PATH": path, "COLUMNS": "120"},
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, "")
        if "clearprop train" in line:
            decided, printed = (text.partition("\ntrained")[0] for text in (shown, done.stdout))
            assert lines(printed) == lines(decided)
        assert lines(done.stdout, numbers=False) == lines(shown, numbers=False)


def test_the_readme_s_python_gives_what_it_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Figures to two digits: their last bits may differ between processors."""
    block = (ROOT / "README.md").read_text("utf-8").split("```python\n")[1].split("```")[0]
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    shown = []
    for line in block.splitlines():
        code, _, told = line.partition("  # ")
        try:
            value = eval(code, names)
        except SyntaxError:
            exec(line, names)
            continue
        if told:
            shown.append((value, told))
    (accuracy, said), (predicted, labels) = shown
    assert float(accuracy) == pytest.approx(float(said.rstrip(".")), abs=0.03)
    assert labels == f"array([{str(predicted[0])!r}, ...])"


def lines(text: str, *, numbers: bool = True) -> list[str]:
    plain = text if numbers else re.sub(r"\d+(\.\d+)?(e[+-]?\d+)?", "#", text)
    return [" ".join(line.split()) for line in plain.rstrip().splitlines()]


# -- for programs ---------------------------------------------------------------------------------
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
    drawn = b""
    with suppress(OSError):  # Linux says EIO where the other side has closed
        while part := os.read(ours, 65536):
            drawn += part
    os.close(ours)
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


# -- networks -------------------------------------------------------------------------------------
def test_a_network_is_a_chain_a_json_file_or_a_model(run: Run) -> None:
    run(*train())
    Path("net.json").write_text(cp.Network([4, 5, 6]).to_json())
    for network, size in (("2-3-2", 17), ("net.json", 61), ("m.clearprop", None)):
        code, out, _ = run("describe", network, "--json")
        assert code == 0
        assert json.loads(out)["parameters"] == (
            size or cp.load("m.clearprop").parameters.flat.size
        )
    code, out, _ = run("describe", "2-3-2")
    assert "W1 3×2, b1 3" in out


@pytest.mark.parametrize("args", [["describe"], ["check", "--template", "numpy", "--network"]])
@pytest.mark.parametrize("network", ["two-three", "2--3", "2-0-2", "5", ""])
def test_a_malformed_network_is_wrong_use(run: Run, args: list[str], network: str) -> None:
    code, out, err = run(*args, network)
    assert (code, out) == (2, "")
    assert "2-3-2" in err or "1 or more" in err


def test_a_description_says_of_a_target_what_it_has(run: Run) -> None:
    for target, there, missing in (
        ("species", ["classes"], ["mean", "std"]),
        ("body_mass_g", ["mean", "std"], ["classes"]),
    ):
        run("train", PENGUINS, "-t", target, "--epochs", "1", "--members", "1", "-o", "m.clearprop")
        told = json.loads(run("describe", "m.clearprop", "--json")[1])["target"]
        assert all(key in told for key in there)
        assert not any(key in told for key in missing)


def test_a_missing_or_damaged_network_file_could_not_be_read(run: Run) -> None:
    run(*train())
    Path("cut.clearprop").write_bytes(Path("m.clearprop").read_bytes()[:-100])
    Path("cut.json").write_text(cp.Network([2, 3, 2]).to_json()[:-20])
    for name in ("no.json", "cut.clearprop", "cut.json"):
        code, _, err = run("describe", name)
        assert code == 1
        assert name in err


def test_a_dash_for_the_auc_comes_with_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    console.figures({"test": {"accuracy": 0.5, "auc": 0.75}, "validation": {"accuracy": 1.0}})
    shown = capsys.readouterr().out
    assert "auc –: the validation rows are of one class alone" in shown
    console.figures({"": {"accuracy": 0.5, "auc": float("nan")}})
    assert "auc –: these rows are of one class alone" in capsys.readouterr().out
    console.figures({"": {"accuracy": 0.5, "auc": 0.75}})
    assert "–:" not in capsys.readouterr().out


# -- terminals ------------------------------------------------------------------------------------
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
