"""Files become columns of cells: kinds from all rows, numbers exact, encodings found."""

from __future__ import annotations

import csv
import gzip
import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import count

from clearprop import train_table
from clearprop.errors import DataError
from clearprop.tables import Table
from clearprop.tables import files as files_module
from clearprop.tables.charset import prepare
from clearprop.tables.opening import open_table

EXAMPLE = Path(__file__).parent.parent / "examples" / "penguins.csv"


def put(folder: Path, name: str, text: str | bytes) -> str:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def values(table: Table, name: str) -> list[object]:
    cells = table.read([name])[name]
    return [
        value if valid else None
        for value, valid in zip(cells.values.tolist(), cells.valid.tolist(), strict=True)
    ]


def kinds(table: Table) -> dict[str, str]:
    return {column.name: column.kind for column in table.columns}


def test_the_example_is_read_as_the_standard_librarys_csv_reader_reads_it() -> None:
    table = open_table(EXAMPLE)
    with open(EXAMPLE, newline="") as file:
        rows = list(csv.DictReader(file))
    assert table.rows == len(rows) == 344
    for name, kind in kinds(table).items():
        convert = {"real": float, "integer": int, "text": str}[kind]
        expected = [None if row[name] == "NA" else convert(row[name]) for row in rows]
        assert values(table, name) == expected
    assert kinds(table)["sex"] == "text"
    assert kinds(table)["body_mass_g"] == "integer"
    assert kinds(table)["bill_depth_mm"] == "real"


def test_a_kind_is_decided_by_the_last_row_as_by_the_first(tmp_path: Path) -> None:
    lines = ["a,b,c,d"] + ["1,2,true,2020-01-01"] * 50000 + ["1.5,x,maybe,soon"]
    table = open_table(put(tmp_path, "t.csv", "\n".join(lines)))
    assert kinds(table) == {"a": "real", "b": "text", "c": "text", "d": "text"}
    assert values(table, "a")[-1] == 1.5


def test_every_kind_of_cell_is_read(tmp_path: Path) -> None:
    text = (
        "n,r,t,b,d,m\n"
        "1,0.5,red,true,2020-02-29,2020-01-01 12:30:00\n"
        "-7,1e-3,blue,False,1999-12-31,\n"
        ",NA,?,,,2021-06-05T04:03:02\n"
    )
    table = open_table(put(tmp_path, "t.csv", text))
    assert kinds(table) == {
        "n": "integer",
        "r": "real",
        "t": "text",
        "b": "boolean",
        "d": "date",
        "m": "date",
    }
    assert values(table, "n") == [1, -7, None]
    assert values(table, "r") == [0.5, 1e-3, None]
    assert values(table, "t") == ["red", "blue", None]
    assert values(table, "b") == [True, False, None]
    days = table.read(["d"])["d"]
    assert days.values[:2].tolist() == [
        np.datetime64("2020-02-29", "us").item(),
        np.datetime64("1999-12-31", "us").item(),
    ]
    assert days.valid.tolist() == [True, True, False]
    moments = table.read(["m"])["m"]
    assert moments.values[2] == np.datetime64("2021-06-05T04:03:02", "us")


