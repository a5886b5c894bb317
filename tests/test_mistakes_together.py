"""Several mistakes at once: what was never computed, two fitted factors, the update's step."""

from __future__ import annotations

import numpy as np
import pytest
from checked_cases import key

from clearprop.checking import check_gradient
from clearprop.network import Network

L2 = 0.1


def chain(rng, m=6, l2=L2):
    """A chain 3-4-2 with tanh, its parameters, a batch, and the data's part of its gradient."""
    p = {name: rng.normal(size=shape)
         for name, shape in [("W1", (4, 3)), ("b1", 4), ("W2", (2, 4)), ("b2", 2)]}  # fmt: skip
    X, Y = rng.normal(size=(m, 3)), rng.normal(size=(m, 2))
    a2 = np.tanh(X @ p["W1"].T + p["b1"])
    delta3 = (a2 @ p["W2"].T + p["b2"] - Y) / m
    delta2 = delta3 @ p["W2"] * (1 - a2**2)
    data = {"W1": delta2.T @ X, "b1": delta2.sum(0), "W2": delta3.T @ a2, "b2": delta3.sum(0)}
    return Network([3, 4, 2], "tanh", l2=l2), p, X, Y, data


def with_penalty(p, data, l2=L2):
    return {n: g + l2 * p[n] if n[0] == "W" else g for n, g in data.items()}


@pytest.mark.parametrize("l2", [0.0, L2])
@pytest.mark.parametrize("rate", [0.1, 0.01, 0.003, 0.5])
@pytest.mark.parametrize("form", ["step", "new parameters"])
def test_an_update_returned_in_place_of_the_gradient_is_one_mistake(rng, form, rate, l2):
    network, p, X, Y, data = chain(rng, l2=l2)
    right = with_penalty(p, data, l2)
    wrong = {n: -rate * g if form == "step" else p[n] - rate * g for n, g in right.items()}
    first = check_gradient(network, p, X, Y, wrong).diagnosis[0]
    assert (first.mistake.id, first.also) == ("update-for-gradient", ())
    assert first.fitted["learning rate"] == pytest.approx(rate, rel=1e-9)
    assert form in str(first)


@pytest.mark.parametrize("l2", [0.0, L2])
@pytest.mark.parametrize("rate", [0.3, 0.003, 0.07])
def test_a_gradient_times_the_learning_rate_is_one_mistake(rng, rate, l2):
    """And no wrong sign beside an update's minus; 0.3 of ten samples may be a count too."""
    network, p, X, Y, data = chain(rng, l2=l2)
    wrong = {n: rate * g for n, g in with_penalty(p, data, l2).items()}
    first = check_gradient(network, p, X, Y, wrong).diagnosis[0]
    assert first.also == ()
    if first.mistake.id == "another-count":
        assert not l2
        assert "update-for-gradient" in [mistake.id for mistake, _ in first.equivalent]
    else:
        assert first.mistake.id == "update-for-gradient"
        assert first.fitted["learning rate"] == pytest.approx(rate, rel=1e-9)
        assert "without its minus" in str(first)


def length(gradient):
    return np.sqrt(sum((g**2).sum() for g in gradient.values()))


@pytest.mark.parametrize("l2", [0.0, L2])
def test_a_gradient_that_was_clipped_or_normalised_gets_no_name_and_is_said_to_be(rng, l2):
    network, p, X, Y, data = chain(rng, l2=l2)
    right = with_penalty(p, data, l2)
    bound = float(np.sort(np.abs(np.concatenate([g.ravel() for g in right.values()])))[-4])
    for wrong, said in (
        ({n: g / length(right) * 0.02 for n, g in right.items()}, "0.02, as if it were clipped"),
        ({n: g / (length(right) + 1e-6) * 0.1 for n, g in right.items()}, "0.1, as if it were cl"),
        ({n: g / length(right) for n, g in right.items()}, "is 1, as if it were normalised"),
        ({n: g / np.linalg.norm(g) for n, g in right.items()}, "is 1, as if it were normalised"),
        ({n: np.clip(g, -bound, bound) for n, g in right.items()}, "as if the gradient were clip"),
    ):
        found = check_gradient(network, p, X, Y, wrong, seconds=60)
        assert not found.passed and found.diagnosis == ()
        assert said in found.seen


