"""An independent oracle: the cost of a network written by hand, its gradients by PyPI's autograd.

Reads the graph's JSON form (names of operations, settings) and imports nothing of the rows: every
formula below is written again from the textbooks. Members are computed one by one and averaged.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import autograd.numpy as np
from autograd import grad
from autograd.scipy.special import erf

SELU = (1.6732632423543772, 1.0507009873554805)


def sigmoid(x):
    return 0.5 * (1 + np.tanh(0.5 * x))


def softplus(x):
    return np.logaddexp(0.0, x)


def softmax(x):
    e = np.exp(x - np.max(x, axis=-1, keepdims=True))
    return e / np.sum(e, axis=-1, keepdims=True)


def log_sum_exp(x):
    top = np.max(x, axis=-1, keepdims=True)
    return top + np.log(np.sum(np.exp(x - top), axis=-1, keepdims=True))


FUNCTIONS = {
    "identity": lambda x: x,
    "sigmoid": sigmoid,
    "tanh": np.tanh,
    "relu": lambda x: np.where(x > 0, x, 0.0 * x),
    "leaky_relu": lambda x, slope=0.01: np.where(x > 0, x, slope * x),
    "elu": lambda x, alpha=1.0: np.where(x > 0, x, alpha * np.expm1(np.where(x > 0, 0.0 * x, x))),
    "selu": lambda x: SELU[1] * np.where(x > 0, x, SELU[0] * np.expm1(np.where(x > 0, 0.0 * x, x))),
    "gelu": lambda x: x * 0.5 * (1 + erf(x / np.sqrt(2.0))),
    "silu": lambda x: x * sigmoid(x),
    "mish": lambda x: x * np.tanh(softplus(x)),
    "softplus": softplus,
    "softsign": lambda x: x / (1 + np.abs(x)),
    "exp": np.exp,
    "softmax": softmax,
}


def smooth(y, label_smoothing):
    return (1 - label_smoothing) * y + label_smoothing / y.shape[-1]


#: Cost of each unit by what it is computed from: a, or z where the network ends in the link.
COSTS = {
    "squared_error": lambda a, y: 0.5 * (a - y) ** 2,
    "absolute_error": lambda a, y: np.abs(a - y),
    "huber": lambda a, y, limit: np.where(
        np.abs(a - y) <= limit, 0.5 * (a - y) ** 2, limit * (np.abs(a - y) - 0.5 * limit)
    ),
    "log_cosh": lambda a, y: np.logaddexp(a - y, y - a) - np.log(2.0),
    "quantile": lambda a, y, quantile: np.where(
        y > a, quantile * (y - a), (1 - quantile) * (a - y)
    ),
    "poisson": lambda z, y: np.exp(z) - y * z,
    "binary_cross_entropy": lambda z, y: y * softplus(-z) + (1 - y) * softplus(z),
    "cross_entropy": lambda z, y, label_smoothing: (
        smooth(y, label_smoothing) * (log_sum_exp(z) - z)
    ),
}
LINKED = ("poisson", "binary_cross_entropy", "cross_entropy")


def cost(
    graph: Mapping[str, Any],
    shapes: Mapping[str, int],
    parameters: Mapping[str, Any],
    inputs: Mapping[str, Any],
    targets: Mapping[str, Any],
    weights: Any,
    masks: Mapping[str, Any],
) -> Any:
    """J of a network given as `Graph.to_dict`.

    Parameters
    ----------
    graph : the JSON form
    shapes : axes of each parameter without the member axis
    parameters, inputs (by key), targets (by value name), weights (m,) : arrays
    masks : factors of dropout by the output's name; left out: 1
    """
    members = graph["members"] or 1
    share = weights / np.sum(weights)
    total = 0.0
    for k in range(members):
        own = {n: w[k] if np.ndim(w) > shapes[n] else w for n, w in parameters.items()}
        values = forward(graph, own, inputs, masks, k)
        for entry in graph["costs"]:
            made = next((n for n in graph["nodes"] if n["output"] == entry["value"]), None)
            x = values[made["inputs"][0] if entry["op"] in LINKED else entry["value"]]
            units = COSTS[entry["op"]](x, targets[entry["value"]], **entry["attrs"])
            total = total + np.sum(share * np.sum(units, axis=-1)) / members
        for name in penalised(graph):
            total = total + 0.5 * graph["l2"] * np.sum(own[name] ** 2) / members
    return total


def penalised(graph: Mapping[str, Any]) -> list[str]:
    """The parameters that λ/2 Σ W² counts: weights of layers and tables whose first use says so."""
    found: dict[str, bool] = {}
    for node in graph["nodes"]:
        for role, name in node["params"].items():
            counts = role in ("W", "E") and node["attrs"]["penalised"]
            found.setdefault(name, counts)
    return [name for name, counts in found.items() if counts]


def forward(graph, parameters, inputs, masks, member):
    """Every value of one member, by name, (m, width)."""
    values = {given["value"]: inputs[given["key"]] for given in graph["inputs"]}
    for node in graph["nodes"]:
        x = [values[name] for name in node["inputs"]]
        p = {role: parameters[name] for role, name in node["params"].items()}
        attrs = node["attrs"]
        match node["op"]:
            case "affine":
                y = np.dot(x[0], p["W"].T) + p.get("b", 0.0)
            case "gather":
                y = p["E"][np.asarray(x[0], dtype=int)]
            case "scale":
                y = p["s"] * x[0]
            case "mix":
                y = x[0] + p["alpha"] * (FUNCTIONS[attrs["function"]](x[0]) - x[0])
            case "add":
                y = sum(x[1:], x[0])
            case "concat":
                y = np.concatenate(x, axis=-1)
            case "dropout":
                mask = masks.get(node["output"], 1.0)
                y = x[0] * (mask[member] if np.ndim(mask) == 3 else mask)
            case function:
                y = FUNCTIONS[function](x[0], **attrs)
        values[node["output"]] = y
    return values


def gradients(network, parameters, X, Y, weights=None, masks=None):
    """J, ∂J/∂W by parameter name, ∂J/∂X by input key (not of indices)."""
    graph = network.graph.to_dict()
    given = network.graph
    shapes = {n: len(p.spec.type.shape) for n, p in given.parameters.items()}
    inputs = X if isinstance(X, Mapping) else {graph["inputs"][0]["key"]: X}
    targets = {}
    for entry in graph["costs"]:
        y = np.asarray(Y[entry["value"]] if isinstance(Y, Mapping) else Y)
        width = given.values[entry["value"]].type.shape[0]
        targets[entry["value"]] = np.eye(width)[y] if y.ndim == 1 else y
    m = len(next(iter(inputs.values())))
    w = np.ones(m) if weights is None else weights
    indices = {g["key"]: inputs[g["key"]] for g in graph["inputs"] if "levels" in g}
    numbers = {g["key"]: np.asarray(inputs[g["key"]]) for g in graph["inputs"] if "width" in g}

    def J(ps, xs):
        return cost(graph, shapes, ps, {**indices, **xs}, targets, w, masks or {})

    plain = {name: np.asarray(array) for name, array in parameters.items()}
    return J(plain, numbers), grad(J, 0)(plain, numbers), grad(J, 1)(plain, numbers)
