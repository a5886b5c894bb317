"""The same bits, however a step is cut: threads, pieces, slices, instruction sets, single rows."""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np
import pytest
from conftest import PROVING, count
from engine_runs import data_of, flat_of, opened, same, state_of, window
from random_networks import Case, random_case

from clearprop import _native
from clearprop.engine import Data, NativeRunner, State, open_native
from clearprop.engine.pieces import ROW_BLOCK, combine
from clearprop.errors import DataError, SettingError
from clearprop.graph import Dense, Dropout, Embedding, Input
from clearprop.network import Network
from clearprop.optimizers import NATIVE, Adam, optimizer

THREADS = (2, 3, 4, 7, 16)
SETS = [name for name, _, here in _native.instruction_sets() if here]
FMA = [name for name, family, here in _native.instruction_sets() if family == "fma" and here]


def trained(case: Case, m: int, steps: int = 3, **settings: object) -> tuple[State, list[bytes]]:
    """The state after some Adam steps, and the reported costs and norms."""
    runner = opened(case, Adam(0.01), **settings)
    state = state_of(case, runner)
    batches = [np.roll(np.arange(m), step) for step in range(steps)]
    report = runner.run(state, window(batches, 0.01))
    assert report.done == steps
    return state, [report.costs.tobytes(), report.norms.tobytes()]


@pytest.mark.prove
@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("clip", [None, 0.1])
def test_any_number_of_threads(precision: str, clip: float | None) -> None:
    sizes = (300, 1000, 1, 5, 127, 128, 129)
    for seed in range(count(14, 98)):
        m = sizes[seed % 7]
        case = random_case(seed, rows=m)
        one, reported = trained(case, m, precision=precision, clip=clip, threads=1)
        for threads in THREADS if seed < 4 or PROVING else THREADS[:2]:
            many, also = trained(case, m, precision=precision, clip=clip, threads=threads)
            assert same(one, many), f"seed {seed}, {threads} threads"
            assert reported == also


@pytest.mark.parametrize("isa", SETS)
@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("m", [129, 1000])
def test_any_number_of_threads_with_everything_at_once(m: int, precision: str, isa: str) -> None:
    """Tied, embedded, weighted, clipped, penalised, dropped out, members; up to 16 threads."""
    case = tied_case(m)
    for clip in (None, 0.05):
        settings = {"precision": precision, "clip": clip, "isa": isa}
        one, reported = trained(case, m, threads=1, **settings)
        for threads in THREADS:
            many, also = trained(case, m, threads=threads, **settings)
            assert same(one, many), threads
            assert reported == also


@pytest.mark.parametrize("isa", SETS)
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_any_number_of_threads_on_random_graphs_by_every_instruction_set(
    precision: str, isa: str
) -> None:
    for seed, m in enumerate((300, 1000, 127, 128, 129, 5)):
        case = random_case(seed, rows=m)
        one, reported = trained(case, m, precision=precision, isa=isa, threads=1)
        for threads in (2, 7):
            many, also = trained(case, m, precision=precision, isa=isa, threads=threads)
            assert same(one, many), f"seed {seed}, {threads} threads"
            assert reported == also


@pytest.mark.skipif(len(FMA) < 2, reason="needs a processor with two instruction sets that fuse")
@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("clip", [None, 0.1])
def test_instruction_sets_of_a_family(precision: str, clip: float | None) -> None:
    for seed in range(count(60, 600)):
        m = 1 + 13 * seed % 200
        case = random_case(seed, rows=m)
        states = [trained(case, m, precision=precision, clip=clip, isa=isa) for isa in FMA]
        assert all(same(states[0][0], other) for other, _ in states[1:]), f"seed {seed}"
        assert all(states[0][1] == also for _, also in states[1:])


def wide_case(m: int = 300) -> Case:
    """Layers so wide that rows and δ are packed and panels fetched ahead; three blocks of rows."""
    network = Network([40, 300, 420, 3], "relu", cost="cross_entropy")
    p, rng = network.initial(1), np.random.default_rng(7)
    parameters = {name: np.asarray(p[name]) for name in network.graph.parameters}
    return Case(network, parameters, rng.normal(size=(m, 40)), rng.integers(0, 3, m), None, 2)


