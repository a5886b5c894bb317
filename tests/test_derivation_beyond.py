"""Numbers that floating point rounds to 0, 1 or ∞: a right form is not called wrong."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

import clearprop as cp
from clearprop.cli import main
from clearprop.derivation import NOTATIONS
from clearprop.derivation.trees.beyond import Nudged
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


def test_sympy_has_nothing_to_compare_with_where_a_gradient_overflows():
    network = cp.Network([2, 3, 2], "identity", output="identity", cost="squared_error")
    d = cp.derive(network, "matrix", network.initial(seed=0), [[1e160, 1e160]], [[0.0, 1.0]])
    found = d.verify(symbolic=True)
    assert "J" in found.beyond
    assert (found.passed, found.skipped, found.errors_symbolic) == (True, "sympy_range", {})


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
        ("zh", "在这些数值上无法用浮点数计算 (9)、(10)：所用的值已被舍入"),
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


def tower(layers, seed=0, notation="matrix", **settings):
    """e to the power of e to the power of …: each layer through exp."""
    network = cp.Network([2] + [3] * layers + [2], "exp")
    rng = np.random.default_rng(seed)
    p = {name: rng.normal(0, 0.6, w.shape).round(2) for name, w in network.initial(0).items()}
    X, Y = np.array([[0.9, -0.4]]), np.array([[0.5, 0.1]])
    return cp.derive(network, notation, p, X, Y, **settings)


def test_a_tower_too_steep_for_one_step_of_differences_verifies():
    d = tower(6)
    assert 1e60 < d.numbers.trace.cost < np.inf
    found = d.verify()
    assert found.passed and found.beyond == ()
    assert 0 < found.max_error_differences < 1e-6


def test_a_wrong_gradient_of_a_tower_does_not_verify():
    d = tower(6)
    steps = tuple(
        replace(step, equations=tuple(
            replace(one, members=tuple(Times((Number(1.00001), m)) for m in one.members))
            for one in step.equations)) if step.id == "dJ/dW3" else step
        for step in d.steps
    )  # fmt: skip
    found = replace(d, steps=steps).verify()
    assert not found.passed and found.worst == "dJ/dW3"
    assert found.errors_differences["dJ/dW3"] == pytest.approx(1e-5, rel=0.05)


@pytest.mark.parametrize("notation", NOTATIONS)
def test_a_tower_that_overflows_says_so_at_its_top_and_verifies_at_smaller_numbers(notation):
    d = tower(7, notation=notation)
    assert np.isinf(d.numbers.trace["a8"]).any() and np.isfinite(d.numbers.trace["z8"]).all()
    found = d.verify()
    assert found.passed
    assert {"a8", "J", "dJ/dW1"} <= set(found.beyond) and "a7" not in found.beyond
    said = " ".join(d.text(width=200).split())
    first = f"the computation overflows at ({d.step('a8').number}): "
    assert said.index(first) < said.index("(1) ")
    assert "overflows" not in tower(6, notation=notation).text()


def test_a_tower_that_overflows_exits_with_0_and_says_it_in_chinese_too(capsys):
    line = ["derive", "2-3-3-3-3-2", "--activation", "exp", "--verify"]
    assert main(line) == 0
    assert "overflows at (13)" in " ".join(capsys.readouterr().out.split())
    assert main([*line, "--language", "zh"]) == 0
    assert "计算在(13)处溢出" in "".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("notation", ["matrix", "index"])
def test_the_largest_paths_of_a_weight_that_overflow_are_verified_at_numbers_of_their_own(notation):
    d = tower(7, notation=notation, weight="W1[1,1]")
    found = d.verify()
    assert found.passed
    assert {"dJ/dW1", "dJ/dW1:paths"} <= set(found.beyond)
    assert np.isnan(d.ways.found.total)


@pytest.mark.parametrize("notation", NOTATIONS)
@pytest.mark.parametrize("weight", [None, "W1[1,1]"])
def test_data_near_the_largest_number_are_no_mistake_of_the_derivation(notation, weight):
    network = cp.Network([2, 3, 2], output="sigmoid")
    p = network.initial(seed=0)
    for X, Y, first in (
        ([[0.5, 0.2]], [[1e308, -1e308]], "J"),
        ([[1.5e308, -1.5e308]], [[0.3, 0.2]], "z2"),
    ):
        d = cp.derive(network, notation, p, X, Y, weight)
        found = d.verify()
        assert found.passed and found.beyond
        ours = [
            (step, one) for step in d.steps for one in step.equations
            if isinstance(one.left, Quantity) and one.left.sym == first
        ]  # fmt: skip
        values = ((step, d.shown(one)) for step, one in ours)
        there = [s for s, found in values if found is not None and not np.isfinite(found).all()]
        where = f"({there[0].number})" if there else d.names.name(first)
        said = d.text()
        assert "NOT VERIFY" not in said
        assert f"the computation overflows at {where}: " in " ".join(said.split())
        assert not there or "overflow: beyond 1.8 × 10³⁰⁸" in " ".join(said.split())
        assert "textbook form" not in said
        assert max(map(len, said.splitlines())) <= 80


def test_counts_near_the_largest_number_verify_too():
    network = cp.Network([2, 3, 1], cost="poisson")
    d = cp.derive(network, "matrix", network.initial(0), [[0.5, 0.2]], [[1e308]])
    assert d.verify().passed


class Given:
    """One number, a quotient of differences, rounded by so much."""

    def array(self, sym):
        return np.array([2.0, -4.0, 0.0])

    def axes(self, sym):
        return False, False

    def ratio(self, top, bottom, bound):
        return 5.0

    def rounding(self, top, bottom, bound):
        return 0.25


def test_a_nudge_rounds_every_number_once_up_or_down():
    found = {Nudged(Given(), seed).ratio(None, None, {}) for seed in range(20)}
    assert found == {4.75, 5.25}
    arrays = np.array([Nudged(Given(), seed).array("z2") for seed in range(20)])
    assert set(arrays[:, 0]) == {2.0 - 2.0**-51, 2.0 + 2.0**-51}
    assert set(arrays[:, 1]) == {-4.0 - 2.0**-50, -4.0 + 2.0**-50}
    assert set(arrays[:, 2]) == {0.0}
