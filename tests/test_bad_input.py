"""Bad input gets one clear sentence with the fix: no traceback, no half file, nothing lost."""

from __future__ import annotations

import gzip
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import numpy as np
import pytest

import clearprop as cp
from clearprop.cli import main
from clearprop.errors import DivergenceError
from clearprop.membership import TEST, TRAIN, VALIDATION, split

GOOD = "age,colour,y\n" + "".join(
    f"{20 + v},{('red', 'blue')[v % 2]},{('no', 'yes')[v % 2]}\n" for v in range(40)
)

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command in an empty folder that has a good table and an older model."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.csv").write_text(GOOD)
    cp.train_table("good.csv", "y", hidden=[2], epochs=1, members=1).save("old.clearprop")

    def call(*args: str) -> tuple[int, str, str]:
        code = main(args)
        out, err = capsys.readouterr()
        return code, out, err

    return call


def refused(run: Run, args: list[str], *said: str, code: int = 1) -> None:
    """The command fails in one sentence that says all of `said`; files are as they were."""
    before = {path.name: path.read_bytes() for path in Path().iterdir() if path.is_file()}
    found, _, err = run(*args)
    assert found == code, err
    assert "Traceback" not in err
    assert "mistake of ClearProp" not in err
    assert len(err.strip().splitlines()) == 1, err
    for words in said:
        assert words in err
    assert {path.name: path.read_bytes() for path in Path().iterdir() if path.is_file()} == before


def train(data: str, target: str = "y") -> list[str]:
    return ["train", data, "--target", target, "--epochs", "1", "-o", "old.clearprop"]


def test_no_such_file(run: Run) -> None:
    refused(run, train("god.csv"), "god.csv")


def test_no_such_target_suggests_the_nearest(run: Run) -> None:
    refused(run, train("good.csv", "colur"), "'colur'", "did you mean 'colour'")


@pytest.mark.parametrize("option", ["--drop", "--weight", "--split-by"])
def test_no_such_column_suggests_the_nearest(run: Run, option: str) -> None:
    refused(run, [*train("good.csv"), option, "agee"], "'agee'", "did you mean 'age'")


def test_no_such_role_suggests_the_nearest(run: Run) -> None:
    refused(run, [*train("good.csv"), "--column", "age=numbr"], "did you mean 'number'", code=2)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("empty", "", "empty"),
        ("header_only", "age,y\n", "no rows"),
        ("one_row", "age,y\n1,no\n", "row"),
        ("one_class", "age,y\n" + "1,no\n2,no\n" * 9, "in every row"),
        ("one_number", "age,y\n" + "1,2.5\n2,2.5\n" * 9, "nothing to learn"),
        ("no_target", "age,y\n" + "1,\n2,\n" * 9, "no value in any"),
        ("infinite", "age,y\n" + "1,no\n2,yes\n" * 9 + "inf,no\n", "infinite"),
        ("ragged", GOOD + "1,red\n", "line 42"),
        ("too_wide", GOOD + "1,red,no,4\n", "line 42"),
        ("no_inputs", "y\n" + "no\nyes\n" * 9, "no column to learn from"),
    ],
)
def test_tables_that_cannot_be_trained_on(run: Run, name: str, text: str, said: str) -> None:
    Path(f"{name}.csv").write_text(text)
    refused(run, train(f"{name}.csv"), said)


def test_what_is_left_out_may_be_kept_by_name(run: Run) -> None:
    codes = "".join(f"{2**63 + v},k,{'ab'[v % 2]}\n" for v in range(60))
    Path("t.csv").write_text("code,same,y\n" + codes)
    refused(run, train("t.csv"), "'code' is dropped", "exceed 64 bits", "such as code=number")
    _, _, err = run(*train("t.csv"), "--drop", "code")
    assert "such as" not in err
    assert "'y'" not in err


