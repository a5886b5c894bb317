"""The arithmetic of a fit of ours, from what the fitted model knows.

What the matrix products need, nothing else: a row of a step takes 2 s s′ operations of each dense
layer (s inputs, s′ units) forward, as many for ∂J/∂W, and as many backward where something is
trained before the layer; a row that is held back goes forward once an epoch. Functions, factors,
optimizer, encoder, temperature are in the time and not in the count, so the share of a peak that
follows is a lower bound.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from benchmarks.record import RESULTS

__all__ = ["flop", "of_run", "peak", "products"]


def peak() -> float:
    """Return GFLOP/s of one core in float32 products, the best that `benchmarks.speed` found."""
    speed = json.loads((RESULTS / "speed.json").read_text("utf-8"))
    return float(speed["parts"]["step"]["peaks"]["float32 on one core"])


def flop(model: Any, steps: Sequence[int] | None = None) -> int:
    """Return the operations of a fit.

    Parameters
    ----------
    model : a fitted TabularClassifier or TabularRegressor
    steps : sequence of int, optional
        Of each run, in place of those that the model did.
    """
    made_of, graph = model.ingredients_, model.model_.network.graph
    encoder = model.model_.encoder
    done = (model.n_steps_,) if isinstance(model.n_steps_, int) else model.n_steps_
    # What predicts: of each bag the run that its rows judge, and the one on all rows beside it.
    told = model.model_.provenance.get("bags", [model.model_.provenance])
    judged = told[0]["rows"]["validation"] > 0
    again = made_of.refit and judged and len(done) > 1
    alone = again and not made_of.beside  # of two runs of a bag, one predicts
    total = 0
    # Runs that there was no time for come last, have 0 steps, and no network in the model.
    for run, count in enumerate(done if steps is None else steps):
        if not count:
            continue
        # Of a bag that was left out, the rows of another: they are as many, but one.
        rows = told[min(run // 2 if alone else run, len(told) - 1)]["rows"]
        unseen = encoder.width - model.inputs_[min(run, len(model.inputs_) - 1)]
        forward, trained = (each // len(told) for each in products(graph, unseen))
        n, held = rows["training"], rows["validation"]
        if again and run % 2:
            n, held = n + held, 0
        total += of_run(count, n, held, made_of.batch(n), forward, trained)
    return total


def of_run(steps: int, rows: int, held: int, batch: int, forward: int, trained: int) -> int:
    """Return the operations of so many steps, an epoch's last one being what is left of the rows.

    Parameters
    ----------
    steps, rows, held, batch : int
    forward, trained : int
        Operations of a row that goes forward, and of one that is trained.
    """
    epochs, rest = divmod(steps, -(-rows // batch))
    return trained * (epochs * rows + rest * batch) + forward * epochs * held


def products(graph: Any, unseen: int = 0) -> tuple[int, int]:
    """Return the operations of one row, all members together: forward alone, and of a step.

    ``unseen`` of the first layer's inputs are none; below 0, it has so many more.
    """
    forward = trained = 0
    moved: set[str] = set()  # values behind something trained
    for node in graph.nodes:
        if node.op == "affine":
            outputs, inputs = graph.parameters[dict(node.params)["W"]].shape[-2:]
            inputs, unseen = inputs - unseen, 0
            members = max(graph.members, 1) if graph.values[node.output].type.member else 1
            one = 2 * inputs * outputs * members
            forward += one
            trained += one * (3 if moved.intersection(node.inputs) else 2)
        if node.params or moved.intersection(node.inputs):
            moved.add(node.output)
    return forward, trained
