"""Lines of a page: folds at exactly the width, brackets as tall as matrices, headers, escapes."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

import clearprop as cp
from clearprop.derivation.article import latex_page
from clearprop.derivation.command import random_numbers
from clearprop.derivation.derived import equation_text
from clearprop.derivation.equations import Mark
from clearprop.derivation.errata import ERRATA
from clearprop.derivation.layouts import TEXT
from clearprop.derivation.pages import (
    columns_text,
    failure,
    header,
    lettered,
    marked,
    ranges,
    section_title,
    units_of,
    uses_text,
    verified,
    width,
    wrapped,
)
from clearprop.derivation.terminal import block, folded, text_page
from clearprop.derivation.verification import Verification

S0 = "S0: 前馈神经网络与反向传播算法（推导过程）, Joe-Han, 2016"


def derived(spec="1-1", notation="matrix", rows=1, language="en", **given):
    network = cp.Network(spec, **given) if isinstance(spec, str | list) else spec
    return cp.derive(network, notation, *random_numbers(network, 0, rows), language=language)


# -- prose ------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "columns"),
    [("", 0), ("abc", 3), ("第", 2), ("第 1 层", 7), ("Θ\u0304", 1), ("，", 2), ("Ａ", 2),
     ("½ δ⁽²⁾", 6), ("e\u0301e", 2)],
)  # fmt: skip
def test_chinese_signs_are_two_columns_wide_and_accents_none(text, columns):
    assert width(text) == columns


@pytest.mark.parametrize(
    ("text", "columns", "lines"),
    [
        ("", 8, [""]),
        ("one two three", 13, ["one two three"]),
        ("one two three", 12, ["one two", "three"]),
        ("one two three", 7, ["one two", "three"]),
        ("one two three", 6, ["one", "two", "three"]),
        ("abcdefghij kl", 5, ["abcdefghij", "kl"]),
        ("输入层隐藏层", 12, ["输入层隐藏层"]),
        ("输入层隐藏层", 11, ["输入层隐藏", "层"]),
        ("输入层，隐藏层", 7, ["输入", "层，隐", "藏层"]),
        ("输入层，隐藏层", 8, ["输入层，", "隐藏层"]),
        ("由（3）。得", 6, ["由（3", "）。得"]),
    ],
)
def test_prose_is_folded_where_it_is_wider_than_its_columns_by_one(text, columns, lines):
    found = list(wrapped(text, columns))
    assert "".join(found).replace(" ", "") == text.replace(" ", "")
    if "（" not in text:
        assert found == lines
    assert not any(line.startswith(tuple("，。；：、）")) for line in found)


# -- mathematics ------------------------------------------------------------------------------
LOOSE = {" + ": 0, " − ": 0, " - ": 0, " · ": 1, " ⊙ ": 1, " ": 2}
"""Before which sign a line breaks first: a sum's, then a product's, then any blank."""


@pytest.mark.parametrize(("first", "second"), [*itertools.product(LOOSE, LOOSE)])
def test_a_line_breaks_before_the_looser_sign_and_of_two_alike_before_the_last(first, second):
    pieces = [9 * "a", "bbbb", 20 * "c"]
    text = pieces[0] + first + pieces[1] + second + pieces[2]
    if LOOSE[first] < LOOSE[second]:
        lines = [pieces[0], first.lstrip() + pieces[1] + second + pieces[2]]
    else:
        lines = [pieces[0] + first + pieces[1], second.lstrip() + pieces[2]]
    found = list(folded(text, 24))
    assert found[0] == lines[0]
    assert " ".join(found).replace(" ", "") == text.replace(" ", "")


@pytest.mark.parametrize(
    ("text", "room", "lines"),
    [
        (24 * "a", 24, [24 * "a"]),
        (12 * "a" + " " + 11 * "b", 24, [12 * "a" + " " + 11 * "b"]),
        (12 * "a" + " " + 12 * "b", 24, [12 * "a", 12 * "b"]),
        (24 * "a" + " b", 24, [24 * "a", "b"]),
        (25 * "a" + " b", 24, [25 * "a" + " b"]),
        (25 * "a" + " b", 25, [25 * "a", "b"]),
        (20 * "a" + " b", 3, [20 * "a" + " b"]),  # no line is narrower than 24
        (9 * "a" + " " + 20 * "b", 24, [9 * "a", 20 * "b"]),
        (8 * "a" + " " + 20 * "b", 24, [8 * "a" + " " + 20 * "b"]),  # too near its start
        (20 * "a" + " + " + 20 * "b" + " + " + 20 * "c", 24,
         [20 * "a", "+ " + 20 * "b", "+ " + 20 * "c"]),
    ],
)  # fmt: skip
def test_mathematics_is_folded_where_it_is_wider_than_its_room_by_one(text, room, lines):
    assert list(folded(text, room)) == lines


@pytest.mark.parametrize("pair", ["()", "[]", "{}"])
def test_a_line_breaks_outside_brackets_rather_than_inside(pair):
    left, right = pair
    text = f"aaaaaaaaa {left}b + c + d{right} {16 * 'e'}"
    assert list(folded(text, 24)) == [f"aaaaaaaaa {left}b + c + d{right}", 16 * "e"]
    deep = f"aaaaaaaaa{left}{left}b + c{right} · {16 * 'd'}{right}"
    assert list(folded(deep, 24)) == [f"aaaaaaaaa{left}{left}b + c{right}", f"· {16 * 'd'}{right}"]
    after = f"{left}{left}aaaaaaaaaa{right}{right} + b · {16 * 'd'}"
    assert next(folded(after, 24)) == f"{left}{left}aaaaaaaaaa{right}{right}"


@pytest.mark.parametrize(
    ("array", "lines"),
    [
        ([0.5], ["x = [ 0.5 ]"]),
        ([[1.0, -0.5, 22.0]], ["x = [ 1  −0.5  22 ]"]),
        ([1.0, -0.5], ["x = ⎡    1 ⎤", "    ⎣ −0.5 ⎦"]),
        ([1.0, -0.5, 22.0], ["    ⎡    1 ⎤", "x = ⎢ −0.5 ⎥", "    ⎣   22 ⎦"]),
        ([1.0, 2.0, 3.0, 4.0], ["    ⎡ 1 ⎤", "x = ⎢ 2 ⎥", "    ⎢ 3 ⎥", "    ⎣ 4 ⎦"]),
        ([[1.0, 10.0], [100.0, 2 / 3]], ["x = ⎡   1    10 ⎤", "    ⎣ 100  0.67 ⎦"]),
        ([1.0, 2, 3, 4, 5, 6, 7],
         ["    ⎡ 1 ⎤", "    ⎢ 2 ⎥", "x = ⎢ 3 ⎥", "    ⎢ 4 ⎥", "    ⎢ ⋮ ⎥", "    ⎣ 7 ⎦"]),
    ],
)  # fmt: skip
def test_numbers_stand_right_aligned_in_brackets_as_tall_as_they_are(array, lines):
    assert list(block(np.array(array), "x = ", 2)) == lines


def test_a_sign_before_numbers_may_be_wide():
    assert list(block(np.array([1.0, 2.0]), "层 = ", 2)) == ["层 = ⎡ 1 ⎤", "     ⎣ 2 ⎦"]


# -- the terminal's page ----------------------------------------------------------------------
PAGE = """\
Back-propagation of 1-1, derived
notation: S0 · 矩阵 matrix · 2 parameters
S0: 前馈神经网络与反向传播算法（推导过程）, Joe-Han, 2016

