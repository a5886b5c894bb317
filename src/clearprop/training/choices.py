"""What a run can be told: its knobs, a row each, and what they come to for given data.

Proved by ``tests/test_training_settings.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from clearprop.engine import Data, Open, Precision, Runner, open_native, open_reference
from clearprop.errors import DataError, NativeError, SettingError
from clearprop.graph import Graph
from clearprop.membership import VALIDATION, split
from clearprop.network import Inputs, Network
from clearprop.optimizers import Optimizer
from clearprop.settings import Attr
from clearprop.training.arrays import classes, gathered, taken
from clearprop.training.batches import Batches, Shuffled, Whole, automatic_size
from clearprop.training.progress import Callback
from clearprop.training.schedules import Schedule
from clearprop.words import shown

__all__ = [
    "ATTRS", "PATIENCE", "Engine", "Metric", "Rows", "check_patience", "check_suited", "divided",
    "opened", "several",
]  # fmt: skip

Engine = Literal["native", "reference", "auto"]
Metric = Callable[[Any, Any], float]

#: Epochs without progress, unless somebody says.
PATIENCE = 16

ATTRS: tuple[Attr, ...] = (
    Attr("epochs", int, None, bounds="[1, inf)", help="times through the rows; by default 100"),
    Attr("steps", int, None, bounds="[1, inf)", help="length of the run, in place of epochs"),
    Attr("batch_size", int, None, bounds="[1, inf)", unit="rows",
         help="rows of a step; by default about a 32nd, from 32 to 256"),
    Attr("seed", int, 0, bounds="[0, 18446744073709551615]", help="same seed, same bits"),
    Attr("clip", float, None, bounds="(0, inf)", help="greatest 2-norm of the gradient"),
    Attr("early_stopping", bool, None,
         help="stop when the watched figure falls no more; by default with validation rows only"),
    Attr("patience", int, PATIENCE, bounds="[1, inf)", unit="epochs",
         help="epochs without progress"),
    Attr("min_delta", float, 0.0, bounds="[0, inf)", help="a smaller fall is no progress"),
    Attr("precision", str, None, choices=("float32", "float64", "bfloat16"),
         help="by default float32, in the reference float64"),
    Attr("engine", str, "native", choices=("native", "reference", "auto"),
         help="the reference is float64 NumPy; auto takes it where the native one cannot run"),
    Attr("threads", int, None, bounds="[1, 1024]", help="changes no bits"),
    Attr("time_limit", float, None, bounds="(0, inf)", unit="s", help="stop after so long"),
    Attr("max_steps", int, None, bounds="[1, inf)", help="stop after so many steps"),
    Attr("greater_is_better", bool, True, help="of the metric that is watched"),
    Attr("monitor", str, "cost", choices=("cost", "metric"), help="the figure that is watched"),
    Attr("resume", bool, False, help="go on from the checkpoint if there is one"),
    Attr("checkpoint_seconds", float, 30.0, bounds="[0, inf)", unit="s",
         help="time between two checkpoints"),
)  # fmt: skip
"""The knobs of `clearprop.training.Training` that are plain numbers, texts or truth values."""

_ENGINES: dict[str, Open] = {"native": open_native, "reference": open_reference}


@dataclass(frozen=True)
class Rows:
    """The data of a run: what windows point into, what validates, which rows each step takes."""

    data: Data
    validation: Data | None
    batches: Batches
    validation_rows: NDArray[np.int64] | None
    """Where the validation rows were taken from, if a share was."""


def divided(
    network: Network,
    X: Inputs,
    Y: Any,
    sample_weight: Any,
    validation: Any,
    batch_size: int | Literal["full"] | None,
    seed: int,
    precision: Precision,
) -> Rows:
    """Check the arrays and say which rows train, which validate, and how many a step takes."""
    greatest = float(np.finfo(np.float64 if precision == "float64" else np.float32).max)
    data = gathered(network, X, Y, sample_weight, greatest=greatest)
    held: Data | None = None
    rows: NDArray[np.int64] | int = len(data)
    held_rows = None
    if isinstance(validation, tuple | list):
        if len(validation) not in (2, 3):
            raise DataError("validation is a share such as 0.2, (X, Y), or (X, Y, sample_weight)")
        held = gathered(network, *validation, greatest=greatest, part="validation ")
    elif validation is not None:
        share = Attr("validation", float, 0.2, bounds="(0, 1)").check(validation)
        assert isinstance(share, float)
        labels = classes(network, data)
        parts = split(seed, len(data), validation=share, labels=labels)
        held_rows, rows = np.flatnonzero(parts == VALIDATION), np.flatnonzero(parts != VALIDATION)
        held = taken(data, held_rows)
        weights = data.weights
        if weights is not None and not (weights[rows].sum() > 0 and weights[held_rows].sum() > 0):
            raise DataError(
                "sample_weight is 0 on all training or all validation rows; give validation rows"
            )
    if batch_size == "full":
        batches: Batches = Whole(rows)
    else:
        n = rows if isinstance(rows, int) else len(rows)
        batches = Shuffled(rows, batch_size or automatic_size(n))
    return Rows(data, held, batches, held_rows)


def check_patience(patience: object, validation: object, early_stopping: object) -> None:
    """See that patience, if a caller names it, has something to count.

    Raises
    ------
    SettingError
        Where there are no validation rows, and the training cost is not watched in their place.
    """
    if patience is not None and early_stopping is False:
        raise SettingError(
            f"patience={shown(patience)} counts epochs without progress, and early_stopping=False "
            "ends no run for want of it: leave one of them out"
        )
    if patience is not None and validation is None and not early_stopping:
        raise SettingError(
            f"patience={shown(patience)} counts epochs in which validation rows get no better, and "
            "there are none: give validation=0.2, or early_stopping=True to watch the training "
            "cost, or leave patience out"
        )


def check_suited(
    rule: Optimizer,
    schedule: Schedule,
    batch_size: object,
    full: bool,
    clip: float | None,
    precision: str | None,
) -> None:
    """Refuse what an optimizer has no use for.

    Raises
    ------
    SettingError
        For a schedule of a rule that has none; for a whole-batch rule also for a batch size, for
        clipping, for a precision too coarse for it.
    """
    name = rule.name
    if not rule.scheduled and schedule.name != "constant":
        raise SettingError(
            f"{name} takes no schedule, and schedule={schedule.name!r}: leave it out"
        )
    if not rule.whole:
        return
    if batch_size is not None and not full:
        raise SettingError(
            f"{name} takes all rows in every step, and batch_size={shown(batch_size)}: leave it "
            "out, or use adam"
        )
    if clip is not None:
        raise SettingError(f"{name} finds the length of its steps, and clip={clip}: leave it out")
    if precision is not None and precision not in rule.precisions:
        raise SettingError(
            f"{name} needs {' or '.join(rule.precisions)}, got precision={precision!r}; leave "
            "precision out"
        )


def opened(
    engine: str,
    graph: Graph,
    optimizer: Optimizer,
    data: Data,
    precision: Precision,
    threads: int | None,
    clip: float | None,
) -> tuple[Runner, str]:
    """Open an engine; return it, and for ``"auto"`` why it is not the native one, or nothing."""
    told: dict[str, Any] = {"threads": threads, "clip": clip}
    if engine != "auto":
        return _ENGINES[engine](graph, optimizer, data, precision=precision, **told), ""
    try:
        return open_native(graph, optimizer, data, precision=precision, **told), ""
    except NativeError as error:
        runner = open_reference(graph, optimizer, data, precision="float64", **told)
        return runner, f"the float64 reference trains instead of the native engine: {error}"


def several(given: object) -> tuple[Callback, ...]:
    """Return the callbacks, given as one or as a list."""
    callbacks = given if isinstance(given, list | tuple) else (given,)
    for one in callbacks:
        if not callable(one):
            raise SettingError(f"callbacks are functions of a Progress, got {shown(one)}")
    return tuple(callbacks)
