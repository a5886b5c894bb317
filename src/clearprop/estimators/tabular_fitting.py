"""From a table and its targets to a model: encoder, network, training, temperature.

Owns the order of these things for the tabular estimators; knows nothing of scikit-learn. Proved by
``tests/test_tabular_fitting.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clearprop.estimators.tabular_figures import cost_of, watched
from clearprop.estimators.tabular_ingredients import Ingredients
from clearprop.estimators.tabular_network import HEAD, build
from clearprop.estimators.tabular_temperature import temperature
from clearprop.membership import TRAIN, VALIDATION, split
from clearprop.model import Interrupted, Model
from clearprop.model.arrays import Watcher, carry_out
from clearprop.model.model import input_arrays
from clearprop.network import Network
from clearprop.optimizers import AdamW
from clearprop.tables import Table
from clearprop.tables.cells import Role
from clearprop.tables.encoder import Encoded, fit_encoder
from clearprop.tables.task import Target
from clearprop.training import Training

__all__ = ["Fitted", "Rows", "fit"]

#: Fewest rows of which some are held back to choose the epoch.
LEAST_TO_VALIDATE = 10


@dataclass(frozen=True)
class Rows:
    """What is learned from.

    Parameters
    ----------
    table : Table
    roles : {column: role}
    y : (n,) int64 places of classes, or float64 standardised numbers
    target : Target
    weights : (n,) float64 or None
    """

    table: Table
    roles: Mapping[str, Role]
    y: NDArray[Any]
    target: Target
    weights: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class Fitted:
    """What came of it.

    Attributes
    ----------
    model : Model
    epoch : int
        The chosen one, from 1.
    steps : int
        Steps done: as ``max_steps``, with the same seed, they give the same bits.
    interrupted : bool
        Whether Ctrl-C ended it.
    """

    model: Model
    epoch: int
    steps: int
    interrupted: bool


def fit(
    rows: Rows,
    made_of: Ingredients,
    *,
    metric: str,
    seed: int,
    progress: Watcher | None = None,
    time_limit: float | None = None,
    max_steps: int | None = None,
    **settings: Any,
) -> Fitted:
    """Learn from the rows.

    Parameters
    ----------
    rows : Rows
    made_of : Ingredients
    metric : str
        A name in `clearprop.metrics.METRICS`.
    seed : int
    progress : callable, optional
        Called with a `clearprop.training.Progress` a few times a second.
    time_limit : float, seconds, optional
    max_steps : int, optional
    settings
        ``threads``, ``precision``, ``checkpoint``, ``resume`` of `clearprop.training.Training`.
    """
    encoder = fit_encoder(
        rows.table,
        rows.roles,
        recipes=_recipes(rows, made_of),
        one_hot_up_to=made_of.one_hot_up_to,
    )
    cost = cost_of(rows.target.task, metric)
    network = build(encoder, rows.target, made_of, cost)
    double = settings.get("precision") == "float64"
    encoded = encoder.encode(rows.table, np.float64 if double else np.float32)
    n = len(rows.y)
    parts = np.full(n, TRAIN, np.uint8)
    if n >= LEAST_TO_VALIDATE and made_of.validation:
        labels = rows.y if rows.target.task == "classification" else None
        parts = split(seed, n, validation=made_of.validation, labels=labels)

    def taken(chosen: NDArray[np.bool_]) -> tuple[Any, ...]:
        own = () if rows.weights is None else (rows.weights[chosen],)
        return (_inputs(network, encoded, chosen), rows.y[chosen], *own)

    X, y, *own = taken(parts == TRAIN)
    held = taken(parts == VALIDATION) if (parts == VALIDATION).any() else None
    watching: dict[str, Any] = {}
    if held is not None:
        watching = {
            "validation": held,
            "metric": watched(rows.target, metric, held[2] if rows.weights is not None else None),
            "monitor": "metric",
            "greater_is_better": False,
        }
    with Training(
        network, X, y,
        sample_weight=own[0] if own else None,
        optimizer=AdamW(
            made_of.learning_rate, beta2=made_of.beta2, weight_decay=made_of.weight_decay
        ),
        schedule=made_of.schedule, epochs=made_of.epochs, batch_size=made_of.batch(len(y)),
        early_stopping=False, seed=seed, time_limit=time_limit, max_steps=max_steps,
        **watching, **settings,
    ) as training:  # fmt: skip
        interrupted = False
        try:
            model = carry_out(training, rows.target, progress)
        except Interrupted as error:
            if error.model is None:
                raise
            model, interrupted = error.model, True
        steps, epoch = training.step, training.progress.best_epoch or training.epoch
    model.encoder = encoder
    if made_of.temperature and held is not None and rows.target.task == "classification":
        _temper(model, held)
    return Fitted(model, epoch, steps, interrupted)


def _recipes(rows: Rows, made_of: Ingredients) -> dict[str, str]:
    """The recipe of each column of numbers."""
    numbers = [name for name, role in rows.roles.items() if role == "number"]
    recipe = made_of.numbers
    if recipe == "pieces" and len(numbers) > made_of.pieces_up_to:
        recipe = "robust"
    return dict.fromkeys(numbers, recipe)


def _inputs(network: Network, encoded: Encoded, rows: NDArray[np.bool_]) -> dict[str, NDArray[Any]]:
    return input_arrays(network, Encoded(encoded.X[rows], encoded.indices[rows]))


def _temper(model: Model, held: tuple[Any, ...]) -> None:
    """Divide the last layer by the temperature that the held rows ask for.

    softmax(z / T), with z = W a + b of the last layer, is softmax of (W / T) a + b / T: the network
    stays a network. With members, each one's z is divided before the mean.
    """
    X, y, *own = held
    before = {name: model.parameters[name].copy() for name in (f"W_{HEAD}", f"b_{HEAD}")}

    def probabilities(inverse: float) -> NDArray[Any]:
        for name, array in before.items():
            model.parameters[name][...] = array * inverse
        return model._one(X)

    T = temperature(probabilities, y, own[0] if own else None)
    probabilities(1 / T)
    model.provenance["temperature"] = T
