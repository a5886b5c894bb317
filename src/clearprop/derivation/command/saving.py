"""Pages as files: the format by the name, and what may be replaced.

Proved by ``tests/test_derivation_command.py``.
"""

from __future__ import annotations

import re
from pathlib import Path

from clearprop.derivation.wording.messages import MESSAGES
from clearprop.derivation.wording.refusals import refusal, unknown
from clearprop.errors import FileError, UsageError
from clearprop.storage import check_writable
from clearprop.words import LANGUAGES

__all__ = ["check_page", "format_of"]

FORMATS = {
    "text": (".txt", ".md", ""),
    "latex": (".tex", ".latex"),
    "html": (".html", ".htm"),
    "json": (".json",),
}
"""The formats, each with the endings of names that say it."""
_TITLE_WITHIN = 2_000
"""So many characters of a page hold its title, whatever its format."""


def format_of(format: str, json: bool, out: str) -> str:
    """Return the format that is asked for: by the option, else by the file's name.

    Raises
    ------
    UsageError
        If there is no such format, or options and name contradict each other.

    Examples
    --------
    >>> format_of("", False, "page.html"), format_of("", True, ""), format_of("", False, "")
    ('html', 'json', 'text')
    """
    if format and format not in FORMATS:
        raise UsageError(unknown("format", format, FORMATS))
    if json and format not in ("", "json"):
        raise UsageError(refusal("two_formats", format=format))
    asked = "json" if json else format
    if not out:
        return asked or "text"
    ending = Path(out).suffix.lower()
    said = next((name for name, endings in FORMATS.items() if ending in endings), "")
    if asked and said not in ("", asked) and ending:
        option = "--json" if json else f"--format {format}"
        raise UsageError(refusal("name_and_format", option=option, name=out, said=said))
    if not asked and not said:
        raise UsageError(refusal("no_ending", ending=repr(ending), name=out))
    return asked or said


def check_page(path: str, *, overwrite: bool = False) -> None:
    """See that a page can be written, and that what stands there is a page or may go.

    Raises
    ------
    FileError
        If it cannot be written, or a file stands there that is no page and `overwrite` is False.
    """
    target = check_writable(path)
    if target.exists() and not overwrite and not _is_page(target):
        raise FileError(refusal("no_page", path=path))


def _is_page(path: Path) -> bool:
    """Whether a file is a derivation by its title; each format has it at the top."""
    with path.open("rb") as stream:
        top = stream.read(_TITLE_WITHIN).decode("utf-8", "replace")
    mark = "\n"
    titles = [MESSAGES("title", language, network=mark) for language in LANGUAGES]
    return any(re.search(".+".join(map(re.escape, one.split(mark))), top) for one in titles)
