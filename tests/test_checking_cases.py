"""Gradients in the wild, typed as printed or released: each gets its name."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from conftest import count
from small_networks import random_parameters

import clearprop as cp
from clearprop.checking import (
    check_function,
    check_gradient,
)


def copy(gradient):
    return {name: array.copy() for name, array in gradient.items()}


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
