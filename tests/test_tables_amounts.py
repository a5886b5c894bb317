"""Numbers with a currency, per cent or commas are numbers, and later rows are read as they were."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import clearprop as cp
from clearprop.errors import DataError
from clearprop.tables.opening import open_table

COLUMNS: dict[str, tuple[list[str], str, list[float]]] = {
    "dollars": (["$1,234.50", "$7", "-$3.5", "$ 1e3"], "$1,234.5", [1234.5, 7, -3.5, 1000]),
    "per cent": (["12%", "7.5 %", "+1%", ".5%"], "1,234.5%", [12, 7.5, 1, 0.5]),
    "thousands": (["1,234", "12", "1,000,000", "5.5"], "1,234.5", [1234, 12, 1e6, 5.5]),
    "dots": (["1.234,5", "7", "-12.345.678,9", "1"], "1.234,5", [1234.5, 7, -12345678.9, 1]),
    "euros": (["1 234,5 €", "5 €", "6,7 €", ",5 €"], "€1.234,5", [1234.5, 5, 6.7, 0.5]),
    "no break": (["1\u00a0234,5", "2\u202f000,25", "1", "2"], "1.234,5", [1234.5, 2000.25, 1, 2]),
}
#: What is left as text, and what is said of it.
TEXTS: dict[str, tuple[list[str], str]] = {
    "pairs": (["47,43", "1,2", "3,4", "5,6"], "if it holds numbers with decimal commas"),
    "either": (["€ 1.234", "€ 999", "€ 1", "€ 2"], "may be written like 1,234.5 or 1.234,5"),
    "two currencies": (["$1", "€2", "$3", "$4"], ""),
    "some per cent": (["1%", "2", "3%", "4%"], ""),
    "too large": (["$1e999", "$2", "$3", "$4"], ""),
    "a word": (["$1", "$2", "three", "$4"], ""),
    "two units": (["$5$", "$6€", "$7", "$8"], ""),
    "leading zeros": (["0,123", "0,456", "0,789", "0,012"], "decimal commas"),
    "groups of two": (["1,23,456", "1,234", "2", "3"], ""),
    "codes": (["12 345", "1 000", "2", "3"], ""),
}


def sources(texts: list[str], folder: Path) -> list[Any]:
    frame = pd.DataFrame({"a": texts, "b": range(len(texts))})
    frame.to_csv(folder / "t.csv", index=False)
    return [frame, str(folder / "t.csv")]


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("kind", [0, 1])
def test_amounts_are_numbers(name: str, kind: int, tmp_path: Path) -> None:
    texts, form, numbers = COLUMNS[name]
    table = open_table(sources(texts, tmp_path)[kind])
    column = table.column("a")
    assert (column.kind, column.form) == ("real", form)
    np.testing.assert_array_equal(table.read()["a"].values, numbers)
    assert sum("'a'" in note for note in table.notes) == 1


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("kind", [0, 1])
def test_what_may_be_something_else_stays_text(name: str, kind: int, tmp_path: Path) -> None:
    texts, note = TEXTS[name]
    table = open_table(sources(texts, tmp_path)[kind])
    assert (table.column("a").kind, table.column("a").form) == ("text", "")
    assert table.read()["a"].values.tolist() == texts
    if note:
        assert any(note in one for one in table.notes)


def test_where_semicolons_divide_a_comma_is_decimal(tmp_path: Path) -> None:
    source = tmp_path / "t.csv"
    source.write_text("a;b\n47,43;1\n1,234;2\n-,5;3\n1,5e3;4\n")
    assert open_table(str(source)).read()["a"].values.tolist() == [47.43, 1.234, -0.5, 1500.0]


def test_missing_words_among_amounts_are_missing_cells() -> None:
    table = open_table({"a": ["$1,200", "?", None, "$3"]})
    assert table.read()["a"].valid.tolist() == [True, False, False, True]
    assert any("'?' is a missing cell" in note for note in table.notes)


@pytest.mark.parametrize("kind", [0, 1])
def test_a_saved_model_reads_later_rows_in_its_form(kind: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x = rng.uniform(500, 90_000, 120).round(1)
    texts = [f"{one:,.1f} €".replace(",", "'").replace(".", ",").replace("'", ".") for one in x]
    y = (x / 10_000 + 0.1 * rng.normal(size=120)).tolist()
    frame = pd.DataFrame({"a": texts, "y": y})
    frame.to_csv(tmp_path / "t.csv", index=False)
    source = [frame, str(tmp_path / "t.csv")][kind]
    cp.train_table(source, "y", preset="fast").save(tmp_path / "m.clearprop")
    model = cp.load(tmp_path / "m.clearprop")
    assert model.encoder is not None
    assert (model.encoder.columns[0].form, model.encoder.columns[0].kind) == ("€1.234,5", "real")
    whole = model.predict(source)
    plain = cp.train_table({"a": x, "y": y}, "y", preset="fast").predict({"a": x})
    np.testing.assert_array_equal(whole, plain)
    for row in (0, 7):  # alone, a text says little
        assert model.predict({"a": [texts[row]]})[0] == pytest.approx(whole[row], rel=1e-6)
        (tmp_path / "one.csv").write_text(f'a\n"{texts[row]}"\n')
        one = model.predict(str(tmp_path / "one.csv"))[0]
        assert one == pytest.approx(whole[row], rel=1e-6)
        assert model.predict({"a": [x[row]]})[0] == pytest.approx(whole[row], rel=1e-6)
    assert model.predict({"a": ["1.234"]}) == model.predict({"a": [1234.0]})
    with pytest.raises(DataError, match=r"holds numbers like €1.234,5, but row 1 has '12,3,4'"):
        model.predict({"a": ["12,3,4"]})


@pytest.mark.parametrize(
    ("written", "form", "others"),
    [
        ("${:,.2f}", "$1,234.5", ["€1,234.50", "12%", "12 €", "-£3"]),
        ("{} %", "1,234.5%", ["12 $", "$12"]),
        ("{:,}", "1,234.5", []),
    ],
)
def test_a_cell_of_another_unit_is_refused_and_one_without_is_read(
    written: str, form: str, others: list[str], tmp_path: Path
) -> None:
    texts = [written.format(300 * k) for k in range(40)]
    data = {"a": texts, "y": [float(k) for k in range(40)]}
    pd.DataFrame(data).to_csv(tmp_path / "t.csv", index=False)
    for source in (data, str(tmp_path / "t.csv")):
        for target in ("y", "a"):
            frame = open_table(source) if target == "a" else source
            model = cp.train_table(frame, target, epochs=1, members=1)
            model.save(tmp_path / "m.clearprop")
            model = cp.load(tmp_path / "m.clearprop")
            rows: dict[str, Any] = {"a": texts[:1], "y": [0.0]}
            for cell in ("7", "1,200", texts[1]):
                assert np.isfinite(model.evaluate({**rows, "a": [cell]})["mae"])
            for cell in others:
                said = f"column 'a' holds numbers like {form}, but row 1 has '{cell}'"
                with pytest.raises(DataError, match=re.escape(said)):
                    model.evaluate({**rows, "a": [cell]})
                (tmp_path / "one.csv").write_text(f'a,y\n"{cell}",0\n')
                with pytest.raises(DataError, match=re.escape(said)):
                    model.evaluate(str(tmp_path / "one.csv"))


def test_a_target_may_be_an_amount(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    x = rng.uniform(0, 10, 100)
    rows = "".join(f'{a},"${1000 * a + 500:,.2f}"\n' for a in x)
    (tmp_path / "t.csv").write_text("x,price\n" + rows)
    model = cp.train_table(str(tmp_path / "t.csv"), "price", preset="fast")
    assert model.task == "regression"
    assert model.predict({"x": [5.0]})[0] == pytest.approx(5500, rel=0.1)
    assert model.evaluate(str(tmp_path / "t.csv"))["r2"] > 0.9


@pytest.mark.parametrize("kind", [0, 1])
@pytest.mark.parametrize("form", [0, 1, 2])
def test_any_number_is_read_as_it_was_before_it_was_written(
    form: int, kind: int, tmp_path: Path
) -> None:
    rng = np.random.default_rng(form)
    numbers = (rng.choice([-1, 1], 300) * np.exp(rng.uniform(-3, 20, 300))).round(3)
    numbers[:2] = 1234.5, 0.001
    written = [f"{one:,.3f}" for one in numbers.tolist()]
    if form:  # the marks change places; in front of units, and with spaces at the thousands
        turned = [one.translate({44: ".", 46: ","}) for one in written]
        written = [f"{one.replace('.', ' ')} €" for one in turned] if form == 2 else turned
    table = open_table(sources(written, tmp_path)[kind])
    np.testing.assert_array_equal(table.read()["a"].values, numbers)


def test_a_currency_s_comma_before_three_digits_is_at_the_thousands(tmp_path: Path) -> None:
    for name, delimiter in (("t.tsv", "\t"), ("t.csv", ";")):
        (tmp_path / name).write_text(f"a{delimiter}b\n$1,234{delimiter}1\n$999{delimiter}2\n")
        assert open_table(str(tmp_path / name)).read()["a"].values.tolist() == [1234.0, 999.0]


def test_rows_that_judge_are_read_in_the_form_of_training(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    x = rng.integers(1_000, 90_000, 160).astype(float)
    y = x / 10_000 + 0.05 * rng.normal(size=160)
    texts = [f"{one:,.1f}".translate({44: ".", 46: ","}) for one in x]  # "8.174,0"
    whole = [f"{one:,.0f}".replace(",", ".") for one in x]  # "8.174", alone a number below ten
    held = (pd.DataFrame({"a": whole[100:]}), y[100:])
    model = cp.TabularRegressor(preset="fast", random_state=0)
    model.fit(pd.DataFrame({"a": texts[:100]}), y[:100], validation_data=held)
    residuals = model.model_.residuals
    assert residuals is not None and np.abs(residuals.residuals).mean() < 0.5
    for part, cells in (("train", texts[:100]), ("held", whole[100:])):
        rows = zip(cells, y[:100] if part == "train" else y[100:], strict=True)
        lines = "".join(f'"{a}",{b}\n' for a, b in rows)
        (tmp_path / f"{part}.csv").write_text("a,y\n" + lines)
    for asked in ({"preset": "fast"}, {"hidden": [16], "epochs": 400}):
        told: dict[str, Any] = {"validation": str(tmp_path / "held.csv"), **asked}
        found = cp.train_table(str(tmp_path / "train.csv"), "y", **told)
        assert found.provenance["figures"]["validation"]["rmse"] < 0.7


def test_a_target_keeps_its_form(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    x = rng.uniform(1, 9, 120)
    prices = [f"{1000 * a + 500:,.2f}".translate({44: ".", 46: ","}) for a in x]
    for part, own in (("train", slice(80)), ("held", slice(80, 120))):
        lines = "".join(f'{a},"{b}"\n' for a, b in zip(x[own], prices[own], strict=True))
        (tmp_path / f"{part}.csv").write_text("x,price\n" + lines)
    for asked in ({"preset": "fast"}, {"hidden": [16], "epochs": 100}):
        told: dict[str, Any] = {"validation": str(tmp_path / "held.csv"), **asked}
        found = cp.train_table(str(tmp_path / "train.csv"), "price", **told)
        assert found.provenance["figures"]["validation"]["rmse"] < 3000
        found.save(tmp_path / "m.clearprop")
        model = cp.load(tmp_path / "m.clearprop")
        assert model.target.form == "1.234,5"
        few = model.evaluate(pd.DataFrame({"x": x[:1], "price": ["1.234"]}))
        assert few["mae"] == pytest.approx(abs(model.predict({"x": x[:1]})[0] - 1234.0))
