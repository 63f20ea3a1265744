# Bare `make` explains itself. Everything works from a fresh clone with Python 3.11+, git and make.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
WHOLE := tests/stack tests/faults tests/soak tests/console
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help setup demo up down browser test check faults soak format contracts vendor bench lock clean

help: ## Say what can be made
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## Install everything into .venv, checked by hash

# The lock is complete, so pip resolves nothing (--no-deps): a newer release of a library elsewhere cannot break it.
$(STAMP): requirements-dev.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes --requirement requirements-dev.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $(STAMP)

demo: $(STAMP) ## Govern a real release of this project from build to risk, in about two minutes
	$(BIN)/python -m examples.demo

up: $(STAMP) ## Start everything here and keep it running; Ctrl-C stops it
	$(BIN)/hallmark up

down: $(STAMP) ## Stop what `make up` started
	$(BIN)/hallmark down

check: $(STAMP) ## Format, lint, types, import rules and unit tests: no servers, under a minute
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest -q -n 2 --dist worksteal -m "not thorough" tests/unit tests/contract tests/architecture

browser: ## Install a Chromium for the tests of pages, where that is allowed
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null \
	|| { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq \
	&& apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null; } \
	|| echo "No Chromium could be installed here: the tests of pages are skipped."

# Each test has servers of its own, so that two may run at a time; of whole stacks, two files.
test: $(STAMP) browser ## Everything, on a real NATS, a real MongoDB and a real browser that the tests start
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/mypy tests benchmarks examples
	$(BIN)/pytest -q -m "not faults" -n 2 --dist worksteal $(WHOLE:%=--ignore %) tests
	$(BIN)/pytest -q -m "not faults" -n 2 --dist loadfile $(WHOLE)

faults: $(STAMP) ## The whole matrix of faults: every service killed at every step, and all the rest (CRASH_AT, HALLMARK_SEED)
	$(BIN)/pytest -v -s tests/faults
	HALLMARK_MODEL_EXAMPLES=$${HALLMARK_MODEL_EXAMPLES:-100} $(BIN)/pytest -v -s tests/integration/test_model.py

soak: $(STAMP) ## Ten thousand promotions under random kills; SOAK="--promotions 300 --seed 7" says otherwise
	$(BIN)/python -m tests.soak $(SOAK)

format: $(STAMP) ## Put the code into its one form
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

contracts: $(STAMP) ## Write schemas, missing examples and the AsyncAPI document
	$(BIN)/python -m deploy.describe

vendor: $(STAMP) ## Fetch what pages load of others' work from npm, checked by hash
	$(BIN)/python -m deploy.vendor

bench: $(STAMP) ## Measure speed as ratios to floors taken in the same run
	$(BIN)/python -m benchmarks.run
	$(BIN)/python -m benchmarks.evidence
	$(BIN)/python -m benchmarks.rego
	$(BIN)/python -m benchmarks.gate
	$(BIN)/python -m benchmarks.monitoring
	$(BIN)/python -m benchmarks.promotions --json
	$(BIN)/python -m benchmarks.metrics
	$(BIN)/python -m benchmarks.console

lock: $(STAMP) ## Pin all dependencies anew, with hashes
	$(BIN)/pip-compile --quiet --generate-hashes --strip-extras --allow-unsafe --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --extra local --extra dev --output-file requirements-dev.lock pyproject.toml
	$(BIN)/pip-compile --quiet --generate-hashes --strip-extras --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --constraint requirements-dev.lock --output-file requirements.lock pyproject.toml

clean: ## Remove what was installed and what local stacks kept here
	rm -rf $(VENV) .hallmark build dist
