"""The tree: what a step of back-propagation *is*, sixteen small classes and their types.

Every expression has a `Type`: the textbook shape of ONE sample (scalar ``()``, column vector
``(s,)``, matrix ``(r, c)``) and whether it differs between samples and between members. Proved by
``tests/test_expressions.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar, Protocol

from clearprop.errors import ShapeError
from clearprop.expressions.types import Array, Axis, Form, Type

__all__ = [
    "Add", "Applicable", "Apply", "Cases", "Concat", "Divide", "Expr", "Hadamard", "Less", "MatMul",
    "Neg", "Num", "OneHot", "Outer", "Power", "Slice", "Sum", "Sym", "Transpose", "as_expr",
]  # fmt: skip


class Applicable(Protocol):
    """What `Apply` can hold: a primitive of this module or a row of the operations table."""

    @property
    def name(self) -> str: ...
    def evaluate(self, form: Form, args: tuple[Array, ...], attrs: Mapping[str, Any]) -> Array:
        """Return the numerically stable value of ``form``."""

    def shape_of(self, form: Form, args: tuple[Type, ...]) -> tuple[int, ...]:
        """Return the shape of ``form`` for one sample."""


class Expr:
    """A node of an expression tree: immutable, typed, equal when its structure is equal."""

    __match_args__: ClassVar[tuple[str, ...]]  # every subclass is a dataclass: its fields' names

    @cached_property
    def type(self) -> Type:
        """The value's type; raises ShapeError if the operands do not fit."""
        return self._infer()

    def _infer(self) -> Type:
        raise NotImplementedError

    @property
    def shape(self) -> tuple[int, ...]:
        """The textbook shape of one sample's value."""
        return self.type.shape

    def children(self) -> tuple[Expr, ...]:
        """Return the direct subtrees, left to right."""
        found: list[Expr] = []
        for name in self.__match_args__:
            value = getattr(self, name)
            if isinstance(value, Expr):
                found.append(value)
            elif isinstance(value, tuple):
                found.extend(item for item in value if isinstance(item, Expr))
        return tuple(found)

    # Algebra: the trees are written as the equations are.
    def __add__(self, other: Expr | float) -> Expr:
        return Add((self, as_expr(other)))

    def __radd__(self, other: float) -> Expr:
        return Add((as_expr(other), self))

    def __sub__(self, other: Expr | float) -> Expr:
        return Add((self, Neg(as_expr(other))))

    def __rsub__(self, other: float) -> Expr:
        return Add((as_expr(other), Neg(self)))

    def __neg__(self) -> Expr:
        return Neg(self)

    def __mul__(self, other: Expr | float) -> Expr:
        return Hadamard(self, as_expr(other))

    def __rmul__(self, other: float) -> Expr:
        return Hadamard(as_expr(other), self)

    def __truediv__(self, other: Expr | float) -> Expr:
        return Divide(self, as_expr(other))

    def __rtruediv__(self, other: float) -> Expr:
        return Divide(as_expr(other), self)

    def __pow__(self, exponent: Expr | float) -> Expr:
        return Power(self, as_expr(exponent))

    def __matmul__(self, other: Expr) -> Expr:
        return MatMul(self, other)

    @property
    def T(self) -> Expr:  # the mathematical sign
        return Transpose(self)


@dataclass(frozen=True)
class Sym(Expr):
    """A named quantity: an input, a parameter, a value, an adjoint, a hyper-parameter."""

    name: str
    of: Type = field(default=Type())

    def _infer(self) -> Type:
        return self.of


@dataclass(frozen=True)
class Num(Expr):
    """A number written out, such as the ½ of the squared error."""

    value: float

    def _infer(self) -> Type:
        return Type()


@dataclass(frozen=True)
class Add(Expr):
    """Sum of terms of one shape (scalars spread)."""

    terms: tuple[Expr, ...]

    def _infer(self) -> Type:
        return _together(self, *self.terms)


@dataclass(frozen=True)
class Neg(Expr):
    """Minus the operand."""

    body: Expr

    def _infer(self) -> Type:
        return self.body.type


@dataclass(frozen=True)
class Hadamard(Expr):
    """Element-wise product ⊙ (scalars spread)."""

    left: Expr
    right: Expr

    def _infer(self) -> Type:
        return _together(self, self.left, self.right)


@dataclass(frozen=True)
class Divide(Expr):
    """Element-wise quotient (scalars spread)."""

    numerator: Expr
    denominator: Expr

    def _infer(self) -> Type:
        return _together(self, self.numerator, self.denominator)


@dataclass(frozen=True)
class Power(Expr):
    """Element-wise power (scalars spread)."""

    base: Expr
    exponent: Expr

    def _infer(self) -> Type:
        return _together(self, self.base, self.exponent)


