"""The file that a learner starts from."""

from __future__ import annotations

import re

import numpy as np
import pytest
from checked_cases import Case
from checked_files import written
from conftest import count

import clearprop as cp
from clearprop.checking import (
    AnswerError,
    check_command,
    check_file,
    check_gradient,
    numpy_template,
)
from clearprop.derivation.notations.notation import Notation
from clearprop.errors import UsageError


@pytest.fixture
def net():
    return cp.Network([3, 4, 2], "sigmoid", output="sigmoid", l2=0.1)


def test_the_template_is_a_file_with_blanks(tmp_path, net):
    text, code = check_command(None, net, template="numpy")
    assert code == 0
    assert "delta2 = ..." in text
    (tmp_path / "mine.py").write_text(text, "utf-8")
    with pytest.raises(AnswerError, match="blank"):
        check_file(f"{tmp_path / 'mine.py'}:gradient", net)
    with pytest.raises(UsageError):
        check_command(None, net, template="cobol")
    with pytest.raises(UsageError):
        check_command(None, net)


def test_the_template_of_several_inputs_counts_samples_not_inputs(tmp_path):
    a, b = cp.Input(2), cp.Input(3)
    net = cp.Network(inputs=[a, b], outputs=cp.Dense(1)(cp.Dense(3, "tanh")(cp.concat(a, b))))
    found = check_file(written(tmp_path, numpy_template(net, filled=True)), net)
    assert found.passed, str(found)


@pytest.mark.parametrize(
    ("notation", "gradient", "lines"),
    [
        (None, "dW1 = delta2.T @ a1",
         ["# J = Σ[sample] C / m + penalty", "# C = 0.5 (Σ[unit] (a3 − y)^2)",
                "# penalty = l2 / 2 (Σ[unit] W1 ⊙ W1) + l2 / 2 (Σ[unit] W2 ⊙ W2)", "l2 = 0.1"]),
        ("matrix", "dW1 = delta2.T @ a1", ["# J = (1/m) Σₛ₌₁ᵐ Cₛ + Ω", "# C = ½ ‖a⁽³⁾ − y‖²",
                    "# Ω = (λ/2) ‖W⁽¹⁾‖² + (λ/2) ‖W⁽²⁾‖²", "l2 = 0.1  # λ"]),
        ("delta-rule", "dw2 = delta2.T @ t1",
         ["# E = (1/m) Σₛ₌₁ᵐ Cₛ + Ω", "# C = ½ Σᵢ₌₁² (yᵢ − t⁽³⁾ᵢ)²"]),
        ("scalar", "dV = dH.T @ X", ["# C = ½ · ((Y1 − O1)² + (Y2 − O2)²)"]),
    ],
)  # fmt: skip
def test_the_template_says_the_cost_and_the_penaltys_rate(net, notation, gradient, lines):
    text = numpy_template(net, notation=notation)
    shown = [line.strip() for line in text.splitlines()]
    assert set(lines) <= set(shown), text
    assert max(map(len, text.splitlines())) <= 80
    filled = numpy_template(net, notation=notation, filled=True)
    assert f"{gradient} + l2 * " in filled
    assert "l2 =" not in numpy_template(cp.Network([2, 1]), notation=notation)


@pytest.mark.parametrize("notation", [None, "matrix", "graph", "delta-rule", "scalar", "index"])
def test_the_template_says_a_costs_own_numbers(notation):
    net = cp.Network([2, 3, 1], cost="huber", limit=0.25)
    assert "≤ 0.25" in numpy_template(net, notation=notation).split("# the cost")[1]
    for cost in ("squared_error", "cross_entropy", "poisson"):
        text = numpy_template(cp.Network([2, 30, 9], cost=cost), notation=notation)
        said = text.split("# the cost")[1].split("# backward")[0]
        assert "C = " in said or "cost = " in said, said
        assert len(said.splitlines()) < 20
        assert "z3" not in said and "z⁽³⁾" not in said and "z³" not in said  # of what it is


