"""A notation of one's own, at every level: derived, printed and read back like the five."""

from __future__ import annotations

import latex_page as printed
import numpy as np
import pytest
from conftest import count
from random_networks import random_case, redrawn
from test_derivation import NETWORKS, data
from test_derivation_latex import read_back

import clearprop as cp
from clearprop.derivation import NOTATIONS, Notation, find_notation
from clearprop.derivation.notations.names import Names
from clearprop.derivation.notations.notation import CHOICES
from clearprop.errors import SettingError

#: S1's kind with other letters, layers counted from 0; δ's number is that of ours, Δ's one more
DRAWN = """
level = "graph"
script = "l"
bias_view = "column"
[symbols]
W = "A"
z = "u"
a = "h"
delta = "ε"
Delta = "Γ"
[offsets]
W = -1
z = -1
a = -1
delta = -1
"""
#: S2's kind with other letters, target first, the mean said at the gradient
NEURONS = """
level = "unit"
target_index = "p"
source_index = "q"
connection = "x"
[symbols]
W = "M"
b = "g"
z = "n"
a = "o"
J = "Q"
delta = "D"
Delta = "Γ"
[offsets]
W = 1
b = 1
"""


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """Write both files; tell the reader of LaTeX their letters."""
    files = {}
    for name, text in (("drawn", DRAWN), ("neurons", NEURONS)):
        path = tmp_path / f"{name}.toml"
        path.write_text(text, "utf-8")
        files[name] = str(path)
    own = {"Gamma": "Delta", "x": "x", "alpha": "rate"}
    read = {
        "drawn": own | {"A": "W", "u": "z", "h": "a", "varepsilon": "delta", "J": "J"},
        "neurons": own | {"M": "W", "g": "b", "n": "z", "o": "a", "D": "delta", "Q": "J"},
    }
    down = dict.fromkeys(("W", "z", "a", "delta"), -1)
    for name, path in files.items():
        monkeypatch.setitem(printed.LETTERS, path, read[name])
        monkeypatch.setitem(printed.MORE, path, down if name == "drawn" else {"W": 1, "b": 1})
    monkeypatch.setattr(printed, "COLUMN", printed.COLUMN | {files["drawn"]})
    return files


@pytest.mark.parametrize("level", CHOICES["level"])
def test_every_level_of_the_five_is_open_to_a_notation_of_ones_own(level):
    assert Notation("mine", level=level).level == level
    assert {one.level for one in NOTATIONS.values()} == set(CHOICES["level"])


@pytest.mark.prove
@pytest.mark.parametrize("m", [1, 7])
@pytest.mark.parametrize("notation", ["drawn", "neurons"])
@pytest.mark.parametrize("name", NETWORKS)
def test_a_notation_of_ones_own_derives_what_is_executed_on_every_page(name, notation, m, mine):
    network = NETWORKS[name]()
    d = cp.derive(network, mine[notation], *data(network, m))
    found = d.verify()
    assert found.unproved == ()
    assert found.max_error_trace <= 1e-10
    assert found.max_error_differences <= 1e-6
    letters = {"drawn": ("A", "ε"), "neurons": ("M", "D")}[notation]
    for page in (d.text(), d.to_latex(), d.to_html()):
        assert all(letter in page or r"\varepsilon" in page for letter in letters)


@pytest.mark.prove
@pytest.mark.parametrize("notation", ["drawn", "neurons"])
def test_random_graphs_in_a_notation_of_ones_own_verify(notation, mine):
    for seed in range(count(4, 200)):
        for m in (1, 7):
            case = redrawn(random_case(seed, rows=m), 1e-3)
            d = cp.derive(case.network, mine[notation], case.parameters, case.X, case.Y)
            found = d.verify()
            assert found.unproved == (), (seed, m)
            assert found.max_error_trace <= 1e-10
            assert found.max_error_differences <= 1e-6


