"""The robust recipes: quartiles, pieces and waves against NumPy, wild cells, any chunking."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from clearprop.tables.encoder import Encoder, fit_encoder
from clearprop.tables.opening import open_table

#: Of cells that are missing, 0, and three rare values.
_MISSING = (0.6, 0.22, 0.06, 0.06, 0.06)


def encoder(values: Sequence[float | None], recipe: str, rows_per_chunk: int = 65536) -> Encoder:
    table = open_table({"x": values})
    return fit_encoder(table, {"x": "number"}, recipes={"x": recipe}, rows_per_chunk=rows_per_chunk)


def encoded(fitted: Encoder, values: Sequence[float | None]) -> np.ndarray:
    return np.asarray(fitted.encode(open_table({"x": values}), np.float64).X)


def by_hand(x: np.ndarray, of: np.ndarray) -> np.ndarray:
    low, median, high = np.quantile(of, [0.25, 0.5, 0.75])
    distance = high - low if high > low else (of.max() - of.min()) / 2
    scaled = (x - median) / distance
    return scaled / np.sqrt(1 + (scaled / 3) ** 2)


def test_a_robust_column_is_centred_scaled_and_clipped(rng: np.random.Generator) -> None:
    x = rng.standard_cauchy(257)
    found = encoded(encoder(x.tolist(), "robust"), x.tolist())[:, 0]
    np.testing.assert_allclose(found, by_hand(x, x), rtol=1e-12, atol=1e-15)
    assert np.abs(found).max() < 3


def test_a_column_of_mostly_one_value_is_scaled_by_its_extremes() -> None:
    x = np.array([0.0] * 20 + [4.0])
    found = encoded(encoder(x.tolist(), "robust"), x.tolist())[:, 0]
    np.testing.assert_allclose(found[-1], 2 / np.sqrt(1 + (2 / 3) ** 2), rtol=1e-15)
    assert (found[:-1] == 0).all()


def test_missing_cells_are_the_median_with_a_flag() -> None:
    fitted = encoder([1.0, 2.0, None, 4.0], "robust")
    assert fitted.labels == ("x", "x missing")
    assert encoded(fitted, [2.0, None]).tolist() == [[0.0, 0.0], [0.0, 1.0]]


@pytest.mark.parametrize("recipe", ["robust", "pieces", "rare", "periodic"])
@pytest.mark.parametrize(
    "values",
    [
        [7.0, 7.0, 7.0],
        [-1.7e308, 1.7e308, 0.0, 1e308],
        [5e-324, 0.0, 1e-310, -1e-320],
        [1e-300, 2e-300, 3e-300, 1e300],
        [1.0],
    ],
)
def test_any_finite_cells_give_finite_inputs_within_three(
    recipe: str, values: Sequence[float | None]
) -> None:
    wild = [*values, None, 1.7e308, -1.7e308, 5e-324]
    found = encoded(encoder(values, recipe), wild)
    assert np.isfinite(found).all()
    assert np.abs(found).max() <= 3


def test_pieces_say_how_far_a_cell_is_through_each() -> None:
    x = np.arange(33.0)  # 16 pieces of 2 each
    fitted = encoder(x.tolist(), "pieces")
    found = encoded(fitted, [-5.0, 0.0, 1.0, 7.5, 32.0, 99.0])
    assert found.shape == (6, 17)
    through = np.clip((np.array([-5, 0, 1, 7.5, 32, 99])[:, None] - np.arange(0, 32, 2)) / 2, 0, 1)
    np.testing.assert_allclose(found[:, 1:], 0.3 * (through - 0.5), rtol=1e-15)


def test_pieces_of_few_different_values_are_fewer() -> None:
    values = [0.0] * 8 + [1.0] * 9
    assert encoder(values, "pieces").labels == ("x",)
    three = [0.0] * 6 + [1.0] * 5 + [2.0] * 6
    assert encoder(three, "pieces").labels == ("x", "x piece 1", "x piece 2")


def test_a_column_of_mostly_zeros_is_cut_in_its_tail() -> None:
    fitted = encoder([0.0] * 90 + [100.0, 200.0, 300.0, 400.0, 500.0] * 2 + [500.0], "pieces")
    cuts = fitted.columns[0].parameters["cuts"]
    assert cuts[0] == 0 and cuts[-1] == 500 and len(cuts) > 4


def test_the_fewer_cells_are_no_zeros_the_finer_the_tail_is_cut() -> None:
    tail = np.arange(1.0, 41.0)  # 40 values in the last 8 % of 500
    fitted = encoder([0.0] * 460 + tail.tolist(), "pieces")
    cuts = fitted.columns[0].parameters["cuts"]
    assert len(cuts) == 17 and set(cuts) <= {0.0, *tail.tolist()}
    assert max(np.diff(cuts)) <= 4  # quantiles by 1/64 are 8 values apart there


def test_what_is_rare_in_a_column_of_mostly_one_value_is_cut_as_finely_as_it_is_known() -> None:
    tail = np.arange(1.0, 41.0)  # 40 values in the last 8 % of 500
    fitted = encoder([0.0] * 460 + tail.tolist(), "rare")
    assert fitted.columns[0].parameters["cuts"] == [0.0, *tail.tolist()]
    many = encoder([0.0] * 5000 + np.linspace(1.5, 90, 3000).tolist(), "rare")
    assert len(many.columns[0].parameters["cuts"]) == 65


def test_rare_pieces_are_0_in_the_mean_and_as_large_as_common_ones(
    rng: np.random.Generator,
) -> None:
    # A tenth of the cells is no zero: the first piece of what is rare is nearly 0.9 rows' 0.
    x = np.concatenate([np.zeros(9000), np.ceil(rng.uniform(0, 20, 1000))])
    fitted = encoder(x.tolist(), "rare")
    pieces = encoded(fitted, x.tolist())[:, 1:]
    assert pieces.shape == (10_000, 20)
    np.testing.assert_allclose(pieces.mean(axis=0), 0, atol=0.01)
    rare = (x[:, None] >= np.arange(1, 21)).mean(axis=0)  # Bernoulli: σ² = p (1 − p)
    spread = np.sqrt(rare * (1 - rare))
    np.testing.assert_allclose(pieces.std(axis=0), np.minimum(0.5, 3 * spread), rtol=0.1)


def test_rare_pieces_are_0_in_the_mean_where_cells_are_missing_too(
    rng: np.random.Generator,
) -> None:
    x = [float(v) if v >= 0 else None for v in rng.choice([-1, 0, 3, 4, 5], 6000, p=_MISSING)]
    fitted = encoder(x, "rare")
    pieces = encoded(fitted, x)[:, 2:]
    np.testing.assert_allclose(pieces.mean(axis=0), 0, atol=0.01)
    np.testing.assert_allclose(pieces.std(axis=0), 0.5, atol=0.02)


def test_waves_are_the_sines_and_cosines_of_the_scaled_column(rng: np.random.Generator) -> None:
    x = rng.normal(size=65)
    fitted = encoder(x.tolist(), "periodic")
    names = ["x"] + [f"x {wave} {k}" for k in range(1, 9) for wave in ("sin", "cos")]
    assert list(fitted.labels) == names
    found = encoded(fitted, x.tolist())
    # e^(2πicx) of c from 1/16 to 1: a length of 16 quartile distances, and of one.
    scaled = by_hand(x, x)
    turns = np.exp(2j * np.pi * np.outer(scaled, np.geomspace(1 / 16, 1, 8)))
    np.testing.assert_allclose(found[:, 0], scaled, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(found[:, 1::2], 0.15 * turns.imag, atol=1e-14)
    np.testing.assert_allclose(found[:, 2::2], 0.15 * turns.real, atol=1e-14)


def test_waves_of_a_missing_cell_are_the_medians_and_one_value_has_none() -> None:
    fitted = encoder([1.0, 2.0, None, 4.0], "periodic")
    assert fitted.labels[:4] == ("x", "x missing", "x sin 1", "x cos 1")
    there, missing = encoded(fitted, [2.0, None])
    np.testing.assert_array_equal(there[2:], missing[2:])
    np.testing.assert_allclose(there[2:], [0, 0.15] * 8, atol=1e-16)
    assert encoder([7.0, 7.0, 7.0], "periodic").labels == ("x",)


@pytest.mark.parametrize("recipe", ["robust", "pieces", "rare", "periodic"])
def test_no_bit_of_a_robust_recipe_depends_on_chunks(recipe: str, rng: np.random.Generator) -> None:
    values = rng.lognormal(size=1000).tolist()
    whole = encoder(values, recipe).to_data()
    assert all(encoder(values, recipe, rows).to_data() == whole for rows in (1, 7, 333))
    again = Encoder.from_data(whole)
    assert encoded(again, values).tobytes() == encoded(encoder(values, recipe), values).tobytes()
