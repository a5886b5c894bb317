"""Written trees have the values of their mathematics: each node against NumPy; sums are flat."""

from __future__ import annotations

import math

import numpy as np
import pytest

from clearprop.derivation.trees.evaluating import value
from clearprop.derivation.trees.tree import (
    MEMBER,
    SAMPLE,
    Beside,
    Call,
    Chosen,
    Letter,
    Literal,
    Minus,
    Node,
    Number,
    Over,
    Part,
    Piecewise,
    Place,
    Plus,
    Quantity,
    Raise,
    Ratio,
    Square,
    Stack,
    Times,
    Total,
    Turn,
    UnitVector,
    Var,
    Width,
    minus,
    plus,
    put,
    rebuild,
    times,
    walk,
)

R = np.random.default_rng(5)
W, V, B = R.normal(size=(2, 3)), R.normal(size=(3, 2)), R.normal(size=3)
X, EACH = R.normal(size=(4, 3)), R.normal(size=(2, 4, 3))  # samples; members and samples
OWN = R.normal(size=(2, 3))  # members without samples
ARRAYS = {"W": W, "V": V, "b": B, "x": X, "each": EACH, "own": OWN, "k": np.array([2, 0, 1, 2]),
          "n": np.array(7.0)}  # fmt: skip
AXES = {"x": (False, True), "each": (True, True), "own": (True, False), "k": (False, True)}


class Numbers:
    """Arrays by name; a derivative is told by its names and by where it is taken."""

    def array(self, sym):
        return ARRAYS[sym]

    def axes(self, sym):
        return AXES.get(sym, (False, False))

    def ratio(self, top, bottom, bound):
        return 100 * top.index[0] + 10 * bottom.index[0] + bound[SAMPLE]


w, v, b, x, n = (Quantity(name) for name in "WVbxn")
i, j = Var("i"), Var("j")
two, three = Number(2.0), Number(3.0)


def worth(node, **bound):
    return value(node, Numbers(), {SAMPLE: 1, MEMBER: 1} | bound)


