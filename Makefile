# Widgets for Box. `make help` lists the targets.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.PHONY: help build package demo test test-system mutation bench soak elements pictures docs hooks lint release clean lock ready

PYTHON ?= python3
DEMO_PORT ?= 8080
DEMO_STATE ?= $(CURDIR)/.cache/demo
VENV := .venv
BIN := $(VENV)/bin
# One more than the cores: much of a test is waiting. What needs the same intranet stays in one process.
PYTEST = $(BIN)/python -m pytest -c tests/pytest.ini --durations=20 --durations-min=5
SIDE_BY_SIDE = -n $(PROCESSES) --dist loadscope
PROCESSES ?= 3
PIP := $(BIN)/pip --quiet --disable-pip-version-check
SIDECAR := $(shell find sidecar/box_sidecar sidecar/man -type f -not -name "*.pyc" -not -name "*.po") sidecar/pyproject.toml
PLUGIN := $(shell find wp-plugin -type f -not -path 'wp-plugin/bin/*' -not -name '*~')

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

build: $(BIN)/box-sidecar dist/.wheel dist/widgets-for-box.zip ## the sidecar in .venv, its wheel and the plugin's zip in dist/

$(VENV)/pyvenv.cfg:
	@$(PYTHON) tests/intranet/packages.py build
	$(PYTHON) -m venv $(VENV)

$(VENV)/.sidecar: sidecar/requirements.lock $(VENV)/pyvenv.cfg
	$(PIP) install --require-hashes --no-deps -r $<
	@touch $@

dist/.wheel: $(SIDECAR) $(VENV)/.sidecar
	$(BIN)/python sidecar/packaging/build.py --wheel dist
	@touch $@

# In this folder's own environment the sidecar is its source; everywhere else it is the wheel.
$(BIN)/box-sidecar: sidecar/pyproject.toml $(VENV)/.sidecar
	$(PIP) install --no-deps --editable ./sidecar
	@touch $@

dist/widgets-for-box.zip: $(PLUGIN) wp-plugin/bin/build-zip
	$(PYTHON) wp-plugin/bin/build-zip $@

$(VENV)/.demo: tests/demo.lock $(VENV)/.sidecar
	$(PIP) install --require-hashes --no-deps -r $<
	@touch $@

$(VENV)/.tests: tests/requirements.lock $(VENV)/.demo
	$(PIP) install --require-hashes --no-deps -r $<
	@touch $@

tests/node_modules/.package-lock.json: tests/package-lock.json
	cd tests && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

package: build $(VENV)/.package ## Debian packages, an RPM where rpmbuild is, what is in them, checksums: in dist/
	$(BIN)/python sidecar/packaging/build.py dist

$(VENV)/.package: sidecar/packaging/requirements.lock $(VENV)/.sidecar
	$(PIP) install --require-hashes --no-deps -r $<
	@touch $@

demo: ## an intranet with everything in it, without a Box account
	@$(PYTHON) tests/intranet/packages.py demo
	@$(MAKE) --no-print-directory build $(VENV)/.demo
	@DEMO_PORT=$(DEMO_PORT) DEMO_STATE=$(DEMO_STATE) $(BIN)/python tests/demo.py

test: ready ## the test suite, browser tests included
	$(PYTEST) $(SIDE_BY_SIDE) -m "not system" tests $(ARGS)

test-system: ready $(VENV)/.package ## what takes namespaces or other people's programs: the installation, foreign clients of Box
	@$(PYTHON) tests/intranet/packages.py system
	$(PYTEST) -n 2 --dist loadscope -m system tests $(ARGS)

ready:
	@$(PYTHON) tests/intranet/packages.py test
	@$(MAKE) --no-print-directory build $(VENV)/.tests tests/node_modules/.package-lock.json

$(VENV)/.mutation: tests/mutation.lock $(VENV)/.tests
	$(PIP) install --require-hashes --no-deps -r $<
	@touch $@

mutation: ## break what decides who gets which token, bit by bit: do the tests notice? Some ten minutes
	@$(MAKE) --no-print-directory build $(VENV)/.mutation
	$(BIN)/python tests/mutation.py

