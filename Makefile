# Two commands need nothing but Python 3.11+ and make: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Say PIP_ARGS="--index-url ..." to take torch and torchvision from one place of your choice.
PIP_ARGS ?=

.PHONY: demo test test-slow lint format bench clean

$(VENV)/installed: pyproject.toml $(wildcard plugins/*/pyproject.toml)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "degan needs Python 3.11 or newer; say make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet $(PIP_ARGS) -e '.[dev]'
	$(BIN)/python -m pip install --quiet --no-deps -e plugins/degan-template -e plugins/degan-resnet-gan
	touch $@

demo: $(VENV)/installed
	$(BIN)/degan demo --force

test: lint
	$(BIN)/python -m pytest -q tests plugins

test-slow: $(VENV)/installed
	$(BIN)/python -m pytest -q -m slow tests plugins

lint: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/installed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/installed
	$(BIN)/python benchmarks/speed.py

clean:
	rm -rf $(VENV) build *.egg-info plugins/*/*.egg-info
