"""``clearprop tune``: what a user of a terminal meets."""

from __future__ import annotations

import inspect
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from conftest import Run

import clearprop as cp
from clearprop.cli.tune_options import tune
from clearprop.cli.tune_table import tune_table
from clearprop.words import number

PENGUINS = str(Path(__file__).parents[1] / "examples" / "penguins.csv")
QUICK = [
    *("--search", "epochs=3|4", "--search", "learning_rate=1e-2..0.1 log"),
    *("--search", "hidden=8,8|4,", "--search", "bags=1|2"),
]


def command(*more: str) -> list[str]:
    return ["tune", PENGUINS, "-t", "species", "--trials", "3", *QUICK, "-o", "m.clearprop", *more]


def test_the_best_model_is_saved_and_told(run: Run) -> None:
    code, out, err = run(*command("--test", "0.2"))
    assert (code, err) == (0, "")
    assert "3 complete trials" in out and "saved m.clearprop" in out and "accuracy" in out
    model = cp.load("m.clearprop")
    assert model.target.name == "species" and len(model.labels) == 3
    assert model.provenance["tuning"]["counts"]["complete"] == 3
    code, out, _ = run("evaluate", "m.clearprop", PENGUINS)
    assert code == 0 and "log_loss" in out
    assert all(len(line) <= 80 for line in out.splitlines())


def test_json_is_one_object_with_every_trial(run: Run) -> None:
    code, out, _ = run(*command("--json"))
    told = json.loads(out)
    assert code == 0 and told["trials"]["number"] == [1, 2, 3]
    assert told["best_score"] == min(told["trials"]["score"])
    assert told["best_params"]["hidden"] in ([8, 8], [4])
    assert told["metric"] == "log_loss"


def test_what_the_best_trials_tried_is_told_within_80_columns(run: Run) -> None:
    more = ("--search", "dropout=0.1", "--search", "activation=selu|mish")
    code, out, _ = run(*command(*more))
    told = json.loads(run(*command(*more, "--json", "--overwrite"))[1])
    lines = out.splitlines()
    head = next(line for line in lines if line.startswith("trial "))
    table = lines[lines.index(head) :]
    table = table[: table.index("")]
    assert code == 0 and head.split() == ["trial", "log_loss", "epochs", "seconds", "tried"]
    assert len(table) > 4 and all(len(line) <= 80 for line in table)
    tried = {word for line in table for word in line.split() if "=" in word}
    trials = told["trials"]
    for name in ("learning_rate", "hidden", "epochs", "bags", "activation"):
        if len(set(map(str, trials[name]))) > 1:
            assert {_as_searched(name, value) for value in trials[name]} <= tried
    assert not any(word.startswith("dropout=") for word in tried)  # all tried the same
    assert "dropout = 0.0" in told["notes"][0] and told["notes"][0] in out


def _as_searched(name: str, value: object) -> str:
    if isinstance(value, list):
        return f"{name}={','.join(map(str, value))}"
    return f"{name}={number(value, 3) if isinstance(value, float) else value}"


def test_it_is_said_that_the_time_limit_ended_the_search(run: Run) -> None:
    code, out, _ = run(*command("--time-limit", "1e-9"))
    said = "the time limit of 1e-9 s ended the search, behind 1 of 3 trials"
    assert code == 0 and said in " ".join(out.split())
    assert "1 complete trial\n" in out


def test_the_same_seed_saves_the_same_bits_and_a_study_goes_on(run: Run) -> None:
    run(*command())
    whole = cp.load("m.clearprop").parameters.flat.tobytes()
    run(*command("--study", "s", "--trials", "1"))
    code, out, _ = run(*command("--study", "s", "--json"))
    assert code == 0 and json.loads(out)["trials"]["number"] == [1, 2, 3]
    assert cp.load("m.clearprop").parameters.flat.tobytes() == whole
    code, _, err = run(*command("--study", "s", "--seed", "1"))
    assert code == 2 and "another estimator" in err
    assert err.count("\n") == 1


def test_a_number_is_searched_for_too(run: Run, tmp_path: Path) -> None:
    rows = "\n".join(f"{x},{x * x}" for x in range(40))
    (tmp_path / "t.csv").write_text("x,y\n" + rows)
    code, out, _ = run("tune", "t.csv", "-t", "y", "--trials", "2", "--search", "epochs=2|3")
    assert code == 0 and "rmse" in out
    assert cp.load("t.clearprop").task == "regression"


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--search", "learning_rate"], "NAME=RANGE"),
        (["--search", "dropout=0..0.2 logg"], "a range is two numbers such as 16..256"),
        (["--search", "=1..2"], "NAME=RANGE"),
        (["--search", "epochs=1|2"], "says twice"),
        (["--search", "drop_out=0.1|0.2"], "dropout"),
        (["--search", "numbers=waves|pieces"], "numbers must be one of 'robust', 'pieces'"),
        (["--search", "members=0..3"], "members must be a whole number in [1, 1000], got 0"),
        (["--search", "activation=selu|mihs"], "'mish', "),
        (["--search", "activation=selu|mihs"], "got 'mihs'; did you mean 'mish'?"),
        (["--search", "activation=1..3"], "activation must be one of"),
        (["--search", "schedule=cosine|cosin"], "got 'cosin'; did you mean 'cosine'?"),
        (["--search", "weights=lecun_normal|he_norm"], "got 'he_norm'; did you mean 'he_normal'?"),
        (["--search", "dropout=2..1"], "greater"),
        (["--search", "dropout=0..2"], "dropout must be a number in [0, 1), got 2"),
        (["--search", "beta2=abc"], "got 'abc'; a range is written 1e-3..0.1"),
        (["--search", "weight_decay=1e-3:0.1"], "got '1e-3:0.1'; a range is written 1e-3..0.1"),
        (["--search", "members=2:8"], "got '2:8'; a range is written 16..256"),
        (["--trials", "0"], "trials"),
        (["--metric", "acuracy"], "accuracy"),
        (["--preset", "quick"], "preset"),
        (["--folds", "1"], "folds must be a whole number in [2, ∞) or None, got 1"),
        (["--folds", "200"], "cv=200"),
        (["--validation", "2"], "validation"),
        (["--column", "island"], "COLUMN=ROLE"),
        (["--task", "guess"], "task"),
        (["-o", "-"], "goes into a file"),
        (["--study", "no/folder/here"], "folder"),
        (["--study", PENGUINS], "no ClearProp study"),
        (["--threads", "0"], "threads"),
    ],
)
def test_what_is_wrong_is_one_sentence(run: Run, more: list[str], says: str) -> None:
    code, _, err = run(*command(*more))
    assert code in (1, 2) and says in err
    assert err.count("\n") == 1 and "Traceback" not in err
    assert not Path("m.clearprop").exists()


