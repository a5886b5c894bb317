"""Expression trees: their types, their evaluator, and what may be done to them."""

from __future__ import annotations

import numpy as np
import pytest

from clearprop.errors import ShapeError
from clearprop.expressions import (
    Add,
    Apply,
    Cases,
    Concat,
    Hadamard,
    Less,
    MatMul,
    Num,
    OneHot,
    Outer,
    Slice,
    Sum,
    Sym,
    Transpose,
    Type,
    as_expr,
    evaluate,
    primitive,
    rewrite,
    substitute,
    symbols,
    walk,
)

K, M, R, C = 2, 5, 3, 4


def matrix(member=False):
    return Sym("W", Type((R, C), member=member))


def vector(name, size, sample=True, member=False):
    return Sym(name, Type((size,), sample, member))


@pytest.fixture
def arrays(rng):
    def make(sym):
        of = sym.type
        axes = (K,) * of.member + (M,) * of.sample + of.shape
        return rng.normal(size=axes)

    return make


@pytest.mark.parametrize("own_w", [False, True])
@pytest.mark.parametrize("own_a", [False, True])
def test_a_matrix_times_the_samples_is_wa_for_every_sample_and_member(own_w, own_a, arrays):
    W, a = matrix(own_w), vector("a", C, member=own_a)
    values = {"W": arrays(W), "a": arrays(a)}
    got = evaluate(W @ a, values)
    member = own_w or own_a
    assert (W @ a).type == Type((R,), True, member)
    want = np.einsum("krc,kmc->kmr", *(
        np.broadcast_to(x if own else x[None], (K, *x.shape[own:]))
        for x, own in ((values["W"], own_w), (values["a"], own_a))))  # fmt: skip
    assert np.allclose(got, want if member else want[0], rtol=1e-14)


def test_wt_delta_and_outer_and_dot_are_what_mathematics_says(arrays):
    W, d, a = matrix(), vector("d", R), vector("a", C)
    values = {"W": arrays(W), "d": arrays(d), "a": arrays(a)}
    assert np.allclose(evaluate(W.T @ d, values), values["d"] @ values["W"], rtol=1e-14)
    outer = np.einsum("mr,mc->mrc", values["d"], values["a"])
    assert np.allclose(evaluate(Outer(d, a), values), outer, rtol=1e-14)
    assert np.allclose(evaluate(Sum(("sample",), Outer(d, a)), values), outer.sum(0), rtol=1e-13)
    dot = MatMul(Transpose(d), d)
    assert dot.type == Type((), sample=True)
    assert np.allclose(evaluate(dot, values), (values["d"] ** 2).sum(1), rtol=1e-13)


@pytest.mark.parametrize("own", [False, True])
def test_a_sum_of_outer_products_is_the_sum_of_each(own, arrays):
    d, a = vector("d", R, member=own), vector("a", C)
    values = {"d": arrays(d), "a": arrays(a)}
    got = evaluate(Sum(("sample",), Outer(d, a)), values)
    each = evaluate(Outer(d, a), values)
    assert np.allclose(got, each.sum(axis=1 if own else 0), rtol=1e-13)
    if own:
        both = evaluate(Sum(("sample", "member"), Outer(d, a)), values)
        assert np.allclose(both, each.sum(axis=(0, 1)), rtol=1e-13)


def test_an_outer_product_with_a_factor_that_all_samples_share_is_summed_for_each(arrays):
    d, a = vector("d", R), vector("a", C, sample=False)
    values = {"d": arrays(d), "a": arrays(a)}
    got = evaluate(Sum(("sample",), Outer(d, a)), values)
    assert np.allclose(got, np.outer(values["d"].sum(axis=0), values["a"]), rtol=1e-13)


@pytest.mark.parametrize("own", [False, True])
def test_a_row_looked_up_is_the_one_hot_product_without_making_one(own, arrays, monkeypatch):
    E, k = Sym("E", Type((6, C), member=own)), Sym("k", Type((), sample=True))
    d = vector("d", C, member=own)
    index = np.array([0.0, 5.0, 2.0, 2.0, 0.0])
    values = {"E": arrays(E), "k": index, "d": arrays(d)}
    one_hot = np.eye(6)[index.astype(int)]
    assert np.array_equal(evaluate(OneHot(k, 6), values), one_hot)
    monkeypatch.setattr(np, "arange", None)  # what a one-hot array would be made with
    looked_up = evaluate(E.T @ OneHot(k, 6), values)
    gathered = evaluate(Sum(("sample",), Outer(OneHot(k, 6), d)), values)
    monkeypatch.undo()
    assert np.allclose(looked_up, np.einsum("ml,...lc->...mc", one_hot, values["E"]))
    assert np.allclose(gathered, np.einsum("ml,...mc->...lc", one_hot, values["d"]), rtol=1e-13)


