"""Columns that are text for a few of their cells: all others are numbers, or dates of one form.

One such cell makes a category of a column, and its texts, mostly all different, then tell nothing:
it is said which cell that is. Proved by ``tests/test_tables_frames.py``,
``tests/test_tables_reading.py`` and ``tests/test_tables_columns.py``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from clearprop.tables.table import NO_VALUE, Cells, Table
from clearprop.tables.texts import forms_of, has_zero_in_front, is_number, moment_of

__all__ = [
    "NEARLY", "note_of_dates", "note_of_numbers", "note_of_texts", "odd_date", "usual_forms",
]  # fmt: skip

#: The share of a column's cells from which on the others are taken for slips.
NEARLY = 0.9
#: Cells that tell whether it is worth looking at all: most columns of texts are texts.
_LOOKED_AT = 50
#: Of a column that is said to be text so few whole numbers are codes, which a category learns.
_CODES = 20


def note_of_numbers(name: str, odd: int, filled: int, one: str) -> str:
    """Return what is said of a column in which all but ``odd`` cells are numbers."""
    which = "is no number but" if odd == 1 else "are no numbers, such as"
    return f"column {name!r} is text: {odd} of its {filled} values {which} {one!r}"


def note_of_dates(
    name: str, forms: Sequence[str], odd: int, filled: int, one: str, row: int
) -> str:
    """Return what is said of a column in which all but ``odd`` cells are dates of these forms.

    Examples
    --------
    >>> note_of_dates("d", ["%d/%m/%Y"], 1, 40, "soon", 7)[:73]
    "column 'd' is text: 1 of its 40 values is no date like %d/%m/%Y but 'soon"
    """
    like = " or ".join(form or "2024-12-31" for form in forms)
    which = f"is no date like {like} but" if odd == 1 else f"are no dates like {like}, such as"
    written = "as in 2024-12-31" if len(forms) > 1 else "alike"
    return (
        f"column {name!r} is text: {odd} of its {filled} values {which} {one!r} in row {row}; "
        f"write all dates {written}, leave other cells empty, and it holds dates"
    )


def usual_forms(counts: Mapping[str, int]) -> list[str]:
    """Return the form that most dates have, as `date_forms` calls it; two, if no date tells which.

    Examples
    --------
    >>> usual_forms({"": 3, "%d/%m/%Y": 9, "%m/%d/%Y": 9}), usual_forms({"": 9, "%d/%m/%Y": 9})
    (['%d/%m/%Y', '%m/%d/%Y'], [''])
    """
    best = max(counts, key=lambda form: counts[form], default="")
    return [
        form
        for form, count in counts.items()
        if count == counts[best] and (form[2:3], form[8:]) == (best[2:3], best[8:])
    ]


def note_of_texts(name: str, cells: Cells, whole: bool) -> str:
    """Return what is said of a column of texts in memory; "" where nearly all of them are texts.

    Parameters
    ----------
    name : str
    cells : Cells
        Python strings, without spaces round them.
    whole : bool
        Whether whole numbers would be numbers if all texts were.
    """
    there = cells.values[cells.valid]
    some = [one for one in there[:: len(there) // _LOOKED_AT + 1].tolist() if one not in NO_VALUE]
    if 2 * sum(map(is_number, some)) > len(some):
        return _numbers(name, _counted(cells), whole)
    if 2 * sum(map(bool, map(_date_forms, some))) > len(some):
        return _dates(name, _counted(cells), cells)
    return ""


def _counted(cells: Cells) -> Counter[str]:
    return Counter(text for text in cells.values[cells.valid].tolist() if text not in NO_VALUE)


def _numbers(name: str, counts: Counter[str], whole: bool) -> str:
    odd = [text for text in counts if not is_number(text)]
    amiss, filled = sum(counts[text] for text in odd), counts.total()
    if not odd or filled - amiss < NEARLY * filled or any(map(has_zero_in_front, odd)):
        return ""
    note = f"{note_of_numbers(name, amiss, filled, min(odd))}; leave such cells empty, and"
    if whole or any(mark in text for text in counts.keys() - odd for mark in ".eE"):
        return f"{note} it holds numbers"
    return f"{note} say in columns that it is a number" if len(counts) > _CODES else ""


def _dates(name: str, counts: Counter[str], cells: Cells) -> str:
    forms, by_form = _read(counts)
    filled = counts.total()
    if sum(counts[text] for text in forms) < NEARLY * filled:
        return ""
    usual = usual_forms(by_form)
    found = _first_odd(cells, forms, usual[0])
    if found is None:
        return ""
    row, one = found
    return note_of_dates(name, usual, filled - by_form[usual[0]], filled, one, row + 1)


def odd_date(table: Table, name: str) -> tuple[str, int, str] | None:
    """Return the form of most cells of a column of texts, and the first cell that is not so.

    Returns
    -------
    (form, row, text) or None
        The row is counted from 1. None if most are not written in one of
        `clearprop.tables.texts.FORMS`, or all are.
    """
    counts: Counter[str] = Counter()
    for chunk in table.chunks(names=[name]):
        counts += _counted(chunk[name])
    forms, by_form = _read(counts)
    form = usual_forms(by_form)[0] if by_form else ""
    if not form or 2 * by_form[form] <= counts.total():
        return None
    for chunk in table.chunks(names=[name]):
        found = _first_odd(chunk[name], forms, form)
        if found is not None:
            return form, chunk.start + found[0] + 1, found[1]
    return None


def _read(counts: Counter[str]) -> tuple[dict[str, list[str]], Counter[str]]:
    """The forms of each text that is a date, and how many cells have each form."""
    forms = {text: found for text in counts if (found := _date_forms(text))}
    by_form: Counter[str] = Counter()
    for text, found in forms.items():
        by_form.update(dict.fromkeys(found, counts[text]))
    return forms, by_form


def _date_forms(text: str) -> list[str]:
    """The forms in which a text is a date: "" is that of ISO 8601."""
    forms = forms_of([text])
    if forms:
        return forms
    try:
        moment_of(text)
    except ValueError:
        return []
    return [""]


def _first_odd(
    cells: Cells, forms: Mapping[str, Sequence[str]], form: str
) -> tuple[int, str] | None:
    """The place and the text of the first cell that is no date of a form."""
    for place, (text, there) in enumerate(
        zip(cells.values.tolist(), cells.valid.tolist(), strict=True)
    ):
        if there and text not in NO_VALUE and form not in forms.get(text, ()):
            return place, text
    return None
