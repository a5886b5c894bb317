"""A window's own dropout and decay: both may differ from step to step, as along a schedule."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from conftest import count
from engine_runs import data_of, flat_of
from random_networks import random_case

import clearprop as cp
from clearprop import _native
from clearprop.engine import (
    Data,
    NativeRunner,
    ReferenceRunner,
    Report,
    Runner,
    State,
    Window,
    open_native,
    open_reference,
)
from clearprop.engine.pieces import combine
from clearprop.optimizers import AdamW, Lion, Muon, Optimizer

DROPOUT, DECAY = 0.4, 0.3
DROPOUTS, DECAYS = [0.25, 0.0, 2.0], [0.5, 3.0, 0.0]
BATCHES = [np.arange(0, 300), np.arange(300, 429), np.arange(429, 500)]
ROWS = 500


def data(rng: np.random.Generator) -> Data:
    return Data({"X": rng.normal(size=(ROWS, 4))}, {"y": rng.normal(size=(ROWS, 2))})


def network(dropout: float) -> cp.Network:
    return cp.Network([4, 19, 33, 2], "tanh", l2=0.01, dropout=dropout)


def window(steps: slice = slice(0, 3), **scales: list[float]) -> Window:
    batches = BATCHES[steps]
    borders = np.cumsum([0, *map(len, batches)])
    arrays = {name: np.array(values) for name, values in scales.items()}
    return Window(np.concatenate(batches), borders, np.full(len(batches), 0.01), **arrays)


def run(runner: Runner, rule: Optimizer, *windows: Window, held: bool = False) -> list[Any]:
    """The state's bytes after the windows, and what was reported."""
    flat = network(DROPOUT).initial(3).flat
    state = State.initial(flat, rule, 5, runner.precision, runner.family)
    if held:
        state = runner.hold(state)
    reports: list[Report] = [runner.run(state, one) for one in windows]
    costs, norms = (
        np.concatenate([getattr(report, name) for report in reports]) for name in ("costs", "norms")
    )
    slots = [np.asarray(state.slots[name]).tobytes() for name in rule.slots]
    return [state.parameters.tobytes(), *slots, costs.tobytes(), norms.tobytes()]


def stepwise(rule: type[Optimizer], opened: Any) -> tuple[State, list[float]]:
    """Three steps, each by a network and an optimizer that have that step's scales in them."""
    state, costs = None, []
    for i, (f, d) in enumerate(zip(DROPOUTS, DECAYS, strict=True)):
        alone = opened(network(DROPOUT * f).graph, rule(weight_decay=DECAY * d))
        if state is None:
            flat = network(DROPOUT).initial(3).flat
            start = rule(weight_decay=DECAY)
            state = State.initial(flat, start, 5, alone.precision, alone.family)
        costs += alone.run(state, window(slice(i, i + 1))).costs.tolist()
    assert state is not None
    return state, costs


