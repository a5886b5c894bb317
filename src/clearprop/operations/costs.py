"""The costs, a row each: value, slope and link belong together.

Every cost sums over the outputs of one sample; the weighted mean over samples is the plan's.
Where the last function is the cost's link, C is computed from z and ∂C/∂z = a − y in one step.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from clearprop.expressions import Array, Cases, Expr, Less, Num, Sum, primitive
from clearprop.operations.functions import piecewise_at_zero
from clearprop.operations.row import Attrs, Cost
from clearprop.operations.table import TABLE
from clearprop.settings import Attr

LOG_2 = math.log(2.0)


def _units(body: Expr) -> Expr:
    return Sum(("unit",), body)


def _abs(x: Expr) -> Expr:
    return primitive("abs", x)


def _log(x: Expr) -> Expr:
    return primitive("log", x)


def _total(x: Array) -> Array:
    return np.asarray(x.sum(axis=-1))


def _difference(a: Expr, y: Expr, attrs: Attrs) -> Expr:
    return a - y


def _xlogy(x: Array, y: Array) -> Array:
    return x * np.log(np.where(x == 0, 1.0, y))  # 0 · log 0 is 0, the limit


def _huber_value(a: Array, y: Array, attrs: Attrs) -> Array:
    d, limit = np.abs(a - y), attrs["limit"]
    return _total(np.where(d <= limit, 0.5 * d * d, limit * (d - 0.5 * limit)))


def _log_cosh_value(a: Array, y: Array, attrs: Attrs) -> Array:
    # log cosh d as |d| + log1p(e^(−2|d|)) − log 2, as cosh overflows; for |d| < 1, where that
    # cancels, as log1p(cosh d − 1) with cosh d − 1 = (e^|d| − 1)² / (2 e^|d|)
    d = np.abs(a - y)
    small = np.minimum(d, 1.0)
    near = np.log1p(0.5 * np.square(np.expm1(small)) * np.exp(-small))
    return _total(np.where(d < 1.0, near, d + np.log1p(np.exp(-2.0 * d)) - LOG_2))


def _quantile_value(a: Array, y: Array, attrs: Attrs) -> Array:
    q, d = attrs["quantile"], y - a
    return _total(np.maximum(q * d, (q - 1.0) * d))


def _surprise(z: Array) -> Array:
    # −log a_k = log Σ_i e^(z_i) − z_k = (z_top − z_k) + log1p(Σ_(i ≠ top) e^(z_i − z_top)): sums of
    # terms ≥ 0, so that a cost near 0 keeps its digits
    top = z.argmax(axis=-1)[..., None]
    below = z - np.take_along_axis(z, top, axis=-1)
    others = np.exp(below)
    np.put_along_axis(others, top, 0.0, axis=-1)
    return np.asarray(np.log1p(others.sum(axis=-1, keepdims=True)) - below)


def _product(y: Array, x: Array) -> Array:
    return y * np.where(y == 0, 0.0, x)  # 0 · ∞ is 0: a term that is not there


def _smooth(y: Any, attrs: Attrs) -> Any:
    # y ← (1 − ε) y + ε / K: Szegedy et al. 2016, section 7
    epsilon, classes = attrs["label_smoothing"], y.shape[-1]
    return y if epsilon == 0 else (1.0 - epsilon) * y + epsilon / classes


SQUARED_ERROR = Cost(
    "squared_error",
    source="S0, S2 and S4: ½ ‖a − y‖²",
    definition=lambda a, y, attrs: Num(0.5) * _units((a - y) ** 2),
    slope=_difference,
    value=lambda a, y, attrs: 0.5 * _total((a - y) ** 2),
    kernel="0.5 * (x - t) * (x - t)",
    kernel_vjp="x - t",
)
ABSOLUTE_ERROR = Cost(
    "absolute_error",
    source="Laplace 1774; the median",
    definition=lambda a, y, attrs: _units(_abs(a - y)),
    slope=lambda a, y, attrs: primitive("sign", a - y),
    value=lambda a, y, attrs: _total(np.abs(a - y)),
    kernel="fabs(x - t)",
    kernel_vjp="select(x > t, 1, select(x < t, -1, x - t))",
    kinks=lambda attrs: (0.0,),
)
HUBER = Cost(
    "huber",
    attrs=(Attr("limit", float, 1.0, bounds="(0, inf)", help="where ½d² becomes linear"),),
    source="Huber 1964, eq. 3.3",
    definition=lambda a, y, attrs: _units(
        Cases(
            Less(_abs(a - y), Num(attrs["limit"]), or_equal=True),
            Num(0.5) * (a - y) ** 2,
            Num(attrs["limit"]) * (_abs(a - y) - 0.5 * attrs["limit"]),
        )
    ),
    slope=lambda a, y, attrs: Cases(
        Less(_abs(a - y), Num(attrs["limit"]), or_equal=True),
        a - y,
        Num(attrs["limit"]) * primitive("sign", a - y),
    ),
    value=_huber_value,
    kernel=(
        "select(fabs(x - t) <= limit, 0.5 * (x - t) * (x - t), limit * (fabs(x - t) - 0.5 * limit))"
    ),
    kernel_vjp="select(fabs(x - t) <= limit, x - t, select(x > t, limit, -limit))",
)
LOG_COSH = Cost(
    "log_cosh",
    source="Green 1990",
    definition=lambda a, y, attrs: _units(_log(primitive("cosh", a - y))),
    slope=lambda a, y, attrs: primitive("tanh", a - y),
    value=_log_cosh_value,
    kernel=(
        "select(fabs(x - t) < 1, "
        "log1p(0.5 * expm1(fabs(x - t)) * expm1(fabs(x - t)) * exp(-fabs(x - t))), "
        f"fabs(x - t) + log1p(exp(-2 * fabs(x - t))) - {LOG_2!r})"
    ),
    kernel_vjp="tanh(x - t)",
)
QUANTILE = Cost(
    "quantile",
    attrs=(Attr("quantile", float, 0.5, bounds="[0, 1]", help="the share below the prediction"),),
    source="Koenker & Bassett 1978, eq. 3.1",
    definition=lambda a, y, attrs: _units(
        piecewise_at_zero(
            y - a, Num(attrs["quantile"]) * (y - a), Num(1 - attrs["quantile"]) * (a - y)
        )
    ),
    slope=lambda a, y, attrs: piecewise_at_zero(
        y - a, Num(-attrs["quantile"]), piecewise_at_zero(a - y, Num(1 - attrs["quantile"]), 0.0)
    ),
    value=_quantile_value,
    kernel="select(t > x, quantile * (t - x), (1 - quantile) * (x - t))",
    kernel_vjp="select(t > x, -quantile, select(x > t, 1 - quantile, x - t))",
    kinks=lambda attrs: (0.0,),
)
POISSON = Cost(
    "poisson",
    link="exp",
    target="count",
    source="Nelder & Wedderburn 1972, without the log y! that no parameter moves",
    definition=lambda a, y, attrs: _units(a - y * _log(a)),
    slope=lambda a, y, attrs: 1 - y / a,
    linked_slope=_difference,
    value=lambda a, y, attrs: _total(a - _xlogy(y, a)),
    linked=lambda z, y, attrs: _total(
        np.exp(z) - _product(y, z)
    ),  # log a is z: no logarithm, no log 0
    kernel="exp(x) - t * x",
    kernel_vjp="y - t",
)
BINARY_CROSS_ENTROPY = Cost(
    "binary_cross_entropy",
    link="sigmoid",
    target="probability",
    source="S1, the cross-entropy shortcut (with its sign put right)",
    definition=lambda a, y, attrs: -_units(y * _log(a) + (1 - y) * _log(1 - a)),
    slope=lambda a, y, attrs: (a - y) / (a * (1 - a)),
    linked_slope=_difference,
    value=lambda a, y, attrs: _total(-_xlogy(y, a) - _product(1.0 - y, np.log1p(-a))),
    # −y log σ(z) − (1 − y) log(1 − σ(z)) = log(1 + e^z) − y z, in terms ≥ 0: see `_surprise`
    linked=lambda z, y, attrs: _total(
        _product(1.0 - y, np.maximum(z, 0.0))
        + _product(y, np.maximum(-z, 0.0))
        + np.log1p(np.exp(-np.abs(z)))
    ),
    kernel="(1 - t) * fmax(x, 0) + t * fmax(-x, 0) + log1p(exp(-fabs(x)))",
    kernel_vjp="y - t",
)
CROSS_ENTROPY = Cost(
    "cross_entropy",
    attrs=(
        Attr(
            "label_smoothing", float, 0.0, bounds="[0, 1]", help="share ε spread over all classes"
        ),
    ),
    link="softmax",
    target="class",
    source="S1, the cross-entropy shortcut (with its sign put right); Bridle 1990",
    definition=lambda a, y, attrs: -_units(_smooth(y, attrs) * _log(a)),
    slope=lambda a, y, attrs: -(_smooth(y, attrs) / a),
    linked_slope=lambda a, y, attrs: a - _smooth(y, attrs),
    value=lambda a, y, attrs: -_total(_xlogy(_smooth(y, attrs), a)),
    # −Σ_k y_k log a_k
    linked=lambda z, y, attrs: _total(_product(_smooth(y, attrs), _surprise(z))),
)

for _row in (
    SQUARED_ERROR, ABSOLUTE_ERROR, HUBER, LOG_COSH, QUANTILE, POISSON, BINARY_CROSS_ENTROPY,
    CROSS_ENTROPY,
):  # fmt: skip
    TABLE.register(_row)
