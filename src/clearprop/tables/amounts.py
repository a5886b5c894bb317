"""Numbers as people write them: commas at the thousands, decimal commas, a currency, per cent.

Marks stand as in ``"1,234.5"`` or as in ``"1.234,5"`` (a space may stand for the first one), and
with its unit a form is named by an example: ``"$1,234.5"``, ``"1.234,5%"``. A column has one if all
its cells do and some cell tells: "47,43" alone may be two numbers, and "€ 1.234" may be either. A
cell of another unit is not read later, one without a unit is. Proved by
``tests/test_tables_amounts.py``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = [
    "AMOUNTS", "COMMA", "CURRENCIES", "GROUPED", "POINT", "UNITS", "Marks", "amount_of", "form_of",
    "marks_of", "may_be_amount", "pattern_of_amounts", "unit_of",
]  # fmt: skip

POINT, COMMA = "1,234.5", "1.234,5"

CURRENCIES = "$€£¥"
#: All forms: the marks alone (of any unit), with a currency, with per cent.
AMOUNTS: tuple[str, ...] = tuple(
    form
    for marks in (POINT, COMMA)
    for form in (marks, *(sign + marks for sign in CURRENCIES), f"{marks}%")
)
_SPACE = " \u00a0\u202f"  # two of them are those that do not break

#: The digits of each form: groups of three behind the first mark, or none.
_DIGITS = {
    POINT: r"([1-9][0-9]{0,2}(,[0-9]{3})+([.][0-9]*)?|[0-9]+([.][0-9]*)?|[.][0-9]+)",
    COMMA: rf"([1-9][0-9]{{0,2}}(([.][0-9]{{3}})+|([{_SPACE}][0-9]{{3}})+)(,[0-9]*)?|"
    r"[0-9]+(,[0-9]*)?|,[0-9]+)",
}
_EXPONENT = "([eE][+-]?[0-9]+)?"
#: A dot or a space at the thousands, and a comma behind.
GROUPED = rf"[0-9][.{_SPACE}][0-9]{{3}}.*,"
#: What is no part of the number.
UNITS = rf"[{CURRENCIES}%{_SPACE}]"
_FRONT = rf"([+-]?[{CURRENCIES}][{_SPACE}]?|[{CURRENCIES}][{_SPACE}]?[+-])"
_BEHIND = rf"([{_SPACE}]?[{CURRENCIES}%])?"


def pattern_of_amounts(marks: str) -> str:
    """Return the regular expression of what has marks as `POINT` or `COMMA`, with any unit."""
    number = _DIGITS[marks] + _EXPONENT
    return f"({_FRONT}{number}|[+-]?{number}{_BEHIND})"


_PATTERNS = {marks: re.compile(pattern_of_amounts(marks)) for marks in (POINT, COMMA)}
_CURRENCY = re.compile(f"[{CURRENCIES}]")
_SIGN = re.compile(f"[{CURRENCIES}%]")
_GROUPED = re.compile(GROUPED)


@dataclass(frozen=True)
class Marks:
    """What the cells of a column have in common, as counts.

    Attributes
    ----------
    cells : int
    point, comma : int
        Cells that are written in the one form, in the other.
    percent, units : int
        Cells with a per cent sign; with a currency.
    currencies : int
        Different ones.
    dots, commas : int
        Cells with such a mark.
    grouped : int
        Cells with a dot or a space at the thousands and a comma behind: "1.234,5".
    currency : str
        One of them; "" if there is none.
    """

    cells: int
    point: int
    comma: int
    percent: int
    units: int
    currencies: int
    dots: int
    commas: int
    grouped: int
    currency: str

    def forms(self, *, decimal_commas: bool = False) -> list[str]:
        """Return what marks the column may have: `POINT`, `COMMA`, none, or both if none tells.

        Parameters
        ----------
        decimal_commas : bool
            Whether a comma is no mark between two numbers, as where semicolons divide the cells.
        """
        if self.percent not in (0, self.cells) or self.currencies > 1 or not self.cells:
            return []
        if self.percent and self.units:
            return []
        told = bool(self.percent or self.units)
        forms = []
        if self.point == self.cells and (told or self.commas):
            forms.append(POINT)
        if self.comma == self.cells and (told or self.grouped or (decimal_commas and self.commas)):
            forms.append(COMMA)
        if len(forms) < 2 or self.dots:
            return forms
        if not self.commas or self.units:  # "$1,234": three digits behind a comma are no cents
            return [POINT]
        if self.percent:
            return forms
        return [COMMA] if decimal_commas else [POINT]


def may_be_amount(text: str) -> bool:
    """Whether a text is written in either form."""
    return any(pattern.fullmatch(text) for pattern in _PATTERNS.values())


def marks_of(texts: Sequence[str]) -> Marks:
    """Return what different texts, without spaces round them, have in common.

    Examples
    --------
    >>> marks_of(["$1,234.50", "$7"]).forms(), marks_of(["1.234,5", "7"]).forms()
    (['1,234.5'], ['1.234,5'])
    >>> marks_of(["47,43", "1,2"]).forms(), marks_of(["€ 1.234", "€ 999"]).forms()
    ([], ['1,234.5', '1.234,5'])
    """
    currencies = [_CURRENCY.findall(text) for text in texts]
    return Marks(
        cells=len(texts),
        point=sum(bool(_PATTERNS[POINT].fullmatch(text)) for text in texts),
        comma=sum(bool(_PATTERNS[COMMA].fullmatch(text)) for text in texts),
        percent=sum(text.endswith("%") for text in texts),
        units=sum(map(bool, currencies)),
        currencies=len({one for found in currencies for one in found}),
        dots=sum("." in text for text in texts),
        commas=sum("," in text for text in texts),
        grouped=sum(bool(_GROUPED.search(text)) for text in texts),
        currency=min((one for found in currencies for one in found), default=""),
    )


def unit_of(form: str) -> str:
    """Return the sign of a form's currency, or "%"; "" if it has none.

    >>> unit_of("$1,234.5"), unit_of("1.234,5%"), unit_of("1,234.5")
    ('$', '%', '')
    """
    found = _SIGN.search(form)
    return found[0] if found else ""


def amount_of(text: str, form: str) -> float:
    """Return the number that a text tells in one of `AMOUNTS`, or as Python writes numbers.

    Raises
    ------
    ValueError
        If it tells none, an infinite one, or one of another unit.

    Examples
    --------
    >>> amount_of("-$1,234.50", "1,234.5"), amount_of("1 234,5 €", "1.234,5")
    (-1234.5, 1234.5)
    """
    text, unit = text.strip(), unit_of(form)
    marks = form.strip(unit) if unit else form
    if _PATTERNS[marks].fullmatch(text):
        if unit and unit_of(text) not in ("", unit):
            raise ValueError(text)
        text = re.sub(UNITS, "", text)
        text = text.replace(",", "") if marks == POINT else text.replace(".", "").replace(",", ".")
    number = float(text)
    if math.isinf(number):
        raise ValueError(text)
    return number


def form_of(name: str, marks: Marks, notes: list[str], *, decimal_commas: bool = False) -> str:
    """Return the form of a column, or "" if it has none; and note what it is taken for, or not."""
    forms = marks.forms(decimal_commas=decimal_commas)
    if len(forms) == 1:
        notes.append(f"column {name!r}: its numbers have {_told(forms[0], marks)}")
        return f"{forms[0]}%" if marks.percent else marks.currency + forms[0]
    if forms:
        notes.append(
            f"column {name!r} is text: its numbers may be written like {' or '.join(forms)}; "
            "write them without marks at the thousands"
        )
    elif marks.commas and marks.comma == marks.cells:
        notes.append(
            f"column {name!r} is text: if it holds numbers with decimal commas, write points"
        )
    return ""


def _told(form: str, marks: Marks) -> str:
    told = {
        "per cent": marks.percent,
        "a currency": marks.units,
        "decimal commas": form == COMMA and marks.commas,
        "commas at the thousands": form == POINT and marks.commas,
    }
    return " and ".join(name for name, there in told.items() if there)
