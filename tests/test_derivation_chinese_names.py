"""Chinese names in an English derivation: columns of a table, letters, layers; TeX sets them."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

import clearprop as cp
from clearprop.cli import main
from clearprop.derivation import Notation

XELATEX, PDFTOTEXT = shutil.which("xelatex"), shutil.which("pdftotext")


def has_ctex() -> bool:
    run = ["kpsewhich", "ctex.sty"]
    return bool(subprocess.run(run, check=False, capture_output=True).stdout.strip())


@pytest.fixture
def table(tmp_path):
    file = tmp_path / "住房.csv"
    file.write_text("面积,楼层,价格\n0.5,0.2,0.7\n0.1,0.9,0.3\n", "utf-8")
    return str(file)


def written(capsys, *line) -> str:
    assert main(["derive", *line]) == 0
    return capsys.readouterr().out


def test_columns_with_chinese_names_are_in_the_english_article_with_a_font(table, capsys):
    page = written(capsys, "2-3-1", "--data", table, "--row", "1", "--format", "latex")
    assert r"\usepackage[scheme=plain]{ctex}" in page
    assert all(name in page for name in ("面积", "楼层", "价格", "住房.csv"))
    assert "矩阵" not in page  # the source's own title, which has an English half
    assert r"\documentclass[11pt]{article}" in page


def test_an_article_without_chinese_names_compiles_without_chinese_fonts(capsys):
    page = written(capsys, "2-3-1", "--format", "latex")
    assert page.isascii()
    assert "ctex" not in page
    assert r"\noindent S0: Joe-Han, 2016\par" in page


def test_a_notation_of_ones_own_keeps_its_chinese_title():
    mine = Notation("mine", title="我们的讲义 lecture", symbols={"W": "权"})
    page = cp.derive(cp.Network("2-3-1"), mine).to_latex()
    assert "我们的讲义 lecture" in page
    assert r"\text{权}" in page
    assert "{ctex}" in page


def test_a_chinese_name_in_an_english_page_says_its_language(table, capsys):
    page = written(capsys, "2-3-1", "--data", table, "--row", "1", "--format", "html")
    assert '<html lang="en">' in page
    assert (
        'a⁽¹⁾₁\xa0<span lang="zh-CN">面积</span>, a⁽¹⁾₂\xa0<span lang="zh-CN">楼层</span>' in page
    )
    line = ("2-3-1", "--data", table, "--row", "1", "--format", "html", "--language", "zh")
    page = written(capsys, *line)
    assert '<html lang="zh-CN">' in page
    assert "<span lang" not in page


@pytest.mark.skipif(XELATEX is None, reason="xelatex is not installed")
@pytest.mark.parametrize("language", ["en", "zh"])
def test_an_article_with_chinese_columns_compiles_and_shows_them(language, table, capsys, tmp_path):
    if not has_ctex():
        pytest.skip("TeX has no ctex.sty")
    page = written(
        capsys, "2-2-1", "--data", table, "--row", "1", "--format", "latex", "--language", language
    )
    (tmp_path / "a.tex").write_text(page, "utf-8")
    run = [XELATEX, "-interaction=nonstopmode", "-halt-on-error", "a.tex"]
    done = subprocess.run(run, cwd=tmp_path, check=False, capture_output=True, timeout=300)
    text = done.stdout.decode("utf-8", "replace")
    assert done.returncode == 0, text[-2000:]
    assert "Missing character" not in text
    if PDFTOTEXT:
        shown = subprocess.run(
            [PDFTOTEXT, "a.pdf", "-"], cwd=tmp_path, check=True, capture_output=True
        ).stdout.decode()
        squeezed = re.sub(r"\s", "", shown)
        assert all(name in squeezed for name in ("面积", "楼层", "价格"))
