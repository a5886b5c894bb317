"""``clearprop train --preset``: the networks of the tabular estimators, by the command."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import numpy as np
import pytest
from cli_runs import command, interrupted
from conftest import Run

import clearprop as cp
from clearprop.errors import FileError
from clearprop.estimators import tabular_views
from clearprop.estimators.tabular_files import open_rows
from clearprop.estimators.tabular_runs import Runs

PENGUINS = str(Path(__file__).parents[1] / "examples" / "penguins.csv")


def train(*more: str, preset: str = "fast", target: str = "species") -> list[str]:
    return ["train", PENGUINS, "-t", target, "--preset", preset, "-o", "m.clearprop", *more]


@pytest.mark.parametrize("target", ["species", "body_mass_g"])
def test_it_is_the_estimator(run: Run, target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    code, out, err = run(*train("--test", "0.2", "--seed", "3", target=target))
    assert (code, err) == (0, "")
    assert "saved m.clearprop" in out and "validation" in out
    assert [line for line in out.splitlines() if len(line) > 80 or line != line.rstrip()] == []
    model = cp.load("m.clearprop")
    opened = open_rows(PENGUINS, target, test=0.2, seed=3)
    same = opened.estimator(preset="fast", random_state=3).fit(opened.X, opened.y).model_
    np.testing.assert_allclose(model.parameters.flat, same.parameters.flat, rtol=1e-5, atol=1e-6)
    assert model.encoder == same.encoder
    assert [path.name for path in Path().iterdir()] == ["m.clearprop"]
    figures = model.provenance["figures"]
    held = "accuracy" if target == "species" else "r2"
    for part in ("test", "validation"):
        assert figures[part][held] > (0.94 if target == "species" else 0.8)
    if target == "body_mass_g":
        assert model.target.bounds == (opened.y.min(), opened.y.max())


def test_the_saved_model_predicts_as_any_other(run: Run) -> None:
    assert run(*train())[0] == 0
    code, out, _ = run("predict", "m.clearprop", PENGUINS, "--probabilities")
    assert code == 0 and len(out.splitlines()) == 345
    assert out.splitlines()[0].startswith("species,prediction,probability_Adelie")
    assert run("evaluate", "m.clearprop", PENGUINS, "--json")[0] == 0


def test_weights_of_classes_are_those_of_the_call_and_told(run: Run) -> None:
    own = ["--class-weight", "Gentoo=3", "--class-weight", "Adelie=0.5", "--max-steps", "20"]
    code, out, err = run(*train(*own))
    mix = "probabilities are those of such a mix of classes, not of the rows'"
    assert (code, err) == (0, "")
    assert f"Gentoo 3, Adelie 0.5: {mix}" in " ".join(out.split())
    model, factors = cp.load("m.clearprop"), {"Gentoo": 3.0, "Adelie": 0.5}
    same = cp.train_table(PENGUINS, "species", preset="fast", class_weight=factors, max_steps=20)
    assert model.parameters.flat.tobytes() == same.parameters.flat.tobytes()
    assert model.provenance["class_weight"] == factors
    for command_line in (["describe", "m.clearprop"], ["evaluate", "m.clearprop", PENGUINS]):
        assert mix in " ".join(run(*command_line)[1].split())


def test_json_is_one_object(run: Run) -> None:
    code, out, err = run(*train("--json", "--metric", "accuracy", preset="default"))
    assert (code, err, out.count("\n")) == (0, "", 1)
    told = json.loads(out)
    assert (told["preset"], told["metric"], len(told["runs"])) == ("default", "accuracy", 8)
    assert told["rows"]["training"] == 344 and told["interrupted"] is False


def test_columns_weights_and_groups_are_as_asked(run: Run) -> None:
    rows = "".join(f"{v},{v // 4},{1 + v % 2},k{v % 5},{'ab'[v // 4 % 2]}\n" for v in range(80))
    Path("t.csv").write_text("x,who,w,id,y\n" + rows)
    args = ["train", "t.csv", "-t", "y", "--preset", "fast", "-o", "m", "--test", "0.2"]
    more = ["--weight", "w", "--split-by", "who", "--drop", "id", "--column", "x=number"]
    code, _, err = run(*args, *more)
    assert (code, err) == (0, "")
    uses = {column["name"]: column["use"] for column in cp.load("m").columns}
    assert uses == {"x": "number", "who": "group", "w": "weight", "id": "dropped", "y": "target"}


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [
        (["--hidden", "8"], 2, "--hidden is for a plain network: leave one of them out"),
        (["--epochs", "8"], 2, "--preset fast is for a preset"),
        (["--dropout", "0"], 2, "--dropout is for a plain network"),
        (["--max-steps", "3,x"], 2, "--max-steps takes whole numbers such as 500, or 31,30 for"),
        (["--max-steps", "0"], 2, "max_steps"),
        (["--validation", "1.3"], 2, "validation"),
        (["--validation", "0.6", "--test", "0.5"], 2, "leave no rows to train on"),
        (["--validation", PENGUINS], 2, "these rows train"),
        (["--validation", "none.csv"], 1, "no file"),
        (["--validation", "0", "--split-by", "year"], 2, "here none are"),
        (["--metric", "acuracy"], 2, "did you mean 'accuracy'"),
        (["--class-weight", "Adelie"], 2, "takes balanced alone, or LABEL=FACTOR with a number"),
        (["--class-weight", "Adelie=-1"], 2, "a number of 0 or more, such as yes=10"),
        (["--class-weight", "Adele=2"], 2, "there is no class 'Adele'"),
        (["--class-weight", "Adelie=1", "--class-weight", "Adelie=2"], 2, "says twice"),
        (["--class-weight", "balanced", "--hidden", "8"], 2, "--hidden is for a plain network"),
        (["--threads", "0"], 2, "threads"),
        (["--time-limit", "-1"], 2, "time_limit"),
        (["--test", "1.5"], 2, "test"),
        (["--task", "guess"], 2, "task"),
        (["--drop", "iland"], 1, "did you mean 'island'"),
        (["--weight", "sx"], 1, "did you mean 'sex'"),
        (["--resume"], 1, "nothing to resume"),
        (["-o", "-"], 2, "not to the screen"),
    ],
)
def test_what_is_wrong_is_one_sentence(run: Run, more: list[str], code: int, said: str) -> None:
    found, out, err = run(*train(*more))
    assert (found, out, err.count("\n")) == (code, "", 1), err
    assert said in err and "mistake of ClearProp" not in err
    assert not list(Path().iterdir())


def test_a_preset_that_there_is_not_and_a_metric_of_a_plain_network(run: Run) -> None:
    code, _, err = run(*train(preset="fst"))
    assert code == 2 and "did you mean 'fast'" in err
    code, _, err = run(*train(preset=""))
    assert code == 2 and "there is no preset ''" in err
    args = ["train", PENGUINS, "-t", "species", "--metric", "auc"]
    code, _, err = run(*args, "--hidden", "8")
    assert code == 2 and "--metric auc is for a preset" in err and "--hidden" in err


def test_what_needs_no_table_is_told_before_one_is_opened(run: Run) -> None:
    Path("t.csv").write_text("")  # which is told of where it is opened
    args = ["train", "t.csv", "-t", "y"]
    for more, said in (
        (["--metric", "acuracy"], "no metric 'acuracy'; did you mean 'accuracy'?"),
        (["--metric", "auc", "--task", "regression"], "no metric 'auc' for regression"),
        (["--hidden", "8", "--max-steps", "31,30"], "a plain network, which is one run: give one"),
    ):
        code, out, err = run(*args, *more)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert said in err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("age,y\n", "no rows"),
        ("age,y\n1,no\n", "no column to learn from"),
        ("age,y\n" + "1,no\n2,no\n" * 9, "in every row"),
        ("age,y\n" + "1,2.5\n2,2.5\n" * 9, "nothing to learn"),
        ("age,y\n" + "1,\n2,\n" * 9, "no value in any"),
        ("age,y\n" + "1,no\n2,yes\n" * 9 + "inf,no\n", "infinite"),
        ("x,y\n" + "1,2.5\n2,3.5\n" * 9 + "1,inf\n", "infinite"),
        ("y\n" + "no\nyes\n" * 9, "no column to learn from"),
        ("x,y\n1,a\n2,b\n3\n", "line 4"),
    ],
)
def test_tables_that_cannot_be_trained_on(run: Run, text: str, said: str) -> None:
    Path("t.csv").write_text(text)
    code, out, err = run("train", "t.csv", "-t", "y", "--preset", "fast")
    assert (code, out, err.count("\n")) == (1, "", 1), err
    assert said in err
    assert [path.name for path in Path().iterdir()] == ["t.csv"]


def test_few_rows_are_learned_from(run: Run) -> None:
    Path("t.csv").write_text("x,y\n" + "1,no\n2,yes\n" * 3)
    code, out, err = run("train", "t.csv", "-t", "y", "--preset", "default")
    assert (code, err) == (0, "")
    assert "saved t.clearprop" in out


def test_ctrl_c_saves_the_best_and_resume_gives_the_same_bits(tmp_path: Path) -> None:
    rows = "".join(f"{v},{v * 7 % 31},{'ab'[v * v % 13 > 6]}\n" for v in range(3000))
    (tmp_path / "t.csv").write_text("x,z,y\n" + rows)
    args = ["train", "t.csv", "-t", "y", "--preset", "fast"]
    out = interrupted(*args, "-o", "m.clearprop", cwd=tmp_path, after=0.5)
    assert "--resume" in out
    part = cp.load(tmp_path / "m.clearprop")
    assert part.provenance["stopped"] == "interrupted"
    assert (tmp_path / "m.clearprop.checkpoint").exists()
    for more in (["-o", "m.clearprop", "--resume"], ["-o", "whole.clearprop"]):
        done = command(*args, *more, cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
    resumed, whole = (cp.load(tmp_path / name) for name in ("m.clearprop", "whole.clearprop"))
    assert resumed.parameters.flat.tobytes() == whole.parameters.flat.tobytes()
    assert not list(tmp_path.glob("*.checkpoint*"))


def test_an_earlier_checkpoint_is_not_gone_on_with_unless_asked(run: Run) -> None:
    """Of another seed: it would be refused."""
    Path("t.csv").write_text("x,y\n" + "1,no\n2,yes\n" * 20)
    cp.TabularClassifier(preset="fast", random_state=1, checkpoint="m.clearprop.checkpoint").fit(
        {"x": [1, 2] * 20}, ["no", "yes"] * 20
    )
    assert len(list(Path().glob("m.clearprop.checkpoint*"))) == 4
    args = ["train", "t.csv", "-t", "y", "--preset", "fast", "-o", "m.clearprop"]
    code, _, err = run(*args, "--resume")
    assert code == 1 and "cannot resume" in err and "seed was 1 and is 0" in err
    code, _, err = run(*args)
    assert (code, err) == (0, "")
    assert not list(Path().glob("m.clearprop.checkpoint*"))


def test_a_time_that_is_too_short_for_all_runs_comes_with_a_caution(run: Run) -> None:
    rows = "".join(f"{v},{v * 7 % 31},{'ab'[v * v % 13 > 6]}\n" for v in range(3000))
    Path("t.csv").write_text("x,z,y\n" + rows)
    args = ["train", "t.csv", "-t", "y", "--preset", "default", "-o", "m.clearprop"]
    for more, cautious in (["--time-limit", "0.001"], True), (["--max-steps", "2"], False):
        code, out, err = run(*args, *more)
        assert (code, err) == (0, "")
        assert ("the time was enough for few epochs of one run" in out) == cautious


def test_checkpoints_make_room_for_the_model_they_are_of(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a disk that holds two files of this size."""
    write, tried = cp.Model.save, []

    def full(self: cp.Model, path: str, *, overwrite: bool = False) -> str:
        tried.append(sorted(one.name for one in Path().iterdir()))
        if len(tried[-1]) < 2:
            return str(write(self, path, overwrite=overwrite))
        try:
            raise OSError(errno.ENOSPC, "No space left on device")
        except OSError:
            raise FileError(f"cannot write {path}: the disk is full") from None

    monkeypatch.setattr(cp.Model, "save", full)
    assert run(*train())[0] == 0
    assert tried[-1] == ["m.clearprop.checkpoint"] and len(tried) == 4
    assert [one.name for one in Path().iterdir()] == ["m.clearprop"]


