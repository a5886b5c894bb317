"""A starting file for people who write a backward pass: the plan's steps as NumPy code.

The forward pass is written out; the backward pass is left to fill in, or with ``filled`` written
out too, one line a step. Rows of every array are samples, so z = W a is ``a @ W.T``.
"""

from __future__ import annotations

import textwrap
from dataclasses import replace

from clearprop import expressions as trees
from clearprop.backprop import SAMPLE_WEIGHT, Plan, Step, gradient_name, target_name
from clearprop.checking.edits import all_terms
from clearprop.checking.identifiers import Identifiers
from clearprop.checking.lines import Lines
from clearprop.derivation.notations.notation import Notation
from clearprop.errors import UsageError
from clearprop.network import Network
from clearprop.operations import Activation, Cost, Function
from clearprop.settings import Scalar

#: Columns of a comment, and so many lines of one equation of the cost.
WIDTH, LONGEST = 80, 4

_L2 = trees.Sym("l2")

_NUMPY = {"exp", "log", "sqrt", "abs", "sign", "cosh", "tanh"}


def numpy_template(
    network: Network,
    *,
    filled: bool = False,
    weights: bool = False,
    notation: str | Notation | None = None,
) -> str:
    """Return a NumPy file with a function ``gradient(parameters, X, Y)`` for a network.

    Parameters
    ----------
    network : Network
        Without members, and with dense inputs or indices.
    filled : bool
        Write the backward pass out; without it, each line is a blank to fill in.
    weights : bool
        The function takes ``sample_weight`` too.
    notation : str or Notation, optional
        Variables are called as in it (``Theta1`` for Θ¹, ``dH`` for ∂E/∂H); comments say each
        forward line in it, and what it calls each line that is left blank.

    Examples
    --------
    >>> print(numpy_template(Network([2, 1]), filled=True).splitlines()[-3].strip())
    dW1 = delta2.T @ a1
    """
    plan = network.plan
    if plan.graph.members:
        raise UsageError("the NumPy template has no members; give a network without them")
    return _Writer(plan, weights, Lines(plan, notation)).write(filled)


