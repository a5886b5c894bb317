"""The plan: its steps, what each reads over which wire, and that rewriting one changes the run."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from conftest import count
from random_networks import random_case

import clearprop as cp
from clearprop.backprop import Position, Term, adjoint_name, gradient_name, plan, run, target_name
from clearprop.errors import GraphError
from clearprop.expressions import Add, Hadamard, MatMul, Outer, Sum, Transpose
from clearprop.graph import concat
from clearprop.network import Network
from clearprop.network.reading import read_inputs


@pytest.fixture
def residual():
    x = cp.Input(2)
    h = cp.Dense(2, "tanh")(x)
    return Network(inputs=x, outputs=cp.Dense(1)(h + cp.Dense(2, "tanh")(h)), l2=0.1)


def test_the_backward_steps_are_the_textbooks_expressions():
    steps = Network([2, 3, 2], "tanh").plan
    delta3, W2, a2 = (steps.step(i).target for i in ("delta3", "z2", "a2"))
    W2 = steps.step("z3").reads[0]
    assert steps.step("Delta2").expr == MatMul(Transpose(W2), delta3)  # (W²)ᵀ δ³
    assert steps.step("dJ/dW2").expr == Sum(("sample",), Outer(delta3, a2))  # Σ δ³ (a²)ᵀ
    assert steps.step("dJ/db2").expr == Sum(("sample",), delta3)
    Delta2, z2 = steps.step("Delta2").target, steps.step("z2").target
    slope = steps.step("delta2").expr.right
    assert steps.step("delta2").expr == Hadamard(Delta2, slope)  # δ² = Δ² ⊙ f′(z²)
    assert (slope.form, slope.args, slope.function.name) == ("derivative", (z2,), "tanh")


def test_derivatives_arrive_as_Delta_at_activations_and_go_on_as_delta_at_pre_activations():
    steps = Network([2, 3, 2], "sigmoid", output="sigmoid", l2=0.1).plan.steps
    assert [(step.kind, step.id, step.node) for step in steps] == [
        ("forward", "z2", 0), ("forward", "a2", 1), ("forward", "z3", 2), ("forward", "a3", 3),
        ("cost", "C", None), ("penalty", "penalty", None), ("cost", "J", None),
        ("arrive", "Delta3", 3), ("adjoint", "delta3", 2), ("arrive", "Delta2", 1),
        ("adjoint", "delta2", 0), ("arrive", "Delta1", None), ("gradient", "dJ/dW1", None),
        ("gradient", "dJ/db1", None), ("gradient", "dJ/dW2", None), ("gradient", "dJ/db2", None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("cost", "output"),
    [("poisson", "exp"), ("binary_cross_entropy", "sigmoid"), ("cross_entropy", "softmax")],
)
def test_a_cost_behind_its_link_is_taken_at_z_in_one_step_or_at_a_in_two(cost, output):
    net = Network([2, 3, 2], output=output, cost=cost)
    fused, general = net.plan, plan(net, fuse=False)
    assert [sym.name for sym in fused.step("C").reads] == ["z3", "y"]
    assert "Delta3" not in fused and [t.via for t in fused.step("delta3").terms] == ["cost"]
    assert {sym.name for sym in fused.step("delta3").reads} == {"w", "a3", "y"}  # w (a − y)
    assert [t.via for t in general.step("Delta3").terms] == ["cost"]
    assert "Delta3" in {sym.name for sym in general.step("delta3").reads}


def test_every_wire_that_leaves_a_value_is_a_term_where_its_derivatives_meet(residual):
    steps = residual.plan
    assert [term.via for term in steps.step("Delta2").terms] == ["a4", "z3"]
    assert [term.via for term in steps.step("dJ/dW1").terms] == ["z2", "penalty"]
    assert [term.via for term in steps.step("Delta5").terms] == ["cost"]
    trace = residual.trace(residual.initial(0), [[1.0, 2.0]], [[1.0]])
    summed = trace.terms["Delta2", 0] + trace.terms["Delta2", 1]
    assert np.array_equal(trace["Delta2"], summed)


def test_a_value_read_twice_by_one_operation_has_a_term_for_each():
    x = cp.Input(1)
    h = cp.Dense(1, bias="none")(x)
    for out, slope in ((h + h, 2.0), (cp.Dense(1, bias="none")(concat(h, h)), 5.0)):
        net = Network(inputs=x, outputs=out)
        p = {name: np.array([[3.0]]) if name == "W1" else np.array([[1.0, 4.0]])
             for name in net.graph.parameters}  # fmt: skip
        trace = net.trace(p, [[1.0]], [[0.0]])
        assert len(net.plan.step("Delta2").terms) == 2
        parts = [trace.terms["Delta2", place] for place in (0, 1)]
        assert np.array_equal(trace["Delta2"], parts[0] + parts[1])
        assert trace["Delta2"] == slope * trace[net.graph.outputs[0]]  # J = ½ a²


def test_tied_uses_are_terms_of_the_gradient_in_forward_order():
    x = cp.Input(2)
    layer = cp.Dense(2, "tanh")
    net = Network(inputs=x, outputs=layer(layer(layer(x))))
    assert [term.via for term in net.plan.step("dJ/dW1").terms] == ["z2", "z3", "z4"]


def test_look_ups_answer_who_writes_and_who_reads(residual):
    steps = residual.plan
    z3 = steps.step("z3")
    assert steps.writer(z3.target) == z3
    assert steps.writer(z3.reads[0]) is None  # a parameter is given
    assert [step.id for step in steps.readers("a2")] == ["z3", "a4", "dJ/dW2"]
    assert [step.id for step in steps.uses(steps.step("delta3"))] == ["Delta3", "z3"]
    assert "delta2" in steps
    assert "delta9" not in steps
    with pytest.raises(GraphError, match="the plan has no step 'delta9'"):
        steps.step("delta9")


@pytest.mark.prove
def test_every_step_reads_only_what_is_given_or_written_before_it():
    for seed in range(count(100, 1000)):
        case = random_case(seed)
        graph = case.network.graph
        known = {g.value for g in graph.inputs} | set(graph.parameters) | {"w"}
        known |= {target_name(graph, cost) for cost in graph.costs} | set(case.network.plan.masks)
        ids = set()
        for step in case.network.plan.steps:
            assert {sym.name for sym in step.reads} <= known, step.id
            assert step.target.name not in known
            assert step.id not in ids
            for term in step.terms:  # a term may lack axes that the sum has, never the reverse
                of = term.expr.type
                assert of.shape in ((), step.target.shape)
                assert (of.sample, of.member) <= (step.target.type.sample, step.target.type.member)
            known.add(step.target.name)
            ids.add(step.id)
        for name in graph.parameters:
            assert gradient_name(name) in ids


def test_a_rewritten_step_is_what_runs_and_nothing_else_changes():
    net = Network([2, 3, 2], "tanh")
    p, X, Y = net.initial(0), np.array([[0.4, -1.0]]), np.array([[1.0, 2.0]])
    right = run(net.plan, p, {"X": X}, {"y": Y})
    step = net.plan.step("delta2")  # the mistake: f′ is forgotten
    forgotten = net.plan.with_step(
        replace(step, terms=(Term(step.terms[0].via, step.terms[0].expr.left),))
    )
    wrong = run(forgotten, p, {"X": X}, {"y": Y})
    assert np.array_equal(wrong["delta2"], right["Delta2"])
    assert np.array_equal(wrong["dJ/dW1"], np.outer(right["Delta2"][0], X[0]))
    assert np.array_equal(wrong["dJ/dW2"], right["dJ/dW2"])
    assert [s.id for s in forgotten.steps] == [s.id for s in net.plan.steps]
    with pytest.raises(GraphError, match="no step 'delta7'"):
        net.plan.with_step(replace(step, id="delta7"))


def test_what_does_not_lead_to_the_cost_has_a_gradient_of_zero():
    x = cp.Input(2)
    used, unused = cp.Dense(1)(x), cp.Dense(2)(x)
    data = Network(inputs=x, outputs=[used, unused]).graph.to_dict()
    data["costs"] = data["costs"][:1]
    net = Network(graph=type(Network([1, 1]).graph).from_dict(data))
    g = net.gradient(net.initial(0), [[1.0, 2.0]], [[1.0]])
    assert (g["W2"] == 0).all()
    assert g["W2"].shape == (2, 2)
    assert (g["W1"] != 0).any()


def test_without_targets_only_the_forward_steps_are_run(residual):
    trace = run(residual.plan, residual.initial(0), {"X": np.ones((3, 2))})
    assert "a5" in trace
    assert "J" not in trace
    assert not any(name.startswith(("dJ", "delta", "Delta")) for name in trace)


def test_a_cost_alone_is_the_same_number_without_the_backward_steps():
    for seed in range(20):
        case = random_case(seed)
        plan, targets = case.network.plan, case.network.targets(case.Y)
        inputs = read_inputs(case.network.graph, case.X)
        whole, ended = (
            run(plan, case.parameters, inputs, targets, weights=case.weights, backward=backward)
            for backward in (True, False)
        )
        assert ended.cost == whole.cost == case.network.cost(
            case.parameters, case.X, case.Y, case.weights
        )  # fmt: skip
        written = {step.target.name for step in plan.steps if step.target.name in ended}
        kinds = {step.kind for step in plan.steps if step.target.name in written}
        assert kinds <= {"forward", "cost", "penalty"}, kinds


def test_a_trace_is_a_mapping_of_everything(residual):
    trace = residual.trace(residual.initial(0), np.ones((3, 2)), np.zeros((3, 1)))
    assert len(trace) == len(list(trace)) == len(dict(trace.items()))
    assert any(array is trace["z2"] for array in trace.values())
    assert set(trace) >= {step.target.name for step in residual.plan.steps}
    assert trace.penalty > 0
    assert set(trace.gradient) == set(residual.graph.parameters)
    assert trace.input_gradient["X"].shape == (3, 2)
    assert trace.cost_terms["C"].shape == (3,)
    assert trace.cost == pytest.approx(trace["C"].mean() + trace.penalty, rel=1e-15)


def test_one_members_trace_has_no_member_axis():
    x = cp.Input(2)
    h = cp.Dropout(0.5)(cp.Dense(3, "tanh", members=4)(x))
    net = Network(inputs=x, outputs=cp.Dense(1, members=4)(h))
    p = net.initial(0)
    at = Position(seed=2)
    trace = net.trace(p, np.ones((5, 2)), np.zeros((5, 1)), at=at)
    one = trace.member(2)
    for name, array in one.items():
        whole = trace[name]
        assert array.shape in (whole.shape, whole.shape[1:])
        if array.shape != whole.shape:
            assert np.array_equal(array, whole[2])
    shapes = {n: one[n].shape for n in ("W1", "dJ/dW1", "z2", "delta2", "r3", "Delta3", "C")}
    assert shapes == {"W1": (3, 2), "dJ/dW1": (3, 2), "z2": (5, 3), "delta2": (5, 3),
                      "r3": (5, 3), "Delta3": (5, 3), "C": (5,)}  # fmt: skip
    asked = run(net.plan, p, {"X": np.ones((5, 2))}, {"y": np.zeros((5, 1))}, member=1)
    assert asked["z2"].shape == (5, 3)


def test_names_of_adjoints_follow_the_values():
    assert [adjoint_name(name) for name in ("a1", "z2", "a_x", "z_x")] == [
        "Delta1", "delta2", "Delta_x", "delta_x",
    ]  # fmt: skip


def test_a_step_of_several_terms_is_their_sum():
    step = Network([2, 1], l2=0.5).plan.step("dJ/dW1")
    assert isinstance(step.expr, Add)
    assert step.expr.terms == tuple(term.expr for term in step.terms)


def test_the_plan_of_a_graph_is_the_same_every_time():
    for seed in range(20):
        graph = random_case(seed).network.graph
        assert plan(graph).steps == plan(graph).steps
