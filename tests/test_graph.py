"""The network as data: built, checked, named, written as JSON and read back whatever is in it."""

from __future__ import annotations

import copy
import json
from collections import Counter
from pathlib import Path

import autodiff
import numpy as np
import pytest
from conftest import count
from hypothesis import given
from hypothesis import strategies as st
from random_networks import random_case

import clearprop as cp
from clearprop.backprop import plan
from clearprop.errors import ClearPropError, GraphError, SettingError, ShapeError
from clearprop.expressions import Num, Sum, primitive
from clearprop.graph import Graph, Input, concat
from clearprop.network import Network
from clearprop.operations import TABLE, Cost, Function

OURS = {row.name for row in TABLE.rows()}  # before any example registers a row of its own
GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.json"))


def arrays(value):
    if isinstance(value, dict):
        return {key: arrays(item) for key, item in value.items()}
    return None if value is None else np.array(value)


# -- names --------------------------------------------------------------------------------------
def test_a_chain_has_the_names_of_the_textbooks():
    net = Network([2, 3, 2], "sigmoid", output="sigmoid")
    assert list(net.graph.values) == ["a1", "z2", "a2", "z3", "a3"]
    assert list(net.graph.parameters) == ["W1", "b1", "W2", "b2"]
    assert [step.id for step in net.plan.steps] == [
        "z2", "a2", "z3", "a3", "C", "J",
        "Delta3", "delta3", "Delta2", "delta2", "Delta1",
        "dJ/dW1", "dJ/db1", "dJ/dW2", "dJ/db2",
    ]  # fmt: skip


def test_layers_are_numbered_in_the_order_they_were_called():
    x = cp.Input(4)
    h = cp.Dense(3, "relu")(x)
    h = h + cp.Dense(3, "tanh")(h)
    out = cp.Dense(2)(cp.Scale()(h))
    graph = Network(inputs=x, outputs=out).graph
    made = {node.output: (node.op, node.inputs) for node in graph.nodes}
    assert made == {
        "z2": ("affine", ("a1",)), "a2": ("relu", ("z2",)),
        "z3": ("affine", ("a2",)), "a3": ("tanh", ("z3",)),
        "a4": ("add", ("a2", "a3")),
        "a5": ("scale", ("a4",)),
        "z6": ("affine", ("a5",)), "a6": ("identity", ("z6",)),
    }  # fmt: skip
    assert list(graph.parameters) == ["W1", "b1", "W2", "b2", "s4", "W5", "b5"]


def test_a_named_layer_keeps_its_name_and_a_tied_one_its_parameters():
    x = cp.Input(3)
    layer = cp.Dense(3, "tanh", name="core")
    net = Network(inputs=x, outputs=cp.Dense(1)(layer(layer(x))))
    assert list(net.graph.values) == ["a1", "z_core", "a_core", "z_core_2", "a_core_2", "z4", "a4"]
    assert list(net.graph.parameters) == ["W_core", "b_core", "W3", "b3"]
    assert net.graph.parameters["W_core"].users == (0, 2)


def test_tied_uses_add_up_in_the_gradient():
    x = cp.Input(2)
    layer = cp.Dense(2, "tanh")
    tied = Network(inputs=x, outputs=layer(layer(x)))
    apart = Network([2, 2, 2], "tanh", output="tanh")
    p = tied.initial(3)
    X, Y = np.array([[0.3, -0.8], [1.0, 0.2]]), np.zeros((2, 2))
    both = {"W1": p["W1"], "b1": p["b1"], "W2": p["W1"], "b2": p["b1"]}
    g, parts = tied.gradient(p, X, Y), apart.gradient(both, X, Y)
    assert np.allclose(g["W1"], parts["W1"] + parts["W2"], rtol=1e-14)
    assert np.allclose(g["b1"], parts["b1"] + parts["b2"], rtol=1e-14)


def test_an_identity_output_becomes_the_link_and_the_graph_says_so():
    for cost, link in (("cross_entropy", "softmax"), ("binary_cross_entropy", "sigmoid"),
                       ("poisson", "exp")):  # fmt: skip
        implicit = Network([2, 3], cost=cost)
        explicit = Network([2, 3], output=link, cost=cost)
        assert implicit.graph.nodes[-1].op == link
        assert implicit.to_json() == explicit.to_json()


def test_a_link_is_put_behind_what_is_no_function():
    x = cp.Input(2)
    graph = Network(inputs=x, outputs=x + x, cost="binary_cross_entropy").graph
    assert [node.op for node in graph.nodes] == ["add", "sigmoid"]