@pytest.mark.parametrize(
    ("node", "bound", "expected"),
    [
        (w, {}, W),
        (Quantity("W", (2, 3)), {}, W[1, 2]),
        (Quantity("W", (i, j)), {"i": 1, "j": 2}, W[0, 1]),
        (Quantity("b", (Var("i", -1),)), {"i": 3}, B[1]),
        (Quantity("b", (Var("i", 1),)), {"i": 2}, B[2]),
        (Quantity("b", (1,)), {}, B[0]),
        (Quantity("b", (3,)), {}, B[2]),
        (Quantity("b", (0,)), {}, np.nan),  # an entry outside: of a branch that is not taken
        (Quantity("b", (4,)), {}, np.nan),
        (x, {SAMPLE: 3}, X[2]),
        (Quantity("x", (2,)), {SAMPLE: 4}, X[3, 1]),
        (Quantity("each"), {SAMPLE: 2, MEMBER: 2}, EACH[1, 1]),
        (Quantity("own", (3,)), {MEMBER: 2}, OWN[1, 2]),
        (Letter("y", ("o",), Quantity("b", (2,))), {}, B[1]),
        (Number(-0.25), {}, -0.25),
        (Literal(((1.0, 2.0), (3.0, 4.0))), {}, [[1, 2], [3, 4]]),
        (Plus((b, x, b)), {}, 2 * B + X[0]),
        (Plus((two, three, Number(0.5))), {}, 5.5),
        (Minus(b), {}, -B),
        (Times((b, two, x)), {}, 2 * B * X[0]),
        (Times((w, v, w), "matrix"), {}, W @ V @ W),
        (Times((w, b), "matrix"), {}, W @ B),
        (Times((b, Turn(x)), "matrix"), {}, np.outer(B, X[0])),
        (Times((Turn(b), x), "matrix"), {}, B @ X[0]),
        (Times((Turn(b), v), "matrix"), {}, [B @ V]),
        (Times((two, w), "matrix"), {}, 2 * W),
        (Times((w, n), "matrix"), {}, 7 * W),
        (Over(b, two), {}, B / 2),
        (Raise(b, two), {}, B**2),
        (Raise(two, Number(-3.0)), {}, 1 / 8),
        (Turn(w), {}, W.T),
        (Turn(b), {}, B[None, :]),
        (Total("i", 3, Quantity("b", (i,)), three), {}, B.sum()),
        (Total("i", 2, Total("j", 3, Quantity("W", (i, j)), three), two), {}, W.sum()),
        (Total(SAMPLE, 4, Quantity("x", (1,)), three), {}, X[:, 0].sum()),
        (Total(MEMBER, 2, Quantity("own"), three), {}, OWN.sum(axis=0)),
        (Total("i", 0, b, three), {}, 0.0),
        (Total("i", 300, two, three), {}, 600.0),  # many terms are evaluated side by side
        (Total("i", 300, Place(i), three), {}, 45150.0),
        (Total("i", 3, Total("j", 200, Times((Quantity("b", (i,)), Place(j))), two), three), {},
         20100 * B.sum()),
        (Total("j", 250, Total("i", 3, Quantity("b", (i,)), two), three), {}, 250 * B.sum()),
        (Total("i", 300, Piecewise(Place(i), three, True, Quantity("b", (i,)), two), three), {},
         B.sum() + 594),
        (Call("f", (b,), meaning=Raise(b, two)), {}, B**2),
        (Piecewise(two, three, False, b, x), {}, B),
        (Piecewise(three, two, False, b, x), {}, X[0]),
        (Piecewise(two, two, False, b, x), {}, X[0]),
        (Piecewise(two, two, True, b, x), {}, B),
        (Piecewise(Place(i), two, True, Quantity("b", (i,)), Quantity("x", (Var("i", -2),))),
         {"i": 3}, X[0, 0]),
        (Place(Var("i", 2)), {"i": 5}, 7.0),
        (Stack((b, two, x)), {}, [*B, 2, *X[0]]),
        (Part(b, 2, 3), {}, B[1:3]),
        (Part(b, 1, 1), {}, B[:1]),
        (UnitVector(Quantity("k"), 3), {}, [0, 0, 1]),
        (UnitVector(Quantity("k"), 3), {SAMPLE: 2}, [1, 0, 0]),
        (Chosen(Quantity("k"), 3), {}, 1.0),
        (Chosen(Quantity("k"), 2), {}, 0.0),
        (Chosen(Quantity("k"), 2), {SAMPLE: 3}, 1.0),
        (Chosen(Quantity("k"), i), {"i": 1, SAMPLE: 2}, 1.0),
        (Beside(w), {}, np.column_stack([W, [0, 0]])),
        (Beside(w, Part(b, 2, 3)), {}, np.column_stack([W, B[1:]])),
        (Square(w), {}, (W**2).sum()),
        (Ratio(Quantity("x", (2,)), Quantity("b", (3,))), {SAMPLE: 4}, 234.0),
    ],
)  # fmt: skip
def test_a_tree_has_the_value_of_its_mathematics(node, bound, expected):
    found = worth(node, **bound)
    assert found.shape == np.shape(expected)
    assert np.allclose(found, expected, rtol=1e-14, atol=0, equal_nan=True)


@pytest.mark.parametrize("name", ["exp", "log", "sqrt", "abs", "sign", "erf", "cosh", "tanh"])
def test_a_function_without_a_meaning_is_the_mathematical_one(name):
    of = {"abs": abs, "sign": lambda t: math.copysign(1, t)}.get(name) or getattr(math, name)
    for at in (0.3, 1.7) if name in ("log", "sqrt") else (-1.2, 0.3, 1.7):
        assert worth(Call(name, (Number(at),))) == pytest.approx(of(at), rel=1e-15)
    assert np.allclose(worth(Call(name, (Raise(b, two),))), [of(t) for t in B**2], rtol=1e-14)


@pytest.mark.parametrize(
    "node",
    [Plus((b, Part(b, 1, 2))), Times((b, Part(b, 1, 2))), Over(b, Part(b, 1, 1)), Plus((w, b)),
     Times((b, x), "matrix"), Times((b, w), "matrix"), Times((w, w), "matrix")],
)  # fmt: skip
def test_shapes_that_do_not_go_together_have_no_value(node):
    with pytest.raises(ValueError):
        worth(node)