@pytest.mark.parametrize("part", ["training", "validation", "test"])
def test_weights_of_nought_in_a_part_of_the_rows(run: Run, part: str) -> None:
    parts = split(0, 60, validation=0.2, test=0.2, labels=np.arange(60) % 2)
    zero = {"training": TRAIN, "validation": VALIDATION, "test": TEST}[part]
    rows = "".join(f"{v},{int(parts[v] != zero)},{'ab'[v % 2]}\n" for v in range(60))
    Path("t.csv").write_text("x,w,y\n" + rows)
    args = [*train("t.csv"), "--weight", "w", "--test", "0.2"]
    refused(run, args, f"weight 'w' is 0 in all {int((parts == zero).sum())} {part} rows")


def test_numbers_too_small_to_compute_with(run: Run) -> None:
    Path("t.csv").write_text("x,y\n" + "".join(f"{v},{v}e-310\n" for v in range(60)))
    refused(run, train("t.csv"), "'y' runs from 0 to 5.9e-309", "multiply it")


def test_an_address_is_no_file(run: Run) -> None:
    refused(run, train("https://localhost/a.csv"), "is an address", "fetch")


@pytest.mark.parametrize("name", ["a\nb", "a\x1b[31mb", "a\x07b"])
def test_signs_that_move_the_cursor_are_shown_not_sent(run: Run, name: str) -> None:
    refused(run, train(f"{name}.csv"), repr(name)[1:-1])
    Path("t.csv").write_text(f'"{name}",y\n' + "".join(f"{v},{'ab'[v % 2]}\n" for v in range(20)))
    code, out, err = run(*train("t.csv"))
    assert (code, err) == (0, "")
    assert repr(name)[1:-1] in out
    assert not set(out) & {"\x1b", "\r"}


def test_printing_onto_a_full_disk_says_so(run: Run) -> None:
    for args in (["info"], ["train", "--help"], ["predict", "old.clearprop", "good.csv"]):
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = subprocess.run(
                [sys.executable, "-m", "clearprop", *args],
                check=False, stdout=full, stderr=subprocess.PIPE, text=True,
            )  # fmt: skip
        assert done.returncode == 1
        assert "what is printed cannot be written: No space left" in done.stderr
        assert len(done.stderr.splitlines()) == 1


def test_infinity_in_the_target(run: Run) -> None:
    Path("t.csv").write_text("x,y\n" + "1,2.5\n2,3.5\n" * 9 + "1,inf\n")
    refused(run, train("t.csv"), "'y'", "infinite")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.parquet", GOOD.encode()),
        ("t.csv.gz", GOOD.encode()),
        ("t.jsonl", GOOD.encode()),
        ("t.csv", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(100)),
        ("t.parquet", b"PAR1" + bytes(40)),
        ("t.csv.gz", gzip.compress(GOOD.encode())[:-20]),
    ],
    ids=["csv as parquet", "csv as gzip", "csv as jsonl", "image", "cut parquet", "cut gzip"],
)
def test_files_that_are_not_what_their_name_says(run: Run, name: str, content: bytes) -> None:
    Path(name).write_bytes(content)
    refused(run, train(name), name)


def test_parquet_called_csv_is_no_csv_or_read_as_what_it_is(run: Run) -> None:
    duckdb.sql("COPY (FROM 'good.csv') TO 't.csv' (FORMAT parquet)")
    code, _, err = run(*train("t.csv"))
    assert code == 0 or len(err.strip().splitlines()) == 1


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "utf-8-sig", "cp1252"])
def test_odd_encodings_are_read(run: Run, encoding: str) -> None:
    text = GOOD.replace("colour", "Größe").replace("red", "weiß")
    Path("odd.csv").write_bytes(text.encode(encoding))
    code, out, err = run(*train("odd.csv"))
    assert code == 0, err
    assert "Größe" in out
    assert "weiß" in str(cp.load("old.clearprop").encoder)


def test_text_where_numbers_stood_in_training(run: Run) -> None:
    Path("new.csv").write_text("age,colour\n33,red\nold,blue\n")
    refused(
        run, ["predict", "old.clearprop", "new.csv", "-o", "out.csv"], "'age'", "'old'", "row 2"
    )


