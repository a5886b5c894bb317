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
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
PACKAGES = ("numpy", "torch", "jax", "scikit-learn", "keras")


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
