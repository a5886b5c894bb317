"""Written trees on the page: brackets where they are needed and nowhere else, digits, dots."""

from __future__ import annotations

import math

import numpy as np
import pytest

import clearprop as cp
from clearprop.derivation.printers.latex import LATEX
from clearprop.derivation.printers.layouts import TEXT
from clearprop.derivation.printers.mathml import MATHML
from clearprop.derivation.printers.printing import Printer, elided
from clearprop.derivation.trees.tree import (
    MEMBER,
    SAMPLE,
    Beside,
    Call,
    Chosen,
    Literal,
    Minus,
    Node,
    Number,
    Over,
    Part,
    Piecewise,
    Place,
    Plus,
    Quantity,
    Raise,
    Ratio,
    Run,
    Square,
    Stack,
    Times,
    Total,
    Turn,
    UnitVector,
    Var,
    Width,
)

DERIVED = cp.derive(cp.Network("2-3-2", "sigmoid"), "matrix")
# numbers: a and b; vectors: x and y; a matrix: W
a, b = Quantity("a2", (1,)), Quantity("z2", (1,))
x, y, W = Quantity("a2"), Quantity("z2"), Quantity("W1")
A, B, X, Y, WW = "a⁽²⁾₁", "z⁽²⁾₁", "a⁽²⁾", "z⁽²⁾", "W⁽¹⁾"
LA, LB, LX, LY, LW = "a^{(2)}_{1}", "z^{(2)}_{1}", "a^{(2)}", "z^{(2)}", "W^{(1)}"
two, minus_two = Number(2.0), Number(-2.0)


