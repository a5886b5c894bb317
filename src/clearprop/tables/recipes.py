"""How a column becomes inputs: one row of one table a recipe.

A recipe says what it asks about a column, makes its parameters from the facts, and encodes cells
with them. Parameters are plain data (numbers, texts, lists), so an encoder is a JSON text.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clearprop.tables.facts import Asked, Facts
from clearprop.tables.recipe import Parameters, Recipe
from clearprop.tables.robust import ROWS
from clearprop.tables.table import Cells

__all__ = ["RECIPES"]

#: More levels than this in one column are more than one table should give a network.
MOST_LEVELS = 100_000

_YEAR = 365.2425  # days of the mean Gregorian year
_MONDAY = 4  # 1970-01-05 was a Monday


# ---- numbers -----------------------------------------------------------------------------------


def _fit_standard(facts: Facts) -> Parameters:
    """mean and std of the values that are there; of none, or of one value: no scaling."""
    some = facts.count > 0
    return {
        "mean": facts.mean if some else 0.0,
        "std": facts.std if facts.std > 0 else 1.0,
        "median": facts.quantiles[0.5] if some else 0.0,
        "flag": facts.missing > 0 and some,
    }


def _standard_labels(name: str, parameters: Parameters) -> list[str]:
    return [name, f"{name} missing"] if parameters["flag"] else [name]


def _encode_standard(cells: Cells, parameters: Parameters, out: NDArray[Any]) -> None:
    x = np.where(cells.valid, cells.values, parameters["median"])
    out[:, 0] = (x - parameters["mean"]) / parameters["std"]  # (x − mean) / std
    if parameters["flag"]:
        out[:, 1] = ~cells.valid


# ---- categories --------------------------------------------------------------------------------


def _fit_levels(facts: Facts) -> Parameters:
    assert facts.levels is not None
    return {"levels": list(facts.levels), "missing": facts.missing > 0}


def _codes(cells: Cells, parameters: Parameters) -> NDArray[np.int64]:
    """The place of each cell's level; −1 unknown; behind the last level, missing if that is one."""
    levels: Sequence[str] = parameters["levels"]
    place = {level: number for number, level in enumerate(levels)}
    codes = np.fromiter(
        map(place.get, cells.values.tolist(), repeat(-1)), np.int64, len(cells.values)
    )
    codes[~cells.valid] = len(levels) if parameters["missing"] else -1
    return codes


def _onehot_labels(name: str, parameters: Parameters) -> list[str]:
    labels = [f"{name}={level}" for level in parameters["levels"]]
    return [*labels, f"{name} missing"] if parameters["missing"] else labels


def _encode_onehot(cells: Cells, parameters: Parameters, out: NDArray[Any]) -> None:
    codes = _codes(cells, parameters)
    known = np.flatnonzero(codes >= 0)
    out[known, codes[known]] = 1


def _index_levels(parameters: Parameters) -> int:
    return 1 + len(parameters["levels"]) + bool(parameters["missing"])


def _encode_index(cells: Cells, parameters: Parameters, out: NDArray[Any]) -> None:
    out[:] = _codes(cells, parameters) + 1  # 0 is for what training has not seen


# ---- truth values ------------------------------------------------------------------------------


def _fit_boolean(facts: Facts) -> Parameters:
    return {"flag": facts.missing > 0}


def _encode_boolean(cells: Cells, parameters: Parameters, out: NDArray[Any]) -> None:
    out[:, 0] = np.where(cells.valid, 2 * cells.values - 1, 0)  # true +1, false −1, missing 0
    if parameters["flag"]:
        out[:, 1] = ~cells.valid


# ---- dates -------------------------------------------------------------------------------------


def _fit_date(facts: Facts) -> Parameters:
    # Only dates with times of day in them have an hour, and only dates that go through a good part
    # of a week or a year tell anything by their place in it.
    span = facts.high - facts.low if facts.count else 0.0
    return {**_fit_standard(facts), "cycles": [*_cycles(span, facts.whole)]}


def _cycles(span: float, whole: bool) -> list[str]:
    cycles = ["year"] if span > _YEAR / 2 else []
    cycles += ["week"] if span > 3 else []
    return cycles if whole else [*cycles, "day"]


def _date_labels(name: str, parameters: Parameters) -> list[str]:
    labels = _standard_labels(name, parameters)
    for cycle in parameters["cycles"]:
        labels += [f"{name} {cycle} sin", f"{name} {cycle} cos"]
    return labels


def _phase(days: NDArray[np.float64], cycle: str) -> NDArray[np.float64]:
    """The place within the year, the week or the day, from 0 to 1."""
    if cycle == "day":
        return days - np.floor(days)
    if cycle == "week":
        week: NDArray[np.float64] = np.mod(days - _MONDAY, 7) / 7
        return week
    date = np.floor(days).astype("datetime64[D]")
    year = date.astype("datetime64[Y]")
    first = year.astype("datetime64[D]").astype(np.float64)
    length = (year + 1).astype("datetime64[D]").astype(np.float64) - first
    place: NDArray[np.float64] = (days - first) / length
    return place


def _encode_date(cells: Cells, parameters: Parameters, out: NDArray[Any]) -> None:
    width = 1 + parameters["flag"]
    _encode_standard(cells, parameters, out[:, :width])
    days = np.where(cells.valid, cells.values, 0.0)
    for number, cycle in enumerate(parameters["cycles"]):
        turn = 2 * math.pi * _phase(days, cycle)
        # A missing date has no place in a cycle: the centre of the circle.
        out[:, width + 2 * number] = np.where(cells.valid, np.sin(turn), 0)
        out[:, width + 2 * number + 1] = np.where(cells.valid, np.cos(turn), 0)


_ROWS = (
    Recipe(
        "standard",
        Asked("number", moments=True, quantiles=(0.5,)),
        _fit_standard,
        _standard_labels,
        _encode_standard,
        help="(x − mean) / std; missing: the median, and a flag if training had any",
    ),
    Recipe(
        "onehot",
        Asked("category", levels=MOST_LEVELS),
        _fit_levels,
        _onehot_labels,
        _encode_onehot,
        help="one input a level; missing: a level if training had any; unknown: all zero",
    ),
    Recipe(
        "index",
        Asked("category", levels=MOST_LEVELS),
        _fit_levels,
        lambda name, parameters: [name],
        _encode_index,
        _index_levels,
        help="the level's number, for a gather; 0: unknown, or missing if training had none",
    ),
    Recipe(
        "boolean",
        Asked("boolean"),
        _fit_boolean,
        _standard_labels,
        _encode_boolean,
        help="true +1, false −1, missing 0 and a flag if training had any",
    ),
    Recipe(
        "date",
        Asked("date", moments=True, quantiles=(0.5,)),
        _fit_date,
        _date_labels,
        _encode_date,
        help="days as a number, and the place in year, week and day on a circle",
    ),
)

#: The recipes by name.
RECIPES: dict[str, Recipe] = {recipe.name: recipe for recipe in (*_ROWS, *ROWS)}
