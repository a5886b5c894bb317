"""Facts about columns, gathered as a fold: start, observe, merge, finish, in one or more passes.

Rows are summed in blocks of `BLOCK`, cut by row number in the whole table, each in row order; two
neighbouring blocks of the same size are joined, and so on up a tree that the number of rows fixes
(a node splits at the largest power of two below its count of blocks). Everything else is counts,
extremes and collected values, which are exact in any order. So however a table is cut into chunks,
in whichever order they come and however parts are merged, the facts have the same bits.

Source of the joined moments: Chan, Golub and LeVeque 1979, "Updating formulae and a pairwise
algorithm for computing sample variances", equation 2.1.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from clearprop.errors import DataError
from clearprop.tables.cells import READERS, Role
from clearprop.tables.selection import Selection, State
from clearprop.tables.table import Cells, Chunk

__all__ = ["BLOCK", "Asked", "Facts", "Fold", "Part", "gather"]

#: Rows of a block. A thousand columns of a block are 64 MiB.
BLOCK = 8192

#: Values collected for quantiles, over all columns (256 MiB), and at least for each column.
_COLLECTED, _COLLECTED_EACH = 1 << 25, 1 << 12


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked about a column.

    Parameters
    ----------
    role : Role
        How its cells are read.
    moments : bool
        Mean and standard deviation.
    quantiles : tuple of float in [0, 1]
    levels : int
        Names of levels are counted, up to so many different ones; 0 for not at all.
    """

    role: Role
    moments: bool = False
    quantiles: tuple[float, ...] = ()
    levels: int = 0


@dataclass(frozen=True, slots=True)
class Facts:
    """What was found about a column.

    Attributes
    ----------
    count, missing : int
        Cells with a value, and without.
    mean, std : float
        std² = Σ (x − mean)² / count. NaN if not asked for, or of nothing.
    low, high : float
        The least and the greatest value; NaN of nothing. Days for dates.
    whole : bool
        Whether all values are whole numbers.
    quantiles : {q: value}
    levels : {name: count} or None
        None if not asked for, or more than asked for.
    """

    count: int
    missing: int
    mean: float
    std: float
    low: float
    high: float
    whole: bool
    quantiles: Mapping[float, float]
    levels: Mapping[str, int] | None


class _Moments(NamedTuple):
    n: int
    mean: float  # the mean is mean + rest, rest below the last digit of mean:
    rest: float  # differences of means far from zero keep their digits
    square: float  # Σ (x − mean − rest)²


def _moments(x: NDArray[np.float64]) -> _Moments:
    n = len(x)
    if not n:
        return _Moments(0, 0.0, 0.0, 0.0)
    # np.sum would add in an order of its own; accumulate adds in the order of rows.
    with np.errstate(over="ignore", invalid="ignore"):  # named at the end, with the column
        mean = float(np.add.accumulate(x)[-1]) / n  # mean = 1/n Σ x
        d = x - mean
        rest = float(np.add.accumulate(d)[-1]) / n
        square = float(np.add.accumulate(d * d)[-1])
    return _Moments(n, mean, rest, square - n * rest * rest)  # Σ (d − rest)² = Σ d² − n rest²


def _joined(a: _Moments, b: _Moments) -> _Moments:
    if not a.n or not b.n:
        return a if a.n else b
    n = a.n + b.n
    d = (b.mean - a.mean) + (b.rest - a.rest)
    step = a.rest + d * (b.n / n)
    # mean = mean_a + (mean_b − mean_a) n_b / n, with what its rounding loses (Knuth's two-sum)
    mean = a.mean + step
    back = mean - a.mean
    rest = (a.mean - (mean - back)) + (step - back)
    # S = S_a + S_b + (mean_b − mean_a)² n_a n_b / n
    return _Moments(n, mean, rest, a.square + b.square + d * d * (a.n * (b.n / n)))


_Node = dict[str, _Moments]


@dataclass(slots=True)
class _Tally:
    """What is exact in any order, of one column."""

    count: int = 0
    missing: int = 0
    low: float = math.inf
    high: float = -math.inf
    whole: bool = True
    levels: Counter[str] | None = None
    state: State = field(default_factory=list)


@dataclass(slots=True)
class Part:
    """What has been observed of some rows; parts of other rows can be merged with it.

    Attributes
    ----------
    nodes : {(height, place): moments by column}
        Complete subtrees of 2^height blocks; no two that could be joined.
    loose : {block: [(first row, rows, values by column), …]}
        Pieces of blocks that are not complete yet.
    """

    tallies: dict[str, _Tally]
    nodes: dict[tuple[int, int], _Node] = field(default_factory=dict)
    loose: dict[int, list[tuple[int, int, dict[str, NDArray[np.float64]]]]] = field(
        default_factory=dict
    )


