"""`MLPRegressor`: scikit-learn's, trained by the native engine, and what it lacks.

Proved by ``tests/test_estimators_*.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import xlogy
from sklearn.base import RegressorMixin, _fit_context
from sklearn.utils import column_or_1d
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import validate_data

from clearprop.errors import DataError
from clearprop.estimators.constraints import REGRESSOR
from clearprop.estimators.listening import with_callbacks
from clearprop.estimators.multilayer import DTYPES, Multilayer
from clearprop.training import Schedule


class MLPRegressor(RegressorMixin, Multilayer):  # type: ignore[misc]
    """A multilayer perceptron that predicts numbers: scikit-learn's `MLPRegressor`, faster.

    The arguments up to ``max_fun``, their defaults, the attributes and the run that a seed gives
    are scikit-learn's. With K outputs ``loss_`` is the sum over them, whose gradient is followed;
    scikit-learn follows the same gradient and reports a K-th.

    Parameters
    ----------
    loss : str
        "squared_error" (½ (a − y)²) and "poisson" (half the deviance) as in scikit-learn,
        "absolute_error", "huber", "log_cosh" or "quantile".
    hidden_layer_sizes : int or sequence of int
        Units of each hidden layer.
    activation : str or sequence of str
        The hidden layers' function, or one for each: "relu", "tanh", "logistic", "identity" as in
        scikit-learn, or any other of ours, such as "gelu".
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
    beta_1, beta_2, epsilon : float
        Of adam and adamw; beta_2 is rmsprop's memory.
    n_iter_no_change : int
    max_fun : int
        Evaluations of lbfgs at most.
    huber_limit : float > 0
        Where the Huber loss becomes linear.
    quantile : float in [0, 1]
        The share of y below the prediction, for loss="quantile".
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

    Attributes
    ----------
    coefs_, intercepts_ : list of arrays
        (inputs, units) and (units,) of each layer.
    parameters_ : Parameters
        The same by the names of `to_network`.
    loss_, best_loss_ : float
    loss_curve_ : list of float
        After each epoch: the mean of its batches' J, penalty included.
    validation_scores_ : list of float or None
    best_validation_score_ : float or None
    validation_loss_curve_ : list of float
        The cost of the validation rows, if there are any.
    n_iter_, t_, n_layers_, n_outputs_ : int
        Epochs; rows seen; layers, the input among them; outputs.
    out_activation_ : str
    n_features_in_ : int
    feature_names_in_ : array of str

    Raises
    ------
    ValueError
        For wrong arguments and data, with scikit-learn's texts where it has one.

    Examples
    --------
    >>> X = np.random.default_rng(0).normal(size=(300, 2))
    >>> model = MLPRegressor(learning_rate_init=0.02, random_state=0).fit(X, X[:, 0] * X[:, 1])
    >>> model.score(X, X[:, 0] * X[:, 1]) > 0.95
    True
    """

    _parameter_constraints: dict[str, Any] = REGRESSOR

    def __init__(
        self,
        loss: str = "squared_error",
        hidden_layer_sizes: int | Sequence[int] = (100,),
        activation: str | Sequence[str] = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: str | Schedule | Callable[[int], float] = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool | int = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        huber_limit: float = 1.0,
        quantile: float = 0.5,
        dropout: float = 0.0,
        residual: bool = False,
        weight_decay: float = 0.01,
        callbacks: Callable[[Any], Any] | Sequence[Callable[[Any], Any]] | None = None,
        n_jobs: int | None = None,
        precision: str = "auto",
    ) -> None:
        self._keep(locals())

    @with_callbacks  # type: ignore[untyped-decorator]
    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        validation_data: Sequence[Any] | None = None,
    ) -> Any:
        """Fit to rows.

        Parameters
        ----------
        X : array or sparse matrix (n, inputs)
        y : (n,) or (n, outputs) array
        sample_weight : (n,) array, optional
        validation_data : (X, y) or (X, y, sample_weight), optional
            Scored after every epoch; with ``early_stopping``, in place of a share of the rows.

        Returns
        -------
        self
        """
        return self._fit(X, y, sample_weight, validation_data)

    @available_if(lambda self: self._check_solver())  # type: ignore[untyped-decorator]
    @with_callbacks  # type: ignore[untyped-decorator]
    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def partial_fit(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> Any:
        """Go once through rows, from where the last call ended.

        Parameters
        ----------
        X, y, sample_weight
            As for `fit`.

        Returns
        -------
        self
        """
        return self._fit(X, y, sample_weight, incremental=True)

    # -- what `Multilayer` asks --------------------------------------------------------------------
    def _read(self, X: Any, y: Any, incremental: bool, reset: bool) -> tuple[Any, NDArray[Any]]:
        X, y = validate_data(
            self, X, y, accept_sparse=["csr", "csc"], multi_output=True, y_numeric=True,
            dtype=DTYPES, reset=reset,
        )  # fmt: skip
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if self.loss == "poisson" and (y < 0).any():
            raise DataError(f"loss='poisson' needs y of 0 or more, got {y.min()}")
        return X, y.reshape(len(y), -1)

    def _read_held(self, X: Any, y: Any) -> tuple[Any, NDArray[Any]]:
        X, Y = self._read(X, y, incremental=True, reset=False)
        if Y.shape[1] != self.n_outputs_:
            raise DataError(f"validation_data has {Y.shape[1]} outputs, y has {self.n_outputs_}")
        return X, Y

    def _cost(self) -> tuple[str, dict[str, Any]]:
        settings = {"huber": {"limit": self.huber_limit}, "quantile": {"quantile": self.quantile}}
        return self.loss, settings.get(self.loss, {})

    def _out_activation(self) -> str:
        return "exp" if self.loss == "poisson" else "identity"

    def _targets(self, y: NDArray[Any], dtype: Any) -> NDArray[Any]:
        return y.astype(dtype)

    def _decide(self, outputs: NDArray[Any]) -> Any:
        return outputs.ravel() if outputs.shape[1] == 1 else outputs

    def _figure(self, y: NDArray[Any], outputs: NDArray[Any], weights: Any) -> float:
        # R² = 1 − Σ w (y − a)² / Σ w (y − ȳ)², the outputs' mean; of a constant y: 1 or 0
        w = np.ones((len(y), 1)) if weights is None else np.reshape(weights, (-1, 1))
        left = (w * (y - outputs.astype(np.float64)) ** 2).sum(axis=0)
        all_of_it = (w * (y - np.average(y, axis=0, weights=w[:, 0])) ** 2).sum(axis=0)
        constant = all_of_it == 0
        share = left / np.where(constant, 1.0, all_of_it)
        return float(np.where(constant, left == 0, 1 - share).mean())

    def _constant(self, y: NDArray[Any]) -> NDArray[Any] | None:
        if self.loss != "poisson":
            return None
        # half the deviance: y log(y / a) − y + a, where the cost is a − y log a
        return np.asarray((xlogy(y, y) - y).sum(axis=1))

    def _stratifies(self) -> bool:
        return False
