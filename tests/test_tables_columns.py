"""What a column is, is decided by looking, said with its reason, and can be overruled."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clearprop import train_table
from clearprop.errors import DataError, SettingError
from clearprop.tables.columns import decide
from clearprop.tables.encoder import fit_encoder
from clearprop.tables.opening import open_table
from clearprop.tables.weights import read_weights

EXAMPLE = Path(__file__).parent.parent / "examples" / "penguins.csv"


def uses(data: object, **options: object) -> dict[str, str]:
    decisions = decide(open_table(data), **options)  # type: ignore[arg-type]
    return {column.name: column.use for column in decisions}


def test_the_example_is_understood() -> None:
    decisions = decide(open_table(EXAMPLE), target="species")
    assert {c.name: (c.use, c.missing, c.levels) for c in decisions} == {
        "species": ("target", 0, 3),
        "island": ("category", 0, 3),
        "bill_length_mm": ("number", 2, None),
        "bill_depth_mm": ("number", 2, None),
        "flipper_length_mm": ("number", 2, 55),
        "body_mass_g": ("number", 2, 94),
        "sex": ("category", 11, 2),
        "year": ("number", 0, 3),
    }
    lines = decisions.describe()
    assert lines[0].split() == ["column", "used", "as", "levels", "missing", "because"]
    assert lines[7].split() == ["sex", "category", "2", "11", "text"]
    assert json.loads(json.dumps(decisions.to_data()))[0] == {
        "name": "species",
        "kind": "text",
        "use": "target",
        "why": "the column to predict",
        "missing": 0,
        "levels": 3,
    }


def test_columns_that_tell_nothing_are_left_out_with_a_reason() -> None:
    n = 60
    data = {
        "id": range(n),
        "customer_id": [7 * k for k in range(n)],
        "PassengerId": range(1, n + 1),
        "Unnamed: 0": range(n),
        "name": [f"person {k}" for k in range(n)],
        "ticket": ["same"] * 2 + [f"ticket {k}" for k in range(n - 2)],
        "constant": [1] * n,
        "nothing": [None] * n,
        "country": ["here"] * n,
        "x": np.arange(n) / 7,
        "count": range(n),
        "grid": [k % 5 for k in range(n)],
    }
    decisions = decide(open_table(data))
    why = {c.name: c.why for c in decisions if c.use == "dropped"}
    assert list(why) == [
        "id",
        "customer_id",
        "PassengerId",
        "Unnamed: 0",
        "name",
        "ticket",
        "constant",
        "nothing",
        "country",
    ]
    assert why["id"].startswith("an identifier")
    assert why["ticket"] == "free text: 59 different texts in 60 cells"
    assert why["constant"] == "all cells are the same"
    assert why["nothing"] == "no cell has a value"
    assert decisions.roles == {"x": "number", "count": "number", "grid": "number"}


def test_a_repeated_id_is_a_number_and_a_value_or_nothing_is_a_category() -> None:
    data = {"store_id": [1, 1, 2], "seen": [3, None, 3]}
    assert uses(data) == {"store_id": "number", "seen": "category"}
    assert uses({"ID": [*range(5000), 0]}) == {"ID": "number"}


def test_few_whole_numbers_stay_numbers_unless_overruled() -> None:
    data = {"stars": [1, 2, 3, 1], "x": [0.5, 1.0, 2.0, 3.0]}
    assert uses(data) == {"stars": "number", "x": "number"}
    assert uses(data, columns={"stars": "category"})["stars"] == "category"


def test_every_use_can_be_asked_for() -> None:
    data = {
        "zip": [1, 2, 3, 4],
        "junk": [1.0, 2.0, np.inf, 4.0],
        "w": [1.0, 2.0, 1.0, 1.0],
        "patient": [1, 1, 2, 2],
        "id": [1, 2, 3, 4],
        "y": [0.0, 1.0, 2.0, 3.0],
    }
    found = uses(
        data,
        target="y",
        columns={"zip": "category", "id": "number"},
        drop=["junk"],
        weight="w",
        split_by="patient",
    )
    assert found == {
        "zip": "category",
        "junk": "dropped",
        "w": "weight",
        "patient": "group",
        "id": "number",
        "y": "target",
    }


def test_names_and_roles_that_do_not_exist_are_refused() -> None:
    table = open_table({"age": [1, 2], "y": [0, 1]})
    with pytest.raises(DataError, match="no column 'agee': did you mean 'age'"):
        decide(table, drop=["agee"])
    with pytest.raises(DataError, match="no column 'z'"):
        decide(table, target="z")
    with pytest.raises(SettingError, match="'age' cannot be a 'categroy': did you mean 'category'"):
        decide(table, columns={"age": "categroy"})
    with pytest.raises(SettingError, match="'y' is given as the target and as the weight"):
        decide(table, target="y", weight="y")


def test_a_table_with_nothing_to_learn_from_says_why() -> None:
    with pytest.raises(DataError, match="no column to learn from: 'k' is dropped, all cells are"):
        decide(open_table({"k": [1, 1], "y": [0, 1]}), target="y")


def test_a_table_without_numbers_says_what_kept_them_from_being_read(tmp_path: Path) -> None:
    source = tmp_path / "t.csv"
    refused = r"'a' is dropped, an identifier: .* \(it is text: "
    for cells, reason, advice in (
        ([*range(39), "oops"], "1 of its 40 values is no number but 'oops'; leave such", ""),
        (range(2**64, 2**64 + 40), "its whole numbers exceed 64 bits", "a=number"),
        ([f"{k:03}" for k in range(40)], "its numbers have leading zeros", "a=number"),
    ):
        source.write_text("a,y\n" + "".join(f"{a},{k % 7}\n" for k, a in enumerate(cells)))
        with pytest.raises(DataError, match=refused + re.escape(reason)) as caught:
            decide(open_table(str(source)), target="y")
        assert str(caught.value).endswith(f"such as {advice}" if advice else "it holds numbers)")
    with pytest.raises(DataError, match="such as a=number"):
        decide(open_table({"a": [2**64 + k for k in range(9)], "y": [*range(9)]}), target="y")


def test_whole_numbers_beyond_64_bits_are_numbers_where_they_are_asked_to_be(
    tmp_path: Path,
) -> None:
    source, cells = tmp_path / "t.csv", [k * 2**66 for k in range(40)]
    source.write_text("a,y\n" + "".join(f"{a},{a / 2**64}\n" for a in cells))
    settings: dict[str, Any] = {"columns": {"a": "number"}, "epochs": 100}
    model = train_table(str(source), "y", **settings)
    assert model.evaluate(str(source))["r2"] > 0.9
    np.testing.assert_array_equal(model.predict(str(source)), model.predict({"a": cells}))


def test_weights_are_checked() -> None:
    table = open_table({"w": [1.0, -1.0], "v": [1.0, None], "z": [0, 0], "ok": [0, 2]})
    assert read_weights(table, "ok").tolist() == [0.0, 2.0]
    with pytest.raises(DataError, match="weight 'w' is -1 in row 2"):
        read_weights(table, "w")
    with pytest.raises(DataError, match="weight 'v' is missing in row 2"):
        read_weights(table, "v")
    with pytest.raises(DataError, match="weight 'z' is 0 in every row"):
        read_weights(table, "z")
    with pytest.raises(DataError, match="weight 'c' is 'b' in row 1: weights must be 0 or more"):
        read_weights(open_table({"c": ["b", "a"]}), "c")


@pytest.mark.parametrize("settings", [{"preset": "fast"}, {"epochs": 1}])
def test_a_cell_that_is_not_what_was_asked_for_is_no_proof_of_what_the_column_holds(
    settings: dict[str, Any],
) -> None:
    when = np.datetime64("2024-01-31") + np.arange(40)
    data = {"c": [*"ab" * 20], "d": when, "y": [k / 2 for k in range(40)]}
    for column, role, row in (
        ("c", "number", r"\d+ has '[ab]'"),
        ("c", "boolean", r"\d+ has '[ab]'"),
        ("c", "date", r"\d+ has '[ab]'"),
        ("d", "number", r"\d+ has 2024-"),
    ):
        said = f"column '{column}' is asked for as a {role}, but row {row}"
        with pytest.raises(DataError, match=said):
            train_table(data, "y", columns={column: role}, **settings)


def test_of_a_column_asked_for_as_a_date_the_cell_unlike_most_is_named() -> None:
    days = [f"{k % 28 + 1}/11/2021" for k in range(40)]
    asked = {"columns": {"d": "date"}}
    for odd in ("soon", "2021-11-15"):
        table = open_table({"d": [*days[:9], odd, *days[9:]], "y": [*range(41)]})
        said = f"column 'd' is asked for as a date, but row 10 has '{odd}' where most are like %d/"
        with pytest.raises(DataError, match=said):
            decide(table, target="y", **asked)
    unclear = open_table({"d": ["1/2/2024", "3/4/2024"] * 9, "y": [*range(18)]})
    with pytest.raises(DataError, match="is asked for as a date, and is text: its dates may be %d"):
        decide(unclear, target="y", **asked)
    months = open_table({"d": [*(f"2024-{k:02}" for k in range(1, 13)), "soon"], "y": [*range(13)]})
    with pytest.raises(DataError, match="but row 13 has 'soon': mend the value"):
        decide(months, target="y", **asked)


def test_whole_numbers_that_look_like_an_identifier_are_used_with_a_caution() -> None:
    columns = {
        "Kunden-Nr": [1000 + k for k in range(60)],
        "order_no": [k * k for k in range(60)],
        "line": list(range(60)),
        "salary": [7 * k * k + 3 for k in range(60)],
        "age": [20 + k % 7 for k in range(60)],
        "y": ["a", "b"] * 30,
    }
    decided = decide(open_table(columns), target="y")
    said = {column.name: (column.use, column.why) for column in decided}
    for name in ("Kunden-Nr", "order_no", "line"):
        assert said[name] == (
            "number", f"whole numbers, all different: an identifier? --drop {name}"
        )  # fmt: skip
    assert said["salary"] == said["age"] == ("number", "whole numbers")


def test_a_missing_weight_and_a_missing_column_come_with_the_fix() -> None:
    table = open_table({"w": [1.0, None], "species": ["a", "b"], "age": [1, 2]})
    with pytest.raises(DataError, match=r"is missing in row 2.*0 leaves the row out"):
        read_weights(table, "w")
    encoder = fit_encoder(table, {"age": "number", "species": "category"})
    with pytest.raises(DataError, match=r"no column 'age'.*there are 'species', 'w'"):
        encoder.check(open_table({"species": ["a"], "w": [1.0]}))
    with pytest.raises(DataError, match=r"no column 'age'.*did you mean 'Age'"):
        encoder.check(open_table({"species": ["a"], "Age": [1.0]}))
