"""One training step beside its peers: same network, data, optimizer, batch and shuffling.

    python -m benchmarks.speed [--quick] [--nets tiny,small,…] [--rounds 5] [--json FILE]

Adam, softmax cross-entropy, relu. Everyone starts from the same weights, and one step on the same
rows is held to the exact one before anything is timed (`benchmarks.problem.disagreement`). An epoch
is timed as a whole, the shuffling inside; order rotating; medians and spread; of each library the
best of its settings counts. The products' peaks are measured in the same run. Then what a step
costs with other functions and optimizers, prediction, and the first fit of a new process.
"""

from __future__ import annotations

import argparse
import gc
import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import more, peers, record
from benchmarks.problem import NETS, Peer, Problem, disagreement
from clearprop.engine import Precision

AGREEMENT = 1e-5  # largest difference of a parameter from the exact step, in float32
DIRECTION = 0.95  # share of parameters that bfloat16 moves the same way


def peaks(rounds: int) -> dict[str, Any]:
    """Return GFLOP/s of products of 4096³ by whoever is here, the best of a few rounds."""
    size = 4096
    found: dict[str, float] = {}

    def best(name: str, once: Callable[[], Any]) -> None:
        once()
        least = min(_seconds(once) for _ in range(max(3, rounds)))
        found[name] = 2e-9 * size**3 / least

    A, B = np.ones((2, size, size), np.float32) / size
    best("NumPy float32", lambda: A @ B)
    try:
        import torch

        torch.set_num_threads(os.cpu_count() or 1)
        for name, kind in (("float32", torch.float32), ("bfloat16", torch.bfloat16)):
            a, b = torch.from_numpy(A).to(kind), torch.from_numpy(B).to(kind)
            best(f"PyTorch {name}", partial(torch.matmul, a, b))
    except ImportError:
        pass
    precisions: tuple[Precision, ...] = ("float32", "bfloat16")
    for precision in precisions:
        try:
            best(f"ClearProp {precision}", more.product_of(A, precision))
        except Exception as error:
            print(f"ClearProp {precision}: {error}")
    result: dict[str, Any] = {"GFLOP/s": found}
    for precision in precisions:
        of = [value for name, value in found.items() if name.endswith(precision)]
        if of:
            result[precision] = max(of)
    source = np.ones(1 << 26, np.float32)
    target = np.empty_like(source)
    result["copied GB/s"] = 2 * source.nbytes / 1e9 / min(
        _seconds(lambda: np.copyto(target, source)) for _ in range(5)
    )  # fmt: skip
    return result


def measure(name: str, rounds: int, quick: bool, peak: dict[str, Any]) -> dict[str, Any]:
    """Return the record of one network: microseconds a step for every peer."""
    sizes, batch = NETS[name]
    problem = Problem(sizes, batch, 20)
    threads = sorted({1, min(2, os.cpu_count() or 1)})
    everyone, missing = peers.available(problem, threads)
    for one, why in missing.items():
        print(f"{one} is skipped: {why}")
    agreement = {peer.name: _agrees(problem, peer) for peer in everyone}
    samples: dict[str, list[float]] = {peer.name: [] for peer in everyone}
    steps = len(problem.y) // batch
    repeats = {peer.name: _repeats(peer, 0.03 if quick else 0.3) for peer in everyone}
    for number in range(rounds):
        turn = number * 3 % len(everyone)
        for peer in everyone[turn:] + everyone[:turn]:
            gc.collect()
            start = time.perf_counter()
            for _ in range(repeats[peer.name]):
                peer.epoch()
            took = time.perf_counter() - start
            samples[peer.name].append(1e6 * took / (steps * repeats[peer.name]))
    rows: dict[str, Any] = {}
    for peer in everyone:
        summary = record.summary(samples[peer.name])
        least = peak.get(peer.precision)
        share = problem.flop / summary["median"] / 1e3 / least if least else None
        rows[peer.name] = summary | {
            "library": peer.library, "precision": peer.precision, "share of peak": share,
            "agreement": agreement[peer.name],
        }  # fmt: skip
    found = {
        "sizes": sizes, "batch": batch, "flop": problem.flop, "microseconds": rows,
        "skipped": missing, "least microseconds by bytes": 24e-3 * len(problem.start)
        / peak["copied GB/s"],
    }  # fmt: skip
    return found | compared(rows)


