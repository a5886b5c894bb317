"""The native engine computes what the plan says: against the float64 reference, everywhere."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from conftest import count
from engine_runs import data_of, flat_of, opened, state_of, window
from random_networks import COSTS, FUNCTIONS, Case, chain_case, random_case

from clearprop import _native
from clearprop.backprop import Position, Trace, sample_gradients
from clearprop.engine import Data, NativeRunner, ReferenceRunner, State
from clearprop.engine.isa import choose
from clearprop.engine.pieces import combine
from clearprop.errors import DataError, NativeError, SettingError
from clearprop.graph import Dense, Input
from clearprop.network import Network
from clearprop.optimizers import NATIVE, SGD, optimizer

# ‖a − b‖∞ ≤ tolerance · (scale of the summands): the claims of the engine
TOLERANCE = {"float64": 1e-12, "float32": 1e-5}
#: Each is a code of its own. The one that runs where nobody chooses meets the most cases.
CHOSEN = choose().name
OTHERS = [name for name, _, here in _native.instruction_sets() if here and name != CHOSEN]


def summands(case: Case, trace: Trace) -> dict[str, float]:
    """The largest Σ |δ| |a| of each parameter's entries: over samples, members and units alike."""
    plan = case.network.plan
    adjoints = {step.target.name for step in plan.steps if step.kind in ("arrive", "adjoint")}
    sizes = {name: np.abs(trace[name]) if name in adjoints else trace[name] for name in trace}
    signed, unsigned = (
        sample_gradients(plan, replace(trace, arrays=dict(arrays))) for arrays in (trace, sizes)
    )
    return {
        name: max(
            float(np.abs(one[name]).sum(axis=0).max(initial=0.0)) for one in (signed, unsigned)
        )
        for name in signed
    }


def disagreement(case: Case, runner: NativeRunner, step: int = 3, least: float = 0.0) -> float:
    """The largest error of cost and gradient, relative to the scale of each sum's summands.

    `least` is that scale where δ itself is nothing but rounding.
    """
    network, rows = case.network, np.arange(len(runner.data))
    at = Position(seed=case.seed, step=step)
    trace = network.trace(case.parameters, case.X, case.Y, case.weights, at)
    node = combine(runner.gradient(state_of(case, runner, step), rows, runner.total_weight(rows)))
    scales = summands(case, trace)
    worst = abs(node.cost + trace.penalty - trace.cost) / max(1.0, abs(trace.cost))
    parts = dict(network.graph.sections())
    for parameter in runner.program.parameters:
        name = parameter.name
        w = case.parameters[name]
        expected = trace.gradient[name] - parameter.penalty * w
        error = np.abs(node.gradient[parts[name]] - expected.reshape(-1)).max(initial=0.0)
        scale = max(scales[name] + np.abs(parameter.penalty * w).max(initial=0.0), least)
        worst = max(worst, error / scale if error else 0.0)
    return float(worst)


@pytest.mark.prove
@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_gradients_are_the_plans_on_random_graphs(precision: str, proof: object) -> None:
    number, worst = count(200, 2000), 0.0
    for seed in range(number):
        case = random_case(seed, rows=1 + seed % 40 if seed % 10 else 300)
        runner = opened(case, precision=precision)
        found = disagreement(case, runner)
        assert found <= TOLERANCE[precision], f"seed {seed}: {found}"
        worst = max(worst, found)
    proof(f"native {precision} gradients are the plan's on random graphs", number, worst=worst)  # type: ignore[operator]


@pytest.mark.parametrize("precision", ["float64", "float32"])
@pytest.mark.parametrize("isa", OTHERS)
def test_gradients_are_the_plans_by_every_other_instruction_set(isa: str, precision: str) -> None:
    for seed in range(count(40, 400)):
        case = random_case(seed, rows=1 + seed % 40 if seed % 10 else 300)
        runner = opened(case, precision=precision, isa=isa)
        assert runner.isa == isa
        found = disagreement(case, runner)
        assert found <= TOLERANCE[precision], f"seed {seed}: {found}"


