"""Parameters: arrays by name over one flat buffer. Proved by ``tests/test_network.py``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from clearprop.errors import DataError, SettingError, ShapeError
from clearprop.expressions import Array
from clearprop.graph import Graph
from clearprop.words import did_you_mean, shown

__all__ = ["Parameters", "check_known"]


class Parameters(Mapping[str, Array]):
    """Named arrays over one flat buffer, in the graph's order.

    Parameters
    ----------
    graph : Graph
    flat : (size,) float array
        The buffer; the arrays are views into it.

    Raises
    ------
    SettingError, ShapeError
        For what is no graph, or no vector of its size.

    Examples
    --------
    >>> from clearprop.network import Network
    >>> p = Network([2, 3, 2]).initial(seed=0)
    >>> p["W1"].shape, p.flat.shape
    ((3, 2), (17,))
    """

    def __init__(self, graph: Graph, flat: np.ndarray[Any, Any]) -> None:
        if not isinstance(graph, Graph):
            raise SettingError(f"Parameters are of a network's graph, got {shown(graph)}")
        if not isinstance(flat, np.ndarray) or flat.shape != (graph.size,):
            got = f"shape {flat.shape}" if isinstance(flat, np.ndarray) else shown(flat)
            raise ShapeError(
                f"the flat parameters are an array of shape ({graph.size},) for this network, "
                f"got {got}"
            )
        self.flat = flat
        self._graph = graph
        self._arrays = {
            name: flat[section].reshape(graph.parameters[name].shape)
            for name, section in graph.sections()
        }

    def __reduce__(self) -> tuple[Any, ...]:
        """A pickle and a copy have views into their own buffer too."""
        return Parameters, (self._graph, self.flat)

    def __getitem__(self, name: str) -> Array:
        return self._arrays[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)

    def __repr__(self) -> str:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in self.items())
        return f"Parameters({shapes})"


def check_known(what: str, given: Mapping[str, Any], known: Mapping[str, object]) -> None:
    """Refuse a name that has no place; raise DataError with the nearest that has."""
    for name in given:
        if name not in known:
            raise DataError(f"{what} has no place for {shown(name)}; {did_you_mean(name, known)}")
