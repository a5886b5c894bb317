"""Pages: LaTeX only where it is printed, balanced; HTML self-contained, well-formed, linked."""

from __future__ import annotations

import ast
import itertools
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from test_derivation import NETWORKS, data

import clearprop as cp
from clearprop.derivation import NOTATIONS
from clearprop.drawing import lay_out
from clearprop.drawing.lettering import breadth

ROOM = Path(__file__).parents[1] / "src" / "clearprop" / "derivation"


def pages(method, **given):
    for name, build in NETWORKS.items():
        network = build()
        for notation in NOTATIONS:
            d = cp.derive(network, notation, *data(network, 1), **given)
            yield f"{name} {notation}", getattr(d, method)()


def test_latex_stands_in_the_printers_and_nowhere_else():
    command = re.compile(r"\\[A-Za-z]{2,}")
    printers = set()
    for file in ROOM.rglob("*.py"):
        tree = ast.parse(file.read_text("utf-8"))
        texts = [n.value for n in ast.walk(tree) if isinstance(n, ast.Constant)
                 and isinstance(n.value, str)]  # fmt: skip
        if any(command.search(text) for text in texts):
            printers.add(file.name)
    assert printers == {"latex.py", "article.py", "alphabets.py", "breaking.py"}


def test_latex_is_balanced_and_plain_ascii_in_its_equations():
    for name, text in pages("to_latex"):
        assert text.count(r"\left") == text.count(r"\right") + text.count(r"\leftarrow"), name
        assert text.count("{") - text.count(r"\{") == text.count("}") - text.count(r"\}"), name
        for equations in re.findall(r"\\begin\{align\*\}(.*?)\\end\{align\*\}", text, re.S):
            assert equations.isascii(), (name, equations[:200])
            assert not re.search(r"\\\\\s*$", equations), name


def test_latex_of_the_recursion_is_the_texts():
    d = cp.derive(NETWORKS["shared bias"](), "matrix")
    text = d.to_latex()
    assert (
        r"\delta^{(2)} &= \left({\left(W^{(2)}\right)}^{\mathsf{T}} \, \delta^{(3)}\right)" in text
    )
    assert r"\odot f^{\prime}\left(z^{(2)}\right)" in text


def test_a_page_is_one_well_formed_file_without_scripts_or_requests():
    for name, text in pages("to_html"):
        assert "<script" not in text, name
        addresses = re.findall(r"""(?:href|src)=["']?([^"' >]+)|url\(([^)]{1,30})""", text)
        for href, url in addresses:
            assert (href or url).startswith(("#", "data:")), (name, href, url)
        body = text[text.index("<body>") : text.index("</body>") + 7]
        ET.fromstring(body)


def test_links_lead_to_places_that_are_there():
    for name, text in pages("to_html"):
        ids = re.findall(r' id="([^"]+)"', text)
        assert len(set(ids)) == len(ids), name
        links = set(re.findall(r'href="#([^"]+)"', text))
        assert links <= set(ids), (name, links - set(ids))
        assert any(link.startswith("at-") for link in links), name


def test_the_drawing_has_every_unit_and_both_signs():
    text = cp.derive(NETWORKS["shared bias"](), "graph").to_html()
    drawing = ET.fromstring(text[text.index("<svg") : text.index("</svg>") + 6])
    svg = "{http://www.w3.org/2000/svg}"
    signs = [t.text for t in drawing.iter(f"{svg}text") if t.get("class") == "sign"]
    assert signs.count("⊕") == 5
    assert signs.count("⊙") == 5
    assert signs.count("+1") == 2  # the biases' constant inputs
    assert len(list(drawing.iter(f"{svg}line"))) == 3 * 3 + 3 + 4 * 2 + 2


