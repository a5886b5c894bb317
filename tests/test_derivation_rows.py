"""A table's rows as a network reads them, random ones for want of them, and files for pages."""

from __future__ import annotations

import numpy as np
import pytest

import clearprop as cp
from clearprop.derivation.command.calls import random_numbers, with_numbers
from clearprop.derivation.command.rows import read_rows
from clearprop.derivation.command.saving import check_page, format_of
from clearprop.derivation.wording.messages import MESSAGES
from clearprop.errors import DataError, FileError, UsageError
from clearprop.network import Network
from clearprop.tables.opening import open_table


def table(tmp_path, text):
    file = tmp_path / "t.csv"
    file.write_text(text, "utf-8")
    return str(file)


NUMBERS = "a,b,c,d\n1,2,3,4\n5,6,7,8\n9,10,11,12\n"


# -- rows -----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("network", "target", "row", "X", "Y", "columns"),
    [
        (Network([2, 3, 2]), "", None, [[1, 2], [5, 6], [9, 10]], [[3, 4], [7, 8], [11, 12]],
         {"a1": ("a", "b"), "y": ("c", "d")}),
        (Network([2, 3, 2]), "", 1, [[1, 2]], [[3, 4]], {"a1": ("a", "b"), "y": ("c", "d")}),
        (Network([2, 3, 2]), "", 3, [[9, 10]], [[11, 12]], {"a1": ("a", "b"), "y": ("c", "d")}),
        (Network([3, 1]), "", 2, [[5, 6, 7]], [[8]], {"a1": ("a", "b", "c"), "y": ("d",)}),
        (Network([3, 1]), "b", 2, [[5, 7, 8]], [[6]], {"a1": ("a", "c", "d"), "y": ("b",)}),
        (Network([3, 1]), "a", None, [[2, 3, 4], [6, 7, 8], [10, 11, 12]], [[1], [5], [9]],
         {"a1": ("b", "c", "d"), "y": ("a",)}),
    ],
)  # fmt: skip
def test_columns_are_inputs_and_then_targets_or_the_one_that_is_named(
    network, target, row, X, Y, columns, tmp_path
):
    found = read_rows(table(tmp_path, NUMBERS), network, target, row)
    assert [found[0].tolist(), found[1].tolist(), found[2]] == [X, Y, columns]
    assert found[0].dtype == np.float64


def test_a_column_of_classes_is_words_or_whole_numbers_and_columns_of_ones_are_taken_too(tmp_path):
    network = Network([1, 3], cost="cross_entropy")
    words = table(tmp_path, "kind,size\nred,1\nblue,2\ngreen,3\nred,4\n")
    X, Y, columns = read_rows(words, network, "kind")
    assert X.tolist() == [[1], [2], [3], [4]]
    units = columns["y"]
    assert sorted(units) == ["kind=blue", "kind=green", "kind=red"]
    kinds = ["red", "blue", "green", "red"]
    assert [units[int(k)] for k in Y] == [f"kind={kind}" for kind in kinds]
    numbers = table(tmp_path, "size,k\n1,2\n2,0\n3,1\n")
    X, Y, columns = read_rows(numbers, network)
    assert (Y.tolist(), columns["y"]) == ([2, 0, 1], ("k=0", "k=1", "k=2"))
    assert read_rows(numbers, network, row=3)[1].tolist() == [1]
    shares = table(tmp_path, "size,p,q,r\n1,0,0,1\n2,0.5,0.5,0\n")
    X, Y, columns = read_rows(shares, network)
    assert Y.tolist() == [[0, 0, 1], [0.5, 0.5, 0]] and columns["y"] == ("p", "q", "r")
    missing = table(tmp_path, "size,k\n1,a\n2,\n3,b\n")
    with pytest.raises(DataError, match="row 2: column 'k' has no value"):
        read_rows(missing, network)


def test_an_index_is_a_column_of_whole_numbers(tmp_path):
    k = cp.Input(levels=4)
    network = Network(inputs=k, outputs=cp.Dense(1)(cp.Embedding(2)(k)))
    X, Y, columns = read_rows(table(tmp_path, "k,y\n3,0.5\n0,1.5\n"), network)
    assert (X.tolist(), X.dtype.kind, Y.tolist()) == ([3, 0], "i", [[0.5], [1.5]])
    assert columns == {"a1": ("k",), "y": ("y",)}


