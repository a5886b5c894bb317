"""What `MLPClassifier` and `MLPRegressor` can both be told: types, defaults, words.

The names up to ``max_fun`` and their defaults are scikit-learn's. What a value may be is in
``constraints``. Proved by ``tests/test_estimators_more.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypedDict

from clearprop.training import Schedule

__all__ = ["ATTRIBUTES", "DEFAULTS", "LAYERS", "SETTINGS", "Settings"]


class Settings(TypedDict, total=False):
    """The settings by keyword."""

    solver: str
    alpha: float
    batch_size: int | str
    learning_rate: str | Schedule | Callable[[int], float]
    learning_rate_init: float
    power_t: float
    max_iter: int
    shuffle: bool
    random_state: Any
    tol: float
    verbose: bool | int
    warm_start: bool
    momentum: float
    nesterovs_momentum: bool
    early_stopping: bool
    validation_fraction: float
    beta_1: float
    beta_2: float
    epsilon: float
    n_iter_no_change: float
    max_fun: int
    validation_curve: bool
    dropout: float
    residual: bool
    weight_decay: float
    callbacks: Callable[[Any], Any] | Sequence[Callable[[Any], Any]] | None
    n_jobs: int | None
    precision: str


DEFAULTS: Settings = {
    "solver": "adam",
    "alpha": 0.0001,
    "batch_size": "auto",
    "learning_rate": "constant",
    "learning_rate_init": 0.001,
    "power_t": 0.5,
    "max_iter": 200,
    "shuffle": True,
    "random_state": None,
    "tol": 1e-4,
    "verbose": False,
    "warm_start": False,
    "momentum": 0.9,
    "nesterovs_momentum": True,
    "early_stopping": False,
    "validation_fraction": 0.1,
    "beta_1": 0.9,
    "beta_2": 0.999,
    "epsilon": 1e-8,
    "n_iter_no_change": 10,
    "max_fun": 15000,
    "validation_curve": False,
    "dropout": 0.0,
    "residual": False,
    "weight_decay": 0.01,
    "callbacks": None,
    "n_jobs": None,
    "precision": "auto",
}

LAYERS = """
hidden_layer_sizes : int or sequence of int
    Units of each hidden layer.
activation : str or sequence of str
    The hidden layers' function, or one for each: "relu", "tanh", "logistic", "identity" as in
    scikit-learn, or any other of ours, such as "gelu".
"""

SETTINGS = """
solver : {"adam", "sgd", "lbfgs", "adamw", "rmsprop"}
    The first three are scikit-learn's.
alpha : float, 0 or more
    The penalty on weights: α / (2 Σ w) Σ W² with Σ w of the batch.
batch_size : int or "auto"
    Rows of a step; "auto" is 200, or all if there are fewer. lbfgs takes all.
learning_rate : str, Schedule or callable
    "constant", "invscaling" and "adaptive" are scikit-learn's and are sgd's alone; the names
    of schedules ("cosine", "one_cycle", …), a `Schedule`, or a function of the step's number
    from 0 hold for every solver but lbfgs.
learning_rate_init : float > 0
power_t : float, 0 or more
    Of "invscaling".
max_iter : int
    Epochs, or iterations of lbfgs, at most.
shuffle : bool
random_state : int, RandomState or None
    An int gives the same bits every time, for any number of threads; initial values and
    order are those scikit-learn draws from it.
tol : float
    An epoch that is better by less counts as none.
verbose, warm_start : bool
momentum : float in [0, 1]
nesterovs_momentum : bool
early_stopping : bool
    Stop by the score of rows that do not train, and keep the best epoch.
validation_fraction : float in [0, 1)
    Their share, unless `fit` is given ``validation_data``.
validation_curve : bool
    Hold such rows back without ``early_stopping`` too: they are scored after every epoch and
    stop nothing.
beta_1, beta_2, epsilon : float
    Of adam and adamw; beta_2 is rmsprop's memory.
n_iter_no_change : int
max_fun : int
    Evaluations of lbfgs at most.
dropout : float in [0, 1)
    Behind every hidden layer.
residual : bool
    A hidden layer as wide as the one before it adds that one's output to its own.
weight_decay : float, 0 or more
    Of adamw.
callbacks : callable or list of callables
    Called with the estimator after every epoch; True ends the fit.
n_jobs : int or None
    Threads; None lets the engine choose. Changes no bits.
precision : {"auto", "float32", "float64"}
    Of the steps. "auto" is the data's, but float32 where a float64 table has 1000 rows or
    more and float32 tells its values apart. Coefficients and predictions keep the data's.
"""

ATTRIBUTES = """
coefs_, intercepts_ : list of arrays
    (inputs, units) and (units,) of each layer.
parameters_ : Parameters
    The same by the names of `to_network`.
loss_, best_loss_ : float
loss_curve_ : list of float
    After each epoch: the mean of its batches' J, penalty included.
validation_scores_ : list of float or None
    After each epoch: the score of the validation rows, if there are any.
best_validation_score_ : float or None
validation_loss_curve_ : list of float
    The cost of the same rows, only if there are any.
n_iter_, t_, n_layers_, n_outputs_ : int
    Epochs; rows seen; layers, the input among them; outputs.
out_activation_ : str
n_features_in_ : int
feature_names_in_ : array of str
"""
