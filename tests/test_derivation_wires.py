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
a_rows|looked_up|looked_up_why|a1|a^{(rows)} = E^{(rows)}ᵀ 1[a⁽¹⁾]
a4|stacked|stacked_why|a_rows a2|a⁽⁴⁾ = (a^{(rows)}; a⁽²⁾)
z_first|weighted|weighted_why|a4|z^{(first)} = W^{(first)} a⁽⁴⁾ + b^{(first)}
a_first|activated|activated_why|z_first|a^{(first)} = f(z^{(first)})
a6|joined|joined_why|a4 a_first|a⁽⁶⁾ = a⁽⁴⁾ + a^{(first)}
a_scaled|scaled|scaled_why|a6|a^{(scaled)} = s^{(scaled)} ⊙ a⁽⁶⁾
z_last|weighted|weighted_why|a_scaled|z^{(last)} = W^{(last)} a^{(scaled)} + b^{(last)}
a_last|activated|activated_why|z_last|a^{(last)} = softmax(z^{(last)})
C|sample_cost|sample_cost_why|a_last|C = −(Σⱼ₌₁³ yⱼ log(a^{(last)}ⱼ))
penalty|penalty|penalty_why||Ω = (λ/2) ‖E^{(rows)}‖² + (λ/2) ‖W^{(first)}‖² + (λ/2) ‖W^{(last)}‖²
J|total_cost|total_cost_why|C penalty|J = (1/m) Σₛ₌₁ᵐ Cₛ + Ω
Delta_last|arrives_cost|arrives_cost_why|a_last|∂C/∂a^{(last)} = −y ⊘ a^{(last)}
delta_last|output_delta|arrives_coupled_why|a_last Delta_last|\
δ^{(last)} = a^{(last)} ⊙ ∂C/∂a^{(last)} − (a^{(last)}ᵀ ∂C/∂a^{(last)}) a^{(last)}
delta_last:link|shortcut|shortcut_why|delta_last|δ^{(last)} = a^{(last)} − y
Delta_scaled|arrives|arrives_why|delta_last|∂C/∂a^{(scaled)} = W^{(last)}ᵀ δ^{(last)}
Delta6|arrives|arrives_factor_why|Delta_scaled|∂C/∂a⁽⁶⁾ = s^{(scaled)} ⊙ ∂C/∂a^{(scaled)}
delta_first|delta|delta_arrived_why|z_first Delta6|δ^{(first)} = ∂C/∂a⁽⁶⁾ ⊙ f′(z^{(first)})
Delta4|arrives|arrives_sum_why|Delta6 delta_first|∂C/∂a⁽⁴⁾ = ∂C/∂a⁽⁶⁾ + W^{(first)}ᵀ δ^{(first)}
Delta_rows|arrives|arrives_part_why|Delta4|∂C/∂a^{(rows)} = (∂C/∂a⁽⁴⁾)[1…2]
dJ/dE_rows|gradient|gradient_table_why|a1 Delta_rows|\
∂J/∂E^{(rows)} = (1/m) Σₛ₌₁ᵐ 1[a⁽¹⁾ₛ] (∂Cₛ/∂a^{(rows)}ₛ)ᵀ + λ E^{(rows)}
dJ/dW_first|gradient|gradient_why|delta_first a4|\
∂J/∂W^{(first)} = (1/m) Σₛ₌₁ᵐ δ^{(first)}ₛ a⁽⁴⁾ₛᵀ + λ W^{(first)}
dJ/db_first|gradient|gradient_bias_why|delta_first|∂J/∂b^{(first)} = (1/m) Σₛ₌₁ᵐ δ^{(first)}ₛ
dJ/ds_scaled|gradient|gradient_other_why|Delta_scaled a6|\
∂J/∂s^{(scaled)} = (1/m) Σₛ₌₁ᵐ ∂Cₛ/∂a^{(scaled)}ₛ ⊙ a⁽⁶⁾ₛ
dJ/dW_last|gradient|gradient_why|delta_last a_scaled|\
∂J/∂W^{(last)} = (1/m) Σₛ₌₁ᵐ δ^{(last)}ₛ a^{(scaled)}ₛᵀ + λ W^{(last)}
dJ/db_last|gradient|gradient_bias_why|delta_last|∂J/∂b^{(last)} = (1/m) Σₛ₌₁ᵐ δ^{(last)}ₛ
E_rows:=|update|update_why|dJ/dE_rows|E^{(rows)} ← E^{(rows)} − α ∂J/∂E^{(rows)}
W_first:=|update|update_why|dJ/dW_first|W^{(first)} ← W^{(first)} − α ∂J/∂W^{(first)}
b_first:=|update|update_why|dJ/db_first|b^{(first)} ← b^{(first)} − α ∂J/∂b^{(first)}
s_scaled:=|update|update_why|dJ/ds_scaled|s^{(scaled)} ← s^{(scaled)} − α ∂J/∂s^{(scaled)}
W_last:=|update|update_why|dJ/dW_last|W^{(last)} ← W^{(last)} − α ∂J/∂W^{(last)}
b_last:=|update|update_why|dJ/db_last|b^{(last)} ← b^{(last)} − α ∂J/∂b^{(last)}
""",
    (looked_up, "index"): """