def test_a_linked_output_may_be_read_further_on():
    x = cp.Input(2)
    first = cp.Dense(3)(x)
    second = cp.Dense(2)(first)
    net = Network(inputs=x, outputs=[first, second], cost=["cross_entropy", "squared_error"])
    assert len(set(net.graph.outputs)) == 2
    data = {net.graph.outputs[0]: np.array([2]), net.graph.outputs[1]: np.zeros((1, 2))}
    p = net.initial(0)
    J, gradient, _ = autodiff.gradients(net, p, np.ones((1, 2)), data)
    assert net.cost(p, np.ones((1, 2)), data) == pytest.approx(J, rel=1e-13)
    assert np.allclose(net.gradient(p, np.ones((1, 2)), data)["W1"], gradient["W1"], rtol=1e-12)


# -- messages -----------------------------------------------------------------------------------
def wrong_networks():
    x = cp.Input(2)
    two_layers_one_name = [cp.Dense(2, name="n"), cp.Dense(2, name="n")]
    tied = cp.Dense(3)
    return {
        "Dense: affine: expected a vector a sample, got (m); put an Embedding":
            lambda: cp.Dense(3)(cp.Input(levels=4)),
        "add: expected values of one width, got 2 and 3; put a Dense": lambda: x + cp.Input(3),
        "add was called on int; call it on an Input or on": lambda: x + 3,
        "Dense was called on list; call it on an Input": lambda: cp.Dense(3)([1, 2]),
        "Embedding: expected an index, got (m, 2); use Input(levels": lambda: cp.Embedding(3)(x),
        "there is no function 'reul'; did you mean 'relu'?": lambda: cp.Dense(3, "reul"),
        "affine.units must be a whole number in [1, ∞), got 0": lambda: cp.Dense(0),
        "affine.bias must be one of": lambda: cp.Dense(2, bias="units"),
        "affine has no setting 'lr_facto'; did you mean 'lr_factor'?":
            lambda: cp.Dense(2, lr_facto=2.0),
        "leaky_relu.slope must be a number in (0, 1], got 2":
            lambda: cp.Dense(2, "leaky_relu", slope=2)(x),
        "Dense: with parametric, elu takes no alpha":
            lambda: cp.Dense(2, "elu", parametric=True, alpha=0.3),
        "mix: softmax is not element-wise": lambda: cp.Activation("softmax", parametric=True)(x),
        "dropout.rate must be a number in [0, 1), got 1": lambda: cp.Dropout(1.0),
        "Input.width must be a whole number in [1, ": lambda: cp.Input(0),
        "Input.levels must be a whole number in [1, ": lambda: cp.Input(levels=2.5),
        "Input: give either a width or levels": lambda: cp.Input(2, levels=3),
        "Input: name must be a text": lambda: cp.Input(2, name=3),
        "a layer's name is letters, digits and _": lambda: cp.Dense(2, name="a b"),
        "at most 100 characters": lambda: cp.Dense(2, name="a" * 101),
        "an input's name must be a text, got '\\ud800'": lambda: Network(
            inputs=(y := cp.Input(1, name="\ud800")), outputs=y),
        "the labels of a2 are texts, got 3": lambda: Network([2, 1], labels={"a2": [3]}),
        "concat: give at least one value": concat,
        "two layers are called 'n'; names must differ":
            lambda: Network(inputs=x, outputs=two_layers_one_name[1](two_layers_one_name[0](x))),
        "the tied parameter W1 has shape (3, 2) at its first use and (3, 3) here":
            lambda: Network(inputs=x, outputs=tied(tied(x))),
        "the outputs depend on an Input that is not among":
            lambda: Network(inputs=x, outputs=cp.Dense(2)(concat(x, cp.Input(2)))),
        "the input number 2 leads to no output":
            lambda: Network(inputs=[x, cp.Input(1)], outputs=cp.Dense(2)(x)),
        "the input number 1 is Dense, not an Input":
            lambda: Network(inputs=cp.Dense(2)(x), outputs=x),
        "two inputs have one name": lambda: Network(
            inputs=[a := cp.Input(1, name="i"), b := cp.Input(1, name="i")], outputs=concat(a, b)),
        "two inputs make the value": lambda: Network(
            inputs=[x, x], outputs=cp.Dense(1)(x)),
        "cross_entropy needs the output function softmax (or identity":
            lambda: Network([2, 3], output="relu", cost="cross_entropy"),
        "there is no cost 'mse'": lambda: Network([2, 3], cost="mse"),
        "Network: cost has 2 names for 1 output; give one each":
            lambda: Network([2, 3], cost=["huber", "huber"]),
        "two outputs have one value": lambda: Network(
            inputs=x, outputs=[o := cp.Dense(1)(x), o], cost="huber"),
        "the output 'a1' is an index; put a layer behind it":
            lambda: Network(inputs=(i := cp.Input(levels=3)), outputs=i),
        "has parameters for 2 members, the network has 3; use one number": lambda: Network(
            inputs=x, outputs=cp.Dense(1, members=3)(cp.Dense(1, members=2)(x))),
        "labels are given for 'a9', which is no value": lambda: Network([2, 1], labels={"a9": []}),
        "there is no initialiser 'he'; there are 'zeros', 'ones'":
            lambda: Network(inputs=x, outputs=cp.Dense(1, initial="he")(x)),
    }  # fmt: skip


