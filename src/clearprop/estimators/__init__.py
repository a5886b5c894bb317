"""Estimators in scikit-learn's form, trained by the native engine, and the search for the best."""

from clearprop.estimators.classifier import MLPClassifier
from clearprop.estimators.displays import DecisionBoundaryDisplay, LossCurveDisplay
from clearprop.estimators.regressor import MLPRegressor
from clearprop.estimators.table_encoder import TableEncoder
from clearprop.estimators.tabular import TabularClassifier, TabularRegressor
from clearprop.estimators.tuning import Tuned, tune

__all__ = [
    "DecisionBoundaryDisplay",
    "LossCurveDisplay",
    "MLPClassifier",
    "MLPRegressor",
    "TableEncoder",
    "TabularClassifier",
    "TabularRegressor",
    "Tuned",
    "tune",
]
