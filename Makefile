# make demo   set up .venv and run the whole job on the embedded data
# make test   set up what the tests need and run them, but those marked slow
# make test-all   run all tests; make coverage adds which lines they reach
# make docs   build the documentation into build/docs; no network is needed
# make bench  measure the speed of every stage beside its limit (ten minutes), and name what became slower
PYTHON ?= python3
VENV ?= .venv
WORKSPACE ?= workspace
BIN := $(VENV)/bin
# one more process than there are cores: many tests wait for a program that they started
PROCESSES ?= $(shell $(PYTHON) -c 'import os; print((os.cpu_count() or 1) + 1)')
PYTEST := $(BIN)/python -m pytest -n $(PROCESSES)
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile -c constraints.txt
# pip compiles the modules one by one; here all cores do, and the packages' own tests are left out
COMPILE := $(BIN)/python -m compileall -qq -j 0 -x '/tests?/' $(VENV)/lib || true

.PHONY: demo test test-all test-slow coverage lint format docs bench clean
.DEFAULT_GOAL := demo

demo: $(VENV)/.installed
	@if [ -f $(VENV)/.used ]; then echo "reused: the installation in $(VENV)" >&2; else touch $(VENV)/.used; fi
	@$(BIN)/chem-vae run --config data/demo.toml --prefect --workspace $(WORKSPACE)

test: $(VENV)/.installed-dev
	$(PYTEST) --dist loadfile -m "not slow"

test-slow: $(VENV)/.installed-dev
	$(PYTEST) --dist loadfile -m slow

test-all: test test-slow

coverage: $(VENV)/.installed-dev
	$(PYTEST) --dist loadfile --cov --cov-report=term --cov-report=html:workspace/coverage

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/.installed-dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build
	@echo "read and search it at http://localhost:8000 with: $(BIN)/python -m http.server -d build/docs" >&2

bench: $(VENV)/.installed
	$(BIN)/python benchmarks/speed.py

$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("chem-vae needs Python 3.11 or newer; this is " + sys.version.split()[0] + " (set PYTHON=...)" if sys.version_info < (3, 11) else 0)'
	@echo "installing into $(VENV) (once; takes a few minutes)"
	@$(PYTHON) -m venv $(VENV)
	@rm -f $(VENV)/.used
	@$(INSTALL) -e .
	@$(COMPILE)
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@echo "installing what the tests need into $(VENV)"
	@$(INSTALL) -e '.[dev]'
	@$(COMPILE)
	@touch $@

clean:
	rm -rf $(VENV) workspace build .pytest_cache .mypy_cache .ruff_cache .hypothesis
