"""One gradient multiplied out without δ: on every page, the same number, and what δ saves."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from test_derivation import NETWORKS, data
from test_derivation_weight import scalar

import clearprop as cp
from clearprop.cli import main
from clearprop.derivation import NOTATIONS
from clearprop.derivation.expanding import multiplied_out
from clearprop.derivation.pages.breaking import broken
from clearprop.derivation.printers.latex import ROOM, extent
from clearprop.errors import SettingError


def test_as_a_sympy_expression_it_is_the_same_number():
    d = scalar()
    expression = multiplied_out(d).sympy
    t = d.numbers.trace
    given = {"X1": t["a1"][0, 0], "X2": t["a1"][0, 1], "Y1": t["y"][0, 0], "Y2": t["y"][0, 1],
             "b1": t["b1"], "b2": t["b2"]}  # fmt: skip
    given |= {f"V{i + 1}{j + 1}": t["W1"][j, i] for i in range(2) for j in range(3)}
    given |= {f"W{i + 1}{j + 1}": t["W2"][j, i] for i in range(3) for j in range(2)}
    value = expression.subs({s: float(given[s.name]) for s in expression.free_symbols})
    assert float(value) == pytest.approx(float(t["dJ/dW1"][0, 0]), rel=1e-12)


def test_multiplications_are_counted_as_by_hand():
    """1-1-1: with z = V·X + b, Q = W·f(z) + b; f is one division, f′ = f·(1 − f) a product more."""
    network = cp.Network("1-1-1", "sigmoid", output="sigmoid")
    z, f, slope = 1, 1, 1  # f′ by the f that is known
    wide = 1 + (z + f)  # Q, with what it is made of
    error, at_q, at_z = wide + f, 2 * (wide + f) + 1, 2 * (z + f) + 1
    found = multiplied_out(cp.derive(network, "scalar", weight="V11"))
    assert found.without == 4 + error + at_q + at_z  # W · error · f′(Q) · f′(z) · X
    assert found.with_delta == (z + f) + (1 + f) + (1 + slope) + (2 + slope) + 1


def test_back_propagation_of_2_3_2_takes_26_multiplications_for_one_weight():
    """12 weights' and 5 sigmoids' forward, 3 slopes, 2 errors, 2 back to P1, P1's slope, and X1."""
    network = cp.Network("2-3-2", "sigmoid", output="sigmoid", bias="shared")
    found = multiplied_out(cp.derive(network, "scalar", weight="V11"))
    assert found.with_delta == 12 + 5 + 3 + 2 + 2 + 1 + 1


def test_where_cost_and_function_pair_the_shortcut_is_multiplied_out():
    """2-2-2, softmax with its cross-entropy, counted as by hand: δ of each output is a − y.

    Without δ, an f is its 2 weights and a division, a z of the output 2 weights and 2 f; a softmax
    divides one of these, in e^z, by the sum of both.
    """
    network = cp.Network("2-2-2", "sigmoid", cost="cross_entropy")
    found = multiplied_out(cp.derive(network, "matrix", weight="W1[1,1]"))
    f = 2 + 1
    z = 2 + 2 * f
    softmax = z + 2 * z + 1
    slope = 2 * f + 1
    assert found.without == 2 * (1 + softmax) + slope + 2
    assert found.with_delta == (4 + 2) + (4 + 2) + 2 + 1 + 2


def small_residual():
    h = cp.Dense(2, "tanh")(x := cp.Input(2))
    h = h + cp.Activation("softplus")(h)
    return cp.Network(inputs=x, outputs=cp.Dense(2)(h), cost="cross_entropy", l2=0.1)


@pytest.mark.parametrize(("make", "m"), [(small_residual, 1), (NETWORKS["shared bias"], 4)])
@pytest.mark.parametrize("notation", NOTATIONS)
def test_it_is_a_step_that_verifies_like_any_other(make, notation, m):
    network = make()
    p, X, Y = data(network, m)
    d = cp.derive(network, notation, p, X, Y, weight="W1[1,1]").expand()
    assert d.verify().passed
    assert d.verify().errors_trace["expanded"] < 1e-14
    left, (right,) = d.step("expanded").equations[0].left, d.step("expanded").equations[0].members
    assert d.value(d.step("expanded").equations[0]) == pytest.approx(
        network.gradient(p, X, Y)["W1"][0, 0], rel=1e-12
    )
    assert not re.search("[δΔ]", d.printer_text(right))
    assert d.printer_text(left) in d.text()
    same = [one.id for one in d.steps[:-1] for e in one.equations
            if d.printer_text(e.left) == d.printer_text(left)]  # fmt: skip
    assert d.step("expanded").uses == (same[-1],)  # the derivative that is multiplied out