@pytest.mark.parametrize(
    ("tree", "text", "latex"),
    [
        # sums
        (Plus((a, Minus(b))), f"{A} − {B}", f"{LA} - {LB}"),
        (Plus((Minus(a), b)), f"−{A} + {B}", f"-{LA} + {LB}"),
        (Plus((a, minus_two)), f"{A} − 2", f"{LA} - 2"),
        (Plus((a, Number(-0.5))), f"{A} − ½", rf"{LA} - \tfrac{{1}}{{2}}"),
        (Plus((a, Number(-0.5, True))), f"{A} − 0.5", f"{LA} - 0.5"),
        (Plus((a, Number(0.0), b)), f"{A} + 0 + {B}", f"{LA} + 0 + {LB}"),
        (Plus((minus_two, a)), f"−2 + {A}", f"-2 + {LA}"),
        (Plus((a, Minus(Plus((a, b))))), f"{A} − ({A} + {B})",
         rf"{LA} - \left({LA} + {LB}\right)"),
        (Plus((a, Plus((a, b)))), f"{A} + ({A} + {B})", rf"{LA} + \left({LA} + {LB}\right)"),
        (Plus((a, Times((a, b)))), f"{A} + {A} {B}", rf"{LA} + {LA} \, {LB}"),
        (Minus(Plus((a, b))), f"−({A} + {B})", rf"-\left({LA} + {LB}\right)"),
        (Minus(Times((a, b))), f"−{A} {B}", rf"-{LA} \, {LB}"),
        (Minus(Minus(a)), f"−(−{A})", rf"-\left(-{LA}\right)"),
        # products
        (Times((Plus((a, b)), a)), f"({A} + {B}) {A}", rf"\left({LA} + {LB}\right) \, {LA}"),
        (Times((a, Minus(b))), f"{A} (−{B})", rf"{LA} \, \left(-{LB}\right)"),
        (Times((minus_two, a)), f"(−2) {A}", rf"\left(-2\right) \, {LA}"),
        (Times((Number(0.0), a)), f"0 {A}", rf"0 \, {LA}"),
        (Times((two, Number(3.0))), "2 · 3", r"2 \cdot 3"),
        (Times((Over(a, b), a)), f"({A}/{B}) {A}", rf"\frac{{{LA}}}{{{LB}}} \, {LA}"),
        (Times((Times((a, b)), a)), f"({A} {B}) {A}", rf"\left({LA} \, {LB}\right) \, {LA}"),
        (Times((x, y)), f"{X} ⊙ {Y}", rf"{LX} \odot {LY}"),
        (Times((a, x)), f"{A} {X}", rf"{LA} \, {LX}"),
        (Times((x, a, y)), f"{A} {X} ⊙ {Y}", rf"{LA} \, {LX} \odot {LY}"),
        (Times((W, x), "matrix"), f"{WW} {X}", rf"{LW} \, {LX}"),
        (Times((Times((a, W)), x), "matrix"), f"{A} {WW} {X}", rf"{LA} \, {LW} \, {LX}"),
        (Times((W, Times((a, x))), "matrix"), f"{WW} ({A} {X})",
         rf"{LW} \, \left({LA} \, {LX}\right)"),
        (Times((Plus((x, y)), x), "matrix"), f"({X} + {Y}) {X}",
         rf"\left({LX} + {LY}\right) \, {LX}"),
        # a sum sign takes all that follows it
        (Times((two, Total("i", 3, a, Number(3.0)))), f"2 Σᵢ₌₁³ {A}",
         rf"2 \, \sum_{{i=1}}^{{3}} {LA}"),
        (Times((Total("i", 3, a, Number(3.0)), two)), f"(Σᵢ₌₁³ {A}) · 2",
         rf"\left(\sum_{{i=1}}^{{3}} {LA}\right) \cdot 2"),
        (Total("j", 3, Plus((a, b)), Number(3.0)), f"Σⱼ₌₁³ ({A} + {B})",
         rf"\sum_{{j=1}}^{{3}} \left({LA} + {LB}\right)"),
        (Total("j", 3, Times((a, b)), Number(3.0)), f"Σⱼ₌₁³ {A} {B}",
         rf"\sum_{{j=1}}^{{3}} {LA} \, {LB}"),
        (Plus((a, Total("j", 3, b, Number(3.0)))), f"{A} + (Σⱼ₌₁³ {B})",
         rf"{LA} + \left(\sum_{{j=1}}^{{3}} {LB}\right)"),
        (Total(SAMPLE, 7, a, Quantity("m")), f"Σₛ₌₁ᵐ {A}", rf"\sum_{{s=1}}^{{m}} {LA}"),
        (Total(MEMBER, 7, a, Quantity("K")), f"Σ_(κ=1)^K {A}",
         rf"\sum_{{\kappa=1}}^{{K}} {LA}"),
        # quotients, powers, transposes
        (Over(Times((a, b)), Times((a, b))), f"{A} {B}/({A} {B})",
         rf"\frac{{{LA} \, {LB}}}{{{LA} \, {LB}}}"),
        (Over(Plus((a, b)), a), f"({A} + {B})/{A}", rf"\frac{{{LA} + {LB}}}{{{LA}}}"),
        (Over(a, Over(a, b)), f"{A}/({A}/{B})", rf"\frac{{{LA}}}{{\frac{{{LA}}}{{{LB}}}}}"),
        (Over(a, Raise(b, two)), f"{A}/{B}²", rf"\frac{{{LA}}}{{{{{LB}}}^{{2}}}}"),
        (Over(a, minus_two), f"{A}/(−2)", rf"\frac{{{LA}}}{{-2}}"),
        (Raise(a, two), f"{A}²", rf"{{{LA}}}^{{2}}"),
        (Raise(two, a), f"2^({A})", f"2^{{{LA}}}"),
        (Raise(minus_two, two), "(−2)²", r"\left(-2\right)^{2}"),
        (Raise(Number(0.0), two), "0²", "0^{2}"),
        (Raise(Plus((a, b)), two), f"({A} + {B})²", rf"{{\left({LA} + {LB}\right)}}^{{2}}"),
        (Raise(Raise(a, two), two), f"({A}²)²", rf"{{\left({{{LA}}}^{{2}}\right)}}^{{2}}"),
        (Raise(Over(a, b), two), f"({A}/{B})²",
         rf"{{\left(\frac{{{LA}}}{{{LB}}}\right)}}^{{2}}"),
        (Raise(Ratio(a, b), two), f"(∂{A}/∂{B})²",
         rf"{{\left(\frac{{\partial {LA}}}{{\partial {LB}}}\right)}}^{{2}}"),
        (Raise(Square(x), two), f"(‖{X}‖²)²",
         rf"{{\left(\left\|{LX}\right\|^{{2}}\right)}}^{{2}}"),
        (Raise(Call("exp", (a,)), two), f"(e^({A}))²", rf"{{\left(e^{{{LA}}}\right)}}^{{2}}"),
        (Raise(Call("tanh", (a,)), two), f"tanh({A})²",
         rf"{{\tanh\left({LA}\right)}}^{{2}}"),
        (Turn(x), f"{X}ᵀ", rf"{{\left({LX}\right)}}^{{\mathsf{{T}}}}"),
        (Turn(Plus((x, y))), f"({X} + {Y})ᵀ",
         rf"{{\left({LX} + {LY}\right)}}^{{\mathsf{{T}}}}"),
        (Turn(Literal((1.0, 2.0))), "[1; 2]ᵀ",
         r"{\begin{pmatrix} 1 \\ 2 \end{pmatrix}}^{\mathsf{T}}"),
        (Raise(Turn(x), two), f"({X}ᵀ)²",
         rf"{{\left({{\left({LX}\right)}}^{{\mathsf{{T}}}}\right)}}^{{2}}"),
        # functions and the other pieces
        (Call("f", (Plus((a, b)),)), f"f({A} + {B})", rf"f\left({LA} + {LB}\right)"),
        (Call("f", (a, b), True), f"f′({A}, {B})", rf"f^{{\prime}}\left({LA}, {LB}\right)"),
        (Call("f", (x,), False, (Var("i"), 2)), f"f({X})ᵢ₂", rf"f\left({LX}\right)_{{i2}}"),
        (Call("f", (Literal((1.0, 2.0)),)), "f([1; 2])",
         r"f\begin{pmatrix} 1 \\ 2 \end{pmatrix}"),
        (Piecewise(a, Number(0.0), False, b, a), f"{{{B} if {A} < 0, else {A}}}",
         rf"\begin{{cases}} {LB} & \text{{if }} {LA} < 0 \\ {LA} & \text{{else}} \end{{cases}}"),
        (Piecewise(a, two, True, b, a), f"{{{B} if {A} ≤ 2, else {A}}}",
         rf"\begin{{cases}} {LB} & \text{{if }} {LA} \le 2 \\ {LA} & \text{{else}} \end{{cases}}"),
        (Place(3), "3", "3"),
        (Place(Var("i")), "i", "i"),
        (Place(Var("i", -3)), "i − 3", "i - 3"),
        (Place(Var("i", 2)), "i + 2", "i + 2"),
        (Place(Var(SAMPLE)), "s", "s"),
        (Place(Var(MEMBER)), "κ", r"\kappa"),
        (Stack((x, Number(1.0))), f"({X}; 1)", rf"\begin{{pmatrix}} {LX} \\ 1 \end{{pmatrix}}"),
        (Part(x, 2, 4), f"{X}[2…4]", rf"{{{LX}}}_{{[2 \ldots 4]}}"),
        (Part(Plus((x, y)), 1, 2), f"({X} + {Y})[1…2]",
         rf"{{\left({LX} + {LY}\right)}}_{{[1 \ldots 2]}}"),
        (UnitVector(Place(2), 3), "1[2]", r"\mathbf{1}_{2}"),
        (Chosen(Place(Var("k")), 1), "[k = 0]", r"\left[k = 0\right]"),
        (Beside(W, x), f"[{WW} | {X}]", rf"\begin{{bmatrix}} {LW} & {LX} \end{{bmatrix}}"),
        (Beside(W, None), f"[{WW} | 0]", rf"\begin{{bmatrix}} {LW} & 0 \end{{bmatrix}}"),
        (Run("i", (Number(1.0), Number(3.0)), True), "i = 1…3", r"i = 1, \ldots, 3"),
        (Run("i", (Number(1.0), Number(2.0)), False), "i = 1, 2", "i = 1, 2"),
        (Square(Plus((x, Minus(y)))), f"‖{X} − {Y}‖²",
         rf"\left\|{LX} - {LY}\right\|^{{2}}"),
        (Ratio(Quantity("J"), a), f"∂J/∂{A}", rf"\frac{{\partial J}}{{\partial {LA}}}"),
        (Width("", 0), "Sₗ", "S_{l}"),
        (Width("", -1), "Sₗ₋₁", "S_{l-1}"),
    ],
)  # fmt: skip
def test_a_tree_has_the_brackets_it_needs_and_no_other(tree, text, latex):
    assert DERIVED.printer(TEXT).render(tree) == text
    assert DERIVED.printer(LATEX).render(tree) == latex


