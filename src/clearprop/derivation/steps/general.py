"""Layers of one form: derived once, for any layer l, and instantiated for each.

`generalised` finds the steps that differ by their layer alone, writes the form once with l in
place of the number, and leaves each of them as an instance of it. `instance` is the way back: the
equation of one layer. Proved by ``tests/test_derivation_general.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import replace

from clearprop.derivation.notations.names import FULL, Names, base_of, split
from clearprop.derivation.steps.equations import DerivedStep, Equation
from clearprop.derivation.trees.tree import (
    Node,
    Number,
    Quantity,
    Times,
    Total,
    Var,
    Width,
    rebuild,
    walk,
)
from clearprop.derivation.wording.said import Said

__all__ = ["generalised", "instance", "instances"]

Namer = Callable[[Node], str]


def generalised(steps: Sequence[DerivedStep], names: Names, label: Namer) -> Iterator[DerivedStep]:
    """Yield the steps, each form that several layers have once in general before its instances.

    Where each layer has letters of its own there is no l to write; there a later step of one form
    refers to the first.

    Parameters
    ----------
    steps : sequence of DerivedStep
    names : Names
    label : callable
        A written tree as plain text, for titles.
    """
    groups: dict[Hashable, list[DerivedStep]] = {}
    for step in steps:
        if (form := _form(step, names)) is not None:
            groups.setdefault(form, []).append(step)
    known: dict[str, tuple[DerivedStep, str]] = {}
    for group in groups.values():
        if len(group) > 1:
            general = _general(group, names, label) if names.notation.script else None
            for step in group:
                known[step.id] = (general or group[0], "" if general is None else general.id)
    said: set[str] = set()
    seen: set[str] = set()  # a general step is read behind these
    for step in steps:
        form_of, id = known.get(step.id, (step, ""))
        if id and id not in said:
            said.add(id)
            forms = (known.get(use, (step, ""))[1] or use for use in form_of.uses)
            yield replace(form_of, uses=tuple(dict.fromkeys(u for u in forms if u in seen)))
            seen.add(form_of.id)
        seen.add(step.id)
        if id:
            yield replace(step, like=id, layer=_least(step.equations, names))
        else:
            yield step if form_of is step else replace(step, like=form_of.id)


def referred(steps: Iterable[DerivedStep], letter: str) -> Iterator[DerivedStep]:
    """Yield the numbered steps, each that has a form given before with a reference for a reason."""
    numbers: dict[str, int] = {}
    for step in steps:
        numbers[step.id] = step.number
        if not step.like:
            yield step
        elif step.layer is not None:
            at = {"letter": letter, "layer": step.layer}
            yield replace(step, why=Said("instance", number=numbers[step.like], **at))
        else:
            yield replace(step, why=Said("alike", number=numbers[step.like]))


def instances(equation: Equation, names: Names) -> Iterator[Equation]:
    """Yield what an equation says of each layer; the equation itself if it is not general."""
    if not equation.layers:
        yield equation
    for layer in equation.layers:
        yield instance(equation, layer, names)


def instance(equation: Equation, layer: int, names: Names) -> Equation:
    """Return a general equation for the layer l = ``layer``.

    Parameters
    ----------
    equation : Equation
    layer : int
        One of ``equation.layers``.
    names : Names
    """
    by = layer - equation.layers[0]

    def at(node: Node) -> Node:
        match node:
            case Quantity(layer=int()):
                via = _moved(node.via, by)
                return replace(node, sym=_moved(node.sym, by), via=via, layer=None)
            case Total(upper=Width(of)):
                size = names.shapes[_moved(of, by)][0]
                return replace(node, size=size, upper=Number(float(size)))
        return node

    widths = equation.widths or (None,) * len(equation.free)
    free = tuple(
        (letter, size if width is None else names.shapes[_moved(width.of, by)][0])
        for (letter, size), width in zip(equation.free, widths, strict=True)
    )
    members = tuple(rebuild(member, at) for member in equation.members)
    left = rebuild(equation.left, at)
    return replace(equation, left=left, members=members, free=free, layers=(), widths=())


def _moved(name: str, by: int) -> str:
    """A symbol, or a layer's label, of the layer that is so many further on."""
    full = FULL if name.endswith(FULL) else ""
    own = name if name.isdigit() else split(name)[1]
    bare = name.removesuffix(FULL).removesuffix(own)
    return f"{bare}{int(own) + by}{full}" if own.isdigit() else name


def _least(equations: Iterable[Equation], names: Names) -> int | None:
    """The l of a step: the least number of a layer on its page; None if there is none."""
    found = [
        number
        for equation in equations
        for side in (equation.left, *equation.members)
        for node in walk(side)
        if isinstance(node, Quantity) and (number := names.number(node.sym, node.via)) is not None
    ]
    return min(found, default=None)


