"""Wrong gradients are named, by wrong programs that the catalogue did not make."""

from __future__ import annotations

import ast
import collections
import importlib
from pathlib import Path

import numpy as np
import pytest
from conftest import count
from small_networks import random_network, random_parameters
from wrong_code import Wrong, runs, wrong_programs

from clearprop.checking import (
    CATALOGUE,
    Diagnosis,
    check_gradient,
    numpy_template,
    random_batch,
)
from clearprop.graph import Dense, Input
from clearprop.network import Network, Parameters


def batch(network, rng, rows=None):
    X, Y = random_batch(network, rows or int(rng.integers(2, 9)), rng)
    return X["X"], next(iter(Y.values()))


def programs(network):
    source = numpy_template(network, filled=True)
    return wrong_programs(source, network.graph.costs[0].op, network.graph.outputs[0])


def stands_at(wrong: Wrong, step: str) -> bool:
    # a wrong helper function is wrong at the first place that calls it
    return wrong.place.endswith("_prime") or step.replace("dJ/d", "d") == wrong.place


def holds(found: Diagnosis, wrong: Wrong) -> bool:
    """Whether a diagnosis has the mistake at its place, itself or as the same function here."""
    parts = [(found.mistake, found.where), *found.also, *found.equivalent]
    return any(m.id == wrong.mistake and stands_at(wrong, p.step) for m, p in parts)


def key(found: Diagnosis) -> set[tuple[str, str]]:
    return {(m.id, str(p)) for m, p in [(found.mistake, found.where), *found.also]}


def test_the_wrong_programs_know_nothing_of_the_catalogue():
    tree = ast.parse(Path(__file__).with_name("wrong_code.py").read_text("utf-8"))
    imported = [n for n in ast.walk(tree) if isinstance(n, ast.Import | ast.ImportFrom)]
    assert not [n for n in imported if "clearprop" in ast.unparse(n)]


def test_the_catalogue_has_forty_mistakes_and_each_says_why_and_what_to_change():
    assert len(CATALOGUE) >= 40
    for name, mistake in CATALOGUE.items():
        assert name == mistake.id
        assert mistake.title and mistake.why and mistake.change and mistake.sources, name


def test_the_page_of_mistakes_is_fresh(monkeypatch):
    root = Path(__file__).parents[1]
    monkeypatch.syspath_prepend(root / "tools")
    page = importlib.import_module("mistakes").page()
    assert (root / "docs" / "mistakes.md").read_text("utf-8") == page, "run `make format`"


def test_wrong_programs_get_their_mistake_and_place_first(proof):
    """Each mistake at each place of random networks; what has no effect there is no mistake."""
    right = total = equivalent = without_effect = 0
    kinds: collections.Counter[str] = collections.Counter()
    missed = []
    for seed in range(count(3, 50)):
        rng = np.random.default_rng([7, seed])
        network = random_network(rng)
        parameters = random_parameters(network, rng)
        X, Y = batch(network, rng)
        for number, wrong in enumerate(programs(network)):
            if number % count(4, 1) or not runs(wrong, parameters, X, Y):
                continue
            found = check_gradient(network, parameters, X, Y, wrong.function(), pairs=False)
            if found.passed:
                without_effect += 1
                continue
            total += 1
            kinds[wrong.mistake] += 1
            if found.diagnosis and holds(found.diagnosis[0], wrong):
                right += 1
                equivalent += found.diagnosis[0].mistake.id != wrong.mistake
            else:
                missed.append((seed, wrong.mistake, wrong.place))
    share = right / total
    proof("wrong NumPy programs named, id and place first", total, share=share,
          named_by_an_equivalent=equivalent / total, without_effect=without_effect,
          mistakes=len(kinds))  # fmt: skip
    assert share >= 0.99, missed


def test_pairs_of_mistakes_are_named(proof):
    """Two edits of one program, at two lines, each with an effect of its own.

    Other names are right only if they give the program's gradient on three other batches too.
    """
    right = total = other = 0
    missed = []
    for seed in range(count(4, 60)):
        rng = np.random.default_rng([11, seed])
        network = random_network(rng)
        parameters = random_parameters(network, rng)
        X, Y = batch(network, rng, rows=5)
        singles = list(programs(network))
        source = numpy_template(network, filled=True)
        for _ in range(count(2, 10)):
            chosen = [singles[i] for i in rng.integers(0, len(singles), 2)]
            both = merged(*chosen, source)
            if both is None or not all(runs(one, parameters, X, Y) for one in (both, *chosen)):
                continue
            if any(
                check_gradient(
                    network, parameters, X, Y, one.function(), diagnose_mistakes=False
                ).passed
                for one in (both, *chosen)
            ):
                continue  # one of the two has no effect here
            total += 1
            found = check_gradient(network, parameters, X, Y, both.function(), seconds=20)
            if found.diagnosis and all(holds(found.diagnosis[0], one) for one in chosen):
                right += 1
            elif found.diagnosis and stays(found.diagnosis[0], network, parameters, both):
                right += 1
                other += 1
            else:
                missed.append((seed, *((one.mistake, one.place) for one in chosen)))
    proof("pairs of mistakes named, ids and places first", total, share=right / total,
          by_other_names=other / total)  # fmt: skip
    assert right / total >= count(80, 95) / 100, missed


