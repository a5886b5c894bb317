"""One row a knob: what checks a constructor also makes the flag, the schema and the control."""

from __future__ import annotations

import math
import numbers
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from clearprop.errors import SettingError
from clearprop.words import did_you_mean, nearest, number, shown

__all__ = ["Attr", "Bounds", "Scalar", "check_all", "check_setting_names"]

Scalar = bool | int | float | str


@dataclass(frozen=True, slots=True)
class Bounds:
    """An interval of real numbers, written as in mathematics: ``"[0, 1)"``, ``"(0, inf)"``."""

    low: float
    high: float
    with_low: bool
    with_high: bool

    @classmethod
    def parse(cls, text: str) -> Bounds:
        """Read ``[`` or ``]`` as "this end belongs to it", ``(`` or ``)`` as "it does not"."""
        ends = re.fullmatch(r"([\[(])([^,]+),([^,]+)([\])])", text)
        if ends is None or float(ends[2]) > float(ends[3]):
            raise ValueError(f"bounds {text!r} are no interval: write '[0, 1)'")
        return cls(float(ends[2]), float(ends[3]), ends[1] == "[", ends[4] == "]")

    def __contains__(self, x: float) -> bool:
        above = x >= self.low if self.with_low else x > self.low
        below = x <= self.high if self.with_high else x < self.high
        return above and below  # NaN is neither

    def __str__(self) -> str:
        low, high = number(self.low), number(self.high)
        return f"{'[' if self.with_low else '('}{low}, {high}{']' if self.with_high else ')'}"

    def json_schema(self) -> dict[str, float]:
        """The bounds in the words of JSON Schema; an infinite end needs none."""
        schema = {}
        if math.isfinite(self.low):
            schema["minimum" if self.with_low else "exclusiveMinimum"] = self.low
        if math.isfinite(self.high):
            schema["maximum" if self.with_high else "exclusiveMaximum"] = self.high
        return schema


_NOUN = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}
_SCHEMA_TYPE = {bool: "boolean", int: "integer", float: "number", str: "string"}


