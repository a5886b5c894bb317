"""The libraries, each as its own users would make it fast; one that is not installed is skipped.

Adam with the same settings, relu, softmax cross-entropy; each shuffles its own epoch, on its clock.
"""

from __future__ import annotations

import itertools
import os
import warnings
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from benchmarks.problem import EPSILON, RATE, Peer, Problem, flat
from clearprop import _native
from clearprop.engine import Data, NativeRunner, Precision, State, Window
from clearprop.optimizers import Adam

# Some add ε to √v before it is corrected by 1 / √(1 − β₂ᵗ): this one makes the same first step.
EARLY_EPSILON = EPSILON * (1 - 0.999) ** 0.5
UNROLLED = 4
"""Steps of JAX's scan that are one of its loop."""


def counted(threads: int) -> str:
    return f"{threads} thread" + ("s" if threads > 1 else "")


class ClearProp:
    """The native engine as `clearprop.train` drives it, slices of one epoch."""

    library = "ClearProp"

    def __init__(self, problem: Problem, precision: Precision, threads: int | None) -> None:
        told = "its own choice of threads" if threads is None else counted(threads)
        self.name = f"ClearProp {precision}, {told}"
        self.precision: str = precision
        self.problem, optimizer = problem, Adam(RATE)
        data = Data({"X": problem.X}, {"y": problem.y})
        self.runner = NativeRunner(
            problem.network.graph, optimizer, data, threads=threads, precision=precision
        )
        start = State.initial(problem.start, optimizer, 0, precision, self.runner.family)
        self.state = self.runner.hold(start)  # as `clearprop.train` does
        n, m = len(problem.y), problem.batch
        self.borders, self.rates, self.done = np.arange(n // m + 1) * m, np.full(n // m, RATE), 0

    def step(self, rows: np.ndarray[Any, Any]) -> None:
        self.runner.run(self.state, Window(rows, np.array([0, len(rows)]), np.array([RATE])))

    def epoch(self) -> None:
        n = len(self.problem.y)
        rows = _native.permutation(0, self.done, n, 0, n)
        self.done += 1
        self.runner.run(self.state, Window(rows, self.borders, self.rates))

    def parameters(self) -> np.ndarray[Any, Any]:
        return self.state.parameters.copy()


class PyTorch:
    """PyTorch with its fused Adam: eager, or cost and gradient compiled; autocast in bfloat16."""

    library = "PyTorch"

    def __init__(self, problem: Problem, kind: str, threads: int) -> None:
        import torch  # a peer that may not be installed

        self.torch, self.problem, self.threads = torch, problem, threads
        self.precision = "bfloat16" if "bfloat16" in kind else "float32"
        self.name = f"PyTorch {kind}, {counted(threads)}"
        layers: list[Any] = []
        for fan_in, fan_out in itertools.pairwise(problem.sizes):
            layers += [torch.nn.Linear(fan_in, fan_out), torch.nn.ReLU()]
        self.model = torch.nn.Sequential(*layers[:-1])
        with torch.no_grad():
            given = [part for layer in problem.layers for part in layer]
            for own, array in zip(self.model.parameters(), given, strict=True):
                own.copy_(torch.from_numpy(array))
        loss = torch.nn.CrossEntropyLoss()

        def cost(x: Any, y: Any) -> Any:
            with torch.autocast("cpu", torch.bfloat16, enabled=self.precision == "bfloat16"):
                return loss(self.model(x), y)

        # Every setting compiles anew; past a limit it would run eagerly.
        torch._dynamo.config.recompile_limit = 1000
        torch._dynamo.config.accumulated_recompile_limit = 1000
        self.cost = torch.compile(cost, dynamic=False) if kind.startswith("compiled") else cost
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=RATE, eps=EPSILON, fused=True)
        self.X, self.y = torch.from_numpy(problem.X), torch.from_numpy(problem.y)
        self.generator = torch.Generator().manual_seed(0)

    def step(self, rows: np.ndarray[Any, Any]) -> None:
        self.torch.set_num_threads(self.threads)
        self._train(self.torch.from_numpy(rows))

    def _train(self, rows: Any) -> None:
        self.optimizer.zero_grad(set_to_none=True)
        self.cost(self.X[rows], self.y[rows]).backward()
        self.optimizer.step()

    def epoch(self) -> None:
        self.torch.set_num_threads(self.threads)
        order = self.torch.randperm(len(self.y), generator=self.generator)
        for rows in order.split(self.problem.batch):
            self._train(rows)

    def parameters(self) -> np.ndarray[Any, Any]:
        return np.concatenate([own.detach().numpy().reshape(-1) for own in self.model.parameters()])


