"""Calling what a user wrote: what it raises is told in one sentence, and ends nobody's program."""

from __future__ import annotations

import dis
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from clearprop.errors import ClearPropError
from clearprop.words import visible

#: Of what an error says, so many signs are told.
LONGEST = 400


class AnswerError(ClearPropError):
    """The gradient in question could not be had: the user's code raised, or gave no arrays."""


def call_user(function: Callable[..., Any], *given: Any, who: str = "", **keywords: Any) -> Any:
    """Return what a user's function returns; what it sets of NumPy's error state is undone.

    Parameters
    ----------
    function : callable
    given, keywords
        Its arguments.
    who : str
        What messages call it; by default its own name.

    Raises
    ------
    AnswerError
        If it raises, by ``sys.exit`` or ``raise KeyboardInterrupt`` too. Ctrl-C stays Ctrl-C.
    """
    try:
        with np.errstate():
            return function(*given, **keywords)
    except (Exception, SystemExit) as error:
        raise _raised(function, error, who) from error
    except KeyboardInterrupt as error:
        if not _by_a_statement(error):
            raise
        raise _raised(function, error, who) from error


@contextmanager
def random_state_kept() -> Iterator[None]:
    """Put NumPy's and Python's global random states back to what they were.

    Around all calls of a function, not each: two calls of what is random must differ.
    """
    numpys, pythons = np.random.get_state(), random.getstate()  # noqa: NPY002  # it is theirs
    try:
        yield
    finally:
        np.random.set_state(numpys)  # noqa: NPY002
        random.setstate(pythons)


def told(error: BaseException) -> str:
    """Return an error's type and words on one line."""
    try:
        words = " ".join(str(error).split())
    except Exception:  # its text is a user's code too
        words = ""
    words = words if len(words) <= LONGEST else f"{words[: LONGEST - 1]}…"
    return visible(f"{type(error).__name__}: {words}" if words else type(error).__name__)


def _raised(function: Callable[..., Any], error: BaseException, who: str) -> AnswerError:
    """The sentence, with the user's own line."""
    trace, spot = error.__traceback__, who or getattr(function, "__name__", "the function")
    code = getattr(function, "__code__", None)
    line = 0
    while trace is not None:
        if code is not None and trace.tb_frame.f_code.co_filename == code.co_filename:
            line = trace.tb_lineno
        trace = trace.tb_next
    return AnswerError(f"{spot}, line {line}, raised {told(error)}" if line else
                       f"{spot} raised {told(error)}")  # fmt: skip


def _by_a_statement(error: BaseException) -> bool:
    """Whether a ``raise`` of somebody's code made it; a key pressed interrupts anything else."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return False
    return dis.opname[trace.tb_frame.f_code.co_code[trace.tb_lasti]] == "RAISE_VARARGS"
