"""Numbers of a derivation and its checks: arrays as a text turns them, differences, how far off."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

import clearprop as cp
from clearprop.derivation.command.calls import random_numbers
from clearprop.derivation.trees.tree import MEMBER, SAMPLE, Number, Quantity, Times
from clearprop.derivation.verifying.differences import PLACES, off, some
from clearprop.derivation.verifying.verification import Verification
from clearprop.network import Network

R = np.random.default_rng(3)


def derived(network, notation, m, **settings):
    p, X, Y = random_numbers(network, 1, m)
    return cp.derive(network, notation, p, X, Y, **settings), p, X, Y


# -- arrays ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("notation", ["matrix", "delta-rule", "scalar", "index"])
def test_members_weights_are_turned_one_by_one(notation):
    x = cp.Input(3)
    d, p, *_ = derived(Network(inputs=x, outputs=cp.Dense(2, "tanh", members=4)(x)), notation, 2)
    turned = notation in ("delta-rule", "scalar")
    for name in ("W1", "dJ/dW1"):
        ours = d.numbers.trace[name]
        assert ours.shape == (4, 2, 3)
        expected = [one.T if turned else one for one in ours]
        assert np.array_equal(d.numbers.array(name), expected)
    assert np.array_equal(d.numbers.array("b1"), p["b1"])
    assert d.numbers.axes("W1") == (True, False)
    assert d.numbers.axes("z2") == d.numbers.axes("delta2") == (True, True)
    assert d.numbers.axes("a1") == d.numbers.axes("x") == (False, True)
    assert d.verify().passed


def test_numbers_that_are_no_arrays_of_the_network_have_their_names():
    d, *_ = derived(Network([2, 3, 2], "tanh", l2=0.25), "matrix", 5, learning_rate=0.125)
    named = {name: float(d.numbers.array(name)) for name in ("m", "K", "l2", "learning_rate")}
    assert named == {"m": 5.0, "K": 0.0, "l2": 0.25, "learning_rate": 0.125}
    assert d.numbers.has("W1") and not d.numbers.has("W7")
    assert d.numbers.bound(3) == {SAMPLE: 3, MEMBER: 1}


def test_where_the_mean_stands_at_the_gradient_delta_is_that_of_one_sample():
    network = Network([2, 3, 2], "tanh")
    for notation, alone in (("matrix", True), ("graph", True), ("index", True)):
        d, p, X, Y = derived(network, notation, 4)
        assert d.notation.mean_at == "gradient"
        for s in range(4):
            one = network.trace(p, X[s : s + 1], Y[s : s + 1])["delta2"][0]
            assert np.allclose(d.numbers.array("delta2")[s], one, rtol=1e-12) == alone
        mine = cp.Notation("mine", mean_at="delta")
        d = cp.derive(network, mine, p, X, Y)
        assert np.allclose(4 * d.numbers.array("delta2")[3], one, rtol=1e-12)
        assert d.verify().passed


@pytest.mark.parametrize("bias", ["unit", "shared"])
def test_a_bias_is_one_more_column_of_its_weights_and_of_their_gradient(bias):
    d, p, X, Y = derived(Network([2, 3, 2], "tanh", bias=bias), "graph", 4)
    gradient = d.network.gradient(p, X, Y)
    for layer, units in ((1, 3), (2, 2)):
        whole, slope = d.numbers.array(f"W{layer}+"), d.numbers.array(f"dJ/dW{layer}+")
        assert np.array_equal(whole[:, :2], p[f"W{layer}"][:, :2])
        assert np.array_equal(whole[:, -1], np.broadcast_to(p[f"b{layer}"], units))
        assert np.allclose(slope[:, :-1], gradient[f"W{layer}"], rtol=1e-12)
        delta = d.numbers.trace[f"delta{layer + 1}"]
        assert np.allclose(slope[:, -1], delta.sum(axis=0), rtol=1e-12)
        own = slope[:, -1].sum() if bias == "shared" else slope[:, -1]
        assert np.allclose(own, gradient[f"b{layer}"], rtol=1e-12)


def test_a_column_of_members_is_each_members_own():
    x = cp.Input(2)
    for bias in ("unit", "shared"):
        layer = cp.Dense(2, "tanh", members=3, bias=bias)
        d, p, *_ = derived(Network(inputs=x, outputs=layer(x)), "graph", 2)
        assert np.allclose(d.numbers.array("W1+")[..., -1], np.broadcast_to(
            p["b1"] if bias == "unit" else p["b1"][:, None], (3, 2)))  # fmt: skip
        assert np.allclose(
            d.numbers.array("dJ/dW1+")[..., -1], d.numbers.trace["delta2"].sum(axis=1)
        )
        assert d.verify().passed


# -- differences ----------------------------------------------------------------------------------
@pytest.mark.parametrize("notation", ["matrix", "delta-rule"])
def test_a_ratio_is_the_derivative_at_its_sample_and_its_units(notation):
    network = Network([2, 3, 2], "tanh", l2=0.4)
    d, p, X, Y = derived(network, notation, 3)
    turned = notation == "delta-rule"

    def ratio(top, bottom, sample):
        found = [
            Quantity(s, tuple(reversed(i)) if turned and s[0] == "W" else i)
            for s, i in (top, bottom)
        ]
        return d.numbers.ratio(*found, {SAMPLE: sample, MEMBER: 1})

    for s in (1, 2, 3):
        t = {name: array[s - 1] for name, array in network.trace(p, X, Y).arrays.items()
             if name[0] in "az"}  # fmt: skip
        slope = 1 - t["a2"] ** 2
        for top, bottom, expected in (
            (("z3", (2,)), ("a2", (3,)), p["W2"][1, 2]),
            (("a2", (3,)), ("z2", (3,)), slope[2]),
            (("a2", (3,)), ("z2", (1,)), 0.0),
            (("a2", (2,)), ("W1", (2, 1)), slope[1] * X[s - 1, 0]),
            (("z3", (1,)), ("b2", (1,)), 1.0),
            (("z2", (1,)), ("a1", (2,)), p["W1"][0, 1]),
            (("z3", (1,)), ("z2", (2,)), p["W2"][0, 1] * slope[1]),
            (("J", ()), ("a3", (2,)), (t["a3"][1] - Y[s - 1, 1]) / 3),
            (("J", ()), ("W2", (1, 3)), network.gradient(p, X, Y)["W2"][0, 2]),
            (("penalty", ()), ("W1", (3, 2)), 0.4 * p["W1"][2, 1]),
            (("part:1", ()), ("a3", (1,)), t["a3"][0] - Y[s - 1, 0]),
            (("part:1", ()), ("a3", (2,)), 0.0),
            (("part:2", ()), ("z2", (1,)), (t["a3"] - Y[s - 1])[1] * p["W2"][1, 0] * slope[0]),
        ):
            assert ratio(top, bottom, s) == pytest.approx(expected, abs=1e-9), (top, bottom)


def test_the_part_of_an_output_is_its_share_of_the_cost_of_each_sample():
    network = Network([2, 3, 2], "tanh")
    d, p, X, Y = derived(network, "matrix", 3)
    a = network.trace(p, X, Y)["a3"]
    for k in (1, 2):
        shares = 0.5 * (a[:, k - 1] - Y[:, k - 1]) ** 2
        assert np.allclose(d.numbers.array(f"part:{k}"), shares, rtol=1e-13)
        assert d.numbers.axes(f"part:{k}") == (False, True)


# -- how far off ----------------------------------------------------------------------------------
inf, nan = math.inf, math.nan


@pytest.mark.parametrize(
    ("found", "true", "scale", "expected"),
    [
        (0.5, 0.25, 1.0, 0.25),  # as it is, below 1
        (5.0, 4.0, 1.0, 0.25),  # in units of the true number above
        (-5.0, -4.0, 1.0, 0.25),
        (4.0, 5.0, 1.0, 0.2),
        (5.0, 4.0, 10.0, 0.1),  # in units of what rounding makes of it
        (5.0, 4.0, 0.1, 0.25),
        ([1.0, 2.0], [1.0, 2.5], 1.0, 0.2),
        ([1.0, 2.0], 1.0, 1.0, 1.0),  # a number goes with an array
        ([1.0], [1.0, 1.0], 1.0, inf),
        ([[1.0]], [1.0], 1.0, inf),
        (inf, inf, 1.0, 0.0),
        (nan, nan, 1.0, 0.0),
        (nan, 1.0, 1.0, inf),
        (1.0, nan, 1.0, inf),
        (inf, -inf, 1.0, inf),
        ([], [], 1.0, 0.0),
    ],
)
def test_an_error_is_relative_above_1_and_absolute_below(found, true, scale, expected):
    with np.errstate(all="ignore"):
        assert off(np.asarray(found), np.asarray(true), scale) == pytest.approx(expected)


def test_many_places_are_thinned_evenly_with_the_first_and_the_last():
    assert some(list(range(PLACES))) == list(range(PLACES))
    found = some(list(range(10 * PLACES)))
    assert (len(found), found[0], found[-1]) == (PLACES, 0, 10 * PLACES - 1)
    assert set(np.diff(found)) <= {10, 11}
    assert some(list("abcdefg"), 7) == list("abcdefg")
    assert some(list("abcdefg"), 4) == ["a", "c", "e", "g"]
    assert some(list("abcdefg"), 2) == ["a", "g"]


def test_a_verification_says_the_largest_errors_and_the_step_worst_by_its_limit():
    found = Verification({"z2": 1e-12, "a2": 3e-12}, {"dJ/dW1": 2e-7, "dJ/dW2": 5e-7})
    assert (found.max_error_trace, found.max_error_differences) == (3e-12, 5e-7)
    assert (found.passed, found.worst, found.max_error_symbolic) == (True, "", None)
    expected = {
        "verified": True, "max_error_trace": 3e-12, "max_error_differences": 5e-7,
        "max_error_symbolic": None, "unproved": [],
    }  # fmt: skip
    assert {key: found.to_dict()[key] for key in expected} == expected
    trace, differences = {"z2": 3e-10, "dJ/dW1": 0.0}, {"dJ/dW1": 2e-6}
    assert Verification(trace, differences).worst == "z2"  # 3 limits, and 2
    assert Verification(trace, {"dJ/dW1": 4e-6}).worst == "dJ/dW1"
    assert Verification({"dJ/dW1": 5e-10, "z2": 4e-10}, {"dJ/dW1": 3e-6}).worst == "dJ/dW1"
    by_sympy = Verification({"z2": 1e-12}, {}, (), {"W1": 2e-10, "b1": 1e-12})
    assert (by_sympy.passed, by_sympy.worst) == (False, "dJ/dW1")
    assert by_sympy.max_error_symbolic == 2e-10
    assert Verification({"dJ/dW1": 3e-10, "z2": 2.5e-10}, {}, (), {"W1": 2e-10}).worst == "dJ/dW1"
    assert Verification({}, {}, (), {"W1": 9e-11}).passed
    lost = Verification({"z2": np.inf}, {"dJ/dW1": np.inf}, (), {"W1": np.nan}).to_dict()
    assert [lost[f"max_error_{of}"] for of in ("trace", "differences", "symbolic")] == [None] * 3
    assert lost["verified"] is False  # JSON has no ∞
    missing = Verification({}, {}, ("b1",))
    assert not missing.passed and missing.to_dict()["unproved"] == ["b1"]
    assert (Verification({}, {}).max_error_trace, Verification({}, {}).worst) == (0.0, "")


@pytest.mark.parametrize("activation", ["relu", "sigmoid", "tanh", "identity"])
@pytest.mark.parametrize("weight", ["W1[1,1]", "W1[2,1]", "W2[1,1]"])
@pytest.mark.parametrize("size", [1e3, 2e5, 1e6, 1e9, 1e12, 1e20, 1e150, 1e308])
def test_targets_of_any_size_are_no_mistake_of_a_factor(activation, weight, size):
    """Prices: a cost of 10¹² is rounded by more than a short step changes it."""
    network = cp.Network([2, 3, 2], activation, output="sigmoid")
    p = network.initial(seed=0)
    for X, Y in (([[0.5, 0.2]], [[0.3 * size, 0.2 * size]]), ([[0.5 * size, size]], [[0.3, 1.0]])):
        found = cp.derive(network, "scalar", p, X, Y, weight).verify()
        assert found.passed, (found.worst, X, Y)


def test_a_wrong_factor_does_not_verify_beside_large_targets_either():
    network = cp.Network([2, 3, 2], "tanh", output="sigmoid")
    d = cp.derive(network, "scalar", network.initial(0), [[0.5, 0.2]], [[3e8, 2e8]], "W1[1,1]")
    assert d.verify().passed
    for id in ("∂E1/∂O1:1", "∂E1/∂P1:in", "∂Q1/∂P1:1"):
        steps = tuple(
            replace(step, equations=tuple(
                replace(one, members=tuple(Times((Number(1.01), m)) for m in one.members))
                for one in step.equations)) if step.id == id else step
            for step in d.steps
        )  # fmt: skip
        assert not replace(d, steps=steps).verify().passed, id
