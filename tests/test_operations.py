"""The rows: three forms of one formula, held together over the whole range of float64."""

from __future__ import annotations

import ctypes
import re
import shutil
import subprocess
from dataclasses import FrozenInstanceError
from pathlib import Path

import numpy as np
import pytest
from conftest import count
from mpmath import mp, mpf
from precise import digits_for, precise

from clearprop.errors import ClearPropError, GraphError, SettingError, ShapeError
from clearprop.expressions import Num, Sym, Type, evaluate
from clearprop.graph import Dense, Input
from clearprop.operations import TABLE, Cost, Function
from clearprop.operations.softmax import softmax

EPS = np.finfo(np.float64).eps
LEAST = 5e-324

ROWS = [row for row in TABLE.rows() if isinstance(row, Function)]
COSTS = [row for row in TABLE.rows() if isinstance(row, Cost)]
OTHER_SETTINGS = {
    "leaky_relu": [{"slope": 0.3}, {"slope": 1.0}],
    "elu": [{"alpha": 0.4}, {"alpha": 0.0}, {"alpha": 3.0}],
    "huber": [{"limit": 0.3}, {"limit": 4.0}],
    "quantile": [{"quantile": 0.0}, {"quantile": 0.9}, {"quantile": 1.0}],
    "cross_entropy": [{"label_smoothing": 0.1}, {"label_smoothing": 1.0}],
}
CASES = [(row, row.settings(s)) for row in ROWS for s in [{}, *OTHER_SETTINGS.get(row.name, [])]]
COST_CASES = [
    (row, row.settings(s)) for row in COSTS for s in [{}, *OTHER_SETTINGS.get(row.name, [])]
]
MAGNITUDES = [
    0.0, 5e-324, 1e-310, 2.3e-308, 1e-200, 1e-20, 1e-12, 1e-8, 1e-6, 1e-4, 0.01, 0.1, 0.5, 0.75,
    1.0, 1.19, 1.278, 2.0, 5.0, 8.3, 13.0, 19.1, 27.0, 36.7, 37.6, 38.5, 40.0, 88.7, 300.0, 700.0,
    708.4, 745.1, 750.0, 1e3, 1e5, 1e8, 1e16, 1e100, 1e154, 1e155, 1e200, 1e300, 1.79e308,
]  # fmt: skip


def case_name(case):
    if isinstance(case, Function | Cost):
        return case.name
    return ",".join(f"{k}={v}" for k, v in case.items()) or "-"


def points(rng):
    fixed = [sign * x for x in MAGNITUDES for sign in (1.0, -1.0)]
    near, far = rng.uniform(-45, 45, count(40, 1000)), rng.uniform(-800, 800, count(10, 200))
    tiny = 10.0 ** rng.uniform(-300, 0, count(20, 300)) * rng.choice([-1, 1], count(20, 300))
    return np.concatenate([fixed, near, far, tiny])


X = Sym("x", Type((1,), sample=True))


def stable(row, attrs, form, xs):
    """What the reference computes: the row inside a tree."""
    return evaluate(row(X, attrs, form), {"x": np.asarray(xs, dtype=np.float64)[:, None]})[:, 0]


def to_float(exact):
    return float(exact[0] if isinstance(exact, list) else exact)


def exact_and_condition(formula, attrs, x):
    """f(x) rounded to float64, and |x f′(x) / f(x)|: what a rounding of x alone would change."""
    with mp.workdps(digits_for(x)):
        tree = formula(X, attrs)
        at = lambda u: mpf(to_precise(tree, u))  # noqa: E731
        exact = at(mpf(x))
        step = mpf(10) ** -20 * (abs(mpf(x)) or mpf(1))
        change = abs(at(mpf(x) + step) - at(mpf(x) - step)) / 2 * mpf(10) ** 20
        relative = float(change / abs(exact)) if exact and x else 0.0
        return float(exact), relative


def to_precise(tree, u):
    found = precise(tree, {"x": [u]})
    return found[0] if isinstance(found, list) else found


