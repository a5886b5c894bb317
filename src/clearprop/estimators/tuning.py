"""`tune`: the best parameters of an estimator or a network, searched for by Optuna.

Owns the order of a search: a trial is in ``tuning_trials``, the file in ``tuning_study``, what may
be tried in ``tuning_space``. Proved by ``tests/test_estimators_tune.py``.
"""

from __future__ import annotations

import math
import os
import re
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

import joblib  # type: ignore[import-untyped]
import numpy as np
from numpy.typing import ArrayLike
from sklearn.exceptions import ConvergenceWarning

from clearprop.errors import DataError, SettingError, UsageError
from clearprop.estimators.tabular_rows import weights_of
from clearprop.estimators.tuning_space import (
    Choices,
    Range,
    Sampler,
    Space,
    check_names,
    read_space,
    usual_space,
    value_of,
)
from clearprop.estimators.tuning_study import Study, Trial, optuna_or_sentence
from clearprop.estimators.tuning_trials import (
    Candidate,
    Data,
    Judge,
    classifies,
    count_of,
    divided,
    one_sentence,
    scored,
    usual_metric,
)
from clearprop.network import Network
from clearprop.settings import Attr, check_all
from clearprop.tables import Table
from clearprop.tables.fingerprint import fingerprint
from clearprop.words import number, shown

__all__ = ["Searching", "Tuned", "tune"]

_ATTRS = (
    Attr("trials", int, 50, bounds="[1, inf)", help="trials in all"),
    Attr("time_limit", float, None, bounds="(0, inf)", unit="s"),
    Attr("seed", int, 0, bounds="[0, inf)"),
    Attr("prune", bool, True),
)

#: So many failures, and no success, and the search ends with what went wrong.
HOPELESS = 3

