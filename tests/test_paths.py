"""Paths from one weight to the cost: counted exactly, summed exactly, the largest found."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from conftest import count

import clearprop as cp
from clearprop.backprop import paths, plan, run
from clearprop.errors import GraphError
from clearprop.network import Network

ELEMENTWISE = {
    "tanh": lambda z: 1 - np.tanh(z) ** 2,
    "identity": np.ones_like,
    "sigmoid": lambda z: np.exp(-z) / (1 + np.exp(-z)) ** 2,
    "softplus": lambda z: 1 / (1 + np.exp(-z)),
}


def brute_force(net, trace, weight, index, sample):
    """Every path's product, one by one: from the weight's unit along all wires to the cost.

    A wire is known by the operation it enters, as the textbook draws it: written here for affine,
    add, scale, concat and element-wise functions, each from the trace's numbers.
    """
    graph = net.graph

    def wires(value, unit):
        """(next value, its unit, factor) of every wire that leaves a unit."""
        for node in graph.nodes:
            offset = 0
            for name in node.inputs:
                width = graph.values[name].type.shape[0]
                if name == value:
                    params = dict(node.params)
                    if node.op == "affine":
                        W = trace[params["W"]]
                        yield from ((node.output, j, W[j, unit]) for j in range(len(W)))
                    elif node.op == "concat":
                        yield node.output, offset + unit, 1.0
                    elif node.op == "scale":
                        yield node.output, unit, trace[params["s"]][unit]
                    elif node.op == "add":
                        yield node.output, unit, 1.0
                    else:
                        z = trace[name][sample]
                        yield node.output, unit, ELEMENTWISE[node.op](z)[unit]
                offset += width

    def follow(value, unit):
        cost = graph.costs[0]
        if value == cost.value:
            difference = trace[value][sample] - trace["y"][sample]
            yield ((value, unit),), float(trace["w"][sample] * difference[unit])
        for after, j, factor in wires(value, unit):
            for units, product in follow(after, j):
                yield ((value, unit), *units), factor * product

    for node in graph.nodes:
        for role, name in node.params:
            if name != weight:
                continue
            x = trace[node.inputs[0]][sample]
            for unit in range(graph.values[node.output].type.shape[0]):
                first = {"W": lambda u=unit, x=x: x[index[1]] * (index[0] == u),
                         "b": lambda u=unit: float(not index or index[0] == u),
                         "s": lambda u=unit, x=x: x[u] * (index[0] == u)}[role]()  # fmt: skip
                if (role == "W" and index[0] != unit) or (role == "s" and index[0] != unit):
                    continue
                if role == "b" and index and index[0] != unit:
                    continue
                for units, product in follow(node.output, unit):
                    yield units, first * product


def chain():
    return Network([2, 3, 3, 2], "tanh", output="sigmoid")


def diamonds(k, width=2):
    """k residual diamonds: 2ᵏ ways from the first layer to the cost for each unit's own value."""
    x = cp.Input(width)
    h = cp.Dense(width, "tanh")(x)
    for _ in range(k):
        h = h + cp.Activation("softplus")(h)
    return Network(inputs=x, outputs=h)


def mixed():
    x = cp.Input(2)
    h = cp.Dense(2, "tanh", bias="shared")(x)
    h = h + cp.Dense(2, "sigmoid")(h)
    h = cp.concat(h, cp.Scale()(x), h)
    return Network(inputs=x, outputs=cp.Dense(2, bias="shared")(h + h))


def tied():
    x = cp.Input(2)
    layer = cp.Dense(2, "tanh")
    return Network(inputs=x, outputs=layer(layer(layer(x))))


NETWORKS = {"chain": chain, "diamonds": lambda: diamonds(5), "mixed": mixed, "tied": tied}