def test_a_number_too_large_for_the_model_s_precision(run: Run) -> None:
    Path("new.csv").write_text("age,colour\n33,red\n1e308,blue\n")
    refused(run, ["predict", "old.clearprop", "new.csv"], "'age' in row 2", "too far")


@pytest.mark.parametrize("command", ["predict", "evaluate", "describe"])
def test_no_such_model_suggests_the_nearest(run: Run, command: str) -> None:
    data = [] if command == "describe" else ["good.csv"]
    refused(run, [command, "odl.clearprop", *data], "did you mean 'old.clearprop'")
    _, _, err = run(command, "another.clearprop", *data)
    assert "did you mean" not in err


def test_a_message_is_never_long(run: Run) -> None:
    for args in (train("n" * 100_000), ["describe", "9" * 100_000 + "-2"]):
        _, _, err = run(*args)
        assert len(err) < 1300


def test_a_missing_column_at_prediction(run: Run) -> None:
    Path("new.csv").write_text("agee,colour\n33,red\n")
    refused(run, ["predict", "old.clearprop", "new.csv"], "no column 'age'", "did you mean 'agee'")


def test_an_infinite_number_at_prediction(run: Run) -> None:
    Path("new.csv").write_text("age,colour\n1,red\ninf,red\n")
    refused(run, ["predict", "old.clearprop", "new.csv", "-o", "out.csv"], "infinite", "row 2")


def test_a_column_all_missing_at_prediction_is_missing(run: Run) -> None:
    Path("new.csv").write_text("age,colour\n,red\nNaN,blue\n")
    code, out, err = run("predict", "old.clearprop", "new.csv")
    assert code == 0, err
    assert len(out.splitlines()) == 3


def test_extra_and_reordered_columns_change_nothing(run: Run) -> None:
    Path("one.csv").write_text("age,colour\n33,red\n20,blue\n")
    Path("two.csv").write_text("zebra,colour,age\n1,red,33\n2,blue,20\n")
    _, one, _ = run("predict", "old.clearprop", "one.csv", "--probabilities")
    _, two, _ = run("predict", "old.clearprop", "two.csv", "--probabilities")
    assert [row.partition(",")[2] for row in two.splitlines()] == one.splitlines()
    assert two.startswith("zebra,prediction,")


def test_evaluating_without_the_target(run: Run) -> None:
    Path("new.csv").write_text("age,colour\n33,red\n")
    refused(run, ["evaluate", "old.clearprop", "new.csv"], "no column 'y'")


def test_a_label_that_training_has_not_seen(run: Run) -> None:
    Path("new.csv").write_text("age,colour,y\n33,red,maybe\n")
    refused(run, ["evaluate", "old.clearprop", "new.csv"], "'maybe'", "row 1")


@pytest.mark.parametrize("command", ["predict", "evaluate"])
def test_a_table_in_the_model_s_place(run: Run, command: str) -> None:
    refused(run, [command, "good.csv", "good.csv"], "good.csv is no ClearProp model")


@pytest.mark.parametrize("command", ["predict", "evaluate"])
def test_a_table_and_a_model_in_each_other_s_place_are_told_in_their_order(
    run: Run, command: str
) -> None:
    told = f"the model comes first: clearprop {command} old.clearprop good.csv"
    refused(run, [command, "good.csv", "old.clearprop"], "good.csv is no ClearProp model", told)


def test_a_model_in_the_table_s_place(run: Run) -> None:
    refused(run, train("old.clearprop"), "old.clearprop")


def test_a_truncated_model(run: Run) -> None:
    Path("cut.clearprop").write_bytes(Path("old.clearprop").read_bytes()[:-100])
    refused(run, ["predict", "cut.clearprop", "good.csv"], "damaged")


