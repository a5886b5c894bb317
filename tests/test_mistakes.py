"""Wrong gradients are named, by wrong programs that the catalogue did not make."""

from __future__ import annotations

import ast
import collections
import functools
import importlib
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from checked_cases import Case, as_it_is, batch, holds, key
from conftest import count
from small_networks import random_network, random_parameters, wired_network
from wrong_code import single_precision
from wrong_editor import Wrong
from wrong_members import loop_over_members, wrong_loops

from clearprop.checking import CATALOGUE, Diagnosis, check_gradient
from clearprop.checking.lines import Lines
from clearprop.graph import Dense, Input
from clearprop.network import Network

ROOT = Path(__file__).parents[1]


FILES = ("editor", "code", "cost", "indices", "wiring", "forward", "members")


@pytest.mark.parametrize("name", FILES)
def test_the_wrong_programs_know_nothing_of_the_catalogue(name):
    tree = ast.parse(Path(__file__).with_name(f"wrong_{name}.py").read_text("utf-8"))
    imported = [n for n in ast.walk(tree) if isinstance(n, ast.Import | ast.ImportFrom)]
    assert not [n for n in imported if "clearprop" in ast.unparse(n)]


def test_every_mistake_of_the_catalogue_has_wrong_code_of_its_own(monkeypatch):
    """In NumPy, in PyTorch or in a loop over members; and nothing is wrong that has no id."""
    monkeypatch.syspath_prepend(ROOT)
    steps = importlib.import_module("benchmarks.torch_step")
    torch = importlib.import_module("benchmarks.torch_wrong")
    made = {wrong.mistake for wrong in wrong_loops(2, 0.1)}
    for seed in range(40):
        case = Case.random(np.random.default_rng([8, seed]), wired=seed % 4 > 0)
        made |= {wrong.mistake for wrong in (*case.programs(), single_precision(case.source))}
        net = steps.random_net(random.Random(seed))
        made |= {wrong.mistake for wrong in torch.wrong_steps(net)}
    assert made == set(CATALOGUE)


def test_the_catalogue_has_forty_mistakes_and_each_says_why_and_what_to_change():
    assert len(CATALOGUE) >= 40
    for name, mistake in CATALOGUE.items():
        assert name == mistake.id
        assert mistake.title and mistake.why and mistake.change and mistake.sources, name


def test_the_page_of_mistakes_is_fresh(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "tools")
    page = importlib.import_module("mistakes").page()
    assert (ROOT / "docs" / "mistakes.md").read_text("utf-8") == page, "run `make format`"


def test_right_programs_pass():
    for seed in range(count(20, 500)):
        case = Case.random(np.random.default_rng([6, seed]), wired=bool(seed % 2))
        assert case.check(as_it_is(case.source)).passed


PARTS = count(1, 4)  # of what takes minutes, so that several workers share them


@pytest.mark.parametrize("part", range(PARTS))
def test_wrong_programs_get_their_mistake_and_place_first(proof, part):
    """Each mistake at each place of so many networks; what has no effect there is no mistake."""
    networks, most = count(1, 13), count(2, 1000)  # 52 in the four parts
    seen: dict[str, set[int]] = collections.defaultdict(set)
    right = total = equivalent = without_effect = undetermined = 0
    missed = []
    for seed in range(count(30, 2000)):
        rng = np.random.default_rng([7, 10_000 * part + seed])
        case = Case.random(rng, wired=bool(seed % 2))
        enough = {mistake for mistake, found in seen.items() if len(found) >= networks}
        places: collections.Counter[str] = collections.Counter()
        for wrong in case.programs():
            if wrong.mistake in enough or places[wrong.mistake] >= most or not case.runs(wrong):
                continue
            found = case.check(wrong, pairs=False)
            if found.passed:
                without_effect += 1
                continue
            if CATALOGUE[wrong.mistake].fits and case.wrong_entries(wrong) < 2:
                undetermined += 1  # a factor that is fitted gives any one number
                continue
            total += 1
            places[wrong.mistake] += 1
            seen[wrong.mistake].add(seed)
            if found.diagnosis and holds(found.diagnosis[0], wrong):
                right += 1
                equivalent += found.diagnosis[0].mistake.id != wrong.mistake
            else:
                missed.append((seed, wrong.mistake, wrong.places))
        if len(enough) == len(CATALOGUE) - 2:  # members and rounding have tests of their own
            break
    share = right / total
    proof(f"wrong NumPy programs named, id and place first, part {part + 1}", total, share=share,
          named_by_an_equivalent=equivalent / total, without_effect=without_effect,
          one_number_for_one_factor=undetermined, mistakes=len(seen),
          networks_of_each=min(map(len, seen.values())))  # fmt: skip
    assert share >= 0.99, missed
    assert min(map(len, seen.values())) >= networks
    assert set(CATALOGUE) - set(seen) == {"members-added", "rounding"}