@pytest.mark.parametrize("clip", [None, 0.1])
@pytest.mark.parametrize("isa", SETS)
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_wide_layers_on_threads_in_pieces_and_by_every_instruction_set(
    precision: str, isa: str, clip: float | None
) -> None:
    case, settings = wide_case(), {"precision": precision, "clip": clip, "isa": isa}
    m = len(case.Y)
    one, reported = trained(case, m, threads=1, **settings)
    for threads in (2, 3):
        many, also = trained(case, m, threads=threads, **settings)
        assert same(one, many) and reported == also, threads
    if isa in FMA:
        other, also = trained(case, m, threads=1, **settings | {"isa": FMA[-1]})
        assert same(one, other) and reported == also
    runner = opened(case, Adam(0.01), **settings)
    state, nodes = state_of(case, runner), []
    for start in (0, ROW_BLOCK):
        piece = np.arange(m)[start : ROW_BLOCK if start == 0 else m]
        nodes += runner.gradient(state, piece, float(m), place=start)
    node = combine(nodes)
    expected = case.network.gradient(case.parameters, case.X, case.Y)
    exact = np.concatenate([np.ravel(expected[name]) for name in case.parameters])
    error = np.abs(node.gradient - exact).max() / np.abs(exact).max()
    assert error < (1e-12 if precision == "float64" else 1e-5)
    runner.apply(state, node.gradient, 0.01)
    fused = state_of(case, runner)
    runner.run(fused, window([np.arange(m)], 0.01))
    assert same(fused, state)


