"""`MLPClassifier`: scikit-learn's, trained by the native engine, and what it lacks.

Proved by ``tests/test_estimators_*.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any, ClassVar, Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import column_or_1d
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import _check_partial_fit_first_call, type_of_target, unique_labels

from clearprop.errors import DataError, SettingError
from clearprop.estimators.constraints import CLASSIFIER
from clearprop.estimators.construction import constructed, documented
from clearprop.estimators.listening import with_callbacks
from clearprop.estimators.multilayer import Multilayer
from clearprop.estimators.multilayer_settings import (
    ATTRIBUTES,
    DEFAULTS,
    LAYERS,
    SETTINGS,
    Settings,
)
from clearprop.estimators.reading import of_one_type, read
from clearprop.estimators.row_weights import balanced
from clearprop.estimators.texts import as_objects


@documented(layers=LAYERS, settings=SETTINGS, attributes=ATTRIBUTES)
class MLPClassifier(ClassifierMixin, Multilayer):  # type: ignore[misc]
    """A multilayer perceptron that predicts classes: scikit-learn's `MLPClassifier`, faster.

    The arguments up to ``max_fun``, their defaults, the attributes and the run that a seed gives
    are scikit-learn's.

    Parameters
    ----------
    {layers}
    {settings}
    class_weight : dict, "balanced" or None
        A factor of the weight of each class's rows; "balanced" gives every class the same weight in
        all, with its rows' ``sample_weight``. Of several labels a row, each is balanced, and their
        factors are multiplied.

    Attributes
    ----------
    {attributes}
    classes_ : array
    loss : str
        "log_loss", before the fit too.

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
    loss: ClassVar[str] = "log_loss"

    @constructed(Settings, DEFAULTS)
    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (100,),
        activation: str | Sequence[str] = "relu",
        *,
        class_weight: str | Mapping[Any, float] | None = None,
        **settings: Unpack[Settings],
    ) -> None: ...

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
        y, classes = as_objects(y), as_objects(classes)
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
        """Return the logarithms of `predict_proba`, (n, classes); of 0, −∞."""
        found = self.predict_proba(X)
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(found))

    # -- what `Multilayer` asks --------------------------------------------------------------------
    def _read(self, X: Any, y: Any, incremental: bool, reset: bool) -> tuple[Any, NDArray[Any]]:
        X, y = read(self, X, y, multi_output=True, reset=reset)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        with of_one_type():
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
        X, y = read(self, X, y, multi_output=True, reset=False)
        y = column_or_1d(y, warn=True) if y.ndim == 2 and y.shape[1] == 1 else y
        with of_one_type():
            strange = np.setdiff1d(unique_labels(y), self.classes_)
        if len(strange):
            raise DataError(f"validation_data has the class {strange[0]}, which y has not")
        return X, self._binary(y)

    def _binary(self, y: NDArray[Any]) -> NDArray[Any]:
        """Labels that are known as a column a class, or the second class's alone of two."""
        if y.ndim == 1 and self._one_label():
            places = np.searchsorted(self.classes_, y)
            if len(self.classes_) <= 2:
                return np.asarray((places == 1)[:, None])
            return np.asarray(places[:, None] == np.arange(len(self.classes_)))
        Y = self._label_binarizer.transform(y)
        Y = Y.toarray() if hasattr(Y, "toarray") else Y
        return np.asarray(Y, dtype=bool).reshape(len(Y), -1)

    def _one_label(self) -> bool:
        """Whether a row has one label."""
        return self._label_binarizer.y_type_ in ("binary", "multiclass")

    def _cost(self) -> tuple[str, dict[str, Any]]:
        softmax = self.out_activation_ == "softmax"
        return ("cross_entropy" if softmax else "binary_cross_entropy"), {}

    def _out_activation(self) -> str:
        return "softmax" if self._label_binarizer.y_type_ == "multiclass" else "logistic"

    def _targets(self, y: NDArray[Any], dtype: Any) -> NDArray[Any]:
        return y.argmax(axis=1) if self.out_activation_ == "softmax" else y.astype(dtype)

    def _factors(
        self, y: NDArray[Any], weights: NDArray[Any] | None, incremental: bool
    ) -> NDArray[Any] | None:
        if self.class_weight is None:
            return None
        if incremental and self.class_weight == "balanced":
            raise SettingError(
                "class_weight='balanced' needs all rows at once; give partial_fit a dict of "
                "weights, or sample_weight"
            )
        if self.class_weight == "balanced":
            one_hot = self._label_binarizer.y_type_ == "multiclass"
            columns = [y.argmax(axis=1)] if one_hot else y.T.astype(np.int64)
            factors = [balanced(codes, weights)[codes] for codes in columns]
            return np.asarray(np.prod(factors, axis=0))
        for label, factor in self.class_weight.items():
            if not (isinstance(factor, Real) and 0 <= float(factor) < np.inf):
                raise SettingError(
                    f"class_weight: the factor of {label!r} is a number of 0 or more, got "
                    f"{factor!r}"
                )
        labels = self._label_binarizer.inverse_transform(y)
        return np.asarray(compute_sample_weight(self.class_weight, labels))

    def _decide(self, outputs: NDArray[Any]) -> Any:
        if not self._one_label():
            return self._label_binarizer.inverse_transform(outputs)  # sparse where y was
        if self.n_outputs_ > 1:
            return self.classes_[outputs.argmax(axis=1)]
        if len(self.classes_) == 1:
            return np.repeat(self.classes_, len(outputs))
        return self.classes_[(outputs[:, 0] > 0.5).astype(np.intp)]

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
