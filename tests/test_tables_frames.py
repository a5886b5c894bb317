"""The same table in any container has the same cells."""

from __future__ import annotations

import datetime
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import clearprop as cp
from clearprop.errors import DataError
from clearprop.tables import Table
from clearprop.tables.columns import decide
from clearprop.tables.opening import open_table

DATES = [datetime.datetime(2020, 2, 29, 12), None, datetime.datetime(1969, 7, 20)]
LONG = "a text that is longer than twelve bytes, with é and 价"
COLUMNS: dict[str, list[object]] = {
    "n": [1, 2, -3],
    "r": [0.5, None, 2.0],
    "b": [True, None, False],
    "t": ["x", None, LONG],
    "d": DATES,
}
RECORDS = [dict(zip(COLUMNS, row, strict=True)) for row in zip(*COLUMNS.values(), strict=True)]
KINDS = {"n": "integer", "r": "real", "b": "boolean", "t": "text", "d": "date"}


def check(table: Table) -> None:
    assert {column.name: column.kind for column in table.columns} == KINDS
    for name, expected in COLUMNS.items():
        cells = table.read([name])[name]
        assert cells.valid.tolist() == [value is not None for value in expected]
        there = [value for value in expected if value is not None]
        assert cells.values[cells.valid].tolist() == there


class OnlyArrow:
    """Exports an Arrow stream and is nothing else."""

    def __init__(self, data: object) -> None:
        self.data = data

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.data.__arrow_c_stream__(requested_schema)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "make",
    [
        lambda: COLUMNS,
        lambda: RECORDS,
        lambda: pd.DataFrame(COLUMNS),
        lambda: pd.DataFrame(COLUMNS).astype({"n": "Int64", "b": "boolean", "t": "category"}),
        lambda: pl.DataFrame(COLUMNS),
        lambda: pl.DataFrame(COLUMNS).lazy(),
        lambda: pl.DataFrame(COLUMNS).with_columns(pl.col("t").cast(pl.Categorical)),
        lambda: pa.table(COLUMNS),
        lambda: OnlyArrow(pa.table(COLUMNS)),
        lambda: OnlyArrow(pl.DataFrame(COLUMNS)),
        lambda: OnlyArrow(pa.table({**COLUMNS, "t": pa.array(COLUMNS["t"]).dictionary_encode()})),
        lambda: OnlyArrow(pa.concat_tables([pa.table(COLUMNS)] * 3).slice(3, 3)),
    ],
)  # fmt: skip
def test_every_container_gives_the_same_cells(make: object) -> None:
    check(open_table(make()))  # type: ignore[operator]


@pytest.mark.parametrize(
    ("columns", "names"),
    [
        ([0, 1, 2], ("0", "1", "2")),
        (["a", "a", "b"], ("a", "a_2", "b")),
        ([1, "1", ""], ("1", "1_2", "column_3")),
        (pd.MultiIndex.from_tuples([("a", "x"), ("a", "y"), ("b", 3)]), ("a x", "a y", "b 3")),
        ([np.nan, "c", "b"], ("nan", "c", "b")),
    ],
)
def test_a_frames_columns_may_be_called_anything(columns: object, names: tuple[str, ...]) -> None:
    values = np.arange(6.0).reshape(2, 3)
    frame = pd.DataFrame(values)
    frame.columns = columns
    before = frame.columns
    table = open_table(frame)
    assert table.names == names
    assert (
        np.column_stack([table.read()[name].values for name in names]).tolist() == values.tolist()
    )
    assert frame.columns is before
    assert len(table.notes) == sum(name.endswith("_2") or name == "column_3" for name in names)


@pytest.mark.parametrize("kind", [pa.Table.from_arrays, pa.RecordBatch.from_arrays])
def test_an_arrow_table_s_columns_may_share_a_name(kind: Any) -> None:
    table = open_table(kind([pa.array([1, 2]), pa.array([3, 4])], names=["a", "a"]))
    assert table.names == ("a", "a_2")
    assert [table.read()[name].values.tolist() for name in table.names] == [[1, 2], [3, 4]]
    assert table.notes == ("a second column 'a': it is read as 'a_2'",)


