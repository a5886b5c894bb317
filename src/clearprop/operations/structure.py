"""The rows that join, split and thin values: add, concat, dropout. No weights here."""

from __future__ import annotations

from dataclasses import dataclass, replace

from clearprop.errors import ShapeError
from clearprop.expressions import Add, Concat, Expr, Hadamard, Slice, Type
from clearprop.operations.row import Attrs, Op, Site, vector
from clearprop.operations.table import TABLE
from clearprop.settings import Attr


@dataclass(frozen=True, eq=False)
class AddRow(Op):
    """a = x₁ + x₂ + …: where a residual or a skip joins."""

    def result(self, inputs: tuple[Type, ...], attrs: Attrs) -> Type:
        widths = [vector(self.name, of).shape[0] for of in inputs]
        if len(set(widths)) != 1:
            raise ShapeError(
                f"add: expected values of one width, got {' and '.join(map(str, widths))}; "
                "put a Dense layer of the right width on one of them"
            )
        return replace(inputs[0], member=any(of.member for of in inputs))

    def forward(self, site: Site) -> Expr:
        return Add(site.inputs)

    def adjoints(self, site: Site, delta: Expr) -> tuple[Expr | None, ...]:
        return (delta,) * len(site.inputs)  # each summand gets the whole of what arrives


@dataclass(frozen=True, eq=False)
class ConcatRow(Op):
    """a = (x₁; x₂; …): values stacked."""

    def result(self, inputs: tuple[Type, ...], attrs: Attrs) -> Type:
        width = sum(vector(self.name, of).shape[0] for of in inputs)
        return Type((width,), True, any(of.member for of in inputs))

    def forward(self, site: Site) -> Expr:
        return Concat(site.inputs)

    def adjoints(self, site: Site, delta: Expr) -> tuple[Expr | None, ...]:
        found, start = [], 0
        for x in site.inputs:  # each part gets back its own entries
            found.append(Slice(delta, start, start + x.shape[0]))
            start += x.shape[0]
        return tuple(found)


@dataclass(frozen=True, eq=False)
class Dropout(Op):
    """a = r ⊙ x with r = 0 (probability p) or 1/(1 − p) in training, r = 1 otherwise."""

    def result(self, inputs: tuple[Type, ...], attrs: Attrs) -> Type:
        return vector(self.name, inputs[0])

    def masks(self, inputs: tuple[Type, ...], attrs: Attrs) -> dict[str, float]:
        return {"r": attrs["rate"]}

    def forward(self, site: Site) -> Expr:
        return Hadamard(site.masks["r"], site.inputs[0])

    def adjoints(self, site: Site, delta: Expr) -> tuple[Expr | None, ...]:
        return (Hadamard(site.masks["r"], delta),)


TABLE.register(
    AddRow("add", arity=(1, None), onnx="Sum", source="S1, Y = X + σ(X); He et al. 2016")
)
TABLE.register(ConcatRow("concat", arity=(1, None), onnx="Concat"))
TABLE.register(
    Dropout(
        "dropout",
        attrs=(Attr("rate", float, 0.1, bounds="[0, 1)", help="the share set to zero"),),
        source="Srivastava et al. 2014, in its inverted form",
    )
)
