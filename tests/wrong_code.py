"""Wrong backward passes, made by editing code: what people's mistakes look like in NumPy.

Edits the syntax tree of a NumPy training step, line by line, knowing nothing of how ClearProp
writes or finds mistakes: this file may import neither the catalogue nor the plan.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from functools import partial

from wrong_cost import at_cost
from wrong_editor import Editor, Wrong, is_call, is_product, number_of, summands, text, with_summand
from wrong_forward import forward_edits
from wrong_indices import index_edits
from wrong_wiring import wiring_edits


def wrong_programs(source: str, costs: Mapping[str, str]) -> Iterator[Wrong]:
    """Every mistake of these files, at every line of a right program where it can be made.

    ``costs`` names the cost of each output's variable.
    """
    code = Editor(source)
    yield from at_cost(code, costs)
    at_lines = [*_at_lines(code, costs), *wiring_edits(code), *forward_edits(code)]
    yield from at_lines
    yield from _in_a_loop(code, at_lines)
    yield from _at_penalties(code)
    yield from _tied_layers(code)
    yield from index_edits(code)
    for node in code.tree.body:
        helper = isinstance(node, ast.FunctionDef) and node.name.endswith("_prime")
        if helper and node.name != "identity_prime":  # −1 for f′ = 1 is the sign of δ
            write = partial(code.with_helper, node.name, lambda text: f"-({text})")
            yield Wrong("derivative-sign", (node.name,), write)
    yield Wrong("gradient-negated", ("return",), partial(code.with_returned, "-{}".format))
    yield Wrong("accumulated-twice", ("return",), partial(code.with_returned, "2 * {}".format))
    for update in ("-0.05 * {0}", "{1} - 0.05 * {0}"):  # the step, or what is there after it
        moved = partial(_moved, update)
        yield Wrong("update-for-gradient", ("return",), partial(code.with_returned, moved))


def _moved(update: str, gradient: str) -> str:
    return update.format(gradient, gradient.removeprefix("d"))


def _at_lines(code: Editor, costs: Mapping[str, str]) -> Iterator[Wrong]:
    for name, value in code.lines.items():
        if name.startswith(("delta", "Delta")):
            yield from _at_slope(code, name, value, costs)
            yield from _at_product(code, name, value)
        elif name.startswith("dW"):
            yield from _at_weight(code, name, value)
        elif name.startswith("db"):
            yield from _at_bias(code, name, value)


#: What people write in a loop over the layers, and so at each of them.
_LOOPED = {
    "derivative-missing", "derivative-of-activation", "function-for-derivative",
    "preactivation-in-derivative",
    "derivative-twice", "derivative-of-another-function",
    "derivative-of-arriving", "relu-mask-inverted", "bias-summed-over-units",
    "gradients-from-wrong-delta",
    "bias-from-wrong-delta", "error-passed-without-derivative", "preactivation-in-gradient",
    "activation-overwritten", "function-missing-in-forward", "bias-missing-in-forward",
    "bias-not-summed", "bias-averaged", "shared-bias-not-summed", "gradient-transposed",
    "residual-identity-missing", "wires-multiplied", "scale-missing", "transposed-weights",
    "product-of-paths", "last-unit-only", "wrong-index-under-sum", "weights-missing",
}  # fmt: skip


def _in_a_loop(code: Editor, at_lines: Iterable[Wrong]) -> Iterator[Wrong]:
    """Each form of a mistake at all the lines where it can stand, if they are all of one form.

    Of a layer that is used twice the sums are others, so no loop writes them.
    """
    for name in code.names("dW", "db"):
        delta = [node for node in ast.walk(code.lines[name]) if isinstance(node, ast.Name)]
        if sum(node.id.startswith("delta") for node in delta) > 1:
            return
    forms: dict[str, dict[str, list[str]]] = {}
    for wrong in at_lines:
        if wrong.mistake in _LOOPED and wrong.line:
            (place,) = wrong.places
            forms.setdefault(wrong.mistake, {}).setdefault(place, []).append(wrong.line)
    for mistake, lines in forms.items():
        number = {len(found) for found in lines.values()}
        if len(lines) > 1 and len(number) == 1:
            for form in range(number.pop()):
                yield code.wrong(mistake, {place: found[form] for place, found in lines.items()})


def single_precision(source: str) -> Wrong:
    """The program in float32, handed out as float64: as right as it was computed."""
    code = Editor(source)
    given = {
        name: f"{text(value)}.astype(np.float32)"
        for name, value in code.lines.items()
        if text(value).startswith(("parameters[", "X", "Y")) and name not in code.indices
    }
    lines = Editor(code.with_lines(given))
    write = partial(lines.with_returned, "{}.astype(np.float64)".format)
    return Wrong("rounding", tuple(given), write)


#: Derivatives as those write them who keep the outputs of a layer.
_OF_OUTPUT = {
    "sigmoid": "{0} * (1 - {0})",
    "tanh": "(1 - {0} ** 2)",
    "exp": "{0}",
    "softplus": "(1 - np.exp(-{0}))",
    "softsign": "(1 - np.abs({0})) ** 2",
    "elu": "np.where({0} > 0, 1.0, {0} + 1.0)",
    "selu": "np.where({0} > 0, 1.0507009873554805, {0} + 1.0507009873554805 * 1.6732632423543772)",
}


def _at_slope(
    code: Editor, name: str, value: ast.expr, costs: Mapping[str, str]
) -> Iterator[Wrong]:
    parts = summands(value)
    for index, part in enumerate(parts):
        if not (isinstance(part, ast.BinOp) and is_call(part.right, "_prime")):
            continue
        call = part.right
        assert isinstance(call, ast.Call)
        left, z, function = text(part.left), text(call.args[0]), text(call.func)
        if function == "identity_prime":
            continue
        plain = function.removesuffix("_prime")

        def put(mistake: str, new: str, index: int = index) -> Wrong:
            return code.wrong(mistake, {name: with_summand(parts, index, new)})

        a = next((one for one, made in code.lines.items() if text(made) == f"{plain}({z})"), "")
        yield put("output-derivative-missing" if a in costs else "derivative-missing", left)
        if a:
            yield put("derivative-of-activation", f"{left} * {function}({a})")
            yield put("function-for-derivative", f"{left} * {a}")
        if plain in _OF_OUTPUT:  # the helper expects a
            yield put("preactivation-in-derivative", f"{left} * {_OF_OUTPUT[plain].format(z)}")
        for form in {"tanh": ["(1 - {0})", "(1 + {0} ** 2)"],
                     "sigmoid": ["(1 - {0})", "{0} * (1 + {0})"]}.get(plain, ()):  # fmt: skip
            yield put("derivative-misremembered", f"{left} * {form.format(f'{plain}({z})')}")
        if plain == "relu":
            yield put("relu-mask-inverted", f"{left} * ({z} <= 0)")
            if a not in costs:
                yield put("derivative-of-arriving", f"np.where({left} > 0, {left}, 0)")
        yield put("derivative-twice", f"{left} * {function}({z}) * {function}({z})")
        if plain != "tanh":
            yield put("derivative-of-another-function", f"{left} * (1 - np.tanh({z}) ** 2)")


def _at_product(code: Editor, name: str, value: ast.expr) -> Iterator[Wrong]:
    parts = summands(value)
    for index, part in enumerate(parts):
        if not (isinstance(part, ast.BinOp) and is_product(part, ast.MatMult)):
            continue
        delta, W = text(part.left), text(part.right)

        def put(mistake: str, new: str, *before: str, index: int = index) -> Wrong:
            return code.wrong(mistake, {name: with_summand(parts, index, new)}, **{name: before})

        yield put("transposed-weights", f"{delta} @ {W}.T")
        yield put("product-of-paths", f"np.prod({delta}[:, :, None] * {W}[None], axis=1)")
        yield put("last-unit-only", f"{delta}[:, -1:] * {W}[-1:]")
        yield put("wrong-index-under-sum", f"{delta} * {W}.sum(axis=0)")
        yield put(
            "weights-missing", f"{delta}.sum(axis=1, keepdims=True) * np.ones(({W}.shape[1],))"
        )
        yield put("error-passed-without-derivative", f"{delta.replace('delta', 'Delta')} @ {W}")
        gradient = code.lines.get(f"d{W}")
        if gradient is not None and len(summands(gradient)) <= 2:
            early = f"early = {text(gradient)}"
            yield put("gradient-for-weights", f"{delta} @ early", early)
            yield put("updated-weights-in-backward", f"{delta} @ ({W} - 0.37 * early)", early)


def _at_weight(code: Editor, name: str, value: ast.expr) -> Iterator[Wrong]:
    parts = summands(value)
    data = [p for p in parts if isinstance(p, ast.BinOp) and is_product(p, ast.MatMult)]
    penalty = [p for p in parts if p not in data]

    def put(mistake: str, *terms: str) -> Wrong:
        return code.wrong(mistake, {name: " + ".join(terms)})

    rest = [text(p) for p in penalty]
    sums = [text(p) for p in data]
    yield put("parameter-forgotten", f"np.zeros_like({name[1:]})")
    yield put("mean-twice", f"({' + '.join(sums)}) / {code.batch}", *rest)
    yield put("another-count", f"({' + '.join(sums)}) / 7", *rest)
    yield put("accumulated-twice", f"2 * ({' + '.join(sums + rest)})")
    if penalty:
        yield put("l2-missing", *sums)
        yield put("l2-factor-two", *sums, f"2 * ({rest[0]})")
        yield put("l2-over-batch", *sums, f"({rest[0]}) / m")
        yield put("l2-sign", *sums, f"-({rest[0]})")
        yield put("l2-not-scaled", *sums, name[1:])  # λ is left out
        yield put("l2-not-scaled", *sums, f"0.37 * ({rest[0]})")  # the update's α is in it
        yield put("l1-for-l2", *sums, rest[0].replace(name[1:], f"np.sign({name[1:]})"))
        yield put("l2-not-differentiated", *sums, f"{rest[0]} * {name[1:]} / 2")
    if len(data) > 1:
        for part in data:
            yield put("tied-counted-once", text(part), *rest)
        return
    (product,) = data
    delta, x = text(product.left).removesuffix(".T"), text(product.right)
    yield put("gradient-transposed", f"({' + '.join(sums + rest)}).T")
    yield put("gradients-from-wrong-delta", f"{delta.replace('delta', 'Delta')}.T @ {x}", *rest)
    yield put("one-sample-only", f"{delta}[-1:].T @ {x}[-1:]", *rest)
    z = "z" + number_of(x)
    if z in code.lines:
        yield put("preactivation-in-gradient", f"{delta}.T @ {z}", *rest)
        function = code.lines.get(x)
        if function is not None and isinstance(function, ast.Call):
            helper = f"{text(function.func)}_prime"
            yield put("activation-overwritten", f"{delta}.T @ {helper}({z})", *rest)


def _tied_layers(code: Editor) -> Iterator[Wrong]:
    """Of a layer that is used twice, one use is kept for W and b alike."""
    for name in code.names("dW"):
        bias = f"db{number_of(name)}"
        parts = summands(code.lines[name])
        data = [p for p in parts if isinstance(p, ast.BinOp) and is_product(p, ast.MatMult)]
        if len(data) < 2 or bias not in code.lines:
            continue
        rest = [text(part) for part in parts if part not in data]
        uses = [text(use) for use in summands(code.lines[bias])]
        for part in data:
            delta = text(part.left).removesuffix(".T")
            for use in uses:
                if use.startswith(f"{delta}."):
                    new = " + ".join([text(part), *rest])
                    yield code.wrong("tied-counted-once", {name: new, bias: use})


def _at_bias(code: Editor, name: str, value: ast.expr) -> Iterator[Wrong]:
    written = text(value)

    def put(mistake: str, new: str) -> Wrong:
        return code.wrong(mistake, {name: new})

    yield put("parameter-forgotten", f"np.zeros_like({name[1:]})")
    yield put("another-count", f"({written}) / 5")
    if len(uses := summands(value)) > 1:
        for use in uses:
            yield put("tied-counted-once", text(use))
    elif written.endswith(".sum(axis=0)"):
        delta = written.removesuffix(".sum(axis=0)")
        yield put("bias-not-summed", delta)
        yield put("bias-not-summed", f"{delta}[0]")
        yield put("bias-averaged", f"{delta}.mean(axis=0)")
        yield put("bias-summed-over-units", f"{delta}.sum()")
        yield put("bias-summed-over-units", f"{delta}.sum() * np.ones_like({name[1:]})")
        yield put("bias-summed-over-units", f"{delta}.sum(axis=1)")
        yield put("bias-from-wrong-delta", f"{delta.replace('delta', 'Delta')}.sum(axis=0)")
    elif written.endswith(".sum()"):
        delta = written.removesuffix(".sum()")
        yield put("shared-bias-not-summed", f"{delta}.sum(axis=0)")
        yield put("shared-bias-not-summed", f"{delta}[:, 0].sum()")


def _at_penalties(code: Editor) -> Iterator[Wrong]:
    """λ W of all weights at once, and of the biases, which have none."""
    factor = ""
    forms: dict[tuple[str, str], dict[str, str]] = {}
    for name in code.names("dW", "dE"):
        *sums, last = (text(part) for part in summands(code.lines[name]))
        if not last.endswith(f" * {name[1:]}"):
            continue
        factor = last.removesuffix(f" * {name[1:]}")
        for form in [
            ("l2-missing", ""),
            ("l2-factor-two", f" + 2 * {last}"),
            ("l2-over-batch", f" + {last} / m"),
            ("l2-sign", f" - {last}"),
            ("l2-not-scaled", f" + {name[1:]}"),
            ("l2-not-scaled", f" + 0.37 * {last}"),
            ("l1-for-l2", f" + {factor} * np.sign({name[1:]})"),
            ("l2-not-differentiated", f" + {last} * {name[1:]} / 2"),
        ]:
            kind = form[0], form[1].replace(name[1:], "W")
            forms.setdefault(kind, {})[name] = " + ".join(sums) + form[1]
    for (mistake, _), every in forms.items():
        if len(every) > 1:
            yield code.wrong(mistake, every)
    if not factor:
        return
    biases = {}
    for name in code.names("db"):
        biases[name] = f"{text(code.lines[name])} + {factor} * {name[1:]}"
        yield code.wrong("l2-on-biases", {name: biases[name]})
    if len(biases) > 1:
        yield code.wrong("l2-on-biases", biases)