def test_a_file_of_ones_own_that_is_called_as_a_checkpoint_is_left_alone(run: Run) -> None:
    Path("m.clearprop.checkpoint.5").write_text("mine")  # behind the last of four runs
    assert run(*train())[0] == 0
    assert Path("m.clearprop.checkpoint.5").read_text() == "mine"
    for name in ("m.clearprop.checkpoint", "m.clearprop.checkpoint.4"):
        Path(name).write_text("mine")
        code, out, err = run(*train())
        assert (code, out, err.count("\n")) == (1, "", 1)
        assert f"{name} exists and is no checkpoint; choose another name" in err
        assert Path(name).read_text() == "mine"
        Path(name).unlink()


def test_resuming_with_another_preset_is_refused_by_the_names_of_both(run: Run) -> None:
    Path("t.csv").write_text("x,y\n" + "1,no\n2,yes\n" * 20)
    columns, labels = {"x": [1, 2] * 20}, ["no", "yes"] * 20
    for begun, asked in (("default", "fast"), ("fast", "default"), ("best", "fast")):
        for left in Path().glob("*.checkpoint*"):
            left.unlink()
        cp.TabularClassifier(
            preset=begun, random_state=0, max_steps=2, checkpoint="m.clearprop.checkpoint"
        ).fit(columns, labels)
        args = ["train", "t.csv", "-t", "y", "--preset", asked, "-o", "m.clearprop", "--resume"]
        code, out, err = run(*args)
        assert (code, out, err.count("\n")) == (1, "", 1)
        assert f"are those of preset {begun}, and this is preset {asked}" in err
        assert "digest" not in err and "schedule" not in err


