"""A derivation as a page: terminal, LaTeX article, HTML, plain data."""
