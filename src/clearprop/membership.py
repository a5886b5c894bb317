"""Which rows train, which validate and which test: a function of the seed and the row."""

from __future__ import annotations

import hashlib
import math

import numpy as np
from numpy.typing import NDArray

from clearprop import philox
from clearprop.errors import DataError, SettingError

__all__ = ["TEST", "TRAIN", "VALIDATION", "deal", "split"]

TRAIN, VALIDATION, TEST = 0, 1, 2


def split(
    seed: int,
    rows: int,
    *,
    validation: float = 0.0,
    test: float = 0.0,
    labels: NDArray[np.int64] | None = None,
    groups: NDArray[np.object_] | None = None,
    usable: NDArray[np.bool_] | None = None,
) -> NDArray[np.uint8]:
    """Divide rows into training, validation and test rows.

    Each row draws a number u(seed, row). Of each class, the rows of the least numbers test, those
    of the next validate, the others train. Shares are rounded so that they are right in total and
    off by less than one row in each class; a class of several rows keeps one for training. With
    `groups`, each group draws a number from its name, and whole groups are taken until the share
    is reached.

    Parameters
    ----------
    seed : int
    rows : int
    validation, test : float in [0, 1), together below 1
        Shares of the usable rows. The test rows are the same whatever `validation` is.
    labels : int64 array of shape (rows,) or None
        Classes, to keep their proportions.
    groups : array of str, shape (rows,), or None
        Names; rows of one name stay together. Labels then count for nothing.
    usable : bool array of shape (rows,) or None
        The others (rows without a target) are called training rows and are not counted.

    Returns
    -------
    uint8 array of shape (rows,)
        TRAIN (0), VALIDATION (1) or TEST (2).

    Raises
    ------
    SettingError
        If the shares are out of bounds.
    DataError
        If there are too few rows or groups to divide so.

    Examples
    --------
    >>> parts = split(0, 1000, validation=0.2, test=0.1)
    >>> np.bincount(parts).tolist()
    [700, 200, 100]
    """
    for name, share in (("validation", validation), ("test", test)):
        if not 0 <= share < 1:
            raise SettingError(f"{name} must be a share in [0, 1), got {share}")
    if validation + test >= 1:
        raise SettingError(
            f"validation={validation} and test={test} leave no rows to train on: "
            "together they must be below 1"
        )
    parts = np.full(rows, TRAIN, np.uint8)
    if validation == test == 0:
        return parts
    chosen = np.arange(rows) if usable is None else np.flatnonzero(usable)
    if groups is not None:
        _by_group(seed, parts, chosen, groups[chosen], validation, test)
    else:
        classes = np.zeros(len(chosen), np.int64) if labels is None else labels[chosen]
        u = philox.uniform(seed, philox.VALIDATION, 0, rows)[chosen]
        _by_class(parts, chosen, classes, u, validation, test)
    for name, share, part in (("validation", validation, VALIDATION), ("test", test, TEST)):
        if share and not (parts == part).any():
            raise DataError(
                f"{name}={share} of {len(chosen)} rows is less than one row: "
                f"give a larger share or more rows"
            )
    return parts


def deal(seed: int, groups: NDArray[np.object_], hands: int) -> NDArray[np.int64]:
    """Deal the rows out to several hands, those of one name to one, about as many rows to each.

    Groups are dealt in the order of their numbers, each to the hand that has the fewest rows.

    Parameters
    ----------
    seed : int
    groups : array of str, shape (rows,)
    hands : int, at least 2
        As many as there are groups, where these are fewer.

    Returns
    -------
    int64 array of shape (rows,)
        The hand of each row, from 0.

    Raises
    ------
    DataError
        If all rows are of one group.

    Examples
    --------
    >>> deal(0, np.array(["a", "b", "a", "c"], object), 2)[[0, 2]].tolist()
    [0, 0]
    """
    names, place, counts = np.unique(groups.astype(str), return_inverse=True, return_counts=True)
    if len(names) < 2:
        raise DataError(_too_few_groups(len(names), 2))
    held = np.zeros(min(hands, len(names)), np.int64)
    hand_of = np.empty(len(names), np.int64)
    for group in _drawn(seed, names):
        hand_of[group] = hand = int(held.argmin())
        held[hand] += counts[group]
    return np.asarray(hand_of[place])


def _by_class(
    parts: NDArray[np.uint8],
    chosen: NDArray[np.int64],
    classes: NDArray[np.int64],
    u: NDArray[np.float64],
    validation: float,
    test: float,
) -> None:
    _, place, counts = np.unique(classes, return_inverse=True, return_counts=True)
    first = _shares(counts, test)
    second = np.minimum(_shares(counts, validation), np.maximum(counts - first - 1, 0))
    order = np.lexsort((u, place))  # class by class, least number first
    starts = np.concatenate(([0], np.cumsum(counts)[:-1]))
    rank = np.empty(len(chosen), np.int64)
    rank[order] = np.arange(len(chosen)) - np.repeat(starts, counts)
    testing = rank < first[place]
    validating = ~testing & (rank < (first + second)[place])
    parts[chosen[testing]] = TEST
    parts[chosen[validating]] = VALIDATION


def _shares(counts: NDArray[np.int64], share: float) -> NDArray[np.int64]:
    """Whole numbers near share · counts, with the right sum: the largest remainders round up."""
    exact = counts * share
    taken = np.floor(exact).astype(np.int64)
    spare = math.floor(counts.sum() * share + 0.5) - int(taken.sum())
    for place in np.argsort(-(exact - taken), kind="stable")[: max(spare, 0)]:
        taken[place] += 1
    limited: NDArray[np.int64] = np.minimum(taken, counts - 1)  # one row of a class trains
    return limited


def _by_group(
    seed: int,
    parts: NDArray[np.uint8],
    chosen: NDArray[np.int64],
    groups: NDArray[np.object_],
    validation: float,
    test: float,
) -> None:
    names, place, counts = np.unique(groups.astype(str), return_inverse=True, return_counts=True)
    needed = 1 + (validation > 0) + (test > 0)
    if len(names) < needed:
        raise DataError(_too_few_groups(len(names), needed))
    part_of = np.full(len(names), TRAIN, np.uint8)
    at = 0
    order = _drawn(seed, names)
    left = needed - 1
    for part, share in ((TEST, test), (VALIDATION, validation)):
        if not share:
            continue
        left -= 1
        wanted, held = share * len(chosen), 0
        # One group at least, and one group left for each part that is still to come.
        while at < len(names) - 1 - left and (held == 0 or held + counts[order[at]] / 2 <= wanted):
            part_of[order[at]] = part
            held += int(counts[order[at]])
            at += 1
    parts[chosen] = part_of[place]


def _drawn(seed: int, names: NDArray[np.str_]) -> NDArray[np.int64]:
    """The groups in the order of their numbers.

    A number comes from the name, so it does not depend on which other groups there are.
    """
    u = philox.uniform_at(seed, philox.VALIDATION, [_place(name) for name in names], within=1)
    return np.argsort(u, kind="stable")


def _too_few_groups(found: int, needed: int) -> str:
    there = "one value only" if found == 1 else f"{found} different values"
    return (
        f"the column to split by has {there}, and {needed} are needed: one for each part of the "
        "rows"
    )


def _place(name: str) -> int:
    """A place in the stream of rows, of 48 bits."""
    digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=6).digest()
    return int.from_bytes(digest, "little")
