"""Gradients of real peers are right, and wrong PyTorch steps are named: `make prove` runs it.

It runs in the peers' environment (.venv-bench, made by `make bench`) and prints one JSON object:
claims with counts and figures, and what failed. What is not installed there is said.

    PYTHONPATH=src .venv-bench/bin/python -m benchmarks.check_peers --share 0.1
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import random
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np

import clearprop as cp
from benchmarks.torch_step import Net, random_net, source
from benchmarks.torch_wrong import Wrong, wrong_steps
from clearprop.checking import CATALOGUE, Diagnosis, check_gradient, random_batch

FUNCTIONS = {
    "tanh": "Tanh", "sigmoid": "Sigmoid", "relu": "ReLU", "silu": "SiLU", "elu": "ELU",
    "gelu": "GELU", "softplus": "Softplus", "selu": "SELU", "mish": "Mish", "softsign": "Softsign",
}  # fmt: skip
COSTS = ("squared_error", "cross_entropy", "binary_cross_entropy")


class Keeper:
    """Counts what is right, keeps what is not."""

    def __init__(self) -> None:
        self.claims: list[dict[str, Any]] = []
        self.failures: list[str] = []
        self.missing: list[str] = []

    def claim(self, text: str, count: int, **figures: float) -> None:
        self.claims.append({"claim": text, "count": count, "figures": figures})

    def all_pass(self, text: str, found: Iterator[cp.checking.GradientCheck]) -> None:
        count = accused = 0
        for check in found:
            count += 1
            if not check.passed:
                accused += 1
                self.failures.append(f"{text}: {check}")
        self.claim(text, count, accused=accused)


# -- chains, as every peer has them --------------------------------------------------------------
def chains(count: int, start: int) -> Iterator[tuple[Any, list[int], list[str], str, Any, Any]]:
    """Yield a network, its widths and functions, its cost, and a batch."""
    for seed in range(count):
        rng = np.random.default_rng([start, seed])
        sizes = [int(n) for n in rng.integers(1, 9, int(rng.integers(2, 7)))]
        cost = str(rng.choice(COSTS))
        sizes[-1] = max(sizes[-1], 2)
        functions = [str(rng.choice(list(FUNCTIONS))) for _ in sizes[1:-1]]
        x = value = cp.Input(sizes[0])
        for units, function in zip(sizes[1:-1], functions, strict=True):
            value = cp.Dense(units, function)(value)
        network = cp.Network(inputs=x, outputs=cp.Dense(sizes[-1])(value), cost=cost)
        X, Y = random_batch(network, int(rng.integers(1, 9)), rng)
        yield network, sizes, functions, cost, X["X"], next(iter(Y.values()))


def torch_modules(count: int, dtype: Any) -> Iterator[cp.checking.GradientCheck]:
    """torch.nn modules after backward()."""
    import torch

    double = torch.float64 if dtype == np.float64 else torch.float32
    for network, sizes, functions, cost, X, Y in chains(count, 1):
        modules: list[Any] = []
        for i, units in enumerate(sizes[1:]):
            modules.append(torch.nn.Linear(sizes[i], units, dtype=double))
            if i < len(functions):
                modules.append(getattr(torch.nn, FUNCTIONS[functions[i]])())
        module = torch.nn.Sequential(*modules)
        x, y = torch.tensor(X, dtype=double), torch.tensor(Y, dtype=double)
        z = module(x)
        if cost == "squared_error":
            loss = ((z - y) ** 2).sum() / 2 / len(X)
        elif cost == "cross_entropy":
            loss = torch.nn.functional.cross_entropy(z, y)
        else:
            total = torch.nn.functional.binary_cross_entropy_with_logits(z, y, reduction="sum")
            loss = total / len(X)
        loss.backward()
        values = [p.detach().numpy().astype(np.float64) for p in module.parameters()]
        parameters = dict(zip(network.graph.parameters, values, strict=True))
        yield check_gradient(network, parameters, X.astype(dtype), Y, module)


def jax_trees(count: int) -> Iterator[cp.checking.GradientCheck]:
    """jax.grad of a loss over a tree of kernels and biases, source × target, in float32."""
    import jax
    import jax.numpy as jnp

    for network, sizes, _, cost, X, Y in chains(count, 2):
        if cost != "squared_error":
            continue
        rng = np.random.default_rng(len(sizes))
        network = cp.Network(sizes, "tanh")
        tree = {
            f"layer_{i}": {"bias": rng.normal(size=n), "kernel": rng.normal(size=(sizes[i], n))}
            for i, n in enumerate(sizes[1:])
        }

        def loss(tree: Any, sizes: list[int] = sizes, X: Any = X, Y: Any = Y) -> Any:
            a = X
            for i in range(len(sizes) - 1):
                z = a @ tree[f"layer_{i}"]["kernel"] + tree[f"layer_{i}"]["bias"]
                a = jnp.tanh(z) if i < len(sizes) - 2 else z
            return ((a - Y) ** 2).sum() / 2 / len(X)

        parameters: dict[str, Any] = {}
        for i in range(len(sizes) - 1):
            parameters[f"W{i + 1}"] = tree[f"layer_{i}"]["kernel"].T
            parameters[f"b{i + 1}"] = tree[f"layer_{i}"]["bias"]
        single = {n: p.astype(np.float32) for n, p in parameters.items()}
        tree = jax.tree.map(lambda a: a.astype(np.float32), tree)
        given = jax.grad(loss)(tree)
        yield check_gradient(network, single, X.astype(np.float32), Y, given)


def keras_models(count: int) -> Iterator[cp.checking.GradientCheck]:
    """keras.Sequential, its gradients as a list in the order of trainable_weights."""
    import keras
    import torch

    for network, sizes, functions, cost, X, Y in chains(count, 3):
        if cost != "squared_error":
            continue
        layers = [keras.layers.Dense(n, f) for n, f in zip(sizes[1:-1], functions, strict=True)]
        model = keras.Sequential([keras.Input((sizes[0],)), *layers, keras.layers.Dense(sizes[-1])])
        loss = ((model(X.astype("float32")) - torch.tensor(Y, dtype=torch.float32)) ** 2).sum()
        (loss / 2 / len(X)).backward()
        given = [np.asarray(v.value.grad.detach().cpu()) for v in model.trainable_weights]
        values = [np.asarray(v.value.detach().cpu(), np.float64) for v in model.trainable_weights]
        turned = [v.T if v.ndim == 2 else v for v in values]
        parameters = dict(zip(network.graph.parameters, turned, strict=True))
        yield check_gradient(network, parameters, X.astype(np.float32), Y, given)


def sklearn_models(count: int) -> Iterator[cp.checking.GradientCheck]:
    """scikit-learn's own _backprop, as coefs_ and intercepts_."""
    from sklearn.neural_network import MLPRegressor

    for _, sizes, _, _, X, Y in chains(count, 4):
        if len(X) < 2:
            continue
        model = MLPRegressor(hidden_layer_sizes=(5, 4), activation="tanh", alpha=0.0, max_iter=1,
                             solver="sgd", learning_rate_init=1e-12, random_state=0)  # fmt: skip
        target = np.asarray(Y, np.float64)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # one iteration does not converge
            model.fit(X, target)
        network = cp.Network([sizes[0], 5, 4, target.shape[1]], "tanh")
        arrays = [a for pair in zip(model.coefs_, model.intercepts_, strict=True) for a in pair]
        turned = [a.T if a.ndim == 2 else a for a in arrays]
        parameters = dict(zip(network.graph.parameters, turned, strict=True))
        steps = [X]
        for W, b in zip(model.coefs_, model.intercepts_, strict=True):
            z = steps[-1] @ W + b
            steps.append(np.tanh(z) if len(steps) < 3 else z)
        given = {"coefs_": [np.empty_like(W) for W in model.coefs_],
                 "intercepts_": [np.empty_like(b) for b in model.intercepts_]}  # fmt: skip
        deltas = [np.empty_like(a) for a in steps[1:]]
        model._backprop(X, target, None, steps, deltas, given["coefs_"], given["intercepts_"])
        yield check_gradient(network, parameters, X, target, given)