@pytest.mark.parametrize("start", wrong_networks())
def test_what_cannot_be_built_is_told_with_its_place_and_the_fix(start):
    with pytest.raises(ClearPropError) as caught:
        wrong_networks()[start]()
    assert start in str(caught.value)


# -- deep ---------------------------------------------------------------------------------------
def test_five_thousand_layers_are_built_planned_run_and_written():
    x = h = cp.Input(2)
    for number in range(5000):
        layer = cp.Dense(2, "tanh")
        h = h + layer(h) if number % 4 == 0 else layer(h)
    net = Network(inputs=x, outputs=cp.Dense(1)(h))
    graph = net.graph
    assert len(graph.parameters) == 2 * 5001
    assert Graph.from_json(graph.to_json()) == graph
    flat = np.full(graph.size, 0.01)
    parameters = cp.Parameters(graph, flat)
    trace = net.trace(parameters, np.ones((2, 2)), np.zeros((2, 1)))
    assert np.isfinite(trace.cost)
    assert len(trace.gradient) == len(graph.parameters)
    assert net.describe().count("\n") > 10_000
    assert len(repr(net)) < 80


# -- a user's rows ------------------------------------------------------------------------------
@pytest.fixture
def own_rows():
    """A function sin² and a cost Σ (a − y)⁴ of a user, taken out again afterwards."""
    function = Function(
        "sine_squared",
        definition=lambda x, attrs: primitive("tanh", x) ** 2,
        slope=lambda x, attrs: 2 * primitive("tanh", x) * (1 - primitive("tanh", x) ** 2),
        value=lambda x, attrs: np.tanh(x) ** 2,
        derivative=lambda x, attrs: 2 * np.tanh(x) * (1 - np.tanh(x) ** 2),
    )
    cost = Cost(
        "fourth_power",
        definition=lambda a, y, attrs: Sum(("unit",), (a - y) ** 4),
        slope=lambda a, y, attrs: Num(4.0) * (a - y) ** 3,
        value=lambda a, y, attrs: ((a - y) ** 4).sum(axis=-1),
    )
    TABLE.register(function)
    TABLE.register(cost)
    yield function, cost
    for row in (function, cost):
        TABLE._rows.pop(row.name)


def test_a_users_rows_work_in_graph_plan_reference_and_json(own_rows, rng):
    net = Network([2, 3, 2], "sine_squared", cost="fourth_power")
    again = Network.from_json(net.to_json())
    p, X, Y = net.initial(5), rng.normal(size=(4, 2)), rng.normal(size=(4, 2))
    p = {name: w + 0.1 for name, w in p.items()}
    h = np.tanh(X @ p["W1"].T + p["b1"]) ** 2
    a = h @ p["W2"].T + p["b2"]
    assert net.cost(p, X, Y) == pytest.approx(((a - Y) ** 4).sum() / 4, rel=1e-13)
    gradient = again.gradient(p, X, Y)
    for name, w in p.items():
        direction = rng.normal(size=w.shape)
        high, low = (again.cost(p | {name: w + s * direction}, X, Y) for s in (1e-5, -1e-5))
        slope = (gradient[name] * direction).sum()
        assert (high - low) / 2e-5 == pytest.approx(slope, rel=1e-6, abs=1e-8)
    assert "sine_squared" in net.describe()
    assert "delta2" in plan(net.graph)


def test_a_file_with_a_row_that_is_not_there_says_so():
    text = Network([2, 3], "tanh").to_json().replace('"affine"', '"afine"')
    with pytest.raises(GraphError, match="no operation 'afine'; did you mean 'affine'"):
        Graph.from_json(text)


