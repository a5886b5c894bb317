"""The loop over windows of steps: what it does at borders, and when it ends.

The steps themselves are a runner's, their order a source's, their rates a schedule's. Borders of
slices never change bits. Proved by ``tests/test_training*.py`` and ``tests/test_resume.py``.
"""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from clearprop.engine import Data, Runner, Window
from clearprop.errors import DivergenceError
from clearprop.training.ahead import Ahead
from clearprop.training.batches import WINDOW_ROWS, Batches
from clearprop.training.books import Books
from clearprop.training.interruption import Asked, Handler, listening
from clearprop.training.judging import Judge
from clearprop.training.keeping import Keeper
from clearprop.training.progress import Callback, Progress
from clearprop.words import number

__all__ = ["Ends", "Loop"]


@dataclass
class Ends:
    """When a run ends.

    Parameters
    ----------
    steps : int
        Its length, which schedules know; limits cut it short and change no rate.
    early : bool
        Whether it ends when the watched figure falls no more.
    patience : int, epochs
    cycles : tuple of int, epochs
        Where cycles of the schedule end, if patience is for one of them; else ().
    min_delta : float
    time_limit : float, seconds
    max_steps : int or None
    """

    steps: int
    early: bool
    patience: int
    cycles: tuple[int, ...]
    min_delta: float
    time_limit: float
    max_steps: int | None