@pytest.mark.prove
@pytest.mark.parametrize("name", NETWORKS)
def test_paths_are_those_that_brute_force_walks(name, rng):
    net = NETWORKS[name]()
    p = {n: rng.normal(size=w.shape) for n, w in net.initial(0).items()}
    width = net.graph.values[net.graph.outputs[0]].type.shape[0]
    X, Y = rng.normal(size=(3, 2)), rng.normal(size=(3, width))
    trace = net.trace(p, X, Y)
    for weight, w in p.items():
        for index in itertools.islice(np.ndindex(w.shape), count(3, 100)):
            for sample in (0, 2):
                found = paths(net.plan, weight, trace, index, sample=sample, k=7)
                walked = list(brute_force(net, trace, weight, index, sample))
                assert found.count == len(walked)
                products = sorted((product for _, product in walked), key=abs, reverse=True)
                assert found.total == pytest.approx(sum(products), rel=1e-11, abs=1e-14)
                got = [path.product for path in found.largest]
                assert len(got) == min(7, len(walked))
                assert np.allclose(np.abs(got), np.abs(products[:7]), rtol=1e-12)
                walks = {units for units, _ in walked}
                for path in found.largest:  # from δ and Δ back to the values they belong to
                    units = tuple((_value(name), unit) for name, unit in path.units[:-1])
                    assert units in walks
                    assert path.units[-1] == ("J", 0)


def _value(adjoint):
    return ("z" if adjoint.startswith("delta") else "a") + adjoint[5:]


@pytest.mark.parametrize("name", NETWORKS)
def test_over_samples_the_totals_are_the_gradient(name, rng):
    net = NETWORKS[name]()
    p = {n: rng.normal(size=w.shape) for n, w in net.initial(0).items()}
    width = net.graph.values[net.graph.outputs[0]].type.shape[0]
    trace = net.trace(p, rng.normal(size=(3, 2)), rng.normal(size=(3, width)), [1.0, 0.0, 2.5])
    for weight, gradient in trace.gradient.items():
        index = (0,) * gradient.ndim
        totals = [paths(net.plan, weight, trace, index, sample=i, k=1).total for i in range(3)]
        assert sum(totals) == pytest.approx(float(gradient[index]), rel=1e-11, abs=1e-14)
        assert totals[1] == 0.0


@pytest.mark.prove
def test_a_chain_of_two_hundred_diamonds_has_its_exact_count(rng):
    net = diamonds(200)
    p = net.initial(1)
    trace = net.trace(p, rng.normal(size=(1, 2)), rng.normal(size=(1, 2)))
    found = paths(net.plan, "W1", trace, (1, 0), k=3)
    assert found.count == 2**200
    gradient = trace.gradient["W1"][1, 0]
    assert found.total == pytest.approx(gradient, rel=1e-10)
    assert len(found.largest) == 3


def test_a_linked_output_has_a_path_from_every_z():
    net = Network([2, 3], cost="cross_entropy")
    trace = net.trace(net.initial(0), [[1.0, 2.0]], [1])
    assert paths(net.plan, "W1", trace, (0, 0)).count == 1  # δ = a − y in one step
    apart = plan(net.graph, fuse=False)
    both = run(apart, net.initial(0), {"X": np.array([[1.0, 2.0]])}, net.targets([1]))
    found = paths(apart, "W1", both, (0, 0))
    assert found.count == 3  # through each output of the softmax
    assert found.total == pytest.approx(float(both.gradient["W1"][0, 0]), rel=1e-12)


def test_only_the_row_that_an_index_names_has_paths():
    x = cp.Input(levels=4)
    net = Network(inputs=x, outputs=cp.Dense(1)(cp.Embedding(2)(x)))
    trace = net.trace(net.initial(0), [2, 0], [[1.0], [2.0]])
    counts = [paths(net.plan, "E1", trace, (row, 1)).count for row in range(4)]
    assert counts == [0, 0, 1, 0]
    found = [paths(net.plan, "E1", trace, (row, 1), sample=s).total
             for row in range(4) for s in (0, 1)]  # fmt: skip
    assert np.allclose(np.reshape(found, (4, 2)).sum(axis=1), trace.gradient["E1"][:, 1])


def test_of_members_one_is_followed_and_all_of_them_sum_to_the_gradient(rng):
    x = cp.Input(2)
    h = cp.Dense(3, "tanh")(x)  # shared by the members
    net = Network(inputs=x, outputs=cp.Dense(1, members=3)(h))
    p = {n: rng.normal(size=w.shape) for n, w in net.initial(0).items()}
    trace = net.trace(p, rng.normal(size=(1, 2)), rng.normal(size=(1, 1)))
    totals = [paths(net.plan, "W1", trace, (1, 0), member=k).total for k in range(3)]
    assert sum(totals) == pytest.approx(float(trace.gradient["W1"][1, 0]), rel=1e-12)
    for k in range(3):
        own = paths(net.plan, "W2", trace, (0, 2), member=k)
        assert own.total == pytest.approx(float(trace.gradient["W2"][k, 0, 2]), rel=1e-12)


