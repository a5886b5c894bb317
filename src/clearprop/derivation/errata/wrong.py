"""What the five sources print wrongly, as data: each printed form can be evaluated, and fails.

Proved by ``tests/test_derivation_errata.py``.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from clearprop.derivation.errata.erratum import Erratum, Example, M, dot, sigmoid
from clearprop.expressions import Array

__all__ = ["ERRATA", "printed_wrongly"]


def _jacobian(e: Example) -> Array:
    """∂z_k/∂W_ji of layer 2 to 3: three indices."""
    found = np.zeros((2, 2, 3))
    for k in range(2):
        found[k, k] = e.a[2][:, 0]
    return found


def _w11(e: Example, rate: float = 3.0) -> float:
    return float(e.W[2][0, 0] - rate * e.difference(e.W[2])[0, 0])


def _share(e: Example, k: int, w: float | None = None) -> float:
    """∂E_k/∂P1 of S3, through the weight W1k."""
    weight = e.W[2][k, 0] if w is None else w
    return float(-weight * (e.y[k, 0] - e.a[3][k, 0]) * e.slope[3][k, 0])


def _inner(e: Example) -> float:
    """∂P1/∂V11."""
    return float(e.x[0, 0] * e.slope[2][0, 0])


def _by_output(e: Example, cost: Callable[[Array], float]) -> Array:
    """∂cost/∂O by central differences."""
    found = np.zeros_like(e.a[3])
    for k in range(len(found)):
        h = np.zeros_like(found)
        h[k] = 1e-6
        found[k] = (cost(e.a[3] + h) - cost(e.a[3] - h)) / 2e-6
    return found


def _cross_entropy(e: Example, z: Array) -> float:
    a = sigmoid(z)
    return float(-np.sum(e.y * np.log(a) + (1 - e.y) * np.log(1 - a)))


def _by_z(e: Example, cost: Callable[[Array], float]) -> Array:
    found = np.zeros_like(e.z[3])
    for k in range(len(found)):
        h = np.zeros_like(found)
        h[k] = 1e-6
        found[k] = (cost(e.z[3] + h) - cost(e.z[3] - h)) / 2e-6
    return found


def _delta2(e: Example) -> Array:
    """δ of the hidden layer: ∂J/∂b¹, by central differences."""
    return e.difference(e.b[1])


def _arriving(e: Example) -> Array:
    """∂J/∂a of the hidden layer: by z, by central differences, without the slope."""
    return np.asarray(_delta2(e) / e.slope[2])


def _gradient2(e: Example) -> Array:
    """∂J/∂W² of one sample, by back-propagation."""
    return dot(e.delta[3], e.a[2].T)


def _updated(e: Example, name: str) -> Array:
    of = getattr(e, name)[1]
    return np.asarray(of - e.rate * e.difference(of, e.batch_cost))


def _penalty_slope(e: Example, norm: Callable[[Array], float]) -> Array:
    """∂/∂W¹ of λ/2 times a sum over the layers."""
    return e.difference(e.W[1], lambda: e.penalty / 2 * sum(map(norm, e.W.values())))


def _accumulated(e: Example, start: Array) -> Array:
    """S1's loop over the batch for Θ′², begun with what stands in it, then divided by m."""
    total = start
    for x, y in zip(e.X, e.Y, strict=True):
        a = e.forward(x)[1]
        total = total + dot((a[3] - y) * a[3] * (1 - a[3]), a[2].T)
    return np.asarray(total / M)


def _chain(e: Example) -> tuple[float, float, float]:
    """S1's A = F(G(X1, T(X2))): as printed, put right, and by a difference."""
    x1, x2 = float(e.x[0, 0]), float(e.x[1, 0])

    def whole(x: float) -> float:
        return float(sigmoid(x1 * x**2))

    outer = whole(x2) * (1 - whole(x2))
    by_x1, by_t, inner = x2**2, x1, 2 * x2
    difference = (whole(x2 + 1e-6) - whole(x2 - 1e-6)) / 2e-6
    return outer * by_x1 * inner, outer * by_t * inner, difference


