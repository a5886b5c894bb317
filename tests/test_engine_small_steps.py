"""What the engine does at once, or leaves undone, gives the bits of one thing after another."""

from __future__ import annotations

import numpy as np
import pytest
from engine_runs import data_of

import clearprop as cp
from clearprop import _native, philox
from clearprop.engine import NativeRunner, State, Window
from clearprop.engine.pieces import combine
from clearprop.graph import Dense, Dropout, Input
from clearprop.network import Network
from clearprop.optimizers import SGD, Adam

SETS = [name for name, _, here in _native.instruction_sets() if here]


@pytest.mark.parametrize("isa", SETS)
@pytest.mark.parametrize("n", [1, 2, 7, 513, 1300])
def test_every_instruction_set_shuffles_as_numpy_does(isa: str, n: int) -> None:
    for epoch in (0, 3):
        order = philox.permutation(9, epoch, n).tolist()
        assert _native.permutation(9, epoch, n, 0, n, isa).tolist() == order
        start = n // 3
        part = _native.permutation(9, epoch, n, start, n - start, isa)
        assert part.tolist() == order[start:]


@pytest.mark.parametrize("isa", SETS)
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_relu_in_the_product_is_relu_after_it(isa: str, precision: str) -> None:
    """Widths that are no multiple of a register, longer than a piece of k, rows across blocks."""
    net = Network([7, 301, 19, 3], "relu", cost="cross_entropy")
    rng = np.random.default_rng(0)
    m = 150
    data = data_of(net, rng.normal(size=(m, 7)), rng.integers(0, 3, m))
    found = []
    for fuse in (True, False):
        runner = NativeRunner(net.graph, Adam(1e-2), data, precision=precision, isa=isa, fuse=fuse)
        state = State.initial(net.initial(1).flat, Adam(1e-2), 0, precision, runner.family)
        rows = np.tile(np.arange(m), 3)
        runner.run(state, Window(rows, np.arange(4) * m, np.full(3, 1e-2)))
        found.append(state.parameters.tobytes())
    assert found[0] == found[1]


@pytest.mark.parametrize("isa", SETS)
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_gradients_are_right_whatever_registers_a_width_leaves(isa: str, precision: str) -> None:
    """Matrices held as they are and as their transposed copy alone; ends of 1 to 4 registers."""
    rng = np.random.default_rng(2)
    m = 20
    for width in (1, 7, 9, 14, 17, 23, 30, 33, 47, 62, 66):
        for sizes in ([3, width, 2], [width, 30, 2]):
            net = Network(sizes, "tanh")
            X, Y = rng.normal(size=(m, sizes[0])), rng.normal(size=(m, 2))
            data = data_of(net, X, Y)
            runner = NativeRunner(net.graph, SGD(), data, precision=precision, isa=isa)
            p = net.initial(1)
            state = State.initial(p.flat, SGD(), 0, precision, runner.family)
            node = combine(runner.gradient(state, np.arange(m), float(m)))
            expected = net.gradient(p, X, Y).flat
            error = np.abs(node.gradient - expected).max() / np.abs(expected).max()
            assert error < (1e-12 if precision == "float64" else 1e-5), sizes


@pytest.mark.parametrize("isa", SETS)
@pytest.mark.parametrize("width", [1, 5, 31, 70])
def test_dropout_drops_what_numpy_says(isa: str, width: int) -> None:
    """J = ½ (W (r ⊙ x) + 1)² of each row at W = 0: ∂J/∂W = Σ share · r ⊙ x."""
    x = Input(width)
    dropped = Dense(1, bias="none")(Dropout(0.3)(x))
    net = Network(inputs=x, outputs=dropped, cost="squared_error")
    m, seed, step = 5, 11, 6
    X = np.arange(1.0, 1 + m * width).reshape(m, width)
    data = data_of(net, X, np.full((m, 1), -1.0))
    runner = NativeRunner(net.graph, SGD(1.0), data, precision="float64", isa=isa)
    state = State.initial(np.zeros(width), SGD(1.0), seed, "float64", runner.family)
    state.counters[0] = step
    (node,) = runner.gradient(state, np.arange(m), float(m))
    kept = philox.keep_mask(seed, step, np.arange(m), width, 0.3, node=0)
    expected = (kept.reshape(m, width) * X / 0.7).sum(axis=0) / m
    assert np.abs(node.gradient - expected).max() <= 1e-14 * X.max() * m


@pytest.mark.parametrize("units", [6, 9500])
def test_weights_changed_in_place_are_seen_and_training_changes_them(units: int) -> None:
    """Weights that stand packed already are not packed again: only where they are the same.

    A long vector is kept to compare with from its second time on alone.
    """
    net = Network([4, units, 2], "tanh", cost="cross_entropy")
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(20, 4)), rng.integers(0, 2, 20)
    data = data_of(net, X, y)
    flat = net.initial(0).flat.copy()
    runner = NativeRunner(net.graph, SGD(0.5), data, precision="float64")

    def fresh(parameters: np.ndarray) -> bytes:
        other = NativeRunner(net.graph, None, data, precision="float64")
        return next(iter(other.forward(parameters, {"X": X}).values())).tobytes()

    def again(parameters: np.ndarray) -> bytes:
        return next(iter(runner.forward(parameters, {"X": X}).values())).tobytes()

    first = fresh(flat)
    assert again(flat) == again(flat) == again(flat) == first
    flat[-1] += 0.25
    assert again(flat) == again(flat) == fresh(flat) != first
    state = State.initial(flat, SGD(0.5), 0, "float64", runner.family)
    runner.run(state, Window(np.arange(20), np.array([0, 20]), np.array([0.5])))
    assert again(flat) == fresh(flat)  # not the weights that training left in the engine
    assert again(state.parameters) == fresh(state.parameters) != again(flat)
    runner.apply(state, np.ones_like(flat), 0.1)
    assert again(flat) == fresh(flat)


def test_a_few_rows_are_predicted_as_among_many_and_with_the_parameters_of_now() -> None:
    rng = np.random.default_rng(2)
    X = rng.normal(size=(300, 5)).astype(np.float32)
    labels = np.array(["a", "b", "c"])[rng.integers(0, 3, 300)]
    model = cp.train(Network([5, 8, 3], cost="cross_entropy"), X, labels, epochs=2, seed=0)
    for _ in range(2):
        whole = model.predict_probabilities(X)
        alone = np.concatenate([model.predict_probabilities(X[i : i + 1]) for i in range(300)])
        assert alone.tobytes() == whole.tobytes()
        one_by_one = [model.predict(X[i : i + 1])[0] for i in range(300)]
        assert model.predict(X).tolist() == one_by_one
        assert (np.array(model.labels)[whole.argmax(axis=1)] == one_by_one).all()
        model.parameters["W1"][:] *= -3
    assert model.predict(X[:0]).shape == (0,)
