"""A search's trials: in a file that is whole or not there, and as the study that Optuna goes on.

What trial n tries is a function of the seed, of n and of the trials before it alone, so that a
search that was stopped goes on as if it had not been.

Proved by ``tests/test_estimators_tune_study.py``.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from clearprop import storage
from clearprop.errors import FileError, UsageError
from clearprop.estimators.tuning_identity import without_addresses
from clearprop.words import shown

__all__ = ["Study", "Trial", "optuna_or_sentence"]

#: What differs, where "another" before its name is no English.
_OTHER = {"data": "other data", "prune": "another setting of prune"}

KIND = storage.Kind(
    "clearprop study", "study", 1, "begin a new one under another name, or delete it"
)

#: Epochs before a trial may be given up: figures of the first ones rank nothing.
WARM_UP = 5

#: Trials that are drawn at random before the sampler learns from them.
AT_RANDOM = 10

_STRIDE = 0x9E3779B1  # 2³² over the golden ratio, odd: seeds of neighbouring trials differ


@dataclass
class Trial:
    """One trial.

    Attributes
    ----------
    number : int
        From 1.
    state : {"complete", "pruned", "failed"}
        Pruned: given up at an epoch at which it was worse than half of the others.
    score : float
        The metric on rows that did not train it; of a pruned one NaN.
    parameters : dict
        What was tried.
    epochs : int
        After which figures were told.
    seconds : float
    why : str
        Of a failed one, what went wrong.
    """

    number: int
    state: str
    score: float
    parameters: dict[str, Any]
    epochs: int = 0
    seconds: float = 0.0
    why: str = ""
    told: dict[str, Any] = field(default_factory=dict, repr=False)


def optuna_or_sentence() -> Any:
    """Return Optuna.

    Raises
    ------
    UsageError
        If it is not installed: the sentence says how to.
    """
    try:
        import optuna
    except ImportError:
        raise UsageError(
            "tune needs Optuna, which is not installed: pip install 'clearprop[tune]'"
        ) from None
    return optuna


class Study:
    """The trials so far, and what to try next.

    Parameters
    ----------
    path : path or None
        The file; None for none.
    about : {name: text}
        What the search is of: a file of another is refused, by what differs.
    maximize : bool
    seed : int
    prune : bool

    Raises
    ------
    FileError
        If the file is there and no study, or cannot be written.
    UsageError
        If it is of another search.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None,
        about: Mapping[str, str],
        *,
        maximize: bool,
        seed: int,
        prune: bool,
    ) -> None:
        self.optuna = optuna_or_sentence()
        self.path, self.about, self.seed = path, dict(about), seed
        self.trials: list[Trial] = []
        states = self.optuna.trial.TrialState
        self._states = {
            "complete": states.COMPLETE, "pruned": states.PRUNED, "failed": states.FAIL,
        }  # fmt: skip
        samplers, pruners = self.optuna.samplers, self.optuna.pruners
        verbosity = self.optuna.logging.get_verbosity()
        self.optuna.logging.set_verbosity(self.optuna.logging.WARNING)  # "a study was created"
        try:
            self.inner = self.optuna.create_study(
                direction="maximize" if maximize else "minimize",
                sampler=samplers.RandomSampler(seed=seed),
                pruner=pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=WARM_UP)
                if prune
                else pruners.NopPruner(),
            )
        finally:
            self.optuna.logging.set_verbosity(verbosity)
        if path is not None:
            storage.check_writable(path)
            if Path(path).exists():
                self._go_on(path)

    @property
    def best(self) -> Trial | None:
        """The complete trial of the best score; of equal ones the first."""
        complete = [trial for trial in self.trials if trial.state == "complete"]
        if not complete:
            return None
        sign = -1.0 if self.inner.direction.name == "MAXIMIZE" else 1.0
        return min(complete, key=lambda trial: sign * trial.score)

    def next(self) -> Any:
        """Return Optuna's trial that comes next."""
        number = len(self.trials)
        self.inner.sampler = self.optuna.samplers.TPESampler(
            seed=(self.seed + number * _STRIDE) % 2**32, n_startup_trials=AT_RANDOM
        )
        return self.inner.ask()

    def keep(self, asked: Any, trial: Trial) -> None:
        """Take a trial to those that are done, and write the file."""
        frozen = self.inner.tell(
            asked,
            trial.score if trial.state == "complete" else None,
            state=self._states[trial.state],
        )
        space = self.optuna.distributions
        trial.told = {
            "parameters": dict(frozen.params),
            "distributions": {
                name: space.distribution_to_json(one) for name, one in frozen.distributions.items()
            },
            "figures": [[step, x] for step, x in sorted(frozen.intermediate_values.items())],
        }
        self.trials.append(trial)
        if self.path is not None:
            storage.write(self.path, KIND, self._content(), {})

    def drop(self, asked: Any) -> None:
        """Let go of a trial that was interrupted: the search comes to it again."""
        self.inner.tell(asked, state=self.optuna.trial.TrialState.FAIL)

    def _content(self) -> dict[str, Any]:
        rows = []
        for trial in self.trials:
            row = asdict(trial)
            row["score"] = None if math.isnan(trial.score) else trial.score
            row["parameters"] = {name: _plain(value) for name, value in row["parameters"].items()}
            rows.append(row)
        return {"about": self.about, "trials": rows}

    def _go_on(self, path: str | os.PathLike[str]) -> None:
        content, _ = storage.read(path, KIND)
        about, rows = content.get("about"), content.get("trials")
        if not isinstance(about, dict) or not isinstance(rows, list):
            raise FileError(f"{os.fspath(path)} does not say what it searched: {KIND.instead}")
        for what, own in self.about.items():
            had = about.get(what)
            if had != own:
                short = isinstance(had, str) and len(own) <= 24
                raise UsageError(
                    f"{os.fspath(path)} holds a search with {_OTHER.get(what, f'another {what}')}"
                    f"{f' ({shown(had)}, now {shown(own)})' if short else ''}: name another study"
                )
        for number, row in enumerate(rows, start=1):
            try:
                trial = _trial_of(row, number)
                self.inner.add_trial(self._frozen(trial))
            except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
                raise FileError(
                    f"{os.fspath(path)} holds no trial {number} to go on from, {shown(error)} is "
                    f"amiss: {KIND.instead}"
                ) from None
            self.trials.append(trial)

    def _frozen(self, trial: Trial) -> Any:
        """A trial of an earlier session, as Optuna has it."""
        space, told = self.optuna.distributions, trial.told
        return self.optuna.trial.create_trial(
            state=self._states[trial.state],
            value=trial.score if trial.state == "complete" else None,
            params=told["parameters"],
            distributions={
                name: space.json_to_distribution(text)
                for name, text in told["distributions"].items()
            },
            intermediate_values={int(step): float(x) for step, x in told["figures"]},
        )


def _trial_of(row: Any, number: int) -> Trial:
    """A trial as the file tells of it; raise TypeError or ValueError for what none was like."""
    told = row["told"]
    for what, value, kind in (
        ("parameters", row["parameters"], dict),
        ("told", told, dict),
        ("epochs", row["epochs"], int),
        ("seconds", row["seconds"], int | float),
        ("why", row["why"], str),
        ("parameters", told["parameters"], dict),
        ("distributions", told["distributions"], dict),
        ("figures", told["figures"], list),
    ):
        if not isinstance(value, kind):
            raise TypeError(f"{what}: {shown(value)}")
    score = math.nan if row["score"] is None else float(row["score"])
    if row["number"] != number or math.isfinite(score) != (row["state"] == "complete"):
        raise ValueError(f"number, state, score: {row['number']}, {row['state']}, {score}")
    return Trial(**{**row, "score": score})


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return without_addresses(repr(value))
