"""What tests of the command line begin with: a table, a quick run on it, and a process."""

from __future__ import annotations

import os
import subprocess
import sys
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
