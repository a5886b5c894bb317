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


def test_each_array_is_judged_by_its_own_scale():
    """A bias's wrong slope is found beside weights' slopes a million times as large."""
    x = {"W": np.ones(3), "b": np.ones(2)}
    right = {"W": np.full(3, 1e4), "b": np.full(2, 0.05)}

    def f(x):
        return 1e4 * np.abs(x["W"]).sum() + 0.05 * x["b"].sum()

    found = check_function(f, right | {"b": np.zeros(2)}, x)
    assert [name for name, _, _ in found.worst] == ["b[0]", "b[1]"]
    assert check_function(f, right, x).passed


def test_a_buffer_like_one_array_hides_no_slope_of_another():
    def f(x):
        product = np.empty_like(x["a"])
        product[:] = x["a"] * x["b"]
        return product.sum()

    x = {"a": np.array([1.0, 2.0]), "b": np.array([3.0, 4.0])}
    assert check_function(f, {"a": x["b"], "b": x["a"]}, x).passed


@pytest.mark.parametrize("fast_mode", [False, True])
def test_a_function_that_is_nan_beside_the_point_passes_nothing(fast_mode):
    with np.errstate(all="ignore"), pytest.raises(DataError, match=r"beside x|random direction"):
        check_function(
            lambda x: np.sqrt(np.real(x)).sum(), np.zeros(2), np.full(2, 1e-9), fast_mode=fast_mode
        )


@pytest.mark.parametrize(
    ("f", "gradient", "words"),
    [
        (lambda x: None, lambda x: x, "f returned None"),
        (lambda x: "much", lambda x: x, "f returned"),
        (lambda x: (x**2).sum(), lambda x: 1 // 0, "the gradient raised ZeroDivisionError"),
        (lambda x: (x**2).sum(), np.array([2.0, "a"], dtype=object), "array of real numbers"),
        (lambda x: (x**2).sum(), np.array([2.0, 4.0 + 1j]), "array of real numbers"),
    ],
)
def test_what_is_no_number_is_told_in_a_sentence(f, gradient, words):
    with pytest.raises(ClearPropError, match=words):
        check_function(f, gradient, np.array([1.0, 2.0]))


@pytest.mark.parametrize("wrong", [{"rtol": float("nan")}, {"atol": -1.0}, {"eps": 0.0}])
def test_tolerances_and_steps_that_could_not_fail_are_refused(wrong):
    x = np.ones(2)
    with pytest.raises(DataError, match=next(iter(wrong))):
        check_function(lambda x: np.abs(x).sum(), 7 * x, x, **wrong)


def test_a_function_that_refuses_complex_numbers_is_checked_by_differences():
    def f(x):
        assert x.dtype == np.float64
        return (x**2).sum()

    x = np.array([1.0, 2.0])
    assert check_function(f, 2 * x, x).method == "central differences"


def test_changes_of_a_mapping_and_random_gradients_are_noticed():
    x = {"a": np.array([1.0, 2.0])}
    taken = check_function(lambda x: (x.pop("a") ** 2).sum(), {"a": 2 * x["a"]}, x)
    assert taken.passed
    assert "changes its input" in taken.notes[0]
    rng = np.random.default_rng(0)
    found = check_function(lambda x: (x**2).sum(), lambda x: 2 * x + rng.random(), x["a"])
    assert not found.passed
    assert any("second call" in note for note in found.notes)
