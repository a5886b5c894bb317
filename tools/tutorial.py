"""Runs a page's commands and puts what they print under them: `$ command` blocks, files filled in.

A Python block gives lines of ``mine.py`` by the name they assign to; a console block is a command
whose output is the rest of the block. A line ``…`` in it leaves out what stands before the line
that follows it.
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

ROOT = Path(__file__).parents[1]

#: Each page, and the heading of the part that is run; "" for all of it.
PAGES = (
    (ROOT / "docs" / "tutorial-check.md", ""),
    (ROOT / "README.md", "## Is this gradient right, and if not, which mistake is it?\n"),
)

_BLOCK = re.compile(r"```(python|console)\n(.*?)```\n", re.DOTALL)


def fresh(text: str, heading: str = "") -> str:
    """Return the page with every command's output as it is today, in the part under a heading."""
    before, start, part = text.partition(heading) if heading else ("", "", text)
    part, end, after = part.partition("\n## ") if heading else (part, "", "")
    return before + start + _run_blocks(part) + end + after


def _run_blocks(text: str) -> str:
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
    command, *shown = body.splitlines()
    printed = _cut(_run(command.removeprefix("$ ")), shown)
    return f"```console\n{command}\n{printed}```\n"


def _cut(printed: str, shown: list[str]) -> str:
    """Leave out what is left out of what the page shows."""
    if "…" not in shown:
        return printed
    lines, place = printed.splitlines(), shown.index("…")
    if len(shown) == place + 1:  # nothing behind it
        return "\n".join([*lines[:place], "…", ""])
    rest = lines.index(shown[place + 1]) if shown[place + 1] in lines else place
    return "\n".join([*lines[:place], "…", *lines[rest:], ""])


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
    for page, heading in PAGES:
        page.write_text(fresh(page.read_text("utf-8"), heading), "utf-8")
