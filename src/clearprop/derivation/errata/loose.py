"""What the five sources leave undefined or write loosely, and how it is read here.

None of it is wrong once it is read so: what is wrong stands in `clearprop.derivation.errata.wrong`.
Proved by ``tests/test_derivation_errata.py``.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["LOOSE", "Loose"]


@dataclass(frozen=True)
class Loose:
    """One thing that a text does not say, or says in two ways.

    Parameters
    ----------
    source : str
        ``"S0"`` … ``"S4"``.
    place : str
        Line (``":47"``) or equation (``"(35)"``) in the text.
    written, read : str
        What stands there, and the reading taken.
    """

    source: str
    place: str
    written: str
    read: str


LOOSE: tuple[Loose, ...] = (
    Loose("S0", ":16–:23", "h(x), x, y, α, λ are in no list",
          "h(x) = a⁽ⁿˡ⁾, x = a⁽¹⁾, y the target, α the learning rate, λ the penalty's factor"),
    Loose("S0", ":16, :41", "nₗ, with the letter l that runs", "one number, of all layers"),
    Loose("S0", ":39, :41", "J is the whole cost and, of x and y, one sample's; i counts samples, "
          "and units too", "J of the batch; C of one sample"),
    Loose("S0", ":47", "λW", "λW⁽ˡ⁾"),
    Loose("S0", ":41, :45, :49, :69, :71", "a bracket closes that none opened", "left out"),
    Loose("S0", ":29, :106", "the neuron's formula and the steps of the algorithm are pictures, "
          "lost", "zᵢ = Σⱼ Wᵢⱼ aⱼ + bᵢ and aᵢ = f(zᵢ); the numbered steps of the derivation above"),
    Loose("S1", ":31, :37, :60, :126", "a is a weight, then an output; A is weights, then a "
          "function; Y is an output, in :120 y the target",
          "Θ, a, and y, as in the worked example"),
    Loose("S1", ":47", "Y = σ(A * X), with the bias as one more input, whose value is not printed",
          "that input is 1: X has a row more and A a column more, the biases; Θᵀδ then has a row "
          "more than z, which is dropped, as nothing lies behind the 1"),
    Loose("S1", ":54", "2 neurons a layer", "3 in the output layer, as :78 and :92 have it"),
    Loose("S1", ":64, :90", "δ⁴, of a layer that has no neurons",
          "δ⁴ = Δ⁴ = ∂Cost/∂a³: the cost stands fourth"),
    Loose("S1", ":66", "σ′(z)", "σ′(z³)"),
    Loose("S1", ":66, :72, :92, :94, :96", "* is element-wise in :66 and :92, else a matrix "
          "product", "⊙ and no sign; only the pseudo-code, with .* and *, tells them apart"),
    Loose("S1", ":100", "θ′₂₂", "Θ′¹₂₂"),
    Loose("S1", ":106", "the loop runs to 100 and has no forward pass",
          "to m; z², a², z³, a³ of sample i are computed first"),
    Loose("S1", ":110", "theta2′ is the gradient's sum, though ′ transposes in MATLAB",
          "a name; the transpose is ᵀ"),
    Loose("S1", ":140", "the gradient vanishes (= 0)",
          "it gets small, a factor of σ′ ≤ ¼ for each layer of sigmoid, and is not 0"),
    Loose("S1", ":146", "X + σ(X) as a new Y = σ(X), the same letter",
          "a function of its own, with the derivative 1 + σ′(X)"),
    Loose("S2", ":15, :28", "f, x and n are activation, input and layers, in :28 loss, parameter "
          "and iteration", "E, the weights and biases, and ← for one step"),
    Loose("S2", ":18", "xᵢⱼ⁽ˡ⁺¹⁾, the input of a connection",
          "tᵢ⁽ˡ⁾, for every j alike; t⁽¹⁾ is x"),
    Loose("S2", "(1), (2)", "for which l is not said", "(1) for l = 2 … n − 1, (2) for l = 2 … n"),
    Loose("S2", "(3)", "y⁽ⁿ⁾, as if a layer made it", "y, the target"),
    Loose("S3", "(34)", "V11 = V11 − …, an equation that cannot hold",
          "←: the new weight from the old ones, as for W11"),
    Loose("S3", "(1), (10), (11)", "E and Eₜₒₜₐₗ", "one cost, E"),
    Loose("S3", "(2), (5), (8), (9)", "f and sigmoid", "one function, f"),
    Loose("S3", "(4), (6), (7), (10), (15)", "b1, b2, N, η are in no list",
          "one bias for all units of a layer (b1 is printed for H1 alone), the number of outputs, "
          "the learning rate"),
    Loose("S3", "(14), (23)", "w31", "W31"),
    Loose("S4", "(1), (3)", "for which l is not said; that a⁽¹⁾ = x neither",
          "l = 2 … nₗ; the recursion for l = 2 … nₗ − 1"),
    Loose("S4", "(2)", "g is the sigmoid, and g′ is not given",
          "g′(z) = g(z)(1 − g(z)); the derivation holds for any g"),
    Loose("S4", "(4)", "θ", "all w and b"),
    Loose("S4", ":18", "yⱼ, the label of class j", "1 for the sample's own class, else 0"),
    Loose("S4", ":29", "brackets that none opened; delta and frac, where a line break was lost; "
          "numbers stop at (5)", "left out; δ and a fraction; by their place"),
)  # fmt: skip