class Loop:
    """Drives a runner through a run, entering what happens in its books.

    Parameters
    ----------
    runner : Runner
    data : Data
    batches : Batches
    books : Books
    judge : Judge
    keeper : Keeper
    ends : Ends
    seed : int
        Of the order of rows.
    norms : bool
        Whether the gradient's norms are entered.
    callbacks : tuple of Callback
    advice : callable
        Returns what to try after the run has diverged.
    """

    def __init__(
        self,
        runner: Runner,
        data: Data,
        batches: Batches,
        books: Books,
        judge: Judge,
        keeper: Keeper,
        ends: Ends,
        *,
        seed: int,
        norms: bool,
        callbacks: tuple[Callback, ...],
        advice: Callable[[], str],
    ) -> None:
        self.runner, self.data, self.batches, self.books = runner, data, batches, books
        self.judge, self.keeper, self.ends, self.seed, self.norms = judge, keeper, ends, seed, norms
        self.callbacks, self.advice = callbacks, advice
        self.asked = Asked()
        self._found = ""
        self._ahead: Ahead | None = None
        if not callbacks:
            self._ahead = Ahead.of(
                runner, batches, books, judge, seed=seed, min_delta=ends.min_delta
            )

    @property
    def epochs(self) -> int:
        """Epochs of the whole run, the last of them perhaps in part."""
        return -(-self.ends.steps // self.batches.epoch)

    def drive(self, target: int, deadline: float, progress: Callable[[], Progress]) -> None:
        """Run to the target, at whole steps only doing what Ctrl-C would have done at once.

        ``progress`` returns what callbacks are called with.
        """
        try:
            while (handler := self._drive_on(target, deadline, progress)) is not None:
                handler(signal.SIGINT, None)  # raises, or lets the run go on
        except KeyboardInterrupt:
            self.books.tell("interrupted", f"interrupted after step {self.books.step}")
            raise

    def _drive_on(
        self, target: int, deadline: float, progress: Callable[[], Progress]
    ) -> Handler | None:
        """Run to the target or until asked to stop; return what the signal would have run."""
        books, ends = self.books, self.ends
        entered, began, before = books.step, time.monotonic(), books.seconds
        try:
            with listening(self.asked, self.runner.interrupt):
                while True:
                    self._settle(progress)
                    books.seconds = before + time.monotonic() - began
                    if books.why or self.asked or books.step >= target:
                        break
                    if time.monotonic() >= deadline and books.step > entered:
                        break
                    limit = min(deadline, began + ends.time_limit - before)
                    if not self._go_ahead(min(target, ends.steps)):
                        self._slice(min(target, ends.steps), limit)
                    books.seconds = before + time.monotonic() - began
                    if time.monotonic() >= self.keeper.due:
                        self.keeper.keep(books)
        finally:
            handler, self.asked = self.asked.handler, Asked()
            if handler is not None or books.why:
                self.keeper.keep(books)
        return handler

    def _go_ahead(self, target: int) -> bool:
        """Do several epochs up to ``target`` at once; False: none, `_slice` is to."""
        books, ends = self.books, self.ends
        if self._ahead is None:
            return False
        most = self._patient() if ends.early else None
        count = self._ahead.epochs(min(target, ends.max_steps or target), most)
        if count < 2:
            return False
        report = self._ahead.go(count)
        if report.why == "diverged":
            self._diverge("cost", float(report.costs[-1]))
        if books.step == books.epoch * self.batches.epoch:
            self._conclude()
        return True

    def _slice(self, target: int, deadline: float) -> None:
        """Do steps, one at least, up to ``target``, the end of the epoch or the deadline."""
        books, epoch = self.books, self.batches.epoch
        start = books.step
        stop = min(
            target,
            (start // epoch + 1) * epoch,
            start + max(1, WINDOW_ROWS // self.batches.size),
            self.ends.max_steps or target,
        )
        deadline = min(deadline, self.keeper.due)
        rows, borders = self.batches.window(self.seed, start, stop)
        dropouts, decays = books.scales.of(start, stop)
        rates = books.rates.of(start, stop)
        window = Window(rows, borders, rates, dropouts=dropouts, decays=decays)

        def over() -> bool:
            late = books.step > start and time.monotonic() >= deadline
            return bool(self.asked) or late

        try:
            report = self.runner.run(books.state, window, over)
        except BaseException:  # a signal handler's: the whole steps done count all the same
            books.count(window, self.runner.broken_off(), self.data)
            raise
        books.count(window, report, self.data)
        if report.why == "diverged":
            self._diverge("cost", float(report.costs[-1]))
        self._found = report.text

    # -- ends of epochs and of the run ------------------------------------------------------------
    def _settle(self, progress: Callable[[], Progress]) -> None:
        """Do what is due at this border: the end of an epoch, the end of the run."""
        books, ends = self.books, self.ends
        if books.why:
            return
        step, epoch = books.step, books.epoch
        at_border = step == (epoch + 1) * self.batches.epoch
        last_part = step >= ends.steps and epoch < self.epochs
        if (at_border or last_part) and not self._end_epoch(progress):
            return  # interrupted: done again when the run goes on
        if books.why:
            return
        if step >= ends.steps:
            books.why = "complete"
        elif ends.max_steps is not None and step >= ends.max_steps:
            self._cut("max_steps", f"stopped after {step} steps (max_steps)")
        elif books.seconds >= ends.time_limit and step:
            self._cut(
                "time_limit",
                f"stopped after {step} steps (time_limit={number(ends.time_limit)} s); "
                f"max_steps={step} gives the same parameters",
            )

    def _end_epoch(self, progress: Callable[[], Progress]) -> bool:
        """Close the books of the epoch under way; return False if that was interrupted."""
        books, ends = self.books, self.ends
        figures = self.judge.figures(books.judged(), self.asked)
        if figures is None:
            return False
        self._require_finite(figures)
        books.append(figures, self.norms)
        books.judge(self._watched(figures), ends.min_delta)
        self._conclude()
        if self._found:
            books.why = "converged"
            books.tell("converged", f"converged in step {books.step}: {self._found}")
        if self.callbacks:
            self._call_back(progress())
        return True

    def _patient(self) -> int:
        """After how many more epochs it may be time to stop, at the soonest; 0: it is."""
        watch, epoch, ends = self.books.watch, self.books.epoch, self.ends
        if not ends.cycles:
            return ends.patience - watch.waited
        begun = max((end for end in ends.cycles if end < epoch), default=0)
        if epoch in ends.cycles and 0 < begun >= epoch - watch.waited:
            return 0  # the first cycle has none before it
        return min((end for end in ends.cycles if end > epoch), default=epoch + 1) - epoch

    def _conclude(self) -> None:
        """See whether the run has ended with the epoch just entered."""
        books, ends = self.books, self.ends
        if ends.early and self._patient() <= 0 and books.step < ends.steps:
            books.why = "early_stopping"
            best = f"best epoch {books.watch.epoch}"
            waited = "a cycle of the rate" if ends.cycles else f"{ends.patience} epochs"
            books.tell(
                "early_stopping",
                f"stopped after epoch {books.epoch}: no progress for {waited}, "
                f"{best if books.watch.epoch else 'as the watched figure was no number in any'}",
            )
        elif books.step >= ends.steps:
            books.why = "complete"

    def _call_back(self, now: Progress) -> None:
        books = self.books
        stops = [callback for callback in self.callbacks if callback(now) is True]
        if stops and not books.why:
            books.why = "callback"
            books.tell("callback", f"stopped by a callback after epoch {books.epoch}")

    def _watched(self, figures: Mapping[str, float]) -> float:
        """The watched figure of the row just entered."""
        return self.judge.watched(self.books.history.last("cost"), figures)

    def _cut(self, kind: str, text: str) -> None:
        """End the run at a limit, if in mid-epoch with a last look at the validation rows.

        A checkpoint does not know of that look: with a later limit the run goes on as if there had
        been none.
        """
        books = self.books
        part = books.step > books.epoch * self.batches.epoch  # of an epoch
        figures = self.judge.figures(books.judged(), self.asked) if part else {}
        if figures is None:
            return  # interrupted: comes here again when the run goes on
        books.begin_cut()
        if part:
            books.append(figures, self.norms)
            books.watch.observe(self._watched(figures), books.epoch, self.ends.min_delta)
        books.why = kind
        books.tell(kind, text)

    # -- divergence -------------------------------------------------------------------------------
    def _require_finite(self, figures: Mapping[str, float]) -> None:
        if not self.books.state.finite:
            self._diverge("a parameter", np.nan)
        if not math.isfinite(figures.get("validation_cost", 0.0)):
            self._diverge("validation cost", figures["validation_cost"])
        if math.isinf(cost := self.books.sums.mean_cost):
            self._diverge("cost", cost)

    def _diverge(self, what: str, value: float) -> None:
        books = self.books
        books.why = "diverged"
        epoch = (max(books.step, 1) - 1) // self.batches.epoch + 1
        text = f"{what} became {number(value)} in epoch {epoch}, step {books.step}, {self.advice()}"
        books.tell("diverged", text)
        raise DivergenceError(text)
