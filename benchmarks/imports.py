"""How long `import clearprop` takes, beside numpy's import: new processes, order rotating.

python -m benchmarks.imports [--rounds 21] [--json FILE]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarks import record

STATEMENTS = {
    "nothing": "pass",
    "import numpy": "import numpy",
    "import clearprop": "import clearprop",
    "import clearprop; clearprop.Network": "import clearprop; clearprop.Network",
    "import clearprop; clearprop.train": "import clearprop; clearprop.train",
}


def seconds(statement: str) -> float:
    """Return the wall-clock time of a new interpreter that runs one statement."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--json", type=Path, default=record.RESULTS / "imports.json")
    options = parser.parse_args()
    samples: dict[str, list[float]] = {name: [] for name in STATEMENTS}
    names = list(STATEMENTS)
    for number in range(options.rounds):
        for name in names[number % len(names) :] + names[: number % len(names)]:
            samples[name].append(seconds(STATEMENTS[name]))
    start = statistics.median(samples.pop("nothing"))  # the interpreter's own
    numpy = statistics.median(samples["import numpy"]) - start
    rows = {}
    for name, found in samples.items():
        own = record.summary([one - start for one in found])
        rows[name] = own | {"times numpy": own["median"] / numpy}
        print(f"{name:38} {1e3 * own['median']:7.1f} ms   {own['median'] / numpy:5.2f} × numpy's")
    record.write(options.json, {"run": record.provenance(), "seconds": rows})


if __name__ == "__main__":
    main()
