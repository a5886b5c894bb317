"""A training step over widths, batches and depths, beside the peers that need no long compiling.

Chains of one width, relu, ten classes, Adam, float32. All widths by all batches at two hidden
layers; other depths at every second of the smaller points. Points that need more arithmetic than
`MOST` are left out.
"""

from __future__ import annotations

import itertools
import os
from typing import Any

from benchmarks import peers
from benchmarks.problem import Problem
from benchmarks.step import agrees, fastest, of_steps

__all__ = ["flop", "measure", "points", "ranked"]

WIDTHS = (8, 32, 128, 512, 2048, 4096)
BATCHES = (1, 8, 64, 512, 4096)
DEPTHS = (1, 4, 16)
CLASSES = 10
MOST = 1.2e11
"""FLOP of a step."""
UPDATE = 150
"""FLOP in the time that a parameter's update takes, where no cache holds the parameters."""
WHO = ("ClearProp float32", "PyTorch eager", "scikit-learn", "JAX")

Point = tuple[int, int, int]
"""Width, batch, hidden layers."""


def sizes(point: Point) -> tuple[int, ...]:
    """The chain's sizes."""
    width, _, depth = point
    return (width,) * (depth + 1) + (CLASSES,)


def flop(point: Point) -> float:
    """Needed arithmetic of a step."""
    products = [a * b for a, b in itertools.pairwise(sizes(point))]
    return 2.0 * point[1] * (2 * sum(products) + sum(products[1:]))


def points(quick: bool) -> list[Point]:
    """Return the sweep's points, the widest nets last and else the least work first.

    What a run cut short leaves out is then large.
    """
    plane = [(width, batch, 2) for width in WIDTHS for batch in BATCHES]
    others = [
        (width, batch, depth)
        for (i, width), (j, batch), (k, depth) in itertools.product(
            enumerate(WIDTHS[:-1]), enumerate(BATCHES[1:-1]), enumerate(DEPTHS)
        )
        if (i + j + k) % 2 == 0
    ]
    found = [point for point in plane + others if flop(point) <= MOST]
    if quick:
        return [point for point in found if flop(point) < 1e9][::6]
    return sorted(found, key=lambda point: (point[0] == WIDTHS[-1], flop(point)))


def measure(point: Point, rounds: int, quick: bool) -> dict[str, Any]:
    """Return microseconds a step of everyone at one point."""
    needed = flop(point)
    parameters = sum((a + 1) * b for a, b in itertools.pairwise(sizes(point)))
    most = 60 if needed < 1e6 else 20
    batches = max(2, min(most, int(4e9 / (needed + UPDATE * parameters))))
    problem = Problem(sizes(point), point[1], batches)
    who = WHO if needed < 2e10 else WHO[:2] + WHO[3:]  # seconds a step, and never the fastest
    threads = sorted({1, min(2, os.cpu_count() or 1)})
    everyone, missing = peers.available(problem, threads, who)
    agreement = {peer.name: agrees(problem, peer) for peer in everyone}
    rivals = {peer.name: "peers" for peer in everyone if peer.library != "ClearProp"}
    rows = of_steps(problem, everyone, rounds, 0.02 if quick else 0.06, rivals)
    for name, row in rows.items():
        row |= {part: agreement[name].get(part) for part in ("largest", "disagrees")}
    found: dict[str, Any] = {
        "width": point[0], "batch": point[1], "depth": point[2], "flop": needed,
        "microseconds": rows, "skipped": missing,
    }  # fmt: skip
    return found | ranked(rows)


def ranked(rows: dict[str, Any]) -> dict[str, Any]:
    """Return our fastest setting, the fastest peer, and how many times as fast ours is.

    A peer whose step is further than it should be from the exact one counts too (the page names
    it): where a gradient is rounding noise, Adam's first step is of either sign, and as quick.
    """
    ours, peer = fastest(rows, True), fastest(rows, False)
    if not (ours and peer):
        return {}
    ratio = rows[peer]["median"] / rows[ours]["median"]
    return {"ours": ours, "peer": peer, "ratio": ratio}
