"""Sums over too little or too much: a sample left out, all units of a layer in one bias."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from clearprop.backprop import Plan
from clearprop.checking.edits import with_term
from clearprop.checking.mistake import Edit, Mistake
from clearprop.checking.mistakes_mean import each_cost
from clearprop.checking.patterns import bias_uses
from clearprop.checking.replay import FIRST, LAST, ROWS, ones
from clearprop.checking.together import and_everywhere
from clearprop.expressions import Expr, Hadamard, Sum


def _left_out(plan: Plan) -> Iterator[Edit]:
    """The mean is still over m, or over the m − 1 others."""
    for what, mark in (("the first sample", FIRST), ("the last sample", LAST)):
        kept: Expr = 1 - mark
        for factor in (kept, (ROWS / (ROWS - 1)) * kept):
            for edit in each_cost(lambda term, factor=factor: factor)(plan):  # type: ignore[misc]
                yield replace(edit, place=replace(edit.place, what=what))


def _all_units(plan: Plan) -> Iterator[Edit]:
    """One number for every unit, or that number alone; or the units of each sample added up."""
    for bias in bias_uses(plan):
        units = bias.delta.shape[0]
        if bias.shared:
            continue
        total = Sum(("sample",), Sum(("unit",), bias.delta))
        forms = {"one number a sample": Sum(("unit",), bias.delta)}
        if units > 1:
            each = with_term(bias.step, bias.index, Hadamard(ones(units), total))
            yield Edit(bias.place, (each,))
            forms["one number"] = total
        for what, form in forms.items() if len(bias.step.terms) == 1 else ():
            target = replace(bias.step.target, of=form.type)
            step = replace(with_term(bias.step, bias.index, form), target=target)
            yield Edit(replace(bias.place, what=what), (step,))


MISTAKES = (
    Mistake(
        "sample-left-out",
        "a sample of the batch is left out",
        "the loop over the samples starts at 1, or ends one too early",
        "go over all samples: range(m)",
        ("ours",),
        _left_out,
    ),
    Mistake(
        "bias-summed-over-units",
        "the bias's gradient is summed over the layer's units",
        "the sum has no axis, or the wrong one; each unit has a bias of its own",
        "sum δ over the samples alone: with one sample a row, delta.sum(axis=0)",
        ("ours",),
        and_everywhere(_all_units),
    ),
)
