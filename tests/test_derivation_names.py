"""Names in the five texts, of chains and of graphs: letters, numbers, sizes; and back again."""

from __future__ import annotations

import numpy as np
import pytest

import clearprop as cp
from clearprop.derivation import NOTATIONS, Notation
from clearprop.derivation.notations.glyphs import Glyph, Partial, joined, lowered, raised
from clearprop.derivation.notations.names import Names, base_of, split
from clearprop.derivation.trees.tree import Var
from clearprop.errors import GraphError
from clearprop.network import Network


def graph():
    """Two inputs, a layer used twice with one bias for all its units, two outputs."""
    x, more = cp.Input(2), cp.Input(1)
    layer = cp.Dense(2, "tanh", name="twice", bias="shared")
    h = cp.concat(cp.Dropout(0.5, name="drop")(layer(layer(x))), more)
    one, two = cp.Dense(2, "sigmoid", name="one"), cp.Dense(1, "exp", name="two", bias="none")
    return Network(inputs=[x, more], outputs=[one(h), two(h)])


CHAIN, SHARED, GRAPH = Network("2-3-4-2"), Network("2-3-2", bias="shared"), graph()
SYMBOLS = {
    "chain": "W1 b1 W2 b2 W3 b3 a1 z2 a2 z3 a3 z4 a4 y Delta1 delta2 Delta3 delta4 dJ/dW1 dJ/db3 J",
    "shared": "W1 b1 W2 b2 a1 z2 a3 y delta2 dJ/db2",
    "graph": "W_twice b_twice W_one b_one a1 a2 z_twice a_twice_2 a6 z_one a_two y_one "
    "delta_twice Delta6 dJ/dW_two dJ/db_twice",
}
NETWORKS = {"chain": CHAIN, "shared": SHARED, "graph": GRAPH}
#: The first entry of each symbol above.
FIRST = {
    ("chain", "matrix"): "W⁽¹⁾₁₁ b⁽¹⁾₁ W⁽²⁾₁₁ b⁽²⁾₁ W⁽³⁾₁₁ b⁽³⁾₁ a⁽¹⁾₁ z⁽²⁾₁ a⁽²⁾₁ z⁽³⁾₁ a⁽³⁾₁ "
    "z⁽⁴⁾₁ a⁽⁴⁾₁ y₁ ∂J/∂a⁽¹⁾₁ δ⁽²⁾₁ ∂J/∂a⁽³⁾₁ δ⁽⁴⁾₁ ∂J/∂W⁽¹⁾₁₁ ∂J/∂b⁽³⁾₁ J",
    ("chain", "graph"): "Θ¹₁₁ Θ¹₁₃ Θ²₁₁ Θ²₁₄ Θ³₁₁ Θ³₁₅ a¹₁ z²₁ a²₁ z³₁ a³₁ z⁴₁ a⁴₁ y₁ Δ²₁ δ²₁ Δ⁴₁ "
    "δ⁴₁ Θ′¹₁₁ Θ′³₁₅ Cost",
    ("chain", "delta-rule"): "w⁽²⁾₁₁ b⁽²⁾₁ w⁽³⁾₁₁ b⁽³⁾₁ w⁽⁴⁾₁₁ b⁽⁴⁾₁ t⁽¹⁾₁ u⁽²⁾₁ t⁽²⁾₁ u⁽³⁾₁ "
    "t⁽³⁾₁ u⁽⁴⁾₁ t⁽⁴⁾₁ y₁ ∂E/∂t⁽¹⁾₁ δ⁽²⁾₁ ∂E/∂t⁽³⁾₁ δ⁽⁴⁾₁ ∂E/∂w⁽²⁾₁₁ ∂E/∂b⁽⁴⁾₁ E",
    ("chain", "scalar"): "V⁽¹⁾₁₁ b⁽¹⁾₁ V⁽²⁾₁₁ b⁽²⁾₁ W11 b⁽³⁾₁ X1 H⁽²⁾₁ P⁽²⁾₁ H⁽³⁾₁ P⁽³⁾₁ Q1 O1 Y1 "
    "∂E/∂X1 ∂E/∂H⁽²⁾₁ ∂E/∂P⁽³⁾₁ ∂E/∂Q1 ∂E/∂V⁽¹⁾₁₁ ∂E/∂b⁽³⁾₁ E",
    ("chain", "index"): "w⁽¹⁾₁₁ b⁽¹⁾₁ w⁽²⁾₁₁ b⁽²⁾₁ w⁽³⁾₁₁ b⁽³⁾₁ a⁽¹⁾₁ z⁽²⁾₁ a⁽²⁾₁ z⁽³⁾₁ a⁽³⁾₁ "
    "z⁽⁴⁾₁ a⁽⁴⁾₁ y₁ ∂J/∂a⁽¹⁾₁ δ⁽²⁾₁ ∂J/∂a⁽³⁾₁ δ⁽⁴⁾₁ ∂J/∂w⁽¹⁾₁₁ ∂J/∂b⁽³⁾₁ J",
    ("shared", "matrix"): "W⁽¹⁾₁₁ b⁽¹⁾ W⁽²⁾₁₁ b⁽²⁾ a⁽¹⁾₁ z⁽²⁾₁ a⁽³⁾₁ y₁ δ⁽²⁾₁ ∂J/∂b⁽²⁾",
    ("shared", "graph"): "Θ¹₁₁ b¹ Θ²₁₁ b² a¹₁ z²₁ a³₁ y₁ δ²₁ b′²",
    ("shared", "delta-rule"): "w⁽²⁾₁₁ b⁽²⁾ w⁽³⁾₁₁ b⁽³⁾ t⁽¹⁾₁ u⁽²⁾₁ t⁽³⁾₁ y₁ δ⁽²⁾₁ ∂E/∂b⁽³⁾",
    ("shared", "scalar"): "V11 b1 W11 b2 X1 H1 O1 Y1 ∂E/∂H1 ∂E/∂b2",
    (
        "graph",
        "matrix",
    ): "W⁽ᵗʷⁱᶜᵉ⁾₁₁ b⁽ᵗʷⁱᶜᵉ⁾ W⁽ᵒⁿᵉ⁾₁₁ b⁽ᵒⁿᵉ⁾₁ a⁽¹⁾₁ a⁽²⁾₁ z⁽ᵗʷⁱᶜᵉ⁾₁ "
    "a^(twice_2)₁ a⁽⁶⁾₁ z⁽ᵒⁿᵉ⁾₁ a⁽ᵗʷᵒ⁾₁ y⁽ᵒⁿᵉ⁾₁ δ⁽ᵗʷⁱᶜᵉ⁾₁ ∂J/∂a⁽⁶⁾₁ "
    "∂J/∂W⁽ᵗʷᵒ⁾₁₁ ∂J/∂b⁽ᵗʷⁱᶜᵉ⁾",
    ("graph", "graph"): "Θᵗʷⁱᶜᵉ₁₁ bᵗʷⁱᶜᵉ Θᵒⁿᵉ₁₁ Θᵒⁿᵉ₁₄ a¹₁ a²₁ zᵗʷⁱᶜᵉ₁ a^(twice_2)₁ "
    "a⁶₁ zᵒⁿᵉ₁ aᵗʷᵒ₁ yᵒⁿᵉ₁ δᵗʷⁱᶜᵉ₁ Δ⁷₁ Θ′ᵗʷᵒ₁₁ b′ᵗʷⁱᶜᵉ",
    (
        "graph",
        "scalar",
    ): "V⁽ᵗʷⁱᶜᵉ⁾₁₁ b⁽ᵗʷⁱᶜᵉ⁾ W⁽ᵒⁿᵉ⁾₁₁ b⁽ᵒⁿᵉ⁾₁ X⁽¹⁾₁ X⁽²⁾₁ H⁽ᵗʷⁱᶜᵉ⁾₁ "
    "P^(twice_2)₁ P⁽⁶⁾₁ Q⁽ᵒⁿᵉ⁾₁ O⁽ᵗʷᵒ⁾₁ Y⁽ᵒⁿᵉ⁾₁ ∂E/∂H⁽ᵗʷⁱᶜᵉ⁾₁ ∂E/∂P⁽⁶⁾₁ "
    "∂E/∂W⁽ᵗʷᵒ⁾₁₁ ∂E/∂b⁽ᵗʷⁱᶜᵉ⁾",
}
#: Each symbol whole.
WHOLE = {
    ("chain", "matrix"): "W⁽¹⁾ b⁽¹⁾ W⁽²⁾ b⁽²⁾ W⁽³⁾ b⁽³⁾ a⁽¹⁾ z⁽²⁾ a⁽²⁾ z⁽³⁾ a⁽³⁾ z⁽⁴⁾ a⁽⁴⁾ y "
    "∂J/∂a⁽¹⁾ δ⁽²⁾ ∂J/∂a⁽³⁾ δ⁽⁴⁾ ∂J/∂W⁽¹⁾ ∂J/∂b⁽³⁾ J",
    ("chain", "graph"): "Θ̄¹₃₂ b¹₃₁ Θ̄²₄₃ b²₄₁ Θ̄³₂₄ b³₂₁ a¹₂₁ z²₃₁ a²₃₁ z³₄₁ a³₄₁ z⁴₂₁ a⁴₂₁ y Δ²₂₁ "
    "δ²₃₁ Δ⁴₄₁ δ⁴₂₁ Θ̄′¹₃₂ b′³₂₁ Cost",
    ("shared", "scalar"): "V b1 W b2 X H O Y ∂E/∂H ∂E/∂b2",
    ("graph", "graph"): "Θ̄ᵗʷⁱᶜᵉ₂₂ bᵗʷⁱᶜᵉ Θ̄ᵒⁿᵉ₂₃ bᵒⁿᵉ₂₁ a¹₂₁ a²₁₁ zᵗʷⁱᶜᵉ₂₁ "
    "a^(twice_2)₂₁ a⁶₃₁ zᵒⁿᵉ₂₁ aᵗʷᵒ₁₁ yᵒⁿᵉ₂₁ δᵗʷⁱᶜᵉ₂₁ Δ⁷₃₁ Θ′ᵗʷᵒ₁₃ b′ᵗʷⁱᶜᵉ",
}


