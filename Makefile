# Thin verbs; everything else is behind `evalgate --help`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: gate test test-all mutants defences lint bench record-example clean

$(BIN)/evalgate: pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $(BIN)/evalgate

$(VENV)/.dev: pyproject.toml requirements-ci.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements-ci.txt -e '.[dev]'
	@touch $(VENV)/.dev

# Runs the default suite against its baseline: no key, nothing but the package index.
gate: $(BIN)/evalgate
	@$(BIN)/evalgate run --baseline; code=$$?; \
	if [ $$code -ne 0 ]; then echo "evalgate exit code: $$code" >&2; exit $$code; fi

# What matters to a change, in minutes; test-all adds the slow rest, as CI does.
test: $(VENV)/.dev
	$(BIN)/python -m pytest -q -n auto --dist worksteal -m "not slow"

test-all: $(VENV)/.dev
	$(BIN)/python -m pytest -q -n auto --dist worksteal

# Breaks deciding code on purpose and counts what the tests notice (docs/design/tests.md).
mutants: $(VENV)/.dev
	$(BIN)/python scripts/mutants.py

# Takes each defence out and looks whether the attacks on it then succeed (docs/design/tests.md).
defences: $(VENV)/.dev
	$(BIN)/python scripts/defences.py

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks

# Records the example anew from its scripted model: needs no key.
record-example: $(BIN)/evalgate
	$(BIN)/python scripts/record_example.py
	$(BIN)/python scripts/record_example_verdicts.py

clean:
	rm -rf $(VENV) .evalgate .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .hypothesis
