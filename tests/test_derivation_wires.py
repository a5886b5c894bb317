"""Every kind of wire, written out: tables, stacks, factors, sums, tied layers, members, two costs.

The lines below were derived by hand, with the chain rule; each says what a step computes, what it
is called, why it holds, and which steps it reads.
"""

from __future__ import annotations

import numpy as np
import pytest

import clearprop as cp
from clearprop.derivation.command.calls import random_numbers
from clearprop.derivation.printers.layouts import TEXT
from clearprop.network import Network


def looked_up():
    """An index and numbers, stacked; a residual layer; factors; softmax and its cost; a penalty."""
    k, x = cp.Input(levels=3), cp.Input(2)
    both = cp.concat(cp.Embedding(2, name="rows")(k), x)
    h = cp.Scale(name="scaled")(both + cp.Dense(4, "tanh", name="first")(both))
    last = cp.Dense(3, name="last")(h)
    return Network(inputs=[k, x], outputs=last, l2=0.1, cost="cross_entropy")


def two_costs():
    """One layer used twice, dropout, a second input that skips, two outputs of two costs."""
    x, more = cp.Input(2), cp.Input(1)
    layer = cp.Dense(2, "tanh", name="twice", bias="shared")
    h = cp.concat(cp.Dropout(0.5, name="drop")(layer(layer(x))), more)
    one, two = cp.Dense(2, "sigmoid", name="one"), cp.Dense(1, "exp", name="two", bias="none")
    costs = ["binary_cross_entropy", "poisson"]
    return Network(inputs=[x, more], outputs=[one(h), two(h)], cost=costs)


def members():
    """Three members behind one layer that they share."""
    x = cp.Input(2)
    many = cp.Dense(2, "softplus", name="many", members=3)
    return Network(inputs=x, outputs=many(cp.Dense(2, "tanh", name="one")(x)), l2=0.1)


