"""A search under way: trial after trial, until all is tried, time is over or Ctrl-C.

Proved by ``tests/test_estimators_tune.py``.
"""

from __future__ import annotations

import math
import os
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any

import joblib  # type: ignore[import-untyped]
import numpy as np
from sklearn.exceptions import ConvergenceWarning

from clearprop.errors import DataError, FileError, SettingError, UsageError
from clearprop.estimators.tuning_checks import check_scorer
from clearprop.estimators.tuning_found import Searching, Tuned
from clearprop.estimators.tuning_identity import of_estimator, of_split, of_value
from clearprop.estimators.tuning_parameters import check_names, value_of
from clearprop.estimators.tuning_space import Choices, Range, Sampler, Space
from clearprop.estimators.tuning_study import Study, Trial
from clearprop.estimators.tuning_trials import (
    Candidate,
    Data,
    Judge,
    classifies,
    divided,
    one_sentence,
    scored,
    usual_metric,
)
from clearprop.tables import Table
from clearprop.tables.fingerprint import fingerprint
from clearprop.words import number, shown

__all__ = ["Search"]

#: So many failures, and no success, and the search ends with what went wrong.
HOPELESS = 3

#: Where the means of folds are told, behind every epoch of the first fold.
FOLDS = 1_000_000


class _GivenUpError(Exception):
    """The trial is worse than half of the others."""