a_rows|looked_up|looked_up_why|a1|a^{(rows)}ᵢ = Σⱼ₌₁³ E^{(rows)}ⱼᵢ [a⁽¹⁾ = j − 1]
a4|stacked|stacked_why|a_rows a2|a⁽⁴⁾ᵢ = {a^{(rows)}ᵢ if i ≤ 2, else a⁽²⁾ᵢ₋₂}
z_first|weighted|weighted_why|a4|z^{(first)}ᵢ = (Σⱼ₌₁⁴ w^{(first)}ᵢⱼ a⁽⁴⁾ⱼ) + b^{(first)}ᵢ
a_scaled|scaled|scaled_why|a6|a^{(scaled)}ᵢ = s^{(scaled)}ᵢ a⁽⁶⁾ᵢ
a_last|activated|activated_why|z_last|a^{(last)}ᵢ = softmax(z^{(last)})ᵢ
Delta_last|arrives_cost|arrives_cost_why|a_last|∂C/∂a^{(last)}ᵢ = −yᵢ/a^{(last)}ᵢ
delta_last|output_delta|arrives_coupled_why|a_last Delta_last|\
δ^{(last)}ᵢ = a^{(last)}ᵢ (∂C/∂a^{(last)}ᵢ − (Σⱼ₌₁³ a^{(last)}ⱼ ∂C/∂a^{(last)}ⱼ))
delta_last:link|shortcut|shortcut_why|delta_last|δ^{(last)}ᵢ = −(yᵢ − a^{(last)}ᵢ)
Delta_rows|arrives|arrives_part_why|Delta4|∂C/∂a^{(rows)}ᵢ = ∂C/∂a⁽⁴⁾ᵢ
dJ/dE_rows|gradient|gradient_table_why|a1 Delta_rows|\
∂J/∂E^{(rows)}ᵢⱼ = (1/m) Σₛ₌₁ᵐ [a⁽¹⁾ₛ = i − 1] ∂Cₛ/∂a^{(rows)}ₛⱼ + λ E^{(rows)}ᵢⱼ
dJ/ds_scaled|gradient|gradient_other_why|Delta_scaled a6|\
∂J/∂s^{(scaled)}ᵢ = (1/m) Σₛ₌₁ᵐ ∂Cₛ/∂a^{(scaled)}ₛᵢ a⁽⁶⁾ₛᵢ
dJ/dW_last|gradient|gradient_why|delta_last a_scaled|\
∂J/∂w^{(last)}ᵢⱼ = (1/m) Σₛ₌₁ᵐ δ^{(last)}ₛᵢ a^{(scaled)}ₛⱼ + λ w^{(last)}ᵢⱼ
E_rows:=|update|update_why|dJ/dE_rows|E^{(rows)}ᵢⱼ ← E^{(rows)}ᵢⱼ − α ∂J/∂E^{(rows)}ᵢⱼ
""",
    (two_costs, "matrix"): """
