"""Estimators in scikit-learn's form, the search for the best, and training from a table."""

from clearprop.estimators.classifier import MLPClassifier
from clearprop.estimators.displays import (
    DecisionBoundaryDisplay,
    LearningCurveDisplay,
    LossCurveDisplay,
)
from clearprop.estimators.regressor import MLPRegressor
from clearprop.estimators.table_encoder import TableEncoder
from clearprop.estimators.table_training import train_table
from clearprop.estimators.tabular import TabularClassifier, TabularRegressor
from clearprop.estimators.tuning import Tuned, tune

__all__ = [
    "DecisionBoundaryDisplay",
    "LearningCurveDisplay",
    "LossCurveDisplay",
    "MLPClassifier",
    "MLPRegressor",
    "TableEncoder",
    "TabularClassifier",
    "TabularRegressor",
    "Tuned",
    "train_table",
    "tune",
]
