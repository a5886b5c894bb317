"""How a step is done by threads: bounded by the cores one may use, chosen by what was measured.

A step that is small is done by one thread, a large one by all; in between, slices of some steps are
done both ways in turn and the faster is kept, tried again now and then, because it depends on what
else runs. Threads share the rows of a batch; where weights are many beside a batch's values, it is
tried in the same way whether they had better share the units of layers. What else runs only ever
takes time, so of the last trials of each the least counts. Where no core is free for a second
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
"""Multiplications of a pass over rows that are worth a thread: some 400 µs of it. To start one
takes 30 µs where a core is free, and a millisecond where none is."""
TRIAL = 1e-3
"""Seconds after which a trial is over, and that it takes at least where there are steps enough."""
FEW, MORE = 2, 4
"""Steps with which a trial begins, and how many times as many follow if they took less."""
FIRST = 2
"""Trials of either choice with which a run begins, behind one that counts for nothing: in it the
memory is touched for the first time."""
KEPT = 3
"""Trials of either choice whose least counts: a disturbance is forgotten when it has passed, and a
core that is taken for good is noticed after as many."""
AGAIN = 0.2
"""Seconds from one pair of trials to the next, or more:"""
SHARE = 0.02
"""Of the time, that trials take at most."""


class Way(NamedTuple):
    """How the steps of a slice are done: by how many threads, and what they share."""

    threads: int
    by_units: bool = False


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
        self._ways: tuple[Way, ...] = ()  # that the trials are of, the plainest first
        self._cost: dict[Way, deque[float]] = {}  # seconds a multiplication, by trial
        self._left: dict[Way, float] = {}  # what the slices of a way that was left came to, or less
        self._lefts: Counter[Way] = Counter()  # how often it was, since its slices were well
        self._trials: list[Way] = []  # that are still to be done
        self._trial: list[tuple[float, float]] = []  # work and seconds of the parts of the first
        self._turn = 0  # which of the ways that are not the best is tried next
        self._warm = False
        self._since = self._worked = 0.0  # seconds and work of slices since the last trial
        self._spent = 0.0  # seconds of the longer of the last two

    def next(self, work: float, steps: int, *, wide: bool = False) -> tuple[Way, int]:
        """Return the way, and how many of the steps, of ``work`` multiplications, to do.

        ``wide``: weights are many beside the batch's values.
        """
        ways = self._possible(work, wide)
        if len(ways) == 1:
            return ways[0], steps
        if ways != self._ways:
            self._ways, self._warm = ways, False
            self._cost = {way: deque(maxlen=KEPT) for way in ways}
            self._left, self._lefts = {}, Counter()
            self._trials, self._trial = [ways[0], *ways * FIRST], []
            self._since = self._worked = 0.0
        best = self._best()
        if not self._trials and self._since > max(AGAIN, self._spent / SHARE):
            plainer = ways[: ways.index(best)]
            came_to = self._since / self._worked
            if plainer and came_to > min(min(self._cost[one]) for one in plainer):
                self._cost[best], self._left[best] = deque([came_to], KEPT), came_to
                self._lefts[best] += 1
                best = self._best()
            else:
                self._left.pop(best, None)
                self._lefts[best] = 0
            others = [way for way in ways if way != best]
            self._turn += 1
            self._trials = [others[self._turn % len(others)], best]
        if self._trials:
            return self._trials[0], min(steps, FEW * MORE ** len(self._trial))
        return best, min(steps, max(2, int(AGAIN / (min(self._cost[best]) * work))))

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

    def certain(self, work: float) -> int | None:
        """Return the threads of steps of this size; None where they are to be tried."""
        return 1 if self.asked is None and work < SMALL_STEP else self.asked

    def note(self, way: Way, work: float, seconds: float) -> None:
        """Hear how long some steps, of ``work`` multiplications together, took."""
        if way not in self._ways or not work > 0:
            return
        self._since += seconds
        self._worked += work
        if self._trials and way == self._trials[0]:
            self._trial.append((work, seconds))
            spent = sum(seconds for _, seconds in self._trial)
            if spent >= TRIAL or not self._warm:
                self._end_trial(way, spent)

    def _end_trial(self, way: Way, spent: float) -> None:
        """Keep the least that a part of the trial cost: its few first steps also start threads.

        Of a way whose slices were slower than its trials a trial is believed the less, the more
        often that was so.
        """
        del self._trials[0]
        if self._warm:
            cost = min(seconds / work for work, seconds in self._trial)
            if way in self._left:
                share = 1 / (1 + self._lefts[way])
                cost = self._left[way] = share * cost + (1 - share) * self._left[way]
            self._cost[way].append(cost)
        self._trial, self._warm = [], True
        self._since = self._worked = 0.0
        self._spent = max(spent, self._spent if len(self._trials) % 2 else 0.0)

    def of_pass(self, work: float) -> int:
        """Return the threads of one pass over rows, of ``work`` multiplications."""
        if self.asked is not None:
            return self.asked
        worth = int(work / SMALL_PASS)
        return 1 if worth < 2 else max(1, min(LIMIT.of(self._cores), worth))

    @cached_property
    def _cores(self) -> int:
        """Found when a step is first worth more than one: to ask the system takes some 150 µs."""
        return unlimited()

    def _best(self) -> Way:
        known = {way: min(cost) for way, cost in self._cost.items() if cost}
        return min(known, key=known.__getitem__, default=self._ways[-1])
