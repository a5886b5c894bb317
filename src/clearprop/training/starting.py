"""The parameters that a run starts from. Proved by ``tests/test_training_settings.py``."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from clearprop.backprop.given import as_array
from clearprop.engine import Data, Flat
from clearprop.errors import SettingError
from clearprop.initializers import DATA_DRIVEN
from clearprop.network import Inputs, Network, Parameters, check_known
from clearprop.training.arrays import taken
from clearprop.training.batches import Batches
from clearprop.words import shown

__all__ = ["begun", "drawn"]


def drawn(network: Network, seed: int, data: Data, batches: Batches) -> Flat:
    """Return initial values: of a rule that looks at rows, at those of the first epoch."""
    looks = any(p.spec.initial in DATA_DRIVEN for p in network.graph.parameters.values())
    X: Inputs | None = None
    if looks:
        rows, _ = batches.window(seed, 0, batches.epoch)
        X = dict(taken(Data(data.inputs, {}), np.sort(rows)).inputs)
    return network.initial(seed, X).flat


def begun(network: Network, parameters: Mapping[str, ArrayLike]) -> Flat:
    """Return the caller's parameters as one vector, checked."""
    if not isinstance(parameters, Mapping):
        raise SettingError(f"parameters are a mapping of names to arrays, got {shown(parameters)}")
    check_known("parameters", parameters, network.graph.parameters)
    named = Parameters(network.graph, np.zeros(network.graph.size))
    for name, array in named.items():
        if name not in parameters:
            raise SettingError(f"parameters: {name} {array.shape} is missing")
        own = as_array(f"parameters: {name}", parameters[name]).astype(np.float64)
        if own.shape != array.shape or not np.isfinite(own).all():
            raise SettingError(
                f"parameters: {name} needs finite numbers of shape {array.shape}, got {own.shape}"
            )
        array[...] = own
    return named.flat
