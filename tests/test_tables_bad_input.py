"""Each bad table gets one sentence that says what is wrong, where, and what to do."""

from __future__ import annotations

import gzip
import os
import re
import sys
from pathlib import Path

import duckdb
import pytest

from clearprop.errors import ClearPropError, DataError, FileError, SettingError
from clearprop.tables.opening import open_table


def refused(source: object, *parts: str) -> str:
    with pytest.raises(ClearPropError) as caught:
        open_table(source)
    message = str(caught.value)
    assert "\n" not in message
    for part in parts:
        assert part in message, message
    return message


def put(folder: Path, name: str, raw: bytes) -> Path:
    path = folder / name
    path.write_bytes(raw)
    return path


def test_no_such_file_suggests_the_nearest(tmp_path: Path) -> None:
    put(tmp_path, "penguins.csv", b"a\n1\n")
    refused(tmp_path / "pinguins.csv", "there is no file", "did you mean", "penguins.csv'?")
    refused(tmp_path / "penguins.parquet", "did you mean", "penguins.csv'?")
    refused(tmp_path / "nowhere" / "a.csv", "there is no folder")
    refused(str(tmp_path / "*.tsv"), "no file matches")
    refused(tmp_path, "is a folder")


def test_empty_files_and_files_without_rows(tmp_path: Path) -> None:
    refused(put(tmp_path, "a.csv", b""), "a.csv is empty")
    refused(put(tmp_path, "b.csv", b" \n\n"), "b.csv is empty")
    refused(put(tmp_path, "c.csv", b"a,b\n"), "a header and no rows")
    refused(put(tmp_path, "d.csv.gz", gzip.compress(b"")), "is empty")
    refused(put(tmp_path, "e.parquet", b""), "is empty")
    refused(put(tmp_path, "f.jsonl", b""), "is empty")


def test_a_ragged_row_is_named_by_its_line(tmp_path: Path) -> None:
    text = b"a,b\n1,2\n3\n4,5\n"
    refused(put(tmp_path, "a.csv", text), "a.csv, line 3 has 1 cell where the header has 2")
    text = b'a,b\n1,"x\ny"\n3,4,5\n'
    refused(put(tmp_path, "b.csv", text), "b.csv, line 4 has 3 cells where the header has 2")
    refused(put(tmp_path, "c.csv", b'a,b\n1,"x\n3,4\n'), "line 2: a quoted cell does not end")
    lines = b"a,b\n" + b"1,2\n" * 70000 + b"1,2,3\n" + b"1,2\n" * 70000
    refused(put(tmp_path, "d.csv", lines), "line 70002 has 3 cells")


def test_a_ragged_row_of_a_transcoded_file_is_named_by_the_file_the_user_knows(
    tmp_path: Path,
) -> None:
    path = put(tmp_path, "a.csv", "a,b\né,2\n3\n".encode("cp1252"))
    refused(path, str(path), "line 3")


@pytest.mark.parametrize(
    ("start", "words"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0", "a PNG picture"),
        (b"PK\x03\x04\x14\0", "Excel workbook"),
        (b"\x1f\x8b\x08\0\0\0\0\0", "gzip-compressed"),
        (b"%PDF-1.7\n", "a PDF document"),
        (b"\x80\x05\x95\0\0\0\0", "a Python pickle"),
        (b"SQLite format 3\0", "a SQLite database"),
        (b"<!DOCTYPE html><html>", "a web page"),
        (b'{"a": 1, "b": 2}\n{"a": 2, "b": 3}\n', "JSON lines"),
        (b"ab\0\1\2\3cd\0\0\0\x07\x05ef\x01\x02\x03", "binary"),
    ],
)
def test_a_file_that_is_not_what_its_name_says_is_named(
    tmp_path: Path, start: bytes, words: str
) -> None:
    refused(put(tmp_path, "a.csv", start), "a.csv", words)


def test_tables_under_wrong_names(tmp_path: Path) -> None:
    real = tmp_path / "t.parquet"
    duckdb.sql("SELECT 1 AS a").write_parquet(str(real))
    refused(put(tmp_path, "t.csv", real.read_bytes()), "a Parquet file", "end in .parquet")
    refused(put(tmp_path, "u.parquet", b"a,b\n1,2\n"), "though its name ends in .parquet")
    refused(put(tmp_path, "v.csv.gz", b"a,b\n1,2\n"), "not gzip-compressed")
    refused(put(tmp_path, "w.csv", gzip.compress(b"a\n1\n")), "gzip-compressed", "end in .gz")
    refused(put(tmp_path, "x.parquet", real.read_bytes()[:50]), "x.parquet cannot be read")


def test_a_truncated_gzip_file_says_so(tmp_path: Path) -> None:
    whole = gzip.compress(os.urandom(5000).hex().encode())
    refused(put(tmp_path, "a.csv.gz", whole[:2000]), "damaged or cut short")


GOOD_ROW = b'{"a": 1}\n'


@pytest.mark.parametrize(
    ("name", "raw", "said"),
    [
        ("a.jsonl", GOOD_ROW + b'{"a": \n' + GOOD_ROW, "a.jsonl, line 2 is no JSON"),
        ("b.jsonl", GOOD_ROW * 9 + b"hello\n", "b.jsonl, line 10 is no JSON: 'hello'"),
        ("c.ndjson", GOOD_ROW + b"\n" + b"3\n", "c.ndjson, line 3 is no record but 3"),
        ("d.json", b'[{"a": 1},\n {"a": }\n]', "d.json, line 2, character 8 is no JSON"),
        ("e.json", b'[{"a": 1},\n 7]', "e.json, row 2 is no record but 7"),
        ("f.jsonl.gz", gzip.compress(GOOD_ROW + b"[\n"), "f.jsonl.gz, line 2 is no JSON"),
        ("g.jsonl", b"\xef\xbb\xbf" + GOOD_ROW + b"{\n", "g.jsonl, line 2 is no JSON"),
        ("h.jsonl", '{"a": "é"}\n{\n'.encode("cp1252"), "h.jsonl, line 2 is no JSON"),
    ],
)
def test_malformed_json_says_where(tmp_path: Path, name: str, raw: bytes, said: str) -> None:
    refused(put(tmp_path, name, raw), said)


