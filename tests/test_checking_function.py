"""Any scalar function and its gradient: passed, failed, or refused with the reason."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import count
from small_networks import random_network, random_parameters

from clearprop.checking import check_function, random_batch
from clearprop.errors import ClearPropError, DataError, SettingError, ShapeError


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


@pytest.mark.parametrize("order", ["C", "F"])
def test_how_an_array_lies_in_memory_hides_no_slope(order):
    x = np.asarray(np.arange(1.0, 7.0).reshape(2, 3), order=order)
    for given in (x, x.T, x[::-1], x[:, ::2]):
        assert check_function(lambda x: (x**2).sum(), lambda x: 2 * x, given).passed
        assert not check_function(lambda x: (x**2).sum(), lambda x: 0 * x, given).passed


def test_a_small_part_of_a_function_that_drops_imaginary_parts_hides_no_slope():
    """Beside a large part that takes complex numbers, by a buffer or by what NumPy calls real."""

    def buffered(x):
        kept = np.zeros(2)
        kept[1] = x[1]
        return 1e6 * x[0] ** 2 + kept[1] ** 2

    x = np.array([1.0, 2.0])
    for f in (buffered, lambda x: 1e6 * x[0] ** 2 + np.real(x[1]) ** 2):
        assert check_function(f, np.array([2e6, 4.0]), x, rtol=1e-9).passed
        assert not check_function(f, np.array([2e6, 0.0]), x, rtol=1e-9).passed


def test_a_slope_that_only_atol_lets_pass_is_told():
    f, x = (lambda x: 1e-20 * (x**2).sum()), np.array([1.0, 2.0])
    found = check_function(f, 5e-20 * x, x)
    assert found.passed
    assert "x[0] passes for being within atol (1e-7): given 5e-20, numerical 2e-20" in str(found)
    assert check_function(f, 2e-20 * x, x).notes == ()
    assert not check_function(f, 5e-20 * x, x, atol=0.0)


@pytest.mark.parametrize("fast_mode", [False, True])
def test_a_function_that_is_nan_beside_the_point_passes_nothing(fast_mode):
    with pytest.raises(DataError, match=r"infinite beside x"):
        check_function(
            lambda x: np.sqrt(np.real(x)).sum(), np.zeros(2), np.zeros(2), fast_mode=fast_mode
        )
    x = np.full(2, 1e-9)  # nearer to where it is NaN than a usual step
    for right in (True, False):
        given = 0.5 / np.sqrt(x) * (1 if right else 1.001)
        found = check_function(lambda x: float(np.sqrt(np.real(x)).sum()), given, x,
                               fast_mode=fast_mode)  # fmt: skip
        assert found.passed is right


@pytest.mark.parametrize(
    ("f", "gradient", "words"),
    [
        (lambda x: None, lambda x: x, "f returned None"),
        (lambda x: "much", lambda x: x, "f returned"),
        (
            lambda x: (x**2).sum(),
            lambda x: 1 // 0,
            r"the gradient, line \d+, raised ZeroDivisionError",
        ),
        (lambda x: (x**2).sum(), np.array([2.0, "a"], dtype=object), "array of real numbers"),
        (lambda x: (x**2).sum(), np.array([2.0, 4.0 + 1j]), "array of real numbers"),
    ],
)
def test_what_is_no_number_is_told_in_a_sentence(f, gradient, words):
    with pytest.raises(ClearPropError, match=words):
        check_function(f, gradient, np.array([1.0, 2.0]))


@pytest.mark.parametrize(
    "wrong", [{"rtol": float("nan")}, {"rtol": 1.0}, {"atol": -1.0}, {"atol": None}, {"eps": 0.0},
              {"eps": "a"}, {"nondet_tol": float("inf")}, {"sample": 0}, {"sample": "all"},
              {"sample": 1.5}, {"seed": -1}, {"seed": "a"}]
)  # fmt: skip
def test_tolerances_and_steps_that_could_not_fail_are_refused(wrong):
    x = np.ones(2)
    with pytest.raises(SettingError, match=next(iter(wrong))):
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


def test_a_gradient_that_grows_or_changes_from_call_to_call_does_not_pass():
    x = np.array([1.0, 2.0])
    calls = []

    def grows(x):
        calls.append(1)
        return 2 * x * len(calls)

    found = check_function(lambda x: (x**2).sum(), grows, x)
    assert not found
    assert found.notes[0].endswith("grows from call to call: it is not set to zero before")
    rng = np.random.default_rng(0)

    def shaken(size):
        return lambda x: 2 * x + size * rng.random(2)

    f = lambda x: (x**2).sum()  # noqa: E731
    found = check_function(f, shaken(1e-9), x)
    assert not found
    assert found.notes[0].endswith("not the same from call to call: random numbers or state")
    assert check_function(f, shaken(1e-9), x, nondet_tol=1e-8).passed
    assert check_function(f, shaken(1e-15), x).passed


def test_a_gradient_kept_in_a_buffer_is_seen_to_grow_or_change():
    """The array that a call hands out is the one that the next call writes into."""
    x, kept, rng = np.array([1.0, 2.0]), np.zeros(2), np.random.default_rng(0)

    def grows(x):
        np.add(kept, 2 * x, out=kept)
        return kept

    found = check_function(lambda x: (x**2).sum(), grows, x)
    assert not found
    assert found.notes[0].endswith("grows from call to call: it is not set to zero before")

    def shaken(x):
        np.multiply(x, 2 + 1e-6 * rng.random(2), out=kept)
        return kept

    found = check_function(lambda x: (x**2).sum(), shaken, x)
    assert not found
    assert found.notes[0].endswith("not the same from call to call: random numbers or state")


def test_a_gradient_that_changes_its_input_is_noticed():
    def doubles(x):
        x *= 2
        return x

    found = check_function(lambda x: (x**2).sum(), doubles, np.array([1.0, 2.0]))
    assert found.passed
    assert found.notes == ("the gradient changes its input (an in-place operation)",)


def plainly(f):
    """The function without its complex numbers, so that differences are taken."""
    return lambda x: float(f(x))


@pytest.mark.parametrize("fast_mode", [False, True])
def test_the_step_given_is_the_step_taken(fast_mode):
    """(f(2) − f(0)) / 2 = 8 for x⁴ at 1, and 4 with a small step."""
    x = np.array([1.0])
    for eps, slope in ((1.0, 8.0), (1e-4, 4.0), (None, 4.0)):
        for given, right in ((slope, True), (slope + 0.1, False)):
            found = check_function(lambda x: (x**4).sum(), np.array([given]), x, eps=eps,
                                   fast_mode=fast_mode)  # fmt: skip
            assert found.passed is right, found


def test_kinks_are_found_along_a_direction_and_any_slope_between_passes():
    x = np.linspace(-1, 1, 2001)  # 1000 is 0
    right = np.sign(x)
    assert x[1000] == 0
    for slope, passes in ((-1.0, True), (0.3, True), (1.0, True), (1.2, False)):
        right[1000] = slope
        found = check_function(plainly(lambda x: np.abs(x).sum()), right, x, fast_mode=True)
        assert found.passed is passes, found
        assert found.kinks == ("x[1000]",)
        assert [name for name, _, _ in found.worst] == ([] if passes else ["x[1000]"])


def test_kinks_of_two_signs_cancel_nothing_along_a_direction():
    """|x₁| − |x₂|: the sides' slopes along a direction do not bound what is right."""
    x = np.zeros(2)
    for given in ([1.0, 1.0], [-1.0, 1.0], [0.5, -1.0]):
        found = check_function(lambda x: float(abs(x[0]) - abs(x[1])), np.array(given), x,
                               fast_mode=True)  # fmt: skip
        assert found.passed
        assert set(found.kinks) == {"x[0]", "x[1]"}


