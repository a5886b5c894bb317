"""A pass whose quantities are computed when they are asked for: the same numbers, and no others."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import count
from random_networks import random_case

import clearprop as cp
from clearprop.backprop import Asked, Some, plan, run, target_name
from clearprop.errors import ShapeError
from clearprop.network.reading import read_inputs


def asked(network, parameters, X, Y):
    general = plan(network.graph, fuse=False)
    inputs, targets = read_inputs(network.graph, X), network.targets(Y)
    return Asked(network.plan, parameters, inputs, targets, general), general


@pytest.mark.prove
def test_in_any_order_the_numbers_are_those_of_a_whole_pass(rng):
    for seed in range(count(20, 300)):
        case = random_case(seed)
        found, general = asked(case.network, case.parameters, case.X, case.Y)
        whole = case.network.trace(case.parameters, case.X, case.Y)
        inputs = {given.key: whole[given.value] for given in case.network.graph.inputs}
        targets = {
            name: whole[name]
            for name in (target_name(case.network.graph, c) for c in case.network.graph.costs)
        }
        beside = run(general, case.parameters, inputs, targets)
        true = {**beside.arrays, **whole.arrays}
        assert set(found) == set(true) and len(found) == len(true)
        for name in rng.permutation(sorted(true)):
            assert np.array_equal(found[name], true[name], equal_nan=True), (seed, name)
        assert found.trace.cost == whole.cost


def test_nothing_is_computed_that_was_not_needed():
    network = cp.Network([3, 4, 4, 2], "tanh")
    p = network.initial(seed=0)
    found, _ = asked(network, p, np.ones((1, 3)), np.zeros((1, 2)))
    given = {"W1", "b1", "W2", "b2", "W3", "b3", "a1", "y", "w"}
    assert set(found.known) == given
    _ = found["z3"]
    assert set(found.known) == given | {"z2", "a2", "z3"}
    assert "dJ/dW1" in found and "delta2" not in found.known  # to ask whether is to compute nothing
    _ = found["delta3"]
    assert not any(name.startswith("dJ") for name in found.known)


def test_what_does_not_fit_is_refused_before_anything_is_asked_for():
    network = cp.Network([3, 2], "tanh")
    with pytest.raises(ShapeError, match=r"W1: expected shape \(2, 3\), got \(2, 2\)"):
        asked(network, {"W1": np.ones((2, 2)), "b1": np.ones(2)}, np.ones((1, 3)), np.ones((1, 2)))
    with pytest.raises(KeyError, match="z9"):
        asked(network, network.initial(0), np.ones((1, 3)), np.ones((1, 2)))[0]["z9"]


def test_of_one_row_all_that_samples_have_is_the_batchs_and_no_other_row_is_computed():
    for seed in range(count(20, 200)):
        case = random_case(seed, rows=3)
        found, _ = asked(case.network, case.parameters, case.X, case.Y)
        alone = found.of_row(1)
        for name in found:
            if not name.startswith("dJ") and name not in ("J", *case.network.graph.parameters):
                if np.shape(alone[name]) == np.shape(found[name]):
                    continue  # the penalty
                axis = int(np.shape(alone[name])[0] != 1)  # behind the members'
                expected = np.take(found[name], [1], axis)
                np.testing.assert_allclose(alone[name], expected, rtol=1e-12, atol=1e-13)
    network = cp.Network([3, 4, 2], "tanh")
    found, _ = asked(network, network.initial(0), np.eye(3), np.zeros((3, 2)))
    assert found.of_row(2)["delta2"].shape == (1, 4)
    assert set(found.known) == {"W1", "b1", "W2", "b2", "a1", "y", "w"}
    assert found.trace.cost == pytest.approx(
        sum(float(found.of_row(row)["J"]) for row in range(3)), rel=1e-14
    )


@pytest.mark.prove
def test_entries_are_those_of_the_whole(rng):
    for seed in range(count(20, 300)):
        case = random_case(seed)
        whole, _ = asked(case.network, case.parameters, case.X, case.Y)
        for name, shape in whole.shapes.items():
            places = [np.sort(rng.permutation(size)[: rng.integers(1, size + 1)]) for size in shape]
            some = tuple(None if rng.random() < 0.2 else tuple(map(int, one)) for one in places)
            found, _ = asked(case.network, case.parameters, case.X, case.Y)
            expected = whole[name]
            for axis, one in enumerate(some, -len(shape)):
                expected = np.moveaxis(np.moveaxis(expected, axis, 0)[slice(None)
                    if one is None else list(one)], 0, axis)  # fmt: skip
            part = Some(found, lambda _, __, some=some: some)[name]
            assert part.shape == expected.shape, (seed, name, some)
            np.testing.assert_allclose(part, expected, rtol=1e-9, atol=1e-12, err_msg=str(seed))


def test_of_a_corner_of_a_gradient_no_other_entries_are_computed():
    network = cp.Network([9, 8, 7, 2], "tanh")
    p, X = network.initial(seed=0), np.linspace(-1, 1, 27).reshape(3, 9)
    found, _ = asked(network, p, X, np.ones((3, 2)))
    corner = found.entries("dJ/dW1", ((2, 7), (0, 8)))
    true = network.gradient(p, X, np.ones((3, 2)))["W1"]
    np.testing.assert_allclose(corner, true[[[2], [7]], [0, 8]], rtol=1e-13)
    assert "dJ/dW1" not in found.known and "delta2" not in found.known
    assert found.entries("delta2", ((2, 7),)).shape == (3, 2)
    assert found.entries("dJ/dW1", (None, None)) is found["dJ/dW1"]  # of all, the whole


def test_entries_of_a_row_are_its_own():
    network = cp.Network([3, 4, 2], "tanh")
    found, _ = asked(network, network.initial(0), np.eye(3), np.zeros((3, 2)))
    both = found.entries("delta2", ((1,),))
    alone = found.of_row(2).entries("delta2", ((1,),))
    assert alone.shape == (1, 1) and alone[0, 0] == pytest.approx(both[2, 0], rel=1e-13)
    assert found.of_row(2) is found.of_row(2)  # a row is computed once
    assert found.of_row(0)["a1"].tolist() == [[1.0, 0.0, 0.0]]