class Fold:
    """One pass over a table.

    Parameters
    ----------
    asked : {column: Asked}
    rows : int
        Of the whole table.
    """

    def __init__(self, asked: Mapping[str, Asked], rows: int) -> None:
        self.asked = dict(asked)
        self.rows = rows
        selecting = sum(bool(ask.quantiles) for ask in self.asked.values())
        cap = max(_COLLECTED // max(selecting, 1), _COLLECTED_EACH)
        self._first = True
        self._facts: dict[str, Facts] = {}
        self._selections = {
            name: Selection.begin(ask.quantiles, rows, cap)
            for name, ask in self.asked.items()
            if ask.quantiles
        }

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns this pass reads."""
        return tuple(self.asked if self._first else self._selections)

    def start(self) -> Part:
        """A part of no rows."""
        tallies = {name: _Tally() for name in self.columns}
        for name, tally in tallies.items():
            if self._first and self.asked[name].levels:
                tally.levels = Counter()
            if name in self._selections:
                tally.state = self._selections[name].start()
        return Part(tallies)

    def observe(self, part: Part, chunk: Chunk, keep: NDArray[np.bool_] | None = None) -> Part:
        """Take some consecutive rows in; of them, only those that `keep` marks count.

        Parameters
        ----------
        part : Part
            Is changed and returned.
        chunk : Chunk
            Of any size, at any place of the table.
        keep : bool array of shape (chunk.rows,) or None
        """
        numbers: dict[str, tuple[NDArray[np.float64], NDArray[np.bool_]]] = {}
        for name in self.columns:
            ask, tally = self.asked[name], part.tallies[name]
            cells = chunk[name]
            valid = cells.valid if keep is None else cells.valid & keep
            if self._first:
                here = int(np.count_nonzero(valid))
                tally.count += here
                tally.missing += (chunk.rows if keep is None else int(keep.sum())) - here
                if tally.levels is not None:
                    _count_levels(tally, ask, Cells(cells.values, valid), name, chunk.start)
            if ask.role == "category":
                continue
            values = READERS[ask.role](Cells(cells.values, valid), name, chunk.start)
            x = values.values[values.valid]
            if name in self._selections:
                self._selections[name].observe(tally.state, x)
            if self._first and len(x):
                tally.low = min(tally.low, float(x.min()))
                tally.high = max(tally.high, float(x.max()))
                tally.whole = tally.whole and bool((x == np.floor(x)).all())
            if self._first and ask.moments:
                numbers[name] = values
        if self._first and chunk.rows:
            self._cut(part, chunk, numbers)
        return part

    def _cut(
        self,
        part: Part,
        chunk: Chunk,
        numbers: Mapping[str, tuple[NDArray[np.float64], NDArray[np.bool_]]],
    ) -> None:
        """Hand the chunk's numbers to their blocks."""
        start, stop = chunk.start, chunk.start + chunk.rows
        for block in range(start // BLOCK, (stop - 1) // BLOCK + 1):
            low, high = max(start, block * BLOCK), min(stop, (block + 1) * BLOCK)
            cut = slice(low - start, high - start)
            pieces = {name: values[cut][valid[cut]] for name, (values, valid) in numbers.items()}
            part.loose.setdefault(block, []).append((low, high - low, pieces))
            _complete(part, block, self.rows)

    def merge(self, a: Part, b: Part) -> Part:
        """Two parts of different rows, as one; `a` and `b` are used up."""
        for name, tally in a.tallies.items():
            other = b.tallies[name]
            tally.count += other.count
            tally.missing += other.missing
            tally.low, tally.high = min(tally.low, other.low), max(tally.high, other.high)
            tally.whole = tally.whole and other.whole
            if tally.levels is not None and other.levels is not None:
                tally.levels.update(other.levels)
                _limit(tally, self.asked[name])
            else:
                tally.levels = None
            tally.state = Selection.merge(tally.state, other.state)
        for (height, place), node in b.nodes.items():
            _grow(a, height, place, node)
        for block, pieces in b.loose.items():
            a.loose.setdefault(block, []).extend(pieces)
            _complete(a, block, self.rows)
        return a

    def finish(self, part: Part) -> dict[str, Facts] | Fold:
        """The facts; or the next pass, where a quantile needs another look.

        Raises
        ------
        DataError
            If a column's values are so large that their squares overflow.
        """
        if self._first:
            moments = self._total(part)
            for name, ask in self.asked.items():
                tally = part.tallies[name]
                found = moments.get(name, _Moments(0, 0.0, 0.0, 0.0))
                std = math.sqrt(max(found.square, 0.0) / found.n) if found.n else math.nan
                if ask.moments and found.n and not math.isfinite(found.mean + std):
                    raise DataError(
                        f"column {name!r} has values up to {max(-tally.low, tally.high):.3g}, "
                        "whose squares overflow: divide the column by a constant"
                    )
                seen = tally.low <= tally.high
                mean = found.mean if found.n else math.nan
                if seen and found.n and tally.low == tally.high:
                    mean, std = tally.low, 0.0  # exactly, whatever the sums rounded to
                self._facts[name] = Facts(
                    tally.count,
                    tally.missing,
                    mean,
                    std,
                    tally.low if seen else math.nan,
                    tally.high if seen else math.nan,
                    tally.whole,
                    {},
                    None if tally.levels is None else dict(sorted(tally.levels.items())),
                )
        unfinished: dict[str, Selection] = {}
        for name, selection in self._selections.items():
            result = selection.finish(part.tallies[name].state)
            if isinstance(result, Selection):
                unfinished[name] = result
            else:
                self._facts[name] = _with_quantiles(self._facts[name], result)
        if not unfinished:
            return self._facts
        following = Fold({}, self.rows)
        following.asked = self.asked
        following._first = False
        following._facts = self._facts
        following._selections = unfinished
        return following

    def _total(self, part: Part) -> _Node:
        # What is left are complete subtrees, each smaller than the one before it: the root splits
        # at the largest power of two, its right side again, so they are joined from the right.
        total: _Node | None = None
        for _, node in sorted(part.nodes.items(), key=lambda item: -item[0][1] << item[0][0]):
            total = node if total is None else _join(node, total)
        return total or {}


def _count_levels(tally: _Tally, ask: Asked, cells: Cells, name: str, start: int) -> None:
    assert tally.levels is not None
    if cells.values.dtype == object:
        tally.levels.update(cells.values[cells.valid].tolist())
    else:
        unique, counts = np.unique(cells.values[cells.valid], return_counts=True)
        if len(unique) > ask.levels:
            tally.levels = None
            return
        named = READERS["category"](Cells(unique, np.ones(len(unique), np.bool_)), name, start)
        for level, count in zip(named.values, counts.tolist(), strict=True):
            tally.levels[level] += count
    _limit(tally, ask)


def _limit(tally: _Tally, ask: Asked) -> None:
    # More levels in a part are more in the whole, so where this happens depends on nothing.
    if tally.levels is not None and len(tally.levels) > ask.levels:
        tally.levels = None


def _join(a: _Node, b: _Node) -> _Node:
    return {name: _joined(a[name], b[name]) for name in a}


def _complete(part: Part, block: int, rows: int) -> None:
    """If all rows of a block are there, reduce it to its moments."""
    pieces = part.loose[block]
    size = min(BLOCK, rows - block * BLOCK)
    if sum(count for _, count, _ in pieces) < size:
        return
    del part.loose[block]
    pieces.sort(key=lambda piece: piece[0])
    node = {
        name: _moments(np.concatenate([values[name] for _, _, values in pieces]))
        for name in pieces[0][2]
    }
    _grow(part, 0, block, node)


def _grow(part: Part, height: int, place: int, node: _Node) -> None:
    """Put a subtree in, joined with its sibling if that is there, and so on upwards."""
    while (sibling := part.nodes.pop((height, place ^ 1), None)) is not None:
        node = _join(sibling, node) if place & 1 else _join(node, sibling)
        height, place = height + 1, place >> 1
    part.nodes[height, place] = node


def _with_quantiles(facts: Facts, quantiles: dict[float, float]) -> Facts:
    return Facts(
        facts.count,
        facts.missing,
        facts.mean,
        facts.std,
        facts.low,
        facts.high,
        facts.whole,
        quantiles,
        facts.levels,
    )


def gather(
    asked: Mapping[str, Asked],
    rows: int,
    chunks: Callable[[Sequence[str]], Iterator[tuple[Chunk, NDArray[np.bool_] | None]]],
) -> dict[str, Facts]:
    """Run the fold over as many passes as it needs.

    Parameters
    ----------
    asked : {column: Asked}
    rows : int
        Of the whole table.
    chunks : callable
        Given names of columns, the table's chunks with them, each with the rows to keep.
    """
    fold = Fold(asked, rows)
    while True:
        part = fold.start()
        for chunk, keep in chunks(fold.columns):
            fold.observe(part, chunk, keep)
        result = fold.finish(part)
        if isinstance(result, dict):
            return result
        fold = result
