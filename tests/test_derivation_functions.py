"""Functions of a network: each is called by its name, its second form by a number, and defined."""

from __future__ import annotations

import pytest

import clearprop as cp
from clearprop.backprop import plan
from clearprop.derivation.command.calls import random_numbers
from clearprop.derivation.printers.layouts import TEXT
from clearprop.derivation.steps.functions import function_names, functions_of
from clearprop.network import Network


def many():
    """Three elu of other settings, two softmax of other sizes, and one elu as the first."""
    x = h = cp.Input(2)
    for alpha in (1.0, 0.7, 0.5, 1.0):
        h = cp.Activation("elu", alpha=alpha)(cp.Dense(2)(h))
    h = cp.Activation("softmax")(cp.Dense(3)(cp.Activation("softmax")(h)))
    return Network(inputs=x, outputs=cp.Dense(1)(h))


def defined(network, notation):
    d = cp.derive(network, notation, *random_numbers(network, 0, 1))
    assert d.verify().passed
    p = d.printer(TEXT)
    return {
        step.id: [
            " = ".join([p.render(one.left), *map(p.render, one.members)]) for one in step.equations
        ]
        for step in d.steps
        if step.kind == "definition"
    }, d


def test_a_function_is_one_of_its_settings_and_of_its_size():
    found = functions_of(plan(many().graph, fuse=False))
    assert list(found) == ["elu", "elu2", "elu3", "softmax", "softmax2"]
    assert [dict(found[name].attrs)["alpha"] for name in ("elu", "elu2", "elu3")] == [1.0, 0.7, 0.5]
    assert [found[name].args[0].shape for name in ("softmax", "softmax2")] == [(2,), (3,)]
    assert set(function_names(plan(many().graph), "f").values()) == set(found)
    alone = plan(Network([2, 3, 3], "tanh", cost="cross_entropy").graph, fuse=False)
    assert list(function_names(alone, "f").values()) == ["f", "softmax"]  # f is the one alone
    assert function_names(plan(Network([2, 3]).graph), "f") == {}  # the identity is none


def test_a_function_is_defined_with_its_slope_and_its_settings():
    found, d = defined(many(), "matrix")
    assert found == {
        "elu": ["elu(x) = {x if 0 < x, else e^(x) − 1}", "elu′(x) = {1 if 0 < x, else e^(x)}"],
        "elu2": ["elu2(x) = {x if 0 < x, else 0.7 (e^(x) − 1)}",
                 "elu2′(x) = {1 if 0 < x, else 0.7 e^(x)}"],
        "elu3": ["elu3(x) = {x if 0 < x, else ½ (e^(x) − 1)}",
                 "elu3′(x) = {1 if 0 < x, else ½ e^(x)}"],
        "softmax": ["softmax(x)ᵢ = e^(xᵢ)/(Σⱼ₌₁² e^(xⱼ))"],
        "softmax2": ["softmax2(x)ᵢ = e^(xᵢ)/(Σⱼ₌₁³ e^(xⱼ))"],
    }  # fmt: skip
    assert d.step("softmax").equations[0].free == (("i", 2),)
    assert d.step("elu2").equations[0].free == ()
    keys = [(step.title.key, step.why.key) for step in d.steps if step.kind == "definition"]
    assert keys == 3 * [("function", "function_why")] + 2 * [("link", "link_why")]


@pytest.mark.parametrize(
    ("notation", "letter"), [("matrix", "f"), ("graph", "σ"), ("index", "g"), ("scalar", "f")]
)
def test_one_function_alone_has_the_texts_letter_and_its_slope_is_folded(notation, letter):
    times = " · " if notation == "scalar" else " "
    f = letter
    found, d = defined(Network([2, 3, 2], "sigmoid"), notation)
    assert found == {"sigmoid": [
        f"{f}(x) = 1/(1 + e^(−x))",
        f"{f}′(x) = {f}(x){times}(1 − {f}(x))"
        f" = (1/(1 + e^(−x))){times}(1 − 1/(1 + e^(−x)))",
    ]}  # fmt: skip
    assert d.step("sigmoid").title.speak("en") == f"The function {f} = sigmoid"
    assert f"through {f};" in d.step("sigmoid").why.speak("en")
    found, d = defined(Network([2, 3, 3, 2], ["sigmoid", "tanh"]), notation)
    assert found["tanh"] == ["tanh′(x) = 1 − tanh(x)²"]
    assert found["sigmoid"][0] == "sigmoid(x) = 1/(1 + e^(−x))"
    assert d.step("sigmoid").title.speak("en") == "The function sigmoid"


def test_letters_of_an_index_are_the_notations_own_after_a_layers_function():
    """What a definition of a whole layer used is free again for the steps behind it."""
    network = Network([2, 3, 3], "tanh", cost="cross_entropy")
    d = cp.derive(network, "index")
    p = d.printer(TEXT)
    assert p.render(d.step("z2").equations[0].members[0]) == "(Σⱼ₌₁² w⁽¹⁾ᵢⱼ a⁽¹⁾ⱼ) + b⁽¹⁾ᵢ"
    d = cp.derive(network, "scalar")
    assert len(d.step("z2").equations) == 3  # written out, as before