def test_rows_of_one_column_called_json_are_rows(tmp_path: Path) -> None:
    assert open_table(put(tmp_path, "a.jsonl", b'{"json": 1}\n{"json": 2}\n')).names == ("json",)


def test_a_pipe_in_a_query_is_refused_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "it's.csv")
    for name in ("it''s.csv", "*.csv"):
        refused(f"SELECT * FROM '{tmp_path}/{name}'", "no plain file")
    put(tmp_path, "b.tsv", b"a\n1\n")
    assert open_table(f"SELECT a, '/' AS c FROM '{tmp_path}/b.tsv'").rows == 1


def test_only_what_is_really_near_is_suggested(tmp_path: Path) -> None:
    for name in ("o2.csv", "sales_2024.csv", "notes.md", "good.clearprop", "good.csv.gz"):
        put(tmp_path, name, b"a\n1\n")
    for name in ("zz.csv", "o1.csv", "sales_2023.csv", "note.csv", "x.csv"):
        assert "did you mean" not in refused(tmp_path / name, "there is no file")
    refused(tmp_path / "good.csv", "did you mean", "good.csv.gz'?")
    refused(tmp_path / "gold.csv", "did you mean", "good.csv.gz'?")
    refused(tmp_path / "sale_2024.csv", "did you mean", "sales_2024.csv'?")


def test_a_wrong_encoding_is_named(tmp_path: Path) -> None:
    path = put(tmp_path, "a.csv", "a\né\n".encode("cp1252"))
    with pytest.raises(
        FileError, match=r"not written in utf-8: byte 0xe9 in line 2 \(byte 3 of its text"
    ):
        open_table(path, encoding="utf-8")
    long = put(tmp_path, "long.csv", b"name\n" + b"ab\n" * 500_000 + "漢\n".encode("big5")[:1])
    with pytest.raises(FileError, match=r"byte 0xba in line 500002 \(byte 1,500,006 of "):
        open_table(long, encoding="big5")


@pytest.mark.parametrize(
    ("encoding", "said"),
    [
        ("klingon", "no encoding 'klingon' of text: try 'utf-8'"),
        ("shift_jus", "did you mean 'shift_jis'"),
        ("hex", "no encoding 'hex' of text"),
        ("rot13", "no encoding 'rot13' of text"),
        ("a\0b", "no encoding"),
        ("", "no encoding ''"),
        ("undefined", "is not written in undefined"),
        ("idna", "is not written in idna"),
    ],
)
def test_what_is_no_encoding_of_text_is_refused(tmp_path: Path, encoding: str, said: str) -> None:
    path = put(tmp_path, "a.csv", "a,b\né,é\n".encode())
    with pytest.raises(FileError, match=re.escape(said)):
        open_table(path, encoding=encoding)


def test_an_encoding_is_of_text_alone(tmp_path: Path) -> None:
    path = str(tmp_path / "t.parquet")
    duckdb.sql(f"COPY (SELECT 1 AS x) TO '{path}'")
    with pytest.raises(FileError, match=r"t\.parquet is no text, so it has no encoding 'big5'"):
        open_table(path, encoding="big5")
    with pytest.raises(SettingError, match="this table is in memory"):
        open_table({"x": [1]}, encoding="big5")


def test_files_of_a_glob_must_agree(tmp_path: Path) -> None:
    put(tmp_path, "a.csv", b"x,y\n1,2\n")
    put(tmp_path, "b.csv", b"x,z\n1,2\n")
    refused(str(tmp_path / "*.csv"), "b.csv has the columns x, z", "give all files the same header")
    put(tmp_path, "c.jsonl", b'{"x": 1}\n')
    refused(str(tmp_path / "*"), "files of different kinds")


def test_queries_that_do_not_work(tmp_path: Path) -> None:
    refused("SELECT * FROM", "the query cannot be read")
    refused(f"FROM '{tmp_path}/none.csv'", "the query cannot be read", "none.csv")
    refused("SELECT 1 AS a WHERE false", "no rows")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    path = put(tmp_path, "a.csv", b"a\n1\n")
    path.chmod(0)
    refused(path, "cannot be read", "Permission denied")


def test_arrow_without_pyarrow_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow.dataset", None)
    refused(put(tmp_path, "a.feather", b"ARROW1\0\0"), "pip install 'clearprop[arrow]'")


def test_no_such_column_suggests_the_nearest() -> None:
    table = open_table({"weight": [1], "height": [2]})
    with pytest.raises(DataError, match="no column 'wieght': did you mean 'weight'"):
        table.column("wieght")
    with pytest.raises(DataError, match="did you mean 'height'"):
        list(table.chunks(10, ["heigth"]))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({}, "no columns"),
        ({"a": []}, "no rows"),
        ({"a": [1, 2], "b": [1]}, "column 'a' has 2 rows and column 'b' 1"),
        ({"a": 3}, "column 'a' is one value"),
        ({"a": [[1], [2]]}, "a value for several cells"),
        (7, "got int"),
        (None, "got NoneType"),
    ],
)
def test_what_is_no_table_in_memory(data: object, words: str) -> None:
    refused(data, words)
