"""Plain data, as JSON gives it, read strictly: every field has its type, and nothing is guessed.

Owns `Record`: one JSON object and the path to it, so that a damaged file is told apart by the
place where it is wrong. Knows nothing of networks. Proved by ``tests/test_graph.py``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from clearprop.errors import GraphError
from clearprop.words import did_you_mean, shown

__all__ = [
    "LONGEST_NAME",
    "Record",
    "writable",
]


LONGEST_NAME = 200  # characters


class Record:
    """One JSON object, whose fields are taken by name and type.

    Parameters
    ----------
    data : object
        What stood in the file.
    where : str
        The path to it, for messages: ``"model.json, nodes[3]"``.
    known : iterable of str
        The fields there are; any other is refused, so that a misspelt one is not lost.

    Raises
    ------
    GraphError
        From every method: what was found, where, and what belongs there.

    Examples
    --------
    >>> Record({"width": 3}, "inputs[0]", ["width"]).whole("width", 1, 100)
    3
    """

    def __init__(self, data: object, where: str, known: Iterable[str]) -> None:
        self.where, self.known = where, tuple(known)
        if not isinstance(data, Mapping):
            raise GraphError(f"{where} is damaged: expected an object, got {shown(data)}")
        self.data: Mapping[str, Any] = data
        for name in data:
            if name not in self.known:
                hint = did_you_mean(name, self.known)
                raise GraphError(f"{where} is damaged: there is no field {shown(name)}; {hint}")

    def text(self, name: str, longest: int = LONGEST_NAME) -> str:
        """Return a field that holds a text of at most ``longest`` characters."""
        return self._text(self._get(name), name, longest)

    def whole(self, name: str, low: int, high: int) -> int:
        """Return a field that holds a whole number from ``low`` to ``high``."""
        value = self._get(name)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise self._wrong(name, f"a whole number from {low} to {high}", value)
        return value

    def real(self, name: str) -> float:
        """Return a field that holds a finite number."""
        value = self._get(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._wrong(name, "a number", value)
        try:
            found = float(value)
        except OverflowError:
            found = math.inf
        if not math.isfinite(found):
            raise self._wrong(name, "a finite number", value)
        return found

    def texts(self, name: str, longest: int = LONGEST_NAME) -> tuple[str, ...]:
        """Return a field that holds a list of texts of at most ``longest`` characters."""
        items = enumerate(self.items(name))
        return tuple(self._text(item, f"{name}[{i}]", longest) for i, item in items)

    def items(self, name: str) -> list[Any]:
        """Return a field that holds a list."""
        value = self._get(name)
        if not isinstance(value, list):
            raise self._wrong(name, "a list", value)
        return value

    def mapping(self, name: str) -> dict[str, Any]:
        """Return a field that holds an object with any names."""
        value = self._get(name)
        if not isinstance(value, Mapping):
            raise self._wrong(name, "an object", value)
        return {self._text(key, name): item for key, item in value.items()}

    def _get(self, name: str) -> Any:
        if name not in self.data:
            raise GraphError(f"{self.where} is damaged: the field {name!r} is missing")
        return self.data[name]

    def _text(self, value: object, name: str, longest: int = LONGEST_NAME) -> str:
        if not writable(value) or not isinstance(value, str):
            raise self._wrong(name, "a text", value)
        if len(value) > longest:  # names stand in messages, which are to be read
            raise self._wrong(name, f"a text of at most {longest} characters", value)
        return value

    def _wrong(self, name: str, wanted: str, value: object) -> GraphError:
        return GraphError(f"{self.where} is damaged: {name!r} must be {wanted}, got {shown(value)}")


def writable(value: object) -> bool:
    """Whether a value is text that UTF-8 can hold: half of a surrogate pair is not."""
    return isinstance(value, str) and not any("\ud800" <= sign <= "\udfff" for sign in value)