def test_a_dropped_unit_and_a_dead_one_still_have_their_wires():
    net = Network([1, 1, 1], "relu")
    p = {"W1": [[1.0]], "b1": [-5.0], "W2": [[2.0]], "b2": [0.0]}
    found = paths(net.plan, "W1", net.trace(p, [[1.0]], [[1.0]]), (0, 0))
    assert (found.count, found.total, found.largest[0].product) == (1, 0.0, 0.0)


def test_the_factor_of_a_mix_has_its_wire_where_relu_changes_nothing():
    """∂J/∂α = Δ (relu(z) − z): any positive z makes it 0, but a wire is there."""
    x = cp.Input(1)
    mixed = cp.Activation("relu", parametric=True)(x)
    net = Network(inputs=x, outputs=cp.Dense(1, bias="none")(mixed))
    p = {name: np.full(shape.shape, 0.25) for name, shape in net.initial(0).items()}
    (alpha,) = (name for name in p if name.startswith("alpha"))
    trace = net.trace(p, [[-3.0]], [[1.0]])
    found = paths(net.plan, alpha, trace, (0,))
    assert found.count == 1
    assert found.total == pytest.approx(float(trace.gradient[alpha][0]), rel=1e-12)
    assert found.total != 0


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"weight": "w1"}, "no parameter 'w1'; did you mean 'W1'"),
        ({"index": (3, 0)}, r"W1 has the shape \(3, 2\); there is no entry \(3, 0\)"),
        ({"index": (-1, 0)}, r"there is no entry \(-1, 0\)"),
        ({"index": ()}, "there is no entry"),
        ({"sample": 1}, "there is no sample 1; there are 1"),
        ({"sample": -1}, "there is no sample -1"),
        ({"member": 1}, "there is no member 1"),
        ({"member": -1}, "there is no member -1"),
        ({"k": 0}, "k must be 1 or more"),
        ({"trace": "forward"}, "the trace has no gradients; run the plan with targets"),
    ],
)
def test_what_does_not_exist_is_named(asked, says):
    net = Network([2, 3, 1], "tanh")
    p = net.initial(0)
    whole = net.trace(p, [[1.0, 2.0]], [[1.0]])
    if asked.pop("trace", None):
        whole = run(net.plan, p, {"X": np.array([[1.0, 2.0]])})
    given = {"weight": "W1", "trace": whole, "index": (0, 0)} | asked
    with pytest.raises(GraphError, match=says):
        paths(net.plan, **given)


def test_of_a_wide_network_the_paths_are_counted_summed_and_ranked(rng):
    net = Network([40, 300, 200, 10], "tanh")
    p = {n: rng.normal(size=w.shape) / 10 for n, w in net.initial(0).items()}
    x, y = rng.normal(size=40), rng.normal(size=10)
    trace = net.trace(p, x[None], y[None])
    found = paths(net.plan, "W1", trace, (7, 3), k=6)
    slopes = [1 - trace[name][0] ** 2 for name in ("a2", "a3")]
    error = trace["a4"][0] - y
    # one path for each unit of layer 3 and each output: x₃ f′ W²_j7 f′ W³_kj (a − y)_k
    through = p["W2"][:, 7] * slopes[1]
    products = x[3] * slopes[0][7] * through[:, None] * p["W3"].T * error
    assert found.count == products.size == 2000
    assert found.total == pytest.approx(float(trace.gradient["W1"][7, 3]), rel=1e-11)
    order = np.argsort(-np.abs(products), axis=None)[:6]
    expected = [products.reshape(-1)[place] for place in order]
    assert [path.product for path in found.largest] == pytest.approx(expected, rel=1e-12)
    units = [(unit // 10, unit % 10) for unit in order]
    assert [(path.units[2][1], path.units[4][1]) for path in found.largest] == units
