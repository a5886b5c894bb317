"""What every result carries: commit, machine, versions; and how it is written.

Results are committed under ``benchmarks/results``; pages are rendered from them, never typed.
"""

from __future__ import annotations

import datetime
import json
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import clearprop

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
IDLE, WAITING = 3, 4
"""Where /proc/stat has the time of cores with nothing to do, and of those that wait for a disk."""
PACKAGES = ("numpy", "torch", "jax", "scikit-learn", "keras", "onnxruntime")


def provenance() -> dict[str, Any]:
    """Return commit, date, machine and versions of this run."""
    git = ["git", "-C", str(ROOT)]
    commit = subprocess.check_output([*git, "rev-parse", "--short=12", "HEAD"], text=True).strip()
    dirty = subprocess.check_output([*git, "status", "--porcelain", "-uno"], text=True).strip()
    return {
        "commit": commit + ("+" if dirty else ""),
        "date": datetime.date.today().isoformat(),
        "machine": f"{_processor()}, {os.cpu_count()} cores, {platform.system()}",
        "versions": {"python": platform.python_version()}
        | {package: found for package in PACKAGES if (found := _version(package))},
    }


def load(seconds: float = 1.0, stat: Path = Path("/proc/stat")) -> float | None:
    """Return how many cores other programs keep busy while this one waits; None where unknown.

    A load average would count what ended a minute ago, and not what other machines of the same
    host take (*steal*).
    """
    before = _ticks(stat)
    if before is None:
        return os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    time.sleep(seconds)
    after = _ticks(stat) or before
    passed = [new - old for old, new in zip(before, after, strict=True)]
    rest = passed[IDLE] + passed[WAITING]
    return (os.cpu_count() or 1) * (1 - rest / max(sum(passed), 1))


def _ticks(stat: Path) -> list[int] | None:
    """All cores' time together: user, nice, system, idle, waiting, interrupts twice, stolen."""
    try:
        name, *ticks = stat.read_text("ascii").splitlines()[0].split()
    except OSError:
        return None
    return [int(one) for one in ticks[:8]] if name == "cpu" else None


def check_installed() -> None:
    """End the program if the package that is measured is not the one of this tree."""
    home = Path(clearprop.__file__).parent
    for path in sorted((ROOT / "src" / "clearprop").rglob("*.py")):
        own = home / path.relative_to(ROOT / "src" / "clearprop")
        if not own.exists() or own.read_bytes() != path.read_bytes():
            raise SystemExit(
                f"the installed clearprop is not this tree's ({path.name} differs): "
                "`make bench-speed` installs it, as does `pip install --no-build-isolation .`"
            )


def summary(samples: list[float]) -> dict[str, float]:
    """Return the median, the least and the greatest of some samples."""
    return {
        "median": statistics.median(samples),
        "least": min(samples),
        "greatest": max(samples),
        "rounds": len(samples),
    }


def write(path: Path, result: dict[str, Any]) -> None:
    """Write a result as JSON, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part")
    partial.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(partial, path)


class Kept:
    """A long run's record, written after every piece: what was measured is not measured again.

    The pieces stand beside the result in a file of their own until all are there; a run of the
    same commit, machine, versions and settings goes on from it.

    Parameters
    ----------
    path : Path
        Of the result.
    settings : dict
        Of the run, beside its provenance.
    """

    def __init__(self, path: Path, settings: dict[str, Any]) -> None:
        self.path, self._unfinished = path, path.with_suffix(".unfinished.json")
        self.run = provenance() | settings
        self.pieces: dict[str, Any] = {}
        if self._unfinished.exists():
            found = json.loads(self._unfinished.read_text("utf-8"))
            same = {name: self.run[name] for name in self.run if name != "load"}
            if same == {name: found["run"].get(name) for name in same}:
                self.run, self.pieces = found["run"], found["pieces"]
                print(f"goes on from {self._unfinished}: {len(self.pieces)} pieces are there")

    def piece(self, name: str, make: Callable[[], Any]) -> Any:
        """Return a piece of the record: what is kept, or what ``make`` measures now."""
        if name not in self.pieces:
            self.pieces[name] = json.loads(json.dumps(make()))  # as it will be read
            write(self._unfinished, {"run": self.run, "pieces": self.pieces})
        return self.pieces[name]

    def finish(self, parts: dict[str, Any]) -> None:
        """Put parts in place of those of the result's file, and forget the pieces."""
        before = json.loads(self.path.read_text("utf-8")) if self.path.exists() else {}
        new = {name: {"run": self.run, **of} for name, of in parts.items()}
        write(self.path, {"parts": before.get("parts", {}) | new})
        self._unfinished.unlink(missing_ok=True)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