NAMES = {
    None: "W1 b1 W2 b2 a1 y z2 a2 z3 a3 Delta3 delta3 Delta2 delta2 dW1 db1 dW2 db2",
    "matrix": "W1 b1 W2 b2 a1 y z2 a2 z3 a3 da3 delta3 da2 delta2 dW1 db1 dW2 db2",
    "graph": "Theta1 b1 Theta2 b2 a1 y z2 a2 z3 a3 Delta4 delta3 Delta3 delta2 dTheta1 db1 "
    "dTheta2 db2",
    "delta-rule": "w2 b2 w3 b3 t1 y u2 t2 u3 t3 dt3 delta3 dt2 delta2 dw2 db2 dw3 db3",
    "scalar": "V b1 W b2 H P Q O dO dQ dP dH dV db1 dW db2",
    "index": "w1 b1 w2 b2 a1 y z2 a2 z3 a3 da3 delta3 da2 delta2 dw1 db1 dw2 db2",
}


@pytest.mark.parametrize("notation", NAMES)
def test_the_variables_are_called_as_the_text_calls_them(notation):
    net = cp.Network([2, 3, 2], "sigmoid", output="sigmoid")
    text = numpy_template(net, notation=notation)
    made = re.findall(r"^    (\w+) =", text.split("def gradient")[1], re.MULTILINE)
    assert made == ["m", *NAMES[notation].split()]


def filled_in(blank: str, right: str) -> str:
    """The blanks of a file filled in with the lines of a right one: nothing else is changed."""
    lines = dict(line.strip().split(" = ", 1) for line in right.splitlines() if " = " in line)
    return re.sub(r"(\w+) = \.\.\.$", lambda found: f"{found[1]} = {lines[found[1]]}", blank,
                  flags=re.MULTILINE)  # fmt: skip


@pytest.mark.parametrize("notation", NAMES)
def test_a_file_is_right_as_soon_as_its_blanks_are_filled_in(notation):
    """For networks of every kind, in every notation; the names clash with nothing."""
    for seed in range(count(12, 200)):
        case = Case.random(np.random.default_rng([21, seed]), wired=seed % 3 > 0)
        weights = "sample_weight" in case.more
        blank, right = (
            numpy_template(case.network, filled=filled, weights=weights, notation=notation)
            for filled in (False, True)
        )
        names: dict = {}
        source = filled_in(blank, right)
        assert "..." not in source
        exec(source, names)
        found = check_gradient(case.network, case.parameters, case.X, case.Y, names["gradient"],
                               notation=notation, **case.more)  # fmt: skip
        assert found.passed, (seed, source, str(found))
        made = re.findall(r"^    (\w+) =", blank.split("def gradient")[1], re.MULTILINE)
        assert len(made) == len(set(made)), made


def test_letters_that_python_cannot_have_keep_our_names():
    """A keyword, a sign, a letter twice, a name that the file needs itself."""
    net = cp.Network([2, 3, 2], "tanh", l2=0.1)
    mine = Notation("mine", symbols={"W": "Ж", "z": "np", "a": "λ", "b": "и", "delta": "X",
                                     "l2": "μ"}, script="l")  # fmt: skip
    text = numpy_template(net, filled=True, notation=mine)
    names: dict = {}
    exec(text, names)
    X, Y = np.array([[0.5, -1.0]]), np.array([[0.0, 1.0]])
    assert check_gradient(net, net.initial(seed=0), X, Y, names["gradient"]).passed
    assert "W1 = parameters['W1']  # Ж¹" in text
    assert "b1 = parameters['b1']  # и¹" in text


def test_a_report_calls_parameters_as_the_file_does():
    net = cp.Network([2, 3, 2], "tanh")
    p, X, Y = net.initial(seed=0), np.array([[0.5, -1.0]]), np.array([[0.0, 1.0]])
    g = net.gradient(p, X, Y)
    turned = {**g, "W1": g["W1"] * 0}
    for notation, called in (("scalar", "W1, V"), ("delta-rule", "W1, w⁽²⁾"), (None, "W1")):
        found = check_gradient(net, p, X, Y, turned, notation=notation)
        assert f"it starts at {called} (layer 2)" in str(found)
        assert f"\n{called:<9}  WRONG" in str(found)
        assert f"never computed: {called} (layer 2)" in " ".join(str(found).split())
        assert f"<code>{called}</code>" in found.to_html()
