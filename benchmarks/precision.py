"""Whether bfloat16 reaches the validation figure of float32: the same run in both, table by table.

``python -m benchmarks.precision`` makes what is missing: one record a (table, seed, precision,
threads), written to ``results/precision.json`` as soon as it is there, so that a run can be broken
off and gone on with. ``tools/performance_page.py`` says on docs/performance.md what they tell.

Protocol: one split of each table, 80 to 20, the same for every run, of large tables at most
`TRAINING` and `HELD` of its rows; `clearprop.train_table` with one network in place of the mean of
several, all else as it is, and nothing but ``precision`` changed. The rows of the fifth choose the
epoch and are what the figure is of: log-loss, or RMSE over the standard deviation of their targets.
A seed gives initial weights and the order of rows, the same in both precisions; which goes first
alternates. Runs of the first seed are done on two threads too: their weights have the same digest.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import clearprop as cp
from benchmarks.accuracy import parted
from benchmarks.accuracy_tables import TABLES
from benchmarks.record import RESULTS, provenance, write

RESULT = RESULTS / "precision.json"
PRECISIONS = ("float32", "bfloat16")
SEEDS = 5
TRAINING, HELD = 10_000, 2_500
"""Most rows that train, and most that choose the epoch and are judged."""
TARGET = "(target)"
KEY = ("table", "seed", "precision", "threads")


def wanted(seeds: int) -> Iterator[tuple[int, str, int]]:
    """Yield seed, precision and threads of a table's runs, in their order."""
    for seed in range(seeds):
        for precision in PRECISIONS[:: 1 - 2 * (seed % 2)]:
            yield seed, precision, 1
        if not seed:
            for precision in PRECISIONS:
                yield seed, precision, 2


def divided(name: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows that train and those that are held back, with their targets."""
    X, held, y, y_held = parted(TABLES[name], 0)  # in random order, so that the first are a sample
    rows = X[:TRAINING].assign(**{TARGET: y[:TRAINING]})
    other = held[:HELD].assign(**{TARGET: y_held[:HELD]})
    if TABLES[name].task == "classification":  # a class that no row trains has no output
        other = other[other[TARGET].isin(rows[TARGET].unique())]
    return rows, other


def one(
    rows: pd.DataFrame, held: pd.DataFrame, seed: int, precision: str, threads: int
) -> dict[str, Any]:
    """Train once and return what is kept of it."""
    clock, processor = time.perf_counter(), time.process_time()
    model = cp.train_table(
        rows, TARGET, validation=held, members=1, seed=seed, precision=precision, threads=threads
    )
    seconds, cpu = time.perf_counter() - clock, time.process_time() - processor
    told: dict[str, Any] = model.provenance
    figures = told["figures"]["validation"]
    record = {"rows": len(rows), "held": len(held), "columns": rows.shape[1] - 1}
    if "log_loss" in figures:
        record |= {"log_loss": figures["log_loss"], "error": 1 - figures["accuracy"]}
    else:
        record["rmse"] = figures["rmse"] / float(np.std(held[TARGET]))
    digest = hashlib.sha256(model.parameters.flat.tobytes()).hexdigest()[:16]
    return record | {
        "parameters": model.network.graph.size,
        "epochs": told["epochs"], "best_epoch": told["best_epoch"], "engine": told["engine"],
        "weights": digest, "seconds": round(seconds, 3), "cpu_seconds": round(cpu, 3),
    }  # fmt: skip


class Book:
    """The record: runs of this program, and of each what it trained, written after every piece."""

    def __init__(self, path: Path) -> None:
        self.path = path
        found = json.loads(path.read_text("utf-8")) if path.exists() else {}
        self.runs: list[dict[str, Any]] = found.get("runs", [])
        self.records: list[dict[str, Any]] = found.get("records", [])
        self._new = True

    def has(self, *key: Any) -> bool:
        """Whether a (table, seed, precision, threads) is there."""
        return any(tuple(record[name] for name in KEY) == key for record in self.records)

    def keep(self, record: dict[str, Any]) -> None:
        """Add a record; raise if the same run on other threads ended in other weights."""
        if self._new:
            load = os.getloadavg()[0] / (os.cpu_count() or 1)
            self.runs.append(provenance() | {"load": round(load, 2)})
            self._new = False
        self.records.append(record | {"run": len(self.runs) - 1})
        order = list(TABLES)
        self.records.sort(key=lambda of: (order.index(of["table"]), of["threads"], of["seed"]))
        protocol = {"tables": order, "seeds": SEEDS, "training": TRAINING, "held": HELD}
        write(self.path, {"protocol": protocol, "runs": self.runs, "records": self.records})
        same = {of["weights"] for of in self.records if all(of[n] == record[n] for n in KEY[:3])}
        if len(same) > 1:
            raise SystemExit(f"{record['table']}: threads changed the bits of {record}")


def main() -> None:
    """Make what is missing of the record."""
    told = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    told.add_argument("--tables", default=",".join(TABLES), help="names, with commas between")
    told.add_argument("--seeds", type=int, default=SEEDS)
    told.add_argument("--minutes", type=float, default=np.inf, help="begin no run after so many")
    told.add_argument("--json", type=Path, default=RESULT)
    asked = told.parse_args()
    end, book = time.monotonic() + 60 * asked.minutes, Book(asked.json)
    for name in asked.tables.split(","):
        missing = [key for key in wanted(asked.seeds) if not book.has(name, *key)]
        if not missing or time.monotonic() > end:
            continue
        rows, held = divided(name)
        for key in missing:
            if time.monotonic() > end:
                break
            record = dict(zip(KEY, (name, *key), strict=True)) | one(rows, held, *key)
            book.keep(record)
            figure = record.get("log_loss", record.get("rmse"))
            print(f"{name} {key}: {figure:.5f}, {record['cpu_seconds']} s", flush=True)


if __name__ == "__main__":
    main()
