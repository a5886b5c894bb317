"""The rows with weights: affine, gather (index input), scale, and the parametric mix.

Each states its forward pass, what it passes back, and its parameters' gradients for one sample;
the sum over samples, members and uses is the plan's.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from clearprop.errors import ShapeError
from clearprop.expressions import Expr, Hadamard, MatMul, OneHot, Outer, Sum, Transpose, Type
from clearprop.operations.row import Attrs, Function, Op, Param, Site, vector
from clearprop.operations.table import TABLE
from clearprop.settings import Attr

UNITS = Attr("units", int, 1, bounds="[1, inf)", help="how many outputs")
BIAS = Attr("bias", str, "unit", choices=("unit", "shared", "none"),
            help="a bias a unit, one shared by the layer, or none")  # fmt: skip
PER_MEMBER = Attr("members", int, 0, bounds="[0, inf)",
                  help="give each of so many members parameters of its own; 0: shared")  # fmt: skip
INITIAL = Attr(
    "initial", str, "", help="the initialiser of the weights; empty: chosen for the function"
)
BIAS_INITIAL = Attr("bias_initial", str, "zeros", help="the initialiser of the bias")
LR_FACTOR = Attr("lr_factor", float, 1.0, bounds="[0, inf)", help="factor on the learning rate")
BIAS_LR_FACTOR = Attr("bias_lr_factor", float, 1.0, bounds="[0, inf)",
                      help="factor on the bias's learning rate")  # fmt: skip
# Holzmüller et al. 2024: α is trained with a tenth of the learning rate
MIX_LR_FACTOR = Attr("lr_factor", float, 0.1, bounds="[0, inf)", help="factor on the learning rate")
DECAY_FACTOR = Attr("decay_factor", float, 1.0, bounds="[0, inf)", help="factor on weight decay")
PENALISED = Attr("penalised", bool, True, help="λ/2 Σ W² counts the weights (never the biases)")


def _with_members(of: Type, attrs: Attrs) -> Type:
    """Return the output's type: a layer with parameters of each member makes members' values."""
    return replace(of, member=of.member or attrs["members"] > 0)


def _factor(role: str, of: Type, attrs: Attrs) -> Param:
    """Return the parameter that is one factor for each feature of ``of``, 1 at first."""
    return Param(
        role,
        Type(of.shape, member=attrs["members"] > 0),
        attrs["initial"] or "ones",
        lr_factor=attrs["lr_factor"],
        decay_factor=attrs["decay_factor"],
    )


@dataclass(frozen=True, eq=False)
class Affine(Op):
    """z = W a + b."""

    def result(self, inputs: tuple[Type, ...], attrs: Attrs) -> Type:
        of = vector(self.name, inputs[0])
        return _with_members(replace(of, shape=(attrs["units"],)), attrs)

    def parameters(self, inputs: tuple[Type, ...], attrs: Attrs) -> tuple[Param, ...]:
        n_in, n_out, each = inputs[0].shape[0], attrs["units"], attrs["members"] > 0
        weight = Param(
            "W",
            Type((n_out, n_in), member=each),
            attrs["initial"],
            fan=(n_in, n_out),
            penalised=attrs["penalised"],
            lr_factor=attrs["lr_factor"],
            decay_factor=attrs["decay_factor"],
        )
        if attrs["bias"] == "none":
            return (weight,)
        bias = Param(
            "b",
            Type((n_out,) if attrs["bias"] == "unit" else (), member=each),
            attrs["bias_initial"],
            fan=(n_in, n_out),
            lr_factor=attrs["bias_lr_factor"],
            decay_factor=0.0,
        )
        return (weight, bias)

    def forward(self, site: Site) -> Expr:
        z = MatMul(site.params["W"], site.inputs[0])
        return z + site.params["b"] if "b" in site.params else z  # z = W a + b

    def adjoints(self, site: Site, delta: Expr) -> tuple[Expr | None, ...]:
        return (MatMul(Transpose(site.params["W"]), delta),)  # Wᵀ δ

    def gradients(self, site: Site, delta: Expr) -> dict[str, Expr]:
        found: dict[str, Expr] = {"W": Outer(delta, site.inputs[0])}  # δ aᵀ
        if "b" in site.params:  # δ; a bias shared by the layer gathers the δ of all its units
            shared = site.attrs["bias"] == "shared"
            found["b"] = Sum(("unit",), delta) if shared else delta
        return found


@dataclass(frozen=True, eq=False)
class Gather(Op):
    """a = Eᵀ 1ₖ: the row k of a table, W times a one-hot vector without making one."""

    def result(self, inputs: tuple[Type, ...], attrs: Attrs) -> Type:
        if inputs[0].shape != ():
            raise ShapeError(f"gather: expected one index a sample, got {inputs[0]}")
        return _with_members(replace(inputs[0], shape=(attrs["units"],)), attrs)

    def parameters(self, inputs: tuple[Type, ...], attrs: Attrs) -> tuple[Param, ...]:
        return (
            Param(
                "E",
                Type((attrs["levels"], attrs["units"]), member=attrs["members"] > 0),
                attrs["initial"] or "normal",
                fan=(1, attrs["units"]),
                penalised=attrs["penalised"],
                lr_factor=attrs["lr_factor"],
                decay_factor=attrs["decay_factor"],
            ),
        )

    def forward(self, site: Site) -> Expr:
        return MatMul(Transpose(site.params["E"]), OneHot(site.inputs[0], site.attrs["levels"]))

    def adjoints(self, site: Site, delta: Expr) -> tuple[Expr | None, ...]:
        return (None,)  # an index has no derivative

    def gradients(self, site: Site, delta: Expr) -> dict[str, Expr]:
        return {"E": Outer(OneHot(site.inputs[0], site.attrs["levels"]), delta)}  # 1ₖ δᵀ


@dataclass(frozen=True, eq=False)
class Scale(Op):
    """a = s ⊙ x, one factor a feature."""

    def result(self, inputs: tuple[Type, ...], attrs: Attrs) -> Type:
        return _with_members(vector(self.name, inputs[0]), attrs)

    def parameters(self, inputs: tuple[Type, ...], attrs: Attrs) -> tuple[Param, ...]:
        return (_factor("s", inputs[0], attrs),)

    def forward(self, site: Site) -> Expr:
        return Hadamard(site.params["s"], site.inputs[0])

    def adjoints(self, site: Site, delta: Expr) -> tuple[Expr | None, ...]:
        return (Hadamard(site.params["s"], delta),)

    def gradients(self, site: Site, delta: Expr) -> dict[str, Expr]:
        return {"s": Hadamard(delta, site.inputs[0])}


@dataclass(frozen=True, eq=False)
class Mix(Op):
    """a = z + α ⊙ (f(z) − z): a function that the training blends in, unit by unit."""

    def _function(self, attrs: Attrs) -> tuple[Function, dict[str, object]]:
        row = TABLE.activation(attrs["function"])
        if not isinstance(row, Function):
            raise ShapeError(f"mix: {row.name} is not element-wise; use an element-wise function")
        return row, row.settings({})

    def result(self, inputs: tuple[Type, ...], attrs: Attrs) -> Type:
        self._function(attrs)
        return _with_members(vector(self.name, inputs[0]), attrs)

    def parameters(self, inputs: tuple[Type, ...], attrs: Attrs) -> tuple[Param, ...]:
        return (_factor("alpha", inputs[0], attrs),)

    def forward(self, site: Site) -> Expr:
        f, settings = self._function(site.attrs)
        z = site.inputs[0]
        return z + Hadamard(site.params["alpha"], f(z, settings) - z)

    def adjoints(self, site: Site, delta: Expr) -> tuple[Expr | None, ...]:
        # δ = Δ ⊙ (1 + α ⊙ (f′(z) − 1))
        f, settings = self._function(site.attrs)
        slope = f(site.inputs[0], settings, "derivative")
        return (Hadamard(delta, 1 + Hadamard(site.params["alpha"], slope - 1)),)

    def gradients(self, site: Site, delta: Expr) -> dict[str, Expr]:
        f, settings = self._function(site.attrs)
        z = site.inputs[0]
        return {"alpha": Hadamard(delta, f(z, settings) - z)}  # Δ ⊙ (f(z) − z)


TABLE.register(
    Affine(
        "affine",
        attrs=(
            UNITS,
            BIAS,
            PER_MEMBER,
            INITIAL,
            BIAS_INITIAL,
            LR_FACTOR,
            BIAS_LR_FACTOR,
            DECAY_FACTOR,
            PENALISED,
        ),
        onnx="Gemm",
        source="S0, the forward pass; S0:79, S2 (1)–(2): what passes back",
    )
)
TABLE.register(
    Gather(
        "gather",
        attrs=(
            UNITS,
            Attr("levels", int, 1, bounds="[1, inf)", help="how many levels"),
            PER_MEMBER,
            INITIAL,
            LR_FACTOR,
            DECAY_FACTOR,
            PENALISED,
        ),
        onnx="Gather",
        source="Bengio, Ducharme, Vincent & Jauvin 2003",
    )
)
TABLE.register(
    Scale(
        "scale",
        attrs=(PER_MEMBER, INITIAL, LR_FACTOR, DECAY_FACTOR),
        onnx="Mul",
        source="Holzmüller, Grinsztajn & Steinwart 2024, the scaling layer",
    )
)
TABLE.register(
    Mix(
        "mix",
        attrs=(
            Attr("function", str, "relu", help="the element-wise function f"),
            PER_MEMBER,
            INITIAL,
            MIX_LR_FACTOR,
            DECAY_FACTOR,
        ),
        source="Holzmüller, Grinsztajn & Steinwart 2024, the parametric activation",
    )
)
