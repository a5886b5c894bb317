"""Steps of float32 take numbers below the smallest normal one for zero; nothing else does.

The slope of one weight is δx: with x = 1e-30 and δ = 1e-10 it is 1e-40, which float32 can only tell
as a subnormal number, a hundred times as slow to compute with.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from engine_runs import data_of, window

from clearprop.engine import NativeRunner, State
from clearprop.network import Network
from clearprop.optimizers import SGD

SMALL = np.array([[1e-30]])
NETWORK = Network([1, 1], cost="squared_error")


def stepped(precision: Any, threads: int, rows: int = 1) -> np.ndarray[Any, Any]:
    """W₁ and b₁ after a step of rate 1 from nothing: W₁ = Σ δx, b₁ = Σ δ."""
    data = data_of(NETWORK, np.repeat(SMALL, rows, 0), np.full((rows, 1), 1e-10))
    optimizer = SGD(1.0)
    runner = NativeRunner(NETWORK.graph, optimizer, data, precision=precision, threads=threads)
    state = State.initial(np.zeros(2), optimizer, 0, precision, runner.family)
    runner.run(state, window([np.arange(rows)], 1.0))
    return np.asarray(state.parameters, float)


@pytest.mark.parametrize("threads", [1, 3])
def test_a_subnormal_slope_moves_no_weight_in_float32(threads: int) -> None:
    weight, bias = stepped("float32", threads, rows=400)
    assert weight == 0.0
    assert bias == pytest.approx(1e-10, rel=1e-3, abs=0)


def test_float64_keeps_what_float32_would_lose() -> None:
    weight, bias = stepped("float64", 1)
    assert weight == pytest.approx(1e-40, rel=1e-3, abs=0)
    assert bias == pytest.approx(1e-10, rel=1e-3, abs=0)


def test_predictions_keep_subnormal_numbers() -> None:
    data = data_of(NETWORK, SMALL, np.zeros((1, 1)))
    runner = NativeRunner(NETWORK.graph, None, data, precision="float32")
    (found,) = runner.forward(np.array([1e-10, 0.0], np.float32), data.inputs).values()
    assert found.item() == pytest.approx(1e-40, rel=1e-3, abs=0)


def test_the_callers_own_arithmetic_is_as_it_was() -> None:
    stepped("float32", 1)
    assert np.float32(1e-38) * np.float32(0.01) == pytest.approx(1e-40, rel=1e-3, abs=0)