def test_it_reads_with_the_names_of_the_functions():
    d = cp.derive(cp.Network("1-1-1", "sigmoid", output="sigmoid"), "scalar", weight="V11")
    inner = "V11 · X1 + b⁽¹⁾₁"
    outer = f"W11 · f({inner}) + b⁽²⁾₁"
    assert d.expand().printer_text(d.expand().step("expanded").equations[0].members[0]) == (
        f"−W11 · (Y1 − f({outer})) · f′({outer}) · f′({inner}) · X1"
    )


@pytest.mark.parametrize(
    ("language", "title", "why"),
    [
        (
            "en",
            "multiplied out, no factor shared",
            "For one sample, 93 multiplications and divisions",
        ),
        ("zh", "全部展开，不共用因子", "单个样本需 93 次乘除法"),
    ],
)
@pytest.mark.parametrize("format", ["text", "latex", "html", "json"])
def test_every_page_has_it_in_both_languages(format, language, title, why, capsys):
    line = f"derive 2-3-2 --notation scalar --weight V11 --expand --language {language}"
    assert main([*line.split(), "--format", format]) == 0
    page = " ".join(capsys.readouterr().out.split()).replace(r"\ensuremath{\delta}", "δ")
    assert title in page
    assert why in page
    own = {
        "text": "f(V13 · X1 + V23 · X2 + b1)",
        "latex": r"f(V_{13} \cdot X_{1} + V_{23}",
        "html": 'id="step-expanded"',
        "json": '"sympy": "X1*(1 - 1/(',
    }
    assert own[format] in page


def test_data_hold_it_as_mathematics_and_as_an_expression(capsys):
    sympy = pytest.importorskip("sympy", reason="SymPy is not installed")
    line = "derive 2-2-2 --notation scalar --weight V11 --expand --json"
    assert main(line.split()) == 0
    found = json.loads(capsys.readouterr().out)
    last = found["steps"][-1]["equations"][0]
    assert found["verified"] is True
    assert last["latex"].startswith(r"\frac{\partial E}{\partial V_{11}}")
    assert last["mathml"].startswith("<mrow><mfrac>")
    expression = sympy.sympify(found["expanded"]["sympy"])
    assert {"V11", "X1", "Y2"} <= {s.name for s in expression.free_symbols}
    assert found["expanded"]["multiplications"] > found["expanded"]["multiplications_with_delta"]


def test_sympy_is_loaded_for_the_expression_alone():
    code = (
        "import sys; from clearprop.cli import main;"
        "main(['derive', '2-2-1', '--weight', 'W1[1,1]', *sys.argv[1:]]);"
        "print('sympy' in sys.modules)"
    )
    for options, loaded in ((["--json"], "False"), (["--json", "--expand"], "True")):
        run = [sys.executable, "-c", code, *options]
        said = subprocess.run(run, capture_output=True, text=True, check=True).stdout
        assert said.strip().splitlines()[-1] == loaded, options


def test_a_network_too_large_is_refused_in_one_sentence():
    many = cp.derive(cp.Network([6, 9, 9, 9, 4], "tanh"), "matrix", weight="W1[1,1]")
    with pytest.raises(SettingError, match=r"multiply out: \d+ equations, 60 at most"):
        many.expand()
    deep = cp.derive(cp.Network([2] * 10, "tanh"), "matrix", weight="W1[1,1]")
    with pytest.raises(SettingError, match=r"multiply out: [\d,]+ parts, 40,000 at most; take"):
        deep.expand()
    nearer = cp.derive(deep.network, "matrix", weight="W8[1,1]").expand()
    assert nearer.steps[-1].id == "expanded"
    with pytest.raises(SettingError, match="which weight to multiply out"):
        cp.derive(cp.Network("2-3-2"), "matrix").expand()


@pytest.mark.parametrize("name", ["residual", "diamond", "tied"])
def test_residual_networks_of_a_few_units_are_multiplied_out(name):
    network = NETWORKS[name]()
    p, X, Y = data(network, 1)
    d = cp.derive(network, "index", p, X, Y, weight="W1[2,1]").expand()
    (equation,) = d.step("expanded").equations
    assert not re.search("[δΔ]", d.printer_text(equation.members[0]))
    expected = network.gradient(p, X, Y)["W1"][1, 0]
    assert d.worth(equation) == pytest.approx(expected, rel=1e-11)