def test_kinks_too_many_to_look_at_are_said():
    x = np.zeros(500)
    found = check_function(plainly(lambda x: np.abs(x).sum()), np.zeros(500), x, fast_mode=True)
    assert found.passed
    assert any("were not looked at: f has kinks there" in note for note in found.notes)
    assert "more" in str(found).partition("a kink at")[2].partition("\n")[0]


def test_what_is_wrong_among_many_is_found_along_a_direction():
    calls = []

    def f(x):
        calls.append(1)
        return (x["W"] ** 2).sum() + x["b"].sum() / 1e3

    x = {"W": np.ones((100, 300)), "b": np.ones(3)}
    right = {"W": 2 * x["W"], "b": np.full(3, 1e-3)}
    for function in (f, plainly(f)):
        calls.clear()
        found = check_function(function, right, x, fast_mode=True)
        assert found.passed
        assert found.checked == 2
        assert len(calls) < 30
        wrong = {name: array.copy() for name, array in right.items()}
        wrong["W"][12, 200] += 1e-2
        wrong["b"][1] = 0.0  # small beside the others, not beside its own
        found = check_function(function, wrong, x, fast_mode=True)
        assert [name for name, _, _ in found.worst] == ["W[12, 200]", "b[1]"]
        assert len(calls) < 300
    scaled = check_function(f, {n: 3 * a for n, a in right.items()}, x, fast_mode=True)
    assert scaled.factor == pytest.approx(3)


