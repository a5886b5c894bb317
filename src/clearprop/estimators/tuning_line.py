"""What ``progress=True`` shows of a search: a line a trial.

Proved by ``tests/test_estimators_tune.py``.
"""

from __future__ import annotations

import math
from typing import TextIO

from clearprop.estimators.progress_line import Line
from clearprop.estimators.tuning_found import Searching
from clearprop.words import number

__all__ = ["SearchLine"]


class SearchLine:
    """Writes where a search stands; to a file, where each trial ended.

    Parameters
    ----------
    to : text stream, optional
        Standard error by default.

    Examples
    --------
    >>> import io
    >>> at = Searching(3, 50, 12, {}, "rmse", 0.25, {}, 1.5)
    >>> SearchLine(io.StringIO()).told(at)
    'trial 3 of 50: epoch 12, best rmse 0.25, 1.5 s'
    """

    def __init__(self, to: TextIO | None = None) -> None:
        self._line, self._trial, self._told = Line(to), 0, ""

    def __call__(self, at: Searching) -> None:
        """Write where it stands."""
        if at.trial != self._trial:
            self.close()
        self._trial, self._told = at.trial, self.told(at)
        self._line.write(self._told, last=False)

    def close(self) -> None:
        """End the line, if one has begun."""
        if self._told:
            self._line.write(self._told, last=True)
            self._told = ""

    def told(self, at: Searching) -> str:
        """Return one line."""
        text = f"trial {at.trial} of {at.trials}"
        if at.epoch:
            text += f": epoch {at.epoch}"
        if not math.isnan(at.best_score):
            text += f", best {at.metric} {number(at.best_score)}"
        return f"{text}, {at.seconds:.1f} s"
