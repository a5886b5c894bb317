"""Right gradients pass, wrong ones are located, and what users hand in never breaks the check."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
import time
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import count
from engine_runs import data_of, flat_of
from small_networks import random_network, random_parameters

import clearprop as cp
from clearprop.checking import (
    CATALOGUE,
    AnswerError,
    check_command,
    check_file,
    check_function,
    check_gradient,
    numpy_template,
    random_batch,
)
from clearprop.checking.lines import Lines
from clearprop.cli import main
from clearprop.engine import NativeRunner, State
from clearprop.engine.pieces import combine
from clearprop.errors import ClearPropError, DataError, FileError, ShapeError, UsageError
from clearprop.optimizers import SGD
from clearprop.testing import assert_gradient


@pytest.fixture
def net():
    return cp.Network([3, 4, 2], "sigmoid", output="sigmoid", l2=0.1)


@pytest.fixture
def case(net, rng):
    p = random_parameters(net, rng)
    return net, p, rng.normal(size=(5, 3)), rng.normal(size=(5, 2))


def copy(gradient):
    return {name: array.copy() for name, array in gradient.items()}


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


def test_the_first_wrong_parameter_from_the_output_back_is_named(case):
    network, p, X, Y = case
    wrong = copy(network.gradient(p, X, Y))
    wrong["W1"][2, 0] += 0.5
    found = check_gradient(network, p, X, Y, wrong)
    assert (found.passed, found.first_wrong, found.layer) == (False, "W1", "2")
    assert [c.name for c in found.parameters.values() if not c.passed] == ["W1"]
    (worst,) = found.parameters["W1"].worst
    assert found.parameters["W1"].entry_name(worst) == "W1[2, 0]"
    assert worst.given - worst.right == pytest.approx(0.5)
    assert found.diagnosis == ()
    assert "1 of its 12 entries" in found.seen


def test_units_that_start_alike_are_noted(case):
    network, p, X, Y = case
    alike = {**p, "W1": np.ones((4, 3)), "b1": np.zeros(4), "W2": np.ones((2, 4))}
    found = check_gradient(network, alike, X, Y, network.gradient)
    assert found.passed
    assert any("all units of W1" in note for note in found.notes)
    assert check_gradient(network, p, X, Y, network.gradient).notes == ()


def test_nan_is_located_before_anything_else(case):
    network, p, X, Y = case
    wrong = copy(network.gradient(p, X, Y))
    wrong["W2"][1, 3] = np.nan
    found = check_gradient(network, p, X, Y, wrong)
    assert found.first_wrong == "W2"
    assert "NaN" in found.parameters["W2"].problem
    assert found.parameters["W2"].worst[0].index == (1, 3)


def test_a_gradient_is_read_in_many_forms(case):
    network, p, X, Y = case
    right = network.gradient(p, X, Y)
    skl = SimpleNamespace(
        coefs_=[right["W1"].T, right["W2"].T], intercepts_=[right["b1"], right["b2"]]
    )
    tree = [{"kernel": right["W1"].T, "bias": right["b1"]},
            {"kernel": right["W2"].T, "bias": right["b2"]}]  # fmt: skip
    forms = [
        right.flat, list(right.values()), {f"d{n}": g for n, g in right.items()},
        {f"dJ/d{n}": g for n, g in right.items()}, skl, tree, network.gradient,
        lambda p, X, Y: (0.5, dict(right)), {**right, "b1": right["b1"][:, None]},
    ]  # fmt: skip
    for form in forms:
        assert check_gradient(network, p, X, Y, form).passed, form


class TorchLike:
    """What a PyTorch module shows after backward(): named parameters with a .grad."""

    def __init__(self, gradient):
        self.gradient = gradient

    def __call__(self, x):
        raise NotImplementedError

    def parameters(self):
        return [value for _, value in self.named_parameters()]

    def named_parameters(self):
        for name, array in self.gradient.items():
            tensor = SimpleNamespace(numpy=lambda array=array: array)
            grad = SimpleNamespace(detach=lambda t=tensor: SimpleNamespace(cpu=lambda: t))
            yield name, SimpleNamespace(grad=grad, shape=array.shape)


@pytest.mark.parametrize("sizes", [[3, 4, 2], [3, 3, 3]])
def test_other_frameworks_orientation_is_tried_both_ways(sizes, rng):
    network = cp.Network(sizes, "tanh")
    p = random_parameters(network, rng)
    X, Y = rng.normal(size=(5, sizes[0])), rng.normal(size=(5, sizes[-1]))
    right = network.gradient(p, X, Y)
    named = {f"{2 * (n // 2)}.{'weight' if n % 2 == 0 else 'bias'}": g
             for n, g in enumerate(right.values())}  # fmt: skip
    keras = [g.T for g in right.values()]
    if sizes == [3, 4, 2]:
        assert check_gradient(network, p, X, Y, keras).passed
    jax = {"Dense_0": {"bias": right["b1"], "kernel": right["W1"].T},
           "Dense_1": {"bias": right["b2"], "kernel": right["W2"].T}}  # fmt: skip
    assert check_gradient(network, p, X, Y, jax).passed
    assert check_gradient(network, p, X, Y, TorchLike(named)).passed
    wrong = TorchLike({name: -g for name, g in named.items()})
    assert check_gradient(network, p, X, Y, wrong).diagnosis[0].mistake.id == "sign-of-delta"


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (None, "None"),
        ({"V1": np.zeros(3)}, "none of the names"),
        ([np.zeros(3)], "got 1 arrays"),
        (np.zeros(4), "flat vector of 26"),
        ("text", "cannot read a gradient"),
        ({"W1": None}, "W1 is None"),
        ({"W1": "text"}, "no array of numbers"),
    ],
)
def test_what_is_no_gradient_is_refused_in_a_sentence(case, given, text):
    network, p, X, Y = case
    with pytest.raises(AnswerError, match=text):
        check_gradient(network, p, X, Y, given)


def test_a_missing_parameter_and_a_wrong_shape_are_said(case):
    network, p, X, Y = case
    wrong = copy(network.gradient(p, X, Y))
    del wrong["b1"]
    wrong["W2"] = wrong["W2"][:1]
    found = check_gradient(network, p, X, Y, wrong)
    assert found.parameters["b1"].problem == "missing; expected (4,)"
    assert found.parameters["W2"].problem == "shape (1, 4), expected (2, 4)"


def test_a_function_that_changes_its_inputs_or_is_random_is_noticed(case):
    network, p, X, Y = case
    before = X.copy()

    def changes(parameters, X, Y):
        found = dict(network.gradient(parameters, X, Y))
        X *= 0
        parameters["W1"] += 1
        return found

    calls = []

    def random(parameters, X, Y):
        calls.append(1)
        return {n: g * len(calls) for n, g in network.gradient(parameters, X, Y).items()}

    assert "changes its inputs W1, X" in check_gradient(network, p, X, Y, changes).notes[0]
    assert np.array_equal(X, before)
    assert "a second call" in check_gradient(network, p, X, Y, random).notes[0]


def test_a_function_that_raises_is_told_with_its_line(case):
    network, p, X, Y = case

    def broken(parameters, X, Y):
        return parameters["W7"]

    with pytest.raises(AnswerError, match=r"broken, line \d+: KeyError: 'W7'"):
        check_gradient(network, p, X, Y, broken)


def test_sample_weights_that_are_ignored_are_named(case):
    network, p, X, Y = case
    weights = np.array([1.0, 2.0, 0.5, 3.0, 1.0])
    assert check_gradient(network, p, X, Y, network.gradient, sample_weight=weights).passed
    found = check_gradient(network, p, X, Y, network.gradient(p, X, Y), sample_weight=weights)
    assert found.diagnosis[0].mistake.id == "weights-ignored"


@pytest.mark.parametrize(
    ("factor", "mistake"),
    [
        (lambda r: np.ones_like(r), "dropout-mask-missing"),
        (lambda r: (r > 0) * 1.0, "dropout-scale-missing"),
        (lambda r: r * r, "dropout-mask-twice"),
    ],
)
def test_dropouts_mistakes_are_named(rng, factor, mistake):
    network = cp.Network([3, 5, 2], "tanh", dropout=0.4)
    p = random_parameters(network, rng)
    X, Y = rng.normal(size=(6, 3)), rng.normal(size=(6, 2))
    (name,) = network.plan.masks
    r = np.where(rng.random((6, 5)) < 0.4, 0.0, 1 / 0.6)
    z2 = X @ p["W1"].T + p["b1"]
    a3 = r * np.tanh(z2)
    delta4 = (a3 @ p["W3"].T + p["b3"] - Y) / 6

    def backward(passed):
        delta2 = delta4 @ p["W3"] * passed * (1 - np.tanh(z2) ** 2)
        return {"W3": delta4.T @ a3, "b3": delta4.sum(0), "W1": delta2.T @ X, "b1": delta2.sum(0)}

    assert check_gradient(network, p, X, Y, backward(r), masks={name: r}).passed
    found = check_gradient(network, p, X, Y, backward(factor(r)), masks={name: r})
    assert found.diagnosis[0].mistake.id == mistake


def test_rounding_to_single_precision_is_no_mistake(case):
    network, p, X, Y = case
    given = {n: g.astype(np.float32) for n, g in network.gradient(p, X, Y).items()}
    as_double = {n: g.astype(np.float64) * (1 + 5e-6) for n, g in given.items()}
    assert check_gradient(network, p, X, Y, given).passed
    found = check_gradient(network, p, X, Y, as_double)
    assert found.passed
    assert [d.mistake.id for d in found.diagnosis] == ["rounding"]


def test_the_reports_hold_the_same_findings(case):
    network, p, X, Y = case
    wrong = {n: -g for n, g in network.gradient(p, X, Y).items()}
    found = check_gradient(network, p, X, Y, wrong)
    data = json.loads(found.to_json())
    assert data["passed"] is False
    assert data["diagnosis"][0]["id"] == "gradient-negated"
    page = found.to_html()
    for text in ("gradient-negated", "W2", "&lt;" if "<" in str(found) else "wrong"):
        assert text in page
    assert "gradient-negated" in str(found)


def test_assert_gradient_raises_with_the_name(case):
    network, p, X, Y = case
    assert_gradient(network, p, X, Y, network.gradient)
    with pytest.raises(AssertionError, match="gradient-negated"):
        assert_gradient(network, p, X, Y, {n: -g for n, g in network.gradient(p, X, Y).items()})


# -- the texts' own slips ------------------------------------------------------------------------
def three_layers(rng, sizes=(2, 3, 2), bias="unit"):
    network = cp.Network(list(sizes), "sigmoid", output="sigmoid", bias=bias)
    p = random_parameters(network, rng)
    return network, p, rng.normal(size=(1, sizes[0])), rng.random((1, sizes[-1]))


def test_s1s_pseudo_code_passes_delta_through_the_gradient(rng):
    network, p, X, Y = three_layers(rng)
    right = network.trace(p, X, Y)
    delta3, a2 = right["delta3"], right["a2"]
    wrong = copy(right.gradient)
    accumulator = delta3.T @ a2  # theta2′ of its line 111, where theta2 was meant
    delta2 = delta3 @ accumulator * a2 * (1 - a2)
    wrong["W1"], wrong["b1"] = delta2.T @ X, delta2.sum(0)
    found = check_gradient(network, p, X, Y, wrong).diagnosis[0]
    assert (found.mistake.id, found.where.layer) == ("gradient-for-weights", "2")


def test_s1s_cross_entropy_delta_has_the_wrong_sign(rng):
    network = cp.Network([2, 3, 3], "sigmoid", cost="cross_entropy")
    p = random_parameters(network, rng)
    X, Y = rng.normal(size=(4, 2)), np.eye(3)[[0, 2, 1, 1]]
    a2, a3 = (network.trace(p, X, Y)[n] for n in ("a2", "a3"))
    delta3 = (Y - a3) / 4
    delta2 = delta3 @ p["W2"] * a2 * (1 - a2)
    wrong = {"W2": delta3.T @ a2, "b2": delta3.sum(0), "W1": delta2.T @ X, "b1": delta2.sum(0)}
    assert check_gradient(network, p, X, Y, wrong).diagnosis[0].mistake.id == "sign-of-delta"


def test_s3s_equation_35_multiplies_the_paths(rng):
    network, p, X, Y = three_layers(rng)
    trace = network.trace(p, X, Y)
    delta3, a2 = trace["delta3"], trace["a2"]
    wrong = copy(trace.gradient)
    product = np.prod(delta3[:, :, None] * p["W2"][None], axis=1)  # ∂E1/∂P · ∂E2/∂P
    delta2 = product * a2 * (1 - a2)
    wrong["W1"], wrong["b1"] = delta2.T @ X, delta2.sum(0)
    found = check_gradient(network, p, X, Y, wrong).diagnosis[0]
    assert (found.mistake.id, found.where.layer) == ("product-of-paths", "2")


def test_s3s_updated_weights_are_named_with_the_learning_rate(rng):
    network, p, X, Y = three_layers(rng)
    trace = network.trace(p, X, Y)
    delta3, a2 = trace["delta3"], trace["a2"]
    wrong = copy(trace.gradient)
    W2 = p["W2"] - 0.5 * wrong["W2"]
    delta2 = delta3 @ W2 * a2 * (1 - a2)
    wrong["W1"], wrong["b1"] = delta2.T @ X, delta2.sum(0)
    found = check_gradient(network, p, X, Y, wrong).diagnosis[0]
    assert found.mistake.id == "updated-weights-in-backward"
    assert found.fitted["learning rate"] == pytest.approx(0.5)


def test_s4s_recursion_has_the_units_own_delta_under_the_sum(rng):
    network, p, X, Y = three_layers(rng, (2, 3, 3))
    trace = network.trace(p, X, Y)
    delta3, a2 = trace["delta3"], trace["a2"]
    wrong = copy(trace.gradient)
    delta2 = delta3 * p["W2"].sum(axis=0) * a2 * (1 - a2)  # Σ_j δ_i w_ji, read with δ of l + 1
    wrong["W1"], wrong["b1"] = delta2.T @ X, delta2.sum(0)
    found = check_gradient(network, p, X, Y, wrong).diagnosis[0]
    assert found.mistake.id == "wrong-index-under-sum"


def test_s0s_update_loses_the_mean_and_the_learning_rate_of_the_penalty(rng):
    network = cp.Network([2, 3, 2], "sigmoid", output="sigmoid", l2=0.1)
    p = random_parameters(network, rng)
    X, Y, rate = rng.normal(size=(4, 2)), rng.random((4, 2)), 0.25
    plain = cp.Network([2, 3, 2], "sigmoid", output="sigmoid").gradient(p, X, Y)
    summed = {n: 4 * g for n, g in plain.items()}  # S0:47 and :51 without 1/m
    new = {n: p[n] - rate * g - (0.1 * p[n] if n[0] == "W" else 0) for n, g in summed.items()}
    implied = {n: (p[n] - new[n]) / rate for n in new}
    found = check_gradient(network, p, X, Y, implied).diagnosis[0]
    ids = {found.mistake.id, *(m.id for m, _ in found.also)}
    assert ids == {"mean-missing", "l2-not-scaled"}
    assert found.fitted["factor of W"] == pytest.approx(0.1 / rate)


def test_scikit_learns_gradient_is_k_times_its_loss(rng):
    """scikit-learn#8349: three outputs; the loss is a mean over them, the gradient is not."""
    from sklearn.neural_network import MLPRegressor

    X, Y = rng.normal(size=(20, 3)), rng.normal(size=(20, 3))
    model = MLPRegressor(hidden_layer_sizes=(4,), activation="tanh", alpha=0.0, max_iter=1,
                         solver="sgd", learning_rate_init=1e-12, random_state=0)  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # one iteration does not converge
        model.fit(X, Y)
    network = cp.Network([3, 4, 3], "tanh")
    ours = {"W1": model.coefs_[0].T, "b1": model.intercepts_[0],
            "W2": model.coefs_[1].T, "b2": model.intercepts_[1]}  # fmt: skip
    activations = [X, np.tanh(X @ model.coefs_[0] + model.intercepts_[0]), None]
    activations[2] = activations[1] @ model.coefs_[1] + model.intercepts_[1]
    grads = {"coefs_": [np.empty_like(W) for W in model.coefs_],
             "intercepts_": [np.empty_like(b) for b in model.intercepts_]}  # fmt: skip
    deltas = [np.empty_like(a) for a in activations[1:]]
    try:
        model._backprop(X, Y, None, [a.copy() for a in activations], deltas,
                        grads["coefs_"], grads["intercepts_"])  # fmt: skip
    except TypeError:
        pytest.skip(reason="this scikit-learn has another private signature of _backprop")
    assert check_gradient(network, ours, X, Y, grads).passed  # of the sum over outputs

    def reported(p):
        prediction = np.tanh(X @ p["W1"].T + p["b1"]) @ p["W2"].T + p["b2"]
        return ((prediction - Y) ** 2).mean() / 2

    mine = {"W1": grads["coefs_"][0].T, "b1": grads["intercepts_"][0],
            "W2": grads["coefs_"][1].T, "b2": grads["intercepts_"][1]}  # fmt: skip
    found = check_function(reported, mine, ours)
    assert not found.passed
    assert found.factor == pytest.approx(3, rel=1e-6)


