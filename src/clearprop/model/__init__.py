"""The trained model, its file, and training from arrays.

Training many at once (`clearprop.model.many`), a plain network of a table (`clearprop.model.table`)
and what reads a model's file (`clearprop.model.loading`) are asked for by their own names: whoever
trains one from arrays does not wait for them to be loaded.
"""

from clearprop.model.arrays import Interrupted, train
from clearprop.model.file import SUFFIX, check_destination, is_model
from clearprop.model.model import Model, Predictions

__all__ = [
    "SUFFIX", "Interrupted", "Model", "Predictions", "check_destination", "is_model", "train",
]  # fmt: skip
