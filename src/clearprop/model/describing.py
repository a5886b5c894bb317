"""A trained model in lines: what it predicts, from what, and how it was made.

Proved by ``tests/test_model.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from clearprop.notebook import headed, table
from clearprop.tables.target import Target
from clearprop.words import number

__all__ = ["facts_of", "mix_of", "page_of"]

_MADE = (
    "data", "preset", "metric", "class_weight", "optimizer", "batch_size", "epochs", "steps",
    "best_epoch", "stopped", "rows", "created", "seed", "precision", "clearprop",
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
    if isinstance(made.get("rows"), Mapping):
        made["rows"] = _rows(made["rows"])
    for key in _MADE:
        if key in made:
            mix = f"{_factors(made[key])}; {_MIX}" if key == "class_weight" else ""
            told.append(f"{key}: {mix or _told(made[key])}")
    return told


def mix_of(provenance: Mapping[str, Any]) -> str:
    """Return which mix of classes probabilities are of, where it is not that of the rows; or ""."""
    given = provenance.get("class_weight")
    return f"{_factors(given)}: {_MIX}" if given else ""


_MIX = "probabilities are those of such a mix of classes, not of the rows'"


def _rows(counts: Mapping[str, int]) -> str:
    parts = ("training", "validation", "test", "unlabelled")
    return ", ".join(f"{_told(counts[part])} {part}" for part in parts if counts.get(part))


def _factors(given: object) -> str:
    if not isinstance(given, Mapping):
        return str(given)
    return ", ".join(f"{label} {_told(factor)}" for label, factor in given.items())


def page_of(
    title: str,
    facts: Sequence[str],
    columns: Sequence[Mapping[str, Any]],
    figures: Mapping[str, Any],
) -> str:
    """Return the facts, the table's columns and the figures of held-back rows, for a notebook."""
    parts = [table((), [line.partition(": ")[::2] for line in facts])]
    if columns:
        used = [[one.get(key) for key in ("name", "use", "why")] for one in columns]
        parts.append(table(("column", "used as", "because"), used))
    rows = {name: figures[name] for name in ("test", "validation") if figures.get(name)}
    if rows:
        names = dict.fromkeys(name for found in rows.values() for name in found)
        told = [[name, *(found.get(name) for found in rows.values())] for name in names]
        parts.append(table(("figure", *rows), told))
    return headed(title, *parts)


def _told(value: object) -> str:
    if isinstance(value, Mapping) and "name" in value:
        rest = {key: one for key, one in value.items() if key != "name"}
        return f"{value['name']} ({_told(rest)})" if rest else str(value["name"])
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_told(one)}" for key, one in value.items())
    return number(value) if isinstance(value, float) else str(value)
