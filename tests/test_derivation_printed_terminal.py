"""A derivation in a terminal: whole pages, colours, what stands beside a title."""

from __future__ import annotations

import numpy as np
import pytest

import clearprop as cp
from clearprop.derivation.command.calls import random_numbers
from clearprop.derivation.pages.heading import (
    width,
)
from clearprop.derivation.pages.terminal import text_page

S0 = "S0: 前馈神经网络与反向传播算法（推导过程）, Joe-Han, 2016"


def derived(spec="1-1", notation="matrix", rows=1, language="en", **given):
    network = cp.Network(spec, **given) if isinstance(spec, str | list) else spec
    return cp.derive(network, notation, *random_numbers(network, 0, rows), language=language)


PAGE = """\
Back-propagation of 1-1, derived
notation: S0 · 矩阵 matrix · 2 parameters
S0: 前馈神经网络与反向传播算法（推导过程）, Joe-Han, 2016

Functions
─────────

  (1) The function f = sigmoid
      Each unit passes its weighted sum through f; the backward pass needs its
      slope.
        f(x) = 1/(1 + e^(−x))
        f′(x) = f(x) (1 − f(x))
              = (1/(1 + e^(−x))) (1 − 1/(1 + e^(−x)))

Forward pass
────────────

  (2) The input is layer 1  shape 1 × 1
      What comes in is written like any layer's output.
        a⁽¹⁾ = x
             = [ 0.5 ]

  (3) Input of layer 2  from (2) · shape 1 × 1
      Each unit adds up what reaches it, each wire times its weight, and its
      bias.
        W⁽¹⁾ = [ 2 ]
        b⁽¹⁾ = [ 0 ]
        z⁽²⁾ = W⁽¹⁾ a⁽¹⁾ + b⁽¹⁾
             = [ 1 ]

  (4) Output of layer 2  from (3) · shape 1 × 1
      The function acts on the input of each unit.
        a⁽²⁾ = f(z⁽²⁾)
             = [ 0.7311 ]

Cost
────

  (5) Cost of one sample  from (4)
      How far the outputs are from what they should be, summed over the outputs.
        J = ½ ‖a⁽²⁾ − y‖²
          = ½ ‖[0.7311] − [1]‖²
          = 0.03616

Back-propagation
────────────────

  (6) δ of the output layer  from (3), (4) · shape 1 × 1
      What leaves the cost, times the slope of the function (⊙): the start of
      the recursion.
        δ⁽²⁾ = (a⁽²⁾ − y) ⊙ f′(z⁽²⁾)
             = [ −0.05288 ]
        δ⁽²⁾ is ∂J/∂z⁽²⁾: how the cost changes with what enters the layer.

Gradients
─────────

  (7) Gradient of W⁽¹⁾  from (6), (2) · shape 1 × 1
      δ where the wire ends times the value where it starts.
        ∂J/∂W⁽¹⁾ = δ⁽²⁾ a⁽¹⁾ᵀ
                 = [ −0.02644 ]

  (8) Gradient of b⁽¹⁾  from (6) · shape 1 × 1
      A bias is a weight on a constant 1, so its derivative is δ itself.
        ∂J/∂b⁽¹⁾ = δ⁽²⁾
                 = [ −0.05288 ]

Update by gradient descent
──────────────────────────

  (9) Step of W⁽¹⁾  from (7) · shape 1 × 1
      Against the gradient, by the learning rate.
        α = 0.5
        W⁽¹⁾ = [ 2 ]
        W⁽¹⁾ ← W⁽¹⁾ − α ∂J/∂W⁽¹⁾
             = [ 2.013 ]

 (10) Step of b⁽¹⁾  from (8) · shape 1 × 1
      Against the gradient, by the learning rate.
        b⁽¹⁾ = [ 0 ]
        b⁽¹⁾ ← b⁽¹⁾ − α ∂J/∂b⁽¹⁾
             = [ 0.02644 ]
"""
"""σ(2 · ½) = 0.7311; δ = (0.7311 − 1) · 0.7311 · 0.2689 = −0.05288; W: 2 + ½ · 0.02644."""


def one_unit(language="en"):
    network = cp.Network("1-1", output="sigmoid")
    given = {"W1": [[2.0]], "b1": [0.0]}, [[0.5]], [[1.0]]
    return cp.derive(network, "matrix", *given, language=language)


def test_a_page_of_one_unit_stands_in_a_terminal_as_it_should():
    assert text_page(one_unit(), False) == text_page(one_unit(), False, 80) == PAGE


