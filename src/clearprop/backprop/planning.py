"""The plan of back-propagation: the only place where reverse mode lives.

`plan` reads a graph and writes, once, the forward steps, the cost, and the backward steps. Each
step's value is a sum of terms, each term an expression tree that came over one wire. Everything
else reads the plan: the reference runs it, the engine is lowered from it, the derivation prints
it, the checker rewrites it. It states no derivative of its own: those are the rows'.

For each value v of the network, from the cost back (S1's ⊕ and ⊙, S2's δ rule):

    ∂J/∂v = Σ over the wires that leave v of what the operation at their end passes back
    ∂J/∂w = Σ over the uses of the parameter w, over samples, of the operation's gradient + λ w

Proved by ``tests/test_gradients.py`` and ``tests/test_plan.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal, Protocol

from clearprop.errors import GraphError
from clearprop.expressions import (
    Add,
    Axis,
    Divide,
    Expr,
    Hadamard,
    Num,
    Sum,
    Sym,
    Type,
    symbols,
)
from clearprop.graph import CostNode, Graph, Node
from clearprop.operations import Site
from clearprop.optimizers import Optimizer
from clearprop.optimizers import optimizer as chosen_optimizer
from clearprop.settings import Attr
from clearprop.words import shown

StepKind = Literal["forward", "cost", "penalty", "arrive", "adjoint", "gradient", "update"]

_FUSE = Attr("fuse", bool, True)
SAMPLE_WEIGHT = Sym("w", Type((), sample=True))
"""wᵢ / Σ w of the sample: 1/m where no weights are given."""


@dataclass(frozen=True)
class Term:
    """One summand of a step, and the wire it came over.

    ``via`` names the value at the other end of the wire: the consumer that passes a derivative
    back, the use of a tied parameter; ``"cost"``, ``"penalty"``, or ``""`` for a forward step.
    """

    via: str
    expr: Expr


@dataclass(frozen=True)
class Step:
    """One line of the algorithm: ``target`` := Σ terms.

    Parameters
    ----------
    id : str
        From the target's name (``"z2"``, ``"delta2"``, ``"dJ/dW1"``), never from the position.
    kind : str
        forward, cost, penalty, arrive (Δ, at ⊕), adjoint (δ, behind ⊙), gradient or update.
    target : Sym
    terms : tuple of Term
    node : int or None
        The graph's node that the step belongs to.
    """

    id: str
    kind: StepKind
    target: Sym
    terms: tuple[Term, ...]
    node: int | None = None

    @property
    def expr(self) -> Expr:
        """The whole right-hand side."""
        return (
            self.terms[0].expr if len(self.terms) == 1 else Add(tuple(t.expr for t in self.terms))
        )

    @cached_property
    def reads(self) -> tuple[Sym, ...]:
        """The symbols the step reads, in order of first occurrence."""
        found = (sym for term in self.terms for sym in symbols(term.expr))
        return tuple(dict.fromkeys(found))


@dataclass(frozen=True)
class Plan:
    """All steps in order, with look-ups. Rewriting one is making another (`with_step`)."""

    graph: Graph
    steps: tuple[Step, ...]
    optimizer: Optimizer | None = None
    masks: Mapping[str, tuple[Sym, float]] = field(default_factory=dict)  # name -> symbol, P(zero)

    @cached_property
    def _by_id(self) -> dict[str, Step]:
        return {step.id: step for step in self.steps}

    @cached_property
    def _readers(self) -> dict[str, tuple[str, ...]]:
        found: dict[str, list[str]] = {}
        for step in self.steps:
            for sym in step.reads:
                found.setdefault(sym.name, []).append(step.id)
        return {name: tuple(ids) for name, ids in found.items()}

    def step(self, id: str) -> Step:  # the word of the contract
        """Return the step called ``id``; raise GraphError if there is none."""
        try:
            return self._by_id[id]
        except KeyError:
            raise GraphError(f"the plan has no step {id!r}") from None

    def __contains__(self, id: object) -> bool:
        return id in self._by_id

    def writer(self, sym: Sym) -> Step | None:
        """Return the step that computes ``sym``; None for what is given (inputs, parameters)."""
        return self._writers.get(sym.name)

    @cached_property
    def _writers(self) -> dict[str, Step]:
        return {step.target.name: step for step in self.steps if step.kind != "update"}

    def readers(self, id: str) -> tuple[Step, ...]:
        """Return the steps that read what the step ``id`` computes."""
        return tuple(self._by_id[i] for i in self._readers.get(self.step(id).target.name, ()))

    def uses(self, step: Step) -> tuple[Step, ...]:
        """Return the steps whose results ``step`` reads."""
        return tuple(found for sym in step.reads if (found := self.writer(sym)) is not None)

    def with_step(self, step: Step) -> Plan:
        """Return the plan with the step of the same id replaced (how a mistake is written)."""
        self.step(step.id)
        return replace(self, steps=tuple(step if s.id == step.id else s for s in self.steps))


def adjoint_name(value: str) -> str:
    """Return the name of ∂J/∂value: Δ for an activation, δ for a pre-activation.

    >>> adjoint_name("a2"), adjoint_name("z2")
    ('Delta2', 'delta2')
    """
    return ("delta" if value.startswith("z") else "Delta") + value[1:]


def gradient_name(parameter: str) -> str:
    """Return the name of ∂J/∂parameter."""
    return f"dJ/d{parameter}"


def target_name(graph: Graph, cost: CostNode) -> str:
    """Return the symbol of a cost's target: y, or y with the output's number if there are more."""
    return "y" if len(graph.costs) == 1 else "y" + cost.value[1:]


class Described(Protocol):
    """What has a graph: a `Network`."""

    @property
    def graph(self) -> Graph: ...


def plan(
    network: Graph | Described, optimizer: Optimizer | str | None = None, *, fuse: bool = True
) -> Plan:
    """Write the steps of forward pass, cost and back-propagation of a network.

    Parameters
    ----------
    network : Network or Graph
    optimizer : Optimizer or str, optional
        Then the slots' and the parameters' updates are steps too.
    fuse : bool
        Where a cost's link stands before it, take ∂C/∂z in one step, a − y; with False, take
        Δ = ∂C/∂a and multiply by the link's derivative, as for any cost.

    Returns
    -------
    Plan

    Raises
    ------
    GraphError, SettingError
        For what is no network or no optimizer.

    Examples
    --------
    >>> from clearprop.network import Network
    >>> p = plan(Network([2, 3, 2], "sigmoid", output="sigmoid"))
    >>> [step.id for step in p.steps if step.kind in ("arrive", "adjoint")]
    ['Delta3', 'delta3', 'Delta2', 'delta2', 'Delta1']
    """
    graph = getattr(network, "graph", network)
    if not isinstance(graph, Graph):
        raise GraphError(f"plan takes a Network or its graph, got {shown(network)}")
    rule = None if optimizer is None else chosen_optimizer(optimizer)
    return _Writer(graph, rule, bool(_FUSE.check(fuse, "plan"))).write()


class _Writer:
    def __init__(self, graph: Graph, optimizer: Optimizer | None, fuse: bool) -> None:
        self.graph, self.optimizer, self.fuse = graph, optimizer, fuse
        self.steps: list[Step] = []
        self.syms = {name: Sym(name, value.type) for name, value in graph.values.items()}
        self.params = {n: Sym(n, p.spec.type) for n, p in graph.parameters.items()}
        self.masks: dict[str, tuple[Sym, float]] = {}
        self.sites = [self._site(node) for node in graph.nodes]
        self.arriving: dict[str, list[Term]] = {name: [] for name in graph.values}

    def write(self) -> Plan:
        for number, (node, site) in enumerate(zip(self.graph.nodes, self.sites, strict=True)):
            term = Term("", node.row.forward(site))
            self.steps.append(Step(node.output, "forward", site.output, (term,), number))
        if self.graph.costs:
            self._costs()
            self._backward()
            if self.optimizer is not None:
                self._updates(self.optimizer)
        return Plan(self.graph, tuple(self.steps), self.optimizer, self.masks)

    def _site(self, node: Node) -> Site:
        output = self.syms[node.output]
        masks = {}
        for role, rate in node.row.masks(self.graph.input_types(node), node.attrs).items():
            name = role + node.output[1:]
            masks[role] = Sym(name, output.type)
            self.masks[name] = (masks[role], rate)
        return Site(
            tuple(self.syms[name] for name in node.inputs),
            output,
            {role: self.params[name] for role, name in node.params},
            node.attrs,
            masks,
        )

    # -- the cost -----------------------------------------------------------------------------
    def _costs(self) -> None:
        """J = Σᵢ wᵢ Cᵢ (the mean over members of it) + λ/2 Σ W²."""
        parts: list[Term] = []
        for cost in self.graph.costs:
            out = self.syms[cost.value]
            y = Sym(target_name(self.graph, cost), Type(out.shape, sample=True))
            linked = self._linked(cost)
            x = linked if linked is not None else out
            value = cost.row(x, y, cost.attrs, "value" if linked is None else "linked")
            suffix = "" if len(self.graph.costs) == 1 else cost.value[1:]
            each = Sym("C" + suffix, value.type)
            self.steps.append(Step(each.name, "cost", each, (Term("", value),)))
            over: tuple[Axis, ...] = ("sample", "member") if each.type.member else ("sample",)
            mean = Sum(over, Hadamard(self._share(each.type), each))
            parts.append(Term(each.name, mean))
            if linked is not None and self.fuse and cost.row.linked_slope is not None:
                slope = cost.row.linked_slope(out, y, cost.attrs)
                into = linked.name
            else:
                slope, into = cost.row.slope(out, y, cost.attrs), out.name
            # ∂J/∂a = (wᵢ / Σ w) ∂C/∂a: the mean is inside every Δ and δ
            self.arriving[into].append(Term("cost", Hadamard(self._share(out.type), slope)))
        penalised = [self.params[n] for n, p in self.graph.parameters.items() if p.spec.penalised]
        if self.graph.l2 and penalised:
            half = Num(self.graph.l2 / 2)  # λ/2 Σ W²; of a member's own W, the members' mean
            terms = tuple(
                Term(w.name, self._member_mean(half * Sum(("unit",), w * w))) for w in penalised
            )
            penalty = Sym("penalty")
            self.steps.append(Step("penalty", "penalty", penalty, terms))
            parts.append(Term("penalty", penalty))
        self.steps.append(Step("J", "cost", Sym("J"), tuple(parts)))

    def _linked(self, cost: CostNode) -> Sym | None:
        """Return z if the output is made by the cost's (non-trivial) link, else None."""
        maker = self.graph.maker(cost.value)
        if cost.row.link == "identity" or maker is None or maker.op != cost.row.link:
            return None
        return self.syms[maker.inputs[0]]

    def _share(self, of: Type) -> Expr:
        """wᵢ / Σ w, and 1/K of it for each of K members."""
        if not of.member:
            return SAMPLE_WEIGHT
        return Divide(SAMPLE_WEIGHT, Num(float(self.graph.members)))

    def _member_mean(self, x: Expr) -> Expr:
        if not x.type.member:
            return x
        return Divide(Sum(("member",), x), Num(float(self.graph.members)))

    # -- from the cost back ---------------------------------------------------------------------
    def _backward(self) -> None:
        gradients: dict[str, list[Term]] = {name: [] for name in self.params}
        for number in range(len(self.graph.nodes) - 1, -1, -1):
            node, site = self.graph.nodes[number], self.sites[number]
            delta = self._gather(node.output, number)
            if delta is None:  # nothing behind this node leads to the cost
                continue
            for place, passed in enumerate(node.row.adjoints(site, delta)):
                if passed is None:
                    continue
                x = self.syms[node.inputs[place]]
                if passed.type.member and not x.type.member:  # shared by the members: ⊕ over them
                    passed = Sum(("member",), passed)
                self.arriving[x.name].append(Term(node.output, passed))
            roles = dict(node.params)
            for role, one in node.row.gradients(site, delta).items():
                gradients[roles[role]].append(Term(node.output, self._batch_sum(one, roles[role])))
        for given in self.graph.inputs:
            if not given.levels:
                self._gather(given.value, None)
        for name, terms in gradients.items():
            self._gradient(name, list(reversed(terms)))  # uses in forward order

    def _gather(self, value: str, node: int | None) -> Sym | None:
        """Sum at ⊕ what arrives at a value; None if nothing does."""
        terms = self.arriving[value]
        if not terms:
            return None
        target = Sym(adjoint_name(value), self.syms[value].type)
        kind: StepKind = "adjoint" if value.startswith("z") else "arrive"
        self.steps.append(Step(target.name, kind, target, tuple(terms), node))
        return target

    def _batch_sum(self, one: Expr, name: str) -> Expr:
        """Σ over samples, and over members where they share the parameter."""
        shared = one.type.member and not self.params[name].type.member
        return Sum(("sample", "member") if shared else ("sample",), one)

    def _gradient(self, name: str, terms: list[Term]) -> None:
        w, spec = self.params[name], self.graph.parameters[name].spec
        if self.graph.l2 and spec.penalised:  # λ/2 Σ W² has the derivative λ W
            factor = self.graph.l2 / (self.graph.members if w.type.member else 1)
            terms.append(Term("penalty", Num(factor) * w))
        if not terms:  # the parameter does not lead to the cost
            terms.append(Term("", Num(0.0) * w))
        target = Sym(gradient_name(name), w.type)
        self.steps.append(Step(target.name, "gradient", target, tuple(terms)))

    # -- the update -------------------------------------------------------------------------------
    def _updates(self, optimizer: Optimizer) -> None:
        for name, w in self.params.items():
            g = Sym(gradient_name(name), w.type)
            spec = self.graph.parameters[name].spec
            for target, expr in optimizer.updates(w, g, spec.lr_factor, spec.decay_factor):
                self.steps.append(Step(f"{target.name}:=", "update", target, (Term("", expr),)))
