"""Wrong backward passes as learners write them, each typed in by hand and named."""

from __future__ import annotations

import pytest

from clearprop.checking import check_gradient, numpy_template
from clearprop.network import Network


@pytest.mark.parametrize("divided_by", ["len(X)", "sample_weight.sum()"])
def test_a_penalty_over_the_batch_is_named_with_weights_whichever_count_divides_it(rng, divided_by):
    net = Network([3, 4, 2], "tanh", l2=0.1)
    right = numpy_template(net, filled=True, weights=True)
    names: dict = {}
    exec(right.replace("a1 + l2 * W1", f"a1 + l2 / {divided_by} * W1"), names)
    X, Y = rng.normal(size=(5, 3)), rng.normal(size=(5, 2))
    given = {"sample_weight": rng.uniform(0.2, 3.0, 5)}
    found = check_gradient(net, net.initial(seed=1), X, Y, names["gradient"], **given)
    first = found.diagnosis[0]
    assert (first.mistake.id, first.where.parameter) == ("l2-over-batch", "W1"), str(found)
    assert not [one for one, _ in first.equivalent if one.id == "l2-over-batch"]
