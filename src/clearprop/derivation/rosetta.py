"""The Rosetta table: each quantity of one network in every notation, side by side, with numbers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from clearprop.derivation.derived import LEARNING_RATE, called, numbers_of
from clearprop.derivation.names import Names
from clearprop.derivation.notation import NOTATIONS, Notation
from clearprop.derivation.pages import WIDTH, width
from clearprop.derivation.refusals import unknown
from clearprop.errors import SettingError
from clearprop.expressions import Array
from clearprop.network import Inputs, Network
from clearprop.words import LANGUAGES, Language, Words, number

WORDS = Words(
    {
        "title": {
            "en": "The same numbers in {count} notations: {network}, one sample",
            "zh": "同一组数的 {count} 种记号：{network}，一个样本",
        },
        "quantity": {"en": "quantity", "zh": "量"},
        "value": {"en": "number", "zh": "数值"},
        "input": {"en": "input {i}", "zh": "第 {i} 个输入"},
        "weight": {"en": "weight, layer {l}: {i} → {j}", "zh": "第 {l} 层权重：{i} → {j}"},
        "bias": {"en": "bias into layer {l}", "zh": "第 {l} 层的偏置"},
        "z": {"en": "layer {l}, unit {j}: input", "zh": "第 {l} 层单元 {j} 的输入"},
        "a": {"en": "layer {l}, unit {j}: output", "zh": "第 {l} 层单元 {j} 的输出"},
        "target": {"en": "target {j}", "zh": "第 {j} 个期望输出"},
        "cost": {"en": "cost", "zh": "代价"},
        "Delta": {"en": "∂cost/∂ that output", "zh": "代价对该输出的导数"},
        "delta": {"en": "∂cost/∂ that input", "zh": "代价对该输入的导数"},
        "gradient": {"en": "gradient of that weight", "zh": "该权重的梯度"},
        "bias_gradient": {"en": "gradient of that bias", "zh": "该偏置的梯度"},
        "layers": {"en": "Layers are counted from 1, the input is layer 1; units from 1.",
                   "zh": "层从 1 数起，输入层是第 1 层；单元也从 1 数起。"},
    }
)  # fmt: skip


def rosetta_rows(
    network: Network, parameters: Mapping[str, Array], X: Inputs, Y: Any, language: str,
    more: Sequence[Notation] = (),
) -> Iterator[dict[str, Any]]:  # fmt: skip
    """Yield a row a quantity: what it is, its name in each notation, its number."""
    if language not in LANGUAGES:
        raise SettingError(unknown("language", language, LANGUAGES))
    spoken: Language = "zh" if language == "zh" else "en"
    every = [*NOTATIONS.values(), *more]
    named = [Names(one, network.graph) for one in every]
    trace = numbers_of(network, named[0], parameters, X, Y, LEARNING_RATE).trace
    for key, sym, index, values in _quantities(network):
        array = np.asarray(trace[sym])
        per_sample = sym not in network.graph.parameters and not sym.startswith("dJ") and sym != "J"
        found = array[(0, *index)] if per_sample else array[index]
        yield {
            "quantity": WORDS(key, spoken, **values),
            "symbol": sym,
            "names": {n.notation.name: n.name(sym, index) for n in named},
            "value": float(found),
        }


def _quantities(network: Network) -> Iterator[tuple[str, str, tuple[int, ...], dict[str, object]]]:
    graph = network.graph
    given = graph.inputs[0]
    if not given.levels:
        yield "input", given.value, (0,), {"i": 1}
    finals = [cost.value for cost in graph.costs]
    for name, parameter in graph.parameters.items():
        label = graph.nodes[parameter.users[0]].output[1:]
        rank = len(parameter.spec.type.shape)
        if parameter.spec.type.member:
            continue
        if rank == 2:
            place = (min(1, parameter.shape[0] - 1), 0)
            values: dict[str, object] = {"i": 1, "j": place[0] + 1, "l": _layer(graph.nodes[
                parameter.users[0]].inputs[0][1:])}  # fmt: skip
            yield "weight", name, place, values
            yield "gradient", f"dJ/d{name}", place, {}
        elif name.startswith("b"):
            yield "bias", name, (0,) * rank, {"l": _layer(label)}
            yield "bias_gradient", f"dJ/d{name}", (0,) * rank, {}
    for name, value in graph.values.items():
        if value.node is None or value.type.member:
            continue
        where: dict[str, object] = {"j": 1, "l": _layer(name[1:])}
        yield ("z" if name.startswith("z") else "a"), name, (0,), where
        back = ("delta" if name.startswith("z") else "Delta") + name[1:]
        yield ("delta" if name.startswith("z") else "Delta"), back, (0,), {}
    if len(finals) == 1:
        yield "target", "y", (0,), {"j": 1}
    yield "cost", "J", (), {}


def _layer(label: str) -> str:
    return label.lstrip("_")


def rosetta_text(
    network: Network, parameters: Mapping[str, Array], X: Inputs, Y: Any, language: str,
    more: Sequence[Notation] = (),
) -> str:  # fmt: skip
    """Return the table as text.

    Examples
    --------
    >>> net = Network("2-3-2", "sigmoid", output="sigmoid", bias="shared")
    >>> table = rosetta_text(net, net.initial(0), [[0.1, 0.2]], [[0.0, 1.0]], "en")
    >>> "V12" in table, "Θ¹₂₁" in table, "w⁽²⁾₁₂" in table
    (True, True, True)
    """
    rows = list(rosetta_rows(network, parameters, X, Y, language, more))
    spoken: Language = "zh" if language == "zh" else "en"
    heads = [WORDS("quantity", spoken), *rows[0]["names"], WORDS("value", spoken)]
    table = [heads] + [
        [row["quantity"], *row["names"].values(), number(row["value"]).replace("-", "−")]
        for row in rows
    ]
    sizes = [max(width(line[c]) for line in table) for c in range(len(heads))]
    count = len(rows[0]["names"])
    lines = [
        WORDS("title", spoken, count=count, network=called(network, spoken)),
        WORDS("layers", spoken),
        "",
    ]
    gap = "  " if sum(sizes) + 2 * len(sizes) - 2 <= WIDTH else " "
    for place, line in enumerate(table):
        cells = [cell + " " * (size - width(cell)) for cell, size in zip(line, sizes, strict=True)]
        lines.append(gap.join(cells).rstrip())
        if place == 0:
            lines.append(gap.join("─" * size for size in sizes))
    return "\n".join(lines) + "\n"


def rosetta_json(
    network: Network, parameters: Mapping[str, Array], X: Inputs, Y: Any, language: str,
    more: Sequence[Notation] = (),
) -> str:  # fmt: skip
    """Return the table as JSON text."""
    rows = list(rosetta_rows(network, parameters, X, Y, language, more))
    return json.dumps({"quantities": rows}, ensure_ascii=False, indent=1) + "\n"
