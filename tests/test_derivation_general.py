"""Layers of one form: the step in general, for any layer l, and what it says of each layer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from test_derivation import NETWORKS, changes, data
from test_derivation_latex import read_back

import clearprop as cp
from clearprop.derivation import NOTATIONS, Notation
from clearprop.derivation.steps.general import instance, instances
from clearprop.derivation.trees.tree import Quantity, Total, Width, walk

WITH_GENERAL = [name for name in NOTATIONS if name != "scalar"]


def deep(**settings):
    return cp.Network([3, 4, 5, 4, 3, 2], "tanh", **settings)


def lines(derivation, step):
    """A step's equations, and where their letters run, as text."""
    shown = derivation.text(width=400).splitlines()
    start = next(i for i, line in enumerate(shown) if line.startswith(f"{f'({step.number})':>5} "))
    end = next((i for i in range(start, len(shown)) if not shown[i]), len(shown))
    return [line.strip() for line in shown[start + 2 : end]]


@pytest.mark.parametrize(
    ("notation", "step", "expected"),
    [
        ("matrix", "z2[l]", ["z⁽ˡ⁺¹⁾ = W⁽ˡ⁾ a⁽ˡ⁾ + b⁽ˡ⁾", "for every l = 1…5"]),
        ("matrix", "delta5[l]", ["δ⁽ˡ⁾ = (W⁽ˡ⁾ᵀ δ⁽ˡ⁺¹⁾) ⊙ tanh′(z⁽ˡ⁾)", "for every l = 5…2"]),
        ("matrix", "dJ/dW1[l]",
         ["∂J/∂W⁽ˡ⁾ = (1/m) Σₛ₌₁ᵐ δ⁽ˡ⁺¹⁾ₛ a⁽ˡ⁾ₛᵀ", "for every l = 1…5"]),
        ("graph", "Delta5[l]", [
            "Δˡ⁺¹ = Θ̄ˡᵀ δˡ⁺¹", "for every l = 5…2",
            "Θ̄ˡ is Θˡ without its last column, the biases: they are the weights of a constant "
            "input 1, and nothing lies behind that to pass anything back to."]),
        ("graph", "delta5[l]", ["δˡ = Δˡ⁺¹ ⊙ tanh′(zˡ)", "for every l = 5…2"]),
        ("delta-rule", "delta5[l]", [
            "δ⁽ˡ⁾ᵢ = (Σⱼ₌₁^(Sₗ₊₁) w⁽ˡ⁺¹⁾ᵢⱼ δ⁽ˡ⁺¹⁾ⱼ) tanh′(u⁽ˡ⁾ᵢ)",
            "for every l = 5…2, i = 1…Sₗ"]),
        ("index", "z2[l]", [
            "z⁽ˡ⁺¹⁾ᵢ = (Σⱼ₌₁^(Sₗ) w⁽ˡ⁾ᵢⱼ a⁽ˡ⁾ⱼ) + b⁽ˡ⁾ᵢ",
            "for every l = 1…5, i = 1…Sₗ₊₁", "Sₗ is the number of units of layer l."]),
        ("index", "dJ/dW1[l]",
         ["∂J/∂w⁽ˡ⁾ᵢⱼ = δ⁽ˡ⁺¹⁾ᵢ a⁽ˡ⁾ⱼ", "for every l = 1…5, i = 1…Sₗ₊₁, j = 1…Sₗ"]),
    ],
)  # fmt: skip
def test_the_general_step_reads_as_the_texts_print_it(notation, step, expected):
    d = cp.derive(deep(output="sigmoid"), notation)
    assert lines(d, d.step(step)) == expected


def test_each_layer_is_an_instance_of_the_general_step_and_says_which():
    for notation in WITH_GENERAL:
        d = cp.derive(deep(output="sigmoid"), notation)
        general = d.step("delta5[l]")
        for layer in (5, 4, 3, 2):
            step = d.step(f"delta{layer}")
            assert (step.like, step.layer) == (general.id, layer)
            assert step.why.speak("en") == f"({general.number}) with l = {layer}"
            assert step.why.speak("zh") == f"({general.number}) 取 l = {layer}"
            assert step.number > general.number
            assert instance(general.equations[0], layer, d.names) == step.equations[0]
        assert "slope" in general.why.speak("en")
        assert d.step("delta6").like == ""  # the output's is of another form


def test_layers_of_another_function_are_of_another_form():
    d = cp.derive(NETWORKS["mixed"](), "matrix")
    for layer in (5, 4, 3, 2):
        assert d.step(f"delta{layer}").like == ""
    assert d.step("dJ/dW3").like == "dJ/dW1[l]"
    two = cp.derive(cp.Network([2, 3, 3, 3, 3, 1], ["tanh", "relu", "tanh", "relu"]), "index")
    assert lines(two, two.step("a2[l]"))[1] == "for every l = 2, 4, i = 1…3"  # of one size: no Sₗ
    assert two.step("delta5").like == two.step("delta3").like == "delta5[l]"
    assert two.step("delta4").like == two.step("delta2").like == "delta4[l]"


def test_where_letters_name_layers_the_first_of_a_form_is_referred_to():
    d = cp.derive(cp.Network([3, 3, 3, 3, 3], "tanh"), "scalar")
    assert not any("[l]" in step.id for step in d.steps)
    assert d.step("a3").like == "a2"
    said = d.step("a3").why.speak("en")
    assert said == f"The same form as ({d.step('a2').number}), another layer."