@pytest.mark.parametrize(("network", "notation"), FIRST)
def test_an_entry_is_called_as_its_text_calls_it(network, notation):
    names = Names(NOTATIONS[notation], NETWORKS[network].graph)
    found = [names.name(sym, (0,) * names.rank(sym)) for sym in SYMBOLS[network].split()]
    assert found == FIRST[network, notation].split()


@pytest.mark.parametrize(("network", "notation"), WHOLE)
def test_a_whole_quantity_is_called_as_its_text_calls_it(network, notation):
    names = Names(NOTATIONS[notation], NETWORKS[network].graph)
    found = [names.glyph(sym).text() for sym in SYMBOLS[network].split()]
    assert found == WHOLE[network, notation].split()


def test_an_entry_of_a_batch_or_of_a_member_says_which():
    names = Names(NOTATIONS["matrix"], CHAIN.graph)
    assert names.glyph("a2", (1,), sampled=True).text() == "a⁽²⁾ₛ₁"
    assert names.glyph("a2", sampled=True, member=True).below == ("s", "κ")
    assert names.glyph("a2", (Var("i", -3),)).below == ("i−3",)
    assert names.glyph("a2", (Var("i", 3), Var("j"))).below == ("i+3", "j")
    assert names.glyph("part:2") == Glyph("J", "", ("2",), flat=False)
    assert Names(NOTATIONS["scalar"], SHARED.graph).glyph("part:2").text() == "E2"
    assert names.glyph("W1", layer=0).text() == "W⁽ˡ⁾"
    assert names.glyph("delta2", layer=1).text() == "δ⁽ˡ⁺¹⁾"
    assert names.glyph("a2", layer=-1).text() == "a⁽ˡ⁻¹⁾"
    assert names.width(2).text() == "Sₗ₊₂" and names.width(0).text() == "Sₗ"
    connected = Names(NOTATIONS["delta-rule"], CHAIN.graph).glyph("a1", (2, 1), via="2")
    assert connected.text() == "x⁽²⁾₂₁"