def test_thincs_cross_entropy_reports_another_function_than_it_differentiates(rng):
    """get_grad is (a − y) / m; get_loss is the sum of that squared, whose derivative it is not."""
    m = 8
    guesses, truths = rng.dirichlet(np.ones(3), m), np.eye(3)[rng.integers(0, 3, m)]

    def get_grad(guesses):
        return (guesses - truths) / m

    def get_loss(guesses):
        return (get_grad(guesses) ** 2).sum()

    found = check_function(get_loss, get_grad, guesses)
    assert not found.passed
    assert found.factor == pytest.approx(m / 2)  # 2 (a − y) / m² is that of the loss
    # taken as δ, it is right for softmax with cross-entropy: the mean over the batch
    network = cp.Network([2, 3], cost="cross_entropy")
    p, X = random_parameters(network, rng), rng.normal(size=(m, 2))

    def gradient(p, X, Y):
        e = np.exp(X @ p["W1"].T + p["b1"])
        delta = get_grad(e / e.sum(axis=1, keepdims=True))
        return {"W1": delta.T @ X, "b1": delta.sum(0)}

    given = gradient(p, X, truths)
    assert check_gradient(network, p, X, truths, given).passed


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


def test_autograds_gradients_pass():
    import autograd.numpy as anp
    from autograd import grad

    for seed in range(count(5, 100)):
        rng = np.random.default_rng(seed)
        network = cp.Network([3, 4, 4, 2], "tanh", l2=0.05)
        p = random_parameters(network, rng)
        X, Y = rng.normal(size=(6, 3)), rng.normal(size=(6, 2))

        def cost(p, X=X, Y=Y):
            a = anp.tanh(anp.dot(X, p["W1"].T) + p["b1"])
            a = anp.tanh(anp.dot(a, p["W2"].T) + p["b2"])
            a = anp.dot(a, p["W3"].T) + p["b3"]
            penalty = sum(anp.sum(p[n] ** 2) for n in ("W1", "W2", "W3"))
            return anp.sum((a - Y) ** 2) / 2 / len(X) + 0.025 * penalty

        assert check_gradient(network, p, X, Y, grad(cost)(dict(p))).passed


