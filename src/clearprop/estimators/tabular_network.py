"""The network of a tabular estimator: factors, hidden layers, an output for each class.

Proved by ``tests/test_tabular_fitting.py``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from clearprop.estimators.tabular_ingredients import Ingredients
from clearprop.graph import Dense, Dropout, Embedding, Input, Scale, Wire, concat
from clearprop.model import Model
from clearprop.network import Network, Parameters
from clearprop.tables.encoder import Encoder
from clearprop.tables.target import Target

__all__ = ["HEAD", "build", "side_by_side"]

HEAD = "head"
"""The last layer's name: its parameters are ``W_head`` and ``b_head``."""


def build(encoder: Encoder, target: Target, made_of: Ingredients, cost: str) -> Network:
    """Return the network for the encoder's inputs and the target.

    Parameters
    ----------
    encoder : Encoder
    target : Target
    made_of : Ingredients
    cost : str
    """
    members = made_of.members if made_of.members > 1 else 0
    every = members if made_of.sharing == "packed" else 0
    inputs: list[Wire] = [Input(encoder.width)] if encoder.width else []
    values = list(inputs)
    for levels in encoder.index_levels.values():
        index = Input(levels=levels)
        inputs.append(index)
        values.append(Embedding(made_of.embedding, members=every)(index))
    h = values[0] if len(values) == 1 else concat(*values)
    if made_of.scale_lr_factor:
        initial = made_of.factors if members else "ones"
        h = Scale(members=members, lr_factor=made_of.scale_lr_factor, initial=initial)(h)
    for units in made_of.hidden:
        dense = Dense(
            units,
            made_of.activation,
            parametric=made_of.parametric,
            members=every,
            initial=made_of.weights,
            bias_initial=made_of.biases,
            bias_lr_factor=made_of.bias_lr_factor,
            **_rates(h.type.shape[0], made_of),
        )
        h = dense(h)
        if made_of.dropout:
            h = Dropout(made_of.dropout)(h)
    classes = target.task == "classification"
    head = Dense(
        len(target.classes) if classes else 1,
        members=members,
        name=HEAD,
        initial=made_of.last,
        bias_initial="zeros" if made_of.last == "zeros" else made_of.biases,
        bias_lr_factor=made_of.bias_lr_factor,
        **_rates(h.type.shape[0], made_of),
    )
    smooth = cost == "cross_entropy" and made_of.label_smoothing
    settings: dict[str, Any] = {"label_smoothing": made_of.label_smoothing} if smooth else {}
    if cost == "quantile":
        settings["quantile"] = made_of.quantile
    network = Network(inputs=inputs, outputs=head(h), cost=cost, **settings)
    graph = network.graph
    labels = {graph.outputs[0]: target.classes or (target.name,)}
    if encoder.width:
        labels[graph.inputs[0].value] = encoder.labels
    return Network(graph=replace(graph, labels=labels))


def _rates(inputs: int, made_of: Ingredients) -> dict[str, Any]:
    """Factors of a dense layer: W ~ N(0, 1/n) at rate α/√n moves as √n W ~ N(0, 1) at rate α.

    The decay's factor takes back what the rate's took away: W shrinks by α · weight_decay · W.
    """
    if not made_of.equal_rates:
        return {}
    return {"lr_factor": 1 / math.sqrt(inputs), "decay_factor": math.sqrt(inputs)}


def side_by_side(models: Sequence[Model]) -> Model:
    """Return one model whose members are those of all models: its prediction is their mean.

    Parameters
    ----------
    models : sequence of Model
        Of one network, encoder and target; what their members share is repeated.
    """
    graph = models[0].network.graph
    each = max(graph.members, 1)
    nodes = [
        replace(node, attrs={**node.attrs, "members": each * len(models)})
        if "members" in node.attrs
        else node
        for node in graph.nodes
    ]
    network = Network(graph=replace(graph, nodes=tuple(nodes), members=each * len(models)))
    parameters = Parameters(network.graph, np.zeros(network.graph.size, np.float32))
    for name, array in parameters.items():
        own = [model.parameters[name] for model in models]
        alone = own[0].shape != array.shape[1:]  # it has a member axis already
        array[...] = np.concatenate(
            [one if alone else np.broadcast_to(one, (each, *one.shape)) for one in own]
        )
    first = models[0]
    told = {**first.provenance, "bags": [model.provenance for model in models]}
    return Model(
        network, parameters, first.target, first.encoder, first.columns, first.history, told
    )
