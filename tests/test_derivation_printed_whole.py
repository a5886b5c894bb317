"""A page as a whole: its head, its drawing, where links lead, an article's lines and escapes."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from test_derivation_printed_terminal import one_unit

import clearprop as cp
from clearprop.derivation.errata.wrong import ERRATA
from clearprop.derivation.steps.equations import Equation, Mark
from clearprop.derivation.trees.tree import Call, Letter, Number, Plus, Quantity
from clearprop.derivation.verifying.verification import Verification


def bare(page):
    """Return a page without its style, its drawing and its equations (M)."""
    page = re.sub(r"<style>.*?</style>", "S", page, flags=re.S)
    return re.sub(
        r'<svg.*?</svg>|<table class="lines">.*?</table>|<math.*?</math>', "M", page, flags=re.S
    )


PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<link rel="icon" href="data:,">
<title>Back-propagation of 1-1, derived</title>
S
</head>
<body>
<h1>Back-propagation of <span class="whole">1-1</span>, derived</h1>
<div class="about">notation: S0 · <span lang="zh-CN">矩阵</span> matrix · 2 parameters</div>
<div class="about">S0: <span lang="zh-CN">前馈神经网络与反向传播算法（推导过程）</span>, Joe-Han, 2016</div>
<div class="drawing">M</div>
<h2>Functions</h2>
<section class="step" id="step-sigmoid">
<h3><span class="number">(1)</span><a href="#step-sigmoid">The function f = sigmoid</a></h3>
<p class="why">Each unit passes its weighted sum through f; the backward pass needs its slope.</p>
<div class="equations">
M
</div>
</section>
<h2>Forward pass</h2>
<section class="step" id="step-a1"><a class="place" href="#at-a1">↑</a>
<h3><span class="number">(2)</span><a href="#step-a1">The input is layer 1</a></h3>
<p class="why">What comes in is written like any layer&#x27;s output. \
<span class="shape">·\u00a0shape 1 × 1</span></p>
<div class="equations">
M
</div>
</section>
<section class="step" id="step-z2"><a class="place" href="#at-z2">↑</a>
<h3><span class="number">(3)</span><a href="#step-z2">Input of layer 2</a></h3>
<p class="why">Each unit adds up what reaches it, each wire times its weight, and its bias. \
<span class="uses">·\u00a0from\u00a0<a href="#step-a1">(2)</a></span> \
<span class="shape">·\u00a0shape 1 × 1</span></p>
"""  # noqa: E501


def test_a_page_of_one_unit_is_written_as_it_should():
    page = one_unit().to_html()
    assert bare(page).startswith(PAGE)
    assert page.endswith("\n</div>\n</section>\n</body>\n</html>\n")
    assert '<html lang="zh-CN">' in one_unit("zh").to_html()
    assert "<title>1-1 的反向传播算法推导</title>" in one_unit("zh").to_html()
    assert re.findall("<h2>(.*?)</h2>", page) == [
        "Functions", "Forward pass", "Cost", "Back-propagation", "Gradients",
        "Update by gradient descent"]  # fmt: skip


def test_the_equations_of_a_step_stand_in_rows_of_left_sign_right():
    page = one_unit().to_html()
    a1 = (
        "<msup><mi>a</mi><mrow><mo stretchy='false'>(</mo><mn>1</mn>"
        "<mo stretchy='false'>)</mo></mrow></msup>"
    )
    assert (
        '<div class="equations">\n<math display="block"><mtable displaystyle="true">'
        f"<mtr><mtd>{a1}</mtd><mtd><mo>=</mo></mtd><mtd><mi>x</mi></mtd></mtr>"
        "<mtr><mtd></mtd><mtd><mo>=</mo></mtd><mtd><mrow><mo>(</mo><mtable><mtr><mtd>"
        "<mn>0.5</mn></mtd></mtr></mtable><mo>)</mo></mrow></mtd></mtr></mtable></math>\n</div>"
    ) in page
    functions = page.split('id="step-sigmoid"')[1].split("</section>")[0]
    rows = re.findall(r'<m?tr( class="apart")?><', functions)
    assert [bool(apart) for apart in rows] == [False, True, False]
    assert page.count("<mo>←</mo>") == 2  # W and b; what follows is equal
    assert page.count(' class="apart">') == 1


