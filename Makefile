# Two commands matter on a fresh machine: `make demo` and `make test`. Both make the environment first.
# Another Python than `python3`: make PYTHON=/usr/bin/python3.12 demo. Arguments for the tool: make test ARGS="-k ledger".

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help env demo test check format bench secrets lock clean

PYTHON ?= python3
ARGS ?=
BIN := .venv/bin
MADE := .venv/.made
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# Counts what pip takes up: one line that grows on a terminal, a line now and then in a log.
PROGRESS = awk -v total="$$(grep -c '==' requirements-dev.lock)" -v terminal="$$([ -t 1 ] && echo 1 || echo 0)" ' \
	/^Collecting |^Requirement already/ { n++ } \
	/^Collecting / { if (terminal) printf "\r  %d of %d  %-48s", n, total, $$2; else if (n % 20 == 0) print "  " n " of " total } \
	/^Installing/ { if (terminal) printf "\r  %-60s\n", "unpacking"; else print "  unpacking" } \
	{ fflush() }'

help: ## what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

env: $(MADE) ## the environment only (.venv), from the lock file with checked hashes

$(MADE): requirements.lock requirements-dev.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "There is no $(PYTHON). Name a Python of 3.11 or newer: make PYTHON=/path/to/python3 env" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Panda Pack needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V). Name another: make PYTHON=/path/to/python3.12 env" >&2; exit 1; }
	@echo "Making .venv: Panda Pack's packages with checked hashes (a few minutes the first time)"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --progress-bar off --require-hashes -r requirements-dev.lock | $(PROGRESS)
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m services.donations.precompile
	@touch $@

demo: $(MADE) ## the whole chain with a simulated programme, until Ctrl-C
	@$(BIN)/panda demo $(ARGS)

test: $(MADE) ## every test, on a real Kafka and a real MongoDB
	@$(BIN)/python -m $(if $(ARGS),pytest $(ARGS),tests.parts)

check: $(MADE) ## ruff, mypy, import-linter and the rules of the house
	$(BIN)/ruff check --output-format concise
	$(BIN)/ruff format --check --output-format concise
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m pytest tests/house -q

format: $(MADE) ## lays the code out as `make check` wants it
	@$(BIN)/ruff check --fix-only --quiet
	@$(BIN)/ruff format

bench: $(MADE) ## throughput, latency, storage and recovery on this machine
	@$(BIN)/panda bench $(ARGS)

secrets: $(MADE) ## keys and settings for docker compose, in deploy/secrets/ and .env
	@$(BIN)/python deploy/first_keys.py

lock: ## new lock files from pyproject.toml (needs uv); no address may be in them
	@uv pip compile pyproject.toml --universal --generate-hashes --no-header --no-emit-index-url --no-annotate \
		--python-version 3.11 --quiet --output-file requirements.lock
	@uv pip compile pyproject.toml --extra dev --universal --generate-hashes --no-header --no-emit-index-url --no-annotate \
		--python-version 3.11 --quiet --output-file requirements-dev.lock

clean: ## forgets what tools keep; the environment and .panda/ stay
	@rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -not -path './.venv/*' -type d -prune -exec rm -rf {} +
