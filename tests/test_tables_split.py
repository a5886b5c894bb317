"""Which rows validate and test follows from the seed and the row, and shares are kept."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearprop.errors import DataError, SettingError
from clearprop.tables.opening import open_table
from clearprop.tables.split import TEST, TRAIN, VALIDATION, read_groups, split


def test_shares_are_exact_and_another_seed_gives_other_rows() -> None:
    parts = split(0, 1000, validation=0.2, test=0.1)
    assert np.bincount(parts).tolist() == [700, 200, 100]
    assert (parts == split(0, 1000, validation=0.2, test=0.1)).all()
    assert (parts != split(1, 1000, validation=0.2, test=0.1)).sum() > 200


def test_the_test_rows_do_not_depend_on_the_validation_share() -> None:
    rows = [split(3, 500, validation=v, test=0.2) == TEST for v in (0.0, 0.1, 0.5)]
    assert (rows[0] == rows[1]).all()
    assert (rows[0] == rows[2]).all()


def test_without_shares_all_rows_train() -> None:
    assert (split(0, 5) == TRAIN).all()


@given(
    st.lists(st.integers(0, 4), min_size=30, max_size=200),
    st.sampled_from([0.1, 0.2, 0.33]),
    st.sampled_from([0.0, 0.1, 0.25]),
    st.integers(0, 2**32),
)
def test_each_class_keeps_its_share_within_one_row(
    labels: list[int], validation: float, test: float, seed: int
) -> None:
    y = np.array(labels)
    parts = split(seed, len(y), validation=validation, test=test, labels=y)
    for k in np.unique(y):
        here = parts[y == k]
        for part, share in ((VALIDATION, validation), (TEST, test)):
            if len(here) > 10:
                assert abs((here == part).sum() - share * len(here)) < 1
        assert (here == TRAIN).any()


def test_rows_without_a_target_are_not_counted() -> None:
    usable = np.arange(100) % 2 == 0
    parts = split(0, 100, test=0.2, usable=usable)
    assert (parts == TEST).sum() == 10
    assert (parts[~usable] == TRAIN).all()


@pytest.mark.parametrize("seed", range(5))
def test_a_group_is_never_on_two_sides(seed: int, rng: np.random.Generator) -> None:
    groups = np.array([f"patient {k}" for k in rng.integers(0, 40, 1000)], object)
    parts = split(seed, 1000, validation=0.2, test=0.2, groups=groups)
    for group in np.unique(groups.astype(str)):
        assert len(np.unique(parts[groups == group])) == 1
    shares = np.bincount(parts, minlength=3) / 1000
    assert shares == pytest.approx([0.6, 0.2, 0.2], abs=0.05)


def test_a_groups_side_depends_on_its_name_and_not_on_its_rows(rng: np.random.Generator) -> None:
    groups = np.array([f"g{k}" for k in range(30)] * 4, object)
    parts = split(0, 120, test=0.3, groups=groups)
    order = rng.permutation(120)
    assert (split(0, 120, test=0.3, groups=groups[order]) == parts[order]).all()


def test_two_groups_are_enough_for_two_parts_and_one_is_not() -> None:
    two = np.array(["a"] * 9 + ["b"], object)
    assert sorted(np.unique(split(0, 10, test=0.2, groups=two)).tolist()) == [TRAIN, TEST]
    with pytest.raises(DataError, match="has one value only, and 2 are needed"):
        split(0, 10, test=0.2, groups=np.array(["a"] * 10, object))


def test_groups_are_read_by_name_and_rows_without_one_stand_alone() -> None:
    table = open_table({"patient": [7, None, 7, None]})
    groups = read_groups(table, "patient")
    assert groups[0] == groups[2] == "7"
    assert len(set(groups.tolist())) == 3


@pytest.mark.parametrize(
    ("validation", "test", "words"),
    [(1.0, 0.0, "validation must be a share"), (-0.1, 0.0, "share"), (0.5, 0.5, "leave no rows")],
)
def test_impossible_shares_are_refused(validation: float, test: float, words: str) -> None:
    with pytest.raises(SettingError, match=words):
        split(0, 10, validation=validation, test=test)


def test_too_few_rows_to_divide_are_refused() -> None:
    with pytest.raises(DataError, match=r"test=0.2 of 1 rows is less than one row"):
        split(0, 1, test=0.2)