DRAWING = """\
<svg class="network" viewBox="0 18 252 68" role="img" style="max-width:302.4px;min-width:196.56px" \
xmlns="http://www.w3.org/2000/svg"><title>Back-propagation of 1-1, derived</title>\
<line class="wire" x1="45" y1="59" x2="111" y2="59"><title>W⁽¹⁾₁₁</title></line>\
<line class="wire" x1="141" y1="59" x2="207" y2="59"></line>\
<text class="weight" x="78" y="53">W⁽¹⁾</text>\
<g id="at-a1" class="value"><a href="#step-a1"><circle cx="30" cy="59" r="15"/>\
<text class="sign" x="30" y="64"></text><text class="name" x="30" y="38">a⁽¹⁾₁</text></a></g>\
<g id="at-z2" class="value"><a href="#step-z2"><circle cx="126" cy="59" r="15"/>\
<text class="sign" x="126" y="64">⊕</text><text class="name" x="126" y="38">z⁽²⁾₁</text></a></g>\
<g id="at-a2" class="value"><a href="#step-a2"><circle cx="222" cy="59" r="15"/>\
<text class="sign" x="222" y="64">⊙</text><text class="name" x="222" y="38">a⁽²⁾₁</text></a></g>\
</svg>"""
"""Columns 96 apart from 30 on; a row of 58 below 30 has its middle at 59; air 37 above, 23 below,
and 4 beyond; wires from circle to circle, of 15 each; the name of the weights 6 above
the middle of theirs."""


def test_a_drawing_of_one_unit_has_its_units_wires_and_names_in_their_places():
    assert f'<div class="drawing">{DRAWING}</div>' in one_unit().to_html()


def test_a_value_of_many_units_is_one_box_with_its_size_under_its_whole_name():
    page = cp.derive(cp.Network([9, 8])).to_html()
    assert page.count("<rect") == 1
    assert '>9</text><text class="name" x="30" y="' in page
    assert ">a⁽¹⁾</text></a></g>" in page and ">z⁽²⁾₈</text>" in page


def test_an_index_is_drawn_under_its_name_without_a_number():
    k = cp.Input(levels=4)
    d = cp.derive(cp.Network(inputs=k, outputs=cp.Dense(1)(cp.Embedding(3)(k))), "matrix")
    given = d.network.graph.inputs[0].value
    group = re.search(rf'<g id="at-{given}".*?</g>', d.to_html())[0]
    assert re.findall(r'class="name"[^>]*>([^<]*)<', group) == [d.names.name(given)]


# -- links ------------------------------------------------------------------------------------
@pytest.mark.parametrize("notation", ["matrix", "scalar"])
def test_each_step_leads_to_its_place_in_the_drawing(notation):
    d = cp.derive(cp.Network([2, 3, 2], "tanh"), notation)
    found = dict(re.findall(
        r'<section class="step" id="step-([^"]*)">(?:<a class="place" href="#at-(\w+)">↑</a>)?\n',
        d.to_html()))  # fmt: skip
    places = {
        "tanh": "", "a1": "a1", "z2": "z2", "a2": "a2", "z3": "z3", "a3": "a3", "J": "a3",
        "C": "a3", "Delta3": "a3", "delta3": "z3", "Delta2": "a2", "delta2": "z2",
        "dJ-2fdW1": "z2", "dJ-2fdb1": "z2", "dJ-2fdW2": "z3", "dJ-2fdb2": "z3",
        "W1-3a-3d": "z2", "b1-3a-3d": "z2", "W2-3a-3d": "z3", "b2-3a-3d": "z3",
    }  # fmt: skip
    assert len(found) == len(d.steps) > 12
    assert found == {step: places.get(step, "") for step in found}  # general steps: none
    assert all(("5bl" in step) == (step not in places) for step in found)


