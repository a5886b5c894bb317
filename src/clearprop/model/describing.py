"""A trained model in lines: what it predicts, from what, and how it was made.

Proved by ``tests/test_model.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from clearprop.tables.target import Target
from clearprop.words import number

__all__ = ["facts_of"]

_MADE = (
    "data", "preset", "metric", "optimizer", "batch_size", "epochs", "steps", "best_epoch",
    "stopped", "seed", "precision", "clearprop",
)  # fmt: skip


def facts_of(
    target: Target,
    quantile: float | None,
    columns: Sequence[str] | None,
    provenance: Mapping[str, Any],
) -> list[str]:
    """Return a line each of the target, the columns that are read, and how a model was trained."""
    if target.task == "classification":
        told = [f"predicts {target.name}: {', '.join(map(str, target.labels))}"]
    else:
        of = "a number" if quantile is None else f"the quantile {quantile:g}"
        told = [f"predicts {target.name}: {of}"]
    if columns is not None:
        told.append(f"from {len(columns)} columns: {', '.join(columns)}")
    made = dict(provenance)
    if "runs" in made:  # each run's beside the others', in place of one number
        for what in ("steps", "epochs", "best_epoch"):
            each = [str(run[what]) for run in made["runs"] if what in run]
            made[what] = ", ".join(each) or made[what]
    return [*told, *(f"{key}: {_told(made[key])}" for key in _MADE if key in made)]


def _told(value: object) -> str:
    if isinstance(value, Mapping) and "name" in value:
        rest = {key: one for key, one in value.items() if key != "name"}
        return f"{value['name']} ({_told(rest)})" if rest else str(value["name"])
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_told(one)}" for key, one in value.items())
    return number(value) if isinstance(value, float) else str(value)
