"""Random numbers that are a function of their place, and the order of an epoch.

Owns Philox4x32-10 (Salmon, Moraes, Dror and Shaw 2011, "Parallel random numbers: as easy as 1, 2,
3") in NumPy, the numbers drawn from it, the keyed bijection that shuffles an epoch, and the masks
of dropout. ``native/philox.hpp`` computes the same bits. Proved by ``tests/test_philox.py``.

A counter has four words of 32 bits; the seed is the key. The last word holds the stream (what the
number is for) in its upper half and a number within the stream, such as a node's, in its lower:

| stream | use | words 0, 1, 2 | lower half of word 3 |
|---|---|---|---|
| 1 | initial values | place (64 bits), member | parameter, by a hash of its name |
| 2 | order of an epoch | pair of rounds, epoch (64 bits) | 0 |
| 3 | dropout | (member · width + unit) // 4, place in the batch, step | node |
| 4 | which rows validate | row (64 bits), 0 | 0 |

Four numbers come from one counter: entry ``i`` of a sequence is word ``i % 4`` of counter
``i // 4``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clearprop.errors import SettingError

INITIAL, ORDER, DROPOUT, VALIDATION = 1, 2, 3, 4

Words = NDArray[np.uint32]

_MULTIPLIERS = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_WEYL = 0x9E3779B9, 0xBB67AE85  # golden ratio, √3 − 1
_LOW = np.uint64(0xFFFFFFFF)
_32 = np.uint64(32)


def philox(seed: int, counter: ArrayLike) -> Words:
    """Return the four words that Philox4x32-10 makes of each counter.

    Parameters
    ----------
    seed : int
        The key, 0 to 2⁶⁴ − 1.
    counter : (…, 4) integers
        Words of 32 bits.

    Returns
    -------
    (…, 4) uint32

    Source
    ------
    Salmon et al. 2011, section 3.2 and figure 2.

    Examples
    --------
    >>> [f"{word:08x}" for word in philox(0, [0, 0, 0, 0])]
    ['6627e8d5', 'e169c58d', 'bc57ac4c', '9b00dbd8']
    """
    k0, k1 = _key(seed)
    c = np.asarray(counter, dtype=np.uint32)
    c0, c1, c2, c3 = (c[..., i].astype(np.uint64) for i in range(4))  # so that products fit
    for _ in range(10):
        p0, p1 = _MULTIPLIERS[0] * c0, _MULTIPLIERS[1] * c2
        c0, c1 = p1 >> _32 ^ c1 ^ np.uint64(k0), p1 & _LOW
        c2, c3 = p0 >> _32 ^ c3 ^ np.uint64(k1), p0 & _LOW
        k0, k1 = k0 + _WEYL[0] & 0xFFFFFFFF, k1 + _WEYL[1] & 0xFFFFFFFF
    words = np.empty(c.shape, dtype=np.uint32)
    for i, word in enumerate((c0, c1, c2, c3)):
        words[..., i] = word
    return words


def _key(seed: int) -> tuple[int, int]:
    if not 0 <= seed < 1 << 64:
        raise SettingError(f"seed={seed} is outside 0 … 2⁶⁴ − 1")
    return int(seed) & 0xFFFFFFFF, int(seed) >> 32


def bits(
    seed: int, stream: int, start: int, count: int, *, word2: int = 0, within: int = 0
) -> Words:
    """Return ``count`` words of a stream from its entry ``start`` on.

    Parameters
    ----------
    seed : int
        0 to 2⁶⁴ − 1.
    stream, within : int
        What the numbers are for, and a number within it (0 to 65535 each).
    start, count : int
        Entries of the sequence.
    word2 : int
        The third word of the counter (a member, say), 0 to 2³² − 1.

    Returns
    -------
    (count,) uint32

    Examples
    --------
    >>> bool((bits(7, 1, 0, 10)[3:6] == bits(7, 1, 3, 3)).all())
    True
    """
    first, last = start // 4, -(-(start + count) // 4)
    block = np.arange(first, last, dtype=np.uint64)
    counter = np.empty((len(block), 4), dtype=np.uint32)
    counter[:, 0] = block & _LOW
    counter[:, 1] = block >> _32
    counter[:, 2] = word2
    counter[:, 3] = stream << 16 | within
    return philox(seed, counter).reshape(-1)[start - 4 * first :][:count]


#: Numbers made at a time: their words take some ten times their own memory.
_AT_A_TIME = 1 << 18


def uniform(
    seed: int, stream: int, start: int, count: int, *, word2: int = 0, within: int = 0
) -> NDArray[np.float64]:
    """Return ``count`` numbers uniform in the open interval (0, 1), 52 bits each.

    Entry i is made of words 2 i and 2 i + 1 of the stream: (k + ½) / 2⁵² with k of 52 bits, so
    neither 0 nor 1 occurs. Parameters as in `bits`.

    Examples
    --------
    >>> u = uniform(0, 1, 0, 4)
    >>> bool(((u > 0) & (u < 1)).all())
    True
    """
    found = np.empty(count)
    for first in range(0, count, _AT_A_TIME):
        part = found[first : first + _AT_A_TIME]
        at, words = 2 * (start + first), 2 * len(part)
        word = bits(seed, stream, at, words, word2=word2, within=within).astype(np.uint64)
        part[...] = _in_unit(word[0::2], word[1::2])
    return found


def uniform_at(
    seed: int, stream: int, places: ArrayLike, *, word2: int = 0, within: int = 0
) -> NDArray[np.float64]:
    """Return the entries of `uniform` at some places, in any order.

    Parameters
    ----------
    places : (n,) integers
        0 to 2⁶³ − 1. The others as in `bits`.

    Examples
    --------
    >>> bool((uniform_at(5, 1, [9, 2]) == uniform(5, 1, 0, 10)[[9, 2]]).all())
    True
    """
    place = np.asarray(places, dtype=np.uint64)
    block, odd = place >> np.uint64(1), (place & np.uint64(1)).astype(np.bool_)
    counter = np.empty((len(place), 4), dtype=np.uint32)
    counter[:, 0] = block & _LOW
    counter[:, 1] = block >> _32
    counter[:, 2] = word2
    counter[:, 3] = stream << 16 | within
    word = philox(seed, counter).astype(np.uint64)
    return _in_unit(*(np.where(odd, word[:, i + 2], word[:, i]) for i in (0, 1)))


def _in_unit(high: NDArray[np.uint64], low: NDArray[np.uint64]) -> NDArray[np.float64]:
    """(k + ½) / 2⁵², k of a word and the upper 20 bits of another."""
    k = (high << np.uint64(20)) | (low >> np.uint64(12))
    return np.asarray((k.astype(np.float64) + 0.5) * 2.0**-52)


def normal(
    seed: int, stream: int, start: int, count: int, *, word2: int = 0, within: int = 0
) -> NDArray[np.float64]:
    """Return ``count`` standard normal numbers by Box and Muller's transform (1958).

    Entries 2 j and 2 j + 1 are √(−2 log u) cos 2πv and √(−2 log u) sin 2πv of two uniform
    numbers u, v. Parameters as in `bits`.

    Examples
    --------
    >>> bool((normal(1, 1, 0, 9)[3:5] == normal(1, 1, 3, 2)).all())
    True
    """
    first, last = start // 2, -(-(start + count) // 2)
    pair = uniform(seed, stream, 2 * first, 2 * (last - first), word2=word2, within=within)
    radius = np.sqrt(-2.0 * np.log(pair[0::2]))
    angle = 2.0 * np.pi * pair[1::2]
    both = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=-1)
    return both.reshape(-1)[start - 2 * first :][:count]


_ROUNDS = 8


def permutation(
    seed: int, epoch: int, n: int, start: int = 0, count: int | None = None
) -> NDArray[np.int64]:
    """Return rows ``start`` … ``start + count − 1`` of the order that an epoch takes n rows in.

    A bijection of 0 … n−1 chosen by (seed, epoch): a Feistel network of eight rounds on the
    fewest bits that hold n, walked on from a place outside n until it falls inside. Any part of
    the order is had without the others, so no list of n indices exists anywhere.

    Parameters
    ----------
    seed, epoch : int
        0 to 2⁶⁴ − 1.
    n : int
        Number of rows, at least 1.
    start, count : int
        The part wanted, within 0 … n; by default all of it.

    Returns
    -------
    (count,) int64

    Examples
    --------
    >>> sorted(permutation(seed=1, epoch=0, n=5).tolist())
    [0, 1, 2, 3, 4]
    """
    count = n - start if count is None else count
    if n < 1 or start < 0 or count < 0 or start + count > n:
        raise SettingError(f"rows {start} … {start + count} of an order of {n} rows do not exist")
    width = max(2, (n - 1).bit_length())
    low_bits = np.uint64(width // 2)
    low_mask = np.uint64((1 << (width // 2)) - 1)
    high_mask = np.uint64((1 << (width - width // 2)) - 1)
    keys = _round_keys(seed, epoch)
    place = np.arange(start, start + count, dtype=np.uint64)
    outside = np.ones(count, dtype=bool)
    while outside.any():
        x = place[outside]
        low, high = x & low_mask, x >> low_bits
        for i in range(0, _ROUNDS, 2):
            high = high ^ (_mix(low, keys[i]) & high_mask)
            low = low ^ (_mix(high, keys[i + 1]) & low_mask)
        place[outside] = high << low_bits | low
        outside = place >= n
    return place.astype(np.int64)


def _round_keys(seed: int, epoch: int) -> NDArray[np.uint64]:
    counter = np.empty((_ROUNDS // 2, 4), dtype=np.uint32)
    counter[:, 0] = np.arange(_ROUNDS // 2)
    counter[:, 1] = epoch & 0xFFFFFFFF
    counter[:, 2] = epoch >> 32
    counter[:, 3] = ORDER << 16
    word = philox(seed, counter).astype(np.uint64)
    return np.stack([word[:, 0] | word[:, 1] << _32, word[:, 2] | word[:, 3] << _32], 1).reshape(-1)


def _mix(x: NDArray[np.uint64], key: np.uint64) -> NDArray[np.uint64]:
    x = (x ^ key) * np.uint64(0x9E3779B97F4A7C15)  # 2⁶⁴ / golden ratio, odd
    x = x ^ (x >> _32)
    return (x * np.uint64(0xD1342543DE82EF95)) >> _32  # a multiplier of Steele and Vigna 2021


def keep_threshold(rate: float) -> int:
    """Return the word below which a unit is dropped: ``rate`` · 2³², rounded.

    Examples
    --------
    >>> keep_threshold(0.25) == 1 << 30
    True
    """
    return min(round(rate * 2.0**32), 0xFFFFFFFF)


def keep_mask(
    seed: int,
    step: int,
    places: ArrayLike,
    width: int,
    rate: float,
    *,
    node: int = 0,
    members: int = 1,
) -> NDArray[np.bool_]:
    """Return which units dropout keeps: a function of (seed, step, place, member, unit, node).

    Parameters
    ----------
    seed : int
        0 to 2⁶⁴ − 1.
    step : int
        The step of the run, from 0, modulo 2³².
    places : (m,) integers
        Each row's place in the whole batch, from 0: so a batch cut in pieces, on however many
        machines, drops the same units.
    width : int
        Units of the layer.
    rate : float
        Share of units to drop, 0 ≤ rate < 1.
    node : int
        The number of the dropout among the network's, 0 to 65535.
    members : int
        Size of the member axis.

    Returns
    -------
    (members, m, width) bool

    Examples
    --------
    >>> whole = keep_mask(3, 0, range(8), width=5, rate=0.5)
    >>> part = keep_mask(3, 0, range(4, 8), width=5, rate=0.5)
    >>> bool((whole[:, 4:] == part).all())
    True
    """
    place = np.asarray(places, dtype=np.uint32)
    blocks = -(-members * width // 4)
    counter = np.empty((len(place), blocks, 4), dtype=np.uint32)
    counter[:, :, 0] = np.arange(blocks)
    counter[:, :, 1] = place[:, None]
    counter[:, :, 2] = step & 0xFFFFFFFF
    counter[:, :, 3] = DROPOUT << 16 | node
    words = philox(seed, counter).reshape(len(place), -1)[:, : members * width]
    return (words >= keep_threshold(rate)).reshape(len(place), members, width).swapaxes(0, 1)