#: Dates, all of them, of which it is said that they are not written alike.
SEVERAL_FORMS = [["13/01/2024", "12/31/2024"], ["13-01-2024", "13/01/2024"]]


@pytest.mark.parametrize(
    ("texts", "kind", "values"),
    [
        (["2024-03-01", "2023-12-31"], "date", ["2024-03-01", "2023-12-31"]),
        (["2024/3/1", None, "2024/3/2"], "date", ["2024-03-01", "NaT", "2024-03-02"]),
        (["2024-03-01 7:05:00", "2024-03-02"], "date", ["2024-03-01T07:05", "2024-03-02"]),
        (["2024-03-01T00:30+01:00", "2024-03-01"], "date", ["2024-02-29T23:30", "2024-03-01"]),
        (["2024-03-01T00:30:00Z", "2024-03-01"], "date", ["2024-03-01T00:30", "2024-03-01"]),
        (["13/01/2024", "12/31/2024"], "text", ["13/01/2024", "12/31/2024"]),  # of which months?
        (["13/01/2024", "1/2/2024"], "date", ["2024-01-13", "2024-02-01"]),
        (["1/2/2024", "12/31/2024"], "date", ["2024-01-02", "2024-12-31"]),
        (["31.12.2024 7:05", "1.2.2024 23:59"], "date", ["2024-12-31T07:05", "2024-02-01T23:59"]),
        (["13-01-2024", "13/01/2024"], "text", ["13-01-2024", "13/01/2024"]),
        (["31/12/2024", "31/02/2024"], "text", ["31/12/2024", "31/02/2024"]),
        (["13/01/2024", "13/01/2024"], "text", ["13/01/2024", "13/01/2024"]),
        (["2024-03-01", "2024-02-30"], "text", ["2024-03-01", "2024-02-30"]),
        (["2024-03-01", "soon"], "text", ["2024-03-01", "soon"]),
        (["2024-03-01", "2024-03-01"], "text", ["2024-03-01", "2024-03-01"]),  # a name as well
        (
            ["9999-12-31T23:00-05:00", "2024-03-01"],
            "text",
            ["9999-12-31T23:00-05:00", "2024-03-01"],
        ),
        (["20240301", "20240302"], "text", ["20240301", "20240302"]),
        (["0.5", "-1e3", "7"], "real", [0.5, -1000.0, 7.0]),
        (["1", "2"], "text", ["1", "2"]),  # said to be text, and no fraction among them
        (["007", "0.5"], "text", ["007", "0.5"]),
        (["1.5", "nan"], "text", ["1.5", "nan"]),
        (["1_000.5", "2"], "text", ["1_000.5", "2"]),
        (["1e999", "2.5"], "text", ["1e999", "2.5"]),
        (["1" * 5000, "abc"], "text", ["1" * 5000, "abc"]),
    ],
)
@pytest.mark.parametrize("make", [dict, pd.DataFrame, pl.DataFrame, pa.table])
def test_texts_of_one_kind_are_read(
    texts: list[str | None], kind: str, values: list[Any], make: Any
) -> None:
    table = open_table(make({"x": texts}))
    assert table.columns[0].kind == kind
    cells = table.read()["x"].values
    expected = np.array(values, "datetime64[us]" if kind == "date" else cells.dtype)
    np.testing.assert_array_equal(cells, expected)
    assert len(table.notes) == (kind != "text" or texts in SEVERAL_FORMS)
    assert open_table(make({"x": texts}), as_text=["x"]).columns[0].kind == "text"