@dataclass(frozen=True, slots=True)
class Attr:
    """One knob: its name, its type, what it may be, and what it does.

    Parameters
    ----------
    name : str
        As it is spelt in Python; the flag of the command line has ``-`` for ``_``.
    type : bool, int, float or str
        The Python type a checked value has.
    default : a value of that type, or None
        None means "decided from the data or left off", and is then a value too.
    bounds : str
        For numbers: an interval such as ``"(0, 1]"``; "" for any finite number.
    unit : str
        What the number counts: ``"s"``, ``"epochs"``, ``"rows"``; "" for a plain number.
    help : str
        One line for people.
    choices : tuple of values
        All values there are; empty for any.

    Examples
    --------
    >>> rate = Attr("learning_rate", float, 1e-3, bounds="(0, inf)", help="size of a step")
    >>> rate.check(1)
    1.0
    >>> rate.check(-1)
    Traceback (most recent call last):
    clearprop.errors.SettingError: learning_rate must be a number in (0, ∞), got -1
    """

    name: str
    type: type[bool] | type[int] | type[float] | type[str]
    default: Scalar | None = None
    bounds: str = ""
    unit: str = ""
    help: str = ""
    choices: tuple[Scalar, ...] = ()

    @property
    def interval(self) -> Bounds | None:
        """The bounds as an interval, or None where any finite number goes."""
        return Bounds.parse(self.bounds) if self.bounds else None

    @property
    def flag(self) -> str:
        """The name as a flag of the command line."""
        return "--" + self.name.replace("_", "-")

    def check(self, value: object, where: str = "") -> Scalar | None:
        """Return `value` as a plain Python value of the knob's type.

        Parameters
        ----------
        value : object
            NumPy scalars are taken for what they hold; a whole number is a number too, but a
            truth value is no number, and 1.0 is not taken for a whole number.
        where : str
            Who asks, put in front of the name: ``"Adam"`` gives ``Adam.learning_rate``.

        Raises
        ------
        SettingError
            If the value has another type, is out of bounds, or is none of the choices.
        """
        if value is None and self.default is None:
            return None
        item = getattr(value, "item", None)
        if item is not None and getattr(value, "ndim", 1) == 0:  # a NumPy scalar or 0-d array
            value = item()
        checked = self._typed(value)
        if checked is None:
            raise SettingError(self._sentence(value, where))
        if self.choices:
            if checked not in self.choices:
                near = nearest(str(checked), [str(choice) for choice in self.choices])
                hint = "" if near is None else f"; {did_you_mean(near, [near])}"
                raise SettingError(self._sentence(value, where) + hint)
        elif isinstance(checked, int | float) and not isinstance(checked, bool):
            interval = self.interval
            inside = math.isfinite(checked) if interval is None else checked in interval
            if not inside:
                raise SettingError(self._sentence(value, where))
        return checked

    def parse(self, text: str, where: str = "") -> Scalar | None:
        """Read the knob's value from a text, as the command line does, and check it."""
        value: object = text
        if text.casefold() in ("none", "") and self.default is None:
            value = None
        elif self.type is bool:
            words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
            value = words.get(text.casefold(), text)
        elif self.type in (int, float):
            try:
                value = self.type(text)
            except ValueError:
                value = text
        return self.check(value, where)

    def json_schema(self) -> dict[str, object]:
        """The knob in the words of JSON Schema."""
        kind = _SCHEMA_TYPE[self.type]
        schema: dict[str, object] = {"type": [kind, "null"] if self.default is None else kind}
        if self.choices:
            schema["enum"] = [*self.choices, *([None] if self.default is None else [])]
        elif self.interval is not None:
            schema.update(self.interval.json_schema())
        schema["default"] = self.default
        text = f"{self.help} ({self.unit})".strip() if self.unit else self.help
        if text:
            schema["description"] = text
        return schema

    def _typed(self, value: object) -> Scalar | None:
        """`value` as the knob's type, or None if it is of another."""
        if self.type is bool or isinstance(value, bool):
            return value if self.type is bool and isinstance(value, bool) else None
        if self.type is float and isinstance(value, numbers.Real):
            return _float(value)
        if self.type is int and isinstance(value, numbers.Integral):
            return int(value)
        return value if self.type is str and isinstance(value, str) else None

    def _sentence(self, value: object, where: str) -> str:
        name = f"{where}.{self.name}" if where else self.name
        if self.choices:
            wanted = "one of " + ", ".join(repr(choice) for choice in self.choices)
        else:
            wanted = _NOUN[self.type]
            if self.bounds:
                wanted += f" in {self.interval}"
            if self.unit:
                wanted += f" ({self.unit})"
        if self.default is None:
            wanted += " or None"
        return f"{name} must be {wanted}, got {shown(value)}"


def check_setting_names(where: str, given: Iterable[str], known: Iterable[str]) -> None:
    """See that `where` has each setting that is given.

    Parameters
    ----------
    where : str
        Who is asked, as it begins a sentence; empty: nobody by name.
    given, known : iterable of str
        Names.

    Raises
    ------
    SettingError
        With the nearest name.

    Examples
    --------
    >>> check_setting_names("train", ["epoch"], ["epochs", "seed"])
    Traceback (most recent call last):
    ...
    clearprop.errors.SettingError: train has no setting 'epoch'; did you mean 'epochs'?
    """
    names = list(known)
    for name in given:
        if name not in names:
            subject = f"{where} has no setting" if where else "there is no setting"
            raise SettingError(f"{subject} {name!r}; {did_you_mean(name, names)}")


def check_all(
    attrs: Iterable[Attr], values: Mapping[str, object], where: str = ""
) -> dict[str, Scalar | None]:
    """Check `values` against their knobs; knobs without a value get their default.

    Raises
    ------
    SettingError
        If a value does not pass its knob, or no knob has that name (the nearest is suggested).
    """
    rows = {attr.name: attr for attr in attrs}
    check_setting_names(where, values, rows)
    return {
        name: attr.check(values[name], where) if name in values else attr.default
        for name, attr in rows.items()
    }


def _float(value: numbers.Real) -> float:
    try:
        return float(value)
    except OverflowError:  # a whole number beyond all floats
        return math.inf
