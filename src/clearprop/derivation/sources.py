"""The pages of the five sources: network, notation, derivation with numbers, misprints.

``python -m clearprop.derivation.sources docs/sources`` writes them; a test keeps them fresh.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from clearprop.derivation.command import random_numbers
from clearprop.derivation.deriving import derive
from clearprop.derivation.errata import ERRATA, Erratum
from clearprop.derivation.names import Names
from clearprop.derivation.notation import NOTATIONS
from clearprop.derivation.rosetta import rosetta_text
from clearprop.network import Network

SOURCES = {"S0": "matrix", "S1": "graph", "S2": "delta-rule", "S3": "scalar", "S4": "index"}
ABOUT = {
    "S0": "Feed-forward networks and back-propagation, derived. The network in matrices, layers "
    "from 1, the mean over samples and the penalty in the cost.",
    "S1": "A quick-start guide to a general algorithm: any network as a graph of ⊕ and ⊙, Δ what "
    "arrives, δ what leaves, the bias as one more constant input. Worked on 2-2-3.",
    "S2": "The BP network by the delta rule, neuron by neuron: δ is the derivative by the bias.",
    "S3": "Forward and backward pass of a three-layer network, 2-3-2, weight by weight: equations "
    "(1) to (35), here in their order and with their numbers.",
    "S4": "Back-propagation in sums over indices, with a table of symbols first.",
}


def example(source: str) -> tuple[Network, dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """Return a source's network, and numbers that fit it: the same ones on every machine."""
    if source == "S1":
        net = Network("2-2-3", "sigmoid", output="sigmoid")
    else:
        net = Network(
            "2-3-2", "sigmoid", output="sigmoid", bias="shared" if source == "S3" else "unit",
            l2=0.01 if source == "S0" else 0.0,
        )  # fmt: skip
    r = np.random.default_rng(5)
    p = {name: np.round(r.uniform(-1, 1, a.shape), 2) for name, a in net.initial(0).items()}
    m = 3 if source in ("S0", "S1") else 1
    outputs = net.graph.values[net.graph.outputs[0]].type.shape[0]
    return net, p, np.round(r.uniform(-1, 1, (m, 2)), 2), np.round(r.uniform(0, 1, (m, outputs)), 2)


def source_page(source: str) -> str:
    """Return the page of one source, ``"S0"`` … ``"S4"``, in Markdown.

    Examples
    --------
    >>> source_page("S3").splitlines()[0]
    '# S3 · scalar: 以三层神经网络的正向和反向传播推导'
    """
    return "\n".join(_source_lines(source)) + "\n"


def _source_lines(source: str) -> Iterator[str]:
    notation = NOTATIONS[SOURCES[source]]
    net, p, X, Y = example(source)
    yield f"# {source} · {notation.name}: {notation.source.partition(': ')[2]}"
    yield ""
    yield ABOUT[source]
    yield ""
    yield "## Network"
    yield ""
    yield "```text"
    yield net.describe()
    yield "```"
    yield ""
    yield "## Notation"
    yield ""
    names = Names(notation, net.graph)
    listed = [names.name(sym, (0,) * names.rank(sym)) for sym in
              (*net.graph.parameters, *net.graph.values, "y", "delta3", "delta2", "J")]  # fmt: skip
    yield f"Its first entries: {', '.join(listed)}."
    yield ""
    yield "| convention | in this text |"
    yield "|---|---|"
    for key, content in notation.to_dict().items():
        if isinstance(content, str) and content and key not in ("name", "title", "source"):
            yield f"| {key.replace('_', ' ')} | {content} |"
    yield ""
    yield "## Derivation, with numbers"
    yield ""
    flag = " --weight V11" if source == "S3" else ""
    sizes = "2-2-3" if source == "S1" else "2-3-2"
    yield f"`clearprop derive {sizes} --notation {notation.name}{flag}`"
    yield ""
    yield "```text"
    yield derive(net, notation, p, X, Y, "V11" if source == "S3" else None).text().rstrip()
    yield "```"
    yield ""
    yield "## What it prints wrongly"
    yield ""
    yield from _table([e for e in ERRATA if e.source == source])


def errata_page() -> str:
    """Return the page of all errata, in Markdown."""
    lines = [
        "# Errata of the five sources",
        "",
        f"{len(ERRATA)} equations that a source prints wrongly. Each printed form was evaluated on "
        "a random network beside the true value (a central difference of the cost, or the "
        "definition it contradicts); where its shapes do not multiply, that is said. Each line is "
        "a test that would fail if the printed form were right.",
        "",
        *_table(list(ERRATA)),
        "",
        "## Printed and right, in full: S3 (35)",
        "",
        "The text multiplies what reaches P1 from the two outputs; its own (17) adds them. "
        "`clearprop derive 2-3-2 --notation scalar --weight V11` prints the right form, marks the "
        "printed one, and shows the numbers of every factor.",
    ]
    return "\n".join(lines) + "\n"


def _table(errata: list[Erratum]) -> Iterator[str]:
    yield "| where | printed | right | on a random example | why it matters |"
    yield "|---|---|---|---|---|"
    for e in errata:
        reading = f" ({e.reading})" if e.reading else ""
        cells = (f"{e.source} {e.place}", e.printed, e.right, e.outcome() + reading, e.why)
        yield "| " + " | ".join(cell.replace("|", "∣") for cell in cells) + " |"


def index_page() -> str:
    """Return the page that leads to the others, with the Rosetta table."""
    net = example("S3")[0]
    p, X, Y = random_numbers(net, 0, 1)
    files = [_file(source) for source in SOURCES]
    lines = ["# The five sources, re-derived", ""]
    lines += [f"- [{s} · {n}]({_file(s)}.md): {ABOUT[s]}" for s, n in SOURCES.items()]
    lines += ["- [Errata](errata.md)", "", "`clearprop notation` prints:", ""]
    lines += ["```text", rosetta_text(net, p, X, Y, "en").rstrip(), "```", ""]
    lines += ["```{toctree}", ":hidden:", "", *files, "errata", "```"]
    return "\n".join(lines) + "\n"


def _file(source: str) -> str:
    return f"{source.lower()}-{SOURCES[source]}"


def pages() -> dict[str, str]:
    """Return all pages by file name."""
    found = {f"{_file(source)}.md": source_page(source) for source in SOURCES}
    return found | {"errata.md": errata_page(), "index.md": index_page()}


def main(folder: str) -> None:
    """Write all pages into a folder."""
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (target / name).write_text(text, "utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