def by_complex_steps(cost, p):
    """∂cost/∂p, entry by entry, without anything of back-propagation."""
    found = {}
    for name, array in p.items():
        found[name] = np.zeros(array.shape)
        for at in np.ndindex(array.shape):
            moved = {n: a.astype(complex) for n, a in p.items()}
            moved[name][at] += 1e-30j
            found[name][at] = cost(moved).imag / 1e-30
    return found


def softmax(z):
    return np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


@pytest.mark.parametrize("kind", ["softmax", "sigmoid"])
def test_a_probability_given_to_a_cost_that_takes_z_is_named(rng, kind):
    """As automatic differentiation has it: CrossEntropyLoss and BCEWithLogitsLoss of the output."""
    link, cost_of, cost, mistake = {
        "softmax": (softmax, lambda q, Y: -Y * np.log(q), "cross_entropy", "softmax-twice"),
        "sigmoid": (sigmoid, lambda q, Y: -Y * np.log(q) - (1 - Y) * np.log(1 - q),
                    "binary_cross_entropy", "link-twice"),
    }[kind]  # fmt: skip
    network = Network([3, 4, 3], "tanh", output=kind, cost=cost)
    p, X, Y = network.initial(seed=1), rng.normal(size=(6, 3)), np.eye(3)[rng.integers(3, size=6)]

    def total(p, times):
        q = np.tanh(X @ p["W1"].T + p["b1"]) @ p["W2"].T + p["b2"]
        for _ in range(times):
            q = link(q)
        return cost_of(q, Y).sum() / len(X)

    once, twice = (by_complex_steps(lambda p, n=n: total(p, n), p) for n in (1, 2))
    assert check_gradient(network, p, X, Y, once).passed
    first = check_gradient(network, p, X, Y, twice).diagnosis[0]
    assert (first.mistake.id, first.where.layer, first.also) == (mistake, "3", ())


def test_a_minus_alone_is_no_update(rng):
    network, p, X, Y, data = chain(rng, l2=0.0)
    ids = [m.id for m in named(network, p, X, Y, {n: -g for n, g in data.items()})]
    assert ids == ["sign-of-delta"]
    network, p, X, Y, data = chain(rng)
    right = with_penalty(p, data)
    ids = [m.id for m in named(network, p, X, Y, {n: -g for n, g in right.items()})]
    assert ids == ["gradient-negated"]


@pytest.mark.parametrize(
    ("factor", "second"), [(6.0, "mean-missing"), (1 / 6, "mean-twice"), (2.0, "factor-two")]
)
def test_a_minus_and_a_mean_are_told_from_an_update(rng, factor, second):
    """−1/6 with six samples is no learning rate."""
    network, p, X, Y, data = chain(rng, l2=0.0)
    ids = [m.id for m in named(network, p, X, Y, {n: -factor * g for n, g in data.items()})]
    assert ids == ["sign-of-delta", second]


def named(network, p, X, Y, wrong):
    first = check_gradient(network, p, X, Y, wrong, seconds=60).diagnosis[0]
    return [first.mistake, *(m for m, _ in first.also)]


def test_two_factors_at_two_layers_are_told(rng):
    network, p, X, Y, data = chain(rng)
    wrong = with_penalty(p, data | {"W1": data["W1"] / 7, "W2": data["W2"] / 5})
    first = check_gradient(network, p, X, Y, wrong, seconds=60).diagnosis[0]
    assert key(first) == {("another-count", "W1 (layer 2)"), ("another-count", "W2 (layer 3)")}
    assert sorted(first.fitted.values()) == pytest.approx([1 / 7, 1 / 5], rel=1e-9)
    assert "W1 (layer 2), factor 0.1429" in str(first)
    assert "W2 (layer 3), factor 0.2" in str(first)


