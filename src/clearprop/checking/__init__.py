"""Is this gradient right, and if not, which mistake is it."""

from clearprop.checking.answer import AnswerError
from clearprop.checking.diagnosis import Diagnosis
from clearprop.checking.gradient import check_gradient, random_batch
from clearprop.checking.mistake import Edit, Mistake, Place
from clearprop.checking.mistakes import CATALOGUE
from clearprop.checking.report import Entry, GradientCheck, ParameterCheck

__all__ = [
    "CATALOGUE", "AnswerError", "Diagnosis", "Edit", "Entry", "GradientCheck", "Mistake",
    "ParameterCheck", "Place", "check_gradient", "random_batch",
]  # fmt: skip
