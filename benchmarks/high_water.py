"""The most memory that a process had at once, from a chosen moment on (Linux)."""

from __future__ import annotations

from pathlib import Path

__all__ = ["mark", "peak"]

_STATUS, _REFS = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def mark() -> int:
    """Return the bytes that stand now, and measure the high water from them on."""
    _REFS.write_text("5", "ascii")
    return _told("VmRSS")


def peak() -> int:
    """Return the most bytes that stood at once since `mark`."""
    return _told("VmHWM")


def _told(what: str) -> int:
    for line in _STATUS.read_text("ascii").splitlines():
        if line.startswith(what):
            return 1024 * int(line.split()[1])
    raise RuntimeError(f"{_STATUS} has no {what}")