#: By network and notation, for a batch: the step, its title, its reason, what it uses, its line.
LINES = {
    (looked_up, "matrix"): """
a_rows|looked_up|looked_up_why|a1|a⁽ʳᵒʷˢ⁾ = E⁽ʳᵒʷˢ⁾ᵀ 1[a⁽¹⁾]
a4|stacked|stacked_why|a_rows a2|a⁽⁴⁾ = (a⁽ʳᵒʷˢ⁾; a⁽²⁾)
z_first|weighted|weighted_why|a4|z⁽ᶠⁱʳˢᵗ⁾ = W⁽ᶠⁱʳˢᵗ⁾ a⁽⁴⁾ + b⁽ᶠⁱʳˢᵗ⁾
a_first|activated|activated_why|z_first|a⁽ᶠⁱʳˢᵗ⁾ = f(z⁽ᶠⁱʳˢᵗ⁾)
a6|joined|joined_why|a4 a_first|a⁽⁶⁾ = a⁽⁴⁾ + a⁽ᶠⁱʳˢᵗ⁾
a_scaled|scaled|scaled_why|a6|a⁽ˢᶜᵃˡᵉᵈ⁾ = s⁽ˢᶜᵃˡᵉᵈ⁾ ⊙ a⁽⁶⁾
z_last|weighted|weighted_why|a_scaled|z⁽ˡᵃˢᵗ⁾ = W⁽ˡᵃˢᵗ⁾ a⁽ˢᶜᵃˡᵉᵈ⁾ + b⁽ˡᵃˢᵗ⁾
a_last|activated|activated_why|z_last|a⁽ˡᵃˢᵗ⁾ = softmax(z⁽ˡᵃˢᵗ⁾)
C|sample_cost|sample_cost_why|a_last|C = −(Σⱼ₌₁³ yⱼ log(a⁽ˡᵃˢᵗ⁾ⱼ))
penalty|penalty|penalty_why||Ω = (λ/2) ‖E⁽ʳᵒʷˢ⁾‖² + (λ/2) ‖W⁽ᶠⁱʳˢᵗ⁾‖² + (λ/2) ‖W⁽ˡᵃˢᵗ⁾‖²
J|total_cost|total_cost_why|C penalty|J = (1/m) Σₛ₌₁ᵐ Cₛ + Ω
Delta_last|arrives_cost|arrives_cost_why|a_last|∂C/∂a⁽ˡᵃˢᵗ⁾ = −y ⊘ a⁽ˡᵃˢᵗ⁾
delta_last|output_delta|arrives_coupled_why|a_last Delta_last|\
δ⁽ˡᵃˢᵗ⁾ = a⁽ˡᵃˢᵗ⁾ ⊙ ∂C/∂a⁽ˡᵃˢᵗ⁾ − (a⁽ˡᵃˢᵗ⁾ᵀ ∂C/∂a⁽ˡᵃˢᵗ⁾) a⁽ˡᵃˢᵗ⁾
delta_last:link|shortcut|shortcut_why|delta_last|δ⁽ˡᵃˢᵗ⁾ = a⁽ˡᵃˢᵗ⁾ − y
Delta_scaled|arrives|arrives_why|delta_last|∂C/∂a⁽ˢᶜᵃˡᵉᵈ⁾ = W⁽ˡᵃˢᵗ⁾ᵀ δ⁽ˡᵃˢᵗ⁾
Delta6|arrives|arrives_factor_why|Delta_scaled|∂C/∂a⁽⁶⁾ = s⁽ˢᶜᵃˡᵉᵈ⁾ ⊙ ∂C/∂a⁽ˢᶜᵃˡᵉᵈ⁾
delta_first|delta|delta_arrived_why|z_first Delta6|δ⁽ᶠⁱʳˢᵗ⁾ = ∂C/∂a⁽⁶⁾ ⊙ f′(z⁽ᶠⁱʳˢᵗ⁾)
Delta4|arrives|arrives_sum_why|Delta6 delta_first|∂C/∂a⁽⁴⁾ = ∂C/∂a⁽⁶⁾ + W⁽ᶠⁱʳˢᵗ⁾ᵀ δ⁽ᶠⁱʳˢᵗ⁾
Delta_rows|arrives|arrives_part_why|Delta4|∂C/∂a⁽ʳᵒʷˢ⁾ = (∂C/∂a⁽⁴⁾)[1…2]
dJ/dE_rows|gradient|gradient_table_why|a1 Delta_rows|\
∂J/∂E⁽ʳᵒʷˢ⁾ = (1/m) Σₛ₌₁ᵐ 1[a⁽¹⁾ₛ] (∂Cₛ/∂a⁽ʳᵒʷˢ⁾ₛ)ᵀ + λ E⁽ʳᵒʷˢ⁾
dJ/dW_first|gradient|gradient_why|delta_first a4|\
∂J/∂W⁽ᶠⁱʳˢᵗ⁾ = (1/m) Σₛ₌₁ᵐ δ⁽ᶠⁱʳˢᵗ⁾ₛ a⁽⁴⁾ₛᵀ + λ W⁽ᶠⁱʳˢᵗ⁾
dJ/db_first|gradient|gradient_bias_why|delta_first|∂J/∂b⁽ᶠⁱʳˢᵗ⁾ = (1/m) Σₛ₌₁ᵐ δ⁽ᶠⁱʳˢᵗ⁾ₛ
dJ/ds_scaled|gradient|gradient_other_why|Delta_scaled a6|\
∂J/∂s⁽ˢᶜᵃˡᵉᵈ⁾ = (1/m) Σₛ₌₁ᵐ ∂Cₛ/∂a⁽ˢᶜᵃˡᵉᵈ⁾ₛ ⊙ a⁽⁶⁾ₛ
dJ/dW_last|gradient|gradient_why|delta_last a_scaled|\
∂J/∂W⁽ˡᵃˢᵗ⁾ = (1/m) Σₛ₌₁ᵐ δ⁽ˡᵃˢᵗ⁾ₛ a⁽ˢᶜᵃˡᵉᵈ⁾ₛᵀ + λ W⁽ˡᵃˢᵗ⁾
dJ/db_last|gradient|gradient_bias_why|delta_last|∂J/∂b⁽ˡᵃˢᵗ⁾ = (1/m) Σₛ₌₁ᵐ δ⁽ˡᵃˢᵗ⁾ₛ
E_rows:=|update|update_why|dJ/dE_rows|E⁽ʳᵒʷˢ⁾ ← E⁽ʳᵒʷˢ⁾ − α ∂J/∂E⁽ʳᵒʷˢ⁾
W_first:=|update|update_why|dJ/dW_first|W⁽ᶠⁱʳˢᵗ⁾ ← W⁽ᶠⁱʳˢᵗ⁾ − α ∂J/∂W⁽ᶠⁱʳˢᵗ⁾
b_first:=|update|update_why|dJ/db_first|b⁽ᶠⁱʳˢᵗ⁾ ← b⁽ᶠⁱʳˢᵗ⁾ − α ∂J/∂b⁽ᶠⁱʳˢᵗ⁾
s_scaled:=|update|update_why|dJ/ds_scaled|s⁽ˢᶜᵃˡᵉᵈ⁾ ← s⁽ˢᶜᵃˡᵉᵈ⁾ − α ∂J/∂s⁽ˢᶜᵃˡᵉᵈ⁾
W_last:=|update|update_why|dJ/dW_last|W⁽ˡᵃˢᵗ⁾ ← W⁽ˡᵃˢᵗ⁾ − α ∂J/∂W⁽ˡᵃˢᵗ⁾
b_last:=|update|update_why|dJ/db_last|b⁽ˡᵃˢᵗ⁾ ← b⁽ˡᵃˢᵗ⁾ − α ∂J/∂b⁽ˡᵃˢᵗ⁾
""",
    (looked_up, "index"): """
a_rows|looked_up|looked_up_why|a1|a⁽ʳᵒʷˢ⁾ᵢ = Σⱼ₌₁³ E⁽ʳᵒʷˢ⁾ⱼᵢ [a⁽¹⁾ = j − 1]
a4|stacked|stacked_why|a_rows a2|a⁽⁴⁾ᵢ = {a⁽ʳᵒʷˢ⁾ᵢ if i ≤ 2, else a⁽²⁾ᵢ₋₂}
z_first|weighted|weighted_why|a4|z⁽ᶠⁱʳˢᵗ⁾ᵢ = (Σⱼ₌₁⁴ w⁽ᶠⁱʳˢᵗ⁾ᵢⱼ a⁽⁴⁾ⱼ) + b⁽ᶠⁱʳˢᵗ⁾ᵢ
a_scaled|scaled|scaled_why|a6|a⁽ˢᶜᵃˡᵉᵈ⁾ᵢ = s⁽ˢᶜᵃˡᵉᵈ⁾ᵢ a⁽⁶⁾ᵢ
a_last|activated|activated_why|z_last|a⁽ˡᵃˢᵗ⁾ᵢ = softmax(z⁽ˡᵃˢᵗ⁾)ᵢ
Delta_last|arrives_cost|arrives_cost_why|a_last|∂C/∂a⁽ˡᵃˢᵗ⁾ᵢ = −yᵢ/a⁽ˡᵃˢᵗ⁾ᵢ
delta_last|output_delta|arrives_coupled_why|a_last Delta_last|\
δ⁽ˡᵃˢᵗ⁾ᵢ = a⁽ˡᵃˢᵗ⁾ᵢ (∂C/∂a⁽ˡᵃˢᵗ⁾ᵢ − (Σⱼ₌₁³ a⁽ˡᵃˢᵗ⁾ⱼ ∂C/∂a⁽ˡᵃˢᵗ⁾ⱼ))
delta_last:link|shortcut|shortcut_why|delta_last|δ⁽ˡᵃˢᵗ⁾ᵢ = −(yᵢ − a⁽ˡᵃˢᵗ⁾ᵢ)
Delta_rows|arrives|arrives_part_why|Delta4|∂C/∂a⁽ʳᵒʷˢ⁾ᵢ = ∂C/∂a⁽⁴⁾ᵢ
dJ/dE_rows|gradient|gradient_table_why|a1 Delta_rows|\
∂J/∂E⁽ʳᵒʷˢ⁾ᵢⱼ = (1/m) Σₛ₌₁ᵐ [a⁽¹⁾ₛ = i − 1] ∂Cₛ/∂a⁽ʳᵒʷˢ⁾ₛⱼ + λ E⁽ʳᵒʷˢ⁾ᵢⱼ
dJ/ds_scaled|gradient|gradient_other_why|Delta_scaled a6|\
∂J/∂s⁽ˢᶜᵃˡᵉᵈ⁾ᵢ = (1/m) Σₛ₌₁ᵐ ∂Cₛ/∂a⁽ˢᶜᵃˡᵉᵈ⁾ₛᵢ a⁽⁶⁾ₛᵢ
dJ/dW_last|gradient|gradient_why|delta_last a_scaled|\
∂J/∂w⁽ˡᵃˢᵗ⁾ᵢⱼ = (1/m) Σₛ₌₁ᵐ δ⁽ˡᵃˢᵗ⁾ₛᵢ a⁽ˢᶜᵃˡᵉᵈ⁾ₛⱼ + λ w⁽ˡᵃˢᵗ⁾ᵢⱼ
E_rows:=|update|update_why|dJ/dE_rows|E⁽ʳᵒʷˢ⁾ᵢⱼ ← E⁽ʳᵒʷˢ⁾ᵢⱼ − α ∂J/∂E⁽ʳᵒʷˢ⁾ᵢⱼ
""",
    (two_costs, "matrix"): """
z_twice|weighted|weighted_why|a1|z⁽ᵗʷⁱᶜᵉ⁾ = W⁽ᵗʷⁱᶜᵉ⁾ a⁽¹⁾ + b⁽ᵗʷⁱᶜᵉ⁾
z_twice_2|weighted|weighted_why|a_twice|z^(twice_2) = W⁽ᵗʷⁱᶜᵉ⁾ a⁽ᵗʷⁱᶜᵉ⁾ + b⁽ᵗʷⁱᶜᵉ⁾
a_twice_2|activated|activated_why|z_twice_2|a^(twice_2) = tanh(z^(twice_2))
a_drop|dropped|dropped_why|a_twice_2|a⁽ᵈʳᵒᵖ⁾ = r⁽ᵈʳᵒᵖ⁾ ⊙ a^(twice_2)
a6|stacked|stacked_why|a_drop a2|a⁽⁶⁾ = (a⁽ᵈʳᵒᵖ⁾; a⁽²⁾)
z_two|weighted|weighted_plain_why|a6|z⁽ᵗʷᵒ⁾ = W⁽ᵗʷᵒ⁾ a⁽⁶⁾
a_two|activated|activated_why|z_two|a⁽ᵗʷᵒ⁾ = e^(z⁽ᵗʷᵒ⁾)
C_one|sample_cost|sample_cost_why|a_one|C⁽ᵒⁿᵉ⁾ = \
−(Σⱼ₌₁² (y⁽ᵒⁿᵉ⁾ⱼ log(a⁽ᵒⁿᵉ⁾ⱼ) + (1 − y⁽ᵒⁿᵉ⁾ⱼ) log(1 − a⁽ᵒⁿᵉ⁾ⱼ)))
C_two|sample_cost|sample_cost_why|a_two|C⁽ᵗʷᵒ⁾ = Σⱼ₌₁¹ (a⁽ᵗʷᵒ⁾ⱼ − y⁽ᵗʷᵒ⁾ⱼ log(a⁽ᵗʷᵒ⁾ⱼ))
J|total_cost|total_cost_why|C_one C_two|J = (1/m) Σₛ₌₁ᵐ C⁽ᵒⁿᵉ⁾ₛ + (1/m) Σₛ₌₁ᵐ C⁽ᵗʷᵒ⁾ₛ
delta_two|output_delta|output_delta_why|z_two a_two|\
δ⁽ᵗʷᵒ⁾ = (1 − y⁽ᵗʷᵒ⁾ ⊘ a⁽ᵗʷᵒ⁾) ⊙ exp′(z⁽ᵗʷᵒ⁾)
delta_two:link|shortcut|shortcut_why|delta_two|δ⁽ᵗʷᵒ⁾ = a⁽ᵗʷᵒ⁾ − y⁽ᵗʷᵒ⁾
delta_one|output_delta|output_delta_why|z_one a_one|\
δ⁽ᵒⁿᵉ⁾ = ((a⁽ᵒⁿᵉ⁾ − y⁽ᵒⁿᵉ⁾) ⊘ (a⁽ᵒⁿᵉ⁾ ⊙ (1 − a⁽ᵒⁿᵉ⁾))) ⊙ sigmoid′(z⁽ᵒⁿᵉ⁾)
delta_one:link|shortcut|shortcut_why|delta_one|δ⁽ᵒⁿᵉ⁾ = a⁽ᵒⁿᵉ⁾ − y⁽ᵒⁿᵉ⁾
Delta6|arrives|arrives_sum_why|delta_two delta_one|\
∂Jₛ/∂a⁽⁶⁾ = W⁽ᵗʷᵒ⁾ᵀ δ⁽ᵗʷᵒ⁾ + W⁽ᵒⁿᵉ⁾ᵀ δ⁽ᵒⁿᵉ⁾
Delta_drop|arrives|arrives_part_why|Delta6|∂Jₛ/∂a⁽ᵈʳᵒᵖ⁾ = (∂Jₛ/∂a⁽⁶⁾)[1…2]
delta_twice_2|delta|delta_arrived_why|z_twice_2 Delta_drop|\
δ^(twice_2) = r⁽ᵈʳᵒᵖ⁾ ⊙ ∂Jₛ/∂a⁽ᵈʳᵒᵖ⁾ ⊙ tanh′(z^(twice_2))
delta_twice|delta|delta_why|z_twice delta_twice_2|\
δ⁽ᵗʷⁱᶜᵉ⁾ = (W⁽ᵗʷⁱᶜᵉ⁾ᵀ δ^(twice_2)) ⊙ tanh′(z⁽ᵗʷⁱᶜᵉ⁾)
dJ/dW_twice|gradient|gradient_tied_why|delta_twice a1 delta_twice_2 a_twice|∂J/∂W⁽ᵗʷⁱᶜᵉ⁾ = \
(1/m) Σₛ₌₁ᵐ δ⁽ᵗʷⁱᶜᵉ⁾ₛ a⁽¹⁾ₛᵀ + (1/m) Σₛ₌₁ᵐ δ^(twice_2)ₛ a⁽ᵗʷⁱᶜᵉ⁾ₛᵀ
dJ/db_twice|gradient|gradient_tied_why|delta_twice delta_twice_2|∂J/∂b⁽ᵗʷⁱᶜᵉ⁾ = \
(1/m) Σₛ₌₁ᵐ (Σⱼ₌₁² δ⁽ᵗʷⁱᶜᵉ⁾ₛⱼ) + (1/m) Σₛ₌₁ᵐ (Σⱼ₌₁² δ^(twice_2)ₛⱼ)
dJ/dW_two|gradient|gradient_why|delta_two a6|∂J/∂W⁽ᵗʷᵒ⁾ = (1/m) Σₛ₌₁ᵐ δ⁽ᵗʷᵒ⁾ₛ a⁽⁶⁾ₛᵀ
b_twice:=|update|update_why|dJ/db_twice|b⁽ᵗʷⁱᶜᵉ⁾ ← b⁽ᵗʷⁱᶜᵉ⁾ − α ∂J/∂b⁽ᵗʷⁱᶜᵉ⁾
""",
    (two_costs, "index"): """
z_two|weighted|weighted_plain_why|a6|z⁽ᵗʷᵒ⁾ᵢ = Σⱼ₌₁³ w⁽ᵗʷᵒ⁾ᵢⱼ a⁽⁶⁾ⱼ
C_two|sample_cost|sample_cost_why|a_two|\
C⁽ᵗʷᵒ⁾ = Σⱼ₌₁¹ (−(y⁽ᵗʷᵒ⁾ⱼ log(a⁽ᵗʷᵒ⁾ⱼ) − a⁽ᵗʷᵒ⁾ⱼ))
delta_one|output_delta|output_delta_why|z_one a_one|δ⁽ᵒⁿᵉ⁾ᵢ = \
−((y⁽ᵒⁿᵉ⁾ᵢ − a⁽ᵒⁿᵉ⁾ᵢ)/(a⁽ᵒⁿᵉ⁾ᵢ (1 − a⁽ᵒⁿᵉ⁾ᵢ))) sigmoid′(z⁽ᵒⁿᵉ⁾ᵢ)
Delta6|arrives|arrives_sum_why|delta_two delta_one|\
∂Jₛ/∂a⁽⁶⁾ᵢ = (Σⱼ₌₁¹ w⁽ᵗʷᵒ⁾ⱼᵢ δ⁽ᵗʷᵒ⁾ⱼ) + (Σⱼ₌₁² w⁽ᵒⁿᵉ⁾ⱼᵢ δ⁽ᵒⁿᵉ⁾ⱼ)
delta_twice|delta|delta_why|z_twice delta_twice_2|\
δ⁽ᵗʷⁱᶜᵉ⁾ᵢ = (Σⱼ₌₁² w⁽ᵗʷⁱᶜᵉ⁾ⱼᵢ δ^(twice_2)ⱼ) tanh′(z⁽ᵗʷⁱᶜᵉ⁾ᵢ)
""",
    (two_costs, "scalar"): """
z_twice|weighted|weighted_why||\
H⁽ᵗʷⁱᶜᵉ⁾₁ = V⁽ᵗʷⁱᶜᵉ⁾₁₁ · X⁽¹⁾₁ + V⁽ᵗʷⁱᶜᵉ⁾₂₁ · X⁽¹⁾₂ + b⁽ᵗʷⁱᶜᵉ⁾; \
H⁽ᵗʷⁱᶜᵉ⁾₂ = V⁽ᵗʷⁱᶜᵉ⁾₁₂ · X⁽¹⁾₁ + V⁽ᵗʷⁱᶜᵉ⁾₂₂ · X⁽¹⁾₂ + b⁽ᵗʷⁱᶜᵉ⁾
a6|stacked|stacked_why|a_drop|P⁽⁶⁾₁ = P⁽ᵈʳᵒᵖ⁾₁; P⁽⁶⁾₂ = P⁽ᵈʳᵒᵖ⁾₂; P⁽⁶⁾₃ = X⁽²⁾₁
C_two|sample_cost|sample_cost_why|a_two|C⁽ᵗʷᵒ⁾ = −(Y⁽ᵗʷᵒ⁾₁ · log(O⁽ᵗʷᵒ⁾₁) − O⁽ᵗʷᵒ⁾₁)
Delta_two|arrives_cost|arrives_cost_why|a_two|∂Eₛ/∂O⁽ᵗʷᵒ⁾₁ = 1 − Y⁽ᵗʷᵒ⁾₁/O⁽ᵗʷᵒ⁾₁
delta_two|output_delta|output_delta_why|Delta_two z_two|\
∂Eₛ/∂Q⁽ᵗʷᵒ⁾₁ = ∂Eₛ/∂O⁽ᵗʷᵒ⁾₁ · exp′(Q⁽ᵗʷᵒ⁾₁)
Delta_twice_2|arrives|arrives_factor_why|Delta_drop|\
∂Eₛ/∂P^(twice_2)₁ = r⁽ᵈʳᵒᵖ⁾₁ · ∂Eₛ/∂P⁽ᵈʳᵒᵖ⁾₁; \
∂Eₛ/∂P^(twice_2)₂ = r⁽ᵈʳᵒᵖ⁾₂ · ∂Eₛ/∂P⁽ᵈʳᵒᵖ⁾₂
Delta_twice|arrives|arrives_why|delta_twice_2|∂Eₛ/∂P⁽ᵗʷⁱᶜᵉ⁾₁ = \
V⁽ᵗʷⁱᶜᵉ⁾₁₁ · ∂Eₛ/∂H^(twice_2)₁ + V⁽ᵗʷⁱᶜᵉ⁾₁₂ · ∂Eₛ/∂H^(twice_2)₂; ∂Eₛ/∂P⁽ᵗʷⁱᶜᵉ⁾₂ = \
V⁽ᵗʷⁱᶜᵉ⁾₂₁ · ∂Eₛ/∂H^(twice_2)₁ + V⁽ᵗʷⁱᶜᵉ⁾₂₂ · ∂Eₛ/∂H^(twice_2)₂
dJ/db_one|gradient|gradient_bias_why|delta_one|∂E/∂b⁽ᵒⁿᵉ⁾₁ = (1/m) · Σₛ₌₁ᵐ ∂Eₛ/∂Q⁽ᵒⁿᵉ⁾ₛ₁; \
∂E/∂b⁽ᵒⁿᵉ⁾₂ = (1/m) · Σₛ₌₁ᵐ ∂Eₛ/∂Q⁽ᵒⁿᵉ⁾ₛ₂
W_two:=|update|update_why|dJ/dW_two|\
W⁽ᵗʷᵒ⁾₁₁ ← W⁽ᵗʷᵒ⁾₁₁ − η · ∂E/∂W⁽ᵗʷᵒ⁾₁₁; \
W⁽ᵗʷᵒ⁾₂₁ ← W⁽ᵗʷᵒ⁾₂₁ − η · ∂E/∂W⁽ᵗʷᵒ⁾₂₁; W⁽ᵗʷᵒ⁾₃₁ ← W⁽ᵗʷᵒ⁾₃₁ − η · ∂E/∂W⁽ᵗʷᵒ⁾₃₁
""",
    (members, "matrix"): """
penalty|penalty|penalty_why||Ω = (λ/2) ‖W⁽ᵒⁿᵉ⁾‖² + (Σ_(κ=1)^K (λ/2) ‖W⁽ᵐᵃⁿʸ⁾_κ‖²)/K
J|total_cost|total_cost_members_why|C penalty|J = (1/m) Σₛ₌₁ᵐ (Σ_(κ=1)^K (1/K) C_(sκ)) + Ω
delta_many|output_delta|output_delta_why|z_many a_many|\
δ⁽ᵐᵃⁿʸ⁾ = (1/K) (a⁽ᵐᵃⁿʸ⁾ − y) ⊙ softplus′(z⁽ᵐᵃⁿʸ⁾)
delta_one|delta|delta_arrived_why|z_one delta_many|\
δ⁽ᵒⁿᵉ⁾ = (Σ_(κ=1)^K W⁽ᵐᵃⁿʸ⁾_κᵀ δ⁽ᵐᵃⁿʸ⁾_κ) ⊙ tanh′(z⁽ᵒⁿᵉ⁾)
dJ/dW_one|gradient|gradient_why|delta_one a1|\
∂J/∂W⁽ᵒⁿᵉ⁾ = (1/m) Σₛ₌₁ᵐ δ⁽ᵒⁿᵉ⁾ₛ a⁽¹⁾ₛᵀ + λ W⁽ᵒⁿᵉ⁾
dJ/dW_many|gradient|gradient_why|delta_many a_one|\
∂J/∂W⁽ᵐᵃⁿʸ⁾ = (1/m) Σₛ₌₁ᵐ δ⁽ᵐᵃⁿʸ⁾ₛ a⁽ᵒⁿᵉ⁾ₛᵀ + (λ/K) W⁽ᵐᵃⁿʸ⁾
dJ/db_many|gradient|gradient_bias_why|delta_many|∂J/∂b⁽ᵐᵃⁿʸ⁾ = (1/m) Σₛ₌₁ᵐ δ⁽ᵐᵃⁿʸ⁾ₛ
""",
    (members, "graph"): """
Delta_one|arrives|arrives_members_why|delta_many|\
Δᵒⁿᵉ₂₁ = Σ_(κ=1)^K Θ̄ᵐᵃⁿʸ_κᵀ δᵐᵃⁿʸ_κ
""",
    (members, "index"): """
C|sample_cost|sample_cost_why|a_many|C = ½ Σⱼ₌₁² (yⱼ − a⁽ᵐᵃⁿʸ⁾ⱼ)²
delta_many|output_delta|output_delta_why|z_many a_many|\
δ⁽ᵐᵃⁿʸ⁾ᵢ = −(1/K) (yᵢ − a⁽ᵐᵃⁿʸ⁾ᵢ) softplus′(z⁽ᵐᵃⁿʸ⁾ᵢ)
delta_one|delta|delta_arrived_why|z_one delta_many|\
δ⁽ᵒⁿᵉ⁾ᵢ = (Σ_(κ=1)^K (Σⱼ₌₁² w⁽ᵐᵃⁿʸ⁾_(κji) δ⁽ᵐᵃⁿʸ⁾_(κj))) tanh′(z⁽ᵒⁿᵉ⁾ᵢ)
""",
}


