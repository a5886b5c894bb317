"""Is this gradient right, and if not, which mistake is it."""

from clearprop.checking.batches import random_batch
from clearprop.checking.calling import AnswerError
from clearprop.checking.command import check_command, check_file
from clearprop.checking.diagnosis import Diagnosis
from clearprop.checking.function import FunctionCheck, check_function
from clearprop.checking.gradient import check_gradient
from clearprop.checking.mistake import Edit, Mistake, Place
from clearprop.checking.mistakes import CATALOGUE
from clearprop.checking.report import Entry, GradientCheck, ParameterCheck
from clearprop.checking.template import numpy_template

__all__ = [
    "CATALOGUE", "AnswerError", "Diagnosis", "Edit", "Entry", "FunctionCheck", "GradientCheck",
    "Mistake", "ParameterCheck", "Place", "check_command", "check_file", "check_function",
    "check_gradient", "numpy_template", "random_batch",
]  # fmt: skip
