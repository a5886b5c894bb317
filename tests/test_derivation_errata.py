"""Every equation listed as misprinted is wrong as printed and right as put right."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from clearprop.cli import main
from clearprop.derivation.errata import ERRATA
from clearprop.derivation.sources import SOURCES, pages

DOCS = Path(__file__).parents[1] / "docs" / "sources"


@pytest.mark.parametrize("erratum", ERRATA, ids=lambda e: f"{e.source} {e.place}")
def test_the_printed_form_fails_and_the_right_form_holds(erratum):
    for seed in range(5):
        assert erratum.error(seed) > 1e-6
        assert erratum.error(seed, printed=False) < 1e-8


def test_every_misprint_of_the_list_is_there():
    assert len(ERRATA) >= 27
    assert {e.source for e in ERRATA} == {"S0", "S1", "S2", "S3", "S4"}


def test_each_source_has_a_page_of_its_own():
    found = pages()
    for source, notation in SOURCES.items():
        text = found[f"{source.lower()}-{notation}.md"]
        assert text.startswith(f"# {source} · {notation}")
        assert "## Derivation, with numbers" in text
        assert f"({source.lower()}-{notation}.md)" in found["index.md"]
    assert {file.name for file in DOCS.iterdir()} == set(found)


@pytest.mark.parametrize("name", sorted(pages()))
def test_the_pages_of_the_sources_are_fresh(name):
    stands = (DOCS / name).read_text("utf-8")
    assert stands == pages()[name], "run `python -m clearprop.derivation.sources docs/sources`"


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