def _form(step: DerivedStep, names: Names) -> Hashable | None:
    """What all layers' steps of one form have in common, whatever the sizes; None for no layer."""
    layer = _least(step.equations, names)
    if layer is None or step.kind == "definition":
        return None

    def relative(node: Node) -> Node:
        match node:
            case Quantity(sym, via=via):
                number, own = names.number(sym, via), split(sym)[1]
                if number is None or not own.isdigit():
                    return node
                kind = sym.removesuffix(FULL).removesuffix(own) + sym[len(sym.rstrip(FULL)) :]
                apart = _looks(sym, names) if not via else ""
                via = str(int(own) - int(via)) if via else ""
                return replace(node, sym=f"{kind}@{apart}", via=via, layer=number - layer)
            case Total():
                return replace(node, size=0, upper=Number(0.0))
        return node

    return (
        step.kind,
        step.title.key,
        step.why.key,
        tuple(
            (one.relation, len(one.free), rebuild(Times((one.left, *one.members)), relative))
            for one in step.equations
        ),
    )


def _looks(sym: str, names: Names) -> str:
    """What a symbol's look depends on beside its layer: an input's letter, a constant's column."""
    symbols, value = names.notation.symbols, sym.removesuffix(FULL)
    given = any(one.value == value for one in names.graph.inputs)
    own = given and symbols["input"] != symbols["a"] and bool(names.notation.script)
    return f"{'input' if own else ''}{'bar' if names.column(base_of(sym)) else ''}"


def _general(group: Sequence[DerivedStep], names: Names, label: Namer) -> DerivedStep | None:
    """The step with l in place of its layer's number; None where its sizes cannot be said so."""
    first = group[0]
    least = (_least(step.equations, names) for step in group)
    layers = tuple(layer for layer in least if layer is not None)  # a group has one each
    equations = []
    for place in range(len(first.equations)):
        same = [step.equations[place] for step in group]
        found = _general_equation(same, layers, names)
        if found is None:
            return None
        equations.append(found)

    def raised(node: Node) -> Node:
        return _with_letter(node, layers[0], names)

    named = first.title.values.get("n")
    values = dict(first.title.values)
    if isinstance(named, str) and named.isdigit():
        values["n"] = names.layers(int(named) - layers[0])
    elif named is not None:
        values["n"] = label(raised(Quantity(first.target.removeprefix("dJ/d"))))
    return replace(
        first,
        id=f"{first.id}[{names.letter}]",
        title=Said(first.title.key, **values),
        equations=tuple(equations),
        uses=tuple(use for step in group for use in step.uses),
        target="",
        covers=(),
    )


def _general_equation(
    same: Sequence[Equation], layers: tuple[int, ...], names: Names
) -> Equation | None:
    first = same[0]
    sides = [(one.left, *one.members) for one in same]
    sums = [[n for side in each for n in walk(side) if isinstance(n, Total)] for each in sides]
    uppers: dict[Total, Node] = {}
    for at, total in enumerate(sums[0]):
        if len({each[at].size for each in sums}) > 1:
            width = _width(total.var, (total.body,), layers[0], names)
            if width is None:
                return None
            uppers[total] = width
    widths: list[Width | None] = []
    for at, (letter, _) in enumerate(first.free):
        fixed = len({one.free[at][1] for one in same}) == 1
        widths.append(None if fixed else _width(letter, sides[0], layers[0], names))
        if not fixed and widths[-1] is None:
            return None

    counted = {one.of for one in (*uppers.values(), *widths) if isinstance(one, Width)}
    moved = (_moved(name, layer - layers[0]) for name in counted for layer in layers)
    if any(len(names.shapes.get(name, ())) != 1 for name in moved):
        return None

    def general(node: Node) -> Node:
        return rebuild(_with_widths(node, uppers), lambda n: _with_letter(n, layers[0], names))

    found = replace(
        first,
        left=general(first.left),
        members=tuple(general(member) for member in first.members),
        layers=layers,
        widths=tuple(widths),
    )
    right = all(
        instance(found, layer, names) == one for layer, one in zip(layers, same, strict=True)
    )
    return found if right else None


def _with_widths(node: Node, uppers: dict[Total, Node]) -> Node:
    def upper(one: Node) -> Node:
        return replace(one, upper=uppers[one]) if isinstance(one, Total) and one in uppers else one

    return rebuild(node, upper)


def _with_letter(node: Node, layer: int, names: Names) -> Node:
    if not isinstance(node, Quantity) or (number := names.number(node.sym, node.via)) is None:
        return node
    return replace(node, layer=number - layer)


def _width(letter: str, sides: Sequence[Node], layer: int, names: Names) -> Width | None:
    """The size that a letter of an index runs to, by the value whose entries it counts."""
    for side in sides:
        for node in walk(side):
            if isinstance(node, Quantity) and Var(letter) in node.index:
                value = _counted(
                    node, names.ordered(node.sym, node.index).index(Var(letter)), names
                )
                if value in names.shapes and value[1:].isdigit():
                    number = int(value[1:]) + names.notation.offsets.get("a", 0)
                    return Width(value, number - layer)
    return None


def _counted(node: Quantity, axis: int, names: Names) -> str:
    """The value whose units one index of a quantity counts."""
    name = base_of(node.sym)
    role, label = split(name)
    graph = names.graph
    if name in graph.parameters:
        user = graph.nodes[graph.parameters[name].users[0]]
        return user.output if axis == 0 else user.inputs[0]
    return ("a" if role == "Delta" else "z" if role == "delta" else role) + label
