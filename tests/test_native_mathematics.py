"""exp, log, … of the native engine: near the true value everywhere, the same bits in a family."""

from __future__ import annotations

from collections.abc import Callable

import mpmath as mp
import numpy as np
import pytest
from conftest import count

from clearprop import _native

# (name, number in native/kernels.cpp, true value, where drawn from, largest error in ulp)
FUNCTIONS: list[tuple[str, int, Callable[[mp.mpf], mp.mpf], tuple[float, float], float]] = [
    ("exp", 0, mp.exp, (-1.2, 1.0), 2),  # of the range that a float holds
    ("expm1", 1, mp.expm1, (-0.5, 1.0), 3),
    ("log", 2, mp.log, (0.0, 3.0), 2),
    ("log1p", 3, mp.log1p, (-1.0, 3.0), 2),
    ("tanh", 4, mp.tanh, (-9.0, 9.0), 4),
    ("erf", 5, mp.erf, (-6.0, 6.0), 2),
    ("sqrt", 6, mp.sqrt, (0.0, 9.0), 0.5),
]
SETS = [name for name, _, here in _native.instruction_sets() if here]
KINDS = {np.float32: _native.elementary_f32, np.float64: _native.elementary_f64}


def drawn(name: str, low: float, high: float, kind: type, n: int) -> np.ndarray:
    """Arguments spread evenly over the interval, and over all magnitudes within it."""
    rng = np.random.default_rng(len(name))
    if name.startswith("exp"):
        scale = 88.0 if kind is np.float32 else 709.0
        low, high = low * scale, high * scale
    even = rng.uniform(low, high, n)
    small = 10.0 ** rng.uniform(-30, 0, n) * rng.choice([-1, 1], n)
    wide = 10.0 ** rng.uniform(-30, 30, n) if name in ("log", "log1p", "sqrt") else small
    x = np.concatenate([even, np.clip(small, low, high), wide])
    return x[x > 0].astype(kind) if name in ("log", "sqrt") else x.astype(kind)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("name", "number", "true", "interval", "limit"), FUNCTIONS)
def test_errors_are_a_few_units_in_the_last_place(
    name: str, number: int, true: Callable[[mp.mpf], mp.mpf], interval: tuple[float, float],
    limit: float, kind: type,
) -> None:  # fmt: skip
    x = drawn(name, *interval, kind, count(700, 20000))
    with mp.workdps(40):
        expected = [true(mp.mpf(float(v))) for v in x]
        for isa in SETS:
            y = KINDS[kind](isa, number, x)
            unit = np.spacing(np.abs(y)).astype(np.float64)
            errors = [
                abs(float((mp.mpf(float(a)) - b) / mp.mpf(float(u))))
                for a, b, u in zip(y, expected, unit, strict=True)
                if np.isfinite(a)
            ]
            worst = int(np.argmax(errors))
            assert errors[worst] <= limit, f"{isa}: {name}({x[worst]}) is off by {errors[worst]}"


@pytest.mark.parametrize("kind", KINDS)
def test_limits_and_special_values(kind: type) -> None:
    inf, nan, big = np.inf, np.nan, np.finfo(kind).max
    tiny = np.finfo(kind).smallest_subnormal
    table: dict[int, tuple[list[float], list[float]]] = {
        0: ([0, -0.0, inf, -inf, nan, big, -big], [1, 1, inf, 0, nan, inf, 0]),
        1: ([0, -0.0, inf, -inf, nan, tiny, -big], [0, -0.0, inf, -1, nan, tiny, -1]),
        2: ([1, 0, -0.0, inf, -1, nan, -inf], [0, -inf, -inf, inf, nan, nan, nan]),
        3: ([0, -0.0, -1, inf, -2, nan, tiny], [0, -0.0, -inf, inf, nan, nan, tiny]),
        4: ([0, -0.0, inf, -inf, nan, tiny, big], [0, -0.0, 1, -1, nan, tiny, 1]),
        5: ([0, -0.0, inf, -inf, nan, big], [0, -0.0, 1, -1, nan, 1]),
        6: ([0, -0.0, inf, -1, nan, 4], [0, -0.0, inf, nan, nan, 2]),
    }
    for number, (given, expected) in table.items():
        for isa in SETS:
            y = KINDS[kind](isa, number, np.array(given, dtype=kind))
            np.testing.assert_array_equal(y, np.array(expected, dtype=kind))
            known = ~np.isnan(expected)
            assert (np.signbit(y) == np.signbit(expected))[known].all(), number


def test_denormal_numbers_are_numbers() -> None:
    x = np.float32([1e-42, 3e-39, 1.2e-38])
    y = _native.elementary_f32(SETS[0], 2, x)
    np.testing.assert_allclose(y, np.log(x.astype(np.float64)), rtol=1e-6)
    y = _native.elementary_f32(SETS[0], 0, np.float32([-90, -100, -103]))
    np.testing.assert_allclose(y, np.exp([-90.0, -100.0, -103.0]), rtol=0, atol=1.5e-45)


@pytest.mark.parametrize("kind", KINDS)
def test_a_family_agrees_to_the_bit_and_a_place_in_a_register_means_nothing(kind: type) -> None:
    family = [n for n, family, here in _native.instruction_sets() if here and family == "fma"]
    for name, number, _, interval, _ in FUNCTIONS:
        x = drawn(name, *interval, kind, 333)
        results = {KINDS[kind](isa, number, x).tobytes() for isa in family}
        assert len(results) <= 1
        y = KINDS[kind](SETS[0], number, x)
        alone = [KINDS[kind](SETS[0], number, x[i : i + 1])[0] for i in range(0, len(x), 37)]
        assert np.array(alone).tobytes() == y[::37].tobytes()