class Search:
    """A search under way."""

    study: Study
    progress: Callable[[Searching], object] | None = None

    def __init__(
        self,
        candidate: Candidate,
        data: Data,
        space: Space | Sampler,
        told: Mapping[str, Any],
        metric: Any,
        validation: float,
        cv: Any,
    ) -> None:
        self.candidate, self.data, self.space, self.told = candidate, data, space, told
        names = classifies(candidate, data.y, metric)
        if names and data.y.ndim == 2 and (metric is None or metric == "log_loss"):
            raise SettingError("several labels a row: give one of scikit-learn's scorers as metric")
        self.judge = Judge(
            usual_metric(candidate, names) if metric is None else metric,
            _classes(data.y) if names else None,
        )
        check_scorer(candidate, self.judge, data.y)
        self.metric = self.judge.metric if isinstance(self.judge.metric, str) else "score"
        self.validation, self.cv = validation, cv
        self.folds = divided(data, cv, validation, told["seed"], names)
        self.started = time.monotonic()

    def open(self, path: Any) -> None:
        """Begin the study, or go on with the one there is."""
        self.study = Study(
            path, {} if path is None else self._about(), maximize=self.judge.higher_is_better,
            seed=self.told["seed"], prune=self.told["prune"],
        )  # fmt: skip
        for trial in self.study.trials if isinstance(self.space, Mapping) else ():
            try:
                self._parameters_of(trial)
            except (KeyError, StopIteration):
                raise FileError(
                    f"trial {trial.number} of {os.fspath(path)} has parameters that this search "
                    "has not: name another study"
                ) from None

    def _about(self) -> dict[str, str]:
        """What makes this search this one: its file goes on with no other."""
        data, space, what = self.data, self.space, self.candidate.what
        X = fingerprint(data.X, data.X.names) if isinstance(data.X, Table) else data.X
        made = of_value(what) if self.candidate.estimator is None else of_estimator(what)
        plain = self.validation if self.cv is None else self.cv
        groups = () if data.groups is None else (data.groups,)
        return {
            "data": joblib.hash((X, data.y, data.weights, *groups)),
            "estimator": joblib.hash(made),
            "space": of_value(dict(space) if isinstance(space, Mapping) else space),
            "metric": of_value(self.judge.metric),
            "split": repr(plain) if isinstance(plain, int | float) else of_split(self.folds),
            "seed": str(self.told["seed"]),
            "prune": str(self.told["prune"]),
        }

    def run(self) -> Tuned:
        """Try until all is tried, time is over or somebody asks to stop; fit the best."""
        limit, interrupted, notes = self.told["time_limit"], False, self._never_tried()
        with _heard() as heard:
            while len(self.study.trials) < self.told["trials"]:
                late = limit is not None and time.monotonic() - self.started > limit
                if late and self.study.trials:
                    notes.append(
                        f"the time limit of {number(limit)} s ended the search, behind "
                        f"{len(self.study.trials)} of {self.told['trials']} trials"
                    )
                    break
                try:
                    self._one(heard)
                except KeyboardInterrupt:
                    interrupted = True
                    break
        best = self.study.best
        if best is None:
            if interrupted:
                raise KeyboardInterrupt
            raise SettingError(f"no trial was complete: {self._failures()}")
        parameters = self._parameters_of(best)
        given = {} if self.cv is not None else {"validation": self.validation}
        fitted = self.candidate.fit(parameters, self.data, given=given)
        return Tuned(
            fitted, parameters, best.score, self.metric, tuple(self.study.trials), interrupted,
            self.study.inner, tuple(notes),
        )  # fmt: skip

    def _failures(self) -> str:
        return next((trial.why for trial in self.study.trials if trial.why), "all were given up")

    def _one(self, heard: list[int]) -> None:
        place = len(self.study.trials) + 1
        if place == 1:
            self._begin_with_what_is()
        asked = self.study.next()
        trial = Trial(place, "complete", math.nan, {})
        began = time.monotonic()
        try:
            trial.parameters = dict(self._chosen(asked))
            self._announce(trial)
            trial.score = self._score(asked, trial, heard)
            if not math.isfinite(trial.score):
                trial.state, trial.why = "failed", f"its {self.metric} is {trial.score}"
                trial.score = math.nan
        except _GivenUpError:
            trial.state = "pruned"
        except KeyboardInterrupt:
            self.study.drop(asked)
            raise
        except Exception as error:
            trial.state, trial.why = "failed", one_sentence(error)
        if heard:
            self.study.drop(asked)
            raise KeyboardInterrupt
        trial.seconds = round(time.monotonic() - began, 3)
        self.study.keep(asked, trial)
        self._announce(trial)
        if place >= HOPELESS and all(one.state == "failed" for one in self.study.trials):
            raise UsageError(f"the first {HOPELESS} trials failed: {self._failures()}")

    def _begin_with_what_is(self) -> None:
        """The first trial has the estimator's own values, as far as the space has them."""
        there = {name: one.label(own) for name, one, own in self._own() if one.holds(own)}
        if there:
            self.study.inner.enqueue_trial(there)

    def _never_tried(self) -> list[str]:
        """What to say of the estimator's own values that the space has not."""
        told = [f"{name} = {shown(own)}" for name, one, own in self._own() if not one.holds(own)]
        if not told:
            return []
        are, they = ("is", "it is") if len(told) == 1 else ("are", "they are")
        own = ", ".join(told)
        return [f"the estimator's own {own} {are} not in the space: {they} never tried"]

    def _own(self) -> list[tuple[str, Range | Choices, Any]]:
        """What is searched, and the estimator's own value; nothing where neither is known."""
        made = self.candidate.estimator
        if made is None or not isinstance(self.space, Mapping):
            return []
        return [(name, one, value_of(made, name)) for name, one in self.space.items()]

    def _chosen(self, asked: Any) -> Mapping[str, Any]:
        if not isinstance(self.space, Mapping):
            found = self.space(asked)
            if not isinstance(found, Mapping):
                raise SettingError(f"space returns {{name: value}}, got {shown(found)}")
            if self.candidate.estimator is not None:
                check_names(self.candidate.estimator, found)
            return found
        return {name: one.value(_suggested(asked, name, one)) for name, one in self.space.items()}

    def _parameters_of(self, trial: Trial) -> dict[str, Any]:
        """What was tried: of a trial of an earlier session by what Optuna knew it as."""
        labels = trial.told["parameters"]
        if isinstance(self.space, Mapping):
            return {name: one.value(labels[name]) for name, one in self.space.items()}
        return dict(self.space(self.study.optuna.trial.FixedTrial(labels)))

    def _score(self, asked: Any, trial: Trial, heard: list[int]) -> float:
        figures: list[float] = []
        for place, (train, test) in enumerate(self.folds):
            held = self.data.taken(test)

            def tell(epoch: int, figure: float) -> None:
                if heard:
                    raise KeyboardInterrupt
                trial.epochs = epoch
                self._announce(trial)
                asked.report(figure, epoch)
                if self.told["prune"] and asked.should_prune():
                    raise _GivenUpError

            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                warnings.filterwarnings("ignore", "Training interrupted by user")
                # The last fit says each once
                warnings.filterwarnings("ignore", "columns: |target '|caution: ")
                fitted = self.candidate.fit(
                    trial.parameters, self.data.taken(train), held,
                    tell if place == 0 else None, self.judge,
                )  # fmt: skip
            if heard:
                raise KeyboardInterrupt
            figures.append(self.judge.figure(fitted, held))
            if place + 1 < len(self.folds) and math.isfinite(scored(figures)):
                asked.report(scored(figures), FOLDS + place)
                if self.told["prune"] and asked.should_prune():
                    raise _GivenUpError
        return scored(figures)

    def _announce(self, trial: Trial) -> None:
        if self.progress is None:
            return
        best = self.study.best
        self.progress(
            Searching(
                trial.number, self.told["trials"], trial.epochs, trial.parameters, self.metric,
                math.nan if best is None else best.score,
                {} if best is None else best.parameters, time.monotonic() - self.started,
            )
        )  # fmt: skip


def _suggested(asked: Any, name: str, one: Range | Choices) -> Any:
    if isinstance(one, Choices):
        return asked.suggest_categorical(name, [one.label(value) for value in one.values])
    if one.whole:
        return asked.suggest_int(name, one.low, one.high, log=one.log)
    return asked.suggest_float(name, one.low, one.high, log=one.log)


def _classes(y: Any) -> Any:
    try:
        return np.unique(y)
    except TypeError:
        raise DataError(
            "the labels y are of several types, or some are missing: make all texts, or all "
            "numbers, and leave rows without one out"
        ) from None


@contextmanager
def _heard() -> Iterator[list[int]]:
    """Note Ctrl-C for the length of the block: estimators of ours end their fit with a warning.

    The signal does then what it would have done.
    """
    heard: list[int] = []
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield heard
        return

    def handle(sign: int, frame: FrameType | None) -> None:
        heard.append(sign)
        before(sign, frame)

    signal.signal(signal.SIGINT, handle)
    try:
        yield heard
    finally:
        signal.signal(signal.SIGINT, before)
