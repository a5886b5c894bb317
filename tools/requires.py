"""Print what the build needs, one requirement a line, as pyproject.toml says it."""

import tomllib
from pathlib import Path

project = tomllib.loads(Path(__file__).parents[1].joinpath("pyproject.toml").read_text("utf-8"))
print("\n".join(project["build-system"]["requires"]))