class PyTorchInOneGraph(PyTorch):
    """PyTorch's whole step compiled as one graph: rows, gradient and update.

    Adam is written out, as it is for JAX: the step of torch.optim's, compiled, is a graph of its
    own, which takes longer, foreach or not; its fused one is not compiled at all.
    """

    def __init__(self, problem: Problem, kind: str, threads: int) -> None:
        super().__init__(problem, kind, threads)
        torch, cost, X, y = self.torch, self.cost, self.X, self.y
        own = list(self.model.parameters())
        first, second = ([torch.zeros_like(w) for w in own] for _ in range(2))
        t = torch.zeros(())

        def train(rows: Any) -> None:
            gradient = torch.autograd.grad(cost(X[rows], y[rows]), own)
            with torch.no_grad():
                t.add_(1)
                for w, u, v, g in zip(own, first, second, gradient, strict=True):
                    u.lerp_(g, 0.1)
                    v.mul_(0.999).addcmul_(g, g, value=0.001)
                    w.sub_(RATE * (u / (1 - 0.9**t)) / ((v / (1 - 0.999**t)).sqrt() + EPSILON))

        torch._dynamo.config.trace_autograd_ops = True  # or the gradient would break the graph
        options = {"cpp_wrapper": "C++ wrapper" in kind}
        self.compiled = torch.compile(train, dynamic=False, fullgraph=True, options=options)

    def _train(self, rows: Any) -> None:
        self.compiled(rows)


