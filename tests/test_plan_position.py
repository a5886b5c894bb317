"""A piece of a batch drops what its rows drop in the whole batch."""

from __future__ import annotations

import numpy as np

import clearprop as cp
from clearprop.backprop import Position


def test_a_piece_that_starts_later_has_its_own_rows_factors():
    x = cp.Input(3)
    network = cp.Network(inputs=x, outputs=cp.Dense(1)(cp.Dropout(0.5)(cp.Dense(9, "tanh")(x))))
    r = np.random.default_rng(4)
    X, Y, p = r.normal(size=(11, 3)), r.normal(size=(11, 1)), network.initial(seed=1)
    whole = network.trace(p, X, Y, at=Position(5, 0, 2))["r3"]
    assert 0 < np.count_nonzero(whole) < whole.size
    for start, stop in ((0, 11), (3, 7), (5, 11), (10, 11)):
        piece = network.trace(p, X[start:stop], Y[start:stop], at=Position(5, 0, 2, start))["r3"]
        np.testing.assert_array_equal(piece, whole[start:stop])