#: Where the means of folds are told, behind every epoch of the first fold.
FOLDS = 1_000_000


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
    """

    best_estimator: Any
    best_params: Mapping[str, Any]
    best_score: float
    metric: str
    trials: tuple[Trial, ...]
    interrupted: bool
    study: Any = field(compare=False)

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
        return "\n".join(lines)


def tune(
    what: Any,
    X: Any,
    y: ArrayLike,
    space: Mapping[str, Any] | Sampler | None = None,
    *,
    trials: int = 50,
    time_limit: float | None = None,
    metric: str | Callable[..., float] | None = None,
    validation: float = 0.2,
    cv: Any = None,
    sample_weight: ArrayLike | None = None,
    study: str | os.PathLike[str] | None = None,
    prune: bool = True,
    seed: int = 0,
    progress: Callable[[Searching], object] | None = None,
) -> Tuned:
    """Search for the parameters of an estimator or a network that predict best.

    The first trial is the estimator as it is; ten in all are drawn at random, and from then on
    Optuna's sampler (a tree of Parzen estimators, Bergstra et al. 2011) tries what the trials
    before make likely. A trial whose epochs are worse than the median of the others' is given up.

    Parameters
    ----------
    what : estimator, Network, or function
        An estimator of ours or any in scikit-learn's form, a pipeline too; a `Network`, whose
        settings of `train` are searched; or a function of the parameters that returns one of them,
        or ``(network, settings of train)``.
    X : frame, array, dict of columns
    y : (n,) or (n, outputs) targets
    space : {name: values}, or function of an Optuna trial, optional
        Of each parameter a list of values, or a range: ``"1e-4..1e-1 log"``, ``"16..256"``. For a
        tabular estimator the names of its ingredients do too (``"learning_rate"``). A function
        returns {name: value}. By default what is worth searching of our estimators.
    trials : int, 1 or more
        In all, those that the study has already among them.
    time_limit : float, seconds, optional
        No trial begins after it.
    metric : str or scorer, optional
        ``"log_loss"``, ``"accuracy"``, ``"auc"``, ``"rmse"``, ``"mae"``, …, or one of
        scikit-learn's scorers. By default the estimator's own, log-loss or RMSE.
    validation : float in (0, 1)
        Share of the rows that judge the trials.
    cv : int, splitter or iterable of (train, test), optional
        Folds in place of that share: the score is their mean.
    sample_weight : (n,) array, optional
    study : path, optional
        Where trials are kept, written whole after each; a search that finds the file goes on, to
        the trials it would have had without the break.
    prune : bool
        Whether trials are given up: by the epochs of the first fold, and by the mean of the folds.
    seed : int, 0 or more
        Of the search, the rows that judge, and every ``random_state`` that is None.
    progress : callable, optional
        Called with a `Searching` after each epoch and trial.

    Returns
    -------
    Tuned
        The best estimator, fitted to all rows, and the table of trials. After Ctrl-C too, with the
        trials that are complete.

    Raises
    ------
    UsageError
        If Optuna is not installed, or the study is of another search.
    SettingError, DataError
        One sentence: what is wrong, where, and the fix.
    KeyboardInterrupt
        After Ctrl-C before any trial is complete.

    Examples
    --------
    >>> from clearprop.estimators import MLPClassifier
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 2))
    >>> y = X[:, 0] * X[:, 1] > 0
    >>> model = MLPClassifier(solver="lbfgs")
    >>> found = tune(model, X, y, {"hidden_layer_sizes": [2, 8], "alpha": [1e-4, 1.0]}, trials=5)
    >>> found.best_params["hidden_layer_sizes"]
    8
    """
    told: dict[str, Any] = check_all(
        _ATTRS,
        {"trials": trials, "time_limit": time_limit, "seed": seed, "prune": prune},
        "tune",
    )
    if progress is not None and not callable(progress):
        raise SettingError(f"progress is a function of a Searching or None, got {shown(progress)}")
    optuna_or_sentence()
    candidate = Candidate(what, told["seed"])
    if candidate.estimator is None and not isinstance(what, Network) and not callable(what):
        raise SettingError(f"what to tune is an estimator, a Network or a function, got {what!r}")
    data = _data(X, y, sample_weight)
    search = _Search(candidate, data, _space(candidate, space), told, metric, validation, cv)
    search.progress = progress
    search.open(study)
    return search.run()


def _data(X: Any, y: Any, sample_weight: Any) -> Data:
    rows = count_of(X)
    targets = y.to_numpy() if hasattr(y, "to_numpy") else np.asarray(y)
    if targets.ndim not in (1, 2) or len(targets) != rows:
        raise DataError(f"X has {rows} rows and y the shape {targets.shape}: give one target a row")
    return Data(X, targets, weights_of(sample_weight, rows))


def _space(candidate: Candidate, given: Any) -> Space | Sampler:
    if given is None:
        if candidate.estimator is None:
            raise SettingError("space is needed for a network or a function: {name: values}")
        return usual_space(candidate.estimator)
    if callable(given):
        return given  # type: ignore[no-any-return]
    if not isinstance(given, Mapping):
        raise SettingError(f"space is {{name: values}} or a function, got {shown(given)}")
    space = read_space(given)
    if candidate.estimator is not None:
        check_names(candidate.estimator, space)
    return space


class _GivenUpError(Exception):
    """The trial is worse than half of the others."""


class _Search:
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

    def _about(self) -> dict[str, str]:
        """What makes this search this one: its file goes on with no other."""
        data, space, what = self.data, self.space, self.candidate.what
        X = fingerprint(data.X, data.X.names) if isinstance(data.X, Table) else data.X
        made = _steady(repr(what)) if self.candidate.estimator is None else _parameters(what)
        return {
            "data": joblib.hash((X, data.y, data.weights)),
            "estimator": joblib.hash(made),
            "space": _steady(repr(dict(space) if isinstance(space, Mapping) else space)),
            "metric": _steady(str(self.judge.metric)),
            "split": _steady(repr(self.validation if self.cv is None else self.cv)),
            "seed": str(self.told["seed"]),
        }

    def run(self) -> Tuned:
        """Try until all is tried, time is over or somebody asks to stop; fit the best."""
        limit, interrupted = self.told["time_limit"], False
        with _heard() as heard:
            while len(self.study.trials) < self.told["trials"]:
                late = limit is not None and time.monotonic() - self.started > limit
                if late and self.study.trials:
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
            self.study.inner,
        )  # fmt: skip

    def _failures(self) -> str:
        return next((trial.why for trial in self.study.trials if trial.why), "all were given up")

    def _one(self, heard: list[int]) -> None:
        number = len(self.study.trials) + 1
        if number == 1:
            self._begin_with_what_is()
        asked = self.study.next()
        trial = Trial(number, "complete", math.nan, {})
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
        if number >= HOPELESS and all(one.state == "failed" for one in self.study.trials):
            raise UsageError(f"the first {HOPELESS} trials failed: {self._failures()}")

    def _begin_with_what_is(self) -> None:
        """The first trial has the estimator's own values, as far as the space has them."""
        if self.candidate.estimator is None or not isinstance(self.space, Mapping):
            return
        own = {name: value_of(self.candidate.estimator, name) for name in self.space}
        there = {
            name: one.label(own[name]) for name, one in self.space.items() if one.holds(own[name])
        }
        self.study.inner.enqueue_trial(there)

    def _chosen(self, asked: Any) -> Mapping[str, Any]:
        if not isinstance(self.space, Mapping):
            found = self.space(asked)
            if not isinstance(found, Mapping):
                raise SettingError(f"space returns {{name: value}}, got {shown(found)}")
            if self.candidate.estimator is not None:
                check_names(self.candidate.estimator, dict.fromkeys(found, Choices((0,))))
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
                fitted = self.candidate.fit(
                    trial.parameters, self.data.taken(train), held,
                    tell if place == 0 else None, self.judge.higher_is_better,
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
    if isinstance(one.low, int) and isinstance(one.high, int):
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


def _parameters(estimator: Any) -> list[tuple[str, str]]:
    """An estimator's class and parameters, as texts that another process writes alike."""
    given = sorted(estimator.get_params().items())
    own = [(name, _steady(repr(v))) for name, v in given if name not in ("progress", "callbacks")]
    return [("", type(estimator).__qualname__), *own]


def _steady(text: str) -> str:
    return re.sub(r" at 0x[0-9a-f]+", "", text)


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
