"""One weight alone: S3's equations in their order, and the paths of any weight of any graph."""

from __future__ import annotations

import pytest
from test_derivation import NETWORKS, data

import clearprop as cp
from clearprop.backprop import paths
from clearprop.cli import main
from clearprop.derivation import NOTATIONS
from clearprop.derivation.printers.layouts import TEXT
from clearprop.words import width

#: The left-hand sides of the text's equations (1) to (35), read off the text.
S3 = [
    "E", "f(x)", "f′(x)", "H1", "P1", "Q1", "Q2", "O1", "O2", "E", "∂E/∂W11", "∂E/∂O1",
    "∂O1/∂Q1", "∂Q1/∂W11", "W11", "∂E/∂V11", "∂E/∂V11", "E1", "E2", "∂E1/∂P1", "∂E1/∂O1",
    "∂O1/∂Q1", "∂Q1/∂P1", "∂E1/∂P1", "∂E2/∂P1", "∂E2/∂O2", "∂O2/∂Q2", "∂Q2/∂P1", "∂E2/∂P1",
    "∂P1/∂V11", "∂P1/∂H1", "∂H1/∂V11", "∂P1/∂V11", "V11", "∂E/∂V11",
]  # fmt: skip


def scalar(weight="V11", seed=1):
    network = NETWORKS["shared bias"]()
    return cp.derive(network, "scalar", *data(network, 1, seed), weight=weight)


def test_the_equations_of_s3_come_in_its_order_with_its_numbers():
    d = scalar()
    assert [step.number for step in d.steps] == list(range(1, 36))
    lefts = [d.printer(TEXT).render(step.equations[0].left) for step in d.steps]
    assert lefts == S3


@pytest.mark.parametrize("language", ["en", "zh"])
def test_each_step_has_a_title_of_its_own(language):
    for weight in ("V11", "V23", "W32"):
        network = NETWORKS["shared bias"]()
        d = cp.derive(network, "scalar", *data(network, 1), weight=weight, language=language)
        titles = [step.title.speak(language) for step in d.steps]
        assert len(set(titles)) == len(titles)
    first = [step.title.speak("en") for step in scalar().steps]
    assert first[5:7] == ["Input of layer 3: Q1", "Input of layer 3: Q2"]
    assert first[21] == "The factor ∂O1/∂Q1 of ∂E1/∂P1"


def test_each_equation_of_a_chain_says_which_it_is_put_together_from():
    d = scalar()
    numbers = {step.id: step.number for step in d.steps}
    found = {step.number: [numbers[one] for one in step.uses] for step in d.steps}
    read = {11: [12, 13, 14], 16: [20, 25, 30], 17: [20, 25, 30], 30: [31, 32], 34: [35],
            35: [17, 24, 29, 33]}  # fmt: skip
    assert {number: found[number] for number in read} == read


def test_equation_35_is_put_right_and_marked():
    d = scalar()
    last = d.steps[-1]
    printed = d.printer(TEXT).render(last.equations[0].members[0])
    assert printed == (
        "(−W11 · (Y1 − O1) · O1 · (1 − O1) − W12 · (Y2 − O2) · O2 · (1 − O2))"
        " · (X1 · P1 · (1 − P1))"
    )
    (mark,) = last.marked
    assert d.printer(TEXT).render(mark.printed.members[0]) == (
        "(−W11 · (Y1 − O1) · O1 · (1 − O1))"
        " · (−W12 · (Y2 − O2) · O2 · (1 − O2) · (X1 · P1 · (1 − P1)))"
    )
    assert {step.number for step in d.steps if step.marked} == {
        1,
        10,
        12,
        15,
        18,
        19,
        21,
        23,
        24,
        26,
        28,
        35,
    }


def test_equation_35_is_the_gradient():
    network = NETWORKS["shared bias"]()
    p, X, Y = data(network, 1)
    d = cp.derive(network, "scalar", p, X, Y, weight="V11")
    expected = network.gradient(p, X, Y)["W1"][0, 0]
    assert d.value(d.steps[-1].equations[0]) == pytest.approx(expected, rel=1e-13)
    assert d.verify().passed


