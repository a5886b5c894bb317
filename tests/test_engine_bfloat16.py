"""bfloat16 products: what they compute, the same bits however a step is cut, as good a model."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from conftest import count
from engine_runs import data_of, flat_of, opened, same, state_of, window
from random_networks import random_case

import clearprop as cp
from clearprop import _native
from clearprop.engine import Data, NativeRunner, State, Window
from clearprop.engine.pieces import ROW_BLOCK, combine
from clearprop.errors import NativeError
from clearprop.optimizers import SGD, Adam

SETS = [name for name, _, here in _native.instruction_sets() if here]
#: Kernels of the processor's own products, and of every instruction set that emulates them.
KERNELS = [(name, None) for name in _native.bfloat16_sets()] + [("emulated", isa) for isa in SETS]


@pytest.fixture(autouse=True)
def anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    if not _native.bfloat16_sets():
        monkeypatch.setenv("CLEARPROP_BFLOAT16", "emulated")


def rounded(x: np.ndarray) -> np.ndarray:
    """The nearest numbers of eight binary digits, ties to even."""
    exponent = np.frexp(x)[1]
    return np.ldexp(np.round(np.ldexp(x, 8 - exponent)), exponent - 8)  # np.round: ties to even


def test_a_step_is_that_of_rounded_operands() -> None:
    rng = np.random.default_rng(0)
    sizes, m, rate = (7, 40, 21, 3), 150, 0.5
    net = cp.Network(list(sizes), "identity", cost="squared_error", output="identity")
    X, Y = rng.normal(size=(m, 7)).astype(np.float32), rng.normal(size=(m, 3))
    start = net.initial(3)
    flat = start.flat.astype(np.float32)
    runner = NativeRunner(net.graph, SGD(rate), Data({"X": X}, {"y": Y}), precision="bfloat16")
    state = State.initial(flat, SGD(rate), 0, "bfloat16", runner.family)
    runner.run(state, Window(np.arange(m), np.array([0, m]), np.array([rate])))
    # The same step in float64, with each operand of a product rounded on its way into it
    weights = [np.float64(flat[place].reshape(net.graph.parameters[name].shape))
               for name, place in net.graph.sections()]  # fmt: skip
    W, b = weights[::2], weights[1::2]
    a = [np.float64(X)]
    for W_l, b_l in zip(W, b, strict=True):
        a.append(rounded(a[-1]) @ rounded(W_l).T + b_l)
    delta = (a[-1] - Y) / m
    for layer in (2, 1, 0):
        W_step, b_step = rounded(delta).T @ rounded(a[layer]), delta.sum(axis=0)
        delta = rounded(delta) @ rounded(W[layer])
        W[layer] = W[layer] - rate * W_step
        b[layer] = b[layer] - rate * b_step
    expected = np.concatenate([x.reshape(-1) for pair in zip(W, b, strict=True) for x in pair])
    apart = np.abs(state.parameters - expected).max()
    assert (
        apart < 2e-3 * np.abs(expected - flat).max()
    )  # a value may fall on the other side of a tie
    exact = np.abs(state.parameters - expected) < 1e-5 * np.abs(expected - flat).max()
    assert exact.mean() > 0.5


@pytest.mark.parametrize(("products", "isa"), KERNELS)
def test_threads_and_pieces_change_no_bits(
    products: str, isa: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLEARPROP_BFLOAT16", products)
    for seed in range(count(8, 80)):
        m = (300, 1000, 1, 5, 127, 128, 129)[seed % 7]
        case = random_case(seed, rows=m)
        states = []
        for threads in (1, 2, 5):
            runner = opened(case, Adam(0.01), precision="bfloat16", threads=threads, isa=isa)
            state = state_of(case, runner)
            runner.run(state, window([np.roll(np.arange(m), step) for step in range(3)], 0.01))
            states.append(state)
        assert all(same(states[0], other) for other in states[1:]), f"seed {seed}"
        runner = opened(case, Adam(0.01), precision="bfloat16", isa=isa)
        rows, whole, cut = np.arange(m), state_of(case, runner), state_of(case, runner)
        runner.run(whole, window([rows], 0.01))
        nodes = []
        for start in range(0, m, ROW_BLOCK):
            piece = rows[start : start + ROW_BLOCK]
            nodes += runner.gradient(cut, piece, runner.total_weight(rows), place=start)
        runner.apply(cut, combine(nodes).gradient, 0.01)
        assert same(whole, cut), f"seed {seed}"


@pytest.mark.parametrize(("products", "isa"), KERNELS)
def test_a_row_alone_is_the_row_among_300(
    products: str, isa: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLEARPROP_BFLOAT16", products)
    for seed in range(count(8, 80)):
        case = random_case(seed, rows=300)
        runner = opened(case, precision="bfloat16", isa=isa)
        flat = flat_of(case.network, case.parameters)
        inputs = data_of(case.network, case.X, case.Y).inputs
        among = runner.forward(flat, inputs)
        for row in (0, 7, 127, 128, 299):
            alone = runner.forward(flat, {key: x[row : row + 1] for key, x in inputs.items()})
            for value, out in alone.items():
                assert (out == among[value].take([row], axis=out.ndim - 2)).all(), f"seed {seed}"


def test_sets_that_fuse_agree_when_they_emulate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLEARPROP_BFLOAT16", "emulated")
    for seed in range(count(6, 60)):
        case = random_case(seed, rows=140)
        by_family: dict[str, State] = {}
        for isa in SETS:
            runner = opened(case, Adam(0.01), precision="bfloat16", isa=isa)
            state = state_of(case, runner)
            runner.run(state, window([np.arange(140)] * 2, 0.01))
            assert same(by_family.setdefault(runner.family, state), state), f"seed {seed}, {isa}"


def test_it_reaches_float32s_figure_on_public_tables() -> None:
    from sklearn.datasets import load_breast_cancer, load_digits

    for load, hidden, epochs in ((load_breast_cancer, 32, 15), (load_digits, 64, 15)):
        X, y = load(return_X_y=True)
        X = (X - X.mean(axis=0)) / (X.std(axis=0) + 1e-9)
        net = cp.Network([X.shape[1], hidden, hidden, int(y.max()) + 1], cost="cross_entropy")
        wrong: dict[str, list[float]] = {"float32": [], "bfloat16": []}
        for precision, seed in itertools.product(wrong, range(5)):
            train, test = np.arange(len(y)) % 4 > 0, np.arange(len(y)) % 4 == 0
            model = cp.train(net, X[train], y[train], epochs=epochs, seed=seed, precision=precision)
            wrong[precision].append(float((model.predict(X[test]) != y[test]).mean()))
        spread = max(wrong["float32"]) - min(wrong["float32"])
        apart = abs(np.mean(wrong["bfloat16"]) - np.mean(wrong["float32"]))
        assert apart <= spread, wrong


def test_without_the_instruction_it_is_refused_with_the_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("CLEARPROP_BFLOAT16", raising=False)
    case = random_case(0, rows=4)
    whose = "baseline" if _native.bfloat16_sets() else "this processor"
    with pytest.raises(NativeError, match=rf"{whose} has no products.*CLEARPROP_BFLOAT16=emulated"):
        opened(case, precision="bfloat16", isa="baseline")
    monkeypatch.setattr(_native, "bfloat16_sets", list)
    with pytest.raises(NativeError, match="this processor has no products of bfloat16"):
        opened(case, precision="bfloat16")
