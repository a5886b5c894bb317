"""Gradients: of the reported cost, by central differences, and against an independent autodiff."""

from __future__ import annotations

import json
from dataclasses import replace

import autodiff
import numpy as np
import pytest
from conftest import count
from random_networks import COSTS, FUNCTIONS, Case, chain_case, random_case, redrawn

from clearprop import philox
from clearprop.backprop import Position, plan, run, target_name
from clearprop.network import Network

# With four points the error is of the order h⁴; of h where a slope bends, as softsign's does at 0.
STEPS = (1e-3, 1e-4, 1e-5)
PARTS = 8  # of the random graphs, so that processes share them
MARGIN = 10 * STEPS[0]  # no kink nearer than this to any value


def difference(f, h):
    """f′(0) by four points: (8 (f(h) − f(−h)) − (f(2h) − f(−2h))) / 12 h."""
    return (8 * (f(h) - f(-h)) - (f(2 * h) - f(-2 * h))) / (12 * h)


def central_error(case: Case, rng: np.random.Generator, entries: int = 1) -> float:
    """The worst |central difference of the cost − gradient| over the tensors' scales.

    Of each parameter and each input: along a random direction, and at random entries.
    """
    net, trace = case.network, case.trace()
    floor = 1e-3 * max(1.0, abs(trace.cost))
    worst = 0.0
    tensors = [("parameter", n, case.parameters[n], g) for n, g in trace.gradient.items()]
    data = case.X if isinstance(case.X, dict) else {net.graph.inputs[0].key: case.X}
    tensors += [("input", key, data[key], g) for key, g in trace.input_gradient.items()]
    for kind, name, at, gradient in tensors:
        directions = [rng.normal(size=at.shape)]
        directions[0] /= max(1.0, np.abs(directions[0]).sum())
        for _ in range(entries):
            one = np.zeros(at.size)
            one[int(rng.integers(at.size))] = 1.0
            directions.append(one.reshape(at.shape))

        for direction in directions:

            def cost(h, kind=kind, name=name, at=at, direction=direction):
                moved = at + h * direction
                if kind == "parameter":
                    p = case.parameters | {name: moved}
                    return net.cost(p, case.X, case.Y, case.weights)
                X = data | {name: moved}
                return net.cost(case.parameters, X, case.Y, case.weights)

            # the step that meets this function's curvature best; a wrong gradient meets none
            slope, scale = (gradient * direction).sum(), max(np.abs(gradient).max(), floor)
            error = np.inf
            for h in STEPS:
                error = min(error, abs(difference(cost, h) - slope) / scale)
                if error <= 1e-9:
                    break
            worst = max(worst, error)
    return worst


def autodiff_error(case: Case, masks=None, at=None) -> float:
    """The worst |autograd − gradient| over the tensors' scales, inputs and the cost included."""
    trace = case.network.trace(case.parameters, case.X, case.Y, case.weights, at)
    J, by_parameter, by_input = autodiff.gradients(
        case.network, case.parameters, case.X, case.Y, case.weights, masks
    )
    worst = abs(J - trace.cost) / max(1.0, abs(J))
    ours = list(trace.gradient.items()) + list(trace.input_gradient.items())
    theirs = by_parameter | by_input
    # a gradient that is zero by cancellation has the scale of what cancels: the others'
    floor = 1e-2 * max((np.abs(g).max() for _, g in ours), default=0.0)
    for name, gradient in ours:
        scale = max(np.abs(gradient).max(), floor, 1e-8)
        worst = max(worst, np.abs(gradient - theirs[name]).max() / scale)
    return float(worst)


@pytest.mark.prove
@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize("function", [*FUNCTIONS, "softmax"])
def test_every_function_with_every_cost_has_the_gradient_of_the_reported_cost(
    function, cost, rng, proof
):
    central = independent = 0.0
    for outputs in (1, 3):
        for weighted in (False, True):
            for seed in range(count(1, 10)):
                case = redrawn(chain_case(function, cost, outputs, weighted, seed), MARGIN)
                independent = max(independent, autodiff_error(case))
                central = max(central, central_error(case, rng, entries=0))
    cases = 4 * count(1, 10)
    assert independent <= 1e-12
    assert central <= 1e-7
    claim = "Gradients of every function with every cost, outputs 1 and 3, weighted and not, are"
    proof(f"{claim} central differences of the cost", cases, worst=central, bar=1e-7)
    proof(f"{claim} those of an independent autodiff", cases, worst=independent, bar=1e-12)


@pytest.mark.parametrize("part", range(PARTS))
def test_random_graphs_have_the_gradient_of_the_reported_cost(part, rng, proof):
    seeds = range(part, count(200, 2000), PARTS)
    central = independent = 0.0
    for seed in seeds:
        case = redrawn(random_case(seed), MARGIN)
        error = autodiff_error(case)
        assert error <= 1e-12, seed
        independent = max(independent, error)
        error = central_error(case, rng, entries=count(0, 1))
        assert error <= 1e-7, seed
        central = max(central, error)
    proof(
        "Gradients of random graphs are those of the reported cost, by central differences",
        len(seeds),
        worst=central,
        bar=1e-7,
    )
    proof(
        "Gradients of random graphs are those of an independent autodiff",
        len(seeds),
        worst=independent,
        bar=1e-12,
    )


