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
.PHONY: help system demo test test-all check format bench reproduce docs web train-default clean

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

# FluidSynth and a SoundFont, for the instrument corpus. Never fails: without them its tests skip.
SYSTEM_PACKAGES := fluidsynth timgm6mb-soundfont
SOUNDFONTS := /usr/share/sounds/sf2/*.sf2 /usr/share/soundfonts/*.sf2
APT := DEBIAN_FRONTEND=noninteractive apt-get -qq -o Acquire::Retries=1 -o Acquire::http::Timeout=20 \
  -o DPkg::Lock::Timeout=60

system: $(VENV)/.system ## install FluidSynth and a SoundFont (Debian, as root or by sudo)

$(VENV)/.system: | $(BIN)/python
	@if command -v fluidsynth >/dev/null && ls $(SOUNDFONTS) 2>/dev/null | grep -q .; then touch $@; exit 0; fi; \
	if [ "$$(id -u)" = 0 ]; then as="env"; elif sudo -n true 2>/dev/null; then as="sudo -n env"; else as=""; fi; \
	if [ -n "$$as" ] && command -v apt-get >/dev/null; then \
	  install="$$as $(APT) install -y --no-install-recommends $(SYSTEM_PACKAGES)"; \
	  $$install >/dev/null 2>&1 || { $$as $(APT) update >/dev/null 2>&1; $$install >/dev/null 2>&1; }; \
	fi; \
	if command -v fluidsynth >/dev/null && ls $(SOUNDFONTS) 2>/dev/null | grep -q .; then touch $@; \
	else echo "no FluidSynth or SoundFont: the tests that need them will skip." \
	  "To have them, run as root: apt-get install $(SYSTEM_PACKAGES)"; fi

demo: $(VENV)/.core ## scan sound made here, or SONG=path, and write an HTML report
	$(BIN)/unsung demo $(if $(SONG),"$(SONG)") -o demo

test: $(VENV)/.dev | $(VENV)/.system ## the tests (under 15 minutes on 2 cores)
	$(BIN)/python -m pytest -n 2 -m "not slow"

test-all: $(VENV)/.dev | $(VENV)/.system ## the tests and the slow ones
	$(BIN)/python -m pytest -n 2

check: $(VENV)/.dev ## format, lint, types, import order
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev ## rewrite the code in the project's format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.dev ## speed and memory as ratios to named peers; DATA=folder also times the battery
	$(BIN)/python bench/scan_speed.py
	$(BIN)/python bench/attacks.py
	$(if $(DATA),$(BIN)/python bench/battery.py $(DATA)/music.csv,@echo "battery: give DATA=folder (with music.csv) to time it")

docs: $(VENV)/.dev ## the documentation as a static site in site/
	$(BIN)/python -m mkdocs build --strict

web: $(VENV)/.core ## the scanner as a static page in web/dist/site, the extension beside it
	cd web && npm ci --ignore-scripts --no-audit --no-fund
	$(BIN)/unsung web -o web/dist/site --extension web/dist/extension

train-default: $(VENV)/.dev ## rebuild the shipped bundles: DATA=folder with music.csv [SONGS=tables HUMAN=folder]
	@test -n "$(DATA)" || { echo "give DATA=folder (with music.csv) and HUMAN=folder of more human music"; exit 2; }
	for name in default fast; do \
	  OMP_NUM_THREADS=1 $(BIN)/python -m unsung.training.default --detector $$name \
	    --data $(DATA)/music.csv $(if $(SONGS),--songs $(SONGS)) $(if $(HUMAN),--human $(HUMAN)) \
	    --out src/unsung/bundles/$$name --results results || exit 1; \
	done

FOLDS ?= cache/folds
reproduce: $(VENV)/.dev ## every experiment: DATA=folder with music.csv [SONGS=tables HUMAN=folder FOLDS=folder LIMIT=tracks OUT=folder]
	@test -n "$(DATA)" || { echo "give DATA=folder (with music.csv)"; exit 2; }
	test -d $(FOLDS) || $(BIN)/python -m unsung.training.folds --data $(DATA)/music.csv \
	  $(if $(SONGS),--songs $(SONGS)) $(if $(HUMAN),--human $(HUMAN)) --out $(FOLDS)
	$(BIN)/unsung reproduce --all --data music=$(DATA)/music.csv --data crossfit=$(FOLDS) \
	  $(if $(LIMIT),--limit $(LIMIT)) $(if $(OUT),--out $(OUT))

clean: ## remove what the targets made
	rm -rf $(VENV) demo site cache .pytest_cache .mypy_cache .ruff_cache
