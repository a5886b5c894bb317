"""`tune`: the best parameters of an estimator or a network, searched for by Optuna.

Owns what it is called with: the order of a search is in ``tuning_search``, a trial in
``tuning_trials``, the file in ``tuning_study``, what may be tried in ``tuning_space``, what its
names mean in ``tuning_parameters``.
Proved by ``tests/test_estimators_tune.py``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from clearprop.errors import DataError, SettingError
from clearprop.estimators.tabular_targets import groups_of, weights_of
from clearprop.estimators.tuning_checks import check_inputs, check_targets
from clearprop.estimators.tuning_found import Searching, Tuned
from clearprop.estimators.tuning_line import SearchLine
from clearprop.estimators.tuning_parameters import check_names, fitted_space
from clearprop.estimators.tuning_search import Search
from clearprop.estimators.tuning_space import Sampler, Space, read_space, usual_space
from clearprop.estimators.tuning_study import optuna_or_sentence
from clearprop.estimators.tuning_trials import Candidate, Data, count_of
from clearprop.network import Network
from clearprop.settings import Attr, check_all
from clearprop.words import shown

__all__ = ["ATTRS", "Searching", "Tuned", "tune"]

#: What `tune` is told that is one plain value.
ATTRS = (
    Attr("trials", int, 50, bounds="[1, inf)", help="trials in all"),
    Attr("time_limit", float, None, bounds="(0, inf)", unit="s"),
    Attr("seed", int, 0, bounds="[0, inf)"),
    Attr("prune", bool, True),
)


def tune(
    what: Any,
    X: Any,
    y: ArrayLike,
    space: Mapping[str, Any] | Sampler | None = None,
    *,
    trials: int = 50,
    time_limit: float | None = None,
    metric: str | Callable[..., float] | None = None,
    validation: float | None = None,
    cv: Any = None,
    sample_weight: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    study: str | os.PathLike[str] | None = None,
    prune: bool = True,
    seed: int = 0,
    progress: Callable[[Searching], object] | bool | None = None,
) -> Tuned:
    """Search for the parameters of an estimator or a network that predict best.

    The first trial is the estimator as it is, as far as the space has its own values: what it has
    not is drawn, and the result's notes say so. Ten trials in all are drawn at random, and from
    then on Optuna's sampler (a tree of Parzen estimators, Bergstra et al. 2011) tries what the
    trials before make likely. A trial whose epochs are worse than the median of the others' is
    given up.

    Parameters
    ----------
    what : estimator, Network, or function
        An estimator of ours or any in scikit-learn's form, a pipeline too; a `Network`, whose
        settings of `train` are searched; or a function, called with the parameters by name, that
        returns one of them, or ``(network, settings of train)``.
    X : frame, array, dict of columns
    y : (n,) or (n, outputs) targets
    space : {name: values}, or function of an Optuna trial, optional
        Of each parameter a list of values, or a range: ``"1e-4..1e-1 log"``, ``"16..256"``, or a
        uniform, loguniform or randint of ``scipy.stats``. A range has numbers of the parameter's
        type: of ``alpha``, ``"0..1"`` is real numbers, of ``max_iter`` ``"1e1..1e3"`` whole ones.
        Where nothing says the type, as of a function's parameters, whole ends make whole numbers.
        Both ends are included, but one that the parameter cannot have (dropout is in [0, 1)). For a
        tabular estimator the names of its ingredients do too (``"learning_rate"``). A function
        returns {name: value}. By default what is worth searching of our estimators.
    trials : int, 1 or more
        In all, those that the study has already among them.
    time_limit : float, seconds, optional
        No trial begins after it.
    metric : str or scorer, optional
        ``"log_loss"``, ``"accuracy"``, ``"auc"``, ``"rmse"``, ``"mae"``, …, or one of
        scikit-learn's scorers. By default the estimator's own, log-loss or RMSE.
    validation : float in (0, 1), optional
        Share of the rows that judge the trials, 0.2 by default.
    cv : int, splitter or iterable of (train, test), optional
        Folds in place of that share, of which one is given: the score is their mean.
    sample_weight : (n,) array, optional
    groups : (n,) array, optional
        Names, or whole numbers: rows of one name (a patient, a household) are on one side of every
        division, that of a tabular estimator's own rows too; a splitter is told them.
    study : path, optional
        Where trials are kept, written whole after each; a search that finds the file goes on, to
        the trials it would have had without the break. Of another search it is refused: by the
        data, the estimator, the space, the metric, the rows of each fold, the seed or ``prune``. A
        function is known by its own code and the plain values it has taken in, not by what it
        calls; a splitter that draws other folds each time needs a ``random_state``.
    prune : bool
        Whether trials are given up: by the epochs of the first fold, and by the mean of the folds.
    seed : int, 0 or more
        Of the search, the rows that judge, and every ``random_state`` that is None.
    progress : callable or True, optional
        Called with a `Searching` after each epoch and trial; True writes a line to standard error.

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
        ATTRS,
        {"trials": trials, "time_limit": time_limit, "seed": seed, "prune": prune},
        "tune",
    )
    line = SearchLine() if progress is True else None
    watch = line or (None if progress is False else progress)
    if watch is not None and not callable(watch):
        raise SettingError(
            f"progress is a function of a Searching, True or None, got {shown(progress)}"
        )
    optuna_or_sentence()
    if isinstance(what, type):
        raise SettingError(
            f"what to tune is an estimator, and this is its class: {what.__name__}()"
        )
    candidate = Candidate(what, told["seed"])
    if candidate.estimator is None and not isinstance(what, Network) and not callable(what):
        raise SettingError(f"what to tune is an estimator, a Network or a function, got {what!r}")
    if cv is not None and validation is not None:
        raise SettingError(
            f"validation={shown(validation)} is a share that judges once, and cv={shown(cv)} "
            "judges in folds: leave one of them out"
        )
    share = 0.2 if validation is None else validation
    data = _data(X, y, sample_weight, groups)
    search = Search(candidate, data, _space(candidate, space, len(data.y)), told, metric, share, cv)
    check_inputs(candidate, data)
    search.progress = watch
    search.open(study)
    try:
        return search.run()
    finally:
        if line is not None:
            line.close()


def _data(X: Any, y: Any, sample_weight: Any, groups: Any) -> Data:
    rows = count_of(X)
    if not rows:
        raise DataError("X has no rows; there is nothing to tune on")
    targets = y.to_numpy() if hasattr(y, "to_numpy") else np.asarray(y)
    if targets.ndim not in (1, 2) or len(targets) != rows:
        raise DataError(f"X has {rows} rows and y the shape {targets.shape}: give one target a row")
    check_targets(targets)
    return Data(X, targets, weights_of(sample_weight, rows), groups_of(groups, rows))


def _space(candidate: Candidate, given: Any, rows: int) -> Space | Sampler:
    if given is None:
        if candidate.estimator is None:
            raise SettingError("space is needed for a network or a function: {name: values}")
        return usual_space(candidate.estimator, rows)
    if callable(given):
        return given  # type: ignore[no-any-return]
    if not isinstance(given, Mapping):
        raise SettingError(f"space is {{name: values}} or a function, got {shown(given)}")
    space = read_space(given)
    what = candidate.what
    if candidate.estimator is not None or isinstance(what, Network):
        check_names(what, space)
        return fitted_space(what, space)
    return space
