"""Layers: called on values, each gives a new value; called twice, it is tied.

Proved by ``tests/test_graph.py``.
"""

from __future__ import annotations

import re
from typing import Any

from clearprop.errors import GraphError, ShapeError
from clearprop.graph.wires import Wire, applied, check_values
from clearprop.operations import TABLE, Op
from clearprop.settings import Attr
from clearprop.words import shown

__all__ = ["Activation", "Dense", "Dropout", "Embedding", "Layer", "Scale", "default_initial"]

_NAME = re.compile(r"[^\W\d]\w{0,99}", re.UNICODE)
PARAMETRIC = Attr("parametric", bool, False, help="blend the function in, unit by unit")


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
        The name of the function f; ``clearprop.operations.TABLE.activations()`` has all.
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
    >>> from clearprop.graph import Input
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
        z = applied("affine", (x,), self._attrs, self)
        z.preactivation = True
        return applied(self._function, (z,), self._function_attrs, self)


class Embedding(Layer):
    """A row of a trained table for each level of an index: a = Eᵀ 1ₖ.

    Parameters
    ----------
    units : int, at least 1
        Outputs: the columns of E.
    members : int
        A table of its own for each of so many members.
    name : str
        Its parameter is then ``E_name``.
    settings
        ``initial``, ``lr_factor``, ``decay_factor``, ``penalised``.

    Raises
    ------
    GraphError, SettingError
        For an unknown setting, with the nearest name.
    ShapeError
        Called on what is no index.

    Examples
    --------
    >>> from clearprop.graph import Input
    >>> Embedding(8)(Input(levels=37))
    <value of Embedding, (m, 8) a sample>
    """

    def __init__(self, units: int, *, members: int = 0, name: str = "", **settings: Any) -> None:
        super().__init__(name)
        given = {"units": units, "members": members, **settings}
        self._attrs = TABLE.row("gather").settings(given)

    def __call__(self, x: Wire) -> Wire:
        check_values(self, (x,))
        levels = x.attrs.get("levels", 0)
        if not levels or x.op is not None:
            raise ShapeError(f"{self}: expected an index, got {x.type}; use Input(levels=…)")
        return applied("gather", (x,), self._attrs | {"levels": levels}, self)


class Scale(Layer):
    """A trained factor for each feature: a = s ⊙ x.

    Parameters
    ----------
    members : int
        Factors of its own for each of so many members.
    name : str
        Its parameter is then ``s_name``.
    settings
        ``initial``, ``lr_factor``, ``decay_factor``.

    Raises
    ------
    GraphError, SettingError
        For an unknown setting, with the nearest name.

    Examples
    --------
    >>> from clearprop.graph import Input
    >>> Scale(lr_factor=6.0)(Input(54))
    <value of Scale, (m, 54) a sample>
    """

    def __init__(self, *, members: int = 0, name: str = "", **settings: Any) -> None:
        super().__init__(name)
        self._attrs = TABLE.row("scale").settings({"members": members, **settings})

    def __call__(self, x: Wire) -> Wire:
        return applied("scale", (x,), self._attrs, self)


class Activation(Layer):
    """A function alone: a = f(x), or with ``parametric`` a = x + α ⊙ (f(x) − x).

    Parameters
    ----------
    function : str
        The name of f.
    parametric : bool
        Each unit trains its α, at a tenth of the learning rate.
    members : int
        With ``parametric``: an α of its own for each of so many members.
    name : str
        Its values, and with ``parametric`` its α, have it in place of a number.
    settings
        Of the function, such as ``slope`` of ``"leaky_relu"``.

    Raises
    ------
    RowError, SettingError
        For an unknown function or setting, with the nearest name.

    Examples
    --------
    >>> from clearprop.graph import Input
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
        return applied(self._op, (x,), self._attrs, self)


class Dropout(Layer):
    """In training, sets a share ``rate`` of the values to 0 and divides the rest by 1 − rate.

    Parameters
    ----------
    rate : float, 0 ≤ rate < 1
    name : str
        Its value is then ``a_name``.

    Raises
    ------
    GraphError, SettingError
        For a rate out of bounds, or a name that cannot be.

    Examples
    --------
    >>> from clearprop.graph import Input
    >>> Dropout(0.1)(Input(3))
    <value of Dropout, (m, 3) a sample>
    """

    def __init__(self, rate: float = 0.1, *, name: str = "") -> None:
        super().__init__(name)
        self._attrs = TABLE.row("dropout").settings({"rate": rate})

    def __call__(self, x: Wire) -> Wire:
        return applied("dropout", (x,), self._attrs, self)


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