z_twice|weighted|weighted_why|a1|z^{(twice)} = W^{(twice)} a⁽¹⁾ + b^{(twice)}
z_twice_2|weighted|weighted_why|a_twice|z^{(twice_2)} = W^{(twice)} a^{(twice)} + b^{(twice)}
a_twice_2|activated|activated_why|z_twice_2|a^{(twice_2)} = tanh(z^{(twice_2)})
a_drop|dropped|dropped_why|a_twice_2|a^{(drop)} = r^{(drop)} ⊙ a^{(twice_2)}
a6|stacked|stacked_why|a_drop a2|a⁽⁶⁾ = (a^{(drop)}; a⁽²⁾)
z_two|weighted|weighted_plain_why|a6|z^{(two)} = W^{(two)} a⁽⁶⁾
a_two|activated|activated_why|z_two|a^{(two)} = e^(z^{(two)})
C_one|sample_cost|sample_cost_why|a_one|C^{(one)} = \
−(Σⱼ₌₁² (y^{(one)}ⱼ log(a^{(one)}ⱼ) + (1 − y^{(one)}ⱼ) log(1 − a^{(one)}ⱼ)))
C_two|sample_cost|sample_cost_why|a_two|C^{(two)} = Σⱼ₌₁¹ (a^{(two)}ⱼ − y^{(two)}ⱼ log(a^{(two)}ⱼ))
J|total_cost|total_cost_why|C_one C_two|J = (1/m) Σₛ₌₁ᵐ C^{(one)}ₛ + (1/m) Σₛ₌₁ᵐ C^{(two)}ₛ
delta_two|output_delta|output_delta_why|z_two a_two|\
δ^{(two)} = (1 − y^{(two)} ⊘ a^{(two)}) ⊙ exp′(z^{(two)})
delta_two:link|shortcut|shortcut_why|delta_two|δ^{(two)} = a^{(two)} − y^{(two)}
delta_one|output_delta|output_delta_why|z_one a_one|\
δ^{(one)} = ((a^{(one)} − y^{(one)}) ⊘ (a^{(one)} ⊙ (1 − a^{(one)}))) ⊙ sigmoid′(z^{(one)})
delta_one:link|shortcut|shortcut_why|delta_one|δ^{(one)} = a^{(one)} − y^{(one)}
Delta6|arrives|arrives_sum_why|delta_two delta_one|\
∂Jₛ/∂a⁽⁶⁾ = W^{(two)}ᵀ δ^{(two)} + W^{(one)}ᵀ δ^{(one)}
Delta_drop|arrives|arrives_part_why|Delta6|∂Jₛ/∂a^{(drop)} = (∂Jₛ/∂a⁽⁶⁾)[1…2]
delta_twice_2|delta|delta_arrived_why|z_twice_2 Delta_drop|\
δ^{(twice_2)} = r^{(drop)} ⊙ ∂Jₛ/∂a^{(drop)} ⊙ tanh′(z^{(twice_2)})
delta_twice|delta|delta_why|z_twice delta_twice_2|\
δ^{(twice)} = (W^{(twice)}ᵀ δ^{(twice_2)}) ⊙ tanh′(z^{(twice)})
dJ/dW_twice|gradient|gradient_tied_why|delta_twice a1 delta_twice_2 a_twice|∂J/∂W^{(twice)} = \
(1/m) Σₛ₌₁ᵐ δ^{(twice)}ₛ a⁽¹⁾ₛᵀ + (1/m) Σₛ₌₁ᵐ δ^{(twice_2)}ₛ a^{(twice)}ₛᵀ
dJ/db_twice|gradient|gradient_tied_why|delta_twice delta_twice_2|∂J/∂b^{(twice)} = \
(1/m) Σₛ₌₁ᵐ (Σⱼ₌₁² δ^{(twice)}ₛⱼ) + (1/m) Σₛ₌₁ᵐ (Σⱼ₌₁² δ^{(twice_2)}ₛⱼ)
dJ/dW_two|gradient|gradient_why|delta_two a6|∂J/∂W^{(two)} = (1/m) Σₛ₌₁ᵐ δ^{(two)}ₛ a⁽⁶⁾ₛᵀ
b_twice:=|update|update_why|dJ/db_twice|b^{(twice)} ← b^{(twice)} − α ∂J/∂b^{(twice)}
""",
    (two_costs, "index"): """
