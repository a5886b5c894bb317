"""How each piece of an equation looks, sign by sign: Unicode text, LaTeX, MathML."""

from __future__ import annotations

import pytest

from clearprop.derivation.notations.names import Glyph, Partial
from clearprop.derivation.printers.latex import LATEX, ROOM, extent
from clearprop.derivation.printers.layouts import TEXT
from clearprop.derivation.printers.mathml import MATHML

LAYOUTS = (TEXT, LATEX, MATHML)


def test_each_layout_has_its_name_and_text_alone_writes_fractions_on_the_line():
    assert [one.name for one in LAYOUTS] == ["text", "latex", "mathml"]
    assert [one.flat_fractions for one in LAYOUTS] == [True, False, False]


@pytest.mark.parametrize(
    ("what", "text", "latex", "mathml"),
    [
        (("relation", "="), " = ", " = ", "<mo>=</mo>"),
        (("relation", "←"), " ← ", r" \leftarrow ", "<mo>←</mo>"),
        (("line", "x"), "x", "x", "<mrow>x</mrow>"),
        (("half",), "½", r"\tfrac{1}{2}", "<mfrac><mn>1</mn><mn>2</mn></mfrac>"),
        (("letter", "x"), "x", "x", "<mi>x</mi>"),
        (("letter", "δ"), "δ", r"\delta", "<mi>δ</mi>"),
        (("letter", "2π"), "2π", r"2\pi", "<mi>2π</mi>"),
        (("letter", "net"), "net", r"\mathrm{net}", "<mi>net</mi>"),
        (("letter", "<&>"), "<&>", r"\mathrm{<&>}", "<mi>&lt;&amp;&gt;</mi>"),
        (("minus", "x"), "−x", "-x", '<mrow><mo form="prefix">−</mo>x</mrow>'),
        (("product", ["x", "y", "z"], ""), "x y z", r"x \, y \, z",
         "<mrow>x<mspace width='0.17em'/>y<mspace width='0.17em'/>z</mrow>"),
        (("product", ["x", "y"], "·"), "x · y", r"x \cdot y", "<mrow>x<mo>·</mo>y</mrow>"),
        (("product", ["x", "y"], "⊙"), "x ⊙ y", r"x \odot y", "<mrow>x<mo>⊙</mo>y</mrow>"),
        (("over", "x", "y"), "x/y", r"\frac{x}{y}",
         "<mfrac><mrow>x</mrow><mrow>y</mrow></mfrac>"),
        (("power", "x", "2", True), "x²", "x^{2}",
         "<msup><mrow>x</mrow><mrow>2</mrow></msup>"),
        (("power", "x", "10", False), "x¹⁰", "{x}^{10}",
         "<msup><mrow>x</mrow><mrow>10</mrow></msup>"),
        (("power", "x", "−y", False), "x^(−y)", "{x}^{−y}",
         "<msup><mrow>x</mrow><mrow>−y</mrow></msup>"),
        (("turn", "x"), "xᵀ", r"{x}^{\mathsf{T}}",
         "<msup><mrow>x</mrow><mi mathvariant='normal'>T</mi></msup>"),
        (("compare", "x", "y", False), "x < y", "x < y", "<mrow>x<mo>&lt;</mo>y</mrow>"),
        (("compare", "x", "y", True), "x ≤ y", r"x \le y", "<mrow>x<mo>≤</mo>y</mrow>"),
        (("cases", "x", "c", "y"), "{x if c, else y}",
         r"\begin{cases} x & \text{if } c \\ y & \text{else} \end{cases}",
         '<mrow><mo form="prefix">{</mo><mtable>'
         "<mtr><mtd style='text-align:left'>x</mtd>"
         "<mtd style='text-align:left'><mtext>if\u00a0</mtext>c</mtd></mtr>"
         "<mtr><mtd style='text-align:left'>y</mtd>"
         "<mtd style='text-align:left'><mtext>else</mtext></mtd></mtr></mtable></mrow>"),
        (("stack", ["<mi>x</mi>", "<mn>1</mn>"]), "(<mi>x</mi>; <mn>1</mn>)",
         r"\begin{pmatrix} <mi>x</mi> \\ <mn>1</mn> \end{pmatrix}",
         "<mrow><mo>(</mo><mtable><mtr><mtd><mi>x</mi></mtd></mtr>"
         "<mtr><mtd><mn>1</mn></mtd></mtr></mtable><mo>)</mo></mrow>"),
        (("beside", "x", "y"), "[x | y]", r"\begin{bmatrix} x & y \end{bmatrix}",
         "<mrow><mo>[</mo>x<mo>|</mo>y<mo>]</mo></mrow>"),
        (("part", "x", 2, 4), "x[2…4]", r"{x}_{[2 \ldots 4]}",
         "<msub><mrow>x</mrow><mrow><mo stretchy='false'>[</mo>"
         "<mn>2</mn><mi>…</mi><mn>4</mn><mo stretchy='false'>]</mo></mrow></msub>"),
        (("unit_vector", "k"), "1[k]", r"\mathbf{1}_{k}", "<msub><mn>1</mn><mrow>k</mrow></msub>"),
        (("run", "i", ["1", "3"], True), "i = 1…3", r"i = 1, \ldots, 3",
         "<mrow><mi>i</mi><mo>=</mo>1<mo>,</mo><mi>…</mi><mo>,</mo>3</mrow>"),
        (("run", "i", ["1", "2"], False), "i = 1, 2", "i = 1, 2",
         "<mrow><mi>i</mi><mo>=</mo>1<mo>,</mo>2</mrow>"),
        (("run", "κ", ["1"], False), "κ = 1", r"\kappa = 1", "<mrow><mi>κ</mi><mo>=</mo>1</mrow>"),
        (("chosen", "k", "i"), "[k = i]", r"\left[k = i\right]",
         "<mrow><mo>[</mo>k<mo>=</mo>i<mo>]</mo></mrow>"),
        (("square", "x"), "‖x‖²", r"\left\|x\right\|^{2}",
         "<msup><mrow><mo>‖</mo>x<mo>‖</mo></mrow><mn>2</mn></msup>"),
        (("ratio", "J", "w"), "∂J/∂w", r"\frac{\partial J}{\partial w}",
         "<mfrac><mrow><mo>∂</mo>J</mrow><mrow><mo>∂</mo>w</mrow></mfrac>"),
        (("total", "j", "3", "x"), "Σⱼ₌₁³ x", r"\sum_{j=1}^{3} x",
         "<mrow><munderover><mo>∑</mo><mrow><mi>j</mi>"
         "<mo lspace='0' rspace='0'>=</mo><mn>1</mn></mrow>"
         "<mrow>3</mrow></munderover>x</mrow>"),
        (("total", "κ", "K", "x"), "Σ_(κ=1)^K x", r"\sum_{\kappa=1}^{K} x",
         "<mrow><munderover><mo>∑</mo><mrow><mi>κ</mi>"
         "<mo lspace='0' rspace='0'>=</mo><mn>1</mn></mrow>"
         "<mrow>K</mrow></munderover>x</mrow>"),
    ],
)  # fmt: skip
def test_a_piece_is_written_as_its_page_wants_it(what, text, latex, mathml):
    name, *given = what
    found = [getattr(layout, name)(*given) for layout in LAYOUTS]
    assert found == [text, latex, mathml]