class _Writer:
    def __init__(self, plan: Plan, weights: bool, lines: Lines) -> None:
        self.plan, self.weights, self.lines = plan, weights, lines
        self.functions: dict[str, trees.Apply] = {}
        graph = plan.graph
        steps = [step.target.name for step in plan.steps]
        #: What each input and target is taken from.
        self.given = {
            one.value: "X" if len(graph.inputs) == 1 else f"X[{one.key!r}]" for one in graph.inputs
        }
        for cost in graph.costs:
            alone = len(graph.costs) == 1
            self.given[target_name(graph, cost)] = "Y" if alone else f"Y[{cost.value!r}]"
        symbols = [*graph.parameters, *self.given, *plan.masks, *steps]
        self.variables = Identifiers(lines.names, dict.fromkeys(symbols), self.given)

    def write(self, filled: bool) -> str:
        graph = self.plan.graph
        needed = self._needed()
        forward: list[str] = []
        backward: list[str] = []
        for step in self.plan.steps:
            if step.target.name not in needed or step.kind in ("cost", "penalty", "update"):
                continue
            made = self.variables[step.target.name]
            code = f"{made} = {self._sum(step)}"
            if step.kind == "forward":
                forward += [*self._said(step, True), code]
            elif filled:
                backward += [*self._said(step, True), code]
            else:
                backward += [*self._said(step, False), f"{made} = ..."]
        start = [f"m = len({next(iter(self.given.values()))})"]
        if self.weights:
            start.append("w = (sample_weight / sample_weight.sum())[:, None]")
        for name in graph.parameters:
            start.append(f"{self.variables[name]} = parameters[{name!r}]{self._called(name)}")
        if graph.l2:
            start.append(f"{_L2.name} = {graph.l2!r}{self._called(_L2.name)}")
        for name, source in self.given.items():
            if self.variables[name] != source:
                start.append(f"{self.variables[name]} = {source}")
        start += [f"{self.variables[name]} = masks[{name!r}]" for name in self.plan.masks]
        extra = (", sample_weight" if self.weights else "") + (", masks" if self.plan.masks else "")
        gradients = {name: self.variables[gradient_name(name)] for name in graph.parameters}
        returned = ", ".join(f"{name!r}: {variable}" for name, variable in gradients.items())
        lines = [
            '"""A backward pass by hand.',
            "",
            "Check it with ``clearprop check THIS_FILE:gradient`` and the network's options.",
            '"""',
            "",
            "import numpy as np",
            *self._definitions(),
            "",
            "",
            f"def gradient(parameters, X, Y{extra}):",
            *(f"    {code}" for code in start),
            "",
            "    # forward",
            *(f"    {code}" for code in forward),
            "",
            "    # the cost whose gradient is asked",
            *(f"    {code}" for code in self._cost()),
            "",
            "    # backward: " + ("from the cost to the inputs" if filled else "fill in each line"),
            *(f"    {code}" for code in backward),
            f"    return {{{returned}}}",
        ]
        return "\n".join(lines) + "\n"

    def _called(self, symbol: str) -> str:
        """A comment with what the reader's notation calls a symbol."""
        called = self.lines.name(symbol)
        return f"  # {called}" if called else ""

    def _said(self, step: Step, whole: bool) -> list[str]:
        """The step in the reader's notation: all of it, or its left-hand side alone."""
        if self.lines.notation is None:
            return []
        if not whole:
            return [f"# {self.lines.name(step.target.name)}"]
        return [f"# {line}" for line in self.lines.write(step.id).splitlines()]

    def _cost(self) -> list[str]:
        """J as comments: from the whole to its parts, with the mean over the batch in it."""
        notation = self.lines.notation
        said = notation if notation is None else replace(notation, batch="mean")
        lines = Lines(self.plan, said, self.weights)
        steps = [
            all_terms(step, self._cost_of_output if notation else self._in_full)
            for step in self.plan.steps
            if step.kind in ("cost", "penalty")
        ]
        found = []
        for step in sorted(steps, key=lambda step: step.id != "J"):
            for equation in lines.write(step.id, {step.id: step}).splitlines():
                folded = textwrap.wrap(
                    equation, WIDTH - 4, initial_indent="# ", subsequent_indent="#     "
                )
                found += folded[:LONGEST] + (["#     …"] if len(folded) > LONGEST else [])
        return found

    def _cost_of_output(self, expr: trees.Expr) -> trees.Expr:
        """A cost that is computed from z, for its digits, stands as the one of a that it is."""
        outputs = {
            read: self.plan.step(cost.value).target
            for cost in self.plan.graph.costs
            for read in self.plan.step(cost.value).reads
        }

        def of_output(part: trees.Expr) -> trees.Expr:
            match part:
                case trees.Apply(Cost() as cost, (z, y), attrs, "linked") if z in outputs:
                    return cost(outputs[z], y, dict(attrs))
            return part

        return trees.rewrite(expr, of_output)

    def _in_full(self, expr: trees.Expr) -> trees.Expr:
        """In the letters of the code a cost stands as what it computes, and λ by its name."""
        if l2 := self.plan.graph.l2:
            expr = trees.substitute(expr, {trees.Num(l2 / 2): trees.Divide(_L2, trees.Num(2.0))})
        return trees.rewrite(self._cost_of_output(expr), _defined)

    def _needed(self) -> set[str]:
        """Everything that leads to a parameter's gradient."""
        front = [f"dJ/d{name}" for name in self.plan.graph.parameters]
        found = set(front)
        while front:
            for sym in self.plan.step(front.pop()).reads:
                if sym.name in self.plan and sym.name not in found:
                    found.add(sym.name)
                    front.append(sym.name)
        return found

    def _sum(self, step: Step) -> str:
        return " + ".join(self.code(self._by_name(step, term.expr), 1) for term in step.terms)

    def _by_name(self, step: Step, expr: trees.Expr) -> trees.Expr:
        """λ W by λ's name: the penalty's part of a gradient."""
        l2 = self.plan.graph.l2
        match expr:
            case trees.Hadamard(trees.Num(value), trees.Sym(name) as W) if value == l2:
                return trees.Hadamard(_L2, W) if step.target.name == gradient_name(name) else expr
        return expr

    def code(self, expr: trees.Expr, within: int = 0) -> str:
        level, written = self._code(expr)
        return f"({written})" if level < within else written

    def _code(self, expr: trees.Expr) -> tuple[int, str]:
        match expr:
            case trees.Sym(name):
                return 9, _L2.name if name == _L2.name else self.variables.get(name, name)
            case trees.Num(value):
                return (9 if value >= 0 else 3), repr(int(value) if value == int(value) else value)
            case trees.Add(terms):
                written = self.code(terms[0], 1)
                for term in terms[1:]:
                    minus = isinstance(term, trees.Neg)
                    body = term.body if isinstance(term, trees.Neg) else term
                    written += (" - " if minus else " + ") + self.code(body, 2)
                return 1, written
            case trees.Neg(body):
                return 3, "-" + self.code(body, 3)
            case trees.Hadamard(left, right) if left == SAMPLE_WEIGHT:
                if self.weights:
                    return 2, f"w * {self.code(right, 3)}"
                return 2, f"{self.code(right, 2)} / m"
            case trees.Hadamard(left, right):
                return 2, f"{self.code(left, 2)} * {self.code(right, 3)}"
            case trees.Divide(above, below):
                return 2, f"{self.code(above, 2)} / {self.code(below, 3)}"
            case trees.Power(base, exponent):
                return 4, f"{self.code(base, 5)} ** {self.code(exponent, 4)}"
            case trees.MatMul(trees.Transpose(matrix), trees.OneHot(index, _)):
                return 9, f"{self.code(matrix, 9)}[{self.code(index)}]"
            case trees.MatMul(trees.Transpose(row), right) if len(row.shape) == 1:
                product = f"{self.code(row, 2)} * {self.code(right, 3)}"
                return 9, f"({product}).sum(axis=1, keepdims=True)"
            case trees.MatMul(trees.Transpose(matrix), right):
                return 2, f"{self.code(right, 2)} @ {self.code(matrix, 3)}"
            case trees.MatMul(matrix, right):
                return 2, f"{self.code(right, 2)} @ {self.code(matrix, 9)}.T"
            case trees.Sum(_, trees.Outer(trees.OneHot(index, levels), delta)):
                return 2, f"np.eye({levels})[{self.code(index)}].T @ {self.code(delta, 3)}"
            case trees.Sum(_, trees.Outer(left, right)):
                return 2, f"{self.code(left, 9)}.T @ {self.code(right, 3)}"
            case trees.Sum(("sample",), trees.Sum(("unit",), body)):
                return 9, f"{self.code(body, 9)}.sum()"
            case trees.Sum(("sample",), body):
                return 9, f"{self.code(body, 9)}.sum(axis=0)"
            case trees.Sum(_, body):
                return 9, f"{self.code(body, 9)}.sum(axis=1, keepdims=True)"
            case trees.Apply(function, args, _, form):
                inside = ", ".join(self.code(arg) for arg in args)
                if function.name in _NUMPY and not isinstance(function, Activation):
                    return 9, f"np.{function.name}({inside})"
                if function.name == "erf":
                    return 9, f"np.vectorize(math.erf)({inside})"
                name = function.name + ("_prime" if form == "derivative" else "")
                self.functions.setdefault(name, expr)
                return 9, f"{name}({inside})"
            case trees.Concat(parts):
                inside = ", ".join(self.code(part) for part in parts)
                return 9, f"np.concatenate([{inside}], axis=1)"
            case trees.Slice(body, start, stop):
                return 9, f"{self.code(body, 9)}[:, {start}:{stop}]"
            case trees.Less(left, right, or_equal):
                return 0, f"{self.code(left, 1)} {'<=' if or_equal else '<'} {self.code(right, 1)}"
            case trees.Cases(condition, then, otherwise):
                inside = ", ".join(self.code(part) for part in (condition, then, otherwise))
                return 9, f"np.where({inside})"
        raise UsageError(f"the NumPy template has no form for {type(expr).__name__}")

    def _definitions(self) -> list[str]:
        lines: list[str] = []
        for name, used in self.functions.items():
            row, attrs = used.function, dict(used.attrs)
            if not isinstance(row, Activation):
                continue
            if name == "softmax":
                body = ["e = np.exp(x - x.max(axis=1, keepdims=True))",
                        "return e / e.sum(axis=1, keepdims=True)"]  # fmt: skip
            else:
                body = [f"return {self._formula(row, name.endswith('_prime'), attrs)}"]
            lines += ["", "", f"def {name}(x):", *(f"    {code}" for code in body)]
        text = "\n".join(lines)
        return (["import math"] if "math.erf" in text else []) + lines

    def _formula(self, row: Activation, prime: bool, attrs: dict[str, Scalar]) -> str:
        x = trees.Sym("x", _VECTOR)
        if prime and isinstance(row, Function):
            formula = row.slope(x, attrs)
        else:
            formula = row.definition(x, attrs)
        code = self.code(formula)
        constant = not any(isinstance(node, trees.Sym) for node in trees.walk(formula))
        if constant:
            return "np.ones_like(x)" if formula == trees.Num(1.0) else f"{code} * np.ones_like(x)"
        return code


def _defined(expr: trees.Expr) -> trees.Expr:
    match expr:
        case trees.Apply(Cost() as cost, (a, y), attrs, "value"):
            return cost.definition(a, y, dict(attrs))
    return expr


_VECTOR = trees.Type((1,), sample=True)