@pytest.mark.parametrize(
    ("network", "weight"),
    [
        (cp.Network("2-4-2", "tanh", output="sigmoid"), "V12"),
        (cp.Network("2-3-2", "tanh", output="sigmoid", bias="shared"), "V11"),
        (cp.Network("2-3-2", "relu", output="sigmoid", bias="shared"), "V11"),
        (cp.Network("2-3-2", "identity", output="sigmoid", bias="shared"), "V11"),
        (cp.Network("2-3-2", "sigmoid", output="tanh", bias="shared"), "V11"),
        (cp.Network("2-3-2", "sigmoid", output="softsign", bias="shared"), "V11"),
        (cp.Network("2-3-2", "sigmoid", output="identity", bias="shared"), "V11"),
        (cp.Network("2-3-2", "sigmoid", output="sigmoid"), "V11"),
        (cp.Network("2-3-2", "sigmoid", output="sigmoid", bias="none"), "V11"),
        (cp.Network("2-3-2", "sigmoid", output="sigmoid", bias="shared"), "V12"),
        (cp.Network("2-3-2", "sigmoid", output="sigmoid", bias="shared"), "W11"),
        (
            cp.Network(
                "2-3-2", "sigmoid", output="sigmoid", bias="shared", cost="binary_cross_entropy"
            ),
            "V11",
        ),
    ],
)
def test_another_network_is_not_marked_with_the_errors_of_s3(network, weight):
    d = cp.derive(network, "scalar", *data(network, 1), weight=weight)
    assert not any(step.marked for step in d.steps)


@pytest.mark.parametrize("notation", NOTATIONS)
@pytest.mark.parametrize("name", NETWORKS)
def test_a_weight_of_any_graph_is_derived_with_what_it_needs(name, notation):
    network = NETWORKS[name]()
    p, X, Y = data(network, 1)
    d = cp.derive(network, notation, p, X, Y, weight="W1[2,1]")
    assert d.verify().passed
    expected = network.gradient(p, X, Y)["W1"][1, 0]
    last = next(step for step in reversed(d.steps) if step.kind == "weight")
    assert d.value(last.equations[-1]) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("notation", NOTATIONS)
@pytest.mark.parametrize("output", ["sigmoid", "softmax"])
def test_where_cost_and_function_pair_one_weight_has_the_shortcut_too(output, notation):
    cost = {"sigmoid": "binary_cross_entropy", "softmax": "cross_entropy"}[output]
    network = cp.Network("2-3-4-2", "tanh", cost=cost)
    d = cp.derive(network, notation, *data(network, 1), weight="W1[1,1]")
    trace = d.numbers.trace
    short = d.step("delta4:link").equations
    assert len(short) == 2
    for place, equation in enumerate(short):
        error = trace["a4"][0, place] - trace["y"][0, place]
        assert d.value(equation) == pytest.approx(error, rel=1e-12)
        assert "f′" not in d.printer_text(equation.members[-1])
    assert d.verify().passed


@pytest.mark.parametrize("sizes", ["2-3-1", "2-3-2"])
def test_factor_by_factor_the_shortcut_stands_behind_the_factors_it_joins(sizes):
    network = cp.Network(sizes, "sigmoid", cost="binary_cross_entropy", bias="shared")
    d = cp.derive(network, "scalar", *data(network, 1), weight="V11")
    ids = [step.id for step in d.steps]
    for k in range(1, int(sizes[-1]) + 1):
        error = d.numbers.trace["a3"][0, k - 1] - d.numbers.trace["y"][0, k - 1]
        step = d.step(f"delta3:link:{k}")
        assert d.printer_text(step.equations[0].left) == f"∂E/∂Q{k}"
        assert d.value(step.equations[0]) == pytest.approx(error, rel=1e-12)
        slope = f"∂O{k}/∂Q{k}" + ("" if k == 1 else f":{k}")
        assert ids.index(step.id) == ids.index(slope) + 1
    assert d.verify().passed


def test_a_cost_of_one_output_has_no_parts():
    network = cp.Network("2-3-1", "sigmoid", output="sigmoid", bias="shared")
    d = cp.derive(network, "scalar", *data(network, 1), weight="V11")
    printed = d.text()
    assert "parts" not in printed and "E1" not in printed
    assert "∂E/∂P1 = ∂E/∂O1 · ∂O1/∂Q1 · ∂Q1/∂P1" in printed
    found = d.value(d.step("∂E/∂V11:in").equations[0])
    assert found == pytest.approx(d.numbers.trace["dJ/dW1"][0, 0], rel=1e-12)
    assert d.verify().passed


