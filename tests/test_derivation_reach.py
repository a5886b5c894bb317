"""Any parameter of any graph, or one weight of it, on any page: written, and only refused in words.

Proves `clearprop.derivation` as a whole on graphs drawn at random.
"""

from __future__ import annotations

import json
import random
import re

import pytest
from conftest import count
from random_networks import COSTS, FUNCTIONS, random_case, redrawn

import clearprop as cp
from clearprop.derivation import NOTATIONS
from clearprop.errors import ClearPropError

PAGES = ("text", "to_latex", "to_html", "to_json")
CODE = "|".join(sorted({*FUNCTIONS, *COSTS, "softmax"}, key=len, reverse=True))


def asked(network, draw):
    """The whole derivation, then each parameter: one entry of it, and its bare name."""
    yield None, True
    for sym, parameter in network.graph.parameters.items():
        place = [str(draw.randint(1, size)) for size in parameter.spec.type.shape]
        yield (f"{sym}[{','.join(place)}]" if place else sym), True
        yield sym, not place


@pytest.mark.prove
@pytest.mark.parametrize("part", range(count(1, 4)))
def test_every_page_is_written_or_refused_in_one_sentence(part, proof):
    written = 0
    for seed in range(1000 + part, count(1001, 1100), count(1, 4)):
        draw = random.Random(seed)
        case = redrawn(random_case(seed, rows=draw.choice([1, 2, 7])), 1e-3)
        for weight, fits in asked(case.network, draw):
            notation, language = draw.choice(list(NOTATIONS)), draw.choice(["en", "zh"])
            page, expand = draw.choice(PAGES), bool(weight) and draw.random() < 0.2
            where = (seed, weight, notation, language, page, expand)
            try:
                d = cp.derive(
                    case.network, notation, case.parameters, case.X, case.Y, weight, language
                )
                d = d.expand() if expand else d
            except ClearPropError as refused:
                assert not fits or expand, where
                assert re.fullmatch(r"[^\n]{10,}", str(refused)), where
                continue
            assert d.verify().passed, where
            made = getattr(d, page)()
            assert len(made) > 200, where
            if page == "to_json":
                json.loads(made, parse_constant=pytest.fail)  # NaN is no JSON
            if language == "zh":
                for step in d.steps:
                    said = re.sub(CODE, "", f"{step.title.speak('zh')} {step.why.speak('zh')}")
                    assert not re.search("[A-Za-z]{3,}", said), (where, said)
            written += 1
    assert written
    proof("pages of random graphs are written and verify", written)
