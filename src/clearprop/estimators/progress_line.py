"""What ``progress=True`` shows of a long fit: a line on the screen that is written over.

Proved by ``tests/test_tabular_estimators.py``.
"""

from __future__ import annotations

import math
import sys
from typing import TextIO

from clearprop.training import Progress
from clearprop.words import number

__all__ = ["ProgressLine"]


class ProgressLine:
    """Writes where a fit stands; to a file, which cannot be written over, a line a run.

    Parameters
    ----------
    to : text stream, optional
        Standard error by default.

    Examples
    --------
    >>> import io
    >>> ProgressLine(io.StringIO()).told(Progress(3, 64, 30, 640, 0.5, 0.5, 0.4, 0.25, 2, 0.21,
    ...     0.1, 1.5, "", None, run=2, runs=8))
    'run 2 of 8: epoch 3 of 64, 0.25 held back, best 0.21, 1.5 s'
    """

    def __init__(self, to: TextIO | None = None) -> None:
        self._to = sys.stderr if to is None else to
        self._width = 0

    def __call__(self, progress: Progress) -> None:
        """Write where it stands."""
        text, last = self.told(progress), progress.finished
        if self._to.isatty():
            self._to.write("\r" + text.ljust(self._width) + ("\n" if last else ""))
            self._width = 0 if last else len(text)
        elif last:
            self._to.write(text + "\n")
        self._to.flush()

    def told(self, at: Progress) -> str:
        """Return one line."""
        run = f"run {at.run} of {at.runs}: " if at.runs > 1 else ""
        text = f"{run}epoch {at.epoch} of {at.epochs}"
        if not math.isnan(at.validation_metric):
            text += f", {number(at.validation_metric)} held back"
        elif not math.isnan(at.cost):
            text += f", cost {number(at.cost)}"
        if at.best_epoch:
            text += f", best {number(at.best)}"
        return f"{text}, {at.seconds:.1f} s"