def test_the_output_is_a_file_that_is_no_model(run: Run) -> None:
    Path("notes.txt").write_text("mine")
    args = ["train", "good.csv", "--target", "y", "-o", "notes.txt"]
    refused(run, args, "notes.txt", "not replaced")


@pytest.mark.parametrize("data", ["good.csv", "g*.csv", "./good.csv"])
@pytest.mark.parametrize("more", [[], ["--overwrite"]], ids=["", "overwrite"])
def test_the_model_never_replaces_the_table(run: Run, data: str, more: list[str]) -> None:
    args = ["train", data, "--target", "y", "-o", "good.csv", *more]
    refused(run, args, "good.csv", "is read", code=2)


def test_the_output_s_folder_does_not_exist(run: Run) -> None:
    args = ["train", "good.csv", "--target", "y", "-o", "no/m.clearprop"]
    refused(run, args, "there is no folder")


def test_predictions_do_not_replace_the_table(run: Run) -> None:
    refused(run, ["predict", "old.clearprop", "good.csv", "-o", "good.csv"], "good.csv", code=2)


@pytest.mark.parametrize("command", ["train", "tune"])
def test_data_that_are_no_table_are_told_before_where_the_model_would_stand(
    run: Run, command: str
) -> None:
    Path("weights.safetensors").write_bytes(Path("old.clearprop").read_bytes())
    Path("weights.safetensors.clearprop").write_text("a text of one's own")
    refused(run, [command, "weights.safetensors", "-t", "y"], "name a CSV")
    refused(run, [command, "weights", "-t", "y", "-o", "good.csv"], "there is no file weights")
    refused(run, [command, "good.csv", "-t", "y", "-o", "weights.safetensors.clearprop"],
            "is not replaced")  # fmt: skip


def test_predictions_into_a_format_that_is_not_known(run: Run) -> None:
    refused(run, ["predict", "old.clearprop", "good.csv", "-o", "out.xyz"], "out.xyz", code=2)


def test_no_permission_to_write(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *args: False)
    refused(run, train("good.csv"), "no permission")


def test_a_disk_that_is_full(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    before = Path("old.clearprop").read_bytes()
    code, _, err = run(*train("good.csv"))
    assert code == 1
    assert "the disk is full" in err
    assert Path("old.clearprop").read_bytes() == before
    assert not list(Path().glob(".*.part"))


def training_within(size: int) -> subprocess.CompletedProcess[str]:
    """Train in a process that can write no file of more bytes."""
    return subprocess.run(
        [sys.executable, "-m", "clearprop", *train("good.csv"), "--hidden", "200,200"],
        check=False,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)),
    )


def test_a_process_that_may_write_no_more(run: Run) -> None:
    """The real thing: the operating system refuses the file's last bytes."""
    before = Path("old.clearprop").read_bytes()
    done = training_within(30_000)
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert "cannot write" in done.stderr
    assert Path("old.clearprop").read_bytes() == before
    assert not list(Path().glob(".*.part"))


def test_a_disk_that_takes_the_model_but_no_checkpoint_loses_no_run(run: Run) -> None:
    assert run(*train("good.csv"), "--hidden", "200,200")[0] == 0
    model = Path("old.clearprop").stat().st_size  # Adam's averages make a checkpoint larger
    done = training_within(model * 5 // 4)
    assert done.returncode == 0, done.stderr
    assert "no checkpoint: cannot write" in " ".join(done.stdout.split())
    assert "the run goes on without" in " ".join(done.stdout.split())
    assert not list(Path().glob(".*.part")) + list(Path().glob("*.checkpoint"))
    code, out, _ = run("predict", "old.clearprop", "good.csv")
    assert code == 0
    assert out


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--hidden", "12,x", "--hidden"),
        ("--hidden", "", "--hidden takes whole numbers such as 256,256, got ''"),
        ("--activation", "reluu", "did you mean 'relu'"),
        ("--optimizer", "adm", "did you mean 'adam'"),
        ("--schedule", "cosin", "did you mean 'cosine'"),
        ("--learning-rate", "-1", "learning_rate"),
        ("--epochs", "0", "epochs"),
        ("--batch-size", "0", "batch_size"),
        ("--precision", "float16", "precision"),
        ("--test", "1.5", "test"),
        ("--validation", "1.5", "validation"),
        ("--task", "sorting", "task"),
        ("--column", "age", "COLUMN=ROLE"),
        ("--members", "0", "members"),
        ("--dropout", "1", "dropout"),
        ("--l2", "-1", "l2"),
        ("--threads", "0", "threads"),
        ("--max-steps", "0", "max_steps"),
        ("--precision", "float", "'float32', 'float64', 'bfloat16'"),
        ("--epochs", "many", "it takes a whole number"),
        ("--l2", "many", "it takes a number"),
        ("--nothing", "1", "--nothing"),
    ],
)
def test_wrong_settings_are_wrong_use(run: Run, option: str, value: str, said: str) -> None:
    refused(run, [*train("good.csv"), option, value], said, code=2)


