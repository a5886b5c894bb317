"""How long fits and predictions take beside scikit-learn's MLP: the same calls, order turning.

python -m benchmarks.estimators [--rounds 5] [--only TEXT] [--json FILE] [--blas-threads 1]

Both sides have the same arguments, the same table and the same number of epochs (their bits agree
to rounding), on float64 tables. A time is of the whole call, in seconds of the clock and of the
processor: the second says more where the machine has other work, whose load is in the result. Two
threads of a BLAS wait for each other there, up to a hundred times as long as their product takes:
``--blas-threads 1`` is then the comparison that is fair to scikit-learn.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from sklearn import neural_network
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

import clearprop as cp
from benchmarks import record
from benchmarks.peaks import product_of

NEVER = math.inf  # n_iter_no_change: both do all epochs
Case = tuple[str, str, int, int, dict[str, Any]]
Sample = tuple[float, float]

# kind, rows, columns, epochs: about a second of scikit-learn's
DEFAULTS: list[tuple[int, int, int]] = [
    (1_000, 10, 100), (1_000, 30, 100), (1_000, 100, 50), (10_000, 10, 20), (10_000, 30, 20),
    (10_000, 100, 10), (100_000, 10, 3), (100_000, 30, 3), (100_000, 100, 2),
]  # fmt: skip


def cases() -> list[Case]:
    """Return name, estimator, rows, columns and arguments."""
    found: list[Case] = []
    for kind in ("MLPClassifier", "MLPRegressor"):
        for rows, columns, epochs in DEFAULTS:
            name = f"{kind} {rows} × {columns}"
            found.append((name, kind, rows, columns, {"max_iter": epochs}))
    small: list[tuple[str, dict[str, Any]]] = [
        ("sgd", {"solver": "sgd"}),
        ("early stopping", {"early_stopping": True}),
        ("two layers, tanh", {"hidden_layer_sizes": (64, 64), "activation": "tanh"}),
        ("batches of 32", {"batch_size": 32, "max_iter": 20}),
        ("lbfgs", {"solver": "lbfgs"}),
    ]
    for kind in ("MLPClassifier", "MLPRegressor"):
        found.append((f"{kind} 30 × 5", kind, 30, 5, {"max_iter": 100}))
        found.append((f"{kind} 150 × 4", kind, 150, 4, {"max_iter": 100}))
        found.append((f"{kind} 50 × 5, 1 epoch", kind, 50, 5, {"max_iter": 1}))
        found.append((f"{kind} 500 × 10, 2 epochs", kind, 500, 10, {"max_iter": 2}))
        for what, told in small:
            name = f"{kind} 2000 × 20, {what}"
            found.append((name, kind, 2_000, 20, {"max_iter": 50} | told))
    return found


def table(kind: str, rows: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Return columns of normal numbers and a target that bends in them."""
    rng = np.random.default_rng(rows + columns)
    X = rng.normal(size=(rows, columns))
    z = X[:, 0] * X[:, 1] + np.sin(2 * X[:, 2]) + 0.3 * rng.normal(size=rows)
    return X, (np.digitize(z, [-0.5, 0.5]) if kind == "MLPClassifier" else z)


def timed(call: Callable[[], Any], times: int = 1) -> Sample:
    """Return the seconds of one call: the clock's, the processor's."""
    clock, processor = time.perf_counter(), time.process_time()
    for _ in range(times):
        call()
    return (
        (time.perf_counter() - clock) / times,
        (time.process_time() - processor) / times,
    )


