"""A study goes on with the search it is of, and with no other."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_wine
from sklearn.linear_model import Ridge
from sklearn.metrics import make_scorer
from test_estimators_tune import RATE, tabular

import clearprop as cp
from clearprop import storage
from clearprop.errors import FileError, UsageError
from clearprop.estimators.tuning_identity import of_value
from clearprop.estimators.tuning_study import KIND

pytestmark = pytest.mark.filterwarnings("ignore:.*Maximum iterations")


@pytest.fixture(scope="module")
def wine() -> tuple[np.ndarray, np.ndarray]:
    X, y = load_wine(return_X_y=True)
    return X, np.array(["low", "middle", "high"])[y]


def test_a_study_of_another_search_is_refused_by_what_differs(wine: Any, tmp_path: Path) -> None:
    X, y = wine
    path = tmp_path / "s"
    cp.tune(tabular(), X, y, RATE, trials=1, study=path)
    again: dict[str, Any] = {"trials": 2, "study": path}
    for what, call in {
        "other data": lambda: cp.tune(tabular(), X + 1, y, RATE, **again),
        "another estimator": lambda: cp.tune(tabular(epochs=9), X, y, RATE, **again),
        "another space": lambda: cp.tune(tabular(), X, y, {"dropout": [0.0]}, **again),
        "another metric": lambda: cp.tune(tabular(), X, y, RATE, metric="auc", **again),
        "another split": lambda: cp.tune(tabular(), X, y, RATE, validation=0.3, **again),
        "another seed": lambda: cp.tune(tabular(), X, y, RATE, seed=1, **again),
        "another setting of prune": lambda: cp.tune(tabular(), X, y, RATE, prune=False, **again),
    }.items():
        with pytest.raises(UsageError, match=f"s holds a search with {what}\\b.*: name another"):
            call()
    data = path.read_bytes()
    path.write_bytes(data[:-20])
    with pytest.raises(FileError):
        cp.tune(tabular(), X, y, RATE, **again)
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    with pytest.raises(FileError):
        cp.tune(tabular(), X, y, RATE, trials=1, study=tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text() == "a,b\n1,2\n"


@pytest.mark.parametrize(
    ("place", "value", "says"),
    [
        (("about",), None, "does not say what it searched"),
        (("about",), [], "does not say what it searched"),
        (("about",), ..., "does not say what it searched"),
        (("about", "seed"), 5, "another seed: name another study"),
        (("trials",), {}, "does not say what it searched"),
        (("trials",), ["a"], "no trial 1"),
        (("trials", 0, "told", "distributions"), None, r"no trial 1 .*distributions: None"),
        (("trials", 0, "told", "distributions", "alpha"), "[]", "no trial 1"),
        (("trials", 0, "told", "distributions"), {}, "no trial 1"),
        (("trials", 0, "told", "parameters"), {"alpha": "x"}, "no trial 1"),
        (("trials", 0, "told", "figures"), [[1, "x"]], "no trial 1"),
        (("trials", 0, "told"), ..., "no trial 1 .*'told'"),
        (("trials", 1, "parameters"), "alpha", "no trial 2 .*parameters: 'alpha'"),
        (("trials", 1, "state"), "begun", "no trial 2 .*number, state, score: 2, begun"),
        (("trials", 1, "state"), [], "no trial 2"),
        (("trials", 1, "score"), None, "no trial 2 .*number, state, score"),
        (("trials", 1, "number"), 7, "no trial 2 .*number, state, score"),
        (("trials", 1, "more"), 7, "no trial 2"),
    ],
)
def test_a_whole_study_file_of_odd_content_is_refused(
    place: tuple[Any, ...], value: Any, says: str, rng: np.random.Generator, tmp_path: Path
) -> None:
    X, path = rng.normal(size=(20, 1)), tmp_path / "s"
    given: Any = (Ridge(), X, X[:, 0], {"alpha": [0.1, 1.0]})
    cp.tune(*given, trials=2, study=path)
    content, _ = storage.read(path, KIND)
    inside: Any = content
    for key in place[:-1]:
        inside = inside[key]
    if value is ...:
        del inside[place[-1]]
    else:
        inside[place[-1]] = value
    storage.write(path, KIND, content, {})
    with pytest.raises((FileError, UsageError), match=says) as found:
        cp.tune(*given, trials=3, study=path)
    assert str(path) in str(found.value) and "\n" not in str(found.value)


def test_a_trial_of_other_parameters_than_the_search_s_is_refused(
    rng: np.random.Generator, tmp_path: Path
) -> None:
    X, path = rng.normal(size=(20, 1)), tmp_path / "s"
    cp.tune(Ridge(), X, X[:, 0], {"alpha": [0.1, 1.0]}, trials=1, study=path)
    content, _ = storage.read(path, KIND)
    content["trials"][0]["told"] |= {"parameters": {}, "distributions": {}}
    storage.write(path, KIND, content, {})
    with pytest.raises(FileError, match=r"trial 1 of .* has parameters that this search has not"):
        cp.tune(Ridge(), X, X[:, 0], {"alpha": [0.1, 1.0]}, trials=2, study=path)


def test_folds_that_differ_in_the_middle_alone_are_another_split(
    rng: np.random.Generator, tmp_path: Path
) -> None:
    X, rows = rng.normal(size=(4000, 1)), np.arange(4000)
    y = X[:, 0] + rng.normal(size=4000)

    def call(exchanged: int, **more: Any) -> Any:
        judge = rows[::2].copy()
        judge[1000] += exchanged
        given: Any = [(np.setdiff1d(rows, judge), judge)]
        space = {"alpha": [0.1, 1.0]}
        return cp.tune(Ridge(), X, y, space, cv=given, study=tmp_path / "s", **more)

    assert len(call(0, trials=1).trials) == 1
    with pytest.raises(UsageError, match="another split: name another study"):
        call(1, trials=2)
    assert len(call(0, trials=2).trials) == 2


CODE = """
def {name}(trial):
    # {comment}
    def inner():
        return trial.suggest_float("alpha", {low}, 1.0)
    return dict(alpha=inner())