#: What contradicts itself, and what is said of it.
CONTRADICTIONS = [
    ("--column age=number --column age=category", "'age'", "say it once"),
    ("--column age=number --column age=number", "'age'", "say it once"),
    ("--drop age --column age=number", "'age' is given as dropped and as a number"),
    ("--drop age --drop age", "'age' is dropped twice"),
    ("--drop y", "'y' is given as the target and as dropped"),
    ("--weight y", "'y' is given as the target and as the weight"),
    ("--split-by y", "'y' is given as the target and as split_by"),
    ("--weight age --split-by age", "'age' is given as the weight and as split_by"),
    ("--weight age --column age=number", "'age' is given as the weight and as a number"),
    ("--split-by age --column age=category", "'age' is given as split_by and as a category"),
    ("--column y=category", "ask for task 'classification'"),
    ("--column y=number", "ask for task 'regression'"),
    ("--column age=numbr", "did you mean 'number'"),
    ("--column =number", "COLUMN=ROLE"),
    ("--drop=", "is empty"),
    ("--weight=", "is empty"),
    ("--split-by colour --validation other.csv", "split_by='colour'", "none are"),
    ("--split-by colour --validation 0", "split_by='colour'", "none are"),
    ("--patience 3 --validation 0", "patience=3", "validation=0"),
    ("--validation 0.5 --test 0.5", "leave no rows to train on"),
    ("--hidden 0 --dropout 0.5", "dropout=0.5", "hidden"),
    ("--hidden 0 --activation relu", "activation=relu", "hidden"),
    ("--activation=", "no activation ''"),
    ("--validation nan", "validation"),
    ("-o -", "not to the screen"),
    ("--target= ", "is empty"),
]


def test_options_that_contradict_each_other_are_wrong_use(run: Run) -> None:
    """One sentence, before any table is opened: there need not even be one."""
    Path("other.csv").write_text(GOOD)
    for options, *said in CONTRADICTIONS:
        refused(run, [*train("missing.csv"), *options.split()], *said, code=2)


def test_options_that_agree_are_taken(run: Run) -> None:
    Path("other.csv").write_text(GOOD)
    for options in (
        "--split-by colour --drop colour --validation 0.3",
        "--schedule plateau --validation 0",  # it watches the training cost then
        "--hidden 0",
        "--patience 3 --validation other.csv",
    ):
        code, _, err = run(*train("good.csv"), *options.split())
        assert (code, err) == (0, ""), options


def test_the_training_rows_do_not_validate(run: Run) -> None:
    for name in ("good.csv", "./good.csv", "g*.csv"):
        refused(run, [*train("good.csv"), "--validation", name], "these rows train", code=2)


def test_a_prediction_that_fails_prints_nothing(run: Run) -> None:
    """Half a table looks like a whole one: whichever row is bad, no row is shown."""
    for good in (1, 20_000):
        Path("new.csv").write_text("age,colour\n" + "33,red\n" * good + "old,red\n")
        code, out, err = run("predict", "old.clearprop", "new.csv")
        assert (code, out) == (1, "")
        assert f"row {good + 1}" in err