@pytest.mark.parametrize("scalar", [Number(3.0), Square(x), Chosen(Place(Var("k")), 1),
                                    Place(Var("k")), Ratio(Quantity("J"), a), Quantity("J"), a,
                                    Call("f", (a,)), Call("f", (x,), False, (1,)), Minus(a),
                                    Times((Turn(x), y), "matrix"), Over(a, b),
                                    Total("i", 2, a, Number(2.0)), Piecewise(a, b, True, a, b),
                                    ])  # fmt: skip
def test_numbers_are_multiplied_without_a_circle_and_stand_in_front(scalar):
    text = DERIVED.printer(TEXT).render(Times((x, scalar)))
    assert "⊙" not in text and (text.endswith(f" {X}") or isinstance(scalar, Total))


@pytest.mark.parametrize("vector", [y, Literal((1.0, 2.0)), Call("f", (x,)), Stack((a, b)),
                                    Part(x, 1, 2), UnitVector(Place(2), 3), Minus(x), W,
                                    Beside(W, None), Turn(x), Over(x, a), Plus((a, x)),
                                    Times((W, x), "matrix"), Times((x, Turn(y)), "matrix"),
                                    Times((Turn(W), y), "matrix"), Times((Turn(a), y), "matrix"),
                                    Total("i", 2, x, Number(2.0))])  # fmt: skip
