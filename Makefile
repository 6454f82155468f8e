# Each target sets up what it needs, in .venv. Needed beforehand: make, and Python 3.11 or later.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
# The tests start thousands of processes, each of which would compile all modules for itself.
unexport PYTHONDONTWRITEBYTECODE
.PHONY: help demo test test-slow test-faults test-slurm test-trainers test-newest lint format dist test-dist bench docs lock clean

help: ## Show what there is to make.
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

# uv installs several times as fast as pip, which installs nothing but uv.
UV := $(VENV)/uv/bin/uv
INSTALL = $(UV) pip install --compile-bytecode --quiet --python
LOCK = $(UV) pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --quiet --upgrade
LOCK_PROJECT = $(LOCK) pyproject.toml requirements/build.in

$(UV): requirements/uv.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed: make PYTHON=python3.11 …")'
	$(PYTHON) -m venv $(VENV)/uv
	$(VENV)/uv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements/uv.txt
	touch $@

$(VENV)/.core: pyproject.toml requirements/core.txt $(UV)
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) $(BIN)/python --require-hashes --requirement requirements/core.txt
	$(INSTALL) $(BIN)/python --no-deps --no-build-isolation --editable .
	touch $@

$(VENV)/.dev: $(VENV)/.core requirements/dev.txt
	$(INSTALL) $(BIN)/python --require-hashes --requirement requirements/dev.txt
	touch $@

# Tests wait for processes half of the time, so there are two at once.
TWO := --numprocesses 2 --dist

demo: $(VENV)/.core ## Draw a tiny world and build a dataset from it, in demo/.
	$(BIN)/treeoflife demo demo

test: $(VENV)/.dev ## Run the tests that CI runs.
	$(BIN)/python -m pytest $(TWO) loadfile -m "not slow and not slurm and not faults and not trainers"

test-slow: $(VENV)/.dev ## Run the long tests.
	$(BIN)/python -m pytest -m "slow and not faults and not trainers"

test-faults: $(VENV)/.dev ## Disturb builds at every stage, hundreds of times, and print what was lost: nothing.
	$(BIN)/python -m pytest $(TWO) worksteal -m faults --timeout 7200 tests/faults tests/fuzz

test-slurm: $(VENV)/.dev ## Run the tests on a real Slurm, which they start and stop; installs Debian's packages as root.
	@tests/slurm/install
	$(BIN)/python -m pytest -m slurm -rs tests/slurm -k "$(PICK)"

TWINE := $(VENV)/twine/bin/twine
$(TWINE): requirements/dist.txt $(UV)
	$(UV) venv --quiet --clear --python $(PYTHON) $(VENV)/twine
	$(INSTALL) $(VENV)/twine/bin/python --require-hashes --requirement requirements/dist.txt
	touch $@

dist: $(VENV)/.core $(TWINE) ## Build the source distribution, and from that the wheel, in dist/, and check both.
	rm -rf dist
	$(UV) build --quiet --no-build-isolation --python $(BIN)/python --out-dir dist
	$(TWINE) check --strict dist/*.tar.gz dist/*.whl

# Several gigabytes, in an environment of their own. open_clip needs a webdataset that is older than the others want.
TRAINERS := $(VENV)/trainers
test-trainers: $(TRAINERS)/.installed ## Run the programs that train, PyTorch among them, on a built dataset.
	$(TRAINERS)/bin/python -m pytest -rs tests/trainers

$(TRAINERS)/.installed: pyproject.toml requirements/trainers.txt requirements/open_clip.txt $(UV)
	$(UV) venv --quiet --clear --python $(PYTHON) $(TRAINERS)
	$(INSTALL) $(TRAINERS)/bin/python --require-hashes --requirement requirements/trainers.txt
	$(INSTALL) $(TRAINERS)/bin/python --no-deps --no-build-isolation --editable .
	$(INSTALL) $(TRAINERS)/bin/python --require-hashes --no-deps --requirement requirements/open_clip.txt --target $(TRAINERS)/open_clip
	touch $@

# 'pip install treeoflife' may choose any version in the ranges of pyproject.toml; the other targets use the locks alone.
LOWEST := $(VENV)/lowest
test-dist: dist ## Install the wheel with the lowest versions that pyproject.toml allows; try every command elsewhere.
	$(UV) venv --quiet --clear --python $(PYTHON) $(LOWEST)
	$(INSTALL) $(LOWEST)/bin/python --resolution lowest-direct --requirement pyproject.toml
	$(INSTALL) $(LOWEST)/bin/python --no-deps dist/*.whl
	$(LOWEST)/bin/python -I tests/try_installed.py

# Left out, for time: the tests that start browsers, servers, clusters and whole builds, which depend least on Python.
NEWEST := $(VENV)/newest
LEFT_OUT := download duplicates end_to_end engines explore faults fetch fuzz pipeline publish slurm
test-newest: $(NEWEST)/.dev ## Build the demo and run the quick tests on the newest Python of this machine.
	rm -rf $(NEWEST)/demo
	$(NEWEST)/bin/treeoflife demo $(NEWEST)/demo
	$(NEWEST)/bin/python -m pytest $(TWO) loadfile -m "not slow and not slurm and not faults and not trainers" $(LEFT_OUT:%=--ignore=tests/%)

$(NEWEST)/.dev: pyproject.toml requirements/core.txt requirements/dev.txt $(UV)
	$(UV) venv --quiet --clear --python "$$(.ci/newest-python)" $(NEWEST)
	$(NEWEST)/bin/python --version
	$(INSTALL) $(NEWEST)/bin/python --require-hashes --requirement requirements/dev.txt
	$(INSTALL) $(NEWEST)/bin/python --no-deps --no-build-isolation --editable .
	touch $@

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
	IMG2DATASET=$(if $(shell command -v nginx),$(VENV)/img2dataset/bin/python) PARTS="$(PARTS)" ROWS="$(ROWS)" WORKERS="$(WORKERS)" \
	RAW="$(RAW)" $(BIN)/python benchmarks/run.py

docs: $(VENV)/.dev requirements/docs.txt ## Build the site of the documentation, in site/.
	$(INSTALL) $(BIN)/python --require-hashes --requirement requirements/docs.txt
	$(BIN)/python docs/commands.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

# What is of use in a container; ray and slurm belong to the cluster, and heic's wheels are under the GPL.
IMAGE := cloud download excel explore publish reports
lock: $(UV) ## Choose versions anew, and write them down with their hashes and as bills of materials.
	$(LOCK_PROJECT) --output-file requirements/core.txt
	$(LOCK_PROJECT) --all-extras --group dev --group see --group cloud --constraint requirements/core.txt --output-file requirements/dev.txt
	$(LOCK_PROJECT) --group docs --constraint requirements/dev.txt --output-file requirements/docs.txt
	$(LOCK_PROJECT) $(IMAGE:%=--extra %) --constraint requirements/dev.txt --output-file requirements/image.txt
	$(LOCK_PROJECT) requirements/trainers.in --constraint requirements/core.txt --output-file requirements/trainers.txt
	$(LOCK) requirements/open_clip.in --no-deps --output-file requirements/open_clip.txt
	$(LOCK) requirements/dist.in --output-file requirements/dist.txt
	$(LOCK) requirements/uv.in --output-file requirements/uv.txt
	$(PYTHON) requirements/bill.py

clean: ## Remove what the targets made.
	rm -rf $(VENV) demo dist site .pytest_cache .mypy_cache .ruff_cache .hypothesis
