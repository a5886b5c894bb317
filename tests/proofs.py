"""What `make prove` keeps: a claim, its count, its figures, and where and when it was shown.

A test calls the fixture ``proof("claim", count=2000, error=3e-13)``; when the test passes in a
proving run, the record goes to ``docs/proofs.json`` and to the page that is made from it. A whole
run replaces everything; a run of some tests replaces what these tests had recorded, and the records
of tests that failed go. A figure belongs to a commit, so a run on files that no commit holds leaves
the file alone and says so.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import platform
import subprocess
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import proof_page
import pytest

ROOT = Path(__file__).parents[1]
FILE = ROOT / "docs" / "proofs.json"
PAGE = ROOT / "docs" / "proofs.md"
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


def commit(root: Path = ROOT) -> str:
    """The commit that is checked out, with a + if tracked files differ from it.

    What a proving run itself writes does not count. "unknown" outside a checkout.
    """
    git = ["git", "-C", str(root)]
    written = [f":!docs/{file.name}" for file in (FILE, PAGE)]
    status = [*git, "status", "--porcelain", "-uno", "--", ".", *written]
    try:
        head = subprocess.check_output([*git, "rev-parse", "--short=12", "HEAD"], text=True)
        dirty = subprocess.check_output(status, text=True)
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
    old: dict[str, Any],
    fresh: list[dict[str, Any]],
    failed: set[str],
    run: dict[str, Any],
    whole: bool = False,
) -> dict[str, Any]:
    """The file's content after a run: of a whole one, its own records and nothing else.

    Of a run of some tests: fresh records in place of old ones, failed ones gone.
    """
    ran = {record["test"] for record in fresh} | failed
    name = f"{run['commit']} {run['date']}"
    old = {} if whole else old
    kept = [record for record in old.get("proofs", []) if record["test"] not in ran]
    proofs = kept + [record | {"run": name} for record in fresh]
    proofs.sort(key=lambda record: (record["test"], record["claim"]))
    runs = old.get("runs", {}) | {name: run}
    used = {record["run"] for record in proofs}
    return {"runs": {key: runs[key] for key in sorted(used)}, "proofs": proofs}


def seconds() -> dict[str, float]:
    """How long each test took that has a record, what it was set up with too: {test: seconds}."""
    content = json.loads(FILE.read_text("utf-8")) if FILE.exists() else {}
    return {record["test"]: record["seconds"] for record in content.get("proofs", [])}


def is_whole(config: pytest.Config) -> bool:
    """Whether all tests were asked for: no path, no name, no mark."""
    chosen = ("keyword", "markexpr", "deselect", "ignore", "ignore_glob", "lf", "maxfail")
    from_settings = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    return from_settings and not any(config.getoption(name, None) for name in chosen)


class ProofKeeper:
    """The pytest plugin: reads the records off the reports of passed tests, writes them at the end.

    It sits in the process that receives all reports, so it works under pytest-xdist too.
    """

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.commit = commit()
        self.began = time.monotonic()
        self.passed = 0
        self.took: dict[str, float] = {}
        self.fresh: list[dict[str, Any]] = []
        self.failed: set[str] = set()
        self.said = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        took = self.took[report.nodeid] = self.took.get(report.nodeid, 0.0) + report.duration
        if report.failed:
            self.failed.add(report.nodeid)
        elif report.when == "call" and report.passed:
            self.passed += 1
            self.fresh += [
                {"test": report.nodeid, "seconds": round(took, 1)} | json.loads(record)
                for key, record in report.user_properties
                if key == "proof"
            ]

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        fresh = [record for record in self.fresh if record["test"] not in self.failed]
        if not fresh and not self.failed:
            return
        if self.commit.endswith("+") or commit() != self.commit:
            self.said = (
                f"docs/proofs.json is left as it was: files differ from commit {self.commit[:12]}, "
                "and a proof belongs to one commit; commit them and run again"
            )
            return
        ended = exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
        run = {
            "commit": self.commit,
            "date": datetime.date.today().isoformat(),
            "machine": f"{processor()}, {os.cpu_count()} processors, {platform.system()}",
            "versions": {"python": platform.python_version()}
            | {package: version(package) for package in PACKAGES},
            "passed": self.passed,
            "failed": len(self.failed),
            "minutes": round((time.monotonic() - self.began) / 60, 1),
        }
        old = json.loads(FILE.read_text("utf-8")) if FILE.exists() else {}
        whole = ended and is_whole(self.config)
        content = merged(old, fresh, self.failed, run, whole)
        FILE.parent.mkdir(exist_ok=True)
        write_atomically(FILE, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
        write_atomically(PAGE, proof_page.page(content))
        kind = "all" if whole else "some"
        self.said = f"docs/proofs.json and its page hold {len(fresh)} new records ({kind} tests)"

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.said:
            terminalreporter.write_line(self.said)