@pytest.mark.parametrize(
    ("written", "text", "latex", "mathml"),
    [
        ("2.5", "2.5", "2.5", "<mn>2.5</mn>"),
        ("-2.5", "−2.5", "-2.5", '<mrow><mo form="prefix">−</mo><mn>2.5</mn></mrow>'),
        ("1e9", "1e9", r"1 \cdot 10^{9}",
         "<mrow><mn>1</mn><mo>·</mo><msup><mn>10</mn><mn>9</mn></msup></mrow>"),
        ("1.5e-7", "1.5e−7", r"1.5 \cdot 10^{-7}",
         "<mrow><mn>1.5</mn><mo>·</mo><msup><mn>10</mn>"
         "<mrow><mo>−</mo><mn>7</mn></mrow></msup></mrow>"),
        ("-1e-12", "−1e−12", r"-1 \cdot 10^{-12}",
         '<mrow><mo form="prefix">−</mo><mrow><mn>1</mn><mo>·</mo><msup><mn>10</mn>'
         "<mrow><mo>−</mo><mn>12</mn></mrow></msup></mrow></mrow>"),
        ("∞", "∞", r"\infty", "<mn>∞</mn>"),
        ("-∞", "−∞", r"-\infty", '<mrow><mo form="prefix">−</mo><mn>∞</mn></mrow>'),
        ("NaN", "NaN", r"\mathrm{NaN}", "<mn>NaN</mn>"),
    ],
)  # fmt: skip
def test_a_number_has_a_true_minus_and_a_power_of_ten(written, text, latex, mathml):
    assert [layout.number(written) for layout in LAYOUTS] == [text, latex, mathml]


