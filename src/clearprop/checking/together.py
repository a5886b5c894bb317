"""One mistake made at every layer at once, as a loop over the layers makes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from clearprop.backprop import Plan, Step
from clearprop.checking.mistake import Edit, Place

Edits = Callable[[Plan], Iterator[Edit]]


def and_everywhere(edits: Edits) -> Edits:
    """Return the edits, and after them those of one kind (the same ``what``) all at once."""

    def both(plan: Plan) -> Iterator[Edit]:
        alike: dict[str, list[Edit]] = {}
        for edit in edits(plan):
            yield edit
            alike.setdefault(edit.place.what, []).append(edit)
        for what, found in alike.items():
            steps = _merged(plan, found)
            if len(found) > 1 and steps:
                copies = dict.fromkeys(copy for edit in found for copy in edit.copies)
                yield Edit(Place(found[0].place.step, what=what), steps, tuple(copies))

    return both


def _merged(plan: Plan, edits: list[Edit]) -> tuple[Step, ...]:
    """One new step for each step, though several of its terms may change; nothing if they clash."""
    steps: dict[str, Step] = {}
    for edit in edits:
        for step in edit.steps:
            known = steps.setdefault(step.id, step)
            if known is step:
                continue
            old = plan.step(step.id).terms
            if not len(old) == len(known.terms) == len(step.terms):
                return ()
            terms = (
                new if new is not was else have
                for was, have, new in zip(old, known.terms, step.terms, strict=True)
            )
            steps[step.id] = replace(known, terms=tuple(terms))
    return tuple(steps.values())
