"""What makes a search this search, as texts that another process writes alike.

Values that print alike may differ: long arrays are cut in the middle, and of a function only its
name is written. Here they differ too. Proved by ``tests/test_estimators_tune_study.py``.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from functools import partial
from types import CodeType, FunctionType, MethodType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clearprop.network import Network

__all__ = ["of_estimator", "of_split", "of_value", "without_addresses"]

#: What a search is not changed by: it is watched through them.
_WATCHERS = ("progress", "callbacks")


def of_value(value: Any) -> str:
    """Return a text of a value, in which functions are known by their code, arrays by their cells.

    Of a function count its code, its defaults, and what it has taken in from around it as far as
    that is plain or a function itself; not the functions that it calls by their names.
    """
    return _of_value(value, ())


def of_estimator(estimator: Any) -> list[tuple[str, str]]:
    """Return an estimator's class and parameters, those of its steps too."""
    given = sorted(estimator.get_params().items())
    own = [(name, of_value(v)) for name, v in given if name.rpartition("__")[2] not in _WATCHERS]
    return [("", type(estimator).__qualname__), *own]


def of_split(folds: Sequence[tuple[NDArray[Any], NDArray[Any]]]) -> str:
    """Return a digest of the rows that train and that judge, fold by fold."""
    return _digest(*(_of_array(np.asarray(part)) for fold in folds for part in fold))


def without_addresses(text: str) -> str:
    """Return a text without the places of memory that Python writes of objects."""
    return re.sub(r" at 0x[0-9a-fA-F]+", "", text)


def _of_value(value: Any, around: tuple[CodeType, ...]) -> str:
    told = without_addresses(repr(value))
    if isinstance(value, Network):
        return repr(value.graph.to_dict())
    if isinstance(value, np.ndarray) and value.dtype.kind != "O":
        return _of_array(value)
    if isinstance(value, FunctionType):
        return f"{told} {_of_function(value, around)}"
    inner: list[Any] = []
    if isinstance(value, partial):
        inner = [value.func, *value.args, *(one for _, one in sorted(value.keywords.items()))]
    elif isinstance(value, MethodType):
        inner = [value.__func__]
    elif callable(value) and not isinstance(value, type):
        inner = [type(value).__call__, *vars(value).values()] if hasattr(value, "__dict__") else []
        inner = [one for one in inner if isinstance(one, FunctionType)]
    return " ".join([told, *(_of_value(one, around) for one in inner)])


def _of_function(function: FunctionType, around: tuple[CodeType, ...]) -> str:
    code = function.__code__
    if code in around:  # it calls itself
        return code.co_name
    cells = []
    for cell in function.__closure__ or ():
        try:
            cells.append(cell.cell_contents)
        except ValueError:  # nothing is in it yet
            continue
    given = [*(function.__defaults__ or ()), *sorted((function.__kwdefaults__ or {}).items())]
    inside = [_taken_in(one, (*around, code)) for one in (*given, *cells)]
    return _digest(_of_code(code), *inside)


def _taken_in(value: Any, around: tuple[CodeType, ...]) -> str:
    """What a function found around it; of what may change as it is called, the type alone."""
    if isinstance(value, tuple):
        return f"({', '.join(_taken_in(one, around) for one in value)})"
    plain = value is None or isinstance(value, bool | int | float | str | bytes)
    if plain or isinstance(value, FunctionType | Network):
        return _of_value(value, around)
    return type(value).__qualname__


def _of_code(code: CodeType) -> str:
    """A function's code: not where it stands, so that a line above it changes nothing."""
    constants = [_of_constant(one) for one in code.co_consts]
    names = (code.co_name, code.co_names, code.co_varnames, code.co_freevars)
    return repr((names, code.co_code, constants))


def _of_constant(value: Any) -> str:
    if isinstance(value, CodeType):
        return _of_code(value)
    if isinstance(value, frozenset):  # whose order is another in every process
        return repr(sorted(map(_of_constant, value)))
    return repr([_of_constant(one) for one in value] if isinstance(value, tuple) else value)


def _of_array(array: NDArray[Any]) -> str:
    return f"{array.dtype.str} {array.shape} {hashlib.sha256(array.tobytes()).hexdigest()}"


def _digest(*texts: str) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()
