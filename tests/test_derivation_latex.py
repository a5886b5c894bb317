"""What is printed as LaTeX, read back by a reader of its own, is the number that is executed."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest
from conftest import count
from latex_page import Page, equations
from random_networks import random_case, redrawn
from test_derivation import NETWORKS, data

import clearprop as cp
from clearprop.derivation import NOTATIONS
from clearprop.derivation.pages import article


def read_back(
    network, notation, parameters, X, Y, *, widest=article.WIDEST, room=article.ROOM
) -> tuple[int, float]:
    """Read an article as it is printed; a formula wider than `widest` is cut at `room`."""
    d = cp.derive(network, notation, parameters, X, Y, digits=17)
    with pytest.MonkeyPatch.context() as patch:  # whether it verifies is another test's claim
        patch.setattr(article, "failure", lambda derived: "")
        patch.setattr(article, "header", lambda derived: ())
        patch.setattr(article, "WIDEST", widest)
        patch.setattr(article, "ROOM", room)
        page = d.to_latex()
    return Page(network, notation, parameters, X, Y).check(page)


def test_a_formula_cut_into_lines_is_read_as_one():
    block = "a_{1} &= (b_{1} + b_{2}) \\\\\n&\\quad {}\\cdot c_{1} \\\\\n&= 3 \\\\\n&\\qquad i = 1"
    ((left, sign, rights, runs),) = equations(block)
    assert ("".join(left), sign) == ("a_{1}", "=")
    assert list(map("".join, rights)) == [r"(b_{1}+b_{2})\cdotc_{1}", "3"]
    assert runs == {"i": ["1"]}


@pytest.mark.prove
@pytest.mark.parametrize("m", [1, 7])
@pytest.mark.parametrize("notation", NOTATIONS)
@pytest.mark.parametrize("name", NETWORKS)
def test_latex_read_back_is_what_is_executed(name, notation, m, full):
    if not full and (list(NETWORKS).index(name) + list(NOTATIONS).index(notation) + m) % 5:
        pytest.skip("one in five in `make test`, all in `make prove`")
    network = NETWORKS[name]()
    sides, worst = read_back(network, notation, *data(network, m))
    assert sides > 20
    assert worst <= 1e-10


@pytest.mark.prove
@pytest.mark.parametrize("notation", NOTATIONS)
@pytest.mark.parametrize("name", NETWORKS)
def test_latex_cut_at_every_width_read_back_is_what_is_executed(name, notation, full, proof):
    """At a room this small nearly every formula is cut, before signs of every depth."""
    if not full and (list(NETWORKS).index(name) + list(NOTATIONS).index(notation)) % 3:
        pytest.skip("one in three in `make test`, all in `make prove`")
    network, total, worst = NETWORKS[name](), 0, 0.0
    for widest, room in count([(24, 20)], [(24, 20), (16, 14), (40, 30), (60, 60)]):
        sides, off_by = read_back(network, notation, *data(network, 2), widest=widest, room=room)
        assert sides > 20
        assert off_by <= 1e-10, (widest, room)
        total, worst = total + sides, max(worst, off_by)
    proof("sides of equations cut into lines, read back from LaTeX", total, worst=worst)


#: 5: a connection from a layer with a name; 19: a sum over members times a vector, entry by entry;
#: 23: two functions of one row; 32: softmax of two sizes; 35: dropout's factors of members; 37: a
#: function of a column with dots; 39: layers of one form, one of them behind an index
TOLD = (5, 19, 23, 32, 35, 37, 39)
CHUNK = 25


@pytest.mark.parametrize("first", count([3], list(range(3, 203, CHUNK))))
def test_latex_of_random_graphs_read_back_is_what_is_executed(first, proof):
    worst, total = 0.0, 0
    for seed in count(TOLD, range(first, first + CHUNK)):
        for m in count((7,), (1, 7)):
            case = redrawn(random_case(seed, rows=m), 1e-3)
            for notation in NOTATIONS:
                found = read_back(case.network, notation, case.parameters, case.X, case.Y)
                assert found[1] <= 1e-10, (seed, m, notation)
                total, worst = total + found[0], max(worst, found[1])
    proof("sides of equations of random graphs, read back from LaTeX", total, worst=worst)


XELATEX = shutil.which("xelatex")


def _has_class(name: str) -> bool:
    run = ["kpsewhich", f"{name}.cls"]
    return bool(subprocess.run(run, check=False, capture_output=True).stdout.strip())


@pytest.mark.prove
@pytest.mark.skipif(XELATEX is None, reason="xelatex is not installed")
@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("notation", NOTATIONS)
def test_the_article_compiles_and_stays_on_the_page(notation, language, tmp_path, full):
    if not full and (notation, language) not in (("graph", "en"), ("scalar", "zh")):
        pytest.skip("two articles in `make test`, all in `make prove`")
    if language == "zh" and not _has_class("ctexart"):
        pytest.skip("TeX has no ctexart.cls")
    weight = {"scalar": "V11", "graph": None}.get(notation, "W1[1,1]")
    name = "softmax" if notation == "graph" else "shared bias"
    network = NETWORKS[name]()
    d = cp.derive(network, notation, *data(network, 1), weight=weight, language=language)
    (tmp_path / "a.tex").write_text(d.to_latex(), "utf-8")
    run = [XELATEX, "-interaction=nonstopmode", "-halt-on-error", "a.tex"]
    said = subprocess.run(run, cwd=tmp_path, check=True, capture_output=True, timeout=300)
    text = said.stdout.decode("utf-8", "replace")
    assert "Missing character" not in text
    wide = [float(points) for points in re.findall(r"Overfull .hbox \(([\d.]+)pt", text)]
    assert max(wide, default=0.0) < 12  # a sixth of an inch