def test_random_graphs_hold_every_kind_of_part():
    ops, kinds = set(), set()
    for seed in range(200):
        graph = random_case(seed).network.graph
        ops |= {node.op for node in graph.nodes} | {cost.op for cost in graph.costs}
        kinds |= {f"bias {node.attrs['bias']}" for node in graph.nodes if node.op == "affine"}
        kinds |= {"tied" for p in graph.parameters.values() if len(p.users) > 1}
        kinds |= {"members" for p in graph.parameters.values() if p.spec.type.member}
        kinds |= {"several inputs"} if len(graph.inputs) > 1 else set()
        kinds |= {"several outputs"} if len(graph.outputs) > 1 else set()
        kinds |= {"index"} if any(i.levels for i in graph.inputs) else set()
    assert {*FUNCTIONS, *COSTS, "softmax", "affine", "gather", "scale", "mix", "add", "concat",
            "dropout"} == ops  # fmt: skip
    assert {"bias unit", "bias shared", "bias none", "tied", "members", "several inputs",
            "several outputs", "index"} == kinds  # fmt: skip


def test_random_networks_are_the_same_for_a_seed():
    one, two = random_case(11), random_case(11)
    assert one.network.to_json() == two.network.to_json()
    assert one.trace().cost == two.trace().cost


@pytest.mark.prove
def test_fusing_the_link_with_its_cost_changes_no_gradient():
    for seed in range(count(100, 1000)):
        case = random_case(seed)
        graph = case.network.graph
        X = case.X if isinstance(case.X, dict) else {graph.inputs[0].key: case.X}
        targets = case.network.targets(case.Y)
        fused, apart = (
            run(plan(graph, fuse=fuse), case.parameters, X, targets, weights=case.weights)
            for fuse in (True, False)
        )
        assert fused.cost == apart.cost
        largest = max((np.abs(g).max() for g in fused.gradient.values()), default=0.0)
        for name, gradient in fused.gradient.items():
            # y / a and 1 / (a (1 − a)) lose what a − y keeps
            assert np.abs(gradient - apart.gradient[name]).max() <= 1e-11 * max(largest, 1e-3)


def test_only_the_fused_plan_skips_the_links_slope():
    graph = Network([2, 3], cost="cross_entropy").graph
    assert "Delta2" not in plan(graph)
    assert plan(graph).step("delta2").terms[0].via == "cost"
    assert plan(graph, fuse=False).step("Delta2").terms[0].via == "cost"


@pytest.mark.prove
def test_sample_gradients_sum_to_the_gradient_and_each_is_the_one_of_its_sample_alone():
    for seed in range(count(60, 600)):
        case = random_case(seed, rows=4)
        net, p = case.network, case.parameters
        each = net.sample_gradients(p, case.X, case.Y, case.weights)
        trace = case.trace()
        graph = replace(net.graph, l2=0.0)
        plain = Network(graph=graph)
        w = np.ones(4) if case.weights is None else case.weights
        for name, gradient in plain.gradient(p, case.X, case.Y, case.weights).items():
            assert each[name].shape == (4, *gradient.shape)
            assert np.allclose(each[name].sum(axis=0), gradient, rtol=1e-12, atol=1e-14)
            penalty = trace.gradient[name] - gradient
            assert np.any(penalty != 0) <= (net.graph.l2 > 0)
        for i in range(4):
            X = {k: v[i : i + 1] for k, v in case.X.items()} if isinstance(
                case.X, dict) else case.X[i : i + 1]  # fmt: skip
            Y = {k: v[i : i + 1] for k, v in case.Y.items()} if isinstance(
                case.Y, dict) else case.Y[i : i + 1]  # fmt: skip
            alone = plain.gradient(p, X, Y)
            for name, gradient in alone.items():
                share = w[i] / w.sum()
                assert np.allclose(each[name][i], share * gradient, rtol=1e-12, atol=1e-14)


@pytest.mark.prove
def test_dropout_at_a_position_drops_what_philox_says_and_its_gradient_is_the_masked_costs():
    tried = 0
    for seed in range(400):
        case = random_case(seed)
        graph = case.network.graph
        dropouts = [node for node in graph.nodes if node.op == "dropout"]
        if not dropouts or tried >= count(25, 100):
            continue
        tried += 1
        at = Position(seed=seed, step=3, rows=8)
        trace = case.network.trace(case.parameters, case.X, case.Y, case.weights, at)
        m = len(trace["w"])
        masks = {}
        for number, node in enumerate(dropouts):
            value = graph.values[node.output]
            width = value.type.shape[0]
            members = graph.members if value.type.member else 1
            places = range(8, 8 + m)
            keep = philox.keep_mask(seed, 3, places, width, 0.3, node=number, members=members)
            factor = keep / 0.7
            masks[node.output] = factor if value.type.member else factor[0]
            assert np.array_equal(trace["r" + node.output[1:]], masks[node.output])
        assert autodiff_error(case, masks, at) <= 1e-12
        assert case.trace().cost == replace(case).trace().cost  # without a position: nothing drops
    assert tried >= 20


