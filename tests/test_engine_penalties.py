"""A window's own penalties: λ may differ from step to step, as where a batch divides it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import clearprop as cp
from clearprop.engine import Data, NativeRunner, ReferenceRunner, State, Window
from clearprop.optimizers import Adam

SCALES = [1 / 7, 0.0, 3.0]
BATCHES = [np.arange(0, 7), np.arange(7, 14), np.arange(14, 17)]


def case(rng: np.random.Generator) -> tuple[Data, np.ndarray[Any, Any]]:
    data = Data({"X": rng.normal(size=(17, 4))}, {"y": rng.normal(size=(17, 2))})
    return data, network(0.3).initial(3).flat


def network(l2: float) -> cp.Network:
    return cp.Network([4, 5, 2], "tanh", l2=l2)


def window(steps: slice, penalties: list[float] | None) -> Window:
    batches = BATCHES[steps]
    borders = np.cumsum([0, *map(len, batches)])
    scales = None if penalties is None else np.array(penalties)
    return Window(np.concatenate(batches), borders, np.full(len(batches), 0.01), scales)


@pytest.mark.parametrize("clip", [None, 0.2])
@pytest.mark.parametrize("runner", [NativeRunner, ReferenceRunner])
def test_each_step_has_the_penalty_of_a_network_with_that_l2(
    runner: Any, clip: float | None, rng: np.random.Generator
) -> None:
    data, flat = case(rng)
    settings = {"precision": "float64"} if runner is NativeRunner else {}
    one = runner(network(0.3).graph, Adam(), data, clip=clip, **settings)
    together = State.initial(flat, Adam(), 0, "float64", one.family)
    costs = one.run(together, window(slice(0, 3), SCALES)).costs
    apart = State.initial(flat, Adam(), 0, "float64", one.family)
    for i, scale in enumerate(SCALES):
        alone = runner(network(0.3 * scale).graph, Adam(), data, clip=clip, **settings)
        cost = alone.run(apart, window(slice(i, i + 1), None)).costs[0]
        assert costs[i] == pytest.approx(cost, rel=1e-14)
    np.testing.assert_allclose(together.parameters, apart.parameters, rtol=0, atol=1e-15)


def test_penalties_of_one_change_no_bits(rng: np.random.Generator) -> None:
    data, flat = case(rng)
    found = []
    for penalties in (None, [1.0] * 3):
        one = NativeRunner(network(0.3).graph, Adam(), data)
        state = State.initial(flat, Adam(), 0, "float32", one.family)
        costs = one.run(state, window(slice(0, 3), penalties)).costs
        found.append((state.parameters.tobytes(), costs.tobytes()))
    assert found[0] == found[1]


def test_a_runner_can_be_pointed_at_other_rows(rng: np.random.Generator) -> None:
    data, flat = case(rng)
    other, _ = case(rng)
    moved = NativeRunner(network(0.3).graph, Adam(), data)
    moved.use(other)
    states = []
    for runner in (moved, NativeRunner(network(0.3).graph, Adam(), other)):
        state = State.initial(flat, Adam(), 0, "float32", runner.family)
        runner.run(state, window(slice(0, 3), None))
        states.append(state.parameters.tobytes())
    assert states[0] == states[1]
