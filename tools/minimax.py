"""Print the polynomial coefficients of native/mathematics.hpp, and the error of each fit.

Each function is interpolated at Chebyshev nodes in 60 digits, which lies within a small factor of
the minimax polynomial and, unlike it, needs no iteration; the coefficients are then rounded.
"""

from collections.abc import Callable

import mpmath as mp

mp.mp.dps = 60
Function = Callable[[mp.mpf], mp.mpf]


def chebyshev(f: Function, low: float, high: float, degree: int) -> list[mp.mpf]:
    """Return the power-series coefficients of the interpolant of f at degree + 1 nodes."""
    n = degree + 1
    middle, radius = mp.mpf(low + high) / 2, mp.mpf(high - low) / 2
    nodes = [middle + radius * mp.cos(mp.pi * (2 * i + 1) / (2 * n)) for i in range(n)]
    matrix = mp.matrix(n, n)
    for i, x in enumerate(nodes):
        for k in range(n):
            matrix[i, k] = x**k
    return list(mp.lu_solve(matrix, mp.matrix([f(x) for x in nodes])))


def show(name: str, f: Function, low: float, high: float, degree: int, of: str) -> None:
    """Print one table and the largest absolute error of the unrounded fit."""
    c = chebyshev(f, low, high, degree)
    points = [low + (high - low) * mp.mpf(i) / 997 for i in range(998)]
    error = max(abs(mp.polyval(c[::-1], x) - f(x)) for x in points)
    literal = (lambda v: f"{mp.nstr(v, 10)}f") if of == "float" else (lambda v: mp.nstr(v, 19))
    print(f"// {name}, degree {degree}, absolute error {mp.nstr(error, 2)}")
    print("    " + ", ".join(literal(v) for v in c))


def exp_tail(r: mp.mpf) -> mp.mpf:
    """(eʳ − 1 − r) / r²."""
    return (mp.expm1(r) - r) / r**2 if abs(r) > mp.mpf("1e-20") else mp.mpf(1) / 2


def log_tail(z: mp.mpf) -> mp.mpf:
    """(log((1 + s) / (1 − s)) − 2 s) / s³ with z = s²."""
    if not z:
        return mp.mpf(2) / 3
    s = mp.sqrt(z)
    return (mp.log((1 + s) / (1 - s)) - 2 * s) / s**3


def erf_core(z: mp.mpf) -> mp.mpf:
    """(erf x − x) / x with z = x²: keeping x apart gives the last bit."""
    x = mp.sqrt(z)
    return mp.erf(x) / x - 1 if z else 2 / mp.sqrt(mp.pi) - 1


def erfc_core(u: mp.mpf) -> mp.mpf:
    """erfc(x) exp(x²) with u = (x − 2) / (x + 2)."""
    x = 2 * (1 + u) / (1 - u)
    return mp.erfc(x) * mp.exp(x**2)


if __name__ == "__main__":
    half_log2 = float(mp.log(2) / 2) * 1.0001
    s_max = float((mp.sqrt(2) - 1) / (mp.sqrt(2) + 1)) ** 2 * 1.0001
    for kind, exp_degree, log_degree, erf_degree, erfc_degree, x_max in (
        ("float", 4, 3, 6, 6, 4.0),
        ("double", 9, 7, 12, 15, 6.0),
    ):
        show("exp tail", exp_tail, -half_log2, half_log2, exp_degree, kind)
        show("log tail", log_tail, 0.0, s_max, log_degree, kind)
        show("erf core", erf_core, 0.0, 1.0, erf_degree, kind)
        show("erfc core", erfc_core, -1 / 3, (x_max - 2) / (x_max + 2), erfc_degree, kind)