@pytest.mark.parametrize(
    ("parts", "text", "latex", "mathml"),
    [
        ([(False, "x")], "x", "x", "<mrow>x</mrow>"),
        ([(True, "x")], "−x", "-x", '<mrow><mo form="prefix">−</mo>x</mrow>'),
        ([(False, "x"), (True, "y"), (False, "z")], "x − y + z", "x - y + z",
         '<mrow>x<mo form="infix">−</mo>y<mo form="infix">+</mo>z</mrow>'),
        ([(True, "x"), (False, "y")], "−x + y", "-x + y",
         '<mrow><mo form="prefix">−</mo>x<mo form="infix">+</mo>y</mrow>'),
    ],
)  # fmt: skip
def test_a_sum_writes_each_sign_once(parts, text, latex, mathml):
    for write in ("sum", "folded_sum"):
        assert [getattr(layout, write)(parts) for layout in LAYOUTS] == [text, latex, mathml]


def test_a_long_sum_in_latex_goes_on_under_itself_with_its_own_sign():
    long = 30 * "x"
    assert LATEX.folded_sum([(False, long), (True, long), (True, long), (False, "y")]) == (
        rf"\begin{{aligned}} & {long} - {long} \\ & {{}}- {long} + y \end{{aligned}}"
    )
    assert LATEX.folded_sum([(True, 60 * "x"), (False, 20 * "y")]) == (
        rf"\begin{{aligned}} & -{60 * 'x'} \\ & {{}}+ {20 * 'y'} \end{{aligned}}"
    )


@pytest.mark.parametrize(("more", "lines"), [(0, 1), (1, 2)])
def test_a_sum_in_latex_is_folded_where_it_is_wider_than_the_room_by_one(more, lines):
    parts = [(False, (ROOM - 11) * "x"), (False, (10 + more) * "y")]
    assert LATEX.folded_sum(parts).count("&") == (0 if lines == 1 else 2)
    assert ROOM == 68


@pytest.mark.parametrize(
    ("formula", "signs"),
    [
        ("", 0),
        ("x + y", 3),
        (r"\alpha \, x", 2),
        (r"\frac{a}{b}", 2),
        (r"\left(x\right)", 3),
        (r"W^{(1)}_{12}", 6),
        (r"\operatorname{tanh}", 4),
        (r"\tfrac{1}{2} x", 3),
        (r"{x}^{\mathsf{T}}", 2),
        (r"\begin{pmatrix} 1 \\ 22 \\ 333 \end{pmatrix}", 6),
        (r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix} = 5", 7),
        (r"\begin{cases} \begin{pmatrix} 1 \end{pmatrix} & x \\ y & z \end{cases}", 8),
        (r"\begin{pmatrix} 1 \end{pmatrix} + \begin{pmatrix} 2 \end{pmatrix}", 9),
    ],
)
def test_the_extent_of_a_formula_counts_what_is_seen(formula, signs):
    assert extent(formula) == signs


# -- brackets, functions, matrices ------------------------------------------------------------
@pytest.mark.parametrize("tall", ["mfrac", "mtable", "munderover", "msqrt"])
def test_a_bracket_in_mathml_grows_around_what_is_tall_alone(tall):
    inner = f"<mi>x</mi><{tall}></{tall}>"
    assert MATHML.bracket(inner) == f"<mrow><mo>(</mo>{inner}<mo>)</mo></mrow>"
    assert MATHML.bracket("<mi>x</mi>") == (
        "<mrow><mo stretchy='false'>(</mo><mi>x</mi><mo stretchy='false'>)</mo></mrow>"
    )
    assert TEXT.bracket("x") == "(x)" and LATEX.bracket("x") == r"\left(x\right)"


