# What to do with Andon. Needs Python 3.11 or newer, make and a C compiler; no root, no Docker.
# Everything is installed into .venv/ once, and again when a requirements file changes.

.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
SHELL := /bin/sh

VENV := .venv
LABELSTUDIO_VENV ?= .venv-labelstudio
export LABELSTUDIO_VENV
STUDIO := $(LABELSTUDIO_VENV)/installed
BIN := $(VENV)/bin
PYTHON ?= $(shell for p in python3.11 python3 python3.12 python3.13; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input
PYTEST := $(BIN)/python -m pytest -q
DISK_MB := 9000
say = printf '\033[1m%s\033[0m\n'
stop = { printf '%s\n' "$(1)" >&2; exit 1; }

.PHONY: help run labelstudio labelstudio-install test check fmt install bench-main bench-inference bench-backbone bench-review bench-labels screens clean

help: ## What can be done here
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-20s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/installed $(if $(filter-out 0,$(LABELSTUDIO)),$(STUDIO)) ## Start everything on this machine; Ctrl-C stops it
	@exec $(BIN)/python manage.py up

labelstudio: $(VENV)/installed $(STUDIO) ## Start Label Studio alone, connected to Andon; Ctrl-C stops it
	@exec $(BIN)/python manage.py labelstudio

labelstudio-install: $(STUDIO) ## Only install Label Studio, into an environment of its own

test: $(VENV)/installed-tests $(STUDIO) ## All tests, against real Postgres and Redis
	@$(say) "Tests"
	@$(PYTEST) -n 2 --dist loadgroup -m "not house"
	@$(say) "Tests with a whole house of their own, one after the other"
	@$(PYTEST) -m house || test $$? -eq 5

check: $(VENV)/installed-tests $(STUDIO) ## Format, lint, types, contracts, migrations, map, then all tests
	@$(say) "Format and lint"
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(say) "Types"
	@$(BIN)/mypy
	@$(say) "Contracts between the rooms"
	@$(BIN)/lint-imports
	@$(say) "Migrations and map"
	@$(BIN)/python manage.py makemigrations --check --dry-run
	@$(BIN)/python manage.py drawmap --check
	@$(MAKE) test

fmt: $(VENV)/installed-tests ## Format the code, and mend what the linter can mend
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

install: $(VENV)/installed ## Only install what it runs on

bench-main: $(VENV)/installed-tests ## Measure the main job: detectors, the whole system, the API's door
	@exec $(BIN)/python -m tests.benchmarks.main

bench-inference: $(VENV)/installed-tests ## Measure the detectors: against a peer, their promises, their memory
	@exec $(BIN)/python -m tests.benchmarks.inference $(STAGE)

bench-backbone: $(VENV)/installed-tests ## Measure the shipped backbone: beside filters and its teacher
	@exec $(BIN)/python -m tests.benchmarks.backbone $(STAGE)

bench-review: $(VENV)/installed-tests ## Measure the review: a long queue, many reviewers at once
	@exec $(BIN)/python -m tests.benchmarks.review

bench-labels: $(VENV)/installed-tests $(STUDIO) ## Measure the labelling desk: to a real Label Studio and back
	@exec $(BIN)/python -m tests.benchmarks.labels

screens: $(VENV)/installed-tests ## Photograph every page into docs/screens, light and dark
	@exec $(BIN)/python -m tests.screens

clean: ## Remove what was installed and cached; your data in var/ stays
	rm -rf $(VENV) $(LABELSTUDIO_VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -not -path './var/*' -prune -exec rm -rf {} +

$(VENV)/pyvenv.cfg:
	@test -n "$(PYTHON)" || $(call stop,Python 3.11 or newer is needed and was not found. Name it: make PYTHON=/path/to/python3.11)
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
		|| $(call stop,$(PYTHON) is not Python 3.11 or newer. Name another: make PYTHON=/path/to/python3.11)
	@"$(PYTHON)" -c 'import ensurepip$(comma) venv' 2>/dev/null \
		|| $(call stop,$(PYTHON) has no venv module. On Debian and Ubuntu: apt-get install python3-venv)
	@command -v cc >/dev/null || command -v gcc >/dev/null \
		|| $(call stop,No C compiler was found; Redis is compiled during the installation. On Debian and Ubuntu: apt-get install gcc libc6-dev)
	@test "$$(df -Pm . | awk 'NR==2 {print $$4}')" -ge $(DISK_MB) \
		|| $(call stop,The installation needs $(DISK_MB) MB on this disk. Free some space first.)
	@$(say) "Making $(VENV) with $(PYTHON)"
	@"$(PYTHON)" -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

# The files that name the versions are newer than the stamp exactly when something must be done.
$(VENV)/installed: requirements.txt docker/constraints.txt | $(VENV)/pyvenv.cfg
	@$(say) "Installing what Andon runs on (about 6 GB the first time; minutes)"
	@CC=$${CC:-$$(command -v cc || command -v gcc)} $(PIP) -r requirements.txt
	@touch $@

$(VENV)/installed-tests: $(VENV)/installed tests/requirements.txt
	@$(say) "Installing what tests and checks need"
	@$(PIP) -r tests/requirements.txt
	@touch $@

# Label Studio's pins clash with ours, so it lives beside us; LABELSTUDIO_VENV says where.
$(STUDIO): docker/labelstudio-requirements.txt docker/labelstudio-constraints.txt | $(VENV)/pyvenv.cfg
	@$(say) "Installing Label Studio into $(LABELSTUDIO_VENV) (about 1 GB the first time; minutes)"
	@test -x $(LABELSTUDIO_VENV)/bin/python || "$(PYTHON)" -m venv $(LABELSTUDIO_VENV)
	@$(LABELSTUDIO_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-input \
		-r docker/labelstudio-requirements.txt
	@touch $@

comma := ,
