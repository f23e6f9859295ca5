# On a machine with Python 3.11, make and the package registries: `make demo`, `make test`.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
INSTALLED := .venv/.installed

PROCESSES := --numprocesses logical --maxprocesses 4 --dist loadscope --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help setup demo dev test test-servers postgres-versions chaos soak poison lint types format bench constraints audit clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-14s %s\n", $$1, $$2}'

setup: $(INSTALLED) ## build .venv, with the versions of constraints.txt

$(INSTALLED): setup.cfg pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "jira_assets needs Python 3.11 or newer: make PYTHON=/path/to/python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[test,lint]'
	@touch $@

demo: setup ## the whole path on embedded Postgres, broker and sandbox; prints what arrived
	$(BIN)/jira-assets demo

dev: setup ## the Dagster UI on the same embedded parts
	$(BIN)/jira-assets dev

test-servers: # RabbitMQ, PgBouncer and Chromium for the tests; one sentence where they cannot be had
	@sh deploy/test-servers.sh

test: setup test-servers ## set up and run every test, on a real Postgres and a real RabbitMQ
	$(BIN)/python -m pytest $(PROCESSES) $(ARGS)

postgres-versions: setup ## the tests of every Postgres that is served: 14 to 17, fetched with npm, and 18
	@sh deploy/postgres-versions.sh .postgres-versions
	JIRA_ASSETS_TEST_POSTGRES_DIR=$(CURDIR)/.postgres-versions \
		$(BIN)/python -m pytest jira_assets_tests/warehouse/test_versions.py $(ARGS)

chaos: setup test-servers ## kill and break things while it runs, and judge what is left: ROUNDS=100 SEED=1
	$(BIN)/python -m jira_assets_tests.chaos --rounds $(or $(ROUNDS),10) --seed $(or $(SEED),1) $(ARGS)

soak: setup test-servers ## watch what grows over an hour of 50 integrations: MINUTES=60, ARGS='--report FILE'
	$(BIN)/python -m jira_assets_tests.soak --minutes $(or $(MINUTES),60) $(ARGS)

poison: setup ## spoil answers, and judge what the tables would hold: N=100000 SEED=1
	$(BIN)/python -m jira_assets_tests.poison --cases $(or $(N),100000) --seed $(or $(SEED),1) --stored $(or $(STORED),2000) $(ARGS)

lint: setup ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup ## mypy, strict
	$(BIN)/mypy

format: setup ## let ruff rewrite what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup ## the benchmarks; writes docs/benchmarks.md
	$(BIN)/python -m benchmarks

constraints: ## write constraints.txt anew, from the newest versions that setup.cfg allows
	rm -rf .venv-constraints
	$(PYTHON) -m venv .venv-constraints
	.venv-constraints/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[test,lint]'
	{ echo '# What this version was tested with, on CPython 3.11 for Linux. Made by: make constraints'; \
	  .venv-constraints/bin/python -m pip freeze --exclude-editable; } > constraints.txt
	rm -rf .venv-constraints

audit: ## known vulnerabilities of the versions in constraints.txt; says so where it cannot ask
	@sh deploy/audit.sh $(PYTHON)

clean: ## remove .venv and the embedded servers' data (stop them first)
	rm -rf .venv .jira_assets .postgres-versions .mypy_cache .ruff_cache .pytest_cache .hypothesis
