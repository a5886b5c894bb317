"""The pages of the five sources: network, notation, derivation with numbers, misprints.

``python -m clearprop.derivation.sources docs/sources`` writes them; a test keeps them fresh.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from clearprop.derivation.command.calls import random_numbers
from clearprop.derivation.deriving import Derivation, derive
from clearprop.derivation.errata.erratum import Erratum
from clearprop.derivation.errata.loose import LOOSE
from clearprop.derivation.errata.wrong import ERRATA
from clearprop.derivation.notations.names import Names
from clearprop.derivation.notations.notation import NOTATIONS
from clearprop.derivation.rosetta.table import rosetta
from clearprop.graph import Activation, Dense, Input
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


MORE = {
    "S0": (("clearprop derive 2-3-2 --l2 0.01 --format html -o s0.html",
            "the same as a page with the network drawn, each step linked to its place in it"),),
    "S1": (("clearprop derive 2-2-3 --notation graph --cost cross_entropy",
            "with softmax and cross-entropy, whose slopes cancel: δ³ = a³ − y"),
           ("clearprop derive docs/sources/s1-residual.json --notation graph",
            "with residual neurons Y = X + σ(X) in the hidden layer: two paths leave X, and what "
            "comes back over them adds up, Δ + Δ ⊙ σ′(X), which is Δ ⊙ (1 + σ′(X))")),
    "S2": (("clearprop derive 3-4-4-2 --notation delta-rule --activation tanh",
            "more layers of another f: the recursion once for all of them, then each"),),
    "S3": (("clearprop derive 2-3-2 --notation scalar",
            "all units, H2, H3, P2 and P3 too, the other ten weights, and both biases, which the "
            "text leaves to the reader: a shared bias has the sum over its units"),
           ("clearprop derive 2-3-2 --notation scalar --weight V23",
            "any other weight as the text derives V11"),
           ("clearprop derive 2-3-2 --notation scalar --weight V11 --verify",
            "how far every equation was verified, by SymPy too"),
           ("clearprop derive 2-3-2 --notation scalar --weight V11 --expand",
            "the gradient of V11 multiplied out, and how many multiplications each way takes")),
    "S4": (('clearprop derive 2-3-2 --notation index --weight "w⁽¹⁾₂₁"',
            "how a change of one weight travels through the layers to the cost"),),
}  # fmt: skip
"""What else the texts ask for, and the commands that show it."""
WHERE = "docs/sources"
"""Where the pages stand, as the commands on them name it: from the root of the project."""
ROWS = ((0.31, -0.62), (-0.85, 0.47), (0.2, 0.94))
"""The inputs of three samples, for the texts that take a mean over samples."""
TARGETS = ((0.9, 0.15, 0.4), (0.25, 0.8, 0.1), (0.6, 0.35, 0.75))


def example(source: str) -> Network:
    """Return a source's network."""
    if source == "S1":
        return Network("2-2-3", "sigmoid", output="sigmoid")
    return Network(  # one bias a layer in S3's text alone
        "2-3-2", "sigmoid", output="sigmoid", bias="shared" if source == "S3" else "unit",
        l2=0.01 if source == "S0" else 0.0,
    )  # fmt: skip


def residual() -> Network:
    """Return S1's last network: its neurons are Y = X + σ(X)."""
    x = Input(2)
    inner = Dense(2, "identity")(x)
    neuron = inner + Activation("sigmoid")(inner)
    return Network(inputs=x, outputs=Dense(3, "sigmoid")(neuron))


def derived(source: str) -> Derivation:
    """Return a source's derivation: what `command` of it prints."""
    net, notation = example(source), SOURCES[source]
    p, X, Y = random_numbers(net, 0, 1)
    if not (names := _columns(source)):
        return derive(net, notation, p, X, Y, "V11" if source == "S3" else None).seeded(0)
    X, Y = np.array(ROWS), np.array(TARGETS)[:, : len(names) - 2]
    columns = {net.graph.inputs[0].value: names[:2], "y": names[2:]}
    found = derive(net, notation, p, X, Y)
    return found.seeded(0, "table", f"{WHERE}/{_file(source)}.csv", columns)


def command(source: str) -> str:
    """Return the command that prints a source's derivation, from the root of the project.

    >>> command("S3")
    'clearprop derive 2-3-2 --notation scalar --weight V11'
    """
    words = ["clearprop derive", "2-2-3" if source == "S1" else "2-3-2"]
    words += ["--notation", SOURCES[source]]
    words += ["--l2 0.01"] if source == "S0" else []
    words += ["--weight V11"] if source == "S3" else []
    words += [f"--data {WHERE}/{_file(source)}.csv"] if _columns(source) else []
    return " ".join(words)


def _columns(source: str) -> tuple[str, ...]:
    """Names of a source's samples; none where it takes one sample alone."""
    return {"S0": ("x1", "x2", "y1", "y2"), "S1": ("x1", "x2", "y1", "y2", "y3")}.get(source, ())


