"""Long formulas of a page: cut before their signs, nothing lost, nothing cut that is narrow."""

from __future__ import annotations

import re

import pytest

from clearprop.derivation.pages.flowing import NARROW, PIECE, flowing, width
from clearprop.derivation.printers.mathml import MATHML


def term(letter: str, signs: int) -> str:
    return f"<mn>{signs * letter}</mn>"


def text(html: str) -> str:
    return re.sub("<(?!wbr|/?span)[^>]*>", "", html)


def test_what_a_phone_has_room_for_is_not_cut():
    fits = MATHML.sum([(False, term("1", 10)), (True, term("2", 10))])
    assert text(flowing(fits)) == "1111111111−2222222222"
    assert width(fits) == 11.3 < PIECE < NARROW


def test_a_long_sum_is_cut_before_its_signs():
    long = MATHML.sum([(True, term("1", 10)), (False, term("2", 10)), (True, term("3", 10))])
    assert text(flowing(long)) == "−1111111111<wbr/>+2222222222<wbr/>−3333333333"


def test_a_long_row_of_equals_is_cut_before_them():
    row = f"{term('1', 10)}<mo>=</mo>{term('2', 10)}<mo>=</mo>{term('3', 10)}"
    assert text(flowing(row)) == "1111111111<wbr/>=2222222222<wbr/>=3333333333"


def test_a_sign_at_the_head_of_a_line_stays_a_sign_between_terms():
    long = MATHML.product([term("1", 15), term("2", 15)], "·")
    assert '<math displaystyle="true"><mo form="infix">·</mo><mn>2' in flowing(long)


def test_what_is_cut_itself_takes_its_own_line_first():
    inner = MATHML.sum([(False, term("2", 20)), (False, term("3", 20))])
    long = MATHML.product([term("1", 9), MATHML.bracket(inner)], "·")
    assert text(flowing(long)) == f"111111111<wbr/><span>·({20 * '2'}<wbr/>+{20 * '3'})</span>"
    first = MATHML.product([MATHML.bracket(inner), term("1", 9)], "·")
    assert text(flowing(first)) == f"({20 * '2'}<wbr/>+{20 * '3'})<wbr/>·111111111"


def test_a_sum_sign_and_a_name_stay_with_what_they_stand_before():
    inner = MATHML.sum([(False, term("2", 20)), (False, term("3", 20))])
    total = MATHML.total("i", "9", inner)
    assert text(flowing(total)) == f"∑i=19{20 * '2'}<wbr/>+{20 * '3'}"
    called = MATHML.call("f", True, inner, ())
    assert text(flowing(called)) == f"f′({20 * '2'}<wbr/>+{20 * '3'})"


def test_a_product_without_signs_is_cut_between_its_factors_and_then_inside_them():
    plain = MATHML.product([term("1", 10), term("2", 10), term("3", 10)], "")
    assert text(flowing(plain)) == "1111111111<wbr/>2222222222<wbr/>3333333333"
    inner = MATHML.sum([(False, term("2", 20)), (False, term("3", 20))])
    called = MATHML.product([term("1", 9), MATHML.call("f", True, inner, ())], "")
    assert text(flowing(called)) == f"111111111<wbr/><span>f′({20 * '2'}<wbr/>+{20 * '3'})</span>"
    first = MATHML.product([MATHML.bracket(inner), term("1", 9)], "")
    assert text(flowing(first)) == f"({20 * '2'}<wbr/>+{20 * '3'})<wbr/>111111111"


def test_a_fraction_a_root_and_a_matrix_are_not_cut():
    wide = MATHML.sum([(False, term("2", 20)), (False, term("3", 20))])
    for whole in (MATHML.over(wide, "<mn>1</mn>"), MATHML.call("sqrt", False, wide, ()),
                  MATHML.matrix([[wide]])):  # fmt: skip
        assert "<wbr/>" not in flowing(whole)
        assert width(whole) > width(wide) == pytest.approx(21.3)


@pytest.mark.parametrize(
    ("formula", "em"),
    [
        ("<mn>0.4628</mn>", 3),
        ("<msub><mi>W</mi><mrow><mn>1</mn><mn>2</mn></mrow></msub>", 1.25),
        ("<msubsup><mi>W</mi><mn>1</mn><mn>12</mn></msubsup>", 1.25),
        ("<mtable><mtr><mtd><mn>1</mn></mtd><mtd><mn>22</mn></mtd></mtr><mtr><mtd><mn>333</mn></mtd>"
         "<mtd><mn>4</mn></mtd></mtr></mtable>", 4.1),
        ("<mover accent='true'><mpadded><mi>W</mi></mpadded><mo>¯</mo></mover>", 0.5),
        ("<mo form='prefix'>−</mo><mspace width='0.17em'/><mtext>字</mtext>", 1.97),
    ],
)  # fmt: skip
def test_the_width_of_a_formula_in_em(formula, em):
    assert width(formula) == pytest.approx(em)
