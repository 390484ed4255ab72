# Two commands need nothing but Python 3.11+ and make: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Say PIP_ARGS="--index-url ..." to take torch and torchvision from one place of your choice.
PIP_ARGS ?=
# No notices of pip's own among the output of the project.
PIP := PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore $(BIN)/python -m pip install --quiet

.PHONY: demo test test-slow test-long lint format docs dist audit bench clean

$(VENV)/installed: pyproject.toml $(wildcard plugins/*/pyproject.toml)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "degan needs Python 3.11 or newer; say make PYTHON=python3.11")'
	@echo "Installing degan into $(VENV); the first time this takes a few minutes."
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) --upgrade pip
	@$(PIP) $(PIP_ARGS) -e '.[dev]'
	@$(PIP) --no-deps -e plugins/degan-template -e plugins/degan-resnet-gan -e plugins/degan-light-gan
	@touch $@

demo: $(VENV)/installed
	@$(BIN)/degan demo --force

# A process for each core, of one thread; the tests of a file share what they prepare, so a file stays together.
test: lint
	@echo "Running the tests."
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n auto --dist loadfile tests plugins

test-slow: $(VENV)/installed
	@$(BIN)/python -m pytest -q -m slow tests plugins

# Ten thousand damaged files, two hundred kills and sixty signals, counted for docs/trust.md; half an hour of one core.
test-long: $(VENV)/installed
	@DEGAN_TRUST_REPORT=$(CURDIR)/benchmarks/results/trust.json DEGAN_MUTATIONS=10000 DEGAN_KILLS=200 DEGAN_SIGNALS=60 \
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -m 'slow or not slow' tests/fuzz tests/test_kills.py tests/test_sigterm.py

lint: $(VENV)/installed
	@echo "Running the linters: ruff and mypy."
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy --no-error-summary

format: $(VENV)/installed
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

# The reference comes from the settings, tables and plots of results from the files under benchmarks/results.
docs: $(VENV)/installed
	@$(BIN)/python -c "from degan_cli.app import COMMANDS; from degan_cli.commands.reference import reference; \
	print(reference(COMMANDS), end='')" > docs/reference.md
	@$(BIN)/python benchmarks/tables.py
	@$(BIN)/python benchmarks/plots.py

# Built from the committed files alone, so that nothing else that lies here can get in.
dist: $(VENV)/installed
	@rm -rf build/dist && mkdir -p build/dist && git archive HEAD | tar -x -C build/dist
	@$(BIN)/python -m build --no-isolation --outdir dist build/dist

# The database of vulnerabilities is on the network; without it there is nothing to ask, and nothing fails.
audit: $(VENV)/installed
	@$(PIP) pip-audit
	@if $(BIN)/python -c 'import urllib.request as u; u.urlopen("https://pypi.org/pypi/pip/json", timeout=10)' 2>/dev/null; \
	then $(BIN)/pip-audit --skip-editable; else echo "Skipped: the database of vulnerabilities cannot be reached."; fi

bench: $(VENV)/installed
	@$(BIN)/python benchmarks/speed.py

clean:
	rm -rf $(VENV) build *.egg-info plugins/*/*.egg-info