def test_each_value_of_the_drawing_leads_to_its_own_step_or_to_one_about_it():
    def links(d):
        page = d.to_html()
        return dict(re.findall(r'<g id="at-(\w+)" class="value">(?:<a href="([^"]*)">)?', page))

    d = cp.derive(cp.Network([2, 3, 2], "tanh"), "scalar")
    own = {name: f"#step-{name}" for name in ("z2", "a2", "z3", "a3")}
    assert links(d) == {"a1": "", **own}
    back = [replace(one, uses=(), like="") for one in d.steps if one.kind == "backward"]
    assert links(replace(d, steps=tuple(back))) == {
        "a1": "", "z2": "#step-delta2", "a2": "#step-Delta2", "z3": "#step-delta3",
        "a3": "#step-Delta3"}  # fmt: skip
    costs = [replace(one, uses=()) for one in d.steps if one.kind == "cost"]
    assert links(replace(d, steps=tuple(costs)))["a3"].startswith("#step-")
    assert links(replace(d, steps=tuple(costs)))["z3"] == ""
    grads = [replace(one, uses=(), like="") for one in d.steps if one.kind == "gradient"]
    assert links(replace(d, steps=tuple(grads))) == {
        "a1": "", "z2": "#step-dJ-2fdW1", "a2": "", "z3": "#step-dJ-2fdW2", "a3": ""}  # fmt: skip


def test_a_step_of_a_known_form_leads_to_it_and_to_nothing_else():
    d = cp.derive(cp.Network([2, 3, 3, 2], "tanh"), "scalar")
    assert (
        '<p class="why">The same form as (<a href="#step-a2">3</a>), another layer. <'
        in d.to_html()
    )
    d = cp.derive(cp.Network([2, 3, 3, 2], "tanh"), "scalar", language="zh")
    assert '<p class="why">与 (<a href="#step-a2">3</a>) 同形，只是换了一层。' in d.to_html()
    d = cp.derive(cp.Network([2, 3, 3, 2], "tanh"), "index")
    assert (d.step("z4").like, d.step("z2[l]").number, d.step("z4").layer) == ("z2[l]", 3, 3)
    why = bare(d.to_html()).split('id="step-z4"')[1].split('<p class="why">')[1]
    assert why.startswith('(<a href="#step-z2-5bl-5d">3</a>) with M = 3')


def test_a_step_that_uses_nothing_says_nothing_and_each_number_is_its_own_link():
    d = cp.derive(cp.Network([2, 3, 3, 2], "tanh"), "matrix")
    page = d.to_html()
    for step in d.steps:
        section = page.split(f'<span class="number">({step.number})</span>')[1]
        line = section.split("</p>")[0]
        found = re.findall(r'<a href="#([^"]+)">\((\d+)\)</a>', line)
        assert [int(n) for _, n in found] == [d.step(one).number for one in step.uses]
        assert ('<span class="uses">·\u00a0from\u00a0' in line) == bool(step.uses)
    zh = cp.derive(cp.Network("1-1"), "matrix", language="zh").to_html()
    assert '<span class="uses">·\u00a0由\u00a0<a href="#step-z2">(2)</a>' in zh


def test_an_address_has_letters_digits_and_hyphens_alone():
    d = one_unit()
    step = replace(d.step("z2"), id="∂E/δ1 é", uses=())
    assert '<section class="step" id="step--2202E-2f-3b41-20-e9">' in replace(
        d, steps=(step,), numbers=None).to_html()  # fmt: skip