# -- any scalar function -------------------------------------------------------------------------
def test_functions_gradients_pass_or_fail():
    x = {"a": np.array([0.3, -1.2]), "b": np.array(2.0)}

    def f(x):
        return np.sin(x["a"]).sum() * x["b"] ** 2

    right = {"a": np.cos(x["a"]) * 4.0, "b": 4.0 * np.sin(x["a"]).sum()}
    found = check_function(f, right, x)
    assert found.passed
    assert (found.method, found.checked) == ("complex step", 3)
    wrong = {**right, "b": np.asarray(0.0)}
    assert check_function(f, wrong, x).worst[0][0] == "b"
    assert check_function(f, right, x, fast_mode=True).passed
    assert not check_function(f, wrong, x, fast_mode=True).passed
    with pytest.raises(AssertionError):
        check_function(f, wrong, x, raise_exception=True)


def test_functions_kinks_are_named_and_any_slope_between_passes():
    x = np.array([0.0, 1.0])
    for slope, right in ((-1.0, True), (0.3, True), (1.0, True), (1.2, False)):
        found = check_function(lambda x: np.abs(x).sum(), np.array([slope, 1.0]), x)
        assert found.passed is right
        assert found.kinks == ("x[0]",)


def test_functions_that_cannot_be_checked_say_why():
    x = np.ones(3)
    with pytest.raises(DataError, match="float32"):
        check_function(lambda x: x.sum(), x, x.astype(np.float32))
    with pytest.raises(DataError, match="NaN"):
        check_function(lambda x: np.nan, x, x)
    rng = np.random.default_rng(0)
    with pytest.raises(DataError, match="random"):
        check_function(lambda x: x.sum() + rng.random(), x, x)
    with pytest.raises(ShapeError, match="one number"):
        check_function(lambda x: x, x, x)
    with pytest.raises(ShapeError, match="expected"):
        check_function(lambda x: x.sum(), np.ones(2), x)
    with pytest.raises(ClearPropError, match="ZeroDivisionError"):
        check_function(lambda x: 1 // 0, x, x)

    def changes(x):
        x += 1
        return (x**2).sum()

    assert "changes its input" in check_function(changes, 2 * (x + 1), x).notes[0]


def test_all_entries_are_checked_if_asked():
    x = np.linspace(-1, 1, 300)
    wrong = 2 * x
    wrong[137] += 0.1
    for sample, numbers in ((None, 300), (20, 20)):
        found = check_function(lambda x: (x**2).sum(), wrong, x, sample=sample)
        assert found.checked == numbers
    assert [name for name, _, _ in check_function(
        lambda x: (x**2).sum(), wrong, x, sample=None).worst] == ["x[137]"]  # fmt: skip
    with pytest.raises(DataError, match=r"x\[2\] is NaN"):
        check_function(lambda x: x.sum(), x, np.array([1.0, 2.0, np.nan]))


def test_a_sample_of_a_large_function_holds_every_parameter():
    x = {"W": np.ones((60, 60)), "b": np.ones(3)}
    seen = check_function(lambda x: (x["W"] ** 2).sum() + x["b"].sum(),
                          {"W": 2 * x["W"], "b": np.zeros(3)}, x)  # fmt: skip
    assert not seen.passed
    assert {name.partition("[")[0] for name, _, _ in seen.worst} == {"b"}


# -- the command ---------------------------------------------------------------------------------
def written(tmp_path, body):
    file = tmp_path / "mine.py"
    file.write_text(textwrap.dedent(body), "utf-8")
    return f"{file}:gradient"


def test_a_learners_file_is_judged_and_the_fix_passes(tmp_path, net):
    right = numpy_template(net, filled=True)
    file = tmp_path / "mine.py"
    file.write_text(right.replace("Delta2 * sigmoid_prime(z2)", "Delta2"), "utf-8")
    text, code = check_command(f"{file}:gradient", net)
    assert code == 3
    assert "derivative-missing" in text
    assert "layer 2" in text
    assert "δ2 = Δ2 ⊙ sigmoid′(z2)" in text
    file.write_text(right, "utf-8")
    assert check_command(f"{file}:gradient", net)[1] == 0
    assert json.loads(check_command(f"{file}:gradient", net, output="json")[0])["passed"]


def test_the_command_exits_with_0_3_1_and_2(tmp_path, net, capsys):
    chain = ["--network", "3-4-2", "--activation", "sigmoid", "--output", "sigmoid", "--l2", "0.1"]
    right = numpy_template(net, filled=True)
    file = tmp_path / "mine.py"
    target = f"{file}:gradient"
    for text, code, said in (
        (right, 0, "The gradient is right"),
        (right.replace("(a3 - y)", "(y - a3)"), 3, "sign-of-delta"),
        ("def gradient(p, X, Y): return p[1]", 1, "KeyError"),
    ):
        file.write_text(text, "utf-8")
        assert main(["check", target, *chain]) == code
        shown = capsys.readouterr()
        assert said in shown.out + shown.err
        assert "Traceback" not in shown.out + shown.err
    assert main(["check", target, *chain, "--format", "pdf"]) == 2
    assert main(["check", "nothing", "--network", "nothing"]) in (1, 2)
    assert main(["check", "--template", "numpy", *chain]) == 0
    assert "delta2 = ..." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("notation", "right"),
    [
        ("matrix", "δ⁽²⁾ = (W⁽²⁾ᵀ δ⁽³⁾) ⊙ f′(z⁽²⁾)"),
        ("graph", "δ²₄₁ = Δ³₄₁ ⊙ σ′(z²₄₁)"),
        ("delta-rule", "δ⁽²⁾ᵢ = (Σⱼ₌₁² w⁽³⁾ᵢⱼ δ⁽³⁾ⱼ) f′(u⁽²⁾ᵢ)"),
        ("scalar", "∂E/∂H1 = ∂E/∂P1 · f′(H1)"),
        ("index", "δ⁽²⁾ᵢ = (Σⱼ₌₁² w⁽²⁾ⱼᵢ δ⁽³⁾ⱼ) g′(z⁽²⁾ᵢ)"),
    ],
)
def test_the_right_line_is_in_the_readers_notation(tmp_path, net, capsys, notation, right):
    text = numpy_template(net, filled=True).replace("Delta2 * sigmoid_prime(z2)", "Delta2")
    chain = ["--network", "3-4-2", "--activation", "sigmoid", "--output", "sigmoid", "--l2", "0.1"]
    target = written(tmp_path, text)
    assert main(["check", target, *chain, "--notation", notation]) == 3
    shown = capsys.readouterr().out
    assert f"right:   {right}" in shown
    assert "f′" not in shown.split("written:")[1].split("right:")[0]
    assert main(["check", "--template", "numpy", *chain, "--notation", notation]) == 0
    assert "# " in capsys.readouterr().out
    assert main(["check", target, *chain, "--notation", "none"]) in (1, 2)


