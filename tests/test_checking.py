"""What is handed in as a gradient is read, judged, located and reported."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
from small_networks import random_parameters

import clearprop as cp
from clearprop.checking import (
    AnswerError,
    check_gradient,
)
from clearprop.errors import DataError
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
        ({"coefs_": [1], "intercepts_": [1, 2]}, "1 coefs_ and 2 intercepts_"),
        ({"coefs_": None, "intercepts_": None}, "coefs_ and intercepts_"),
    ],
)
def test_what_is_no_gradient_is_refused_in_a_sentence(case, given, text):
    network, p, X, Y = case
    with pytest.raises((AnswerError, DataError), match=text):
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

    assert "changes its inputs W1, X" in check_gradient(network, p, X, Y, changes).notes[0]
    assert np.array_equal(X, before)

    def takes(parameters, X, Y):
        found = dict(network.gradient(parameters, X, Y))
        del parameters["W1"]
        return found

    assert "changes its inputs W1 " in check_gradient(network, p, X, Y, takes).notes[0]


def accumulating(network, start=1, sign=1.0):
    """Each call adds to what the calls before it have left."""
    kept = {}

    def gradient(parameters, X, Y):
        for name, g in network.gradient(parameters, X, Y).items():
            kept[name] = kept.get(name, (start - 1) * sign * g) + sign * g
        return {name: array.copy() for name, array in kept.items()}

    return gradient


@pytest.mark.parametrize("start", [1, 2, 5])
def test_a_gradient_that_grows_from_call_to_call_does_not_pass(case, start):
    network, p, X, Y = case
    found = check_gradient(network, p, X, Y, accumulating(network, start))
    assert not found.passed
    assert found.first_wrong == "W2" and found.layer == "3"
    assert [one.mistake.id for one in found.diagnosis] == ["accumulated-twice"]
    assert found.diagnosis[0].also == ()
    assert "W1         WRONG  grows from call to call: it is not set to zero before" in str(found)
    assert max(map(len, str(found).splitlines())) <= 80
    with pytest.raises(AssertionError, match="grows from call to call"):
        check_gradient(network, p, X, Y, accumulating(network), raise_exception=True)


@pytest.mark.parametrize("start", [0.0, 1.0])
def test_a_gradient_kept_in_a_buffer_is_seen_to_grow(case, start):
    """The arrays that a call hands out are those that the next call adds to."""
    network, p, X, Y = case
    kept = {name: start * g for name, g in network.gradient(p, X, Y).items()}

    def adds(p, X, Y):
        for name, g in network.gradient(p, X, Y).items():
            kept[name] += g
        return kept

    found = check_gradient(network, p, X, Y, adds)
    assert not found.passed
    assert [one.mistake.id for one in found.diagnosis] == ["accumulated-twice"]
    assert "grows from call to call" in str(found)


def test_of_a_wrong_gradient_that_grows_both_mistakes_are_named(case):
    network, p, X, Y = case
    found = check_gradient(network, p, X, Y, accumulating(network, sign=-1.0))
    assert not found.passed
    first = found.diagnosis[0]
    assert first.mistake.id == "gradient-negated"  # that of the penalty too
    assert [mistake.id for mistake, _ in first.also] == ["accumulated-twice"]
    noise = {n: g**2 + 0.1 for n, g in network.gradient(p, X, Y).items()}
    calls = []

    def grows(parameters, X, Y):
        calls.append(1)
        return {n: g * len(calls) for n, g in noise.items()}

    found = check_gradient(network, p, X, Y, grows)
    assert [one.mistake.id for one in found.diagnosis] == ["accumulated-twice"]
    assert any("the first call is wrong too: none of the" in note for note in found.notes)


def test_a_gradient_that_is_random_does_not_pass_and_gets_no_name(case):
    network, p, X, Y = case
    draws = np.random.default_rng(0)

    def random(parameters, X, Y, size=1e-8):
        g = network.gradient(parameters, X, Y)
        return {n: a + (size * draws.random(a.shape) if n == "b1" else 0) for n, a in g.items()}

    found = check_gradient(network, p, X, Y, random)
    assert not found.passed
    assert found.first_wrong == "b1"
    assert found.diagnosis == ()
    assert found.parameters["W1"].passed
    assert found.parameters["b1"].problem == (
        "not the same from call to call: random numbers or state"
    )
    assert "your network" not in str(found)
    assert check_gradient(network, p, X, Y, random, nondet_tol=2e-8).passed
    rounding = check_gradient(network, p, X, Y, lambda *given: random(*given, size=1e-17))
    assert rounding.passed

    def other_names(parameters, X, Y):
        found = dict(network.gradient(parameters, X, Y))
        if draws.random() < 2:
            draws.shuffle(names)
            del found[names[0]]
        return found

    names = ["W1", "b1", "W2", "b2"]
    assert not check_gradient(network, p, X, Y, other_names).passed


def test_a_gradient_with_its_own_seed_passes(case):
    network, p, X, Y = case

    def seeded(parameters, X, Y):
        draw = np.random.default_rng(7).random()
        np.random.seed(3)  # noqa: NPY002  # as people's code does
        draw += np.random.random() + 1  # noqa: NPY002
        return {n: g * draw / draw for n, g in network.gradient(parameters, X, Y).items()}

    assert check_gradient(network, p, X, Y, seeded).passed


def test_where_numbers_are_not_finite_it_is_said_when_a_mistake_is_looked_for(case):
    network, p, X, Y = case
    given = {**network.gradient(p, X, Y), "b1": np.full(4, np.nan)}
    found = check_gradient(network, p, X, Y, given)
    assert found.seen == "a mistake is looked for once all numbers are finite"
    assert found.seen in str(found) and found.seen in found.to_html()
    assert "your network" not in str(found)


def test_long_notes_are_folded_where_a_terminal_ends(case):
    network, p, X, Y = case
    right = network.gradient(p, X, Y)
    found = check_gradient(network, p, X, Y, {**right, **{f"X{n}": 1 for n in range(3)}})
    assert len(found.notes) == 3
    lines = str(found).splitlines()
    assert max(map(len, lines)) <= 80
    assert " ".join(" ".join(lines).split()).endswith(found.notes[-1])


def test_a_function_that_raises_is_told_with_its_line(case):
    network, p, X, Y = case

    def broken(parameters, X, Y):
        return parameters["W7"]

    with pytest.raises(AnswerError, match=r"broken, line \d+, raised KeyError: 'W7'"):
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


def test_rounding_to_single_precision_is_no_mistake(case):
    network, p, X, Y = case
    given = {n: g.astype(np.float32) for n, g in network.gradient(p, X, Y).items()}
    as_double = {n: g.astype(np.float64) * (1 + 5e-6) for n, g in given.items()}
    assert check_gradient(network, p, X, Y, given).passed
    found = check_gradient(network, p, X, Y, as_double)
    assert found.passed
    assert [d.mistake.id for d in found.diagnosis] == ["rounding"]
