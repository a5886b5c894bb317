"""The command line: ``clearprop train``, ``evaluate``, ``predict``, ``describe``, ``check``, …

Owns what a user of a terminal meets: exit codes, sentences, tables, bars. Whatever it does, a call
of Python does with the same bits. Proved by ``tests/test_cli.py`` and ``tests/test_bad_input.py``.
"""

from __future__ import annotations

import os
import re
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress

import typer

from clearprop.cli.app import app
from clearprop.cli.chinese import asked, chinese
from clearprop.errors import ClearPropError
from clearprop.words import did_you_mean, visible

__all__ = ["main"]

#: Exit codes: 0 done, or yes; 1 could not; 2 wrong use; 3 ran, and the answer is no; 130 Ctrl-C.
COULD_NOT, WRONG_USE, INTERRUPTED = 1, 2, 130

#: Digits of the columns of a terminal.
WIDEST = 4

#: Signs of a message; names and queries of any length may be in it.
_LONGEST = 1200

# What Typer raises for wrong options, in whichever library it keeps its parser.
_WrongOption: type[Exception] = next(
    kind
    for kind in typer.BadParameter.__mro__
    if kind.__name__ == "ClickException" and issubclass(kind, Exception)
)


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; no exception leaves it.

    Parameters
    ----------
    args : sequence of str, optional
        By default those of the process.
    """
    if sys.stdout is None:  # type: ignore[redundant-expr, unused-ignore]  # closed by the caller
        _say("clearprop: standard output is closed; send it to a file, or to /dev/null")
        return COULD_NOT
    if len(os.environ.get("COLUMNS", "")) > WIDEST:  # help is laid out in memory, line by line
        del os.environ["COLUMNS"]
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, ValueError):  # a stream that was replaced has no such method
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    try:
        code = app(args, prog_name="clearprop", standalone_mode=False)
        sys.stdout.flush()
    except ClearPropError as error:
        _say(f"clearprop: {error}")
        return error.exit_code
    except _WrongOption as error:
        return _wrong_use(error, sys.argv[1:] if args is None else args)
    except BrokenPipeError:  # whoever read our output has gone
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return COULD_NOT
    except KeyboardInterrupt:
        _say("clearprop: interrupted")
        return INTERRUPTED
    except (OSError, MemoryError) as error:
        return _failed(error)
    except Exception as error:
        return _other(error)
    return code if isinstance(code, int) else 0


def _say(text: str) -> None:
    if len(text) > _LONGEST:
        text = f"{text[: _LONGEST - 300]} … {text[-300:]}"
    with suppress(OSError, ValueError):
        print(visible(text), file=sys.stderr)


def _wrong_use(error: BaseException, args: Sequence[str]) -> int:
    path = getattr(getattr(error, "ctx", None), "command_path", "clearprop")
    message = getattr(error, "format_message", error.__str__)()
    message = re.sub("Input should be a valid integer.*", "it takes a whole number", message)
    message = re.sub("Input should be a valid number.*", "it takes a number", message)
    message = re.sub(
        r"Input should be greater than or equal to (\S+)", r"it takes \1 or more", message
    )
    message = re.sub(
        r"Input should be less than or equal to (\S+)", r"it takes \1 at most", message
    )
    message = re.sub(r"No such option: (\S+) \(Possible options: (.+)\)", _meant, message)
    message = message[:1].lower() + message[1:].rstrip(".")
    if asked(args) and (told := chinese(message)):
        _say(f"{path}：{told}{'' if told.endswith('？') else '；'}见 '{path} --help'")
        return WRONG_USE
    _say(f"{path}: {message}{'' if message.endswith('?') else ';'} see '{path} --help'")
    return WRONG_USE


def _meant(found: re.Match[str]) -> str:
    """An option that does not exist, and the one that is nearest: the parser sorts by letters."""
    return f"No such option: {found[1]}: {did_you_mean(found[1], found[2].split(', '))}"


def _failed(error: OSError | MemoryError) -> int:
    if isinstance(error, MemoryError):
        _say(
            "clearprop: there is not enough memory; use fewer rows or columns, or a smaller network"
        )
    else:
        where = f"{error.filename}: " if error.filename else "what is printed cannot be written: "
        _say(f"clearprop: {where}{error.strerror or error}")
    return COULD_NOT


def _other(error: Exception) -> int:
    """What DuckDB raises for Ctrl-C and for want of memory, by name; else a mistake of ours."""
    if "Query interrupted" in str(error):
        _say("clearprop: interrupted while the table was read; nothing was saved")
        return INTERRUPTED
    if type(error).__name__ == "OutOfMemoryException":
        return _failed(MemoryError())
    return _our_mistake(error)


def _our_mistake(error: Exception) -> int:
    if os.environ.get("CLEARPROP_DEBUG"):
        traceback.print_exc()
    text = " ".join(f"{type(error).__name__}: {error}".split())
    _say(
        f"clearprop: this is a mistake of ClearProp's, not yours ({text[:200]}); "
        "set CLEARPROP_DEBUG=1 and run it again for the details to report"
    )
    return COULD_NOT
