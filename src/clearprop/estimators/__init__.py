"""Estimators in scikit-learn's form, trained by the native engine."""

from clearprop.estimators.classifier import MLPClassifier
from clearprop.estimators.regressor import MLPRegressor

__all__ = ["MLPClassifier", "MLPRegressor"]
