# `make` lists what there is to do. Everything happens in .venv and build; nothing else on the machine is touched.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.ready
SHELL := /bin/bash

.DEFAULT_GOAL := help
.PHONY: help setup console demo test test-console test-full check differential mutation bench clean

help:  ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP)  ## make .venv with everything in it and the slt command

$(STAMP): requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "python3 is missing: sudo apt-get install -y python3 python3-venv"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or later is needed: make PYTHON=python3.11, or sudo apt-get install -y python3.11 python3.11-venv"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || \
	  { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get install -y python3-venv; } || \
	  { echo "venv is missing: sudo apt-get install -y python3-venv"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

PAGE := build/console/index.html
SOURCES := $(shell find services/console/page -type f -not -path '*/node_modules/*' -not -name basemap.json)

console: $(PAGE)  ## build the console's page into build/console (Node 20.19 or later with npm)

$(PAGE): $(SOURCES)
	@command -v npm >/dev/null || { echo "npm is missing: the console's page needs Node 20.19 or later"; exit 1; }
	cd services/console/page && npm ci --silent --no-fund --no-audit && npm run --silent build

demo: setup  ## start everything and play the bundled scenario (ONCE=1: end when the accounts balance)
	@$(MAKE) --no-print-directory console || echo "The console will answer without its page; everything else works."
	$(BIN)/slt demo $(if $(ONCE),--once)

test: setup console  ## every kind of check at a reduced size, on real Kafka and Redis
	$(BIN)/python -m pytest -m 'not full' -n 2 tests/unit tests/property
	$(BIN)/python -m pytest -m 'not full' --durations=20 tests/contract tests/system tests/faults tests/page

test-console: setup console  ## the console: its page in Debian's chromium, alone and on the real pipeline
	@command -v chromium >/dev/null || { echo "chromium is missing: sudo apt-get install -y chromium"; exit 1; }
	$(BIN)/python -m pytest -m 'not full' tests/unit/test_console.py tests/page tests/system/test_picture.py tests/system/test_console.py tests/system/test_console_api.py tests/system/test_console_page.py

test-full: setup console  ## the same at the sizes that the requirements name
	$(BIN)/python -m pytest

check: setup  ## style, types, layers, unit and property tests; needs no broker
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -m 'not full' -n 2 tests/unit tests/property

differential: setup  ## the engine against the naive reference (CASES=1000000 SEED=n JOBS=2; a random seed if none is given)
	$(BIN)/python -m tests.reference.main --reconcile --cases $(or $(STEPS),100000) $(if $(SEED),--seed $(SEED)) --jobs $(or $(JOBS),2)
	$(BIN)/python -m tests.reference.main --cases $(or $(CASES),1000000) $(if $(SEED),--seed $(SEED)) --jobs $(or $(JOBS),2)

mutation: setup  ## small wrongs in the rules, each of which a test has to notice (docs/mutation.md; minutes)
	$(BIN)/python -m tests.mutation.main --jobs $(or $(JOBS),2)

bench: setup  ## measure and write build/bench.json (LONG=1: more and longer)
	$(BIN)/slt bench $(if $(LONG),--long)

clean:  ## remove .venv, build and every cache
	rm -rf .venv build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