def test_a_row_of_a_trained_model_is_its_numbers_and_its_index_of_many_levels(tmp_path):
    rows = {"x": [n / 51 for n in range(102)], "city": [f"c{n % 51:02}" for n in range(102)]}
    model = cp.train_table({**rows, "t": rows["x"]}, "t", epochs=1, members=1, seed=1)
    file = table(tmp_path, "x,city,t\n0.5,c07,0.25\n1,c30,0.75\n")
    X, Y, columns = read_rows(file, model, row=2)
    city, x = (a.value for a in sorted(model.network.graph.inputs, key=lambda a: not a.levels))
    keys = {one.value: one.key for one in model.network.graph.inputs}
    assert (columns[city], columns[x]) == (("city",), ("x",))
    encoded = model.encoder.encode(open_table({"x": [1.0], "city": ["c30"]}), np.float64)
    assert X[keys[city]].ravel().tolist() == encoded.indices.ravel().tolist() != [0]
    assert X[keys[x]].tolist() == encoded.X.tolist() and len(Y) == 1
    assert cp.derive(model.network, "matrix", model.parameters, X, Y).verify().passed


@pytest.mark.parametrize(
    ("text", "target", "row", "said"),
    [
        ("a,b,c\n1,2,3\n", "", None,
         "has 3 columns; the network needs 2 of inputs and then 2 of targets"),
        ("a,b,c,d,e\n1,2,3,4,5\n", "", None, "has 5 columns"),
        ("a\n1\n", "", None, "has 1 column; the network needs"),
        ("a,b,c\n1,2,3\n", "a", None, "--target 'a' is one column, .* 2 outputs: for a column"),
        ("a,b,c,d\n1,2,3,4\n5,6,,8\n", "", None, "row 2: column 'c' has no value"),
        ("a,b,c,d\n1,x,3,4\n1,y,3,4\n", "", None, "t.csv: column 'b' holds text, .* --cost"),
        ("a,b,c,d\n1,2,3,4\n", "", 2, "there is no row 2; .* has 1, counted from 1"),
    ],
)  # fmt: skip
def test_a_table_of_another_form_is_refused_and_said_what_it_has(text, target, row, said, tmp_path):
    with pytest.raises(DataError, match=said):
        read_rows(table(tmp_path, text), Network([2, 3, 2]), target, row)


def test_one_row_is_read_whatever_another_lacks(tmp_path):
    given = table(tmp_path, "a,b,c,d\n1,,3,4\n5,6,7,8\n")
    X, Y, _ = read_rows(given, Network([2, 3, 2]), row=2)
    assert (X.tolist(), Y.tolist()) == ([[5, 6]], [[7, 8]])
    with pytest.raises(DataError, match="row 1: column 'b' has no value"):
        read_rows(given, Network([2, 3, 2]), row=1)


def test_classes_want_one_column_of_them_or_one_each(tmp_path):
    network = Network([1, 3], cost="cross_entropy")
    with pytest.raises(DataError, match="1 of inputs, all numbers, and then a column of classes"):
        read_rows(table(tmp_path, "a,b,c\n1,2,3\n"), network)
    with pytest.raises(DataError, match="one input and one output"):
        x, z = cp.Input(1), cp.Input(1)
        many = Network(inputs=[x, z], outputs=cp.Dense(1)(cp.concat(x, z)))
        read_rows(table(tmp_path, "a,b,c\n1,2,3\n"), many)
    with pytest.raises(DataError, match="one input and one output"):
        x = cp.Input(1)
        many = Network(inputs=x, outputs=[cp.Dense(1)(x), cp.Dense(1)(x)])
        read_rows(table(tmp_path, "a,b,c\n1,2,3\n"), many)


def test_a_thousand_rows_are_a_batch_and_one_more_is_too_many(tmp_path):
    network = Network([1, 1])
    file = table(tmp_path, "a,b\n" + "1,2\n" * 1000)
    assert len(read_rows(file, network)[1]) == 1000
    file = table(tmp_path, "a,b\n" + "1,2\n" * 1001)
    with pytest.raises(DataError, match=r"has 1,001 rows; choose one with --row, or 1,000 at most"):
        read_rows(file, network)


# -- numbers at random ----------------------------------------------------------------------------
def test_random_numbers_have_two_decimals_and_lie_where_they_should():
    k, x = cp.Input(levels=3), cp.Input(2)
    h = cp.concat(cp.Embedding(2)(k), x)
    network = Network(inputs=[k, x], outputs=[cp.Dense(2)(h), cp.Dense(1)(h)])
    p, X, Y = random_numbers(network, 0, 400)
    index, x = X.values()
    numbers = np.concatenate([x.ravel(), *(array.ravel() for array in p.values())])
    assert np.array_equal(numbers, np.round(numbers, 2))
    assert -1 <= numbers.min() < -0.95 and 0.95 < numbers.max() <= 1
    assert set(index.tolist()) == {0, 1, 2} and index.shape == (400,)
    targets = np.concatenate([array.ravel() for array in Y.values()])
    assert np.array_equal(targets, np.round(targets, 2))
    assert 0 <= targets.min() < 0.05 and 0.95 < targets.max() <= 1
    assert [array.shape for array in Y.values()] == [(400, 2), (400, 1)]
    assert list(Y) == [cost.value for cost in network.graph.costs]
    one = random_numbers(Network([2, 1]), 0, 3)
    assert one[1].shape == (3, 2) and one[2].shape == (3, 1)  # one of each is no mapping
    assert not np.array_equal(random_numbers(Network([2, 1]), 1, 3)[1], one[1])
    assert np.array_equal(random_numbers(Network([2, 1]), 0, 3)[1], one[1])