@pytest.mark.parametrize("notation", ["matrix", "delta-rule", "index"])
@pytest.mark.parametrize("network", [looked_up, two_costs, members])
def test_every_update_says_what_each_entry_becomes(network, notation):
    net = network()
    p, X, Y = random_numbers(net, 0, 2)
    d = cp.derive(net, notation, p, X, Y)
    gradient = net.gradient(p, X, Y)
    for name in p:
        after = np.asarray(p[name] - 0.5 * gradient[name])
        if net.graph.parameters[name].spec.type.member:
            after = after[0]  # the first member's numbers are shown
        turned = notation == "delta-rule" and name.startswith("W")
        found = d.value(d.step(f"{name}:=").equations[0])
        assert found == pytest.approx(after.T if turned else after, rel=1e-12, abs=1e-15), name


def derived(network, notation, m):
    return cp.derive(network, notation, *random_numbers(network, 0, m))


def written(derivation):
    """Each step in one line, as the table above has it."""
    p = derivation.printer(TEXT)
    found = {}
    for step in derivation.steps:
        lines = "; ".join(
            f"{p.render(one.left)} {one.relation} {' = '.join(map(p.render, one.members))}"
            for one in step.equations
        )
        said = (step.id, step.title.key, step.why.key, " ".join(step.uses), lines)
        found[step.id] = "|".join(said)
    return found


