"""Derivations: back-propagation of any network, printed in any notation, and checked."""

from clearprop.derivation.derived import Derived
from clearprop.derivation.deriving import Derivation, derive
from clearprop.derivation.notations.notation import NOTATIONS, Notation, find_notation

__all__ = ["NOTATIONS", "Derivation", "Derived", "Notation", "derive", "find_notation"]
