"""The number of threads: bounded by what one may use, chosen by what was measured."""

from __future__ import annotations

import pytest

from clearprop.engine import limits, team
from clearprop.engine.team import LARGE_STEP, SMALL_STEP, Team


def simulated(monkeypatch: pytest.MonkeyPatch, seconds: dict[int, float]) -> list[tuple[int, int]]:
    """(threads, steps) of each slice of a run of a middle-sized step, given seconds a step."""
    monkeypatch.setattr(team, "unlimited", lambda: 2)
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
    monkeypatch.setattr(team, "unlimited", lambda: 8)
    assert Team(None).next(SMALL_STEP / 2, 50) == (1, 50)
    assert Team(None).next(LARGE_STEP * 2, 50) == (8, 50)
    assert Team(3).next(1.0, 50) == (3, 50)


def test_a_limit_that_comes_and_goes_is_heard_by_a_team_at_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(team, "unlimited", lambda: 8)
    one, large, middle = Team(None), LARGE_STEP * 2, SMALL_STEP * 2
    monkeypatch.setattr(limits.LIMIT, "threads", 3)
    assert one.next(large, 50)[0] == 3
    for threads in (3, 1):  # it tries both
        assert one.next(middle, 50)[0] == threads
        one.note(threads, middle * 50, 1e-3 * threads)
    assert one.next(middle, 50)[0] == 1
    monkeypatch.setattr(limits.LIMIT, "threads", limits.MANY)
    assert one.next(large, 50)[0] == 8
    assert one.next(middle, 50)[0] == 8  # not tried yet
    assert Team(5).next(large, 50)[0] == 5  # what is asked for by name is not cut
