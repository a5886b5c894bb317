"""The number of threads: bounded by what one may use, chosen by what was measured."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from operator import itemgetter

import numpy as np
import pytest

import clearprop as cp
from clearprop.engine import Data, NativeRunner, limits, team
from clearprop.engine.team import LARGE_STEP, SMALL_PASS, SMALL_STEP, Team, Way

Speed = Callable[[int, float], float]
"""(threads, seconds since the run began) -> seconds a step."""


def simulated(monkeypatch: pytest.MonkeyPatch, speed: Speed, steps: int) -> list[tuple[int, int]]:
    """(threads, steps) of each slice of a run of a middle-sized step."""
    monkeypatch.setattr(team, "unlimited", lambda: 2)
    one, work, now, slices = Team(None), 4e6, 0.0, []
    while steps:
        way, count = one.next(work, steps)
        seconds = speed(way.threads, now) * count
        one.note(way, work * count, seconds)
        slices.append((way.threads, count))
        now, steps = now + seconds, steps - count
    return slices


@pytest.mark.parametrize(("seconds", "best"), [({1: 1e-4, 2: 6e-5}, 2), ({1: 1e-4, 2: 3e-4}, 1)])
def test_the_faster_number_does_nearly_all(
    monkeypatch: pytest.MonkeyPatch, seconds: dict[int, float], best: int
) -> None:
    slices = simulated(monkeypatch, lambda threads, now: seconds[threads], 30_000)
    total = sum(seconds[threads] * steps for threads, steps in slices)
    assert total < 1.06 * seconds[best] * 30_000
    assert {threads for threads, _ in slices} == {1, 2}  # the other is tried again now and then


def test_memory_touched_for_the_first_time_and_one_disturbance_change_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calm = {1: 1e-4, 2: 6e-5}
    tries = 0

    def speed(threads: int, now: float) -> float:
        nonlocal tries
        tries += 1
        return calm[threads] * (5 if tries == 1 or 0.001 < now < 0.003 else 1)  # both first trials

    slices = simulated(monkeypatch, speed, 30_000)
    assert [threads for threads, _ in groupby(slices[:12], itemgetter(0))] == [1, 2, 1, 2]
    alone = sum(steps for threads, steps in slices if threads == 1)
    assert alone < 1_000


def test_a_core_that_others_have_from_the_start_costs_little(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Where two threads share one core, each barrier waits for a turn of some milliseconds.
    seconds = {1: 3.3e-5, 2: 4e-3}
    slices = simulated(monkeypatch, lambda threads, now: seconds[threads], 5_000)
    assert sum(seconds[threads] * steps for threads, steps in slices) < 1.15 * 3.3e-5 * 5_000
    assert max(steps for threads, steps in slices if threads == 2) == 2
    slices = simulated(monkeypatch, lambda threads, now: seconds[threads], 100_000)
    assert sum(seconds[threads] * steps for threads, steps in slices) < 1.03 * 3.3e-5 * 100_000


def test_a_core_that_others_take_is_left_after_one_slice(monkeypatch: pytest.MonkeyPatch) -> None:
    def speed(threads: int, now: float) -> float:
        return {1: 1e-4, 2: 1.5e-4 if now > 1 else 6e-5}[threads]

    slices, now, late = simulated(monkeypatch, speed, 40_000), 0.0, 0.0
    for threads, steps in slices:
        seconds = speed(threads, now) * steps
        late += seconds if now > 1 and threads == 2 else 0.0
        now += seconds
    assert now > 3
    assert late < 0.7  # of a slice of 0.2 s as it was before, and of trials


def test_a_core_that_others_take_is_noticed_and_its_return_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def speed(threads: int, now: float) -> float:
        return {1: 1e-4, 2: 2e-4 if 2 < now < 5 else 6e-5}[threads]

    slices, now, chosen = simulated(monkeypatch, speed, 120_000), 0.0, []
    for threads, steps in slices:
        chosen.append((now, threads, steps))
        now += speed(threads, now) * steps

    def share(threads: int, first: float, last: float) -> float:
        inside = [(one, steps) for at, one, steps in chosen if first <= at < last]
        return sum(steps for one, steps in inside if one == threads) / sum(s for _, s in inside)

    assert now > 8
    assert share(2, 0.1, 2) > 0.9
    assert share(1, 3.2, 5) > 0.9
    assert share(2, 6.2, 8) > 0.9


def test_a_pass_takes_as_many_as_its_size_is_worth(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(team, "unlimited", lambda: 8)
    passes = [SMALL_PASS / 2, SMALL_PASS * 1.9, SMALL_PASS * 3, SMALL_PASS * 100]
    assert [Team(None).of_pass(work) for work in passes] == [1, 1, 3, 8]
    assert Team(5).of_pass(1.0) == 5
    monkeypatch.setattr(limits.LIMIT, "threads", 2)
    assert Team(None).of_pass(SMALL_PASS * 100) == 2


def test_a_multiplication_in_float64_counts_as_two(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []
    monkeypatch.setattr(Team, "of_pass", lambda self, work: asked.append(work) or 1)
    X = np.zeros((50, 20))
    network = cp.Network([20, 8, 1])
    for precision in ("float32", "float64"):
        runner = NativeRunner(network.graph, None, Data({"X": X}, {}), precision=precision)
        runner.forward(network.initial(0).flat, {"X": X})
    assert asked[1] == 2 * asked[0] > 0


def test_small_steps_take_one_and_large_ones_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(team, "unlimited", lambda: 8)
    assert Team(None).next(SMALL_STEP / 2, 50) == (Way(1), 50)
    assert Team(None).next(LARGE_STEP * 2, 50) == (Way(8), 50)
    assert Team(3).next(1.0, 50) == (Way(3), 50)


def test_a_limit_that_comes_and_goes_is_heard_by_a_team_at_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(team, "unlimited", lambda: 8)
    one, large, middle = Team(None), LARGE_STEP * 2, SMALL_STEP * 2
    monkeypatch.setattr(limits.LIMIT, "threads", 3)
    assert one.next(large, 50)[0] == Way(3)
    for threads in (1, 1, 3, 1, 3):  # it tries both, and the first for nothing
        assert one.next(middle, 50)[0] == Way(threads)
        one.note(Way(threads), middle * 50, 1e-3 * threads)
    assert one.next(middle, 50)[0] == Way(1)
    monkeypatch.setattr(limits.LIMIT, "threads", limits.MANY)
    assert one.next(large, 50)[0] == Way(8)
    for threads in (1, 1, 8):  # both are tried anew
        assert one.next(middle, 50)[0] == Way(threads)
        one.note(Way(threads), middle * 50, 1e-3 * threads)
    assert Team(5).next(large, 50)[0] == Way(5)  # what is asked for by name is not cut


SECONDS = {Way(1): 1e-4, Way(2): 8e-5, Way(2, True): 6e-5}


def tried(
    team_: Team, work: float, seconds: dict[Way, float], steps: int, wide: bool = True
) -> list[tuple[Way, int]]:
    """(way, steps) of each slice of a run."""
    slices = []
    while steps:
        way, count = team_.next(work, steps, wide=wide)
        team_.note(way, work * count, seconds[way] * count)
        slices.append((way, count))
        steps -= count
    return slices


@pytest.mark.parametrize("best", SECONDS)
@pytest.mark.parametrize("work", [LARGE_STEP / 2, LARGE_STEP * 2])
def test_where_weights_are_many_what_threads_share_is_tried_too(
    monkeypatch: pytest.MonkeyPatch, best: Way, work: float
) -> None:
    monkeypatch.setattr(team, "unlimited", lambda: 2)
    seconds = SECONDS | {best: 4e-5}
    slices = tried(Team(None), work, seconds, 60_000)
    ways = {way for way, _ in slices}
    assert ways == set(SECONDS if work < LARGE_STEP else list(SECONDS)[1:])
    least = min(ways, key=seconds.__getitem__)
    assert sum(steps for way, steps in slices if way == least) > 0.95 * 60_000
    assert {way for way, _ in tried(Team(None), work, seconds, 900, wide=False)} <= {
        Way(1), Way(2)
    }  # fmt: skip


def test_what_threads_share_is_tried_for_a_number_of_threads_that_is_asked_for() -> None:
    ways = [way for way, _ in tried(Team(2), 1e7, SECONDS, 60_000)]
    assert set(ways) == {Way(2), Way(2, True)} and ways[-1] == Way(2, True)
    assert {way for way, _ in tried(Team(2, by_units=True), 1e7, SECONDS, 900)} == {Way(2, True)}
    assert {way for way, _ in tried(Team(2, by_units=False), 1e7, SECONDS, 900)} == {Way(2)}


def test_units_are_no_longer_shared_where_that_came_to_be_slower(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(team, "unlimited", lambda: 2)
    one = Team(None)
    assert tried(one, 1e7, SECONDS, 30_000)[-1][0] == Way(2, True)
    late = tried(one, 1e7, SECONDS | {Way(2, True): 2e-4}, 30_000)
    assert sum(steps for way, steps in late if way == Way(2, True)) < 0.15 * 30_000


def test_a_way_whose_trials_flatter_it_is_taken_ever_less(monkeypatch: pytest.MonkeyPatch) -> None:
    """A short slice misses what others take of a core: 16 steps are fast, and the rest is slow."""
    monkeypatch.setattr(team, "unlimited", lambda: 2)
    one, left, total, units = Team(None), 300_000, 0.0, 0.0
    while left:
        way, count = one.next(1e7, left, wide=True)
        seconds = {Way(1): 3e-4, Way(2): 1e-4}.get(way, 2e-4) * count
        if way.by_units:
            seconds -= min(count, 16) * 1.4e-4
            units += seconds
        one.note(way, 1e7 * count, seconds)
        left, total = left - count, total + seconds
    assert units < 0.2 * total


def test_trials_take_a_fiftieth_of_the_time_also_where_one_way_is_dear() -> None:
    one, seconds = Team(2), {Way(2): 7e-3, Way(2, True): 5e-2}
    slices = tried(one, 1e7, seconds, 6_000)
    dear = sum(steps for way, steps in slices if way.by_units)
    assert dear * 5e-2 < 0.03 * sum(seconds[way] * steps for way, steps in slices)


def test_what_is_known_outlives_steps_of_another_size() -> None:
    one, other = Team(2), Way(2, True)
    assert tried(one, 1e7, SECONDS, 30_000)[-1][0] == other
    assert tried(one, 1e5, SECONDS, 1, wide=False) == [(Way(2), 1)]  # a small batch that was left
    assert one.next(1e7, 50, wide=True)[0] == other
    assert one.certain(1e7, wide=True) is None
    assert one.certain(1e7) == Way(2) and Team(None).certain(SMALL_STEP / 2) == Way(1)
