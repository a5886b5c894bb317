"""The program of a network, written once however many runs it has.

Proved by ``tests/test_engine_lowering.py``.
"""

from __future__ import annotations

import weakref

from clearprop.backprop import plan
from clearprop.engine.lowering import lower
from clearprop.engine.program import Program
from clearprop.graph import Graph

__all__ = ["lowered"]

_KEPT: dict[tuple[int, bool], tuple[weakref.ref[Graph], Program]] = {}
"""By the identity of the graph, which is looked at again, and whether it is fused; a graph that is
gone takes its programs along."""


def lowered(graph: Graph, *, fuse: bool = True) -> Program:
    """Return the graph's program, the same object for the same graph; see `lower`.

    Several threads may ask at once: at worst each writes it.

    Parameters
    ----------
    graph : Graph
    fuse : bool
        Changes no bits.

    Returns
    -------
    Program

    Raises
    ------
    NativeError
        If a row of the plan has no native kernel; it is named.

    Examples
    --------
    >>> from clearprop.network import Network
    >>> graph = Network([2, 3, 1], "tanh").graph
    >>> lowered(graph) is lowered(graph)
    True
    """
    key = id(graph), fuse
    kept = _KEPT.get(key)
    if kept is not None and kept[0]() is graph:
        return kept[1]
    program = lower(plan(graph), fuse=fuse)
    _KEPT[key] = weakref.ref(graph, lambda gone: _forget(key, gone)), program
    return program


def _forget(key: tuple[int, bool], gone: weakref.ref[Graph]) -> None:
    """Let a program go with its graph, unless another graph stands in its place by now."""
    kept = _KEPT.get(key)
    if kept is not None and kept[0] is gone:
        _KEPT.pop(key, None)