@dataclass(frozen=True)
class Apply(Expr):
    """A named function of its arguments: its value, its derivative, or its value past the link.

    ``form="derivative"`` is f′(x) of an element-wise function; ``form="linked"`` is a cost
    written in its link's argument z, the form that is stable there.
    """

    function: Applicable
    args: tuple[Expr, ...]
    attrs: tuple[tuple[str, Any], ...] = ()
    form: Form = "value"

    def _infer(self) -> Type:
        shape = self.function.shape_of(self.form, tuple(arg.type for arg in self.args))
        return Type(
            shape, any(a.type.sample for a in self.args), any(a.type.member for a in self.args)
        )


@dataclass(frozen=True)
class Less(Expr):
    """The condition left < right (or ≤), for `Cases`."""

    left: Expr
    right: Expr
    or_equal: bool = False

    def _infer(self) -> Type:
        return _together(self, self.left, self.right)


@dataclass(frozen=True)
class Cases(Expr):
    """Piecewise: ``then`` where the condition holds, else ``otherwise``."""

    condition: Expr
    then: Expr
    otherwise: Expr

    def _infer(self) -> Type:
        return _together(self, self.condition, self.then, self.otherwise)


@dataclass(frozen=True)
class MatMul(Expr):
    """Matrix product: matrix times column vector, or row vector times column vector."""

    left: Expr
    right: Expr

    def _infer(self) -> Type:
        left, right = self.left.type, self.right.type
        if len(left.shape) != 2 or len(right.shape) != 1 or left.shape[1] != right.shape[0]:
            raise ShapeError(f"cannot multiply {left} by {right}: the inner sizes differ")
        shape = (
            ()
            if isinstance(self.left, Transpose)
            and left.shape[0] == 1
            and (len(self.left.body.shape) == 1)
            else (left.shape[0],)
        )
        return Type(shape, left.sample or right.sample, left.member or right.member)


@dataclass(frozen=True)
class Transpose(Expr):
    """The transpose; of a column vector, the row vector."""

    body: Expr

    def _infer(self) -> Type:
        shape = self.body.shape
        if len(shape) not in (1, 2):
            raise ShapeError(f"cannot transpose a value of shape {self.body.type}")
        return replace(self.body.type, shape=(1, *shape) if len(shape) == 1 else shape[::-1])


@dataclass(frozen=True)
class Outer(Expr):
    """Outer product of two column vectors, left · rightᵀ."""

    left: Expr
    right: Expr

    def _infer(self) -> Type:
        left, right = self.left.type, self.right.type
        if len(left.shape) != 1 or len(right.shape) != 1:
            raise ShapeError(f"an outer product takes two vectors, got {left} and {right}")
        return Type(
            left.shape + right.shape, left.sample or right.sample, left.member or right.member
        )


@dataclass(frozen=True)
class Sum(Expr):
    """Sum of the body over samples, members or the units (all entries) of its shape."""

    over: tuple[Axis, ...]
    body: Expr

    def _infer(self) -> Type:
        of = self.body.type
        if ("sample" in self.over and not of.sample) or ("member" in self.over and not of.member):
            raise ShapeError(f"cannot sum over {self.over}: {of} has no such axis")
        return Type(
            () if "unit" in self.over else of.shape,
            of.sample and "sample" not in self.over,
            of.member and "member" not in self.over,
        )


@dataclass(frozen=True)
class Concat(Expr):
    """Column vectors stacked into one."""

    parts: tuple[Expr, ...]

    def _infer(self) -> Type:
        types = [part.type for part in self.parts]
        if any(len(of.shape) != 1 for of in types):
            raise ShapeError(f"only vectors are stacked, got {', '.join(map(str, types))}")
        return Type(
            (sum(of.shape[0] for of in types),),
            any(of.sample for of in types),
            any(of.member for of in types),
        )


@dataclass(frozen=True)
class Slice(Expr):
    """Entries ``start`` to ``stop`` (from 0, stop excluded) of a column vector."""

    body: Expr
    start: int
    stop: int

    def _infer(self) -> Type:
        if not 0 <= self.start <= self.stop <= self.body.shape[0]:
            raise ShapeError(f"entries {self.start}..{self.stop} of {self.body.type}")
        return replace(self.body.type, shape=(self.stop - self.start,))


@dataclass(frozen=True)
class OneHot(Expr):
    """The unit vector 1ₖ: one at the place that the index names, zero elsewhere."""

    index: Expr
    levels: int

    def _infer(self) -> Type:
        return replace(self.index.type, shape=(self.levels,))


def as_expr(value: Expr | float) -> Expr:
    """Return ``value`` as an expression: numbers become `Num`."""
    return value if isinstance(value, Expr) else Num(float(value))


def _together(where: Expr, *operands: Expr) -> Type:
    shapes = {operand.shape for operand in operands} - {()}
    if len(shapes) > 1:
        sizes = " and ".join(str(operand.type) for operand in operands)
        raise ShapeError(f"{type(where).__name__} needs operands of one shape, got {sizes}")
    return Type(
        shapes.pop() if shapes else (),
        any(operand.type.sample for operand in operands),
        any(operand.type.member for operand in operands),
    )