@pytest.mark.skipif(not _native.bfloat16_sets(), reason="needs a processor with bfloat16 products")
@pytest.mark.parametrize("clip", [None, 0.1])
@pytest.mark.parametrize("kernels", _native.bfloat16_sets() or ["none"])
def test_wide_layers_of_bfloat16_on_threads(
    kernels: str, clip: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLEARPROP_BFLOAT16", kernels)
    case = wide_case()
    one, reported = trained(case, 300, precision="bfloat16", clip=clip, threads=1)
    assert one.family == kernels
    for threads in (2, 3):
        many, also = trained(case, 300, precision="bfloat16", clip=clip, threads=threads)
        assert same(one, many) and reported == also, threads


def test_slices_of_a_run() -> None:
    for seed in range(8):
        case = random_case(seed, rows=40)
        rng = np.random.default_rng(seed)
        batches = [rng.permutation(40)[: int(rng.integers(1, 40))] for _ in range(12)]
        runner = opened(case, Adam(0.01))
        whole = state_of(case, runner)
        costs = runner.run(whole, window(batches)).costs
        for sizes in ([1] * 12, [7, 5], [2, 1, 4, 5]):
            state, found, start = state_of(case, runner), [], 0
            for size in sizes:
                found.append(runner.run(state, window(batches[start : start + size])).costs)
                start += size
            assert same(whole, state)
            assert np.concatenate(found).tobytes() == costs.tobytes()


def tied_net() -> Network:
    """Tied layers and tables, shared biases, dropout, l2, members."""
    x, k = Input(5, name="x"), Input(levels=4, name="k")
    table, layer = Embedding(6), Dense(6, "tanh", bias="shared")
    h = table(k) + Dense(6, "silu")(x) + table(k)
    h = Dropout(0.3)(layer(layer(h)))
    out = Dense(3, members=2)(h)
    return Network(inputs=[x, k], outputs=out, cost="cross_entropy", l2=0.01)


def tied_case(m: int, seed: int = 5) -> Case:
    network, rng = tied_net(), np.random.default_rng(seed)
    parameters = {n: rng.normal(size=p.shape) * 0.5 for n, p in network.graph.parameters.items()}
    X = {"x": rng.normal(size=(m, 5)), "k": rng.integers(0, 4, m)}
    weights = rng.random(m) * (rng.random(m) < 0.9) + 1e-3
    return Case(network, parameters, X, rng.integers(0, 3, m), weights, seed)


def penalty(case: Case, runner: NativeRunner) -> float:
    """λ/2 Σ W² of the weights that are penalised, a member's share being 1/K."""
    graph, flat = case.network.graph, state_of(case, runner).parameters.astype(np.float64)
    total = 0.0
    for name, section in graph.sections():
        parameter = graph.parameters[name]
        if parameter.spec.penalised:
            share = 1 / parameter.members if parameter.spec.type.member else 1.0
            total += graph.l2 / 2 * share * float((flat[section] ** 2).sum())
    return total


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("m", [1, 127, 128, 129, 1000])
def test_pieces_of_a_batch_joined_are_the_fused_step(m: int, precision: str) -> None:
    for case in (tied_case(m), *(random_case(seed, rows=m) for seed in range(count(6, 60)))):
        for clip in (None, 0.05):
            runner = opened(case, Adam(0.01), precision=precision, clip=clip)
            rows = np.random.default_rng(m).permutation(m)
            fused = state_of(case, runner)
            report = runner.run(fused, window([rows], 0.01))
            total = runner.total_weight(rows)
            for blocks in ([1] * 20, [100], [3, 1, 2, 50], [2, 5, 50]):
                state, nodes, start = state_of(case, runner), [], 0
                for size in blocks:
                    piece = rows[start : start + size * ROW_BLOCK]
                    if len(piece):
                        nodes += runner.gradient(state, piece, total, place=start)
                    start += len(piece)
                node = combine(reversed(nodes))  # pieces may arrive in any order
                norm = runner.apply(state, node.gradient, 0.01)
                assert same(fused, state), blocks
                assert node.weight == total
                if clip:
                    assert norm == report.norms[0]
                assert node.cost + penalty(case, runner) == pytest.approx(
                    report.costs[0], rel=1e-15 if precision == "float64" else 1e-7
                )
                if case.network.graph.l2 == 0:
                    assert node.cost == report.costs[0]


@pytest.mark.parametrize("isa", SETS)
@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("m", [100, 256, 257, 1000])
def test_a_step_in_pieces_is_the_whole_step(m: int, precision: str, isa: str) -> None:
    for case in (tied_case(m), *(random_case(seed, rows=m) for seed in range(count(4, 60)))):
        for clip in (None, 0.05):
            settings: dict[str, Any] = {"precision": precision, "isa": isa, "clip": clip}
            whole, told = trained(case, m, threads=1, piece=1024, **settings)
            for piece, threads in ((128, 1), (128, 3), (256, 2)):
                cut, also = trained(case, m, threads=threads, piece=piece, **settings)
                assert same(whole, cut) and told == also, (piece, threads)


@pytest.mark.skipif(not _native.bfloat16_sets(), reason="needs a processor with bfloat16 products")
@pytest.mark.parametrize("kernels", _native.bfloat16_sets() or ["none"])
def test_a_step_of_bfloat16_in_pieces_is_the_whole_step(
    kernels: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLEARPROP_BFLOAT16", kernels)
    whole, told = trained(wide_case(), 300, precision="bfloat16", threads=1)
    cut, also = trained(wide_case(), 300, precision="bfloat16", threads=2, piece=128)
    assert same(whole, cut) and told == also


def test_a_large_batch_goes_in_pieces_by_itself() -> None:
    """Of 16,300 rows values would take 70 MB. The gradient of all rows at once is the oracle."""
    rng = np.random.default_rng(0)
    net, m = Network([3, 512, 2], activation="relu", cost="cross_entropy"), 16_300
    case = Case(net, dict(net.initial(1)), rng.normal(size=(m, 3)), rng.integers(0, 2, m), None, 0)
    runner, rows = opened(case, Adam(0.01)), np.arange(m)
    state = state_of(case, runner)
    node = combine(runner.gradient(state, rows, float(m), place=0))
    runner.apply(state, node.gradient, 0.01)
    for threads in (1, 2):
        cut = state_of(case, runner)
        opened(case, Adam(0.01), threads=threads).run(cut, window([rows], 0.01))
        assert same(cut, state)


def test_an_interrupted_step_in_pieces_leaves_the_state_before_it() -> None:
    case = tied_case(1000)
    for threads in (1, 2, 3):
        runner = opened(case, Adam(0.01), threads=threads, piece=128)
        state = state_of(case, runner)
        runner.interrupt()
        report = runner.run(state, window([np.arange(1000)] * 3, 0.01))
        assert (report.why, report.done) == ("stopped", 0)
        assert same(state, state_of(case, runner))


def test_a_step_that_diverges_while_it_is_interrupted_is_no_stopped_one() -> None:
    """Costs are infinite: the step is reported as done and diverged, or as stopped and not done."""
    rng = np.random.default_rng(0)
    net = Network([20, 500, 500, 1], activation="relu", cost="squared_error")
    Y = rng.normal(size=(1024, 1))
    Y[5] = 1e200
    case = Case(net, dict(net.initial(1)), rng.normal(size=(1024, 20)), Y, None, 0)
    runner, rows = opened(case, Adam(0.01), threads=2, piece=128), window([np.arange(1024)], 0.01)
    seconds = []
    for _ in range(5):
        state, began = state_of(case, runner), time.perf_counter()
        runner.run(state, rows)
        seconds.append(time.perf_counter() - began)
    late = sorted(seconds)[2]  # where the sums of the last piece are
    for turn in range(count(100, 1000)):
        state = state_of(case, runner)
        timer = threading.Timer(late * rng.uniform(0.6, 1.1), runner.interrupt)
        timer.start()
        report = runner.run(state, rows)
        timer.join()
        assert (report.why, report.done) in {("stopped", 0), ("diverged", 1)}, turn


def test_a_piece_that_is_no_subtree_is_refused() -> None:
    for piece in (0, 100, 384):
        with pytest.raises(SettingError, match="128 times a power of two"):
            opened(tied_case(10), Adam(0.01), piece=piece)


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("name", NATIVE)
def test_pieces_made_by_engines_of_other_threads_are_the_fused_step(
    name: str, precision: str
) -> None:
    """As machines would share a batch: each has its pieces, and any may apply their sum."""
    case, rule = tied_case(1000), optimizer(name)
    rows = np.random.default_rng(0).permutation(1000)
    for clip in (None, 0.05):
        settings: dict[str, Any] = {"precision": precision, "clip": clip}
        whole = opened(case, rule, threads=1, **settings)
        fused = state_of(case, whole)
        whole.run(fused, window([rows], 0.01))
        team = [opened(case, rule, threads=threads, **settings) for threads in (2, 7)]
        state, total = state_of(case, whole), whole.total_weight(rows)
        nodes = []
        for number, start in enumerate(range(0, 1000, 3 * ROW_BLOCK)):
            piece = rows[start : start + 3 * ROW_BLOCK]
            nodes += team[number % 2].gradient(state, piece, total, place=start)
        team[1].apply(state, combine(nodes).gradient, 0.01)
        assert same(fused, state)


@pytest.mark.parametrize("isa", SETS)
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_a_row_alone_is_the_row_among_512(precision: str, isa: str) -> None:
    for case in (tied_case(512), *(random_case(seed, rows=512) for seed in range(count(20, 200)))):
        runner = opened(case, precision=precision, isa=isa)
        flat = flat_of(case.network, case.parameters)
        inputs = data_of(case.network, case.X, case.Y).inputs
        among = runner.forward(flat, inputs)
        for row in (0, 1, 7, 8, 127, 128, 300, 511):
            alone = runner.forward(flat, {key: x[row : row + 1] for key, x in inputs.items()})
            assert alone.keys() == among.keys()
            for value, out in alone.items():  # members have an axis before the rows
                expected = among[value].take([row], axis=out.ndim - 2)
                assert out.tobytes() == expected.tobytes(), f"seed {case.seed}, row {row}"


@pytest.mark.parametrize("isa", SETS)
def test_the_cost_of_data_depends_on_no_thread(isa: str) -> None:
    case = random_case(4, rows=1500)
    flat = flat_of(case.network, case.parameters)
    found = set()
    for threads in (1, 2, 5):
        runner = opened(case, threads=threads, isa=isa)
        found.add(runner.evaluate(flat, runner.data))
    assert len(found) == 1


def test_missing_and_doubled_pieces_are_refused() -> None:
    case = random_case(1, rows=300)
    runner = opened(case)
    state, rows = state_of(case, runner), np.arange(300)
    nodes = runner.gradient(state, rows, 300.0)
    assert [(node.block, node.level) for node in nodes] == [(0, 1), (2, 0)]
    with pytest.raises(DataError, match="block 2 is missing or there twice"):
        combine([nodes[0], nodes[0]])
    with pytest.raises(DataError, match="block 0 is missing"):
        combine(nodes[1:])
    with pytest.raises(DataError, match="place=100"):
        runner.gradient(state, rows, 300.0, place=100)


def broad_net() -> Network:
    """Layers that two threads share, and three; residual, dropout, l2, members, many classes."""
    x, k = Input(45, name="x"), Input(levels=9, name="k")
    h = Dense(256, "gelu")(x) + Embedding(256)(k)
    h = h + Dense(256, "tanh")(Dropout(0.2)(Dense(128, "relu")(h)))
    h = Dense(96, "softplus", members=2)(h)
    return Network(inputs=[x, k], outputs=Dense(90, members=2)(h), cost="cross_entropy", l2=0.01)


def broad_case(m: int) -> Case:
    network, rng = broad_net(), np.random.default_rng(3)
    parameters = {name: np.asarray(value) for name, value in network.initial(2).items()}
    X = {"x": rng.normal(size=(m, 45)), "k": rng.integers(0, 9, m)}
    return Case(network, parameters, X, rng.integers(0, 90, m), rng.random(m) + 0.1, 4)


@pytest.mark.parametrize("isa", SETS)
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_threads_that_share_units_give_the_bits_of_one(precision: str, isa: str) -> None:
    random = [(random_case(seed, rows=m), m) for seed in range(count(6, 60)) for m in (40, 300)]
    for case, m in [(broad_case(150), 150), (wide_case(), 300), (tied_case(129), 129), *random]:
        settings: dict[str, Any] = {"precision": precision, "isa": isa}
        one, told = trained(case, m, threads=1, **settings)
        for threads in (2, 3):
            many, also = trained(case, m, threads=threads, by_units=True, **settings)
            assert same(one, many) and told == also, (m, threads)


@pytest.mark.parametrize("isa", SETS)
def test_of_more_threads_than_panels_one_has_no_units(isa: str) -> None:
    """15 panels of the widest registers by 16 threads; a first layer turned, of no penalty."""
    network, rng = Network([20, 480, 3], "relu", cost="cross_entropy"), np.random.default_rng(0)
    parameters = {name: np.asarray(value) for name, value in network.initial(2).items()}
    case = Case(network, parameters, rng.normal(size=(70, 20)), rng.integers(0, 3, 70), None, 1)
    one, told = trained(case, 70, threads=1, isa=isa)
    many, also = trained(case, 70, threads=16, by_units=True, isa=isa)
    assert same(one, many) and told == also


@pytest.mark.skipif(not _native.bfloat16_sets(), reason="needs a processor with bfloat16 products")
@pytest.mark.parametrize("kernels", _native.bfloat16_sets() or ["none"])
def test_threads_that_share_units_give_the_bits_of_one_in_bfloat16(
    kernels: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLEARPROP_BFLOAT16", kernels)
    for case, m in ((broad_case(150), 150), (wide_case(), 300)):
        one, told = trained(case, m, precision="bfloat16", threads=1)
        for threads in (2, 3):
            many, also = trained(case, m, precision="bfloat16", threads=threads, by_units=True)
            assert same(one, many) and told == also, (m, threads)


def test_threads_that_share_units_are_interrupted_between_steps() -> None:
    case, rng = broad_case(150), np.random.default_rng(1)
    batches = [np.roll(np.arange(150), step) for step in range(30)]
    runner = opened(case, Adam(0.01), threads=3, by_units=True)
    whole, ends = state_of(case, runner), set()
    began = time.perf_counter()
    runner.run(whole, window(batches, 0.01))
    seconds = time.perf_counter() - began
    for _ in range(count(10, 200)):
        state, done = state_of(case, runner), 0
        timer = threading.Timer(rng.uniform(0, seconds), runner.interrupt)
        timer.start()
        while done < len(batches):
            report = runner.run(state, window(batches[done:], 0.01))
            ends.add(report.why)
            done += report.done
        timer.join()
        assert same(state, whole)
    assert "stopped" in ends


def test_a_level_that_is_not_there_stops_threads_that_share_units() -> None:
    case = broad_case(150)
    runner = opened(case, Adam(0.01), threads=3, by_units=True)
    case.X["k"][140] = 9  # behind the check of all rows; it is the last thread's
    with pytest.raises(IndexError, match="row 140 has the index 9, but there are 9 levels"):
        runner.run(state_of(case, runner), window([np.arange(150)], 0.01))


@pytest.mark.parametrize("members", [2, 7, 8, 16, 33])
def test_a_row_of_members_has_the_bits_it_has_alone(members: int) -> None:
    rng = np.random.default_rng(members)
    X = rng.normal(size=(40, 3))
    given = Input(3)
    net = Network(inputs=[given], outputs=Dense(1, "tanh", members=members)(given))
    flat = rng.normal(size=net.graph.size)
    key, name = net.graph.inputs[0].key, net.graph.outputs[0]
    data = Data({key: np.zeros((0, 3))}, {})
    for precision in ("float32", "float64"):
        runner = open_native(net.graph, None, data, precision=precision)
        own = flat.astype(precision)
        together = runner.forward(own, {key: X})[name]
        alone = [runner.forward(own, {key: X[i : i + 1]})[name] for i in range(len(X))]
        assert together.tobytes() == np.concatenate(alone).tobytes()
        np.testing.assert_allclose(
            together, runner.member_outputs(own, {key: X})[name].mean(axis=0), rtol=1e-5
        )