@pytest.mark.parametrize("notation", ["matrix", "graph", "delta-rule", "scalar", "index"])
def test_every_mistake_is_written_in_every_notation_unlike_the_right_line(notation):
    x = cp.Input(3)
    h = cp.Dense(3, "relu")(x)
    h = h + cp.Dense(3, "tanh")(h)
    twice = cp.Dense(3, "tanh")
    h = cp.concat(cp.Dropout(0.1)(twice(twice(h))), cp.Scale()(x))
    graph = cp.Network(inputs=x, outputs=cp.Dense(2, bias="shared")(h), cost="huber", l2=0.1)
    chain = cp.Network([2, 3, 3], "sigmoid", cost="cross_entropy", l2=0.1)
    ids = set()
    for network in (graph, chain):
        lines = Lines(network.plan, notation)
        for mistake in CATALOGUE.values():
            for edit in mistake.edits(network.plan):
                wrong, right = lines.both(edit.steps[0].id, {s.id: s for s in edit.steps}, 0.5)
                assert wrong and right and wrong != right, (mistake.id, edit.place)
                ids.add(mistake.id)
    assert len(ids) > 55


def test_the_template_is_a_file_with_blanks(tmp_path, net):
    text, code = check_command(None, net, template="numpy")
    assert code == 0
    assert "delta2 = ..." in text
    (tmp_path / "mine.py").write_text(text, "utf-8")
    with pytest.raises(AnswerError, match="blank"):
        check_file(f"{tmp_path / 'mine.py'}:gradient", net)
    with pytest.raises(UsageError):
        check_command(None, net, template="cobol")
    with pytest.raises(UsageError):
        check_command(None, net)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("def gradient(p, X, Y):\n    while True: pass", "did not end within|processor time"),
        ("def gradient(p, X, Y):\n    return None", "returned None"),
        ("def gradient(p, X, Y):\n    return p['W9']", r"line 2: .*KeyError"),
        ("def gradient(p, X, Y):\n    import numpy\n    numpy.ones((1 << 40,))", "memory"),
        ("def gradient(p, X, Y):\n    import os\n    os._exit(7)", "without a result"),
        ("def gradient(p, X, Y):\n    import os\n    os.abort()", "SIGABRT"),
        ("def gradient(p, X, Y):\n    raise SystemExit", "SystemExit"),
        ("x = 1 +", "SyntaxError"),
        ("def other(): pass", "no function 'gradient'; it has other"),
        ("def gradient(p, X, Y):\n    return {'W1': 'text'}", "W1 is str"),
        ("def gradient(p, X, Y):\n    return {'W1': 1j * p['W1']}", "W1 is complex"),
        (
            "def gradient(p, X, Y):\n    while True: print('x' * 1000000)",
            "wrote more|did not end|processor",
        ),
        (
            "import numpy as np\ndef gradient(p, X, Y):\n    x = []\n"
            "    while True: x.append(np.zeros(1 << 24))",
            "memory",
        ),
        ("def gradient(p, X, Y):\n    import os, signal\n    os.kill(os.getpid(), 9)", "processor"),
        ("def gradient(p, X, Y):\n    return [1, 2]", "returned 2 arrays, the network has 4"),
        ("def gradient(p, X):\n    return p", "positional argument"),
    ],
)
def test_what_a_users_code_does_is_told_in_a_sentence(tmp_path, net, body, text):
    with pytest.raises(ClearPropError, match=text):
        check_file(written(tmp_path, body), net, seconds=2)


