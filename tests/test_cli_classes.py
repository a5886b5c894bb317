"""``evaluate`` shows each class, and a class that is never predicted is told."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from cli_runs import PENGUINS, train
from conftest import Run
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

import clearprop as cp
from clearprop.cli import classes
from clearprop.model.by_class import by_class
from clearprop.tables.target import Target


def rare(path: str) -> None:
    """A label that four of a hundred rows have, and a number that says nothing of it."""
    rows = "".join(f"{v % 7},{'yes' if v % 25 == 0 else 'no'}\n" for v in range(100))
    Path(path).write_text("x,ill\n" + rows)


def test_each_class_has_its_figures_and_what_it_is_taken_for(run: Run) -> None:
    run(*train())
    known = [row.split(",")[0] for row in Path(PENGUINS).read_text("utf-8").splitlines()[1:]]
    taken = cp.load("m.clearprop").predict(PENGUINS).tolist()
    p, r, f, rows = precision_recall_fscore_support(known, taken, zero_division=np.nan)
    names = ["Adelie", "Chinstrap", "Gentoo"]
    code, out, _ = run("evaluate", "m.clearprop", PENGUINS, "--json")
    told = json.loads(out)
    assert code == 0
    assert [one["label"] for one in told["classes"]] == names
    assert [one["rows"] for one in told["classes"]] == rows.tolist()
    for name, theirs in (("precision", p), ("recall", r), ("f1", f)):
        own = [np.nan if one[name] is None else one[name] for one in told["classes"]]
        np.testing.assert_allclose(own, theirs)
    confusion = confusion_matrix(known, taken)
    assert told["confusion"] == confusion.tolist()
    _, out, _ = run("evaluate", "m.clearprop", PENGUINS)
    assert re.search("^class +rows +precision +recall +f1$", out, re.M)
    first = " +".join(map(str, confusion[0]))
    assert re.search(
        f"^is, down; taken for +Adelie +Chinstrap +Gentoo\nAdelie +{first}$", out, re.M
    )


def test_a_number_has_no_view_of_classes(run: Run) -> None:
    run("train", PENGUINS, "-t", "body_mass_g", "--hidden", "4", "--epochs", "1", "-o", "m")
    _, out, _ = run("evaluate", "m", PENGUINS, "--json")
    assert not {"classes", "confusion"} & set(json.loads(out))


def test_a_class_that_is_never_predicted_is_told_with_what_to_do(run: Run) -> None:
    rare("t.csv")
    quick = ["--preset", "fast", "--max-steps", "20", "-o", "m"]
    _, out, _ = run("train", "t.csv", "-t", "ill", *quick)
    assert "caution: 'yes' is never predicted: 4 of 100 validation rows have it" in out
    _, out, _ = run("evaluate", "m", "t.csv")
    assert "caution: 'yes' is never predicted: 4 of 100 rows have it" in out
    assert "--class-weight balanced in training lets rare classes count for more" in out
    balanced = ["--class-weight", "balanced", "--overwrite"]
    _, out, _ = run("train", "t.csv", "-t", "ill", *quick, *balanced)
    assert "never predicted" not in out


@pytest.mark.parametrize(
    ("count", "length", "shown"), [(10, 4, True), (10, 9, False), (11, 1, False)]
)
def test_what_is_taken_for_what_is_shown_where_it_fits(
    count: int, length: int, shown: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = tuple(f"{k:0{length}}" for k in range(count))
    aim = Target("y", "classification", "", "text", labels)
    found = by_class(aim, np.arange(count), np.eye(count), None)
    assert found is not None
    classes.tell(found)
    out = capsys.readouterr().out
    assert ("taken for" in out) == shown
    assert max(map(len, out.splitlines())) <= 80


def test_of_many_classes_some_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    aim = Target("y", "classification", "", "text", tuple(f"c{k:02}" for k in range(50)))
    found = by_class(aim, np.arange(50), np.eye(50), None)
    assert found is not None
    classes.tell(found)
    out = capsys.readouterr().out
    assert "c29" in out and "c30" not in out
    assert "and 20 more: --json has all" in out
