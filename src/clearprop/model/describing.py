"""A trained model as text: what it predicts, from what, and how it was made.

Proved by ``tests/test_model.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from clearprop.words import number

if TYPE_CHECKING:
    from clearprop.model.model import Model

__all__ = ["described"]

_MADE = (
    "data", "preset", "metric", "optimizer", "batch_size", "epochs", "steps", "best_epoch",
    "stopped", "seed", "precision", "clearprop",
)  # fmt: skip


def described(model: Model) -> str:
    """Return the network, the target, the columns and how the model was trained."""
    told = [model.network.describe(), ""]
    if model.task == "classification":
        told.append(f"predicts {model.target.name}: {', '.join(map(str, model.labels))}")
    else:
        of = "a number" if model.quantile is None else f"the quantile {model.quantile:g}"
        told.append(f"predicts {model.target.name}: {of}")
    if model.encoder is not None:
        told.append(f"from {len(model.encoder.names)} columns: {', '.join(model.encoder.names)}")
    made = dict(model.provenance)
    if "runs" in made:  # each run's beside the others', in place of one number
        for what in ("steps", "epochs", "best_epoch"):
            each = [str(run[what]) for run in made["runs"] if what in run]
            made[what] = ", ".join(each) or made[what]
    told += [f"{key}: {_told(made[key])}" for key in _MADE if key in made]
    return "\n".join(told)


def _told(value: object) -> str:
    if isinstance(value, Mapping) and "name" in value:
        rest = {key: one for key, one in value.items() if key != "name"}
        return f"{value['name']} ({_told(rest)})" if rest else str(value["name"])
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_told(one)}" for key, one in value.items())
    return number(value) if isinstance(value, float) else str(value)