def test_colours_mark_titles_headings_left_sides_and_what_is_said_beside():
    found = text_page(one_unit(), True)
    for line in (
        "\033[1mBack-propagation of 1-1, derived\033[0m",
        f"\033[2m{S0}\033[0m",
        "\n\033[1mForward pass\033[0m\n\033[2m────────────\033[0m\n",
        "\n  (3) \033[1mInput of layer 2\033[0m  \033[2mfrom (2) · shape 1 × 1\033[0m\n",
        "\n      \033[2mbias.\033[0m\n",
        "\n        \033[36mz⁽²⁾\033[0m = W⁽¹⁾ a⁽¹⁾ + b⁽¹⁾\n             = [ 1 ]\n",
        "\n        \033[36mα\033[0m = 0.5\n        \033[36mW⁽¹⁾\033[0m = [ 2 ]\n",
    ):
        assert line in found
    for how in ("\033[1m", "\033[2m", "\033[36m", "\033[0m"):
        found = found.replace(how, "")
    assert found == PAGE


@pytest.mark.parametrize(
    ("language", "title", "uses", "columns"),
    [
        ("en", "Input of layer 2", "from (2) · shape 1 × 1", 46),
        ("zh", "第 2 层的输入", "由 (2) · 形状 1 × 1", 40),
    ],
)
def test_what_a_step_uses_stands_beside_its_title_where_both_fit(language, title, uses, columns):
    # 6 columns for the number, 2 between title and uses
    assert columns == 8 + width(title) + width(uses)
    d = one_unit(language)
    assert f"\n  (3) {title}  {uses}\n" in text_page(d, False, columns)
    assert f"\n  (3) {title}\n      {uses}\n" in text_page(d, False, columns - 1)


def test_an_equation_is_folded_under_itself_behind_its_sign():
    text = text_page(derived([2, 9, 2], "scalar"), False, 60)
    assert all(width(line) <= 60 for line in text.splitlines())
    terms = [f"W{n}1 · P{n}" for n in range(1, 10)]  # of 8 signs: 4 fit into 60 − 13
    assert (
        f"\n        Q1 = {' + '.join(terms[:4])}"
        f"\n             + {' + '.join(terms[4:8])}"
        f"\n             + {terms[8]} + b⁽²⁾₁\n           = "
    ) in text


def test_a_step_of_one_layer_says_only_which_and_from_where():
    for language, head, letters in (
        (
            "en",
            "  (4) Input of layer 2  (3) with l = 1, from (2) · shape 3 × 1",
            "for every l = 1…4",
        ),
        ("zh", "  (4) 第 2 层的输入  (3) 取 l = 1，由 (2) · 形状 3 × 1", "对每个 l = 1…4"),
    ):
        d = derived([2, 3, 3, 3, 2], language=language, activation="tanh")
        text = text_page(d, False)
        assert f"\n{head}\n               ⎡ " in text
        assert "\n        z⁽²⁾ = W⁽¹⁾ a⁽¹⁾ + b⁽¹⁾\n               ⎡ " in text
        assert f" = W⁽ˡ⁾ a⁽ˡ⁾ + b⁽ˡ⁾\n                 {letters}\n" in text


def test_a_number_has_the_numbers_put_in_above_it_and_a_column_has_not():
    network = cp.Network([2, 1])
    given = {"W1": [[2.0, -3.0]], "b1": [0.5]}, [[1.0, -2.0]], [[1.0]]
    text = cp.derive(network, "scalar", *given).text()
    said = "\n           = 2 · 1 + (−3) · (−2) + 0.5\n           = 8.5\n"
    assert text.count(said) == 1
    assert said.splitlines()[1] not in cp.derive(network, "matrix", *given).text()


def test_a_number_that_is_none_is_said_to_be_an_overflow():
    network = cp.Network([1, 1], output="sigmoid", cost="binary_cross_entropy")
    d = cp.derive(network, "scalar", {"W1": [[1.0]], "b1": [0.0]}, [[1.0]], [[1.0]])
    said = "the textbook form is 0/0 or ∞ here: what it reads is rounded to 0, 1 or ∞"
    assert said not in d.text() and said not in d.to_html()
    d = cp.derive(network, "scalar", {"W1": [[1000.0]], "b1": [0.0]}, [[1.0]], [[0.0]])
    found = [d.value(one) for step in d.steps for one in step.equations]
    wrong = sum(one is not None and not np.isfinite(one).all() for one in found)
    text = d.text(width=200)
    assert text.count(said) == d.to_html().count(f'<p class="marked">{said}</p>') == wrong > 0
