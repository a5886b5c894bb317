"""What the printers put where: signs between factors, folds, left sides, headers, prose."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
from test_derivation import NETWORKS, data

import clearprop as cp
from clearprop.derivation import NOTATIONS
from clearprop.derivation.derived import equation_text
from clearprop.derivation.errata.wrong import ERRATA
from clearprop.derivation.notations.names import Glyph
from clearprop.derivation.pages.article import FOLDED
from clearprop.derivation.pages.breaking import FLAT, broken
from clearprop.derivation.pages.heading import header, marked
from clearprop.derivation.pages.terminal import folded
from clearprop.derivation.printers.latex import LATEX, ROOM, extent
from clearprop.derivation.printers.layouts import TEXT
from clearprop.derivation.printers.mathml import MATHML
from clearprop.derivation.steps.equations import Mark
from clearprop.derivation.trees.tree import Chosen, Number, Place, Quantity, Ratio, Times, Var


def derived(name="shared bias", notation="matrix", **given):
    network = NETWORKS[name]()
    return cp.derive(network, notation, *data(network, 1), **given)


# -- pieces -----------------------------------------------------------------------------------
def test_bars_stand_for_the_absolute_value_alone():
    assert TEXT.call("abs", False, "x", ()) == "|x|"
    assert TEXT.call("F", False, "x", ()) == "F(x)"
    assert TEXT.call("tanh", False, "x", ()) == "tanh(x)"
    assert "|" in MATHML.call("abs", False, "<mi>x</mi>", ())
    assert "|" not in MATHML.call("tanh", False, "<mi>x</mi>", ())
    assert "|" not in MATHML.call("F", False, "<mi>x</mi>", ())


def test_indices_side_by_side_have_a_comma_where_one_has_two_digits():
    def commas(*below):
        return MATHML.glyph(Glyph("W", below=below)).count(">,</mo>")

    assert [commas("1", "2"), commas("10", "2"), commas("1", "12"), commas("10")] == [0, 1, 1, 0]


def test_numbers_and_derivatives_side_by_side_have_a_dot_between_them():
    d = derived()
    printer = d.printer(TEXT)
    a, z = Quantity("a2", (1,)), Quantity("z2", (1,))
    slope = Ratio(a, z)
    assert not d.notation.times
    assert "·" not in printer.render(Times((a, z)))
    assert "·" not in printer.render(Times((Number(2.0), a)))
    assert printer.render(Times((Number(2.0), Number(3.0)))) == "2 · 3"
    assert "·" not in printer.render(Times((slope, a)))
    assert " · " in printer.render(Times((slope, slope)))


def test_the_row_that_an_index_names_is_counted_from_0():
    printer = derived().printer(TEXT)
    assert printer.render(Chosen(Place(Var("k")), Var("i"))) == "[k = i − 1]"
    assert printer.render(Chosen(Place(Var("k")), Var("i", 1))) == "[k = i]"
    assert printer.render(Chosen(Place(Var("k")), 3)) == "[k = 2]"


# -- folds ------------------------------------------------------------------------------------
def test_text_is_folded_before_a_sum_rather_than_a_product_and_never_near_its_start():
    text = "W11 · P1 + W21 · P2 + W31 · P3 + b2"
    assert list(folded(text, 24)) == ["W11 · P1 + W21 · P2", "+ W31 · P3 + b2"]
    assert list(folded("aaaaaaaaa + bbbb · cccccccccc", 24)) == ["aaaaaaaaa", "+ bbbb · cccccccccc"]
    assert list(folded("ab " + 30 * "b", 24)) == ["ab " + 30 * "b"]


def test_text_is_folded_between_cases_and_entries_and_behind_what_is_left_of_a_product():
    cases = "{1.0507 · x if 0 < x, else 1.7581 · (e^(x) − 1)}"
    assert list(folded(cases, 40)) == ["{1.0507 · x if 0 < x,", "else 1.7581 · (e^(x) − 1)}"]
    chinese = "{1.0507 · x 若 0 < x，否则 1.7581 · (e^(x) − 1)}"
    assert list(folded(chinese, 40)) == ["{1.0507 · x 若 0 < x，", "否则 1.7581 · (e^(x) − 1)}"]
    vector = "softmax((W11 · P1 + b1; W12 · P1 + b2))"
    assert list(folded(vector, 30)) == ["softmax((W11 · P1 + b1;", "W12 · P1 + b2))"]
    path = "0.37 · 0.6607 · 0.3393 · 0.42 · 0.87 + 0.29 · 0.21 · 0.6607 · 0.33"
    lines = ["0.37 · 0.6607 · 0.3393 · 0.42", "· 0.87", "+ 0.29 · 0.21 · 0.6607 · 0.33"]
    assert list(folded(path, 30)) == lines


@pytest.mark.parametrize("count", [1, 5, 12, 30])
def test_a_sum_in_latex_fills_its_lines_and_none_is_wider_than_the_room(count):
    parts = [(place % 3 == 1, f"W_{{{place + 10}}} x_{{{place + 10}}}") for place in range(count)]
    text = LATEX.folded_sum(parts)
    body = text.removeprefix(r"\begin{aligned}").removesuffix(r"\end{aligned}")
    lines = [line.strip(" &") for line in body.split(r"\\")]
    assert all(extent(line) <= ROOM + 1 for line in lines)
    # none but the last has room for one more summand of 7 signs
    assert all(extent(line) + 7 > ROOM for line in lines[:-1])
    assert len(lines) == (1 if count < 12 else 2 if count == 12 else 4)


# -- the article ------------------------------------------------------------------------------
def said_in_latin(line):
    """Whether more is left than number and year where no font has Chinese: "S3: 以三层…"."""
    return re.search("[A-Za-z]{2}", re.sub(r"^S\d:", "", line))


@pytest.mark.parametrize("notation", NOTATIONS)
def test_an_article_has_the_header_of_all_pages_and_chinese_in_chinese_alone(notation):
    network = NETWORKS["shared bias"]()
    for language in ("en", "zh"):
        d = cp.derive(network, notation, *data(network, 7), language=language)
        told = [line for line in header(d) if language == "zh" or said_in_latin(line)]
        assert d.to_latex().count(r"\noindent ") == len(told) > 0
        assert bool(re.search("[\u2e80-\uffff]", d.to_latex())) == (language == "zh")


@pytest.mark.parametrize(
    ("name", "notation"), [("mixed", "scalar"), ("shared bias", "scalar"), ("mixed", "graph")]
)
def test_the_numbers_put_in_stand_before_their_result_where_both_fit_on_the_line(name, notation):
    d = derived(name, notation)
    printer, page, beside, apart = d.printer(LATEX), d.to_latex(), 0, 0
    for step in d.steps:
        for equation in step.equations:
            found = d.value(equation)
            shown = None if found is None else d.substituted(equation)
            if shown is None:
                continue
            left, middle = printer.render(equation.left), printer.render(shown)
            result = printer.array(found)
            fits = sum(map(extent, (left, middle, result))) <= ROOM
            assert (f"&= {middle} = {result}" in page) == fits, (step.id, middle)
            if not fits:
                assert f"&= {result}" in page
                if FOLDED in middle[1:]:  # no bracket holds lines: it would look like a vector
                    middle = next(broken(d.printer(FLAT).render(shown), ROOM))
                assert (f"&= {middle} " in page or f"&= {middle}\n" in page) == (not found.ndim)
            beside, apart = beside + fits, apart + (not fits)
    assert beside > 9 and (apart > 0) == ((name, notation) == ("mixed", "scalar"))


def test_where_letters_run_stands_behind_an_equation_that_leaves_room_for_it():
    lines = derived(notation="index").to_latex().splitlines()
    same = [line for line in lines if r" \qquad " in line and not line.startswith("&")]
    assert same and all(extent(line.removesuffix(r" \\")) <= ROOM + 8 for line in same)
    below = [place for place, line in enumerate(lines) if line.startswith(r"&\qquad")]
    for place in below:
        both = lines[place - 1].removesuffix(r" \\") + lines[place].removesuffix(r" \\")
        assert extent(both) > ROOM


def test_the_article_marks_what_a_source_prints_wrongly():
    d = derived(notation="scalar", weight="V11")
    assert sum(bool(step.marked) for step in d.steps) == d.to_latex().count(r"\textit{") > 0


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", ("⚠ the source prints: ", "right: ")), ("zh", ("⚠ 原文印作：", "应为："))],
)
def test_two_misprints_of_a_step_are_said_one_after_the_other(language, words):
    d = derived(notation="scalar", language=language)
    own = d.step("J").equations[0]
    step = replace(d.steps[0], marked=tuple(Mark(one, own, own) for one in ERRATA[:2]))
    said = list(marked(d, step, d.printer(TEXT)))
    equation = equation_text(d.printer(TEXT), own, d.value(own))
    assert equation.endswith(f" = {d.printer(TEXT).array(d.value(own))}")
    assert said == [
        line
        for one in ERRATA[:2]
        for line in (
            (words[0], equation),
            (words[1], equation),
            (one.why_zh if language == "zh" else one.why, ""),
        )
    ]


# -- the page ---------------------------------------------------------------------------------
def tables(page):
    """Rows of cells of each table, one formula or lines of formulas that a browser may wrap."""
    found = r'<math display="block">(.*?)</math>|(<table class="lines">.*?</table>)'
    for one, lines in re.findall(found, page, re.S):
        table = ET.fromstring((one or lines).replace("<wbr>", ""))
        row, cell = ("mtr", "mtd") if one else ("tr", "td")
        yield [["".join(each.itertext()) for each in line.findall(cell)]
               for line in table.findall(row)]  # fmt: skip


@pytest.mark.parametrize("notation", NOTATIONS)
def test_every_equation_has_its_left_side_once_and_first_but_for_what_an_update_starts_from(
    notation,
):
    d = derived(notation=notation)
    printer = d.printer(MATHML)
    rows = [row for table in tables(d.to_html()) for row in table]
    lefts = ["".join(ET.fromstring(f"<m>{printer.render(left)}</m>").itertext())
             for step in d.steps for equation in step.equations
             for left in (*(node for node, _ in d.before(equation)), equation.left)]  # fmt: skip
    assert [row[0] for row in rows if row[0]] == lefts
    assert all(row[1] == "=" for row in rows if not row[0])


@pytest.mark.parametrize("notation", NOTATIONS)
def test_every_unit_of_the_drawing_has_its_own_name(notation):
    d = derived(notation=notation)
    names = re.findall(r'<text class="name"[^>]*>([^<]*)</text>', d.to_html())
    for value, width in (("a1", 2), ("z2", 3), ("a2", 3), ("a3", 2)):
        units = [d.names.name(value, (unit,)) for unit in range(width)]
        assert len(set(units)) == width and [n for n in names if n in units][:width] == units


def test_the_letter_of_a_layer_is_mathematics_in_the_prose_of_a_general_step_and_of_an_instance():
    d = cp.derive(cp.Network([2, 3, 3, 3, 2], "tanh"), "matrix")
    letter = f"<math>{d.printer(MATHML).render(Place(Var(d.names.letter)))}</math>"
    alone = re.compile(r"(?<![A-Za-z&#;\\{])l(?![A-Za-z;])")
    sections = re.findall(r'<section class="step".*?</section>', d.to_html(), re.S)
    found = 0
    for step, section in zip(d.steps, sections, strict=True):
        told = len(alone.findall(f"{step.title.speak('en')} {step.why.speak('en')}"))
        general = step.layer or any(one.layers for one in step.equations)
        prose = section.split('<div class="equations">')[0]
        assert prose.count(letter) == (told if general else 0), step.id
        found += prose.count(letter)
    assert found
