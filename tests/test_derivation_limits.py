"""Where one form ends and the next begins: rows, letters, entries written out, what SymPy takes."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import is_dataclass

import pytest
import sympy

import clearprop as cp
from clearprop import derivation
from clearprop.backprop import plan
from clearprop.derivation import NOTATIONS, sources
from clearprop.derivation.command.calls import random_numbers
from clearprop.derivation.notations.names import Names
from clearprop.derivation.notations.notation import Notation
from clearprop.derivation.printers.layouts import TEXT
from clearprop.derivation.rosetta.table import rosetta
from clearprop.derivation.steps.columns import gathered_bias, with_column
from clearprop.derivation.steps.equations import Equation, runs
from clearprop.derivation.steps.levels import places, transposed
from clearprop.derivation.steps.writing import Writing
from clearprop.derivation.trees.tree import (
    Call,
    Minus,
    Number,
    Over,
    Piecewise,
    Plus,
    Quantity,
    Raise,
    Square,
    Times,
    Total,
    Var,
    Width,
)
from clearprop.derivation.verifying.symbolic import Symbolic, operations
from clearprop.derivation.weight.alone import forward_entries
from clearprop.errors import DataError, FileError, GraphError, SettingError
from clearprop.expressions import Add, Hadamard, Neg, Outer, Sum, Sym, Type
from clearprop.network import Network


# -- rows -----------------------------------------------------------------------------------------
def test_the_row_shown_is_one_of_those_given_counted_from_1():
    network = Network([2, 3, 2], "tanh")
    p, X, Y = random_numbers(network, 0, 3)
    for row in (1, 2, 3):
        d = cp.derive(network, "matrix", p, X, Y, row=row)
        assert d.value(d.step("a1").equations[0]).tolist() == X[row - 1].tolist()
        other = d.at(p, X + 1, Y, row=row)
        assert other.value(other.step("a1").equations[0]).tolist() == (X[row - 1] + 1).tolist()
    for row in (0, 4, -1):
        with pytest.raises(DataError, match=f"no row {row}; X has 3, counted from 1"):
            cp.derive(network, "matrix", p, X, Y, row=row)
        with pytest.raises(DataError, match=f"no row {row}; X has 3"):
            d.at(p, X, Y, row=row)
    with pytest.raises(DataError, match="made for a batch of 3, X has 1"):
        d.at(p, X[:1], Y[:1])
    assert d.at(p, X[:2], Y[:2]).numbers.m == 2  # another batch
    with pytest.raises(DataError, match="made for a batch of 1, X has 2"):
        cp.derive(network, "matrix", p, X[:1], Y[:1]).at(p, X[:2], Y[:2])


# -- entries written out --------------------------------------------------------------------------
def first(derivation, id):
    (one, *more) = derivation.step(id).equations
    return derivation.printer(TEXT).render(one.members[0]), one.free, 1 + len(more)


def test_scalars_are_written_out_up_to_48_of_them_and_then_with_letters():
    d = cp.derive(Network([8, 6, 2], "tanh", bias="shared"), "scalar")
    assert first(d, "dJ/dW1") == ("∂E/∂H1 · X1", (), 48)
    assert first(d, "z2")[1:] == ((), 6)
    d = cp.derive(Network([7, 7, 2], "tanh", bias="shared"), "scalar")
    assert first(d, "dJ/dW1") == ("∂E/∂Hⱼ · Xᵢ", (("j", 7), ("i", 7)), 1)
    assert first(d, "W1:=") == ("Vᵢⱼ − η · ∂E/∂Vᵢⱼ", (("j", 7), ("i", 7)), 1)
    assert first(d, "z2")[1:] == ((), 7)


def test_a_sum_is_written_out_up_to_12_terms_and_then_with_a_letter():
    d = cp.derive(Network([12, 2], bias="shared"), "scalar")
    line = first(d, "z2")[0]
    assert line.startswith("W11 · X1 + W21 · X2 + ") and line.endswith(" · X12 + b1")
    assert line.count(" · X") == 12 and "Σ" not in line
    d = cp.derive(Network([13, 2], bias="shared"), "scalar")
    assert first(d, "z2") == ("(Σᵢ₌₁¹³ Wᵢⱼ · Xᵢ) + b1", (("j", 2),), 1)
    d = cp.derive(Network([1, 12], bias="shared"), "scalar")
    assert first(d, "dJ/db1")[0].count("∂E/∂Q") == 12
    d = cp.derive(Network([1, 13], bias="shared"), "scalar")
    assert first(d, "dJ/db1") == ("Σᵢ₌₁¹³ ∂E/∂Qᵢ", (), 1)
    d = cp.derive(Network([3, 4], l2=0.1), "scalar")
    assert first(d, "penalty")[0].count("W") == 24  # 12 squares
    d = cp.derive(Network([13, 1], l2=0.1), "scalar")
    assert "Σ" in first(d, "penalty")[0]


@pytest.mark.parametrize(
    ("layers", "free", "widths", "expected"),
    [
        ((5, 4, 3, 2), (), (), [("l", (5, 2), True)]), ((1, 2, 3), (), (), [("l", (1, 3), True)]),
        ((1, 2), (), (), [("l", (1, 2), False)]), ((2, 4), (), (), [("l", (2, 4), False)]),
        ((1, 2, 4), (), (), [("l", (1, 2, 4), False)]), ((4, 2, 1), (), (), [
            ("l", (4, 2, 1), False)]),
        ((), (("i", 1),), (), [("i", (1,), False)]), ((), (("i", 2),), (), [("i", (1, 2), False)]),
        ((), (("i", 3), ("j", 1)), (), [("i", (1, 3), True), ("j", (1,), False)]),
        ((3, 2), (("i", 2),), (Width("a1", 0),), [
            ("l", (3, 2), False), ("i", (1, Width("a1", 0)), True)]),
        ((3, 2), (("i", 1), ("j", 4)), (Width("a1", 0), None), [
            ("l", (3, 2), False), ("i", (1, Width("a1", 0)), True), ("j", (1, 4), True)]),
    ],
)  # fmt: skip
def test_a_letter_runs_over_all_places_or_with_dots_from_the_first_to_the_last(
    layers, free, widths, expected
):
    equation = Equation(Quantity("a2"), (), free, layers=layers, widths=widths)
    found = [
        (one.letter, tuple(p.number if isinstance(p, Number) else p for p in one.places), one.dots)
        for one in runs(equation, "l")
    ]
    assert found == expected


def test_a_bias_beside_its_weights_has_their_gradient_and_no_penalty():
    names = Names(NOTATIONS["graph"], Network("2-3-2", bias="shared").graph)
    gathered = gathered_bias("W1", "b1", names)
    assert gathered.left == Quantity("dJ/db1")
    assert gathered.members == (
        Total("i", 3, Quantity("dJ/dW1+", (Var("i"), 3)), Number(3.0)),)  # fmt: skip
    wide = with_column(Type((3, 2), sample=False, member=True))
    assert (wide.shape, wide.member) == ((3, 3), True)
    d = cp.derive(Network([2, 3, 2], "tanh", l2=0.1), "graph")
    line = d.printer(TEXT).render(d.step("dJ/dW1").equations[0].members[0])
    assert (
        line == "(1/m) Σₛ₌₁ᵐ δ²ₛ (a¹ₛ; 1)ᵀ + λ [Θ\u0304¹₃₂ | 0]"
    )  # the bar: without a column of biases
    assert d.step("dJ/dW1").covers == ("W1", "b1")
    assert not {"dJ/db1", "b1:="} & {step.id for step in d.steps}
    shared = cp.derive(Network([2, 3, 2], "tanh", bias="shared"), "graph")
    assert shared.step("dJ/dW1").covers == ("W1",) and shared.step("dJ/db1").covers == ("b1",)
    assert shared.step("dJ/db1").uses == ("dJ/dW1",) and shared.step("b1:=").kind == "update"


def test_beside_a_column_of_biases_only_biases_have_no_step_of_their_own():
    for network in (Network([2, 2]), Network([2, 3, 2], "tanh")):
        d = cp.derive(network, "graph")
        kinds = {step.id for step in d.steps if step.kind in ("gradient", "update")}
        assert not any("b" in id for id in kinds)
    x = cp.Input(2)
    scaled = Network(inputs=x, outputs=cp.Dense(2)(cp.Scale()(cp.Dense(2, "tanh")(x))))
    d = cp.derive(scaled, "graph", *random_numbers(scaled, 0, 2))
    factors = next(name for name in scaled.graph.parameters if name.startswith("s"))
    assert d.step(f"dJ/d{factors}").covers == (factors,)
    assert d.step(f"{factors}:=").kind == "update" and d.verify().passed


def test_places_run_with_the_last_index_fastest():
    assert list(places(())) == [()]
    assert list(places((2, 3))) == [(1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (2, 3)]


def test_a_transpose_is_pushed_inward():
    d, x = Sym("d", Type((3,))), Sym("x", Type((2,)))
    w = Sym("W", Type((3, 2)))
    rate = Sym("l2")
    assert transposed(Outer(d, x)) == Outer(x, d)
    assert transposed(Sum(("sample",), Outer(d, x))) == Sum(("sample",), Outer(x, d))
    assert transposed(Add((Outer(d, x), w))) == Add((Outer(x, d), w.T))
    assert transposed(Hadamard(rate, w)) == Hadamard(rate, w.T)
    assert transposed(Neg(w)) == -w.T
    assert transposed(rate) == rate
    with pytest.raises(TypeError, match="transpose of Power"):
        transposed(w**2)


@pytest.mark.parametrize("weight", [None, "W1[2,1]", "b2[1]"])
def test_each_step_is_about_a_quantity_of_the_network_or_about_a_function(weight):
    network = Network([2, 3, 3, 2], "tanh", l2=0.1)
    d = cp.derive(network, "matrix", *random_numbers(network, 0, 1), weight=weight)
    for step in d.steps:
        name = step.target.removeprefix("dJ/d")
        known = name in d.names.shapes or name in ("J", "C", "penalty")
        known = known or name.removeprefix("delta") in "234" or name.removeprefix("Delta") in "234"
        assert known if step.kind != "definition" else name == "", step.id


def test_24_paths_are_multiplied_out_and_of_25_only_the_largest():
    for paths, written in ((24, 1), (25, 9)):  # eight of them, and their sum
        network = Network([1, 1, paths, 1], "tanh")
        d = cp.derive(network, "index", *random_numbers(network, 0, 1), weight="W1[1,1]")
        step = d.step("dJ/dW1:paths")
        assert str(step.title.values["count"]) == str(paths) and len(step.equations) == written
        assert d.verify().passed
    for units, written in ((12, 1), (13, 9)):  # of a weight that is used twice
        x, layer = cp.Input(1), cp.Dense(1, "tanh")
        h = cp.Dense(units, "tanh")(layer(layer(x)))
        network = Network(inputs=x, outputs=cp.Dense(1)(h))
        d = cp.derive(network, "index", *random_numbers(network, 0, 1), weight="W1[1,1]")
        step = d.step("dJ/dW1:paths")
        assert str(step.title.values["count"]) == str(2 * units) and len(step.equations) == written
        assert d.verify().passed


# -- trees ----------------------------------------------------------------------------------------
def test_what_is_divided_by_one_is_itself_and_a_sign_stands_in_front_of_its_quotient():
    writing = Writing(Names(NOTATIONS["matrix"], Network("2-3-2").graph), 1, {})
    a, b = Quantity("a2", (1,)), Quantity("z2", (2,))
    assert writing.over(a, Number(1.0)) is a and writing.over(Minus(a), Number(1.0)) == Minus(a)
    assert writing.over(Minus(a), b) == Minus(Over(a, b))
    assert writing.over(a, Number(0.0)) == Over(a, Number(0.0))


# -- SymPy ----------------------------------------------------------------------------------------
def test_written_trees_are_what_they_are_in_sympy():
    names = Names(NOTATIONS["matrix"], Network("2-3-2").graph)
    a, b = Quantity("a2", (1,)), Quantity("z2", (2,))
    known = {("a2", (1,)): Equation(a, (Raise(b, Number(2.0)),))}
    symbolic = Symbolic(known, names)
    z = symbolic.of(b)
    assert (z.name, z.is_real) == ("z⁽²⁾₂", True)
    half = Number(0.5)
    for tree, expected in (
        (a, z**2), (Number(0.25), sympy.Rational(1, 4)), (Number(3.0), sympy.Integer(3)),
        (Number(1.2345), sympy.Float(1.2345)),
        (Plus((a, b, half)), z**2 + z + sympy.Rational(1, 2)),
        (Minus(b), -z), (Times((a, b)), z**3), (Over(b, Number(3.0)), z / 3),
        (Raise(b, Number(3.0)), z**3), (Call("f", (b,), meaning=Over(b, a)), 1 / z),
        (Call("abs", (b,)), sympy.Abs(z)), (Call("exp", (b,)), sympy.exp(z)),
        (Piecewise(b, half, True, a, b),
         sympy.Piecewise((z**2, z <= sympy.Rational(1, 2)), (z, True))),
        (Piecewise(b, half, False, a, b),
         sympy.Piecewise((z**2, z < sympy.Rational(1, 2)), (z, True))),
    ):  # fmt: skip
        assert symbolic.of(tree) == expected, tree
    assert symbolic.of(Quantity("z2", (2,))) is z
    with pytest.raises(SettingError, match="SymPy has no expression for ‖a⁽²⁾₁‖²; "):
        symbolic.of(Square(a))


NOTHING = float("nan")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"row": "1"}, "there is no row '1'; X has 1"),
        ({"row": None}, "there is no row None; X has 1"),
        ({"row": 1.5}, "there is no row 1.5; X has 1"),
        ({"digits": 0}, "digits = 0; give a whole number from 1 to 17"),
        ({"digits": 18}, "digits = 18; give"),
        ({"digits": 2.5}, "digits = 2.5; give"),
        ({"digits": "4"}, "digits = '4'; give"),
        ({"shown": "8", "weight": "W1[1,1]"}, "shown = '8': show 1 path or more"),
        ({"shown": 1.5, "weight": "W1[1,1]"}, "shown = 1.5: show 1 path or more"),
        ({"learning_rate": None}, "learning_rate = None; give a number above 0"),
        ({"weight": 3}, r"weight = 3; give text such as 'W1\[1,1\]'"),
        ({"weight": ("W1", 1, 1)}, r"weight = \('W1', 1, 1\); give text"),
        ({"weight": b"W1[1,1]"}, "weight = b'W1"),
    ],
)
def test_a_call_with_what_is_none_of_its_values_is_refused(given, said):
    network = Network([2, 3, 2])
    with pytest.raises((SettingError, DataError), match=said):
        cp.derive(network, "matrix", network.initial(0), [[1.0, 2.0]], [[0.0, 1.0]], **given)


@pytest.mark.parametrize("width", [None, "80", 19, 40.0, True])
def test_a_page_s_width_is_a_number_of_columns(width):
    with pytest.raises(SettingError, match=r"width = .+; give a whole number of columns, 20 or"):
        cp.derive(Network([2, 2])).text(width=width)


def test_what_names_no_file_is_no_notation():
    for given in (None, 3, "", b"a.toml"):
        with pytest.raises(FileError, match=r"the name of (a|the) notation is"):
            Notation.from_toml(given)


def test_sizes_are_no_network_until_one_is_made():
    with pytest.raises(GraphError, match=r"got '2-3-2'; write cp.Network\('2-3-2'\)$"):
        cp.derive("2-3-2")


@pytest.mark.parametrize(
    ("notation", "given", "said"),
    [
        ("matrix", {"W1": [[0.1, 0.2], [0.3, NOTHING], [0.4, 0.5]]}, "W⁽¹⁾₂₂ is NaN; give"),
        ("scalar", {"W1": [[0.1, 0.2], [0.3, float("inf")], [0.4, 0.5]]}, "V22 is ∞; give"),
        ("delta-rule", {"W1": [[0.1, NOTHING], [0.3, 0.2], [0.4, 0.5]]}, "w⁽²⁾₂₁ is NaN; give"),
        ("index", {"b2": [0.0, -float("inf")]}, "b⁽²⁾₂ is -?−?∞; give"),
    ],
)
def test_parameters_that_are_no_numbers_are_refused_by_name(notation, given, said):
    network = Network([2, 3, 2])
    p = {**network.initial(0), **given}
    with pytest.raises(DataError, match=f"the parameter {said} parameters that are numbers"):
        cp.derive(network, notation, p, [[1.0, 2.0]], [[0.0, 1.0]])
    d = cp.derive(network, notation, network.initial(0), [[1.0, 2.0]], [[0.0, 1.0]])
    with pytest.raises(DataError, match=f"the parameter {said}"):
        d.at(p, [[1.0, 2.0]], [[0.0, 1.0]]).text()
    for row in ("a", 0, 2):
        with pytest.raises(DataError, match="there is no row"):
            d.at(network.initial(0), [[1.0, 2.0]], [[0.0, 1.0]], row)


def test_the_parts_of_a_cost_are_counted_with_everything_put_in():
    """½ (y − a)² of a = w x + b: a product, ½, a power, 2, a sum, y and a sign; then a itself."""
    for sizes, of_a in (([1, 1], 5), ([2, 1], 8)):  # a sum of w x, three parts each, and of b
        network = Network(sizes, output="identity")
        names = Names(NOTATIONS["index"], network.graph)
        cost = forward_entries(plan(network.graph, fuse=False), plan(network.graph), names)
        assert set(cost) == {("J", ()), ("a2", (1,)), ("z2", (1,))}
        assert operations(cost, names) == 7 + of_a


def test_sympy_takes_60_parameters_and_not_one_more():
    for sizes, skipped in (([59, 1], ""), ([60, 1], "sympy_parameters")):
        network = Network(sizes)
        found = cp.derive(network, "index", *random_numbers(network, 0, 1)).verify(symbolic=True)
        assert (network.graph.size, found.skipped) == (sizes[0] + 1, skipped)
        assert (found.max_error_symbolic is None) is bool(skipped)


def test_sympy_takes_one_sample_and_one_cost_and_neither_members_nor_indices():
    x, k = cp.Input(1), cp.Input(levels=2)
    for network, m in (
        (Network([1, 1]), 2),
        (Network(inputs=x, outputs=[cp.Dense(1)(x), cp.Dense(1)(x)]), 1),
        (Network(inputs=x, outputs=cp.Dense(1, members=2)(x)), 1),
        (Network(inputs=k, outputs=cp.Embedding(1)(k)), 1),
    ):
        d = cp.derive(network, "index", *random_numbers(network, 0, m))
        found = d.verify(symbolic=True)
        assert (found.skipped, found.passed, found.errors_symbolic) == ("sympy_kind", True, {})
        assert d.why_skipped(found).startswith("SymPy skipped: it takes one sample, one cost")
        assert d.verify().skipped == "" == d.why_skipped(d.verify())
    network = Network([1, 1])
    found = cp.derive(network, "index", *random_numbers(network, 0, 1)).verify(symbolic=True)
    assert found.skipped == "" and set(found.errors_symbolic) == {"W1", "b1"}


# -- tables and pages -----------------------------------------------------------------------------
def test_a_layer_used_twice_stands_in_the_table_where_it_is_used_first():
    x, layer = cp.Input(3), cp.Dense(3, "tanh")
    network = Network(inputs=x, outputs=cp.Dense(1)(layer(layer(x))))
    p, X, Y = random_numbers(network, 0, 1)
    rows = {row["symbol"]: row for row in rosetta(network, p, X, Y, "en").rows}
    t = network.trace(p, X, Y)
    for sym, place in (("W1", (1, 0)), ("dJ/dW1", (1, 0)), ("W3", (0, 0)), ("b1", (0,)),
                       ("z3", (0, 0)), ("Delta2", (0, 0)), ("delta4", (0, 0)), ("J", ()),
                       ("a1", (0, 0)), ("y", (0, 0))):  # fmt: skip
        assert rows[sym]["value"] == t[sym][place], sym
    assert "layer 1: 1 → 2" in rows["W1"]["quantity"]
    assert "layer 3: 1 → 1" in rows["W3"]["quantity"]
    assert "layer 2" in rows["b1"]["quantity"] and "layer 4" in rows["b3"]["quantity"]


def test_the_step_of_a_table_is_of_a_weight_that_there_is():
    network = Network([3, 1])
    p, X, Y = random_numbers(network, 0, 1)
    step = rosetta(network, p, X, Y, "en").equations[-1]
    after = p["W1"][0, 0] - 0.5 * network.gradient(p, X, Y)["W1"][0, 0]
    assert step["value"] == pytest.approx(after, rel=1e-12)
    assert step["names"]["matrix"] == "W⁽¹⁾₁₁ ← W⁽¹⁾₁₁ − α ∂J/∂W⁽¹⁾₁₁"


def test_the_pages_of_the_sources_are_written_into_a_new_folder_and_again(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "pages", lambda: {"s0-matrix.md": "δ\n", "index.md": "一\n"})
    folder = tmp_path / "new" / "folder"
    for _ in range(2):
        sources.main(str(folder))
    found = {file.name: file.read_text("utf-8") for file in folder.iterdir()}
    assert found == sources.pages()


# -- values ---------------------------------------------------------------------------------------
def test_nothing_of_a_derivation_can_be_written_on_but_lines_that_are_being_filled():
    filled = {"clearprop.derivation.pages.flowing"}
    found = set()
    for _, name, _ in pkgutil.walk_packages(derivation.__path__, "clearprop.derivation."):
        for one in vars(importlib.import_module(name)).values():
            if isinstance(one, type) and one.__module__ == name and is_dataclass(one):
                found.add(one)
                assert one.__dataclass_params__.frozen == (name not in filled), one
    assert {Equation, Quantity, Number, derivation.Notation} < found and len(found) > 30


def test_a_derivation_is_itself_alone_and_may_be_a_key():
    first, second = (cp.derive(Network("1-1")) for _ in range(2))
    assert first == first and first != second
    assert {first: 1, second: 2}[second] == 2
