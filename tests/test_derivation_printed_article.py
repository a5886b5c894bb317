"""A derivation as a LaTeX article, whole."""

from __future__ import annotations

from test_derivation_printed_terminal import one_unit

import clearprop as cp
from clearprop.derivation.pages.article import latex_page

ARTICLE = r"""\documentclass[11pt]{article}
\usepackage{amsmath,amssymb}
\usepackage{iftex}
\ifPDFTeX\usepackage[utf8]{inputenc}\usepackage[T1]{fontenc}
\else\usepackage[no-math]{fontspec}\fi
\usepackage[margin=25mm]{geometry}
\allowdisplaybreaks \setcounter{MaxMatrixCols}{20} \pagestyle{plain}
\setlength\emergencystretch{4em} % names of columns are long words
\let\wideleft\left \let\wideright\right \delimiterfactor=800
\renewcommand\left{\mathopen{}\mathclose\bgroup\wideleft}
\renewcommand\right{\aftergroup\egroup\wideright}
\begin{document}
\begin{center}\LARGE Back-propagation of 1-1, derived\end{center}
\noindent notation: S0 \ensuremath{\cdot} matrix \ensuremath{\cdot} 2 parameters\par
\noindent S0: Joe-Han, 2016\par
\section*{Functions}
\paragraph{(1) The function f = sigmoid}
Each unit passes its weighted sum through f; the backward pass needs its slope.
\begin{align*}
f\left(x\right) &= \frac{1}{1 + e^{-x}} \\
f^{\prime}\left(x\right) &= f\left(x\right) \, \left(1 - f\left(x\right)\right) \\
 &= \frac{1}{1 + e^{-x}} \, \left(1 - \frac{1}{1 + e^{-x}}\right)
\end{align*}
\section*{Forward pass}
\paragraph{(2) The input is layer 1}
What comes in is written like any layer's output. \ensuremath{\cdot}~shape 1 \ensuremath{\times} 1
\begin{align*}
a^{(1)} &= x \\
&= \begin{pmatrix} 0.5 \end{pmatrix}
\end{align*}
\paragraph{(3) Input of layer 2}
Each unit adds up what reaches it, each wire times its weight, and its bias. \ensuremath{\cdot}~from (2) \ensuremath{\cdot}~shape 1 \ensuremath{\times} 1
\begin{align*}
W^{(1)} &= \begin{pmatrix} 2 \end{pmatrix} \\
b^{(1)} &= \begin{pmatrix} 0 \end{pmatrix} \\
z^{(2)} &= W^{(1)} \, a^{(1)} + b^{(1)} \\
&= \begin{pmatrix} 1 \end{pmatrix}
\end{align*}
"""  # noqa: E501


def test_an_article_of_one_unit_is_written_as_it_should():
    page = latex_page(one_unit())
    assert page.startswith(ARTICLE)
    assert page.endswith("\\end{align*}\n\\end{document}\n")


def test_subscripts_in_sentences_are_mathematics_that_every_font_has():
    network = cp.Network("2-3-2", "sigmoid", output="sigmoid", bias="shared")
    d = cp.derive(network, "scalar", weight="V11")
    page = latex_page(d)
    assert not set("ₐₑₒₓₕₖₗₘₙₚₛₜ") & set(page)
    assert r"E\ensuremath{{}_{t}}\ensuremath{{}_{o}}\ensuremath{{}_{t}}" in page
