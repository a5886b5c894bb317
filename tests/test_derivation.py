"""What is printed is what is executed: every step, in five notations, on every kind of graph."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from conftest import count
from random_networks import random_case, redrawn

import clearprop as cp
from clearprop.derivation import NOTATIONS
from clearprop.derivation.printers.layouts import TEXT
from clearprop.derivation.trees.tree import Minus, Plus, Quantity, Times, Turn, rebuild
from clearprop.derivation.wording.messages import MESSAGES
from clearprop.errors import DataError, GraphError, SettingError

RNG = np.random.default_rng(11)


def residual():
    x = cp.Input(3)
    h = cp.Dense(4, "tanh")(x)
    h = h + cp.Dense(4, "softplus")(h)
    return cp.Network(inputs=x, outputs=cp.Dense(2)(h + cp.Activation("silu")(h)), l2=0.01)


def diamond():
    x = cp.Input(3)
    both = cp.concat(cp.Dense(2, "tanh")(x), cp.Dense(3, "sigmoid")(x))
    out = cp.Dense(2)(both + cp.Dense(5)(both))
    return cp.Network(inputs=x, outputs=out, cost="binary_cross_entropy")


def tied():
    x, layer = cp.Input(3), cp.Dense(3, "tanh")
    return cp.Network(inputs=x, outputs=cp.Dense(2)(layer(layer(x))), l2=0.1)


NETWORKS = {
    "shared bias": lambda: cp.Network("2-3-2", "sigmoid", output="sigmoid", bias="shared"),
    "softmax": lambda: cp.Network("4-5-3", "tanh", cost="cross_entropy"),
    "residual": residual,
    "diamond": diamond,
    "tied": tied,
    "mixed": lambda: cp.Network(
        [3, 4, 3, 3, 2, 2], ["tanh", "softplus", "silu", "gelu"], l2=0.05, cost="log_cosh"
    ),
}


def data(network, m, seed=1):
    r = np.random.default_rng(seed)
    p = network.initial(seed=3)
    for array in p.values():
        array += r.normal(size=array.shape) * 0.3
    width = network.graph.values[network.graph.outputs[0]].type.shape[0]
    kind = network.graph.costs[0].row.target
    Y = r.integers(0, width, m) if kind == "class" else r.uniform(size=(m, width))
    return p, r.normal(size=(m, network.graph.inputs[0].width)), Y


@pytest.mark.prove
@pytest.mark.parametrize("m", [1, 7])
@pytest.mark.parametrize("notation", NOTATIONS)
@pytest.mark.parametrize("name", NETWORKS)
def test_every_step_is_what_is_executed(name, notation, m):
    network = NETWORKS[name]()
    found = cp.derive(network, notation, *data(network, m)).verify()
    assert found.unproved == ()
    assert found.max_error_trace <= 1e-10
    assert found.max_error_differences <= 1e-6


PARTS = count(1, 4)  # so that several workers share them


@pytest.mark.parametrize("part", range(PARTS))
def test_random_graphs_are_derived_as_they_are_executed(proof, part):
    worst = [0.0, 0.0]
    seeds = range(part, count(5, 200), PARTS)
    for seed in seeds:
        for m in (1, 7):
            case = redrawn(random_case(seed, rows=m), 1e-3)
            for notation in NOTATIONS:
                d = cp.derive(case.network, notation, case.parameters, case.X, case.Y)
                found = d.verify()
                assert found.unproved == (), (seed, m, notation)
                worst[0] = max(worst[0], found.max_error_trace)
                worst[1] = max(worst[1], found.max_error_differences)
    assert worst[0] <= 1e-10
    assert worst[1] <= 1e-6
    proof("derivations of random graphs verify", len(seeds) * 10, trace=worst[0],
          differences=worst[1])  # fmt: skip


def changes(node):
    """Every tree with one piece wrong: a sign, a lost transpose, a lost term, a lost factor."""
    found = []
    for wrong in (
        lambda n: n.body if isinstance(n, Minus) else None,
        lambda n: n.body if isinstance(n, Turn) else None,
        lambda n: Plus(n.terms[1:]) if isinstance(n, Plus) and len(n.terms) > 2 else None,
        lambda n: n.terms[0] if isinstance(n, Plus) and len(n.terms) == 2 else None,
        lambda n: (
            Times(n.factors[1:], n.kind) if isinstance(n, Times) and len(n.factors) > 2 else None
        ),
    ):
        other = rebuild(node, lambda n, wrong=wrong: n if wrong(n) is None else wrong(n))
        if other != node:
            found.append(other)
    return found


@pytest.mark.parametrize("notation", NOTATIONS)
def test_a_wrong_step_does_not_verify_and_says_so_at_the_top(notation):
    network = cp.Network("2-2-2-1", ["tanh", "softplus"], l2=0.1)
    d = cp.derive(network, notation, *data(network, 1))
    tried = 0
    for place, step in enumerate(d.steps):
        if step.kind not in ("forward", "backward", "gradient"):
            continue
        for equation in step.equations[:1]:
            for other in changes(equation.members[-1]):
                wrong = replace(step, equations=(replace(equation, members=(other,)),))
                steps = (*d.steps[:place], wrong, *d.steps[place + 1 :])
                try:
                    passed = replace(d, steps=steps).verify().passed
                except ValueError:  # the shapes do not multiply
                    passed = False
                assert not passed, (step.id, other)
                tried += 1
    assert tried >= 8


def test_a_gradient_left_out_is_missed():
    network = NETWORKS["softmax"]()
    d = cp.derive(network, "matrix", *data(network, 1))
    without = tuple(step for step in d.steps if step.id != "dJ/db1")
    found = replace(d, steps=without).verify()
    assert found.unproved == ("b1",)
    assert not found.passed


def test_the_recursion_reads_as_the_texts_print_it():
    d = {n: cp.derive(NETWORKS["shared bias"](), n) for n in NOTATIONS}

    def printed(notation, step):
        equation = d[notation].step(step).equations[0]
        p = d[notation].printer(TEXT)
        return f"{p.render(equation.left)} = {p.render(equation.members[0])}"

    assert printed("matrix", "delta2") == "δ⁽²⁾ = (W⁽²⁾ᵀ δ⁽³⁾) ⊙ f′(z⁽²⁾)"
    assert printed("graph", "Delta2") == "Δ³₃₁ = Θ̄²₂₃ᵀ δ³₂₁"
    assert printed("graph", "delta2") == "δ²₃₁ = Δ³₃₁ ⊙ σ′(z²₃₁)"
    assert printed("delta-rule", "delta2") == "δ⁽²⁾ᵢ = (Σⱼ₌₁² w⁽³⁾ᵢⱼ δ⁽³⁾ⱼ) f′(u⁽²⁾ᵢ)"
    assert printed("delta-rule", "dJ/dW2") == "∂E/∂w⁽³⁾ᵢⱼ = δ⁽³⁾ⱼ x⁽³⁾ᵢⱼ"
    assert printed("index", "delta2") == "δ⁽²⁾ᵢ = (Σⱼ₌₁² w⁽²⁾ⱼᵢ δ⁽³⁾ⱼ) g′(z⁽²⁾ᵢ)"
    assert printed("index", "delta3") == "δ⁽³⁾ᵢ = −(yᵢ − a⁽³⁾ᵢ) g′(z⁽³⁾ᵢ)"
    assert printed("scalar", "z2") == "H1 = V11 · X1 + V21 · X2 + b1"
    assert printed("matrix", "dJ/dW1") == "∂J/∂W⁽¹⁾ = (1/m) Σₛ₌₁ᵐ δ⁽²⁾ₛ a⁽¹⁾ₛᵀ"


def test_cost_and_link_together_give_the_shortcut():
    d = cp.derive(NETWORKS["softmax"](), "matrix")
    equation = d.step("delta3:link").equations[0]
    assert d.printer(TEXT).render(equation.members[0]) == "a⁽³⁾ − y"


def test_paths_that_meet_are_summed():
    d = cp.derive(residual(), "graph")
    said = [step.why.speak("en") for step in d.steps if step.id == "Delta4"]
    assert said == ["2 paths leave this value, so 2 derivatives come back and add up (⊕)."]


def test_new_numbers_need_no_new_derivation():
    network = NETWORKS["shared bias"]()
    d = cp.derive(network, "scalar", *data(network, 1))
    p, X, Y = data(network, 1, seed=9)
    other = d.at(p, X, Y)
    assert other.steps is d.steps
    expected = network.trace(p, X, Y)["z2"][0, 1]
    assert other.value(other.step("z2").equations[1]) == expected


def test_ids_come_from_names_and_links_lead_to_steps():
    d = cp.derive(NETWORKS["mixed"](), "matrix")
    ids = [step.id for step in d.steps]
    assert len(set(ids)) == len(ids)
    assert {"z2", "a2", "C", "J", "delta2", "dJ/dW1", "W1:=", "penalty"} <= set(ids)
    place = {id: i for i, id in enumerate(ids)}
    for step in d.steps:
        assert all(place[used] < place[step.id] for used in step.uses)


def test_a_large_network_is_derived_without_writing_out_every_entry():
    for notation in NOTATIONS:
        d = cp.derive(cp.Network("784-512-512-10", cost="cross_entropy"), notation)
        assert len(d.text().splitlines()) < 400
        assert len(d.to_html().encode()) < 1_000_000


def test_plain_derive_loads_no_sympy():
    code = (
        "import sys, clearprop as cp; d = cp.derive(cp.Network('2-3-2')); d.text(); d.to_latex();"
        "d.to_html(); print('sympy' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"


def test_json_holds_every_step_on_every_page_with_its_errors():
    network = NETWORKS["shared bias"]()
    found = json.loads(cp.derive(network, "index", *data(network, 7)).to_json())
    assert found["verified"] is True
    assert found["max_error_trace"] <= 1e-10
    assert found["max_error_differences"] <= 1e-6
    delta = next(step for step in found["steps"] if step["id"] == "delta2")
    assert delta["uses"] == ["delta3", "z2"] or set(delta["uses"]) == {"delta3", "z2"}
    assert set(delta["equations"][0]) >= {"text", "latex", "mathml", "value", "for"}


def test_every_message_stands_in_both_languages_and_chinese_has_no_latin_words():
    for key in MESSAGES.keys():  # noqa: SIM118  # a table of messages is no mapping
        chinese = MESSAGES._table[key]["zh"]
        plain = re.sub(r"\{\w+\}|--[\w-]+|SymPy", "", chinese)  # SymPy is a code's name
        assert not re.search(r"[A-Za-z]{2,}", plain), (key, chinese)
        assert re.search(r"[\u4e00-\u9fff]|[{（]", chinese), key


@pytest.mark.parametrize(
    ("kind", "change", "hint"),
    [
        (SettingError, {"notation": "indx"}, "did you mean 'index'"),
        (SettingError, {"language": "fr"}, "there are|did you mean"),
        (GraphError, {"weight": "W9"}, "no 'W9'"),
        (SettingError, {"weight": "W1"}, "name one of them"),
        (SettingError, {"weight": "a1[1]"}, "no parameter"),
        (DataError, {"Y": None}, "together"),
        (DataError, {"row": 4}, "no row 4"),
    ],
)
def test_a_wrong_question_is_answered_in_one_sentence(kind, change, hint):
    network = NETWORKS["shared bias"]()
    p, X, Y = data(network, 1)
    given = {"notation": "matrix", "parameters": p, "X": X, "Y": Y} | change
    with pytest.raises(kind, match=hint):
        cp.derive(network, **given)


def test_symbols_of_quantities_are_the_plans():
    d = cp.derive(NETWORKS["tied"](), "matrix")
    assert isinstance(d.step("z2").equations[0].left, Quantity)
    assert d.step("dJ/dW1").why.speak("en").startswith("The same parameter is used 2 times")


def why(derivation, step):
    return derivation.step(step).why.speak("en")


def test_a_function_says_nothing_of_itself_and_nothing_twice():
    d = cp.derive(cp.Network([2, 2, 2, 2], ["tanh", "exp"]), "matrix")
    said = {
        step.id: [
            [d.printer_text(side) for side in (one.left, *one.members)] for one in step.equations
        ]
        for step in d.steps
        if step.kind == "definition"
    }
    assert said == {
        "tanh": [["tanh′(x)", "1 − tanh(x)²"]],
        "exp": [["exp′(x)", "e^(x)"]],
    }


def wires():
    """A sum, a stack, an index, factors and a coupled function: every kind of wire back."""
    k, x = cp.Input(levels=4), cp.Input(2)
    both = cp.concat(cp.Embedding(2, name="table")(k), x)
    h = cp.Dense(4, "tanh", name="first")(both)
    h = cp.Activation("softmax", name="soft")(cp.Scale(name="scaled")(both + h))
    return cp.Network(inputs=[k, x], outputs=cp.Dense(2, name="last")(h))


@pytest.mark.parametrize("notation", ["graph", "matrix"])
def test_every_wire_back_has_its_own_reason(notation):
    d = cp.derive(wires(), notation)
    sums = next(s for s in d.steps if s.id.startswith("Delta") and len(s.equations) == 1
                and "[1…2]" in d.printer_text(s.equations[0].members[0]))  # fmt: skip
    assert "its own entries" in sums.why.speak("en")
    assert why(d, "Delta_soft").startswith("Along each wire back, times its weight")
    assert "depends on all its inputs" in why(d, "Delta_scaled")
    assert "times the factor" in why(d, next(
        s.id for s in d.steps if s.id.startswith("Delta") and "scaled" in repr(s.uses)
        and s.id != "Delta_scaled"))  # fmt: skip
    assert "row that was looked up" in why(d, "dJ/dE_table")
    assert "δ" not in why(d, "dJ/dE_table")


def test_a_wire_without_a_weight_is_not_said_to_have_one():
    x = cp.Input(3)
    h = cp.Dense(3, "tanh")(x)
    net = cp.Network(inputs=x, outputs=cp.Dense(2)(h + cp.Dense(3, "sigmoid")(h)))
    assert why(cp.derive(net, "graph"), "Delta3") == (
        "This wire has no weight: what arrives at its end comes back unchanged."
    )
    assert why(cp.derive(net, "graph"), "delta3") == (
        "What arrives at the unit, times the unit's own slope (⊙)."
    )
    assert "weight" not in why(cp.derive(net, "matrix"), "delta3")
    assert why(cp.derive(net, "matrix"), "delta2") == (
        "2 paths leave this value, so 2 derivatives come back and add up (⊕); then the unit's "
        "own slope (⊙)."
    )
    chain = cp.derive(cp.Network("2-3-2", "sigmoid"), "matrix")
    assert "each times its weight" in why(chain, "delta2")
    assert "slope of the identity is 1" in why(chain, "delta3")


def test_a_unit_of_the_identity_is_said_to_have_the_slope_that_its_equation_shows():
    x = cp.Input(3)
    h = cp.Dense(3, "identity")(x)
    own = cp.Network(inputs=x, outputs=cp.Dense(2)(cp.Activation("tanh")(h)))
    d = cp.derive(own, "matrix")
    assert "⊙ f′(a⁽²⁾)" in d.printer_text(d.step("delta2").equations[0].members[-1])
    assert why(d, "delta2") == (
        "What arrives behind the function, times the slope of the function (⊙)."
    )
    assert why(cp.derive(own, "graph"), "delta2") == (  # there Δ has a step of its own
        "What arrives at the unit, unchanged: the slope of the identity is 1."
    )
    forked = cp.Network(inputs=x, outputs=cp.Dense(2)(h + cp.Dense(3, "tanh")(h)))
    d = cp.derive(forked, "matrix")
    assert "′" not in d.printer_text(d.step("delta2").equations[0].members[-1])
    assert why(d, "delta2") == (
        "2 paths leave this value, so 2 derivatives come back and add up (⊕)."
    )


def test_softmax_is_said_to_have_no_slope_unit_by_unit():
    for notation in ("graph", "matrix", "index"):
        assert why(cp.derive(NETWORKS["softmax"](), notation), "delta3") == (
            "Every output of the function depends on all its inputs, so what arrives at each of "
            "them takes part."
        )


def test_no_factor_1_is_written():
    x = cp.Input(2)
    h = cp.Activation("identity")(cp.Dense(2, "identity")(x))
    for notation in ("graph", "matrix", "index"):
        d = cp.derive(cp.Network(inputs=x, outputs=cp.Dense(2)(h)), notation)
        assert not re.search(r"= \(?1 [^/−+]", d.text())


def test_a_cost_of_10_to_the_11_is_rounded_and_verifies_all_the_same():
    network = cp.Network([2, 2, 1], "tanh")
    parameters = dict(network.initial(0)) | {"W2": np.array([[1e6, 1.0]])}
    data = {"X": [[0.126, -0.132]], "Y": [[0.64]]}
    d = cp.derive(network, parameters=parameters, **data)
    assert network.cost(parameters, **data) > 1e9
    assert d.verify().passed


def test_a_deep_network_is_differenced_at_places_spread_over_it(monkeypatch):
    network = cp.Network([3] * 60, "tanh")
    d = cp.derive(network, "matrix", *data(network, 1))
    calls = []
    cost = cp.Network.cost
    monkeypatch.setattr(cp.Network, "cost", lambda *a: calls.append(1) or cost(*a))
    assert d.verify().passed
    assert 100 < len(calls) < 400  # of 2 · 708 parameters
