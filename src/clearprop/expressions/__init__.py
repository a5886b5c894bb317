"""Expression trees: what a step of back-propagation *is*, for people and for machines alike.

A plan's steps are made of these trees; the reference evaluates them, the derivation prints them,
the engine is lowered from them. Imports nothing of ClearProp but the errors.
"""

from clearprop.expressions.evaluating import evaluate
from clearprop.expressions.primitives import PRIMITIVES, Primitive, primitive
from clearprop.expressions.rewriting import rewrite, substitute, symbols, walk
from clearprop.expressions.tree import (
    Add,
    Applicable,
    Apply,
    Cases,
    Concat,
    Divide,
    Expr,
    Hadamard,
    Less,
    MatMul,
    Neg,
    Num,
    OneHot,
    Outer,
    Power,
    Slice,
    Sum,
    Sym,
    Transpose,
    as_expr,
)
from clearprop.expressions.types import Array, Axis, Form, Type, spread

__all__ = [
    "PRIMITIVES",
    "Add",
    "Applicable",
    "Apply",
    "Array",
    "Axis",
    "Cases",
    "Concat",
    "Divide",
    "Expr",
    "Form",
    "Hadamard",
    "Less",
    "MatMul",
    "Neg",
    "Num",
    "OneHot",
    "Outer",
    "Power",
    "Primitive",
    "Slice",
    "Sum",
    "Sym",
    "Transpose",
    "Type",
    "as_expr",
    "evaluate",
    "primitive",
    "rewrite",
    "spread",
    "substitute",
    "symbols",
    "walk",
]
