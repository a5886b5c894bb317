"""Right gradients are never accused: in float64, in float32, at kinks."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import count
from engine_runs import data_of, flat_of
from small_networks import random_network, random_parameters

import clearprop as cp
from clearprop.checking import (
    check_gradient,
    numpy_template,
    random_batch,
)
from clearprop.engine import NativeRunner, State
from clearprop.engine.pieces import combine
from clearprop.optimizers import SGD


def by_the_template(network):
    names = {}
    exec(numpy_template(network, filled=True), names)
    return names["gradient"]


def one_batch(network, rng):
    X, Y = random_batch(network, int(rng.integers(1, 9)), rng)
    return X["X"], next(iter(Y.values()))


def pairs_of_network_and_data(total, a_network, start):
    """Random networks, each with several random parameters and batches."""
    for seed in range(total // a_network):
        rng = np.random.default_rng([start, seed])
        network = random_network(rng)
        for _ in range(a_network):
            yield network, random_parameters(network, rng), *one_batch(network, rng)


def test_right_gradients_in_float64_are_never_accused(proof):
    """The right gradient here is written by other code: the textbook formulas in plain NumPy."""
    accused, cases, functions = [], count(160, 10_000), {}
    for place, (network, p, X, Y) in enumerate(pairs_of_network_and_data(cases, 4, 1)):
        if network not in functions:
            functions = {network: by_the_template(network)}
        with np.errstate(all="ignore"):
            given = functions[network](dict(p), X, Y)
        if not check_gradient(network, p, X, Y, given, diagnose_mistakes=False):
            accused.append(place)
    proof("right float64 gradients, textbook NumPy, none accused", cases, accused=len(accused))
    assert accused == []


def natively(network, p, X, Y):
    """The gradient of the native engine in float32; it is given without the penalty."""
    runner = NativeRunner(network.graph, SGD(0.1), data_of(network, X, Y), precision="float32")
    state = State.initial(flat_of(network, p), runner.optimizer, 0, "float32", runner.family)
    rows = np.arange(len(X))
    node = combine(runner.gradient(state, rows, runner.total_weight(rows)))
    flat = node.gradient.astype(np.float32)
    penalties = {one.name: one.penalty for one in runner.program.parameters}
    parts = {name: flat[at].reshape(p[name].shape) for name, at in network.graph.sections()}
    return {n: g + np.float32(penalties[n]) * p[n].astype(np.float32) for n, g in parts.items()}


def in_single_precision(network, p, X, Y):
    with np.errstate(all="ignore"):
        found = by_the_template(network)(dict(p), X, Y)
    return {name: np.asarray(g, np.float32) for name, g in found.items()}


@pytest.mark.parametrize("made_by", [natively, in_single_precision])
def test_right_gradients_in_float32_are_never_accused(proof, made_by):
    accused, cases = [], count(40, 1000)
    for place, (network, p, X, Y) in enumerate(pairs_of_network_and_data(cases, 2, 2)):
        single = {name: array.astype(np.float32) for name, array in p.items()}
        x, y = X.astype(np.float32), Y.astype(np.float32)
        given = made_by(network, single, x, y)
        assert {g.dtype for g in given.values()} == {np.dtype(np.float32)}
        if not check_gradient(network, single, x, y, given, diagnose_mistakes=False):
            accused.append(place)
    who = "the native engine" if made_by is natively else "textbook NumPy"
    proof(f"right float32 gradients, {who}, none accused", cases, accused=len(accused))
    assert accused == []


@pytest.mark.parametrize("at_zero", [0.0, 0.5, 1.0])
def test_at_a_kink_any_subgradient_passes(at_zero):
    network = cp.Network([2, 3, 3, 1], "relu")
    parameters = network.initial(seed=0)  # biases 0, so a row of zeros puts every z at the kink
    X, Y = np.array([[0.0, 0.0], [1.0, -2.0], [0.0, 0.0]]), np.array([[1.0], [0.5], [2.0]])

    def prime(z):
        return np.where(z > 0, 1.0, np.where(z == 0, at_zero, 0.0))

    def gradient(parameters, X, Y):
        W1, W2, W3 = (parameters[f"W{n}"] for n in (1, 2, 3))
        z2 = X @ W1.T
        z3 = np.maximum(z2, 0) @ W2.T
        delta4 = (np.maximum(z3, 0) @ W3.T - Y) / len(X)
        delta3 = delta4 @ W3 * prime(z3)
        delta2 = delta3 @ W2 * prime(z2)
        return {
            "W3": delta4.T @ np.maximum(z3, 0), "b3": delta4.sum(0),
            "W2": delta3.T @ np.maximum(z2, 0), "b2": delta3.sum(0),
            "W1": delta2.T @ X, "b1": delta2.sum(0),
        }  # fmt: skip

    assert check_gradient(network, parameters, X, Y, gradient).passed


def test_at_a_kink_what_is_no_subgradient_fails():
    network = cp.Network([1, 1], "relu", output="relu")
    parameters = {"W1": np.array([[1.0]]), "b1": np.array([0.0])}
    X, Y = np.array([[0.0]]), np.array([[-2.0]])
    for slope, right in ((0.0, True), (0.7, True), (1.0, True), (1.1, False), (-0.1, False)):
        given = {"W1": np.zeros((1, 1)), "b1": np.array([2.0 * slope])}
        assert check_gradient(network, parameters, X, Y, given).passed is right


def test_both_zero_is_right():
    network = cp.Network([2, 3, 2], "relu")
    parameters = {n: np.zeros(w.shape) for n, w in network.initial().items()}
    X, Y = np.ones((3, 2)), np.zeros((3, 2))
    assert check_gradient(network, parameters, X, Y, network.gradient(parameters, X, Y)).passed


def test_kinks_are_named_by_function_unit_and_sample():
    network = cp.Network([2, 2, 1], "relu")
    p = {"W1": np.array([[1.0, 1.0], [1.0, 2.0]]), "b1": np.zeros(2),
         "W2": np.array([[1.0, 3.0]]), "b2": np.zeros(1)}  # fmt: skip
    X, Y = np.array([[1.0, 2.0], [2.0, -1.0]]), np.array([[1.0], [5.0]])  # z₂ of sample 2 is 0

    def gradient(p, X, Y):
        z2 = X @ p["W1"].T + p["b1"]
        a2 = np.maximum(z2, 0)
        delta3 = (a2 @ p["W2"].T + p["b2"] - Y) / 2
        delta2 = delta3 @ p["W2"] * np.where(z2 == 0, 0.5, z2 > 0)
        return {"W2": delta3.T @ a2, "b2": delta3.sum(0), "W1": delta2.T @ X, "b1": delta2.sum(0)}

    found = check_gradient(network, p, X, Y, gradient)
    assert found.passed
    assert any("relu at unit 2 of layer 2 for sample 2" in note for note in found.notes)