F_X = "<mo stretchy='false'>(</mo>x<mo stretchy='false'>)</mo>"
CALLS = [
    (("abs", False, "x", ()), "|x|", r"\left|x\right|", "<mrow><mo>|</mo>x<mo>|</mo></mrow>"),
    (("exp", False, "x", ()), "e^(x)", "e^{x}", "<msup><mi>e</mi><mrow>x</mrow></msup>"),
    (("sqrt", False, "x", ()), "√(x)", r"\sqrt{x}", "<msqrt>x</msqrt>"),
    (("exp", True, "x", ()), "exp′(x)", r"\exp^{\prime}\left(x\right)",
     f"<mrow><msup><mi>exp</mi><mo>′</mo></msup><mrow>{F_X}</mrow></mrow>"),
    (("f", False, "x", ()), "f(x)", r"f\left(x\right)",
     f"<mrow><mi>f</mi><mrow>{F_X}</mrow></mrow>"),
    (("f", True, "x", ()), "f′(x)", r"f^{\prime}\left(x\right)",
     f"<mrow><msup><mi>f</mi><mo>′</mo></msup><mrow>{F_X}</mrow></mrow>"),
    (("σ", False, "x", ()), "σ(x)", r"\sigma\left(x\right)",
     f"<mrow><mi>σ</mi><mrow>{F_X}</mrow></mrow>"),
    (("tanh", False, "x", ()), "tanh(x)", r"\tanh\left(x\right)",
     f"<mrow><mi>tanh</mi><mrow>{F_X}</mrow></mrow>"),
    (("hard_tanh", False, "x", ()), "hard_tanh(x)", r"\operatorname{hard\_tanh}\left(x\right)",
     f"<mrow><mi>hard_tanh</mi><mrow>{F_X}</mrow></mrow>"),
    (("softmax", False, "x", ("i",)), "softmax(x)ᵢ", r"\operatorname{softmax}\left(x\right)_{i}",
     f"<mrow><mi>softmax</mi><msub><mrow>{F_X}</mrow><mrow><mi>i</mi></mrow></msub></mrow>"),
    (("f", False, "x", ("1", "12")), "f(x)₁,₁₂", r"f\left(x\right)_{1,12}",
     f"<mrow><mi>f</mi><msub><mrow>{F_X}</mrow>"
     "<mrow><mn>1</mn><mo>,</mo><mn>1</mn><mn>2</mn></mrow></msub></mrow>"),
]  # fmt: skip


@pytest.mark.parametrize(("given", "text", "latex", "mathml"), CALLS)
def test_a_function_is_written_as_mathematics_has_it(given, text, latex, mathml):
    assert [layout.call(*given) for layout in LAYOUTS] == [text, latex, mathml]


@pytest.mark.parametrize(
    ("given", "text", "latex", "mathml"),
    [
        *CALLS[:3],
        (("f", False, "x", ()), "f(x)", "fx", "<mrow><mi>f</mi>x</mrow>"),
        (("f", True, "x", ()), "f′(x)", r"f^{\prime}x",
         "<mrow><msup><mi>f</mi><mo>′</mo></msup>x</mrow>"),
        (("f", False, "x", ("2",)), "f(x)₂", "fx_{2}",
         "<mrow><mi>f</mi><msub>x<mrow><mn>2</mn></mrow></msub></mrow>"),
    ],
)  # fmt: skip
def test_numbers_with_brackets_of_their_own_get_no_second_pair(given, text, latex, mathml):
    assert [layout.call_matrix(*given) for layout in LAYOUTS] == [text, latex, mathml]


def test_a_matrix_has_dots_of_its_page():
    rows = [["1", "…", "2"], ["⋮", "⋱", "⋮"], ["3", "…", "4"]]
    assert TEXT.matrix(rows) == "[1 … 2; ⋮ ⋱ ⋮; 3 … 4]"
    assert LATEX.matrix(rows) == (
        r"\begin{pmatrix} 1 & \cdots & 2 \\ \vdots & \ddots & \vdots \\ "
        r"3 & \cdots & 4 \end{pmatrix}"
    )
    assert MATHML.matrix([["<mn>1</mn>", "…"], ["⋮", "⋱"]]) == (
        "<mrow><mo>(</mo><mtable><mtr><mtd><mn>1</mn></mtd><mtd><mo>…</mo></mtd></mtr>"
        "<mtr><mtd><mo>⋮</mo></mtd><mtd><mo>⋱</mo></mtd></mtr></mtable><mo>)</mo></mrow>"
    )