# -- a training step by hand ---------------------------------------------------------------------
def _network(net: Net) -> cp.Network:
    x, k = cp.Input(net.inputs or 1), cp.Input(levels=net.levels or 1)
    given = ([x] if net.inputs else []) + ([k] if net.levels else [])
    parts = [cp.Embedding(net.columns)(one) if one is k else one for one in given]
    value = cp.concat(*parts) if len(parts) > 1 else parts[0]
    made: dict[int, Any] = {}
    for layer in net.layers:
        if layer.number not in made:
            made[layer.number] = cp.Dense(layer.units, layer.function or "identity")
        before, value = value, made[layer.number](value)
        if layer.after == "residual":
            value = before + value
        elif layer.after == "concat":
            value = cp.concat(value, before)
        elif layer.after == "dropout":
            value = cp.Dropout(0.4)(value)
    return cp.Network(inputs=given, outputs=value, cost=net.cost, l2=net.l2)


class Case:
    """A net of `torch_step` as ClearProp's network, and the names of one in the other's."""

    def __init__(self, net: Net) -> None:
        self.network = network = _network(net)
        graph = network.graph
        uses = [i for i, node in enumerate(graph.nodes) if "W" in dict(node.params)]
        first = graph.nodes[uses[0]]
        self.ours: dict[str, str] = {}
        self.masks: dict[int, str] = {}
        self.steps: dict[str, set[str]] = {"A0": {first.output}}  # where it is first read
        arriving = {f"Delta{value[1:]}" for value in first.inputs}
        for node in graph.nodes[: uses[0]]:
            arriving.add(f"Delta{node.output[1:]}")
            for role, name in node.params:
                self.ours[role] = name
                self.steps[f"d{role}"] = {f"dJ/d{name}"}
            self.steps["A0"].add(node.output)
        self.steps["dA0"] = self.steps["dR"] = arriving
        for i, (start, stop) in enumerate(pairwise([*uses, len(graph.nodes)]), 1):
            roles, label = dict(graph.nodes[start].params), graph.nodes[start].output[1:]
            for role in "Wb":
                ours = roles[role]
                self.ours[f"{role}{net.layers[i - 1].number}"] = ours
                self.steps[f"d{role}{net.layers[i - 1].number}"] = {f"dJ/d{ours}"}
            made = [node.output[1:] for node in graph.nodes[start:stop]]
            self.steps[f"Z{i}"] = {graph.nodes[start].output}
            self.steps[f"A{i}"] = self.steps[f"H{i}"] = {f"a{label}"}
            self.steps[f"dZ{i}"] = {f"delta{label}", f"Delta{label}"}
            self.steps[f"dH{i}"] = {f"Delta{label}", f"delta{label}"}
            self.steps[f"dA{i}"] = {f"delta{label}", *(f"Delta{one}" for one in made)}
            if net.layers[i - 1].after == "dropout":
                self.masks[i] = f"r{made[-1]}"
        self.steps["m"] = self.steps[f"dA{len(net.layers)}"]  # a count of the cost

    def batch(self, m: int, rng: np.random.Generator) -> tuple[Any, Any, dict[str, Any]]:
        """X, Y, and the masks and weights that there are."""
        X, Y = random_batch(self.network, m, rng)
        more: dict[str, Any] = {}
        if self.masks:
            more["masks"] = {
                name: np.where(rng.random((m, *mask.shape)) < rate, 0.0, 1 / (1 - rate))
                for name, (mask, rate) in self.network.plan.masks.items()
            }
        return X if len(X) > 1 else next(iter(X.values())), next(iter(Y.values())), more

    def function(self, program: str) -> Callable[..., Any]:
        """The program as a function of (parameters, X, Y) in ClearProp's names and layout."""
        import torch

        names: dict[str, Any] = {}
        exec(program, names)  # our own text
        inputs = self.network.graph.inputs

        def gradient(
            parameters: Any, X: Any, Y: Any, sample_weight: Any = None, masks: Any = None
        ) -> dict[str, Any]:
            given = {one: torch.tensor(parameters[ours]) for one, ours in self.ours.items()}
            x = k = None
            for one in inputs:
                array = torch.tensor(X[one.key] if len(inputs) > 1 else X)
                if one.levels:
                    k = array
                else:
                    x = array.T
            dropped = {i: torch.tensor(masks[name]).T for i, name in self.masks.items()}
            weights = None if sample_weight is None else torch.tensor(sample_weight)
            found = names["step"](given, x, k, torch.tensor(Y).T, dropped, weights)
            return {self.ours[one]: np.asarray(array) for one, array in found.items()}

        return gradient

    def holds(self, found: Diagnosis, wrong: Wrong) -> bool:
        """Whether a diagnosis is the mistake at its place, itself or as the same function here."""
        parts = [(found.mistake, found.where), *found.equivalent]
        if wrong.variables == ("return",):  # all that is returned
            return any(m.id == wrong.mistake for m, _ in parts)
        at = set().union(*(self.steps[variable] for variable in wrong.variables))
        return any(m.id == wrong.mistake and p.step in at for m, p in parts)


