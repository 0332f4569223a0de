# The project's one command line. Every target sets up what it needs and costs nothing the second time.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
export PYTHONPATH := deploy/local

.PHONY: help venv check fmt unit test bench demo cluster cluster-down run docs lock clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

$(STAMP): requirements/dev.txt pyproject.toml
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV) || { \
	  echo "python3-venv is missing; installing it ..."; \
	  apt-get update -qq && apt-get install -qq -y python3-venv >/dev/null && $(PYTHON) -m venv --clear $(VENV); }
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

test: venv ## every test there is: unit, integration, e2e; real cluster, real registries
	@$(BIN)/ruff format --check . && $(BIN)/ruff check --quiet . && $(BIN)/mypy operator deploy/local tests && $(BIN)/lint-imports >/dev/null
	@$(BIN)/python -m localcluster build
	@$(BIN)/python -m pytest tests/unit tests/integration tests/e2e

demo: venv ## push v1, import, deploy, push v2, the pods roll: on a real local cluster
	@$(BIN)/python -m localdemo

bench: venv ## the benchmarks; tables on screen, build/bench.json
	@$(BIN)/python -m localcluster build
	@PYTHONPATH=deploy/local:tests $(BIN)/python -m bench

cluster: venv ## leave a local cluster with two registries running; see build/cluster/env
	@$(BIN)/python -m localcluster up

cluster-down: venv ## end it
	@$(BIN)/python -m localcluster down

run: venv ## the operator, outside the cluster, against the cluster of KUBECONFIG, as its service account
	@$(BIN)/python -m localrun

docs: venv ## write the generated pages of docs/
	@$(BIN)/imagestreams settings > docs/settings.md

lock: ## renew the locked dependencies
	@$(BIN)/python -m pip install --quiet uv
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --python-version 3.11 --no-header -o requirements/run.txt pyproject.toml
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --python-version 3.11 --no-header -o requirements/dev.txt pyproject.toml requirements/build.in --group dev

clean: ## remove what was built in this folder (not the cached programs)
	@rm -rf build $(VENV) operator/*.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
