"""Initial values of parameters: named, with their sources, seeded, the same in every process.

The numbers of a parameter depend on the seed, the parameter's name and the entry's place, never
on the order in which parameters are drawn. Proved by ``tests/test_initializers.py``.
"""

from __future__ import annotations

import hashlib
import math
import numbers
from collections.abc import Callable

import numpy as np

from clearprop import philox
from clearprop.errors import SettingError
from clearprop.expressions import Array
from clearprop.graph import Parameter
from clearprop.words import did_you_mean, shown

__all__ = [
    "DATA_DRIVEN",
    "INITIALIZERS",
    "Draw",
    "check",
    "initial",
]

Draw = Callable[[int, int, Parameter], Array]
"""(seed, member, parameter) -> values of one member, of the parameter's shape."""

Source = Callable[..., Array]


def _draw(source: Source, seed: int, member: int, name: str, count: int) -> Array:
    """Draw ``count`` numbers of a member's parameter of this name.

    40 bits of a hash of the name: 16 choose within the stream, 24 the place where it starts, so
    that even among thousands of names two hardly ever draw alike.
    """
    word = int.from_bytes(hashlib.blake2b(name.encode(), digest_size=5).digest(), "little")
    start = (word >> 16) << 36
    return source(seed, philox.INITIAL, start, count, word2=member, within=word & 0xFFFF)


def _uniform(limit: Callable[[int, int], float]) -> Draw:
    def draw(seed: int, member: int, parameter: Parameter) -> Array:
        shape = parameter.spec.type.shape
        u = _draw(philox.uniform, seed, member, parameter.name, math.prod(shape))
        return (limit(*parameter.spec.fan) * (2 * u - 1)).reshape(shape)

    return draw


def _normal(deviation: Callable[[int, int], float]) -> Draw:
    def draw(seed: int, member: int, parameter: Parameter) -> Array:
        shape = parameter.spec.type.shape
        n = _draw(philox.normal, seed, member, parameter.name, math.prod(shape))
        return (deviation(*parameter.spec.fan) * n).reshape(shape)

    return draw


def _constant(value: float) -> Draw:
    def draw(seed: int, member: int, parameter: Parameter) -> Array:
        return np.full(parameter.spec.type.shape, value)

    return draw


def _sign(seed: int, member: int, parameter: Parameter) -> Array:
    u = _uniform(lambda fan_in, fan_out: 1.0)(seed, member, parameter)
    return np.where(u < 0, -1.0, 1.0)


def _orthogonal(seed: int, member: int, parameter: Parameter) -> Array:
    shape = parameter.spec.type.shape
    if len(shape) != 2:
        raise SettingError(f"{parameter.name}: orthogonal needs a matrix, the shape is {shape}")
    normal = _normal(lambda fan_in, fan_out: 1.0)(seed, member, parameter)
    tall = normal if shape[0] >= shape[1] else normal.T
    q, r = np.linalg.qr(tall)
    q = q * np.where(np.diag(r) < 0, -1.0, 1.0)  # unique, so that all rotations are equally likely
    return np.ascontiguousarray(q if shape[0] >= shape[1] else q.T)


INITIALIZERS: dict[str, Draw] = {
    "zeros": _constant(0.0),
    "ones": _constant(1.0),
    "signs": _sign,  # ±1 with equal chance: the first adapter of TabM, Gorishniy et al. 2025
    "normal": _normal(lambda fan_in, fan_out: 1.0),
    # Glorot & Bengio 2010, eq. 16: U(±√(6 / (n_in + n_out))), and the normal of that variance
    "glorot_uniform": _uniform(lambda fan_in, fan_out: math.sqrt(6 / (fan_in + fan_out))),
    "glorot_normal": _normal(lambda fan_in, fan_out: math.sqrt(2 / (fan_in + fan_out))),
    # He, Zhang, Ren & Sun 2015, eq. 10: variance 2 / n_in
    "he_uniform": _uniform(lambda fan_in, fan_out: math.sqrt(6 / fan_in)),
    "he_normal": _normal(lambda fan_in, fan_out: math.sqrt(2 / fan_in)),
    # LeCun, Bottou, Orr & Müller 1998, eq. 16: variance 1 / n_in
    "lecun_uniform": _uniform(lambda fan_in, fan_out: math.sqrt(3 / fan_in)),
    "lecun_normal": _normal(lambda fan_in, fan_out: math.sqrt(1 / fan_in)),
    "orthogonal": _orthogonal,  # Saxe, McClelland & Ganguli 2014
}