z_two|weighted|weighted_plain_why|a6|z^{(two)}ᵢ = Σⱼ₌₁³ w^{(two)}ᵢⱼ a⁽⁶⁾ⱼ
C_two|sample_cost|sample_cost_why|a_two|\
C^{(two)} = Σⱼ₌₁¹ (−(y^{(two)}ⱼ log(a^{(two)}ⱼ) − a^{(two)}ⱼ))
delta_one|output_delta|output_delta_why|z_one a_one|δ^{(one)}ᵢ = \
−((y^{(one)}ᵢ − a^{(one)}ᵢ)/(a^{(one)}ᵢ (1 − a^{(one)}ᵢ))) sigmoid′(z^{(one)}ᵢ)
Delta6|arrives|arrives_sum_why|delta_two delta_one|\
∂Jₛ/∂a⁽⁶⁾ᵢ = (Σⱼ₌₁¹ w^{(two)}ⱼᵢ δ^{(two)}ⱼ) + (Σⱼ₌₁² w^{(one)}ⱼᵢ δ^{(one)}ⱼ)
delta_twice|delta|delta_why|z_twice delta_twice_2|\
δ^{(twice)}ᵢ = (Σⱼ₌₁² w^{(twice)}ⱼᵢ δ^{(twice_2)}ⱼ) tanh′(z^{(twice)}ᵢ)
""",
    (two_costs, "scalar"): """
z_twice|weighted|weighted_why||\
H^{(twice)}₁ = V^{(twice)}₁₁ · X⁽¹⁾₁ + V^{(twice)}₂₁ · X⁽¹⁾₂ + b^{(twice)}; \
H^{(twice)}₂ = V^{(twice)}₁₂ · X⁽¹⁾₁ + V^{(twice)}₂₂ · X⁽¹⁾₂ + b^{(twice)}
a6|stacked|stacked_why|a_drop|P⁽⁶⁾₁ = P^{(drop)}₁; P⁽⁶⁾₂ = P^{(drop)}₂; P⁽⁶⁾₃ = X⁽²⁾₁
C_two|sample_cost|sample_cost_why|a_two|C^{(two)} = −(Y^{(two)}₁ · log(O^{(two)}₁) − O^{(two)}₁)
Delta_two|arrives_cost|arrives_cost_why|a_two|∂Eₛ/∂O^{(two)}₁ = 1 − Y^{(two)}₁/O^{(two)}₁
delta_two|output_delta|output_delta_why|Delta_two z_two|\
∂Eₛ/∂Q^{(two)}₁ = ∂Eₛ/∂O^{(two)}₁ · exp′(Q^{(two)}₁)
Delta_twice_2|arrives|arrives_factor_why|Delta_drop|\
∂Eₛ/∂P^{(twice_2)}₁ = r^{(drop)}₁ · ∂Eₛ/∂P^{(drop)}₁; \
∂Eₛ/∂P^{(twice_2)}₂ = r^{(drop)}₂ · ∂Eₛ/∂P^{(drop)}₂
Delta_twice|arrives|arrives_why|delta_twice_2|∂Eₛ/∂P^{(twice)}₁ = \
V^{(twice)}₁₁ · ∂Eₛ/∂H^{(twice_2)}₁ + V^{(twice)}₁₂ · ∂Eₛ/∂H^{(twice_2)}₂; ∂Eₛ/∂P^{(twice)}₂ = \
V^{(twice)}₂₁ · ∂Eₛ/∂H^{(twice_2)}₁ + V^{(twice)}₂₂ · ∂Eₛ/∂H^{(twice_2)}₂
dJ/db_one|gradient|gradient_bias_why|delta_one|∂E/∂b^{(one)}₁ = (1/m) · Σₛ₌₁ᵐ ∂Eₛ/∂Q^{(one)}ₛ₁; \
∂E/∂b^{(one)}₂ = (1/m) · Σₛ₌₁ᵐ ∂Eₛ/∂Q^{(one)}ₛ₂
W_two:=|update|update_why|dJ/dW_two|\
W^{(two)}₁₁ ← W^{(two)}₁₁ − η · ∂E/∂W^{(two)}₁₁; \
W^{(two)}₂₁ ← W^{(two)}₂₁ − η · ∂E/∂W^{(two)}₂₁; W^{(two)}₃₁ ← W^{(two)}₃₁ − η · ∂E/∂W^{(two)}₃₁
""",
    (members, "matrix"): """
