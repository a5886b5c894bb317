"""What `clearprop derive` does on a screen and off it: its width, its colours, what it says."""

from __future__ import annotations

import os
import sys

import pytest

from clearprop.cli import main
from clearprop.derivation.command import calls


def page(monkeypatch, line, *, out=False, err=False, columns=80, **environment):
    """What a page is asked for with: (format, verify, colours, columns); and the exit code."""
    asked = []
    for name, given in {"NO_COLOR": "", "TERM": "xterm", **environment}.items():
        monkeypatch.setenv(name, given)
    monkeypatch.setattr(calls, "print_page", lambda *given: asked.append(given[1:]) or "page\n")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: out)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: err)
    size = os.terminal_size((columns, 24))
    monkeypatch.setattr(calls.shutil, "get_terminal_size", lambda *given: size)
    code = main(["derive", "1-1", *line.split()])
    return code, *asked


@pytest.mark.parametrize(
    ("columns", "room"), [(40, 60), (60, 60), (61, 61), (99, 99), (100, 100), (200, 100)]
)
def test_a_page_on_a_screen_is_as_wide_as_it_between_60_and_100_columns(
    columns, room, monkeypatch, capsys
):
    assert page(monkeypatch, "", out=True, columns=columns) == (0, ("text", False, True, room))
    assert page(monkeypatch, "", out=False, columns=columns) == (0, ("text", False, False, 80))
    assert capsys.readouterr().out == "page\npage\n"


@pytest.mark.parametrize(("name", "given"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_a_screen_that_wants_no_colours_gets_none(name, given, monkeypatch):
    found = page(monkeypatch, "", out=True, **{name: given})
    assert found == (0, ("text", False, False, 80))


def test_a_file_has_no_colours_and_its_name_is_said(monkeypatch, capsys, tmp_path):
    file = tmp_path / "p.txt"
    found = page(monkeypatch, f"-o {file}", out=True, columns=70)
    assert found == (0, ("text", False, False, 70))
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", f"saved {file}\n")
    assert file.read_text("utf-8") == "page\n"


def test_what_is_being_done_is_said_on_a_screen_and_wiped(monkeypatch, capsys):
    for line, said in (
        ("", ("deriving …", "verifying …", "writing the page …")),
        ("--verify", ("deriving …", "verifying, by SymPy too …", "writing the page …")),
        ("--language zh", ("推导中 …", "验证中 …", "书写页面 …")),
    ):
        for err in (True, False):
            code, asked = page(monkeypatch, line, err=err)
            assert (code, asked[:2]) == (0, ("text", line == "--verify"))
            shown = "".join(f"{one}\r\x1b[K" for one in said) if err else ""
            assert capsys.readouterr().err == shown


def test_what_was_being_done_is_wiped_before_a_refusal(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert main(["derive", "1-1", "--weight", "W9"]) == 2
    assert capsys.readouterr().err.startswith("deriving …\r\x1b[Kclearprop: the network has no")


@pytest.mark.parametrize("format", ["text", "json", "latex", "html"])
def test_each_format_is_asked_for_by_its_name(format, monkeypatch, capsys):
    found = page(monkeypatch, f"--format {format}")
    assert found == (0, (format, False, False, 80))