# -- letters with what stands around them -----------------------------------------------------
PRIME = "<mo>′</mo>"
ONE = "<mo stretchy='false'>(</mo><mn>1</mn><mo stretchy='false'>)</mo>"


@pytest.mark.parametrize(
    ("glyph", "text", "latex", "mathml"),
    [
        (Glyph("a"), "a", "a", "<mi>a</mi>"),
        (Glyph("a", "(1)"), "a⁽¹⁾", "a^{(1)}", f"<msup><mi>a</mi><mrow>{ONE}</mrow></msup>"),
        (Glyph("a", "", ("i",)), "aᵢ", "a_{i}", "<msub><mi>a</mi><mrow><mi>i</mi></mrow></msub>"),
        (Glyph("W", "(1)", ("i", "j")), "W⁽¹⁾ᵢⱼ", "W^{(1)}_{ij}",
         f"<msubsup><mi>W</mi><mrow><mi>i</mi><mi>j</mi></mrow><mrow>{ONE}</mrow></msubsup>"),
        (Glyph("W", "(1)", prime=True), "W′⁽¹⁾", r"W^{\prime (1)}",
         f"<msup><mi>W</mi><mrow>{PRIME}{ONE}</mrow></msup>"),
        (Glyph("w", "", ("1",), prime=True), "w′₁", r"w^{\prime}_{1}",
         f"<msubsup><mi>w</mi><mrow><mn>1</mn></mrow><mrow>{PRIME}</mrow></msubsup>"),
        (Glyph("w", prime=True), "w′", r"w^{\prime}",
         f"<msup><mi>w</mi><mrow>{PRIME}</mrow></msup>"),
        (Glyph("Θ", bar=True), "Θ\u0304", r"\bar{\Theta}",
         "<mover accent='true'><mpadded height='0.78em'><mi>Θ</mi></mpadded><mo>¯</mo></mover>"),
        (Glyph("a", "l−1"), "aˡ⁻¹", "a^{l-1}",
         "<msup><mi>a</mi><mrow><mi>l</mi><mo lspace='0' rspace='0'>−</mo>"
         "<mn>1</mn></mrow></msup>"),
        (Glyph("a", "(out)"), "a⁽ᵒᵘᵗ⁾", r"a^{\text{(out)}}",
         "<msup><mi>a</mi><mrow><mtext>(out)</mtext></mrow></msup>"),
        (Glyph("a", "l"), "aˡ", "a^{l}", "<msup><mi>a</mi><mrow><mi>l</mi></mrow></msup>"),
        (Glyph("a", "2_b"), "a^(2_b)", r"a^{2\_b}",
         "<msup><mi>a</mi><mrow><mn>2</mn><mo lspace='0' rspace='0'>_</mo>"
         "<mi>b</mi></mrow></msup>"),
        (Glyph("a", "", ("i−1",)), "aᵢ₋₁", "a_{i-1}",
         "<msub><mi>a</mi><mrow><mi>i</mi><mo lspace='0' rspace='0'>−</mo>"
         "<mn>1</mn></mrow></msub>"),
        (Glyph("a", "", ("κ", "i")), "a_(κi)", r"a_{\kappa i}",
         "<msub><mi>a</mi><mrow><mi>κ</mi><mi>i</mi></mrow></msub>"),
        (Glyph("a", "", ("κ", "i+13")), "a_(κ,i+13)", r"a_{\kappa , i + 13}",
         "<msub><mi>a</mi><mrow><mi>κ</mi><mo>,</mo><mi>i</mi><mo lspace='0' rspace='0'>+</mo>"
         "<mn>1</mn><mn>3</mn></mrow></msub>"),
    ],
)  # fmt: skip
def test_a_letter_carries_its_marks_in_their_places(glyph, text, latex, mathml):
    assert [layout.glyph(glyph) for layout in LAYOUTS] == [text, latex, mathml]


def test_a_quantity_written_as_a_derivative_is_a_fraction():
    partial = Partial(Glyph("J"), Glyph("z", "", ("1",)))
    assert [layout.partial(partial) for layout in LAYOUTS] == [
        "∂J/∂z₁", r"\frac{\partial J}{\partial z_{1}}",
        "<mfrac><mrow><mo>∂</mo><mi>J</mi></mrow><mrow><mo>∂</mo>"
        "<msub><mi>z</mi><mrow><mn>1</mn></mrow></msub></mrow></mfrac>",
    ]  # fmt: skip
