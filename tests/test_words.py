"""Numbers and messages are written one way."""

import math
import pickle
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearprop.words import LANGUAGES, Words, did_you_mean, nearest, number


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (1, "1"),
        (120000, "120000"),
        (np.int64(7), "7"),
        (np.float32(0.5), "0.5"),
        (0.97368421, "0.9737"),
        (-2.5e-3, "-0.0025"),
        (1234.56, "1235"),
        (123456.7, "123500"),
        (1234567.8, "1.235e6"),
        (0.00012344, "0.0001234"),
        (0.000012344, "1.234e-5"),
        (9.99996, "10"),
        (0.0000999996, "0.0001"),
        (1e300, "1e300"),
        (math.nan, "NaN"),
        (math.inf, "∞"),
        (-math.inf, "-∞"),
    ],
)
def test_number_is_written_as_people_write_it(x, text):
    assert number(x) == text


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(1, 17))
def test_number_keeps_its_significant_digits(x, digits):
    exact = Fraction(x)
    assert abs(Fraction(number(x, digits)) - exact) <= abs(exact) / 2 / 10 ** (digits - 1)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_seventeen_digits_give_the_same_number_back(x):
    assert float(number(x, 17)) == x


def test_nearest_name_ignores_case_and_small_slips():
    assert nearest("Survivd", ["age", "survived"]) == "survived"
    assert nearest("AGE", ["age", "Age2"]) == "age"
    assert nearest("quite different", ["age"]) is None
    assert nearest("x", []) is None


def test_name_that_does_not_exist_gets_a_suggestion_or_the_list():
    assert did_you_mean("sex_", ["age", "sex"]) == "did you mean 'sex'?"
    assert did_you_mean("q", ["age", "sex"]) == "there are 'age', 'sex'"
    assert did_you_mean("q", []) == "there are none"
    assert did_you_mean("q", [f"c{i}0" for i in range(9)], limit=2).endswith(" and 7 more")


def test_message_speaks_every_language():
    words = Words({"rows": {"en": "{m} rows", "zh": "{m} 行"}})
    assert [words("rows", language, m=3) for language in LANGUAGES] == ["3 rows", "3 行"]
    assert words.keys() == ["rows"]


def test_message_without_a_language_or_with_other_places_is_refused():
    with pytest.raises(ValueError, match="needs"):
        Words({"rows": {"en": "rows"}})
    with pytest.raises(ValueError, match="places differ"):
        Words({"rows": {"en": "{m} rows", "zh": "{n} 行"}})


def test_only_a_slip_of_the_hand_is_near():
    names = ["age", "market", "alpha", "x1", "column_10", "weight"]
    for slip, meant in (("agee", "age"), ("alfa", "alpha"), ("colum_10", "column_10"),
                        ("WIEGHT", "weight"), ("weight2", "weight")):  # fmt: skip
        assert nearest(slip, names) == meant
    for other in ("target", "x2", "column_11", "o2", "", "rage of sails"):
        assert nearest(other, names) is None, other


def test_a_sentence_is_english_as_text_and_speaks_chinese_hints_and_all():
    words = Words({"no": {"en": "no {name}; {hint}", "zh": "没有 {name}；{hint}"}})
    said = words.both("no", name="relo", hint=did_you_mean("relo", ["relu", "tanh"]))
    assert said == "no relo; did you mean 'relu'?"
    assert said.speak("zh") == "没有 relo；是否指 'relu'？"
    assert pickle.loads(pickle.dumps(said)).speak("zh") == said.speak("zh")
    assert did_you_mean("x", []).speak("zh") == "没有可用的名称"
    assert did_you_mean("x", list("abc"), 2).speak("zh") == "可用的有 'a', 'b'，另有 1 个"