def test_a_users_prints_and_changes_are_noted(tmp_path, net):
    body = numpy_template(net, filled=True).replace(
        "    m = len(X)\n", "    m = len(X)\n    print('hello')\n"
    ).replace("    return {", "    X *= 0\n    return {")  # fmt: skip
    found = check_file(written(tmp_path, body), net)
    assert found.passed
    assert any("printed 2 lines; the first: hello" in note for note in found.notes)
    assert any("changes its inputs X" in note for note in found.notes)


def test_what_a_users_code_leaves_running_is_ended(tmp_path, net):
    """A process that it has forked neither holds the check up nor outlives it."""
    body = numpy_template(net, filled=True).replace(
        "    m = len(X)\n",
        "    m = len(X)\n    import os, time\n    child = os.fork()\n    if child == 0:\n"
        "        time.sleep(600)\n"
        f"    open({str(tmp_path / 'child')!r}, 'w').write(str(child))\n",
    )
    assert check_file(written(tmp_path, body), net).passed
    child = int((tmp_path / "child").read_text("utf-8"))
    for _ in range(200):  # an orphan is buried by init, in a moment
        if not Path(f"/proc/{child}").exists():
            break
        if Path(f"/proc/{child}/stat").read_text("utf-8").split()[2] == "Z":
            break
        time.sleep(0.01)
    else:
        pytest.fail("the forked process is still there")