def test_a_factor_everywhere_and_one_on_the_penalty_are_told(rng):
    network, p, X, Y, data = chain(rng)
    wrong = {n: g * 3 / 7 for n, g in data.items()}
    wrong["W1"] = wrong["W1"] + 0.37 * p["W1"]
    wrong["W2"] = wrong["W2"] + L2 * p["W2"]
    assert named(network, p, X, Y, wrong)  # 3/7 of six samples is no count
    wrong = with_penalty(p, {n: g / 7 for n, g in data.items()})
    wrong["W1"] = data["W1"] / 7 + 0.37 * p["W1"]
    first = check_gradient(network, p, X, Y, wrong, seconds=60).diagnosis[0]
    assert {m for m, _ in key(first)} == {"another-count", "l2-not-scaled"}
    assert first.fitted["factor of W"] == pytest.approx(0.37, rel=1e-9)
    assert first.fitted["factor"] == pytest.approx(1 / 7, rel=1e-9)


@pytest.mark.parametrize("size", [[1, 1], [2, 1], [1, 1, 1]])
def test_a_few_numbers_scaled_at_random_are_not_explained_by_two_factors(rng, size):
    network = Network(size, "tanh")
    p = network.initial(seed=1)
    for _ in range(10):
        X, Y = rng.normal(size=(3, size[0])), rng.normal(size=(3, size[-1]))
        wrong = {n: g * rng.uniform(0.2, 3.0, g.shape)
                 for n, g in network.gradient(p, X, Y).items()}  # fmt: skip
        assert check_gradient(network, p, X, Y, wrong).diagnosis == ()


@pytest.mark.parametrize(
    ("zeros", "mean", "forgotten"),
    [
        (["b1"], "W2 (layer 3)", {"b1 (layer 2)"}),
        (["W1"], "W2 (layer 3)", {"W1 (layer 2)"}),
        (["W1", "b1"], "W2 (layer 3)", {"W1 and b1 (layer 2)"}),
        (["W1", "b2"], "W2 (layer 3)", {"W1 (layer 2)", "b2 (layer 3)"}),
        (["W1", "b1", "b2"], "layer 3", {"W1 (layer 2)", "every bias"}),
    ],
)
def test_what_was_never_computed_is_named_beside_another_mistake(rng, zeros, mean, forgotten):
    network, p, X, Y, data = chain(rng)
    wrong = with_penalty(p, data | {"W2": 6 * data["W2"]})
    wrong |= {name: np.zeros_like(p[name]) for name in zeros}
    first = check_gradient(network, p, X, Y, wrong).diagnosis[0]
    never = {("parameter-forgotten", place) for place in forgotten}
    assert key(first) == {("mean-missing", mean), *never}


def test_any_number_of_zeros_is_named(rng):
    network, p, X, Y, data = chain(rng)
    wrong = with_penalty(p, data) | {n: np.zeros_like(p[n]) for n in ("W1", "b2")}
    ids = [m.id for m in named(network, p, X, Y, wrong)]
    assert ids == ["parameter-forgotten"] * 2


def test_zeros_beside_an_unknown_error_are_told_without_a_name(rng):
    network, p, X, Y, data = chain(rng)
    wrong = with_penalty(p, data) | {"b2": np.zeros(2)}
    wrong["W1"] = wrong["W1"] * rng.uniform(0.2, 3.0, (4, 3))
    found = check_gradient(network, p, X, Y, wrong)
    assert found.diagnosis == ()
    assert "b2 is zero, as if never computed (parameter-forgotten)" in found.seen
    assert "beside that the error starts at W1" in found.seen


@pytest.mark.parametrize(
    ("notation", "letter"), [(None, "f"), ("matrix", "f"), ("graph", "σ"), ("index", "g")]
)
def test_a_sentence_has_the_notations_letter_for_f(rng, notation, letter):
    network, p, X, Y, data = chain(rng)
    a2 = np.tanh(X @ p["W1"].T + p["b1"])
    unsloped = (a2 @ p["W2"].T + p["b2"] - Y) / len(X) @ p["W2"]
    wrong = with_penalty(p, data | {"W1": unsloped.T @ X, "b1": unsloped.sum(0)})
    found = check_gradient(network, p, X, Y, wrong, notation=notation)
    text = str(found)
    assert found.diagnosis[0].mistake.id == "derivative-missing"
    assert f"{letter}′ is missing: layer 2" in text
    assert f"multiply element-wise by {letter}′(z)" in text
    for other in {"f", "σ", "g"} - {letter}:
        assert f"{other}′" not in text
        assert f"{other}′" not in found.to_html()
        assert f"{other}′" not in found.to_json()
