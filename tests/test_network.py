"""The public network: what it computes, what it says of itself, and what it refuses to guess."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import count
from hypothesis import given
from hypothesis import strategies as st
from random_networks import random_case

import clearprop as cp
from clearprop.errors import ClearPropError, DataError, GraphError, SettingError, ShapeError
from clearprop.graph import concat
from clearprop.network import Network

NAN, INF = float("nan"), float("inf")


@pytest.fixture
def net():
    return Network([2, 3, 2], "tanh")


# -- what it computes ---------------------------------------------------------------------------
def test_forward_gives_what_is_compared_with_the_target():
    p = {"W1": np.array([[1.0, -2.0]]), "b1": np.array([0.5])}
    x = [[2.0, 1.0]]
    assert Network([2, 1]).forward(p, x) == [[0.5]]
    assert Network([2, 1], cost="poisson").forward(p, x) == [[np.exp(0.5)]]
    logit = 1 / (1 + np.exp(-0.5))
    assert Network([2, 1], cost="binary_cross_entropy").forward(p, x) == pytest.approx(logit)


def test_forward_of_members_is_their_mean_and_of_several_outputs_a_dict():
    x = cp.Input(2)
    one, two = cp.Dense(1, members=3)(x), cp.Dense(2)(x)
    net = Network(inputs=x, outputs=[one, two])
    p = net.initial(1)
    X = np.array([[1.0, -1.0], [0.5, 2.0]])
    found = net.forward(p, X)
    assert list(found) == list(net.graph.outputs)
    each = [X @ p["W1"][k].T + p["b1"][k] for k in range(3)]
    assert np.allclose(found["a2"], np.mean(each, axis=0), rtol=1e-14)
    assert np.allclose(found["a3"], X @ p["W2"].T + p["b2"], rtol=1e-14)


def test_weights_are_a_mean_and_a_twice_given_row_is_a_weight_of_two(net):
    p = net.initial(0)
    X, Y = np.array([[1.0, 2.0], [0.0, -1.0]]), np.array([[1.0, 0.0], [0.5, 0.5]])
    twice = net.cost(p, X[[0, 0, 1]], Y[[0, 0, 1]])
    assert net.cost(p, X, Y, [2.0, 1.0]) == pytest.approx(twice, rel=1e-14)
    assert net.cost(p, X, Y, [4, 2]) == pytest.approx(twice, rel=1e-14)


def test_the_gradient_lies_in_one_flat_buffer_in_the_graphs_order(net):
    g = net.gradient(net.initial(0), [[1.0, 2.0]], [[0.0, 1.0]])
    assert list(g) == ["W1", "b1", "W2", "b2"]
    assert np.array_equal(g.flat, np.concatenate([a.ravel() for a in g.values()]))
    g["W1"][0, 0] = 99.0
    assert g.flat[0] == 99.0


def test_a_flat_buffer_of_another_size_is_no_parameters(net):
    with pytest.raises(ShapeError, match=r"of shape \(17,\) for this network, got shape \(5,\)"):
        cp.Parameters(net.graph, np.zeros(5))


def test_nothing_given_is_changed(net):
    p = {name: w.copy() for name, w in net.initial(0).items()}
    before = {name: w.copy() for name, w in p.items()}
    X, Y, w = np.ones((3, 2)), np.zeros((3, 2)), np.ones(3)
    for array in (X, Y, w, *p.values()):
        array.setflags(write=False)
    net.gradient(p, X, Y, w)
    assert all(np.array_equal(p[name], before[name]) for name in p)


def test_lists_views_and_other_number_types_mean_the_same(net):
    p = net.initial(0)
    X, Y = np.arange(8.0).reshape(4, 2) / 4, np.eye(2)[[0, 1, 1, 0]]
    wide = np.zeros((4, 6))
    wide[:, ::3] = X
    want = net.cost(p, X, Y)
    for same in (X.tolist(), wide[:, ::3], np.asfortranarray(X), X.astype(">f8")):
        assert net.cost(p, same, Y) == want
    assert net.cost(p, X.astype(np.float32), Y.astype(np.int8)) == want  # quarters are exact


def test_class_targets_may_be_indices_one_hot_or_shares():
    net = Network([2, 3], cost="cross_entropy")
    p, X = net.initial(2), [[1.0, 0.0], [0.0, 1.0]]
    assert net.cost(p, X, [2, 0]) == net.cost(p, X, np.eye(3)[[2, 0]])
    assert net.cost(p, X, np.array([2, 0], dtype=np.uint8)) == net.cost(p, X, [2, 0])
    half = 0.5 * (net.cost(p, X, [2, 0]) + net.cost(p, X, [1, 0]))
    assert net.cost(p, X, [[0, 0.5, 0.5], [1, 0, 0]]) == pytest.approx(half, rel=1e-14)


def test_one_output_takes_a_flat_target():
    net = Network([2, 1])
    p = net.initial(0)
    assert net.cost(p, [[1, 2]], [3.0]) == net.cost(p, [[1, 2]], [[3.0]])


def test_settings_go_to_the_cost_that_has_them():
    x = cp.Input(2)
    net = Network(inputs=x, outputs=[cp.Dense(1)(x), cp.Dense(3)(x)],
                  cost=["huber", "cross_entropy"], limit=2.0, label_smoothing=0.2)  # fmt: skip
    assert [cost.attrs for cost in net.graph.costs] == [{"limit": 2.0}, {"label_smoothing": 0.2}]


# -- what is refused ----------------------------------------------------------------------------
GOOD_X, GOOD_Y = [[1.0, 2.0], [3.0, 4.0]], [[0.0, 1.0], [1.0, 0.0]]

WRONG_X = {
    "one row flat": ([1.0, 2.0], ShapeError, r"the input 'X': expected shape \(m, 2\), got \(2,\)"),
    "too wide": ([[1, 2, 3]], ShapeError, r"expected shape \(m, 2\), got \(1, 3\)"),
    "a number": (3.0, ShapeError, r"got \(\)"),
    "three axes": (np.zeros((1, 2, 1)), ShapeError, r"got \(1, 2, 1\)"),
    "ragged": ([[1, 2], [3]], ShapeError, "X: the rows differ in length"),
    "text": ([["1", "2"]], DataError, "X: expected numbers, got text"),
    "objects": (np.array([[1, None]], dtype=object), DataError, "X: expected numbers, got objects"),
    "bools": ([[True, False]], DataError, "X: expected numbers, got truth values"),
    "complex": ([[1j, 2]], DataError, "X: expected numbers, got complex"),
    "dates": (np.zeros((1, 2), "datetime64[s]"), DataError, "X: expected numbers, got datetime64"),
    "NaN": ([[1, 2], [NAN, 0]], DataError, r"X\[1, 0\] is NaN; fill it in or leave the row out"),
    "infinite": ([[1, INF]], DataError, r"X\[0, 1\] is ∞"),
    "wrong key": ({"Z": [[1, 2]]}, DataError, "X has no place for 'Z'; there are 'X'"),
    "no key": ({}, DataError, "X: 'X' is missing"),
    "none": (None, DataError, "X: expected numbers, got objects"),
}


@pytest.mark.parametrize("what", WRONG_X)
def test_a_wrong_x_is_told_in_one_sentence(net, what):
    X, kind, says = WRONG_X[what]
    with pytest.raises(kind, match=says):
        net.forward(net.initial(0), X)
    with pytest.raises(kind, match=says):
        net.gradient(net.initial(0), X, GOOD_Y)


WRONG_Y = {
    "flat": ([0.0, 1.0], ShapeError, r"Y: expected shape \(m, 2\), got \(2,\)"),
    "too few rows": (
        [[0, 1]],
        ShapeError,
        r"the target 'y': expected shape \(2, 2\), got \(1, 2\)",
    ),
    "text": ([["a", "b"]] * 2, DataError, "Y: expected numbers, got text"),
    "NaN": ([[0, NAN], [1, 2]], DataError, r"Y\[0, 1\] is NaN"),
    "bools": ([[True, False]] * 2, DataError, "Y: expected numbers, got truth values"),
    "wrong key": ({"a2": GOOD_Y}, DataError, "Y has no place for 'a2'; there are 'a3'"),
}


@pytest.mark.parametrize("what", WRONG_Y)
def test_a_wrong_y_is_told_in_one_sentence(net, what):
    Y, kind, says = WRONG_Y[what]
    with pytest.raises(kind, match=says):
        net.cost(net.initial(0), GOOD_X, Y)


@pytest.mark.parametrize(
    ("cost", "Y", "says"),
    [
        ("cross_entropy", [0, 3], "Y has the class 3; the output has the classes 0 to 2"),
        ("cross_entropy", [-1, 0], "Y has the class -1"),
        ("cross_entropy", [0.0, 1.0], "classes must be whole numbers from 0"),
        ("cross_entropy", [[0.5, 0.4, 0.0], [1, 0, 0]], "each row must sum to 1"),
        ("cross_entropy", [[1.5, -0.5, 0.0], [1, 0, 0]], "needs values from 0 to 1, got 1.5"),
        ("cross_entropy", [[0], [1]], r"expected shape \(m, 3\), or \(m,\) for classes"),
        ("binary_cross_entropy", [[0, 1, 2], [0, 0, 0]], "needs values from 0 to 1, got 2"),
        ("poisson", [[0, 1, -2], [0, 0, 0]], "poisson cost needs 0 or more, got -2"),
    ],
)
def test_a_target_that_the_cost_is_not_defined_for_is_refused(cost, Y, says):
    net = Network([2, 3], cost=cost)
    with pytest.raises(ClearPropError, match=says):
        net.cost(net.initial(0), GOOD_X, Y)


@pytest.mark.parametrize(
    ("weights", "says"),
    [
        ([1.0, -1.0], "the sample weight of row 1 is -1; weights are finite, 0 or more"),
        ([NAN, 1.0], "the sample weight of row 0 is NaN"),
        ([INF, 1.0], "the sample weight of row 0 is ∞"),
        ([1e308, 1e308], "sum to infinity"),
        ([0.0, 0.0], "the sample weights sum to 0"),
        ([1.0], r"the sample weights: expected shape \(2,\), got \(1,\)"),
        ([[1.0, 1.0]], r"expected shape \(2,\), got \(1, 2\)"),
        (["a", "b"], "sample_weight: expected numbers, got text"),
        ([True, False], "sample_weight: expected numbers, got truth values"),
    ],
)
def test_wrong_weights_are_told_with_their_row(net, weights, says):
    with pytest.raises(ClearPropError, match=says):
        net.cost(net.initial(0), GOOD_X, GOOD_Y, weights)


@pytest.mark.parametrize(
    ("index", "says"),
    [
        ([-1], r"expected whole numbers from 0 to 3, got -1"),
        ([0, 4], "expected whole numbers from 0 to 3, got 4"),
        ([1.5], "expected whole numbers from 0 to 3, got 1.5"),
        ([NAN], r"X\[0\] is NaN"),
        ([True], "expected numbers, got truth values"),
        (["red"], "expected numbers, got text"),
        ([[1]], r"expected shape \(m,\), got \(1, 1\)"),
        ([2**62], "expected whole numbers from 0 to 3"),
    ],
)
def test_an_index_out_of_range_is_an_error_and_never_wraps_around(index, says):
    x = cp.Input(levels=4)
    net = Network(inputs=x, outputs=cp.Dense(1)(cp.Embedding(2)(x)))
    with pytest.raises(ClearPropError, match=says):
        net.forward(net.initial(0), index)


def test_an_index_may_come_as_whole_floats():
    x = cp.Input(levels=4)
    net = Network(inputs=x, outputs=cp.Embedding(2)(x))
    p = net.initial(0)
    assert np.array_equal(net.forward(p, [3.0, 0.0]), p["E1"][[3, 0]])


def test_an_empty_batch_has_outputs_but_no_cost(net):
    p = net.initial(0)
    assert net.forward(p, np.zeros((0, 2))).shape == (0, 2)
    with pytest.raises(DataError, match="there are no rows; the cost of an empty batch"):
        net.cost(p, np.zeros((0, 2)), np.zeros((0, 2)))


def test_wrong_parameters_are_named(net):
    p = dict(net.initial(0))
    cases = {
        r"the parameter b1 \(3,\) is missing": {k: v for k, v in p.items() if k != "b1"},
        r"the parameter W1: expected shape \(3, 2\), got \(2, 3\)": p | {"W1": p["W1"].T},
        "the parameter W1: expected numbers, got text": p | {"W1": [["a"]]},
        "give the parameters as a mapping": net.initial(0).flat,
    }
    for says, wrong in cases.items():
        with pytest.raises(ClearPropError, match=says):
            net.forward(wrong, GOOD_X)


def test_several_inputs_and_outputs_are_asked_for_by_name():
    a, b = cp.Input(2, name="left"), cp.Input(1)
    h = concat(a, b)
    net = Network(inputs=[a, b], outputs=[cp.Dense(1)(h), cp.Dense(1)(h)])
    p = net.initial(0)
    X = {"left": [[1, 2]], "X2": [[3]]}
    assert set(net.forward(p, X)) == {"a4", "a5"}
    with pytest.raises(DataError, match=r"the inputs \['left', 'X2'\]; give X as a dict"):
        net.forward(p, [[1, 2]])
    with pytest.raises(DataError, match=r"the outputs \['a4', 'a5'\]; give Y as a dict"):
        net.cost(p, X, [[1.0]])
    with pytest.raises(DataError, match="Y: 'a5' is missing"):
        net.cost(p, X, {"a4": [[1.0]]})
    with pytest.raises(DataError, match="X has no place for 'lefft'; did you mean 'left'"):
        net.forward(p, {"lefft": [[1, 2]], "X2": [[3]]})
    with pytest.raises(ShapeError, match=r"the input 'X2': expected shape \(1, 1\), got \(2, 1\)"):
        net.forward(p, {"left": [[1, 2]], "X2": [[3], [4]]})


@pytest.mark.parametrize(
    ("layers", "says"),
    [
        ("2", "a chain is written like 2-3-2"),
        ("2-", "a chain is written like 2-3-2"),
        ("2--3", "a chain is written like 2-3-2"),
        ("٢-٣", "a chain is written like 2-3-2"),
        ("2-0", "whole numbers of 1 or more, got 0"),
        ([2], "a chain is two sizes or more"),
        ([], "a chain is two sizes or more"),
        (7, "a chain is two sizes or more"),
        ([2, 2.5], "whole numbers of 1 or more, got 2.5"),
        ([True, 2], "whole numbers of 1 or more, got True"),
        ([2, -1], "whole numbers of 1 or more, got -1"),
        ([2, 10**12], "at most 2147483647 units, got 1000000000000"),
        ("2-99999999999-2", "at most 2147483647 units, got 99999999999"),
        ("2-" + "9" * 6000, "at most 2147483647 units"),
        ([2, "3"], "whole numbers of 1 or more, got '3'"),
        (None, "give layer sizes such as"),
    ],
)
def test_sizes_that_are_none_are_refused(layers, says):
    with pytest.raises(GraphError, match=says):
        Network(layers)


def test_a_network_is_asked_for_in_one_way():
    x = cp.Input(2)
    with pytest.raises(GraphError, match="give layer sizes, or inputs and outputs, not both"):
        Network([2, 3], inputs=x, outputs=x)
    with pytest.raises(GraphError, match="activation has 1 names for 2 hidden layers; give"):
        Network([2, 3, 4, 1], ["relu"])
    graph = Network([2, 3]).graph
    with pytest.raises(GraphError, match="beside a graph, limit has no meaning"):
        Network(graph=graph, limit=1)


def test_a_network_without_cost_says_so():
    data = Network([2, 3]).graph.to_dict()
    data["costs"] = []
    net = Network(graph=type(Network([2, 3]).graph).from_dict(data))
    assert net.forward(net.initial(0), [[1, 2]]).shape == (1, 3)
    with pytest.raises(GraphError, match="the network has no cost"):
        net.cost(net.initial(0), [[1, 2]], [[1, 2, 3]])


NUMBERS = st.one_of(
    st.integers(-3, 3), st.floats(), st.booleans(), st.none(), st.text(max_size=2), st.just(2**70)
)
NESTED = st.recursive(NUMBERS, lambda inner: st.lists(inner, max_size=3), max_leaves=8)


@pytest.mark.prove
@given(NESTED, NESTED, NESTED)
def test_whatever_is_given_is_computed_or_refused_in_one_sentence(X, Y, weights):
    net = Network([2, 2], cost="cross_entropy")
    try:
        value = net.cost(net.initial(0), X, Y, weights)
    except ClearPropError as error:
        assert 10 < len(str(error)) < 300
    else:
        assert np.isfinite(value)


# -- what it says of itself ---------------------------------------------------------------------
def test_describe_tells_layers_shapes_parameters_and_cost():
    x = cp.Input(5)
    colour = cp.Input(levels=37, name="colour")
    h = concat(cp.Scale()(x), cp.Embedding(4)(colour))
    h = cp.Dense(16, "relu", members=8)(h)
    out = cp.Dense(3, members=8, bias="shared")(cp.Dropout(0.1)(h))
    net = Network(inputs=[x, colour], outputs=out, cost="cross_entropy", l2=1e-4)
    assert (
        net.describe()
        == """\