def test_predictions_do_not_replace_what_is_read(run: Run) -> None:
    for data in ("good.csv", "g*.csv"):
        refused(run, ["predict", "old.clearprop", data, "-o", "./good.csv"], "is read", code=2)
    Path("m.csv").write_bytes(Path("old.clearprop").read_bytes())
    refused(run, ["predict", "m.csv", "good.csv", "-o", "m.csv"], "is read", code=2)


def test_predictions_replace_such_predictions_alone(run: Run) -> None:
    for name in ("out.csv", "out.json", "out.parquet", "out.csv.gz"):
        predict = ["predict", "old.clearprop", "good.csv", "-o", name]
        Path(name).write_text(GOOD)  # a table of one's own, perhaps of another format
        refused(run, predict, name, "is not replaced", "--overwrite")
        assert run(*predict, "--overwrite")[0] == 0
        written = Path(name).read_bytes()
        assert run(*predict)[0] == 0  # the same command again
        assert Path(name).read_bytes() == written
        refused(run, [*predict, "--probabilities"], name, "is not replaced")
        Path(name).write_bytes(b"")  # nothing is in it that could be lost
        assert run(*predict)[0] == 0 and Path(name).read_bytes() == written
    refused(run, ["predict", "old.clearprop", "good.csv", "-o", "good.csv", "--overwrite"],
            "is read", code=2)  # fmt: skip


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--optimizer", "adm"),
        ("--threads", "0"),
        ("--precision", "float16"),
        ("--schedule", "cosin"),
        ("--activation", "reluu"),
        ("--learning-rate", "0"),
        ("--members", "0"),
        ("--task", "sorting"),
        ("--test", "2"),
    ],
)
def test_wrong_settings_are_found_before_the_table_is_opened(
    run: Run, option: str, value: str
) -> None:
    """There is no such table, and still it is the setting that is named."""
    code, out, err = run(*train("missing.csv"), option, value)
    assert (code, out) == (2, "")
    assert "missing.csv" not in err


def test_divergence_is_named_with_a_rate_to_try(run: Run) -> None:
    Path("t.csv").write_text("x,y\n" + "".join(f"{v},{v * v}.5\n" for v in range(60)))
    args = ["train", "t.csv", "-t", "y", "--optimizer", "sgd", "--learning-rate", "1e9"]
    code, _, err = run(*args)
    assert code == 1
    assert "learning_rate" in err
    assert "try 0.01" in err  # what SGD takes by default, not a hundredth of 1e9
    assert not list(Path().glob("t.clearprop*"))


def test_a_run_that_diverged_leaves_nothing_to_resume(run: Run) -> None:
    Path("t.csv").write_text("x,y\n" + "".join(f"{v},{v * v}.5\n" for v in range(60)))
    wild = {"optimizer": "sgd", "learning_rate": 1e9, "checkpoint": "c"}
    with pytest.raises(DivergenceError):
        cp.train_table("t.csv", "y", **wild)
    assert not Path("c").exists()


def test_resuming_a_run_that_diverged_says_so(run: Run) -> None:
    """A checkpoint of the steppable run, which keeps its end, is no model."""
    Path("t.csv").write_text("x,y\n" + "".join(f"{v},{v * v}.5\n" for v in range(60)))
    wild = ["--optimizer", "sgd", "--learning-rate", "1e9", "-o", "t.clearprop"]
    kept = []

    def unlink(path: object, remove: Callable[[str], None] = os.unlink) -> None:
        kept.append(path) if str(path).endswith(".checkpoint") else remove(str(path))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("clearprop.model.table.os.unlink", unlink)
        assert run("train", "t.csv", "-t", "y", *wild)[0] == 1
    assert kept
    refused(run, ["train", "t.csv", "-t", "y", *wild, "--resume"], "diverged", "start anew")
