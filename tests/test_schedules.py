"""Each schedule is its equation; windows of any size give the same rates."""

from __future__ import annotations

import math

import numpy as np
import pytest

from clearprop.errors import SettingError
from clearprop.training import (
    SCHEDULES,
    Constant,
    Cosine,
    CosLog4,
    Exponential,
    Given,
    Horizon,
    OneCycle,
    Plateau,
    Schedule,
    StepDecay,
    WarmUp,
    schedule,
)

RUN = Horizon(rate=0.3, steps=120, epoch=10)


def closed_form(name: str, t: int) -> float:
    """The default settings' rate of step t of RUN, written out with the math module alone."""
    x, e = t / 120, t // 10
    match name:
        case "constant":
            return 0.3
        case "step":
            return 0.3 * 0.1 ** (e // 30)
        case "exponential":
            return 0.3 * math.exp(math.log(0.95) * t / 10)
        case "cosine":
            return 0.3 * math.cos(math.pi * x / 2) ** 2
        case "flat_cos":
            return 0.3 if x < 0.5 else 0.15 * (1 + math.cos(math.pi * (2 * x - 1)))
        case "warm_up":
            return 0.3 * min(1.0, (t + 1) / 6)
        case "one_cycle":
            up = 0.04 + 0.96 * math.sin(math.pi * x / 0.6) ** 2
            down = 4e-6 + (1 - 4e-6) * math.cos(math.pi * (x - 0.3) / 1.4) ** 2
            return 0.3 * (up if x < 0.3 else down)
        case "coslog4":
            return 0.15 * (1 - math.cos(2 * math.pi * math.log2(1 + 15 * x)))
        case "plateau":
            return 0.3
    raise AssertionError(name)


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedule_is_its_closed_form(name: str) -> None:
    row = schedule(name)
    found = row.rates(np.arange(120.0), RUN, row.start())
    expected = [closed_form(name, t) for t in range(120)]
    assert found.shape == (120,)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedule_names_its_source_and_its_equation(name: str) -> None:
    row = SCHEDULES[name]
    assert row.name == name
    assert row.source
    assert row.__doc__
    assert row.describe(row()) == row.describe(row())


def test_step_decay_multiplies_after_so_many_epochs() -> None:
    run = Horizon(1.0, 12, 2)
    rates = StepDecay(every=2, factor=0.1).rates(np.arange(12.0), run, {})
    np.testing.assert_allclose(rates, [1] * 4 + [0.1] * 4 + [0.01] * 4, rtol=1e-15)


def test_exponential_loses_its_factor_in_an_epoch() -> None:
    rates = Exponential(factor=0.5).rates(np.array([0.0, 10, 20]), RUN, {})
    np.testing.assert_allclose(rates, [0.3, 0.15, 0.075], rtol=1e-15)


def test_cosine_ends_near_its_final_share() -> None:
    rates = Cosine(final=0.1).rates(np.array([0.0, 60, 120]), RUN, {})
    np.testing.assert_allclose(rates, [0.3, 0.165, 0.03], rtol=1e-14)


def test_flat_cos_stays_for_its_share_and_ends_at_zero() -> None:
    rates = schedule("flat_cos", flat=0.75).rates(np.array([0.0, 89, 90, 105, 120]), RUN, {})
    np.testing.assert_allclose(rates, [0.3, 0.3, 0.3, 0.15, 0], rtol=1e-14, atol=1e-16)
    assert rates[:3].tolist() == [0.3] * 3


def test_one_cycle_peaks_at_the_rate_given() -> None:
    rates = OneCycle(peak=0.25).rates(np.arange(121.0), RUN, {})
    assert int(np.argmax(rates)) == 30
    np.testing.assert_allclose(rates[[0, 30, 120]], [0.012, 0.3, 1.2e-6], rtol=1e-9)


def test_coslog4_has_four_cycles_each_twice_as_long() -> None:
    x = np.array([0, 1 / 15, 3 / 15, 7 / 15, 1.0])  # where 1 + 15 x is a power of two
    ends = CosLog4().rates(x * 120, RUN, {})
    np.testing.assert_allclose(ends, 0, atol=1e-14)
    tops = CosLog4().rates((2 ** (np.arange(4) + 0.5) - 1) / 15 * 120, RUN, {})
    np.testing.assert_allclose(tops, 0.3, rtol=1e-13)


@pytest.mark.parametrize("shape", ["linear", "cosine"])
def test_warm_up_rises_then_hands_over_the_steps_that_are_left(shape: str) -> None:
    rates = WarmUp("cosine", share=0.25, shape=shape).rates(np.arange(120.0), RUN, {})
    assert (np.diff(rates[:30]) > 0).all()
    assert rates[29] == pytest.approx(0.3)
    rest = Cosine().rates(np.arange(90.0), Horizon(0.3, 90, 10), {})
    np.testing.assert_allclose(rates[30:], rest, rtol=1e-15)
    k = np.arange(1, 31) / 30
    rise = k if shape == "linear" else np.sin(np.pi * k / 2) ** 2
    np.testing.assert_allclose(rates[:30], 0.3 * rise, rtol=1e-12)


def test_plateau_falls_after_so_many_epochs_without_progress() -> None:
    plateau = Plateau(factor=0.5, patience=2, final=0.2)
    memory = plateau.start()
    rates = []
    for cost in [3.0, 2.0, 2.0, 2.5, 1.9, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0]:
        memory = plateau.observe(cost, RUN, memory)
        rates.append(plateau.rates(np.zeros(1), RUN, memory)[0] / 0.3)
    np.testing.assert_allclose(rates, [1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.2, 0.2, 0.2])


def test_a_warm_up_before_a_plateau_remembers_for_it() -> None:
    row = WarmUp(Plateau(factor=0.5, patience=1), share=0.1)
    memory = row.observe(2.0, RUN, row.observe(1.0, RUN, row.start()))
    np.testing.assert_allclose(row.rates(np.array([0.0, 50]), RUN, memory), [0.15 / 12, 0.15])


def test_the_callers_own_rates_are_taken_as_they_are() -> None:
    rates = np.linspace(1, 2, 120)
    assert (Given(rates).rates(np.arange(7.0, 9), RUN, {}) == rates[7:9]).all()
    assert Given(lambda t: 1 / (t + 1)).rates(np.arange(1.0, 4), RUN, {}).tolist() == [
        1 / 2,
        1 / 3,
        1 / 4,
    ]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: schedule("cosinus"), "did you mean 'cosine'"),
        (lambda: schedule("cosine", finale=1), "did you mean 'final'"),
        (lambda: schedule(np.ones((2, 2))), r"shape \(2, 2\)"),
        (lambda: schedule([0.1, -1.0]), "rate of step 1 is -1.0"),
        (lambda: schedule([0.1, np.nan]), "rate of step 1 is nan"),
        (lambda: StepDecay(factor=2), r"step.factor must be a number in \(0, 1\], got 2"),
        (lambda: Given([0.1]).rates(np.arange(2.0), RUN, {}), "1 rates for 120 steps"),
        (lambda: Given(lambda t: -1).rates(np.arange(3.0, 5), RUN, {}), "rate of step 3"),
        (lambda: schedule(Constant(), final=1), "to the schedule itself"),
    ],
)
def test_a_wrong_schedule_is_refused_by_name(make: object, message: str) -> None:
    with pytest.raises(SettingError, match=message):
        make()  # type: ignore[operator]


def test_a_schedule_object_is_taken_as_it_is() -> None:
    given = Cosine()
    assert schedule(given) is given
    assert isinstance(schedule(lambda t: 0.1), Schedule)