@pytest.mark.parametrize(
    ("network", "notation"), LINES, ids=lambda one: getattr(one, "__name__", one)
)
def test_each_step_reads_as_it_is_derived_by_hand(network, notation):
    derivation = derived(network(), notation, 2)
    expected = LINES[network, notation].strip().splitlines()
    found = written(derivation)
    assert [found[line.partition("|")[0]] for line in expected] == expected
    assert derivation.verify().passed


def test_one_sample_has_no_mean_and_its_cost_is_the_cost_unless_there_is_more():
    found = written(derived(members(), "matrix", 1))
    assert found["J"].endswith("|J = (Σ_(κ=1)^K (1/K) C_κ) + Ω")
    assert found["dJ/db_one"].endswith("|∂J/∂b⁽ᵒⁿᵉ⁾ = δ⁽ᵒⁿᵉ⁾")
    found = written(derived(two_costs(), "matrix", 1))
    assert found["J"].endswith("|C_one C_two|J = C⁽ᵒⁿᵉ⁾ + C⁽ᵗʷᵒ⁾")
    found = written(derived(looked_up(), "matrix", 1))
    assert found["J"].endswith("|C penalty|J = C + Ω")
    found = written(derived(Network([2, 2]), "matrix", 1))
    assert "C" not in found and found["J"].endswith("|J = ½ ‖a⁽²⁾ − y‖²")
    found = written(derived(Network([2, 2]), "matrix", 2))
    assert found["C"].endswith("|C = ½ ‖a⁽²⁾ − y‖²")
    assert found["J"].endswith("|J = (1/m) Σₛ₌₁ᵐ Cₛ")


