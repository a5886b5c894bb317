"""A batch in pieces: the sums that each gives, and how they are joined to the bits of the whole.

A sum over a batch's rows has one shape, fixed by the batch alone: blocks of `ROW_BLOCK` rows, each
a chain in row order, joined by a tree that splits at the largest power of two below their number.
A piece cut between blocks gives the sums of whole subtrees; `combine` does the rest. Micro-batches,
machines and second-order methods need nothing else. Proved by ``tests/test_engine_bits.py``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from clearprop import _native
from clearprop.engine.contract import Flat
from clearprop.errors import DataError

ROW_BLOCK: int = _native.row_block
"""Rows in one chain of a sum over rows; a batch may be cut in pieces at its multiples."""


@dataclass(frozen=True)
class Node:
    """The sums of a gradient over a subtree of a batch's blocks of rows.

    ``block`` is the first block, 2 ** ``level`` their number (fewer at the batch's end);
    ``gradient`` is flat, without the penalty; ``cost`` the data term's share; ``weight`` Σ w.
    """

    block: int
    level: int
    gradient: Flat
    cost: float
    weight: float


def combine(nodes: Iterable[Node]) -> Node:
    """Join the sums of all pieces of a batch, in the order and shape the whole would have.

    Parameters
    ----------
    nodes : iterable of Node
        Of every piece, in any order.

    Returns
    -------
    Node
        The sum over the whole batch.

    Raises
    ------
    DataError
        If blocks are missing or there twice.
    """
    waiting: list[Node] = []
    end = 0
    for node in sorted(nodes, key=lambda node: node.block):
        if node.block != end:
            raise DataError(f"pieces of the batch: block {end} is missing or there twice")
        end = node.block + (1 << node.level)
        waiting.append(node)
        while len(waiting) > 1 and waiting[-1].level == waiting[-2].level:
            _join(waiting)
    if not waiting:
        raise DataError("pieces of the batch: there are none")
    while len(waiting) > 1:
        _join(waiting)
    return waiting[0]


def _join(waiting: list[Node]) -> None:
    later, earlier = waiting.pop(), waiting.pop()
    waiting.append(
        Node(
            earlier.block,
            earlier.level + 1,
            earlier.gradient + later.gradient,
            earlier.cost + later.cost,
            earlier.weight + later.weight,
        )
    )
