"""What ``progress=True`` shows of what takes long: a line on the screen that is written over.

Proved by ``tests/test_tabular_estimators.py`` and ``tests/test_estimators_tune.py``.
"""

from __future__ import annotations

import math
import sys
from typing import TextIO

from clearprop.training import Progress
from clearprop.words import number

__all__ = ["Line", "ProgressLine"]


class Line:
    """A line on the screen; a file, which cannot be written over, has what ends lines alone.

    Parameters
    ----------
    to : text stream, optional
        Standard error by default.
    """

    def __init__(self, to: TextIO | None = None) -> None:
        self._to = sys.stderr if to is None else to
        self._width = 0

    def write(self, text: str, *, last: bool) -> None:
        """Write a text over the one before it; the last one of a line stays."""
        if self._to is None:  # a program without a console has no standard error
            return
        if self._to.isatty():
            self._to.write("\r" + text.ljust(self._width) + ("\n" if last else ""))
            self._width = 0 if last else len(text)
        elif last:
            self._to.write(text + "\n")
        self._to.flush()


class ProgressLine:
    """Writes where a fit stands; to a file a line a run.

    Parameters
    ----------
    figure : str
        What is watched of the rows that are held back.
    to : text stream, optional
        Standard error by default.

    Examples
    --------
    >>> import io
    >>> at = Progress(3, 64, 30, 640, 0.5, 0.5, 0.4, 0.25, 2, 0.21, 0.1, 1.5, "", None, 2, 8)
    >>> ProgressLine("rmse", io.StringIO()).told(at)
    'run 2 of 8: epoch 3 of 64, rmse 0.25 (best 0.21 in 2), 1.5 s'
    """

    def __init__(self, figure: str, to: TextIO | None = None) -> None:
        self._figure, self._line = figure, Line(to)

    def __call__(self, progress: Progress) -> None:
        """Write where it stands."""
        self._line.write(self.told(progress), last=progress.finished)

    def told(self, at: Progress) -> str:
        """Return one line."""
        run = f"run {at.run} of {at.runs}: " if at.runs > 1 else ""
        text = f"{run}epoch {at.epoch} of {at.epochs}"
        if not math.isnan(at.validation_metric):
            text += f", {self._figure} {number(at.validation_metric)}"
        elif not math.isnan(at.cost):
            text += f", cost {number(at.cost)}"
        if at.best_epoch:
            text += f" (best {number(at.best)} in {at.best_epoch})"
        return f"{text}, {at.seconds:.1f} s"