def calls(case: Case) -> dict[str, Callable[[type], Sample]]:
    """Return what is timed, for one class or the other."""
    _, kind, rows, columns, told = case
    X, y = table(kind, rows, columns)

    def made(of: type) -> Any:
        return of(random_state=0, n_iter_no_change=NEVER, **told)

    def fit(of: type) -> Sample:
        return timed(lambda: made(of).fit(X, y))

    def predict(of: type) -> Sample:
        model = made(of).set_params(max_iter=1).fit(X[:1000], y[:1000])
        model.predict(X)
        return timed(lambda: model.predict(X), max(1, 10_000 // rows))

    def predict_one(of: type) -> Sample:
        model = made(of).set_params(max_iter=1).fit(X, y)
        model.predict(X[:1])
        return timed(lambda: model.predict(X[:1]), 50)

    def partial_fit(of: type) -> Sample:
        model = made(of)
        first = {"classes": np.unique(y)} if kind == "MLPClassifier" else {}
        model.partial_fit(X[:200], y[:200], **first)
        return timed(lambda: model.partial_fit(X[:200], y[:200]), 20)

    def partial_fit_one(of: type) -> Sample:
        model = made(of)
        first = {"classes": np.unique(y)} if kind == "MLPClassifier" else {}
        model.partial_fit(X[:200], y[:200], **first)
        return timed(lambda: model.partial_fit(X[:1], y[:1]), 20)

    found: dict[str, Callable[[type], Sample]] = {"fit": fit}
    if set(told) == {"max_iter"}:
        found["predict"] = predict
    if (rows, columns) == (1_000, 30):
        found |= {"predict one row": predict_one, "partial_fit of 200 rows": partial_fit}
        found["partial_fit of one row"] = partial_fit_one
    return found


def is_default(case: Case) -> bool:
    """Whether a case is one of the estimators as they are, on a table of 1,000 rows or more."""
    return tuple(case[2:4]) in {one[:2] for one in DEFAULTS} and set(case[4]) == {"max_iter"}


def product(rounds: int, size: int = 1024) -> float:
    """Return GFLOP/s of one core in a float32 product of size³: NumPy's or ours, the faster."""
    A, B = np.ones((2, size, size), np.float32) / size
    found = []
    each: list[Callable[[], Any]] = [partial(np.matmul, A, B)]
    each.append(product_of(A, "float32", 1))
    with threadpool_limits(1):
        for once in each:
            once()
            found += [timed(once, 4)[1] for _ in range(max(3, rounds))]
    return 2e-9 * size**3 / min(found)


def compared(case: Case, what: str, call: Callable[[type], Sample], rounds: int) -> dict[str, Any]:
    """Return both sides' times and how many times ours is faster."""
    sides = [getattr(neural_network, case[1]), getattr(cp, case[1])]
    samples: dict[type, list[Sample]] = {side: [] for side in sides}
    call(sides[1])  # what is loaded once
    for number in range(rounds):
        for side in sides[:: 1 - 2 * (number % 2)]:
            samples[side].append(call(side))
    row: dict[str, Any] = {"case": case[0], "what": what, "defaults": is_default(case)}
    if row["defaults"]:
        _, kind, n, columns, told = case
        hidden, outputs, batch = 100, 3 if kind == "MLPClassifier" else 1, min(200, n)
        # m samples: 2 · 2 m Σ s s' of the passes forward and of the gradient, 2 m s s' between
        row["FLOP a step"] = 2 * batch * (2 * hidden * (columns + outputs) + hidden * outputs)
        row["steps"] = -(-n // batch) * told["max_iter"]
    for i, seconds in enumerate(("seconds", "processor seconds")):
        theirs, ours = ([sample[i] for sample in samples[side]] for side in sides)
        ratio = statistics.median(a / b for a, b in zip(theirs, ours, strict=True))
        row[seconds] = {
            "scikit-learn": record.summary(theirs),
            "clearprop": record.summary(ours),
            "times faster": ratio,
        }
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="cases whose name has this text")
    parser.add_argument("--json", type=Path, help="where to; benchmarks/results if all are run")
    parser.add_argument(
        "--blas-threads", type=int, help="of scikit-learn's products; by default its own choice"
    )
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    results, load = [], record.load()
    for case in cases():
        if options.only not in case[0]:
            continue
        for what, call in calls(case).items():
            with threadpool_limits(options.blas_threads, user_api="blas"):
                row = compared(case, what, call, options.rounds)
            results.append(row)
            clock, processor = row["seconds"], row["processor seconds"]
            print(
                f"{case[0]:42} {what:24} {1e3 * clock['scikit-learn']['median']:9.2f} ms "
                f"{1e3 * clock['clearprop']['median']:9.2f} ms {clock['times faster']:6.1f} × "
                f"{processor['times faster']:6.1f} ×",
                flush=True,
            )
    path = options.json or (None if options.only else record.RESULTS / "estimators.json")
    if path is not None:
        run = record.provenance() | {"load": load, "blas threads": options.blas_threads}
        fastest = product(options.rounds)
        record.write(path, {"run": run, "results": results, "product GFLOP/s": fastest})


if __name__ == "__main__":
    main()