@pytest.mark.prove
@pytest.mark.parametrize(("row", "attrs"), CASES, ids=case_name)
@pytest.mark.parametrize("form", ["value", "derivative"])
def test_the_stable_form_is_the_textbook_form_over_the_whole_range(row, attrs, form, rng):
    formula = row.definition if form == "value" else row.slope
    xs = points(rng)
    for x, got in zip(xs, stable(row, attrs, form, xs), strict=True):
        want, condition = exact_and_condition(formula, attrs, x)
        if not np.isfinite(want):
            assert got == want, f"f({x!r})"
            continue
        near_kink = min((abs(x - kink) for kink in (0.0, *row.kinks(attrs))), default=1.0)
        relative = 1e-14 + 8 * EPS * (min(condition, 1e9) if near_kink > 1e-15 else 0.0)
        # below the normal numbers a product keeps fewer digits
        allowed = relative * abs(want) + LEAST * max(1.0, min(abs(x), 1e3))
        assert abs(got - want) <= allowed, f"f({x!r}) = {got!r}, the textbook says {want!r}"


@pytest.mark.parametrize(("row", "attrs"), CASES, ids=case_name)
def test_the_textbook_slope_is_the_derivative_of_the_textbook_definition(row, attrs, rng):
    for x in rng.uniform(-6, 6, 20):
        if any(abs(x - kink) < 1e-6 for kink in (0.0, *row.kinks(attrs))):
            continue
        with mp.workdps(60):
            value = lambda u: to_precise(row.definition(X, attrs), u)  # noqa: E731
            want = mp.diff(value, mpf(x))
            got = to_precise(row.slope(X, attrs), mpf(x))
            assert abs(got - want) < 1e-15 * (1 + abs(want))


@pytest.mark.parametrize(("row", "attrs"), CASES, ids=case_name)
@pytest.mark.parametrize("form", ["value", "derivative"])
def test_infinity_gives_the_limit(row, attrs, form):
    far = stable(row, attrs, form, [-1.79e308, 1.79e308])
    infinite = stable(row, attrs, form, [-np.inf, np.inf])
    want = np.where(np.abs(far) > 1e300, np.copysign(np.inf, far), far)
    assert infinite.tolist() == want.tolist()


@pytest.mark.parametrize(("row", "attrs"), CASES, ids=case_name)
def test_nan_stays_nan(row, attrs):
    assert np.isnan(stable(row, attrs, "value", [np.nan]))[0]
    slope = stable(row, attrs, "derivative", [np.nan])[0]
    pieces = set(stable(row, attrs, "derivative", [-1.79e308, -3.0, 3.0]).tolist())
    assert np.isnan(slope) or slope in pieces  # a piecewise constant slope has no NaN to show


@pytest.mark.parametrize("row", ROWS, ids=case_name)
def test_the_sign_of_zero_is_kept_by_odd_functions(row):
    got = stable(row, row.settings({}), "value", [0.0, -0.0])
    assert got[0] == got[1]
    if row.name in ("identity", "tanh", "softsign"):
        assert np.signbit(got).tolist() == [False, True]


@pytest.mark.parametrize(("row", "attrs"), CASES, ids=case_name)
def test_kinks_are_where_the_slope_jumps_and_only_there(row, attrs):
    xs = np.linspace(-3, 3, 601)  # with 0 among them
    jumps = np.abs(stable(row, attrs, "derivative", xs + 1e-9) - stable(
        row, attrs, "derivative", xs - 1e-9)) > 1e-6  # fmt: skip
    declared = list(row.kinks(attrs))
    trivial = row.name == "leaky_relu" and attrs["slope"] == 1.0
    assert np.round(xs[jumps], 9).tolist() == ([] if trivial else declared)


# -- the scalar kernels -------------------------------------------------------------------------
def c_name(row, attrs):
    return f"{row.name}_{abs(hash(tuple(sorted(attrs.items())))) % 10**8}"


