"""What S3 prints wrongly stands beside its step, as printed and put right, each with its value."""

from __future__ import annotations

import json
import math
import re

import pytest

import clearprop as cp
from clearprop.cli import main
from clearprop.derivation.errata.erratum import Example
from clearprop.derivation.errata.wrong import printed_wrongly
from clearprop.derivation.printers.layouts import TEXT
from clearprop.words import width

V = [[0.3, -0.7], [0.5, 0.2], [-0.4, 0.9]]
W = [[0.6, -0.1, 0.8], [-0.5, 0.7, 0.25]]
B1, B2, X, Y = 0.15, -0.35, [0.45, -0.65], [0.85, 0.2]


def s3(language="en"):
    network = cp.Network("2-3-2", "sigmoid", output="sigmoid", bias="shared")
    given = {"W1": V, "b1": B1, "W2": W, "b2": B2}
    return cp.derive(network, "scalar", given, [X], [Y], weight="V11", language=language)


def by_hand():
    """Every mark's two numbers from the text's own equations, in plain arithmetic."""

    def f(x):
        return 1 / (1 + math.exp(-x))

    p1, p2, p3 = (f(v[0] * X[0] + v[1] * X[1] + B1) for v in V)
    q1, q2 = (w[0] * p1 + w[1] * p2 + w[2] * p3 + B2 for w in W)
    o1, o2 = f(q1), f(q2)
    e1, e2 = Y[0] - o1, Y[1] - o2
    letters = ((e1**2 + (Y[1] - o1) ** 2) / 2, (e1**2 + e2**2) / 2)
    by_w11 = -p1 * e1 * o1 * (1 - o1)
    share1, share2 = -W[0][0] * e1 * o1 * (1 - o1), -W[1][0] * e2 * o2 * (1 - o2)
    inner = X[0] * p1 * (1 - p1)
    after = W[0][0] - 0.5 * by_w11
    return {
        1: letters, 10: letters, 12: (-e1, -e1), 15: (after,) * 2,
        18: (e1**2, e1**2 / 2), 19: (e2**2, e2**2 / 2), 21: (-e1, -e1),
        23: (after, W[0][0]), 24: (-after * e1 * o1 * (1 - o1), share1), 26: (-e2, -e2),
        28: (q2 / p1, W[1][0]), 35: (share1 * (share2 * inner), (share1 + share2) * inner),
    }  # fmt: skip


#: As the text prints each; y_o, N and w32 are its own letters, and its stars are dots here.
PRINTED = {
    1: "E = (1/N) · Σᵢ₌₁ᴺ (yᵢ − yₒ)²",
    10: "Eₜₒₜₐₗ = (1/N) · Σᵢ₌₁ᴺ (yᵢ − yₒ)²",
    12: "∂Eₜₒₜₐₗ/∂O1 = −(Y1 − O1)",
    15: "W11 = W11 − η · ∂Eₜₒₜₐₗ/∂W11 = W11 − η · (−P1 · (Y1 − O1) · O1 · (1 − O1))",
    18: "E1 = (Y1 − O1)²",
    19: "E2 = (Y2 − O2)²",
    21: "∂E1/∂O1 = −(Y1 − O1)",
    23: "∂Q1/∂P1 = W11",
    24: "∂E1/∂P1 = −W11 · (Y1 − O1) · O1 · (1 − O1)",
    26: "∂E2/∂O2 = −(Y2 − O2)",
    28: "∂Q2/∂P1 = ∂(W12 · P1 + W22 · P2 + w32 · P3 + b2)/P1",
    35: "∂Eₜₒₜₐₗ/∂V11 = (−W11 · (Y1 − O1) · O1 · (1 − O1))"
    " · (−W12 · (Y2 − O2) · O2 · (1 − O2) · (X1 · P1 · (1 − P1)))",
}
RIGHT = {
    1: "E = (1/N) · Σᵢ₌₁ᴺ (Yᵢ − Oᵢ)²",
    10: "Eₜₒₜₐₗ = (1/N) · Σᵢ₌₁ᴺ (Yᵢ − Oᵢ)²",
    12: "∂Eₜₒₜₐₗ/∂O1 = −(2/N) · (Y1 − O1)",
    15: "W′11 = W11 − η · ∂Eₜₒₜₐₗ/∂W11 = W11 − η · (−P1 · (Y1 − O1) · O1 · (1 − O1))",
    18: "E1 = (1/N) · (Y1 − O1)²",
    19: "E2 = (1/N) · (Y2 − O2)²",
    21: "∂E1/∂O1 = −(2/N) · (Y1 − O1)",
    23: "∂Q1/∂P1 = W11",
    24: "∂E1/∂P1 = −W11 · (Y1 − O1) · O1 · (1 − O1)",
    26: "∂E2/∂O2 = −(2/N) · (Y2 − O2)",
    28: "∂Q2/∂P1 = ∂(W12 · P1 + W22 · P2 + W32 · P3 + b2)/∂P1 = W12",
    35: "∂Eₜₒₜₐₗ/∂V11 = (−W11 · (Y1 − O1) · O1 · (1 − O1) − W12 · (Y2 − O2) · O2 · (1 − O2))"
    " · (X1 · P1 · (1 − P1))",
}


