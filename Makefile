# The commands are listed by `make help`.
PYTHON ?= python3
PY := .venv/bin/python
UV := .venv/bin/uv
SYNC := $(UV) pip sync --quiet --require-hashes --python $(PY)
LOCK := $(UV) pip compile --quiet --universal --generate-hashes --no-annotate --no-header --python $(PY)
SOURCES := app.py pages components data tests

.DEFAULT_GOAL := help
.PHONY: help run test check fix faults bench simulate lock browser

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

run: .venv/ready ## start everything: PostgreSQL, the city, the worker, the web; prints the address
	@exec $(PY) app.py

test: .venv/ready-test browser ## all tests, with a real PostgreSQL and a real Chromium
	$(PY) -m pytest -m "not slow" --numprocesses 3 --dist loadfile --no-loadscope-reorder

check: .venv/ready-test ## format, lint, types, arrows and wiring; prints how long functions and files are
	$(PY) -m ruff format --check $(SOURCES)
	$(PY) -m ruff check $(SOURCES)
	$(PY) -m mypy
	$(PY) -m pytest -q tests/test_architecture.py tests/test_wiring.py
	$(PY) tests/shape.py

fix: .venv/ready-test ## format and mend what can be mended by itself
	$(PY) -m ruff format $(SOURCES)
	$(PY) -m ruff check --fix $(SOURCES)

faults: .venv/ready-test browser ## what make test shows small, at its stated size
	$(PY) -m pytest -m slow

bench: .venv/ready-test browser ## the goals as ratios in one run; make bench ONLY="live export"; ONLY=readme writes the table
	$(PY) -m tests.bench $(ONLY)

simulate: $(if $(SEEDS),.venv/ready-test,.venv/ready) ## a city through drawn steps and crashes: SEEDS=1000 (one: 17..17); or the data of a SCENARIO=rainstorm
	$(if $(SEEDS),$(PY) -m tests.simulation --seeds $(SEEDS),$(PY) -m flask --app app simulate $(SCENARIO))

lock: $(UV) ## requirements*.txt from pyproject.toml, with hashes
	$(LOCK) pyproject.toml --output-file requirements.txt
	$(LOCK) pyproject.toml --group dev --output-file requirements-dev.txt

# What is installed for tests holds what is needed to run.
.venv/ready: requirements.txt | $(UV)
	@if [ .venv/ready-test -nt requirements.txt ] && [ .venv/ready-test -nt requirements-dev.txt ]; then :; \
	else $(SYNC) requirements.txt && rm -f .venv/ready-test; fi
	@touch $@

.venv/ready-test: requirements-dev.txt requirements.txt | $(UV)
	$(SYNC) requirements-dev.txt
	@touch $@

# uv itself comes by the hash in requirements.txt.
$(UV):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "Python 3.11 or newer is needed; found: $$($(PYTHON) --version 2>&1). Set PYTHON=…"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || $(call apt,python3-venv)
	$(PYTHON) -m venv .venv
	@sed -n '/^uv==/,/[^\\]$$/p' requirements.txt > .venv/uv.txt
	$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes --requirement .venv/uv.txt

browser:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || \
	  command -v google-chrome >/dev/null || $(call apt,chromium)
	@{ fc-list :lang=zh-cn 2>/dev/null | grep -q . || ls /usr/share/fonts/*/noto/*CJK* >/dev/null 2>&1; } || \
	  $(call apt,fonts-noto-cjk)

# $(call apt,package): installed where that is allowed, else named.
define apt
{ if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $(1); \
  else echo "Please install the package $(1) (Debian, Ubuntu: apt-get install $(1))"; exit 1; fi; }
endef
