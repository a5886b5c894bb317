"""Training from arrays: a loop over a `Training`, and the model that comes of it.

Proved by ``tests/test_model_training.py``.
"""

from __future__ import annotations

import datetime
import inspect
import platform
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from clearprop import __version__
from clearprop.errors import DataError, SettingError
from clearprop.model.interval import Residuals
from clearprop.model.model import Model
from clearprop.model.targets import encode_target, find_target
from clearprop.network import Inputs, Network, check_network
from clearprop.optimizers import Optimizer
from clearprop.settings import check_setting_names
from clearprop.tables.target import Target
from clearprop.training import Progress, Training
from clearprop.words import shown

__all__ = [
    "Interrupted", "Watcher", "carry_out", "check_settings", "keep_residuals", "model_of",
    "train",
]  # fmt: skip

Watcher = Callable[[Progress], object]
"""Called a few times a second with where the run stands."""

#: Seconds between two calls of a watcher.
_SLICE = 0.1


class Interrupted(KeyboardInterrupt):
    """Ctrl-C during training: what there is so far is not lost.

    Attributes
    ----------
    model : Model or None
        With the best parameters so far; None if no step was done.
    """

    def __init__(self, model: Model | None) -> None:
        super().__init__("training was interrupted")
        self.model = model


def train(
    network: Network,
    X: Inputs,
    Y: Any,
    *,
    optimizer: str | Optimizer = "adam",
    epochs: int | None = None,
    batch_size: int | None = None,
    validation: float | Sequence[Any] | None = None,
    sample_weight: ArrayLike | None = None,
    seed: int = 0,
    progress: Watcher | None = None,
    **settings: Any,
) -> Model:
    """Train a network on arrays and return the model.

    Parameters
    ----------
    network : Network
    X : (n, width) array, or mapping by input
    Y : (n,) labels of any kind or numbers, or (n, outputs) array
        For a cost over classes: any K different values, which the model then predicts.
    optimizer, epochs, batch_size, validation, sample_weight, seed
        And ``learning_rate``, ``schedule``, ``dropout_schedule``, ``decay_schedule``, ``clip``,
        ``early_stopping``, ``patience``, ``precision``, ``threads``, ``time_limit``,
        ``max_steps``, ``checkpoint``, ``resume``, …: see `clearprop.training.Training`. Patience
        is refused where it would count nothing.
    progress : callable, optional
        Called with a `clearprop.training.Progress` a few times a second; it changes no bits.

    Returns
    -------
    Model
        With validation rows, of the epoch whose cost on them is least.

    Raises
    ------
    Interrupted
        After Ctrl-C; its ``model`` is the best so far.
    DivergenceError
        If the cost leaves the finite numbers; it says when, and what to try.

    Examples
    --------
    >>> X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    >>> net = Network([2, 8, 2], "tanh", cost="cross_entropy")
    >>> model = train(net, X, ["no", "yes", "yes", "no"], learning_rate=0.05, epochs=200)
    >>> model.predict(X).tolist()
    ['no', 'yes', 'yes', 'no']
    """
    check_network("train", network)
    check_settings(settings)
    if progress is not None and not callable(progress):
        raise SettingError(f"progress is a function of a Progress or None, got {shown(progress)}")
    target = find_target(network, Y)
    if isinstance(validation, list | tuple) and len(validation) > 1:
        Xv, Yv, *rest = validation
        validation = (Xv, encode_target(target, Yv), *rest)
    with Training(
        network,
        X,
        encode_target(target, Y),
        optimizer=optimizer,
        epochs=epochs,
        batch_size=batch_size,
        validation=validation,
        sample_weight=sample_weight,
        seed=seed,
        **settings,
    ) as training:
        model = carry_out(training, target, progress)
        try:
            keep_residuals(model, training)
        except KeyboardInterrupt:
            raise Interrupted(model) from None
        return model


def check_settings(names: Iterable[str]) -> None:
    """See that `train` has each setting.

    Raises
    ------
    SettingError
        With the nearest name.
    """
    check_setting_names("train", names, [*inspect.signature(Training).parameters, "progress"])


def carry_out(training: Training, target: Target, progress: Watcher | None = None) -> Model:
    """Take a run to its end and return the model of its best parameters.

    Raises
    ------
    Interrupted
        After Ctrl-C.
    """
    try:
        if progress is None:
            training.run()
        else:
            while not training.finished:  # slice by slice, which changes no bits
                progress(training.advance(seconds=_SLICE))
    except KeyboardInterrupt:
        raise Interrupted(model_of(training, target) if training.step else None) from None
    training.close()  # what steps needed makes room for the model
    return model_of(training, target)


def keep_residuals(model: Model, training: Training) -> None:
    """Let a model of one number know what it is off by on its run's validation rows.

    They chose its epoch, and did not train it.
    """
    held, outputs = training.validation, training.network.graph.outputs
    if held is None or model.task != "regression" or len(outputs) > 1:
        return
    (y,) = held.targets.values()
    if y.size == len(y):
        with suppress(DataError):  # an output that is no finite number is refused when asked for
            found = model._one(held.inputs)
            if found.shape[1] == 1:
                y = np.asarray(y, np.float64).reshape(-1)
                model.residuals = Residuals.of(model.target, y, found, held.weights)


def model_of(training: Training, target: Target) -> Model:
    """Return the model of a run's best parameters, ended or not."""
    best = training.best
    if not np.isfinite(best.flat).all():
        raise DataError("the parameters are not finite; train with a smaller learning_rate")
    progress = training.progress
    held = training.validation
    chosen = training.optimizer
    provenance = {
        "clearprop": __version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "seconds": round(progress.seconds, 3),
        "seed": training.seed,
        "optimizer": {"name": chosen.name, **chosen.settings},
        **training.schedules,
        "batch_size": training.batches.size,
        "epochs": progress.epoch,
        "best_epoch": progress.best_epoch,
        "steps": progress.step,
        "stopped": progress.why or "interrupted",
        "rows": {
            "training": len(training.data) - _count(training.validation_rows),
            "validation": 0 if held is None else len(held),
        },
        "precision": training.precision,
        "engine": training.state.family,
    }
    return Model(
        training.network, best, target, history=training.history.copy(), provenance=provenance
    )


def _count(rows: Any) -> int:
    return 0 if rows is None else len(rows)
