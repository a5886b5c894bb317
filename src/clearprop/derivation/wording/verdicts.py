"""What is said of how far a derivation was verified, by what and at which numbers."""

from __future__ import annotations

from clearprop.words import Language

VERDICTS: dict[str, dict[Language, str]] = {
    "verified": {
        "en": "verified: every step, against the trace to {trace}, against "
        "central differences to {differences}",
        "zh": "已验证：每一步与计算轨迹相差不超过 {trace}，与中心差分相差不超过 {differences}",
    },
    "by_sympy": {
        "en": "the gradients, against SymPy's differentiation of the printed cost to {error}",
        "zh": "梯度与 SymPy 对所列{cost_word}求导的结果相差不超过 {error}",
    },
    "sympy_parameters": {
        "en": "SymPy skipped: more than {most} parameters",
        "zh": "未用 SymPy：参数多于 {most} 个",
    },
    "sympy_kind": {
        "en": "SymPy skipped: it takes one sample, one cost, no members, no indices as inputs",
        "zh": "未用 SymPy：只用于单个样本、单个目标、无成员且无下标输入的网络",
    },
    "sympy_range": {
        "en": "SymPy skipped: its numbers leave those it can compute with",
        "zh": "未用 SymPy：数值超出其计算范围",
    },
    "sympy_kink": {
        "en": "SymPy skipped: at a kink it takes the slope of one side",
        "zh": "未用 SymPy：在折点处它取一侧的斜率",
    },
    "sympy_work": {
        "en": "SymPy skipped: the cost, written out, is too long",
        "zh": "未用 SymPy：{cost_word}展开后过长",
    },
    "verified_others": {
        "en": "verified: every step (those that floating point cannot evaluate here, at "
        "smaller numbers), against the trace to {trace}, against central differences to "
        "{differences}",
        "zh": "已验证：每一步（此处无法用浮点数求值的，换用较小的数值）与计算轨迹相差不超过 "
        "{trace}，与中心差分相差不超过 {differences}",
    },
    "verified_beside": {
        "en": "verified: every step (those at a kink, at numbers beside these), against the trace "
        "to {trace}, against central differences to {differences}",
        "zh": "已验证：每一步（处于折点的，换用邻近的数值）与计算轨迹相差不超过 {trace}，"
        "与中心差分相差不超过 {differences}",
    },
    "kinks": {
        "en": "These numbers are at a kink of {rows}, where the slope differs from side to side. "
        "In {steps} it is the one that the definition gives, where a difference gives the mean of "
        "both; at numbers beside these they are verified.",
        "zh": "这些数值处于 {rows} 的折点，两侧斜率不同。{steps} 取定义所给的导数，"
        "而差分给出两侧的平均；换用邻近的数值，这些步骤均已验证。",
    },
    "beyond": {
        "en": "At these numbers floating point cannot evaluate {steps}: what they read is "
        "rounded (to 0, 1 or ∞, or its digits cancel), so that the textbook form gives 0/0, ∞ "
        "or rounding alone. At smaller numbers they are verified.",
        "zh": "在这些数值上无法用浮点数计算 {steps}：所用的值已被舍入（为 0、1 或 ∞，"
        "或有效数字相消），教科书形式得到 0/0、∞ 或只剩舍入误差。"
        "换用较小的数值，这些步骤均已验证。",
    },
    "beyond_overflow": {
        "en": "At these numbers the computation overflows at {first}: it is beyond 1.8 × 10³⁰⁸, "
        "the largest number of floating point. So {steps} cannot be evaluated here. At smaller "
        "numbers they are verified.",
        "zh": "在这些数值上，计算在 {first} 处溢出：超过浮点数的最大值 1.8 × 10³⁰⁸。"
        "此处因而无法计算 {steps}。换用较小的数值，这些步骤均已验证。",
    },
    "not_verified": {
        "en": "THIS DERIVATION DOES NOT VERIFY: {step} differs by {error}",
        "zh": "此推导未通过验证：{step} 相差 {error}",
    },
    "unproved": {
        "en": "THIS DERIVATION DOES NOT VERIFY: no step derives the gradient of {names}",
        "zh": "此推导未通过验证：没有推导 {names} 的梯度",
    },
    "overflow": {
        "en": "the textbook form is 0/0 or ∞ here: what it reads is rounded to 0, 1 or ∞",
        "zh": "此处教科书形式为 0/0 或 ∞：所用的值已被舍入为 0、1 或 ∞",
    },
    "too_large": {
        "en": "overflow: beyond 1.8 × 10³⁰⁸, the largest number of floating point",
        "zh": "溢出：超过浮点数的最大值 1.8 × 10³⁰⁸",
    },
}
