"""What a page says in words: its header, its proof, its steps."""

from __future__ import annotations

from dataclasses import replace

import pytest
from test_derivation_printed_terminal import S0, derived, one_unit

import clearprop as cp
from clearprop.derivation.derived import equation_text
from clearprop.derivation.errata.wrong import ERRATA
from clearprop.derivation.pages.article import latex_page
from clearprop.derivation.pages.heading import (
    columns_text,
    failure,
    header,
    lettered,
    marked,
    ranges,
    section_title,
    uses_text,
    verified,
    wrapped,
)
from clearprop.derivation.pages.notes import notes_of
from clearprop.derivation.pages.terminal import text_page
from clearprop.derivation.printers.layouts import TEXT
from clearprop.derivation.steps.equations import Mark
from clearprop.derivation.verifying.verification import Verification


# -- headers ----------------------------------------------------------------------------------
def test_a_header_says_notation_and_size_and_source():
    assert list(header(cp.derive(cp.Network([40, 30])))) == [
        "notation: S0 · 矩阵 matrix · 1,230 parameters", S0]  # fmt: skip
    d = one_unit("zh")
    assert list(header(d)) == ["记号：S0 · 矩阵 matrix · 2 个参数", S0.replace(": ", "：")]
    bare = replace(d, notation=replace(d.notation, title="", source=""), language="en")
    assert list(header(bare)) == ["notation: matrix · 2 parameters"]


def test_a_header_says_where_the_numbers_come_from():
    d = replace(one_unit(), seed=0, origin="table", table="t.csv")
    assert list(header(d))[2:] == ["parameters: random, seed 0; X and Y: t.csv"]
    d = replace(one_unit(), seed=7, columns={"a1": ("age",), "y": ("town",)})
    assert list(header(d))[2:] == [
        "numbers: random, seed 7 (your own with --data)",
        "columns: a⁽¹⁾₁\xa0age; y₁\xa0town",
    ]


def test_a_header_says_that_a_models_own_steps_were_others():
    d = replace(one_unit(), seed=0, trained="adam (learning_rate 0.001)", learning_rate=0.25)
    assert list(header(d))[3:] == [
        "steps: gradient descent with α = 0.25 (--learning-rate); the model itself was trained by "
        "adam (learning_rate 0.001)"
    ]


def test_a_symbol_and_its_column_stand_on_one_line():
    said = "columns: a⁽¹⁾₁\xa0age, a⁽¹⁾₂\xa0size"
    assert list(wrapped(said, 16)) == ["columns:", "a⁽¹⁾₁\xa0age,", "a⁽¹⁾₂\xa0size"]


def test_a_header_says_which_sample_and_member_the_numbers_are_of():
    assert list(header(derived(rows=1)))[2:] == []
    for row, m in ((1, 2), (2, 3)):
        assert list(header(replace(derived(rows=m), row=row)))[2:] == [
            f"numbers of sample {row} of {m}; the cost, the gradients and the steps are of all {m} "
            "(--row N derives one alone)"]  # fmt: skip
    x = cp.Input(2)
    network = cp.Network(inputs=x, outputs=cp.Dense(2, "tanh", members=3)(x))
    alike = (
        "K = 3 members side by side: an equation without κ holds for each, and J is the mean of "
        "their costs"
    )
    assert list(header(derived(network)))[2:] == [alike, "numbers of member 1 of 3"]
    zh = "K = 3 个成员并列：不带 κ 的式子对每个成员都成立，J 是各成员目标函数的平均"
    found = list(header(derived(network, language="zh")))[2:]
    assert found == [zh, "数值取第 1 个成员，共 3 个"]
    assert list(header(cp.derive(network)))[2:] == [alike]  # no numbers: no member's


@pytest.mark.parametrize(
    ("count", "named"),
    [(1, "1"), (7, "1 2 3 4 5 6 7"), (8, "1 2 3 4 5 6 7 8"), (9, "1 2 3 4 5 6 … 9"),
     (40, "1 2 3 4 5 6 … 40")],
)  # fmt: skip
def test_eight_columns_are_named_and_of_more_six_and_the_last(count, named):
    d = replace(cp.derive(cp.Network([count, 1]), "scalar"),
                columns={"a1": tuple(f"c{n}" for n in range(1, count + 1))})  # fmt: skip
    said = [one if one == "…" else f"X{one}\xa0c{one}" for one in named.split()]
    assert columns_text(d) == ", ".join(said)


def test_an_index_names_its_column_without_a_number():
    k, x = cp.Input(levels=4), cp.Input(2)
    h = cp.concat(cp.Embedding(3)(k), x)
    d = cp.derive(cp.Network(inputs=[k, x], outputs=cp.Dense(1)(h)), "matrix")
    one, two = (given.value for given in d.network.graph.inputs)
    said = columns_text(replace(d, columns={one: ("town",), two: ("age", "size")}))
    whole, first, second = (d.names.name(*of) for of in ((one,), (two, (0,)), (two, (1,))))
    assert said == f"{whole}\xa0town; {first}\xa0age, {second}\xa0size"
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
    assert rf"\end{{center}}{chr(10)}\noindent\textbf{{{said}}}\par{chr(10)}" in latex_page(d)
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
    assert uses_text(one_unit("zh"), [3, 4]) == "由 (3)、(4)"


def test_one_misprint_is_said_with_its_reason():
    d, erratum = one_unit(), ERRATA[0]
    own = d.step("z2").equations[0]
    step = replace(d.steps[0], marked=(Mark(erratum, own, own),))
    equation = equation_text(d.printer(TEXT), own, d.value(own))
    assert list(marked(d, step, d.printer(TEXT))) == [
        ("⚠ the source prints: ", equation),
        ("right: ", equation),
        (erratum.why, ""),
    ]
    found = [words for words, _ in marked(one_unit("zh"), step, d.printer(TEXT))]
    assert found == ["⚠ 原文印作：", "应为：", erratum.why_zh]  # its colon has its own air


def test_headings_name_the_part_or_the_weight_that_is_derived():
    d = one_unit()
    assert section_title(d, d.step("z2")) == "Forward pass"
    d = cp.derive(cp.Network("2-2-1", "sigmoid"), "scalar", weight="V11")
    assert {section_title(d, step) for step in d.steps} == {"The derivative of V11"}
    text = d.text()
    assert text.count("The derivative of V11\n") == 1
    asked = cp.derive(cp.Network("2-3-2"), "graph", weight="W2[1,3]")  # by our own name
    assert section_title(asked, asked.steps[0]) == "The derivative of Θ²₁₃"
    assert d.to_html().count("<h2>") == d.to_latex().count(r"\section*") == 1


def test_the_sign_of_a_layer_s_size_is_explained_once_below_its_first_step():
    d = cp.derive(cp.Network([2, 3, 3, 3, 2], "tanh"), "index")
    note = "Sₗ is the number of units of layer l."
    said = [list(notes_of(d, step, d.printer(TEXT).render)) for step in d.steps]
    assert [step.id for step, notes in zip(d.steps, said, strict=True) if note in notes] == [
        "z2[l]"]  # fmt: skip
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
