"""What is given stands on the page before it is used, and words carry the text's own letters."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

import clearprop as cp
from clearprop.derivation import Notation
from clearprop.derivation.command.calls import random_numbers
from clearprop.derivation.rosetta.table import rosetta
from clearprop.errors import DataError, SettingError

WHOLE = ["matrix", "graph", "delta-rule", "index"]


def case(rows, sizes=(2, 3, 2), **settings):
    network = cp.Network([*sizes], "sigmoid", output="sigmoid", **settings)
    rng = np.random.default_rng(rows)
    given = rng.normal(size=(rows, sizes[0])), rng.normal(size=(rows, sizes[-1]))
    return network, network.initial(seed=rows), *given


def stands_above(d):
    """Names and numbers above the equations that are no updates, in the order of the page."""
    return {
        node.sym: found
        for step in d.steps if step.kind != "update"
        for equation in step.equations
        for node, found in d.before(equation)
    }  # fmt: skip


@pytest.mark.parametrize("rows", [1, 7])
@pytest.mark.parametrize("notation", WHOLE)
def test_parameters_and_targets_stand_above_the_first_equation_that_reads_them(notation, rows):
    network, p, X, Y = case(rows)
    d = cp.derive(network, notation, p, X, Y, row=rows)
    found = stands_above(d)
    for l in (1, 2):
        W, b = p[f"W{l}"], p[f"b{l}"]
        if notation == "graph":  # the constant's column is the bias
            assert np.array_equal(found[f"W{l}+"], np.column_stack([W, b]))
            continue
        assert np.array_equal(found[f"W{l}"], W.T if notation == "delta-rule" else W)
        assert np.array_equal(found[f"b{l}"], b)
    in_line = notation in ("matrix", "graph")  # ½ ‖[…] − [0.42; 0.03]‖² has it in its own line
    assert ("y" in found) == (not in_line)
    if not in_line:
        assert np.array_equal(found["y"], Y[rows - 1])
    other = d.at(p, X, Y + 1.0, row=rows)
    if not in_line:
        assert np.array_equal(stands_above(other)["y"], Y[rows - 1] + 1.0)


def test_numbers_that_stand_in_the_line_are_not_given_above_it():
    network, p, X, Y = case(1, bias="shared")
    assert stands_above(cp.derive(network, "scalar", p, X, Y)) == {}
    assert stands_above(cp.derive(network, "matrix")) == {}


def test_on_the_page_of_one_weight_small_matrices_stand_above_the_lines_that_read_their_entries():
    network, p, X, Y = case(1, bias="shared")
    found = stands_above(cp.derive(network, "scalar", p, X, Y, weight="V11"))
    assert list(found) == ["W1", "W2"]
    assert np.array_equal(found["W1"], p["W1"].T) and np.array_equal(found["W2"], p["W2"].T)
    network, p, X, Y = case(1, (2, 7, 2))  # seven rows would stand with dots
    assert stands_above(cp.derive(network, "matrix", p, X, Y, weight="W1[1,1]")) == {}


def test_the_rate_of_the_penalty_has_its_number_and_the_square_of_a_matrix_its_meaning():
    network, p, X, Y = case(1, l2=0.125)
    for notation in ("matrix", "index", "graph"):
        assert stands_above(cp.derive(network, notation, p, X, Y))["l2"] == 0.125
    page = cp.derive(network, "matrix", p, X, Y).text()
    assert page.count("‖W⁽¹⁾‖² is the sum of the squares of all entries.") == 1
    assert "λ = 0.125" in page


@pytest.mark.parametrize(
    ("notation", "rows", "said"),
    [
        ("matrix", 1, "δ⁽³⁾ is ∂J/∂z⁽³⁾: how the cost changes with what enters the layer."),
        ("matrix", 7, "δ⁽³⁾ is ∂C/∂z⁽³⁾: how the cost changes with what enters the layer."),
        ("graph", 1, "Δ⁴₂₁ is ∂Cost/∂a³₂₁: how the cost changes with what leaves the layer."),
        ("delta-rule", 1, "δ⁽³⁾ᵢ is ∂E/∂u⁽³⁾ᵢ: how the cost changes with what enters the layer."),
        ("delta-rule", 1, "x⁽²⁾ᵢⱼ is t⁽¹⁾ᵢ, on the wire to the unit that reads it."),
    ],
)
def test_letters_of_a_text_are_defined_where_they_first_stand(notation, rows, said):
    page = " ".join(cp.derive(case(1)[0], notation, *case(rows)[1:]).text().split())
    assert page.count(said) == 1


def test_tied_weights_are_given_once():
    x, layer = cp.Input(2), cp.Dense(2, "tanh")
    network = cp.Network(inputs=x, outputs=cp.Dense(1)(layer(layer(x))))
    p, X, Y = random_numbers(network, 0, 1)
    d = cp.derive(network, "index", p, X, Y)
    every = [node.sym for step in d.steps if step.kind != "update"
             for equation in step.equations for node, _ in d.before(equation)]  # fmt: skip
    assert every == [*network.graph.parameters, "y"]


def test_data_have_what_is_given_by_its_name():
    network, p, X, Y = case(1)
    steps = json.loads(cp.derive(network, "index", p, X, Y).to_json())["steps"]
    given = [one["given"] for step in steps for one in step["equations"] if "given" in one]
    assert given == [
        {"w⁽¹⁾": p["W1"].tolist(), "b⁽¹⁾": p["b1"].tolist()},
        {"w⁽²⁾": p["W2"].tolist(), "b⁽²⁾": p["b2"].tolist()},
        {"y": Y[0].tolist()},
    ]
    assert "given" not in cp.derive(network, "index").to_json()


# -- what the terms of a sum share stands in front of it ------------------------------------------
def residual(function="sigmoid"):
    x = cp.Input(2)
    inner = cp.Dense(2, "identity")(x)
    neuron = inner + cp.Activation(function)(inner)
    return cp.Network(inputs=x, outputs=cp.Dense(3, "sigmoid")(neuron))


@pytest.mark.parametrize(
    ("notation", "sum_of_paths", "product"),
    [
        ("matrix", "∂J/∂a⁽⁴⁾ + ∂J/∂a⁽³⁾ ⊙ f′(a⁽²⁾)", "∂J/∂a⁽⁴⁾ ⊙ (1 + f′(a⁽²⁾))"),
        ("graph", "Δ⁵₂₁ + Δ⁴₂₁ ⊙ σ′(a²₂₁)", "Δ⁵₂₁ ⊙ (1 + σ′(a²₂₁))"),
        ("index", "∂J/∂a⁽⁴⁾ᵢ + ∂J/∂a⁽³⁾ᵢ g′(a⁽²⁾ᵢ)", "∂J/∂a⁽⁴⁾ᵢ (1 + g′(a⁽²⁾ᵢ))"),
    ],
)
def test_a_residual_neuron_passes_back_one_and_its_slope(notation, sum_of_paths, product):
    network = residual()
    d = cp.derive(network, notation, *random_numbers(network, 0, 1))
    step = d.step("Delta2" if notation == "graph" else "delta2")
    (equation,) = step.equations
    assert [d.printer_text(one) for one in equation.members] == [sum_of_paths, product]
    assert d.verify().passed  # every member of every equation
    if notation != "index":
        assert np.allclose(d.worth(equation), d.numbers.trace["delta2"][0], rtol=1e-12)


def test_paths_over_different_derivatives_share_nothing():
    x = cp.Input(2)
    h = cp.Dense(2, "tanh")(x)
    network = cp.Network(inputs=x, outputs=cp.Dense(1)(h + cp.Dense(2, "tanh")(h)))
    d = cp.derive(network, "graph", *random_numbers(network, 0, 1))
    sums = [one for step in d.steps if step.kind == "backward" for one in step.equations
            if " + " in d.printer_text(one.members[0])]  # fmt: skip
    assert sums and all(len(one.members) == 1 for one in sums)


# -- whole vectors: what is no number is not taken from one, nor divided without a sign -----------
def test_the_general_derivative_of_softmax_takes_no_number_from_a_vector():
    network = cp.Network("4-5-3", "tanh", output="softmax", cost="squared_error")
    p, X, _ = random_numbers(network, 0, 1)
    d = cp.derive(network, "matrix", p, X, np.array([[0.25, 0.5, 0.25]]))
    (equation,) = d.step("delta3").equations
    text = d.printer_text(equation.members[0])
    assert text == "a⁽³⁾ ⊙ ∂J/∂a⁽³⁾ − (a⁽³⁾ᵀ ∂J/∂a⁽³⁾) a⁽³⁾"
    a = d.numbers.trace["a3"][0]
    jacobian = np.diag(a) - np.outer(a, a)
    expected = jacobian @ (a - [0.25, 0.5, 0.25])
    assert np.allclose(d.worth(equation), expected, rtol=1e-12)


def test_a_quotient_of_vectors_has_a_sign_and_says_once_what_it_is():
    network = cp.Network("3-4-2", output="softmax", cost="cross_entropy")
    page = cp.derive(network, "matrix", *random_numbers(network, 0, 1)).text()
    assert page.count("y ⊘ a⁽³⁾") == 2 and page.count("is a quotient entry by entry.") == 1
    chinese = cp.derive(network, "matrix", *random_numbers(network, 0, 1), language="zh")
    assert "y ⊘ a⁽³⁾ 是逐元素相除。" in chinese.text()
    article = cp.derive(network, "matrix").to_latex()
    assert article.count(r"y \oslash a^{(3)}") == 2
    assert "⊘" not in cp.derive(network, "index", *random_numbers(network, 0, 1)).text()


# -- words ----------------------------------------------------------------------------------------
def test_sentences_carry_the_letters_of_the_text():
    mine = Notation("mine", symbols={"delta": "ε"})
    network, p, X, Y = case(1)
    for language in ("en", "zh"):
        page = cp.derive(network, mine, p, X, Y, language=language).text()
        assert "δ" not in page and "ε" in page
        scalar = cp.derive(network, "scalar", p, X, Y, language=language).text()
        assert "δ" not in scalar
    titles = [step.title.speak("en") for step in cp.derive(network, mine).steps]
    assert "ε of the output layer" in titles and "ε of layer 2" in titles
    titles = [step.title.speak("en") for step in cp.derive(network, "scalar").steps]
    assert "∂E/∂Q of the output layer" in titles and "∂E/∂H of layer 2" in titles


def test_what_arrives_is_called_by_the_layer_it_arrives_at():
    d = cp.derive(cp.Network([2, 3, 3, 2], "tanh"), "graph")
    assert d.step("Delta2").title.speak("en") == "What arrives at layer 2"
    assert d.printer_text(d.step("Delta2").equations[0].left) == "Δ³₃₁"


def test_a_notation_of_ones_own_is_no_source(tmp_path):
    text = 'base = "graph"\n[symbols]\ndelta = "ε"\n'
    (tmp_path / "mine.toml").write_text(text, "utf-8-sig")  # as a Windows editor saves it
    page = cp.derive(cp.Network("2-3-2"), str(tmp_path / "mine.toml")).text()
    assert "notation: mine · 17 parameters" in page and "S1" not in page


def test_a_bias_that_is_a_column_is_that_columns_entry_in_the_rosetta_table():
    network, p, X, Y = case(1, bias="shared")
    rows = rosetta(network, p, X, Y, "en").rows
    found = {row["symbol"]: row for row in rows}
    assert found["b1"]["names"]["graph"] == "Θ¹₁₃" and found["b1"]["value"] == p["b1"]
    assert found["dJ/db2"]["names"]["graph"] == "Σ Θ′²ᵢ₄"
    a = 1 / (1 + np.exp(-(p["W1"] @ X[0] + p["b1"])))
    out = 1 / (1 + np.exp(-(p["W2"] @ a + p["b2"])))
    delta = (out - Y[0]) * out * (1 - out)  # the bias's row of Θ′ is δ
    assert found["dJ/db2"]["value"] == pytest.approx(delta.sum(), rel=1e-12)
    own, *given = case(1)
    rows = rosetta(own, *given, "en").rows
    assert {row["symbol"]: row for row in rows}["dJ/db1"]["names"]["graph"] == "Θ′¹₁₃"


@pytest.mark.parametrize("notation", ["matrix", "graph", "index"])
def test_a_mean_over_members_divides_by_their_letter(notation):
    x = cp.Input(2)
    members = cp.Dense(2, "tanh", members=3)(x)
    network = cp.Network(inputs=x, outputs=cp.Dense(1)(members), l2=0.25)
    d = cp.derive(network, notation, *random_numbers(network, 0, 2))
    text = d.printer_text(d.step("J").equations[0].members[0])
    assert "(1/K)" in text and "1/3" not in d.text()
    assert d.verify().passed


def test_no_bracket_of_an_article_holds_lines_like_a_vector():
    network, p, X, Y = case(1, bias="shared")
    page = cp.derive(network, "scalar", p, X, Y, weight="V11").to_latex()
    assert r"\left(\begin{aligned}" not in page and r"&\quad {}- " in page


# -- refusals -------------------------------------------------------------------------------------
def test_what_is_no_equation_no_row_and_no_name_is_refused():
    network, p, X, Y = case(2)
    d = cp.derive(network, "matrix", p, X, Y)
    for ask in (d.shown, d.given, lambda one: list(d.before(one))):
        with pytest.raises(SettingError, match="is no equation"):
            ask("z2")
    with pytest.raises(SettingError, match="has no step"):
        d.step([])
    with pytest.raises(DataError, match="for a batch of 1, X has 2"):
        cp.derive(network).at(p, X, Y)
    with pytest.raises(SettingError, match=r"'z2' is no equation; .* d\.step\('delta2'\)"):
        d.value("z2")
    with pytest.raises(DataError, match="no row True"):
        cp.derive(network, "matrix", p, X, Y, row=True)
    with pytest.raises(SettingError, match="the weight's name is empty"):
        cp.derive(network, "matrix", weight=" ")


# -- one weight -----------------------------------------------------------------------------------
def test_a_path_through_softmax_is_one_product_for_each_output():
    network = cp.Network("3-2-3", "sigmoid", output="softmax", cost="squared_error")
    p, X, _ = random_numbers(network, 0, 1)
    d = cp.derive(network, "matrix", p, X, [[0.25, 0.5, 0.25]], weight="W2[1,1]")
    step = next(one for one in d.steps if one.id.endswith(":paths"))
    assert step.title.speak("en") == "Paths from W⁽²⁾₁₁ to the cost: 3"
    first, *others = step.equations[0].members[0].terms
    assert d.printer_text(first) == "a⁽³⁾₁ (1 − a⁽³⁾₁) (a⁽³⁾₁ − y₁) a⁽²⁾₁" and len(others) == 2
    gradient = network.gradient(p, X, [[0.25, 0.5, 0.25]])["W2"][0, 0]
    assert d.worth(step.equations[0]) == pytest.approx(gradient, rel=1e-12)
    assert d.verify().passed


def test_numbers_put_in_have_a_dot_between_them():
    network, p, X, Y = case(1)
    page = cp.derive(network, "matrix", p, X, Y, weight="W1[1,1]").text()
    assert "f′(" in page and re.search(r"\) −?\d", page) is None


def test_a_number_put_in_for_softmax_is_a_number_times_a_vector():
    network = cp.Network("2-2-2", "sigmoid", output="softmax", cost="squared_error")
    p, X, _ = random_numbers(network, 0, 1)
    page = cp.derive(network, "matrix", p, X, [[0.25, 0.75]]).to_latex()
    (line,) = (one for one in page.splitlines() if r" - \left({\begin{pmatrix}" in one)
    front, back = line.split(r" - \left({")  # a ⊙ Δ, and (aᵀ Δ) a with the numbers of both
    a, delta = front.removeprefix("&= ").split(r" \odot ")
    assert back.startswith(rf"{a}}}^{{\mathsf{{T}}}} \, {delta}\right) \, {a} = ")


def test_the_factors_of_one_weight_say_what_they_are_read_from():
    network, p, X, Y = case(1, bias="shared")
    d = cp.derive(network, "scalar", p, X, Y, weight="V11")
    numbers = {one.id: one.number for one in d.steps}
    uses = {one.number: tuple(numbers[use] for use in one.uses) for one in d.steps}
    assert uses[12] == (8,) and uses[13] == (6, 8) and uses[14] == (5,)
    assert uses[28] == (5,)  # P1, in the sum that is put in; W12 is read before its step


def test_a_general_step_is_read_from_what_all_its_layers_are_read_from():
    d = cp.derive(cp.Network([2, 3, 2], "tanh"), "matrix")
    general = d.step("dJ/dW1[l]")
    assert set(general.uses) >= {"delta2", "delta3", "a1"}
    places = {one.id: one.number for one in d.steps}
    assert all(places[use] < general.number for use in general.uses)


@pytest.mark.parametrize("notation", ["matrix", "graph", "delta-rule", "index"])
@pytest.mark.parametrize("shape", [(2, 3, 2), (40, 30, 20)])
def test_the_page_of_one_weight_has_its_cost_and_its_step(notation, shape):
    network, p, X, Y = case(1, shape)
    d = cp.derive(network, notation, p, X, Y, weight="W1[2,1]")
    assert d.step("J").kind == "cost" and d.steps[-1].id == "W1:="
    cost = 0.5 * np.square(network.forward(p, X)[0] - Y[0]).sum()
    assert d.value(d.step("J").equations[0]) == pytest.approx(cost, rel=1e-12)
    after = p["W1"][1, 0] - 0.5 * network.gradient(p, X, Y)["W1"][1, 0]
    assert d.value(d.steps[-1].equations[0]) == pytest.approx(after, rel=1e-12)
    assert [step.number for step in d.steps] == list(range(1, len(d.steps) + 1))
    assert d.verify().passed
