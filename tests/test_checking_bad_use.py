"""Bad uses of the check in Python: one sentence each, and no program ended by a user's function."""

from __future__ import annotations

import random
import sys
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from small_networks import random_parameters

import clearprop as cp
from clearprop.checking import AnswerError, check_function, check_gradient
from clearprop.errors import ClearPropError, DataError, SettingError, UsageError


@pytest.fixture
def net():
    return cp.Network([3, 4, 2], "sigmoid", output="sigmoid", l2=0.1)


@pytest.fixture
def case(net, rng):
    p = random_parameters(net, rng)
    return net, p, rng.normal(size=(5, 3)), rng.normal(size=(5, 2))


def told(call, kind=ClearPropError):
    """The sentence with which a call is refused."""
    with pytest.raises(kind) as caught:
        call()
    sentence = str(caught.value)
    assert "\n" not in sentence and len(sentence) < 600, sentence
    return sentence


def leaves(*given):
    sys.exit(3)


def interrupts(*given):
    raise KeyboardInterrupt


class UnreadableError(Exception):
    def __str__(self):
        raise ValueError


def unreadable(*given):
    raise UnreadableError


def many_lines(*given):
    raise ValueError("one\ntwo\n" + "much " * 300)


@pytest.mark.parametrize(
    ("function", "raised"),
    [
        (leaves, r"leaves, line \d+, raised SystemExit: 3"),
        (interrupts, r"interrupts, line \d+, raised KeyboardInterrupt"),
        (unreadable, r"unreadable, line \d+, raised UnreadableError"),
        (many_lines, r"many_lines, line \d+, raised ValueError: one two much"),
    ],
)
def test_what_a_function_raises_is_told_and_ends_nothing(case, function, raised):
    network, p, X, Y = case
    x = np.ones(2)
    with pytest.raises(AnswerError, match=raised):
        check_gradient(network, p, X, Y, function)
    there = raised.partition(",")[2]
    with pytest.raises(AnswerError, match=f"f,{there}"):
        check_function(function, x, x)
    with pytest.raises(AnswerError, match=f"the gradient,{there}"):
        check_function(lambda x: x.sum(), function, x)
    told(lambda: check_gradient(network, p, X, Y, function))


def test_a_function_that_ends_later_is_told_too():
    calls = []

    def f(x):
        calls.append(1)
        if len(calls) > 9:
            sys.exit(1)
        return float((x**2).sum())

    assert "raised SystemExit: 1" in told(lambda: check_function(f, np.ones(9), np.ones(9)))


def test_a_pressed_key_interrupts():
    """Ctrl-C comes between two of a function's instructions, not from a raise of its own."""

    class Pressed:
        def __array__(self, dtype=None, copy=None):
            raise KeyboardInterrupt

    def waits(x):
        return np.asarray(Pressed()) + x  # as a call that a key interrupts: no raise stands here

    assert "KeyboardInterrupt" in told(lambda: check_function(waits, np.ones(1), np.ones(1)))

    import signal

    def pressed(x):
        signal.raise_signal(signal.SIGINT)
        return x

    with pytest.raises(KeyboardInterrupt):
        check_function(pressed, np.ones(1), np.ones(1))


def test_what_a_function_sets_of_numpy_is_undone(case):
    network, p, X, Y = case
    before = np.geterr()

    def sets(p, X, Y):
        np.seterr(all="raise")
        return network.gradient(p, X, Y)

    assert check_gradient(network, p, X, Y, sets).passed
    assert np.geterr() == before


def test_what_a_function_does_to_random_states_is_undone(case):
    network, p, X, Y = case

    def seeds(p, X, Y):
        np.random.seed(1)  # noqa: NPY002
        random.seed(1)
        return {n: g + 0 * random.random() for n, g in network.gradient(p, X, Y).items()}

    def draws(p, X, Y):
        return {n: g * np.random.random() for n, g in network.gradient(p, X, Y).items()}  # noqa: NPY002

    before = np.random.get_state()[1].tolist(), random.getstate()  # noqa: NPY002
    assert check_gradient(network, p, X, Y, seeds).passed
    assert not check_gradient(network, p, X, Y, draws).passed
    x = np.ones(2)
    assert check_function(lambda x: (np.random.seed(2), x.sum())[1], x, x).passed  # noqa: NPY002
    assert (np.random.get_state()[1].tolist(), random.getstate()) == before  # noqa: NPY002