def test_a_sum_of_products_by_one_of_their_factors_is_what_stands_beside_it():
    p, q, r = (Quantity("b", (unit,)) for unit in (1, 2, 3))
    three = Number(3.0)
    for whole, by, found in (
        (Plus((Times((three, p)), Times((q, r)))), p, 3.0),
        (Plus((Times((three, p)), Times((q, r)))), r, B[1]),
        (Plus((Times((three, p)), q)), r, 0.0),
        (Times((three, p, p)), p, 6 * B[0]),
    ):
        assert worth(Ratio(whole, by)) == pytest.approx(found, rel=1e-15)
    with pytest.raises(TypeError, match="Minus is not differentiated"):
        worth(Ratio(Minus(p), p))


@pytest.mark.parametrize("node", [Width("a1", 0), Ratio(b, Minus(b))])
def test_what_is_no_number_has_no_value_and_says_what_it_is(node):
    with pytest.raises(TypeError, match=f"no value is defined for {type(node).__name__}"):
        worth(node)


def test_a_value_out_of_range_is_no_warning():
    assert np.isinf(worth(Over(two, Number(0.0)))) and np.isnan(worth(Call("log", (Minus(two),))))


# -- building -------------------------------------------------------------------------------------
def test_sums_are_flat_and_have_no_zeros():
    zero = Number(0.0)
    assert plus(b, plus(x, w), zero) == Plus((b, x, w))
    assert plus(zero, b, zero) == b
    assert plus(zero) == plus() == zero
    assert plus(Plus((b, zero)), x) == Plus((b, x))
    assert plus(two, three) == Plus((two, three))  # nothing is computed


def test_products_are_flat_have_no_ones_and_their_sign_in_front():
    one, zero = Number(1.0), Number(0.0)
    assert times(b, times(x, w), one) == Times((b, x, w))
    assert times(one, b, one) == b
    assert times(one) == times() == one
    assert times(b, zero, x) == zero
    assert times(Minus(b), zero) == zero
    assert times(Minus(b), x) == times(b, Minus(x)) == Minus(Times((b, x)))
    assert times(Minus(b), Minus(x)) == Times((b, x))
    assert times(Minus(Minus(b)), x) == Times((b, x))
    assert times(Minus(one)) == Minus(one)
    assert times(Minus(Times((b, x))), w) == Minus(Times((b, x, w)))
    matrices = Times((w, v), "matrix")
    assert times(matrices, b) == Times((matrices, b))
    assert times(b, matrices).kind == "entry"


def test_two_signs_cancel():
    assert minus(b) == Minus(b) and minus(Minus(b)) == b and minus(minus(minus(b))) == Minus(b)


def test_a_tree_is_walked_from_the_top_and_from_the_left():
    meaning = Raise(b, two)
    tree = Plus((Times((w, v), "matrix"), Call("f", (b,), meaning=meaning), Minus(x)))
    first, second, third = tree.terms
    assert list(walk(tree)) == [tree, first, w, v, second, b, third, x]
    assert Beside(w).children() == (w,)
    assert Beside(w, b).children() == (w, b)
    assert Total("i", 3, b, three).children() == (b, three)
    assert Letter("N", (), two).children() == ()  # what it means is not printed
    assert Piecewise(two, three, True, b, x).children() == (two, three, b, x)


def test_rebuilding_changes_every_node_from_the_bottom_and_a_functions_meaning_too():
    tree = Plus((Minus(b), Call("f", (b,), meaning=Raise(b, two))))
    other = rebuild(tree, lambda node: x if node == b else node)
    assert other == Plus((Minus(x), Call("f", (x,))))
    assert other.terms[1].meaning == Raise(x, two)
    seen: list[Node] = []
    rebuild(Minus(Minus(b)), lambda node: seen.append(node) or node)
    assert seen == [b, Minus(b), Minus(Minus(b))]
    assert rebuild(tree, lambda node: node) == tree


def test_putting_in_stops_at_what_is_put_in_and_leaves_a_functions_meaning_alone():
    tree = Times((Minus(b), Call("f", (b,), meaning=b), Over(b, x)))
    other = put(tree, lambda node: Minus(b) if node == b else None)
    assert other == Times((Minus(Minus(b)), Call("f", (Minus(b),)), Over(Minus(b), x)))
    assert other.factors[1].meaning == b
    assert put(tree, lambda node: x if node == tree else None) == x
    assert put(x, lambda node: None) is x
