"""One pass whose quantities are computed when they are first asked for, and kept.

A page that shows one step needs what that step reads, and no more: of a large network's pass, the
gradients of its matrices are the greater part. The values are those of `clearprop.backprop.run`.
Of a large matrix a page shows a corner: `Some` computes that corner alone.
Proved by ``tests/test_asked.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import copy
from dataclasses import replace
from functools import cached_property

from clearprop.backprop.entries import Places, needs, taken
from clearprop.backprop.planning import Plan, Step
from clearprop.backprop.running import Trace, computed, given_values
from clearprop.expressions import Array, Sym

__all__ = ["Asked", "Choice", "Some"]

BACK = 3
"""So many steps back entries are made of entries: to the next layer's δ, which is needed whole."""
Choice = Callable[[str, tuple[int, ...]], Places]
"""Of a quantity's name and shape, the places along each axis."""


class Asked(Mapping[str, Array]):
    """Every quantity of one pass, by symbol, computed when it is first asked for.

    Parameters
    ----------
    plan : Plan
        Whose steps say how a quantity is computed.
    parameters, inputs, targets : mappings of str to array
        As for `run`, checked at once.
    beside : Plan, optional
        Of the same graph: what it computes and ``plan`` does not is there too.

    Examples
    --------
    >>> from clearprop.backprop import plan
    >>> from clearprop.network import Network
    >>> graph = Network([1, 1], bias="none").graph
    >>> one = Asked(plan(graph), {"W1": [[2.0]]}, {"X": [[3.0]]}, {"y": [[5.0]]})
    >>> one["delta2"], "dJ/dW1" in one
    (array([[1.]]), True)
    """

    def __init__(
        self,
        plan: Plan,
        parameters: Mapping[str, Array],
        inputs: Mapping[str, Array],
        targets: Mapping[str, Array],
        beside: Plan | None = None,
    ) -> None:
        self.plan = plan
        self.given, self.m = given_values(plan, parameters, inputs, targets)
        self.known = dict(self.given)
        self.steps: dict[str, Step] = {}
        for one in (plan, beside) if beside else (plan,):
            for step in one.steps:
                if step.kind != "update":
                    self.steps.setdefault(step.target.name, step)
        self.names = tuple(dict.fromkeys((*self.known, *self.steps)))
        self.parts: dict[tuple[str, Places], Array] = {}
        self.alone: dict[int, Asked] = {}

    def __getitem__(self, name: str) -> Array:
        if name not in self.known:
            for step in self._missing(name):
                self.known[step.target.name], _ = computed(self.plan, step, self.known, self.m)
        return self.known[name]

    def __contains__(self, name: object) -> bool:
        return name in self.known or name in self.steps

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def of_row(self, row: int) -> Asked:
        """Return the pass of one sample of the batch, from 0; its share of J stays what it was.

        What sums over samples is there of this one alone. The last row's is kept.
        """
        if row not in self.alone:
            self.alone = {row: self._of_row(row)}
        return self.alone[row]

    def _of_row(self, row: int) -> Asked:
        chosen, here = copy(self), slice(row, row + 1)
        chosen.__dict__.pop("trace", None)
        chosen.m, chosen.known, chosen.given, chosen.parts, chosen.alone = 1, {}, {}, {}, {}
        for name, array in self.given.items():
            if name not in self.plan.graph.parameters:  # all else that is given, samples have
                members = name in self.plan.masks and self.plan.masks[name][0].type.member
                array = array[:, here] if members else array[here]
            chosen.known[name] = chosen.given[name] = array
        return chosen

    @cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of each quantity that steps compute or read, of one sample and member."""
        return {
            sym.name: sym.shape
            for step in self.steps.values()
            for sym in (*step.reads, step.target)
        }

    def entries(self, name: str, places: Places, back: int = BACK) -> Array:
        """Return some entries of a quantity, computed from no more than they are made of.

        Parameters
        ----------
        name : str
        places : tuple
            Of each axis of its shape, places from 0; None: all.
        back : int
            So many steps back entries are made of entries; what is further back is whole.
        """
        if all(some is None for some in places):
            return self[name]
        if (name, places) not in self.parts:
            self.parts[name, places] = self._entries(name, places, back)
        return self.parts[name, places]

    def _entries(self, name: str, places: Places, back: int) -> Array:
        step = self.steps.get(name)
        if name in self.known or step is None or not back:
            return taken(self[name], places)
        reads = needs([term.expr for term in step.terms], places)
        if reads is None:
            return taken(self[name], places)
        values = {sym: self.entries(sym, there, back - 1) for sym, there in reads.items()}
        of = step.target.type
        shape = tuple(
            size if some is None else len(some) for size, some in zip(of.shape, places, strict=True)
        )
        smaller = replace(step, target=Sym(name, replace(of, shape=shape)))
        return computed(self.plan, smaller, values, self.m)[0]

    @cached_property
    def trace(self) -> Trace:
        """The whole pass."""
        return Trace(self.plan.graph, dict(self))

    def _missing(self, name: str) -> list[Step]:
        """The steps that a quantity needs and that were not computed yet, in their order."""
        needed, stack = set[str](), [name]
        while stack:
            one = stack.pop()
            if one not in self.known and one not in needed:
                needed.add(one)
                stack += [sym.name for sym in self.steps[one].reads]
        return [step for key, step in self.steps.items() if key in needed]


class Some(Mapping[str, Array]):
    """The same pass, of each quantity chosen entries only; no more is computed than they need.

    Parameters
    ----------
    whole : Asked
    choose : callable (name: str, shape: tuple of int) -> Places
        Which: of one sample and member, so places have no axes of samples and members.

    Examples
    --------
    >>> from clearprop.backprop import plan
    >>> from clearprop.network import Network
    >>> graph = Network([2, 1], bias="none").graph
    >>> one = Asked(plan(graph), {"W1": [[2.0, 1.0]]}, {"X": [[3.0, 4.0]]}, {"y": [[5.0]]})
    >>> Some(one, lambda name, shape: ((0,),) * len(shape))["dJ/dW1"]
    array([[15.]])
    """

    def __init__(self, whole: Asked, choose: Choice) -> None:
        self.whole, self.choose = whole, choose

    def __getitem__(self, name: str) -> Array:
        return self.whole.entries(name, self.choose(name, self.whole.shapes.get(name, ())))

    def __iter__(self) -> Iterator[str]:
        return iter(self.whole)

    def __len__(self) -> int:
        return len(self.whole)
