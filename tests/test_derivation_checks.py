"""Checks of a derivation see what they should: limits, outputs, members, large weights, rows."""

from __future__ import annotations

import numpy as np
import pytest

import clearprop as cp
from clearprop.cli import main
from clearprop.derivation.command.calls import random_numbers
from clearprop.derivation.trees.beyond import is_large, smaller
from clearprop.derivation.verifying.verification import POINTS, Verification
from clearprop.network import Network
from clearprop.operations import TABLE, Function


def two_outputs():
    x = cp.Input(2)
    h = cp.Dense(3, "tanh")(x)
    return Network(inputs=x, outputs=[cp.Dense(2)(h), cp.Dense(1)(h)])


@pytest.mark.parametrize(
    ("kind", "error", "passed"),
    [("errors_trace", 9e-11, True), ("errors_trace", 2e-10, False),
     ("errors_differences", 9e-7, True), ("errors_differences", 2e-6, False)],
)  # fmt: skip
def test_a_step_passes_within_1e_10_of_the_trace_and_1e_6_of_differences(kind, error, passed):
    found = Verification(**{"errors_trace": {}, "errors_differences": {}, kind: {"z2": error}})
    assert found.passed == passed
    assert found.worst == ("" if passed else "z2")


def test_definitions_are_compared_with_their_rows_far_on_both_sides_and_at_no_kink():
    assert min(POINTS) < -2 and max(POINTS) > 2
    rows = [row for row in TABLE.rows() if isinstance(row, Function)]
    kinks = {kink for row in rows for kink in row.kinks(row.settings({}))}
    assert kinks and kinks.isdisjoint(POINTS)


@pytest.mark.parametrize("notation", ["matrix", "index"])
def test_a_derivation_with_two_costs_verifies_and_names_both_targets(notation):
    network = two_outputs()
    p, X, Y = random_numbers(network, 0, 3)
    d = cp.derive(network, notation, p, X, Y)
    assert d.verify().passed
    targets = [f"y{cost.value[1:]}" for cost in network.graph.costs]
    assert [d.names.shapes[name] for name in targets] == [(2,), (1,)]
    assert [d.names.rank(name) for name in targets] == [1, 1]


def test_large_weights_verify_too():
    network = Network("1-1", output="identity", bias="none")
    d = cp.derive(network, "matrix", {"W1": [[1e6]]}, [[1.0]], [[0.0]])
    assert d.verify().passed and d.verify().max_error_differences < 1e-9


def test_where_numbers_are_too_large_each_of_two_costs_keeps_its_own_targets():
    network = two_outputs()
    p, X, Y = random_numbers(network, 0, 3)
    trace = network.trace({name: 1e200 * value for name, value in p.items()}, X, Y)
    found = smaller(network.graph, trace)[2]
    assert is_large(trace) and [y.shape for y in found.values()] == [(3, 2), (3, 1)]
    for y, own in zip(found.values(), Y.values() if isinstance(Y, dict) else Y, strict=True):
        assert y.tolist() == (own / max(1.0, np.abs(own).max())).tolist()


def test_random_counts_are_whole_numbers_and_random_classes_one_of_all():
    poisson = random_numbers(Network([2, 3, 2], cost="poisson", output="exp"), 0, 50)[2]
    assert set(poisson.ravel()) == {0.0, 1.0, 2.0, 3.0, 4.0}
    classes = random_numbers(Network([2, 3, 3], cost="cross_entropy"), 0, 50)[2]
    assert classes.sum(axis=1).tolist() == [1.0] * 50 and set(classes.ravel()) == {0.0, 1.0}
    real = random_numbers(Network([2, 3, 2]), 0, 50)[2]
    assert len(set(real.ravel())) > 50 and 0 <= real.min() <= real.max() <= 1


def test_the_numbers_shown_are_those_of_the_first_member():
    x = cp.Input(2)
    network = Network(inputs=x, outputs=cp.Dense(2, "tanh", members=3)(x))
    p, X, Y = random_numbers(network, 0, 1)
    d = cp.derive(network, "matrix", p, X, Y)
    trace = network.trace(p, X, Y)
    shown = {step.id: d.value(step.equations[0]) for step in d.steps}
    for name in ("z2", "a2", "delta2"):
        assert np.allclose(np.ravel(shown[name]), trace[name][0, 0], rtol=1e-12)
        assert not np.allclose(np.ravel(shown[name]), trace[name][2, 0])


def test_a_weight_with_its_bias_as_a_column_has_the_shape_of_both():
    d = cp.derive(Network([2, 3, 4], "tanh"), "graph")
    shapes = {step.id: step.type.shape for step in d.steps if step.kind in ("gradient", "update")}
    assert set(shapes.values()) == {(3, 3), (4, 4)}  # (units, inputs + 1)


def test_a_row_without_its_target_is_named_by_its_place_in_the_table(tmp_path, capsys):
    rows = ["a,b,t", *(f"{i % 7},{i % 5},{(i % 7) * 2 + i % 5}" for i in range(60))]
    table, holes = tmp_path / "t.csv", tmp_path / "holes.csv"
    table.write_text("\n".join(rows) + "\n")
    model = tmp_path / "m.clearprop"
    train = ["train", str(table), "--target", "t", "--epochs", "2", "-o", str(model)]
    assert main(train) == 0
    for missing in (1, 2, 3, 4):
        holes.write_text("\n".join(
            ["a,b,t", *("1,2,4" if row != missing else "1,2," for row in (1, 2, 3, 4))]) + "\n"
        )  # fmt: skip
        capsys.readouterr()
        assert main(["derive", str(model), "--data", str(holes)]) != 0
        assert f"row {missing}: there is no target 't'" in capsys.readouterr().err
        assert main(["derive", str(model), "--data", str(holes), "--row", str(missing)]) != 0
        assert f"row {missing}: there is no target 't'" in capsys.readouterr().err
