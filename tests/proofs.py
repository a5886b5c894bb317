"""What `make prove` keeps: a claim, its count, its figures, and where and when it was shown.

A test calls the fixture ``proof("claim", count=2000, error=3e-13)``; when the test passes in a
proving run, the record goes to ``docs/proofs.json``. Records of tests that did not run this time
stay, each with its own run; the record of a test that failed goes.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import platform
import subprocess
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
FILE = ROOT / "docs" / "proofs.json"
PACKAGES = ("numpy", "scikit-learn", "duckdb", "autograd")


def write_atomically(path: Path, text: str) -> None:
    """Write the whole file or nothing: a temporary file beside it, flushed, then renamed."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(name, 0o644)  # mkstemp gives nobody else a look
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
        raise


def commit() -> str:
    """The commit that is checked out, with a + if tracked files differ from it."""
    git = ["git", "-C", str(ROOT)]
    try:
        head = subprocess.check_output([*git, "rev-parse", "--short=12", "HEAD"], text=True)
        dirty = subprocess.check_output([*git, "status", "--porcelain", "-uno"], text=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return head.strip() + ("+" if dirty.strip() else "")


def processor() -> str:
    """The name of the processor, as the system tells it."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def merged(
    old: dict[str, Any], fresh: list[dict[str, Any]], failed: set[str], run: dict[str, Any]
) -> dict[str, Any]:
    """The file's content after a run: fresh records in place of old ones, failed ones gone."""
    ran = {record["test"] for record in fresh} | failed
    name = f"{run['commit']} {run['date']}"
    kept = [record for record in old.get("proofs", []) if record["test"] not in ran]
    proofs = kept + [record | {"run": name} for record in fresh]
    proofs.sort(key=lambda record: (record["test"], record["claim"]))
    runs = old.get("runs", {}) | {name: run}
    used = {record["run"] for record in proofs}
    return {"runs": {key: runs[key] for key in sorted(used)}, "proofs": proofs}


class ProofKeeper:
    """The pytest plugin: reads the records off the reports of passed tests, writes them at the end.

    It sits in the process that receives all reports, so it works under pytest-xdist too.
    """

    def __init__(self) -> None:
        self.fresh: list[dict[str, Any]] = []
        self.failed: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed.add(report.nodeid)
        elif report.when == "call" and report.passed:
            self.fresh += [
                {"test": report.nodeid, "seconds": round(report.duration, 1)} | json.loads(record)
                for key, record in report.user_properties
                if key == "proof"
            ]

    def pytest_sessionfinish(self) -> None:
        fresh = [record for record in self.fresh if record["test"] not in self.failed]
        if not fresh and not self.failed:
            return
        run = {
            "commit": commit(),
            "date": datetime.date.today().isoformat(),
            "machine": f"{processor()}, {os.cpu_count()} processors, {platform.system()}",
            "versions": {"python": platform.python_version()}
            | {package: version(package) for package in PACKAGES},
        }
        old = json.loads(FILE.read_text("utf-8")) if FILE.exists() else {}
        content = merged(old, fresh, self.failed, run)
        FILE.parent.mkdir(exist_ok=True)
        write_atomically(FILE, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
