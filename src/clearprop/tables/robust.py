"""Numbers that a few wild cells cannot spoil: robust scaling, smooth clipping, pieces, waves.

A column is centred at its median and divided by the distance of its quartiles; what is far out is
pulled into (−3, 3) by a smooth function. Proved by ``tests/test_tabular_recipes.py``.

Source: Holzmüller, Grinsztajn & Steinwart 2024, "Better by default", section 3 and appendix A;
the pieces and the waves: Gorishniy, Rubachev & Babenko 2022, "On embeddings for numerical
features", eq. 1 and 2. There the frequencies of waves are trained; here they are given, so that
waves, as pieces, are inputs, and what is trained behind them is a layer as any other.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clearprop.tables.facts import Asked, Facts
from clearprop.tables.recipe import Parameters, Recipe
from clearprop.tables.table import Cells

__all__ = ["PIECES", "ROWS"]

#: Pieces of a column, cut at quantiles: as many at most, fewer where quantiles coincide.
PIECES = 16

#: The range of an input that is a piece. Small beside the column itself: a network begins with
#: smooth functions of the columns, and learns which of the pieces it needs (docs/accuracy.md).
_PIECE = 0.3

#: Pieces of a column of mostly one value whose other values mean something each, at most.
_RARE_PIECES = 64
#: … and their deviation, up to a range: a network hardly learns from what is rare and small.
_RARE_STD, _RARE_RANGE = 0.5, 3.0

#: How high a wave is, for the same reason.
_WAVE = 0.15

#: Waves of a column, their lengths from far more than its range down to the distance of its
#: quartiles, each 2^(4/7) times shorter than the one before.
_FREQUENCIES = tuple(2.0 ** (4 * k / 7 - 4) for k in range(8))

_QUARTILES = (0.25, 0.5, 0.75)
#: Steps of quantiles, each half the last, tried until they give cuts enough: a column of mostly one
#: value is cut finer in its tail.
_STEPS = tuple(1 / (PIECES * 2**halvings) for halvings in range(2, 6))
_FINEST = _STEPS[-1] / 2
_LIMIT = 3.0  # values end up in (−3, 3)
_FAR = 1e100  # its square is finite, and it is as good as infinitely far out


def _fit_robust(facts: Facts) -> Parameters:
    """The median, and half the distance of the quartiles, or of the extremes, or nothing.

    Halves, so that the distance of two numbers of opposite signs is finite however large they are.
    """
    if not facts.count:
        return {"median": 0.0, "half": 0.0, "flag": False}
    low, median, high = (facts.quantiles[q] for q in _QUARTILES)
    half = high / 2 - low / 2
    if half == 0:  # s = 2 / (max − min): a column of mostly one value
        half = (facts.high / 2 - facts.low / 2) / 2
    return {"median": median, "half": half, "flag": facts.missing > 0}


def _robust(x: NDArray[np.float64], parameters: Parameters) -> NDArray[np.float64]:
    """x / √(1 + (x/3)²) of x = (cell − median) / (q₇₅ − q₂₅); 0 for a column of one value."""
    half = parameters["half"]
    if half == 0:
        return np.zeros(len(x))
    with np.errstate(over="ignore"):
        x = (x / 2 - parameters["median"] / 2) / half
    x = np.clip(x, -_FAR, _FAR)
    clipped: NDArray[np.float64] = x / np.sqrt(1 + np.square(x / _LIMIT))
    return clipped


def _there(cells: Cells, parameters: Parameters) -> NDArray[np.float64]:
    return np.where(cells.valid, cells.values, parameters["median"])


def _robust_labels(name: str, parameters: Parameters) -> list[str]:
    return [name, f"{name} missing"] if parameters["flag"] else [name]


def _encode_robust(cells: Cells, parameters: Parameters, out: NDArray[Any]) -> None:
    out[:, 0] = _robust(_there(cells, parameters), parameters)
    if parameters["flag"]:
        out[:, 1] = ~cells.valid


def _places(step: float) -> list[float]:
    """0, step, 2 step, … 1."""
    return [place * step for place in range(round(1 / step) + 1)]


def _cuts(facts: Facts, step: float) -> list[float]:
    """The different quantiles at 0, step, 2 step, … 1."""
    found = [facts.quantiles[q] for q in _places(step)]
    if facts.whole:  # a quantile between 0 and 1 is none of their values
        found = [float(np.floor(cut)) for cut in found]
    return sorted(set(found))


def _fewer(cuts: list[float], pieces: int) -> list[float]:
    """At most so many pieces between cuts, by their places; none of one piece, which is no cut."""
    if len(cuts) > pieces + 1:
        cuts = [cuts[round(j * (len(cuts) - 1) / pieces)] for j in range(pieces + 1)]
    return cuts if len(cuts) > 2 else []


def _fit_pieces(facts: Facts) -> Parameters:
    cuts: list[float] = []
    for step in _STEPS if facts.count else ():
        cuts = _cuts(facts, step)
        if len(cuts) > PIECES:
            break
    return {**_fit_robust(facts), "cuts": _fewer(cuts, PIECES)}


def _fit_rare(facts: Facts) -> Parameters:
    """Pieces as fine as is known, each with its mean and the range that it is given.

    Mean and deviation are those of the quantiles, which stand for the rows that have a value, and
    of the median, which stands where it is missing.
    """
    scaled = _fit_robust(facts)
    cuts = _fewer(_cuts(facts, _FINEST), _RARE_PIECES) if facts.count else []
    if not cuts:
        return {**scaled, "cuts": cuts}
    through = _through(np.array([facts.quantiles[q] for q in _places(_FINEST)]), cuts)
    missing = facts.missing / (facts.count + facts.missing)
    median = _through(np.array([scaled["median"]]), cuts)[0]
    means = (1 - missing) * through.mean(axis=0) + missing * median
    squares = (1 - missing) * np.square(through - means).mean(axis=0)
    squares += missing * np.square(median - means)
    with np.errstate(over="ignore", divide="ignore"):
        ranges = np.clip(_RARE_STD / np.sqrt(squares), _PIECE, _RARE_RANGE)
    return {**scaled, "cuts": cuts, "ranges": ranges.tolist(), "means": means.tolist()}


def _pieces_labels(name: str, parameters: Parameters) -> list[str]:
    count = max(len(parameters["cuts"]) - 1, 0)
    return [*_robust_labels(name, parameters), *(f"{name} piece {j + 1}" for j in range(count))]


def _through(x: NDArray[np.float64], cuts: list[float]) -> NDArray[np.float64]:
    """(x − low) / (high − low) of each piece, from 0 before it to 1 behind it."""
    edges = np.array(cuts) / 2  # so that the distance of two of opposite signs is finite
    low, high = edges[:-1], edges[1:]
    with np.errstate(over="ignore"):
        places = (x[:, None] / 2 - low) / np.maximum(high - low, math.ulp(0.0))
    return np.clip(places, 0, 1)


def _encode_pieces(cells: Cells, parameters: Parameters, out: NDArray[Any]) -> None:
    width = 1 + parameters["flag"]
    _encode_robust(cells, parameters, out[:, :width])
    if cuts := parameters["cuts"]:
        out[:, width:] = _PIECE * (_through(_there(cells, parameters), cuts) - 0.5)


def _encode_rare(cells: Cells, parameters: Parameters, out: NDArray[Any]) -> None:
    width = 1 + parameters["flag"]
    _encode_robust(cells, parameters, out[:, :width])
    if cuts := parameters["cuts"]:
        through = _through(_there(cells, parameters), cuts)
        out[:, width:] = np.array(parameters["ranges"]) * (through - np.array(parameters["means"]))


def _periodic_labels(name: str, parameters: Parameters) -> list[str]:
    labels = _robust_labels(name, parameters)
    if parameters["half"]:  # a column of one value has no waves
        for k in range(len(_FREQUENCIES)):
            labels += [f"{name} sin {k + 1}", f"{name} cos {k + 1}"]
    return labels


def _encode_periodic(cells: Cells, parameters: Parameters, out: NDArray[Any]) -> None:
    width = 1 + parameters["flag"]
    _encode_robust(cells, parameters, out[:, :width])
    if parameters["half"]:
        x = _robust(_there(cells, parameters), parameters)
        turn = 2 * math.pi * x[:, None] * np.array(_FREQUENCIES)  # 2π cₖ x
        out[:, width::2] = _WAVE * np.sin(turn)
        out[:, width + 1 :: 2] = _WAVE * np.cos(turn)


ROWS = (
    Recipe(
        "robust",
        Asked("number", quantiles=_QUARTILES),
        _fit_robust,
        _robust_labels,
        _encode_robust,
        help="(x − median) / (q75 − q25), clipped smoothly to ±3; missing: 0, and a flag",
    ),
    Recipe(
        "pieces",
        Asked("number", quantiles=tuple(sorted({*_QUARTILES, *_places(_STEPS[-1])}))),
        _fit_pieces,
        _pieces_labels,
        _encode_pieces,
        help=f"as robust, and how far x is through each of up to {PIECES} pieces cut at quantiles",
    ),
    Recipe(
        "rare",
        Asked("number", quantiles=tuple(sorted({*_QUARTILES, *_places(_FINEST)}))),
        _fit_rare,
        _pieces_labels,
        _encode_rare,
        help=f"as pieces, up to {_RARE_PIECES} as fine as is known, each 0 in the mean and large "
        "although rare: of mostly one value, with others that mean something each",
    ),
    Recipe(
        "periodic",
        Asked("number", quantiles=_QUARTILES),
        _fit_robust,
        _periodic_labels,
        _encode_periodic,
        help=f"as robust, and sin 2πcx and cos 2πcx of {len(_FREQUENCIES)} frequencies c",
    ),
)