@pytest.mark.parametrize(
    ("texts", "kind", "values"),
    [
        (["1", "?", "2"], "integer", [1, None, 2]),
        (["?", "0.5", "NA", "7"], "real", [None, 0.5, None, 7.0]),
        (["2024-03-01", "N/A", "2024/3/2"], "date", ["2024-03-01", None, "2024-03-02"]),
        (["31/12/2023", "1/2/2024", "?"], "date", ["2023-12-31", "2024-02-01", None]),
        (["?", "NA", "?"], "text", ["?", "NA", "?"]),
        (["red", "?", "2"], "text", ["red", "?", "2"]),
        (["007", "?", "2"], "text", ["007", "?", "2"]),
    ],
)
@pytest.mark.parametrize("make", [dict, pd.DataFrame, pl.DataFrame, pa.table])
def test_a_word_for_nothing_among_numbers_or_dates_is_a_missing_cell(
    texts: list[str], kind: str, values: list[Any], make: Any
) -> None:
    table = open_table(make({"x": texts}))
    assert table.columns[0].kind == kind
    cells = table.read()["x"]
    assert cells.valid.tolist() == [value is not None for value in values]
    there = [value for value in values if value is not None]
    expected = np.array(there, "datetime64[us]" if kind == "date" else cells.values.dtype)
    np.testing.assert_array_equal(cells.values[cells.valid], expected)
    missing = [text for text, value in zip(texts, values, strict=True) if value is None]
    assert all(repr(text) in table.notes[-1] for text in missing)


def test_dates_that_may_begin_with_the_day_or_the_month_stay_texts_and_it_is_said() -> None:
    table = open_table(pd.DataFrame({"x": ["01/02/2024", "12/11/2024"]}))
    assert table.columns[0].kind == "text"
    assert table.notes == (
        "column 'x' is text: its dates may be %d/%m/%Y or %m/%d/%Y; write them as in 2024-12-31",
    )


NUMBERS = [k / 8 for k in range(40)]
ISO_DAYS = [f"2024-01-{k % 28 + 1:02}" for k in range(40)]
DAY_FIRST = [f"{k % 28 + 1}/1/2024" for k in range(40)]


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ([*NUMBERS, "n.d."], "1 of its 41 values is no number but 'n.d.'; leave such cells empty"),
        (["n.d.", *map(str, NUMBERS)], "1 of its 41 values is no number but 'n.d.'; leave"),
        ([*NUMBERS, "x", None, "n.d."], "2 of its 42 values are no numbers, such as 'n.d.'"),
        ([*NUMBERS, "?", "x"], "1 of its 41 values is no number but 'x'"),
        ([*map(str, range(40)), "x"], "leave such cells empty, and say in columns that it is a nu"),
        ([*ISO_DAYS, "soon"], "1 of its 41 values is no date like 2024-12-31 but 'soon' in row 41"),
        ([None, "31/12/2023", *ISO_DAYS], "is no date like 2024-12-31 but '31/12/2023' in row 2"),
        (["soon", *DAY_FIRST], "1 of its 41 values is no date like %d/%m/%Y but 'soon' in row 1"),
        (
            [*DAY_FIRST, *ISO_DAYS[:3]],
            "3 of its 43 values are no dates like %d/%m/%Y, such as '2024",
        ),
        (["1/2/2024", "soon", *["3/4/2024"] * 20], "no date like %d/%m/%Y or %m/%d/%Y but 'soon'"),
    ],
)
@pytest.mark.parametrize("make", [dict, pd.DataFrame, lambda d: [{"x": cell} for cell in d["x"]]])
def test_a_column_that_is_text_for_a_few_cells_says_which_they_are(
    cells: list[Any], said: str, make: Any
) -> None:
    table = open_table(make({"x": cells}))
    assert table.columns[0].kind == "text"
    (note,) = table.notes
    assert note.startswith("column 'x' is text: ") and said in note
    assert open_table(make({"x": cells}), as_text=["x"]).notes == ()


@pytest.mark.parametrize(
    "cells",
    [
        [*map(str, range(1, 5)), "3+"] * 9,  # codes, which a category learns
        [*(f"{k:05}" for k in range(9_980, 10_100)), "K1A 0B1"],  # zip codes
        [*NUMBERS, *"abcdefgh"],
        [*ISO_DAYS, *"abcdefgh"],
        [f"{k} Main Street" for k in range(40)],
    ],
)
def test_nothing_is_said_of_texts_that_are_no_slips_among_numbers(cells: list[Any]) -> None:
    table = open_table({"x": cells})
    assert (table.columns[0].kind, table.notes) == ("text", ())


