# The project's one command line. Every target sets up what it needs and costs nothing the second time.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
export PYTHONPATH := deploy/local

.PHONY: help venv check fmt lint types contracts unit test bench demo cluster cluster-down run lock clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

$(STAMP): requirements/dev.txt pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing the locked Python packages into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

venv: $(STAMP) ## the Python environment in .venv/

fmt: venv ## format the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix --quiet .

check: venv ## format, lint, types, import contracts, unit tests (under two minutes)
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy operator deploy/local tests
	@$(BIN)/lint-imports
	@$(BIN)/codespell
	@$(BIN)/python -m pytest tests/unit

unit: venv ## the unit tests alone
	@$(BIN)/python -m pytest tests/unit

lock: ## renew the locked dependencies
	@$(BIN)/python -m pip install --quiet uv
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --python-version 3.11 --no-header -o requirements/run.txt pyproject.toml
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --python-version 3.11 --no-header -o requirements/dev.txt pyproject.toml requirements/build.in --group dev