@pytest.mark.parametrize(
    ("notation", "sym", "via", "number"),
    [
        ("matrix", "W1", "", 1), ("matrix", "delta3", "", 3), ("matrix", "J", "", None),
        ("graph", "Delta2", "", 3), ("graph", "delta2", "", 2), ("delta-rule", "W1", "", 2),
        ("delta-rule", "a1", "", 1), ("delta-rule", "a1", "2", 2), ("delta-rule", "Delta2", "", 2),
        ("scalar", "delta2", "", 2), ("matrix", "a1", "2", 1), ("matrix", "W_one", "", None),
    ],
)  # fmt: skip
def test_the_number_of_a_layer_is_the_one_that_is_printed(notation, sym, via, number):
    assert Names(NOTATIONS[notation], CHAIN.graph).number(sym, via) == number


def test_a_bias_is_the_weights_own_and_a_layers_is_its_first_use():
    names = Names(NOTATIONS["graph"], GRAPH.graph)
    assert names.biases == {"W_twice": "b_twice", "W_one": "b_one"}
    assert [names.shared(b) for b in ("b_twice", "b_one")] == [True, False]
    assert [names.column(w) for w in ("W_twice", "W_one", "W_two")] == [True, True, False]
    assert not Names(NOTATIONS["matrix"], GRAPH.graph).column("W_one")
    assert [names.layer_of(p) for p in ("W_twice", "b_twice", "W_two")] == [
        "_twice", "_twice", "_two"]  # fmt: skip
    assert names.shapes["r_drop"] == (2,) and names.shapes["y_two"] == (1,)
    assert [names.rank(s) for s in ("W_one", "b_twice", "Delta6", "dJ/dW_one", "J")] == [
        2, 0, 1, 2, 0]  # fmt: skip


