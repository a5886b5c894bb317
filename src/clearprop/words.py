"""Words and numbers as people read them: one format for numbers, messages in two languages."""

from __future__ import annotations

import difflib
import math
import string
from collections.abc import Iterable, Mapping
from typing import Literal, SupportsFloat

__all__ = [
    "LANGUAGES",
    "Language",
    "Words",
    "did_you_mean",
    "nearest",
    "number",
    "shown",
    "visible",
]

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")


def number(x: SupportsFloat, digits: int = 4) -> str:
    """Write a number for people: significant digits, no trailing zeros, no padded exponent.

    Whole numbers below 10¹⁵ are written out; anything else is rounded to `digits` and takes an
    exponent below 10⁻⁴ or from 10^max(digits, 6) on.

    Parameters
    ----------
    x : a real number
    digits : int, at least 1
        Significant digits kept.

    Examples
    --------
    >>> number(0.97368421), number(12), number(1.25e-9), number(float("nan")), number(-0.5)
    ('0.9737', '12', '1.25e-9', 'NaN', '-0.5')
    """
    value = float(x)
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    if value == 0:
        return "0"
    if value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    # Round first: 99999.99 to four digits is 1e5, and the exponent decides how it is written.
    rounded = f"{value:.{digits - 1}e}"
    exponent = int(rounded.partition("e")[2])
    if -5 < exponent < max(digits, 6):
        text = f"{float(rounded):.{max(digits - 1 - exponent, 0)}f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    mantissa = rounded.partition("e")[0]
    if "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{mantissa}e{exponent}"


def shown(value: object, longest: int = 60) -> str:
    """Write a value as messages show it: on one line, cut to `longest` signs.

    Examples
    --------
    >>> shown("x"), shown(float("nan")), shown("a" * 100, 10)
    ("'x'", 'NaN', "'aaaaaa...")
    """
    if isinstance(value, float) and not math.isfinite(value):
        return number(value)
    try:
        text = " ".join(repr(value).split())
    except ValueError:  # a whole number of thousands of digits is not written out
        text = f"a value of type {type(value).__name__}"
    return text if len(text) <= longest else f"{text[: longest - 3]}..."


def visible(text: str) -> str:
    """Write signs that would move the cursor or colour a terminal as what they are.

    A column's or a file's name may hold any sign; a message stays on its line.

    Examples
    --------
    >>> visible("two\\nlines, \\x1b[31mred")
    'two\\\\nlines, \\\\x1b[31mred'
    """
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The one of `names` that `name` may be a slip of, upper and lower case alike; else None.

    Near is what shares three quarters of its letters in order (two thirds if the first letter is
    right), and the same digits: nobody writes ``x2`` for ``x1`` by a slip.

    Examples
    --------
    >>> nearest("sigmiod", ["relu", "sigmoid", "tanh"]), nearest("zzz", ["relu"])
    ('sigmoid', None)
    """
    asked = name.casefold()
    known = {candidate.casefold(): candidate for candidate in reversed(list(names))}
    for close in difflib.get_close_matches(asked, known, n=5, cutoff=_NEAR_FROM_THE_START):
        ratio = difflib.SequenceMatcher(None, close, asked).ratio()
        starts = close[:1] == asked[:1]
        if (starts or ratio >= _NEAR) and _digits(close) in (_digits(asked), ""):
            return known[close]
    return None


_NEAR, _NEAR_FROM_THE_START = 0.75, 0.66


def _digits(text: str) -> str:
    return "".join(sign for sign in text if sign.isdigit())


def did_you_mean(name: object, names: Iterable[str], limit: int = 12) -> str:
    """The end of a sentence about a name that does not exist: the nearest, else what there is.

    Examples
    --------
    >>> did_you_mean("agee", ["age", "name"]), did_you_mean("x", ["age", "name"])
    ("did you mean 'age'?", "there are 'age', 'name'")
    """
    known = list(names)
    near = nearest(name, known) if isinstance(name, str) else None
    if near is not None:
        return f"did you mean {near!r}?"
    if not known:
        return "there are none"
    more = f" and {len(known) - limit} more" if len(known) > limit else ""
    return "there are " + ", ".join(repr(one) for one in known[:limit]) + more


class Words:
    """A table of messages by key, each in every language, with places for values.

    Each room of the house keeps its own table beside the code that speaks. The table is checked
    when it is made: a message without a language, or with other places in one language than in
    another, is a mistake of ours and fails at once.

    Parameters
    ----------
    table : {key: {language: text}}
        Texts with named places as in ``str.format``.

    Examples
    --------
    >>> greeting = Words({"saved": {"en": "saved {path}", "zh": "已保存 {path}"}})
    >>> greeting("saved", path="m.clearprop"), greeting("saved", "zh", path="m.clearprop")
    ('saved m.clearprop', '已保存 m.clearprop')
    """

    def __init__(self, table: Mapping[str, Mapping[Language, str]]) -> None:
        for key, texts in table.items():
            if set(texts) != set(LANGUAGES):
                raise ValueError(f"message {key!r}: needs {LANGUAGES}, has {tuple(texts)}")
            if len({_places(text) for text in texts.values()}) > 1:
                raise ValueError(f"message {key!r}: its places differ between languages")
        self._table = {key: dict(texts) for key, texts in table.items()}

    def __call__(self, key: str, language: Language = "en", /, **values: object) -> str:
        """The message `key` in `language`, its places filled with `values`."""
        return self._table[key][language].format(**values)

    def keys(self) -> list[str]:
        """The keys of all messages, sorted."""
        return sorted(self._table)


def _places(text: str) -> frozenset[str]:
    return frozenset(field for _, field, _, _ in string.Formatter().parse(text) if field)