def check(name: str) -> str:
    """Return ``name`` if there is such an initialiser; raise SettingError otherwise."""
    known = [*INITIALIZERS, *sorted(DATA_DRIVEN)]
    if not isinstance(name, str) or name not in known:
        raise SettingError(f"there is no initialiser {shown(name)}; {did_you_mean(name, known)}")
    return name


def initial(parameter: Parameter, seed: int, reaching: Array | None = None) -> Array:
    """Return the initial values of a parameter.

    Parameters
    ----------
    parameter : Parameter
        Its ``spec.initial`` names the initialiser.
    seed : int
        0 to 2⁶⁴ − 1.
    reaching : float64 array ([K,] m, width), optional
        For the data-driven initialisers: the layer's input (weights) or its z without the bias
        (biases) over training rows.

    Returns
    -------
    float64 array of ``parameter.shape``

    Raises
    ------
    SettingError
        For an unknown initialiser, or a data-driven one without data.

    Examples
    --------
    >>> from clearprop.network import Network
    >>> w = Network([2, 3, 1]).graph.parameters["W1"]
    >>> initial(w, seed=0).shape
    (3, 2)
    """
    name = check(parameter.spec.initial)
    if isinstance(seed, bool) or not isinstance(seed, numbers.Integral):
        raise SettingError(f"seed must be a whole number of 0 or more, got {shown(seed)}")
    members = parameter.members if parameter.spec.type.member else 0
    values = []
    for member in range(members or 1):
        if name in DATA_DRIVEN:
            rows = _rows(parameter, reaching, member if members else None)
            values.append(DATA_DRIVEN[name](int(seed), member, parameter, rows))
        else:
            values.append(INITIALIZERS[name](int(seed), member, parameter))
    return np.stack(values) if members else values[0]


def _rows(parameter: Parameter, reaching: Array | None, member: int | None) -> Array:
    """What reaches one member's parameter, (m, width); all members' where they share it."""
    name = parameter.spec.initial
    if reaching is None or reaching.size == 0:
        raise SettingError(
            f"{parameter.name}: the initialiser {name} looks at data; pass X to initial(seed, X=…)"
        )
    rows = reaching[member] if reaching.ndim == 3 and member is not None else reaching
    return rows.reshape(-1, rows.shape[-1]) if rows.ndim > 1 else rows


def _standardising(seed: int, member: int, parameter: Parameter, rows: Array) -> Array:
    """W ~ N(0, 1), each row then divided by the deviation of its z over the rows."""
    if parameter.spec.role != "W":
        raise SettingError(f"{parameter.name}: standardising is for the weights of a dense layer")
    w = INITIALIZERS["normal"](seed, member, parameter)
    deviation = (rows @ w.T).std(axis=0)
    return np.asarray(w / np.where(deviation > 0, deviation, 1.0)[:, None])


def _he_plus_5(seed: int, member: int, parameter: Parameter, rows: Array) -> Array:
    """b = −(weighted mean of the unit's z over 5 rows drawn for it), weights exponential."""
    shape = parameter.spec.type.shape
    if parameter.spec.role != "b" or len(shape) != 1:
        raise SettingError(f"{parameter.name}: he_plus_5 is for a bias of each unit")
    count = 5 * shape[0]
    draw = _draw(philox.uniform, seed, member, parameter.name, 2 * count)
    chosen = (draw[:count] * len(rows)).astype(np.int64).reshape(5, -1)
    weight = -np.log(draw[count:]).reshape(5, -1)
    z = np.take_along_axis(rows, chosen, axis=0)
    return np.asarray(-(weight / weight.sum(axis=0) * z).sum(axis=0))


DATA_DRIVEN: dict[str, Callable[[int, int, Parameter, Array], Array]] = {
    "standardising": _standardising,
    "he_plus_5": _he_plus_5,
}
"""Initialisers that look at what reaches the layer (Holzmüller et al. 2024, section 3)."""