def samples(source: str) -> str:
    """Return a source's samples as a table in CSV.

    >>> print(samples("S0").splitlines()[1])
    0.31,-0.62,0.9,0.15
    """
    names = _columns(source)
    rows = ((*x, *y)[: len(names)] for x, y in zip(ROWS, TARGETS, strict=True))
    return "".join(",".join(map(str, line)) + "\n" for line in (names, *rows))


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
    net = example(source)
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
    yield "| convention ([what each says](../notation.md)) | in this text |"
    yield "|---|---|"
    shared = any(one.spec.type.shape == () for one in net.graph.parameters.values())
    for key, content in notation.to_dict().items():
        if isinstance(content, str) and content and key not in ("name", "title", "source"):
            scalar = key == "bias_view" and shared
            said = "one number for all units of a layer" if scalar else content
            yield f"| {key.replace('_', ' ')} | {said} |"
    yield ""
    yield "## Derivation, with numbers"
    yield ""
    yield f"`{command(source)}` prints:"
    yield ""
    yield "```text"
    yield derived(source).text().rstrip()
    yield "```"
    yield ""
    yield "## More of it"
    yield ""
    yield from (f"- `{line}`: {what}." for line, what in MORE[source])
    yield ""
    yield "## What it prints wrongly"
    yield ""
    yield from _table([e for e in ERRATA if e.source == source])
    yield ""
    yield "## What it leaves open, or writes loosely"
    yield ""
    yield "| where | what stands there | read here as |"
    yield "|---|---|---|"
    for one in LOOSE:
        if one.source == source:
            cells = (f"{one.source} {one.place}", one.written, one.read)
            yield "| " + " | ".join(map(_cell, cells)) + " |"


def errata_page() -> str:
    """Return the page of all errata, in Markdown."""
    lines = [
        "# Errata of the five sources",
        "",
        f"{len(ERRATA)} equations that a source prints wrongly. Each printed form was evaluated on "
        "a random network beside the true value (a central difference of the cost, or the "
        "definition it contradicts); where its shapes do not multiply, that is said. Each line is "
        "a test that would fail if the printed form were right. What is no more than undefined or "
        "loosely written stands at the end of each text's own page.",
        "",
        *_table(list(ERRATA)),
        "",
        "## Printed and right, in full: S3 (35)",
        "",
        "The text multiplies what reaches P1 from the two outputs; its own (17) adds them. "
        f"`{command('S3')}` derives every equation, and where the text prints one wrongly it "
        "quotes it, with its value, above the right form. Its last step:",
        "",
        "```text",
        derived("S3").text().rstrip().partition(" (35) ")[2].partition("\n")[2],
        "```",
    ]
    return "\n".join(lines) + "\n"


def _table(errata: list[Erratum]) -> Iterator[str]:
    yield "| where | printed | right | on a random example | why it matters |"
    yield "|---|---|---|---|---|"
    for e in errata:
        reading = f" ({e.reading})" if e.reading else ""
        cells = (f"{e.source} {e.place}", e.printed, e.right, e.outcome() + reading, e.why)
        yield "| " + " | ".join(map(_cell, cells)) + " |"


def _cell(text: str) -> str:
    """A cell of a Markdown table: a pair of underscores or stars in it emphasises nothing."""
    return text.replace("|", "∣").replace("_", r"\_").replace("*", r"\*")


def index_page() -> str:
    """Return the page that leads to the others, with the Rosetta table."""
    net = example("S3")
    p, X, Y = random_numbers(net, 0, 1)
    files = [_file(source) for source in SOURCES]
    lines = ["# The five sources, re-derived", ""]
    lines += [f"- [{s} · {n}]({_file(s)}.md): {ABOUT[s]}" for s, n in SOURCES.items()]
    lines += ["- [Errata](errata.md)", "", "`clearprop notation` prints:", ""]
    table = rosetta(net, p, X, Y, "en").drawn(0, model=False)
    lines += ["```text", table.text().rstrip(), "```", ""]
    lines += ["```{toctree}", ":hidden:", "", *files, "errata", "```"]
    return "\n".join(lines) + "\n"


def _file(source: str) -> str:
    return f"{source.lower()}-{SOURCES[source]}"


def pages() -> dict[str, str]:
    """Return all pages by file name, and the samples that their commands read."""
    found = {f"{_file(source)}.md": source_page(source) for source in SOURCES}
    found |= {f"{_file(source)}.csv": samples(source) for source in SOURCES if _columns(source)}
    found["s1-residual.json"] = residual().to_json() + "\n"
    return found | {"errata.md": errata_page(), "index.md": index_page()}


def main(folder: str) -> None:
    """Write all pages into a folder."""
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (target / name).write_text(text, "utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