@pytest.mark.parametrize("part", range(PARTS))
def test_pairs_of_mistakes_are_named(proof, part):
    """Two edits of one program, at other lines, each with an effect of its own.

    Other names are right only if they give the program's gradient on three other batches too.
    """
    right = total = other = 0
    missed = []
    for seed in range(part, count(6, 80), PARTS):
        rng = np.random.default_rng([11, seed])
        case = Case.random(rng, wired=bool(seed % 2), rows=5)
        by_mistake: dict[str, list[Wrong]] = {}
        for wrong in case.programs():
            by_mistake.setdefault(wrong.mistake, []).append(wrong)
        for _ in range(count(4, 20)):
            names = rng.choice(list(by_mistake), 2)
            chosen = [by_mistake[n][int(rng.integers(len(by_mistake[n])))] for n in names]
            both = merged(*chosen, case.source)
            if both is None or not all(case.runs(one) for one in (both, *chosen)):
                continue
            if any(case.check(one, diagnose_mistakes=False).passed for one in (both, *chosen)):
                continue  # one of the two has no effect here
            total += 1
            found = case.check(both, seconds=120)
            if found.diagnosis and all(holds(found.diagnosis[0], one) for one in chosen):
                right += 1
            elif found.diagnosis and stays(found.diagnosis[0], case, both):
                right += 1
                other += 1
            else:
                missed.append((seed, *((one.mistake, one.places) for one in chosen)))
    proof(f"pairs of mistakes named, ids and places first, part {part + 1}", total,
          share=right / total, by_other_names=other / total)  # fmt: skip
    assert right / total >= count(80, 95) / 100, missed


def stays(found: Diagnosis, case: Case, wrong: Wrong) -> bool:
    """Whether a program gets the same diagnosis on three other batches."""
    for seed in range(3):
        X, Y = batch(case.network, np.random.default_rng([12, seed]), rows=5)
        there = replace(case, X=X, Y=Y).check(wrong, seconds=120)
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
    both = f"{first.mistake} + {second.mistake}"
    return as_it_is("\n".join(chosen), both, first.places + second.places)


def source_lines(source: str) -> list[str]:
    return ast.unparse(ast.parse(source)).splitlines()


@pytest.mark.parametrize("part", range(PARTS))
def test_noise_is_never_given_a_name(proof, part):
    """Noise on everything, and random subsets scaled: on 100 networks ten times each.

    Those of two numbers, one weight and one bias, are among them.
    """
    named = []
    cases = 0
    for seed in range(part, count(4, 100), PARTS):
        rng = np.random.default_rng([13, seed])
        network = wired_network(rng) if seed % 4 == 3 else random_network(rng)
        parameters = random_parameters(network, rng)
        X, Y = batch(network, rng)
        right = network.gradient(parameters, X, Y)
        for number in range(count(4, 10)):
            flat = right.flat
            if number % 2:
                flat = flat + 10 ** rng.uniform(-3, 0) * rng.standard_normal(flat.shape)
            else:
                factor = rng.uniform(0.2, 3.0, flat.shape)
                chosen = rng.permutation(flat.size) < rng.integers(1, flat.size + 1)
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


def zeros_of(case, forgotten, tiny=0.0):
    """A function whose gradient is right, and zero for what was forgotten."""
    right = as_it_is(case.source).function()

    @functools.wraps(right)  # it is asked for what the right one asks for
    def gradient(*given, **more):
        found = right(*given, **more)
        return {n: np.full(g.shape, tiny) if n in forgotten else g for n, g in found.items()}

    return gradient