@pytest.mark.parametrize("fast_mode", [False, True])
@pytest.mark.parametrize("near", [2e-6, 2e-8])
def test_a_kink_within_the_step_accuses_nobody(fast_mode, near):
    x = np.array([near, 1.0, -near])
    for f in (lambda x: np.abs(x).sum(), lambda x: np.maximum(x, 0.3 * x).sum()):
        right = np.sign(x) if f(np.array([-1.0])) == 1 else np.where(x > 0, 1.0, 0.3)
        assert check_function(plainly(f), right, x, fast_mode=fast_mode).passed
        assert not check_function(plainly(f), 1.01 * right, x, fast_mode=fast_mode).passed


@pytest.mark.parametrize("fast_mode", [False, True])
def test_kinks_are_found_in_functions_that_take_complex_numbers(fast_mode):
    x = np.array([0.0, 1.0, -1.0])
    for slope, passes in ((0.0, True), (0.5, True), (1.0, True), (1.1, False)):
        found = check_function(lambda x: np.maximum(x, 0).sum() + 1e6, np.array([slope, 1.0, 0.0]),
                               x, fast_mode=fast_mode)  # fmt: skip
        assert found.passed is passes, found
        assert found.kinks == ("x[0]",)


@pytest.mark.parametrize("fast_mode", [False, True])
def test_bends_tighter_than_the_step_accuse_nobody(fast_mode):
    for f, slope, x in (
        (lambda x: np.log(x).sum(), lambda x: 1 / x, [1e-5, 1e-7, 1.0]),
        (lambda x: np.sin(1e9 * x).sum(), lambda x: 1e9 * np.cos(1e9 * x), [1e-9, 2e-9]),
        (lambda x: np.sin(1e-12 * x).sum(), lambda x: 1e-12 * np.cos(1e-12 * x), [1e12, 2e12]),
        (lambda x: np.exp(x).sum(), np.exp, [700.0, 1.0]),
    ):
        point = np.array(x)
        right = slope(point)
        assert check_function(plainly(f), right, point, fast_mode=fast_mode, atol=0).passed
        right[np.argmax(np.abs(right))] *= 1.001
        assert not check_function(plainly(f), right, point, fast_mode=fast_mode, atol=0).passed


def test_where_the_digits_do_not_suffice_nothing_is_called_right():
    x = np.array([1.0, 2.0, 3.0])
    with pytest.raises(DataError, match="take a larger eps"):
        check_function(lambda x: (x**2).sum(), 7 * x, x, eps=1e-30)
    with pytest.raises(DataError, match="leave a constant out of f"):
        check_function(plainly(lambda x: 1e16 + (x**2).sum()), 0 * x, x)
    # with wider steps they do
    f = plainly(lambda x: 1e9 + (x**2).sum())
    assert check_function(f, 2 * x, x).passed
    assert not check_function(f, 2.01 * x, x).passed


@pytest.mark.parametrize("fast_mode", [False, True])
def test_a_function_in_single_precision_is_checked_to_its_digits(fast_mode):
    x = np.array([1.0, 2.0, 3.0])

    def f(x):
        return float((x.astype(np.float32) ** 2).sum())

    found = check_function(f, 2 * x, x, fast_mode=fast_mode)
    assert found.passed
    assert any("float32 inside" in note for note in found.notes)
    assert not check_function(f, 2.02 * x, x, fast_mode=fast_mode).passed


