"""The command line does the main job, in terminals and for programs."""

from __future__ import annotations

import csv
import inspect
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import duckdb
import numpy as np
import pytest
from cli_runs import PENGUINS, ROOT, train
from conftest import Run

import clearprop as cp
from clearprop.cli.train_options import train as train_command
from clearprop.tables.fingerprint import fingerprint
from clearprop.tables.opening import open_table


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
    "optimizer": "adamw", "learning_rate": 0.002, "schedule": "one_cycle", "epochs": 6,
    "dropout_schedule": "flat_cos", "decay_schedule": "cosine",
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
    of_presets = {"preset", "metric", "quantile", "class_weight"}
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
        assert json.loads(out)["trained_on_these_rows"] is (seen or None)
    model = cp.load("m.clearprop")
    assert model.encoder is not None
    cells = [*model.encoder.names, "sex"]  # as they stand: what models kept before
    model.provenance["fingerprint"] = fingerprint(open_table("p.csv"), cells)
    model.save("m.clearprop")
    for name, seen in (("p.csv", True), ("rest.csv", False)):
        _, out, _ = run("evaluate", "m.clearprop", name, "--json")
        assert json.loads(out)["trained_on_these_rows"] is (seen or None)


@pytest.mark.parametrize("target", ["price", "share", "size"])
def test_rows_that_trained_are_known_however_their_numbers_and_dates_are_written(
    run: Run, target: str
) -> None:
    cells = [
        [f'"${9 * k + 990:,}.50"', f"{k} %", f'"{k},5"', f"{k % 28 + 1}.3.2024", "ab"[k > 30]]
        for k in range(60)
    ]
    cells[7][1 if target == "price" else 0] = "NA"
    for name, own in (("t.csv", cells), ("turned.csv", cells[::-1])):
        rows = [["price", "share", "x", "day", "size"], *own]
        Path(name).write_text("\n".join(map(",".join, rows)))
    run("train", "t.csv", "-t", target, "--preset", "fast", "--max-steps", "5", "-o", "m.clearprop")
    for name, seen in (("t.csv", True), ("turned.csv", False)):
        _, out, err = run("evaluate", "m.clearprop", name, "--json")
        assert json.loads(out)["trained_on_these_rows"] is (seen or None), err


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
            cwd=tmp_path, env={**os.environ, "PATH": path, "COLUMNS": "88"},
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
