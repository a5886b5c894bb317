# `make` lists the targets. Every target makes what it needs first: .venv, the native build, the package.
SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed
BENCH := .venv-bench
JOBS ?= 2

.DEFAULT_GOAL := help
.PHONY: help demo test check prove mutate bench bench-accuracy bench-speed docs format clean install emulator
CXX_FILES = $(wildcard native/*.cpp native/*.hpp native/*.h tests/native/*.cpp)

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-11s %s\n", $$1, $$2}' Makefile

demo: $(INSTALLED)  ## train on a real table, print test figures, predict with the saved model
	@PATH="$(CURDIR)/$(BIN):$$PATH" sh examples/demo.sh

test: $(INSTALLED)  ## run the tests with small fixed samples (under 10 minutes on two cores)
	$(BIN)/python -m pytest -q -n $(JOBS) --durations=10

check: $(INSTALLED)  ## style, types, C++ format and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/clang-format --dry-run -Werror $(CXX_FILES)
	$(BIN)/lint-imports --no-logo

prove: | emulator $(INSTALLED)  ## run the claims with their full counts, write docs/proofs.json and its page
	CLEARPROP_PROVE=1 $(BIN)/python -m pytest -q -rs -n $(JOBS) --dist worksteal --durations=20

emulator:
	@sh tools/preflight.sh prove >/dev/null

mutate: $(INSTALLED)  ## change formulas at random, see that a test fails, and the page about it (an hour)
	$(BIN)/pip install -q --no-build-isolation -e '.[mutate]'
	$(BIN)/python tools/mutation.py
	$(BIN)/python tools/mutation_page.py

bench: $(BENCH)/installed  ## time the engine side by side with its peers (an environment of their own)
	$(BENCH)/bin/python -m benchmarks.run

bench-speed: $(BENCH)/installed  ## speed beside every peer, and its page; for a quiet machine, an hour
	$(BENCH)/bin/python -m benchmarks.speed
	$(BIN)/python tools/performance_page.py

bench-accuracy: $(BENCH)/installed  ## judge the tabular estimators beside their peers on public tables (hours)
	$(BENCH)/bin/pip install -q -r benchmarks/requirements-accuracy.txt
	$(BENCH)/bin/python -m benchmarks.accuracy
	$(BENCH)/bin/python tools/accuracy_page.py

docs: $(INSTALLED)  ## build the pages and the reference into docs/_build/index.html
	$(BIN)/pip install -q -e '.[docs]' --no-build-isolation
	$(BIN)/sphinx-build -q -W --keep-going docs docs/_build

format: $(INSTALLED)  ## rewrite sources in the project's style, and the generated stub
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/clang-format -i $(CXX_FILES)
	$(BIN)/python tools/stubs.py
	$(BIN)/python tools/mistakes.py
	$(BIN)/python tools/tutorial.py
	$(BIN)/python tools/proof_page.py

install: $(INSTALLED)  ## build the native module and install the package into .venv

clean:  ## remove what was built, .venv too
	rm -rf $(VENV) $(BENCH) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find src tests tools examples -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

# The stamp is newer than every source of the build, or the build runs again (ninja does the rest).
$(INSTALLED): pyproject.toml CMakeLists.txt $(wildcard native/* native/*/*) | $(BIN)/python
	@echo "setting up .venv: fetching packages, building the core (minutes the first time)"
	@$(BIN)/pip install -q --upgrade pip
	@$(BIN)/python tools/requires.py > $(VENV)/build-requires.txt
	@echo "1 of 2  fetching what builds it"
	@$(BIN)/pip install -q -r $(VENV)/build-requires.txt
	@echo "2 of 2  fetching what it uses and what tests it, and building the native core"
	@$(BIN)/pip install -q --no-build-isolation -e '.[dev]'
	@echo "set up"
	@touch $@

# Not editable, as users have it: so the package's own sources make it again too.
$(BENCH)/installed: $(INSTALLED) benchmarks/requirements.txt $(shell find src -name '*.py')
	test -d $(BENCH) || $(BIN)/python -m venv $(BENCH)
	$(BENCH)/bin/pip install -q -r $(VENV)/build-requires.txt -r benchmarks/requirements.txt
	$(BENCH)/bin/pip install -q --no-build-isolation .
	@touch $@

$(BIN)/python:
	@python=$$(sh tools/preflight.sh) && "$$python" -m venv $(VENV)