def test_stacked_values_keep_their_order_and_carry_no_sign():
    a = cp.Input(3)
    both = cp.concat(cp.Dense(4, "tanh")(a), a)
    network = cp.Network(inputs=a, outputs=cp.Dense(1)(both), cost="squared_error")
    drawing = lay_out(network.plan)
    stacked = next(mark for mark in drawing.marks if mark.size == 7)
    assert stacked.sign == ""
    wires = [s for s in drawing.strokes if s.end[0] == stacked.value]
    assert [s.end[1] for s in wires] == [1, 2, 3, 4, 5, 6, 7]
    assert [s.start[1] for s in wires] == [1, 2, 3, 4, 1, 2, 3]
    assert [s.skips for s in wires] == [False] * 4 + [True] * 3
    text = cp.derive(network, "graph").to_html()
    assert text.count("<path class") == 3


def test_a_wire_that_skips_units_passes_outside_all_of_them():
    x = cp.Input(2)
    tall = cp.Dense(2, "relu")(cp.Dense(6, "relu")(x))
    wide = cp.Dense(2, "tanh")(x + tall)
    network = cp.Network(inputs=x, outputs=cp.Dense(2)(cp.concat(wide + x, tall)))
    drawing = lay_out(network.plan)
    dots = [dot for mark in drawing.marks for dot in mark.dots]
    skipping = [s for s in drawing.strokes if s.skips]
    assert len(skipping) == 2 + 2 + 2
    for wire in skipping:
        between = [dot.y for dot in dots if wire.x1 < dot.x < wire.x2]
        # a unit's circle reaches 15 from its middle, its name some 30 above it
        assert wire.lane < min(between) - 30 or wire.lane > max(between) + 15
        assert drawing.top < wire.lane < drawing.top + drawing.height
    for one, other in itertools.combinations(skipping, 2):
        if max(one.x1, other.x1) < min(one.x2, other.x2):
            assert abs(one.lane - other.lane) > 4, (one, other)


def test_no_blank_is_left_around_the_drawing():
    for network in (NETWORKS["shared bias"](), NETWORKS["diamond"]()):
        drawing = lay_out(network.plan)
        inked = [dot.y for mark in drawing.marks for dot in mark.dots]
        inked += [s.lane for s in drawing.strokes if s.skips]
        assert 20 < min(inked) - drawing.top < 50 or min(inked) - drawing.top < 10
        assert drawing.top + drawing.height - max(inked) < 30


@pytest.mark.parametrize(
    ("name", "shown"),
    [("head", "⁽ʰᵉᵃᵈ⁾"), ("first_of_two", "^(first_of_two)"), ("输出", "^(输出)")],
)
@pytest.mark.parametrize("notation", ["matrix", "index"])
def test_names_of_layers_are_no_latex_in_the_drawing_and_neither_meet_nor_are_cut(
    name, shown, notation
):
    x = cp.Input(12)
    out = cp.Dense(1, name=name)(cp.Dense(20, "tanh", name=f"{name}_before")(x))
    d = cp.derive(cp.Network(inputs=x, outputs=out), notation)
    assert shown in d.text()
    assert not re.search("[_^]{", d.text())
    page = d.to_html()
    drawing = ET.fromstring(page[page.index("<svg") : page.index("</svg>") + 6])
    svg = "{http://www.w3.org/2000/svg}"
    words = [t for t in drawing.iter(f"{svg}text") if t.get("class") != "sign"]
    assert any(shown in t.text for t in words)
    assert not any("{" in t.text for t in words)
    _, _, wide, _ = map(float, drawing.get("viewBox").split())
    ends = []
    for text in words:
        x, half = float(text.get("x")), breadth(text.text) / 2
        assert 0 <= x - half < x + half <= wide, text.text
        if not text.text.isdigit():  # a box's size stands below it
            ends.append((x - half, x + half))
    for (_, end), (start, _) in itertools.pairwise(sorted(ends)):
        assert end <= start


def mathematics(derivation):
    text = derivation.to_html()
    return ET.fromstring(text[text.index("<body>") : text.index("</body>") + 7])


