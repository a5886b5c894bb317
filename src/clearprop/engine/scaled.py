"""A plan at the scales of one step: its λ, the rates of its dropouts and its decay multiplied.

What the native engine reads as numbers beside a step stands within the trees of a plan, so another
plan is made. Proved by ``tests/test_engine_scales.py``.
"""

from __future__ import annotations

from dataclasses import replace

from clearprop.backprop import Plan, plan

__all__ = ["Scaled"]


class Scaled:
    """A plan, and the last one that was made of it.

    Examples
    --------
    >>> from clearprop.network import Network
    >>> half = Scaled(plan(Network([2, 3, 1], dropout=0.5).graph)).at(dropout=0.5)
    >>> [rate for _, rate in half.masks.values()]
    [0.25]
    """

    def __init__(self, whole: Plan) -> None:
        self._whole = whole
        self._last = (1.0, 1.0, 1.0), whole

    def at(self, penalty: float = 1.0, dropout: float = 1.0, decay: float = 1.0) -> Plan:
        """Return the plan with λ, the rates of dropout and the weight decay multiplied by these."""
        scales = penalty, dropout, decay
        if scales != self._last[0]:
            self._last = scales, self._made(*scales)
        return self._last[1]

    def _made(self, penalty: float, dropout: float, decay: float) -> Plan:
        found, rule = self._whole, self._whole.optimizer
        if rule is not None and rule.weight_decay and decay != 1:
            told = {**rule.settings, "weight_decay": decay * rule.weight_decay}
            rule = type(rule)(**told)
        if penalty != 1 or rule is not found.optimizer:
            found = plan(replace(found.graph, l2=penalty * found.graph.l2), rule)
        masks = {name: (sym, dropout * rate) for name, (sym, rate) in found.masks.items()}
        return replace(found, masks=masks)
