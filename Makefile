.PHONY: demo up test test-all coverage fuzz bench check newest lock audit dashboards rules pictures clean
PYTHON ?= python3
EXTRAS ?= dev
VENV ?= .venv
CONSTRAINTS ?= deploy/constraints.txt
BIN := $(VENV)/bin
PYTEST := $(BIN)/pytest --numprocesses auto --dist loadfile --no-loadscope-reorder
SECRETS := shipclock-token grafana-password kafka-password redis-password redis-url redis-users
SCHEMA_TESTS := tests/rules/dsl/test_schema.py tests/rules/messages/test_json_schema.py tests/web/test_documents.py \
	tests/feeds/test_validate.py
INSTALLED = --constraint $(CONSTRAINTS) --editable '.[$(EXTRAS)]'
COMPILE := uv pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate --no-emit-index-url

demo: $(VENV)/ready  ## the main job on the embedded broker, watched in the terminal
	$(BIN)/shipclock demo $(ARGS)

up: $(addprefix .secrets/,$(SECRETS))  ## all of it with Docker; ARGS="--profile demo" or "--profile feeds" feeds it
	@docker compose version >/dev/null 2>&1 || { echo '`make up` needs Docker and its compose plugin' >&2; exit 1; }
	chmod a+r $^
	install -d -m 755 .secrets/feeds && chmod -R a+rX .secrets/feeds
	docker compose $(ARGS) up --build --detach --wait

test: $(VENV)/ready  ## all but the slow tests, properties with fewer examples; TEST_REQUIRE=1 makes a missing real component an error
	@echo "takes some 8 minutes on two cores; a test that hangs ends after 5"
	HYPOTHESIS_PROFILE=quick $(PYTEST) -m "not slow" $(ARGS)

test-all: $(VENV)/ready  ## everything that must hold, the slow tests too
	$(PYTEST) $(ARGS)

coverage:  ## which share of rules/ and streams/ the last run with ARGS=--cov has reached, by folder
	$(BIN)/python -m tests.ops.coverage

fuzz: $(VENV)/ready  ## all of the fuzz corpus, of which `make test-all` runs a tenth; takes ten minutes
	$(BIN)/pytest --fuzz-all --timeout 1200 tests/fuzz $(ARGS)

check: $(VENV)/ready  ## style, types, layers and the packs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/shipclock check
	$(BIN)/shipclock test --coverage
	$(BIN)/shipclock feeds check
	$(BIN)/shipclock feeds test

newest: $(VENV)/ready  ## `check` and the tests of the committed schemas with the newest release of every package
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python .venv-newest
	$(BIN)/uv pip install --quiet --python .venv-newest --editable '.[$(EXTRAS)]'
	touch .venv-newest/ready
	$(MAKE) VENV=.venv-newest check
	.venv-newest/bin/pytest $(SCHEMA_TESTS)

lock: $(VENV)/ready  ## writes the releases that make, CI and the image install into deploy/
	$(BIN)/$(COMPILE) --upgrade --extra dev --extra deploy pyproject.toml --output-file $(CONSTRAINTS)
	$(BIN)/$(COMPILE) --extra image --constraint $(CONSTRAINTS) --generate-hashes pyproject.toml \
		--output-file deploy/requirements.txt

bench: $(VENV)/ready  ## the job on real Kafka beside the limit and stock Faust, then all that deploy/docs/benchmarks.md lists; takes an hour
	$(BIN)/python -m tests.bench $(ARGS)

audit: $(VENV)/ready  ## whether the packages it stands on are fit to be relied on
	$(BIN)/python -m tests.ops.audit

dashboards: $(VENV)/ready  ## writes deploy/grafana/dashboards
	$(BIN)/python -m deploy.grafana.source

rules: $(VENV)/ready  ## writes the Prometheus rules for Kubernetes, from deploy/prometheus
	$(BIN)/python -m deploy.prometheus.rules

pictures: $(VENV)/ready  ## writes deploy/pictures from a run of the demo; takes four minutes
	$(BIN)/python -m tests.ops.pictures
	$(BIN)/python -m tests.ops.pictures.demo

# Docker mounts these files as they are, so containers, each a user of its own, must be able to read them (`up` sees
# to it); the folder keeps everybody else out. No secret stands in a command's arguments, where `ps` would show it.
.secrets/%:
	install -d -m 700 .secrets
	head -c 24 /dev/urandom | base64 | tr '+/' '-_' | tr -d '\n' > $@

.secrets/redis-url: .secrets/redis-password
	{ printf redis://:; cat $<; printf @redis:6379/0; } > $@

# What the worker and the readers of its streams need; nobody changes Redis' settings over the network.
.secrets/redis-users: .secrets/redis-password
	{ printf 'user default on #'; sha256sum < $< | cut -c1-64 | tr -d '\n'; \
		echo ' ~shipclock:* &* +@all -@admin -@dangerous +info'; } > $@

.DELETE_ON_ERROR:

# uv takes a quarter of the time that pip takes; but only pip knows of a package index in pip's settings.
$(VENV)/ready: pyproject.toml $(CONSTRAINTS)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --constraint $(CONSTRAINTS) uv
	$(BIN)/uv pip install --python $(BIN)/python $(INSTALLED) || $(BIN)/python -m pip install $(INSTALLED)
	touch $@

# Else each process that a test starts would compile the package anew.
unexport PYTHONDONTWRITEBYTECODE

clean:
	rm -rf .venv .venv-newest .bench .coverage* .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info
