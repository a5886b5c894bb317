"""SymPy's own differentiation of the printed cost gives the gradients that are derived."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import pytest
from test_derivation import NETWORKS, data

import clearprop as cp
from clearprop.cli import main
from clearprop.derivation import NOTATIONS

SMALL = ["shared bias", "softmax", "tied"]


@pytest.mark.prove
@pytest.mark.parametrize("notation", NOTATIONS)
@pytest.mark.parametrize("name", SMALL)
def test_sympy_differentiates_the_printed_cost_to_the_same_gradient(name, notation, full):
    if not full and (SMALL.index(name) + list(NOTATIONS).index(notation)) % 4:
        pytest.skip("one in four in `make test`, all in `make prove`")
    network = NETWORKS[name]()
    found = cp.derive(network, notation, *data(network, 1)).verify(symbolic=True)
    assert found.passed
    assert set(found.errors_symbolic) == set(network.graph.parameters)
    assert found.max_error_symbolic <= 1e-12


def test_a_gradient_that_sympy_does_not_find_does_not_verify():
    network = NETWORKS["shared bias"]()
    d = cp.derive(network, "index", *data(network, 1))
    arrays = dict(d.numbers.trace.arrays)
    arrays["dJ/dW1"] = arrays["dJ/dW1"] * (1 + 1e-6)
    trace = replace(d.numbers.trace, arrays=arrays)
    numbers = type(d.numbers)(d.names, d.numbers.plan, trace, 0.5)
    found = replace(d, numbers=numbers).verify(symbolic=True)
    assert 1e-10 < found.errors_symbolic["W1"] < 1e-5
    assert found.errors_symbolic["W2"] < 1e-14
    assert not found.passed


def test_the_error_of_a_large_gradient_is_a_share_of_it():
    network = cp.Network("2-3-2", "tanh", output="identity", cost="squared_error")
    parameters, X, Y = data(network, 1)
    d = cp.derive(network, "index", parameters, X, Y * 1e6)
    arrays = dict(d.numbers.trace.arrays)
    arrays["dJ/dW2"] = arrays["dJ/dW2"] * (1 + 1e-7)
    assert abs(arrays["dJ/dW2"]).min() > 500
    trace = replace(d.numbers.trace, arrays=arrays)
    found = replace(d, numbers=type(d.numbers)(d.names, d.numbers.plan, trace, 0.5))
    assert found.verify(symbolic=True).errors_symbolic["W2"] == pytest.approx(1e-7, rel=1e-3)


def test_what_is_large_or_a_batch_is_left_to_differences():
    network = NETWORKS["shared bias"]()
    assert (
        cp.derive(network, "index", *data(network, 7)).verify(symbolic=True).errors_symbolic == {}
    )
    network = cp.Network("9-9-2", "tanh")
    found = cp.derive(network, "index", *data(network, 1)).verify(symbolic=True)
    assert found.max_error_symbolic is None
    assert found.passed


def test_sympy_is_loaded_only_when_it_is_asked_for():
    code = (
        "import sys; from clearprop.cli import main; main(['derive', '2-3-2', *sys.argv[1:]]);"
        "print('sympy' in sys.modules)"
    )
    for option, loaded in (("--json", "False"), ("--verify", "True")):
        run = [sys.executable, "-c", code, option]
        said = subprocess.run(run, capture_output=True, text=True, check=True).stdout
        assert said.strip().splitlines()[-1] == loaded, option


def test_what_sympy_does_not_take_is_said(capsys):
    for line, said in (
        ("derive 2-2-2 --verify", "SymPy's differentiation"),
        ("derive 6-6-6 --verify", "SymPy skipped: more than 60 parameters"),
        ("derive 2-3-3-3-3-2 --verify", "SymPy skipped: the cost, written out, is too long"),
    ):
        assert main(line.split()) == 0
        assert said in " ".join(capsys.readouterr().out.split())


def test_every_page_says_what_sympy_did_or_why_not(capsys):
    for network, said in (("2-2-1", "printed cost to"), ("6-6-6", "SymPy skipped: more than 60")):
        for format in ("text", "html", "latex"):
            assert main(["derive", network, "--verify", "--format", format]) == 0
            page = " ".join(capsys.readouterr().out.split())
            assert said in page and "verified: every step" in page, format
            assert main(["derive", network, "--format", format]) == 0
            assert "verified: every" not in capsys.readouterr().out
        assert main(["derive", network, "--verify", "--json"]) == 0
        data = json.loads(capsys.readouterr().out)
        assert (data["max_error_symbolic"] is None) is data["symbolic_skipped"].startswith("SymPy")


@pytest.mark.parametrize(
    ("spec", "activation", "taken"),
    [("4-5-3", "sigmoid", True), ("4-5-3", "tanh", True), ("3-3-3-2", "sigmoid", True),
     ("2-3-2", "gelu", True), ("4-5-3", "gelu", False), ("2-3-3-3-2", "sigmoid", False)],
)  # fmt: skip
def test_the_symbolic_part_is_left_out_where_it_would_take_seconds(spec, activation, taken):
    cost = "cross_entropy" if spec == "4-5-3" else "squared_error"
    network = cp.Network(spec, activation, cost=cost)
    found = cp.derive(network, "index", *data(network, 1)).verify(symbolic=True)
    assert (found.skipped, found.max_error_symbolic is None) == (
        ("", False) if taken else ("sympy_work", True)
    )
