"""How `make docs` turns the pages of this folder and the docstrings into HTML in docs/_build."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import clearprop

project = "ClearProp"
author = "ClearProp contributors"
version = release = clearprop.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "sphinx.ext.napoleon",
]
myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 3
napoleon_google_docstring = False
autodoc_typehints = "signature"
html_theme = "furo"
html_title = f"ClearProp {version}"
exclude_patterns = ["_build"]
#: What scikit-learn writes into every estimator, with references into its own pages.
autodoc_default_options = {
    "exclude-members": ", ".join(
        f"set_{method}_request"
        for method in ("decision_function", "fit", "partial_fit", "predict", "predict_log_proba",
                       "predict_proba", "score", "transform")
    )
}  # fmt: skip
suppress_warnings = ["myst.xref_missing", "myst.header"]  # pages link to files of the repository


def reference() -> str:
    """The page of the public names, by room, from the table the package itself loads by."""
    rooms: dict[str, list[str]] = defaultdict(list)
    for name, home in clearprop._HOME.items():
        rooms[home].append(name)
    page = ["# Reference", "", "Every name below is `clearprop.<name>`.", ""]
    for room, names in sorted(rooms.items()):
        page += [f"## {room}", "", "```{eval-rst}"]
        for name in sorted(names):
            kind = "class" if isinstance(getattr(clearprop, name), type) else "function"
            options = ["   :members:", "   :show-inheritance:"] if kind == "class" else []
            if kind == "class" and room == "estimators":
                # Their `fit` and `predict` are those of the classes they share, but get_params and
                # the like are scikit-learn's own.
                options.append("   :inherited-members: BaseEstimator")
            if name == "Training":  # whose methods are those of the run that it puts together
                options.append("   :inherited-members:")
            page += [f".. auto{kind}:: clearprop.{room}.{name}", *options, ""]
        page += ["```", ""]
    return "\n".join(page)


(Path(__file__).parent / "reference.md").write_text(reference(), "utf-8")
