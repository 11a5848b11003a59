# Two commands do everything on a fresh machine:
#   make demo   sets up and scans example sound (or SONG=path) with a report
#   make test   sets up and passes the tests
# Every target makes its own environment when there is none.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet -c constraints.txt
# More decoder threads than cores only slow a two-core machine down.
export OMP_NUM_THREADS ?= 1

.DEFAULT_GOAL := help
.PHONY: help demo test test-all check format bench reproduce docs train-default clean

help: ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(VENV)/.core: $(BIN)/python pyproject.toml constraints.txt
	$(PIP) -e .
	@touch $@

$(VENV)/.dev: $(BIN)/python pyproject.toml constraints.txt
	$(PIP) -e '.[dev]'
	@touch $@ $(VENV)/.core

demo: $(VENV)/.core ## scan sound made here, or SONG=path, and write an HTML report
	$(BIN)/unsung demo $(if $(SONG),"$(SONG)") -o demo

test: $(VENV)/.dev ## the tests (under 15 minutes on 2 cores)
	$(BIN)/python -m pytest -n 2 -m "not slow"

test-all: $(VENV)/.dev ## the tests and the slow ones
	$(BIN)/python -m pytest -n 2

check: $(VENV)/.dev ## format, lint, types, import order
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev ## rewrite the code in the project's format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.dev ## speed and memory as ratios to named peers
	$(BIN)/python bench/scan_speed.py

docs: $(VENV)/.dev ## the documentation as a static site in site/
	$(BIN)/python -m mkdocs build --strict

train-default: $(VENV)/.dev ## rebuild the shipped bundle: DATA=folder with music.csv [HUMAN=folder]
	@test -n "$(DATA)" || { echo "give DATA=folder (with music.csv) and HUMAN=folder of more human music"; exit 2; }
	OMP_NUM_THREADS=1 $(BIN)/python -m unsung.training.default --data $(DATA)/music.csv \
	  $(if $(HUMAN),--human $(HUMAN)) --out src/unsung/bundles/default --results results

FOLDS ?= cache/folds
reproduce: $(VENV)/.dev ## run every experiment: DATA=folder with music.csv [HUMAN=folder] [FOLDS=folder]
	@test -n "$(DATA)" || { echo "give DATA=folder (with music.csv)"; exit 2; }
	test -d $(FOLDS) || $(BIN)/python -m unsung.training.folds --data $(DATA)/music.csv \
	  $(if $(HUMAN),--human $(HUMAN)) --out $(FOLDS)
	for file in experiments/*.toml; do $(BIN)/unsung reproduce $$file \
	  --data music=$(DATA)/music.csv --data crossfit=$(FOLDS) || exit 1; done

clean: ## remove what the targets made
	rm -rf $(VENV) demo site cache .pytest_cache .mypy_cache .ruff_cache
