"""A knob is one row: what it takes, what it refuses, and the sentence it refuses with."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearprop.errors import ClearPropError, SettingError
from clearprop.settings import Attr, Bounds, check_all

RATE = Attr("learning_rate", float, 1e-3, "(0, inf)", help="Size of one step.")
EPOCHS = Attr("epochs", int, 30, "[1, inf)", "epochs")
SHARE = Attr("validation", float, None, "[0, 1)")
NESTEROV = Attr("nesterov", bool, False)
KIND = Attr("activation", str, "relu", choices=("relu", "sigmoid", "tanh"))


@pytest.mark.parametrize(
    ("attr", "given_", "checked"),
    [
        (RATE, 1, 1.0),
        (RATE, np.float32(0.5), 0.5),
        (RATE, np.array(2.0), 2.0),
        (EPOCHS, np.int16(3), 3),
        (SHARE, None, None),
        (SHARE, 0, 0.0),
        (NESTEROV, np.True_, True),
        (KIND, "tanh", "tanh"),
    ],
)
def test_value_comes_back_as_a_plain_value_of_its_type(attr, given_, checked):
    result = attr.check(given_)
    assert result == checked
    assert type(result) is type(checked)


@pytest.mark.parametrize(
    ("attr", "given_", "sentence"),
    [
        (RATE, 0, "learning_rate must be a number in (0, ∞), got 0"),
        (RATE, -0.1, "learning_rate must be a number in (0, ∞), got -0.1"),
        (RATE, math.nan, "learning_rate must be a number in (0, ∞), got NaN"),
        (RATE, math.inf, "learning_rate must be a number in (0, ∞), got ∞"),
        (RATE, True, "learning_rate must be a number in (0, ∞), got True"),
        (RATE, None, "learning_rate must be a number in (0, ∞), got None"),
        (RATE, "fast", "learning_rate must be a number in (0, ∞), got 'fast'"),
        (EPOCHS, 2.0, "epochs must be a whole number in [1, ∞) (epochs), got 2.0"),
        (EPOCHS, 0, "epochs must be a whole number in [1, ∞) (epochs), got 0"),
        (SHARE, 1, "validation must be a number in [0, 1) or None, got 1"),
        (SHARE, [0.1], "validation must be a number in [0, 1) or None, got [0.1]"),
        (NESTEROV, 1, "nesterov must be true or false, got 1"),
        (
            KIND,
            "sigmiod",
            "activation must be one of 'relu', 'sigmoid', 'tanh', got 'sigmiod'; "
            "did you mean 'sigmoid'?",
        ),
        (KIND, "x", "activation must be one of 'relu', 'sigmoid', 'tanh', got 'x'"),
    ],
)
def test_wrong_value_gets_one_sentence(attr, given_, sentence):
    with pytest.raises(SettingError) as caught:
        attr.check(given_)
    assert str(caught.value) == sentence


def test_sentence_says_who_asked():
    with pytest.raises(SettingError, match=r"^Adam\.learning_rate must"):
        RATE.check(-1, "Adam")


def test_setting_error_is_a_value_error_and_wrong_use():
    assert issubclass(SettingError, ValueError)
    assert issubclass(SettingError, ClearPropError)
    assert SettingError.exit_code == 2


@pytest.mark.parametrize(
    ("attr", "text", "value"),
    [
        (RATE, "1e-2", 0.01),
        (EPOCHS, "12", 12),
        (SHARE, "none", None),
        (NESTEROV, "Yes", True),
        (NESTEROV, "false", False),
        (KIND, "tanh", "tanh"),
    ],
)
def test_text_of_a_flag_is_read(attr, text, value):
    assert attr.parse(text) == value


@pytest.mark.parametrize(("attr", "text"), [(EPOCHS, "1.5"), (RATE, "x"), (NESTEROV, "maybe")])
def test_text_that_is_no_value_gets_the_same_sentence(attr, text):
    with pytest.raises(SettingError, match="must be"):
        attr.parse(text)


def test_settings_are_checked_together_and_unknown_ones_get_a_suggestion():
    assert check_all([RATE, EPOCHS], {"epochs": 2}) == {"learning_rate": 1e-3, "epochs": 2}
    with pytest.raises(SettingError, match="Adam has no setting 'epoch'; did you mean 'epochs'"):
        check_all([RATE, EPOCHS], {"epoch": 2}, "Adam")


@given(st.floats(allow_nan=True), st.sampled_from(["[0, 1)", "(0, inf)", "[-1, 1]", "(-2, 0]"]))
def test_bounds_hold_what_the_notation_says(x, text):
    bounds = Bounds.parse(text)
    low, high = (float(end) for end in text[1:-1].split(","))
    inside = (x > low or (text[0] == "[" and x == low)) and (
        x < high or (text[-1] == "]" and x == high)
    )
    assert (x in bounds) is inside


@pytest.mark.parametrize("text", ["0, 1", "{0, 1}", "[0; 1]", "[2, 1]", ""])
def test_bounds_that_are_no_interval_are_refused(text):
    with pytest.raises(ValueError, match="no interval"):
        Bounds.parse(text)


def test_schema_says_what_the_knob_says():
    assert RATE.json_schema() == {
        "type": "number",
        "exclusiveMinimum": 0.0,
        "default": 1e-3,
        "description": "Size of one step.",
    }
    assert SHARE.json_schema() == {
        "type": ["number", "null"],
        "minimum": 0.0,
        "exclusiveMaximum": 1.0,
        "default": None,
    }
    assert EPOCHS.json_schema()["description"] == "(epochs)"
    assert KIND.json_schema()["enum"] == ["relu", "sigmoid", "tanh"]


def test_flag_is_the_name_with_dashes():
    assert RATE.flag == "--learning-rate"
