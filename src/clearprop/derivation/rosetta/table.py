"""The Rosetta table: each quantity of one network in every notation, side by side, with numbers.

Below it stand the equations that a column has no room for: where the mean is, and the step.
Proved by ``tests/test_derivation_rosetta.py``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from clearprop.derivation.batch import numbers_of
from clearprop.derivation.derived import LEARNING_RATE, called
from clearprop.derivation.notations.names import Names
from clearprop.derivation.notations.notation import NOTATIONS, Notation
from clearprop.derivation.pages.heading import WIDTH, wrapped
from clearprop.derivation.rosetta.counterparts import Counterparts
from clearprop.derivation.wording.refusals import unknown
from clearprop.errors import SettingError
from clearprop.expressions import Array
from clearprop.network import Inputs, Network
from clearprop.words import LANGUAGES, Language, Words, number, width

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
        "z": {"en": "input, layer {l} unit {j}", "zh": "第 {l} 层神经元 {j} 的输入"},
        "a": {"en": "output, layer {l} unit {j}", "zh": "第 {l} 层神经元 {j} 的输出"},
        "target": {"en": "target {j}", "zh": "第 {j} 个期望输出"},
        "cost": {"en": "cost", "zh": "代价"},
        "Delta": {"en": "∂cost/∂ that output", "zh": "代价对该输出的导数"},
        "delta": {"en": "∂cost/∂ that input", "zh": "代价对该输入的导数"},
        "gradient": {"en": "that weight's gradient", "zh": "该权重的梯度"},
        "bias_gradient": {"en": "that bias's gradient", "zh": "该偏置的梯度"},
        "f": {"en": "f of that input", "zh": "该输入的激活函数值"},
        "slope": {"en": "f′ at that input", "zh": "激活函数在该处的导数"},
        "learning_rate": {"en": "learning rate", "zh": "学习率"},
        "l2": {"en": "penalty's factor", "zh": "惩罚系数"},
        "mean": {"en": "Where the mean over m samples stands",
                 "zh": "对 m 个样本的平均写在何处"},
        "step": {"en": "The step of the first weight; it becomes {value}",
                 "zh": "第一个权重的更新；更新后为 {value}"},
        "mean_gradient": {"en": "(at the gradient)", "zh": "（写在梯度处）"},
        "mean_delta": {"en": "(inside δ)", "zh": "（写在残差里）"},
        "mean_one": {"en": "(one sample)", "zh": "（单个样本）"},
        "layers": {"en": "Layers are counted from 1, the input is layer 1; units from 1.",
                   "zh": "层从 1 数起，输入层是第 1 层；神经元也从 1 数起。"},
        "given": {"en": "Numbers: random, seed {seed}.",
                  "zh": "数值：随机产生，种子 {seed}。"},
        "model": {"en": "Parameters: the model's; inputs and targets: random, seed {seed}.",
                  "zh": "参数取自模型；输入与目标随机产生，种子 {seed}。"},
        "table": {"en": "row {i} of a table, layer {l}: unit {j}",
                  "zh": "第 {l} 层查表：第 {i} 行，神经元 {j}"},
        "members": {"en": "Numbers of member 1 of {count}; the cost is the mean of all.",
                    "zh": "数值取第 1 个成员，共 {count} 个；代价是全部成员的平均。"},
    }
)  # fmt: skip


@dataclass(frozen=True)
class Rosetta:
    """A network's quantities in every notation.

    Parameters
    ----------
    network : Network
    language : {"en", "zh"}
    notations : tuple of Notation
    rows : tuple of dict
        ``{"quantity", "symbol", "names": {notation: text}, "value"}``, one a quantity.
    equations : tuple of dict
        The same of what is an equation in each notation.
    origin : str
        Where the numbers come from, in a sentence; "" if nothing is said.
    """

    network: Network
    language: Language
    notations: tuple[Notation, ...]
    rows: tuple[dict[str, Any], ...]
    equations: tuple[dict[str, Any], ...]
    origin: str = ""

    def say(self, key: str, **values: object) -> str:
        return WORDS(key, self.language, **values)

    def drawn(self, seed: int, *, model: bool) -> Rosetta:
        """Return the table, saying what of its numbers is random."""
        return replace(self, origin=self.say("model" if model else "given", seed=seed))

    def text(self) -> str:
        """Return the table as text of at most 80 columns, in parts if it would be wider."""
        title = self.say(
            "title", count=len(self.notations), network=called(self.network, self.language)
        )
        lines = [*wrapped(title, WIDTH), *wrapped(self.say("layers"), WIDTH)]
        if self.origin:
            lines += wrapped(self.origin, WIDTH)
        if count := self.network.graph.members:
            lines += wrapped(self.say("members", count=count), WIDTH)
        for names in self._parts():
            lines += ["", *self._table(names)]
        room = max(width(one.name) for one in self.notations)
        for equation in self.equations:
            lines += ["", equation["quantity"]]
            for one in self.notations:
                first, *more = wrapped(equation["names"][one.name], WIDTH - room - 4)
                lines.append(f"  {one.name}{' ' * (room - width(one.name))}  {first}")
                lines += [" " * (room + 4) + rest for rest in more]
        return "\n".join(lines) + "\n"

    def _cells(self, names: Sequence[str]) -> list[list[str]]:
        heads = [self.say("quantity"), *names, self.say("value")]
        return [heads] + [
            [row["quantity"], *(row["names"][name] for name in names),
             number(row["value"]).replace("-", "−")]
            for row in self.rows
        ]  # fmt: skip

    def _parts(self) -> Iterator[list[str]]:
        """The notations whose columns stand side by side, as many as the page has room for."""
        part: list[str] = []
        for one in self.notations:
            sizes = _sizes(self._cells([*part, one.name]))
            if part and sum(sizes) + len(sizes) - 1 > WIDTH:
                yield part
                part = []
            part.append(one.name)
        yield part

    def _table(self, names: Sequence[str]) -> Iterator[str]:
        cells = self._cells(names)
        sizes = _sizes(cells)
        gap = "  " if sum(sizes) + 2 * len(sizes) - 2 <= WIDTH else " "
        for place, line in enumerate(cells):
            yield gap.join(
                cell + " " * (size - width(cell)) for cell, size in zip(line, sizes, strict=True)
            ).rstrip()
            if place == 0:
                yield gap.join("─" * size for size in sizes)

    def to_json(self) -> str:
        """Return the table as JSON text."""
        found = {"quantities": self.rows, "equations": self.equations}
        return json.dumps(found, ensure_ascii=False, indent=1) + "\n"


def _sizes(cells: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(width, column)) for column in zip(*cells, strict=True)]


def rosetta(
    network: Network, parameters: Mapping[str, Array], X: Inputs, Y: Any, language: str,
    more: Sequence[Notation] = (),
) -> Rosetta:  # fmt: skip
    """Write a network's quantities in the five notations, and in ``more``.

    Examples
    --------
    >>> net = Network("2-3-2", "sigmoid", output="sigmoid", bias="shared")
    >>> table = rosetta(net, net.initial(0), [[0.1, 0.2]], [[0.0, 1.0]], "en").text()
    >>> all(name in table for name in ("V12", "Θ¹₂₁", "w⁽²⁾₁₂", "f′(H1)", "η"))
    True
    """
    if language not in LANGUAGES:
        raise SettingError(unknown("language", language, LANGUAGES))
    spoken: Language = "zh" if language == "zh" else "en"
    every = {one.name: one for one in (*NOTATIONS.values(), *more)}
    named = [Names(one, network.graph) for one in every.values()]
    numbers = numbers_of(network, named[0], parameters, X, Y, LEARNING_RATE)
    written = Counterparts(network.graph, named, numbers, LEARNING_RATE)
    rows = []
    for key, sym, index, values in _quantities(network):
        if key == "functions":
            for one in written.functions(sym):
                rows.append(_row(WORDS(one.key, spoken), one.symbol, one.written, one.value))
            continue
        found = numbers.scalars.get(sym)
        if found is None:
            first = (0,) * sum(numbers.axes(sym))  # of the members and of the samples
            found = float(np.asarray(numbers.trace[sym])[(*first, *index)])
        names = {n.notation.name: n.called(sym, index) for n in named}
        rows.append(_row(WORDS(key, spoken, **values), sym, names, found))
    return Rosetta(
        network, spoken, tuple(every.values()), tuple(rows),
        tuple(_equations(network, written, spoken)),
    )  # fmt: skip


def _row(
    quantity: str, symbol: str, names: Mapping[str, str], value: float | None
) -> dict[str, Any]:
    return {"quantity": quantity, "symbol": symbol, "names": dict(names), "value": value}


def _equations(
    network: Network, written: Counterparts, language: Language
) -> Iterator[dict[str, Any]]:
    """Yield what is an equation in each notation, of the first weight."""
    graph = network.graph
    first = next((name for name in graph.parameters if name[0] == "W"), None)
    if first is None:
        return
    place = (min(2, graph.parameters[first].shape[0]), 1)
    mean = written.mean(first, place)
    places = {
        one.name: "mean_one" if one.batch == "one" else f"mean_{one.mean_at}"
        for one in (names.notation for names in written.named)
    }
    said = {name: f"{text}  {WORDS(places[name], language)}" for name, text in mean.written.items()}
    yield _row(WORDS("mean", language), mean.symbol, said, None)
    step = written.step(first, place)
    after = number(step.value or 0.0).replace("-", "−")
    yield _row(WORDS("step", language, value=after), step.symbol, step.written, step.value)


def _quantities(network: Network) -> Iterator[tuple[str, str, tuple[int, ...], dict[str, object]]]:
    graph = network.graph
    given = graph.inputs[0]
    if not given.levels:
        yield "input", given.value, (0,), {"i": 1}
    finals = [cost.value for cost in graph.costs]
    for name, parameter in graph.parameters.items():
        label = graph.nodes[parameter.users[0]].output[1:]
        rank = len(parameter.spec.type.shape)
        if rank == 2:
            place = (min(1, parameter.shape[0] - 1), 0)
            values: dict[str, object] = {"i": 1, "j": place[0] + 1, "l": _layer(graph.nodes[
                parameter.users[0]].inputs[0][1:])}  # fmt: skip
            if graph.nodes[parameter.users[0]].op == "gather":
                values |= {"i": place[0] + 1, "j": 1}  # a row of a table for each level
                yield "table", name, place, values
            else:
                yield "weight", name, place, values
            yield "gradient", f"dJ/d{name}", place, {}
        elif name.startswith("b"):
            yield "bias", name, (0,) * rank, {"l": _layer(label)}
            yield "bias_gradient", f"dJ/d{name}", (0,) * rank, {}
    for name, value in graph.values.items():
        if value.node is None:
            continue
        where: dict[str, object] = {"j": 1, "l": _layer(name[1:])}
        yield "functions", name, (0,), {}
        yield ("z" if name.startswith("z") else "a"), name, (0,), where
        back = ("delta" if name.startswith("z") else "Delta") + name[1:]
        yield ("delta" if name.startswith("z") else "Delta"), back, (0,), {}
    if len(finals) == 1:
        yield "target", "y", (0,), {"j": 1}
    yield "cost", "J", (), {}
    yield "l2", "l2", (), {}
    yield "learning_rate", "learning_rate", (), {}


def _layer(label: str) -> str:
    return label.lstrip("_")
