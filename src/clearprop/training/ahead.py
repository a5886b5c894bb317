"""Several epochs in one call of the engine, where nobody has to look in between.

An epoch of a small network is over in some four times the time that Python takes for its border,
and of runs on several threads only one at a time is in Python. So where no callback, metric,
average or plateau waits for an epoch's end, the engine judges the validation rows and keeps the
best parameters by itself, and the books are written behind some milliseconds of epochs. No bit
depends on it. Proved by ``tests/test_training_ahead.py``.
"""

from __future__ import annotations

import numpy as np

from clearprop.engine import Data, Looks, NativeRunner, Report, Runner, Window
from clearprop.training.batches import WINDOW_ROWS, Batches
from clearprop.training.books import Books
from clearprop.training.judging import Judge
from clearprop.training.schedules import Schedule

__all__ = ["Ahead"]


class Ahead:
    """Goes ahead of the books of a run.

    Parameters
    ----------
    runner : Runner
    batches : Batches
    books : Books
    validation : Data
        Judged behind each epoch.
    seed : int
        Of the order of rows.
    min_delta : float
        A smaller fall of the figure is no progress.
    """

    def __init__(
        self,
        runner: NativeRunner,
        batches: Batches,
        books: Books,
        validation: Data,
        seed: int,
        min_delta: float,
    ) -> None:
        self._runner, self._batches, self._books = runner, batches, books
        self._validation, self._seed, self._min_delta = validation, seed, min_delta

    @classmethod
    def of(
        cls,
        runner: Runner,
        batches: Batches,
        books: Books,
        judge: Judge,
        *,
        seed: int,
        min_delta: float,
    ) -> Ahead | None:
        """Return what goes ahead; None where rates, or what is kept, depend on Python's look."""
        schedule, rows = books.rates.schedule, judge.validation
        free = not (books.averages or schedule.by_epoch)
        free = free and type(schedule).observe is Schedule.observe
        if rows is None or judge.metric is not None or not free:
            return None
        if not isinstance(runner, NativeRunner) or runner.data.weights is not None:
            return None  # with weights, batches may be skipped, and are told of
        return cls(runner, batches, books, rows, seed, min_delta)

    def epochs(self, target: int, most: int | None) -> int:
        """Return how many whole epochs to go at once; less than 2: none.

        Parameters
        ----------
        target : int
            The step to go to at most.
        most : int, optional
            Epochs behind which the books must be looked at.
        """
        books, steps = self._books, self._batches.epoch
        if books.step != books.epoch * steps:
            return 1  # in the middle of an epoch
        whole = (target - books.step) // steps
        whole = min(whole, WINDOW_ROWS // (steps * self._batches.size))
        if most is not None:
            whole = min(whole, most)
        if whole < 2:
            return 1
        size, judged = self._batches.size, len(self._validation)
        return min(whole, self._runner.epochs_at_once(books.state, size, steps, judged))

    def go(self, epochs: int) -> Report:
        """Do epochs, from a border on, and enter them; return what the engine reported.

        Of the steps behind the last look, too, which the loop is to judge.
        """
        books, steps = self._books, self._batches.epoch
        window = self._window(epochs)
        ends = np.arange(1, epochs + 1, dtype=np.int64) * steps
        looks = Looks(self._validation, ends, books.watch.best, books.best_so_far)
        before = books.seconds
        try:
            report = self._runner.run_epochs(books.state, window, looks)
        except BaseException:  # a signal handler's: the whole steps done count all the same
            self._enter(window, looks, self._runner.broken_off(), before)
            raise
        self._enter(window, looks, report, before)
        return report

    def _window(self, epochs: int) -> Window:
        """The steps of epochs, each with the order, rates and scales that it has alone."""
        books, steps = self._books, self._batches.epoch
        starts = [books.step + e * steps for e in range(epochs)]
        parts = [self._batches.window(self._seed, start, start + steps) for start in starts]
        rows = np.concatenate([rows for rows, _ in parts])
        ends = [borders[1:] + e * len(parts[0][0]) for e, (_, borders) in enumerate(parts)]
        rates = np.concatenate([books.rates.of(start, start + steps) for start in starts])
        dropouts, decays = books.scales.across(starts, steps)
        borders = np.concatenate([np.zeros(1, np.int64), *ends])
        return Window(rows, borders, rates, dropouts=dropouts, decays=decays)

    def _enter(self, window: Window, looks: Looks, report: Report, before: float) -> None:
        """Enter the epochs that were judged, and the steps behind them."""
        books, steps, looked = self._books, self._batches.epoch, looks.looked
        done = looked * steps
        first = books.step - report.done
        if looked:
            # np.add.accumulate adds from left to right, as if each step were counted by itself.
            sizes = (window.borders[1:] - window.borders[:-1])[:done].astype(np.float64)
            terms = [sizes * report.costs[:done], sizes]
            if len(report.norms):
                terms.append(report.norms[:done])
            sums = np.add.accumulate(np.array(terms).reshape(-1, looked, steps), axis=2)[:, :, -1]
            cost, norm = sums[0] / sums[1], (sums[2] / steps if len(sums) > 2 else None)
            for e in range(looked):
                last = (e + 1) * steps
                books.append_judged(
                    first + last,
                    float(cost[e]),
                    float(looks.figures[e]),
                    np.nan if norm is None else float(norm[e]),
                    float(window.rates[last - 1]),
                    before + float(looks.seconds[e]),
                    self._min_delta,
                )
            books.sums.cost = float(report.costs[done - 1])
            books.sums.rate = float(window.rates[done - 1])
        rest = Report(report.costs[done:], report.norms[done:], report.done - done, report.why)
        books.count(
            Window(
                window.rows[window.borders[done] :],
                window.borders[done:] - window.borders[done],
                window.rates[done:],
            ),
            rest,
            self._runner.data,
        )