def wrong_torch_steps(keeper: Keeper, networks: int, most: int) -> None:
    """Each mistake at each line of the step (or at most so many), on so many random nets."""
    tally: Counter[str] = Counter()
    seen: dict[str, set[int]] = defaultdict(set)
    for seed in range(40 * networks):
        net = random_net(random.Random(seed))
        case, rng = Case(net), np.random.default_rng([5, seed])
        parameters = case.network.initial(seed=seed)
        parameters.flat[:] += 0.3 * rng.standard_normal(parameters.flat.shape)
        X, Y, more = case.batch(int(rng.integers(2, 9)), rng)
        batch = X, Y
        if net.weighted:
            more["sample_weight"] = rng.uniform(0.2, 3.0, len(Y))
        right = case.function(source(net))
        tally["nets"] += 1
        found = check_gradient(case.network, parameters, X, Y, right, **more)
        if not found.passed:
            tally["accused"] += 1
            keeper.failures.append(f"right step {seed}: {found}")
        enough = {mistake for mistake, nets in seen.items() if len(nets) >= networks}
        places: Counter[str] = Counter()
        for wrong in wrong_steps(net):
            if wrong.mistake in enough or places[wrong.mistake] >= most:
                continue
            function = case.function(wrong.source)
            off = _numbers_off(function, right, wrong.mistake, dict(parameters), batch, more)
            if off is None:
                continue
            if off == 1 and CATALOGUE[wrong.mistake].fits:  # a factor gives any one number
                tally["one number"] += 1
                continue
            found = check_gradient(case.network, parameters, X, Y, function, pairs=False, **more)
            if found.passed:
                tally["without effect"] += 1
                continue
            places[wrong.mistake] += 1
            tally["wrong"] += 1
            seen[wrong.mistake].add(seed)
            if found.diagnosis and case.holds(found.diagnosis[0], wrong):
                tally["right"] += 1
                tally["equivalent"] += found.diagnosis[0].mistake.id != wrong.mistake
            else:
                named = str(found.diagnosis[0]) if found.diagnosis else found.seen
                keeper.failures.append(f"{seed}: {wrong.mistake} at {wrong.variables}: {named}")
        if seed >= networks and len(enough) == len(seen):
            break
    total = tally["wrong"]
    keeper.claim("right PyTorch steps by hand pass", tally["nets"], accused=tally["accused"])
    keeper.claim("wrong PyTorch steps named, id and place first", total,
                 share=tally["right"] / total, named_by_an_equivalent=tally["equivalent"] / total,
                 without_effect=tally["without effect"],
                 one_number_for_one_factor=tally["one number"], mistakes=len(seen),
                 networks_of_each=min(map(len, seen.values())))  # fmt: skip


