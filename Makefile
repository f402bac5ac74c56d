# Every target sets itself up: `make demo` and `make test` work in a fresh clone.
.DEFAULT_GOAL := help
STAMP := .venv/.stamp
BIN := .venv/bin
export HF_HUB_OFFLINE := 1
export TOKENIZERS_PARALLELISM := false

.PHONY: help setup demo test check format

help:  ## Show the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile

$(STAMP): pyproject.toml constraints.txt tools/setup.sh
	sh tools/setup.sh && touch $@

setup: $(STAMP)  ## Make .venv with the pinned packages; nothing to do when it is current

demo: $(STAMP)  ## Import, train, evaluate, show and serve the bundled books (ARGS=--no-serve ends before serving)
	$(BIN)/penchant demo $(ARGS)

test: $(STAMP)  ## Run the tests
	$(BIN)/python -m pytest -q $(ARGS)

check: $(STAMP)  ## Format, lint, types, import layers, dependencies
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry src
	$(BIN)/vulture

format: $(STAMP)  ## Rewrite the code in the project's format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