def compared(rows: dict[str, Any]) -> dict[str, Any]:
    """Return the fastest setting of us and of the peers, by precision, and the ratios."""

    def fastest(ours: bool, precisions: tuple[str, ...], of: str = "") -> str | None:
        names = [
            name for name, row in rows.items()
            if (row["library"] == "ClearProp") == ours and row["precision"] in precisions
            and name.startswith(of)
        ]  # fmt: skip
        return min(names, key=lambda name: rows[name]["median"], default=None)

    pairs = {
        "float32, fastest float32 peer": (("float32",), fastest(False, ("float32",))),
        "float32, PyTorch eager": (("float32",), fastest(False, ("float32",), "PyTorch eager")),
        "bfloat16, fastest peer": (("bfloat16",), fastest(False, ("float32", "bfloat16"))),
    }
    ratios = {}
    for name, (precision, peer) in pairs.items():
        own = fastest(True, precision)
        if own and peer:
            ratio = rows[peer]["median"] / rows[own]["median"]
            ratios[name] = {"ours": own, "peer": peer, "ratio": ratio}
    return {"ratios": ratios}


def _agrees(problem: Problem, peer: Peer) -> dict[str, Any]:
    """Return how far a step is from the exact one; a peer that disagrees ends the run."""
    if peer.library == "scikit-learn" and problem.sizes[-1] == 2:
        peer.step(np.arange(problem.batch))
        return {"not compared": "of two classes it makes one logistic output"}
    found = disagreement(problem, peer)
    exact = peer.precision == "float32"
    if found["largest"] > AGREEMENT if exact else found["same direction"] < DIRECTION:
        raise SystemExit(f"{peer.name} does not do the exact step: {found}")
    return found


def _seconds(once: Callable[[], Any]) -> float:
    start = time.perf_counter()
    once()
    return time.perf_counter() - start


def _repeats(peer: Peer, seconds: float) -> int:
    peer.epoch()
    return max(1, int(seconds / _seconds(peer.epoch)))


def shown(found: dict[str, Any]) -> None:
    print(f"\n{'-'.join(map(str, found['sizes']))}, batch {found['batch']}")
    for peer, row in sorted(found["microseconds"].items(), key=lambda item: item[1]["median"]):
        share = "" if row["share of peak"] is None else f"  {row['share of peak']:6.1%} of peak"
        print(
            f"  {peer:46} {row['median']:12.1f} µs  [{row['least']:.1f} … {row['greatest']:.1f}]"
            f"{share}"
        )
    for name, ratio in found["ratios"].items():
        print(f"  {ratio['ratio']:6.2f}× {name} ({ratio['peer']})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="short rounds, for a look")
    parser.add_argument("--nets", default=",".join(NETS), help="names, with commas between")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, default=record.RESULTS / "speed.json")
    options = parser.parse_args()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    peak = peaks(options.rounds)
    for name, value in peak["GFLOP/s"].items():
        print(f"product of 4096³, {name:20} {value:8.1f} GFLOP/s")
    result = {
        "run": record.provenance() | {"load": load, "rounds": options.rounds},
        "peaks": peak,
        "nets": {},
    }
    result |= more.everything(options.rounds, options.quick)
    for name in options.nets.split(","):
        result["nets"][name] = found = measure(name, options.rounds, options.quick, peak)
        shown(found)
        record.write(options.json, result)  # a long run loses nothing


if __name__ == "__main__":
    main()