def test_layers_by_the_thousand_train_as_in_the_reference() -> None:
    layers = count(1100, 5000)  # Python's own depth of calls is 1000
    x = h = Input(2)
    for number in range(layers):
        layer = Dense(2, "tanh")
        h = h + layer(h) if number % 4 == 0 else layer(h)
    network = Network(inputs=x, outputs=Dense(1)(h), l2=1e-3)
    rng = np.random.default_rng(0)
    data = data_of(network, rng.normal(size=(5, 2)), rng.normal(size=(5, 1)))
    start = network.initial(0).flat
    found = []
    for runner in (
        NativeRunner(network.graph, SGD(0.1), data, precision="float64"),
        ReferenceRunner(network.graph, SGD(0.1), data),
    ):
        state = State.initial(start, SGD(0.1), 0, "float64", runner.family)
        report = runner.run(state, window([np.arange(5)] * 2))
        assert report.done == 2
        found.append(state.parameters)
    assert np.abs(found[0] - start).max() > 1e-3
    assert np.abs(found[0] - found[1]).max() <= 1e-12 * np.abs(start).max()


def test_fusing_changes_no_bit() -> None:
    for seed in range(count(60, 5000)):
        case = random_case(seed, rows=1 + seed % 150)
        found = []
        for fuse in (True, False):
            runner = opened(case, SGD(0.05), fuse=fuse)
            rows = np.arange(len(runner.data))
            state = state_of(case, runner)
            runner.run(state, window([rows, rows[::-1]], 0.01))
            found.append(state.parameters.tobytes())
        assert found[0] == found[1], f"seed {seed}"


@pytest.mark.parametrize("precision", ["float64", "float32"])
@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize("function", [*FUNCTIONS, "softmax"])
def test_every_function_meets_every_cost(function: str, cost: str, precision: str) -> None:
    sizes = ((1, 1, 3), (1, 9, 5), (3, 4, 3), (3, 37, 19))  # outputs, m, hidden
    cases = [(CHOSEN, *size) for size in sizes] + [(isa, *sizes[-1]) for isa in OTHERS]
    for (isa, outputs, m, hidden), weighted in itertools.product(cases, (False, True)):
        case = chain_case(function, cost, outputs, weighted, seed=m, hidden=hidden, m=m)
        if function == "exp":  # of exp: keep to what float32 can hold
            case = replace(case, parameters={n: 0.3 * w for n, w in case.parameters.items()})
        only = outputs == 1 and cost == "cross_entropy"  # of one class: δ = a − y = 1 − 1
        runner = opened(case, precision=precision, isa=isa)
        found = disagreement(case, runner, least=1.0 if only else 0.0)
        assert found <= TOLERANCE[precision], isa
        apart = opened(case, precision=precision, isa=isa, fuse=False)
        fused, unfused = (
            combine(one.gradient(state_of(case, one), np.arange(m), one.total_weight(np.arange(m))))
            for one in (runner, apart)
        )
        assert fused.gradient.tobytes() == unfused.gradient.tobytes()
        assert fused.cost == unfused.cost