@pytest.mark.prove
@pytest.mark.parametrize("m", [1, 7])
@pytest.mark.parametrize("name", NETWORKS)
def test_latex_in_ones_own_letters_read_back_is_what_is_executed(name, m, mine):
    network = NETWORKS[name]()
    sides, worst = read_back(network, mine["drawn"], *data(network, m))
    assert sides > 20
    assert worst <= 1e-10


def backward(notation, network=None):
    network = network or cp.Network("2-3-2", "tanh")
    d = cp.derive(network, notation, *data(network, 1))
    assert d.verify().passed
    return {step.id: d.names.glyph(step.target).text() for step in d.steps
            if step.kind == "backward" and not step.id.endswith("]")}  # fmt: skip


def test_at_the_graph_what_gathers_is_a_step_with_a_letter_or_without():
    assert backward(Notation("mine", level="graph"))["Delta2"] == "Δ⁽²⁾"
    bare = Notation("mine", level="graph", symbols={"Delta": ""})
    assert backward(bare)["Delta2"] == "∂J/∂a⁽²⁾"
    assert "Delta2" not in backward(Notation("mine", level="matrix", symbols={"Delta": ""}))


def test_at_the_unit_what_gathers_stands_in_delta_unless_something_else_reads_it_too():
    mine = Notation("mine", level="unit")
    assert "Delta2" not in backward(mine)
    assert "Delta2" in backward(Notation("mine", level="index"))
    x = cp.Input(3)
    h = cp.Dense(3, "tanh")(x)
    twice = cp.Network(inputs=x, outputs=cp.Dense(2)(h + cp.Dense(3, "tanh")(h)))
    assert [one for one in backward(mine, twice) if one.startswith("Delta")]
    bare = Notation("mine", level="unit", symbols={"delta": "", "Delta": ""})
    assert backward(bare)["Delta2"] == "∂J/∂a⁽²⁾"


def test_layers_counted_from_0_have_their_general_step_too(mine):
    d = cp.derive(cp.Network("2-3-2", "tanh"), mine["drawn"])
    text = d.text()
    assert "Step of A⁰" in text
    assert "with l = 0" in text
    of_first = d.step("dJ/dW1")
    assert (of_first.layer, of_first.like) == (0, "dJ/dW1[l]")
    assert next(s for s in d.steps if s.kind == "cost").layer is None


def test_the_input_has_the_letter_of_the_activations_unless_it_is_given_one(tmp_path):
    file = tmp_path / "n.toml"
    for base, text, expected in (
        ("matrix", '[symbols]\na = "h"', "h"),
        ("graph", '[symbols]\na = "h"', "h"),
        ("matrix", '[symbols]\na = "h"\ninput = "x"', "x"),
        ("scalar", '[symbols]\na = "h"', "X"),
    ):
        file.write_text(f'base = "{base}"\n{text}\n', "utf-8")
        assert find_notation(str(file)).symbols["input"] == expected
    assert Notation("mine", symbols={"a": "h"}).symbols["input"] == "h"


def test_what_arrives_at_the_input_is_not_called_the_input_where_letters_name_the_layers():
    mine = Notation("mine", script="", symbols={"Delta": "D"})
    names = Names(mine, cp.Network("2-3-2").graph)
    assert names.name("Delta1", (0,)) != names.name("a1", (0,))
    everything = [
        names.name(sym, tuple(map(int, index)))
        for sym in names._all_symbols
        for index in np.ndindex(*names._shape(sym))
    ]
    assert len(set(everything)) == len(everything)


@pytest.mark.parametrize("level", ["unit", "index", "scalar"])
def test_a_bias_column_is_refused_where_matrices_are_written_entry_by_entry(level, tmp_path):
    file = tmp_path / "n.toml"
    file.write_text(f'level = "{level}"\nbias_view = "column"\n', "utf-8")
    with pytest.raises(SettingError, match=f"level = '{level}' writes entries; use level") as told:
        find_notation(str(file))
    assert "逐个元素书写" in told.value.args[0].speak("zh")