def test_what_is_turned_is_a_weight_of_two_axes_or_of_members():
    names = Names(NOTATIONS["scalar"], CHAIN.graph)
    assert [names.transposed(s) for s in ("W1", "dJ/dW1", "W1+", "a1", "b1", "delta2")] == [
        True, True, True, False, False, False]  # fmt: skip
    assert names.ordered("W1", (1, 2)) == (2, 1) and names.ordered("a1", (1, 2)) == (1, 2)
    assert names.ordered("W1", (1,)) == (1,)
    members = np.arange(24.0).reshape(2, 3, 4)
    assert np.array_equal(names.oriented("W1", members), [members[0].T, members[1].T])
    assert np.array_equal(names.oriented("b1", members), members)
    assert not Names(NOTATIONS["index"], CHAIN.graph).transposed("W1")


def test_symbols_come_apart_into_role_and_label():
    for sym, parts in (("W1", ("W", "1")), ("delta12", ("delta", "12")), ("a_x_2", ("a", "_x_2")),
                       ("dJ/dW3+", ("W", "3")), ("J", ("J", "")), ("l2", ("l2", "")),
                       ("s", ("s", "")), ("s_f", ("s", "_f")),
                       ("alpha_f", ("alpha", "_f"))):  # fmt: skip
        assert split(sym) == parts, sym
    assert [base_of(s) for s in ("W1", "dJ/dW1", "W1+", "dJ/dW1+")] == ["W1"] * 4


# -- reading --------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("notation", "text", "found"),
    [
        ("matrix", "W⁽¹⁾₂₁", ("W1", (1, 0))), ("matrix", "W^{(1)}_{21}", ("W1", (1, 0))),
        ("matrix", "W^(1)_21", ("W1", (1, 0))), ("matrix", "∂J/∂W⁽¹⁾₂₁", ("dJ/dW1", (1, 0))),
        ("matrix", "dJ/dW1[2,1]", ("dJ/dW1", (1, 0))), ("matrix", "W1", ("W1", ())),
        ("matrix", "W⁽¹⁾", ("W1", ())), ("matrix", "J", ("J", ())),
        ("matrix", " W2[1, 3] ", ("W2", (0, 2))), ("matrix", "b1[3]", ("b1", (2,))),
        ("matrix", "delta2[3]", ("delta2", (2,))), ("matrix", "y₂", ("y", (1,))),
        ("graph", "Θ²₁₃", ("W2", (0, 2))), ("graph", "Θ'²₁₃", ("dJ/dW2", (0, 2))),
        ("graph", "Δ³₂", ("Delta2", (1,))),
        ("delta-rule", "w⁽³⁾₃₁", ("W2", (0, 2))), ("delta-rule", "b⁽²⁾₃", ("b1", (2,))),
        ("scalar", "V21", ("W1", (0, 1))), ("scalar", "W_12", ("W2", (1, 0))),
        ("scalar", "∂E/∂V21", ("dJ/dW1", (0, 1))), ("scalar", "X2", ("a1", (1,))),
        ("scalar", "∂E/∂P3", ("Delta2", (2,))), ("scalar", "W2[1,3]", ("W2", (0, 2))),
        ("index", "w⁽²⁾₁,₃", ("W2", (0, 2))),
    ],
)  # fmt: skip
def test_a_name_is_read_however_it_is_typed(notation, text, found):
    names = Names(NOTATIONS[notation], Network("2-3-2").graph)
    assert names.parse(text) == found


@pytest.mark.parametrize(
    ("notation", "text"),
    [
        ("matrix", "W⁽ʰᵉᵃᵈ⁾₁₂"), ("matrix", "W^(head)_12"), ("matrix", "W^{(head)}_{12}"),
        ("matrix", "W_head[1,2]"), ("graph", "Θʰᵉᵃᵈ₁₂"), ("graph", "Θ^(head)_12"),
        ("graph", "Θ^{head}_{12}"),
    ],
)  # fmt: skip
def test_the_name_of_a_layer_above_a_letter_is_read_however_it_is_typed(notation, text):
    x = cp.Input(2)
    network = Network(inputs=x, outputs=cp.Dense(2, name="head")(x))
    assert Names(NOTATIONS[notation], network.graph).parse(text) == ("W_head", (0, 1))