def stays(found: Diagnosis, network: Network, parameters: Parameters, wrong: Wrong) -> bool:
    """Whether a program gets the same diagnosis on three other batches."""
    for seed in range(3):
        X, Y = batch(network, np.random.default_rng([12, seed]), rows=6)
        there = check_gradient(network, parameters, X, Y, wrong.function(), seconds=20)
        if key(found) not in [key(one) for one in there.diagnosis]:
            return False
    return True


def merged(first: Wrong, second: Wrong, source: str) -> Wrong | None:
    """Both edits in one program, if they change different lines."""
    lines = source_lines(source)
    a, b = source_lines(first.source), source_lines(second.source)
    if len(lines) != len(a) or len(lines) != len(b):
        return None
    chosen = []
    for old, one, two in zip(lines, a, b, strict=True):
        if one != old and two != old:
            return None
        chosen.append(one if one != old else two)
    return Wrong(f"{first.mistake} + {second.mistake}", first.place, "\n".join(chosen))


def source_lines(source: str) -> list[str]:
    return ast.unparse(ast.parse(source)).splitlines()


def test_noise_is_never_given_a_name(proof):
    """Noise on everything, and random subsets scaled: on 100 networks ten times each."""
    named = []
    cases = 0
    for seed in range(count(4, 100)):
        rng = np.random.default_rng([13, seed])
        network = random_network(rng)
        while network.graph.size < 6:  # of so few numbers two may be met by chance
            network = random_network(rng)
        parameters = random_parameters(network, rng)
        X, Y = batch(network, rng)
        right = network.gradient(parameters, X, Y)
        for number in range(count(4, 10)):
            flat = right.flat
            if number % 2:
                flat = flat + 10 ** rng.uniform(-3, 0) * rng.standard_normal(flat.shape)
            else:
                factor = rng.uniform(0.2, 3.0, flat.shape)
                chosen = rng.permutation(flat.size) < rng.integers(2, flat.size)
                flat = np.where(chosen, factor * flat + 1e-3, flat)
            found = check_gradient(network, parameters, X, Y, flat, seconds=30)
            assert not found.passed
            cases += 1
            if found.diagnosis:
                named.append((seed, number, str(found.diagnosis[0])))
    proof("noise and random subsets scaled, given no name", cases, named=len(named))
    assert named == []


@pytest.mark.parametrize("seed", range(3))
def test_when_none_fits_the_report_says_what_it_saw(seed):
    network = Network([3, 4, 4, 2], "tanh")
    parameters = network.initial(seed=seed)
    rng = np.random.default_rng(seed)
    X, Y = batch(network, rng, rows=5)
    wrong = {n: g.copy() for n, g in network.gradient(parameters, X, Y).items()}
    for name in ("W1", "b1"):
        wrong[name] *= 0.31
    found = check_gradient(network, parameters, X, Y, wrong)
    assert found.diagnosis == ()
    assert f"none of the {len(CATALOGUE)} mistakes I know" in found.seen
    assert "layer 2" in found.seen
    assert "constant factor 0.31" in found.seen


def members_by_hand(prime=True, mean=True, alone=False):
    """A backward pass member by member, as a loop over networks would do it."""

    def gradient(p, X, Y):
        found = {name: np.zeros_like(array) for name, array in p.items()}
        members, m = len(p["W1"]), len(X)
        for k in range(members):
            W1, b1, W2, b2 = (p[name][k] for name in ("W1", "b1", "W2", "b2"))
            a2 = np.tanh(X @ W1.T + b1)
            delta3 = (a2 @ W2.T + b2 - Y) / m / (members if mean else 1)
            delta2 = delta3 @ W2 * ((1 - a2**2) if prime else 1)
            share = 0.1 / (1 if alone else members)
            found["W2"][k], found["b2"][k] = delta3.T @ a2 + share * W2, delta3.sum(0)
            found["W1"][k], found["b1"][k] = delta2.T @ X + share * W1, delta2.sum(0)
        return found

    return gradient


@pytest.mark.parametrize(
    ("gradient", "mistake", "layer"),
    [
        (members_by_hand(), "", ""),
        (members_by_hand(prime=False), "derivative-missing", "2"),
        (members_by_hand(mean=False), "members-added", "3"),
        (members_by_hand(mean=False, alone=True), "members-added", ""),
    ],
)
def test_networks_with_members_are_diagnosed_too(rng, gradient, mistake, layer):
    x = Input(3)
    value = Dense(2, members=3)(Dense(4, "tanh", members=3)(x))
    network = Network(inputs=x, outputs=value, l2=0.1)
    parameters = random_parameters(network, rng)
    X, Y = batch(network, rng, rows=5)
    found = check_gradient(network, parameters, X, Y, gradient)
    assert found.passed is not bool(mistake)
    if mistake:
        assert (found.diagnosis[0].mistake.id, found.diagnosis[0].where.layer) == (mistake, layer)
