# `make demo` shows it working, `make test` proves it, `make help` lists the rest.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# Before 3.11.5 regular expressions with possessive groups match wrongly, and the splitter is made of them.
FIT = import sys; sys.exit(sys.version_info < (3, 11, 5))
PYTHON ?= $(or $(firstword $(foreach python,python3 python3.14 python3.13 python3.12 python3.11,\
	$(shell $(python) -c '$(FIT)' 2>/dev/null && echo $(python)))),python3)
IN := requirements
BIN := .venv/bin
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --upgrade
# Malicious releases are usually found and removed within days, so `make lock` takes none that is younger than a week.
WEEK_AGO = from datetime import *; print((datetime.now(timezone.utc) - timedelta(days=7)).strftime("%Y-%m-%dT%H:%M:%SZ"))
BEFORE ?= $(shell $(PYTHON) -c '$(WEEK_AGO)')
SYNC := $(BIN)/uv pip sync --quiet --require-hashes

# A user without a home to write to keeps what pip and uv fetch in the project.
ifneq ($(shell [ -w "$$HOME" ] || echo no),)
export XDG_CACHE_HOME ?= $(CURDIR)/.local/cache
endif
# The environment that runs is ours, whatever the shell has activated; and its byte code is kept, which the CDK's
# modules alone take ten seconds to make anew in each process.
unexport PYTHONHOME PYTHONPATH VIRTUAL_ENV PYTHONDONTWRITEBYTECODE

.PHONY: help demo test test-repeat lint coverage fmt bench bench-peers bench-reading bench-pollock docs synth package lambda-figures deploy destroy doctor password zappa screenshots env lock audit licenses clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' Makefile

demo: env ## start everything on this machine and load samples/ (EXIT=1: stop after loading)
	@exec $(BIN)/python -m pipeline_site.local demo $(if $(filter-out 0,$(EXIT)),--exit)

# INFRA=0 leaves out the tests of infra/, and the environment that they need.
export INFRA
test: lint .venv-data/.ready .venv-docs/.ready $(if $(filter 0,$(INFRA)),,.venv-infra/.ready) ## check style, types and import rules, and run every test (PG=17: on PostgreSQL 17 only; ARGS="-k word": matching tests)
	@$(BIN)/python -m pytest --numprocesses $(or $(JOBS),2) $(ARGS)

test-repeat: env .venv-data/.ready .venv-docs/.ready $(if $(filter 0,$(INFRA)),,.venv-infra/.ready) ## run the tests N times in random order, and list the flaky ones (N=5 ARGS="-k word")
	@$(BIN)/python -m tests.repeat --runs $(or $(N),5) $(if $(SEED),--seed $(SEED)) -- --numprocesses $(or $(JOBS),2) $(ARGS)

lint: env ## check style, types, import rules, wording and spelling
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python tests/lint_language.py
	@$(BIN)/codespell

coverage: env .venv-data/.ready .venv-docs/.ready $(if $(filter 0,$(INFRA)),,.venv-infra/.ready) ## run the tests and show the lines and branches they miss (ARGS="-k word": some)
	@$(BIN)/python -m pytest --numprocesses $(or $(JOBS),2) --cov --cov-report=term --cov-report=html $(ARGS)

fmt: env ## format the code
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

bench: env ## measure against plain COPY, on a file of 2 million rows
	@exec $(BIN)/python -m tests.bench $(ARGS)

bench-peers: env ## measure other tools (pgloader, dlt, csvsql, pandas...) on the same file
	@exec $(BIN)/python -m tests.bench.peers $(ARGS)

bench-reading: env .venv-data/.ready ## compare how files are read with CleverCSV, DuckDB and Python's Sniffer
	@exec $(BIN)/python -m tests.bench.readings $(ARGS)

bench-pollock: env ## score how polluted CSV files are read, on your copy of the Pollock benchmark (POLLOCK=folder)
	@exec $(BIN)/python -m tests.bench.pollock $(or $(POLLOCK),$(error Name the folder of your copy: make bench-pollock POLLOCK=folder)) $(ARGS)

docs: .venv-docs/.ready ## build the documentation as a website in .build/docs
	@.venv-docs/bin/sphinx-build --quiet --fail-on-warning --keep-going docs .build/docs
	@echo "Open .build/docs/index.html."

synth: .venv-infra/.ready ## write the CloudFormation templates of a stage to cdk.out (STAGE=dev)
	@.venv-infra/bin/python -O -m infra $(or $(STAGE),dev) --out cdk.out

# Each of these runs zappa's own commands, which do the work: zappa_hooks.py.
package: env ## build and check the zip for Lambda: zappa package (STAGE=dev)
	@exec $(BIN)/zappa package $(or $(STAGE),dev)

lambda-figures: env ## measure size, cold starts and memory of the package in a simulated Lambda
	@FIGURES=1 $(BIN)/python -m pytest tests/lambdas/test_figures.py -q -s

deploy: env .venv-infra/.ready ## deploy or update a stage on AWS: zappa deploy or update (STAGE=dev)
	@exec $(BIN)/python -m pipeline_site.deploy up $(or $(STAGE),$(error Name the stage: make deploy STAGE=dev))

