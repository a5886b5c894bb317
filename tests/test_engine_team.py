"""The number of threads: bounded by what one may use, chosen by what was measured."""

from __future__ import annotations

import pytest

from clearprop.engine import team
from clearprop.engine.team import LARGE_STEP, SMALL_STEP, Team, cores


def simulated(monkeypatch: pytest.MonkeyPatch, seconds: dict[int, float]) -> list[tuple[int, int]]:
    """(threads, steps) of each slice of a run of a middle-sized step, given seconds a step."""
    monkeypatch.setattr(team, "cores", lambda: 2)
    one, work, left, slices = Team(None), 4e6, 30_000, []
    while left:
        threads, steps = one.next(work, left)
        one.note(threads, work * steps, seconds[threads] * steps)
        slices.append((threads, steps))
        left -= steps
    return slices


@pytest.mark.parametrize(("seconds", "best"), [({1: 1e-4, 2: 6e-5}, 2), ({1: 1e-4, 2: 3e-4}, 1)])
def test_the_faster_number_does_nearly_all(
    monkeypatch: pytest.MonkeyPatch, seconds: dict[int, float], best: int
) -> None:
    slices = simulated(monkeypatch, seconds)
    total = sum(seconds[threads] * steps for threads, steps in slices)
    assert total < 1.06 * seconds[best] * 30_000
    assert {threads for threads, _ in slices} == {1, 2}  # the other is tried again now and then


def test_small_steps_take_one_and_large_ones_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(team, "cores", lambda: 8)
    assert Team(None).next(SMALL_STEP / 2, 50) == (1, 50)
    assert Team(None).next(LARGE_STEP * 2, 50) == (8, 50)
    assert Team(3).next(1.0, 50) == (3, 50)


def test_workers_that_are_told_to_take_few_do(monkeypatch: pytest.MonkeyPatch) -> None:
    most = cores()
    for asked, expected in (("1", 1), ("1,4", 1), ("100000", most), ("", most), ("many", most)):
        monkeypatch.setenv("OMP_NUM_THREADS", asked)
        assert cores() == expected
    monkeypatch.delenv("OMP_NUM_THREADS")
    monkeypatch.setattr(team, "_quota", lambda: 1)
    assert cores() == 1