Functions
─────────

  (1) The function f = sigmoid
      Each unit passes its weighted sum through f; the backward pass needs its
      slope.
        f(x) = 1/(1 + e^(−x))
        f′(x) = f(x) (1 − f(x))
              = (1/(1 + e^(−x))) (1 − 1/(1 + e^(−x)))

Forward pass
────────────

  (2) The input is layer 1
      What comes in is written like any layer's output.
        a⁽¹⁾ = x
             = [ 0.5 ]

  (3) Input of layer 2  from (2)
      Each unit adds up what reaches it, each wire times its weight, and its
      bias.
        z⁽²⁾ = W⁽¹⁾ a⁽¹⁾ + b⁽¹⁾
             = [ 1 ]

  (4) Output of layer 2  from (3)
      The function acts on the input of each unit.
        a⁽²⁾ = f(z⁽²⁾)
             = [ 0.7311 ]

Cost
────

  (5) Cost of one sample  from (4)
      How far the outputs are from what they should be, summed over the outputs.
        J = ½ ‖a⁽²⁾ − y‖²
          = ½ ‖[0.7311] − [1]‖²
          = 0.03616

Back-propagation
────────────────

  (6) δ of the output layer  from (3), (4)
      What leaves the cost, times the slope of the function (⊙): the start of
      the recursion.
        δ⁽²⁾ = (a⁽²⁾ − y) ⊙ f′(z⁽²⁾)
             = [ −0.05288 ]

