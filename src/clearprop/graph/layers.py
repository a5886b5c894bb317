"""How a network is written down: inputs, layers called on values, and ``+``.

A layer called on a value gives a new value (`Wire`); shapes are inferred and checked at once.
A layer object called twice is tied: both uses share its parameters. `assemble` turns the values
that lead to the outputs into a `Graph`. Proved by ``tests/test_graph.py``.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from clearprop.errors import GraphError, ShapeError
from clearprop.expressions import Type
from clearprop.graph.description import MOST_UNITS, CostNode, Graph, Node
from clearprop.graph.description import Input as GraphInput
from clearprop.operations import TABLE, Op
from clearprop.settings import Attr
from clearprop.words import shown

_serial = itertools.count()
_NAME = re.compile(r"[^\W\d]\w{0,99}", re.UNICODE)
WIDTH = Attr("width", int, 1, bounds=f"[1, {MOST_UNITS}]", help="numbers a sample")
PARAMETRIC = Attr("parametric", bool, False, help="blend the function in, unit by unit")
LEVELS = Attr("levels", int, 1, bounds=f"[1, {MOST_UNITS}]", help="how many levels an index has")


class Wire:
    """A value of a network that is being written down: add it, or call layers on it."""

    __array_ufunc__ = None  # an array + a value is the value's to answer, not NumPy's

    def __init__(
        self,
        op: Op | None,
        inputs: tuple[Wire, ...],
        attrs: Mapping[str, Any],
        layer: object,
        of: Type | None = None,
        preactivation: bool = False,
    ) -> None:
        self.serial = next(_serial)  # creation order is a topological order
        self.op, self.inputs, self.layer, self.preactivation = op, inputs, layer, preactivation
        self.attrs = dict(attrs)
        own: int = self.attrs.get("members", 0)
        self.members: int = max([own, *(wire.members for wire in inputs)])
        if op is not None:
            try:
                of = op.result(tuple(wire.type for wire in inputs), self.attrs)
            except ShapeError as error:
                told = str(error)  # begins with the row's name, which may be the layer's
                raise ShapeError(told if str(layer) == op.name else f"{layer}: {told}") from None
        assert of is not None
        self.type: Type = of

    def __add__(self, other: Wire) -> Wire:
        """Join two values of one width: a skip or a residual connection."""
        return _apply("add", (self, other), {}, "add")

    __radd__ = __add__  # only of what is no value, and so refused

    def __repr__(self) -> str:
        return f"<value of {self.layer}, {self.type} a sample>"


def _apply(op: str, inputs: tuple[Wire, ...], attrs: Mapping[str, Any], layer: object) -> Wire:
    row = TABLE.row(op)
    _check_values(layer, inputs)
    return Wire(row, inputs, row.settings(attrs), layer)


def _check_values(layer: object, inputs: Iterable[object]) -> None:
    for wire in inputs:
        if not isinstance(wire, Wire):
            raise GraphError(
                f"{layer} was called on {type(wire).__name__}; call it on an Input or on what a "
                "layer returned"
            )


def Input(width: int | None = None, *, levels: int | None = None, name: str = "") -> Wire:
    """Return an input of a network.

    Parameters
    ----------
    width : int, at least 1
        Numbers a sample.
    levels : int, at least 1
        Instead of ``width``: one index a sample, from 0 to ``levels`` − 1, for an `Embedding`.
    name : str
        The key of the input where a network has several.

    Examples
    --------
    >>> Input(54)
    <value of Input, (m, 54) a sample>
    """
    if (width is None) == (levels is None):
        raise GraphError("Input: give either a width or levels")
    if not isinstance(name, str):
        raise GraphError(f"Input: name must be a text, got {shown(name)}")
    attrs: dict[str, Any] = {"width": 0, "levels": 0, "key": name}
    if levels is not None:
        attrs["levels"] = LEVELS.check(levels, "Input")
        return Wire(None, (), attrs, "Input", Type((), sample=True))
    attrs["width"] = WIDTH.check(width, "Input")
    return Wire(None, (), attrs, "Input", Type((attrs["width"],), sample=True))


class Layer:
    """What is called on values; called twice, it is tied."""

    def __init__(self, name: str = "") -> None:
        if not isinstance(name, str) or (name and not _NAME.fullmatch(name[:101])):
            raise GraphError(
                f"a layer's name is letters, digits and _, at most 100 characters, got "
                f"{shown(name)}"
            )
        self.name = name

    def __repr__(self) -> str:
        kind = type(self).__name__
        return f"{kind} {self.name!r}" if self.name else kind


class Dense(Layer):
    """A dense layer: z = W a + b, then a = f(z).

    Parameters
    ----------
    units : int, at least 1
        Outputs.
    activation : str
        The name of the function f; see ``clearprop describe --functions``.
    parametric : bool
        a = z + α ⊙ (f(z) − z) with a trained α for each unit, whose learning rate is a tenth.
    bias : {"unit", "shared", "none"}
        A bias for each unit, one for the layer, or none.
    members : int
        Parameters of its own for each of so many members.
    name : str
        Its parameters are then ``W_name``, ``b_name``.
    settings
        ``initial``, ``bias_initial``, ``lr_factor``, ``decay_factor``, ``penalised``, and the
        settings of the function.

    Raises
    ------
    GraphError, SettingError
        For an unknown function or setting, with the nearest name.

    Examples
    --------
    >>> Dense(3, "tanh")(Input(2))
    <value of Dense, (m, 3) a sample>
    """

    def __init__(
        self,
        units: int,
        activation: str = "identity",
        *,
        parametric: bool = False,
        bias: str = "unit",
        members: int = 0,
        name: str = "",
        **settings: Any,
    ) -> None:
        super().__init__(name)
        PARAMETRIC.check(parametric, "Dense")
        row = TABLE.activation(activation)
        own = {attr.name for attr in row.attrs}
        self._function = "mix" if parametric else activation
        self._function_attrs: dict[str, Any] = {k: v for k, v in settings.items() if k in own}
        if parametric:
            if self._function_attrs:
                named = ", ".join(self._function_attrs)
                raise GraphError(f"{self}: with parametric, {activation} takes no {named}")
            self._function_attrs = {"function": activation, "members": members}
        initial = settings.pop("initial", "")
        initial = (
            default_initial(activation) if isinstance(initial, str) and not initial else initial
        )
        self._attrs = TABLE.row("affine").settings(
            {k: v for k, v in settings.items() if k not in own}
            | {"units": units, "bias": bias, "members": members, "initial": initial}
        )

    def __call__(self, x: Wire) -> Wire:
        z = _apply("affine", (x,), self._attrs, self)
        z.preactivation = True
        return _apply(self._function, (z,), self._function_attrs, self)


class Embedding(Layer):
    """A row of a trained table for each level of an index: a = Eᵀ 1ₖ.

    Examples
    --------
    >>> Embedding(8)(Input(levels=37))
    <value of Embedding, (m, 8) a sample>
    """

    def __init__(self, units: int, *, members: int = 0, name: str = "", **settings: Any) -> None:
        super().__init__(name)
        given = {"units": units, "members": members, **settings}
        self._attrs = TABLE.row("gather").settings(given)

    def __call__(self, x: Wire) -> Wire:
        _check_values(self, (x,))
        levels = x.attrs.get("levels", 0)
        if not levels or x.op is not None:
            raise ShapeError(f"{self}: expected an index, got {x.type}; use Input(levels=…)")
        return _apply("gather", (x,), self._attrs | {"levels": levels}, self)


class Scale(Layer):
    """A trained factor for each feature: a = s ⊙ x.

    Examples
    --------
    >>> Scale(lr_factor=6.0)(Input(54))
    <value of Scale, (m, 54) a sample>
    """

    def __init__(self, *, members: int = 0, name: str = "", **settings: Any) -> None:
        super().__init__(name)
        self._attrs = TABLE.row("scale").settings({"members": members, **settings})

    def __call__(self, x: Wire) -> Wire:
        return _apply("scale", (x,), self._attrs, self)


class Activation(Layer):
    """A function alone: a = f(x), or with ``parametric`` a = x + α ⊙ (f(x) − x).

    Examples
    --------
    >>> h = Dense(4)(Input(3)); h + Activation("silu")(h)
    <value of add, (m, 4) a sample>
    """

    def __init__(
        self,
        function: str,
        *,
        parametric: bool = False,
        members: int = 0,
        name: str = "",
        **settings: Any,
    ) -> None:
        super().__init__(name)
        PARAMETRIC.check(parametric, "Activation")
        row: Op = TABLE.activation(function)
        if parametric:
            row = TABLE.row("mix")
            settings |= {"function": function, "members": members}
        self._op, self._attrs = row.name, row.settings(settings)

    def __call__(self, x: Wire) -> Wire:
        return _apply(self._op, (x,), self._attrs, self)


class Dropout(Layer):
    """In training, sets a share ``rate`` of the values to 0 and divides the rest by 1 − rate.

    Examples
    --------
    >>> Dropout(0.1)(Input(3))
    <value of Dropout, (m, 3) a sample>
    """

    def __init__(self, rate: float = 0.1, *, name: str = "") -> None:
        super().__init__(name)
        self._attrs = TABLE.row("dropout").settings({"rate": rate})

    def __call__(self, x: Wire) -> Wire:
        return _apply("dropout", (x,), self._attrs, self)


def concat(*values: Wire) -> Wire:
    """Stack values into one.

    Examples
    --------
    >>> concat(Input(2), Input(3))
    <value of concat, (m, 5) a sample>
    """
    if not values:
        raise GraphError("concat: give at least one value")
    return _apply("concat", values, {}, "concat")


def default_initial(activation: str) -> str:
    """Return the initialiser that keeps the variance through ``activation``.

    Examples
    --------
    >>> default_initial("relu"), default_initial("tanh")
    ('he_normal', 'glorot_uniform')
    """
    if activation == "selu":
        return "lecun_normal"  # Klambauer et al. 2017
    if activation in ("relu", "leaky_relu", "elu", "gelu", "silu", "mish", "softplus"):
        return "he_normal"  # He et al. 2015
    return "glorot_uniform"  # Glorot & Bengio 2010


def assemble(
    inputs: Sequence[Wire],
    outputs: Sequence[Wire],
    costs: Sequence[tuple[str, Mapping[str, Any]]],
    *,
    l2: float = 0.0,
    labels: Mapping[str, Iterable[str]] | None = None,
) -> Graph:
    """Turn the values that lead to the outputs into a `Graph`.

    Layers get their numbers in the order they were called: input 1, then 2, 3, …; the layer that
    makes z₂, a₂ has the weights W₁, b₁. A named layer has its name in place of the number.

    Parameters
    ----------
    inputs, outputs : sequence of values
        What `Input` and layers returned.
    costs : sequence of (str, settings)
        One for each output.
    l2 : float, ≥ 0
        λ of the penalty.
    labels : mapping of str to names, optional
        Of a value's units, by the value's name.

    Returns
    -------
    Graph

    Raises
    ------
    GraphError
        For an input that leads nowhere or is missing, or an output that its cost cannot follow.

    Examples
    --------
    >>> x = Input(2)
    >>> assemble([x], [Dense(3)(x)], [("squared_error", {})]).outputs
    ('a2',)
    """
    _check_values("Network", (*inputs, *outputs))
    named = _checked_labels({} if labels is None else labels)
    given = [number for number, wire in enumerate(inputs, 1) if wire.op is not None]
    if given:
        raise GraphError(
            f"the input number {given[0]} is {inputs[given[0] - 1].layer}, not an Input"
        )
    outputs = [_with_link(wire, cost) for wire, (cost, _) in zip(outputs, costs, strict=True)]
    wires = _leading_to(outputs)
    strangers = [w for w in wires if w.op is None and w not in inputs]
    if strangers:
        raise GraphError("the outputs depend on an Input that is not among the network's inputs")
    unused = [w for w in inputs if w not in wires]
    if unused:
        raise GraphError(f"the input number {inputs.index(unused[0]) + 1} leads to no output")
    names, params = _name(inputs, [w for w in wires if w.op is not None])
    graph_inputs = tuple(
        GraphInput(
            names[w],
            w.attrs["key"] or ("X" if len(inputs) == 1 else f"X{number}"),
            w.attrs["width"],
            w.attrs["levels"],
        )
        for number, w in enumerate(inputs, 1)
    )
    nodes = tuple(
        Node(w.op.name, tuple(names[i] for i in w.inputs), names[w], params[w], w.attrs)
        for w in wires
        if w.op is not None
    )
    return Graph(
        graph_inputs,
        nodes,
        tuple(names[w] for w in outputs),
        tuple(
            CostNode(cost, names[w], TABLE.cost(cost).settings(attrs))
            for w, (cost, attrs) in zip(outputs, costs, strict=True)
        ),
        l2,
        max(w.members for w in wires),
        named,
    )


def _checked_labels(labels: object) -> dict[str, tuple[str, ...]]:
    if not isinstance(labels, Mapping):
        raise GraphError(
            "labels are a dict with the names of a value's units, such as {'a3': ['no', 'yes']}, "
            f"got {shown(labels)}"
        )
    for name, units in labels.items():
        if not isinstance(units, list | tuple):
            raise GraphError(f"the labels of {name} are a list of texts, got {shown(units)}")
    return {name: tuple(units) for name, units in labels.items()}


def _with_link(wire: Wire, cost: str) -> Wire:
    """Put the cost's link behind an output that has no function of its own."""
    link = TABLE.cost(cost).link
    if link == "identity" or (wire.op is not None and wire.op.name == link):
        return wire
    if wire.op is not None and wire.op.name == "identity":
        return _apply(link, wire.inputs, {}, wire.layer)
    if wire.op is not None and wire.op.name in TABLE.activations():
        raise GraphError(
            f"{cost} needs the output function {link} (or identity, which then becomes it), got "
            f"{wire.op.name}; set output={link!r} or another cost"
        )
    return _apply(link, (wire,), {}, link)


