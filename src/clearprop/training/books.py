"""The books of a run: its state, what its epochs came to, the best of them, and why it ended.

Whatever a checkpoint holds is here. Proved by ``tests/test_training*.py`` and
``tests/test_resume.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from clearprop.engine import Data, Flat, Report, Runner, State, Window
from clearprop.optimizers import Optimizer
from clearprop.training.checkpoint import Checkpoint
from clearprop.training.history import Event, History
from clearprop.training.rates import Rates
from clearprop.training.scales import Scales
from clearprop.training.stopping import Watch
from clearprop.training.sums import Sums
from clearprop.words import number

__all__ = ["Books"]


class Books:
    """What a run has come to.

    Parameters
    ----------
    runner : Runner
        Holds the state.
    state : State
        Before the first step; the books' from now on.
    optimizer : Optimizer
    rates : Rates
    scales : Scales
    """

    def __init__(
        self, runner: Runner, state: State, optimizer: Optimizer, rates: Rates, scales: Scales
    ) -> None:
        self.state, self.rates, self.scales = runner.hold(state), rates, scales
        self.history = History()
        self.why = ""
        self.watch = Watch()
        self.sums = Sums()
        self.seconds = 0.0
        self.uncut: tuple[Watch, Sums, int, int] | None = None
        """Of a run that a limit ended: what it was before the last look."""
        self._runner, self._optimizer = runner, optimizer
        self.averages = type(optimizer).kept is not Optimizer.kept
        self._best: Flat = state.parameters.copy() if self.state is state else state.parameters

    @property
    def step(self) -> int:
        """Steps done."""
        return self.state.step

    @property
    def epoch(self) -> int:
        """Whole epochs done, one that was cut short among them."""
        return len(self.history)

    @property
    def nbytes(self) -> int:
        """Bytes of the state, the best parameters, and a gradient."""
        return int(self.state.nbytes + 2 * self._best.nbytes)

    def judged(self) -> Flat | State:
        """What is judged and kept: of a rule that averages, the average."""
        state = self.state
        if not self.averages:
            return state
        return self._optimizer.kept(state.parameters, state.slots, state.step)

    def kept(self) -> Flat:
        """What is kept, an array of its own."""
        flat = np.empty_like(self._best)
        self._keep(flat)
        return flat

    def _keep(self, flat: Flat) -> None:
        judged = self.judged()
        if isinstance(judged, State):
            judged.read(flat)
        else:
            flat[...] = judged

    def best(self, judged: bool) -> Flat:
        """The parameters to use, an array of its own.

        ``judged`` is whether epochs are compared to choose them.
        """
        watched = (self.watch.epoch > 0 and judged) or self.why == "diverged"
        last = self.uncut is not None and self.watch.epoch == self.epoch  # the part of an epoch
        return self._best.copy() if watched and not last else self.kept()

    @property
    def best_so_far(self) -> Flat:
        """Where the best parameters are kept."""
        return self._best

    # -- entries ----------------------------------------------------------------------------------
    def count(self, window: Window, report: Report, data: Data) -> None:
        """Enter what became of a window."""
        self.sums.count(window, report, data.weights)

    def append(self, figures: Mapping[str, float], norms: bool) -> None:
        """Add the row of the epoch under way to the history, and begin the sums anew."""
        seen = int(self.history.last("skipped")) if len(self.history) else 0
        skipped = self.state.skipped
        self.history.append(
            epoch=self.epoch + 1,
            steps=self.step,
            cost=self.sums.mean_cost,
            learning_rate=self.sums.rate,
            norm=self.sums.mean_norm if norms else np.nan,
            skipped=skipped,
            seconds=self.seconds,
            **figures,
        )
        self.sums.begin()
        if skipped > seen:
            self.tell("skipped", f"{skipped - seen} batches whose weights are all 0 were skipped")

    def append_judged(
        self,
        step: int,
        cost: float,
        figure: float,
        norm: float,
        rate: float,
        seconds: float,
        min_delta: float,
    ) -> None:
        """Add the row of an epoch whose best parameters the engine has kept already."""
        self.history.append(
            epoch=self.epoch + 1,
            steps=step,
            cost=cost,
            validation_cost=figure,
            learning_rate=rate,
            norm=norm,
            skipped=self.state.skipped,
            seconds=seconds,
        )
        self.watch.observe(figure, self.epoch, min_delta)

    def judge(self, figure: float, min_delta: float) -> None:
        """Take the watched figure of the epoch just entered: is it the best, what rate follows."""
        if self.watch.observe(figure, self.epoch, min_delta):
            self._keep(self._best)
        before = self.rates.memory
        self.rates.observe(figure)
        if self.step < self.rates.horizon.steps:
            self._tell_rate(before)

    def begin_cut(self) -> None:
        """Remember what stands before a limit ends the run, for checkpoints."""
        rows, events = len(self.history), len(self.history.events)
        self.uncut = replace(self.watch), replace(self.sums), rows, events

    # -- events -----------------------------------------------------------------------------------
    def tell(self, kind: str, text: str) -> None:
        """Add an event, once."""
        event = Event(kind, -(-self.step // self.rates.horizon.epoch), self.step, text)
        if event not in self.history.events:
            self.history.events.append(event)

    def _tell_rate(self, before: Mapping[str, float]) -> None:
        """Tell of a rate that changes between epochs, or because of what an epoch ended with."""
        if self.rates.schedule.by_epoch:
            old = self.sums.rate
        elif self.rates.memory != before:
            old = self.rates.with_memory(before, self.step)
        else:
            return
        rate = float(self.rates.of(self.step, self.step + 1)[0])
        if rate != old:
            text = f"learning rate changed from {number(old)} to {number(rate)}"
            self.tell("learning_rate", text)

    # -- what is kept for resuming ----------------------------------------------------------------
    def checkpoint(self, fingerprint: Mapping[str, str]) -> Checkpoint:
        """Return the run at this border; after a limit, as if there had been none."""
        watch, sums, history, why = self.watch, self.sums, self.history, self.why
        if self.uncut is not None:
            watch, sums, rows, events = self.uncut
            history, why = History(history.rows[:rows], history.events[:events]), ""
        return Checkpoint(
            self.state, self._best, watch, sums, self.rates.memory, history, self.seconds, why,
            fingerprint,
        )  # fmt: skip

    def go_on_from(self, found: Checkpoint) -> None:
        """Take what a checkpoint holds in place of what stands here."""
        self.state, self._best = found.state, found.best
        self.watch = found.watch
        self.sums, self.history = found.sums, found.history
        self.rates.remember(found.memory)
        self.seconds, self.why, self.uncut = found.seconds, found.why, None
        self.state = self._runner.hold(self.state)  # last: what stood here has made room for it