def test_steps_of_more_runs_than_there_are_are_refused(run: Run) -> None:
    Path("t.csv").write_text("x,y\n" + "1,no\n2,yes\n" * 20)
    code, out, err = run(
        "train", "t.csv", "-t", "y", "--preset", "fast", "--max-steps", "2,2,2,2,2"
    )
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "max_steps has 5 numbers, and this training has 4 runs" in err


@pytest.mark.parametrize("more", [["--preset", "fast"], ["--hidden", "4"]])
def test_a_wrong_cell_of_the_validation_file_is_told_with_its_name(
    run: Run, more: list[str]
) -> None:
    Path("t.csv").write_text("x,y\n" + "1,no\n2,yes\n" * 20)
    Path("other.csv").write_text("x,y\n" + "1,no\n2,yes\nabc,no\n" * 3)
    code, _, err = run("train", "t.csv", "-t", "y", "--validation", "other.csv", *more)
    assert (code, err.count("\n")) == (1, 1)
    assert "other.csv: column 'x' holds numbers, but row 3 has 'abc'" in err


def test_runs_whose_networks_predict_worse_are_told(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tabular_views, "LEAST_FOR_TURNS", 40)
    monkeypatch.setattr(Runs, "better", lambda self, parts: 1)
    names = [f"x{i}" for i in range(25)]
    rows = [[*map(str, np.random.default_rng(i).normal(size=25).round(2)), "ab"[i % 2]]
            for i in range(40)]  # fmt: skip
    Path("t.csv").write_text("\n".join(map(",".join, [[*names, "y"], *rows])) + "\n")
    code, out, _ = run("train", "t.csv", "-t", "y", "--max-steps", "2")
    assert code == 0 and "8 runs; of their epochs" in out
    assert "\n  the networks of runs 1 and 2 predicted worse and are left behind\n" in out
    model = cp.load("t.clearprop")
    assert model.provenance["behind"] == [1, 2] and model.network.graph.members == 6
    code, out, _ = run("train", "t.csv", "-t", "y", "--max-steps", "2", "--preset", "fast")
    assert "\n  the network of run 1 predicted worse and is left behind" in out


