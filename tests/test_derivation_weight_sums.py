"""One weight of a large network: layers with sums, the largest paths, the rest; all of it true."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace

import numpy as np
import pytest
from conftest import count
from random_networks import random_case, redrawn
from test_derivation import NETWORKS, data

import clearprop as cp
from clearprop.backprop import Path, Paths, plan
from clearprop.cli import main
from clearprop.derivation import NOTATIONS
from clearprop.derivation.notations.names import Names
from clearprop.derivation.printers.layouts import TEXT
from clearprop.derivation.steps.author import Author
from clearprop.derivation.trees import tree
from clearprop.derivation.trees.evaluating import value
from clearprop.derivation.weight import alone
from clearprop.derivation.weight.largest import Ways, _at
from clearprop.errors import SettingError
from clearprop.expressions import Sym, walk
from clearprop.optimizers import SGD
from clearprop.words import width

WIDE = "20-40-30-5"


def wide(notation="matrix", name="W2[3,5]", m=1, **settings):
    network = cp.Network(WIDE, "tanh", **settings)
    return network, cp.derive(network, notation, *data(network, m), weight=name)


def lines(derivation, id):
    printer = derivation.printer(TEXT)
    return [
        " = ".join(map(printer.render, (one.left, *one.members)))
        for one in derivation.step(id).equations
    ]


def test_a_delta_whose_slopes_cancelled_says_so_and_no_other_does():
    def reasons(**settings):
        return {one.id: one.why.key for one in wide(**settings)[1].steps if one.kind == "backward"}

    assert reasons(cost="cross_entropy") == {"delta4": "shortcut_why", "delta3": "delta_why"}
    apart = reasons(cost="squared_error", output="sigmoid")
    assert apart["delta3"] == "delta_why"
    assert "shortcut_why" not in apart.values()


def test_the_command_shows_as_many_paths_as_it_is_asked_for(capsys):
    line = ["derive", WIDE, "--activation", "tanh", "--weight", "W1[1,1]", "--json"]
    for more, shown in (([], 8), (["--shown", "1"], 1), (["--shown", "12"], 12)):
        assert main([*line, *more]) == 0
        assert len(json.loads(capsys.readouterr().out)["paths"]["largest"]) == shown


def test_paths_without_bounds_are_null_in_the_data_and_their_rest_has_no_sum():
    for products in ((np.inf, -np.inf), (np.nan, 1.0), (1e308, -1e308)):
        two = tuple(Path((("J", 0),), product) for product in products)
        found = Ways(Paths(3, 1.5e308, two), "W1").to_dict()
        json.dumps(found, allow_nan=False)
        known = [x if math.isfinite(x) else None for x in products]
        assert [path["product"] for path in found["largest"]] == known
        assert (found["sum"], found["others"]["count"]) == (1.5e308, 1)
    found = Ways(Paths(3, 1.5e308, (Path((), -1e308),)), "W1").to_dict()
    assert found["others"]["sum"] is None  # 2.5e308 is no number


def test_a_weight_whose_numbers_overflow_is_derived_and_its_json_is_json(capsys):
    line = ["derive", "20-40-30-30-30-5", "--activation", "exp", "--output", "exp"]
    assert main([*line, "--weight", "W1[1,1]", "--json"]) == 0
    text = capsys.readouterr().out
    found = json.loads(text, parse_constant=lambda sign: pytest.fail(f"{sign} is no JSON"))
    assert found["paths"]["sum"] is None and found["beyond_floating_point"]


def by_hand(network, p, X, Y):
    """Products of W1[1,1] in a chain with tanh and a squared error: one a pair of units."""
    t = network.trace(p, X, Y)
    slope2, slope3 = 1 - t["a2"][0] ** 2, 1 - t["a3"][0] ** 2
    error = t["a4"][0] - Y[0]
    return {
        (j, k): error[k] * p["W3"][k, j] * slope3[j] * p["W2"][j, 0] * slope2[0] * X[0, 0]
        for j in range(len(slope3))
        for k in range(len(error))
    }


def test_the_largest_products_are_those_of_all_paths_written_out_by_hand():
    network = cp.Network(WIDE, "tanh")
    p, X, Y = data(network, 1)
    d = cp.derive(network, "matrix", p, X, Y, weight="W1[1,1]", shown=5)
    products = by_hand(network, p, X, Y)
    ranked = sorted(products, key=lambda one: -abs(products[one]))
    found = d.ways.to_dict()
    assert found["count"] == len(products) == 150
    for (j, k), path in zip(ranked, found["largest"], strict=False):
        assert path["product"] == pytest.approx(products[j, k], rel=1e-12)
        assert f"delta3[{j + 1}]" in path["units"]
        assert f"delta4[{k + 1}]" in path["units"]
    assert found["others"]["count"] == 145
    rest = math.fsum(products[one] for one in ranked[5:])
    assert found["others"]["sum"] == pytest.approx(rest, rel=1e-11)
    total = math.fsum(products.values())
    assert total == pytest.approx(network.gradient(p, X, Y)["W1"][0, 0], rel=1e-12)


@pytest.mark.parametrize("weight", ["b1", "W1[1,2]", "W1[2,1]", "W1[3,2]"])
def test_a_path_through_softmax_is_of_the_units_it_goes_through_and_of_no_other(
    weight, monkeypatch
):
    monkeypatch.setattr(alone, "FACTORS", 0)
    x = cp.Input(2)
    h = cp.Activation("softmax")(cp.Dense(3, bias="shared")(x))
    network = cp.Network(inputs=x, outputs=cp.Dense(2)(h))
    p, X, Y = data(network, 1)
    d = cp.derive(network, "matrix", p, X, Y, weight=weight)
    assert d.verify().passed
    trace, starts = network.trace(p, X, Y), [int(weight[3]) - 1] if "W" in weight else range(3)
    a, error = trace["a3"][0], trace["a4"][0] - Y[0]
    x_in = X[0, int(weight[5]) - 1] if "W" in weight else 1.0
    by_hand = [
        x_in * a[j] * ((j == k) - a[k]) * p["W3"][o, k] * error[o]
        for j in starts for k in range(3) for o in range(2)
    ]  # fmt: skip
    sym, _, rest = weight.partition("[")
    place = tuple(int(one) - 1 for one in rest[:-1].split(",")) if rest else ()
    assert math.fsum(by_hand) == pytest.approx(network.gradient(p, X, Y)[sym][place], rel=1e-12)
    paths = d.ways.to_dict()
    assert paths["count"] == len(by_hand)
    *products, _ = d.step(f"dJ/d{sym}:paths").equations
    ranked = sorted(by_hand, key=lambda one: -abs(one))[: len(products)]
    assert [float(d.value(one)) for one in products] == pytest.approx(ranked, rel=1e-12)


def test_a_weight_of_a_large_network_is_itself_differenced():
    network = cp.Network([60, 300, 300, 3], "tanh")  # too large for differences of every entry
    d = cp.derive(network, "matrix", *data(network, 1), weight="W2[137,211]")
    found = d.verify()
    assert found.passed
    assert 1e-15 < found.errors_differences["dJ/dW2"] < 1e-8  # beside itself it would be 0


def test_of_a_huge_number_of_paths_its_first_digits_and_their_count_are_said():
    for widths, others in (
        ([10] * 12, "99,999,999,992"), ([12] * 13, "8.916e12"), ([20] * 11, "1.024e13")
    ):  # fmt: skip
        network = cp.Network([1, *widths, 1], "tanh")
        d = cp.derive(network, "matrix", *data(network, 1), weight="W1[1,1]")
        step = d.step("dJ/dW1:paths")
        assert step.why.values["others"] == others, step.why


def test_what_is_shown_and_the_rest_add_up_to_the_derivative():
    network, d = wide(l2=0.1)
    step = d.step("dJ/dW2:paths")
    *products, together = step.equations
    assert len(products) == 5  # as many outputs, and no others
    gradient = network.gradient(*data(network, 1))["W2"][2, 4]
    assert d.value(together) == pytest.approx(gradient, rel=1e-12)
    penalty = 0.1 * data(network, 1)[0]["W2"][2, 4]
    shown = sum(float(d.value(one)) for one in products)
    assert shown + penalty == pytest.approx(gradient, rel=1e-12)


def test_a_derivative_is_nested_sums_and_each_path_has_its_factors():
    _, d = wide(name="W1[2,7]")
    assert lines(d, "delta4") == ["δ⁽⁴⁾ᵢ = a⁽⁴⁾ᵢ − yᵢ"]
    assert lines(d, "delta3") == ["δ⁽³⁾ᵢ = (Σⱼ₌₁⁵ W⁽³⁾ⱼᵢ δ⁽⁴⁾ⱼ) f′(z⁽³⁾ᵢ)"]
    assert lines(d, "delta2") == ["δ⁽²⁾₂ = (Σⱼ₌₁³⁰ W⁽²⁾ⱼ₂ δ⁽³⁾ⱼ) f′(z⁽²⁾₂)"]
    assert lines(d, "dJ/dW1") == ["∂J/∂W⁽¹⁾₂₇ = δ⁽²⁾₂ a⁽¹⁾₇"]
    (nested,) = d.step("dJ/dW1:sums").equations
    assert d.printer_text(nested.members[-1]) == (
        "(Σⱼ₌₁³⁰ W⁽²⁾ⱼ₂ (Σᵢ₌₁⁵ W⁽³⁾ᵢⱼ (a⁽⁴⁾ᵢ − yᵢ)) f′(z⁽³⁾ⱼ)) f′(z⁽²⁾₂) a⁽¹⁾₇"
    )
    first, *_, together = lines(d, "dJ/dW1:paths")
    units = dict(one.rstrip("]").split("[") for one in d.ways.to_dict()["largest"][0]["units"][:-1])
    j, k = units["delta3"], units["delta4"]
    down = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
    both = f"{k},{j}" if len(j) > 1 else k + j
    source = f"{j},2" if len(j) > 1 else f"{j}2"
    assert first.translate(down) == (
        f"p₁ = W⁽²⁾{source} W⁽³⁾{both} (a⁽⁴⁾{k} − y{k}) f′(z⁽³⁾{j}) f′(z⁽²⁾2) a⁽¹⁾7"
    ).translate(down)
    assert together == "∂J/∂W⁽¹⁾₂₇ = p₁ + p₂ + p₃ + p₄ + p₅ + p₆ + p₇ + p₈ + R"


@pytest.mark.parametrize(("sizes", "shown", "deepest"), [
    ("20-40-5", 2, 1), (WIDE, 3, 2), ("20-40-30-20-5", 2, 3)])  # fmt: skip
def test_three_stages_of_sums_are_all_shown_and_of_more_the_first_and_the_last(
    sizes, shown, deepest
):
    d = cp.derive(cp.Network(sizes, "tanh"), weight="W1[2,7]")
    (nested,) = d.step("dJ/dW1:sums").equations
    said = [d.printer_text(one).removeprefix("(1/m) Σₛ₌₁ᵐ ") for one in nested.members]
    assert len(said) == shown
    assert (said[0].count("Σ"), said[0].count("δ")) == (1, 1)
    assert (said[-1].count("Σ"), said[-1].count("δ")) == (deepest, 0)


def test_a_letter_s_number_stands_wherever_the_letter_stood():
    i, j = tree.Var("i"), tree.Var("j")
    wire = tree.Quantity("a1", (j,), via="2", to=i)
    node = tree.Times((tree.Quantity("W1", (i, tree.Var("i", 1))), wire))
    assert _at(node, "i", 3) == tree.Times((
        tree.Quantity("W1", (3, 4)), tree.Quantity("a1", (j,), via="2", to=3)))  # fmt: skip
    assert _at(wire, "j", 2) == tree.Quantity("a1", (2,), via="2", to=i)
    assert _at(tree.Quantity("a1", (j,)), "i", 2) == tree.Quantity("a1", (j,))


@pytest.mark.parametrize("m", [1, 3])
@pytest.mark.parametrize("notation", NOTATIONS)
@pytest.mark.parametrize("name", NETWORKS)
def test_any_graph_in_any_notation_is_what_is_executed(name, notation, m, monkeypatch):
    monkeypatch.setattr(alone, "FACTORS", 0)  # every network is too large for a page
    network = NETWORKS[name]()
    p, X, Y = data(network, m)
    for sym, entry in {"W1": (1, 0), "b1": (1,)}.items():
        index = entry[: p[sym].ndim]
        asked = f"{sym}[{','.join(str(place + 1) for place in index)}]" if index else sym
        d = cp.derive(network, notation, p, X, Y, weight=asked, row=m)
        found = d.verify()
        assert found.passed, (asked, found.worst)
        assert found.errors_differences[f"dJ/d{sym}"] > 0  # this very entry was differenced
        (derivative,) = d.step(f"dJ/d{sym}").equations
        expected = network.gradient(p, X, Y)[sym][index]
        assert d.value(derivative) == pytest.approx(expected, rel=1e-12)


def test_any_weight_of_random_graphs_is_what_is_executed(monkeypatch, proof):
    """Every kind of parameter; members, several inputs and costs, rows of tables, mixes."""
    monkeypatch.setattr(alone, "FACTORS", 0)
    worst, cases = [0.0, 0.0], 0
    for seed in range(count(6, 200)):
        m = 1 + 2 * (seed % 2)
        case = redrawn(random_case(seed, rows=m), 1e-3)
        notation = list(NOTATIONS)[seed % len(NOTATIONS)]
        r = np.random.default_rng(seed)
        parameters = case.network.graph.parameters
        for sym in map(str, r.choice(list(parameters), min(3, len(parameters)), replace=False)):
            place = [int(r.integers(size)) + 1 for size in parameters[sym].spec.type.shape]
            asked = f"{sym}[{','.join(map(str, place))}]" if place else sym
            d = cp.derive(
                case.network, notation, case.parameters, case.X, case.Y, weight=asked, row=m
            )
            found = d.verify()
            assert found.passed, (seed, notation, asked, found.worst)
            worst = [max(worst[0], found.max_error_trace),
                     max(worst[1], found.max_error_differences)]  # fmt: skip
            cases += 1
    proof("weights of random graphs derived with sums verify", cases,
          trace=worst[0], differences=worst[1])  # fmt: skip


def test_of_a_weight_that_members_share_all_their_paths_are_counted(monkeypatch):
    monkeypatch.setattr(alone, "FACTORS", 0)
    x = cp.Input(3)
    h = cp.Dense(4, "tanh")(x)
    network = cp.Network(inputs=x, outputs=cp.Dense(2, members=3)(h))
    p, X, Y = data(network, 1)
    d = cp.derive(network, "matrix", p, X, Y, weight="W1[2,1]")
    assert d.ways.found.count == 3 * 2
    assert len(d.ways.found.largest) == 2  # those of the first member
    t = network.trace(p, X, Y)
    slope = 1 - t["a2"][0, 1] ** 2
    error = t["a3"][0, 0] - Y[0]  # of the first member; the cost is the members' mean
    own = sorted(error * p["W2"][0, :, 1] / 3 * slope * X[0, 0], key=lambda one: -abs(one))
    assert [path.product for path in d.ways.found.largest] == pytest.approx(own, rel=1e-12)
    assert d.ways.found.total == pytest.approx(t["dJ/dW1"][1, 0], rel=1e-12)
    assert d.verify().passed


def test_of_a_batch_the_paths_are_one_samples_and_add_up_to_its_share():
    network, d = wide(m=4)
    p, X, Y = data(network, 4)
    d = d.at(p, X, Y, row=3)
    alone = network.gradient(p, X[2:3], Y[2:3])["W2"][2, 4]
    assert d.ways.found.total == pytest.approx(alone / 4, rel=1e-12)
    assert lines(d, "dJ/dW2:paths")[-1] == "(1/m) δ⁽³⁾₃ a⁽²⁾₅ = p₁ + p₂ + p₃ + p₄ + p₅"
    assert d.verify().passed


def test_other_numbers_have_other_paths_beside_the_same_steps():
    network, d = wide(name="W1[1,1]")
    p, X, Y = data(network, 1, seed=5)
    again = d.at(p, X, Y)
    assert [step.id for step in again.steps] == [step.id for step in d.steps]
    behind = -2  # the paths, and the weight's own step
    assert again.steps[:behind] == d.steps[:behind]
    assert again.steps[-1] == d.steps[-1]
    products = by_hand(network, p, X, Y)
    assert again.ways.found.largest[0].product == pytest.approx(
        max(products.values(), key=abs), rel=1e-12
    )
    assert again.verify().passed


def test_a_product_that_is_wrong_does_not_verify():
    _, d = wide(name="W1[1,1]")
    step = d.steps[-2]
    first, second, *others = step.equations
    wrong = replace(step, equations=(replace(first, members=second.members), second, *others))
    found = replace(d, steps=(*d.steps[:-2], wrong, d.steps[-1])).verify()
    assert not found.passed
    assert found.worst == "dJ/dW1:paths"


def test_without_numbers_the_structure_is_there():
    network = cp.Network(WIDE, "tanh")
    d = cp.derive(network, "index", weight="W1[1,1]")
    assert [step.id for step in d.steps][-3:] == ["dJ/dW1", "dJ/dW1:sums", "W1:="]
    assert "Σ" in d.text()


def test_more_paths_than_are_multiplied_out_show_the_largest():
    network = cp.Network("3-4-4-4-2", "tanh")
    d = cp.derive(network, "index", *data(network, 1), weight="W1[1,1]", shown=3)
    assert d.ways.found.count == 32
    assert "δ⁽³⁾₁ = " in " ".join(lines(d, "delta3"))  # unit by unit still
    assert len(d.steps[-2].equations) == 4
    assert d.verify().passed


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_command_derives_one_weight_of_a_large_network(language, capsys):
    code = main(["derive", "784-512-512-10", "--weight", "W2[3,5]", "--language", language])
    text = capsys.readouterr().out
    assert code == 0
    assert max(map(width, text.splitlines())) <= 80
    assert "∂J/∂W⁽²⁾₃₅ = (Σⱼ₌₁¹⁰ W⁽³⁾ⱼ₃ δ⁽⁴⁾ⱼ) f′(z⁽³⁾₃) a⁽²⁾₅" in text
    assert "+ p₈ + R" in text
    assert ("路径：10 条" if language == "zh" else "to the cost: 10") in text


def test_its_page_and_its_json_hold_the_paths(tmp_path):
    network = cp.Network("784-512-512-10", "tanh")
    r = np.random.default_rng(0)
    p = network.initial(seed=0)
    d = cp.derive(
        network, "scalar", p, r.normal(size=(1, 784)), r.normal(size=(1, 10)), weight="W1[1,1]"
    )
    assert len(d.to_html().encode()) < 1_000_000
    found = json.loads(d.to_json())
    assert found["verified"]
    paths = found["paths"]
    assert paths["count"] == 5120
    assert len(paths["largest"]) == 8
    sums = [path["product"] for path in paths["largest"]]
    assert sorted(map(abs, sums), reverse=True) == list(map(abs, sums))
    gradient = found["steps"][-2]["equations"][-1]["value"]
    assert math.fsum(sums) + paths["others"]["sum"] == pytest.approx(gradient, rel=1e-9)


def test_only_what_is_small_is_multiplied_out():
    with pytest.raises(SettingError, match="more than 400 equations"):
        wide()[1].expand()


def test_no_path_to_show_is_refused():
    with pytest.raises(SettingError, match="show 1 path or more"):
        cp.derive(cp.Network(WIDE), weight="W1[1,1]", shown=0)


class Given:
    """Numbers for trees: of one sample, of no member."""

    def __init__(self, **arrays):
        self.arrays = arrays

    def array(self, sym):
        return self.arrays[sym]

    def axes(self, sym):
        return (False, False)


W, A = np.arange(1.0, 1201.0).reshape(30, 40) / 600 - 1, np.sin(np.arange(40.0))
I, J = tree.Var("i"), tree.Var("j")
a_j, w_ij = tree.Quantity("a", (J,)), tree.Quantity("W", (I, J))


def over(var, size, *factors):
    body = factors[0] if len(factors) == 1 else tree.Times(factors)
    return tree.Total(var, size, body, tree.Number(float(size)))


@pytest.mark.parametrize(
    ("node", "bound", "expected"),
    [
        (over("i", 30, over("j", 40, w_ij, a_j)), {}, (W @ A).sum()),
        (over("j", 40, w_ij, a_j), {"i": 4}, W[3] @ A),
        # a sum in a sum that reads neither letter, and one that reads the outer letter alone
        (over("i", 30, over("j", 40, tree.Quantity("W", (3, 7)))), {}, 1200 * W[2, 6]),
        (over("i", 30, over("j", 40, tree.Quantity("W", (I, 7)))), {}, 40 * W[:, 6].sum()),
        # the same letter once more inside
        (over("j", 40, a_j, over("j", 40, a_j)), {}, A.sum() ** 2),
        # shifted indices; entries outside stand in the branch that is not taken
        (over("i", 30, tree.Quantity("a", (tree.Var("i", 10),)), over("j", 40, a_j)), {},
         A[10:].sum() * A.sum()),
        (over("i", 30, over("j", 40, tree.Piecewise(
            tree.Place(J), tree.Number(25.0), True, w_ij,
            tree.Quantity("W", (tree.Var("j", -25), I))))), {},
         W[:, :25].sum() + W[:15, :30].sum()),
        (over("i", 30, over("j", 40, tree.Chosen(tree.Number(6.0), J), w_ij)), {}, W[:, 6].sum()),
        (over("j", 40, over("i", 30, tree.Over(tree.Raise(w_ij, tree.Number(2.0)),
                                               tree.Plus((a_j, tree.Number(3.0)))))), {},
         (W**2 / (A + 3)).sum()),
        (over("i", 30, tree.Call("tanh", (over("j", 40, w_ij, a_j),))), {}, np.tanh(W @ A).sum()),
    ],
)  # fmt: skip
def test_a_long_sum_is_what_numpy_gives(node, bound, expected):
    found = value(node, Given(W=W, a=A), bound)
    assert found.shape == ()
    assert found == pytest.approx(expected, rel=1e-12)


def test_vectors_in_a_long_sum_are_added_one_by_one():
    column = tree.Times((tree.Quantity("a", (J,)), tree.Quantity("a")))
    found = value(over("i", 30, over("j", 40, column)), Given(a=A), {})
    assert found == pytest.approx(30 * A.sum() * A, rel=1e-12)


def test_other_numbers_are_those_of_a_derivation_of_their_own():
    network = cp.Network(WIDE, "relu")
    first, second = (network.initial(seed) for seed in (0, 1))
    X, Y = np.linspace(-1, 1, 40).reshape(2, 20), np.linspace(0, 1, 10).reshape(2, 5)
    d = cp.derive(network, "matrix", first, X[:1], Y[:1], weight="W1[3,5]")
    other = d.at(second, X[1:], Y[1:])
    anew = cp.derive(network, "matrix", second, X[1:], Y[1:], weight="W1[3,5]")
    assert other.ways.to_dict() == anew.ways.to_dict() != d.ways.to_dict()
    assert other.text() == anew.text() != d.text()
    assert other.verify().passed


def test_of_other_numbers_only_what_a_step_reads_is_computed():
    network = cp.Network([30, 20, 10], "tanh")
    p, X, Y = network.initial(seed=0), np.ones((1, 30)), np.zeros((1, 10))
    d = cp.derive(network, "matrix", p, X, Y).at(network.initial(seed=1), X, Y)
    assert d.value(d.step("delta2").equations[0]).shape == (20,)
    assert {"z2", "delta3"} <= set(d.numbers.found.known)
    assert not {"dJ/dW1", "dJ/dW2", "penalty"} & set(d.numbers.found.known)


@pytest.mark.parametrize("notation", NOTATIONS)
def test_of_a_batch_the_row_shown_has_its_own_numbers_and_no_other_row_is_computed(notation):
    network = cp.Network([20, 15, 13], "tanh", cost="cross_entropy")
    r = np.random.default_rng(3)
    p, X, Y = network.initial(seed=0), r.normal(size=(9, 20)), r.integers(0, 13, 9)
    d = cp.derive(network, notation, network.initial(seed=1), X, Y).at(p, X, Y, row=4)
    t = network.trace(p, X, Y)
    scale = 9 if d.notation.mean_at == "gradient" else 1
    for sym, factor in {"z2": 1, "a3": 1, "delta3": scale, "delta2": scale}.items():
        shown = [d.value(one) for one in d.step(sym).equations]
        expected = factor * t[sym][3]
        found = shown[0] if np.ndim(shown[0]) else np.array(shown)
        assert found == pytest.approx(expected, rel=1e-12, abs=1e-15), sym
    assert not {"z2", "a3", "delta3", "delta2"} & set(d.numbers.found.known)
    W = d.value(d.step("W1:=").equations[0])
    after = p["W1"] - 0.5 * t["dJ/dW1"]
    if d.names.transposed("W1"):
        after = after.T
    assert W[: after.shape[0], : after.shape[1]] == pytest.approx(after, rel=1e-12, abs=1e-15)
    assert d.verify().passed


def test_what_an_output_adds_to_the_cost_needs_no_gradient():
    network = cp.Network("2-3-2", "sigmoid", output="sigmoid", bias="shared")
    p, X, Y = data(network, 1)
    d = cp.derive(network, "scalar", p, X, Y, weight="V11").at(p, X, Y)
    y, o = Y[0], network.forward(p, X)[0]
    assert d.numbers.array("part:2") == pytest.approx([0.5 * (y[1] - o[1]) ** 2], rel=1e-14)
    assert not any(name.startswith("dJ") for name in d.numbers.found.known)


def test_other_numbers_find_their_largest_paths_when_those_are_asked_for():
    network, rng = cp.Network("20-30-30-4", "relu"), np.random.default_rng(0)
    given = [
        (network.initial(seed), rng.normal(size=(3, 20)), rng.normal(size=(3, 4)))
        for seed in range(2)
    ]
    first, other = (cp.derive(network, "matrix", *one, "W1[3,5]", row=2) for one in given)
    assert first.text() != other.text()
    for again in (first.at(*given[1], 2), first.at(*given[0]).at(*given[1], 2)):
        assert again.step("z2").number == other.step("z2").number
        assert "steps" not in vars(again)  # what has no paths needs none
        assert again.step("dJ/dW1:paths").equations == other.step("dJ/dW1:paths").equations
        assert again.text() == other.text()
    assert first.at(*given[1], 2).ways.to_dict() == other.ways.to_dict()
    told = [replace(one, digits=6).to_json() for one in (first.at(*given[1], 2), other)]
    # Products of three rows and of one are summed otherwise by some processors' BLAS.
    shorter = [re.sub(r"\d+\.\d+", lambda found: f"{float(found[0]):.10g}", one) for one in told]
    assert shorter[0] == shorter[1]
    with pytest.raises(AttributeError, match="'Derivation' object has no attribute 'stepz'"):
        _ = first.at(*given[1], 2).stepz


def test_what_computes_the_cost_is_one_sample_s_or_the_mean_and_the_penalty():
    def names(l2, samples, asked):
        network = cp.Network("2-2", l2=l2)
        both = plan(network.graph, SGD(0.5), fuse=False), plan(network.graph)
        author = Author(*both, Names(NOTATIONS["matrix"], network.graph), samples)
        found = author.expression(asked)
        return {node.name for node in walk(found) if isinstance(node, Sym)}

    assert names(0.0, 1, "J") == names(0.0, 1, "C") == names(0.5, 3, "C") == {"a2", "y"}
    assert names(0.0, 3, "J") == {"w", "C"}
    assert names(0.5, 1, "J") == names(0.5, 3, "J") == {"w", "C", "penalty"}
    assert names(0.5, 3, "penalty") == {"l2", "W1"}