def test_the_wires_of_a_weight_are_lit_to_the_outputs_and_no_others():
    d = cp.derive(cp.Network([2, 3, 2], "sigmoid"), "scalar", weight="V11")
    lit = re.findall(r'class="wire lit" x1="(\d+)" y1="(\d+)" x2="(\d+)" y2="(\d+)"', d.to_html())
    # columns at 30, 126, …; of three units rows at 59, 117, 175, of two at 88, 146
    assert [tuple(map(int, one)) for one in lit] == [
        (45, 88, 111, 59), (141, 59, 207, 59), (237, 59, 303, 88), (237, 59, 303, 146),
        (333, 88, 399, 88), (333, 146, 399, 146),
    ]  # fmt: skip
    assert 'class="wire lit"' not in cp.derive(cp.Network([2, 3, 2]), "scalar").to_html()


def test_what_a_page_says_is_escaped():
    d = one_unit()
    d.__dict__["title"] = '<b> & "x"'
    page = d.to_html()
    assert "<title>&lt;b&gt; &amp; &quot;x&quot;</title>\n<style>" in page
    assert "<h1>&lt;b&gt; &amp; &quot;x&quot;</h1>" in page and "<b>" not in page
    d = replace(d, seed=0, origin="table", table="<t&.csv>")
    assert '<div class="about">parameters: random, seed 0; X and Y: &lt;t&amp;.csv&gt;</div>' in (
        d.to_html()
    )


def test_a_misprint_of_the_source_is_marked_below_its_step_on_every_page():
    d = one_unit()
    wrong, right = (Equation(Letter(a, (), Number(1.0)), (Number(2.0),)) for a in "ab")
    mark = Mark(replace(ERRATA[0], why="w_1<2"), wrong, right)
    one = replace(d.step("z2"), uses=(), marked=(mark,))
    d = replace(d, steps=(one,), numbers=None)
    (below,) = re.findall(r'</div>\n(<p class="marked">.*</p>)\n</section>', d.to_html(), re.S)
    lines = [re.sub("<.*?>", "", line) for line in below.split('\n<p class="marked">')]
    assert lines == ["⚠ the source prints: a=2", "right: b=2", "w_1&lt;2"]
    assert below.count("<math") == 2
    assert d.text().endswith(
        "\n        ⚠ the source prints: a = 2\n                      right: b = 2\n"
        "          w_1<2\n"
    )
    assert "\033[33m        ⚠ the source prints: \033[0ma = 2\n" in d.text(color=True)
    assert "          \033[33mw_1<2\033[0m\n" in d.text(color=True)
    assert d.to_latex().endswith(
        "\\end{align*}\n\\textit{\\ensuremath{\\boxed{!}} the source prints: "
        "\\ensuremath{a = 2} \\newline\n"
        "right: \\ensuremath{b = 2} \\newline\nw\\_1<2}\n\\end{document}\n"
    )


def test_where_letters_run_stands_below_its_equation_and_the_next_begins_a_table():
    d = cp.derive(cp.Network([2, 3]), "index")
    section = d.to_html().split('id="step-z2"')[1].split("</section>")[0]
    assert bare(section).count('M<p class="free">for every M</p>') == 1


# -- the article ------------------------------------------------------------------------------
def titled(text, language="en"):
    d = one_unit(language)
    d.__dict__["title"] = text
    return re.search(r"\\LARGE (.*)\\end\{center\}\n", d.to_latex())[1]


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("a & b", r"a \& b"), ("5 %", r"5 \%"), ("$x$", r"\$x\$"), ("#1_a", r"\#1\_a"),
        ("{x}", r"\{x\}"), ("a~b", r"a\textasciitilde{}b"), ("x^2", r"x\textasciicircum{}2"),
        ("a\\b", r"a\textbackslash{}b"), ("--data", "-{}-data"), ("a-b", "a-b"),
        ("δ · x", r"\ensuremath{\delta} \ensuremath{\cdot} x"),
        ("a⁽²⁾₁", r"a\ensuremath{{}^{(}}\ensuremath{{}^{2}}\ensuremath{{}^{)}}\ensuremath{{}_{1}}"),
        ("xᵢ₋₁ˡ⁺", r"x\ensuremath{{}_{i}}\ensuremath{{}_{-}}\ensuremath{{}_{1}}"
         r"\ensuremath{{}^{l}}\ensuremath{{}^{+}}"),
        ("½ ≤ −1", r"\ensuremath{\tfrac{1}{2}} \ensuremath{\le} \ensuremath{-}1"),
    ],
)  # fmt: skip
def test_prose_in_latex_is_escaped_and_its_signs_are_mathematics(text, latex):
    assert titled(text) == latex


