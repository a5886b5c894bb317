"""The trained model, its file, and training from arrays and from a table."""

from clearprop.model.arrays import Interrupted, train
from clearprop.model.file import SUFFIX, check_destination, is_model
from clearprop.model.loading import load
from clearprop.model.many import InterruptedMany, train_many
from clearprop.model.model import Model, Predictions
from clearprop.model.table import Prepared, train_table

__all__ = [
    "SUFFIX", "Interrupted", "InterruptedMany", "Model", "Predictions", "Prepared",
    "check_destination", "is_model", "load", "train", "train_many", "train_table",
]  # fmt: skip
