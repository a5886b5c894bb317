"""Whether the machine's memory holds a network, asked before it is filled.

Systems promise more memory than they have and end a program that uses it, so waiting for
MemoryError is not enough. Proved by ``tests/test_wrong_types.py``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from clearprop.errors import OutOfMemoryError
from clearprop.words import number

__all__ = ["machine_memory", "require_memory", "within_memory"]

#: Where Linux tells what a container may use: version 2 of its groups, and version 1.
_GROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


@cache
def machine_memory() -> int | None:
    """Return the bytes of memory of this machine or container, or None where nothing tells."""
    found = []
    with suppress(AttributeError, OSError, ValueError):
        found.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    for path in _GROUP_LIMITS:
        with suppress(OSError, ValueError):  # no such group, or "max"
            found.append(int(Path(path).read_text("ascii")))
    return min((size for size in found if size > 0), default=None)


def require_memory(size: int, each: int, what: str) -> None:
    """Refuse a network for which the machine has too little memory.

    Parameters
    ----------
    size : int
        How many parameters the network has.
    each : int, bytes
        What is needed for each of the network's parameters, at least.
    what : str
        What takes them: ``"one copy of them in float64"``.

    Raises
    ------
    OutOfMemoryError
        With both sizes.

    Examples
    --------
    >>> require_memory(10**12, 8, "one copy of them in float64")
    Traceback (most recent call last):
    clearprop.errors.OutOfMemoryError: the network has 1,000,000,000,000 parameters, ...
    """
    memory = machine_memory()
    if memory is not None and size * each > memory:
        raise _refusal(size, each, what, f"the {number(memory / 1e9, 3)} GB of this machine")


@contextmanager
def within_memory(size: int, each: int, what: str) -> Iterator[None]:
    """Refuse what `require_memory` refuses, and say the same where the block runs out of memory."""
    require_memory(size, each, what)
    try:
        yield
    except OutOfMemoryError:
        raise
    except MemoryError:
        raise _refusal(size, each, what, "is free") from None


def _refusal(size: int, each: int, what: str, memory: str) -> OutOfMemoryError:
    return OutOfMemoryError(
        f"the network has {size:,} parameters, and {what} takes "
        f"{number(size * each / 1e9, 3)} GB, more than {memory}: take fewer or smaller layers"
    )
