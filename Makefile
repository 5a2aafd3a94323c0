.PHONY: demo up test bench check audit dashboards pictures clean
PYTHON ?= python3
EXTRAS ?= dev
BIN := .venv/bin

demo: .venv/ready  ## the main job on the embedded broker, watched in the terminal
	$(BIN)/shipclock demo $(ARGS)

up: .secrets/shipclock-token .secrets/grafana-password  ## all of it with Docker; ARGS="--profile demo" feeds it
	docker compose $(ARGS) up --build --detach --wait

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

audit: .venv/ready  ## whether the packages it stands on are fit to be relied on
	$(BIN)/python -m tests.ops.audit

dashboards: .venv/ready  ## writes deploy/grafana/dashboards
	$(BIN)/python -m deploy.grafana.source

pictures: .venv/ready  ## writes deploy/pictures from a run of the demo; takes four minutes
	$(BIN)/python -m tests.ops.pictures
	$(BIN)/python -m tests.ops.pictures.demo

# Containers that run as somebody else must be able to read the files; the folder keeps everybody else out.
.secrets/%:
	install -d -m 700 .secrets
	head -c 24 /dev/urandom | base64 | tr '+/' '-_' | tr -d '\n' > $@

.venv/ready: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --editable '.[$(EXTRAS)]'
	touch $@

clean:
	rm -rf .venv .bench .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info