@pytest.mark.parametrize("m", [1, 7])
@pytest.mark.parametrize("notation", NOTATIONS)
def test_general_steps_verify_and_their_latex_reads_back(notation, m):
    network = cp.Network([2, 3, 4, 3, 2], "tanh", output="sigmoid", l2=0.1,
                         bias="unit" if m == 1 else "shared")  # fmt: skip
    numbers = data(network, m)
    d = cp.derive(network, notation, *numbers)
    general = [step for step in d.steps if step.id.endswith("[l]")]
    assert len(general) >= (0 if notation == "scalar" else 6)
    found = d.verify()
    assert found.passed
    assert {step.id for step in general} <= set(found.errors_trace)
    assert read_back(network, notation, *numbers)[1] <= 1e-10


@pytest.mark.parametrize("notation", WITH_GENERAL)
def test_a_wrong_general_step_does_not_verify(notation):
    network = deep(output="sigmoid")
    d = cp.derive(network, notation, *data(network, 1))
    tried = 0
    for place, step in enumerate(d.steps):
        if not step.id.endswith("[l]") or step.kind == "update":
            continue
        (equation,) = step.equations
        for other in changes(equation.members[-1]):
            wrong = replace(step, equations=(replace(equation, members=(other,)),))
            try:
                found = replace(d, steps=(*d.steps[:place], wrong, *d.steps[place + 1 :])).verify()
            except ValueError:  # the shapes do not multiply
                tried += 1
                continue
            assert found.worst == step.id, other
            tried += 1
    products = NOTATIONS[notation].level not in ("unit", "index")  # else they are of two
    assert tried >= 1 + products


def test_layers_with_biases_and_without_have_forms_of_their_own():
    x = cp.Input(3)
    h = cp.Dense(3, "tanh")(x)
    for bias in ("unit", "none", "unit", "none"):
        h = cp.Dense(3, "tanh", bias=bias)(h)
    network = cp.Network(inputs=x, outputs=h)
    d = cp.derive(network, "graph", *data(network, 1))
    assert d.verify().passed
    shown = [
        lines(d, step)[0] for step in d.steps if step.id.startswith("Delta") and "[l]" in step.id
    ]
    assert shown == ["Δˡ⁺¹ = Θˡᵀ δˡ⁺¹", "Δˡ⁺¹ = Θ̄ˡᵀ δˡ⁺¹"]


def test_the_letter_of_a_layer_is_no_index_and_no_layers_name():
    mine = Notation("mine", level="index", target_index="l", source_index="k")
    d = cp.derive(cp.Network([2, 3, 4, 2], "tanh"), mine)
    assert lines(d, d.step("z2[n]")) == [
        "z⁽ⁿ⁺¹⁾ₗ = (Σₖ₌₁^(Sₙ) W⁽ⁿ⁾ₗₖ a⁽ⁿ⁾ₖ) + b⁽ⁿ⁾ₗ",
        "for every n = 1…3, l = 1…Sₙ₊₁",
        "Sₙ is the number of units of layer n.",
    ]


def test_an_input_of_another_letter_is_not_any_layers_value():
    mine = Notation("mine", symbols={"input": "x"})
    d = cp.derive(cp.Network([2, 3, 4, 2], "tanh"), mine)
    assert d.step("z2").like == ""
    assert lines(d, d.step("z3[l]"))[1] == "for every l = 2, 3"


def test_titles_in_general_name_no_layer():
    d = {language: cp.derive(deep(), "matrix", language=language) for language in ("en", "zh")}
    said = {language: [s.title.speak(language) for s in d[language].steps if "[l]" in s.id]
            for language in d}  # fmt: skip
    assert "Input of layer l+1" in said["en"] and "Gradient of W⁽ˡ⁾" in said["en"]
    assert "第 l+1 层的输入" in said["zh"] and "W⁽ˡ⁾ 的梯度" in said["zh"]


def test_instances_fill_in_the_sizes():
    d = cp.derive(deep(), "delta-rule")
    (equation,) = d.step("z2[l]").equations
    assert [one.free for one in instances(equation, d.names)] == [
        (("j", 4),), (("j", 5),), (("j", 4),), (("j", 3),), (("j", 2),)]  # fmt: skip
    sums = [n for one in instances(equation, d.names) for n in walk(one.members[0])
            if isinstance(n, Total)]  # fmt: skip
    assert [total.size for total in sums] == [3, 4, 5, 4, 3]
    (total,) = (n for n in walk(equation.members[0]) if isinstance(n, Total))
    assert total.upper == Width("a1", -1)
    assert not any(
        isinstance(n, Width) or (isinstance(n, Quantity) and n.layer is not None)
        for one in instances(equation, d.names) for n in walk(one.members[0])
    )  # fmt: skip


def test_data_say_over_which_layers_and_units_an_equation_holds():
    found = cp.derive(deep(), "index").to_dict()["steps"]
    where = {step["id"]: step["equations"][0]["for"] for step in found}
    assert where["z2[l]"] == {"l": [1, 2, 3, 4, 5], "i": "Sₗ₊₁"}
    assert where["z2"] == {"i": 4}
    layers = {step["id"]: (step["like"], step["layer"]) for step in found}
    assert layers["z3"] == ("z2[l]", 2)
    assert layers["a1"] == ("", None)


def test_new_numbers_leave_the_general_steps_alone():
    network = deep()
    d = cp.derive(network, "matrix", *data(network, 1))
    other = d.at(*data(network, 1, seed=9))
    assert other.steps is d.steps
    assert all(other.value(e) is None for s in other.steps if "[l]" in s.id for e in s.equations)
    assert np.shape(other.value(other.step("delta2").equations[0])) == (4,)
