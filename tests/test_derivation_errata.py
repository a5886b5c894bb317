"""Every equation listed as misprinted is wrong as printed and right as put right."""

from __future__ import annotations

import html
import re
import shlex
from pathlib import Path

import numpy as np
import pytest

import clearprop as cp
from clearprop.cli import main
from clearprop.derivation.errata.loose import LOOSE
from clearprop.derivation.errata.wrong import ERRATA
from clearprop.derivation.sources import MORE, SOURCES, pages

DOCS = Path(__file__).parents[1] / "docs" / "sources"
PAGES = pages()


@pytest.mark.parametrize("erratum", ERRATA, ids=lambda e: f"{e.source} {e.place}")
def test_the_printed_form_fails_and_the_right_form_holds(erratum):
    for seed in range(5):
        assert erratum.error(seed) > 1e-6
        assert erratum.error(seed, printed=False) < 1e-8


LIST = {
    "S0": (":31", ":47", ":51", ":59, :61", ":72", ":96"),
    "S1": (":24", ":31", ":45", ":76, :78", ":111", ":120", ":133, :135"),
    "S2": (":34", ":36", ":53", ":68"),
    "S3": (":12", "(1), (10)", "(12), (21), (26)", "(15) before (23), (24)", "(18), (19)", "(35)"),
    "S4": ("(1)", "(4)", "δ recursion, 6 lines", "∂J/∂w, middle line"),
}
"""The misprints that were known when the texts were chosen, by line or number; the rest were found
by deriving them again."""


def test_every_misprint_of_the_list_is_there_and_each_that_was_found_since():
    places = {source: {e.place for e in ERRATA if e.source == source} for source in LIST}
    assert sum(map(len, LIST.values())) == 27
    for source, listed in LIST.items():
        assert places[source] >= set(listed)
    found = {(s, place) for s in places for place in places[s] - set(LIST[s])}
    assert found == {
        ("S0", ":39"), ("S1", ":74"), ("S1", ":98"), ("S1", ":110, :113"), ("S2", ":26"),
        ("S2", ":59"), ("S3", "(28)"), ("S4", "δ recursion, zⱼ"),
    }  # fmt: skip
    assert len(ERRATA) == 35


def test_each_source_has_a_page_of_its_own():
    for source, notation in SOURCES.items():
        text = PAGES[f"{source.lower()}-{notation}.md"]
        assert text.startswith(f"# {source} · {notation}")
        assert "## Derivation, with numbers" in text
        assert f"({source.lower()}-{notation}.md)" in PAGES["index.md"]
    assert {file.name for file in DOCS.iterdir()} == set(PAGES)


@pytest.mark.parametrize("name", sorted(PAGES))
def test_the_pages_of_the_sources_are_fresh(name):
    stands = (DOCS / name).read_text("utf-8")
    assert stands == PAGES[name], "run `python -m clearprop.derivation.sources docs/sources`"


def test_a_page_says_what_its_text_leaves_open_and_nothing_stands_there_twice():
    assert len({(one.source, one.place, one.written) for one in LOOSE}) == len(LOOSE)
    wrong = {(one.source, one.printed) for one in ERRATA}
    for one in LOOSE:
        assert (one.source, one.written) not in wrong
        page = PAGES[f"{one.source.lower()}-{SOURCES[one.source]}.md"]
        row = f"| {one.source} {one.place} | {one.written} | {one.read} |"
        assert row in page.replace(r"\_", "_").replace(r"\*", "*")
    assert {one.source for one in LOOSE} == set(SOURCES)


@pytest.mark.parametrize("name", sorted(name for name in PAGES if name.endswith(".md")))
def test_a_page_as_it_is_rendered_loses_no_sign(name):
    """Θ′_b = δ_{b+1} * a_b: Markdown takes pairs of underscores and stars for emphasis."""
    markdown = pytest.importorskip("markdown_it", reason="rich brings it").MarkdownIt("commonmark")
    rendered = markdown.enable("table").render(PAGES[name])
    assert not re.search("<em>|<strong>", rendered)
    shown = [one for one in ERRATA if name == "errata.md" or one.source.lower() == name[:2]]
    for one in shown:
        assert one.printed.replace("|", "∣") in html.unescape(rendered)


def test_the_page_of_the_shared_biases_says_so():
    said = {source: PAGES[f"{source.lower()}-{name}.md"] for source, name in SOURCES.items()}
    shared = "| bias view | one number for all units of a layer |"
    assert [source for source, page in said.items() if shared in page] == ["S3"]


@pytest.mark.parametrize("line", [line for more in MORE.values() for line, _ in more])
def test_every_other_command_of_a_page_runs_from_the_root(line, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(DOCS.parents[1])
    words = [str(tmp_path / word) if word == "s0.html" else word for word in shlex.split(line)[1:]]
    assert main(words) == 0
    assert capsys.readouterr().out or (tmp_path / "s0.html").stat().st_size > 10_000


def test_the_residual_neuron_passes_back_one_more_than_its_function():
    network = cp.Network.from_json((DOCS / "s1-residual.json").read_bytes())
    p, X, Y = network.initial(3), np.array([[0.4, -0.7]]), np.array([[0.2, 0.9, 0.5]])
    trace = network.trace(p, X, Y)
    z, behind = trace["z2"], trace["Delta4"]
    slope = 1 / (2 + np.exp(z) + np.exp(-z))  # σ′
    assert trace["a4"] == pytest.approx(z + 1 / (1 + np.exp(-z)), rel=1e-14)
    assert trace["delta2"] == pytest.approx(behind * (1 + slope), rel=1e-12)
    d = cp.derive(network, "graph", p, X, Y)
    assert "2 paths leave this value" in d.step("Delta2").why.speak("en")


@pytest.mark.parametrize("source", SOURCES)
def test_what_stands_below_a_command_is_what_it_prints(source, capsys, monkeypatch):
    monkeypatch.chdir(DOCS.parents[1])
    page = (DOCS / f"{source.lower()}-{SOURCES[source]}.md").read_text("utf-8")
    line, text = re.search(
        r"`clearprop (derive .*)` prints:\n\n```text\n(.*?)```", page, re.DOTALL
    ).groups()
    assert main(line.split()) == 0
    assert capsys.readouterr().out == text


def test_the_errata_show_equation_35_as_the_command_prints_it(capsys):
    page = (DOCS / "errata.md").read_text("utf-8")
    line, step = re.search(r"`clearprop (derive .*?)`.*```text\n(.*?)```", page, re.DOTALL).groups()
    assert main(line.split()) == 0
    assert capsys.readouterr().out.endswith(step)
    assert "⚠ the source prints: ∂Eₜₒₜₐₗ/∂V11 = " in step and "right: ∂Eₜₒₜₐₗ/∂V11 = " in step


def test_numbers_of_the_errata_have_a_minus_sign_and_no_negative_zero():
    for erratum in ERRATA:
        said = erratum.outcome()
        assert "shapes fail" in said or not re.search(r"-|\b−0 |read: read", said)


def test_the_table_of_the_five_is_what_its_command_prints(capsys):
    page = (DOCS / "index.md").read_text("utf-8")
    line, table = re.search(
        r"`clearprop (.*)` prints:\n\n```text\n(.*?)```", page, re.DOTALL
    ).groups()
    assert main(line.split()) == 0
    assert capsys.readouterr().out == table
