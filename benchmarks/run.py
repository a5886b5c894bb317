"""Run every benchmark, one after another, and write its result: `make bench`."""

from __future__ import annotations

import subprocess
import sys

from benchmarks.record import ROOT

BENCHMARKS = ("speed",)


def main() -> None:
    for name in BENCHMARKS:
        print(f"── {name} ──", flush=True)
        subprocess.run(
            [sys.executable, "-m", f"benchmarks.{name}", *sys.argv[1:]], check=True, cwd=ROOT
        )


if __name__ == "__main__":
    main()
