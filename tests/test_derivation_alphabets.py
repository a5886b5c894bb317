"""Letters of a notation in LaTeX: Greek, accents, styles; TeX sets them."""

from __future__ import annotations

import shutil
import subprocess
import unicodedata

import pytest

import clearprop as cp
from clearprop.derivation import Notation
from clearprop.derivation.printers.alphabets import clusters, latex_letter

GREEK = [chr(code) for code in range(ord("Α"), ord("ω") + 1) if unicodedata.name(chr(code), "")]


@pytest.mark.parametrize(
    ("letter", "expected"),
    [
        ("W", "W"), ("Cost", r"\mathrm{Cost}"), ("Γ", r"\Gamma"), ("ε", r"\varepsilon"),
        ("ο", "o"), ("Α", r"\mathrm{A}"), ("ℓ", r"\ell"), ("w\u0302", r"\hat{w}"),
        ("\u0175", r"\hat{w}"), ("δ\u0304", r"\bar{\delta}"), ("ℒ", r"\mathcal{L}"),
        ("𝐖", r"\mathbf{W}"), ("ℝ", r"\mathbb{R}"), ("Δx", r"\mathrm{\Delta x}"),
        ("权", r"\text{权}"), ("й", r"\text{й}"), ("слой_1", r"\text{слой\_1}"),
    ],
)  # fmt: skip
def test_a_letter_is_written_as_latex_has_it(letter, expected):
    assert latex_letter(letter) == expected


def test_no_greek_letter_is_left_to_the_font():
    assert all(latex_letter(one).isascii() for one in GREEK)
    commands = [latex_letter(one) for one in GREEK if latex_letter(one).startswith("\\")]
    assert len(set(commands)) == len(commands)


def test_accents_stay_with_their_letter():
    assert list(clusters("a\u0302bc\u0304\u0301")) == ["â", "b", "c\u0304\u0301"]


@pytest.mark.prove
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_an_article_in_letters_of_many_alphabets_compiles_with_the_oldest_engine(tmp_path):
    mine = Notation(
        "mine",
        level="graph",
        symbols={
            "W": "Γ",
            "z": "ζ",
            "a": "h\u0304",
            "delta": "ε",
            "Delta": "Ψ",
            "J": "ℒ",
            "b": "𝐛",
        },
        bias_view="column",
    )
    net = cp.Network("2-3-2", "tanh")
    d = cp.derive(net, mine, net.initial(0), [[0.1, 0.2]], [[1.0, 0.0]])
    (tmp_path / "a.tex").write_text(d.to_latex(), "utf-8")
    run = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "a.tex"]
    done = subprocess.run(run, cwd=tmp_path, check=False, capture_output=True, timeout=300)
    text = done.stdout.decode("utf-8", "replace")
    assert done.returncode == 0, text[-2000:]
    assert "Missing character" not in text


def cyrillic():
    mine = Notation("mine", symbols={"W": "Ж", "a": "слой", "delta": "ש"})
    x = cp.Input(2)
    h = cp.Dense(2, "tanh", name="скрытый_1")(x)
    net = cp.Network(inputs=x, outputs=cp.Dense(1, name="ж")(h))
    return cp.derive(net, mine, net.initial(0), [[0.1, 0.2]], [[1.0]])


def test_letters_that_tex_has_not_are_set_in_a_font_that_has_them():
    page = cyrillic().to_latex()
    assert r"\text{\others{Ж}{0416}}" in page
    assert r"\text{(\others{с}{0441}\others{к}{043A}" in page
    assert r"\text{\others{с}{0441}\others{л}{043B}\others{о}{043E}\others{й}{0439}}" in page
    assert r"\text{\others{ש}{05E9}}" in page
    assert r"\newfontfamily\wide{DejaVu Sans}" in page
    assert r"\others" not in cp.derive(cp.Network("2-3-2")).to_latex()


@pytest.mark.skipif(shutil.which("xelatex") is None, reason="xelatex is not installed")
def test_an_article_in_cyrillic_and_hebrew_compiles_and_shows_them(tmp_path):
    (tmp_path / "a.tex").write_text(cyrillic().to_latex(), "utf-8")
    run = ["xelatex", "-interaction=nonstopmode", "-halt-on-error", "a.tex"]
    done = subprocess.run(run, cwd=tmp_path, check=False, capture_output=True, timeout=300)
    text = done.stdout.decode("utf-8", "replace")
    assert done.returncode == 0, text[-2000:]
    assert "Missing character" not in text
