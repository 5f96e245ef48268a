# make run    serve http://localhost:5555 (on a fresh machine too: it makes env/ and installs)
# make test   the tests (installs what they need); with CI=true the slow ones too, and what cannot run is a failure
# make test-servers  forms and answers against real model servers; the heavy ones get environments under ~/.cache first.
#             With WRITE=1 it writes docs/endpoints.md anew
# make soak   kill -9 of web, workers and Redis while background jobs come in and files are scored; takes half an hour
# make lint   ruff and mypy
# make bench  the table of docs/speed.md against the peers (needs nginx, wrk, two quiet cores and five minutes)
# make bench-rows  a million rows through web and workers: time and memory (needs Redis, PostgreSQL and some minutes)
# make docs   .env.example, docs/settings.md and the Visual Studio project from what is there

PYTHON ?= python3
BIN := env/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: run test test-servers soak lint docs bench bench-rows
.DELETE_ON_ERROR:

run: env/.run env/.demo
	$(BIN)/python runserver.py

test: env/.dev
	@sh tests/system-packages.sh
	$(BIN)/python -m pytest -n auto --dist worksteal -m "not $(if $(CI),servers,slow)"
	@$(if $(CI),,echo "What is slow (kills, PostgreSQL, training, pages in more states, a new environment, the container) was left out; CI=true make test runs it too.")

test-servers: env/.dev
	@sh tests/system-packages.sh
	$(BIN)/python tests/servers/environments.py
	$(BIN)/python -m pytest tests/test_servers.py

soak: env/.dev
	@sh tests/system-packages.sh
	PYTHONPATH=.:tests $(BIN)/python -m soak

lint: env/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: env/.run
	$(BIN)/python docs/generate.py

bench: env-bench/.done
	env-bench/bin/python -m bench $(if $(WRITE),--write)

bench-rows: env-bench/.done
	env-bench/bin/python -m bench.rows $(if $(WRITE),--write)

env-bench/.done: requirements.txt requirements-scale.txt requirements-bench.txt
	$(PYTHON) -m venv env-bench
	env-bench/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-bench.txt
	@touch $@

env/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "FlaskAppAML needs Python 3.11 or newer; name one: make PYTHON=python3.12")'
	$(PYTHON) -m venv env

env/.run: requirements.txt | env/bin/python
	$(PIP) -r requirements.txt
	@touch $@

env/.demo: demo/requirements.txt | env/.run
	@$(PIP) -r demo/requirements.txt || echo "The demo goes without faces and expressions; everything else works."
	@touch $@

env/.dev: requirements.txt requirements-scale.txt requirements-dev.txt | env/bin/python
	$(PIP) -r requirements-dev.txt
	@touch $@