def test_the_units_of_a_step_stand_in_one_table_with_a_gap_between_them():
    network = NETWORKS["shared bias"]()
    page = mathematics(cp.derive(network, "scalar", *data(network, 1)))
    steps = [one for one in page.iter("section") if one.get("id") == "step-z2"]
    (table,) = (t for one in steps for t in one.iter("table"))
    rows = list(table)
    assert len(rows) == 3 * 3  # formula, with numbers, number; three units
    assert [i for i, row in enumerate(rows) if row.get("class") == "apart"] == [3, 6]


def test_double_indices_are_letters_like_single_ones():
    network = NETWORKS["shared bias"]()
    scripts = [
        [(one.tag, one.text) for one in list(sub)[1].iter() if one.text]
        for sub in mathematics(cp.derive(network, "index")).iter("msubsup")
    ]
    assert [("mi", "i"), ("mi", "j")] in scripts
    assert not any(tag == "mtext" for script in scripts for tag, _ in script)


def test_where_letters_run_and_which_case_holds_is_said_on_the_page():
    page = mathematics(cp.derive(cp.Network("2-1-1", "relu"), "index"))
    said = {"".join(one.itertext()) for one in page.iter("p") if one.get("class") == "free"}
    assert said == {
        "for every i=1,2",
        "for i=1",
        "for every i=1, j=1,2",
        "for i=1, j=1",
        "for every l=1,2, i=1",
        "for every l=1,2, i=1, j=1,…,Sl",
        "Sl is the number of units of layer l.",
        "δi(3) is ∂J∂zi(3): how the cost changes with what enters the layer.",
    }
    words = [one.text.strip() for one in page.iter("mtext")]
    assert words[:2] == ["if", "else"]


def test_an_index_is_compared_with_what_the_data_hold():
    k = cp.Input(levels=3)
    d = cp.derive(cp.Network(inputs=k, outputs=cp.Dense(1)(cp.Embedding(1)(k))), "scalar",
                  X=np.array([2]), Y=[[0.5]])  # fmt: skip
    (row,) = (step for step in d.steps if step.title.key == "looked_up")
    text = d.printer_text(row.equations[0].members[0])
    assert re.findall(r"= (\d)\]", text) == ["0", "1", "2"]
    assert "[2 = 2]" in d.text()


@pytest.mark.parametrize("notation", NOTATIONS)
@pytest.mark.parametrize("name", NETWORKS)
def test_chinese_pages_say_everything_in_chinese(name, notation):
    network = NETWORKS[name]()
    p, X, Y = data(network, 3)
    whole = cp.derive(network, notation, p, X, Y, language="zh")
    one = cp.derive(network, notation, p, X[:1], Y[:1], "W1[1,1]", language="zh")
    functions = {node.op for node in network.graph.nodes}
    for d in (whole, one):
        letters = set(d.notation.symbols.values())
        for step in d.steps:
            for said in (step.title.speak("zh"), step.why.speak("zh")):
                assert re.search(r"[\u4e00-\u9fff]", said), said
                words = set(re.findall(r"[A-Za-z]{2,}", said))
                assert words <= functions | letters, said
        prose = [line for line in d.text().splitlines()[3:]
                 if re.search(r"[\u4e00-\u9fff]", line) and "原文印作" not in line]  # fmt: skip
        assert len(prose) > 15
        for line in prose:
            words = set(re.findall(r"[A-Za-z]{2,}", re.sub(r"--[a-z]+", "", line)))
            assert words <= functions | letters, line