@pytest.mark.parametrize("part", range(PARTS))
def test_a_gradient_of_zeros_was_never_computed(proof, part):
    """All of it, as a learner begins, or one layer: whatever else gives zero on this batch."""
    total = 0
    for seed in range(part, count(40, 1000), PARTS):
        rng = np.random.default_rng([16, seed])
        case = Case.random(rng, wired=bool(seed % 2))
        right = case.right()
        names = list(right)
        user = case.network.graph.nodes[case.network.graph.parameters[names[0]].users[0]]
        layer = [n for n, p in case.network.graph.parameters.items()
                 if case.network.graph.nodes[p.users[0]] is user]  # fmt: skip
        for chosen in (names, layer):
            if not all(np.abs(right[n]).max(initial=0) > 1e-6 for n in chosen):
                continue
            tiny = (0.0, 5e-324)[seed % 3 == 0]
            gradient = zeros_of(case, chosen, tiny)
            fixed = {n: np.full(g.shape, tiny) if n in chosen else g for n, g in right.items()}
            for given in (gradient, fixed):
                found = check_gradient(case.network, case.parameters, case.X, case.Y, given,
                                       **case.more)  # fmt: skip
                first = found.diagnosis[0]
                assert first.mistake.id == "parameter-forgotten", (seed, chosen, key(first))
                assert not first.also, (seed, chosen, key(first))
                others = [m for m, _ in first.equivalent if m is not first.mistake]
                assert given is gradient or not others
                if len(chosen) > 2:
                    assert str(first.where) == "every parameter"
                total += 1
    proof("zero gradients called never computed", total)
    assert total > 30


def test_zeros_of_a_layer_and_of_the_layers_below_have_places_of_their_own():
    network = Network([2, 3, 4, 2], "tanh")
    forgotten = CATALOGUE["parameter-forgotten"]
    places = [str(place) for place in forgotten.sites(network.plan)]
    assert len(places) == len(set(places)) == 13
    assert {"every parameter", "every weight", "every bias", "W1, b1, W2, b2"} <= set(places)
    assert {"W1 and b1 (layer 2)", "W3 and b3 (layer 4)", "b2 (layer 3)"} <= set(places)


@pytest.mark.parametrize(
    ("f", "value", "prime"),
    [
        ("sigmoid", lambda z: 1 / (1 + np.exp(-z)), lambda a: a * (1 - a)),
        ("tanh", np.tanh, lambda a: 1 - a**2),
        ("softplus", lambda z: np.log1p(np.exp(z)), lambda a: 1 - np.exp(-a)),
        ("softsign", lambda z: z / (1 + abs(z)), lambda a: (1 - abs(a)) ** 2),
        ("elu", lambda z: np.where(z > 0, z, np.expm1(z)), lambda a: np.where(a > 0, 1, a + 1)),
    ],
)
@pytest.mark.parametrize("wrong", ["output", "hidden", "both", "none"])
def test_a_helper_that_expects_a_and_is_given_z_is_known(f, value, prime, wrong):
    def gradient(p, X, Y):
        z2 = X @ p["W1"].T + p["b1"]
        z3 = value(z2) @ p["W2"].T + p["b2"]
        at3 = z3 if wrong in ("output", "both") else value(z3)
        at2 = z2 if wrong in ("hidden", "both") else value(z2)
        d3 = (value(z3) - Y) * prime(at3) / len(X)
        d2 = d3 @ p["W2"] * prime(at2)
        return {"W1": d2.T @ X, "b1": d2.sum(0), "W2": d3.T @ value(z2), "b2": d3.sum(0)}

    network = Network([2, 4, 3], f, output=f)
    rng = np.random.default_rng(17)
    X, Y = rng.normal(size=(5, 2)), rng.random((5, 3))
    found = check_gradient(network, random_parameters(network, rng), X, Y, gradient)
    assert found.passed == (wrong == "none")
    if not found.passed:
        first = found.diagnosis[0]
        place = {"output": "layer 3", "hidden": "layer 2", "both": f"every layer, every {f}"}
        assert key(first) == {("preactivation-in-derivative", place[wrong])}


def lines_of(mistake, place, notation):
    network = Network([2, 3, 2], "sigmoid", output="sigmoid")
    for edit in CATALOGUE[mistake].edits(network.plan):
        if str(edit.place) == place:
            new = {step.id: step for step in edit.steps}
            return Lines(network.plan, notation).both(edit.steps[0].id, new)
    raise AssertionError(place)


NOTATIONS = (None, "index", "matrix", "scalar", "delta-rule", "graph")


@pytest.mark.parametrize("notation", NOTATIONS)
@pytest.mark.parametrize("place", ["every weight", "b1 (layer 2)"])
def test_a_mean_that_is_missing_at_a_gradient_stands_in_the_right_line(notation, place):
    """The sum as it was written is not told to be right."""
    wrong, right = lines_of("mean-missing", place, notation)
    line, true = wrong.splitlines()[0], right.splitlines()[0]
    assert "m" not in line.replace("Σ[sample]", "").replace("Σₛ₌₁ᵐ", "")
    assert true in (line.replace("= Σ", "= (1/m) Σ"), line.replace("= Σ", "= (1/m) · Σ"),
                    line.replace("= ", "= (") + ") / m")  # fmt: skip


