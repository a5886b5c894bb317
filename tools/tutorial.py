"""Runs a page's commands and puts what they print under them: `$ command` blocks, files filled in.

A Python block gives lines of ``mine.py`` by the name they assign to; a console block is a command
whose output is the rest of the block.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import tempfile
from pathlib import Path

from clearprop.cli import main

PAGES = (Path(__file__).parents[1] / "docs" / "tutorial-check.md",)

_BLOCK = re.compile(r"```(python|console)\n(.*?)```\n", re.DOTALL)


def fresh(text: str) -> str:
    """Return the page with every command's output as it is today."""
    here = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            return _BLOCK.sub(lambda found: _done(found[1], found[2]), text)
        finally:
            os.chdir(here)


def _done(kind: str, body: str) -> str:
    if kind == "python":
        _fill(Path("mine.py"), body)
        return f"```python\n{body}```\n"
    command = body.splitlines()[0]
    printed = _run(command.removeprefix("$ "))
    return f"```console\n{command}\n{printed}```\n"


def _fill(file: Path, body: str) -> None:
    code = file.read_text("utf-8")
    for line in body.splitlines():
        name = line.split(" = ")[0]
        rows = [line if row.startswith(f"{name} = ") else row for row in code.splitlines()]
        code = "\n".join(rows) + "\n"
    file.write_text(code, "utf-8")


def _run(command: str) -> str:
    words, _, target = command.partition(" > ")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        main(shlex.split(words)[1:])
    if target:
        Path(target).write_text(printed.getvalue(), "utf-8")
        return ""
    return printed.getvalue()


if __name__ == "__main__":
    for page in PAGES:
        page.write_text(fresh(page.read_text("utf-8")), "utf-8")
