"""How many cores one may use: those of the process, less what others have said.

Four voices, of which the least counts: the cores the system schedules this process on; the share of
processor time that its control groups leave it (containers, services), of either version; the
variable ``OMP_NUM_THREADS``, which joblib and others set in their workers; and `threadpoolctl`, to
which the engine is one more library with threads: its limits hold from the next slice of a run on,
in every thread, and `threadpool_info` tells them under ``user_api="clearprop"``. A number of
threads that is asked for by name (``threads=3``) is not cut, but where that is more than the first
three leave, none of them spins while it waits. Proved by ``tests/test_engine_limits.py``.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import threadpoolctl  # type: ignore[import-untyped]

from clearprop import __version__, _native

__all__ = ["LIMIT", "Limit", "cores", "quota", "unlimited"]

MANY = 1 << 16
"""No limit."""


class Limit:
    """What threadpoolctl was told, for the whole process."""

    def __init__(self) -> None:
        self.threads = MANY

    def of(self, most: int) -> int:
        """Return ``most``, or the limit if it is less."""
        return min(most, self.threads)


LIMIT = Limit()


def cores() -> int:
    """Return how many threads are of use now.

    Examples
    --------
    >>> cores() >= 1
    True
    >>> with threadpoolctl.threadpool_limits(1):
    ...     cores()
    1
    """
    return LIMIT.of(unlimited())


def unlimited() -> int:
    """Return how many threads would be of use were it not for threadpoolctl.

    The native threads hear it too: those of a larger team sleep at once where they wait.
    """
    found = min(int(_native.available_cores()), quota())
    asked = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    if asked.isdecimal() and int(asked) > 0:
        found = min(found, int(asked))
    found = max(1, found)
    _native.leave_cores(found)
    return found


def quota(root: Path = Path("/")) -> int:
    """Return how many cores' time the control groups leave to this process, rounded up.

    A group's limit holds for all groups in it, so those above count too. In a container the path
    that the process is told may be the host's; then only the groups that are there count.

    Parameters
    ----------
    root : Path
        Of the file system.
    """
    found = MANY
    for folder in _groups(root):
        try:
            if (folder / "cpu.max").exists():  # version 2: "max 100000" or "150000 100000"
                limit, period = (folder / "cpu.max").read_text("ascii").split()
            else:  # version 1, where −1 is no limit
                limit, period = (
                    (folder / f"cpu.cfs_{name}_us").read_text("ascii")
                    for name in ("quota", "period")
                )
            if int(limit) > 0:
                found = min(found, math.ceil(int(limit) / int(period)))
        except (OSError, ValueError):
            continue  # no such group, or no limit
    return found


def _groups(root: Path) -> Iterator[Path]:
    """Folders of the groups that this process is in, each with those above it."""
    try:
        lines = (root / "proc/self/cgroup").read_text("utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers and "cpu" not in controllers.split(","):
            continue
        home = root / "sys/fs/cgroup" / controllers  # version 2 has no controllers here
        inner = PurePosixPath(path.lstrip("/"))
        for part in (inner, *inner.parents):
            yield home / part
        if controllers == "cpu,cpuacct":
            yield root / "sys/fs/cgroup/cpu"  # another name of the same


class Controller(threadpoolctl.LibController):  # type: ignore[misc]
    """The engine as threadpoolctl sees it."""

    user_api = internal_api = "clearprop"
    filename_prefixes = ("_native",)
    check_symbols = ("PyInit__native",)

    def set_additional_attributes(self) -> None:
        """Let go of other packages' libraries of the same name: without symbols they are none."""
        if not os.path.samefile(self.filepath, _native.__file__):
            self.dynlib = None

    def get_num_threads(self) -> int:
        """Return how many threads a run takes at most."""
        return cores()

    def set_num_threads(self, num_threads: int) -> None:
        """Hear a limit, or that the one before is back."""
        LIMIT.threads = MANY if num_threads >= unlimited() else max(1, int(num_threads))

    def get_version(self) -> str:
        """Return the package's version."""
        return __version__


threadpoolctl.register(Controller)