def test_what_is_said_of_a_nearly_numeric_column_mends_it() -> None:
    assert open_table({"x": [*NUMBERS, None]}).columns[0].kind == "real"
    texts = open_table({"x": [*map(str, range(40)), None], "y": [*range(41)]})
    assert decide(texts, target="y", columns={"x": "number"}).roles == {"x": "number"}


def test_an_array_of_texts_has_numbers_among_them() -> None:
    table = open_table(np.array([["1", "0.5", "a"], ["2", "1", "b"]]))
    assert [column.kind for column in table.columns] == ["integer", "real", "text"]


def test_what_a_frame_calls_a_category_is_one() -> None:
    texts = pd.Series(["0.50", "1.5"], dtype="category")
    assert open_table(pd.DataFrame({"x": texts})).columns[0].kind == "text"
    assert open_table(pl.DataFrame({"x": texts})).columns[0].kind == "text"


def test_pandas_missing_value_may_stand_anywhere() -> None:
    for values in ([pd.NA, 1.5], [pd.NA, True], [1, pd.NA]):
        for table in (
            {"x": values},
            pd.DataFrame({"x": np.array(values, object)}),
            [{"x": v} for v in values],
        ):
            assert sorted(open_table(table).read()["x"].valid) == [False, True]


def test_columns_of_one_name_that_cannot_be_told_apart_are_refused() -> None:
    with pytest.raises(DataError, match="two columns of the frame have the same name"):
        open_table(duckdb.sql("select 1 a, 2 a"))


def test_a_model_is_trained_on_columns_that_are_numbers() -> None:
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 3)))
    frame[3] = np.where(frame[0] > 0, "up", "down")
    given = {"epochs": 2, "members": 1, "hidden": [2]}
    model = cp.train_table(frame, "3", **given)  # type: ignore[arg-type]
    assert set(model.predict(frame).tolist()) <= {"up", "down"}
    assert len(model.predict(frame.iloc[:5])) == 5
    one = pd.Series([1.0, 2.0], name=7)
    assert open_table(one).names == ("7",)
    assert open_table(pd.Series([1.0, 2.0])).names == ("column_1",)


def test_arrow_types_are_read_with_their_units() -> None:
    data = pa.table(
        {
            "f16": pa.array(np.array([0.5, 2], np.float16)),
            "u8": pa.array([1, 255], pa.uint8()),
            "dec": pa.array([None, 1], pa.decimal128(10, 2)),
            "time": pa.array([datetime.time(0, 0, 1), datetime.time(1)], pa.time64("us")),
            "span": pa.array([datetime.timedelta(seconds=90), None], pa.duration("ns")),
            "day": pa.array([datetime.date(1970, 1, 2), None], pa.date32()),
            "ms": pa.array([1500, None], pa.timestamp("ms")),
            "zone": pa.array([0, 1], pa.timestamp("s", "Asia/Tokyo")),
            "none": pa.nulls(2),
            "raw": pa.array([b"x", b"y"]),
        }
    )
    table = open_table(OnlyArrow(data))
    read = table.read()
    assert read["f16"].values.tolist() == [0.5, 2.0]
    assert read["u8"].values.tolist() == [1, 255]
    assert read["dec"].values[1] == 1.0
    assert read["time"].values.tolist() == [1.0, 3600.0]
    assert read["span"].values[0] == 90.0
    assert read["day"].values[0] == np.datetime64("1970-01-02")
    assert read["ms"].values[0] == np.datetime64("1970-01-01T00:00:01.500")
    assert read["zone"].values[1] == np.datetime64("1970-01-01T00:00:01")
    assert not read["none"].valid.any()
    assert table.notes == ("column 'raw' is left out: it holds z values",)


