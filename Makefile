# Targets: study test lint bench bench-check bench-smoke docs clean. A machine needs Python 3.11+ and make.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := .stamps
PIP    := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt

.PHONY: study test lint bench bench-check bench-smoke docs clean format

study: $(STAMP)/run
	@mkdir -p out
	$(BIN)/cosim run heat-wave --out out/heat-wave.h5
	$(BIN)/cosim report out/heat-wave.h5
	@echo "Results in out/heat-wave.h5, page in out/heat-wave.html"

test: $(STAMP)/dev
	$(BIN)/python -m pytest -n 2 --dist worksteal -p no:benchmark

lint: $(STAMP)/dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP)/dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(STAMP)/dev
	$(BIN)/python -m benchmarks.run

bench-check: $(STAMP)/dev
	$(BIN)/python -m benchmarks.run --check

bench-smoke: $(STAMP)/dev
	$(BIN)/python -m benchmarks.run --smoke

docs: $(STAMP)/docs
	$(BIN)/zensical build --strict

clean:
	rm -rf $(VENV) $(STAMP) out site build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "cosim needs Python 3.11 or newer; set PYTHON=/path/to/python3"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(STAMP)/run: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --editable '.[opendss,sensitivity]'
	@mkdir -p $(STAMP) && touch $@

$(STAMP)/dev: pyproject.toml constraints.txt $(STAMP)/run
	$(PIP) --editable '.[opendss,sweep,parquet,sensitivity,dev]'
	@touch $@

$(STAMP)/docs: $(STAMP)/dev
	$(PIP) --editable '.[docs]'
	@touch $@
