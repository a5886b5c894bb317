"""How a step is done by threads: bounded by the cores one may use, chosen by what was measured.

A step that is small is done by one thread, a large one by all; in between, slices of some steps are
done in each way in turn and the fastest is kept, tried again now and then, because it depends on
what else runs. Threads share the rows of a batch; where weights are many beside a batch's values,
it is tried in the same way whether they had better share the units of layers. What else runs only
ever takes time, so of the last trials of each the least counts. Where no core is free for a second
thread, a step may take as long as a thread has a core: so one thread is tried first, a trial begins
with few steps, and a way whose slices came to be slower than a plainer one was is left at once. A
pass over rows alone is too short to be tried: its size says. No way changes a bit, so neither does
the choice. Proved by ``tests/test_engine_team.py``.
"""

from __future__ import annotations

from collections import Counter, deque
from functools import cached_property
from typing import NamedTuple

from clearprop.engine.limits import LIMIT, unlimited

__all__ = ["Team", "Way"]

SMALL_STEP = 8e5
"""Multiplications of a step below which threads wait for each other longer than they work."""
LARGE_STEP = 1e8
"""Multiplications of a step above which all threads are taken without a trial of one."""
SMALL_PASS = 2e7
"""Multiplications in float32 of a pass over rows that are worth a thread: some 400 µs of it. To
start one takes 30 µs where a core is free, and a millisecond where none is."""
TRIAL = 1e-3
"""Seconds after which a trial is over, and that it takes at least where there are steps enough."""
FEW, MORE = 2, 4
"""Steps with which a trial begins, and how many times as many follow if they took less."""
FIRST = 2
"""Trials of each way with which a run begins, behind one that counts for nothing: in it the
memory is touched for the first time."""
KEPT = 3
"""Trials of a way whose least counts: a disturbance is forgotten when it has passed, and a
core that is taken for good is noticed after as many."""
AGAIN = 0.2
"""Seconds from one pair of trials, of the best way and another, to the next, or more:"""
SHARE = 0.02
"""Of the time, that trials take at most."""


class Way(NamedTuple):
    """How the steps of a slice are done: by how many threads, and what they share."""

    threads: int
    by_units: bool = False


class Trials:
    """What is known of the ways that steps of some size may be done, and which is done next.

    Parameters
    ----------
    ways : tuple of Way
        The plainest first.
    """

    def __init__(self, ways: tuple[Way, ...]) -> None:
        self._ways = ways
        self._cost = {way: deque[float](maxlen=KEPT) for way in ways}  # seconds a multiplication
        self._left: dict[Way, float] = {}  # what the slices of a way that was left came to, or less
        self._lefts: Counter[Way] = Counter()  # how often it was, since its slices were well
        self._next = [ways[0], *ways * FIRST]  # the trials that are still to be done
        self._trial: list[tuple[float, float]] = []  # work and seconds of the parts of the first
        self._turn = 0  # which of the ways that are not the best is tried next
        self._warm = False
        self._since = self._worked = 0.0  # seconds and work of slices since the last trial
        self._spent = 0.0  # seconds of the longer of the last two

    def next(self, work: float, steps: int) -> tuple[Way, int]:
        """Return the way, and how many of the steps, of ``work`` multiplications, to do."""
        best = self._best()
        if not self._next and self._since > max(AGAIN, self._spent / SHARE):
            self._judge(best)
            best = self._best()
            others = [way for way in self._ways if way != best]
            self._turn += 1
            self._next = [others[self._turn % len(others)], best]
        if self._next:
            return self._next[0], min(steps, FEW * MORE ** len(self._trial))
        return best, min(steps, max(2, int(AGAIN / (min(self._cost[best]) * work))))

    def note(self, way: Way, work: float, seconds: float) -> None:
        """Hear how long some steps, of ``work`` multiplications together, took."""
        self._since += seconds
        self._worked += work
        if self._next and way == self._next[0]:
            self._trial.append((work, seconds))
            spent = sum(seconds for _, seconds in self._trial)
            if spent >= TRIAL or not self._warm:
                self._end_trial(way, spent)

    def _judge(self, best: Way) -> None:
        """Leave the best way if its slices came to be slower than a plainer one was."""
        plainer, came_to = self._ways[: self._ways.index(best)], self._since / self._worked
        if any(came_to > min(self._cost[way]) for way in plainer):
            self._cost[best], self._left[best] = deque([came_to], KEPT), came_to
            self._lefts[best] += 1
        else:
            self._left.pop(best, None)
            self._lefts[best] = 0

    def _end_trial(self, way: Way, spent: float) -> None:
        """Keep the least that a part of the trial cost: its few first steps also start threads.

        Of a way whose slices were slower than its trials a trial is believed the less, the more
        often that was so.
        """
        del self._next[0]
        if self._warm:
            cost = min(seconds / work for work, seconds in self._trial)
            if way in self._left:
                share = 1 / (1 + self._lefts[way])
                cost = self._left[way] = share * cost + (1 - share) * self._left[way]
            self._cost[way].append(cost)
        self._trial, self._warm = [], True
        self._since = self._worked = 0.0
        self._spent = max(spent, 0.0 if len(self._next) % 2 else self._spent)

    def _best(self) -> Way:
        known = {way: min(cost) for way, cost in self._cost.items() if cost}
        return min(known, key=known.__getitem__, default=self._ways[-1])