def _uu(e: Example) -> float:
    """∂u₁⁽³⁾/∂u₁⁽²⁾ by a difference."""

    def u(first: float) -> float:
        z = e.z[2].copy()
        z[0] = first
        return float((e.W[2] @ sigmoid(z) + e.b[2])[0, 0])

    at = float(e.z[2][0, 0])
    return (u(at + 1e-6) - u(at - 1e-6)) / 2e-6


def _q2(e: Example) -> float:
    """∂Q2/∂P1 by a difference."""

    def q(first: float) -> float:
        a = e.a[2].copy()
        a[0] = first
        return float((e.W[2] @ a + e.b[2])[1, 0])

    at = float(e.a[2][0, 0])
    return (q(at + 1e-6) - q(at - 1e-6)) / 2e-6


ERRATA: tuple[Erratum, ...] = (
    Erratum("S0", ":31", "z⁽ˡ⁾ = W⁽ˡ⁻¹⁾ f(z⁽ˡ⁻¹⁾) + b⁽ˡ⁻¹⁾", "from l = 3; z⁽²⁾ = W⁽¹⁾ x + b⁽¹⁾",
            "layer 1 has no z; f would act on the input",
            "第一层没有输入加权和，激活函数会作用在输入上",
            lambda e: dot(e.W[1], sigmoid(e.x)) + e.b[1], lambda e: dot(e.W[1], e.x) + e.b[1],
            lambda e: e.z[2], reading="l = 2, with z⁽¹⁾ read as x"),
    Erratum("S0", ":39", "J(W, b) = (1/m) Σᵢ J(W, b; x⁽ⁱ⁾, y⁽ⁱ⁾) + (λ/2) ‖W‖₂²",
            "… + (λ/2) Σ (Wⱼᵢ⁽ˡ⁾)², over all layers, as in :41",
            "the 2-norm of a matrix is its largest singular value; and W is several matrices",
            "矩阵的二范数是最大奇异值，而这里是各层权重的平方和",
            lambda e: _penalty_slope(e, lambda w: float(np.linalg.norm(w, 2) ** 2)),
            lambda e: _penalty_slope(e, lambda w: float(np.sum(w**2))),
            lambda e: e.penalty * e.W[1],
            reading="its derivative by W⁽¹⁾, λW in :47; ‖·‖₂ of each layer's matrix, summed"),
    Erratum("S0", ":47", "W⁽ˡ⁾ − α Σᵢ ∂J(W, b; x⁽ⁱ⁾, y⁽ⁱ⁾)/∂W⁽ˡ⁾ − λW",
            "W⁽ˡ⁾ − α((1/m) Σᵢ ∂J(W, b; x⁽ⁱ⁾, y⁽ⁱ⁾)/∂W⁽ˡ⁾ + λW⁽ˡ⁾)",
            "1/m is lost, and λ is no longer multiplied by α",
            "丢了平均的系数，惩罚项也没有乘学习率",
            lambda e: e.W[1] - e.rate * sum(e.sample_gradient("W", 1)) - e.penalty * e.W[1],
            lambda e: e.W[1] - e.rate * (sum(e.sample_gradient("W", 1)) / M + e.penalty * e.W[1]),
            lambda e: _updated(e, "W")),
    Erratum("S0", ":51", "b⁽ˡ⁾ − α Σᵢ ∂J(W, b; x⁽ⁱ⁾, y⁽ⁱ⁾)/∂b⁽ˡ⁾",
            "b⁽ˡ⁾ − (α/m) Σᵢ ∂J(W, b; x⁽ⁱ⁾, y⁽ⁱ⁾)/∂b⁽ˡ⁾", "1/m is lost", "丢了平均的系数",
            lambda e: e.b[1] - e.rate * sum(e.sample_gradient("b", 1)),
            lambda e: e.b[1] - e.rate / M * sum(e.sample_gradient("b", 1)),
            lambda e: _updated(e, "b")),
    Erratum("S0", ":59, :61", "∂J/∂W = (∂J/∂z)ᵀ ∂z/∂W with ∂z/∂W = a",
            "∂zₖ/∂Wⱼᵢ = aᵢ if k = j, else 0",
            "three indices; transposed against its own :79, :88; where :96 comes from",
            "应有三个下标；与原文后面的式子转置相反，错误由此传到最后的结果",
            lambda e: dot(e.delta[3].T, e.a[2]),
            lambda e: np.einsum("k,kji->ji", e.delta[3][:, 0], _jacobian(e)),
            lambda e: e.difference(e.W[2]), reading="l = 2"),
    Erratum("S0", ":72", "δ = (a − y) · diag(f′(z))", "δ = diag(f′(z)) (a − y)",
            "columns do not multiply in that order (rows would); :74 is right",
            "列向量不能这样相乘（行向量可以），下一行是对的",
            lambda e: dot(e.a[3] - e.y, np.diag(e.slope[3][:, 0])),
            lambda e: dot(np.diag(e.slope[3][:, 0]), e.a[3] - e.y), lambda e: e.difference(e.b[2])),
    Erratum("S0", ":96", "∂J/∂W⁽ˡ⁾ = (δ⁽ˡ⁺¹⁾)ᵀ a⁽ˡ⁾", "δ⁽ˡ⁺¹⁾ (a⁽ˡ⁾)ᵀ",
            "no matrix of the size of W comes out; it is right where samples are rows",
            "得不到与权重同样大小的矩阵；样本写成行向量时才对",
            lambda e: dot(e.delta[3].T, e.a[2]), lambda e: dot(e.delta[3], e.a[2].T),
            lambda e: e.difference(e.W[2]),
            reading="column vectors, as its own table of symbols says"),
    Erratum("S1", ":24", "layer n takes parameter group n in, group n+1 out", "Θⁿ⁻¹ in, Θⁿ out",
            "off by one once the input is layer 1", "把输入算作第一层之后编号差一",
            lambda e: dot(e.W[2], e.x), lambda e: dot(e.W[1], e.x), lambda e: e.z[2] - e.b[1],
            reading="z² made with group 2 from a¹"),
    Erratum("S1", ":31", "Yᵢ = σ(Σ aᵢ Xᵢ + bᵢ)", "Yᵢ = σ(Σⱼ aᵢⱼ Xⱼ + bᵢ)",
            "i counts both the neurons and their inputs", "同一个下标既数神经元又数输入",
            lambda e: sigmoid(np.sum(np.diag(e.W[1][:2]) * e.x[:, 0]) + e.b[1]),
            lambda e: sigmoid(dot(e.W[1], e.x) + e.b[1]), lambda e: e.a[2],
            reading="aᵢ read as aᵢᵢ"),
    Erratum("S1", ":45", "A is 3×2, X is 3×1, Y is 2×1 in Y = σ(A·X + B)", "A is 2×3",
            "shapes do not multiply", "矩阵大小不能相乘",
            lambda e: sigmoid(dot(e.W[2].T, e.a[2]) + e.b[2]),
            lambda e: sigmoid(dot(e.W[2], e.a[2]) + e.b[2]), lambda e: e.a[3]),
    Erratum("S1", ":74", "subscripts n m of Δ³₂₁, Θ²₃₂, δ³₃₁: n units at the right, m at the left",
            "so for Θ alone; a, z, Δ and δ are columns, n × 1",
            "δ³ would be as large as Θ², and Δ³ no column",
            "只对权重成立；输出和误差都是列向量，第二个下标是一",
            lambda e: dot(e.W[2].T, np.repeat(e.delta[3], 3, axis=1)),
            lambda e: dot(e.W[2].T, e.delta[3]), _arriving,
            reading="Δ³ of that rule, 3 units at the left and 2 at the right"),
    Erratum("S1", ":76, :78", "Θ′_b = δ_{b+1} * a_b", "δ_{b+1} (a_b)ᵀ",
            "an outer product; its own worked example has it right", "应为外积，原文的算例是对的",
            lambda e: dot(e.delta[3], e.a[2]), lambda e: dot(e.delta[3], e.a[2].T),
            lambda e: e.difference(e.W[2]), reading="* as the matrix product of :72"),
    Erratum("S1", ":98", "δ² = Δ³ · σ′(z²), and with the same sign :100 Θ′ = δ² · (a¹)ᵀ",
            "δ² = Δ³ ⊙ σ′(z²)", "one sign for two products; only :66 says which it means",
            "同一个符号表示两种乘法：这里应为按元素相乘",
            lambda e: dot(dot(e.W[2].T, e.delta[3]), e.slope[2]),
            lambda e: dot(e.W[2].T, e.delta[3]) * e.slope[2], _delta2,
            reading="· as the matrix product that :100 needs"),
    Erratum("S1", ":110, :113", "theta2′ = theta2′ + delta3 * (a2)ᵀ, never set to 0",
            "theta2′ = 0 before the loop", "the next batch starts from the gradient of the last",
            "累加前没有清零：下一批样本会从上一批的梯度开始累加",
            lambda e: _accumulated(e, _accumulated(e, np.zeros((2, 3)))),
            lambda e: _accumulated(e, np.zeros((2, 3))),
            lambda e: sum(e.sample_gradient("W", 2)) / M,
            reading="the loop run twice on one batch; the first sum begins at 0"),
    Erratum("S1", ":111", "Delta3 = (theta2′)ᵀ * delta3", "Delta3 = (theta2)ᵀ * delta3",
            "the gradient accumulator stands where the weights belong; the shapes agree, so that "
            "theta1′ alone is wrong, and nothing says so",
            "应是权重的地方写成了累加的梯度，大小相合，错误不易察觉",
            lambda e: dot(dot(e.delta[3], e.a[2].T).T, e.delta[3]) * e.slope[2],
            lambda e: dot(e.W[2].T, e.delta[3]) * e.slope[2], _delta2,
            reading="δ² of the first sample"),
    Erratum("S1", ":120", "δ³ = y − a³", "δ³ = a³ − y",
            "sign: descent would climb; and it needs sigmoid with binary, or softmax with "
            "categorical, cross-entropy: softmax has no slope entry by entry",
            "符号相反，下降会变成上升；且只对配对的输出函数成立，有的函数没有逐元素的导数",
            lambda e: e.y - e.a[3], lambda e: e.a[3] - e.y,
            lambda e: _by_z(e, lambda z: _cross_entropy(e, z)),
            reading="sigmoid with binary cross-entropy"),
    Erratum("S1", ":133, :135", "A′(X2) = F′ G′ T′ with the F′ G′ of A′(X1)", "F′ · ∂G/∂T · T′",
            "∂G/∂X1 ≠ ∂G/∂T, so only F′ is shared; where G reads X1 + T, as at a ⊕, F′ G′ is too",
            "对两个自变量的偏导不同，只有最外层的因子是共用的；两者相加后再代入时才都共用",
            lambda e: _chain(e)[0], lambda e: _chain(e)[1], lambda e: _chain(e)[2],
            reading="F = sigmoid, G(X1, T) = X1 · T, T(X2) = X2²"),
    Erratum("S2", ":26", "each step moves x by η against the gradient",
            "by η f′(x), as its :28 has it",
            "η is a factor, not the length of the step", "学习率是系数，不是步长",
            lambda e: e.W[2] - e.rate * _gradient2(e) / np.linalg.norm(_gradient2(e)),
            lambda e: e.W[2] - e.rate * _gradient2(e),
            lambda e: e.W[2] - e.rate * e.difference(e.W[2]), reading="x is W⁽³⁾, f is E"),
    Erratum("S2", ":34", "E = ½ ‖y − u⁽ⁿ⁾‖²", "½ ‖y − f(u⁽ⁿ⁾)‖²",
            "its equation (3) differentiates the second, not the first",
            "原文第三式求的是后一种形式的导数",
            lambda e: _by_z(e, lambda u: float(0.5 * np.sum((e.y - u) ** 2))),
            lambda e: _by_z(e, lambda u: float(0.5 * np.sum((e.y - sigmoid(u)) ** 2))),
            lambda e: (e.y - e.a[3]) * -e.slope[3], reading="compared with its own (3)"),
    Erratum("S2", ":36", "g(W⁽²⁾ … W⁽ⁿ⁾, b⁽¹⁾, b⁽²⁾ … b⁽ⁿ⁾; x⁽¹⁾)", "b⁽²⁾ … b⁽ⁿ⁾; x⁽¹⁾, y",
            "no unit has a b⁽¹⁾; the target is missing", "输入层没有偏置，自变量中缺少期望输出",
            lambda e: len(e.b) + 1, lambda e: len(e.b), lambda e: 2,
            reading="the number of biases of a network of 3 layers"),
    Erratum("S2", ":53", "δᵢ = Σⱼ δᵢ⁽ˡ⁺¹⁾ ∂uⱼ⁽ˡ⁺¹⁾/uᵢ⁽ˡ⁾", "Σⱼ δⱼ⁽ˡ⁺¹⁾ ∂uⱼ⁽ˡ⁺¹⁾/∂uᵢ⁽ˡ⁾",
            "index, and ∂ is missing; its (1) is right", "下标错，并缺偏导符号；原文第一式是对的",
            lambda e: np.array([[sum(e.delta[3][i % 2, 0] * e.W[2][j, i] for j in range(2))
                                 * e.slope[2][i, 0]] for i in range(3)]),
            lambda e: e.delta[2], _delta2,
            reading="∂ put in; δᵢ taken round, as layer l+1 has no third unit"),
    Erratum("S2", ":59", "∂uⱼ/∂uᵢ = ∂(…)/uᵢ", "∂(…)/∂uᵢ", "∂ and a bracket are missing",
            "缺偏导符号和一个括号",
            lambda e: (e.W[2][0, 0] * e.a[2][0, 0]) / e.z[2][0, 0],
            lambda e: e.W[2][0, 0] * e.slope[2][0, 0], _uu,
            reading="as printed, a quotient, of its second line"),
    Erratum("S2", ":68", "a unit's error is the sum of what it causes in its successors",
            "that sum times f′(uᵢ)", "(1) has the f′", "第一式中还要乘激活函数的导数",
            lambda e: dot(e.W[2].T, e.delta[3]), lambda e: dot(e.W[2].T, e.delta[3]) * e.slope[2],
            _delta2),
    Erratum("S3", ":12", "{(X1, Y1), (X2, Y2)}", "one sample: inputs (X1, X2), labels (Y1, Y2)",
            "reads as two samples; (4) and (10) need one",
            "读起来像两个样本，而后面的式子需要一个样本",
            lambda e: dot(e.W[1], np.array([[e.x[0, 0]], [e.y[0, 0]]])) + e.b[1],
            lambda e: dot(e.W[1], e.x) + e.b[1], lambda e: e.z[2],
            reading="the first pair taken as the input"),
    Erratum("S3", "(1), (10)", "E = (1/N) Σ (yᵢ − yₒ)²", "(1/N) Σ (Yᵢ − Oᵢ)², N outputs",
            "yₒ has no index, and can only be read as one output, here the first; N reads as the "
            "number of samples",
            "输出没有下标，只能当作某一个输出，这里取第一个；且易把输出数误作样本数",
            lambda e: np.mean((e.y - e.a[3][0, 0]) ** 2), lambda e: np.mean((e.y - e.a[3]) ** 2),
            lambda e: e.cost(e.x, e.y),
            reading="yₒ read as the first output; E is Eₜₒₜₐₗ from (10) on",
            numbers=("1", "10")),
    Erratum("S3", "(12), (21), (26)", "−(Y − O)", "−(2/N)(Y − O) for N outputs",
            "the factor 2/N is missing: it is 1 for two outputs, where both forms agree, and for "
            "no other number of them",
            "缺少因子 2/N：两个输出时它是一，数值相同，其他个数时都不对",
            lambda e: -(e.y - e.a[3]), lambda e: -(2 / 3) * (e.y - e.a[3]),
            lambda e: _by_output(e, lambda o: float(np.mean((e.y - o) ** 2))),
            reading="three outputs", outputs=3, numbers=("12", "21", "26")),
    Erratum("S3", "(15) before (23), (24)", "W11 ← W11 − η ∂Eₜₒₜₐₗ/∂W11, before (24) reads W11",
            "use the old W11 in (24)",
            "(23) and (24) read W11 after (15) has overwritten it, so the gradient of V11 "
            "would mix two points; the new weight needs a name of its own",
            "(23)、(24) 在 (15) 更新之后才用到这个权重，梯度便混合了两个点的值；新权重应另记",
            lambda e: _share(e, 0, _w11(e)) * _inner(e) + _share(e, 1) * _inner(e),
            lambda e: (_share(e, 0) + _share(e, 1)) * _inner(e),
            lambda e: e.difference(e.W[1])[0, 0], numbers=("15", "23", "24")),
    Erratum("S3", "(18), (19)", "E1 = (Y1 − O1)²", "E1 = (1/N) (Y1 − O1)², ½ for two outputs",
            "the 1/N is missing, ½ for two outputs: its (10), (12), (21), (26) have it, and "
            "Eₜₒₜₐₗ = E1 + E2",
            "缺少 1/N，两个输出时即二分之一：(10)、(12)、(21)、(26) 都有，两部分之和才是总误差",
            lambda e: np.sum((e.y - e.a[3]) ** 2), lambda e: np.sum(0.5 * (e.y - e.a[3]) ** 2),
            lambda e: e.cost(e.x, e.y), reading="E1 + E2", numbers=("18", "19")),
    Erratum("S3", "(28)", "∂(W12 · P1 + W22 · P2 + w32 · P3 + b2)/P1", "∂(…)/∂P1",
            "∂ is missing below the line, which leaves a quotient; and W32 is printed small",
            "分母缺偏导符号，成了相除；且权重误作小写",
            lambda e: e.z[3][1, 0] / e.a[2][0, 0], lambda e: e.W[2][1, 0],
            _q2, reading="as printed, a quotient", numbers=("28",)),
    Erratum("S3", "(35)", "∂Eₜₒₜₐₗ/∂V11 = (−W11 · (Y1 − O1) · O1 · (1 − O1))"
            " · (−W12 · (Y2 − O2) · O2 · (1 − O2) · (X1 · P1 · (1 − P1)))",
            "(−W11 · (Y1 − O1) · O1 · (1 − O1) − W12 · (Y2 − O2) · O2 · (1 − O2))"
            " · (X1 · P1 · (1 − P1))",
            "(17) adds the two parts, here they are multiplied; and the bracket is misplaced: it "
            "must close before ∂P1/∂V11, which multiplies both parts",
            "(17) 将两部分相加，这里却写成相乘；括号也放错了："
            "应在最后一个因子之前闭合，该因子乘以两部分之和",
            lambda e: _share(e, 0) * (_share(e, 1) * _inner(e)),
            lambda e: (_share(e, 0) + _share(e, 1)) * _inner(e),
            lambda e: e.difference(e.W[1])[0, 0], numbers=("35",)),
    Erratum("S4", "(1)", "zᵢ⁽ˡ⁾ = bᵢ⁽ˡ⁻¹⁾ + Σⱼ₌₁^{Sₗ} wᵢⱼ⁽ˡ⁻¹⁾ aᵢ⁽ˡ⁻¹⁾",
            "bᵢ⁽ˡ⁻¹⁾ + Σⱼ₌₁^{Sₗ₋₁} wᵢⱼ⁽ˡ⁻¹⁾ aⱼ⁽ˡ⁻¹⁾",
            "index and limit", "下标和求和上限都错",
            lambda e: np.array([[e.b[2][i, 0] + sum(e.W[2][i, j] * e.a[2][i, 0] for j in range(2))]
                                for i in range(2)]),
            lambda e: dot(e.W[2], e.a[2]) + e.b[2], lambda e: e.z[3], reading="l = 3"),
    Erratum("S4", "(4)", "J = ½ Σⱼ₌₁^{Sₗ} (yⱼ − aⱼ⁽ˡ⁾)²",
            "S of layer nₗ and a⁽ⁿˡ⁾, the output layer",
            "for any other l it is no cost", "只有输出层才是代价",
            lambda e: 0.5 * np.sum((e.y - e.a[2][:2]) ** 2),
            lambda e: 0.5 * np.sum((e.y - e.a[3]) ** 2),
            lambda e: e.cost(e.x, e.y), reading="l = 2, as far as y reaches"),
    Erratum("S4", "δ recursion, 6 lines", "δᵢ⁽ˡ⁾ = g′(zᵢ⁽ˡ⁾) Σⱼ₌₁^{Sₗ₊₁} δᵢ⁽ˡ⁾ wⱼᵢ⁽ˡ⁾, "
            "the last of the six", "g′(zᵢ⁽ˡ⁾) Σⱼ₌₁^{Sₗ₊₁} δⱼ⁽ˡ⁺¹⁾ wⱼᵢ⁽ˡ⁾",
            "the sum must run over the successors' δ, in all six",
            "求和应对后一层的残差进行，原式用自身定义自身",
            lambda e: e.delta[2] * e.slope[2] * np.sum(e.W[2], axis=0)[:, None],
            lambda e: e.delta[2], _delta2,
            reading="it defines δ⁽ˡ⁾ by itself; the true δ⁽ˡ⁾ put in on the right"),
    Erratum("S4", "δ recursion, zⱼ", "zⱼ = bᵢ + Σ wⱼₖ aₖ", "bⱼ + Σ wⱼₖ aₖ",
            "its derivative is 0, so the result survives", "偏置的下标错；其导数为零，结果不受影响",
            lambda e: dot(e.W[2], e.a[2]) + e.b[2][::-1], lambda e: dot(e.W[2], e.a[2]) + e.b[2],
            lambda e: e.z[3], reading="i the other unit of the layer"),
    Erratum("S4", "∂J/∂w, middle line", "δᵢ⁽ˡ⁺¹⁾ ∂zⱼ⁽ˡ⁺¹⁾/∂wᵢⱼ", "δᵢ⁽ˡ⁺¹⁾ ∂zᵢ⁽ˡ⁺¹⁾/∂wᵢⱼ",
            "zero unless i = j; the lines before and after are right",
            "只有两下标相等时才不为零，前后两行是对的",
            lambda e: np.array([[e.delta[3][i, 0] * _jacobian(e)[j % 2, i, j] for j in range(3)]
                                for i in range(2)]),
            lambda e: dot(e.delta[3], e.a[2].T), lambda e: e.difference(e.W[2]),
            reading="j taken round, as layer l+1 has no third unit"),
)  # fmt: skip


def printed_wrongly(source: str, number: str) -> tuple[Erratum, ...]:
    """Return what a source prints wrongly at an equation's number.

    >>> printed_wrongly("S3", "18")[0].printed
    'E1 = (Y1 − O1)²'
    """
    return tuple(e for e in ERRATA if e.source == source and number in e.numbers)
