"""A bias as the weight of a constant input: said where it counts, drawn as a unit of its own."""

from __future__ import annotations

import re

import pytest
from test_derivation import NETWORKS, data

import clearprop as cp
from clearprop.derivation import NOTATIONS
from clearprop.drawing import followed, lay_out

BARRED = {
    "en": "is {full} without its last column, the biases: they are the weights of a constant",
    "zh": "是去掉最后一列（偏置）的 {full}：偏置是常数输入 1 的权重",
}


def strokes(drawing, start):
    return sorted((s.via, s.end) for s in drawing.strokes if s.start[0] == start)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_weight_without_its_column_is_explained_once_where_it_first_stands(language):
    d = cp.derive(cp.Network([2, 3, 3, 2], "tanh"), "graph", language=language)
    text = d.text(width=300)
    said = BARRED[language].format(full="Θˡ")
    assert text.count(said) == 1
    before = text.partition(said)[0]
    assert before.splitlines()[-1].split() == ["Θ̄ˡ"] or before.endswith("Θ̄ˡ ")
    assert "Θ̄" in before.splitlines()[-3]  # the equation above
    assert d.to_html().count(BARRED[language].partition("{full}")[2]) == 1
    assert "\\bar{\\Theta}" in d.to_latex()


def test_what_is_no_column_is_not_explained():
    for notation in set(NOTATIONS) - {"graph"}:
        assert "constant input" not in cp.derive(cp.Network("2-3-2"), notation).text(width=300)
    bare = cp.derive(cp.Network("2-3-2", bias="none"), "graph")
    assert "constant input" not in bare.text(width=300)
    assert "+1" not in bare.to_html().partition("<svg")[2].partition("</svg>")[0]


def test_each_constant_stands_below_its_layer_and_leads_to_every_unit_behind_it():
    drawing = lay_out(cp.Network("2-3-2", "sigmoid").plan, constants=True)
    names = [mark.value for mark in drawing.marks]
    assert names == ["a1", "one:a1", "z2", "a2", "one:a2", "z3", "a3"]
    for value in ("a1", "a2"):
        one = drawing.mark(f"one:{value}")
        above = drawing.mark(value).dots[-1]
        assert (one.sign, one.dots[0].x, one.dots[0].y) == ("+1", above.x, above.y + 58.0)
    assert strokes(drawing, "one:a1") == [("b1", ("z2", unit)) for unit in (1, 2, 3)]
    assert strokes(drawing, "one:a2") == [("b2", ("z3", unit)) for unit in (1, 2)]
    plain = lay_out(cp.Network("2-3-2", "sigmoid").plan)
    assert [m.dots for m in plain.marks] == [
        m.dots for m in drawing.marks if not m.value.startswith("one:")
    ]  # no unit moves
    lowest = max(dot.y for mark in drawing.marks for dot in mark.dots)
    assert drawing.top + drawing.height > lowest + 15.0


def test_a_value_that_two_layers_read_has_one_constant():
    drawing = lay_out(NETWORKS["diamond"]().plan, constants=True)
    ends = {end[0] for _, end in strokes(drawing, "one:a1")}
    assert len(ends) == 2
    assert sum(mark.value == "one:a1" for mark in drawing.marks) == 1


def test_the_wires_of_a_bias_are_lit_from_its_constant_to_the_outputs():
    drawing = lay_out(cp.Network("2-3-2", "sigmoid").plan, constants=True)
    lit = sorted((s.start, s.end) for s in followed(drawing, "b1", (1,)))
    assert (("one:a1", 1), ("z2", 2)) in lit
    assert len(lit) == 6
    shared = lay_out(cp.Network("2-3-2", "sigmoid", bias="shared").plan, constants=True)
    assert len([s for s in followed(shared, "b2", ()) if s.via == "b2"]) == 2


@pytest.mark.parametrize("name", NETWORKS)
def test_pages_of_the_graph_notation_draw_it_and_no_others(name):
    network = NETWORKS[name]()
    for notation in NOTATIONS:
        page = cp.derive(network, notation, *data(network, 1)).to_html()
        drawn = len(re.findall(r'<g id="at-one:\w+" class="value"><circle', page))
        affine = {node.inputs[0] for node in network.graph.nodes if dict(node.params).get("b")}
        assert drawn == (len(affine) if notation == "graph" else 0)
