"""What the texts of a column that is in memory stand for: moments, numbers, or themselves.

Of a file every cell is text, and its reader asks what the columns are. A frame or a list says that
a column is text, and mostly means it; but pandas' ``read_csv`` leaves dates as texts, and an array
of texts and numbers has made texts of all of them. Taken as categories, they would tell nothing:
their texts are mostly all different. Each text is read by itself, so that later rows are read as
those of training were. Proved by ``tests/test_tables_frames.py``.
"""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from clearprop.tables.table import Kind

__all__ = [
    "FORMS", "forms_of", "has_zero_in_front", "is_number", "moment_of", "note_of_forms",
    "pattern_of", "read_texts",
]  # fmt: skip

#: How a date is written that does not begin with its year, and is not as ISO 8601 has it.
FORMS: tuple[str, ...] = tuple(
    date + time
    for time in ("", " %H:%M", " %H:%M:%S")
    for date in ("%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y")
)

_MOMENT = re.compile(r"(\d{4})([-/])(\d{1,2})\2(\d{1,2})([T ](\d{1,2}):(\d{2}.*))?", re.ASCII)
_WRITTEN = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4})( \d{1,2}:\d{2}(:\d{2})?)?", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_ZERO_IN_FRONT = re.compile(r"[+-]?0\d")
#: Digits of a whole number of 64 bits, and a sign.
_LONGEST = 20


def read_texts(texts: Sequence[str], *, whole: bool) -> tuple[Kind, list[Any]] | None:
    """Return what texts stand for, if all of them stand for one kind of thing.

    Parameters
    ----------
    texts : sequence of str
        Different ones, without spaces round them; of a single one nothing is said.
    whole : bool
        Whether whole numbers are numbers too. Of a column that is said to be text they are names;
        and whole numbers with zeros in front are so everywhere.

    Returns
    -------
    (kind, values) or None
        Moments in UTC, or numbers; None: the texts are themselves.

    Examples
    --------
    >>> read_texts(["1.5", "-2e3"], whole=False)
    ('real', [1.5, -2000.0])
    >>> read_texts(["12", "7"], whole=False) is None
    True
    """
    if len(texts) < 2:
        return None
    if _MOMENT.fullmatch(texts[0]):
        try:
            return "date", [moment_of(text) for text in texts]
        except ValueError:
            return None
    if not all(map(is_number, texts)):
        return None
    if any(mark in text for text in texts for mark in ".eE"):
        numbers = [float(text) for text in texts]
        return ("real", numbers) if all(map(math.isfinite, numbers)) else None
    if not whole or any(len(text) > _LONGEST for text in texts):
        return None
    integers = [int(text) for text in texts]
    fit = all(-(2**63) <= number < 2**63 for number in integers)
    return ("integer", integers) if fit else None


def is_number(text: str) -> bool:
    """Whether a text is a number, and no name such as "007"."""
    return bool(_NUMBER.fullmatch(text)) and not _ZERO_IN_FRONT.match(text)


def has_zero_in_front(text: str) -> bool:
    """Whether a text would be a number but for a zero in front, as of a zip code."""
    return bool(_NUMBER.fullmatch(text) and _ZERO_IN_FRONT.match(text))


def forms_of(texts: Sequence[str]) -> list[str]:
    """Return those of `FORMS` that read every text; none where the first is not written so.

    Examples
    --------
    >>> forms_of(["31/1/2024", "1/2/2024"]), forms_of(["1/2/2024"])
    (['%d/%m/%Y'], ['%d/%m/%Y', '%m/%d/%Y'])
    """
    forms = list(FORMS) if texts and _WRITTEN.fullmatch(texts[0]) else []
    for text in texts:
        forms = [form for form in forms if _in_form(text, form) is not None]
    return forms


def pattern_of(form: str) -> str:
    """Return the regular expression of what is written in one of `FORMS`.

    Examples
    --------
    >>> pattern_of("%d.%m.%Y %H:%M")
    '[0-9]{1,2}[.][0-9]{1,2}[.][0-9]{4} [0-9]{1,2}:[0-9]{2}'
    """
    mark = f"[{form[2]}]"
    times = {"": "", " %H:%M": " [0-9]{1,2}:[0-9]{2}", " %H:%M:%S": " [0-9]{1,2}(:[0-9]{2}){2}"}
    return f"[0-9]{{1,2}}{mark}[0-9]{{1,2}}{mark}[0-9]{{4}}{times[form[8:]]}"


def note_of_forms(name: str, forms: Sequence[str]) -> str:
    """Return what is said of a column of dates that these forms read."""
    if len(forms) == 1:
        return f"column {name!r}: its dates are read as {forms[0]}"
    return (
        f"column {name!r} is text: its dates may be {' or '.join(forms)}; "
        "write them as in 2024-12-31"
    )


def moment_of(text: str, form: str = "") -> np.datetime64:
    """Return the moment that a text tells, in UTC: year, month and day, and a time may follow.

    ``-`` or ``/`` stands between, and behind the time an offset from UTC may (ISO 8601).

    Parameters
    ----------
    text : str
    form : str
        One of `FORMS`, in which it may be written as well.

    Raises
    ------
    ValueError
        If it tells none.

    Examples
    --------
    >>> moment_of("2024/3/1 7:30"), moment_of("2024-03-01T00:30:00+01:00")
    (np.datetime64('2024-03-01T07:30:00.000000'), np.datetime64('2024-02-29T23:30:00.000000'))
    >>> moment_of("1.3.2024", "%d.%m.%Y")
    np.datetime64('2024-03-01T00:00:00.000000')
    """
    moment = _in_form(text, form) if form else None
    if moment is not None:
        return np.datetime64(moment, "us")
    found = _MOMENT.fullmatch(text)
    if found is None:
        raise ValueError(text)
    year, _, month, day, time, hour, rest = found.groups()
    clock = f"T{hour:0>2}:{rest}" if time else ""
    moment = datetime.datetime.fromisoformat(f"{year}-{month:0>2}-{day:0>2}{clock}")
    if moment.tzinfo is not None:
        try:
            moment = moment.astimezone(datetime.UTC).replace(tzinfo=None)
        except OverflowError:
            raise ValueError(text) from None
    return np.datetime64(moment, "us")


def _in_form(text: str, form: str) -> datetime.datetime | None:
    """The moment of a text in one of `FORMS`; None if it is not written so."""
    found = _WRITTEN.fullmatch(text)
    if found is None:
        return None
    first, mark, second, year, time, seconds = found.groups()
    written = "" if not time else " %H:%M:%S" if seconds else " %H:%M"
    if mark != form[2] or written != form[8:]:
        return None
    day, month = (first, second) if form.startswith("%d") else (second, first)
    hour, _, rest = (time or " 0:00").strip().partition(":")
    try:
        return datetime.datetime.fromisoformat(f"{year}-{month:0>2}-{day:0>2}T{hour:0>2}:{rest}")
    except ValueError:
        return None