# Of a gradient that is rounding itself, Rprop and Lion take anyone's sign: test_optimizers_more.
@pytest.mark.parametrize("name", [name for name in NATIVE if name not in ("rprop", "lion")])
@pytest.mark.parametrize("clip", [None, 0.05])
@pytest.mark.parametrize("isa", [CHOSEN, *OTHERS])
def test_training_steps_are_the_references(isa: str, clip: float | None, name: str) -> None:
    seeds, whole = count(12, 200) if isa == CHOSEN else count(3, 20), 0
    for seed in range(seeds):
        case = random_case(seed, rows=50)
        rng = np.random.default_rng(seed)
        batches = [rng.permutation(50)[: int(rng.integers(2, 50))] for _ in range(6)]
        given = optimizer(name)
        native = opened(case, given, precision="float64", clip=clip, isa=isa)
        reference = ReferenceRunner(case.network.graph, given, native.data, clip)
        states = [state_of(case, native), state_of(case, native)]
        reports = [
            runner.run(state, window(batches, 0.01))
            for runner, state in zip((native, reference), states, strict=True)
        ]
        assert (reports[0].why, reports[0].done) == (reports[1].why, reports[1].done)
        np.testing.assert_allclose(reports[0].costs, reports[1].costs, rtol=1e-11, atol=1e-12)
        stepped = np.isfinite(reports[1].costs)  # a batch of no weight has no norm
        if clip is not None:
            norms = [report.norms[stepped] for report in reports]
            np.testing.assert_allclose(*norms, rtol=1e-10)
        scale = np.abs(states[1].parameters).max()
        # Where g is rounding itself, g / √v is anyone's sign: √v tells (0 is exact, and agrees).
        v = np.sqrt(states[1].slots.get("v", np.zeros(1)))
        told = np.broadcast_to((v == 0) | (v > 1e-9), states[1].parameters.shape)
        assert told.mean() >= 0.9
        error = np.abs(states[0].parameters - states[1].parameters)
        assert error[told].max() <= 1e-12 * scale
        assert (
            error[~told].max(initial=0.0) <= 6 * 20 * 0.01
        )  # six steps of 10 α at most, where both may go
        assert states[0].step == states[1].step == reports[1].done
        whole += reports[1].done == 6
    assert whole >= 0.99 * seeds  # the others diverge, both at the same step


@pytest.mark.parametrize("isa", [CHOSEN, *OTHERS])
def test_outputs_and_cost_of_data_are_the_references(isa: str) -> None:
    for seed in range(40 if isa == CHOSEN else 10):
        case = random_case(seed, rows=1 + 7 * seed)
        native = opened(case, precision="float64", isa=isa)
        reference = ReferenceRunner(case.network.graph, SGD(0.1), native.data)
        flat = flat_of(case.network, case.parameters)
        expected = reference.forward(flat, native.data.inputs)
        for name, out in native.forward(flat, native.data.inputs).items():
            np.testing.assert_allclose(out, expected[name], rtol=1e-11, atol=1e-12)
        cost = reference.evaluate(flat, native.data)
        np.testing.assert_allclose(native.evaluate(flat, native.data), cost, rtol=1e-11)


def test_a_dense_one_hot_target_is_its_class_to_the_bit() -> None:
    for smoothing in (0.0, 0.2):
        network = Network([4, 9, 5], cost="cross_entropy", label_smoothing=smoothing)
        rng = np.random.default_rng(1)
        X, y = rng.normal(size=(30, 4)), rng.integers(0, 5, 30)
        flat = network.initial(seed=1)
        found = []
        for target in (y, np.eye(5)[y]):
            runner = NativeRunner(network.graph, SGD(0.1), data_of(network, X, target))
            start = flat_of(network, dict(flat))
            state = State.initial(start, SGD(0.1), 0, "float32", runner.family)
            report = runner.run(state, window([np.arange(30)]))
            found.append((state.parameters.tobytes(), report.costs.tobytes()))
        assert found[0] == found[1]


def test_inputs_of_any_layout_give_the_same_bits() -> None:
    network = Network([6, 5, 2])
    rng = np.random.default_rng(2)
    X = rng.normal(size=(20, 6))
    Y = rng.normal(size=(20, 2))
    wide = np.zeros((40, 18))
    wide[::2, ::3] = X
    packed = np.zeros(20, dtype=[("skew", "i1"), ("x", "f8", 6)])
    packed["x"] = X
    frozen = X.copy()
    frozen.flags.writeable = False
    layouts = [X, np.asfortranarray(X), wide[::2, ::3], packed["x"], frozen, X[::-1][::-1]]
    start = flat_of(network, dict(network.initial(seed=3)))
    found = set()
    for layout in layouts:
        runner = NativeRunner(network.graph, SGD(0.1), data_of(network, layout, Y))
        state = State.initial(start, SGD(0.1), 0, "float32", runner.family)
        runner.run(state, window([np.arange(20)]))
        found.add(state.parameters.tobytes())
    assert len(found) == 1


