"""What tests of the command line begin with: a table, a quick run on it, processes of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
PENGUINS = str(ROOT / "examples" / "penguins.csv")


def train(*more: str) -> list[str]:
    quick = ["--epochs", "3", "--members", "1", "--hidden", "8", "-o", "m.clearprop"]
    return ["train", PENGUINS, "--target", "species", *quick, *more]


def command(*args: str, **settings: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "clearprop", *args],
        check=False,
        capture_output=True,
        text=True,
        encoding=settings.pop("encoding", None),  # type: ignore[arg-type]
        env={**os.environ, **settings.pop("env", {})},  # type: ignore[dict-item]
        **settings,  # type: ignore[call-overload]
    )


def interrupted(*args: str, cwd: Path, after: float) -> str:
    """What the command prints where Ctrl-C stops it so many seconds into training."""
    process = subprocess.Popen(
        [sys.executable, "-m", "clearprop", *args],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("training"):  # the last line before training
            break
    time.sleep(after)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (130, ""), f"{process.returncode}, {err}\n{out}"
    return out
