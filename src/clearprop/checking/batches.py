"""The right run on a batch, and random batches that a network's costs are defined for.

A learner asks about one batch again and again, so the last runs are kept, with all that was
computed on top of them: by content, as copies.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from clearprop.checking.replay import Base
from clearprop.errors import ShapeError, UsageError
from clearprop.expressions import Array
from clearprop.network import Inputs, Network

#: Runs of more numbers than this are not kept.
KEPT = 10**6


class _Batch:
    """All that a run depends on, told from another by its content."""

    def __init__(
        self,
        network: Network,
        parameters: Mapping[str, Array],
        X: Any,
        Y: Any,
        sample_weight: ArrayLike | None,
        masks: Mapping[str, ArrayLike] | None,
    ) -> None:
        self.network, self.parameters, self.X, self.Y = network, parameters, X, Y
        self.sample_weight, self.masks = sample_weight, masks
        self.size = 0
        digest = hashlib.blake2b()
        for part in (parameters, X, Y, sample_weight, masks):
            self._add(digest, part)
        self._content = digest.digest()

    def _add(self, digest: Any, part: Any) -> None:
        if isinstance(part, Mapping):
            for key, item in part.items():
                digest.update(f"{key}:".encode())
                self._add(digest, item)
            return
        if part is None:
            digest.update(b"none")
            return
        array = np.asarray(part)
        if array.dtype.hasobject:
            self.size += 2 * KEPT  # its bytes are addresses
        self.size += array.size
        digest.update(f"{array.dtype}{array.shape}".encode())
        digest.update(array.tobytes() if self.size <= KEPT else b"")

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, _Batch)
            and other.network is self.network
            and other._content == self._content
        )

    def __hash__(self) -> int:
        return hash(self._content)

    def run(self) -> Base:
        network, masks = self.network, self.masks
        trace = network.trace(self.parameters, self.X, self.Y, self.sample_weight)
        m = len(trace["w"])
        given = self.sample_weight
        total = float(m) if given is None else float(np.sum(np.asarray(given)))
        kept = {name: np.array(array) for name, array in trace.items()}  # the caller's may change
        base = Base(network.plan, kept, total)
        if not masks:
            return base
        found = {}
        for name, mask in masks.items():
            if name not in network.plan.masks:
                known = ", ".join(network.plan.masks) or "none"
                raise UsageError(f"masks: the network has no mask {name!r}; it has {known}")
            array = np.asarray(mask, dtype=np.float64)
            if array.shape != base.values[name].shape:
                raise ShapeError(
                    f"masks: {name} has the shape {array.shape}, expected {base.values[name].shape}"
                )
            found[name] = array
        return base.on(found)


@lru_cache(maxsize=8)
def _kept_run(batch: _Batch) -> Base:
    return batch.run()


def right_run(
    network: Network,
    parameters: Mapping[str, Array],
    X: Inputs,
    Y: Any,
    sample_weight: ArrayLike | None = None,
    masks: Mapping[str, ArrayLike] | None = None,
) -> Base:
    """Return the right plan's run on a batch, the mistakes' base.

    Parameters
    ----------
    network : Network
    parameters, X, Y, sample_weight
        As `Network.gradient` takes them.
    masks : mapping of str to array, optional
        Dropout's factors by symbol.

    Raises
    ------
    UsageError, ShapeError
        For a mask that the network has not, or that does not fit.
    """
    batch = _Batch(network, parameters, X, Y, sample_weight, masks)
    return _kept_run(batch) if batch.size <= KEPT else batch.run()


def random_batch(
    network: Network, m: int, rng: np.random.Generator
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Return random inputs by key and targets by output that the costs are defined for."""
    graph = network.graph
    X: dict[str, Array] = {}
    for given in graph.inputs:
        if given.levels:
            X[given.key] = rng.integers(0, given.levels, m)  # type: ignore[assignment]
        else:
            X[given.key] = rng.standard_normal((m, given.width))
    Y: dict[str, Array] = {}
    for cost in graph.costs:
        width, kind = graph.values[cost.value].type.shape[0], cost.row.target
        if kind == "class":
            y = np.eye(width)[rng.integers(0, width, m)]
        elif kind == "probability":
            y = rng.integers(0, 2, (m, width)).astype(np.float64)
        elif kind == "count":
            y = rng.poisson(1.5, (m, width)).astype(np.float64)
        else:
            y = rng.standard_normal((m, width))
        Y[cost.value] = y
    return X, Y
