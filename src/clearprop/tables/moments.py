"""Means and squares of columns, summed over rows in one shape, whatever the pieces they come in.

Rows are summed in blocks of `BLOCK`, cut by row number in the whole table, each in row order; two
neighbouring blocks of the same size are joined, and so on up a tree that the number of rows fixes
(a node splits at the largest power of two below its count of blocks). So however a table is cut
into chunks, and in whichever order they come, the sums have the same bits. Proved by
``tests/test_encoder_fold.py``.

Source of the joined moments: Chan, Golub and LeVeque 1979, "Updating formulae and a pairwise
algorithm for computing sample variances", equation 2.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["BLOCK", "NOTHING", "Blocks", "Moments", "Node"]

#: Rows of a block. A thousand columns of a block are 64 MiB.
BLOCK = 8192

Numbers = Mapping[str, tuple[NDArray[np.float64], NDArray[np.bool_]]]
"""Values and which of them are there, by column."""


class Moments(NamedTuple):
    """How many numbers, their mean, and the sum of their squared distances from it."""

    n: int
    mean: float  # the mean is mean + rest, rest below the last digit of mean:
    rest: float  # differences of means far from zero keep their digits
    square: float  # Σ (x − mean − rest)²


def moments(x: NDArray[np.float64]) -> Moments:
    """Return the moments of some numbers, summed in their order."""
    n = len(x)
    if not n:
        return Moments(0, 0.0, 0.0, 0.0)
    # np.sum would add in an order of its own; accumulate adds in the order of rows.
    with np.errstate(over="ignore", invalid="ignore"):  # named at the end, with the column
        mean = float(np.add.accumulate(x)[-1]) / n  # mean = 1/n Σ x
        d = x - mean
        rest = float(np.add.accumulate(d)[-1]) / n
        square = float(np.add.accumulate(d * d)[-1])
    return Moments(n, mean, rest, square - n * rest * rest)  # Σ (d − rest)² = Σ d² − n rest²


def joined(a: Moments, b: Moments) -> Moments:
    """Return the moments of two sets of numbers together."""
    if not a.n or not b.n:
        return a if a.n else b
    n = a.n + b.n
    d = (b.mean - a.mean) + (b.rest - a.rest)
    step = a.rest + d * (b.n / n)
    # mean = mean_a + (mean_b − mean_a) n_b / n, with what its rounding loses (Knuth's two-sum)
    mean = a.mean + step
    back = mean - a.mean
    rest = (a.mean - (mean - back)) + (step - back)
    # S = S_a + S_b + (mean_b − mean_a)² n_a n_b / n
    return Moments(n, mean, rest, a.square + b.square + d * d * (a.n * (b.n / n)))


Node = dict[str, Moments]
"""The moments of some rows, by column."""

#: The moments of no numbers.
NOTHING = Moments(0, 0.0, 0.0, 0.0)


@dataclass(slots=True)
class Blocks:
    """What has been summed of some rows of a table.

    Attributes
    ----------
    nodes : {(height, place): moments by column}
        Complete subtrees of 2^height blocks; no two that could be joined.
    loose : {block: [(first row, rows, values by column), …]}
        Pieces of blocks that are not complete yet.
    """

    nodes: dict[tuple[int, int], Node] = field(default_factory=dict)
    loose: dict[int, list[tuple[int, int, dict[str, NDArray[np.float64]]]]] = field(
        default_factory=dict
    )

    def take(self, start: int, stop: int, numbers: Numbers, rows: int) -> None:
        """Hand the numbers of consecutive rows to their blocks, of a table of so many rows."""
        for block in range(start // BLOCK, (stop - 1) // BLOCK + 1):
            low, high = max(start, block * BLOCK), min(stop, (block + 1) * BLOCK)
            cut = slice(low - start, high - start)
            pieces = {name: values[cut][valid[cut]] for name, (values, valid) in numbers.items()}
            self.loose.setdefault(block, []).append((low, high - low, pieces))
            self._complete(block, rows)

    def merge(self, other: Blocks, rows: int) -> None:
        """Take in what was summed of other rows of the same table; `other` is used up."""
        for (height, place), node in other.nodes.items():
            self._grow(height, place, node)
        for block, pieces in other.loose.items():
            self.loose.setdefault(block, []).extend(pieces)
            self._complete(block, rows)

    def total(self) -> Node:
        """The moments of all rows, once all are there."""
        # What is left are complete subtrees, each smaller than the one before it: the root splits
        # at the largest power of two, its right side again, so they are joined from the right.
        total: Node | None = None
        for _, node in sorted(self.nodes.items(), key=lambda item: -item[0][1] << item[0][0]):
            total = node if total is None else _join(node, total)
        return total or {}

    def _complete(self, block: int, rows: int) -> None:
        """If all rows of a block are there, reduce it to its moments."""
        pieces = self.loose[block]
        size = min(BLOCK, rows - block * BLOCK)
        if sum(count for _, count, _ in pieces) < size:
            return
        del self.loose[block]
        pieces.sort(key=lambda piece: piece[0])
        node = {
            name: moments(np.concatenate([values[name] for _, _, values in pieces]))
            for name in pieces[0][2]
        }
        self._grow(0, block, node)

    def _grow(self, height: int, place: int, node: Node) -> None:
        """Put a subtree in, joined with its sibling if that is there, and so on upwards."""
        while (sibling := self.nodes.pop((height, place ^ 1), None)) is not None:
            node = _join(sibling, node) if place & 1 else _join(node, sibling)
            height, place = height + 1, place >> 1
        self.nodes[height, place] = node


def _join(a: Node, b: Node) -> Node:
    return {name: joined(a[name], b[name]) for name in a}
