"""What a tabular estimator is made of: one set of ingredients a preset, each of them measured.

``docs/accuracy.md`` has the ablation: what each ingredient is worth. Proved by
``tests/test_tabular_fitting.py``.

Source: Holzmüller, Grinsztajn & Steinwart 2024, "Better by default" (RealMLP-TD-S), with the
members of Gorishniy, Kotelnikov & Babenko 2025, "TabM" (its mini form).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from clearprop.errors import SettingError
from clearprop.initializers import INITIALIZERS
from clearprop.settings import Attr, check_all
from clearprop.training.schedules import SCHEDULES
from clearprop.words import did_you_mean, shown

__all__ = ["ATTRS", "PRESETS", "Ingredients", "chosen"]

#: What nothing else looks at: the network and its training look at their own.
ATTRS = (
    Attr("members", int, 1, bounds="[1, 1000]"),
    Attr("bags", int, 4, bounds="[1, 1000]"),
    Attr("batch_size", int, None, bounds="[1, inf)"),
    Attr("numbers", str, "pieces", choices=("robust", "pieces", "periodic", "standard")),
    Attr("validation", float, 0.2, bounds="[0, 1)"),
    Attr("pieces_up_to", int, 24, bounds="[0, inf)"),
    Attr("one_hot_up_to", int, 32, bounds="[0, inf)"),
    Attr("embedding", int, 8, bounds="[1, inf)"),
    Attr("quantile", float, 0.5, bounds="(0, 1)"),
    Attr("schedule", str, "coslog4", choices=tuple(SCHEDULES)),
    Attr("factors", str, "normal", choices=tuple(INITIALIZERS)),
    Attr("sharing", str, "packed", choices=("mini", "packed")),
    *(
        Attr(name, bool, False)
        for name in ("parametric", "equal_rates", "temperature", "clip", "refit", "beside")
    ),
    *(Attr(name, bool, True) for name in ("rare", "by_turns", "leave_worse", "by_cycles")),
)


@dataclass(frozen=True)
class Ingredients:
    """All that decides how a table is learned, but the table.

    Parameters
    ----------
    hidden : tuple of int
        Units of the hidden layers.
    activation : str
    parametric : bool
        Each unit trains how far it bends: a = z + α (f(z) − z).
    numbers : {"robust", "pieces", "periodic", "standard"}
        The recipe of columns of numbers.
    pieces_up_to : int
        Most columns of numbers whose pieces, or waves, every network sees.
    by_turns : bool
        Of more columns every second bag sees them, and the others the numbers alone, from 2,000
        rows on; else none does (`clearprop.estimators.tabular_views`).
    leave_worse : bool
        Of those two kinds, the one that is worse by a standard error on the rows held back is left
        behind after the second bag, and all others are of the better one.
    rare : bool
        Of those with pieces, columns of mostly one value whose other values mean something each
        (`clearprop.estimators.rare_values`) are ``"rare"``: cut finer, in inputs that are larger.
        The targets of all rows decide, those that are held back to choose the epoch among them.
    one_hot_up_to : int
        A category of more levels gets an embedding.
    embedding : int
        Units of an embedding.
    scale_lr_factor : float
        Of the layer of trained factors in front; 0 for no such layer.
    members : int
        Networks in one, whose mean predicts.
    sharing : {"mini", "packed"}
        Members share all but the first factors and the last layer, or nothing.
    factors : str
        Initial factors of the members.
    weights, biases, last : str
        Initial values of the hidden layers' weights and biases, and of the last layer's.
    equal_rates : bool
        Dense layers train at rate / √inputs, which is what a weight of variance 1 behind a factor
        1/√inputs does (the "neural tangent" form).
    bias_lr_factor : float
    learning_rate, beta2, weight_decay : float
        Of AdamW; no decay of biases.
    schedule : str
    dropout : float
    dropout_schedule, decay_schedule : str
        What dropout and decay are multiplied by along a run.
    label_smoothing : float
    epochs : int
    by_cycles : bool
        A run stops behind a cycle of its schedule in which the rows that judge it saw no progress,
        where they are 1,500 or more: fewer say too little.
    batch_size : int or None
        None: by the number of rows.
    validation : float
        Share of the rows that choose the epoch.
    quantile : float in (0, 1)
        The share of numbers below the prediction, where the metric is ``"pinball"``.
    temperature : bool
        Probabilities are sharpened or softened so that the validation rows' log-loss is least.
    clip : bool
        Predicted numbers stay within those of training.
    refit : bool
        Train again on all rows, up to the chosen epoch.
    beside : bool
        Those predict together with the networks that chose the epoch; else in their place.
    bags : int
        So many networks, each validated on another part of the rows; 1 for one.
    """

    hidden: tuple[int, ...] = (128, 128, 128)
    activation: str = "selu"
    parametric: bool = False
    numbers: Literal["robust", "pieces", "periodic", "standard"] = "pieces"
    pieces_up_to: int = 24
    by_turns: bool = True
    leave_worse: bool = True
    rare: bool = True
    one_hot_up_to: int = 32
    embedding: int = 8
    scale_lr_factor: float = 6.0
    members: int = 1
    sharing: Literal["mini", "packed"] = "packed"
    factors: str = "normal"
    weights: str = "lecun_normal"
    biases: str = "normal"
    last: str = "zeros"
    equal_rates: bool = True
    bias_lr_factor: float = 0.1
    learning_rate: float = 0.04
    beta2: float = 0.95
    weight_decay: float = 0.0
    schedule: str = "coslog4"
    dropout: float = 0.0
    dropout_schedule: str = "constant"
    decay_schedule: str = "constant"
    label_smoothing: float = 0.0
    epochs: int = 64
    by_cycles: bool = True
    batch_size: int | None = None
    validation: float = 0.2
    quantile: float = 0.5
    temperature: bool = True
    clip: bool = True
    refit: bool = False
    beside: bool = True
    bags: int = 4

    def batch(self, rows: int) -> int:
        """Return the rows of a step: more where there are more, so that an epoch stays short."""
        if self.batch_size is not None:
            return min(self.batch_size, rows)
        size = next((size for most, size in _BATCHES if rows <= most), 1024)
        return min(size, rows)

    def changed(self, changes: Mapping[str, Any]) -> Ingredients:
        """Return these with others in place of some.

        Raises
        ------
        SettingError
            For a name that is no ingredient, or a value that cannot be.
        """
        known = [one.name for one in fields(self)]
        if not isinstance(changes, Mapping):
            raise SettingError(f"changes is a dict of ingredients by name, got {shown(changes)}")
        for name in changes:
            if name not in known:
                raise SettingError(f"there is no ingredient {name!r}; {did_you_mean(name, known)}")
        if not isinstance(changes.get("hidden", ()), list | tuple):
            raise SettingError(
                f"hidden is a list of units, such as [128, 128], got {shown(changes['hidden'])}"
            )
        check_all(ATTRS, {one.name: changes[one.name] for one in ATTRS if one.name in changes})
        return replace(self, **changes)


#: (most rows, rows of a step)
_BATCHES = ((1024, 64), (8192, 128), (30_000, 256), (100_000, 512))

_FAST = Ingredients()
_DEFAULT = _FAST.changed({"refit": True})
_BEST = _FAST.changed({"refit": True, "bags": 8, "members": 2, "epochs": 128})

#: The presets by name, and what is different for a number to predict.
PRESETS: Mapping[str, Ingredients] = {"fast": _FAST, "default": _DEFAULT, "best": _BEST}
_REGRESSION: Mapping[str, Any] = {"activation": "mish", "learning_rate": 0.07}

#: How much labels are smoothed. A little keeps a network learning that has all rows of training
#: right, and biases no probability that matters; much costs log-loss and AUC, and helps accuracy.
_LITTLE = 0.01
_SMOOTHING = {"accuracy": 0.1}


def chosen(preset: str, task: str, metric: str, changes: Mapping[str, Any]) -> Ingredients:
    """Return the ingredients of a preset for a task and a metric, with the user's own changes.

    Raises
    ------
    SettingError
        For a preset or an ingredient that does not exist, with the nearest name.
    """
    if preset not in list(PRESETS):
        raise SettingError(f"there is no preset {preset!r}; {did_you_mean(preset, PRESETS)}")
    found = PRESETS[preset]
    if task == "regression":
        found = found.changed(_REGRESSION)
    else:
        found = found.changed({"label_smoothing": _SMOOTHING.get(metric, _LITTLE)})
    return found.changed(changes)