def c_source():
    """Every row's kernel and product with the derivative as C functions of doubles."""
    lines = ["#include <math.h>", "#define select(c, a, b) ((c) ? (a) : (b))",
             "#ifdef __cplusplus", 'extern "C" {', "#endif"]  # fmt: skip
    for row, attrs in [*CASES, *COST_CASES]:
        if row.kernel is None:
            continue
        last = "dy" if isinstance(row, Function) else "t"
        names = ", ".join(f"const double {name}" for name in ("x", "y", last))
        for kind, text in (("value", row.kernel), ("vjp", row.kernel_vjp)):
            lines.append(f"double {kind}_{c_name(row, attrs)}({names}) {{")
            lines += [f"    const double {k} = {v!r}; (void){k};" for k, v in attrs.items()]
            lines += [f"    (void)x; (void)y; (void){last};", f"    return {text};", "}"]
    return "\n".join([*lines, "#ifdef __cplusplus", "}", "#endif", ""])


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """The kernels, compiled as C99."""
    folder: Path = tmp_path_factory.mktemp("kernels")
    source = folder / "kernels.c"
    source.write_text(c_source())
    flags = ["-std=c99", "-pedantic-errors", "-Wall", "-Werror", "-O1", "-ffp-contract=off"]
    library = folder / "kernels.so"
    command = [shutil.which("cc") or "gcc", *flags, "-shared", "-fPIC", str(source)]
    subprocess.run([*command, "-o", str(library), "-lm"], check=True)
    return ctypes.CDLL(str(library))


def call(compiled, kind, row, attrs, x, y, last):
    function = getattr(compiled, f"{kind}_{c_name(row, attrs)}")
    function.restype, function.argtypes = ctypes.c_double, [ctypes.c_double] * 3
    each = np.broadcast_arrays(x, y, last)
    return np.array([function(*map(float, entry)) for entry in zip(*each, strict=True)])


@pytest.mark.prove
@pytest.mark.parametrize(("row", "attrs"), CASES, ids=case_name)
def test_the_kernel_in_c_is_the_stable_form(row, attrs, compiled, rng):
    xs = points(rng)
    y, slope = stable(row, attrs, "value", xs), stable(row, attrs, "derivative", xs)
    got = call(compiled, "value", row, attrs, xs, y, 1.0)
    finite = np.isfinite(y)
    assert (got[~finite] == y[~finite]).all()
    xs, y, slope, got = xs[finite], y[finite], slope[finite], got[finite]
    assert (
        np.abs(got - y).max() <= 1e-14
        or (np.abs(got - y) <= 1e-14 * np.maximum(1.0, np.abs(y))).all()
    )
    vjp = call(compiled, "vjp", row, attrs, xs, y, -1.5)
    assert (np.abs(vjp + 1.5 * slope) <= 3e-14 * np.maximum(1.0, np.abs(slope))).all()
    for x in (np.inf, -np.inf):  # the limit or NaN, never a wrong number
        limit = stable(row, attrs, "value", [x])[0]
        assert call(compiled, "value", row, attrs, [x], [limit], [1.0])[0] in (limit,) or np.isnan(
            call(compiled, "value", row, attrs, [x], [limit], [1.0])[0]
        )
    assert np.isnan(call(compiled, "value", row, attrs, [np.nan], [np.nan], [1.0])[0])


def test_relu_makes_no_minus_zero_in_either_form(compiled):
    row, zeros = TABLE.row("relu"), [0.0, -0.0]
    for got in (
        stable(row, row.settings({}), "value", zeros),
        call(compiled, "value", row, row.settings({}), zeros, 0.0, 1.0),
    ):
        assert np.signbit(got).tolist() == [False, False]


def test_the_kernels_are_valid_as_cpp(tmp_path):
    source = tmp_path / "kernels.cpp"
    source.write_text(c_source())
    compiler = shutil.which("c++") or "g++"
    flags = ["-std=c++20", "-Wall", "-Wextra", "-Werror", "-fsyntax-only"]
    assert subprocess.run([compiler, *flags, str(source)], check=False).returncode == 0


