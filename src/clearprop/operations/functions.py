"""The element-wise functions, a row each: textbook formula, stable NumPy, scalar kernel.

Sources are in the rows. The three forms of every row are held together over the whole float
range by ``tests/test_operations.py``; the derivatives by central differences and by an
independent automatic differentiation in ``tests/test_gradients.py``.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from clearprop.expressions import Array, Cases, Expr, Less, Num, primitive
from clearprop.operations.row import Attrs, Function
from clearprop.operations.table import TABLE
from clearprop.settings import Attr

__all__ = ["SELU_ALPHA", "SELU_SCALE", "piecewise_at_zero"]

SQRT_HALF = math.sqrt(0.5)
INVERSE_SQRT_TAU = 1 / math.sqrt(2 * math.pi)

# Beyond these an infinite x would give 0 · ∞ or ∞ / ∞ where the function has its limit:
FLAT = 1e3  # e^(−1000) is 0 in float64
FLAT_NORMAL = 50.0  # so is e^(−50² / 2)
HUGE = 1e300  # 1 + x is x

# Klambauer et al. 2017, eq. 14: the fixed point of mean 0 and variance 1.
SELU_ALPHA = 1.6732632423543772848170429916717
SELU_SCALE = 1.0507009873554804934193349852946


def piecewise_at_zero(x: Expr, above: Expr, below: Expr | float) -> Expr:
    """Return ``above`` for x > 0, else ``below``."""
    return Cases(Less(Num(0.0), x), above, below if isinstance(below, Expr) else Num(below))


# -- stable NumPy forms, each beside the textbook line it stands for ----------------------------
def _sigmoid(x: Array, attrs: Attrs = {}) -> Array:  # noqa: B006  # read only
    # 1 / (1 + e^(−x)); for x < 0 as e^x / (1 + e^x), so that no exponential overflows
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1.0, e) / (1.0 + e)


def _sigmoid_slope(x: Array, attrs: Attrs = {}) -> Array:  # noqa: B006
    # σ(x) (1 − σ(x)) as σ(x) σ(−x): 1 − σ(x) cancels for large x
    return _sigmoid(x) * _sigmoid(-x)


def _tanh_slope(x: Array, attrs: Attrs) -> Array:
    # 1 − tanh² x as 4 σ(2x) σ(−2x), which does not cancel for large |x|
    return 4.0 * _sigmoid_slope(2.0 * x)


def _softplus(x: Array, attrs: Attrs = {}) -> Array:  # noqa: B006
    # log(1 + e^x) as max(x, 0) + log1p(e^(−|x|)): no overflow, exact for very negative x
    return np.maximum(x, 0.0) + np.log1p(np.exp(-np.abs(x)))


def _gelu(x: Array, attrs: Attrs) -> Array:
    # x Φ(x) with Φ(x) = ½ erfc(−x/√2): 1 + erf cancels for very negative x
    x = np.maximum(x, -FLAT_NORMAL)
    return np.asarray(0.5 * x * _erfc(-SQRT_HALF * x))


def _gelu_slope(x: Array, attrs: Attrs) -> Array:
    # Φ(x) + x φ(x)
    x = np.clip(x, -FLAT_NORMAL, FLAT_NORMAL)
    density = INVERSE_SQRT_TAU * np.exp(-0.5 * x * x)
    return np.asarray(0.5 * _erfc(-SQRT_HALF * x) + x * density)


_erfc = np.vectorize(math.erfc, otypes=[np.float64])


def _silu(x: Array, attrs: Attrs) -> Array:
    return np.maximum(x, -FLAT) * _sigmoid(x)


def _silu_slope(x: Array, attrs: Attrs) -> Array:
    # σ(x) (1 + x (1 − σ(x))), 1 − σ(x) written σ(−x)
    x = np.clip(x, -FLAT, FLAT)
    return _sigmoid(x) * (1.0 + x * _sigmoid(-x))


def _tanh_softplus(x: Array) -> Array:
    # tanh(log(1 + e^x)) = n / (n + 2) with n = e^x (e^x + 2); for x > 0 divided by e^(2x)
    e = np.exp(-np.abs(x))
    small = e * (e + 2.0)
    return np.where(x > 0, (1.0 + 2.0 * e) / (1.0 + 2.0 * e + 2.0 * e * e), small / (small + 2.0))


def _mish(x: Array, attrs: Attrs) -> Array:
    return np.maximum(x, -FLAT) * _tanh_softplus(x)


def _mish_slope(x: Array, attrs: Attrs) -> Array:
    # T + x σ(x) (1 − T²) with T = tanh(softplus x)
    x = np.clip(x, -FLAT, FLAT)
    t = _tanh_softplus(x)
    return t + x * _sigmoid(x) * (1.0 - t) * (1.0 + t)


def _softsign(x: Array, attrs: Attrs) -> Array:
    x = np.clip(x, -HUGE, HUGE)
    return np.asarray(x / (1.0 + np.abs(x)))


def _elu_branch(x: Array) -> Array:
    return np.asarray(np.expm1(np.minimum(x, 0.0)))  # e^x − 1; the minimum keeps e^x finite


def _exp_branch(x: Array) -> Array:
    return np.exp(np.minimum(x, 0.0))


def _positive(x: Array, above: Any, below: Any) -> Array:
    return np.asarray(np.where(x > 0, above, below))


def _exp(x: Expr) -> Expr:
    return primitive("exp", x)


def _sigma(x: Expr) -> Expr:
    return 1 / (1 + _exp(-x))


def _normal_cdf(x: Expr) -> Expr:
    return Num(0.5) * (1 + primitive("erf", x / primitive("sqrt", Num(2.0))))


def _normal_density(x: Expr) -> Expr:
    return _exp(-(x**2) / 2) / primitive("sqrt", Num(2.0 * math.pi))


def _log1p_exp(x: Expr) -> Expr:
    return primitive("log", 1 + _exp(x))


def _tanh_expr(x: Expr) -> Expr:
    return primitive("tanh", x)


# -- the rows -----------------------------------------------------------------------------------
IDENTITY = Function(
    "identity",
    onnx="Identity",
    definition=lambda x, attrs: x,
    slope=lambda x, attrs: Num(1.0),
    value=lambda x, attrs: x,
    derivative=lambda x, attrs: np.ones_like(x),
    kernel="x",
    kernel_vjp="dy",
    saves="",
)
SIGMOID = Function(
    "sigmoid",
    onnx="Sigmoid",
    source="S0–S4; Rumelhart, Hinton & Williams 1986",
    definition=lambda x, attrs: _sigma(x),
    slope=lambda x, attrs: _sigma(x) * (1 - _sigma(x)),
    value=_sigmoid,
    derivative=_sigmoid_slope,
    kernel="1 / (1 + exp(-x))",  # e^(−x) = ∞ for very negative x gives the right limit, 0
    kernel_vjp="dy * (y * (1 - y))",
    saves="y",
)
TANH = Function(
    "tanh",
    onnx="Tanh",
    source="LeCun et al. 1998, Efficient BackProp",
    definition=lambda x, attrs: _tanh_expr(x),
    slope=lambda x, attrs: 1 - _tanh_expr(x) ** 2,
    value=lambda x, attrs: np.tanh(x),
    derivative=_tanh_slope,
    kernel="tanh(x)",
    kernel_vjp="dy * (1 - y * y)",
    saves="y",
)
RELU = Function(
    "relu",
    onnx="Relu",
    source="Nair & Hinton 2010",
    definition=lambda x, attrs: piecewise_at_zero(x, x, 0.0),
    slope=lambda x, attrs: piecewise_at_zero(x, Num(1.0), 0.0),
    value=lambda x, attrs: np.where(x <= 0, 0.0, x),  # so that NaN stays NaN
    derivative=lambda x, attrs: _positive(x, 1.0, 0.0),
    kernel="select(x <= 0, 0, x)",
    kernel_vjp="select(y > 0, dy, 0)",
    kinks=lambda attrs: (0.0,),
    saves="y",
)
LEAKY_RELU = Function(
    "leaky_relu",
    attrs=(Attr("slope", float, 0.01, bounds="(0, 1]", help="f(x) / x for x < 0"),),
    onnx="LeakyRelu",
    source="Maas, Hannun & Ng 2013",
    definition=lambda x, attrs: piecewise_at_zero(x, x, Num(attrs["slope"]) * x),
    slope=lambda x, attrs: piecewise_at_zero(x, Num(1.0), attrs["slope"]),
    value=lambda x, attrs: _positive(x, x, attrs["slope"] * x),
    derivative=lambda x, attrs: _positive(x, 1.0, attrs["slope"]),
    kernel="select(x > 0, x, slope * x)",
    kernel_vjp="select(x > 0, dy, slope * dy)",
    kinks=lambda attrs: (0.0,),
)
ELU = Function(
    "elu",
    attrs=(Attr("alpha", float, 1.0, bounds="[0, inf)", help="−f(x) for x → −∞"),),
    onnx="Elu",
    source="Clevert, Unterthiner & Hochreiter 2016, eq. 14",
    definition=lambda x, attrs: piecewise_at_zero(x, x, Num(attrs["alpha"]) * (_exp(x) - 1)),
    slope=lambda x, attrs: piecewise_at_zero(x, Num(1.0), Num(attrs["alpha"]) * _exp(x)),
    value=lambda x, attrs: _positive(x, x, attrs["alpha"] * _elu_branch(x)),
    derivative=lambda x, attrs: _positive(x, 1.0, attrs["alpha"] * _exp_branch(x)),
    kernel="select(x > 0, x, alpha * expm1(x))",
    kernel_vjp="select(x > 0, dy, dy * (y + alpha))",
    kinks=lambda attrs: () if attrs["alpha"] == 1.0 else (0.0,),
    saves="xy",
)
SELU = Function(
    "selu",
    onnx="Selu",
    source="Klambauer, Unterthiner, Mayr & Hochreiter 2017, eq. 2",
    definition=lambda x, attrs: piecewise_at_zero(
        x, Num(SELU_SCALE) * x, Num(SELU_SCALE * SELU_ALPHA) * (_exp(x) - 1)
    ),
    slope=lambda x, attrs: piecewise_at_zero(
        x, Num(SELU_SCALE), Num(SELU_SCALE * SELU_ALPHA) * _exp(x)
    ),
    value=lambda x, attrs: _positive(x, SELU_SCALE * x, SELU_SCALE * SELU_ALPHA * _elu_branch(x)),
    derivative=lambda x, attrs: _positive(x, SELU_SCALE, SELU_SCALE * SELU_ALPHA * _exp_branch(x)),
    kernel=f"select(x > 0, {SELU_SCALE!r} * x, {SELU_SCALE * SELU_ALPHA!r} * expm1(x))",
    kernel_vjp=f"select(x > 0, {SELU_SCALE!r} * dy, dy * (y + {SELU_SCALE * SELU_ALPHA!r}))",
    kinks=lambda attrs: (0.0,),
    saves="xy",
)
GELU = Function(
    "gelu",
    onnx="Gelu",
    source="Hendrycks & Gimpel 2016 (the exact form, with erf)",
    definition=lambda x, attrs: x * _normal_cdf(x),
    slope=lambda x, attrs: _normal_cdf(x) + x * _normal_density(x),
    value=_gelu,
    derivative=_gelu_slope,
    kernel=f"0.5 * x * (1 + erf({SQRT_HALF!r} * x))",
    # e^(−x²/2) as erf has it, e^(−u²) with u = x/√2: the compiler makes one of both
    kernel_vjp=(
        f"dy * (0.5 * (1 + erf({SQRT_HALF!r} * x)) "
        f"+ x * {INVERSE_SQRT_TAU!r} * exp(-({SQRT_HALF!r} * x * ({SQRT_HALF!r} * x))))"
    ),
)
SILU = Function(
    "silu",
    source="Elfwing, Uchibe & Doya 2018; Hendrycks & Gimpel 2016",
    definition=lambda x, attrs: x / (1 + _exp(-x)),
    slope=lambda x, attrs: _sigma(x) * (1 + x * (1 - _sigma(x))),
    value=_silu,
    derivative=_silu_slope,
    kernel="x / (1 + exp(-x))",
    kernel_vjp="dy * (1 / (1 + exp(-x)) * (1 + x * (1 - 1 / (1 + exp(-x)))))",
)
MISH = Function(
    "mish",
    onnx="Mish",
    source="Misra 2019",
    definition=lambda x, attrs: x * _tanh_expr(_log1p_exp(x)),
    slope=lambda x, attrs: (
        _tanh_expr(_log1p_exp(x)) + x * _sigma(x) * (1 - _tanh_expr(_log1p_exp(x)) ** 2)
    ),
    value=_mish,
    derivative=_mish_slope,
    kernel="x * tanh(fmax(x, 0) + log1p(exp(-fabs(x))))",
    kernel_vjp=(
        "dy * (tanh(fmax(x, 0) + log1p(exp(-fabs(x)))) + x / (1 + exp(-x)) "
        "* (1 - tanh(fmax(x, 0) + log1p(exp(-fabs(x)))) * tanh(fmax(x, 0) + log1p(exp(-fabs(x))))))"
    ),
)
SOFTPLUS = Function(
    "softplus",
    onnx="Softplus",
    source="Dugas et al. 2001",
    definition=lambda x, attrs: _log1p_exp(x),
    slope=lambda x, attrs: _sigma(x),
    value=_softplus,
    derivative=_sigmoid,
    kernel="fmax(x, 0) + log1p(exp(-fabs(x)))",
    kernel_vjp="dy / (1 + exp(-x))",
)
SOFTSIGN = Function(
    "softsign",
    onnx="Softsign",
    source="Bergstra et al. 2009; Glorot & Bengio 2010",
    definition=lambda x, attrs: x / (1 + primitive("abs", x)),
    slope=lambda x, attrs: 1 / (1 + primitive("abs", x)) ** 2,
    value=_softsign,
    derivative=lambda x, attrs: np.square(1.0 / (1.0 + np.abs(x))),
    kernel="x / (1 + fabs(x))",
    kernel_vjp="dy / ((1 + fabs(x)) * (1 + fabs(x)))",
)
EXP = Function(
    "exp",
    onnx="Exp",
    source="the link of the Poisson cost (Nelder & Wedderburn 1972)",
    definition=lambda x, attrs: _exp(x),
    slope=lambda x, attrs: _exp(x),
    value=lambda x, attrs: np.exp(x),
    derivative=lambda x, attrs: np.exp(x),
    kernel="exp(x)",
    kernel_vjp="dy * y",
    saves="y",
)

for _row in (
    IDENTITY, SIGMOID, TANH, RELU, LEAKY_RELU, ELU, SELU, GELU, SILU, MISH, SOFTPLUS, SOFTSIGN, EXP,
):  # fmt: skip
    TABLE.register(_row)