def test_numbers_near_the_largest_there_are_warn_of_nothing(case):
    network, p, X, Y = case
    huge = {n: np.full_like(g, 1e308) for n, g in network.gradient(p, X, Y).items()}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = check_gradient(network, p, X, Y, huge)
        str(found), found.to_json(), found.to_html()
    assert not found.passed
    for sign in (-1, 1):
        mixed = {n: sign * 1.7e308 * np.sign(g) for n, g in network.gradient(p, X, Y).items()}
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert not check_gradient(network, p, X, Y, mixed).passed


def test_a_coarse_float_type_is_said(case):
    network, p, X, Y = case
    for kind, share in (("float32", "0.0001"), ("float16", "0.02")):
        given = {n: g.astype(kind) for n, g in network.gradient(p, X, Y).items()}
        found = check_gradient(network, p, X, Y, given)
        assert found.passed
        assert found.notes == (
            f"given in {kind}: judged to {share} of each tensor's largest entry",
        )
    assert check_gradient(network, p, X, Y, network.gradient(p, X, Y)).notes == ()


class OddDict(dict):
    def items(self):
        raise RuntimeError("no items")


class OddArray:
    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("no array")


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        ({"parameters": {"W1": "x"}}, DataError, "the parameter W1 is no array of real numbers"),
        ({"parameters": {"W1": [[1], [1, 2]]}}, DataError, "the parameter W1 is no array"),
        ({"parameters": {"W1": np.full((4, 3), 1j)}}, DataError, "the parameter W1 is no array"),
        ({"parameters": {"W1": np.full((4, 3), np.nan)}}, DataError, "W1[0, 0] is NaN"),
        ({"rtol": float("inf")}, SettingError, "rtol must be a number in [0, 1)"),
        ({"rtol": "much"}, SettingError, "rtol must be"),
        ({"atol": None}, SettingError, "atol must be"),
        ({"seconds": "x"}, SettingError, "seconds must be"),
        ({"masks": [1]}, UsageError, "masks is a mapping"),
        ({"catalogue": ["sign-of-delta"]}, UsageError, "CATALOGUE[id]"),
        ({"progress": 3}, UsageError, "progress is called with (done, total)"),
        ({"gradient": OddDict(W1=1)}, AnswerError, "cannot be read: RuntimeError: no items"),
        ({"gradient": {"W1": OddArray()}}, AnswerError, "cannot be read: RuntimeError: no array"),
        ({"gradient": {"W1": np.full((4, 3), np.datetime64("2020-01-01"))}}, AnswerError, "dateti"),
        (
            {"gradient": {"W1": np.array([object()])}},
            AnswerError,
            "no array of numbers but ndarray of ob",
        ),
        (
            {"gradient": SimpleNamespace(coefs_=[1], intercepts_=[1], predict=None)},
            AnswerError,
            "are its weights",
        ),
    ],
)
def test_what_cannot_be_used_is_refused_in_a_sentence(case, change, kind, words):
    network, p, X, Y = case
    given = {"parameters": {**p}, "gradient": dict(network.gradient(p, X, Y))}
    for key, value in change.items():
        given[key] = {**p, **value} if key == "parameters" else value
    settings = {k: v for k, v in given.items() if k not in ("parameters", "gradient")}
    sentence = told(
        lambda: check_gradient(network, given["parameters"], X, Y, given["gradient"], **settings),
        kind,
    )
    assert words in sentence


def test_a_right_gradient_that_is_infinite_is_no_measure():
    network = cp.Network([1, 1, 1], "exp")
    p = {"W1": [[800.0]], "b1": [0.0], "W2": [[1.0]], "b2": [0.0]}
    given = {"W1": [[0.0]], "b1": [0.0], "W2": [[0.0]], "b2": [0.0]}
    sentence = told(lambda: check_gradient(network, p, [[1.0]], [[1.0]], given), DataError)
    assert "is NaN or infinite at this point" in sentence