def test_vectors_are_multiplied_entry_by_entry_with_a_circle(vector):
    assert DERIVED.printer(TEXT).render(Times((vector, x))).endswith(f" ⊙ {X}")


def test_only_a_quantity_is_put_in_brackets_before_its_transpose_outside_text():
    expected = "<msup><mrow><mrow><mo stretchy='false'>(</mo>"
    assert DERIVED.printer(MATHML).render(Turn(x)).startswith(expected)
    assert (
        DERIVED.printer(MATHML)
        .render(Turn(Literal((1.0,))))
        .startswith("<msup><mrow><mrow><mo>(</mo><mtable><mtr><mtd><mn>1</mn></mtd></mtr></mtable>")
    )


def test_a_notation_that_writes_dots_writes_them_between_all_numbers():
    d = cp.derive(cp.Network("2-3-2", "sigmoid"), "scalar")
    assert d.notation.times
    one = d.names.ordered("a2", (1,))
    p = Quantity("a2", one)
    text = d.printer(TEXT).render(p)
    assert d.printer(TEXT).render(Times((p, p))) == f"{text} · {text}"


def test_what_is_no_tree_is_not_printed():
    with pytest.raises(TypeError, match="Node is not printed"):
        DERIVED.printer(TEXT).render(Node())


# -- numbers ----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("number", "exact", "measured"),
    [
        (0.0, "0", "0"), (-0.0, "0", "0"), (1.0, "1", "1"), (-3.0, "−3", "−3"),
        (0.25, "0.25", "0.25"), (0.1234567, "0.1234567", "0.1235"),
        (-0.1234567, "−0.1234567", "−0.1235"), (0.5, "½", "0.5"), (-0.5, "−0.5", "−0.5"),
        (1e9, "1000000000", "1000000000"),
        (999999999999999.0, "999999999999999", "999999999999999"),
        (1e15, "1000000000000000", "1e15"), (-1e16, "−1e16", "−1e16"),
        (1e-7, "1e−7", "1e−7"), (1.25e-9, "1.25e−9", "1.25e−9"),
        (math.pi, "π", "3.142"), (2 * math.pi, "2π", "6.283"),
    ],
)  # fmt: skip
def test_a_formulas_number_stands_in_full_and_a_measured_one_has_its_digits(
    number, exact, measured
):
    printer = DERIVED.printer(TEXT)
    assert printer.render(Number(number)) == exact
    assert printer.render(Number(number, True)) == measured


