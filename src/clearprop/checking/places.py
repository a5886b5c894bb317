"""Where in a network a mistake is: the layer of a value or parameter, the gradients treated alike.

A place itself is a `Place`; what is written there is found by ``patterns``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from clearprop.backprop import Plan, Step, gradient_name
from clearprop.checking.mistake import Place


def layer_of(name: str) -> str:
    """Return the label of the layer that makes a value: ``"2"`` of ``"z2"``.

    >>> layer_of("z2"), layer_of("a_hidden")
    ('2', 'hidden')
    """
    return name[1:].lstrip("_")


def parameter_layer(plan: Plan, name: str) -> str:
    """Return the label of the (first) layer that uses a parameter."""
    return layer_of(plan.graph.nodes[plan.graph.parameters[name].users[0]].output)


def order_back(plan: Plan) -> list[str]:
    """Return the parameters from the output back; a tied one stands at its last use."""
    users = {name: max(p.users) for name, p in plan.graph.parameters.items()}
    return sorted(users, key=lambda name: -users[name])


def leads_on(plan: Plan, step: Step) -> bool:
    """Whether something reads the step: ∂J/∂X leads to no parameter."""
    return bool(plan.readers(step.id))


def gradients(plan: Plan) -> Iterator[tuple[str, Step]]:
    """Yield each parameter with the step of its gradient."""
    for name in plan.graph.parameters:
        yield name, plan.step(gradient_name(name))


def groups(plan: Plan, kinds: str = "Wb") -> Iterator[tuple[Place, tuple[str, ...]]]:
    """Yield the sets of gradients that people treat alike: each, a layer's, all of one role.

    ``kinds``: W for weights, b for biases; both for a layer's together.
    """
    by_layer: dict[str, list[str]] = {}
    by_role: dict[str, list[str]] = {}
    for name, parameter in plan.graph.parameters.items():
        role = "b" if parameter.spec.role == "b" else "W"
        if role not in kinds:
            continue
        layer = parameter_layer(plan, name)
        yield Place(gradient_name(name), layer, name), (name,)
        by_layer.setdefault(layer, []).append(name)
        by_role.setdefault(role, []).append(name)
    for layer, names in by_layer.items():
        if len(names) > 1:
            yield Place(gradient_name(names[0]), layer, " and ".join(names)), tuple(names)
    for role, names in by_role.items():
        if len(names) > 1:
            noun = "every bias" if role == "b" else "every weight"
            yield Place(gradient_name(names[0]), parameter=noun), tuple(names)


def with_mean_outside(place: Place) -> Place:
    """Return the place of a mistake that multiplies δ's, where 1/m stands in the gradients."""
    return replace(place, what="; ".join(filter(None, [place.what, "with 1/m in the gradients"])))
