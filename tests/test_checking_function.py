"""Any scalar function and its gradient: passed, failed, or refused with the reason."""

from __future__ import annotations

import numpy as np
import pytest

from clearprop.checking import (
    check_function,
)
from clearprop.errors import ClearPropError, DataError, ShapeError


def test_functions_gradients_pass_or_fail():
    x = {"a": np.array([0.3, -1.2]), "b": np.array(2.0)}

    def f(x):
        return np.sin(x["a"]).sum() * x["b"] ** 2

    right = {"a": np.cos(x["a"]) * 4.0, "b": 4.0 * np.sin(x["a"]).sum()}
    found = check_function(f, right, x)
    assert found.passed
    assert (found.method, found.checked) == ("complex step", 3)
    wrong = {**right, "b": np.asarray(0.0)}
    assert check_function(f, wrong, x).worst[0][0] == "b"
    assert check_function(f, right, x, fast_mode=True).passed
    assert not check_function(f, wrong, x, fast_mode=True).passed
    with pytest.raises(AssertionError):
        check_function(f, wrong, x, raise_exception=True)


def test_functions_kinks_are_named_and_any_slope_between_passes():
    x = np.array([0.0, 1.0])
    for slope, right in ((-1.0, True), (0.3, True), (1.0, True), (1.2, False)):
        found = check_function(lambda x: np.abs(x).sum(), np.array([slope, 1.0]), x)
        assert found.passed is right
        assert found.kinks == ("x[0]",)


def test_functions_that_cannot_be_checked_say_why():
    x = np.ones(3)
    with pytest.raises(DataError, match="float32"):
        check_function(lambda x: x.sum(), x, x.astype(np.float32))
    with pytest.raises(DataError, match="NaN"):
        check_function(lambda x: np.nan, x, x)
    rng = np.random.default_rng(0)
    with pytest.raises(DataError, match="random"):
        check_function(lambda x: x.sum() + rng.random(), x, x)
    with pytest.raises(ShapeError, match="one number"):
        check_function(lambda x: x, x, x)
    with pytest.raises(ShapeError, match="expected"):
        check_function(lambda x: x.sum(), np.ones(2), x)
    with pytest.raises(ClearPropError, match="ZeroDivisionError"):
        check_function(lambda x: 1 // 0, x, x)

    def changes(x):
        x += 1
        return (x**2).sum()

    assert "changes its input" in check_function(changes, 2 * (x + 1), x).notes[0]


def test_all_entries_are_checked_if_asked():
    x = np.linspace(-1, 1, 300)
    wrong = 2 * x
    wrong[137] += 0.1
    for sample, numbers in ((None, 300), (20, 20)):
        found = check_function(lambda x: (x**2).sum(), wrong, x, sample=sample)
        assert found.checked == numbers
    assert [name for name, _, _ in check_function(
        lambda x: (x**2).sum(), wrong, x, sample=None).worst] == ["x[137]"]  # fmt: skip
    with pytest.raises(DataError, match=r"x\[2\] is NaN"):
        check_function(lambda x: x.sum(), x, np.array([1.0, 2.0, np.nan]))


def test_a_sample_of_a_large_function_holds_every_parameter():
    x = {"W": np.ones((60, 60)), "b": np.ones(3)}
    seen = check_function(lambda x: (x["W"] ** 2).sum() + x["b"].sum(),
                          {"W": 2 * x["W"], "b": np.zeros(3)}, x)  # fmt: skip
    assert not seen.passed
    assert {name.partition("[")[0] for name, _, _ in seen.worst} == {"b"}
