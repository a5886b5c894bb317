"""Columns become inputs by their recipes, and the encoder is plain data."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearprop.errors import DataError, SettingError
from clearprop.tables.encoder import Encoder, fit_encoder
from clearprop.tables.opening import open_table

NAN = float("nan")


def encoded(encoder: Encoder, data: object) -> list[list[float]]:
    return encoder.encode(open_table(data), np.float64).X.tolist()


def test_numbers_are_standardised_and_missing_ones_are_the_median_with_a_flag() -> None:
    table = open_table({"x": [1.0, 2.0, 6.0, None]})
    encoder = fit_encoder(table, {"x": "number"})
    std = np.sqrt((4 + 1 + 9) / 3)
    assert encoder.labels == ("x", "x missing")
    assert encoder.columns[0].parameters == {
        "mean": 3.0,
        "std": pytest.approx(std, rel=1e-15),
        "median": 2.0,
        "flag": True,
    }
    expected = [[-2 / std, 0], [-1 / std, 0], [3 / std, 0], [-1 / std, 1]]
    assert encoded(encoder, table) == [pytest.approx(row, rel=1e-15) for row in expected]


def test_no_flag_without_missing_numbers_in_training_and_the_median_later() -> None:
    encoder = fit_encoder(open_table({"x": [0.0, 2.0, 4.0, 10.0]}), {"x": "number"})
    assert encoder.labels == ("x",)
    assert encoded(encoder, {"x": [NAN, 3.0]})[0] == encoded(encoder, {"x": [3.0]})[0]


def test_a_constant_number_is_not_divided_by_what_rounding_leaves() -> None:
    encoder = fit_encoder(open_table({"x": [0.1] * 9999}), {"x": "number"})
    assert encoder.columns[0].parameters["std"] == 1.0
    assert encoded(encoder, {"x": [0.1]}) == [[0.0]]


def test_a_constant_number_is_not_divided_by_zero() -> None:
    encoder = fit_encoder(open_table({"x": [7.0, 7.0]}), {"x": "number"})
    assert encoded(encoder, {"x": [7.0, 9.0]}) == [[0.0], [2.0]]


def test_a_column_without_values_encodes_as_zero() -> None:
    encoder = fit_encoder(open_table({"x": [None, None]}), {"x": "number"})
    assert encoded(encoder, {"x": [None]}) == [[0.0]]


def test_categories_are_one_hot_with_missing_as_a_level_and_unknown_as_none() -> None:
    table = open_table({"c": ["red", "blue", None, "red"]})
    encoder = fit_encoder(table, {"c": "category"})
    assert encoder.labels == ("c=blue", "c=red", "c missing")
    assert encoded(encoder, {"c": ["red", "green", None]}) == [[0, 1, 0], [0, 0, 0], [0, 0, 1]]


def test_missing_categories_that_training_had_not_are_all_zero() -> None:
    encoder = fit_encoder(open_table({"c": ["red", "blue"]}), {"c": "category"})
    assert encoded(encoder, {"c": [None, "blue"]}) == [[0, 0], [1, 0]]


def test_many_levels_become_an_index_where_zero_is_unknown() -> None:
    table = open_table({"c": [f"city{n:02}" for n in range(40)] + [None], "x": range(41)})
    encoder = fit_encoder(table, {"c": "category", "x": "number"}, one_hot_up_to=32)
    assert encoder.index_levels == {"c": 42}
    assert encoder.labels == ("x",)
    result = encoder.encode(open_table({"c": ["city00", "nowhere", "city39", None], "x": [0] * 4}))
    assert result.indices.tolist() == [[1], [0], [40], [41]]
    assert result.indices.dtype == np.int64
    assert result.X.dtype == np.float32
    wide = fit_encoder(table, {"c": "category"}, one_hot_up_to=None)
    assert (wide.width, wide.index_levels) == (41, {})
    asked = fit_encoder(table, {"c": "category"}, recipes={"c": "onehot"})
    assert asked.width == 41


def test_truth_values_are_plus_and_minus_one() -> None:
    table = open_table({"b": [True, False, None]})
    encoder = fit_encoder(table, {"b": "boolean"})
    assert encoder.labels == ("b", "b missing")
    assert encoded(encoder, table) == [[1, 0], [-1, 0], [0, 1]]
    assert encoded(encoder, {"b": [1, 0]}) == [[1, 0], [-1, 0]]
    assert encoded(encoder, {"b": ["yes", "FALSE"]}) == [[1, 0], [-1, 0]]


def test_dates_are_days_and_places_on_circles() -> None:
    dates = ["2020-01-06", "2020-04-06", "2021-01-04"]  # Mondays; 2020 has 366 days
    table = open_table({"d": np.array(dates, "datetime64[us]")})
    encoder = fit_encoder(table, {"d": "date"})
    assert encoder.labels == ("d", "d year sin", "d year cos", "d week sin", "d week cos")
    days = np.array([18267, 18358, 18631])
    rows = np.array(encoded(encoder, table))
    assert rows[:, 0] == pytest.approx((days - days.mean()) / days.std(), rel=1e-12)
    turn = 2 * np.pi * np.array([5 / 366, 96 / 366, 3 / 365])
    assert rows[:, 1] == pytest.approx(np.sin(turn), abs=1e-15)
    assert rows[:, 2] == pytest.approx(np.cos(turn), abs=1e-15)
    assert rows[:, 3] == pytest.approx([0, 0, 0], abs=1e-15)
    assert rows[:, 4] == pytest.approx([1, 1, 1], abs=1e-15)


def test_times_of_day_are_on_a_circle_and_missing_dates_at_its_centre() -> None:
    dates = np.array(["2020-01-01T06:00", "2020-01-02T18:00", "NaT"], "datetime64[us]")
    table = open_table({"d": dates})
    encoder = fit_encoder(table, {"d": "date"})
    assert encoder.labels == ("d", "d missing", "d day sin", "d day cos")
    rows = np.array(encoded(encoder, table))
    assert rows[:, 2] == pytest.approx([1, -1, 0], abs=1e-15)
    assert rows[:, 3] == pytest.approx([0, 0, 0], abs=1e-15)
    assert encoded(encoder, {"d": ["2020-01-01T06:00"]})[0] == rows[0].tolist()


@pytest.mark.parametrize(
    ("levels", "later"),
    [
        ([1, 2, 3], [1.0, 2.0, 3.0]),
        (["1", "2", "x"], [1, 2, 2]),
        ([0.5, 2.0, 3.0], ["0.5", "2", "3"]),
        ([True, False, True], ["true", "false", "true"]),
    ],
)
def test_a_level_keeps_its_name_in_every_kind(levels: list[object], later: list[object]) -> None:
    encoder = fit_encoder(open_table({"c": levels}), {"c": "category"})
    expected = encoded(encoder, {"c": levels})
    got = encoded(encoder, {"c": later})
    assert got[:2] == expected[:2]
    assert all(sum(row) == 1 for row in got)


@pytest.mark.parametrize(
    ("trained", "later"),
    [
        ([True, False, "unknown"], [True, False]),
        (["True", "False", "unknown"], [True, False]),
        ([1.0, 2.5, "unknown"], [1.0, 2.5]),
        (["1.50", "2", "unknown"], [1.5, 2.0]),
        ([datetime.date(2024, 3, 1), datetime.datetime(2024, 3, 2, 7), "unknown"],
         np.array(["2024-03-01", "2024-03-02T07"], "M8[us]")),
    ],
)  # fmt: skip
def test_a_level_is_known_however_its_column_spells_it(trained: list[Any], later: Any) -> None:
    encoder = fit_encoder(open_table({"c": trained}, as_text=["c"]), {"c": "category"})
    whole = encoder.encode(open_table({"c": trained}, as_text=["c"])).X
    alone = encoder.encode(open_table({"c": later})).X
    assert alone.tolist() == whole[:2].tolist() and (alone.sum(axis=1) == 1).all()


def test_a_text_that_training_had_not_is_no_number_that_it_had() -> None:
    encoder = fit_encoder(open_table({"c": ["3.1", "1E5", "beta"]}), {"c": "category"})
    assert not encoder.encode(open_table({"c": ["3.10", "100000", "TRUE", "b"]})).X.any()


def test_levels_that_are_spelt_alike_stay_apart() -> None:
    encoder = fit_encoder(open_table({"c": ["1.50", "1.5", "007", "7"]}), {"c": "category"})
    assert encoder.encode(open_table({"c": ["1.50", "1.5", "007", "7"]})).X.sum(axis=0).all()
    assert encoder.encode(open_table({"c": [1.5, 7.0]})).X @ np.arange(4) == pytest.approx([1, 3])


def test_a_later_file_is_read_with_the_kinds_of_training(tmp_path: Path) -> None:
    data = {"code": ["007", "1.50"], "grade": [1.5, 2.0], "flag": [True, False]}
    encoder = fit_encoder(
        open_table(data), {"code": "category", "grade": "category", "flag": "category"}
    )
    assert encoder.text_columns == ("code",)
    later = tmp_path / "later.csv"
    later.write_text("code,grade,flag\n007,1.50,TRUE\n1.50,2,False\n")
    read = encoder.encode(open_table(later, as_text=encoder.text_columns))
    assert (read.X == encoder.encode(open_table(data)).X).all()


@pytest.mark.parametrize(
    ("trained", "later", "moments", "odd"),
    [
        (["31/12/2023", "01/02/2024"], ["05/06/2024"], ["2024-06-05"], "05/13/2024"),
        (["12/31/2023", "01/02/2024"], ["5/6/2024"], ["2024-05-06"], "13/05/2024"),
        (["31.12.2023", "01.02.2024"], ["5.6.2024", "2024-06-05"], ["2024-06-05"] * 2, "5/6/2024"),
        (["31-12-2023 9:00", "1-2-2024 17:30"], ["5-6-2024 6:00"], ["2024-06-05T06"], "5-6-2024"),
        (["31/12/2023 9:00:01", "1/2/2024 0:00:00"], ["5/6/2024 6:00:30"],
         ["2024-06-05T06:00:30"], "5/6/2024 24:00:00"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("make", ["file", "memory"])
def test_dates_are_read_in_the_form_of_training(
    tmp_path: Path, trained: list[str], later: list[str], moments: list[str], odd: str, make: str
) -> None:
    def opened(texts: list[str]) -> object:
        if make == "memory":
            return {"d": texts}
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.csv"
        path.write_text("\n".join(["d", *texts]) + "\n")
        return str(path)

    table = open_table(opened(trained))
    fitted = fit_encoder(table, {"d": "date"})
    encoder = Encoder.from_data(json.loads(json.dumps(fitted.to_data())))
    assert encoder == fitted
    X = encoder.encode(encoder.open(opened(later)), np.float64).X
    dates = open_table({"d": np.array(moments, "datetime64[us]")})
    assert X.tolist() == encoder.encode(dates, np.float64).X.tolist()
    with pytest.raises(DataError, match=f"column 'd' holds dates like .*, but row 1 has '{odd}'"):
        encoder.encode(encoder.open(opened([odd])))


def test_a_form_of_dates_that_does_not_exist_is_refused() -> None:
    data = fit_encoder(open_table({"d": ["31/12/2023", "01/02/2024"]}), {"d": "date"}).to_data()
    data["columns"][0]["form"] = "%s"
    with pytest.raises(DataError, match="column 'd' has cells like '%s'"):
        Encoder.from_data(data)


def test_numbers_may_come_as_text() -> None:
    encoder = fit_encoder(open_table({"x": [1.0, 3.0]}), {"x": "number"})
    assert encoded(encoder, {"x": ["1", " 3e0 ", None]}) == [[-1], [1], [0]]


def test_columns_may_be_in_any_order_and_extra_ones_are_noted() -> None:
    table = open_table({"a": [1.0, 2.0], "b": ["x", "y"]})
    encoder = fit_encoder(table, {"a": "number", "b": "category"})
    other = open_table({"spare": [0, 0], "b": ["x", "y"], "a": [1.0, 2.0]})
    assert encoder.check(other) == ["not used: spare"]
    assert encoder.check(other, ignored=["spare"]) == []
    assert (encoder.encode(other).X == encoder.encode(table).X).all()


def test_missing_columns_are_named_with_what_may_be_meant() -> None:
    encoder = fit_encoder(
        open_table({"height": [1.0, 2.0], "weight": [3.0, 4.0]}),
        {"height": "number", "weight": "number"},
    )
    with pytest.raises(DataError, match="no column 'weight', which training had: did you mean 'we"):
        encoder.encode(open_table({"height": [1.0], "weigth": [1.0]}))
    with pytest.raises(DataError, match="lacks 2 columns that training had: 'height', 'weight'"):
        encoder.encode(open_table({"x": [1.0]}))


@pytest.mark.parametrize(
    ("role", "fitted", "given_", "words"),
    [
        ("number", [1.0, 2.0], [1.0, "abc"], "'x' holds numbers, but row 2 has 'abc'"),
        ("number", [1.0, 2.0], [1.0, np.inf], "'x' is infinite in row 2"),
        ("number", [1.0, 2.0], ["1", "-inf"], "'x' is infinite in row 2"),
        ("boolean", [True, False], [0, 1, 2], "'x' holds true or false, but row 3 has 2"),
        ("boolean", [True, False], ["true", "perhaps"], "but row 2 has 'perhaps'"),
        (
            "date",
            np.array(["2020-01-01", "2020-01-02"], "datetime64[D]"),
            ["2020-01-01", "soon"],
            "'x' holds dates, but row 2 has 'soon'",
        ),
        (
            "date",
            np.array(["2020-01-01", "2020-01-02"], "datetime64[D]"),
            [1, 2],
            "'x' holds dates, but this table has numbers",
        ),
    ],
)
def test_a_cell_that_cannot_be_read_is_named(
    role: str, fitted: object, given_: object, words: str
) -> None:
    encoder = fit_encoder(open_table({"x": fitted}), {"x": role})  # type: ignore[dict-item]
    with pytest.raises(DataError) as caught:
        encoder.encode(open_table({"x": given_}))
    assert words in str(caught.value)


def test_the_row_of_a_bad_cell_is_the_tables_and_not_the_chunks() -> None:
    encoder = fit_encoder(open_table({"x": [1.0, 2.0]}), {"x": "number"})
    values = [1.0] * 20
    values[17] = np.inf
    with pytest.raises(DataError, match="row 18"):
        encoder.encode(open_table({"x": values}), rows_per_chunk=4)


def test_inputs_in_single_precision_are_those_in_double_precision_rounded_once(
    rng: np.random.Generator,
) -> None:
    names = ("standard", "robust", "pieces", "rare", "periodic", "date", "boolean", "onehot")
    x = np.where(rng.random(300) < 0.1, NAN, rng.normal(size=300))
    data: dict[str, Any] = dict.fromkeys(names[:5], x)
    data["date"] = np.datetime64("2020-01-01T06", "us") + rng.integers(0, 10**14, 300)
    data |= {"boolean": x > 0, "onehot": [f"level {k}" for k in rng.integers(0, 5, 300)]}
    table = open_table(data)
    usual: dict[str, Any] = {"date": "date", "boolean": "boolean", "onehot": "category"}
    roles = {name: usual.get(name, "number") for name in names}
    encoder = fit_encoder(table, roles, recipes=dict(zip(names, names, strict=True)))
    single, double = encoder.encode(table, rows_per_chunk=64), encoder.encode(table, np.float64)
    assert single.X.dtype == np.float32
    assert np.array_equal(single.X, double.X.astype(np.float32))


def test_infinite_and_overflowing_numbers_are_refused_when_fitting() -> None:
    with pytest.raises(DataError, match="'x' is infinite in row 2"):
        fit_encoder(open_table({"x": [1.0, -np.inf]}), {"x": "number"})
    with pytest.raises(DataError, match=r"'x' has values up to 1e\+200, whose squares overflow"):
        fit_encoder(open_table({"x": [1e200, -1e200]}), {"x": "number"})


def test_only_the_kept_rows_are_fitted_to() -> None:
    data = {"x": [1.0, 3.0, 1e9, None], "c": ["a", "b", "rare", None]}
    keep = np.array([True, True, False, False])
    roles = {"x": "number", "c": "category"}
    some = fit_encoder(open_table(data), roles, keep=keep)  # type: ignore[arg-type]
    alone = fit_encoder(open_table({"x": [1.0, 3.0], "c": ["a", "b"]}), roles)  # type: ignore[arg-type]
    assert some == alone


def test_wrong_recipes_are_refused() -> None:
    table = open_table({"x": [1.0, 2.0]})
    with pytest.raises(SettingError, match="no recipe 'standrad' for column 'x': did you mean 'st"):
        fit_encoder(table, {"x": "number"}, recipes={"x": "standrad"})
    with pytest.raises(SettingError, match="recipe 'onehot' is for a category, but column 'x' is"):
        fit_encoder(table, {"x": "number"}, recipes={"x": "onehot"})


@pytest.mark.parametrize("levels", [[None], ["a", 1], "ab", None])
def test_levels_that_are_no_texts_are_refused(levels: Any) -> None:
    data = fit_encoder(open_table({"c": ["a", "b"]}), {"c": "category"}).to_data()
    data["columns"][0]["parameters"]["levels"] = levels
    with pytest.raises(DataError, match="the levels of column 'c' are no list of texts"):
        Encoder.from_data(data)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), min_size=1))
def test_an_encoder_goes_through_json_to_the_bit(numbers: list[float]) -> None:
    data = {"x": [*numbers, None], "c": [str(number) for number in numbers] + ["é\n"]}
    table = open_table(data)
    encoder = fit_encoder(table, {"x": "number", "c": "category"})
    back = Encoder.from_data(json.loads(json.dumps(encoder.to_data())))
    assert back == encoder
    before, after = encoder.encode(table, np.float64), back.encode(table, np.float64)
    assert before.X.tobytes() == after.X.tobytes()
    assert before.indices.tobytes() == after.indices.tobytes()


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"columns": [{"name": "x"}]},
        {"columns": 3},
        {"columns": [{"name": "x", "recipe": "magic", "parameters": {}}]},
    ],
)
def test_data_that_describes_no_encoder_is_refused(data: dict[str, object]) -> None:
    with pytest.raises(DataError):
        Encoder.from_data(data)
