"""Wrong versions of what stands around the layers of the training step in PyTorch, as text.

Dropout's masks, the parts of a concat, rows of a table, weights of samples. Made without knowing
how ClearProp writes or finds mistakes: this file imports nothing of it. What does not run, or not
to gradients of the right shapes, is left out where the steps are run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from benchmarks.torch_slips import Slip
from benchmarks.torch_step import LINKS, Net

#: What stands in the backward pass in place of dropout's mask.
MASKS = (
    ("dropout-mask-missing", "dA{0}"),
    ("dropout-scale-missing", "dA{0} * (D{0} > 0)"),
    ("dropout-scale-missing", "dA{0} * D{0}.clamp(0, 1)"),
    ("dropout-mask-twice", "dA{0} * D{0} * D{0}"),
    ("dropout-mask-inverted", "dA{0} * (D{0} == 0)"),
    ("dropout-mask-inverted", "dA{0} * (D{0}.max() - D{0})"),
)


def part_slips(lines: Mapping[str, str], net: Net) -> Iterator[Slip]:
    """Yield every mistake of this file at every line where it can be made."""
    yield from _masks(net)
    yield from _concats(lines, net)
    if net.levels:
        yield from _table(lines, net)
    if net.weighted:
        yield from _weights(lines, net)


def _masks(net: Net) -> Iterator[Slip]:
    dropped = [i for i, layer in enumerate(net.layers, 1) if layer.after == "dropout"]
    for mistake, form in MASKS:
        every = {f"dH{i}": form.format(i) for i in dropped}
        for name, new in every.items():
            yield mistake, {name: new}
        if len(every) > 1:
            yield mistake, every


def _concats(lines: Mapping[str, str], net: Net) -> Iterator[Slip]:
    """The parts are cut in the other order, in both lines, or in one of them."""
    for i, layer in enumerate(net.layers, 1):
        if layer.after != "concat" or layer.units == layer.outputs:
            continue
        own, below = f"dH{i}", f"dA{i - 1}"
        new = {own: f"dA{i}[{layer.inputs}:]"}
        if below in lines:
            swapped = lines[below].replace(f"[{layer.units}:]", f"[:{layer.inputs}]")
            new[below] = swapped
        yield "concat-slices-swapped", new


def _table(lines: Mapping[str, str], net: Net) -> Iterator[Slip]:
    written = lines["dE"]
    if net.inputs:
        yield "concat-slices-swapped", {"dR": f"dA0[:{net.columns}]"}
    added, _, penalty = written.partition(" + ")
    rest = f" + {penalty}" if penalty else ""
    start = "torch.zeros_like(E)"
    yield "embedding-not-accumulated", {"dE": f"{start}.index_put((k,), dR.T / m){rest}"}
    yield "one-sample-only", {"dE": f"{start}.index_add(0, k[-1:], dR.T[-1:] / m){rest}"}
    yield "mean-missing", {"dE": written.replace(" / m", "")}
    yield "mean-twice", {"dE": written.replace(" / m", " / m / m")}
    yield "accumulated-twice", {"dE": f"2 * ({written})"}
    yield "parameter-forgotten", {"dE": start}
    if penalty:
        yield "l2-missing", {"dE": added}
        yield "l2-factor-two", {"dE": f"{added} + 2 * {penalty}"}
        yield "l2-over-batch", {"dE": f"{added} + {penalty} / m"}
        yield "l2-sign", {"dE": f"{added} - {penalty}"}


def _weights(lines: Mapping[str, str], net: Net) -> Iterator[Slip]:
    name = f"{'dZ' if net.cost in LINKS else 'dA'}{len(net.layers)}"
    without = lines[name].removesuffix(" * weights")
    yield "weights-ignored", {name: without, "m": "Y.shape[1]"}
    yield "weights-not-normalised", {"m": "Y.shape[1]"}