def _leading_to(outputs: Sequence[Wire]) -> list[Wire]:
    found: set[Wire] = set()
    stack = list(outputs)
    while stack:  # no recursion: networks of thousands of layers are fine
        wire = stack.pop()
        if wire not in found:
            found.add(wire)
            stack.extend(wire.inputs)
    return sorted(found, key=lambda wire: wire.serial)


def _name(
    inputs: Sequence[Wire], wires: Sequence[Wire]
) -> tuple[dict[Wire, str], dict[Wire, tuple[tuple[str, str], ...]]]:
    names: dict[Wire, str] = {}
    taken: set[str] = set()
    params: dict[Wire, tuple[tuple[str, str], ...]] = {}
    owners: dict[tuple[int, str], str] = {}  # (layer, row) -> suffix of its parameters
    suffixes: dict[Wire, str] = {}
    uses: dict[str, int] = {}  # of a tied layer's name
    labelled: dict[str, object] = {}
    number = 0
    for wire in inputs:
        number += 1
        names[wire] = f"a{number}"
    for wire in wires:
        behind = wire.inputs[0]
        own = behind.preactivation and behind.layer is wire.layer
        if own and f"a{suffixes[behind]}" not in taken:
            suffix = suffixes[behind]  # z and a of one layer share its number
        else:
            number += 1
            suffix = str(number)
            label = wire.layer.name if isinstance(wire.layer, Layer) else ""
            if label:
                if labelled.setdefault(label, wire.layer) is not wire.layer:
                    raise GraphError(f"two layers are called {label!r}; names must differ")
                uses[label] = uses.get(label, 0) + 1
                suffix = f"_{label}" if uses[label] == 1 else f"_{label}_{uses[label]}"
        suffixes[wire] = suffix
        names[wire] = ("z" if wire.preactivation else "a") + suffix
        taken.add(names[wire])
        assert wire.op is not None
        needed = wire.op.parameters(tuple(w.type for w in wire.inputs), wire.attrs)
        led = suffix if suffix.startswith("_") else str(int(suffix) - 1)  # W1 leads to z2
        tied = owners.setdefault((id(wire.layer), wire.op.name), led) if needed else led
        params[wire] = tuple((param.role, param.role + tied) for param in needed)
    if len(set(names.values())) < len(names):  # "x_2" beside the second use of a tied "x"
        raise GraphError("two layers have one name; give each layer a name of its own")
    return names, params