# -- JSON ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("file", GOLDEN, ids=lambda file: file.stem)
def test_golden_files_load_for_ever_with_the_cost_they_had(file):
    held = json.loads(file.read_text("utf-8"))
    net = Network.from_json(json.dumps(held["network"]))
    parameters = arrays(held["parameters"])
    got = net.cost(parameters, arrays(held["X"]), arrays(held["Y"]), arrays(held["sample_weight"]))
    assert got == pytest.approx(held["cost"], rel=1e-13)
    assert net.graph.to_dict() == held["network"]


def test_golden_files_hold_every_row():
    entries = [json.loads(file.read_text("utf-8"))["network"] for file in GOLDEN]
    ops = {part["op"] for entry in entries for part in (*entry["nodes"], *entry["costs"])}
    assert ops == OURS


@pytest.mark.prove
def test_random_graphs_come_back_from_json_as_they_were():
    for seed in range(count(100, 1000)):
        graph = random_case(seed).network.graph
        text = graph.to_json()
        assert Graph.from_json(text) == graph
        assert Graph.from_json(text.encode()).to_json() == text


def test_json_holds_every_setting_so_that_a_default_may_change():
    graph = Network([2, 3], "leaky_relu", output="leaky_relu").graph
    for node, entry in zip(graph.nodes, graph.to_dict()["nodes"], strict=True):
        assert set(entry["attrs"]) == {attr.name for attr in node.row.attrs}


BASE = json.loads(random_case(45).network.to_json())
JUNK = [None, True, -1, 0, 1, 2.5, 1e308, 10**30, "", "a1", "z2", "W1", "J", "\ud800", "affine",
        "softmax", "cross_entropy", [], {}, ["a1"], {"a1": ["x"]}, [[]], "1" * 5000]  # fmt: skip


def places(data, path=()):
    yield path
    entries = data.items() if isinstance(data, dict) else enumerate(
        data if isinstance(data, list) else ())  # fmt: skip
    for key, item in entries:
        yield from places(item, (*path, key))


PLACES = [path for path in places(BASE) if path]


def damage(data, path, how, junk):
    """Change one place of the JSON: another value, gone, twice, or under another name."""
    *way, last = path
    at = data
    for key in way:
        at = at[key]
    if how == "replace":
        at[last] = junk
    elif how == "drop":
        del at[last]
    elif how == "double" and isinstance(at, list):
        at.insert(last, copy.deepcopy(at[last]))
    elif how == "rename" and isinstance(at, dict):
        at[str(junk)] = at.pop(last)
    elif how == "reverse" and isinstance(at[last], list):
        at[last].reverse()


@pytest.mark.prove
@given(
    st.lists(
        st.tuples(
            st.integers(0, len(PLACES) - 1),
            st.sampled_from(["replace", "replace", "drop", "double", "rename", "reverse"]),
            st.sampled_from(JUNK),
        ),
        min_size=1,
        max_size=3,
    )
)
def test_an_edited_file_is_read_or_refused_but_never_breaks(changes):
    data = copy.deepcopy(BASE)
    for number, how, junk in changes:
        try:
            damage(data, PLACES[number], how, junk)
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change took this place away
    text = json.dumps(data)
    try:
        net = Network.from_json(text)
    except GraphError as error:
        assert 10 < len(str(error)) < 500
        return
    assert Network.from_json(net.to_json()).to_json() == net.to_json()
    net.to_json().encode("utf-8")
    assert net.describe()
    if net.graph.size < 10_000 and all(v.type.shape < (1000,) for v in net.graph.values.values()):
        assert set(net.initial(0)) == set(net.graph.parameters)
        assert len(net.plan.steps) >= len(net.graph.nodes)


@pytest.mark.prove
def test_every_single_change_of_a_file_is_read_or_refused():
    outcomes = Counter()
    for path in PLACES[:: count(3, 1)]:
        for how, junk in [*(("replace", junk) for junk in JUNK), ("drop", 0), ("double", 0),
                          ("rename", "no such field"), ("reverse", 0)]:  # fmt: skip
            data = copy.deepcopy(BASE)
            damage(data, path, how, junk)
            try:
                Network.from_json(json.dumps(data))
                outcomes["read"] += 1
            except GraphError:
                outcomes["refused"] += 1
    assert outcomes["refused"] > outcomes["read"]