def marks(language="en"):
    found = json.loads(s3(language).to_json())["steps"]
    return {step["number"]: mark for step in found for mark in step["marked"]}


def test_each_mark_quotes_the_text_and_says_the_right_form():
    found = marks()
    assert {number: mark["printed"] for number, mark in found.items()} == PRINTED
    assert {number: mark["right"] for number, mark in found.items()} == RIGHT


def test_each_mark_has_the_two_values():
    found = marks()
    for number, (printed, right) in by_hand().items():
        assert found[number]["printed_value"] == pytest.approx(printed, rel=1e-12), number
        assert found[number]["right_value"] == pytest.approx(right, rel=1e-12), number


def test_a_mark_and_the_errata_evaluate_the_printed_form_alike():
    example = Example(3)
    given = {"W1": example.W[1], "W2": example.W[2], "b1": 0.25, "b2": -0.5}
    for layer, bias in ((1, 0.25), (2, -0.5)):
        example.b[layer][:] = bias
    example.z, example.a = example.forward(example.x)
    example.slope = {n: a * (1 - a) for n, a in example.a.items() if n > 1}
    network = cp.Network("2-3-2", "sigmoid", output="sigmoid", bias="shared")
    d = cp.derive(
        network, "scalar", given, example.x.T, example.y.T, weight="V11"
    )  # fmt: skip
    for number in (1, 28, 35):
        (mark,) = d.steps[number - 1].marked
        (erratum,) = printed_wrongly("S3", str(number))
        assert mark.erratum is erratum
        assert float(d.worth(mark.printed)) == pytest.approx(float(erratum.evaluate(example)))


def test_a_right_form_has_its_step_s_number():
    d = s3()
    for step in d.steps:
        for mark in step.marked:
            own = d.worth(step.equations[0])
            assert float(d.worth(mark.right)) == pytest.approx(float(own), rel=1e-12)


def test_the_errata_quote_equation_35_as_it_is_marked():
    (erratum,) = printed_wrongly("S3", "35")
    assert erratum.printed == PRINTED[35]
    assert f"∂Eₜₒₜₐₗ/∂V11 = {erratum.right}" == RIGHT[35]


def said(words):
    """As a pattern: where the mathematics is on a line of its own, no space is left in front."""
    return re.escape(words.rstrip()) + r"(?:%s(?=\S)| \\newline)" % (" " * words.endswith(" "))


@pytest.mark.parametrize(
    ("language", "says", "right"),
    [("en", "⚠ the source prints: ", "right: "), ("zh", "⚠ 原文印作：", "应为：")],
)
def test_every_page_says_both_in_both_languages(language, says, right):
    d = s3(language)
    for page, sign in (
        (d.text(), "⚠"),
        (d.to_html(), "⚠"),
        (d.to_latex(), r"\ensuremath{\boxed{!}}"),
    ):
        assert len(re.findall(rf"{said(says.replace('⚠', sign))}", page)) == 12
        assert len(re.findall(rf"(?m)(?:^\s*|>|newline\n){said(right)}", page)) == 12
        value = d.printer(TEXT).array(by_hand()[35][0])
        assert value in page


def test_a_terminal_of_80_columns_holds_every_line():
    assert max(map(width, s3().text().splitlines())) <= 80
    assert max(map(width, s3("zh").text().splitlines())) <= 80


def test_latex_of_a_mark_is_plain_ascii():
    for mark in marks().values():
        assert mark["printed_latex"].isascii() and mark["right_latex"].isascii()
    assert marks()[28]["printed_latex"] == (
        r"\frac{\partial Q_{2}}{\partial P_{1}} = \frac{\partial\left(W_{12} \cdot P_{1} + "
        r"W_{22} \cdot P_{2} + w_{32} \cdot P_{3} + b_{2}\right)}{P_{1}}"
    )


@pytest.mark.parametrize("function", ["tanh", "relu", "identity", "softsign", "sigmoid"])
@pytest.mark.parametrize("flag", ["--activation", "--output"])
def test_the_command_marks_the_source_s_own_network_alone(function, flag, capsys):
    line = ["derive", "2-3-2", "--notation", "scalar", "--weight", "V11", flag, function]
    assert main(line) == 0
    assert capsys.readouterr().out.count("⚠") == (12 if function == "sigmoid" else 0)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_an_equation_too_long_for_its_words_has_a_line_of_its_own_in_an_article(language):
    article = s3(language).to_latex()
    last = article.rpartition(r"\textit{")[2].partition("\n\\end{document}")[0]
    lines = [line.removesuffix(" \\newline") for line in last.splitlines()]
    assert len(lines) == 5
    for line in (lines[1], lines[3]):
        assert line.startswith(r"\ensuremath{\frac{\partial E_{\mathrm{total}}}")
        assert "W_{11}" in line
        assert r"\left" not in line  # what stands in such brackets is one box, and too wide
    assert len(re.findall(r"[:：] ?\\ensuremath\{E_\{1\} = ", article)) == 2