def test_an_english_article_leaves_out_chinese_titles_alone():
    lines = cp.derive(cp.Network("2-3-2")).to_latex().splitlines()
    assert (
        r"\noindent notation: S0 \ensuremath{\cdot} matrix \ensuremath{\cdot} 17 parameters\par"
        in lines
    )
    assert r"\noindent S0: Joe-Han, 2016\par" in lines
    sources = {name: [] for name in NOTATIONS}
    for name, found in sources.items():
        page = cp.derive(cp.Network("2-3-2"), name).to_latex()
        found += re.findall(r"\\noindent (S\d: .*)\\par", page)
    assert sources == {
        "matrix": ["S0: Joe-Han, 2016"], "graph": [], "delta-rule": ["S2: Cosmo"],
        "scalar": [], "index": ["S4: nowgood, 2018"],
    }  # fmt: skip
    chinese = cp.derive(cp.Network("2-3-2"), language="zh").to_latex()
    assert "矩阵" in chinese


def test_cases_have_their_words_in_the_language_of_the_page():
    network = cp.Network("1-1", output="relu")
    d = cp.derive(network, "matrix", language="zh")
    for page in (d.text(), d.to_latex(), d.to_html()):
        assert "若" in page and "否则" in page
        assert not re.search(r"\b(if|else)\b", page.partition("<body>")[2] or page)
    english = cp.derive(network, "matrix")
    assert "{x if 0 < x, else 0}" in english.text()
    assert "{x 若 0 < x，否则 0}" in d.text()


# -- wires by name ------------------------------------------------------------------------------
def wires(derived):
    """What the drawing says: above wires, above one weight's wire, and where each is pointed at."""
    drawing = derived.to_html().partition("<svg")[2].partition("</svg>")[0]
    above = re.findall(r'<text class="weight"[^>]*>([^<]+)<', drawing)
    own = re.findall(r'<text class="weight own"[^>]*>([^<]+)<', drawing)
    return above, own, re.findall(r"><title>([^<]+)</title></(?:line|path)>", drawing)


@pytest.mark.parametrize(("notation", "above", "first", "last"), [
    ("matrix", ["W⁽¹⁾", "W⁽²⁾"], "W⁽¹⁾₁₁", "W⁽²⁾₂₃"),
    ("scalar", ["V", "W"], "V11", "W32"),
    ("graph", ["Θ¹", "Θ²"], "Θ¹₁₁", "Θ²₂₄"),
])  # fmt: skip
def test_a_parameter_s_name_stands_above_its_wires_and_each_says_which_weight_it_is(
    notation, above, first, last
):
    biases = 5 if notation == "graph" else 0
    found, own, told = wires(cp.derive(cp.Network("2-3-2"), notation))
    assert (set(found), len(found), own) == (set(above), 2, [])
    assert len(told) == len(set(told)) == 2 * 3 + 3 * 2 + biases
    assert (told[0], told[-1]) == (first, last)


def test_the_weight_that_a_page_is_about_is_named_on_its_own_wire():
    found, own, _ = wires(cp.derive(cp.Network("2-3-2"), "scalar", weight="V21"))
    assert (found, own) == (["W"], ["V21"])
    tied = cp.Dense(2, "tanh")
    given = cp.Input(2)
    twice = cp.Network(inputs=given, outputs=tied(tied(given)))
    assert wires(cp.derive(twice, weight="W1[1,2]"))[1] == ["W⁽¹⁾₁₂"] * 2


def test_a_wire_between_boxes_or_from_a_table_says_the_whole_parameter():
    found, _, told = wires(cp.derive(cp.Network([12, 9, 2])))
    assert (set(found), told) == ({"W⁽¹⁾", "W⁽²⁾"}, ["W⁽¹⁾", "W⁽²⁾", "W⁽²⁾"])
    index = cp.Input(levels=4)
    found, _, told = wires(cp.derive(cp.Network(inputs=index, outputs=cp.Embedding(3)(index))))
    assert len(found) == 1 and set(told) == set(found) and len(told) == 3


def test_what_a_page_is_asked_for_is_said_by_name():
    d = cp.derive(cp.Network("2-2"))
    for page in (d.text, d.to_html, d.to_latex, d.to_json):
        with pytest.raises(TypeError, match="positional"):
            page(True)
