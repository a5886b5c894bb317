"""A table warns of columns that alone tell the target and of copied rows, and of no others."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import datasets

from clearprop.estimators import tabular
from clearprop.model.dividing import divide
from clearprop.tables.columns import decide
from clearprop.tables.copies import copied_rows
from clearprop.tables.leaks import alone_tell
from clearprop.tables.opening import open_table

PUBLIC = ["iris", "breast_cancer", "digits", "wine", "diabetes"]


def told(columns: dict[str, Any], y: Any) -> tuple[str, ...]:
    """The columns that alone tell y, beside one that tells nothing."""
    y = np.asarray(y)
    noise = np.random.default_rng(7).normal(size=len(y))
    table = open_table({"noise": noise, **columns})
    return alone_tell(table, decide(table).roles, y, np.ones(len(y), np.bool_))


def copied(columns: Any, y: Any) -> int:
    table = open_table(columns)
    y = np.asarray(y)
    return copied_rows(table, decide(table).roles, y, np.ones(len(y), np.bool_))


@pytest.fixture
def churn(rng: np.random.Generator) -> np.ndarray[Any, Any]:
    return (rng.random(600) < 0.2).astype(np.int64)


def test_a_category_a_number_or_a_date_that_is_filled_for_one_class_tells_it(
    churn: np.ndarray[Any, Any], rng: np.random.Generator
) -> None:
    reason = [str(rng.choice(["price", "moved"])) if one else None for one in churn]
    fee = np.where(churn, rng.random(600), np.nan)
    day = pd.Series(pd.date_range("2024-01-01", periods=600)).where(churn == 1)
    assert told({"reason": reason, "fee": fee, "day": day}, churn) == ("reason", "fee", "day")


def test_a_copy_under_other_names_tells_and_one_mistake_in_it_does_not(
    churn: np.ndarray[Any, Any],
) -> None:
    left, flag = np.where(churn, "left", "stays"), churn == 1
    wrong = left.copy()
    wrong[0] = "stays" if churn[0] else "left"
    assert told({"left": left, "flag": flag, "wrong": wrong}, churn) == ("left", "flag")


def test_few_thresholds_that_part_the_classes_tell_them(rng: np.random.Generator) -> None:
    x = rng.normal(size=600)
    kinds = np.digitize(x, [-0.5, 0.5])
    assert told({"x": x}, kinds) == ("x",)
    assert told({"x": np.where(np.arange(600) == 9, -x, x)}, kinds) == ()
    assert told({"x": x}, np.floor(x * 8).astype(np.int64) % 2) == ()
    x[kinds == 1] = np.nan
    assert told({"x": x}, kinds) == ("x",)
    x[kinds == 0] = np.nan
    assert told({"x": x}, kinds) == ()


def test_few_rows_rare_classes_many_levels_and_a_single_input_are_no_evidence(
    churn: np.ndarray[Any, Any],
) -> None:
    assert told({"copy": churn[:99] == 1}, churn[:99]) == ()
    assert told({"x": np.arange(199.0)}, np.arange(199) // 100) == ()
    rare = (np.arange(600) < 9).astype(np.int64)
    assert told({"copy": rare == 1}, rare) == ()
    assert told({"level": [f"{k // 9} of many" for k in range(600)]}, np.arange(600) // 300) == ()
    one = open_table({"copy": churn == 1})
    assert alone_tell(one, {"copy": "boolean"}, churn, np.ones(600, np.bool_)) == ()


def test_a_linear_or_a_monotone_function_tells_a_number(rng: np.random.Generator) -> None:
    y = rng.normal(100, 20, 600).round(2)
    columns = {
        "pounds": (y * 2.2046).round(2), "minus": 5 - y, "log": np.log(y), "tenths": y.round(1),
        "near": y + rng.normal(0, 0.1, 600), "tens": (y / 10).round(), "square": (y - 100) ** 2,
    }  # fmt: skip
    assert told(columns, y) == ("pounds", "minus", "log")
    assert told({"tens": y}, (y / 25).round()) == ()


def test_levels_with_one_number_each_tell_it(rng: np.random.Generator) -> None:
    level = rng.integers(0, 12, 600)
    y = rng.normal(size=12)[level]
    assert told({"level": [f"level {k}" for k in level]}, y) == ("level",)
    y[0] += 1
    assert told({"level": [f"level {k}" for k in level]}, y) == ()


def test_all_rows_of_a_large_table_have_a_say_and_only_those_with_a_target(
    rng: np.random.Generator,
) -> None:
    y = rng.integers(0, 2, 50_000)
    late = y.copy()
    late[-1] = 1 - late[-1]
    table = open_table({"x": rng.normal(size=50_000), "copy": y == 1, "late": late == 1})
    roles = decide(table).roles
    known = np.ones(50_000, np.bool_)
    assert alone_tell(table, roles, y, known) == ("copy",)
    known[-1] = False
    assert alone_tell(table, roles, y, known) == ("copy", "late")


def test_rows_copied_whole_are_counted(rng: np.random.Generator) -> None:
    own = pd.DataFrame({"x": rng.normal(size=300), "k": rng.integers(0, 5, 300), "day": "a"})
    own.loc[::2, "day"] = None
    thrice = pd.concat([own] * 3)
    y = rng.integers(0, 2, 300)
    assert copied(own, y) == 0
    assert copied(thrice, np.tile(y, 3)) == 600
    assert copied(thrice, np.arange(900)) == 0
    few = pd.concat([own, own[:15]]), pd.concat([own, own[:16]])
    assert [copied(some, np.append(y, y[: len(some) - 300])) for some in few] == [0, 16]


def test_copies_are_seen_by_several_rounded_numbers_together(rng: np.random.Generator) -> None:
    own = pd.DataFrame(rng.normal(size=(400, 8)).round(1), columns=list("abcdefgh"))
    assert copied(pd.concat([own, own[:100]]), np.tile(np.arange(400), 2)[:500]) == 100


def test_rows_that_are_the_same_by_accident_are_no_copies(rng: np.random.Generator) -> None:
    answers = {f"q{k}": rng.integers(1, 6, 2000) for k in range(4)}
    assert copied(answers, answers["q0"] > 2) == 0
    texts = {name: [f"answer {one}" for one in cells] for name, cells in answers.items()}
    assert copied(texts, answers["q0"] > 2) == 0
    for most in (50, 200, 1000, 5000):
        x = rng.integers(0, most, 2000)
        assert copied({"x": x, "flag": rng.random(2000) < 0.5}, x > most / 2) == 0
        assert copied({"x": x, "whole": x // 2 * 2}, rng.normal(size=2000)) == 0


@pytest.mark.parametrize("name", PUBLIC)
def test_public_tables_whose_columns_are_merely_good_are_not_warned_of(name: str) -> None:
    frame = getattr(datasets, f"load_{name}")(as_frame=True).frame
    assert divide(frame, "target", test=0.2).notes == ()


def test_two_kinds_of_iris_are_told_apart_by_nature() -> None:
    frame = datasets.load_iris(as_frame=True).frame
    frame["setosa"] = frame.pop("target") == 0
    assert divide(frame, "setosa").notes == ()
    assert divide(frame[:100], "setosa").notes == ()


def test_the_cautions_say_what_to_do_on_the_command_line(churn: np.ndarray[Any, Any]) -> None:
    x = np.random.default_rng(1).normal(size=600)
    table = {"x": x, "why left": ["cost" if one else None for one in churn], "churn": churn}
    assert divide(table, "churn").notes == (
        "caution: 'why left' alone tells churn in all 600 rows: leave it out (--drop 'why left') "
        "if it is not known when a prediction is needed",
    )
    table["flag"] = churn == 1
    assert divide(table, "churn").notes == (
        "caution: 'why left' and 'flag' each alone tell churn in all 600 rows: leave those out "
        "(--drop 'why left' --drop flag) that are not known when a prediction is needed",
    )
    many = {"x": x, "churn": churn} | {f"copy {k}": churn == 1 for k in range(10)}
    assert "'copy 7' and 2 more each alone tell churn" in divide(many, "churn").notes[0]


def test_copies_are_told_where_rows_are_divided_at_random(rng: np.random.Generator) -> None:
    own = pd.DataFrame({"x": rng.normal(size=600), "k": rng.integers(0, 5, 600)})
    own = own.assign(y=rng.integers(0, 2, 600), who=np.arange(600) % 200)
    table = pd.concat([own] * 3)
    said = (
        "caution: 1,200 of 1,800 rows are copies of another row, in all inputs and the target: "
        "copies on both sides of a division flatter its figures; leave them out, or keep them "
        "together with --split-by",
    )
    assert divide(table, "y", test=0.2).notes == said
    assert divide(table, "y", validation=0.2).notes == said
    assert divide(table, "y", divided_again=True).notes == said
    assert divide(table, "y").notes == ()
    assert divide(table, "y", test=0.2, split_by="who").notes == ()


def test_a_fit_warns_once_of_both(rng: np.random.Generator) -> None:
    own = pd.DataFrame({"x": rng.normal(size=300), "k": rng.integers(0, 5, 300)})
    own["churn"] = rng.integers(0, 2, 300)
    table = pd.concat([own.assign(gone=own["churn"] == 1)] * 2)
    y = table.pop("churn")
    small: dict[str, Any] = {
        "changes": {"epochs": 2, "hidden": (4,), "members": 1, "bags": 1, "refit": False},
        "random_state": 0,
    }
    with pytest.warns(UserWarning) as found:
        model = tabular.TabularClassifier(**small).fit(table, y)
    (text,) = [str(one.message) for one in found]
    assert text == (
        "caution: 'gone' alone tells churn in all 600 rows: leave it out if it is not known when "
        "a prediction is needed; caution: 300 of 600 rows are copies of another row, in all inputs "
        "and the target: copies on both sides of a division flatter its figures; leave them out, "
        "or keep them together with groups"
    )
    assert model.n_iter_ == 2
    who = np.tile(np.arange(300), 2)
    tabular.TabularClassifier(**small).fit(table[["x", "k"]], y, groups=who)
    own_rows = table[["x", "k"]], y
    tabular.TabularClassifier(**small).fit(*own_rows, validation_data=own_rows)
    prices = own.assign(euros=own["x"] * 0.92)[["k", "euros"]]
    with pytest.warns(UserWarning, match="^caution: 'euros' alone tells x in all 300 rows: leave"):
        tabular.TabularRegressor(**small).fit(prices, own["x"])
