"""``--encoding``: tables whose bytes alone do not say what they are."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from conftest import Run

import clearprop as cp


def table(encoding: str, places: tuple[str, str]) -> None:
    rows = "".join(f"{v % 7},{places[v % 2]},{v}\n" for v in range(60))
    Path("t.csv").write_bytes(f"x,{places[0]},n\n{rows}".encode(encoding))


@pytest.mark.parametrize("plain", [(), ("--epochs", "3", "--members", "1")])
@pytest.mark.parametrize(
    ("encoding", "places"),
    [("big5", ("臺北", "高雄")), ("shift_jis", ("東京", "大阪")), ("cp1251", ("Москва", "Казань"))],
)
def test_names_come_back_as_they_were_written(
    run: Run, encoding: str, places: tuple[str, str], plain: tuple[str, ...]
) -> None:
    table(encoding, places)
    told = ["--encoding", encoding]
    more = ["--max-steps", "5", "-o", "m.clearprop", *plain]
    code, out, err = run("train", "t.csv", "-t", places[0], *told, *more)
    assert (code, err) == (0, "")
    assert "look wrong" not in out and f"t.csv is read as {encoding}" in out
    model = cp.load("m.clearprop")
    assert model.target.name == places[0] and set(model.labels) == set(places)
    assert run("evaluate", "m.clearprop", "t.csv", *told)[0] == 0
    code, out, _ = run("predict", "m.clearprop", "t.csv", *told)
    assert code == 0
    assert [row[places[0]] for row in csv.DictReader(io.StringIO(out))] == [*places] * 30


@pytest.mark.parametrize(
    ("command", "more"),
    [("train", ["-t", "n"]), ("evaluate", []), ("predict", []), ("tune", ["-t", "n"])],
)
def test_what_cannot_be_read_so_is_one_sentence(run: Run, command: str, more: list[str]) -> None:
    table("big5", ("臺北", "高雄"))
    model = []
    if command in ("evaluate", "predict"):
        run("train", "t.csv", "-t", "臺北", "--encoding", "big5", "--epochs", "1", "-o", "m")
        model = ["m"]
    for encoding, said in (("utf-8", "byte 0xbb in line 1"), ("bg5", "did you mean 'big5'?")):
        code, out, err = run(command, *model, "t.csv", *more, "--encoding", encoding)
        assert (code, out, err.count("\n")) == (1, "", 1), err
        assert said in err


def test_a_column_that_a_guessed_encoding_has_no_name_for(run: Run) -> None:
    table("big5", ("臺北", "高雄"))
    code, out, err = run("train", "t.csv", "-t", "臺北")
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert "no column '臺北'" in err
    assert err.endswith("; t.csv is read as cp1252; if names look wrong, give its encoding\n")
    code, _, err = run("train", "t.csv", "-t", "臺南", "--encoding", "big5")
    assert code == 1 and "give its encoding" not in err
