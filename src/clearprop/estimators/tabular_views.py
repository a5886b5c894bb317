"""What the networks of one fit see of an encoded row: every input, or those without pieces.

Pieces are many inputs a column. Where columns are many, networks that see the pieces of all of them
learn some tables far better and some worse, and which is which is not seen from a table. There,
from 2,000 rows on, every second bag sees the numbers alone: a mean of both kinds is nearly as good
as the better of them (``docs/accuracy.md``), and where one is better by the rows held back, beyond
a standard error, that kind alone is kept and trained. What a network does not see gets factors and
weights of 0 when it is put beside the others, so that all of them read the same inputs:

    z = W (s ∘ x) + b,  sᵢ = 0 and Wⱼᵢ = 0 for each input i that was not seen.

Proved by ``tests/test_tabular_views.py``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from clearprop.estimators.rare_values import rare_columns
from clearprop.estimators.tabular_ingredients import Ingredients
from clearprop.estimators.tabular_network import build
from clearprop.estimators.tabular_rows import Rows
from clearprop.model import Model
from clearprop.network import Network, Parameters
from clearprop.tables.encoder import Encoded, EncodedColumn, Encoder, fit_encoder

__all__ = ["View", "views_of"]

#: Fewest rows from which pieces of many columns are learned better than by heart.
LEAST_FOR_TURNS = 2000

#: Recipes whose inputs begin with those of "robust".
_LONGER = ("pieces", "rare", "periodic")


@dataclass(frozen=True)
class View:
    """Some inputs of an encoder, and the network that reads them.

    Parameters
    ----------
    encoder : Encoder
        Of these inputs alone.
    network : Network
    seen : (inputs,) bool or None
        Which of all inputs they are; None: all of them.
    """

    encoder: Encoder
    network: Network
    seen: NDArray[np.bool_] | None = None

    def of(self, encoded: Encoded) -> Encoded:
        """Return what is seen of rows that the whole encoder has encoded."""
        if self.seen is None:
            return encoded
        return Encoded(np.ascontiguousarray(encoded.X[:, self.seen]), encoded.indices)

    def widened(self, model: Model, whole: View) -> Model:
        """Return the model as one that reads all inputs, and gives what it gave."""
        if self.seen is None:
            return model
        graph = whole.network.graph
        parameters = Parameters(graph, np.zeros(graph.size, model.parameters.flat.dtype))
        for name, array in parameters.items():
            own = model.parameters[name]
            if own.shape == array.shape:
                array[...] = own
            else:  # factors and weights of the inputs, behind which embeddings may stand
                others = array.shape[-1] - len(self.seen)
                array[..., np.append(self.seen, np.ones(others, np.bool_))] = own
        return Model(
            whole.network, parameters, model.target, whole.encoder, model.columns, model.history,
            model.provenance,
        )  # fmt: skip


def views_of(rows: Rows, made_of: Ingredients, cost: str, bags: int) -> tuple[View, ...]:
    """Return what the networks see: of every bag, or of the first, the second, and so on in turn.

    Parameters
    ----------
    rows : Rows
    made_of : Ingredients
    cost : str
    bags : int
        So many networks are trained on parts of the rows.

    Raises
    ------
    DataError
        At an infinite cell, or for a category of more than 100,000 levels.
    """
    numbers = [name for name, role in rows.roles.items() if role == "number"]
    recipe, by_turns = made_of.numbers, False
    if recipe in _LONGER and len(numbers) > made_of.pieces_up_to:
        counted = len(rows.y) if rows.weights is None else np.count_nonzero(rows.weights)
        by_turns = made_of.by_turns and bags > 1 and bool(counted >= LEAST_FOR_TURNS)
        recipe = recipe if by_turns else "robust"
    recipes: dict[str, str] = dict.fromkeys(numbers, recipe)
    if recipe == "pieces" and made_of.rare and numbers:
        recipes |= dict.fromkeys(rare_columns(rows.table, numbers, rows.y, rows.weights), "rare")
    encoder = fit_encoder(
        rows.table, rows.roles, recipes=recipes, one_hot_up_to=made_of.one_hot_up_to
    )
    whole = View(encoder, build(encoder, rows.target, made_of, cost))
    if not by_turns:
        return (whole,)
    alone = Encoder(tuple(_without_pieces(column) for column in encoder.columns))
    seen = [
        place < len(shorter.labels)
        for column, shorter in zip(encoder.columns, alone.columns, strict=True)
        if column.row.levels is None
        for place in range(len(column.labels))
    ]
    other = View(alone, build(alone, rows.target, made_of, cost), np.array(seen))
    return (whole, other)


def _without_pieces(column: EncodedColumn) -> EncodedColumn:
    return replace(column, recipe="robust") if column.recipe in _LONGER else column
