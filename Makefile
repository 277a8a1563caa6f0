# Every command a person types. The stamps inside .venv make a second run quick.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip --disable-pip-version-check --quiet
LOCKED := install --require-hashes --requirement
BROWSER := tests/browser
CHECKED := engine shm workers bench monitoring tests
# The one tool that writes the locks; nothing else needs it.
UV := uv==0.13.8
UV_COMPILE := $(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --no-header --no-annotate --python-version 3.11 $(UPGRADE)

.PHONY: help setup setup-dev setup-tests demo run test nightly lint format dashboards bench lock clean
.DEFAULT_GOAL := help

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(VENV)/.runtime ## what the engine needs to run, from requirements.lock

demo: setup ## the engine with a generated test stream; prints the addresses to open
	$(BIN)/fanlight demo

run: setup ## the engine with configs/fanlight.toml
	$(BIN)/fanlight serve --config configs/fanlight.toml

test: setup-tests lint ## everything a change must pass
	$(BIN)/pytest --numprocesses=2

nightly: setup-tests lint ## the same with the long forms of the fuzz and stress tests
	NIGHTLY=1 $(BIN)/pytest

lint: setup-dev ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy $(CHECKED)

format: setup-dev ## let ruff mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

dashboards: setup ## Grafana's dashboards, Prometheus's quantile rules and docs/metrics-names.md
	$(BIN)/python -m monitoring

bench: setup-dev ## the figures of the README, into bench/results
	scripts/bench-packages
	$(BIN)/python -m bench.micro
	$(BIN)/python -m bench.compare
	$(BIN)/python -m bench.scenarios

lock: setup-dev ## write the lock files anew; UPGRADE=--upgrade takes newer versions
	$(PIP) install $(UV)
	$(UV_COMPILE) --group build pyproject.toml --output-file requirements.lock
	$(UV_COMPILE) --group build --group dev --constraint requirements.lock pyproject.toml --output-file requirements-dev.lock
	PATH="$(CURDIR)/$(BIN):$$PATH" npm --prefix $(BROWSER) install --package-lock-only

clean: ## take away what these commands made
	rm -rf $(VENV) $(BROWSER)/node_modules build *.egg-info .mypy_cache .ruff_cache .pytest_cache

setup-dev: $(VENV)/.dev

setup-tests: setup-dev $(BROWSER)/node_modules/.package-lock.json
	scripts/test-packages

# pip is the last thing that venv puts in place. Debian keeps the module it comes from in a package of its own.
$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || scripts/apt-packages python3-venv
	$(PYTHON) -m venv $(VENV)

# setuptools, which installs the project itself, is in the lock: nothing unpinned is fetched.
$(VENV)/.runtime: requirements.lock pyproject.toml | $(BIN)/pip
	$(PIP) $(LOCKED) requirements.lock
	$(PIP) install --no-index --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.runtime
	$(PIP) $(LOCKED) requirements-dev.lock
	@touch $@

$(BROWSER)/node_modules/.package-lock.json: $(BROWSER)/package.json $(BROWSER)/package-lock.json | $(VENV)/.dev
	PATH="$(CURDIR)/$(BIN):$$PATH" npm --prefix $(BROWSER) ci --no-audit --no-fund --loglevel=error
	@touch $@
