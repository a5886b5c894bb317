"""Facts about columns have the same bits however the table is cut, ordered and merged."""

from __future__ import annotations

import itertools
import json
import math
import random
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from conftest import count
from hypothesis import given
from hypothesis import strategies as st

from clearprop.errors import DataError
from clearprop.tables import Table, fold, moments
from clearprop.tables.encoder import fit_encoder
from clearprop.tables.facts import Asked, Facts
from clearprop.tables.fold import Fold, Part
from clearprop.tables.opening import open_table
from clearprop.tables.selection import Selection
from clearprop.tables.table import Chunk

QUANTILES = (0.0, 0.1, 0.25, 0.5, 0.75, 0.99, 1.0)
ASKED = {
    "x": Asked("number", moments=True, quantiles=QUANTILES),
    "n": Asked("number", moments=True, quantiles=(0.5,), levels=5),
    "c": Asked("category", levels=10),
    "b": Asked("boolean", levels=2),
    "d": Asked("date", moments=True, quantiles=(0.5,)),
}


def mixed(rows: int, rng: np.random.Generator) -> Table:
    x = rng.normal(size=rows) * 10.0 ** rng.integers(-8, 8, rows)
    x[rng.random(rows) < 0.2] = np.nan
    x[rng.random(rows) < 0.2] = 0.0
    dates = np.datetime64("2000-01-01", "us") + rng.integers(0, 10**15, rows)
    return open_table(
        {
            "x": x,
            "n": rng.integers(0, 7, rows),
            "c": [None if k == 3 else f"level {k}" for k in rng.integers(0, 9, rows)],
            "b": rng.random(rows) < 0.3,
            "d": dates,
        }
    )


def run(cuts: list[list[Chunk]], keep: np.ndarray | None, rows: int) -> dict[str, Facts]:
    """One part for each list of chunks, merged from the left, as often as there are passes."""
    fold = Fold(ASKED, rows)
    while True:
        merged: Part | None = None
        for chunks in cuts:
            part = fold.start()
            for chunk in chunks:
                rows_of = slice(chunk.start, chunk.start + chunk.rows)
                fold.observe(part, chunk, None if keep is None else keep[rows_of])
            merged = part if merged is None else fold.merge(merged, part)
        assert merged is not None
        result = fold.finish(merged)
        if isinstance(result, dict):
            return result
        fold = result


def random_cuts(table: Table, parts: int, random_: random.Random) -> list[list[Chunk]]:
    """The table cut at random places, the pieces in random order, dealt to some parts."""
    borders = sorted({0, table.rows, *random_.sample(range(table.rows), min(20, table.rows))})
    columns = table.read()
    chunks = [
        Chunk(low, high - low, {name: c.rows(slice(low, high)) for name, c in columns.items()})
        for low, high in itertools.pairwise(borders)
    ]
    random_.shuffle(chunks)
    return [chunks[place::parts] for place in range(parts)]


def bits(facts: dict[str, Facts]) -> str:
    return repr(facts)  # repr writes doubles so that they read back the same


@pytest.mark.parametrize("cap", [1 << 25, 10])
def test_any_cut_any_order_and_any_merging_give_the_same_bits(
    cap: int,
    rng: np.random.Generator,
    monkeypatch: pytest.MonkeyPatch,
    proof: Callable[..., None],
) -> None:
    monkeypatch.setattr(moments, "BLOCK", 64)
    monkeypatch.setattr(fold, "_COLLECTED", cap)
    monkeypatch.setattr(fold, "_COLLECTED_EACH", 10)
    for trial in range(count(8, 100)):
        random_ = random.Random(trial)
        table = mixed(random_.randint(1, 1000), rng)
        keep = None if trial % 2 else rng.random(table.rows) < 0.7
        whole = run([list(table.chunks(table.rows))], keep, table.rows)
        for parts in (1, 2, 5):
            assert bits(run(random_cuts(table, parts, random_), keep, table.rows)) == bits(whole)
    how = "collected" if cap > 1000 else "counted"
    proof(
        f"an encoder's facts have the same bits for any cut, order and merging, quantiles {how}",
        count=3 * count(8, 100),
    )


