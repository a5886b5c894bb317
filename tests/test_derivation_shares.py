"""δ and Δ are derivatives of what stands above the line: the cost, or one sample's share of it."""

from __future__ import annotations

import numpy as np
import pytest

import clearprop as cp
from clearprop.derivation import NOTATIONS
from clearprop.derivation.notations.notation import Notation

BARE = {
    "gradient": Notation("bare", symbols={"delta": "", "Delta": ""}),
    "delta": Notation("inside", symbols={"delta": "", "Delta": ""}, mean_at="delta"),
}
"""No letter for δ and Δ; 1/m in the gradient, or inside δ."""


def plain():
    return cp.Network("2-3-2", "tanh", l2=0.1)


def members():
    x = cp.Input(2)
    hidden = cp.Dense(3, "tanh", members=2)(x)
    return cp.Network(inputs=x, outputs=cp.Dense(2, members=2)(hidden), l2=0.1)


def two_costs():
    x = cp.Input(2)
    hidden = cp.Dense(3, "tanh")(x)
    return cp.Network(
        inputs=x, outputs=[cp.Dense(2)(hidden), cp.Dense(1, "sigmoid")(hidden)], l2=0.1
    )


def case(build, m):
    network = build()
    rng = np.random.default_rng(5)
    p = {name: rng.normal(size=np.shape(array)) for name, array in network.initial(0).items()}
    X = rng.normal(size=(m, 2))
    costs = [cost.value for cost in network.graph.costs]
    sizes = [network.graph.values[value].type.shape[0] for value in costs]
    Y = {value: rng.uniform(0.1, 0.9, size=(m, size))
         for value, size in zip(costs, sizes, strict=True)}  # fmt: skip
    return network, p, X, Y


def by_bias(network, p, X, Y, name, place, row):
    """∂/∂b of one sample's share of the cost: a central difference of a batch of that sample."""
    only = slice(row - 1, row)
    step, found = 1e-6, []
    for sign in (1, -1):
        moved = {key: np.array(array, dtype=float) for key, array in p.items()}
        moved[name][place] += sign * step
        target = {value: array[only] for value, array in Y.items()}
        found.append(network.cost(moved, X[only], target))
    return (found[0] - found[1]) / (2 * step)


@pytest.mark.parametrize("m", [1, 3])
@pytest.mark.parametrize("notation", [*NOTATIONS.values(), *BARE.values()], ids=lambda n: n.name)
@pytest.mark.parametrize("build", [plain, members, two_costs])
def test_what_stands_above_the_line_is_what_was_differentiated(build, notation, m):
    network, p, X, Y = case(build, m)
    d = cp.derive(network, notation, p, X, Y, row=m)
    top, below = d.names.differentiated
    whole = (top, below) == ("J", ())
    assert whole == (m == 1 or notation.mean_at == "delta")
    assert whole or (top, below) == (("C", ()) if build is plain else ("J", ("s",)))
    letter = notation.symbols[top] + ("ₛ" if below else "")
    for name in [one for one in p if one.startswith("b")]:
        delta = "delta" + network.graph.nodes[network.graph.parameters[name].users[0]].output[1:]
        if not notation.symbols["delta"]:
            assert d.names.glyph(delta).top.text() == letter
        else:  # what it is stands below the first step that computes one
            assert f" ∂{letter}/∂" in d.text(width=300)
        step = d.step(delta).equations[0]
        printed = np.ravel(np.asarray(d.value(step), dtype=float))[0]
        entry = (0,) * np.ndim(p[name])
        expected = by_bias(network, p, X, Y, name, entry, row=m) / (m if whole else 1)
        assert printed == pytest.approx(expected, rel=1e-6), (name, delta)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_sample_s_share_is_explained_where_no_equation_names_it(language):
    said = {
        "en": "Jₛ is what sample s contributes: J is the mean of Jₛ over the samples",
        "zh": "Jₛ 是第 s 个样本的目标函数：J 是各样本 Jₛ 的平均",
    }[language]
    for build, m, times in ((plain, 3, 0), (members, 1, 0), (members, 3, 1), (two_costs, 3, 1)):
        network, p, X, Y = case(build, m)
        for notation in ("matrix", BARE["gradient"]):
            d = cp.derive(network, notation, p, X, Y, language=language)
            assert d.verify().passed
            assert d.text(width=300).count(said) == times