def test_random_weights_of_a_wide_unit_are_smaller_so_that_deep_networks_verify():
    weights = random_numbers(Network([784, 7, 6, 2]), 0, 1)[0]
    for name, n, digits in (("W1", 784, 3), ("W2", 7, 2), ("W3", 6, 2)):
        w, reach = weights[name], np.sqrt(6 / n)
        assert 0.9 * reach < np.abs(w).max() <= reach + 0.5 * 10.0**-digits
        assert np.array_equal(w, np.round(w, digits)), name
    assert np.abs(weights["b1"]).max() > 0.5  # a bias adds up nothing
    table = cp.Input(levels=40)
    network = Network(inputs=table, outputs=cp.Dense(1)(cp.Embedding(2)(table)))
    assert np.abs(random_numbers(network, 0, 1)[0]["E1"]).max() > 0.95  # one row is looked up
    deep = Network([200, *[100] * 12, 3], "relu", cost="cross_entropy")
    d = cp.derive(deep, "matrix", *random_numbers(deep, 0, 1))
    assert d.verify().passed and not d.verify().beyond
    sizes = [np.sqrt(np.mean(d.numbers.trace[f"a{n}"] ** 2)) for n in range(2, 14)]
    assert min(sizes) > 0.1 and max(sizes) < 10


def test_a_derivation_says_where_its_numbers_come_from(tmp_path):
    network = Network([2, 3, 2])
    found = with_numbers(network, "matrix", None, "en", 4, 7, "", None, "")
    assert (found.origin, found.seed, found.table, found.numbers.m) == ("seeded", 7, "", 1)
    file = table(tmp_path, NUMBERS)
    for row, language, shown in (
        (None, "en", file), (2, "en", f"{file}, row 2"), (2, "zh", f"{file} 第 2 行"),
    ):  # fmt: skip
        found = with_numbers(network, "matrix", None, language, 4, 7, file, row, "")
        assert (found.origin, found.seed, found.table) == ("table", 7, shown)
        assert found.numbers.m == (3 if row is None else 1)
        assert found.columns == {"a1": ("a", "b"), "y": ("c", "d")}
        x = found.value(found.step("a1").equations[0])
        assert x.tolist() == ([1, 2] if row is None else [5, 6])


# -- files ----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("format", "json", "out", "expected"),
    [
        ("", False, "", "text"), ("latex", False, "", "latex"), ("", True, "", "json"),
        ("json", True, "", "json"), ("", False, "p.txt", "text"), ("", False, "p.md", "text"),
        ("", False, "p", "text"), ("", False, "p.tex", "latex"), ("", False, "p.latex", "latex"),
        ("", False, "p.HTML", "html"), ("", False, "a.b/p.htm", "html"),
        ("", False, "p.json", "json"), ("", True, "p.json", "json"), ("html", False, "p", "html"),
        ("", True, "p", "json"), ("html", False, "p.html", "html"), ("latex", False, "p.pdf",
         "latex"), ("", True, "p.out", "json"),
    ],
)  # fmt: skip
def test_a_format_is_asked_for_by_option_or_by_name(format, json, out, expected):
    assert format_of(format, json, out) == expected


@pytest.mark.parametrize(
    ("format", "json", "out", "said"),
    [
        ("pdf", False, "", "there is no format 'pdf'"),
        ("text", True, "", "--format text and --json contradict each other"),
        ("text", False, "p.html", r"--format text and the name p.html \(html\) contradict"),
        ("", True, "p.tex", r"--json and the name p.tex \(latex\) contradict"),
        ("", False, "p.pdf", "the ending '.pdf' of p.pdf says no format"),
    ],
)
def test_a_format_that_is_none_or_two_is_refused(format, json, out, said):
    with pytest.raises(UsageError, match=said):
        format_of(format, json, out)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_page_is_known_by_its_title_near_its_top(language, tmp_path):
    file = tmp_path / "page.txt"
    title = MESSAGES("title", language, network="2-3-2")
    check_page(str(file))  # nothing stands there
    for text, page in (
        (title, True), ("x" * 900 + title, True), ("x" * 2001 + title, False), ("2-3-2", False),
        (MESSAGES("title", language, network=""), False), ("", False),
    ):  # fmt: skip
        file.write_text(text, "utf-8")
        if page:
            check_page(str(file))
        else:
            with pytest.raises(FileError, match="no page of ClearProp's"):
                check_page(str(file))
        check_page(str(file), overwrite=True)
    file.write_bytes(b"\xff\xfe" + title.encode("utf-8"))
    check_page(str(file))
