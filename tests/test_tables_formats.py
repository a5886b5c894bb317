"""JSON, Parquet, Arrow, globs and SQL become the columns of cells that a CSV file becomes."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from pyarrow import feather
from test_tables_reading import kinds, put, values

from clearprop.errors import DataError, FileError
from clearprop.tables import files as files_module
from clearprop.tables.opening import open_table


def test_json_lines_and_a_json_list_are_read(tmp_path: Path) -> None:
    rows = [
        {"a": 1, "b": "x", "c": 0.5, "d": True, "e": {"deep": 1}},
        {"a": 2, "b": None, "c": 2, "d": False, "z": "007"},
    ]
    lines = put(tmp_path, "t.jsonl", "\n".join(map(json.dumps, rows)))
    for source in (lines, put(tmp_path, "t.json", json.dumps(rows))):
        table = open_table(source)
        assert kinds(table) == {
            "a": "integer",
            "b": "text",
            "c": "real",
            "d": "boolean",
            "z": "text",
        }
        assert values(table, "c") == [0.5, 2.0]
        assert values(table, "z") == [None, "007"]
        assert table.notes == ("column 'e' is left out: it holds STRUCT values",)


def test_parquet_is_read(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    duckdb.sql(
        "SELECT 1::TINYINT AS i, 0.1::DECIMAL(9, 2) AS dec, 'x' AS t, DATE '2020-01-02' AS d, "
        "3::UBIGINT AS u, true AS b, [1] AS list, 'p'::ENUM('p', 'q') AS e "
        "UNION ALL SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL"
    ).write_parquet(str(path))
    table = open_table(path)
    assert kinds(table) == {
        "i": "integer",
        "dec": "real",
        "t": "text",
        "d": "date",
        "u": "real",
        "b": "boolean",
        "e": "text",
    }
    assert [values(table, name)[0] for name in ("i", "dec", "t", "u", "b", "e")] == [
        1,
        0.1,
        "x",
        3.0,
        True,
        "p",
    ]
    assert all(values(table, name)[1] is None for name in table.names)


def test_arrow_and_feather_files_are_read(tmp_path: Path) -> None:
    data = pa.table({"x": [1.5, None], "t": pa.array(["a", "b"]).dictionary_encode()})
    feather.write_feather(data, tmp_path / "t.feather")
    table = open_table(tmp_path / "t.feather")
    assert (values(table, "x"), values(table, "t")) == ([1.5, None], ["a", "b"])


def test_a_stream_of_arrow_batches_is_read(tmp_path: Path) -> None:
    data = pa.table({"x": [1.5, None], "t": ["a", "b"]})
    for name in ("t.arrow", "t.arrows"):
        with pa.ipc.new_stream(tmp_path / name, data.schema) as writer:
            writer.write_table(data)
        table = open_table(tmp_path / name)
        assert (values(table, "x"), values(table, "t")) == ([1.5, None], ["a", "b"])
    put(tmp_path, "cut.arrow", (tmp_path / "t.arrow").read_bytes()[:100])
    with pytest.raises(FileError, match=r"cut\.arrow cannot be read as an Arrow file"):
        open_table(tmp_path / "cut.arrow")
    put(tmp_path, "no.arrow", "x,t\n1,a\n")
    with pytest.raises(FileError, match=r"no\.arrow is no Arrow file, though its name ends in"):
        open_table(tmp_path / "no.arrow")
    put(tmp_path, "no.parquet", "x,t\n1,a\n")
    with pytest.raises(FileError, match=r"no\.parquet is no Parquet file, though its name"):
        open_table(tmp_path / "no.parquet")


def test_a_glob_reads_its_files_in_the_order_of_their_names(tmp_path: Path) -> None:
    for number in (2, 1, 10):
        put(tmp_path, f"part{number:02}.csv", f"a,b\n{number},x\n")
    table = open_table(str(tmp_path / "part*.csv"))
    assert values(table, "a") == [1, 2, 10]


def test_sql_reads_files_in_their_order(tmp_path: Path) -> None:
    source = put(tmp_path, "t.csv", "a,b\n1,x\n2,y\n3,x\n")
    table = open_table(f"SELECT a * 2 AS twice, b FROM '{source}' WHERE b = 'x';")
    assert values(table, "twice") == [2, 6]
    assert values(open_table(f"from '{source}'"), "a") == [1, 2, 3]


def test_a_query_types_a_file_as_the_file_alone_is_typed(tmp_path: Path) -> None:
    """Missing tokens, zip codes, odd dates, decimal commas, an encoding: all as without SQL."""
    text = "zip;x;day;price;name\n" + "".join(
        f"{k:03};{'NA' if k % 5 == 0 else k};{k % 28 + 1}.12.2023;{k},5;Zoë {k % 3}\n"
        for k in range(1, 41)
    )
    source = tmp_path / "t.csv"
    source.write_bytes(text.encode("latin-1"))
    alone, asked = open_table(str(source)), open_table(f"SELECT * FROM '{source}'")
    assert kinds(asked) == kinds(alone)
    assert kinds(asked) == {
        "zip": "text", "x": "integer", "day": "date", "price": "real", "name": "text"
    }  # fmt: skip
    for name in alone.names:
        assert values(asked, name) == values(alone, name), name
    assert values(asked, "x")[4] is None
    assert set(alone.notes) == set(asked.notes)
    joined = f"FROM '{source}' AS a JOIN '{tmp_path}/*.csv' AS b USING (zip) WHERE a.x > 20"
    assert values(open_table(f"SELECT a.x + b.x AS twice {joined}"), "twice")[:2] == [42, 44]
    # What is asked for as text is text, where the query can be asked so.
    assert kinds(open_table(f"FROM '{source}'", as_text=["x"]))["x"] == "text"
    some = open_table(f"SELECT x FROM '{source}' WHERE x < 4", as_text=["x"])
    assert (kinds(some), values(some, "x")) == ({"x": "integer"}, [1, 2, 3])


@pytest.mark.parametrize("name", ["t.csv", "t.of.csv", "main.csv"])
def test_a_file_named_without_quotes_in_a_query_is_refused_with_the_fix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    put(tmp_path, name, "a,b\nyes,1\nno,2\n")
    for query in (f"SELECT * FROM {name}", f"FROM '{name}' AS one JOIN {name} AS two USING (a)"):
        with pytest.raises(DataError, match=f"names the file {name} without .*: write '{name}'"):
            open_table(query)
    assert kinds(open_table(f"SELECT * FROM '{name}'")) == kinds(open_table(name))
    assert open_table(f'SELECT * FROM "{name}"').rows == 2


def test_a_ragged_file_in_a_query_is_told_by_its_line(tmp_path: Path) -> None:
    source = put(tmp_path, "t.csv", "a,b\n1,2\n3\n")
    with pytest.raises(DataError, match=r"t\.csv, line 3 has 1 cell where the header has 2"):
        open_table(f"SELECT a FROM '{source}'")


def test_a_nearly_numeric_column_of_a_query_is_said_too(tmp_path: Path) -> None:
    """A reader that is called by name knows no NA: the column is text, which is overlooked."""
    rows = "".join(f"{k},{k:03},{'ab'[k % 2]}\n" for k in range(40))
    source = put(tmp_path, "t.csv", f"x,zip,c\n{rows}NA,007,a\nNA,008,b\n")
    query = f"SELECT x, zip::VARCHAR AS zip, c FROM read_csv('{source}')"
    table = open_table(query)
    assert kinds(table) == {"x": "text", "zip": "text", "c": "text"}
    assert table.notes == (
        "column 'x' is text: 2 of its 42 values are no numbers, such as 'NA'; "
        "CAST(nullif(\"x\", 'NA') AS DOUBLE) in the query reads numbers",
    )
    mended = open_table(query.replace("x,", "CAST(nullif(\"x\", 'NA') AS DOUBLE) AS x,", 1))
    assert (kinds(mended)["x"], mended.notes) == ("real", ())
    assert values(mended, "x")[-3:] == [39.0, None, None]
    lines = put(tmp_path, "t.jsonl", '{"x": 1}\n' * 20 + '{"x": "NA"}\n')
    assert open_table(lines).notes == (
        "column 'x' is text: 1 of its 21 values is no number but 'NA'",
    )


def test_no_extension_is_loaded_and_no_variable_is_looked_at() -> None:
    secret = [1, 2, 3]
    connection = files_module.connect()
    settings = dict(connection.execute("SELECT name, value FROM duckdb_settings()").fetchall())
    assert settings["autoinstall_known_extensions"] == "false"
    assert settings["autoload_known_extensions"] == "false"
    assert settings["python_enable_replacements"] == "false"
    with pytest.raises(Exception, match="secret does not exist"):
        open_table("SELECT * FROM secret")
    assert secret == [1, 2, 3]