@pytest.mark.parametrize("make", [dict, pd.DataFrame, pl.DataFrame, pa.table])
def test_times_of_the_day_and_durations_are_seconds_in_every_container(make: Any) -> None:
    data = {
        "time": [datetime.time(8, 30), None, datetime.time(0, 0, 1, 500_000)],
        "span": [datetime.timedelta(days=-1), datetime.timedelta(microseconds=250), None],
    }
    for table in (open_table(make(data)), open_table(make(data), as_text=["time", "span"])):
        assert [column.kind for column in table.columns] == ["real", "real"]
        assert table.read()["time"].values[[0, 2]].tolist() == [30_600.0, 1.5]
        assert table.read()["time"].valid.tolist() == [True, False, True]
        assert table.read()["span"].values[:2].tolist() == [-86_400.0, 0.00025]


def test_an_array_names_its_columns_by_their_places() -> None:
    table = open_table(np.array([[1.0, np.nan], [3.0, 4.0]]))
    assert table.names == ("x1", "x2")
    assert table.read()["x2"].valid.tolist() == [False, True]


def test_records_may_lack_names() -> None:
    table = open_table([{"a": 1}, {"b": "x", "a": 2}])
    assert table.names == ("a", "b")
    assert table.read()["b"].valid.tolist() == [False, True]


def test_mixed_values_become_text_and_mixed_numbers_stay_numbers() -> None:
    table = open_table({"mixed": [1, "x", 2.5], "numbers": [1, 2.5, None], "flags": [True, 0, 1]})
    kinds = {column.name: column.kind for column in table.columns}
    assert kinds == {"mixed": "text", "numbers": "real", "flags": "text"}


def test_a_column_of_repeated_texts_reads_as_each_of_them_does() -> None:
    once = [" b ", "a", "", " ", None, np.nan, float("nan"), "é"]
    expected = [open_table({"t": [value, "text"]}).read()["t"] for value in once]
    cells = open_table({"t": once * 40}).read()["t"]
    assert cells.valid.tolist() == [bool(one.valid[0]) for one in expected] * 40
    for at, value in enumerate(cells.values):
        assert value == expected[at % len(once)].values[0]


def test_zeros_of_both_signs_among_texts_stay_apart() -> None:
    cells = open_table({"t": ["x", 0.0, -0.0, 2.5] * 20}).read()["t"]
    assert cells.values.tolist() == ["x", "0.0", "-0.0", "2.5"] * 20


def test_keys_that_are_no_texts_name_their_columns() -> None:
    assert open_table([{0: 1.5, "b": 2}, {0: 2.5}]).read()["0"].values.tolist() == [1.5, 2.5]
    assert open_table({0: [1.5], "b": [2]}).names == ("0", "b")


@pytest.mark.parametrize("table", [{1: [1], "1": [2]}, [{1: 1, "1": 2}]])
def test_keys_that_are_alike_as_texts_are_refused(table: Any) -> None:
    with pytest.raises(DataError, match="two columns are called '1', 1 and '1': rename one"):
        open_table(table)


def test_spaces_round_a_name_stay_where_they_tell_columns_apart() -> None:
    table = open_table(pd.DataFrame({" a": [1], "a": [2], " b ": [3]}))
    assert table.names == (" a", "a", "b") and table.notes == ()


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        (np.array(["300000-01-01"], "M8[s]"), "date that 64 bits of microseconds do not hold"),
        ({1, 2}, "is a set, which has no order"),
    ],
)
def test_cells_that_would_turn_into_others_are_refused(cells: Any, says: str) -> None:
    with pytest.raises(DataError, match=says):
        open_table({"d": cells})


def test_the_callers_frame_is_not_changed() -> None:
    x = np.array([1.0, np.nan, 3.0])
    masked = np.ma.MaskedArray([1, 2, 3], [0, 1, 0])
    table = open_table({"x": x, "m": masked})
    assert table.read()["m"].valid.tolist() == [True, False, True]
    assert np.isnan(x[1])
    assert masked.data.tolist() == [1, 2, 3]