bench: ## measure, side by side with what one could use instead; QUICK=1 for a minute
	@$(PYTHON) tests/intranet/packages.py test
	@$(MAKE) --no-print-directory build $(VENV)/.tests
	$(BIN)/python tests/bench/run.py

soak: ## what goes wrong and comes back, under load: is anything lost, does anything grow? MINUTES=60
	@$(PYTHON) tests/intranet/packages.py test
	@$(MAKE) --no-print-directory build $(VENV)/.tests
	$(BIN)/python tests/bench/soak.py $(or $(MINUTES),60)

elements: ## Box UI Elements from npm for self-hosting, into DEST (Box's own licence applies); FONTS=system fetches none
	@$(PYTHON) wp-plugin/bin/elements --fonts "$(or $(FONTS),box)" "$(DEST)"

pictures: ready ## banner, icon and screenshots of the plugin's page, drawn and taken anew
	$(BIN)/python tests/pictures.py

docs: ready ## what is made from the code: parts of documents, the manual, completions, the sidecar's translations
	$(BIN)/python tests/docs.py
	$(BIN)/python tests/translations.py

hooks: ready ## what lint checks, before each commit, on what changes (pre-commit)
	$(BIN)/pre-commit install

lint: ## types, style and translations of all languages in use
	@$(PYTHON) tests/intranet/packages.py test
	@$(MAKE) --no-print-directory $(VENV)/.tests $(BIN)/box-sidecar tests/node_modules/.package-lock.json
	$(BIN)/ruff check sidecar tests
	$(BIN)/ruff format --check sidecar tests
	$(BIN)/mypy sidecar/box_sidecar tests
	$(BIN)/lint-imports --no-cache
	npm --prefix tests run --silent lint:js
	npm --prefix tests run --silent lint:css
	npm --prefix tests run --silent lint:php
	phpcs -q --standard=tests/plugin/phpcs.xml
	$(BIN)/python tests/translations.py --check
	wp-plugin/bin/translations --check
	wp-plugin/bin/blocks-manifest --check
	$(BIN)/python tests/docs.py --check

release: ## one VERSION everywhere, a commit and a tag; nothing is pushed
	@$(PYTHON) .ci/release "$(VERSION)"

lock: $(VENV)/.tests ## renew the lock files of Python; ARGS=--upgrade for newer ones
	cd sidecar && ../$(BIN)/pip-compile $(LOCK) $(ARGS) -o requirements.lock pyproject.toml
	cd sidecar && ../$(BIN)/pip-compile $(LOCK) $(ARGS) -c requirements.lock --extra pkcs11 -o pkcs11.lock pyproject.toml
	cd sidecar && ../$(BIN)/pip-compile $(LOCK) $(ARGS) -c requirements.lock --extra tracing -o tracing.lock pyproject.toml
	cd sidecar && ../$(BIN)/pip-compile $(LOCK) $(ARGS) -c requirements.lock --extra store -o store.lock pyproject.toml
	cd tests && ../$(BIN)/pip-compile $(LOCK) $(ARGS) -c ../sidecar/requirements.lock -o demo.lock demo.in
	cd tests && ../$(BIN)/pip-compile $(LOCK) $(ARGS) -c ../sidecar/requirements.lock -o requirements.lock requirements.in
	cd tests && ../$(BIN)/pip-compile $(LOCK) $(ARGS) -c ../sidecar/requirements.lock -c requirements.lock -o mutation.lock mutation.in
	cd sidecar/packaging && ../../$(BIN)/pip-compile $(LOCK) $(ARGS) -c ../requirements.lock -c ../../tests/requirements.lock -o requirements.lock requirements.in
	cd tests/foreign && ../../$(BIN)/pip-compile $(LOCK) $(ARGS) -o clients.lock clients.in

LOCK := --quiet --generate-hashes --strip-extras --allow-unsafe --no-header \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-emit-options

clean: ## remove what make made
	rm -rf $(VENV) dist .cache tests/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find sidecar tests wp-plugin -name __pycache__ -type d -prune -exec rm -rf {} +