def test_decimal_text_is_read_exactly_as_float_reads_it(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    n = count(4000, 100000)
    some = rng.integers(0, 2**63, n, dtype=np.int64).view(np.float64)
    texts = [repr(float(x)) for x in some if np.isfinite(x)]
    texts += [f"{x:.{int(d)}e}" for x, d in zip(some, rng.integers(0, 30, n), strict=True)]
    texts += ["1e23", "8.5", ".5", "5.", "+5", "2.2250738585072011e-308", "9007199254740993.0"]
    texts = [text for text in texts if np.isfinite(float(text))]
    table = open_table(put(tmp_path, "t.csv", "x\n" + "\n".join(texts)))
    read = table.read()["x"].values
    assert read.tobytes() == np.array([float(text) for text in texts]).tobytes()


def test_leading_zeros_and_long_digits_stay_text(tmp_path: Path) -> None:
    text = "zip,card,n\n00501,12345678901234567890,0\n90210,42,10\n"
    table = open_table(put(tmp_path, "t.csv", text))
    assert kinds(table) == {"zip": "text", "card": "text", "n": "integer"}
    assert values(table, "zip") == ["00501", "90210"]
    assert values(table, "card")[0] == "12345678901234567890"
    assert any("'zip' is text: its numbers have leading zeros" in note for note in table.notes)


def test_a_column_can_be_forced_to_be_text(tmp_path: Path) -> None:
    source = put(tmp_path, "t.csv", "zip,y\n90210,1\n10001,2\n")
    assert kinds(open_table(source)) == {"zip": "integer", "y": "integer"}
    forced = open_table(source, as_text=["zip"])
    assert values(forced, "zip") == ["90210", "10001"]


def test_a_nearly_numeric_column_says_which_cell_is_not(tmp_path: Path) -> None:
    text = "x\n" + "\n".join(map(str, range(30))) + "\n12 kg\n"
    table = open_table(put(tmp_path, "t.csv", text))
    assert kinds(table) == {"x": "text"}
    assert table.notes[0].endswith(
        "1 of its 31 values is no number but '12 kg'; leave such cells empty, and it holds numbers"
    )
    twice = open_table(put(tmp_path, "v.csv", text + "7 kg\n"))
    assert "2 of its 32 values are no numbers, such as '12 kg'; leave" in twice.notes[0]
    assert kinds(open_table(put(tmp_path, "u.csv", text), missing=["12 kg"])) == {"x": "integer"}


def test_a_dash_among_numbers_or_dates_is_a_missing_cell_and_among_texts_a_text(
    tmp_path: Path,
) -> None:
    columns: dict[str, tuple[list[str], str, list[object]]] = {
        "whole": (["1", "-", "-7", "--"], "integer", [1, None, -7, None]),
        "real": (["1.5", " - ", "2", "3"], "real", [1.5, None, 2, 3]),
        "amount": (["$1,200", "—", "$7", "–"], "real", [1200, None, 7, None]),
        "code": (["07", "-", "08", "09"], "text", ["07", "-", "08", "09"]),
        "grade": (["a", "-", "b", "1"], "text", ["a", "-", "b", "1"]),
        "dashes": (["-", "-", "-", "-"], "text", ["-", "-", "-", "-"]),
        "asked": (["1", "-", "2", "3"], "text", ["1", "-", "2", "3"]),
    }
    cells = {name: column[0] for name, column in columns.items()}
    cells["day"] = ["2024-01-31", "-", "2024-02-01", "2024-02-02"]
    pd.DataFrame(cells).to_csv(tmp_path / "t.csv", index=False)
    for source in (str(tmp_path / "t.csv"), cells):
        table = open_table(source, as_text=["asked"])
        for name, (_, kind, wanted) in columns.items():
            assert (table.column(name).kind, values(table, name)) == (kind, wanted)
        assert table.column("day").kind == "date" and values(table, "day")[1] is None
        told = [note for note in table.notes if "missing cell" in note]
        assert [note.split("'")[1] for note in told] == ["whole", "real", "amount", "day"]
        assert "'-' and '--' are missing cells" in told[0]


def test_a_dash_in_later_rows_is_what_it_was_in_training(tmp_path: Path) -> None:
    data = {"n": [*range(39), "-"], "t": [*"ab-d" * 10], "y": [float(k) for k in range(40)]}
    data["n"] = list(map(str, data["n"]))
    pd.DataFrame(data).to_csv(tmp_path / "t.csv", index=False)
    model = train_table(str(tmp_path / "t.csv"), "y", epochs=2, members=1)
    assert [column["use"] for column in model.columns] == ["number", "category", "target"]
    assert model.encoder is not None and "-" in model.encoder.columns[1].parameters["levels"]
    whole = model.predict(str(tmp_path / "t.csv"))
    np.testing.assert_array_equal(model.predict(data), whole)
    (tmp_path / "one.csv").write_text("n,t\n-,d\n")
    assert model.predict(str(tmp_path / "one.csv"))[0] == pytest.approx(whole[39], rel=1e-6)


@pytest.mark.parametrize(
    ("header", "row", "name"),
    [
        ("a;b", "1,5;2", "t.csv"),
        ("a\tb", "1.5\t2", "t.tsv"),
        ("a|b", "1.5|2", "t.txt"),
        ("a,b", "1.5,2", "t.csv"),
    ],
)
def test_the_delimiter_and_decimal_commas_are_found(
    tmp_path: Path, header: str, row: str, name: str
) -> None:
    table = open_table(put(tmp_path, name, f"{header}\n{row}\n{row}\n"))
    assert table.names == ("a", "b")
    assert values(table, "a") == [1.5, 1.5]
    assert values(table, "b") == [2, 2]


def test_commas_at_the_thousands_are_no_decimal_commas(tmp_path: Path) -> None:
    table = open_table(put(tmp_path, "t.csv", 'a,b\n"1,000",1\n"12,345.5",2\n500,3\n'))
    assert values(table, "a") == [1000.0, 12345.5, 500.0]
    assert "commas at the thousands" in table.notes[0]


def test_characters_of_patterns_in_a_files_name_are_its_own(tmp_path: Path) -> None:
    put(tmp_path, "aXb.csv", "a\n1\n")
    assert values(open_table(put(tmp_path, "a*b.csv", "a\n2\n")), "a") == [2]
    assert values(open_table(put(tmp_path, "it's [1].csv", "a\n3\n")), "a") == [3]


def test_empty_lines_are_no_rows(tmp_path: Path) -> None:
    table = open_table(put(tmp_path, "t.csv", "\n\na,b\n\n1,2\n\n\n3,4\n\n"))
    assert (table.names, values(table, "a")) == (("a", "b"), [1, 3])


def test_day_first_dates_are_read_where_they_cannot_be_month_first(tmp_path: Path) -> None:
    clear = open_table(put(tmp_path, "t.csv", "d\n01/02/2020\n31/12/2020\n"))
    assert kinds(clear) == {"d": "date"}
    assert clear.read()["d"].values[0] == np.datetime64("2020-02-01")
    unclear = open_table(put(tmp_path, "u.csv", "d\n01/02/2020\n11/12/2020\n"))
    assert kinds(unclear) == {"d": "text"}
    assert "write them as in 2024-12-31" in unclear.notes[0]


@pytest.mark.parametrize(
    ("cells", "noted"),
    [
        (["04/01/23", "07/01/23"], True),  # DuckDB's year 4
        (["1-2-24", "3-4-24"], True),
        (["1-2-3", "10/12/11"], False),
        (["epoch", "2024-01-01"], False),
        (["2024-01-01 (BC)", "2024-01-02"], False),
        (["12345-01-01", "12346-01-01"], False),
    ],
)
def test_a_date_has_a_year_of_four_digits(tmp_path: Path, cells: list[str], noted: bool) -> None:
    table = open_table(put(tmp_path, "t.csv", "\n".join(["d", *cells]) + "\n"))
    assert kinds(table) == {"d": "text"}
    assert values(table, "d") == cells
    assert any("years have two digits" in note for note in table.notes) == noted


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz"])
def test_a_wide_file_is_read_as_a_narrow_one(tmp_path: Path, suffix: str) -> None:
    cells = {
        "n": ["1", "2.5", "NA"],
        "i": ["1", "-7", "12"],
        "zip": ["007", "1", "2"],
        "t": [" red", '"two, or ""three"""', ""],
        "d": ["31/12/2023", "1/2/2024", ""],
        "m": ["2024-01-02", "2024-01-02T03:04:05", "?"],
        "b": ["true", "FALSE", ""],
        "k": ['"1,200.5"', '"12"', '"1,000,000"'],
    }

    def table(times: int) -> Table:
        names = [f"{name}{k}" for k in range(times) for name in cells]
        rows = [[cells[name.rstrip("0123456789")][row] for name in names] for row in range(3)]
        text = "\n".join(",".join(row) for row in [names, *rows]) + "\n"
        path = tmp_path / f"{times}{suffix}"
        path.write_bytes(gzip.compress(text.encode()) if suffix == ".csv.gz" else text.encode())
        return open_table(str(path))

    narrow, wide = table(1), table(40)
    assert len(wide.names) == 320 and wide.rows == 3
    for name, column in wide.read().items():
        same = narrow.read()[f"{name.rstrip('0123456789')}0"]
        np.testing.assert_array_equal(column.values, same.values)
        assert column.valid.tolist() == same.valid.tolist()
    assert [column.kind for column in wide.columns[:8]] == [c.kind for c in narrow.columns]
    assert set(narrow.notes) <= set(wide.notes)


def test_a_ragged_row_of_a_wide_file_is_named(tmp_path: Path) -> None:
    rows = [",".join(f"c{k}" for k in range(300)), *[",".join(["1"] * 300)] * 3, "1,2"]
    with pytest.raises(DataError, match=r"t.csv, line 5 has 2 cells where the header has 300"):
        open_table(put(tmp_path, "t.csv", "\n".join(rows) + "\n"))


@pytest.mark.parametrize("odd", ["13/05/24", "13/05/202", "13/05/2024  9:00", "13/05/2024 11:5"])
def test_a_date_that_is_not_written_in_the_form_leaves_its_column_text(
    tmp_path: Path, odd: str
) -> None:
    time = " 7:00" if ":" in odd else ""
    text = f"d\n01/02/2024{time}\n{odd}\n31/12/2023{time}\n"
    assert kinds(open_table(put(tmp_path, "t.csv", text))) == {"d": "text"}


@pytest.mark.parametrize("odd", ["soon", "(none)", "30/02/2024", "2024-05-17", "12"])
@pytest.mark.parametrize("at", [0, 17, 40])
def test_a_column_that_is_no_date_for_one_cell_says_which_it_is(
    tmp_path: Path, odd: str, at: int
) -> None:
    dates = [f"{k % 28 + 1:02}/03/2024" for k in range(40)]
    cells = [*dates[:at], odd, *dates[at:]]
    rows = "".join(f"{cell},{place % 3}\n" for place, cell in enumerate(cells))
    table = open_table(put(tmp_path, "t.csv", f"d,y\n{rows}-,1\n"))
    assert kinds(table)["d"] == "text"
    assert table.notes == (
        f"column 'd' is text: 1 of its 41 values is no date like %d/%m/%Y but {odd!r} in row "
        f"{at + 1}; write all dates alike, leave other cells empty, and it holds dates",
    )
    assert open_table({"d": cells}).notes == table.notes  # and in memory


def test_a_column_of_iso_dates_with_one_text_says_which_it_is(tmp_path: Path) -> None:
    cells = [*(f"2024-03-{k % 28 + 1:02}" for k in range(30)), "soon"]
    table = open_table(put(tmp_path, "t.csv", "\n".join(["d", *cells, ""])))
    (note,) = table.notes
    assert "1 of its 31 values is no date like 2024-12-31 but 'soon' in row 31; write" in note
    few = open_table(put(tmp_path, "u.csv", "\n".join(["d", *cells, *"abcd", ""])))
    assert (kinds(few), few.notes) == ({"d": "text"}, ())


def test_spaces_in_a_file_s_header_tell_nothing(tmp_path: Path) -> None:
    assert open_table(put(tmp_path, "t.csv", "a, a, ,\n1,2,3,4\n")).names == (
        "a", "a_2", "column_3", "column_4",
    )  # fmt: skip


def test_moments_may_be_written_in_several_ways(tmp_path: Path) -> None:
    cells = ["2024-1-1 7:05", "2024/01/02", "2024-01-02T01:00:00.5Z", "2024-01-02 01:00:00+01:00"]
    table = open_table(put(tmp_path, "t.csv", "\n".join(["d", *cells]) + "\n"))
    moments = ["2024-01-01T07:05", "2024-01-02", "2024-01-02T01:00:00.5", "2024-01-02"]
    assert table.read()["d"].values.tolist() == np.array(moments, "M8[us]").tolist()


def test_quotes_newlines_and_unicode_names(tmp_path: Path) -> None:
    text = 'größe,"na,me",价格\n1,"two\nlines",3\n2,"say ""hi""",4\n'
    table = open_table(put(tmp_path, "t.csv", text))
    assert table.names == ("größe", "na,me", "价格")
    assert values(table, "na,me") == ["two\nlines", 'say "hi"']


def test_names_that_are_twice_there_or_empty_are_told_apart_and_noted(tmp_path: Path) -> None:
    table = open_table(put(tmp_path, "t.csv", "a,a,,a_2,A\n1,2,3,4,5\n6,7,8,9,10\n"))
    assert table.names == ("a", "a_3", "column_3", "a_2", "A")
    assert [values(table, name)[0] for name in table.names] == [1, 2, 3, 4, 5]
    assert len(table.notes) == 2


def test_a_table_of_numbers_without_a_header_gets_names(tmp_path: Path) -> None:
    table = open_table(put(tmp_path, "t.csv", "1,2\n3,4\n"))
    assert table.names == ("x1", "x2")
    assert values(table, "x1") == [1, 3]
    assert "no header" in table.notes[0]
    with pytest.raises(DataError, match=r"'x1', 'x2'; t.csv has no header: its first row is all n"):
        table.column("y")


def test_a_first_row_of_numbers_is_the_header_where_a_column_of_it_is_asked_for(
    tmp_path: Path,
) -> None:
    rows = [f"{k},{k * k % 7},{3 * k + 1}" for k in range(40)]
    named, bare = (
        put(tmp_path, name, "\n".join([*head, *rows]))
        for name, head in (("named.csv", ["2019, 2020,2021"]), ("bare.csv", []))
    )
    for path in (named, f"SELECT * FROM '{named}'"):
        table = open_table(path, asked=["2021"])
        assert (table.names, table.rows) == (("2019", "2020", "2021"), 40)
    model = train_table(named, "2021", epochs=2, members=1, drop=["2020"], validation=named)
    assert model.provenance["rows"] == {
        "training": 40, "validation": 40, "test": 0, "unlabelled": 0,
    }  # fmt: skip
    assert "is its header, as the column '2020' is asked for" in model.provenance["notes"][0]
    assert len(model.predict(named)) == 40 and model.evaluate(named)["mae"] > 0
    assert len(model.predict(put(tmp_path, "later.csv", "2020,2019\n1,2\n"))) == 1
    with pytest.raises(DataError, match=r"'2019', which training had: .*first row is all numbers"):
        model.predict(bare)
    with pytest.raises(DataError, match=r"no column '2021': .*its first row is all numbers"):
        train_table(bare, "2021", epochs=2)


def test_one_column_with_an_empty_line_has_a_missing_cell(tmp_path: Path) -> None:
    assert values(open_table(put(tmp_path, "t.csv", "a\n1\n\n3\n")), "a") == [1, None, 3]


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_line_ends_do_not_matter(tmp_path: Path, ending: str) -> None:
    table = open_table(put(tmp_path, "t.csv", ending.join(["a,b", "1,x", "2,y"])))
    assert values(table, "b") == ["x", "y"]


def test_mixed_line_ends_are_read(tmp_path: Path) -> None:
    table = open_table(put(tmp_path, "t.csv", b"a,b\r\n1,x\n2,y\r\n"))
    assert values(table, "b") == ["x", "y"]


@pytest.mark.parametrize(
    ("encoding", "texts", "found"),
    [
        ("utf-8", ["naïve", "Ωmega"], "utf-8"),
        ("utf-8-sig", ["naïve", "Ωmega"], "utf-8-sig"),
        ("utf-16", ["naïve", "价格"], "utf-16"),
        ("utf-16-le", ["naive", "plain"], "utf-16-le"),
        ("utf-16-be", ["naive", "plain"], "utf-16-be"),
        ("cp1252", ["naïve", "5 € für Åse", "Málaga"], "cp1252"),
        ("latin-1", ["na\x81ve", "Málaga"], "latin-1"),
        ("gb18030", ["北京市朝阳区", "上海", "深圳"], "gb18030"),
    ],
)
@pytest.mark.parametrize("zipped", [False, True])
def test_encodings_are_found_and_said(
    tmp_path: Path, encoding: str, texts: list[str], found: str, zipped: bool
) -> None:
    raw = ("städte,n\n" + "".join(f"{text},1\n" for text in texts)).encode(encoding, "replace")
    if encoding.startswith(("utf-16-", "gb")):
        raw = ("name,n\n" + "".join(f"{text},1\n" for text in texts)).encode(encoding)
    name = "t.csv.gz" if zipped else "t.csv"
    source = put(tmp_path, name, gzip.compress(raw) if zipped else raw)
    table = open_table(source)
    assert prepare(Path(source)).encoding == found
    assert values(table, table.names[0]) == texts
    assert any(found in note for note in table.notes) == (not found.startswith("utf-8"))
    doubtful = any("if names look wrong, give its encoding" in note for note in table.notes)
    assert doubtful == (not found.startswith("utf"))


@pytest.mark.parametrize(
    ("encoding", "texts"),
    [
        ("big5", ["臺北", "高雄"]),
        ("shift_jis", ["東京", "ソニー"]),
        ("cp1251", ["Москва", "Казань"]),
        ("KOI8-R", ["Москва", "Казань"]),
        ("euc_kr", ["서울", "부산"]),
        ("iso8859_7", ["Αθήνα", "Πάτρα"]),
        ("utf-16-be", ["naïve", "价格"]),
    ],
)
@pytest.mark.parametrize("source", ["t.csv", "t.csv.gz", "SELECT * FROM 't.csv'"])
def test_an_encoding_that_is_asked_for_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str, texts: list[str], source: str
) -> None:
    monkeypatch.chdir(tmp_path)
    raw = (f"{texts[0]},n\n" + "".join(f"{text},1\n" for text in texts)).encode(encoding)
    put(tmp_path, "t.csv", raw)
    put(tmp_path, "t.csv.gz", gzip.compress(raw))
    table = open_table(source, encoding=encoding)
    assert table.names[0] == texts[0] and values(table, texts[0]) == texts
    assert not any("look wrong" in note for note in table.notes)


