"""The public network: a graph and its methods, exact in float64.

`Network` is what users hold: it describes itself, gives initial parameters, and computes forward
pass, cost, gradients and the whole trace through the reference. Training is elsewhere
(`clearprop.training`). Proved by ``tests/test_network.py``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from clearprop import initializers, notebook
from clearprop.backprop import (
    Plan,
    Position,
    Trace,
    mean_of_members,
    plan,
    run,
    sample_gradients,
)
from clearprop.backprop.given import as_array
from clearprop.errors import GraphError, SettingError
from clearprop.expressions import Array
from clearprop.graph import Graph, Wire
from clearprop.network.building import chain, described
from clearprop.network.describing import HEAD, short, table, totals, values
from clearprop.network.memory import within_memory
from clearprop.network.parameters import Parameters, check_known
from clearprop.network.reading import Inputs, read_inputs, read_targets
from clearprop.words import shown

__all__ = ["Network", "check_network"]


class Network:
    """A feed-forward network: any graph of operations, with its cost.

    Parameters
    ----------
    layers : sequence of int, or str such as "2-3-2"
        Sizes of a chain of dense layers, the input first. Or give ``inputs`` and ``outputs``.
    activation : str or sequence of str
        The function of the hidden layers, or one for each.
    output : str
        The function of the output layer; ``"identity"`` becomes the cost's link.
    cost : str
        ``"squared_error"``, ``"cross_entropy"``, …, one for each output; settings of the cost
        by keyword, such as ``label_smoothing=0.1``.
    l2 : float, ≥ 0
        λ of the penalty λ/2 Σ W² (weights only) in the cost.
    bias : {"unit", "shared", "none"}
    dropout : float, 0 ≤ dropout < 1
        Behind every hidden layer of a chain.
    inputs, outputs : value or sequence of values
        A graph built from `Input`, layers called on values, and ``+``.
    labels : mapping of str to sequence of str, optional
        Names of a value's units, by the value's name: ``{"a3": ["no", "yes"]}``.
    graph : Graph, optional
        A description that is complete, in place of all others.

    Raises
    ------
    GraphError, ShapeError, SettingError
        Naming the layer, what it got, what it expected, and the fix.

    Examples
    --------
    >>> net = Network([2, 3, 2], "sigmoid", output="sigmoid", l2=1e-4, bias="shared")
    >>> p = net.initial(seed=0)
    >>> net.forward(p, [[0.5, -1.0]]).shape
    (1, 2)

    Several inputs, one of them an index of 37 levels; X is then a dict by the inputs' names:

    >>> from clearprop.graph import Dense, Embedding, Input, concat
    >>> x, colour = Input(3, name="sizes"), Input(levels=37, name="colour")
    >>> h = Dense(8, "relu")(concat(x, Embedding(2)(colour)))
    >>> net = Network(inputs=[x, colour], outputs=Dense(2)(h), cost="cross_entropy")
    >>> X = {"sizes": [[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]], "colour": [36, 0]}
    >>> net.forward(net.initial(seed=0), X).sum(axis=1).round(12)
    array([1., 1.])

    Four members, networks side by side with parameters of their own; the forward pass gives the
    mean of their outputs, the trace each one's:

    >>> x = Input(3)
    >>> h = Dense(8, "tanh", members=4)(x)
    >>> net = Network(inputs=x, outputs=Dense(1, members=4)(h))
    >>> p = net.initial(seed=0)
    >>> p["W1"].shape, net.forward(p, [[0.1, 0.2, 0.3]]).shape
    ((4, 8, 3), (1, 1))
    >>> net.trace(p, [[0.1, 0.2, 0.3]], [[1.0]])["a3"].shape
    (4, 1, 1)
    """

    def __init__(
        self,
        layers: Sequence[int] | str | None = None,
        activation: str | Sequence[str] = "relu",
        *,
        output: str = "identity",
        cost: str | Sequence[str] = "squared_error",
        l2: float = 0.0,
        bias: str = "unit",
        dropout: float = 0.0,
        inputs: Wire | Sequence[Wire] | None = None,
        outputs: Wire | Sequence[Wire] | None = None,
        labels: Mapping[str, Sequence[str]] | None = None,
        graph: Graph | None = None,
        **settings: Any,
    ) -> None:
        if graph is None:
            if layers is not None and (inputs is not None or outputs is not None):
                raise GraphError("Network: give layer sizes, or inputs and outputs, not both")
            if layers is not None:
                inputs, outputs = chain(layers, activation, output, bias, dropout)
            elif inputs is None or outputs is None:
                raise GraphError(
                    "Network: give layer sizes such as [2, 3, 2], or inputs and outputs"
                )
            graph = described(inputs, outputs, cost, l2, labels, settings)
        elif not isinstance(graph, Graph):
            raise GraphError(f"Network: graph is a Graph, got {shown(graph)}")
        elif settings:
            raise GraphError(f"Network: beside a graph, {next(iter(settings))} has no meaning")
        self.graph: Graph = graph
        for parameter in graph.parameters.values():
            initializers.check(parameter.spec.initial)

    # -- exact computation ----------------------------------------------------------------------
    @cached_property
    def plan(self) -> Plan:
        """The steps of forward pass, cost and back-propagation."""
        return plan(self.graph)

    def initial(self, seed: int = 0, X: Inputs | None = None) -> Parameters:
        """Return initial parameters, a mapping of named arrays over one flat float64 buffer.

        Parameters
        ----------
        seed : int
            0 to 2⁶⁴ − 1; the same seed gives the same bits.
        X : array (m, width), optional
            Training rows, for initialisers that look at data.

        Returns
        -------
        Parameters
            ``W1`` (s₂, s₁), ``b1`` (s₂,), …: float64 arrays by name.

        Raises
        ------
        SettingError
            If the seed is no such number, or an initialiser needs X.

        Examples
        --------
        >>> {name: w.shape for name, w in Network([2, 3, 1]).initial(seed=7).items()}
        {'W1': (3, 2), 'b1': (3,), 'W2': (1, 3), 'b2': (1,)}
        """
        with within_memory(self.graph.size, 8, "one copy of them in float64"):
            return self._initial(seed, X)

    def _initial(self, seed: int, X: Inputs | None) -> Parameters:
        parameters = Parameters(self.graph, np.zeros(self.graph.size))
        for name, parameter in self.graph.parameters.items():
            reaching = None
            if X is not None and parameter.spec.initial in initializers.DATA_DRIVEN:
                reaching = self._reaching(parameters, name, X)
            parameters[name][...] = initializers.initial(parameter, seed, reaching)
        return parameters

    def _reaching(self, parameters: Parameters, name: str, X: Inputs) -> Array:
        """What reaches a parameter's layer under the values given so far: a, or z for a bias."""
        node = self.graph.nodes[self.graph.parameters[name].users[0]]
        trace = run(self.plan, parameters, read_inputs(self.graph, X))
        role = self.graph.parameters[name].spec.role
        return trace[node.output if role == "b" else node.inputs[0]]

    def forward(self, parameters: Mapping[str, Array], X: Inputs) -> Any:
        """Return what is compared with Y: the output ([m, width]), the mean of the members'.

        Parameters
        ----------
        parameters : mapping of str to array
            By name; what `initial` returns, or plain arrays in a dict.
        X : array (m, width), or mapping of str to array
            One sample a row; by the inputs' keys where there are several, indices as (m,).

        Returns
        -------
        (m, width) float64 array
            With several outputs, a dict of such by the output's value name.

        Raises
        ------
        ShapeError, DataError
            For arrays of another shape, NaN, infinity, text, or an index out of range.

        Examples
        --------
        >>> net = Network([2, 2], bias="none")
        >>> net.forward({"W1": [[1, 2], [3, 4]]}, [[1.0, -1.0]])
        array([[-1., -1.]])
        """
        self._known(parameters)
        trace = run(self.plan, parameters, read_inputs(self.graph, X))
        found = {name: self._mean(name, trace[name]) for name in self.graph.outputs}
        return found if len(found) > 1 else next(iter(found.values()))

    def cost(
        self,
        parameters: Mapping[str, Array],
        X: Inputs,
        Y: Any,
        sample_weight: ArrayLike | None = None,
    ) -> float:
        """Return J = Σ wᵢ Cᵢ / Σ wᵢ + λ/2 Σ W²: the samples' mean cost plus the penalty.

        Parameters
        ----------
        parameters, X
            As for `forward`.
        Y : array (m, width), (m,) classes from 0, or mapping of str to such
            The targets; by the outputs' value names where there are several.
        sample_weight : (m,) array, optional
            wᵢ, 0 or more; 1 each if left out.

        Returns
        -------
        float

        Raises
        ------
        ShapeError, DataError
            For arrays of another shape or values that the cost is not defined for.

        Examples
        --------
        >>> net = Network([1, 1], bias="none")
        >>> net.cost({"W1": [[2.0]]}, [[1.0], [3.0]], [[0.0], [6.0]], sample_weight=[1, 3])
        0.5
        """
        return self._run(parameters, X, Y, sample_weight, backward=False).cost

    def gradient(
        self,
        parameters: Mapping[str, Array],
        X: Inputs,
        Y: Any,
        sample_weight: ArrayLike | None = None,
        at: Position | None = None,
    ) -> Parameters:
        """Return ∂J/∂W of every parameter: of the J that `cost` returns, penalty included.

        Parameters
        ----------
        parameters, X, Y, sample_weight
            As for `cost`.
        at : Position, optional
            Where in training the batch stands; dropout's masks are drawn for it. Without it,
            nothing is dropped.

        Returns
        -------
        Parameters
            The gradients by the parameters' names, over one flat float64 buffer.

        Raises
        ------
        ShapeError, DataError
            As for `cost`.

        Examples
        --------
        >>> net = Network([1, 1], bias="none")
        >>> net.gradient({"W1": [[2.0]]}, [[3.0]], [[5.0]])["W1"]
        array([[3.]])
        """
        trace = self.trace(parameters, X, Y, sample_weight, at)
        flat = np.concatenate([g.reshape(-1) for g in trace.gradient.values()] or [np.zeros(0)])
        return Parameters(self.graph, flat)

    def trace(
        self,
        parameters: Mapping[str, Array],
        X: Inputs,
        Y: Any,
        sample_weight: ArrayLike | None = None,
        at: Position | None = None,
    ) -> Trace:
        """Return every quantity of one pass: z, a, Δ, δ, gradients, cost, by symbol.

        Parameters
        ----------
        parameters, X, Y, sample_weight, at
            As for `gradient`.

        Returns
        -------
        Trace
            A mapping of symbols to float64 arrays, ([K,] m, width) for values.

        Raises
        ------
        ShapeError, DataError
            As for `cost`.

        Examples
        --------
        >>> t = Network([1, 1], bias="none").trace({"W1": [[2.0]]}, [[3.0]], [[5.0]])
        >>> t["z2"], t["delta2"], t.cost
        (array([[6.]]), array([[1.]]), 0.5)
        """
        return self._run(parameters, X, Y, sample_weight, at)

    def sample_gradients(
        self,
        parameters: Mapping[str, Array],
        X: Inputs,
        Y: Any,
        sample_weight: ArrayLike | None = None,
        at: Position | None = None,
    ) -> dict[str, Array]:
        """Return what each sample contributes to each gradient.

        Parameters
        ----------
        parameters, X, Y, sample_weight, at
            As for `gradient`.

        Returns
        -------
        dict of str to (m,) + shape array
            By the parameters' names. The wᵢ / Σ w is in them, so that over samples they sum to
            the gradient without the penalty's λ W.

        Raises
        ------
        ShapeError, DataError
            As for `cost`.

        Examples
        --------
        >>> net = Network([1, 1], bias="none")
        >>> net.sample_gradients({"W1": [[2.0]]}, [[3.0], [1.0]], [[5.0], [2.0]])["W1"].ravel()
        array([1.5, 0. ])
        """
        return sample_gradients(self.plan, self.trace(parameters, X, Y, sample_weight, at))

    def _run(
        self,
        parameters: Mapping[str, Array],
        X: Inputs,
        Y: Any,
        sample_weight: ArrayLike | None,
        at: Position | None = None,
        *,
        backward: bool = True,
    ) -> Trace:
        self._known(parameters)
        if at is not None and not isinstance(at, Position):
            raise SettingError(f"at is a clearprop.backprop.Position or None, got {shown(at)}")
        weights = None if sample_weight is None else as_array("sample_weight", sample_weight)
        return run(
            self.plan,
            parameters,
            read_inputs(self.graph, X),
            self.targets(Y),
            weights=weights,
            at=at,
            backward=backward,
        )

    def _known(self, parameters: object) -> None:
        if isinstance(parameters, Mapping):  # what is none, `run` refuses
            check_known("parameters", parameters, self.graph.parameters)

    def _mean(self, name: str, array: Array) -> Array:
        return mean_of_members(array) if self.graph.values[name].type.member else array

    def targets(self, Y: Any) -> dict[str, Array]:
        """Return Y as the plan reads it: by symbol, (m, width) float64, classes one-hot.

        Parameters
        ----------
        Y
            As for `cost`.

        Returns
        -------
        dict of str to (m, width) array
            By the target's symbol: ``y``, or ``y3``, ``y5`` beside several outputs a3, a5.

        Raises
        ------
        ShapeError, DataError, GraphError
            For a wrong shape or key, values the cost is not defined for, a network without cost.

        Examples
        --------
        >>> Network([2, 3], cost="cross_entropy").targets([2, 0])
        {'y': array([[0., 0., 1.],
               [1., 0., 0.]])}
        """
        return read_targets(self.graph, Y)

    # -- description ----------------------------------------------------------------------------
    def describe(self) -> str:
        """Return a table of values, operations, shapes and parameters as text.

        Examples
        --------
        >>> print(Network([2, 3, 1], "tanh").describe())
        value  operation  from  shape   parameters
        ─────  ─────────  ────  ──────  ────────────
        a1     input X          (m, 2)
        z2     affine     a1    (m, 3)  W1 3×2, b1 3
        a2     tanh       z2    (m, 3)
        z3     affine     a2    (m, 1)  W2 1×3, b2 1
        a3     identity   z3    (m, 1)
        cost: squared_error of a3
        parameters: 13
        """
        return table(self.graph)

    def to_json(self) -> str:
        """Return the network as JSON text, the same text for the same network.

        Examples
        --------
        >>> text = Network([2, 3, 1], l2=0.01).to_json()
        >>> text == Network.from_json(text).to_json()
        True
        """
        return self.graph.to_json()

    @classmethod
    def from_json(cls, text: str | bytes, where: str = "the network") -> Network:
        """Read a network from JSON text.

        Parameters
        ----------
        text : str or bytes
            What `to_json` gave.
        where : str
            What it is called in messages, such as the file's name.

        Raises
        ------
        GraphError
            Saying what is wrong with it, and where.

        Examples
        --------
        >>> Network.from_json(Network([2, 3, 1]).to_json())
        <Network 2-3-1, 13 parameters>
        """
        graph = Graph.from_json(text, where)
        try:
            return cls(graph=graph)
        except SettingError as error:
            raise GraphError(f"{where} is damaged: {error}") from None

    def __repr__(self) -> str:
        return f"<Network {short(self.graph)}>"

    def _repr_html_(self) -> str:
        told = notebook.table((), [[line] for line in totals(self.graph)])
        return notebook.headed(
            f"Network {short(self.graph)}", notebook.table(HEAD, values(self.graph)), told
        )


def check_network(who: str, given: object) -> None:
    """Refuse what is no network, in the name of the function that was given it."""
    if not isinstance(given, Network):
        sizes = isinstance(given, str) and re.fullmatch(r"[1-9][0-9]*(-[1-9][0-9]*)+", given)
        fix = f"; write cp.Network({given!r})" if sizes else ""
        raise GraphError(f"{who} takes a Network, got {shown(given)}{fix}")
