"""Lowering: which instructions a plan becomes, which plan steps each carries out."""

from __future__ import annotations

import gc
import itertools
import weakref
from dataclasses import replace

import numpy as np
import pytest
from engine_runs import data_of, flat_of
from random_networks import random_case

from clearprop import _native
from clearprop.backprop import Plan, Term, plan, run
from clearprop.engine import NativeRunner, State, Window, combine, lower
from clearprop.engine.lowered import lowered
from clearprop.engine.program import Instruction, Kind, Op, UseKind
from clearprop.errors import NativeError
from clearprop.expressions import Hadamard, Num
from clearprop.graph import Activation, Dense, Input
from clearprop.network import Network
from clearprop.optimizers import SGD


def ops(network: Network, *, fuse: bool = True) -> list[str]:
    return [one.op.name for one in lower(plan(network.graph), fuse=fuse).instructions]


def test_a_chain_is_one_product_a_layer_each_way_and_works_in_place() -> None:
    network = Network([5, 7, 6, 3], "tanh", cost="cross_entropy")
    assert ops(network) == [
        "PRODUCT", "MAP", "PRODUCT", "MAP", "PRODUCT", "SOFTMAX",
        "COST", "COST_VJP", "BACK_PRODUCT", "MAP_VJP", "BACK_PRODUCT", "MAP_VJP",
    ]  # fmt: skip
    program = lower(plan(network.graph))
    in_place = [one for one in program.instructions if one.op in (Op.MAP, Op.MAP_VJP)]
    assert all(one.out == (one.a if one.op == Op.MAP else one.c) for one in in_place)


def test_a_dear_slope_is_made_with_its_function_where_nothing_else_reads_z() -> None:
    network = Network([5, 7, 6, 3], "gelu", cost="cross_entropy")
    assert ops(network) == [
        "PRODUCT", "MAP", "PRODUCT", "MAP", "PRODUCT", "SOFTMAX",
        "COST", "COST_VJP", "BACK_PRODUCT", "MULTIPLY", "BACK_PRODUCT", "MULTIPLY",
    ]  # fmt: skip
    program = lower(plan(network.graph))
    maps = [one for one in program.instructions if one.op == Op.MAP]
    slopes = [one.b for one in program.instructions if one.op == Op.MULTIPLY]
    assert [one.b for one in maps] == [one.a for one in maps] == slopes[::-1]
    assert "MULTIPLY" not in ops(network, fuse=False)
    # z goes into a sum as well, so it has to stand
    x = Input(4)
    z = Dense(6)(x)
    shared = Network(inputs=x, outputs=Dense(2)(Activation("gelu")(z) + z))
    assert "MULTIPLY" not in ops(shared) and "MAP_VJP" in ops(shared)


def test_slopes_that_are_kept_change_no_bit() -> None:
    rng = np.random.default_rng(0)
    for name in ("gelu", "silu", "mish"):
        x = Input(9)
        h = Dense(21, name)(x)
        network = Network(inputs=x, outputs=Dense(3)(Dense(21, name)(h) + h), cost="cross_entropy")
        X, y = 4 * rng.normal(size=(300, 9)), rng.integers(0, 3, 300)
        data = data_of(network, X, y)
        left = []
        for fuse in (True, False):
            for threads in (1, 2):
                runner = NativeRunner(network.graph, SGD(0.1), data, fuse=fuse, threads=threads)
                assert fuse == any(one.b >= 0 for one in runner.program.instructions
                                   if one.op == Op.MAP)  # fmt: skip
                flat = network.initial(0).flat
                state = State.initial(flat, SGD(0.1), 0, "float32", runner.family)
                report = runner.run(state, Window(np.arange(300), np.array([0, 150, 300]),
                                                  np.full(2, 0.1)))  # fmt: skip
                cost = np.array(runner.evaluate(state.parameters, data))
                parts = (state.parameters, report.costs, cost)
                left.append(b"".join(part.tobytes() for part in parts))
        assert len(set(left)) == 1


def test_identity_leaves_no_instruction() -> None:
    assert ops(Network([4, 2], output="identity")) == ["PRODUCT", "COST", "COST_VJP"]
    assert "MAP" in ops(Network([4, 2], output="identity"), fuse=False)


def test_what_nobody_needs_is_not_computed() -> None:
    # ∂J/∂X costs a product a step, and no parameter's gradient reads it
    network = Network([5, 4, 2], "tanh")
    the_plan = plan(network.graph)
    assert "Delta1" in the_plan
    program = lower(the_plan)
    assert all("Delta1" not in steps for steps in program.steps.values())
    assert sum(one.op == Op.BACK_PRODUCT for one in program.instructions) == 1