def scattered(array: np.ndarray) -> np.ndarray:
    """The same numbers, every second row and third column of something larger, backwards."""
    if array.ndim == 1:
        wide = np.zeros(2 * len(array), array.dtype)
        wide[::-2] = array
        return wide[::-2]
    wide = np.zeros((2 * len(array), 3 * array.shape[1]), array.dtype, order="F")
    wide[::-2, ::-3] = array
    return wide[::-2, ::-3]


@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_scattered_arrays_of_random_graphs_give_the_same_bits(precision: str) -> None:
    """Every row of the table: inputs, targets and weights that are views, beside whole arrays."""
    met: set[str] = set()
    for seed in range(count(60, 1000)):
        case = random_case(seed, rows=1 + seed % 33)
        views = {
            what: {key: scattered(np.asarray(a)) for key, a in given.items()}
            if isinstance(given, dict)
            else scattered(np.asarray(given))
            for what, given in (("X", case.X), ("Y", case.Y), ("weights", case.weights))
            if given is not None
        }
        found = []
        for one in (case, replace(case, **views)):
            runner = opened(one, precision=precision)
            state = state_of(one, runner)
            runner.run(state, window([np.arange(len(runner.data))] * 2, 0.01))
            found.append(state.parameters.tobytes())
        assert found[0] == found[1], f"seed {seed}"
        met |= {node.row.name for node in case.network.graph.nodes}
    assert met >= {"affine", "gather", "scale", "add", "concat", "dropout", "softmax"}, met


def test_a_batch_of_no_weight_is_skipped_and_counted() -> None:
    network = Network([2, 3, 1], "tanh")
    rng = np.random.default_rng(3)
    weights = np.r_[np.zeros(4), np.ones(4)]
    data = data_of(network, rng.normal(size=(8, 2)), rng.normal(size=(8, 1)), weights)
    start = flat_of(network, dict(network.initial(seed=0)))
    given = optimizer("adam")
    runner = NativeRunner(network.graph, given, data, precision="float64")
    reference = ReferenceRunner(network.graph, given, data)
    states = [State.initial(start, given, 0, "float64", "x") for _ in range(2)]
    batches = [np.arange(4), np.arange(8), np.arange(4), np.arange(4, 8)]
    report = runner.run(states[0], window(batches))
    reference.run(states[1], window(batches))
    assert np.isnan(report.costs).tolist() == [True, False, True, False]
    assert (states[0].skipped, states[0].step) == (states[1].skipped, states[1].step) == (2, 4)
    np.testing.assert_allclose(states[0].parameters, states[1].parameters, rtol=1e-12)


def test_a_zero_weight_is_as_if_the_row_were_not_there() -> None:
    network = Network([3, 4, 2], "tanh")
    rng = np.random.default_rng(4)
    X, Y = rng.normal(size=(10, 3)), rng.normal(size=(10, 2))
    start = flat_of(network, dict(network.initial(seed=0)))
    kept = np.array([0, 2, 3, 7])
    weights = np.zeros(10)
    weights[kept] = 1.0
    found = []
    for data, rows in (
        (data_of(network, X, Y, weights), np.arange(10)),
        (data_of(network, X, Y), kept),
    ):
        runner = NativeRunner(network.graph, SGD(0.1), data, precision="float64")
        state = State.initial(start, SGD(0.1), 0, "float64", "x")
        found.append((runner.run(state, window([rows])).costs[0], state.parameters))
    assert abs(found[0][0] - found[1][0]) <= 1e-14
    np.testing.assert_allclose(found[0][1], found[1][1], rtol=1e-13)