class Jax:
    """JAX: the whole epoch, its shuffling too, in one compiled scan whose state is donated.

    In bfloat16 products have rounded operands and sums in float32; all else is in float32.
    """

    library = "JAX"

    def __init__(self, problem: Problem, precision: Precision, unroll: int) -> None:
        import jax  # a peer that may not be installed
        import jax.numpy as jnp

        self.jax, self.precision = jax, str(precision)
        how = "" if precision == "float32" else f" {precision}"
        loop = "one scan" if unroll == 1 else f"one scan unrolled {unroll} times"
        self.name = f"JAX{how}, an epoch in {loop}, all cores"
        n, m = len(problem.y), problem.batch
        self.key, self.X, self.y = jax.random.key(0), jnp.array(problem.X), jnp.array(problem.y)

        def cost(layers: Any, x: Any, y: Any) -> Any:
            for number, (W, b) in enumerate(layers):
                x = jnp.matmul(
                    x.astype(precision), W.astype(precision), preferred_element_type=jnp.float32
                )
                x = x + b
                x = jax.nn.relu(x) if number + 1 < len(layers) else x
            picked = jnp.take_along_axis(jax.nn.log_softmax(x), y[:, None], axis=1)
            return -picked.mean()

        def step(state: Any, rows: Any) -> Any:
            layers, first, second, t = state
            g = jax.grad(cost)(layers, self.X[rows], self.y[rows])
            t = t + 1
            first = jax.tree.map(lambda u, d: 0.9 * u + 0.1 * d, first, g)
            second = jax.tree.map(lambda u, d: 0.999 * u + 0.001 * d * d, second, g)

            def update(w: Any, u: Any, v: Any) -> Any:
                return w - RATE * (u / (1 - 0.9**t)) / (jnp.sqrt(v / (1 - 0.999**t)) + EPSILON)

            return (jax.tree.map(update, layers, first, second), first, second, t), None

        def epoch(state: Any, key: Any) -> Any:
            order = jax.random.permutation(key, n)[: n // m * m].reshape(-1, m)
            return jax.lax.scan(step, state, order, unroll=unroll)[0]

        self._step = jax.jit(lambda state, rows: step(state, rows)[0], donate_argnums=0)
        self._epoch = jax.jit(epoch, donate_argnums=0)
        layers = [(jnp.array(W.T), jnp.array(b)) for W, b in problem.layers]

        def zeros() -> Any:
            return jax.tree.map(jnp.zeros_like, layers)

        self.state = (layers, zeros(), zeros(), jnp.float32(0))

    def step(self, rows: np.ndarray[Any, Any]) -> None:
        self.state = self._step(self.state, rows)

    def epoch(self) -> None:
        self.key, now = self.jax.random.split(self.key)
        self.state = self.jax.block_until_ready(self._epoch(self.state, now))

    def parameters(self) -> np.ndarray[Any, Any]:
        return flat([(np.asarray(W).T, b) for W, b in self.state[0]])


class ScikitLearn:
    """scikit-learn's MLPClassifier, an epoch a call of partial_fit, in float32."""

    library, precision = "scikit-learn", "float32"

    def __init__(self, problem: Problem, threads: int) -> None:
        from sklearn.neural_network import MLPClassifier  # a peer that may not be installed
        from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

        self.name, self.problem = f"scikit-learn, {counted(threads)}", problem
        self.limit, self.threads = ThreadpoolController(), threads
        self.model = MLPClassifier(
            problem.sizes[1:-1], alpha=0, batch_size=problem.batch, learning_rate_init=RATE,
            epsilon=EARLY_EPSILON, random_state=0,
        )  # fmt: skip
        self.classes = np.arange(problem.sizes[-1])
        self._fit(np.arange(problem.batch))
        if problem.sizes[-1] > 2:  # of two classes it makes one logistic output: another network
            for own, other, (W, b) in zip(
                self.model.coefs_, self.model.intercepts_, problem.layers, strict=True
            ):
                own[...], other[...] = W.T, b
        del self.model._optimizer

    def _fit(self, rows: np.ndarray[Any, Any]) -> None:
        with self.limit.limit(limits=self.threads), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.model.partial_fit(self.problem.X[rows], self.problem.y[rows], classes=self.classes)

    def step(self, rows: np.ndarray[Any, Any]) -> None:
        self._fit(rows)

    def epoch(self) -> None:
        with self.limit.limit(limits=self.threads), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.model.partial_fit(self.problem.X, self.problem.y)

    def parameters(self) -> np.ndarray[Any, Any]:
        return flat(
            [(W.T, b) for W, b in zip(self.model.coefs_, self.model.intercepts_, strict=True)]
        )


class Keras:
    """Keras on JAX, its fastest backend on a CPU, compiled, an epoch a call of fit."""

    library, precision = "Keras", "float32"

    def __init__(self, problem: Problem) -> None:
        os.environ.setdefault("KERAS_BACKEND", "jax")
        import keras  # a peer that may not be installed

        self.name, self.problem = f"Keras on {keras.backend.backend()}, all cores", problem
        hidden = [keras.layers.Dense(width, "relu") for width in problem.sizes[1:-1]]
        given, last = keras.layers.Input((problem.sizes[0],)), keras.layers.Dense(problem.sizes[-1])
        self.model = keras.Sequential([given, *hidden, last])
        for layer, (W, b) in zip(self.model.layers, problem.layers, strict=True):
            layer.set_weights([W.T, b])
        self.model.compile(
            keras.optimizers.Adam(RATE, epsilon=EARLY_EPSILON),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            jit_compile=True,
        )

    def step(self, rows: np.ndarray[Any, Any]) -> None:
        self.model.train_on_batch(self.problem.X[rows], self.problem.y[rows])

    def epoch(self) -> None:
        self.model.fit(
            self.problem.X, self.problem.y, batch_size=self.problem.batch, shuffle=True, verbose=0
        )

    def parameters(self) -> np.ndarray[Any, Any]:
        weights = self.model.get_weights()
        return flat([(W.T, b) for W, b in zip(weights[::2], weights[1::2], strict=True)])


def settings(problem: Problem, threads: list[int]) -> Iterator[tuple[str, Any]]:
    """Yield (name, how to make it) of everyone."""
    precisions: tuple[Precision, ...] = ("float32", "bfloat16")
    for precision in precisions:
        for count in (*threads, None):
            name = f"ClearProp {precision}"
            yield name, partial(ClearProp, problem, precision, count)
    for count in threads:
        for kind in ("eager", "eager bfloat16", "compiled", "compiled bfloat16"):
            yield f"PyTorch {kind}", partial(PyTorch, problem, kind, count)
        for of, wrapper in itertools.product(("", " bfloat16"), ("", ", C++ wrapper")):
            kind = f"whole step compiled{of}{wrapper}"
            yield f"PyTorch {kind}", partial(PyTorchInOneGraph, problem, kind, count)
        yield "scikit-learn", partial(ScikitLearn, problem, count)
    for precision, unroll in itertools.product(precisions, (1, UNROLLED)):
        name = "JAX" if (precision, unroll) == ("float32", 1) else f"JAX {precision} {unroll}"
        yield name, partial(Jax, problem, precision, unroll)
    yield "Keras", partial(Keras, problem)


def available(
    problem: Problem, threads: list[int], who: Sequence[str] = ()
) -> tuple[list[Peer], dict[str, str]]:
    """Return everyone who is here, or those of some names, and why others are not."""
    found: list[Peer] = []
    missing: dict[str, str] = {}
    for name, make in settings(problem, threads):
        if who and name not in who:
            continue
        try:
            found.append(make())
        except Exception as error:  # whatever a library says of its absence or of this machine
            missing[name] = f"{type(error).__name__}: {str(error).splitlines()[0]}"
    return found, missing