def test_runs_that_are_left_out_are_given_as_they_are_told(run: Run) -> None:
    Path("t.csv").write_text("x,y\n" + "1,no\n2,yes\n" * 20)
    base = ("train", "t.csv", "-t", "y")
    code, out, _ = run(*base, "--max-steps", "3,2,0,0,0,0,0,0")
    assert code == 0
    assert "2 runs; of their epochs" in out and "; 6 left out" in out
    assert [one["steps"] for one in cp.load("t.clearprop").provenance["runs"]] == [3, 2, *[0] * 6]
    for wrong in ("0,3", "3,0,3", "0,0"):
        code, out, err = run(*base, "--max-steps", wrong)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert "--max-steps takes whole numbers" in err


def test_a_model_tells_of_all_its_runs(run: Run) -> None:
    Path("t.csv").write_text("x,y\n" + "1,no\n2,yes\n" * 20)
    code, _, _ = run("train", "t.csv", "-t", "y", "--preset", "fast", "--max-steps", "3,4,5,6")
    made = cp.load("t.clearprop").provenance
    assert code == 0
    assert [run["steps"] for run in made["runs"]] == [3, 4, 5, 6]
    assert made["steps"] == 18
    assert made["epochs"] == sum(run["epochs"] for run in made["runs"]) >= 18