def test_scalars_spread_and_members_and_samples_meet(arrays):
    b = Sym("b", Type((), member=True))
    z = vector("z", C)
    values = {"b": arrays(b), "z": arrays(z)}
    assert (z + b).type == Type((C,), True, True)
    got = evaluate(z + b, values)
    assert np.array_equal(got, values["z"][None] + values["b"][:, None, None])
    assert np.array_equal(evaluate(2 * z - 1, values), 2 * values["z"] - 1)
    assert np.array_equal(evaluate((1 - z) / (z**2 + 1), values),
                          (1 - values["z"]) / (values["z"] ** 2 + 1))  # fmt: skip


def test_concat_and_slice_undo_one_another(arrays):
    parts = [vector("a", 2), vector("b", 3, member=True)]
    values = {p.name: arrays(p) for p in parts}
    whole = Concat(tuple(parts))
    assert whole.type == Type((5,), True, True)
    assert np.array_equal(evaluate(Slice(whole, 2, 5), values), values["b"])
    first = evaluate(Slice(whole, 0, 2), values)
    assert all(np.array_equal(first[k], values["a"]) for k in range(K))


def test_sums_take_away_the_axes_they_name(arrays):
    x = vector("x", C, member=True)
    values = {"x": arrays(x)}
    sums = {("unit",): 2, ("sample",): 1, ("member",): 0, ("sample", "member"): (0, 1)}
    for over, axes in sums.items():
        assert np.allclose(evaluate(Sum(over, x), values), values["x"].sum(axis=axes), rtol=1e-13)


def test_cases_choose_entry_by_entry(arrays):
    x = vector("x", C)
    values = {"x": arrays(x)}
    below = Cases(Less(x, Num(0.0)), -x, x)
    assert np.array_equal(evaluate(below, values), np.abs(values["x"]))
    at = {"x": np.zeros((1, C))}
    assert evaluate(Less(x, Num(0.0), or_equal=True), at).all()
    assert not evaluate(Less(x, Num(0.0)), at).any()


def test_primitives_are_the_textbooks(arrays):
    x = vector("x", C)
    values = {"x": np.array([[0.5, 1.0, 2.0, -1.0]])}
    assert evaluate(primitive("erf", x), values)[0, 1] == pytest.approx(0.8427007929497149)
    assert np.array_equal(evaluate(primitive("sign", x), values), [[1, 1, 1, -1]])
    assert np.array_equal(evaluate(primitive("abs", x), values), np.abs(values["x"]))


def test_one_entry_is_had_by_its_index():
    x = vector("x", 3)
    got = evaluate(x + 1, {"x": np.arange(6.0).reshape(2, 3)}, index=(1, 2))
    assert float(got) == 6.0


def test_what_overflows_is_infinite_without_a_warning():
    x = vector("x", 1)
    assert evaluate(primitive("exp", x), {"x": np.array([[1e4]])})[0, 0] == np.inf
    assert np.isnan(evaluate(x / x, {"x": np.array([[0.0]])}))[0, 0]


def test_shapes_that_do_not_fit_raise():
    W, a, b = matrix(), vector("a", C), vector("b", 2)
    for wrong in (lambda: W @ b, lambda: a + b, lambda: a * b, lambda: Outer(W, a),
                  lambda: Sum(("member",), a), lambda: Concat((W, a)), lambda: Slice(a, 2, 9),
                  lambda: Transpose(Sym("s")), lambda: Add((a, b, a))):  # fmt: skip
        with pytest.raises(ShapeError):
            _ = wrong().type


def test_trees_are_values_and_are_rewritten_as_values():
    a, b = vector("a", C), vector("b", C)
    tree = a * b + 2 * a
    assert tree == a * b + 2 * a
    assert hash(tree) == hash(a * b + 2 * a)
    assert [sym.name for sym in symbols(tree)] == ["a", "b"]
    assert substitute(tree, {b: a}) == a * a + 2 * a
    assert rewrite(tree, lambda node: node) == tree
    negated = rewrite(tree, lambda node: -node.left if isinstance(node, Hadamard) else node)
    assert negated == Add((-a, -Num(2.0)))
    assert sum(1 for _ in walk(tree)) == 7
    assert as_expr(3) == Num(3.0)


def test_a_shared_subtree_is_computed_once():
    calls = []

    class Counted:
        name = "counted"

        def evaluate(self, form, args, attrs):
            calls.append(form)
            return args[0]

        def shape_of(self, form, args):
            return args[0].shape

    x = vector("x", 2)
    once = Apply(Counted(), (x,))
    evaluate(once + once * once, {"x": np.ones((1, 2))})
    assert calls == ["value"]
