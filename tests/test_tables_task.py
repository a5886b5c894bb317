"""The target says what is to be learnt, and predictions come back in its own terms."""

from __future__ import annotations

import json

import numpy as np
import pytest

from clearprop.errors import DataError, SettingError
from clearprop.tables.classes import doubts_of_classes
from clearprop.tables.columns import decide
from clearprop.tables.opening import open_table
from clearprop.tables.target import Target
from clearprop.tables.task import fit_target


def fitted(y: object, task: str | None = None, keep: np.ndarray | None = None) -> Target:
    x = np.arange(len(y)) / 3  # type: ignore[arg-type]
    table = open_table({"x": x, "y": y})
    facts = decide(table, target="y").facts["y"]
    return fit_target(table, "y", facts, task, keep=keep)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("y", "task", "labels"),
    [
        (["b", "a", "b"], "classification", ("a", "b")),
        ([True, False, None], "classification", (False, True)),
        ([10, 9, 2] * 5, "classification", (2, 9, 10)),
        ([1.0, 0.0, None] * 5, "classification", (0.0, 1.0)),
        ([1, 2, 3], "regression", ()),
        (list(range(21)) * 10, "regression", ()),
        ([0.5, 1.0] * 50, "regression", ()),
    ],
)
def test_the_task_is_found_from_the_target(y: object, task: str, labels: tuple[object]) -> None:
    target = fitted(y)
    assert (target.task, target.labels) == (task, labels)


def test_the_task_can_be_asked_for() -> None:
    assert fitted([1, 2, 1] * 10, "regression").task == "regression"
    assert fitted([1.5, 2.5, 1.5], "classification").labels == (1.5, 2.5)


def test_labels_are_encoded_by_their_order_and_decoded_as_they_were() -> None:
    target = fitted([10, 9, 2, None] * 5)
    chunk = next(open_table({"y": [2, 10, None, 9]}).chunks(10))
    y, known = target.encode(chunk)
    assert y.tolist() == [0, 2, 0, 1]
    assert known.tolist() == [True, True, False, True]
    assert target.decode(np.array([2, 0])).tolist() == [10, 2]
    assert target.decode(np.array([2, 0])).dtype == np.int64
    words = fitted(["b", "a", "b"])
    assert words.decode(np.array([[1, 0]])).tolist() == [["b", "a"]]


def test_a_number_is_standardised_by_the_training_rows() -> None:
    y = [1.25, 3.25, 100.0, None]
    target = fitted(y, keep=np.array([True, True, False, True]))
    assert (target.mean, target.std) == (2.25, 1.0)
    values, known = target.encode(next(open_table({"y": y}).chunks(10)))
    assert values.tolist() == [-1.0, 1.0, 97.75, 0.0]
    assert known.tolist() == [True, True, True, False]
    assert target.decode(np.array([[-1.0]])).tolist() == [[1.25]]


def test_a_target_goes_through_json_to_the_bit(rng: np.random.Generator) -> None:
    for target in (fitted(rng.normal(size=50)), fitted(["é", "a", "é"])):
        assert Target.from_data(json.loads(json.dumps(target.to_data()))) == target
    with pytest.raises(DataError, match="describes no target"):
        Target.from_data({"name": "y"})


@pytest.mark.parametrize(
    ("y", "task", "words"),
    [
        ([None, None], None, "'y' has no value in any of 2 rows"),
        (["a", "a"], None, "'y' is 'a' in every row"),
        ([2.5, 2.5], None, "'y' is 2.5 in every training row"),
        ([f"label {k}" for k in range(60)], None, "nearly as many labels as rows"),
        (np.array(["2020-01-01", "2020-01-02"], "datetime64[D]"), None, "'y' holds dates"),
        (["1", "x", "x"], "regression", "'y' is asked for as a number, but row 2 has 'x'"),
        (["b", "a", "b"], "regression", "holds texts such as 'a' and 'b', and a number was asked"),
        ([1.0, np.inf, 2.5], None, "'y' is infinite in row 2"),
    ],
)
def test_targets_that_cannot_be_learnt_are_refused(y: object, task: str | None, words: str) -> None:
    with pytest.raises(DataError) as caught:
        fitted(y, task)
    assert words in str(caught.value)


def test_unknown_tasks_and_labels_are_refused() -> None:
    with pytest.raises(SettingError, match="task must be 'classification' or 'regression'"):
        fitted([1, 2], "clustering")
    target = fitted(["a", "b", "a"])
    with pytest.raises(DataError, match="the label 'c' in row 2, which training has not seen"):
        target.encode(next(open_table({"y": ["a", "c"]}).chunks(5)))


def test_a_label_is_known_in_another_spelling() -> None:
    target = fitted(["2024-03-01 00:00:00", "x", "x"])
    codes, _ = target.encode(next(open_table({"y": ["x", "2024-03-01"]}).chunks(5)))
    assert codes.tolist() == [1, 0]


def test_classes_that_differ_in_case_or_blanks_only_or_have_one_row_are_doubted() -> None:
    def doubts(*labels: str) -> list[str]:
        classes, y = np.unique(labels, return_inverse=True)
        target = Target("y", "classification", "", "text", tuple(classes.tolist()))
        return doubts_of_classes(target, y)

    assert doubts("a", "b", "a", "b") == []
    assert doubts("a", "a") == ["target 'y' is 'a' in every row: there is nothing to tell apart"]
    assert doubts(*["YES", "Yes ", "no", "yes"] * 2, "NO", "NO") == [
        f"target 'y': the classes {same} differ in case or blanks only: write them alike if they "
        "mean the same"
        for same in ("'NO' and 'no'", "'YES' and 'Yes ' and 'yes'")
    ]
    assert doubts("a", "b", "a") == [
        "target 'y': only one row has the class 'b': give more of such rows, or leave it out"
    ]
    (many,) = doubts("x", "x", *map(str, range(10)))
    assert "has the classes '0', '1', '2', '3', '4', '5', '6', '7' and 2 more: give" in many