penalty|penalty|penalty_why||Ω = (λ/2) ‖W^{(one)}‖² + (Σ_{κ=1}^{K} (λ/2) ‖W^{(many)}_{κ}‖²)/K
J|total_cost|total_cost_members_why|C penalty|J = (1/m) Σₛ₌₁ᵐ (Σ_{κ=1}^{K} (1/K) C_{sκ}) + Ω
delta_many|output_delta|output_delta_why|z_many a_many|\
δ^{(many)} = (1/K) (a^{(many)} − y) ⊙ softplus′(z^{(many)})
delta_one|delta|delta_arrived_why|z_one delta_many|\
δ^{(one)} = (Σ_{κ=1}^{K} W^{(many)}_{κ}ᵀ δ^{(many)}_{κ}) ⊙ tanh′(z^{(one)})
dJ/dW_one|gradient|gradient_why|delta_one a1|\
∂J/∂W^{(one)} = (1/m) Σₛ₌₁ᵐ δ^{(one)}ₛ a⁽¹⁾ₛᵀ + λ W^{(one)}
dJ/dW_many|gradient|gradient_why|delta_many a_one|\
∂J/∂W^{(many)} = (1/m) Σₛ₌₁ᵐ δ^{(many)}ₛ a^{(one)}ₛᵀ + (λ/K) W^{(many)}
dJ/db_many|gradient|gradient_bias_why|delta_many|∂J/∂b^{(many)} = (1/m) Σₛ₌₁ᵐ δ^{(many)}ₛ
""",
    (members, "graph"): """
Delta_one|arrives|arrives_members_why|delta_many|\
Δ^{one}₂₁ = Σ_{κ=1}^{K} Θ̄^{many}_{κ}ᵀ δ^{many}_{κ}
""",
    (members, "index"): """
C|sample_cost|sample_cost_why|a_many|C = ½ Σⱼ₌₁² (yⱼ − a^{(many)}ⱼ)²
delta_many|output_delta|output_delta_why|z_many a_many|\
δ^{(many)}ᵢ = −(1/K) (yᵢ − a^{(many)}ᵢ) softplus′(z^{(many)}ᵢ)
delta_one|delta|delta_arrived_why|z_one delta_many|\
δ^{(one)}ᵢ = (Σ_{κ=1}^{K} (Σⱼ₌₁² w^{(many)}_{κji} δ^{(many)}_{κj})) tanh′(z^{(one)}ᵢ)
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
    assert found["J"].endswith("|J = (Σ_{κ=1}^{K} (1/K) C_{κ}) + Ω")
    assert found["dJ/db_one"].endswith("|∂J/∂b^{(one)} = δ^{(one)}")
    found = written(derived(two_costs(), "matrix", 1))
    assert found["J"].endswith("|C_one C_two|J = C^{(one)} + C^{(two)}")
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
