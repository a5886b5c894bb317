"""What a run is given is looked at once; each refusal names the row and the column."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import clearprop as cp
from clearprop.errors import DataError, ShapeError
from clearprop.training import Training, arrays

NET = cp.Network([2, 3, 3], "tanh", cost="cross_entropy")
X = np.arange(12.0).reshape(6, 2) / 10
Y = np.array([0, 1, 2, 0, 1, 2])


def bits(X: Any, Y: Any, net: cp.Network = NET, **settings: Any) -> bytes:
    training = Training(net, X, Y, epochs=3, batch_size=2, **settings)
    training.run()
    return training.best.flat.tobytes()


def with_entry(value: float, row: int, column: int) -> np.ndarray:
    array = X.copy()
    array[row, column] = value
    return array


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_layout_of_the_arrays_changes_no_bits(engine: Any) -> None:
    expected = bits(X, Y, engine=engine)
    wide = np.zeros((12, 5))
    wide[::2, 1::3] = X
    frozen = X.copy()
    frozen.setflags(write=False)
    unaligned = np.zeros(X.nbytes + 1, np.uint8)[1:].view(np.float64).reshape(6, 2)
    assert not unaligned.flags.aligned
    unaligned[...] = X
    for same in (wide[::2, 1::3], np.asfortranarray(X), frozen, X[::-1][::-1], unaligned):
        assert bits(same, Y, engine=engine) == expected
    assert bits(X.tolist(), Y.tolist(), engine=engine) == expected
    assert bits(X.astype(object), Y.astype(np.uint8), engine=engine) == expected
    assert bits({"X": X}, Y, engine=engine) == expected
    single = X.astype(np.float32)
    assert bits(single, Y, engine=engine) == bits(single.astype(np.float64), Y, engine=engine)


def test_the_callers_arrays_are_not_changed() -> None:
    mine, classes = X.copy(), Y.copy()
    w = np.ones(6)
    bits(mine, classes, sample_weight=w, validation=0.4)
    assert (mine == X).all()
    assert (classes == Y).all()
    assert (w == 1).all()


def test_classes_may_be_indices_or_rows_of_probabilities() -> None:
    found = [
        Training(NET, X, target, epochs=3, precision="float64").run().cost
        for target in (Y, np.eye(3)[Y], np.eye(3, dtype=np.float32)[Y])
    ]
    np.testing.assert_allclose(found, found[0], rtol=1e-14)


def test_one_output_takes_a_flat_target() -> None:
    net = cp.Network([2, 1], output="identity")
    assert bits(X, X[:, 0], net) == bits(X, X[:, :1], net)
    yes_or_no = cp.Network([2, 1], output="sigmoid", cost="binary_cross_entropy")
    assert bits(X, Y > 0, yes_or_no) == bits(X, (Y > 0).astype(float)[:, None], yes_or_no)


def test_several_inputs_are_given_by_name() -> None:
    colour = cp.Input(levels=3, name="colour")
    x = cp.Input(2, name="size")
    out = cp.Dense(1)(cp.concat(cp.Embedding(2)(colour), x))
    net = cp.Network(inputs=[colour, x], outputs=out)
    training = Training(net, {"colour": Y, "size": X}, X[:, :1], epochs=30, learning_rate=0.05)
    assert training.run().cost < training.history["cost"][0]
    with pytest.raises(DataError, match=r"X\['colour'\] has the level 3 in row 5; .* 0 to 2"):
        Training(net, {"colour": np.array([0, 0, 0, 0, 0, 3]), "size": X}, X[:, :1])
    with pytest.raises(DataError, match="the input 'size' is missing"):
        Training(net, {"colour": Y}, X[:, :1])
    with pytest.raises(DataError, match="'colour' 5, 'size' 6"):
        Training(net, {"colour": Y[:5], "size": X}, X[:, :1])
    with pytest.raises(DataError, match=r"inputs \['colour', 'size'\]; give X as a dict"):
        Training(net, X, X[:, :1])


@pytest.mark.parametrize(
    ("bad", "kind", "message"),
    [
        (with_entry(np.nan, 3, 1), DataError, "X has NaN in row 3, column 1"),
        (with_entry(-np.inf, 5, 0), DataError, "X has -∞ in row 5, column 0"),
        (with_entry(1e300, 2, 1), DataError, "row 2, column 1, more than float32 holds"),
        (np.where(X == 0.3, "x", X.astype(object)), DataError, "'x' in row 1, column 1"),
        (X.astype(str), DataError, "X has the type <U"),
        (X[:, :1], ShapeError, r"expected shape \(n, 2\), got \(6, 1\)"),
        (X[0], ShapeError, r"one sample is written X\[None, :\]"),
        (X[:0], DataError, "X has no rows"),
        (X[:4], DataError, "X has 4 rows and Y has 6"),
    ],
)
def test_wrong_inputs_are_refused(bad: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        Training(NET, bad, Y)


@pytest.mark.parametrize(
    ("bad", "kind", "message"),
    [
        (np.array([0, 1, 2, 3, 0, 0]), DataError, "Y has the class 3 in row 3; .* 0 to 2"),
        (np.array([0, 1, -1, 0, 0, 0]), DataError, "Y has the class -1 in row 2"),
        (Y.astype(float), DataError, "Y has the type float64; a class is a whole number"),
        (np.ones((6, 2)), ShapeError, r"expected shape \(m, 3\)"),
        (np.full((6, 3), 0.4), DataError, "must sum to 1"),
    ],
)
def test_wrong_targets_are_refused(bad: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        Training(NET, X, bad)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (np.ones(5), r"sample_weight: expected shape \(6,\), got \(5,\)"),
        (np.array([1, 1, -1, 1, 1, 1]), "sample_weight has -1 in row 2"),
        (np.array([1, 1, 1, 1, np.nan, 1]), "sample_weight has NaN in row 4"),
        (np.zeros(6), "0 everywhere"),
        (np.full(6, 1e308), "the sum of sample_weight overflows: divide the weights"),
        (np.full(6, 1e250), "the sum of sample_weight overflows: divide the weights"),
        (np.full(6, 1 + 2j), "sample_weight has the type complex128"),
        (["a"] * 6, "sample_weight has the type <U1"),
        ([10**400] * 6, "sample_weight has a whole number more than float64 holds"),
        ([[1], [1, 2]], "sample_weight: the rows differ in length"),
        (np.ma.masked_equal(np.arange(6.0), 3), "sample_weight has masked cells"),
    ],
)
def test_wrong_weights_are_refused(bad: np.ndarray, message: str) -> None:
    with pytest.raises((DataError, ShapeError), match=message):
        Training(NET, X, Y, sample_weight=bad)


def test_masked_cells_are_refused_wherever_they_stand() -> None:
    with pytest.raises(DataError, match=r"X has masked cells; fill them in with \.filled"):
        Training(NET, np.ma.masked_equal(X, 0.3), Y)
    with pytest.raises(DataError, match="Y has masked cells"):
        cp.train(NET, X, np.ma.masked_equal(Y, 2), epochs=1)
    with pytest.raises(DataError, match="X has masked cells"):
        NET.forward(NET.initial(0), np.ma.masked_equal(X, 0.3))
    assert bits(np.ma.masked_equal(X, 99.0), Y) == bits(X, Y)


def test_wrong_validation_rows_are_called_so() -> None:
    with pytest.raises(DataError, match="validation X has NaN in row 0, column 0"):
        Training(NET, X, Y, validation=(with_entry(np.nan, 0, 0), Y))
    with pytest.raises(DataError, match="validation X has 6 rows and validation Y has 5"):
        Training(NET, X, Y, validation=(X, Y[:5]))
    with pytest.raises(DataError, match="a share such as"):
        Training(NET, X, Y, validation=(X,))


def test_a_column_that_has_a_name_is_called_by_it() -> None:
    net = cp.Network([2, 3, 3], cost="cross_entropy", labels={"a1": ["age", "height"]})
    with pytest.raises(DataError, match="row 3, column 'height'"):
        Training(net, with_entry(np.nan, 3, 1), Y)


def test_weights_count_as_repeated_rows_do() -> None:
    w = np.array([1, 2, 0, 3, 1, 1])
    rows = np.repeat(np.arange(6), w)
    settings: dict[str, Any] = {"batch_size": "full", "epochs": 20, "precision": "float64"}
    weighted = Training(NET, X, Y, sample_weight=w, **settings)
    repeated = Training(NET, X[rows], Y[rows], **settings)
    assert weighted.run().cost == pytest.approx(repeated.run().cost, rel=1e-12)
    np.testing.assert_allclose(weighted.best.flat, repeated.best.flat, rtol=0, atol=1e-12)


def test_a_wrong_number_far_down_is_named_with_its_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are looked at some at a time, and counted from the first of all."""
    monkeypatch.setattr(arrays, "_LOOKED_AT", 6)  # three rows of two columns
    net = cp.Network([2, 1], output="identity")
    Y = np.zeros(11)
    for row, value, told in ((7, np.nan, "NaN"), (10, 1e300, "more than float32 holds")):
        X = np.zeros((11, 2))
        X[row, 1] = value
        with pytest.raises(DataError, match=rf"in row {row}, column 1.*") as refused:
            Training(net, X, Y)
        assert told in str(refused.value)