def test_each_gradient_covers_its_parameter_and_each_step_has_the_shape_of_its_value():
    network = looked_up()
    derivation = derived(network, "matrix", 2)
    shapes = {step.id: step.type.shape for step in derivation.steps}
    covers = {step.id: step.covers for step in derivation.steps if step.covers}
    assert covers == {f"dJ/d{name}": (name,) for name in network.graph.parameters}
    for name, parameter in network.graph.parameters.items():
        assert shapes[f"dJ/d{name}"] == shapes[f"{name}:="] == parameter.shape
    assert shapes["C"] == shapes["J"] == shapes["penalty"] == ()
    assert (shapes["a4"], shapes["Delta_rows"], shapes["delta_last"]) == ((4,), (2,), (3,))


def test_the_numbers_beside_the_steps_are_those_of_the_formulas():
    network = looked_up()
    p, X, Y = random_numbers(network, 0, 2)
    derivation = cp.derive(network, "matrix", p, X, Y, row=2)
    shown = {step.id: derivation.value(step.equations[0]) for step in derivation.steps}
    (k, x), y = (array[1] for array in X.values()), Y[1]
    both = np.concatenate([p["E_rows"][k], x])
    first = np.tanh(p["W_first"] @ both + p["b_first"])
    scaled = p["s_scaled"] * (both + first)
    z = p["W_last"] @ scaled + p["b_last"]
    a = np.exp(z) / np.exp(z).sum()
    back = p["s_scaled"] * (p["W_last"].T @ (a - y))
    delta = back * (1 - first**2)
    for name, expected in (
        ("a4", both), ("a_first", first), ("a_scaled", scaled), ("a_last", a),
        ("C", -np.sum(y * np.log(a))), ("delta_last:link", a - y), ("Delta6", back),
        ("delta_first", delta), ("Delta_rows", (back + p["W_first"].T @ delta)[:2]),
    ):  # fmt: skip
        assert np.allclose(shown[name], expected, rtol=1e-12, atol=1e-15), name