value  operation           from    shape       parameters
─────  ──────────────────  ──────  ──────────  ──────────────────
a1     input X1                    (m, 5)
a2     index colour of 37          (m)
a3     scale               a1      (m, 5)      s2 5
a4     gather              a2      (m, 4)      E3 37×4
a5     concat              a3, a4  (m, 9)
z6     affine              a5      (K, m, 16)  W5 8×16×9, b5 8×16
a6     relu                z6      (K, m, 16)
a7     dropout             a6      (K, m, 16)
z8     affine              a7      (K, m, 3)   W7 8×3×16, b7 8
a8     softmax             z8      (K, m, 3)
cost: cross_entropy of a8, with its link softmax
penalty: λ/2 Σ W², λ = 0.0001
members: 8
parameters: 1,825"""
    )
    assert max(map(len, net.describe().splitlines())) <= 80


@pytest.mark.prove
def test_describe_fits_a_terminal_for_random_networks():
    for seed in range(count(100, 500)):
        text = random_case(seed).network.describe()
        wide = [line for line in text.splitlines() if len(line) > 80]
        assert not wide, wide


def test_a_network_is_short_to_see():
    assert repr(Network("2-3-2")) == "<Network 2-3-2, 17 parameters>"
    assert repr(Network([4] * 50)) == "<Network 4-4-4-4-4-4-4-4-4-…-4, 980 parameters>"
    assert repr(Network([1, 1]).initial(0)) == "Parameters(W1 (1, 1), b1 (1,))"


@pytest.mark.parametrize("seed", [-1, 2**64, 1.5, True, "1", None])
def test_a_seed_is_a_whole_number(seed):
    with pytest.raises(SettingError, match="seed"):
        Network([2, 2]).initial(seed)


def test_a_slip_in_a_functions_name_is_told_without_a_hidden_layer_too():
    with pytest.raises(GraphError, match="did you mean 'relu'"):
        Network([2, 3], "reluu")
