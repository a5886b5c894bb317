"""What the texts of a column that is in memory stand for: moments, numbers, or themselves.

Of a file every cell is text, and its reader asks what the columns are. A frame or a list says that
a column is text, and mostly means it; but pandas' ``read_csv`` leaves dates as texts, and an array
of texts and numbers has made texts of all of them. Taken as categories, they would tell nothing:
their texts are mostly all different. Proved by ``tests/test_tables_frames.py``.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from clearprop.tables.table import Kind

__all__ = ["DAY_FIRST", "moments_of", "read_texts"]

#: Forms of dates besides ISO 8601, believed only where one of them alone reads every cell.
DAY_FIRST = ("%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y")

_ISO = re.compile(r"(\d{4})([-/])(\d{1,2})\2(\d{1,2})([T ]\d{1,2}:.*)?")
_OTHER = re.compile(r"\d{1,2}[-/.]\d{1,2}[-/.]\d{4}")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_ZERO_IN_FRONT = re.compile(r"[+-]?0\d")


def read_texts(texts: Sequence[str], *, whole: bool) -> tuple[Kind, list[Any]] | None:
    """Return what texts stand for, if all of them stand for one kind of thing.

    Parameters
    ----------
    texts : sequence of str
        Without spaces round them.
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
    moments = moments_of(texts)
    if moments is not None:
        return "date", moments
    if not all(_NUMBER.fullmatch(text) and not _ZERO_IN_FRONT.match(text) for text in texts):
        return None
    fractions = any(mark in text for text in texts for mark in ".eE")
    if not fractions:
        small = whole and all(-(2**63) <= int(text) < 2**63 for text in texts)
        return ("integer", [int(text) for text in texts]) if small else None
    return "real", [float(text) for text in texts]


def moments_of(texts: Sequence[str]) -> list[np.datetime64] | None:
    """Return the moments that texts tell in one form, in UTC; None if they do not.

    Years stand first, with ``-`` or ``/`` between, and a time of day may follow (ISO 8601); or
    last, in one of the forms `DAY_FIRST` that alone reads all of them.

    Examples
    --------
    >>> moments_of(["2024/3/1", "2023/12/31"])
    [np.datetime64('2024-03-01T00:00:00.000000'), np.datetime64('2023-12-31T00:00:00.000000')]
    >>> moments_of(["03/04/2024", "05/06/2024"]) is None  # of which months?
    True
    """
    if not texts:
        return None
    try:
        if _ISO.fullmatch(texts[0]):
            return [_moment(_iso(text)) for text in texts]
        if _OTHER.fullmatch(texts[0]):
            found = [read for form in DAY_FIRST if (read := _in_form(texts, form)) is not None]
            return found[0] if len(found) == 1 else None
    except ValueError:
        pass
    return None


def _iso(text: str) -> datetime.datetime:
    found = _ISO.fullmatch(text)
    if found is None:
        raise ValueError(text)
    year, _, month, day, time = found.groups()
    return datetime.datetime.fromisoformat(f"{year}-{month:0>2}-{day:0>2}{time or ''}")


def _in_form(texts: Sequence[str], form: str) -> list[np.datetime64] | None:
    try:
        return [_moment(datetime.datetime.strptime(text, form)) for text in texts]
    except ValueError:
        return None


def _moment(moment: datetime.datetime) -> np.datetime64:
    if moment.tzinfo is not None:
        moment = moment.astimezone(datetime.UTC).replace(tzinfo=None)
    return np.datetime64(moment, "us")