Gradients
─────────

  (7) Gradient of W⁽¹⁾  from (6), (2)
      δ where the wire ends times the value where it starts.
        ∂J/∂W⁽¹⁾ = δ⁽²⁾ a⁽¹⁾ᵀ
                 = [ −0.02644 ]

  (8) Gradient of b⁽¹⁾  from (6)
      A bias is a weight on a constant 1, so its derivative is δ itself.
        ∂J/∂b⁽¹⁾ = δ⁽²⁾
                 = [ −0.05288 ]

Update by gradient descent
──────────────────────────

  (9) Step of W⁽¹⁾  from (7)
      Against the gradient, by the learning rate.
        W⁽¹⁾ ← W⁽¹⁾ − α ∂J/∂W⁽¹⁾
             = [ 2.013 ]

 (10) Step of b⁽¹⁾  from (8)
      Against the gradient, by the learning rate.
        b⁽¹⁾ ← b⁽¹⁾ − α ∂J/∂b⁽¹⁾
             = [ 0.02644 ]
"""
"""σ(2 · ½) = 0.7311; δ = (0.7311 − 1) · 0.7311 · 0.2689 = −0.05288; W: 2 + ½ · 0.02644."""


def one_unit(language="en"):
    network = cp.Network("1-1", output="sigmoid")
    given = {"W1": [[2.0]], "b1": [0.0]}, [[0.5]], [[1.0]]
    return cp.derive(network, "matrix", *given, language=language)


def test_a_page_of_one_unit_stands_in_a_terminal_as_it_should():
    assert text_page(one_unit(), False) == text_page(one_unit(), False, 80) == PAGE


def test_colours_mark_titles_headings_left_sides_and_what_is_said_beside():
    found = text_page(one_unit(), True)
    for line in (
        "\033[1mBack-propagation of 1-1, derived\033[0m",
        f"\033[2m{S0}\033[0m",
        "\n\033[1mForward pass\033[0m\n\033[2m────────────\033[0m\n",
        "\n  (3) \033[1mInput of layer 2\033[0m  \033[2mfrom (2)\033[0m\n",
        "\n      \033[2mbias.\033[0m\n",
        "\n        \033[36mz⁽²⁾\033[0m = W⁽¹⁾ a⁽¹⁾ + b⁽¹⁾\n             = [ 1 ]\n",
    ):
        assert line in found
    for how in ("\033[1m", "\033[2m", "\033[36m", "\033[0m"):
        found = found.replace(how, "")
    assert found == PAGE


@pytest.mark.parametrize(
    ("language", "title", "uses", "columns"),
    [("en", "Input of layer 2", "from (2)", 32), ("zh", "第 2 层的输入", "由 （2）", 29)],
)
def test_what_a_step_uses_stands_beside_its_title_where_both_fit(language, title, uses, columns):
    # 6 columns for the number, 2 between title and uses
    assert columns == 8 + width(title) + width(uses)
    d = one_unit(language)
    assert f"\n  (3) {title}  {uses}\n" in text_page(d, False, columns)
    assert f"\n  (3) {title}\n      {uses}\n" in text_page(d, False, columns - 1)


def test_an_equation_is_folded_under_itself_behind_its_sign():
    text = text_page(derived([2, 9, 2], "scalar"), False, 60)
    assert all(width(line) <= 60 for line in text.splitlines())
    terms = [f"W{n}1 · P{n}" for n in range(1, 10)]  # of 8 signs: 4 fit into 60 − 13
    assert (
        f"\n        Q1 = {' + '.join(terms[:4])}"
        f"\n             + {' + '.join(terms[4:8])}"
        f"\n             + {terms[8]} + b⁽²⁾₁\n           = "
    ) in text


def test_a_step_of_one_layer_says_only_which_and_from_where():
    for language, head, letters in (
        ("en", "  (4) Input of layer 2  (3) with l = 1, from (2)", "for every l = 1…4"),
        ("zh", "  (4) 第 2 层的输入  （3）取 l = 1，由 （2）", "对每个 l = 1…4"),
    ):
        d = derived([2, 3, 3, 3, 2], language=language, activation="tanh")
        text = text_page(d, False)
        assert f"\n{head}\n        z⁽²⁾ = W⁽¹⁾ a⁽¹⁾ + b⁽¹⁾\n               ⎡ " in text
        assert f" = W⁽ˡ⁾ a⁽ˡ⁾ + b⁽ˡ⁾\n                 {letters}\n" in text


def test_a_number_has_the_numbers_put_in_above_it_and_a_column_has_not():
    network = cp.Network([2, 1])
    given = {"W1": [[2.0, -3.0]], "b1": [0.5]}, [[1.0, -2.0]], [[1.0]]
    text = cp.derive(network, "scalar", *given).text()
    said = "\n           = 2 · 1 + (−3) · (−2) + 0.5\n           = 8.5\n"
    assert text.count(said) == 1
    assert said.splitlines()[1] not in cp.derive(network, "matrix", *given).text()


def test_a_number_that_is_none_is_said_to_be_an_overflow():
    network = cp.Network([1, 1], output="sigmoid", cost="binary_cross_entropy")
    d = cp.derive(network, "scalar", {"W1": [[1.0]], "b1": [0.0]}, [[1.0]], [[1.0]])
    said = "the textbook form is 0/0 or ∞ here: what it reads is rounded to 0, 1 or ∞"
    assert said not in d.text() and said not in d.to_html()
    d = cp.derive(network, "scalar", {"W1": [[1000.0]], "b1": [0.0]}, [[1.0]], [[0.0]])
    found = [d.value(one) for step in d.steps for one in step.equations]
    wrong = sum(one is not None and not np.isfinite(one).all() for one in found)
    assert d.text().count(said) == d.to_html().count(f'<p class="marked">{said}</p>') == wrong > 0


# -- headers ----------------------------------------------------------------------------------
def test_a_header_says_notation_and_size_and_source():
    assert list(header(cp.derive(cp.Network([40, 30])))) == [
        "notation: S0 · 矩阵 matrix · 1,230 parameters", S0]  # fmt: skip
    d = one_unit("zh")
    assert list(header(d)) == ["记号：S0 · 矩阵 matrix · 2 个参数", S0]
    bare = replace(d, notation=replace(d.notation, title="", source=""), language="en")
    assert list(header(bare)) == ["notation: matrix · 2 parameters"]


def test_a_header_says_where_the_numbers_come_from():
    d = replace(one_unit(), seed=0, origin="table", table="t.csv")
    assert list(header(d))[2:] == ["parameters: random, seed 0; X and Y: t.csv"]
    d = replace(one_unit(), seed=7, columns={"a1": ("age",), "y": ("town",)})
    assert list(header(d))[2:] == [
        "numbers: random, seed 7 (your own with --data)",
        "columns: a⁽¹⁾₁ age; y₁ town",
    ]


def test_a_header_says_which_sample_and_member_the_numbers_are_of():
    assert list(header(derived(rows=1)))[2:] == []
    assert list(header(derived(rows=2)))[2:] == ["numbers of sample 1 of 2"]
    assert list(header(replace(derived(rows=3), row=2)))[2:] == ["numbers of sample 2 of 3"]
    x = cp.Input(2)
    network = cp.Network(inputs=x, outputs=cp.Dense(2, "tanh", members=3)(x))
    assert list(header(derived(network)))[2:] == ["numbers of member 1 of 3"]
    assert list(header(derived(network, language="zh")))[2:] == ["数值取第 1 个成员，共 3 个"]
    assert len(list(header(cp.derive(network)))) == 2  # no numbers: no member's


@pytest.mark.parametrize(
    ("count", "named"),
    [(1, "1"), (7, "1 2 3 4 5 6 7"), (8, "1 2 3 4 5 6 7 8"), (9, "1 2 3 4 5 6 … 9"),
     (40, "1 2 3 4 5 6 … 40")],
)  # fmt: skip
def test_eight_columns_are_named_and_of_more_six_and_the_last(count, named):
    d = replace(cp.derive(cp.Network([count, 1]), "scalar"),
                columns={"a1": tuple(f"c{n}" for n in range(1, count + 1))})  # fmt: skip
    said = [one if one == "…" else f"X{one} c{one}" for one in named.split()]
    assert columns_text(d) == ", ".join(said)


def test_an_index_names_its_column_without_a_number():
    k, x = cp.Input(levels=4), cp.Input(2)
    h = cp.concat(cp.Embedding(3)(k), x)
    d = cp.derive(cp.Network(inputs=[k, x], outputs=cp.Dense(1)(h)), "matrix")
    one, two = (given.value for given in d.network.graph.inputs)
    said = columns_text(replace(d, columns={one: ("town",), two: ("age", "size")}))
    whole, first, second = (d.names.name(*of) for of in ((one,), (two, (0,)), (two, (1,))))
    assert said == f"{whole} town; {first} age, {second} size"
    assert not whole.endswith("₁") and first.endswith("₁") and second.endswith("₂")


# -- what a page says of its proof ------------------------------------------------------------
def checked(symbolic=False, **result):
    d = one_unit()
    found = Verification(**{"errors_trace": {}, "errors_differences": {}} | result)
    d.__dict__["_verification_by_sympy" if symbolic else "_verification"] = found
    return d


def test_a_page_that_does_not_verify_says_which_step_and_how_far():
    assert failure(one_unit()) == failure(cp.derive(cp.Network("1-1"))) == ""
    assert failure(checked(errors_trace={"z2": 0.01234, "a2": 1e-12})) == (
        "THIS DERIVATION DOES NOT VERIFY: (3) Input of layer 2 differs by 0.012"
    )
    assert failure(checked(errors_trace={"z2": 0.25}, errors_differences={"z2": 0.75})) == (
        "THIS DERIVATION DOES NOT VERIFY: (3) Input of layer 2 differs by 0.75"
    )
    assert failure(checked(errors_differences={"J": 0.5})).endswith(
        "(5) Cost of one sample differs by 0.5"
    )
    assert failure(checked(errors_trace={"J": 0.5})).endswith(
        "(5) Cost of one sample differs by 0.5"
    )
    assert failure(checked(unproved=("W1", "b1"))) == (
        "THIS DERIVATION DOES NOT VERIFY: no step derives the gradient of W⁽¹⁾, b⁽¹⁾"
    )


def test_a_page_that_does_not_verify_says_so_before_all_else():
    d = checked(errors_trace={"z2": 0.5})
    said = "THIS DERIVATION DOES NOT VERIFY: (3) Input of layer 2 differs by 0.5"
    assert text_page(d, False).startswith(f"{said}\n\nBack-propagation of 1-1, derived\n")
    assert text_page(d, True).startswith(f"\033[1;31m{said}\033[0m\n\n\033[1mBack")
    assert rf"\maketitle{chr(10)}\noindent\textbf{{{said}}}\par{chr(10)}" in latex_page(d)
    assert f'</div>\n<p class="failed">{said}</p>\n<div class="drawing">' in d.to_html()


def test_a_verified_page_says_how_far_and_by_whom():
    d = checked(True, errors_trace={"z2": 2.34e-16}, errors_differences={"z2": 1.26e-9},
                errors_symbolic={"W1": 3.4e-15})  # fmt: skip
    both = "verified: every step, against the trace to 2e-16, against central differences to 1e-09"
    by = "the gradients, against SymPy's differentiation of the printed cost to 3e-15"
    assert list(verified(d)) == [("✓", both), ("✓", by)]
    assert f"{both}\\par\n\\noindent {by}\\par\n\\section*" in latex_page(d, True)
    html = d.to_html(verify=True)
    assert f'<div class="about verified">✓ {both}</div>\n<div class="about verified">✓' in html
    assert "verified" not in latex_page(d).split("section", 1)[0]
    assert "verified:" not in d.to_html()


def test_a_page_says_why_sympy_was_not_asked():
    d = checked(True, skipped="sympy_work")
    assert [sign for sign, _ in verified(d)] == ["✓", "–"]
    assert list(verified(d))[1][1] == "SymPy skipped: the cost, written out, is too long"
    assert list(verified(checked(True, errors_trace={"z2": 1.0}))) == []
    assert list(verified(cp.derive(cp.Network("1-1")))) == []


# -- what is said of steps --------------------------------------------------------------------
def test_where_letters_run_is_said_for_one_place_and_for_many():
    def said(spec, step, language="en"):
        d = derived(spec, "index", language=language)
        return [ranges(d, one, d.printer(TEXT).render) for one in d.step(step).equations]

    assert said([1, 1], "z2") == ["for i = 1"]
    assert said([1, 2], "z2") == ["for every i = 1, 2"]
    assert said([2, 3], "z2") == ["for every i = 1…3"]
    assert said([2, 3], "z2", "zh") == ["对每个 i = 1…3"]
    assert said([2, 1], "dJ/dW1") == ["for every i = 1, j = 1, 2"]
    assert said([2, 3], "J") == [""]


def test_steps_used_are_parted_by_the_language_s_own_sign():
    assert uses_text(one_unit(), [3, 4]) == "from (3), (4)"
    assert uses_text(one_unit("zh"), [3, 4]) == "由 （3）、（4）"


def test_one_misprint_is_said_with_its_reason():
    d, erratum = one_unit(), ERRATA[0]
    own = d.step("z2").equations[0]
    step = replace(d.steps[0], marked=(Mark(erratum, own, own),))
    equation = equation_text(d.printer(TEXT), own, d.value(own))
    assert list(marked(d, step, d.printer(TEXT))) == [
        ("⚠ the source prints:", equation),
        ("right:", equation),
        (erratum.why, ""),
    ]
    found = [words for words, _ in marked(one_unit("zh"), step, d.printer(TEXT))]
    assert found == ["⚠ 原文印作：", "应为：", erratum.why_zh]


def test_headings_name_the_part_or_the_weight_that_is_derived():
    d = one_unit()
    assert section_title(d, d.step("z2")) == "Forward pass"
    d = cp.derive(cp.Network("2-2-1", "sigmoid"), "scalar", weight="V11")
    assert {section_title(d, step) for step in d.steps} == {"The derivative of V11"}
    text = d.text()
    assert text.count("The derivative of V11\n") == 1
    assert d.to_html().count("<h2>") == d.to_latex().count(r"\section*") == 1


def test_the_sign_of_a_layer_s_size_is_explained_once_below_its_first_step():
    d = cp.derive(cp.Network([2, 3, 3, 3, 2], "tanh"), "index")
    said = [units_of(d, step, d.printer(TEXT).render) for step in d.steps]
    where = [step.id for step, text in zip(d.steps, said, strict=True) if text]
    assert where == ["z2[l]"] and "Sₗ is the number of units of layer l." in said
    assert d.text().count("\n        Sₗ is the number of units of layer l.\n") == 1
    said = r"\ensuremath{S_{l}} is the number of units of layer \ensuremath{l}."
    assert d.to_latex().count(f"\\end{{align*}}\n{said}\n") == 1
    assert (
        d.to_html().count("</math> is the number of units of layer <math><mi>l</mi></math>.</p>")
        == 1
    )


def test_the_letter_of_a_layer_alone_is_set_as_mathematics():
    d = cp.derive(cp.Network([2, 3, 3, 3, 2], "tanh"), "matrix")
    general, plain = d.step("z2[l]"), d.step("J")
    assert d.names.letter == "l"
    shown = lettered(d, general, "layer l+1, all l; el (l) &l; &#l \\l {l", lambda node: "*")
    assert shown == "layer *+1, all l; el (*) &l; &#l \\l {l"
    assert lettered(d, plain, "layer l", lambda node: "*") == "layer l"
    assert lettered(d, d.step("z3"), "layer l", lambda node: "*") == "layer *"


# -- the article ------------------------------------------------------------------------------
ARTICLE = r"""\documentclass[11pt]{article}
\usepackage{amsmath,amssymb}
\usepackage{iftex}
\ifPDFTeX\usepackage[utf8]{inputenc}\usepackage[T1]{fontenc}
\else\usepackage{fontspec}\fi
\usepackage[margin=25mm]{geometry}
\allowdisplaybreaks \setcounter{MaxMatrixCols}{20}
\title{Back-propagation of 1-1, derived}\date{}\author{}
\begin{document}\maketitle
\noindent notation: S0 \ensuremath{\cdot} matrix \ensuremath{\cdot} 2 parameters\par
\noindent S0: Joe-Han, 2016\par
\section*{Functions}
\paragraph{(1) The function f = sigmoid}
Each unit passes its weighted sum through f; the backward pass needs its slope.
\begin{align*}
f\left(x\right) &= \frac{1}{1 + e^{-x}} \\
f^{\prime}\left(x\right) &= f\left(x\right) \, \left(1 - f\left(x\right)\right) \\
 &= \frac{1}{1 + e^{-x}} \, \left(1 - \frac{1}{1 + e^{-x}}\right)
\end{align*}
\section*{Forward pass}
\paragraph{(2) The input is layer 1}
What comes in is written like any layer's output.
\begin{align*}
a^{(1)} &= x \\
&= \begin{pmatrix} 0.5 \end{pmatrix}
\end{align*}
\paragraph{(3) Input of layer 2}
Each unit adds up what reaches it, each wire times its weight, and its bias. (from (2))
\begin{align*}
z^{(2)} &= W^{(1)} \, a^{(1)} + b^{(1)} \\
&= \begin{pmatrix} 1 \end{pmatrix}
\end{align*}
"""


def test_an_article_of_one_unit_is_written_as_it_should():
    page = latex_page(one_unit())
    assert page.startswith(ARTICLE)
    assert page.endswith("\\end{align*}\n\\end{document}\n")
