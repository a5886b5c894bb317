"""How many threads a step is worth: bounded by the cores one may use, chosen by what was measured.

A step that is small is done by one thread, a large one by all; in between, the first slices are
done both ways and the faster is kept, tried again now and then, because it depends on what else
runs. Threads change no bits, so neither does the choice. Proved by ``tests/test_engine_team.py``.
"""

from __future__ import annotations

from clearprop.engine.limits import LIMIT, unlimited

__all__ = ["Team"]

SMALL_STEP = 8e5
"""Multiplications of a step below which threads wait for each other longer than they work."""
LARGE_STEP = 1e8
"""Multiplications of a step above which all threads are taken without a trial."""
TRIAL = 1.5e-3
"""Seconds that a trial takes, about."""
AGAIN = 0.2
"""Seconds from one trial of the other choice to the next: a trial costs under 1 % of the time."""


class Team:
    """Chooses the number of threads of each slice.

    Parameters
    ----------
    asked : int or None
        What the user said; None: to be found.
    """

    def __init__(self, asked: int | None) -> None:
        self.asked = asked
        self._cores = 1 if asked is not None else unlimited()
        self._cost: dict[int, float] = {}  # threads -> seconds a multiplication
        self._since = 0.0  # seconds run since the last trial

    def next(self, work: float, steps: int) -> tuple[int, int]:
        """Return the threads, and how many of the steps, of ``work`` multiplications, to do."""
        if self.asked is not None:
            return self.asked, steps
        most = LIMIT.of(self._cores)
        if most == 1 or work < SMALL_STEP:
            return 1, steps
        if work > LARGE_STEP:
            return most, steps
        for threads in (most, 1):
            if threads not in self._cost:
                return threads, min(steps, max(2, int(TRIAL * 4e10 / work)))
        best = min((most, 1), key=self._cost.__getitem__)
        if self._since > AGAIN:
            other = 1 if best > 1 else most
            return other, min(steps, max(2, int(TRIAL / (self._cost[best] * work))))
        return best, min(steps, max(2, int(AGAIN / (self._cost[best] * work))))

    def note(self, threads: int, work: float, seconds: float) -> None:
        """Hear how long some steps, of ``work`` multiplications together, took."""
        if self.asked is not None or self._cores == 1 or not work > 0:
            return
        known = self._cost
        self._since += seconds
        tried = [one for one in (LIMIT.of(self._cores), 1) if one in known]
        if threads not in known or threads != min(tried, key=known.__getitem__, default=0):
            self._since = 0.0  # that was a trial
        known[threads] = seconds / work