def test_every_option_is_an_argument_of_the_body() -> None:
    told = inspect.signature(tune_table).parameters
    assert {*inspect.signature(tune).parameters} - {*told} == {
        "encoding", "split_by", "task", "test", "weight",
    }  # fmt: skip


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_a_single_hidden_layer_is_tried(run: Run) -> None:
    args = ["tune", PENGUINS, "-t", "species", "--trials", "2", "-o", "m.clearprop"]
    code, _, err = run(*args, "--search", "hidden=4|5", "--search", "epochs=2")
    assert (code, err) == (0, "")
    assert cp.load("m.clearprop").provenance["tuning"]["best_params"]["hidden"] in ([4], [5])


def test_what_needs_no_table_is_told_before_one_is_opened(run: Run) -> None:
    Path("t.csv").write_text("")  # which is told of where it is opened
    for more, said in (
        (["--trials", "0"], "trials must be a whole number"),
        (["--time-limit", "0"], "time_limit must be a number"),
        (["--metric", "acuracy"], "did you mean 'accuracy'"),
        (["--folds", "0"], "folds must be a whole number in [2, ∞) or None, got 0"),
        (["--search", "hidden=64|a"], "hidden must be a whole number in [1, ∞) (units), got 'a'"),
        (["--folds", "3", "--validation", "0.2"], "leave one of them out"),
        (["--validation", "1"], "validation must be a number in (0, 1) or None, got 1"),
        (["--validation", "0"], "validation must be a number in (0, 1) or None, got 0"),
        (["--study", ""], "the name of the study is empty"),
        (["--threads", "0"], "threads must be a whole number"),
        (["--preset", "quick"], "there is no preset 'quick'"),
        (["--test", "1"], "test must be a number"),
        (["--task", "guess"], "task must be one of"),
    ):
        code, out, err = run("tune", "t.csv", "-t", "y", *more)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert said in err


def test_ctrl_c_saves_the_best_so_far(tmp_path: Path) -> None:
    args = ["tune", PENGUINS, "-t", "species", *QUICK, "-o", "m.clearprop", "--study", "s"]
    process = subprocess.Popen(
        [sys.executable, "-m", "clearprop", *args, "--trials", "100000"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    limit = time.monotonic() + 120
    while not (tmp_path / "s").exists() and time.monotonic() < limit:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert "interrupted" in out and "goes on" in out and "Traceback" not in err
    assert cp.load(tmp_path / "m.clearprop").task == "classification"


def test_rows_of_one_value_stay_together(run: Run) -> None:
    """Rows of one patient are alike and tell nothing of others'; both sides of a fold knew them."""
    draws = np.random.default_rng(0).normal(size=(30, 3)).round(3)
    rows = "".join(f"{a},{b},p{k},{y}\n" for k, (a, b, y) in enumerate(draws) for _ in range(8))
    Path("t.csv").write_text("a,b,who,y\n" + rows)
    args = ["tune", "t.csv", "-t", "y", "--trials", "1", "--json", "-o", "m"]
    args += ["--search", "epochs=60", "--search", "bags=2"]
    known, unknown = (
        json.loads(run(*args, *more)[1])["best_score"]
        for more in (["--drop", "who"], ["--split-by", "who"])
    )
    assert known < 0.5 * unknown


def test_a_column_that_alone_tells_the_target_is_told_once(run: Run) -> None:
    rows = [f"{k % 7},{k * k % 11},{'yes' if k % 3 else 'no'},{k % 3}" for k in range(120)]
    Path("t.csv").write_text("\n".join(["a,b,left,why", *rows]), "utf-8")
    table = [*("t.csv", "-t", "left", "-o", "m.clearprop", "--column", "why=category")]
    said = "'why' alone tells left in all 120 rows: leave it out (--drop why) if it is not known"
    code, out, err = run("tune", *table, "--trials", "1", *QUICK, "--column", "b=category")
    assert (code, err, out.count(said)) == (0, "", 1)
    code, out, err = run("train", *table, "--max-steps", "2", "--overwrite")
    assert (code, err, out.count(said)) == (0, "", 1)
    assert said in cp.load("m.clearprop").provenance["notes"][0]
    assert said not in run("train", "t.csv", "-t", "left", "--drop", "why", "--max-steps", "2")[1]