def test_of_relu_after_relu_the_expression_is_as_it_is_written():
    """SymPy would fold cases within the conditions of cases, for hours; its text is read here."""
    pytest.importorskip("sympy", reason="SymPy is not installed")
    network = cp.Network("2-2-2-2-1", "relu")
    p, X, Y = data(network, 1)
    p = {name: np.abs(array) for name, array in p.items()}
    X = np.abs(X)  # so that the units are on
    d = cp.derive(network, "index", p, X, Y, weight="W1[1,2]").expand()
    text = multiplied_out(d).to_dict()["sympy"]
    names = {
        d.names.name(sym, place): float(array[place])
        for sym, array in [*p.items(), ("a1", X[0]), ("y", Y[0])]
        for place in np.ndindex(np.shape(array))
    }
    for name in sorted(names, key=len, reverse=True):
        text = text.replace(name, repr(names[name]))

    def cases(*given):
        return next(worth for worth, holds in given if holds)

    expected = network.gradient(p, X, Y)["W1"][0, 1]
    assert abs(expected) > 1e-3
    assert eval(text, {"Piecewise": cases}) == pytest.approx(expected, rel=1e-10)


def test_a_long_formula_of_latex_is_cut_before_its_loosest_sign():
    text = r"A_{1} \cdot (B_{2} + C) - D_{1} \cdot f(E + F) + g_{1} \cdot (H - I)"
    assert list(broken(text, 14)) == [
        r"A_{1} \cdot (B_{2} + C)",
        r"{}- D_{1} \cdot f(E + F)",
        r"{}+ g_{1} \cdot (H - I)",
    ]
    assert list(broken(text, 100)) == [text]
    assert list(broken("x_{1 + 2 + 3 + 4 + 5 + 6 + 7 + 8}", 8)) == [
        "x_{1 + 2 + 3 + 4 + 5 + 6 + 7 + 8}"  # no line ends within a script
    ]


def test_no_line_of_latex_ends_within_cases_or_between_bars():
    cases = r"\begin{cases} a + b + c & \text{if } d \\ e - f - g & \text{else} \end{cases}"
    bars = r"\left|a + b + c + d + e + f\right|"
    for box in (cases, bars):
        found = list(broken(rf"A_{{1}} \cdot (B + C + D) \cdot {box} \cdot E + F + G", 10))
        assert len(found) > 2
        assert sum(box in line for line in found) == 1


@pytest.mark.parametrize("notation", ["scalar", "matrix"])
def test_no_line_of_the_article_is_wider_than_its_room(notation):
    network = small_residual()
    d = cp.derive(network, notation, *data(network, 1), weight="W1[2,1]").expand()
    block = d.to_latex().rpartition(r"\begin{align*}")[2].partition(r"\end{align*}")[0]
    lines = [line.partition("&")[2] for line in block.split("\\\\\n")]
    assert len(lines) > 10
    assert max(map(extent, lines)) <= ROOM + 3
    assert "\\left" not in block


@pytest.mark.skipif(shutil.which("xelatex") is None, reason="no TeX engine is installed")
def test_the_article_compiles_and_stays_on_the_page(tmp_path):
    network = small_residual()
    d = cp.derive(network, "index", *data(network, 1), weight="W1[1,1]").expand()
    (tmp_path / "a.tex").write_text(d.to_latex(), "utf-8")
    run = ["xelatex", "-interaction=batchmode", "-halt-on-error", "a.tex"]
    subprocess.run(run, cwd=tmp_path, check=True, capture_output=True)
    log = (tmp_path / "a.log").read_text("utf-8", "replace")
    assert "Overfull" not in log
    assert np.all([not line.startswith("!") for line in log.splitlines()])


def test_json_says_where_sympy_has_no_expression():
    k = cp.Input(levels=3)
    network = cp.Network(inputs=k, outputs=cp.Dense(1)(cp.Embedding(2)(k)))
    d = cp.derive(network, "index", network.initial(0), [2], [[1.0]], "W2[1,1]")
    found = json.loads(d.expand().to_json())["expanded"]
    assert found["sympy"] is None
    assert "an entry that an index chooses" in found["sympy_skipped"]
    assert found["multiplications"] > 0
