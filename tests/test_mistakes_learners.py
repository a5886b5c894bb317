"""Wrong backward passes as learners write them, each typed in by hand and named."""

from __future__ import annotations

import numpy as np
import pytest
from learners_code import COLUMNS, IN_COLUMNS, IN_LOOPS, IN_SAMPLES, LOOPS, SAMPLES

from clearprop.checking import check_file, check_gradient, numpy_template
from clearprop.network import Network


@pytest.mark.parametrize("divided_by", ["len(X)", "sample_weight.sum()"])
def test_a_penalty_over_the_batch_is_named_with_weights_whichever_count_divides_it(rng, divided_by):
    net = Network([3, 4, 2], "tanh", l2=0.1)
    right = numpy_template(net, filled=True, weights=True)
    names: dict = {}
    exec(right.replace("a1 + l2 * W1", f"a1 + l2 / {divided_by} * W1"), names)
    X, Y = rng.normal(size=(5, 3)), rng.normal(size=(5, 2))
    given = {"sample_weight": rng.uniform(0.2, 3.0, 5)}
    found = check_gradient(net, net.initial(seed=1), X, Y, names["gradient"], **given)
    first = found.diagnosis[0]
    assert (first.mistake.id, first.where.parameter) == ("l2-over-batch", "W1"), str(found)
    assert not [one for one, _ in first.equivalent if one.id == "l2-over-batch"]


def ran(source):
    names: dict = {"np": np}
    exec(source, names)
    return names["gradient"]


def point(kind):
    """A network, its parameters, a batch and the right program of one of the three."""
    rng = np.random.default_rng(0)
    if kind == "loops":
        net = Network([3, 4, 2], "sigmoid", output="sigmoid")
        X, Y, source = rng.normal(size=(5, 3)), rng.random((5, 2)), LOOPS
    elif kind == "columns":
        net = Network([4, 4, 4, 2], "tanh", output="sigmoid", cost="binary_cross_entropy", l2=0.2)
        X, Y, source = rng.normal(size=(7, 4)), rng.integers(0, 2, (7, 2)) * 1.0, COLUMNS
    else:
        net = Network([3, 6, 4], "relu", output="softmax", cost="cross_entropy")
        X, Y, source = rng.normal(size=(6, 3)), np.eye(4)[rng.integers(4, size=6)], SAMPLES
    parameters = net.initial(seed=1)
    parameters.flat[:] += 0.4 * rng.normal(size=parameters.flat.shape)
    return net, {name: np.array(p) for name, p in parameters.items()}, X, Y, source


@pytest.mark.parametrize("kind", ["loops", "columns", "samples"])
def test_a_learners_right_program_passes(kind):
    net, parameters, X, Y, source = point(kind)
    assert check_gradient(net, parameters, X, Y, ran(source)).passed


@pytest.mark.parametrize(
    ("kind", "old", "new", "mistake", "layer"),
    [(kind, *row) for kind, rows in (("loops", IN_LOOPS), ("columns", IN_COLUMNS),
                                     ("samples", IN_SAMPLES)) for row in rows],
)  # fmt: skip
def test_a_learners_wrong_line_is_named(kind, old, new, mistake, layer):
    net, parameters, X, Y, source = point(kind)
    assert source.count(old) >= 1
    found = check_gradient(net, parameters, X, Y, ran(source.replace(old, new)), pairs=False)
    assert found.diagnosis, str(found)
    first = found.diagnosis[0]
    assert (first.mistake.id, first.where.layer) == (mistake, layer), str(found)


def test_parameters_handed_back_are_no_known_mistake():
    """Nor is anything divided by zero on the way."""
    net = Network([2, 3, 2], "sigmoid", output="sigmoid")
    rng = np.random.default_rng(0)
    parameters = net.initial(seed=0)
    parameters.flat[:] += 0.3 * rng.standard_normal(parameters.flat.shape)
    X, Y = rng.normal(size=(6, 2)), rng.normal(size=(6, 2))
    found = check_gradient(net, parameters, X, Y, dict(parameters), seconds=60)
    assert not found.passed and found.diagnosis == ()


#: What is wrong in the loop over samples, and nowhere else.
IN_THE_LOOP = (
    "        W[1] -= 0.1 * np.outer(delta, a); W[0] -= 0.1 * np.outer(below, x)",
    "        dW = [g / len(X) for g in dW]",
    "        old = 0.9 * old + below; dW[0] += np.outer(old - below, x)  # momentum",
)


@pytest.mark.parametrize("line", IN_THE_LOOP)
def test_what_is_wrong_between_samples_is_said_to_be(tmp_path, line):
    """From Python and from the command, whose function runs elsewhere."""
    source = f"""
import numpy as np
def gradient(p, X, Y):
    W, dW, old = [p["W1"], p["W2"]], [0.0, 0.0], 0.0
    for x, y in zip(X, Y):
        a = np.tanh(W[0] @ x)
        delta = W[1] @ a - y
        below = W[1].T @ delta * (1 - a ** 2)
        dW = [dW[0] + np.outer(below, x), dW[1] + np.outer(delta, a)]
{line}
    return {{"W1": dW[0] / len(X), "W2": dW[1] / len(X)}}
"""
    net = Network([2, 3, 2], "tanh", bias="none")
    rng = np.random.default_rng(0)
    parameters, X, Y = net.initial(seed=0), rng.normal(size=(4, 2)), rng.normal(size=(4, 2))
    file = tmp_path / "mine.py"
    file.write_text(source, "utf-8")
    for found in (
        check_gradient(net, parameters, X, Y, ran(source)),
        check_file(f"{file}:gradient", net),
    ):
        assert not found.passed and found.diagnosis == ()
        assert any("of the first sample alone the gradient is right" in n for n in found.notes)
    wrong = source.replace(line, "").replace("1 - a ** 2", "2 - a ** 3")
    found = check_gradient(net, parameters, X, Y, ran(wrong))
    assert found.diagnosis == () and found.notes == ()