def build(alpha):
    return Ridge(alpha, tol={low})

def around(low):
    return lambda alpha: Ridge(alpha, tol=low)

outer = around({low})
calls = []
def listening(alpha, calls=calls):
    calls.append(alpha)
    return Ridge(alpha) if str(alpha) not in {{"a", "b", "c"}} else None
"""


def functions(**told: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"Ridge": Ridge}
    exec(CODE.format(**{"name": "space", "low": 0.1, "comment": "", **told}), made)
    return made


@pytest.mark.parametrize("of", ["space", "build", "outer"])
def test_a_function_of_the_same_name_with_another_body_is_another(
    of: str, rng: np.random.Generator, tmp_path: Path
) -> None:
    X = rng.normal(size=(40, 1))

    def call(trials: int, **told: Any) -> Any:
        made = functions(**told)
        given = (Ridge(), X, X[:, 0], made[of]) if of == "space" else (
            made[of], X, X[:, 0], {"alpha": [0.1, 1.0]}
        )  # fmt: skip
        return cp.tune(*given, trials=trials, metric="rmse", study=tmp_path / "s")

    call(1)
    again = call(2, comment="a comment alone, in another place\n\n")
    assert len(again.trials) == 2
    with pytest.raises(UsageError, match=r"another (space|estimator): name another study"):
        call(3, low=0.2)


def test_a_function_is_the_same_in_another_process_and_after_it_was_called() -> None:
    told = of_value(functions()["listening"])
    called = functions()["listening"]
    called(2.0)
    assert of_value(called) == told
    code = (
        "from test_estimators_tune_study import *\nprint(of_value(functions()['listening']), "
        "of_value(functions()['space']), of_value(partial(functions()['build'], tol=2)))"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code], cwd=Path(__file__).parent, capture_output=True, text=True,
            env={**os.environ, "PYTHONHASHSEED": seed}, check=True,
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    here = (functions()["listening"], functions()["space"], partial(functions()["build"], tol=2))
    assert found == {" ".join(map(of_value, here)) + "\n"}


def test_what_prints_alike_and_differs_is_told_apart() -> None:
    long = np.zeros(3000)
    other = long.copy()
    other[1500] = 1
    assert of_value(long) == of_value(long.copy()) != of_value(other)
    nets = [cp.Network([2, 3, 1], name) for name in ("tanh", "tanh", "relu")]
    assert of_value(nets[0]) == of_value(nets[1]) != of_value(nets[2])
    scorers = [
        make_scorer(functions(low=low)["build"], greater_is_better=False) for low in (1, 1, 2)
    ]
    assert of_value(scorers[0]) == of_value(scorers[1]) != of_value(scorers[2])

    def recursive(n: int) -> Any:
        return recursive(n - 1) if n else 0

    assert of_value(recursive) == of_value(recursive)
    assert of_value(np.float64(2).item) == of_value(np.float64(2).item)  # one written in C
