"""`MLPClassifier`: scikit-learn's, trained by the native engine, and what it lacks.

Proved by ``tests/test_estimators_*.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import column_or_1d
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import _check_partial_fit_first_call, type_of_target, unique_labels
from sklearn.utils.validation import validate_data

from clearprop.errors import DataError, SettingError
from clearprop.estimators.constraints import CLASSIFIER
from clearprop.estimators.listening import with_callbacks
from clearprop.estimators.multilayer import DTYPES, Multilayer
from clearprop.training import Schedule


class MLPClassifier(ClassifierMixin, Multilayer):  # type: ignore[misc]
    """A multilayer perceptron that predicts classes: scikit-learn's `MLPClassifier`, faster.

    The arguments up to ``max_fun``, their defaults, the attributes and the run that a seed gives
    are scikit-learn's.

    Parameters
    ----------
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
    class_weight : dict, "balanced" or None
        A factor of the weight of each class's rows.
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
    classes_ : array

    Raises
    ------
    ValueError
        For wrong arguments and data, with scikit-learn's texts where it has one.

    Examples
    --------
    >>> X = np.random.default_rng(0).normal(size=(300, 2))
    >>> y = np.where(X[:, 0] * X[:, 1] > 0, "same", "other")
    >>> model = MLPClassifier(learning_rate_init=0.05, tol=1e-3, random_state=0).fit(X, y)
    >>> model.predict([[1.0, 1.0], [1.0, -1.0]])
    array(['same', 'other'], dtype='<U5')
    """

    _parameter_constraints: dict[str, Any] = CLASSIFIER

    def __init__(
        self,
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
        class_weight: str | Mapping[Any, float] | None = None,
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
        y : (n,) labels, or (n, labels) of 0 and 1
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
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        classes: ArrayLike | None = None,
    ) -> Any:
        """Go once through rows, from where the last call ended.

        Parameters
        ----------
        X, y, sample_weight
            As for `fit`.
        classes : (classes,) array
            All labels there will ever be: needed in the first call.

        Returns
        -------
        self
        """
        if _check_partial_fit_first_call(self, classes):
            self._label_binarizer = LabelBinarizer()
            multilabel = type_of_target(y).startswith("multilabel")
            self._label_binarizer.fit(y if multilabel else classes)
        return self._fit(X, y, sample_weight, incremental=True)

    def predict_proba(self, X: ArrayLike) -> NDArray[Any]:
        """Return the probability of each class, in the order of ``classes_``.

        Parameters
        ----------
        X : array or sparse matrix (n, inputs)

        Returns
        -------
        (n, classes) array
            With several labels a row, the probability of each label.
        """
        outputs = self._outputs(X)
        if self.n_outputs_ == 1:
            return np.hstack([1 - outputs, outputs])
        return outputs

    def predict_log_proba(self, X: ArrayLike) -> NDArray[Any]:
        """Return the logarithm of `predict_proba`.

        Parameters
        ----------
        X : array or sparse matrix (n, inputs)

        Returns
        -------
        (n, classes) array
        """
        found = self.predict_proba(X)
        with np.errstate(divide="ignore"):  # log 0 is −∞
            return np.asarray(np.log(found))

    # -- what `Multilayer` asks --------------------------------------------------------------------
    def _read(self, X: Any, y: Any, incremental: bool, reset: bool) -> tuple[Any, NDArray[Any]]:
        X, y = validate_data(
            self, X, y, accept_sparse=["csr", "csc"], multi_output=True, dtype=DTYPES, reset=reset
        )
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if not hasattr(self, "classes_") or not (self.warm_start or incremental):
            self._label_binarizer = LabelBinarizer().fit(y)
            self.classes_ = self._label_binarizer.classes_
        else:
            self._check_classes(unique_labels(y))
        return X, self._binary(y)

    def _check_classes(self, classes: NDArray[Any]) -> None:
        if self.warm_start:
            if set(classes) != set(self.classes_):
                raise DataError(
                    "warm_start can only be used where `y` has the same classes as in the "
                    f"previous call to fit. Previously got {self.classes_}, `y` has {classes}"
                )
        elif len(np.setdiff1d(classes, self.classes_, assume_unique=True)):
            raise DataError(
                "`y` has classes not in `self.classes_`. `self.classes_` has "
                f"{self.classes_}. 'y' has {classes}."
            )

    def _read_held(self, X: Any, y: Any) -> tuple[Any, NDArray[Any]]:
        X, y = validate_data(
            self, X, y, accept_sparse=["csr", "csc"], multi_output=True, dtype=DTYPES, reset=False
        )
        y = column_or_1d(y, warn=True) if y.ndim == 2 and y.shape[1] == 1 else y
        strange = np.setdiff1d(unique_labels(y), self.classes_)
        if len(strange):
            raise DataError(f"validation_data has the class {strange[0]}, which y has not")
        return X, self._binary(y)

    def _binary(self, y: NDArray[Any]) -> NDArray[Any]:
        Y = self._label_binarizer.transform(y)
        Y = Y.toarray() if hasattr(Y, "toarray") else Y
        return np.asarray(Y, dtype=bool).reshape(len(Y), -1)

    def _cost(self) -> tuple[str, dict[str, Any]]:
        softmax = self.out_activation_ == "softmax"
        return ("cross_entropy" if softmax else "binary_cross_entropy"), {}

    def _out_activation(self) -> str:
        return "softmax" if self._label_binarizer.y_type_ == "multiclass" else "logistic"

    def _targets(self, y: NDArray[Any], dtype: Any) -> NDArray[Any]:
        return y.argmax(axis=1) if self.out_activation_ == "softmax" else y.astype(dtype)

    def _weigh(self, y: NDArray[Any], weights: Any, incremental: bool) -> Any:
        if self.class_weight is None:
            return weights
        if incremental and self.class_weight == "balanced":
            raise SettingError(
                "class_weight='balanced' needs all rows at once; give partial_fit a dict of "
                "weights, or sample_weight"
            )
        own = compute_sample_weight(self.class_weight, self._label_binarizer.inverse_transform(y))
        return own if weights is None else own * weights

    def _decide(self, outputs: NDArray[Any]) -> Any:
        flat = outputs.ravel() if self.n_outputs_ == 1 else outputs
        return self._label_binarizer.inverse_transform(flat)  # sparse where y was

    def _figure(self, y: NDArray[Any], outputs: NDArray[Any], weights: Any) -> float:
        if self.out_activation_ == "softmax":
            right = outputs.argmax(axis=1) == y.argmax(axis=1)
        else:
            right = ((outputs > 0.5) == y).all(axis=1)
        return float(np.average(right, weights=weights))

    def _stratifies(self) -> bool:
        return bool(self.n_outputs_ == 1)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