@pytest.mark.parametrize("clip", [None, 0.05])
@pytest.mark.parametrize("precision", ["float32", "float64", "bfloat16"])
@pytest.mark.parametrize("rule", [AdamW, Lion])
def test_each_step_is_that_of_a_network_with_such_dropout_and_such_a_decay(
    rule: type[Optimizer],
    precision: str,
    clip: float | None,
    rng: np.random.Generator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if precision == "bfloat16" and not _native.bfloat16_sets():
        monkeypatch.setenv("CLEARPROP_BFLOAT16", "emulated")
    given = data(rng)

    def opened(graph: Any, optimizer: Optimizer, threads: int = 1) -> NativeRunner:
        settings: Any = {"precision": precision, "clip": clip, "threads": threads}
        return NativeRunner(graph, optimizer, given, **settings)

    apart, costs = stepwise(rule, opened)
    scales = window(dropouts=DROPOUTS, decays=DECAYS)
    expected = None
    for threads in (1, 3):
        for held in (False, True):
            runner = opened(network(DROPOUT).graph, rule(weight_decay=DECAY), threads)
            found = run(runner, rule(weight_decay=DECAY), scales, held=held)
            slots = [apart.slots[name].tobytes() for name in rule.slots]
            assert found[:-1] == [apart.parameters.tobytes(), *slots, np.array(costs).tobytes()]
            expected = expected or found
            assert found == expected


@pytest.mark.parametrize("open_runner", [open_native, open_reference])
@pytest.mark.parametrize("rule", [AdamW, Muon])
def test_both_engines_and_steps_made_in_python_scale_alike(
    rule: type[Optimizer], open_runner: Any, rng: np.random.Generator
) -> None:
    given = data(rng)

    def opened(graph: Any, optimizer: Optimizer) -> Runner:
        found: Runner = open_runner(graph, optimizer, given, precision="float64")
        return found

    apart, costs = stepwise(rule, opened)
    one = opened(network(DROPOUT).graph, rule(weight_decay=DECAY))
    flat = network(DROPOUT).initial(3).flat
    state = State.initial(flat, rule(weight_decay=DECAY), 5, "float64", one.family)
    report = one.run(state, window(dropouts=DROPOUTS, decays=DECAYS))
    np.testing.assert_allclose(report.costs, costs, rtol=1e-13)
    np.testing.assert_allclose(state.parameters, apart.parameters, rtol=0, atol=1e-13)


@pytest.mark.prove
@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-5), ("float64", 1e-12)])
def test_native_steps_are_the_references_on_random_networks(
    precision: Any, tolerance: float
) -> None:
    """Lion's slots grow with the gradient itself, so that a rounding error stays one."""
    dropped = 0
    for seed in range(count(30, 600)):
        case = random_case(seed, rows=40)
        graph = case.network.graph
        dropped += any(node.op == "dropout" for node in graph.nodes)
        rng = np.random.default_rng(seed)
        given = data_of(case.network, case.X, case.Y, case.weights)
        rows = np.concatenate([rng.permutation(40) for _ in range(2)])
        scaled = Window(
            rows, np.array([0, 40, 80]), np.array([0.0, 1e-3]),
            dropouts=rng.uniform(0, 1, 2), decays=rng.uniform(0, 5, 2),
        )  # fmt: skip
        rule = Lion(weight_decay=0.3)
        found = []
        for runner in (
            ReferenceRunner(graph, rule, given),
            NativeRunner(graph, rule, given, precision=precision),
        ):
            flat = flat_of(case.network, case.parameters)
            state = State.initial(flat, rule, case.seed, runner.precision, runner.family)
            report = runner.run(state, scaled)
            found.append((report.costs[0], np.array(state.slots["m"], np.float64)))
        (cost, m), (native_cost, native_m) = found
        assert abs(cost - native_cost) <= tolerance * max(1.0, abs(cost)), seed
        # The first step stands still (α = 0), so both have two gradients at the same parameters.
        assert np.abs(m - native_m).max() <= 10 * tolerance * max(1.0, np.abs(m).max()), seed
    assert dropped > 3


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_dropout_of_rate_zero_is_none_to_the_bit(precision: Any, rng: np.random.Generator) -> None:
    given, rule = data(rng), AdamW(0.01)
    found = [
        run(NativeRunner(net.graph, rule, given, precision=precision), rule, one)
        for net, one in (
            (network(DROPOUT), window(dropouts=[0.0] * 3)),
            (network(0.0), window()),
        )
    ]
    assert found[0] == found[1]


def test_scales_of_one_change_no_bits(rng: np.random.Generator) -> None:
    given, rule = data(rng), AdamW(0.01, weight_decay=DECAY)
    one = NativeRunner(network(DROPOUT).graph, rule, given)
    ones = window(dropouts=[1.0] * 3, decays=[1.0] * 3)
    assert run(one, rule, window()) == run(one, rule, ones)


def test_slices_change_no_bits(rng: np.random.Generator) -> None:
    given, rule = data(rng), AdamW(0.01, weight_decay=DECAY)
    one = NativeRunner(network(DROPOUT).graph, rule, given)
    parts = [
        window(slice(i, i + 1), dropouts=DROPOUTS[i : i + 1], decays=DECAYS[i : i + 1])
        for i in range(3)
    ]
    whole = window(dropouts=DROPOUTS, decays=DECAYS)
    assert run(one, rule, whole) == run(one, rule, *parts)


def test_a_steps_parts_scale_as_the_whole(rng: np.random.Generator) -> None:
    given, rule = data(rng), AdamW(0.01, weight_decay=DECAY)
    graph = replace(network(DROPOUT).graph, l2=0.0)
    one = NativeRunner(graph, rule, given)
    flat = network(DROPOUT).initial(3).flat
    whole, parts = (State.initial(flat, rule, 5, "float32", one.family) for _ in range(2))
    rows = BATCHES[0]
    scaled = Window(
        rows,
        np.array([0, 300]),
        np.array([0.01]),
        dropouts=np.array([0.25]),
        decays=np.array([0.5]),
    )
    one.run(whole, scaled)
    nodes = []
    for place in (0, 128):
        piece = rows[place : place + 128] if place == 0 else rows[128:]
        nodes += one.gradient(parts, piece, 300.0, place=place, dropout=0.25)
    one.apply(parts, combine(nodes).gradient, 0.01, decay=0.5)
    assert whole.parameters.tobytes() == parts.parameters.tobytes()