def test_every_instruction_names_the_plans_steps_it_carries_out() -> None:
    for seed in range(100):
        network = random_case(seed).network
        the_plan = plan(network.graph)
        program = lower(the_plan, fuse=False)
        named = {step for steps in program.steps.values() for step in steps}
        assert all(step in the_plan for step in named)
        forward = {step.id for step in the_plan.steps if step.kind == "forward"}
        assert forward <= named
        assert set(program.gradient_steps) == set(network.graph.parameters)
        assert all(step in the_plan for step in program.gradient_steps.values())


def test_parameters_keep_their_place_factors_and_uses() -> None:
    network = Network([3, 4, 2], "tanh", l2=0.25, bias="shared")
    program = lower(plan(network.graph))
    by_name = {parameter.name: parameter for parameter in program.parameters}
    first = next(name for name in by_name if name.startswith("W"))
    assert (by_name[first].rows, by_name[first].columns, by_name[first].penalty) == (4, 3, 0.25)
    assert [use.kind for use in by_name[first].uses] == [UseKind.OUTER]
    shared = by_name["b" + first[1:]]
    assert (shared.width, shared.columns, shared.penalty) == (4, 1, 0.0)
    assert [use.kind for use in shared.uses] == [UseKind.SHARED_COLUMNS]
    places = [(p.flat, p.rows * p.columns * p.members) for p in program.parameters]
    assert places[0][0] == 0
    assert all(a + size == b for (a, size), (b, _) in itertools.pairwise(places))
    assert places[-1][0] + places[-1][1] == program.size == network.graph.size


def test_both_sides_have_one_layout_of_the_tables() -> None:
    program = lower(plan(random_case(3).network.graph))
    assert len(Instruction(Op.ADD).pack()) == _native.structure_sizes()[0]
    for table, count, size in zip(
        program.tables,
        (len(program.instructions), len(program.slots), len(program.parameters)),
        _native.structure_sizes(),
        strict=False,
    ):
        assert len(table) == count * size
    assert {slot.kind for slot in program.slots} >= {Kind.VALUE, Kind.PARAMETER, Kind.TARGET}


def rewritten(the_plan: Plan, step_id: str) -> Plan:
    """The plan with a step's first term three times as large."""
    step = the_plan.step(step_id)
    first = replace(step.terms[0], expr=Hadamard(Num(3.0), step.terms[0].expr))
    return the_plan.with_step(replace(step, terms=(first, *step.terms[1:])))


def test_a_rewritten_plan_lowers_to_what_it_says() -> None:
    network = Network([4, 5, 3], "sigmoid")
    wrong = rewritten(plan(network.graph), "Delta2")
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(9, 4)), rng.normal(size=(9, 3))
    parameters = dict(network.initial(seed=1))
    runner = NativeRunner(network.graph, SGD(0.1), data_of(network, X, Y), precision="float64")
    runner.program = lower(wrong)
    runner._engine = runner._make_engine()
    state = State.initial(flat_of(network, parameters), SGD(0.1), 0, "float64", "x")
    node = combine(runner.gradient(state, np.arange(9), 9.0))
    key = network.graph.inputs[0].key
    trace = run(wrong, parameters, {key: X}, network.targets(Y))
    right = run(plan(network.graph), parameters, {key: X}, network.targets(Y))
    expected = flat_of(network, trace.gradient)
    np.testing.assert_allclose(node.gradient, expected, rtol=1e-12, atol=1e-15)
    assert np.abs(flat_of(network, right.gradient) - expected).max() > 1e-3


def test_a_step_without_kernel_is_named() -> None:
    network = Network([4, 5, 3], "sigmoid")
    the_plan = plan(network.graph)
    step = the_plan.step("Delta2")
    strange = replace(step, terms=(Term("", step.terms[0].expr ** 2.0),))
    with pytest.raises(NativeError, match=r"Power \(step Delta2\).*reference"):
        lower(the_plan.with_step(strange))


def test_a_graph_is_lowered_once_and_its_program_goes_with_it() -> None:
    graph = Network([2, 3, 1], "tanh").graph
    program = lowered(graph)
    assert lowered(graph) is program
    assert program == lower(plan(graph))
    assert lowered(graph, fuse=False) == lower(plan(graph), fuse=False) != program
    same = Network([2, 3, 1], "sigmoid").graph  # another, of the same shape
    assert lowered(same) == lower(plan(same)) != program
    gone = weakref.ref(program)
    del graph, program
    gc.collect()
    assert gone() is None
