# Each target sets up what it needs, in .venv. Needed beforehand: make, and Python 3.11 or later.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
# The tests start thousands of processes, each of which would compile all modules for itself.
unexport PYTHONDONTWRITEBYTECODE
.PHONY: help demo test test-slow test-faults test-slurm test-lowest test-newest lint format bench docs lock clean

help: ## Show what there is to make.
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
ITSELF := --no-deps --no-build-isolation --editable .
UV := $(VENV)/lock/bin/uv
LOCK = $(UV) pip compile pyproject.toml requirements/build.in --universal --python-version 3.11 \
	--generate-hashes --no-header --no-annotate --quiet --upgrade

$(VENV)/.core: pyproject.toml requirements/core.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed: make PYTHON=python3.11 …")'
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) --require-hashes --requirement requirements/core.txt
	$(INSTALL) $(ITSELF)
	touch $@

$(VENV)/.dev: $(VENV)/.core requirements/dev.txt
	$(INSTALL) --require-hashes --requirement requirements/dev.txt
	touch $@

# Tests wait for processes half of the time, so there are two at once.
TWO := --numprocesses 2 --dist

demo: $(VENV)/.core ## Draw a tiny world and build a dataset from it, in demo/.
	$(BIN)/treeoflife demo demo

test: $(VENV)/.dev ## Run the tests that CI runs.
	$(BIN)/python -m pytest $(TWO) loadfile -m "not slow and not slurm and not faults"

test-slow: $(VENV)/.dev ## Run the long tests.
	$(BIN)/python -m pytest -m "slow and not faults"

test-faults: $(VENV)/.dev ## Disturb builds at every stage, hundreds of times, and print what was lost: nothing.
	$(BIN)/python -m pytest $(TWO) worksteal -m faults --timeout 7200 tests/faults tests/fuzz

test-slurm: $(VENV)/.dev ## Run the tests on a real Slurm, which they start and stop; installs Debian's packages as root.
	@tests/slurm/install
	$(BIN)/python -m pytest -m slurm -rs tests/slurm -k "$(PICK)"

# 'pip install treeoflife' may choose any version in the ranges of pyproject.toml; the other targets use the locks alone.
LOWEST := $(VENV)/lowest
test-lowest: $(UV) ## Build the demo with the lowest versions that pyproject.toml allows.
	$(PYTHON) -m venv --clear $(LOWEST)
	$(UV) pip compile pyproject.toml --python $(LOWEST)/bin/python --resolution lowest-direct --quiet --output-file $(LOWEST)/requirements.txt
	$(LOWEST)/bin/python -m pip install --quiet --disable-pip-version-check --requirement $(LOWEST)/requirements.txt
	$(LOWEST)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@$(call BUILD_DEMO,$(LOWEST))

# Left out, for time: the tests that start browsers, servers, clusters and whole builds, which depend least on Python.
NEWEST := $(VENV)/newest
LEFT_OUT := download duplicates end_to_end engines explore faults fetch fuzz pipeline publish slurm
test-newest: $(NEWEST)/.dev ## Build the demo and run the quick tests on the newest Python of this machine.
	@$(call BUILD_DEMO,$(NEWEST))
	$(NEWEST)/bin/python -m pytest $(TWO) loadfile -m "not slow and not slurm and not faults" $(LEFT_OUT:%=--ignore=tests/%)

$(NEWEST)/.dev: pyproject.toml requirements/core.txt requirements/dev.txt
	"$$(.ci/newest-python)" -m venv --clear $(NEWEST)
	$(NEWEST)/bin/python --version
	$(NEWEST)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements/dev.txt
	$(NEWEST)/bin/python -m pip install --quiet --disable-pip-version-check $(ITSELF)
	touch $@

BUILD_DEMO = folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && $(1)/bin/treeoflife demo "$$folder/demo"

lint: $(VENV)/.dev ## Check formatting, style, types and the layers of the packages.
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: $(VENV)/.dev ## Format the code.
	$(BIN)/ruff check --fix-only --quiet
	$(BIN)/ruff format

$(VENV)/img2dataset:
	$(PYTHON) -m venv $@
	-$@/bin/python -m pip install --quiet --disable-pip-version-check img2dataset

# img2dataset is a peer to compare with, in an environment of its own; nginx serves it the images.
bench: $(VENV)/.dev $(if $(shell command -v nginx),$(VENV)/img2dataset) ## Measure, and write benchmarks/RESULTS.md; what may be set is in benchmarks/run.py.
	IMG2DATASET=$(if $(shell command -v nginx),$(VENV)/img2dataset/bin/python) PARTS="$(PARTS)" ROWS="$(ROWS)" \
	RAW="$(RAW)" $(BIN)/python benchmarks/run.py

docs: $(VENV)/.dev requirements/docs.txt ## Build the site of the documentation, in site/.
	$(INSTALL) --require-hashes --requirement requirements/docs.txt
	$(BIN)/python docs/commands.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

$(UV):
	$(PYTHON) -m venv $(VENV)/lock
	$(VENV)/lock/bin/python -m pip install --quiet --disable-pip-version-check uv

lock: $(UV) ## Choose versions anew, and write them down with their hashes and as bills of materials.
	$(LOCK) --output-file requirements/core.txt
	$(LOCK) --all-extras --group dev --group see --constraint requirements/core.txt --output-file requirements/dev.txt
	$(LOCK) --group docs --constraint requirements/dev.txt --output-file requirements/docs.txt
	$(PYTHON) requirements/bill.py

clean: ## Remove what the targets made.
	rm -rf $(VENV) demo .pytest_cache .mypy_cache .ruff_cache .hypothesis
