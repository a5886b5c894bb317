"""One wrong number is seen in any sample, member and entry; what is derived is not altered."""

from __future__ import annotations

import dataclasses
from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest

import clearprop as cp
from clearprop.derivation import NOTATIONS
from clearprop.derivation.command.calls import random_numbers
from clearprop.derivation.errata.wrong import ERRATA
from clearprop.derivation.notations.glyphs import Glyph, Partial
from clearprop.derivation.steps.equations import DerivedStep, Equation, Mark
from clearprop.derivation.trees import tree
from clearprop.derivation.trees.tree import Number, Quantity, Var
from clearprop.derivation.verifying.verification import Verification
from clearprop.derivation.wording.said import Said
from clearprop.network import Network


def members():
    x = cp.Input(2)
    return Network(inputs=x, outputs=cp.Dense(2, "tanh", members=3)(cp.Dense(3, "tanh")(x)))


def derived(network, notation, m):
    return cp.derive(network, notation, *random_numbers(network, 1, m))


def with_wrong(derivation, name, place):
    """The derivation beside numbers of which one is wrong by a little."""
    arrays = dict(derivation.numbers.trace.arrays)
    arrays[name] = arrays[name].copy()
    arrays[name][place] += 1e-4
    numbers = derivation.numbers
    trace = replace(numbers.trace, arrays=arrays)
    rate = numbers.scalars["learning_rate"]
    return replace(derivation, numbers=type(numbers)(derivation.names, numbers.plan, trace, rate))


@pytest.mark.parametrize("notation", ["matrix", "index"])
def test_a_wrong_number_of_any_member_and_sample_and_unit_is_seen(notation):
    d = derived(members(), notation, 2)
    assert d.verify().passed
    places = [(0, 0, 0), (1, 1, 0), (2, 0, 1), (2, 1, 1)]  # member, sample, unit
    for name, place in [*(("delta3", one) for one in places), ("z3", (2, 1, 1)), ("z2", (1, 2))]:
        assert not with_wrong(d, name, place).verify().passed, (name, place)


@pytest.mark.parametrize("notation", NOTATIONS)
def test_a_wrong_gradient_is_seen_in_any_entry(notation):
    d = derived(Network([2, 3, 2], "tanh"), notation, 1)
    for name in ("dJ/dW1", "dJ/dW2", "dJ/db1"):
        for place in np.ndindex(d.numbers.trace[name].shape):
            found = with_wrong(d, name, place).verify()
            assert not found.passed and found.worst.startswith("dJ/d"), (name, place)
            assert 1e-5 < found.max_error_trace < 1.01e-4


def test_differences_are_taken_by_every_entry_while_that_is_little_work(monkeypatch):
    def differences(network):
        calls = []
        cost = Network.cost
        d = derived(network, "matrix", 1)
        with monkeypatch.context() as patch:
            patch.setattr(Network, "cost", lambda *a: calls.append(1) or cost(*a))
            d.verify()
        return len(calls) // 2

    assert differences(Network([2, 3, 2], "tanh")) == 17
    assert differences(Network([240, 1], bias="none")) == 240
    assert differences(Network([300, 1], bias="none")) == 240
    assert differences(Network([4_999, 1])) == 240 + 1  # of 5,000 parameters; the bias is one
    assert differences(Network([5_000, 1])) == 12 + 1  # of one more: a few of each
    assert differences(Network([3] * 81, "tanh")) == 62  # 160 nodes, each run twice: of 20,000


# -- what cannot be altered -----------------------------------------------------------------------
A, B = Quantity("a2"), Number(2.0)
NODES = {
    tree.Width: ("a1", 0), tree.Number: (1.0,), tree.Literal: ((1.0,),), tree.Plus: ((A, B),),
    tree.Minus: (A,), tree.Times: ((A, B),), tree.Over: (A, B), tree.Raise: (A, B),
    tree.Turn: (A,), tree.Total: ("i", 2, A, B), tree.Call: ("f", (A,)),
    tree.Piecewise: (A, B, True, A, B), tree.Place: (1,), tree.Stack: ((A, B),),
    tree.Part: (A, 1, 2), tree.UnitVector: (A, 3), tree.Chosen: (A, 1), tree.Beside: (A,),
    tree.Square: (A,), tree.Run: ("i", (A,), False), tree.Letter: ("y", (), A),
    tree.Ratio: (A, B), tree.Quantity: ("a2",), tree.Var: ("i",),
}  # fmt: skip


def test_every_node_is_tried():
    classes = {one for one in vars(tree).values() if isinstance(one, type)}
    own = {one for one in classes if one.__module__ == tree.__name__ and one is not tree.Node}
    assert set(NODES) == own


@pytest.mark.parametrize("kind", NODES, ids=lambda kind: kind.__name__)
def test_a_node_is_known_by_what_it_holds_and_cannot_be_altered(kind):
    one, same = kind(*NODES[kind]), kind(*NODES[kind])
    assert one == same and hash(one) == hash(same) and one is not same
    field = dataclasses.fields(kind)[0].name
    with pytest.raises(FrozenInstanceError):
        setattr(one, field, getattr(one, field))
    first = dataclasses.replace(one, **{field: "else"})
    assert one != first


@pytest.mark.parametrize(
    "one",
    [Equation(A, (B,)), DerivedStep("z2", "forward", Said("input"), Said("input"), (), "z2"),
     Mark(ERRATA[0], Equation(A, (B,)), Equation(A, (B,))), Verification({}, {}), Glyph("W"),
     Partial(Glyph("J"), Glyph("a")), ERRATA[0], NOTATIONS["matrix"],
     cp.derive(Network([1, 1]))],
    ids=lambda one: type(one).__name__,
)  # fmt: skip
def test_what_was_derived_cannot_be_altered(one):
    field = dataclasses.fields(one)[0].name
    with pytest.raises(FrozenInstanceError):
        setattr(one, field, getattr(one, field))


def test_equations_alike_are_one_and_derivations_are_not_compared():
    assert Equation(A, (B,)) == Equation(A, (B,)) != Equation(A, (B,), relation="←")
    assert hash(Equation(A, (B,), (("i", 2),))) == hash(Equation(A, (B,), (("i", 2),)))
    network = Network([1, 1])
    assert cp.derive(network) != cp.derive(network)
    assert Var("i") == Var("i", 0) != Var("i", 1)


def test_an_input_that_shares_the_letter_of_the_others_is_of_their_form():
    """Letters are compared as they are written, be they one object or two."""
    once, again = "ab", "".join(("a", "b"))
    assert once is not again
    d = cp.derive(
        Network([2, 3, 4, 2], "tanh"), cp.Notation("mine", symbols={"input": once, "a": again})
    )
    assert d.step("z2").like == d.step("z4").like == "z2[l]"