@pytest.mark.prove
@given(st.binary(max_size=200) | st.text(max_size=200))
def test_what_is_no_network_is_refused(text):
    with pytest.raises(GraphError):
        Graph.from_json(text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "the network is no JSON"),
        ("[" * 100_000, "the network is no JSON"),
        ("[1, 2]", "does not describe a ClearProp network"),
        ("{}", "does not describe a ClearProp network"),
        ('{"format": "clearprop-network", "version": 2}', "version 2; this ClearProp reads up to"),
        ('{"format": "clearprop-network", "version": true}', "format version True"),
        ('{"format": "clearprop-network", "version": 1}', "the field 'inputs' is missing"),
    ],
)
def test_a_file_that_is_none_of_ours_is_told_apart(text, says):
    with pytest.raises(GraphError, match=says.replace("(", r"\(")):
        Graph.from_json(text)


def edited(**changes):
    data = Network([2, 3, 2], "tanh").graph.to_dict()
    for path, value in changes.items():
        at = data
        *way, last = [int(key) if key.isdigit() else key for key in path.split("__")]
        for key in way:
            at = at[key]
        at[last] = value
    return data


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"nodes__0__inputs": ["a3"]}, "z2: its input 'a3' is made by no node before it"),
        ({"nodes__2__attrs__units": "3"}, "affine.units must be a whole number"),
        ({"nodes__2__params": {"W": "W1", "b": "b2"}}, "tied parameter W1 has shape"),
        ({"nodes__2__params": {"W": "W2"}}, "affine needs parameters"),
        ({"nodes__1__inputs": ["z2", "z2"]}, "a2: tanh takes 1 inputs, not 2"),
        ({"nodes__1__op": "huber"}, "a2: huber is a cost and makes no value"),
        ({"nodes__1__output": "z2"}, "two nodes make the value 'z2'"),
        ({"nodes__1__output": "J"}, "made by no node before it"),
        ({"outputs": "a3"}, "'outputs' must be a list, got 'a3'"),
        ({"outputs": []}, "a network needs an output"),
        ({"outputs": ["a7"]}, "the output 'a7' is made by no node"),
        ({"l2": -1}, "l2 must be a number in"),
        ({"l2": "0"}, "'l2' must be a number, got '0'"),
        ({"members": 2.0}, "'members' must be a whole number"),
        ({"inputs__0__width": 0}, "inputs[0] is damaged: 'width' must be a whole number from 1"),
        ({"inputs__0__levels": 3}, "give it a width or levels"),
        ({"inputs__0__colour": 3}, "there is no field 'colour'"),
        ({"nodes__0__attrs__units": 10**9, "nodes__2__attrs__units": 10**9}, "no memory holds"),
        ({"costs__0__attrs__limit": 3}, "squared_error has no setting 'limit'"),
        ({"costs__0__value": "a2"}, "compares 'a2', which is no output"),
        ({"labels": {"a3": "yes"}}, "'a3' must be a list"),
    ],
)  # fmt: skip
def test_a_damaged_field_is_named(change, says):
    with pytest.raises(GraphError) as caught:
        Graph.from_json(json.dumps(edited(**change)), "net.json")
    assert says in str(caught.value)


def test_an_index_larger_than_its_table_is_refused_when_built():
    x = cp.Input(levels=5)
    data = Network(inputs=x, outputs=cp.Dense(1)(cp.Embedding(2)(x))).graph.to_dict()
    data["nodes"][0]["attrs"]["levels"] = 3
    with pytest.raises(GraphError, match="a2: has 3 rows, the index 5 levels"):
        Graph.from_dict(data)


def test_labels_travel_with_the_network():
    labels = {"a1": ("age", "height"), "a2": ("yes", "no", "perhaps")}
    net = Network([2, 3], cost="cross_entropy", labels=labels)
    assert Graph.from_json(net.to_json()).labels == labels


def test_names_of_columns_may_be_long_and_of_any_script():
    names = ["收入 (元)", "x" * 5000, "a\nb", "😀", ""]
    for name in names:
        x = cp.Input(levels=2, name=name)
        net = Network(inputs=x, outputs=cp.Embedding(2)(x), labels={"a2": [name, name]})
        assert Network.from_json(net.to_json().encode()).graph == net.graph


def test_graph_errors_are_settings_errors_where_a_setting_is_wrong():
    with pytest.raises(SettingError, match=r"Network\.l2 must be a number in \[0, ∞\), got -1"):
        Network([2, 3], l2=-1)
    with pytest.raises(SettingError, match="Network has no setting 'lambda_'"):
        Network([2, 3], lambda_=1)
    with pytest.raises(SettingError, match="no setting 'activatoin'; did you mean 'activation'"):
        Network([2, 3], activatoin="relu")
    with pytest.raises(ShapeError):
        _ = Input(2) + Input(3)
