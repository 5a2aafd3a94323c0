.PHONY: demo test bench check clean
PYTHON ?= python3
BIN := .venv/bin

demo: .venv/ready  ## the main job on the embedded broker, watched in the terminal
	$(BIN)/shipclock demo $(ARGS)

test: .venv/ready  ## everything that must hold; SHIPCLOCK_REQUIRE=1 makes a missing real component an error
	$(BIN)/pytest $(ARGS)

check: .venv/ready  ## style, types, layers and the packs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/shipclock check
	$(BIN)/shipclock test --coverage

bench: .venv/ready  ## JOB.md on real Kafka beside the limit and stock Faust; writes .bench/bench.json
	$(BIN)/python -m tests.bench $(ARGS)

.venv/ready: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

clean:
	rm -rf .venv .bench .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info
