"""Prediction beside its peers: one row as it comes, and batches as a share of the peak."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

import clearprop as cp
from benchmarks.timing import timed
from clearprop.engine import Data, NativeRunner
from clearprop.engine.team import Team
from clearprop.model.compiled import Compiled

__all__ = ["batches", "one_row"]

Array = np.ndarray[Any, Any]
Call = Callable[[], Any]


def one_row(rounds: int, quick: bool) -> dict[str, Any]:
    """Return microseconds of one row of 30-32-16-2."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(640, 30)).astype(np.float32)
    net = cp.Network([30, 32, 16, 2], "relu", cost="cross_entropy")
    model = cp.train(net, X, (X[:, 0] > 0).astype(int), epochs=2, seed=0)
    row, rows, out = X[0], X[:1], np.empty(2, np.float32)
    compiled = model.compiled
    runs: dict[str, Call] = {
        "model.compiled.predict(row, out=out)": lambda: compiled.predict(row, out=out),
        "model.compiled.predict(row)": lambda: compiled.predict(row),
        "Model.predict of a row": lambda: model.predict(rows),
    }
    layers = _layers(model.parameters.flat, (30, 32, 16, 2))
    expected = model.predict_probabilities(rows)
    for name, make in (("PyTorch eager, inference mode", _torch), ("onnxruntime", _onnxruntime)):
        try:
            given = make(layers, rows, 1)
        except Exception as error:
            print(f"    {name} is skipped: {type(error).__name__}")
            continue
        apart = float(np.abs(np.asarray(given()) - expected).max())
        assert apart < 1e-5, f"{name} predicts something else, by {apart}"
        runs[name] = given
    return timed(runs, rounds, 0.02 if quick else 0.2)


def batches(rounds: int, quick: bool, peak: dict[str, Any]) -> list[dict[str, Any]]:
    """Return microseconds and the share of the peak of batches, on one core and on all."""
    found = []
    cores = os.cpu_count() or 1
    for sizes, count in itertools.product(
        ((54, 256, 256, 7), (784, 512, 512, 10)), (64, 4096) if quick else (1, 64, 4096, 65536)
    ):
        net = cp.Network(list(sizes), "relu", cost="cross_entropy")
        flat = net.initial(0).flat.astype(np.float32)
        rng = np.random.default_rng(0)
        X = rng.normal(size=(count, sizes[0])).astype(np.float32)
        compiled = Compiled(net, cp.Parameters(net.graph, flat))
        out = np.empty((count, sizes[-1]), np.float32)
        runner = NativeRunner(net.graph, None, Data({"X": X}, {}))
        runs: dict[str, tuple[Call, int]] = {
            "compiled": (lambda c=compiled, X=X, out=out: c.predict(X, out=out), 1),  # type: ignore[misc]
            "runner": (
                lambda r=runner, f=flat, X=X: r.forward(f, {"X": X}),  # type: ignore[misc]
                Team(None).of_pass(runner.program.work * count),
            ),
        }
        layers = _layers(flat, sizes)
        for name, make in (("PyTorch", _torch), ("onnxruntime", _onnxruntime)):
            try:
                for threads in sorted({1, cores}):
                    runs[f"{name}, {threads}"] = (make(layers, X, threads), threads)
            except Exception as error:
                print(f"    {name} is skipped: {type(error).__name__}")
        needed = 2.0 * count * sum(a * b for a, b in itertools.pairwise(sizes))
        rows: dict[str, Any] = timed(
            {name: call for name, (call, _) in runs.items()}, rounds, 0.02 if quick else 0.1
        )
        for name, (_, threads) in runs.items():
            limit = peak.get("float32 on one core" if threads == 1 else "float32")
            rate = needed / rows[name]["median"] / 1e3
            rows[name] |= {"threads": threads, "share of peak": rate / limit if limit else None}
        found.append({"sizes": sizes, "rows": count, "flop": needed, "microseconds": rows})
    return found


def _layers(flat: Array, sizes: tuple[int, ...]) -> list[tuple[Array, Array]]:
    found, at = [], 0
    for fan_in, fan_out in itertools.pairwise(sizes):
        W = flat[at : at + fan_in * fan_out].reshape(fan_out, fan_in)
        at += W.size
        found.append((W, flat[at : at + fan_out]))
        at += fan_out
    return found


def _torch(layers: list[tuple[Array, Array]], X: Array, threads: int) -> Call:
    import torch  # a peer that may not be installed

    modules: list[Any] = []
    for W, b in layers:
        layer = torch.nn.Linear(W.shape[1], W.shape[0])
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(W.copy()))
            layer.bias.copy_(torch.from_numpy(b.copy()))
        modules += [layer, torch.nn.ReLU()]
    model = torch.nn.Sequential(*modules[:-1], torch.nn.Softmax(dim=-1)).eval()
    given = torch.from_numpy(X)

    def predict() -> Any:
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)
        with torch.inference_mode():
            return model(given).numpy()

    return predict


def _onnxruntime(layers: list[tuple[Array, Array]], X: Array, threads: int) -> Call:
    import onnx  # peers that may not be installed
    import onnxruntime

    nodes, weights, value = [], [], "x"
    for number, (W, b) in enumerate(layers):
        names = [f"{part}{number}" for part in "Wbza"]
        weights += [onnx.numpy_helper.from_array(W.copy(), names[0]),
                    onnx.numpy_helper.from_array(b.copy(), names[1])]  # fmt: skip
        nodes.append(
            onnx.helper.make_node("Gemm", [value, names[0], names[1]], [names[2]], transB=1)
        )
        last = number + 1 == len(layers)
        value = names[3]
        nodes.append(onnx.helper.make_node("Softmax" if last else "Relu", [names[2]], [value]))
    kind = onnx.TensorProto.FLOAT
    graph = onnx.helper.make_graph(
        nodes, "chain",
        [onnx.helper.make_tensor_value_info("x", kind, [None, X.shape[1]])],
        [onnx.helper.make_tensor_value_info(value, kind, [None, len(layers[-1][1])])],
        weights,
    )  # fmt: skip
    made = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)])
    made.ir_version = 9
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    session = onnxruntime.InferenceSession(
        made.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    run = partial(session.run, [value], {"x": X})
    return lambda: run()[0]
