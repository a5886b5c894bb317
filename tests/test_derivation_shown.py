"""What a page shows of a value: what dots stand for is not computed, and prints no differently."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import count
from random_networks import random_case

import clearprop as cp
from clearprop.derivation import beside
from clearprop.derivation.printers.latex import LATEX
from clearprop.derivation.printers.layouts import TEXT
from clearprop.derivation.printers.printing import ELIDE, in_sight
from clearprop.derivation.trees.evaluating import value

NOTATIONS = ["matrix", "graph", "delta-rule", "scalar", "index"]


def batch(sizes, m):
    network, rng = cp.Network(sizes), np.random.default_rng(m)
    X, Y = rng.normal(size=(m, sizes[0])), rng.normal(size=(m, sizes[-1]))
    return network, network.initial(seed=m), X, Y


def whole_and_shown(d):
    """Of each equation that has a value: the whole, the shown; and of what stands above it."""
    for step in d.steps:
        for equation in step.equations:
            yield d.value(equation), d.shown(equation)
            for node, found in d.before(equation):
                if not str(getattr(node, "sym", "")).startswith("learning"):
                    start = d.start(equation)
                    at = d.numbers.bound(d.row)
                    yield start[1] if start else value(node, d.numbers, at), found


@pytest.mark.parametrize("notation", NOTATIONS)
@pytest.mark.parametrize("m", [1, 7])
def test_it_prints_as_the_whole_does(notation, m):
    network, p, X, Y = batch([9, 8, 12, 10], m)
    for weight in (None, "W1[3,5]"):
        d = cp.derive(network, notation, p, X, Y, weight=weight)
        other = d.at(p, X, Y)  # where nothing whole has been asked for
        cut = 0
        for step in d.steps:
            for equation in step.equations:
                found, whole = other.shown(equation), d.value(equation)
                assert (found is None) == (whole is None)
                if found is None:
                    continue
                for layout in (TEXT, LATEX):
                    printer = d.printer(layout)
                    assert printer.array(found) == printer.array(whole), step.id
                cut += found.size < whole.size
        assert cut >= (0 if weight else 6)


def test_axes_are_cut_behind_where_dots_begin():
    assert in_sight(ELIDE) is None
    assert in_sight(ELIDE + 1) == tuple(range(ELIDE + 1))
    assert in_sight(100) == (*range(ELIDE), 99)


@pytest.mark.prove
def test_the_shown_entries_of_any_graph_are_those_of_the_whole(monkeypatch):
    monkeypatch.setattr(beside, "in_sight", lambda size: (0, size - 1) if size > 2 else None)
    for seed in range(count(10, 100)):
        case = random_case(seed)
        notation = NOTATIONS[seed % len(NOTATIONS)]
        d = cp.derive(case.network, notation, case.parameters, case.X, case.Y)
        for whole, shown in whole_and_shown(d.at(case.parameters, case.X, case.Y)):
            if whole is None:
                assert shown is None
                continue
            for axis, size in enumerate(shown.shape):
                if size < whole.shape[axis]:
                    places = [0, *range(whole.shape[axis] - size + 1, whole.shape[axis])]
                    whole = np.take(whole, places, axis)  # the constant's column is the last
            np.testing.assert_allclose(shown, whole, rtol=1e-9, atol=1e-12, err_msg=str(seed))


@pytest.mark.parametrize("notation", NOTATIONS)
def test_a_page_of_gradients_and_updates_makes_no_matrix_of_them(notation):
    network, p, X, Y = batch([9, 8, 12, 10], 7)
    d = cp.derive(network, notation, p, X, Y)
    for step in d.steps:
        for equation in step.equations:
            d.shown(equation), list(d.before(equation))
    known = d.numbers.found.known
    assert "z4" in known and not any(name.startswith("dJ/dW") for name in known)


@pytest.mark.parametrize("notation", NOTATIONS)
def test_of_one_weight_one_entry_of_the_gradient_is_computed(notation):
    network, p, X, Y = batch([9, 8, 12, 10], 7)
    d = cp.derive(network, notation, p, X, Y, weight="W1[3,5]")
    step = d.step("dJ/dW1")
    expected = network.gradient(p, X, Y)["W1"][2, 4]
    assert d.value(step.equations[0]) == pytest.approx(expected, rel=1e-12)
    assert "dJ/dW1" not in d.numbers.found.known


@pytest.mark.parametrize("m", [1, 7])
def test_the_number_of_a_path_is_what_its_written_product_gives(m):
    network, p, X, Y = batch([9, 8, 12, 10], m)
    d = cp.derive(network, "matrix", p, X, Y, weight="W1[3,5]").at(p, 2 * X, Y)
    *products, together = d.step("dJ/dW1:paths").equations
    for one in [*products, together]:
        assert d.value(one) == pytest.approx(d.worth(one), rel=1e-11)
    put_in = d.substituted(together)  # p₁ + … + R with the numbers just printed
    shown = [term.body.number * -1 if hasattr(term, "body") else term.number
             for term in put_in.terms]  # fmt: skip
    assert shown[:-1] == pytest.approx([float(d.value(one)) for one in products], rel=1e-13)
    assert sum(shown) == pytest.approx(d.value(together), rel=1e-11)
