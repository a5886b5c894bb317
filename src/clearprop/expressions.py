"""Expression trees: what a step of back-propagation *is*, for people and for machines alike.

Owns the tree (sixteen small classes), its types and its one evaluator. A plan's steps are made of
these trees; the reference evaluates them, the derivation prints them, the engine is lowered from
them. Imports nothing of ClearProp but the errors. Proved by ``tests/test_expressions.py``.

Every expression has a `Type`: the textbook shape of ONE sample (scalar ``()``, column vector
``(s,)``, matrix ``(r, c)``) and whether it differs between samples and between members. Arrays
carry the axes ``[member][sample] + shape`` in that order, each only if the type says so.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from clearprop.errors import ShapeError

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

Array = NDArray[np.float64]
Axis = Literal["sample", "member", "unit"]
Form = Literal["value", "derivative", "linked"]


@dataclass(frozen=True)
class Type:
    """The shape of one sample's value, and along which further axes the value differs.

    Parameters
    ----------
    shape : tuple of int
        ``()`` scalar, ``(s,)`` column vector, ``(r, c)`` matrix.
    sample : bool
        One value for each sample of the batch.
    member : bool
        One value for each member of an ensemble.
    """

    shape: tuple[int, ...] = ()
    sample: bool = False
    member: bool = False

    def __str__(self) -> str:
        axes = [*(["K"] if self.member else []), *(["m"] if self.sample else [])]
        return "(" + ", ".join([*axes, *map(str, self.shape)]) + ")"


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
        for entry in fields(self):  # type: ignore[arg-type]  # every subclass is a dataclass
            value = getattr(self, entry.name)
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


@dataclass(frozen=True)
class Primitive:
    """A textbook function that formulas are written in, with its NumPy value."""

    name: str
    compute: Callable[[Array], Array] = field(compare=False)

    def evaluate(self, form: Form, args: tuple[Array, ...], attrs: Mapping[str, Any]) -> Array:
        return self.compute(*args)

    def shape_of(self, form: Form, args: tuple[Type, ...]) -> tuple[int, ...]:
        return args[0].shape


def _erf(x: Array) -> Array:
    return np.vectorize(math.erf, otypes=[np.float64])(x) if x.size else x.copy()


PRIMITIVES = {
    primitive.name: primitive
    for primitive in (
        Primitive("exp", np.exp),
        Primitive("log", np.log),
        Primitive("sqrt", np.sqrt),
        Primitive("abs", np.abs),
        Primitive("sign", np.sign),
        Primitive("erf", _erf),
        Primitive("cosh", np.cosh),
        Primitive("tanh", np.tanh),
    )
}


def primitive(name: str, x: Expr) -> Expr:
    """Return the textbook function ``name`` (a key of `PRIMITIVES`) of ``x``.

    Examples
    --------
    >>> float(evaluate(primitive("sqrt", Num(2.25)), {}))
    1.5
    """
    return Apply(PRIMITIVES[name], (x,))


def as_expr(value: Expr | float) -> Expr:
    """Return ``value`` as an expression: numbers become `Num`."""
    return value if isinstance(value, Expr) else Num(float(value))


def walk(expr: Expr) -> Iterator[Expr]:
    """Yield every node of the tree once per occurrence, parents first, without recursion.

    Examples
    --------
    >>> [type(node).__name__ for node in walk(Sym("x") * 2 + 1)]
    ['Add', 'Hadamard', 'Sym', 'Num', 'Num']
    """
    stack = [expr]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(reversed(node.children()))


def symbols(expr: Expr) -> tuple[Sym, ...]:
    """Return the distinct symbols of the tree in order of first occurrence.

    Examples
    --------
    >>> [sym.name for sym in symbols(Sym("a") * Sym("b") + Sym("a"))]
    ['a', 'b']
    """
    return tuple(dict.fromkeys(node for node in walk(expr) if isinstance(node, Sym)))


def rewrite(expr: Expr, change: Callable[[Expr], Expr]) -> Expr:
    """Return the tree rebuilt bottom-up, each node replaced by ``change(node)``.

    Examples
    --------
    >>> doubled = rewrite(Sym("x") + 1, lambda node: Num(2.0) if node == Num(1.0) else node)
    >>> doubled == Sym("x") + 2
    True
    """
    updates: dict[str, Any] = {}
    for entry in fields(expr):  # type: ignore[arg-type]
        value = getattr(expr, entry.name)
        if isinstance(value, Expr):
            new: Any = rewrite(value, change)
        elif isinstance(value, tuple) and any(isinstance(item, Expr) for item in value):
            new = tuple(rewrite(i, change) if isinstance(i, Expr) else i for i in value)
        else:
            continue
        if new is not value:
            updates[entry.name] = new
    return change(replace(expr, **updates) if updates else expr)  # type: ignore[type-var]


def substitute(expr: Expr, mapping: Mapping[Expr, Expr]) -> Expr:
    """Return the tree with each subtree that is a key of ``mapping`` replaced by its value.

    Examples
    --------
    >>> substitute(Sym("x") ** 2, {Sym("x"): Sym("y")}) == Sym("y") ** 2
    True
    """
    return rewrite(expr, lambda node: mapping.get(node, node))


def evaluate(
    expr: Expr, values: Mapping[str, Array], index: tuple[int, ...] | None = None
) -> Array:
    """Evaluate a tree in float64 NumPy, functions in their numerically stable form.

    Parameters
    ----------
    expr : Expr
        The tree.
    values : mapping of str to float64 array
        The array of each symbol, axes ``[member][sample] + shape``; a `Trace` serves.
    index : tuple of int, optional
        Return only this entry (from 0, in the order of the result's axes).

    Returns
    -------
    float64 array
        Axes ``[member][sample] + shape`` of ``expr.type``.

    Examples
    --------
    >>> W, a = Sym("W1", Type((2, 2))), Sym("a1", Type((2,), sample=True))
    >>> evaluate(W @ a, {"W1": np.eye(2), "a1": np.array([[3.0, 4.0]])})
    array([[3., 4.]])
    """
    with np.errstate(all="ignore"):  # what overflows is ∞ or NaN, and is shown as that
        result = _evaluate(expr, values, {})
    return result if index is None else np.asarray(result[index])


def _evaluate(expr: Expr, values: Mapping[str, Array], known: dict[int, Array]) -> Array:
    if id(expr) not in known:  # a shared subtree is computed once
        known[id(expr)] = _compute(expr, values, known)
    return known[id(expr)]


def _compute(expr: Expr, values: Mapping[str, Array], known: dict[int, Array]) -> Array:
    def value(part: Expr, to: Type | None = None) -> Array:
        array = _evaluate(part, values, known)
        return array if to is None else spread(array, part.type, to)

    match expr:
        case Sym(name):
            return np.asarray(values[name])
        case Num(number):
            return np.asarray(number, dtype=np.float64)
        case Add(terms):
            total = value(terms[0], expr.type)
            for term in terms[1:]:
                total = total + value(term, expr.type)
            return total
        case Neg(body):
            return np.asarray(-value(body))
        case Hadamard(left, right):
            return value(left, expr.type) * value(right, expr.type)
        case Divide(numerator, denominator):
            return np.asarray(value(numerator, expr.type) / value(denominator, expr.type))
        case Power(base, exponent):
            return np.asarray(value(base, expr.type) ** value(exponent, expr.type))
        case Apply(function, args, attrs, form):
            common = Type((), expr.type.sample, expr.type.member)
            arrays = tuple(value(arg, replace(common, shape=arg.shape)) for arg in args)
            return function.evaluate(form, arrays, dict(attrs))
        case Less(left, right, or_equal):
            a, b = value(left, expr.type), value(right, expr.type)
            return np.asarray(a <= b if or_equal else a < b)
        case Cases(condition, then, otherwise):
            chosen = (value(part, expr.type) for part in (condition, then, otherwise))
            return np.where(*chosen)
        case MatMul(Transpose(matrix), OneHot(index, _)):  # Eᵀ 1ₖ is the row k of E
            return _rows(value(matrix), matrix.type, value(index))
        case MatMul(left, right):
            return _product(value(left), left.type, value(right), right.type, expr.type)
        case Transpose(body):
            array = value(body)
            return array[..., None, :] if len(body.shape) == 1 else np.swapaxes(array, -1, -2)
        case Outer(left, right):
            vectors = Type((), expr.type.sample, expr.type.member)
            a = value(left, replace(vectors, shape=left.shape))
            b = value(right, replace(vectors, shape=right.shape))
            return a[..., :, None] * b[..., None, :]
        case Sum(over, Outer(OneHot(index, levels), right) as body) if over == ("sample",):
            return _rows_sum(value(index), levels, value(right), right.type, body.type)
        case Sum(over, Outer(left, right) as body) if "sample" in over and "unit" not in over:
            return _outer_sum(over, body, value(left), value(right))
        case Sum(over, body):
            return _sum(over, body.type, value(body))
        case Concat(parts):
            to = [replace(expr.type, shape=part.shape) for part in parts]
            full = _broadcast_leading([value(p, t) for p, t in zip(parts, to, strict=True)])
            return np.concatenate(full, axis=-1)
        case Slice(body, start, stop):
            return value(body)[..., start:stop]
        case OneHot(index, levels):
            return np.asarray(
                np.arange(levels) == value(index)[..., None].astype(np.int64), dtype=np.float64
            )
    raise TypeError(f"no value is defined for {type(expr).__name__}")


def spread(array: Array, of: Type, to: Type) -> Array:
    """Give ``array`` of type ``of`` length-1 axes wherever ``to`` has an axis that it lacks."""
    if to.sample and not of.sample:
        array = np.expand_dims(array, 1 if of.member else 0)
    if to.member and not of.member:
        array = np.expand_dims(array, 0)
    for _ in range(len(to.shape) - len(of.shape)):
        array = array[..., None]
    return array


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


def _broadcast_leading(arrays: list[Array]) -> list[Array]:
    leading = np.broadcast_shapes(*(array.shape[:-1] for array in arrays))
    return [np.broadcast_to(array, leading + array.shape[-1:]) for array in arrays]


def _product(a: Array, left: Type, b: Array, right: Type, to: Type) -> Array:
    if left.sample or not right.sample:  # a row vector of each sample, or no samples at all
        matrix = spread(a, left, replace(to, shape=left.shape))
        vector = spread(b, right, replace(to, shape=right.shape))
        product = np.matmul(matrix, vector[..., None])[..., 0]
        return np.asarray(product[..., 0] if to.shape == () else product)
    # one matrix for all samples: rows of b are the samples, so z = W a becomes b Wᵀ
    product = np.matmul(b, np.swapaxes(a, -1, -2))
    return np.asarray(product[..., 0] if to.shape == () else product)


def _rows(matrix: Array, of: Type, index: Array) -> Array:
    return np.take(matrix, index.astype(np.int64), axis=1 if of.member else 0)


def _rows_sum(index: Array, levels: int, right: Array, of: Type, to: Type) -> Array:
    """Σ over samples of 1ₖ · rightᵀ: each sample is added to its row, no (m, levels) array made."""
    members = right.shape[:1] if to.member else ()
    total = np.zeros((*members, levels, *of.shape))
    rows = index.astype(np.int64)
    if to.member:
        for into, given in zip(total, right, strict=True):
            np.add.at(into, rows, given)
    else:
        np.add.at(total, rows, right)
    return total


def _outer_sum(over: tuple[Axis, ...], body: Outer, a: Array, b: Array) -> Array:
    """Σ over samples of left · rightᵀ as one product, without an array of (m, r, c)."""
    to = body.type
    a = spread(a, body.left.type, replace(to, shape=body.left.shape))
    b = spread(b, body.right.type, replace(to, shape=body.right.shape))
    rows = max(a.shape[-2], b.shape[-2])  # one of them may be the same for all samples
    a = np.broadcast_to(a, (*a.shape[:-2], rows, a.shape[-1]))
    b = np.broadcast_to(b, (*b.shape[:-2], rows, b.shape[-1]))
    total = np.matmul(np.swapaxes(a, -1, -2), b)
    return np.asarray(total.sum(axis=0) if to.member and "member" in over else total)


def _sum(over: tuple[Axis, ...], of: Type, array: Array) -> Array:
    axes: list[int] = []
    if "member" in over:
        axes.append(0)
    if "sample" in over:
        axes.append(1 if of.member else 0)
    if "unit" in over:
        axes.extend(range(-len(of.shape), 0))
    return np.asarray(array.sum(axis=tuple(axes)))
