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
from clearprop.network import Network


def batch(network, rng, rows=None):
    X, Y = random_batch(network, rows or int(rng.integers(2, 9)), rng)
    return X["X"], next(iter(Y.values()))


def programs(network):
    source = numpy_template(network, filled=True)
    return wrong_programs(source, network.graph.costs[0].op, network.graph.outputs[0])


def stands_at(wrong: Wrong, step: str) -> bool:
    # a wrong helper function is wrong at the first place that calls it
    return wrong.place.endswith("_prime") or step.replace("dJ/d", "d") == wrong.place


def names(found: Diagnosis, wrong: Wrong) -> bool:
    alike = [(found.mistake, found.where), *found.equivalent]
    return any(m.id == wrong.mistake and stands_at(wrong, p.step) for m, p in alike)


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
            if found.diagnosis and names(found.diagnosis[0], wrong):
                right += 1
                equivalent += found.diagnosis[0].mistake.id != wrong.mistake
            else:
                missed.append((seed, wrong.mistake, wrong.place))
    share = right / total
    proof("wrong programs named, id and place first", total, share=share, equivalent=equivalent,
          without_effect=without_effect, mistakes=len(kinds))  # fmt: skip
    assert share >= 0.99, missed


def test_pairs_of_mistakes_are_named(proof):
    """Two edits of one program, at two lines; another pair that gives every number counts too."""
    right = total = other = 0
    missed = []
    for seed in range(count(4, 60)):
        rng = np.random.default_rng([11, seed])
        network = random_network(rng)
        parameters = random_parameters(network, rng)
        X, Y = batch(network, rng, rows=5)
        singles = list(programs(network))
        for _ in range(count(2, 10)):
            first, second = (singles[i] for i in rng.integers(0, len(singles), 2))
            both = merged(first, second, numpy_template(network, filled=True))
            if both is None or not runs(both, parameters, X, Y):
                continue
            found = check_gradient(network, parameters, X, Y, both.function(), seconds=20)
            if found.passed or any(
                not runs(one, parameters, X, Y)
                or check_gradient(
                    network, parameters, X, Y, one.function(), diagnose_mistakes=False
                ).passed
                for one in (first, second)
            ):
                continue  # one of the two has no effect here
            total += 1
            ids = {first.mistake, second.mistake}
            named = [
                {m.id for m in [d.mistake, *(m for m, _ in d.also)]}
                | {m.id for m, _ in d.equivalent}
                for d in found.diagnosis
            ]
            if any(ids <= group or (len(group) == 1 and group & ids) for group in named):
                right += 1
            elif found.diagnosis and found.diagnosis[0].residual < 1e-9:
                right += 1  # other names, the same numbers
                other += 1
            else:
                missed.append((seed, first.mistake, first.place, second.mistake, second.place))
    proof("pairs of mistakes named", total, share=right / total, by_other_names=other)
    assert right / total >= count(80, 95) / 100, missed


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
    named = []
    cases = count(16, 1000)
    for seed in range(cases):
        rng = np.random.default_rng([13, seed])
        network = random_network(rng)
        parameters = random_parameters(network, rng)
        X, Y = batch(network, rng)
        wrong = {n: g.copy() for n, g in network.gradient(parameters, X, Y).items()}
        if sum(g.size for g in wrong.values()) < 6:
            continue
        flat = np.concatenate([g.reshape(-1) for g in wrong.values()])
        if seed % 2:  # noise on everything
            flat = flat + 10 ** rng.uniform(-3, 0) * rng.standard_normal(flat.shape)
        else:  # a random subset scaled, never a whole tensor of many
            factor = rng.uniform(0.2, 3.0, flat.shape)
            flat = np.where(rng.random(flat.shape) < 0.5, factor * flat + 1e-3, flat)
        start = 0
        for name, g in wrong.items():
            wrong[name] = flat[start : start + g.size].reshape(g.shape)
            start += g.size
        found = check_gradient(network, parameters, X, Y, wrong, seconds=1)
        assert not found.passed
        if found.diagnosis:
            named.append((seed, str(found.diagnosis[0])))
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