def test_dropout_keeps_the_mean_and_drops_the_share_it_is_given():
    net = Network([500, 2], dropout=0.0)
    assert net.graph.nodes[0].op == "affine"
    net = Network([3, 400, 2], "identity", dropout=0.25)
    p, X, Y = net.initial(0), np.ones((50, 3)), np.zeros((50, 2))
    r = net.trace(p, X, Y, at=Position(seed=1))["r3"]
    assert set(np.unique(r).tolist()) == {0.0, 1 / 0.75}
    assert abs((r == 0).mean() - 0.25) < 0.01
    again = net.trace(p, X, Y, at=Position(seed=1))["r3"]
    later = net.trace(p, X, Y, at=Position(seed=1, step=1))["r3"]
    assert np.array_equal(r, again)
    assert not np.array_equal(r, later)


def test_the_penalty_is_in_the_cost_and_in_the_gradient_of_weights_only():
    net, bare = (Network([2, 3, 2], "tanh", l2=l2) for l2 in (0.1, 0.0))
    p = {n: w + 0.3 for n, w in net.initial(1).items()}
    X, Y = np.ones((3, 2)), np.zeros((3, 2))
    weights = sum((p[name] ** 2).sum() for name in ("W1", "W2"))
    assert net.cost(p, X, Y) == pytest.approx(bare.cost(p, X, Y) + 0.05 * weights, rel=1e-14)
    assert net.trace(p, X, Y).penalty == pytest.approx(0.05 * weights, rel=1e-14)
    with_penalty, without = net.gradient(p, X, Y), bare.gradient(p, X, Y)
    for name in p:
        extra = 0.1 * p[name] if name.startswith("W") else 0.0 * p[name]
        assert np.allclose(with_penalty[name], without[name] + extra, rtol=1e-14, atol=1e-16)


def test_label_smoothing_mixes_the_target_with_the_uniform():
    smooth = Network([2, 3], cost="cross_entropy", label_smoothing=0.3)
    plain = Network([2, 3], cost="cross_entropy")
    p = smooth.initial(4)
    X = np.array([[0.5, -1.0], [2.0, 1.0]])
    mixed = 0.7 * np.eye(3)[[0, 2]] + 0.1
    assert smooth.cost(p, X, [0, 2]) == pytest.approx(plain.cost(p, X, mixed), rel=1e-14)
    for name, gradient in plain.gradient(p, X, mixed).items():
        assert np.allclose(smooth.gradient(p, X, [0, 2])[name], gradient, rtol=1e-13, atol=1e-15)


def test_the_scale_of_weights_does_not_matter_and_a_row_of_weight_zero_is_not_there():
    for seed in range(1, 41, 2):
        case = random_case(seed, rows=5)
        w = np.array([1.0, 0.0, 0.5, 2.0, 0.0])
        kept = w > 0
        part = {k: v[kept] for k, v in case.X.items()} if isinstance(case.X, dict) else case.X[kept]
        Y = {k: v[kept] for k, v in case.Y.items()} if isinstance(case.Y, dict) else case.Y[kept]
        net, p = case.network, case.parameters
        whole = net.gradient(p, case.X, case.Y, w)
        for other in (net.gradient(p, case.X, case.Y, 7 * w), net.gradient(p, part, Y, w[kept])):
            for name, gradient in whole.items():
                assert np.allclose(other[name], gradient, rtol=1e-12, atol=1e-15)


@pytest.mark.prove
def test_a_cost_with_members_is_the_mean_of_the_members_costs():
    for seed in range(count(30, 200)):
        case = random_case(seed, members=3)
        graph = case.network.graph
        if not graph.members:
            continue
        trace = case.trace()
        mean = 0.0
        for k in range(3):
            own = {name: w[k] if graph.parameters[name].spec.type.member else w
                   for name, w in case.parameters.items()}  # fmt: skip
            data = graph.to_dict()
            data["members"] = 0
            for node in data["nodes"]:
                node["attrs"].pop("members", None)
            alone = Network.from_json(json.dumps(data))
            mean += alone.cost(own, case.X, case.Y, case.weights) / 3
            one = trace.member(k)
            for name in graph.outputs:
                assert one[name].ndim == 2
        assert trace.cost == pytest.approx(mean, rel=1e-13)


def test_targets_are_found_under_the_plans_symbols():
    graph = Network([2, 3]).graph
    assert target_name(graph, graph.costs[0]) == "y"