def _numbers_off(
    function: Callable[..., Any],
    right: Callable[..., Any],
    mistake: str,
    parameters: Any,
    batch: Any,
    more: dict[str, Any],
) -> int | None:
    """How many numbers a step gets wrong; None if it does not run, or not to the right shapes."""
    try:
        found, truth = (one(parameters, *batch, **more) for one in (function, right))
    except (RuntimeError, NameError, IndexError):
        return None  # shapes, or a name that is not there yet
    if not all(np.isfinite(array).all() for array in found.values()):
        return None
    if any(found[name].shape != truth[name].shape for name in truth):
        return 2 if mistake in SHAPED else None
    return sum(int((~np.isclose(found[n], truth[n], 1e-9, 0)).sum()) for n in truth)


#: Mistakes that give gradients other shapes, and are still named.
SHAPED = ("bias-not-summed", "bias-summed-over-units", "gradient-transposed")


def main() -> None:
    """Print every claim as JSON."""
    os.environ.setdefault("KERAS_BACKEND", "torch")
    parser = argparse.ArgumentParser()
    parser.add_argument("--share", type=float, default=1.0, help="of the full counts")
    share: float = parser.parse_args().share
    keeper = Keeper()

    def some(full: int) -> int:
        return max(2, round(full * share))

    def there(*names: str) -> bool:
        absent = [name for name in names if importlib.util.find_spec(name) is None]
        keeper.missing += absent
        return not absent

    if there("torch"):
        import torch

        torch.set_num_threads(1)
        wide = torch_modules(some(300), np.float64)
        keeper.all_pass("PyTorch modules' gradients in float64 pass", wide)
        single = torch_modules(some(1000), np.float32)
        keeper.all_pass("PyTorch modules' gradients in float32 pass", single)
        wrong_torch_steps(keeper, some(50), most=1000 if share >= 1 else 2)
    if there("jax"):
        keeper.all_pass("JAX trees' gradients pass", jax_trees(some(150)))
    if there("keras", "torch"):
        keeper.all_pass("Keras models' gradients pass", keras_models(some(150)))
    if there("sklearn"):
        keeper.all_pass("scikit-learn's coefs_ and intercepts_ pass", sklearn_models(some(100)))
    print(json.dumps(vars(keeper), ensure_ascii=False, indent=1))


if __name__ == "__main__":
    main()
