"""All entries of an array moved at once: one number says whether its gradient is right.

Where that number is wrong, or f has a kink in that direction, each half of the entries is looked
at, and so on: what is wrong, and where the kinks are, is found among a million entries in some
twenty looks.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np

from clearprop.checking.slopes import Flat, Measure, Row

#: So many looks at kinks, and at what is wrong, of one array; and wrong entries that are found.
LOOKS, FOUND = 100, 5


def along_directions(measure: Measure, rng: np.random.Generator) -> list[Row]:
    """Return the slopes of every array along one random direction, and of what stands out in it.

    Entries move by random shares, ½ to 1 of what each would move alone, up or down; so what is
    wrong at one does not hide what is wrong at another.
    """
    rows: list[Row] = []
    for key, array in measure.point.arrays.items():
        if not array.size:
            continue
        units = np.ones(array.size)
        if measure.eps is None:  # each entry in its own unit
            units = np.maximum(1.0, np.abs(array.reshape(-1)))
        signs = rng.choice([-1.0, 1.0], array.size)
        rows += _Halving(measure, key, units * signs * rng.uniform(0.5, 1.0, array.size)).rows()
    return rows


class _Halving:
    """The search in one array."""

    def __init__(self, measure: Measure, key: Hashable, weights: Any) -> None:
        self.measure, self.key, self.weights = measure, key, weights

    def rows(self) -> list[Row]:
        """Return what was compared: parts without kinks, and single entries."""
        whole = np.arange(len(self.weights), dtype=np.intp)
        smooth = self._without_kinks(whole)
        wrong = [(part, row) for part, row in smooth if self.measure.wrong(row)]
        found = [row for _, row in smooth]
        entries = 0
        for _ in range(LOOKS):
            if not wrong or entries >= FOUND:
                break
            wrong.sort(key=lambda one: -one[1].difference)
            part, _ = wrong.pop(0)
            if len(part) == 1:
                continue
            for half in _halves(part):
                inner = self._look(half)
                if self.measure.wrong(inner):
                    wrong.append((half, inner))
                    found.append(inner)
                    entries += len(half) == 1
        return found

    def _without_kinks(self, whole: Flat) -> list[tuple[Flat, Row]]:
        """Divide the entries until each part has no kink, or is one entry."""
        parts, left, looks = [], [whole], 0
        while left and looks < LOOKS:
            part = left.pop()
            row = self._look(part)
            looks += 1
            if row.slope.kink and len(part) > 1:
                left += reversed(_halves(part))
            else:
                parts.append((part, row))
        if left:
            unseen = sum(map(len, left))
            self.measure.notes.append(
                f"{unseen} of {len(whole)} entries of {self.measure.point.label(self.key)} were "
                "not looked at: f has kinks there; without fast_mode each entry is"
            )
        return parts

    def _look(self, part: Flat) -> Row:
        measure, key = self.measure, self.key
        if len(part) == 1:
            return measure.entry(key, int(part[0]))
        label = measure.point.label(key)
        some = "" if len(part) == len(self.weights) else f"{len(part)} entries of "
        return measure.row(key, f"{some}{label} along a random direction", part, self.weights[part])


def _halves(part: Flat) -> list[Flat]:
    middle = len(part) // 2
    return [part[:middle], part[middle:]]