class Team:
    """Chooses how each slice is done.

    Parameters
    ----------
    asked : int or None
        How many threads the user said; None: to be found.
    by_units : bool or None
        Whether they share units; None: to be found.
    """

    def __init__(self, asked: int | None, by_units: bool | None = None) -> None:
        self.asked, self._asked_units = asked, by_units
        if asked is not None and asked > 1:
            unlimited()  # not to be cut: for the threads to know whether each has a core
        self._trials: dict[tuple[Way, ...], Trials] = {}
        self._at_work: Trials | None = None  # those of the last slice; None: it had one way

    def next(self, work: float, steps: int, *, wide: bool = False) -> tuple[Way, int]:
        """Return the way, and how many of the steps, of ``work`` multiplications, to do.

        ``wide``: weights are many beside the batch's values.
        """
        ways = self._possible(work, wide)
        if len(ways) == 1:
            self._at_work = None
            return ways[0], steps
        if ways not in self._trials:
            self._trials[ways] = Trials(ways)
        self._at_work = self._trials[ways]
        return self._at_work.next(work, steps)

    def note(self, way: Way, work: float, seconds: float) -> None:
        """Hear how long the last slice took, of ``work`` multiplications in all."""
        if self._at_work is not None and work > 0:
            self._at_work.note(way, work, seconds)

    def certain(self, work: float, *, wide: bool = False) -> Way | None:
        """Return the way of steps of this size; None where several are to be tried."""
        ways = self._possible(work, wide)
        return ways[0] if len(ways) == 1 else None

    def _possible(self, work: float, wide: bool) -> tuple[Way, ...]:
        """Return the ways that such a step may be done, the plainest first."""
        small = self.asked is None and work < SMALL_STEP
        most = 1 if small else self.asked or LIMIT.of(self._cores)
        if most == 1:
            return (Way(1),)
        if self._asked_units is not None:
            shared = [self._asked_units]
        else:
            shared = [False, True] if wide else [False]
        many = [Way(most, units) for units in shared]
        tried = self.asked is None and work <= LARGE_STEP
        return (Way(1), *many) if tried else tuple(many)

    def of_pass(self, work: float) -> int:
        """Return the threads of one pass over rows, of ``work`` multiplications in float32."""
        if self.asked is not None:
            return self.asked
        worth = int(work / SMALL_PASS)
        return 1 if worth < 2 else max(1, min(LIMIT.of(self._cores), worth))

    @cached_property
    def _cores(self) -> int:
        """Found when a step is first worth more than one: to ask the system takes some 150 µs."""
        return unlimited()
