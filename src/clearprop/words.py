"""Words and numbers as people read them: one format for numbers, messages in two languages."""

from __future__ import annotations

import difflib
import math
import string
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from typing import Literal, Self, SupportsFloat

__all__ = [
    "LANGUAGES",
    "Language",
    "Sentence",
    "Words",
    "did_you_mean",
    "nearest",
    "number",
    "shown",
    "visible",
    "width",
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


def width(text: str) -> int:
    """Return how many columns a text takes in a terminal: Chinese signs two, accents none.

    >>> width("第 1 层"), width("Θ̄")
    (7, 1)
    """
    return sum(
        0 if unicodedata.combining(sign) else 2 if unicodedata.east_asian_width(sign) in "WF" else 1
        for sign in text
    )


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


class Sentence(str):
    """A sentence in every language: as text it is the English one.

    An error is raised with it, so that a command in Chinese can say it in Chinese.

    Parameters
    ----------
    texts : {language: text}

    Examples
    --------
    >>> said = Sentence({"en": "there are none", "zh": "没有可用的"})
    >>> print(said, said.speak("zh"))
    there are none 没有可用的
    """

    __slots__ = ("_texts",)
    _texts: dict[Language, str]

    def __new__(cls, texts: Mapping[Language, str]) -> Self:
        made = super().__new__(cls, texts["en"])
        made._texts = dict(texts)
        return made

    def __reduce__(self) -> tuple[type[Sentence], tuple[dict[Language, str]]]:
        return type(self), (self._texts,)

    def speak(self, language: Language) -> str:
        """The sentence in a language."""
        return self._texts[language]


def did_you_mean(name: object, names: Iterable[str], limit: int = 12) -> Sentence:
    """The end of a sentence about a name that does not exist: the nearest, else what there is.

    Examples
    --------
    >>> did_you_mean("agee", ["age", "name"]), did_you_mean("x", ["age", "name"])
    ("did you mean 'age'?", "there are 'age', 'name'")
    """
    known = list(names)
    near = nearest(name, known) if isinstance(name, str) else None
    if near is not None:
        return _HINTS.both("near", near=repr(near))
    if not known:
        return _HINTS.both("none")
    more = len(known) - limit
    listed = ", ".join(repr(one) for one in known[:limit])
    return _HINTS.both("more" if more > 0 else "all", names=listed, count=more)


class Words:
    """A table of messages by key, each in every language, with places for values.

    Each room of the house keeps its own table beside the code that speaks. The table is checked
    when it is made: a message without a language, or with other places in one language than in
    another, is a mistake of ours and fails at once.

    Parameters
    ----------
    table : {key: {language: text}}
        Texts with named places as in ``str.format``.
    free : collection of str
        Places that one language may have alone.

    Examples
    --------
    >>> greeting = Words({"saved": {"en": "saved {path}", "zh": "已保存 {path}"}})
    >>> greeting("saved", path="m.clearprop"), greeting("saved", "zh", path="m.clearprop")
    ('saved m.clearprop', '已保存 m.clearprop')
    """

    def __init__(
        self, table: Mapping[str, Mapping[Language, str]], free: Collection[str] = ()
    ) -> None:
        for key, texts in table.items():
            if set(texts) != set(LANGUAGES):
                raise ValueError(f"message {key!r}: needs {LANGUAGES}, has {tuple(texts)}")
            if len({_places(text) - set(free) for text in texts.values()}) > 1:
                raise ValueError(f"message {key!r}: its places differ between languages")
        self._table = {key: dict(texts) for key, texts in table.items()}

    def __call__(self, key: str, language: Language = "en", /, **values: object) -> str:
        """The message `key` in `language`, its places filled with `values`, themselves spoken."""
        spoken = {k: v.speak(language) if isinstance(v, Sentence) else v for k, v in values.items()}
        return self._table[key][language].format(**spoken)

    def both(self, key: str, /, **values: object) -> Sentence:
        """The message `key` in every language: English as text.

        Examples
        --------
        >>> missing = Words({"none": {"en": "no {what}", "zh": "没有 {what}"}})
        >>> missing.both("none", what="x").speak("zh")
        '没有 x'
        """
        return Sentence({language: self(key, language, **values) for language in LANGUAGES})

    def keys(self) -> list[str]:
        """The keys of all messages, sorted."""
        return sorted(self._table)


def _places(text: str) -> frozenset[str]:
    return frozenset(field for _, field, _, _ in string.Formatter().parse(text) if field)


_HINTS = Words(
    {
        "near": {"en": "did you mean {near}?", "zh": "是否指 {near}？"},
        "none": {"en": "there are none", "zh": "没有可用的名称"},
        "all": {"en": "there are {names}", "zh": "可用的有 {names}"},
        "more": {
            "en": "there are {names} and {count} more",
            "zh": "可用的有 {names}，另有 {count} 个",
        },
    }
)
