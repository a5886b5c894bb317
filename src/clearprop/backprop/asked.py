"""One pass whose quantities are computed when they are first asked for, and kept.

A page that shows one step needs what that step reads, and no more: of a large network's pass, the
gradients of its matrices are the greater part. The values are those of `clearprop.backprop.run`.
Proved by ``tests/test_asked.py``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import copy
from functools import cached_property

from clearprop.backprop.planning import Plan, Step
from clearprop.backprop.running import Trace, computed, given_values
from clearprop.expressions import Array


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

        What sums over samples is there of this one alone.
        """
        chosen, here = copy(self), slice(row, row + 1)
        chosen.__dict__.pop("trace", None)
        chosen.m, chosen.known, chosen.given = 1, {}, {}
        for name, array in self.given.items():
            if name not in self.plan.graph.parameters:  # all else that is given, samples have
                members = name in self.plan.masks and self.plan.masks[name][0].type.member
                array = array[:, here] if members else array[here]
            chosen.known[name] = chosen.given[name] = array
        return chosen

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
