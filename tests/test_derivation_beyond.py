"""Numbers that floating point rounds to 0, 1 or ∞: a right form is not called wrong."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

import clearprop as cp
from clearprop.cli import main
from clearprop.derivation import NOTATIONS
from clearprop.derivation.trees.tree import Minus, Number, Quantity, Times, rebuild


def saturated(z, y, notation="matrix", cost="binary_cross_entropy", **options):
    """z in front of the output's function, whatever comes in."""
    targets = 1 if cost == "binary_cross_entropy" else 2
    network = cp.Network([2, 2, targets], "sigmoid", cost=cost)
    p = network.initial(seed=0)
    p["b2"][0] = z
    return cp.derive(network, notation, p, np.array([[0.5, 0.2]]), np.array([y]), **options)


@pytest.mark.parametrize("notation", NOTATIONS)
@pytest.mark.parametrize("y", [0.0, 0.3, 1.0])
def test_a_saturated_sigmoid_verifies_and_its_steps_of_0_over_0_are_named(notation, y):
    found = saturated(1000.0, [y], notation).verify()
    assert found.passed
    assert set(found.beyond) == {"J", "delta3"} | ({"Delta3"} & set(found.errors_trace))
    assert found.max_error_trace < 1e-10


@pytest.mark.parametrize(("z", "beyond"), [(3.0, ()), (-3.0, ()), (20.0, ("J",))])
def test_digits_that_cancel_are_no_mistake(z, beyond):
    """1 − σ(20) has 8 digits left of 16: log of it is off by more than the limit."""
    found = saturated(z, [0.0]).verify()
    assert (found.passed, found.beyond) == (True, beyond)


def test_a_saturated_softmax_verifies_too():
    for row in (0, 1):
        found = saturated(1000.0, row, cost="cross_entropy").verify()
        assert found.passed
        assert "a3" in found.beyond


def test_a_wrong_step_does_not_verify_at_any_numbers():
    """δ without its f′, and δ with the wrong sign: at z = 1000 both are lost, and found out."""
    d = saturated(1000.0, [0.0], "scalar")
    for change in (lambda one: one.factors[0], Minus):
        steps = []
        for step in d.steps:
            if step.id == "delta3":
                (equation,) = step.equations
                (member,) = equation.members
                assert isinstance(member, Times)
                wrong = replace(equation, members=(change(member),))
                step = replace(step, equations=(wrong,))
            steps.append(step)
        found = replace(d, steps=tuple(steps)).verify()
        assert not found.passed
        assert found.worst == "delta3"


def test_a_wrong_step_that_floating_point_can_tell_is_not_tried_elsewhere():
    d = saturated(1000.0, [0.0])
    wrong = []
    for step in d.steps:
        if step.id == "delta3:link":  # a − y
            (equation,) = step.equations
            turned = rebuild(
                equation.members[0],
                lambda n: Times((Number(2.0), n)) if n == Quantity("a3") else n,
            )
            step = replace(step, equations=(replace(equation, members=(turned,)),))
        wrong.append(step)
    found = replace(d, steps=tuple(wrong)).verify()
    assert not found.passed
    assert found.worst == "delta3:link"
    assert "delta3:link" not in found.beyond


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "At these numbers floating point cannot evaluate (9), (10): what they read is"),
        ("zh", "在这些数值上无法用浮点数计算（9）、（10）：所用的值已被舍入"),
    ],
)
def test_every_page_names_the_steps_at_its_top(language, said):
    d = saturated(1000.0, [0.0], language=language)
    for page in (d.text(width=400), d.to_html(), d.to_latex()):
        assert said in page[:200_000]
        assert page.index(said) < page.index("(1)")
    assert "NOT VERIFY" not in d.text()
    assert d.verify().to_dict()["beyond_floating_point"] == ["J", "delta3"]
    usual = saturated(1.0, [0.0], language=language)
    assert said[:20] not in usual.text(width=400)


def test_what_does_not_verify_is_not_said_to_be_verified_elsewhere():
    d = saturated(1000.0, [0.0])
    vars(d)["_verification"] = replace(d.verify(), errors_trace={"J": 1.0})
    assert "DOES NOT VERIFY" in d.text()
    assert "At smaller numbers" not in d.text()


def test_sympy_has_the_digits_that_a_saturated_sigmoid_needs():
    found = saturated(1000.0, [0.3]).verify(symbolic=True)
    assert found.skipped == ""
    assert found.max_error_symbolic < 1e-15
    assert saturated(1e6, [0.3]).verify(symbolic=True).skipped == "sympy_range"


def test_a_cost_of_infinity_is_said_and_not_taken_for_a_mistake():
    network = cp.Network([1, 1, 1], "exp")
    p = network.initial(seed=0)
    p["b1"][:] = 1000.0
    found = cp.derive(network, "matrix", p, np.array([[0.5]]), np.array([[1.0]])).verify()
    assert found.passed
    assert {"J", "dJ/dW1"} <= set(found.beyond)


def test_the_command_says_it_and_exits_with_0(tmp_path, capsys):
    table = tmp_path / "large.csv"
    table.write_text("a,b,y\n4000,-9000,1\n", "utf-8")
    line = ["derive", "2-1", "--cost", "binary_cross_entropy", "--data", str(table)]
    for format in ("text", "json"):
        assert main([*line, "--verify", "--format", format]) == 0
        said = capsys.readouterr().out
        if format == "text":
            assert "floating point cannot evaluate" in " ".join(said.split())
            assert "at smaller numbers), against the trace" in " ".join(said.split())
        else:
            given = json.loads(said, parse_constant=lambda name: pytest.fail(name))
            assert given["verified"] is True
            assert given["beyond_floating_point"]
