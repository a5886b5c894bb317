"""Random numbers are functions of their place, the same in NumPy and in the native engine."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest

from clearprop import _native, philox
from clearprop.errors import SettingError


@pytest.mark.parametrize(
    ("seed", "counter", "answer"),
    [  # the known answers that Random123, the authors' own library, is tested with
        (0, [0] * 4, "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        (2**64 - 1, [2**32 - 1] * 4, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        (
            0xA4093822 | 0x299F31D0 << 32,
            [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
            "d16cfe09 94fdcceb 5001e420 24126ea1",
        ),
    ],
)
def test_philox_gives_the_published_answers(seed: int, counter: list[int], answer: str) -> None:
    expected = [int(word, 16) for word in answer.split()]
    assert philox.philox(seed, counter).tolist() == expected
    assert _native.philox(seed, *counter) == tuple(expected)


@pytest.mark.parametrize("n", [1, 2, 3, 5, 8, 100, 129, 4097])
def test_an_order_is_a_bijection_and_native_agrees(n: int) -> None:
    for epoch in (0, 1, 2**40):
        order = philox.permutation(9, epoch, n)
        assert sorted(order.tolist()) == list(range(n))
        assert _native.permutation(9, epoch, n, 0, n).tolist() == order.tolist()
        part = philox.permutation(9, epoch, n, n // 3, n - n // 3)
        assert part.tolist() == order[n // 3 :].tolist()
        assert _native.permutation(9, epoch, n, n // 3, n - n // 3).tolist() == part.tolist()


def test_every_order_of_four_rows_comes_about_equally_often() -> None:
    epochs = 4800
    seen = Counter(tuple(philox.permutation(1, epoch, 4).tolist()) for epoch in range(epochs))
    assert set(seen) == set(itertools.permutations(range(4)))
    expected = epochs / 24
    chi_square = sum((count - expected) ** 2 / expected for count in seen.values())
    assert chi_square < 60  # 23 degrees of freedom: p ≈ 4e-5


def test_neighbours_and_epochs_are_uncorrelated() -> None:
    n = 10_000
    first, second = (philox.permutation(2, epoch, n).astype(float) for epoch in (0, 1))
    limit = 5 / np.sqrt(n)
    assert abs(np.corrcoef(first, second)[0, 1]) < limit
    assert abs(np.corrcoef(first[1:], first[:-1])[0, 1]) < limit
    assert abs(np.corrcoef(first, np.arange(n))[0, 1]) < limit


def test_uniform_and_normal_have_their_moments() -> None:
    u = philox.uniform(5, philox.INITIAL, 0, 100_000)
    assert 0 < u.min() < u.max() < 1
    assert abs(u.mean() - 0.5) < 5 * np.sqrt(1 / 12 / len(u))
    z = philox.normal(5, philox.INITIAL, 0, 100_000)
    assert abs(z.mean()) < 5 / np.sqrt(len(z))
    assert abs((z**2).mean() - 1) < 5 * np.sqrt(2 / len(z))
    assert abs((z**4).mean() - 3) < 5 * np.sqrt(96 / len(z))


def test_numbers_at_any_places_are_those_of_the_sequence() -> None:
    far = [2**47 + 5, 0, 3, 3, 2**48 - 1]
    for place, u in zip(far, philox.uniform_at(4, 2, far, word2=3, within=7), strict=True):
        assert u == philox.uniform(4, 2, place, 1, word2=3, within=7)[0]
    assert philox.uniform_at(4, 2, []).shape == (0,)


def test_a_part_of_a_sequence_is_the_sequence_there() -> None:
    for draw in (philox.bits, philox.uniform, philox.normal):
        whole = draw(4, 1, 0, 50, word2=3, within=7)
        for start, count in ((0, 1), (1, 5), (3, 4), (17, 33)):
            assert (draw(4, 1, start, count, word2=3, within=7) == whole[start:][:count]).all()


@pytest.mark.parametrize(("members", "width", "rate"), [(1, 5, 0.5), (3, 7, 0.1), (1, 64, 0.0)])
def test_dropout_drops_its_share(members: int, width: int, rate: float) -> None:
    places = np.arange(100, 140)
    mask = philox.keep_mask(8, 12, places, width, rate, node=2, members=members)
    share = 1 - mask.mean()
    assert abs(share - rate) < 5 * np.sqrt(rate * (1 - rate) / mask.size) + 1e-12


def test_a_seed_outside_64_bits_is_refused_by_value() -> None:
    with pytest.raises(SettingError, match="seed=-1"):
        philox.philox(-1, [0] * 4)
    with pytest.raises(SettingError, match="an order of 3 rows"):
        philox.permutation(0, 0, 3, 2, 2)
