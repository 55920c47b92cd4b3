# Everything here also works without make: see README.md, "Without make".
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

.PHONY: help demo test test-browser test-slow check fix bench grid docs clean

help: ## what can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

$(BIN)/joyeval: requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --no-compile --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	@touch $@

$(BIN)/pytest: $(BIN)/joyeval requirements-dev.lock
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-dev.lock
	@touch $@

demo: $(BIN)/joyeval ## set up, run the demonstration programme, print where the reports are
	$(BIN)/joyeval demo

test: $(BIN)/pytest ## set up and run the tests
	$(BIN)/python -m pytest -n auto

test-browser: $(BIN)/pytest ## finished reports in a browser and a word processor
	$(BIN)/python -m pytest -m browser

test-slow: $(BIN)/pytest ## recovery simulations, other long checks, and properties on many more examples
	$(BIN)/python -m pytest -n auto -m "slow or hypothesis" --hypothesis-profile thorough

check: $(BIN)/pytest ## lint and format; changes nothing
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

fix: $(BIN)/pytest ## mend what can be mended by machine
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(BIN)/pytest ## measure against peers, in the same run
	$(BIN)/python -m benchmarks

grid: $(BIN)/pytest ## simulate size, coverage and power of the estimators, and write docs/estimators.md
	$(BIN)/python -m benchmarks.grid

clean: ## remove what was built; raw data stay
	rm -rf $(VENV) build data/processed/*/ reports/*/