def test_divergence_ends_the_run_at_its_step_and_changes_nothing() -> None:
    network = Network([2, 3, 1], "relu")
    rng = np.random.default_rng(5)
    X, Y = 1e3 * rng.normal(size=(32, 2)), 1e3 * rng.normal(size=(32, 1))
    runner = NativeRunner(network.graph, SGD(1.0), data_of(network, X, Y))
    start = flat_of(network, dict(network.initial(seed=0)))
    state = State.initial(start, SGD(1.0), 0, "float32", runner.family)
    report = runner.run(state, window([np.arange(32)] * 400, 1e3))
    assert report.why == "diverged"
    assert report.done == state.step == len(report.costs) < 400
    assert np.isfinite(report.costs[:-1]).all()
    assert not np.isfinite(report.costs[-1])
    again = State.initial(start, SGD(1.0), 0, "float32", runner.family)
    runner.run(again, window([np.arange(32)] * (report.done - 1), 1e3))
    assert again.parameters.tobytes() == state.parameters.tobytes()


def test_a_row_without_kernel_is_refused_by_name() -> None:
    from clearprop.operations import TABLE, Function

    name = "no_kernel_for_this"
    row = Function(
        name,
        definition=lambda x, attrs: x * x,
        slope=lambda x, attrs: 2 * x,
        value=lambda x, attrs: x * x,
        derivative=lambda x, attrs: 2 * x,
    )
    TABLE.register(row)
    try:
        network = Network([2, 3, 1], name)
        data = data_of(network, np.zeros((1, 2)), np.zeros((1, 1)))
        with pytest.raises(NativeError, match=f"{name}.*reference"):
            NativeRunner(network.graph, SGD(0.1), data)
    finally:
        TABLE._rows.pop(name)


def test_wrong_data_and_settings_are_named() -> None:
    network = Network([2, 3, 4], cost="cross_entropy")
    X, y = np.zeros((5, 2)), np.zeros(5, dtype=int)
    with pytest.raises(DataError, match=r"the index 4 is outside 0 … 3"):
        NativeRunner(network.graph, SGD(0.1), data_of(network, X, y + 4))
    with pytest.raises(DataError, match=r"expected shape \(5, 2\), got \(5, 3\)"):
        NativeRunner(network.graph, SGD(0.1), data_of(network, np.zeros((5, 3)), y))
    with pytest.raises(DataError, match="is missing"):
        NativeRunner(network.graph, SGD(0.1), Data({"other": X}, {"y": y}))
    with pytest.raises(SettingError, match="threads=0"):
        NativeRunner(network.graph, SGD(0.1), data_of(network, X, y), threads=0)
    with pytest.raises(SettingError, match="clip=-1"):
        NativeRunner(network.graph, SGD(0.1), data_of(network, X, y), clip=-1)
    runner = NativeRunner(network.graph, SGD(0.1), data_of(network, X, y))
    state = State.initial(np.zeros(network.graph.size), SGD(0.1), 0, "float32", "x")
    with pytest.raises(DataError, match="rows outside 0 … 4"):
        runner.run(state, window([np.array([5])]))
    runner.close()
    with pytest.raises(NativeError, match="closed"):
        runner.run(state, window([np.array([0])]))


def test_rows_that_are_judged_in_turn_are_each_judged_as_alone() -> None:
    rng = np.random.default_rng(0)
    network = Network([3, 4, 2], "tanh", cost="cross_entropy")
    flat = network.initial(0).flat
    rows = [
        data_of(
            network,
            rng.normal(size=(n, 3)),
            rng.integers(0, 2, n).astype(np.int32),
            weights,
        )
        for n, weights in ((5, None), (7, rng.random(7)), (4, None))
    ]
    alone = [NativeRunner(network.graph, None, one).evaluate(flat, one) for one in rows]
    runner = NativeRunner(network.graph, None, rows[0])
    for place in (0, 1, 1, 2, 1, 0, 2):
        assert runner.evaluate(flat, rows[place]) == alone[place]
    runner.use(rows[1])
    assert [runner.evaluate(flat, one) for one in rows] == alone