@pytest.mark.parametrize("notation", NOTATIONS)
@pytest.mark.parametrize(
    ("mistake", "place"),
    [
        ("bias-not-summed", "b1 (layer 2), the first sample only"),
        ("bias-not-summed", "b1 (layer 2), one row a sample"),
        ("one-sample-only", "every weight, the last sample only"),
    ],
)
def test_a_sum_over_samples_that_is_missing_stands_in_the_right_line(notation, mistake, place):
    wrong, right = lines_of(mistake, place, notation)
    assert "Σ" in right
    # a mark [s = 1] stands under the sum that s runs over
    assert ("Σₛ₌₁ᵐ" in wrong) == ("[s = " in wrong)


@pytest.mark.parametrize("notation", NOTATIONS)
def test_a_product_of_paths_without_a_mean_is_written_without_powers_of_m(notation):
    place = "layer 2, with 1/m in the gradients"
    plain = lines_of("product-of-paths", "layer 2", notation)
    assert lines_of("product-of-paths", place, notation) == plain


def test_one_use_of_a_tied_layer_is_one_mistake():
    """= for += where a layer is used twice loses W's and b's other use at once."""
    names = []
    for seed in range(200):
        case = Case.random(np.random.default_rng([18, seed]), wired=False)
        for wrong in case.programs():
            if wrong.mistake != "tied-counted-once" or len(wrong.places) < 2:
                continue
            found = case.check(wrong, pairs=False)
            if not found.passed and case.runs(wrong):
                names.append(holds(found.diagnosis[0], wrong))
        if len(names) >= 6:
            break
    assert len(names) >= 6
    assert all(names)


@pytest.mark.parametrize(("seed", "line", "other"), [(1, "Delta12", "W4"), (19, "Delta7", "W5")])
def test_another_layers_weights_are_named_before_a_concat_is_cut(seed, line, other):
    """They are wider, and the cuts leave the rest away."""
    case = Case.random(np.random.default_rng([7, 50_000 + seed]), wired=True)
    (wrong,) = (
        wrong
        for wrong in case.programs()
        if wrong.mistake == "layers-off-by-one"
        and wrong.places == (line,)
        and f" @ {other}" in next(x for x in wrong.source.splitlines() if f"{line} = " in x)
    )
    first = case.check(wrong, pairs=False).diagnosis[0]
    assert holds(first, wrong)
    assert str(first.where).endswith(f"{other} for {other[0]}{line.removeprefix('Delta')}")


def network_of_members(rng) -> tuple[Network, int, float]:
    layers, members = int(rng.integers(2, 6)), int(rng.integers(2, 4))
    l2 = float(rng.choice([0.05, 0.3]))
    x = value = Input(int(rng.integers(1, 9)))
    for _ in range(layers - 1):
        value = Dense(int(rng.integers(1, 9)), "tanh", members=members)(value)
    value = Dense(int(rng.integers(1, 6)), members=members)(value)
    return Network(inputs=x, outputs=value, l2=l2), layers, l2


def test_networks_with_members_are_diagnosed_too(proof):
    right = total = 0
    missed = []
    for seed in range(count(4, 50)):
        rng = np.random.default_rng([14, seed])
        network, layers, l2 = network_of_members(rng)
        X, Y = batch(network, rng)
        loop = loop_over_members(layers, l2)
        case = Case(network, random_parameters(network, rng), X, Y, loop)
        assert case.check(as_it_is(loop)).passed
        unsloped = tuple(f"delta{i}" for i in range(2, layers + 1))
        without = loop_over_members(layers, l2, prime=False)
        for wrong in (*wrong_loops(layers, l2), as_it_is(without, "derivative-missing", unsloped)):
            found = case.check(wrong, pairs=False)
            total += 1
            if found.diagnosis and holds(found.diagnosis[0], wrong):
                right += 1
            else:
                missed.append((seed, wrong.mistake, wrong.places))
    proof("wrong loops over members named, id and place first", total, share=right / total)
    assert right / total >= 0.99, missed


def test_single_precision_is_no_mistake_and_called_rounding(proof):
    """What float32 computed passes, and is called by its name where float64 would be nearer."""
    called = total = 0
    for seed in range(count(30, 1000)):
        rng = np.random.default_rng([15, seed])
        case = Case.random(rng, wired=bool(seed % 2))
        found = case.check(single_precision(case.source))
        assert found.passed, (seed, str(found))
        total += 1
        called += bool(found.diagnosis)
        assert [one.mistake.id for one in found.diagnosis] in ([], ["rounding"])
    proof("float32 programs pass", total, called_rounding=called / total)
    assert called