@pytest.mark.parametrize(
    ("f", "x"), [(np.floor, [0.3, 1.0]), (lambda x: np.sqrt(np.abs(x - 1)), [0.3, 1.0])]
)
def test_where_a_function_jumps_it_has_no_slope(f, x):
    with pytest.raises(DataError, match=r"jumps, or is infinitely steep, at x\[1\]"):
        check_function(lambda x: float(f(x[1])), np.zeros(2), np.array(x))


def test_several_arguments_are_given_as_such():
    W, b = np.array([[1.0, 2.0]]), np.array([3.0])

    def f(W, b):
        return (W**2).sum() * b[0]

    right = (2 * W * 3, np.array([5.0]))
    assert check_function(f, right, (W, b)).passed
    assert check_function(f, lambda W, b: [2 * W * b, (W**2).sum()[None]], (W, b)).passed
    found = check_function(f, (right[0], np.array([6.0])), (W, b))
    assert found.worst == (("x[1][0]", 6.0, 5.0),)
    assert check_function(lambda x: (x**2).sum(), np.array([2.0, 4.0]), (1.0, 2.0)).passed


def test_a_value_beside_the_gradient_is_left_aside():
    x = np.array([1.0, 2.0])
    assert check_function(lambda x: (x**2).sum(), lambda x: ((x**2).sum(), 2 * x), x).passed


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (None, "must be an array of real numbers"),
        ("abc", "must be an array of real numbers"),
        (np.array([1, 2]), "whole numbers"),
        (np.array([1j]), "must be an array of real numbers"),
        (np.zeros(0), "holds no numbers"),
        ({}, "holds no numbers"),
        ([[1.0], [1.0, 2.0]], "no array and no mapping"),
    ],
)
def test_what_is_no_point_is_refused(x, words):
    with pytest.raises(DataError, match=words):
        check_function(lambda x: 1.0, lambda x: x, x)


def test_nothing_of_a_trial_is_warned_about():
    """Complex numbers and steps out of the domain are ours; under -W error they would raise."""
    assert check_function(
        lambda x: float(np.log(x).sum()), lambda x: 1 / x, np.full(2, 1e-7)
    ).passed
    found = check_function(lambda x: (x * 1.0).sum(), np.full(2, np.nan), np.ones(2))
    assert str(found) == "The gradient is wrong.\nnote: x[0] of the gradient is NaN"
    with pytest.raises(DataError, match="complex number"):
        check_function(lambda x: (1j * x).sum(), np.ones(2), np.ones(2))


PARTS = count(1, 4)  # so that several workers share them


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("fast_mode", [False, True])
def test_right_gradients_of_costs_are_never_accused(proof, fast_mode, part):
    """And wrong ones always: one entry off by a hundredth of its array's largest."""
    accused, passed = [], []
    seeds = range(part, count(20 if fast_mode else 5, 1000), PARTS)
    for seed in seeds:
        rng = np.random.default_rng([7, seed])
        network = random_network(rng)
        p = random_parameters(network, rng)
        X, Y = random_batch(network, int(rng.integers(1, 9)), rng)
        given = {name: np.array(g) for name, g in network.gradient(p, X, Y).items()}

        def cost(p, network=network, X=X, Y=Y):
            return network.cost(p, X, Y)

        point = {name: np.array(w) for name, w in p.items()}
        if not check_function(cost, given, point, fast_mode=fast_mode, rtol=1e-4).passed:
            accused.append(seed)
        name = str(rng.choice(list(given)))
        scale = float(np.abs(given[name]).max())
        if scale > 1e-3:
            spot = np.unravel_index(rng.integers(given[name].size), given[name].shape)
            given[name][spot] += 1e-2 * scale
            found = check_function(cost, given, point, fast_mode=fast_mode, rtol=1e-4, sample=None)
            if found.passed:
                passed.append(seed)
    how = "fast mode" if fast_mode else "entry by entry"
    proof(f"right gradients of costs by differences, {how}, none accused", len(seeds),
          accused=len(accused), wrong_ones_passed=len(passed))  # fmt: skip
    assert (accused, passed) == ([], [])