def test_an_english_article_needs_no_chinese_fonts_and_a_chinese_one_has_them():
    page = one_unit("zh").to_latex()
    assert page.startswith(
        "\\PassOptionsToPackage{no-math}{fontspec}\n"
        "\\documentclass[11pt]{ctexart}\n\\usepackage{amsmath,amssymb}\n"
        "\\usepackage[margin=25mm]{geometry}\n"
    )
    assert r"\noindent S0：前馈神经网络与反向传播算法（推导过程）, Joe-Han, 2016\par" in page
    assert r"\section*{前向传播}" in page and r"\ensuremath{\cdot}~由 (2)" in page
    english = one_unit().to_latex()
    assert not re.search("[\u2e80-\uffff]", english)


def article(left, member, free=(), numbers=True):
    d = one_unit()
    step = replace(d.step("z2"), equations=(Equation(Quantity(left), member, free),), uses=())
    d = replace(d, steps=(step,), numbers=d.numbers if numbers else None)
    d.__dict__["_verification"] = Verification({}, {})
    return d.to_latex().split("\\begin{align*}\n")[1].split("\n\\end{align*}")[0]


def test_where_letters_run_stands_below_only_where_it_would_reach_past_the_line():
    def written(n):
        return article("J", (Call(n * "x", (Quantity("J"),)),), (("i", 3),), False)

    # J = x…x(J) has n + 5 signs, i = 1, …, 3 has 7, a line 68
    first = rf"J &= \operatorname{{{56 * 'x'}}}\left(J\right)"
    assert written(56) == rf"{first} \qquad i = 1, \ldots, 3"
    first = rf"J &= \operatorname{{{57 * 'x'}}}\left(J\right)"
    assert written(57) == f"{first} \\\\\n&\\qquad i = 1, \\ldots, 3"


def test_numbers_put_in_stand_before_their_result_up_to_the_end_of_the_line():
    def written(left, n):
        return article(left, (Call(n * "x", (Quantity(left),)),))

    # J, and x…x(0.03616) of n + 9 signs, and 0.03616 of 7, on a line of 68
    def middle(n):
        return rf"\operatorname{{{n * 'x'}}}\left(0.03616\right)"

    assert written("J", 51).split(" \\\\\n")[1:] == [f"&= {middle(51)} = 0.03616"]
    assert written("J", 52).split(" \\\\\n")[1:] == [f"&= {middle(52)}", "&= 0.03616"]
    # of a column they are left out: z⁽²⁾ has 4 signs, (1) as a column 4
    column = r"\begin{pmatrix} 1 \end{pmatrix}"
    assert written("z2", 56).split(" \\\\\n")[1:] == [
        rf"&= \operatorname{{{56 * 'x'}}}{column} = {column}"]  # fmt: skip
    assert written("z2", 57).split(" \\\\\n")[1:] == [f"&= {column}"]


def test_members_of_an_equation_stand_one_below_the_other():
    one, two = Number(1.0), Plus((Number(1.0), Quantity("J")))
    assert article("J", (one, two), numbers=False) == "J &= 1 \\\\\n &= 1 + J"
    both = article("J", (one,), (("i", 3), ("j", 2)), False)
    assert both == r"J &= 1 \qquad i = 1, \ldots, 3,\; j = 1, 2"
