"""The contract of a row: one operation, stated once, read by every part of ClearProp.

Owns `Op` and its kinds, the parameters a row brings (`Param`), and where a row stands in a graph
(`Site`). States no formula: those stand in the row's own file; ``table`` finds a row by its name.
Proved by ``tests/test_operations.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from clearprop.errors import SettingError, ShapeError
from clearprop.expressions import Apply, Array, Expr, Form, Hadamard, Sym, Type
from clearprop.settings import Attr, check_all
from clearprop.words import shown

Attrs = Mapping[str, Any]
Definition = Callable[[Expr, Attrs], Expr]
Numeric = Callable[[Array, Attrs], Array]
CostDefinition = Callable[[Expr, Expr, Attrs], Expr]
CostNumeric = Callable[[Array, Array, Attrs], Array]


@dataclass(frozen=True)
class Param:
    """A parameter that a row brings, and how it is to be trained.

    Parameters
    ----------
    role : str
        The letter of its symbol: ``"W"``, ``"b"``, ``"E"``, ``"s"``, ``"alpha"``.
    type : Type
        Shape, and whether each member has its own.
    initial : str
        The initialiser's name (`clearprop.initializers`).
    fan : tuple of int
        (fan in, fan out) for the initialisers that scale with them.
    penalised : bool
        Whether λ/2 Σ W² of the cost counts it.
    lr_factor, decay_factor : float
        Factors on the learning rate and on decoupled weight decay.
    """

    role: str
    type: Type
    initial: str
    fan: tuple[int, int] = (1, 1)
    penalised: bool = False
    lr_factor: float = 1.0
    decay_factor: float = 1.0


@dataclass(frozen=True)
class Site:
    """Where a row stands in a graph: the symbols of what goes in, what comes out, its parameters.

    ``masks`` are random factors that the run supplies (dropout), by role.
    """

    inputs: tuple[Sym, ...]
    output: Sym
    params: Mapping[str, Sym]
    attrs: Attrs
    masks: Mapping[str, Sym] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Op:
    """One row of the table of operations.

    A row states, once, how it computes, how a derivative passes back through it, and what it
    needs. ``forward`` and the adjoints are textbook expressions; the functions inside them carry
    their own numerically stable forms.

    Parameters
    ----------
    name : str
        The word used in graphs, flags and messages.
    attrs : tuple of Attr
        The row's settings.
    arity : (int, int or None)
        Fewest and most inputs.
    couples_rows : bool
        The row mixes samples of a batch (none of ClearProp's own does).
    onnx : str or None
        The ONNX operator it is exported as.
    source : str
        The paper or text, and the equation.
    """

    name: str
    attrs: tuple[Attr, ...] = ()
    arity: tuple[int, int | None] = (1, 1)
    couples_rows: bool = False
    onnx: str | None = None
    source: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.isidentifier():
            raise SettingError(
                f"a row's name is letters, digits and _, not a digit first, got {shown(self.name)}"
            )
        if not isinstance(self.attrs, tuple) or not all(isinstance(a, Attr) for a in self.attrs):
            raise SettingError(
                f"{self.name}: attrs is a tuple of clearprop.settings.Attr, got {shown(self.attrs)}"
            )

    def _check(self, wanted: str, fits: Callable[[object], bool], *fields: str) -> None:
        """Refuse a field that does not fit, by its name."""
        for name in fields:
            if not fits(getattr(self, name)):
                got = shown(getattr(self, name))
                raise SettingError(f"{self.name}: {name} must be {wanted}, got {got}")

    def settings(self, given: Attrs) -> dict[str, Any]:
        """Return all settings: those given, checked, and the defaults of the others."""
        return dict(check_all(self.attrs, given, self.name))

    def parameters(self, inputs: tuple[Type, ...], attrs: Attrs) -> tuple[Param, ...]:
        """Return the parameters the row brings for inputs of these types."""
        return ()

    def masks(self, inputs: tuple[Type, ...], attrs: Attrs) -> dict[str, float]:
        """Return the probability of zero for each random factor (of the output's type), by role."""
        return {}

    def result(self, inputs: tuple[Type, ...], attrs: Attrs) -> Type:
        """Return the output's type; raise ShapeError with what was got and expected."""
        raise NotImplementedError

    def forward(self, site: Site) -> Expr:
        """Return the output as an expression of the inputs and parameters."""
        raise NotImplementedError

    def adjoints(self, site: Site, delta: Expr) -> tuple[Expr | None, ...]:
        """Return what passes back to each input when ``delta`` = ∂J/∂output arrives."""
        raise NotImplementedError

    def gradients(self, site: Site, delta: Expr) -> dict[str, Expr]:
        """Return each parameter's gradient of one sample when ``delta`` arrives, by role."""
        return {}


def _text_or_none(value: object) -> bool:
    return value is None or isinstance(value, str)


def _function_or_none(value: object) -> bool:
    return value is None or callable(value)


def _one_of(*texts: str) -> Callable[[object], bool]:
    return lambda value: isinstance(value, str) and value in texts


def _no_kinks(attrs: Attrs) -> tuple[float, ...]:
    return ()


@dataclass(frozen=True, eq=False)
class Activation(Op):
    """A function a = f(z) that stands behind a layer or alone.

    Parameters
    ----------
    definition : callable (x: Expr, attrs) -> Expr
        f(x) as a textbook prints it.
    value : callable (x: float64 array, attrs) -> float64 array
        The same, numerically stable over the whole range.
    kinks : callable (attrs) -> tuple of float
        Where the derivative jumps; there, the derivative from the left is used.
    """

    definition: Definition = field(kw_only=True)
    value: Numeric = field(kw_only=True)
    kinks: Callable[[Attrs], tuple[float, ...]] = _no_kinks

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check("a function", callable, "definition", "value", "kinks")

    def result(self, inputs: tuple[Type, ...], attrs: Attrs) -> Type:
        return vector(self.name, inputs[0])

    def shape_of(self, form: Form, args: tuple[Type, ...]) -> tuple[int, ...]:
        return args[0].shape

    def evaluate(self, form: Form, args: tuple[Array, ...], attrs: Attrs) -> Array:
        return np.asarray(self.value(args[0], attrs))

    def __call__(self, x: Expr, attrs: Attrs, form: Form = "value") -> Apply:
        """Return f(x), or f′(x) with ``form="derivative"``, as an expression."""
        return Apply(self, (x,), tuple(sorted(attrs.items())), form)

    def forward(self, site: Site) -> Expr:
        return self(site.inputs[0], site.attrs)  # a = f(z)


@dataclass(frozen=True, eq=False)
class Function(Activation):
    """An element-wise function f of one value.

    The three forms: the textbook ``definition`` and ``slope``; the stable ``value`` and
    ``derivative`` in NumPy; the scalar ``kernel`` and ``kernel_vjp``, text valid as C99 and C++.

    Parameters
    ----------
    slope : callable (x: Expr, attrs) -> Expr
        f′(x) as a textbook prints it.
    derivative : callable (x: float64 array, attrs) -> float64 array
        The same, numerically stable over the whole range.
    kernel : str or None
        f over the name ``x`` and the settings' names, e.g. ``"1 / (1 + exp(-x))"``; without it
        the row runs in the reference only.
    kernel_vjp : str or None
        dy · f′ over ``x``, ``y`` = f(x), ``dy`` and the settings, e.g. ``"dy * (y * (1 - y))"``.
    saves : str
        What ``kernel_vjp`` reads of the forward pass: ``"x"``, ``"y"``, ``"xy"`` or ``""``.

    Examples
    --------
    >>> cube = Function(
    ...     "cube",
    ...     definition=lambda x, attrs: x**3,
    ...     slope=lambda x, attrs: 3 * x**2,
    ...     value=lambda x, attrs: x**3,
    ...     derivative=lambda x, attrs: 3 * x**2,
    ... )
    >>> cube.derivative(np.array([2.0]), {})
    array([12.])
    """

    slope: Definition = field(kw_only=True)
    derivative: Numeric = field(kw_only=True)
    kernel: str | None = None
    kernel_vjp: str | None = None
    saves: str = "x"

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check("a function", callable, "slope", "derivative")
        self._check("a text or None", _text_or_none, "kernel", "kernel_vjp")
        self._check("'x', 'y', 'xy' or ''", _one_of("x", "y", "xy", ""), "saves")

    def evaluate(self, form: Form, args: tuple[Array, ...], attrs: Attrs) -> Array:
        return np.asarray((self.value if form == "value" else self.derivative)(args[0], attrs))

    def adjoints(self, site: Site, delta: Expr) -> tuple[Expr | None, ...]:
        # δ = Δ ⊙ f′(z)
        return (Hadamard(delta, self(site.inputs[0], site.attrs, "derivative")),)


@dataclass(frozen=True, eq=False)
class Cost(Op):
    """A cost of one sample: a sum over the outputs, with its derivative and its link.

    The link is the function that turns the network's last z into what is compared with the
    target. Where the link stands before the cost, both are one: the cost is computed from z
    (``linked``) and the derivative passes to z in one step (``linked_slope``).

    Parameters
    ----------
    definition, slope : callable (a: Expr, y: Expr, attrs) -> Expr
        C(a, y), a scalar, and ∂C/∂a, a vector, as a textbook prints them.
    linked_slope : callable (a: Expr, y: Expr, attrs) -> Expr, or None
        ∂C/∂z for a = link(z); None if the link is the identity.
    value : callable (a: array, y: array, attrs) -> array
        C(a, y) summed over the last axis, float64, stable.
    linked : callable (z: array, y: array, attrs) -> array, or None
        C(link(z), y) from z, float64, stable.
    link : str
        The name of the link's row.
    kernel, kernel_vjp : str or None
        One output's share of C and of its slope over ``x`` (z if linked, else a), ``y`` = link(x)
        and the target ``t``.
    kinks : callable (attrs) -> tuple of float
        Values of a − y at which the slope jumps.
    target : str
        ``"real"``, ``"count"`` (≥ 0), ``"probability"`` (0 to 1) or ``"class"``.

    Examples
    --------
    >>> from clearprop.operations import TABLE
    >>> cost = TABLE.cost("squared_error")
    >>> cost.value(np.array([[3.0, 1.0]]), np.array([[1.0, 1.0]]), {})
    array([2.])
    >>> a, y = Sym("a", Type((2,))), Sym("y", Type((2,)))
    >>> cost.slope(a, y, {}) == a - y
    True
    """

    definition: CostDefinition = field(kw_only=True)
    slope: CostDefinition = field(kw_only=True)
    value: CostNumeric = field(kw_only=True)
    linked_slope: CostDefinition | None = None
    linked: CostNumeric | None = None
    link: str = "identity"
    kernel: str | None = None
    kernel_vjp: str | None = None
    kinks: Callable[[Attrs], tuple[float, ...]] = _no_kinks
    target: str = "real"

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check("a function", callable, "definition", "slope", "value", "kinks")
        self._check("a function or None", _function_or_none, "linked_slope", "linked")
        self._check("a text or None", _text_or_none, "kernel", "kernel_vjp")
        self._check("the name of a function", lambda name: isinstance(name, str), "link")
        kinds = ("real", "count", "probability", "class")
        self._check(f"one of {kinds}", _one_of(*kinds), "target")

    def result(self, inputs: tuple[Type, ...], attrs: Attrs) -> Type:
        return replace(vector(self.name, inputs[0]), shape=())

    def shape_of(self, form: Form, args: tuple[Type, ...]) -> tuple[int, ...]:
        return ()

    def evaluate(self, form: Form, args: tuple[Array, ...], attrs: Attrs) -> Array:
        compute = self.linked if form == "linked" and self.linked else self.value
        return np.asarray(compute(args[0], args[1], attrs))

    def __call__(self, x: Expr, y: Expr, attrs: Attrs, form: Form = "value") -> Apply:
        """Return C(a, y), or with ``form="linked"`` C(link(z), y), as an expression."""
        return Apply(self, (x, y), tuple(sorted(attrs.items())), form)


def vector(name: str, of: Type) -> Type:
    """Return ``of`` if it is a vector a sample; raise ShapeError naming the row otherwise."""
    if len(of.shape) != 1:
        fix = "; put an Embedding behind the index" if of.shape == () else ""
        raise ShapeError(f"{name}: expected a vector a sample, got {of}{fix}")
    return of