def test_a_users_file_may_import_its_neighbours_and_leaves_nothing_behind(tmp_path, net):
    (tmp_path / "helper.py").write_text("def half(x): return x / 2 * 2\n", "utf-8")
    body = "from helper import half\n" + numpy_template(net, filled=True)
    assert check_file(written(tmp_path, body), net).passed
    assert sorted(p.name for p in tmp_path.iterdir()) == ["helper.py", "mine.py"]


def test_a_file_that_is_not_there_is_said(net):
    with pytest.raises(FileError, match="no file"):
        check_file("nowhere.py:gradient", net)
    with pytest.raises(UsageError):
        check_file("nowhere.py:not a name", net)


def test_the_caller_is_untouched_by_the_users_process(tmp_path, net):
    before = set(sys.modules)
    body = "import wave\n" + numpy_template(net, filled=True)
    check_file(written(tmp_path, body), net)
    assert "wave" not in set(sys.modules) - before
    assert subprocess.DEVNULL is not None


def test_a_large_network_is_checked_and_diagnosed():
    network = cp.Network([784, 128, 10], "relu", cost="cross_entropy")
    p = network.initial(seed=0)
    rng = np.random.default_rng(0)
    X, Y = rng.random((64, 784)), rng.integers(0, 10, 64)
    right = network.gradient(p, X, Y)
    assert check_gradient(network, p, X, Y, right).passed
    wrong = {n: 64 * g for n, g in right.items()}
    seen = []
    found = check_gradient(network, p, X, Y, wrong, progress=lambda done, of: seen.append(done))
    assert found.diagnosis[0].mistake.id == "mean-missing"
    assert seen
