"""What the accuracy page takes from records: figures by table and model, means, ranks."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

Record = Mapping[str, Any]

#: The figure that an aggregate is over, less being better; + 0.01 keeps a table without errors
#: from deciding alone (Holzmüller et al. 2024, section 5).
SHIFT = 0.01

OURS = "clearprop default"
"""What others stand beside."""

PRESETS = ("clearprop fast", OURS, "clearprop best")
"""Aggregates are over the tables that all of them have been run on."""

MODELS = (
    *PRESETS,
    "scikit-learn MLP",
    "LightGBM",
    "XGBoost",
    "CatBoost",
    "RealMLP-TD-S",
    "RealMLP-TD",
    "TabM-D",
)


def read(path: Path) -> list[Record]:
    """The records of a file, none if there is no file."""
    if not path.exists():
        return []
    records: list[Record] = json.loads(path.read_text("utf-8"))["records"]
    return records


def mean(values: Iterable[float]) -> float:
    """The arithmetic mean."""
    found = list(values)
    return sum(found) / len(found)


def shifted(values: Iterable[float]) -> float:
    """The shifted geometric mean."""
    return math.exp(mean(math.log(value + SHIFT) for value in values)) - SHIFT


def figures(records: Sequence[Record], name: str) -> dict[tuple[str, str], dict[int, float]]:
    """{(table, model): {split: the figure}} of the splits that have it"""
    found: dict[tuple[str, str], dict[int, float]] = {}
    for record in records:
        if name in record:
            of = found.setdefault((record["table"], record["model"]), {})
            of[record["split"]] = record[name]
    return found


def shared(
    found: Mapping[tuple[str, str], Mapping[int, float]], table: str, models: Sequence[str]
) -> dict[str, float]:
    """{model: its mean} over the splits of a table that all of the models have; {} for none."""
    splits = set.intersection(*(set(found[table, model]) for model in models))
    if not splits:
        return {}
    return {model: mean(found[table, model][split] for split in splits) for model in models}


def ranks(values: Mapping[str, float]) -> dict[str, float]:
    """{model: its place, 1 the least}; those that are equal share the mean of theirs."""
    return {
        name: 1
        + sum(other < own for other in values.values())
        + (sum(other == own for other in values.values()) - 1) / 2
        for name, own in values.items()
    }


def change(ratios: Sequence[float]) -> str:
    """The mean of logarithms as a change in percent, with its standard error."""
    middle = mean(ratios)
    text = f"{100 * math.expm1(middle):+.1f}"
    if len(ratios) > 1:
        variance = sum((one - middle) ** 2 for one in ratios) / (len(ratios) - 1)
        text += f" ± {100 * math.sqrt(variance / len(ratios)):.1f}"
    return f"{text} %"