@pytest.mark.parametrize(
    ("notation", "text", "said"),
    [
        (
            "matrix",
            "V11",
            "in 'matrix' it is W⁽¹⁾₁₁: say W1[1,1], or take the notation 'scalar', which calls",
        ),
        ("matrix", "W_12", "in 'matrix' it is W⁽²⁾₂₁: say W2[2,1], or take the notation 'scalar'"),
        (
            "delta-rule",
            "W⁽¹⁾₂₁",
            "in 'delta-rule' it is w⁽²⁾₁₂: say W1[2,1], or take the notation 'matrix'",
        ),
        ("delta-rule", "w11", "which layer's? say W1[1,1] or W2[1,1]"),
        ("delta-rule", "w13", "which layer's? say W1[3,1]"),
        ("scalar", "w11", "did you mean 'W11'?"),
        ("scalar", "v23", "did you mean 'V23'?"),
        ("scalar", "K9", "there are 'V11', 'b⁽¹⁾₁', 'W11', 'b⁽²⁾₁'"),
        ("graph", "θ¹₂₁", "did you mean 'Θ¹₂₁'?"),
        ("matrix", "Z11", "there are 'W⁽¹⁾₁₁', 'b⁽¹⁾₁', 'W⁽²⁾₁₁', 'b⁽²⁾₁'"),
        (
            "matrix",
            "W1[0,1]",
            "W1 has the shape (3, 2), its last entry is W1[3,2]; did you mean 'W1[1,1]'?",
        ),
        ("scalar", "W1[3,3]", "its last entry is W1[3,2]; did you mean 'W1[3,2]'?"),
        ("scalar", "V32", "its last entry is V23; did you mean 'V23'?"),
        ("scalar", "V33", "its last entry is V23; did you mean 'V23'?"),
        ("matrix", "W1[1,2,3]", "did you mean 'W1[1,2]'?"),
        ("matrix", "W1[2,3]", "did you mean 'W1[3,2]'?"),
        ("matrix", "b1[4]", "b1 has the shape (3,), its last entry is b1[3]; did you mean 'b1[3]'"),
    ],
)
def test_a_name_that_does_not_exist_is_answered_with_what_may_have_been_meant(notation, text, said):
    names = Names(NOTATIONS[notation], Network("2-3-2").graph)
    with pytest.raises(GraphError) as refused:
        names.parse(text)
    assert f"the network has no {text!r}" in str(refused.value) and said in str(refused.value)


def test_a_name_that_two_notations_read_is_the_one_that_has_such_an_entry():
    names = Names(NOTATIONS["matrix"], Network("2-3-4").graph)
    with pytest.raises(GraphError) as refused:  # the delta rule's w⁽²⁾₄₁ leads from a fourth input
        names.parse("w⁽²⁾₄₁")
    assert "in 'matrix' it is W⁽²⁾₄₁: say W2[4,1], or take the notation 'index'" in str(
        refused.value
    )


def test_the_letter_of_a_layer_is_no_index():
    for indices, letter in (("ij", "l"), ("lj", "n"), ("nl", "k")):
        mine = Notation("mine", level="index", target_index=indices[0], source_index=indices[1])
        names = Names(mine, CHAIN.graph)
        assert names.letter == letter
        assert [names.layers(more) for more in (0, 2, -1)] == [
            letter, f"{letter}+2", f"{letter}−1"]  # fmt: skip


# -- signs above and below ------------------------------------------------------------------------
def test_signs_stand_above_and_below_or_are_marked_where_there_are_none():
    assert [raised(t) for t in ("", "12", "(l+1)", "N", "hidden", "(h_2)", "Q")] == [
        "", "¹²", "⁽ˡ⁺¹⁾", "ᴺ", "ʰⁱᵈᵈᵉⁿ", "^(h_2)", "^Q"]  # fmt: skip
    assert [lowered(t) for t in ((), ("1",), ("i", "j"), ("1", "12"), ("q",), ("i+1", "j"))] == [
        "", "₁", "ᵢⱼ", "₁,₁₂", "_q", "ᵢ₊₁,ⱼ"]  # fmt: skip
    assert [joined(t) for t in ((), ("12",), ("1", "2"), ("1", "12"))] == ["", "12", "12", "1,12"]
    assert Glyph("W", "1", ("2",), prime=True, bar=True).text() == "W\u0304′¹₂"
    assert Glyph("V", "", ("1", "2"), flat=True).text() == "V12"
    assert Glyph("V", "", ("1", "i"), flat=True).text() == "V₁ᵢ"
    assert Partial(Glyph("J"), Glyph("a", "(2)", ("3",))).text() == "∂J/∂a⁽²⁾₃"