class Tensor:
    """What a PyTorch tensor that tracks gradients does: it becomes no array by itself."""

    def __init__(self, array):
        self.held, self.shape = np.asarray(array), np.shape(array)

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("Can't call numpy() on Tensor that requires grad.")

    def detach(self):
        return self

    def cpu(self):
        return self

    def numpy(self):
        return self.held


def test_tensors_that_track_gradients_are_read(case):
    network, p, X, Y = case
    right = network.gradient(p, X, Y)
    tensors = {name: Tensor(g) for name, g in right.items()}
    point = {name: Tensor(w) for name, w in p.items()}
    for given in (tensors, list(tensors.values()), tuple(tensors.values())):
        assert check_gradient(network, point, Tensor(X), Tensor(Y), given).passed
    names = dict(zip(("0.weight", "0.bias", "2.weight", "2.bias"), tensors.values(), strict=True))
    found = check_gradient(network, p, X, Y, names)
    assert found.passed
    assert "0.weight, 0.bias, 2.weight, 2.bias in this order" in found.notes[0]


def test_a_module_without_backward_is_told(case):
    network, p, X, Y = case
    empty = [(n, SimpleNamespace(grad=None, shape=w.shape)) for n, w in p.items()]
    module = SimpleNamespace(named_parameters=lambda: empty, parameters=list)
    assert "call loss.backward()" in told(lambda: check_gradient(network, p, X, Y, module))


def test_layers_are_taken_as_people_count_them(rng):
    """Dense_10 comes behind Dense_2."""
    network = cp.Network([2] * 13, "tanh")
    p = random_parameters(network, rng)
    X, Y = rng.normal(size=(3, 2)), rng.normal(size=(3, 2))
    right = network.gradient(p, X, Y)
    tree = {f"Dense_{n}": {"bias": right[f"b{n + 1}"], "kernel": right[f"W{n + 1}"].T}
            for n in range(12)}  # fmt: skip
    assert check_gradient(network, p, X, Y, {"params": tree}).passed


def test_a_gradient_with_more_beside_it_is_read(case):
    network, p, X, Y = case
    right = dict(network.gradient(p, X, Y))
    assert check_gradient(network, p, X, Y, lambda *given: (1.0, right, {1, 2})).passed
    lists = {f"d{name}": array.tolist() for name, array in right.items()}
    assert check_gradient(network, p, X, Y, lists).passed
    assert check_gradient(network, p, X, Y, list(lists.values())).passed
    assert check_gradient(network, p, X, Y, network.gradient(p, X, Y).flat.tolist()).passed


def test_a_value_with_its_gradient_is_read_in_any_form(case):
    """As jax.value_and_grad returns it."""
    network, p, X, Y = case
    right = network.gradient(p, X, Y)
    tree = [(right["W1"].T, right["b1"]), (right["W2"].T, right["b2"])]
    for value in (0.5, np.float32(0.5), np.array(0.5)):
        assert check_gradient(network, p, X, Y, (value, tree)).passed
        assert check_gradient(network, p, X, Y, (value, right.flat)).passed
    columns = ([right["b1"][:, None], right["b2"][:, None]], [right["W1"], right["W2"]])
    assert check_gradient(network, p, X, Y, columns).passed
    # two arrays of a network that has two are no value and gradient
    small = cp.Network([2, 1])
    p = small.initial(seed=0)
    right = small.gradient(p, X[:, :2], Y[:, :1])
    assert check_gradient(small, p, X[:, :2], Y[:, :1], (right["W1"], right["b1"])).passed
    lists = (right["W1"].tolist(), right["b1"].tolist())
    assert check_gradient(small, p, X[:, :2], Y[:, :1], lists).passed


def test_what_is_too_coarse_or_no_object_is_said(case):
    network, p, X, Y = case
    right = dict(network.gradient(p, X, Y))
    coarse = {**right, "W1": SimpleNamespace(dtype="torch.bfloat16")}
    assert "bfloat16, which has two digits" in told(lambda: check_gradient(*case, coarse))
    module = type("Net", (), {"named_parameters": None, "parameters": None})
    assert "the class Net" in told(lambda: check_gradient(*case, module))