def test_facts_are_those_of_plain_numpy(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moments, "BLOCK", 100)
    table = mixed(3000, rng)
    facts = run([list(table.chunks(333))], None, table.rows)
    x = table.read()["x"].values
    there = x[~np.isnan(x)]
    found = facts["x"]
    assert (found.count, found.missing) == (len(there), int(np.isnan(x).sum()))
    assert found.mean == pytest.approx(math.fsum(there) / len(there), rel=1e-13)
    assert found.std == pytest.approx(there.std(), rel=1e-13)
    assert (found.low, found.high) == (there.min(), there.max())
    for q in QUANTILES:
        assert found.quantiles[q] == np.quantile(there, q)
    c = table.read()["c"]
    names, counts = np.unique(c.values[c.valid].astype(str), return_counts=True)
    assert facts["c"].levels == dict(zip(names.tolist(), counts.tolist(), strict=True))
    assert facts["n"].levels is None  # seven levels, five asked for
    assert facts["n"].whole and not found.whole
    assert facts["b"].levels is not None
    assert facts["b"].levels["true"] == int(table.read()["b"].values.sum())


def test_moments_are_accurate_far_from_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moments, "BLOCK", 128)
    values = [1e9 + k % 10 for k in range(10000)]
    facts = run_one(values)
    exact = [Fraction(value) for value in values]
    mean = sum(exact) / len(exact)
    variance = sum((value - mean) ** 2 for value in exact) / len(exact)
    assert facts.mean == float(mean)
    assert facts.std == pytest.approx(math.sqrt(variance), rel=1e-12)


def run_one(values: list[float], cap: int = 1 << 25) -> Facts:
    table = open_table({"x": values})
    fold = Fold({"x": ASKED["x"]}, table.rows)
    while True:
        part = fold.start()
        for chunk in table.chunks(64):
            fold.observe(part, chunk)
        result = fold.finish(part)
        if isinstance(result, dict):
            return result["x"]
        fold = result


@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=60),
    st.sampled_from([1, 3, 1000]),
)
def test_quantiles_are_exact_in_every_bit_whether_counted_or_collected(
    values: list[float], cap: int
) -> None:
    x = np.array(values)
    search = Selection.begin(QUANTILES, len(x), cap)
    passes = 0
    while True:
        state = search.start()
        for half in (x[::2], x[1::2]):
            search.observe(state, half)
        passes += 1
        result = search.finish(state)
        if isinstance(result, dict):
            break
        search = result
    assert passes <= 4
    ordered = np.sort(x)
    for q, value in result.items():
        rank = int(q * (len(x) - 1))
        with np.errstate(over="ignore", invalid="ignore"):
            low, high = ordered[rank], ordered[min(rank + 1, len(x) - 1)]
            t = q * (len(x) - 1) - rank
            expected = high - (high - low) * (1 - t) if t >= 0.5 else low + (high - low) * t
        assert type(value) is float  # an encoder is plain data
        assert value == expected or (math.isnan(value) and math.isnan(expected))


def test_a_median_of_many_equal_values_is_found_by_counting_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fold, "_COLLECTED", 1)
    monkeypatch.setattr(fold, "_COLLECTED_EACH", 1)
    assert run_one([5.25] * 500 + [1.0] * 499).quantiles[0.5] == 5.25
    assert run_one([-0.0, 0.0, 0.0]).quantiles[0.5] == 0.0


@pytest.mark.parametrize("rows", [1, 8191, 8192, 8193, 50000])
def test_an_encoder_does_not_depend_on_the_chunks_it_is_fitted_with(
    rows: int, rng: np.random.Generator
) -> None:
    table = mixed(rows, rng)
    roles = {"x": "number", "n": "number", "c": "category", "b": "boolean", "d": "date"}
    texts = {
        json.dumps(
            fit_encoder(table, roles, rows_per_chunk=size).to_data()  # type: ignore[arg-type]
        )
        for size in (997, 8192, 65536)
    }
    assert len(texts) == 1


def test_too_many_levels_are_refused_whichever_part_meets_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from clearprop.tables import recipes

    short = recipes.RECIPES["onehot"].asked.__class__("category", levels=3)
    row = recipes.RECIPES["onehot"]
    limited = recipes.Recipe("onehot", short, row.fit, row.labels, row.encode)
    monkeypatch.setitem(recipes.RECIPES, "onehot", limited)
    table = open_table({"c": ["a", "b", "c", "d"]})
    with pytest.raises(DataError, match="'c' has more than 3 levels"):
        fit_encoder(table, {"c": "category"}, rows_per_chunk=1)
