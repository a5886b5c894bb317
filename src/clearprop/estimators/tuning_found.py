"""What a search for parameters tells: where it stands, and what it found.

Proved by ``tests/test_estimators_tune.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from clearprop.estimators.tuning_study import Trial
from clearprop.notebook import headed, table
from clearprop.words import number

__all__ = ["Searching", "Tuned"]

#: Columns of the trials that not every search has.
_NOT_OF_ALL = ("epochs", "why")


@dataclass(frozen=True)
class Searching:
    """Where a search stands.

    Attributes
    ----------
    trial, trials : int
        The trial under way, from 1, and how many there will be.
    epoch : int
        Epochs of it that are done; 0 where the estimator tells of none.
    parameters : dict
        What it tries.
    metric : str
    best_score : float
        NaN before a trial is complete.
    best_parameters : dict
    seconds : float
        Since the search, or its going on, began.
    """

    trial: int
    trials: int
    epoch: int
    parameters: Mapping[str, Any]
    metric: str
    best_score: float
    best_parameters: Mapping[str, Any]
    seconds: float


@dataclass(frozen=True, repr=False)
class Tuned:
    """What a search found.

    Attributes
    ----------
    best_estimator : estimator or Model
        Fitted anew to all rows.
    best_params : dict
    best_score : float
        On the rows that judged; a little too good, as the best of many is: judge the estimator on
        rows that took no part.
    metric : str
    trials : tuple of Trial
        In order, those of earlier sessions among them.
    interrupted : bool
        Whether Ctrl-C ended it.
    study : optuna.Study
        For Optuna's own plots and importances.
    notes : tuple of str
        What a reader of the result should know: own values of the estimator that the space has
        not, and that the time limit ended the search.
    """

    best_estimator: Any
    best_params: Mapping[str, Any]
    best_score: float
    metric: str
    trials: tuple[Trial, ...]
    interrupted: bool
    study: Any = field(compare=False)
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, list[Any]]:
        """Return the table of trials as columns, for a frame: ``pd.DataFrame(found.to_dict())``."""
        names = dict.fromkeys(name for trial in self.trials for name in trial.parameters)
        first = ("number", "state", "score", "epochs", "seconds", "why")
        columns = {name: [getattr(trial, name) for trial in self.trials] for name in first}
        for name in names:
            columns[name] = [trial.parameters.get(name) for trial in self.trials]
        return columns

    def __repr__(self) -> str:
        states = [trial.state for trial in self.trials]
        told = ", ".join(
            f"{states.count(state)} {state}"
            for state in ("complete", "pruned", "failed")
            if state in states
        )
        lines = [f"<Tuned: {self.metric} {number(self.best_score)}, {told}>"]
        lines += [f"  {name} = {value!r}" for name, value in self.best_params.items()]
        lines += [f"  note: {note}" for note in self.notes]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        columns = self.to_dict()
        told = {n: cells for n, cells in columns.items() if any(cells) or n not in _NOT_OF_ALL}
        return headed(
            f"Tuned: {self.metric} {number(self.best_score)}",
            table((), list(self.best_params.items())),
            table(list(told), zip(*told.values(), strict=True)),
        )
