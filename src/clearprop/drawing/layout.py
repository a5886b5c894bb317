"""Where the parts of a network stand on a page: data, no picture.

A value is a column of units, or one box where it has many. Values stand in columns by how many
operations lie before them; wires run from what is read to what is made. Sums carry ⊕, functions ⊙.
A bias may be drawn as what it is in some texts: a wire from one more unit, which is always 1.
Proved by ``tests/test_derivation_pages.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from clearprop.backprop import Plan
from clearprop.drawing.lettering import breadth
from clearprop.expressions import Concat, MatMul, OneHot, walk
from clearprop.graph import Node

UNITS_DRAWN = 8
"""A value with more units is one box."""
COLUMN, ROW, GAP, MARGIN = 96.0, 58.0, 34.0, 30.0
RADIUS = 15.0
CONSTANT = "one:"
"""In front of a value: the constant 1 that stands below its units."""
ABOVE, BELOW = RADIUS + 22.0, RADIUS + 8.0  # what a unit takes, its name and some air included
BOX = 12.0
"""What the size of a box takes below it."""
LANE, EDGE, AIR = 9.0, 4.0, 6.0


@dataclass(frozen=True)
class Dot:
    """One unit (or a whole value): its centre, and which entry it is (0: the whole)."""

    x: float
    y: float
    unit: int


@dataclass(frozen=True)
class Mark:
    """A value on the page: its units, what it is (⊕ a sum, ⊙ a function, or nothing)."""

    value: str
    sign: str
    dots: tuple[Dot, ...]
    size: int


@dataclass(frozen=True)
class Stroke:
    """A wire from one unit to another; ``via`` names the parameter on it, if there is one."""

    x1: float
    y1: float
    x2: float
    y2: float
    via: str
    start: tuple[str, int]
    end: tuple[str, int]
    lane: float | None = None

    @property
    def skips(self) -> bool:
        """Whether it passes columns of units: then at the height ``lane``, outside all of them."""
        return self.lane is not None


@dataclass(frozen=True)
class Drawing:
    """A network laid out: marks, strokes, and the page they stand on, from ``top`` down.

    ``column`` is how far its columns of units are apart.
    """

    marks: tuple[Mark, ...]
    strokes: tuple[Stroke, ...]
    width: float
    height: float
    top: float = 0.0
    column: float = COLUMN

    def mark(self, value: str) -> Mark:
        """Return where a value stands."""
        return next(mark for mark in self.marks if mark.value == value)


def lay_out(
    plan: Plan, constants: bool = False, named: Sequence[str] = (), wired: Sequence[str] = ()
) -> Drawing:
    """Lay out the network of a plan.

    Parameters
    ----------
    plan : Plan
    constants : bool
        Draw biases as wires from a constant 1 below the units whose layer they belong to.
    named, wired : sequence of str
        What units and wires will be called: columns stand so far apart that no two names meet.

    Returns
    -------
    Drawing

    Examples
    --------
    >>> from clearprop.network import Network
    >>> drawing = lay_out(Network("2-3-2", "sigmoid").plan)
    >>> [len(mark.dots) for mark in drawing.marks], drawing.mark("z2").sign
    ([2, 3, 3, 2, 2], '⊕')
    >>> lay_out(Network("2-3-2").plan, constants=True).mark("one:a1").sign
    '+1'
    """
    graph = plan.graph
    widest = max(map(breadth, named), default=0.0)
    column = max(COLUMN, widest + max(map(breadth, wired), default=0.0) + AIR)
    margin = max(MARGIN, (widest + AIR) / 2)
    biased = {node.inputs[0] for node in graph.nodes if constants and _bias(node)}

    def room(name: str) -> float:
        return _height(plan, name) + (ROW if name in biased else 0.0) + GAP

    def rooms(names: list[str]) -> float:
        """Of a column; a constant below all its units moves none of them."""
        return sum(map(room, names)) - (ROW if names[-1] in biased else 0.0)

    depth = {given.value: 0 for given in graph.inputs}
    for node in graph.nodes:
        depth[node.output] = 1 + max(depth[name] for name in node.inputs)
    columns: dict[int, list[str]] = {}
    for name, place in depth.items():
        columns.setdefault(place, []).append(name)
    tallest = max(map(rooms, columns.values()))
    marks: dict[str, Mark] = {}
    for place, names in columns.items():
        y = MARGIN + (tallest - rooms(names)) / 2
        for name in names:
            x = margin + place * column
            size = _size(plan, name)
            units = size if size <= UNITS_DRAWN else 1
            dots = tuple(
                Dot(x, y + ROW * (i + 0.5), i + 1 if size <= UNITS_DRAWN else 0)
                for i in range(units)
            )
            marks[name] = Mark(name, _sign(plan, name), dots, size)
            if name in biased:
                below = Dot(x, y + _height(plan, name) + ROW / 2, 1)
                marks[CONSTANT + name] = Mark(CONSTANT + name, "+1", (below,), 1)
            y += room(name)
    wires = []
    for node in graph.nodes:
        weights = [name for role, name in node.params]
        before = 0
        for read in node.inputs:
            via = weights[0] if weights else ""
            wires.append(_wires(plan, marks[read], marks[node.output], via, before))
            before += marks[read].size
        if constants and (bias := _bias(node)):
            one = marks[CONSTANT + node.inputs[0]]
            wires.append([_wire(one, a, marks[node.output], b, bias)
                          for a in one.dots for b in marks[node.output].dots])  # fmt: skip
    strokes = _around(wires, [dot for mark in marks.values() for dot in mark.dots])
    width = 2 * margin + column * max(columns)
    lanes = [stroke.lane for stroke in strokes if stroke.lane is not None]
    top = min(*lanes, *(dot.y - ABOVE for mark in marks.values() for dot in mark.dots)) - EDGE
    foot = max(*lanes, *(_foot(dot) for mark in marks.values() for dot in mark.dots)) + EDGE
    return Drawing(tuple(marks.values()), tuple(strokes), width, foot - top, top, column)


def _around(wires: list[list[Stroke]], dots: list[Dot]) -> list[Stroke]:
    """Lead the wires that pass columns of units around them: above or below, each in its lane."""
    found: dict[int, list[Stroke]] = {}
    taken: list[tuple[float, float, float]] = []  # from x to x, at y
    by_length = sorted(range(len(wires)), key=lambda i: wires[i][0].x2 - wires[i][0].x1)
    for i in by_length:  # short ones inside, long ones around them
        group = wires[i]
        left, right = group[0].x1, group[0].x2
        between = [dot for dot in dots if left < dot.x < right]
        if not between:
            found[i] = group
            continue
        others = [y for x1, x2, y in taken if x1 < right and left < x2]
        above = min(dot.y for dot in between) - ABOVE
        below = max(map(_foot, between))
        middle = sum(wire.y1 + wire.y2 for wire in group) / len(group) / 2
        side = -1 if middle - above <= below - middle else 1
        edge = above if side < 0 else below
        for y in sorted(others, key=lambda y: side * y):  # past lanes that are there already
            if side * y >= side * edge - LANE / 2:
                edge = y + side * LANE
        lead: dict[Stroke, Stroke] = {}
        for wire in sorted(group, key=lambda wire: (side * wire.y1, side * wire.y2)):
            free = (max if side < 0 else min)(wire.y1, wire.y2)  # as straight as may be
            lane = side * max(side * edge, side * free)
            lead[wire] = replace(wire, lane=lane)
            taken.append((left, right, lane))
            edge = lane + side * LANE
        found[i] = [lead[wire] for wire in group]
    return [stroke for i in range(len(wires)) for stroke in found[i]]


def _foot(dot: Dot) -> float:
    """Where what a unit takes ends; below a box stands its size."""
    return dot.y + BELOW + (0.0 if dot.unit else BOX)


def _size(plan: Plan, value: str) -> int:
    shape = plan.graph.values[value].type.shape
    return shape[0] if shape else 1


def _height(plan: Plan, value: str) -> float:
    size = _size(plan, value)
    return ROW * (size if size <= UNITS_DRAWN else 1)


def _mixes(plan: Plan, value: str) -> bool:
    """Whether every unit of a value reads every unit before it."""
    return any(isinstance(node, MatMul) for node in walk(plan.step(value).expr))


def _sign(plan: Plan, value: str) -> str:
    made = plan.graph.values[value].node
    if made is None:
        return ""
    many = len(plan.graph.nodes[made].inputs) > 1
    if _stacks(plan, value) or any(isinstance(n, OneHot) for n in walk(plan.step(value).expr)):
        return ""  # stacked or looked up: nothing is computed
    return "⊕" if _mixes(plan, value) or many else "⊙"


def _stacks(plan: Plan, value: str) -> bool:
    return isinstance(plan.step(value).expr, Concat)


def _wires(plan: Plan, read: Mark, made: Mark, via: str, before: int = 0) -> list[Stroke]:
    """The wires between two values; ``before``: units that stand above these in a stack."""
    if _stacks(plan, made.value):
        units = range(max(len(read.dots), min(read.size, len(made.dots))))
        pairs = [
            (read.dots[min(i, len(read.dots) - 1)], made.dots[min(before + i, len(made.dots) - 1)])
            for i in units
        ]
    elif _mixes(plan, made.value) or len(read.dots) != len(made.dots):
        pairs = [(a, b) for a in read.dots for b in made.dots]
    else:
        pairs = list(zip(read.dots, made.dots, strict=True))
    return [_wire(read, a, made, b, via) for a, b in pairs]


def _wire(read: Mark, a: Dot, made: Mark, b: Dot, via: str) -> Stroke:
    start, end = (read.value, a.unit), (made.value, b.unit)
    return Stroke(a.x + RADIUS, a.y, b.x - RADIUS, b.y, via, start, end)


def _bias(node: Node) -> str:
    """The parameter that is added to what a node sums up; empty without one."""
    return next((name for role, name in node.params if role == "b"), "")


def followed(drawing: Drawing, parameter: str, index: tuple[int, ...]) -> frozenset[Stroke]:
    """Return the wires by which one entry of a parameter reaches the outputs, its own among them.

    Parameters
    ----------
    drawing : Drawing
    parameter : str
    index : tuple of int
        The entry, from 0: (target, source) of a weight.

    Examples
    --------
    >>> from clearprop.network import Network
    >>> drawing = lay_out(Network("2-3-2", "sigmoid").plan)
    >>> sorted((s.start, s.end) for s in followed(drawing, "W1", (0, 1)))[:3]
    [(('a1', 2), ('z2', 1)), (('a2', 1), ('z3', 1)), (('a2', 1), ('z3', 2))]
    """
    found = set(own_wires(drawing, parameter, index))
    reached = {stroke.end for stroke in found}
    for stroke in drawing.strokes:  # in the order of the graph, so each comes after what feeds it
        if stroke.start in reached:
            found.add(stroke)
            reached.add(stroke.end)
    return frozenset(found)


def own_wires(drawing: Drawing, parameter: str, index: tuple[int, ...]) -> list[Stroke]:
    """Return the wires that one entry of a parameter lies on.

    Examples
    --------
    >>> from clearprop.network import Network
    >>> drawing = lay_out(Network("2-3-2", "sigmoid").plan)
    >>> [(s.start, s.end) for s in own_wires(drawing, "W1", (0, 1))]
    [(('a1', 2), ('z2', 1))]
    """

    def lies(s: Stroke) -> bool:  # unit 0 is a whole value
        places = (s.end[1], s.start[1])
        return s.via == parameter and all(
            unit in (0, place + 1) for unit, place in zip(places, index, strict=False)
        )

    return [stroke for stroke in drawing.strokes if lies(stroke)]