@pytest.mark.parametrize(
    ("digits", "text"), [(1, "0.7"), (2, "0.67"), (4, "0.6667"), (10, "0.6666666667")]
)
def test_a_page_has_the_digits_it_is_asked_for(digits, text):
    printer = Printer(DERIVED.names, TEXT, digits)
    assert printer.array(2 / 3) == printer.render(Number(2 / 3, True)) == text
    assert printer.array(np.array([2 / 3, 1.0])) == f"[{text}; 1]"
    assert Printer(DERIVED.names, TEXT).array(2 / 3) == DERIVED.printer(TEXT).array(2 / 3)
    assert Printer(DERIVED.names, TEXT).array(2 / 3) == "0.6667"


def test_an_array_is_a_number_a_column_or_a_matrix():
    printer = DERIVED.printer(TEXT)
    assert printer.array(np.float64(-2.5)) == "−2.5"
    assert printer.array(float("nan")) == "NaN"
    assert printer.array([1.0, -np.inf]) == "[1; −∞]"
    assert printer.array([[1.0, 2.0], [3.0, 4.0]]) == "[1 2; 3 4]"
    assert printer.render(Literal(((1.0, 2.0), (3.0, 4.0)))) == "[1 2; 3 4]"


# -- dots -------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("size", "kept"),
    [(1, "1"), (2, "1 2"), (5, "1 2 3 4 5"), (6, "1 2 3 4 5 6"), (7, "1 2 3 4 dots 7"),
     (20, "1 2 3 4 dots 20")],
)  # fmt: skip
def test_six_rows_or_columns_stand_in_full_and_of_seven_four_and_the_last(size, kept):
    numbers = np.arange(1.0, size + 1)
    printer = DERIVED.printer(TEXT)
    assert printer.array(numbers) == f"[{kept.replace('dots', '⋮').replace(' ', '; ')}]"
    assert printer.array(numbers[None]) == f"[{kept.replace('dots', '…')}]"


def test_dots_run_down_between_rows_across_between_columns_and_slanted_where_both_meet():
    table = np.add.outer(10.0 * np.arange(1, 5), np.arange(1.0, 5))
    assert elided(table, "{:.0f}".format, 3) == [
        ["11", "…", "14"], ["⋮", "⋱", "⋮"], ["41", "…", "44"],
    ]  # fmt: skip
    assert elided(table, "{:.0f}".format, 4)[0] == ["11", "12", "13", "14"]
    assert elided(table[:, :3], "{:.0f}".format, 3) == [
        ["11", "12", "13"], ["⋮", "⋮", "⋮"], ["41", "42", "43"],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("limit", "kept"),
    [(3, ["1", "⋮", "9"]), (4, ["1", "2", "⋮", "9"]), (5, ["1", "2", "3", "⋮", "9"]),
     (8, ["1", "2", "3", "4", "5", "6", "⋮", "9"])],
)  # fmt: skip
def test_dots_take_the_place_of_one_row_of_the_limit(limit, kept):
    column = np.arange(1.0, 10)
    assert [row[0] for row in elided(column, "{:.0f}".format, limit)] == kept
    assert elided(column, "{:.0f}".format, 9) == [[f"{n:.0f}"] for n in column]
