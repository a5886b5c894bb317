"""The report in the reader's notation, and lines as people write them."""

from __future__ import annotations

import re

import pytest
from checked_files import CHAIN, written

import clearprop as cp
from clearprop.checking import (
    CATALOGUE,
    check_command,
    numpy_template,
)
from clearprop.checking.lines import Lines
from clearprop.cli import main


@pytest.fixture
def net():
    return cp.Network([3, 4, 2], "sigmoid", output="sigmoid", l2=0.1)


@pytest.mark.parametrize(
    ("notation", "right"),
    [
        ("matrix", "δ⁽²⁾ = (W⁽²⁾ᵀ δ⁽³⁾) ⊙ f′(z⁽²⁾)"),
        ("graph", "δ²₄₁ = Δ³₄₁ ⊙ σ′(z²₄₁)"),
        ("delta-rule", "δ⁽²⁾ᵢ = (Σⱼ₌₁² w⁽³⁾ᵢⱼ δ⁽³⁾ⱼ) f′(u⁽²⁾ᵢ)"),
        ("scalar", "∂E/∂H1 = ∂E/∂P1 · f′(H1)"),
        ("index", "δ⁽²⁾ᵢ = (Σⱼ₌₁² w⁽²⁾ⱼᵢ δ⁽³⁾ⱼ) g′(z⁽²⁾ᵢ)"),
    ],
)
def test_the_right_line_is_in_the_readers_notation(tmp_path, net, capsys, notation, right):
    text = numpy_template(net, filled=True).replace("Delta2 * sigmoid_prime(z2)", "Delta2")

    target = written(tmp_path, text)
    assert main(["check", target, *CHAIN, "--notation", notation]) == 3
    shown = capsys.readouterr().out
    assert f"right:   {right}" in shown
    assert "f′" not in shown.split("written:")[1].split("right:")[0]
    assert main(["check", "--template", "numpy", *CHAIN, "--notation", notation]) == 0
    assert "# " in capsys.readouterr().out
    assert main(["check", target, *CHAIN, "--notation", "none"]) in (1, 2)


@pytest.mark.parametrize("notation", ["matrix", "graph", "delta-rule", "scalar", "index"])
def test_every_mistake_is_written_in_every_notation_unlike_the_right_line(notation):
    x = cp.Input(3)
    h = cp.Dense(3, "relu")(x)
    h = h + cp.Dense(3, "tanh")(h)
    twice = cp.Dense(3, "tanh")
    h = cp.concat(cp.Dropout(0.1)(twice(twice(h))), cp.Scale()(x))
    graph = cp.Network(inputs=x, outputs=cp.Dense(2, bias="shared")(h), cost="huber", l2=0.1)
    chain = cp.Network([2, 3, 3], "sigmoid", cost="cross_entropy", l2=0.1)
    ids = set()
    for network in (graph, chain):
        lines = Lines(network.plan, notation)
        for mistake in CATALOGUE.values():
            for edit in mistake.edits(network.plan):
                wrong, right = lines.both(edit.steps[0].id, {s.id: s for s in edit.steps}, 0.5)
                assert wrong and right and wrong != right, (mistake.id, edit.place)
                ids.add(mistake.id)
    assert len(ids) > 55


def test_lines_are_written_as_people_write_them(tmp_path):
    """−(a − y) / m without weights, −w (a − y) with them, no factors of 1 or −1."""
    net = cp.Network([2, 3, 1], "sigmoid")
    text = numpy_template(net, filled=True)
    assert "return np.ones_like(x)" in text
    shown = check_command(written(tmp_path, text.replace("(a3 - y)", "(y - a3)")), net)[0]
    assert "written: Δ3 = −(a3 − y) / m\n" in shown
    assert "right:   Δ3 = (a3 − y) / m\n" in shown
    scale = CATALOGUE["sign-of-delta"].edits(net.plan)
    weighted = [Lines(net.plan, None, True).both(e.steps[0].id, {s.id: s for s in e.steps})
                for e in scale]  # fmt: skip
    assert any("−w (a3 − y)" in wrong for wrong, _ in weighted), weighted
    for mistake in CATALOGUE.values():
        for edit in mistake.edits(net.plan):
            steps = {step.id: step for step in edit.steps}
            for one in Lines(net.plan).both(edit.steps[0].id, steps, 0.5):
                assert "(-1)" not in one and not re.search(r"(=|⊙) 1 [^/]", one), one
