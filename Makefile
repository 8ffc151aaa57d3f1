# make demo   set up .venv and run the whole job on the embedded data
# make test   set up what the tests need and run them
# make bench  the speed figures of benchmarks/README.md
PYTHON ?= python3
VENV ?= .venv
WORKSPACE ?= workspace
BIN := $(VENV)/bin

.PHONY: demo test lint format bench clean
.DEFAULT_GOAL := demo

demo: $(VENV)/.installed
	@if [ -f $(VENV)/.used ]; then echo "reused: the installation in $(VENV)" >&2; else touch $(VENV)/.used; fi
	@$(BIN)/chem-vae run --config data/demo.toml --prefect --workspace $(WORKSPACE)

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.installed
	$(BIN)/python benchmarks/speed.py startup
	$(BIN)/python benchmarks/speed.py training
	$(BIN)/python benchmarks/speed.py ingest moses-sample
	$(BIN)/python benchmarks/speed.py sampling moses

$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("chem-vae needs Python 3.11 or newer; this is " + sys.version.split()[0] + " (set PYTHON=...)" if sys.version_info < (3, 11) else 0)'
	@echo "installing into $(VENV) (once; takes a few minutes)"
	@$(PYTHON) -m venv $(VENV)
	@rm -f $(VENV)/.used
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@echo "installing what the tests need into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

clean:
	rm -rf $(VENV) workspace .pytest_cache .mypy_cache .ruff_cache .hypothesis
