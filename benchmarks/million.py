"""A million rows: how long a fit of the tabular estimator takes, and how much memory.

``python -m benchmarks.million`` draws a table of ten numbers, two categories (12 and 500 levels)
and a flag, whose two classes have probabilities that are known, and fits each model to it in a
process of its own: ours within time limits, then peers at their own defaults. Beside seconds and
the peak of memory stands log-loss on new rows; no model can have less than the true probabilities
have. The record is ``results/million.json``; `tools/accuracy_page.py` shows it.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import time
import warnings
from typing import Any

import numpy as np

from benchmarks import high_water
from benchmarks.accuracy import MODELS
from benchmarks.accuracy_tables import drawn
from benchmarks.record import RESULTS, check_installed, provenance, write

RESULT = RESULTS / "million.json"
TEST = 200_000
PEERS = ("LightGBM", "XGBoost", "CatBoost")


def judged(name: str, rows: int, seconds: float, threads: int) -> dict[str, Any]:
    """Fit one model in this process: seconds, bytes above what stood before, and log-loss."""
    X, y, _ = drawn(rows, 0)
    X_test, y_test, true = drawn(TEST, 1)
    if name in PEERS:
        model = MODELS[name][1]("classification", threads)
    else:
        import clearprop as cp

        limit = seconds or None
        model = cp.TabularClassifier(preset=name, time_limit=limit, random_state=0, n_jobs=threads)
    before = high_water.mark()
    clock, processor = time.perf_counter(), time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X, y)
    record: dict[str, Any] = {
        "seconds": round(time.perf_counter() - clock, 2),
        "cpu_seconds": round(time.process_time() - processor, 2),
        "peak": high_water.peak() - before,
    }
    clock = time.perf_counter()
    P = np.asarray(model.predict_proba(X_test), np.float64)[:, 1]
    record["predict_seconds"] = round(time.perf_counter() - clock, 3)
    yes = y_test == "yes"
    record["log_loss"] = _log_loss(P, yes)
    record["least_log_loss"] = _log_loss(true, yes)
    if hasattr(model, "n_steps_"):
        steps = model.n_steps_ if isinstance(model.n_steps_, tuple) else (model.n_steps_,)
        record |= {"steps": sum(steps), "runs": sum(map(bool, steps)), "of_runs": len(steps)}
        record["inputs"] = model.to_network().graph.inputs[0].width
    return record


def _log_loss(P: np.ndarray, yes: np.ndarray) -> float:
    return float(-np.log(np.clip(np.where(yes, P, 1 - P), 1e-15, 1)).mean())


def main() -> None:
    told = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    told.add_argument("--rows", type=int, default=1_000_000)
    told.add_argument("--limits", default="60,300", help="seconds of ours, with commas between")
    told.add_argument("--preset", default="fast")
    told.add_argument("--threads", type=int, default=2)
    told.add_argument("--peers", default=",".join(PEERS), help="names, with commas between")
    told.add_argument("--keep", action="store_true", help="the records of models not run now")
    told.add_argument("--one", help=argparse.SUPPRESS)
    told.add_argument("--seconds", type=float, default=0.0, help=argparse.SUPPRESS)
    asked = told.parse_args()
    if asked.one:
        print(json.dumps(judged(asked.one, asked.rows, asked.seconds, asked.threads)))
        return
    check_installed()
    limits = [float(one) for one in asked.limits.split(",") if one]
    models = [(asked.preset, limit) for limit in limits]
    for name in filter(None, asked.peers.split(",")):
        if importlib.util.find_spec(MODELS[name][0]) is None:
            print(f"{name}: skipped, {MODELS[name][0]} is not installed")
        else:
            models.append((name, 0.0))
    records = []
    if asked.keep and RESULT.exists():  # those of models that are not run now
        known = json.loads(RESULT.read_text("utf-8"))["records"]
        records = [one for one in known if (one["model"], one["limit"]) not in models]
    for name, limit in models:
        own = [sys.executable, "-m", "benchmarks.million", "--one", name]
        own += ["--seconds", str(limit), "--rows", str(asked.rows)]
        own += ["--threads", str(asked.threads)]
        env = {**os.environ, "OMP_NUM_THREADS": str(asked.threads)}
        found = subprocess.run(own, check=True, stdout=subprocess.PIPE, text=True, env=env)
        record = {"model": name, "limit": limit} | json.loads(found.stdout.splitlines()[-1])
        records.append(record)
        print(f"{name}, limit {limit:g} s: {record['seconds']:.1f} s, {record['peak'] / 1e9:.2f} "
              f"GB, log-loss {record['log_loss']:.4f}", flush=True)  # fmt: skip
    records.sort(key=lambda one: (one["model"] in PEERS, one["limit"]))
    write(RESULT, {"run": provenance() | {"rows": asked.rows, "threads": asked.threads},
                   "records": records})  # fmt: skip


if __name__ == "__main__":
    main()
