"""Early stopping: which epoch was best, and how long ago.

Proved by ``tests/test_training_ends.py``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Watch"]


@dataclass
class Watch:
    """What has been seen of the figure that is watched (less is better).

    Parameters
    ----------
    best : float
        The least so far.
    epoch : int
        The epoch, from 1, that it was seen at; 0 before the first.
    reference : float
        What the next figure must undercut by ``min_delta`` to count as progress.
    waited : int
        Epochs since the last progress.
    """

    best: float = np.inf
    epoch: int = 0
    reference: float = np.inf
    waited: int = 0

    def observe(self, figure: float, epoch: int, min_delta: float) -> bool:
        """Take an epoch's figure; return whether it is the least so far. NaN never is.

        Examples
        --------
        >>> watch = Watch()
        >>> [watch.observe(figure, i + 1, 0.1) for i, figure in enumerate([3, 1, 0.95, 2])]
        [True, True, True, False]
        >>> watch.epoch, watch.waited
        (3, 2)
        """
        best = figure < self.best
        if best:
            self.best, self.epoch = figure, epoch
        if figure < self.reference - min_delta:
            self.reference, self.waited = figure, 0
        else:
            self.waited += 1
        return best
