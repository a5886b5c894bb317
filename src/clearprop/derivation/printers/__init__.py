"""Written trees as Unicode text, LaTeX and MathML: pieces of equations, no pages."""
