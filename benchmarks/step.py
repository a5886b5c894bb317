"""One training step beside its peers: same network, data, optimizer, batch and shuffling."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks import peers
from benchmarks.problem import NETS, Peer, Problem, disagreement
from benchmarks.timing import timed

__all__ = ["compared", "fastest", "measure", "shown"]

AGREEMENT = 1e-5  # largest difference of a parameter from the exact step, in float32
DIRECTION = 0.95  # share of parameters that bfloat16 moves the same way


def measure(
    name: str, rounds: int, quick: bool, peak: dict[str, Any], who: Sequence[str] = ()
) -> dict[str, Any]:
    """Return the record of one network: microseconds a step for every peer."""
    sizes, batch = NETS[name]
    batches = 6 if name == "huge" else 20
    problem = Problem(sizes, batch, batches)
    threads = sorted({1, min(2, os.cpu_count() or 1)})
    everyone, missing = peers.available(problem, threads, who)
    for one, why in missing.items():
        print(f"    {one} is skipped: {why}")
    agreement = {peer.name: agrees(problem, peer) for peer in everyone}
    for other, how in agreement.items():
        if "disagrees" in how:
            raise SystemExit(f"{other} does not do the exact step: {how}")
    rivals = {  # the page shows PyTorch eager for itself
        peer.name: f"{peer.library} {peer.precision}" for peer in everyone
        if peer.library != "ClearProp" and not peer.name.startswith("PyTorch eager")
    }  # fmt: skip
    rows = of_steps(problem, everyone, rounds, 0.03 if quick else 0.3, rivals)
    for peer in everyone:
        row = rows[peer.name]
        least = peak.get(peer.precision)
        row["share of peak"] = problem.flop / row["median"] / 1e3 / least if least else None
        row["agreement"] = agreement[peer.name]
    found = {
        "sizes": sizes, "batch": batch, "flop": problem.flop, "microseconds": rows,
        "skipped": missing, "least microseconds by bytes": 24e-3 * len(problem.start)
        / peak["copied GB/s"],
    }  # fmt: skip
    return found | compared(rows)


def of_steps(
    problem: Problem,
    everyone: Sequence[Peer],
    rounds: int,
    seconds: float,
    rivals: Mapping[str, str] | None = None,
) -> dict[str, dict[str, Any]]:
    """Return each peer's microseconds a step, of whole epochs; ``rivals`` as `timed` has them."""
    steps = len(problem.y) // problem.batch
    found = timed({peer.name: peer.epoch for peer in everyone}, rounds, seconds, rivals)
    return {
        peer.name: {
            **{name: found[peer.name][name] / steps for name in ("median", "least", "greatest")},
            "rounds": found[peer.name]["rounds"],
            "library": peer.library, "precision": peer.precision,
        }
        for peer in everyone
    }  # fmt: skip


def agrees(problem: Problem, peer: Peer) -> dict[str, Any]:
    """Return how far a step is from the exact one, and ``disagrees`` where it is too far."""
    if peer.library == "scikit-learn" and problem.sizes[-1] == 2:
        peer.step(np.arange(problem.batch))
        return {"not compared": "of two classes it makes one logistic output"}
    found: dict[str, Any] = disagreement(problem, peer)
    exact = peer.precision == "float32"
    if found["largest"] > AGREEMENT if exact else found["same direction"] < DIRECTION:
        found["disagrees"] = True
    return found


def fastest(
    rows: dict[str, Any], ours: bool, precisions: tuple[str, ...] = ("float32",), of: str = ""
) -> str | None:
    """Return the fastest setting of ClearProp or of the peers, by precision and name."""
    names = [
        name for name, row in rows.items()
        if (row["library"] == "ClearProp") == ours and row["precision"] in precisions
        and name.startswith(of)
    ]  # fmt: skip
    return min(names, key=lambda name: rows[name]["median"], default=None)


def compared(rows: dict[str, Any]) -> dict[str, Any]:
    """Return the fastest setting of us and of the peers, by precision, and the ratios."""
    pairs = {
        "float32, fastest float32 peer": (("float32",), fastest(rows, False)),
        "float32, PyTorch eager": (("float32",), fastest(rows, False, of="PyTorch eager")),
        "bfloat16, fastest peer": (
            ("bfloat16",), fastest(rows, False, ("float32", "bfloat16")),
        ),
    }  # fmt: skip
    ratios = {}
    for name, (precision, peer) in pairs.items():
        own = fastest(rows, True, precision)
        if own and peer:
            ratio = rows[peer]["median"] / rows[own]["median"]
            ratios[name] = {"ours": own, "peer": peer, "ratio": ratio}
    return {"ratios": ratios}


def shown(found: dict[str, Any]) -> None:
    """Print the record of a network."""
    print(f"\n{'-'.join(map(str, found['sizes']))}, batch {found['batch']}")
    for peer, row in sorted(found["microseconds"].items(), key=lambda item: item[1]["median"]):
        share = "" if row["share of peak"] is None else f"  {row['share of peak']:6.1%} of peak"
        print(
            f"  {peer:46} {row['median']:12.1f} µs  [{row['least']:.1f} … {row['greatest']:.1f}]"
            f"{share}"
        )
    for name, ratio in found["ratios"].items():
        print(f"  {ratio['ratio']:6.2f}× {name} ({ratio['peer']})")
