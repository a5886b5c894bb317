"""The trained model, its file, and training from arrays, and of a plain network from a table."""

from clearprop.model.arrays import Interrupted, train
from clearprop.model.file import SUFFIX, check_destination, is_model
from clearprop.model.loading import load
from clearprop.model.many import InterruptedMany, train_many
from clearprop.model.model import Model, Predictions
from clearprop.model.table import Prepared, train_plain

__all__ = [
    "SUFFIX", "Interrupted", "InterruptedMany", "Model", "Predictions", "Prepared",
    "check_destination", "is_model", "load", "train", "train_many", "train_plain",
]  # fmt: skip
