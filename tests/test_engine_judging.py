"""Judging rows after an epoch: their cost and their outputs, in one pass and to the bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from conftest import count
from engine_runs import opened, state_of
from random_networks import random_case

from clearprop.backprop import target_name
from clearprop.engine import Data, NativeRunner, ReferenceRunner
from clearprop.graph import Dense, Input
from clearprop.network import Network
from clearprop.training import Training

ROWS = 391  # three blocks of 128 rows and some


def chain(width: int, cost: str, members: int = 1) -> tuple[Network, Data, np.ndarray]:
    """A chain to outputs of a width, rows with weights, and parameters."""
    rng = np.random.default_rng(width)
    x = Input(5)
    out = Dense(width, members=members)(Dense(9, "tanh", members=members)(x))
    network = Network(inputs=x, outputs=out, cost=cost, l2=0.01)
    name = target_name(network.graph, network.graph.costs[0])
    X = rng.normal(size=(ROWS, 5))
    Y: Any = rng.integers(0, width, ROWS) if cost == "cross_entropy" else rng.normal(size=(ROWS, 1))
    key = network.graph.inputs[0].key
    data = Data({key: X}, {name: Y}, rng.choice([0.0, 1.0, 2.5], ROWS))
    return network, data, rng.normal(size=network.graph.size)


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize(
    ("width", "cost", "members"),
    [
        (3, "cross_entropy", 1),  # whose softmax training does not keep
        (3, "cross_entropy", 4),
        (40, "cross_entropy", 1),
        (1, "squared_error", 3),
    ],
)
def test_the_bits_are_those_of_a_cost_and_of_outputs(
    width: int, cost: str, members: int, threads: int, precision: Any
) -> None:
    network, data, flat = chain(width, cost, members)
    runner = NativeRunner(network.graph, None, data, precision=precision, threads=threads)
    found, outputs = runner.judge(flat, data)
    assert found == runner.evaluate(flat, data)
    expected = runner.forward(flat, data.inputs)
    assert outputs.keys() == expected.keys()
    for name, out in outputs.items():
        assert out.shape == (ROWS, width)
        assert out.tobytes() == expected[name].tobytes()
    reference = ReferenceRunner(network.graph, None, data)
    J, exact = reference.judge(flat, data)
    tolerance = 1e-11 if precision == "float64" else 2e-5
    assert found == pytest.approx(J, rel=tolerance)
    for name, out in outputs.items():
        np.testing.assert_allclose(out, exact[name], rtol=0, atol=tolerance * 10)


@pytest.mark.prove
def test_random_networks_are_judged_to_the_bit() -> None:
    for seed in range(count(12, 200)):
        case = random_case(seed, rows=150)
        runner = opened(case, None, precision="float32")
        flat, data = state_of(case, runner).parameters, runner.data
        cost, outputs = runner.judge(flat, data)
        assert np.float64(cost).tobytes() == np.float64(runner.evaluate(flat, data)).tobytes()
        for name, out in runner.forward(flat, data.inputs).items():
            assert out.tobytes() == outputs[name].tobytes(), (seed, name)


def test_judging_leaves_the_next_steps_as_they_are() -> None:
    """What is stored for a look is stored for it alone."""
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(200, 4)), rng.integers(0, 3, 200)
    network = Network([4, 8, 3], cost="cross_entropy")

    held = (rng.normal(size=(50, 4)), rng.integers(0, 3, 50))

    def costs(**settings: Any) -> list[float]:
        training = Training(
            network, X, Y, validation=held, epochs=4, seed=1, early_stopping=False, **settings
        )
        training.run()
        return [*training.history["cost"], *training.history["validation_cost"]]

    assert costs() == costs(metric=lambda y, a: float(a[:, 0].mean()))