@pytest.mark.parametrize("digits", [3, 4, 17])
def test_a_functions_own_numbers_are_as_short_as_those_beside_them(digits):
    """selu's λ is 1.0507009873554805: whole where the function stands, rounded among numbers."""
    network = cp.Network("2-3-2", "selu", output="sigmoid", bias="shared")
    d = cp.derive(network, "scalar", *data(network, 1), weight="V11", digits=digits)
    equation = d.step("P1").equations[0]
    assert "1.0507009873554805" in d.printer_text(equation.members[-1])
    shown = d.printer(TEXT).render(d.substituted(equation))
    assert f"{{{float(f'{1.0507009873554805:.{digits}g}')} ·" in shown


def test_the_step_of_one_weight_has_its_name_and_not_that_of_the_whole():
    """3 × 3 with the column of biases: Θ¹₃₃ would be another entry."""
    network = NETWORKS["shared bias"]()
    d = cp.derive(network, "graph", *data(network, 1), weight="W1[1,2]")
    assert d.step("dJ/dW1").title.speak("en") == "Gradient of Θ¹₁₂"


@pytest.mark.parametrize("m", [1, 3])
@pytest.mark.parametrize("notation", NOTATIONS)
@pytest.mark.parametrize("sizes", ["2-3-2", "2-9-9-3"])
def test_the_derivative_by_a_bias_is_a_step_of_every_notation(sizes, notation, m):
    """In S1's too, where a bias is one more column of the weights; with few paths and with many."""
    network = cp.Network(sizes, "tanh")
    p, X, Y = data(network, m)
    d = cp.derive(network, notation, p, X, Y, weight="b1[2]")
    assert d.verify().passed
    found = d.value(d.step("dJ/db1").equations[0])
    assert found == pytest.approx(network.gradient(p, X, Y)["b1"][1], rel=1e-12)
    assert "delta2" in d.step("dJ/db1").uses
    assert d.step("dJ/db1").title.speak("en") == f"Gradient of {d.names.name('b1', (1,))}"
    for page in (d.text(), d.to_latex(), d.to_html(), d.to_json()):
        assert page


@pytest.mark.parametrize(
    "cost",
    [
        "squared_error",
        "absolute_error",
        "huber",
        "log_cosh",
        "poisson",
        "binary_cross_entropy",
    ],
)
def test_the_parts_of_any_cost_add_up_to_it(cost):
    output = "exp" if cost == "poisson" else "sigmoid"
    network = cp.Network("2-3-2", "sigmoid", output=output, bias="shared", cost=cost)
    p = data(network, 1)[0]
    d = cp.derive(network, "scalar", p, [[0.4, -0.7]], [[1.0, 0.0]], weight="V11")
    assert d.verify().passed
    parts = [float(d.value(d.step(f"E{k}").equations[0])) for k in (1, 2)]
    assert sum(parts) == pytest.approx(network.cost(p, [[0.4, -0.7]], [[1.0, 0.0]]), rel=1e-12)


def test_the_paths_multiplied_out_are_as_many_as_there_are():
    network = NETWORKS["diamond"]()
    p, X, Y = data(network, 1)
    d = cp.derive(network, "matrix", p, X, Y, weight="W1[1,1]")
    found = paths(network.plan, "W1", network.trace(p, X, Y), (0, 0))
    many = d.step("dJ/dW1:paths").title.values["count"]
    assert many == found.count


@pytest.mark.parametrize(
    ("activation", "z", "slope"),
    [("sigmoid", 24.0, "3.775e−11"), ("relu", 2e-6, "1"), ("relu", -2e-6, "0")],
)
def test_a_factor_is_worth_in_a_product_what_its_own_equation_gives(activation, z, slope):
    """No central difference: that is rounded where f is flat, and astride at a kink."""
    network = cp.Network("2-3-2", activation, output="sigmoid", bias="shared")
    p, X, Y = data(network, 1)
    p["b1"][...] = z - p["W1"][0] @ X[0]
    d = cp.derive(network, "scalar", p, X, Y, weight="V11")
    said = d.printer(TEXT).render(d.substituted(d.step("∂P1/∂V11").equations[0]))
    assert said.split(" · ")[0] == slope
    assert d.value(d.step("∂P1/∂V11").equations[0]) == pytest.approx(
        float(slope.replace("−", "-")) * X[0, 0], rel=1e-3
    )
    assert d.verify().passed


def test_the_command_prints_the_35_equations_and_verifies(capsys):
    code = main(["derive", "2-3-2", "--notation", "scalar", "--weight", "V11", "--verify"])
    text = capsys.readouterr().out
    assert code == 0
    assert "(35) ∂E/∂V11" in text
    assert "✓ verified" in text
    assert max(map(width, text.splitlines())) <= 80
