"""Where a run stands, as callbacks and callers of `advance` are told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Callback", "Progress"]


@dataclass(frozen=True)
class Progress:
    """Where a run stands.

    Parameters
    ----------
    epoch, epochs : int
        Epochs done, and those of the whole run.
    step, steps : int
        Steps done, and those of the whole run.
    cost : float
        Mean of J over the last epoch done; NaN before.
    step_cost : float
        J of the last step's batch, before its update.
    validation_cost, validation_metric : float
        After the last epoch done; NaN without.
    best_epoch : int
        The epoch whose figure is the best so far; 0 before the first.
    best : float
        That figure: the watched cost or metric; NaN before there is one.
    learning_rate : float
        Of the last step.
    seconds : float
        Time of training so far.
    why : str
        Empty, or why the run ended: ``"complete"``, ``"early_stopping"``, ``"converged"``,
        ``"time_limit"``, ``"max_steps"``, ``"callback"``, ``"diverged"``.
    training : Training
        The run itself: parameters, history, state.
    run, runs : int
        Which run it is, from 1, of how many one after another: a tabular estimator has several.
    """

    epoch: int
    epochs: int
    step: int
    steps: int
    cost: float
    step_cost: float
    validation_cost: float
    validation_metric: float
    best_epoch: int
    best: float
    learning_rate: float
    seconds: float
    why: str
    training: Any = field(repr=False, compare=False)
    run: int = 1
    runs: int = 1

    @property
    def finished(self) -> bool:
        """Whether the run has ended."""
        return self.why != ""


Callback = Callable[[Progress], object]
"""Called after each epoch; the run stops if it returns True."""