destroy: env ## remove a stage: zappa undeploy; with DATA=dev, delete its data too (STAGE=dev DATA=dev)
	@exec $(BIN)/python -m pipeline_site.deploy down $(or $(STAGE),$(error Name the stage: make destroy STAGE=dev)) $(if $(DATA),--data $(DATA))

doctor: env ## check every part of a stage on AWS, and load a small test file (STAGE=dev)
	@exec $(BIN)/python -m pipeline_site.deploy doctor $(or $(STAGE),$(error Name the stage: make doctor STAGE=dev))

password: env ## give an account of a stage on AWS a new password (STAGE=dev NAME=ann)
	@exec $(BIN)/python -m pipeline_site.deploy.password $(or $(STAGE),$(error Name the stage: make password STAGE=dev NAME=ann)) $(or $(NAME),$(error Name the account: make password STAGE=dev NAME=ann))

zappa: env ## run any other zappa command (STAGE=dev ARGS=status, ARGS="manage 'runs --limit 5'")
	@set -- $(or $(ARGS),status) && command=$$1 && shift && \
		exec $(BIN)/zappa "$$command" $(or $(STAGE),$(error Name the stage: make zappa STAGE=dev ARGS=status)) "$$@"

screenshots: env ## take screenshots of every page, on a site with a month of history
	@exec $(BIN)/python -m tests.screenshots $(ARGS)

env: .venv/.ready .venv-aws/.ready ## create the two environments from pinned and hashed requirements

.venv/.uv: $(IN)/uv.txt
	@$(PYTHON) -c '$(FIT)' 2>/dev/null || \
		{ echo "This needs Python 3.11.5 or newer, and \"$(PYTHON)\" is not: say which one with make PYTHON=/path/to/python3." >&2; exit 1; }
	@echo "Making the environments (once)..."
	@$(PYTHON) -m venv --clear .venv || { echo "Python could not make an environment: on Debian and Ubuntu, apt install python3-venv." >&2; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input --require-hashes -r $(IN)/uv.txt
	@touch $@

.venv/.ready: .venv/.uv $(IN)/dev.txt
	@$(SYNC) --python $(BIN)/python $(IN)/dev.txt $(IN)/uv.txt
	@touch $@

.venv-aws/.ready: .venv/.uv $(IN)/aws-local.txt
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python .venv-aws
	@$(SYNC) --python .venv-aws/bin/python $(IN)/aws-local.txt
	@touch $@

# The CDK, with a Node.js of its own to run in.
.venv-infra/.ready: .venv/.uv $(IN)/infra.txt
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python .venv-infra
	@$(SYNC) --python .venv-infra/bin/python --no-build $(IN)/infra.txt
	@touch $@

# Sphinx, which builds the documentation's website.
.venv-docs/.ready: .venv/.uv $(IN)/docs.txt
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python .venv-docs
	@$(SYNC) --python .venv-docs/bin/python --no-build $(IN)/docs.txt
	@touch $@

# Real files for the tests: packages as folders, without what they need to run; nothing is built or imported.
.venv-data/.ready: .venv/.uv $(IN)/real-files.txt
	@rm -rf .venv-data
	@$(SYNC) --python $(BIN)/python --target .venv-data --no-build $(IN)/real-files.txt
	@touch $@

# zappa's command has these; its handler, which is what answers on Lambda, has not.
COMMAND_ONLY = argcomplete certifi cfn-flip click hjson idna pip placebo python-slugify pyyaml requests \
	setuptools text-unidecode toml tqdm troposphere wheel

lock: .venv/.uv ## lock the newest versions that are at least a week old, with hashes (BEFORE=2026-11-20T00:00:00Z: as of then)
	@set -e; export UV_EXCLUDE_NEWER='$(BEFORE)'; \
	echo "Locking what was released before $$UV_EXCLUDE_NEWER (the same again: make lock BEFORE=$$UV_EXCLUDE_NEWER)"; \
	for set in uv app dev aws-local infra docs peers-pandas peers-dlt peers-csvkit peers-import-export peers-readings peers-pollock; do \
		$(LOCK) --output-file $(IN)/$$set.txt $(IN)/$$set.in; done; \
	$(LOCK) $(addprefix --no-emit-package ,$(COMMAND_ONLY)) --output-file $(IN)/lambda.txt $(IN)/lambda.in; \
	$(LOCK) --no-deps --no-build --output-file $(IN)/real-files.txt $(IN)/real-files.in

audit: env ## look up known vulnerabilities of every locked package (needs the internet)
	@exec $(BIN)/python -m pipeline_site.deploy.audit

licenses: env ## write docs/licenses.md, and check the licenses of deployed packages
	@exec $(BIN)/python -m pipeline_site.deploy.licenses

clean: ## remove everything that make created, including .local with the demo's data
	@rm -rf .venv .venv-aws .venv-data .venv-infra .venv-docs .local cdk.out .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .build .coverage htmlcov static-root
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