def test_saves_names_what_the_vjp_reads():
    for row in ROWS:
        words = set(re.findall(r"\w+", row.kernel_vjp))
        assert {name for name in "xy" if name in words} == set(row.saves), row.name


@pytest.mark.parametrize("row", list(TABLE.rows()), ids=lambda row: row.name)
@pytest.mark.parametrize("attribute", ["name", "note"])
def test_nothing_can_be_written_on_a_row(row, attribute):
    with pytest.raises(FrozenInstanceError):
        setattr(row, attribute, "other")


# -- the costs ----------------------------------------------------------------------------------
def cost_points(row, outputs, rng, wide):
    """(x, y): the network's last z (or a, without a link) and a target, many rows."""
    n = count(30, 500)
    x = rng.normal(size=(n, outputs)) * (30.0 if wide else 1.5)
    y = x + rng.normal(size=x.shape) * 2
    if row.target == "count":
        y = rng.poisson(3.0, size=x.shape).astype(float)
    elif row.target == "probability":
        y = rng.choice([0.0, 1.0, 0.3], size=x.shape)
    elif row.target == "class":
        y = np.eye(outputs)[rng.integers(outputs, size=n)]
        y[: n // 3] = rng.dirichlet(np.ones(outputs), size=n // 3)
    return x, y


def link_of(row):
    return TABLE.activation(row.link)


def exact_cost(row, attrs, x, y):
    """C as a function of mp numbers x (z, or a without a link)."""
    z, target = Sym("x", Type((len(x),))), Sym("y", Type((len(x),)))
    y = [mpf(t) for t in y]
    a = precise(link_of(row).definition(z, {}), {"x": list(x)})
    tree = row.definition(z, target, attrs)
    if row.target in ("probability", "class", "count"):  # 0 · log 0 is 0
        kept = [(p, t) for p, t in zip(a, y, strict=True)]
        a = [p if p else mpf(10) ** -4000 for p, _ in kept]
    return precise(tree, {"x": a, "y": y})


def gradient_of(f, x):
    """∂f/∂x by central differences with twice the digits."""
    found = []
    for place in range(len(x)):
        step = mpf(10) ** -(mp.dps // 3)
        high = [u + step if i == place else u for i, u in enumerate(x)]
        low = [u - step if i == place else u for i, u in enumerate(x)]
        found.append((f(high) - f(low)) / (2 * step))
    return found


def formula_values(row, attrs, x, y, kind):
    """value, slope (by a) or linked, linked_slope (by z) as the reference evaluates them."""
    of = Type((x.shape[1],), sample=True)
    s, t = Sym("x", of), Sym("y", of)
    trees = {
        "value": lambda: row(s, t, attrs),
        "slope": lambda: row.slope(s, t, attrs),
        "linked": lambda: row(s, t, attrs, "linked"),
        "linked_slope": lambda: row.linked_slope(s, t, attrs),
    }
    found = evaluate(trees[kind](), {"x": x, "y": y})
    return np.broadcast_to(found, (len(x), *found.shape[1:]))


@pytest.mark.prove
@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("wide", [False, True], ids=["near", "far"])
@pytest.mark.parametrize(("row", "attrs"), COST_CASES, ids=case_name)
def test_a_cost_and_its_slope_are_the_textbook_and_its_derivative(row, attrs, wide, outputs, rng):
    x, y = cost_points(row, outputs, rng, wide)
    linked = row.linked is not None
    if row.name == "poisson":
        x = np.clip(x, -30, 30)
    a = evaluate(link_of(row)(Sym("x", Type((outputs,), sample=True)), {}), {"x": x})
    got = formula_values(row, attrs, x, y, "linked" if linked else "value")
    if linked:
        slope = formula_values(row, attrs, a, y, "linked_slope")
    else:
        slope = formula_values(row, attrs, x, y, "slope")
    for i in range(len(x)):
        with mp.workdps(200):
            exact_x = [mpf(float(u)) for u in x[i]]
            f = lambda u: exact_cost(row, attrs, u, y[i])  # noqa: B023, E731
            want = f(exact_x)
            want_slope = gradient_of(f, exact_x)
            sensitivity = sum(abs(u * s) for u, s in zip(exact_x, want_slope, strict=True))
            if row.name == "poisson":  # e^z and y z are taken from one another
                pairs = zip(exact_x, y[i], strict=True)
                sensitivity += sum(mp.exp(u) + abs(t * u) for u, t in pairs)
            if not linked:
                sensitivity += sum(abs(t * s) for t, s in zip(y[i], want_slope, strict=True))
            error = abs(mpf(float(got[i])) - want)
            assert error <= 1e-14 * abs(want) + 4 * EPS * sensitivity + LEAST, (x[i], y[i])
            scale = max(mpf(1), *(abs(s) for s in want_slope))
            for one, exact in zip(np.atleast_1d(slope[i]), want_slope, strict=True):
                assert abs(mpf(float(one)) - exact) <= 1e-14 * scale, (x[i], y[i])


@pytest.mark.prove
@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize(
    ("row", "attrs"), [c for c in COST_CASES if c[0].linked is not None], ids=case_name
)
def test_a_cost_of_a_is_the_cost_of_z_and_so_are_their_slopes(row, attrs, outputs, rng):
    z, y = cost_points(row, outputs, rng, wide=False)
    a = evaluate(link_of(row)(Sym("x", Type((outputs,), sample=True)), {}), {"x": z})
    by_a, by_z = (formula_values(row, attrs, *at) for at in ((a, y, "value"), (z, y, "linked")))
    assert np.allclose(by_a, by_z, rtol=1e-12, atol=1e-13)
    # ∂C/∂z = (∂a/∂z)ᵀ ∂C/∂a, with the Jacobian of the link by central differences
    h = 1e-6
    through = np.zeros_like(z)
    slope = formula_values(row, attrs, a, y, "slope")
    for place in range(outputs):
        step = h * np.eye(outputs)[place]
        symbol = Sym("x", Type((outputs,), sample=True))
        high, low = (evaluate(link_of(row)(symbol, {}), {"x": z + s}) for s in (step, -step))
        through[:, place] = ((high - low) / (2 * h) * slope).sum(axis=1)
    assert np.allclose(through, formula_values(row, attrs, a, y, "linked_slope"), atol=1e-7)


def test_linked_costs_are_finite_at_any_finite_z_where_the_cost_is():
    for z in (1e4, 1e154, 1e308, 800.0):
        for sign in (1, -1):
            x = np.array([[sign * z]])
            bce = TABLE.cost("binary_cross_entropy")
            for y in (0.0, 1.0):
                got = formula_values(bce, {}, x, np.array([[y]]), "linked")[0]
                assert got == (z if (sign > 0) == (y == 0) else 0.0)
            row = np.array([[sign * z, 0.0, -sign * z]])
            entropy = TABLE.cost("cross_entropy")
            attrs = entropy.settings({})
            costs = [
                formula_values(entropy, attrs, row, np.eye(3)[[k]], "linked")[0] for k in range(3)
            ]
            assert costs[0 if sign > 0 else 2] == 0.0
            assert costs[1] == z
    poisson = TABLE.cost("poisson")
    assert formula_values(poisson, {}, np.array([[-1e5]]), np.array([[0.0]]), "linked")[0] == 0.0


def test_a_cost_near_zero_keeps_its_digits():
    entropy, binary = TABLE.cost("cross_entropy"), TABLE.cost("binary_cross_entropy")
    attrs = entropy.settings({})
    z = np.array([[100.0, 0.0]])
    got = formula_values(entropy, attrs, z, np.array([[1.0, 0.0]]), "linked")[0]
    assert got == pytest.approx(np.exp(-100), rel=1e-14)
    got = formula_values(binary, {}, np.array([[50.0]]), np.array([[1.0]]), "linked")[0]
    assert got == pytest.approx(np.exp(-50), rel=1e-14)
    log_cosh = TABLE.cost("log_cosh")
    got = formula_values(log_cosh, {}, np.array([[1e-8]]), np.array([[0.0]]), "value")[0]
    assert got == pytest.approx(5e-17, rel=1e-14)


@pytest.mark.prove
@pytest.mark.parametrize(("row", "attrs"), COST_CASES, ids=case_name)
def test_a_cost_kernel_in_c_is_the_stable_form(row, attrs, compiled, rng):
    if row.kernel is None:
        assert row.name == "cross_entropy"  # its outputs depend on one another: no scalar kernel
        return
    x, t = cost_points(row, 1, rng, wide=True)
    y = evaluate(link_of(row)(Sym("x", Type((1,), sample=True)), {}), {"x": x})
    linked = row.linked is not None
    value = formula_values(row, attrs, x, t, "linked" if linked else "value")
    slope = formula_values(row, attrs, y, t, "linked_slope" if linked else "slope")
    got = call(compiled, "value", row, attrs, x[:, 0], y[:, 0], t[:, 0])
    assert (np.abs(got - value) <= 1e-14 * np.maximum(1, np.abs(value))).all()
    got = call(compiled, "vjp", row, attrs, x[:, 0], y[:, 0], t[:, 0])
    assert (np.abs(got - slope.reshape(-1)) <= 1e-14 * np.maximum(1, np.abs(got))).all()


# -- softmax, links, the table ------------------------------------------------------------------
def test_softmax_sums_to_one_and_keeps_its_small_shares(rng):
    z = rng.normal(size=(50, 5)) * 40
    got = softmax(z)
    assert np.abs(got.sum(axis=1) - 1).max() < 1e-15
    with mp.workdps(50):
        for row, shares in zip(z, got, strict=True):
            e = [mp.exp(mpf(u)) for u in row]
            for share, one in zip(shares, e, strict=True):
                want = one / sum(e)
                assert abs(share - want) <= 1e-13 * want
    assert softmax(np.array([1e307, -1e307, 0.0])).tolist() == [1.0, 0.0, 0.0]


def test_every_cost_names_a_link_that_is_a_row_and_has_both_linked_forms_or_none():
    for row in COSTS:
        assert link_of(row) is not None
        assert (row.link == "identity") == (row.linked is None) == (row.linked_slope is None)


def test_every_row_says_where_it_comes_from():
    nameless = [row.name for row in TABLE.rows() if not row.source]
    assert nameless == ["identity", "concat"]


def test_shapes_that_do_not_fit_are_told_with_the_layer_and_the_fix():
    with pytest.raises(ShapeError, match=r"Dense 'first': affine: expected a vector.*Embedding"):
        Dense(3, name="first")(Input(levels=4))
    with pytest.raises(ShapeError, match=r"add: expected values of one width, got 2 and 3; put a"):
        Input(2) + Input(3)


def test_unknown_names_suggest_the_nearest():
    with pytest.raises(GraphError, match="no function 'sigmiod'; did you mean 'sigmoid'"):
        TABLE.activation("sigmiod")
    with pytest.raises(GraphError, match="no cost 'hubr'; did you mean 'huber'"):
        TABLE.cost("hubr")
    with pytest.raises(GraphError, match="no operation 'afine'; did you mean 'affine'"):
        TABLE.row("afine")
    with pytest.raises(SettingError, match="elu has no setting 'alfa'; did you mean 'alpha'"):
        TABLE.row("elu").settings({"alfa": 1.0})


def test_a_name_is_registered_once():
    with pytest.raises(SettingError, match="'tanh' is registered already"):
        TABLE.register(TABLE.row("tanh"))


def test_a_row_without_a_place_in_the_table_is_no_function():
    with pytest.raises(ClearPropError, match="no function 'affine'"):
        TABLE.activation("affine")
    assert Num(2.0).type == Type()