@pytest.mark.parametrize("size", [1, 7, 100, 1000])
def test_chunks_of_any_size_hold_the_same_rows(
    tmp_path: Path, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "n,t\n" + "".join(f"{n},t{n % 3}\n" for n in range(300))
    monkeypatch.setattr(files_module, "CACHED_CELLS", 0)
    table = open_table(put(tmp_path, "t.csv", text))
    assert isinstance(table, files_module.FileTable)
    for _ in range(2):  # as often as one likes
        chunks = list(table.chunks(size))
        assert [chunk.start for chunk in chunks] == list(range(0, 300, size))
        assert np.concatenate([chunk["n"].values for chunk in chunks]).tolist() == list(range(300))
    assert [c["t"].values[0] for c in table.chunks(100, ["t"])] == ["t0", "t1", "t2"]


def test_a_reading_that_is_given_up_does_not_hinder_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files_module, "CACHED_CELLS", 0)
    source = put(tmp_path, "t.csv", "n\n" + "\n".join(map(str, range(5000))))
    table = open_table(source)
    next(iter(table.chunks(10)))
    assert sum(int(chunk["n"].values.sum()) for chunk in table.chunks(10)) == sum(range(5000))


def test_memory_stays_bounded_however_many_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files_module, "CACHED_CELLS", 0)
    rows = count(1_000_000, 5_000_000)
    table = open_table(f"SELECT i::DOUBLE AS x FROM range({rows}) AS t(i)")
    tracemalloc.start()
    total = sum(float(chunk["x"].values.sum()) for chunk in table.chunks(10000))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert total == rows * (rows - 1) / 2
    assert peak < 4e6  # the column is 8 MB or more
