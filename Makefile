# Everything a newcomer needs: `make demo` to see it work, `make test` to prove it, `make help` for the rest.
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

.PHONY: help demo test test-repeat lint coverage fmt bench bench-peers bench-reading bench-pollock synth package lambda-figures deploy destroy doctor password zappa screenshots env lock audit licenses clean

help: ## what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

demo: env ## start everything on this machine and load samples/ (EXIT=1: stop when that is done)
	@exec $(BIN)/python -m pipeline_site.local demo $(if $(filter-out 0,$(EXIT)),--exit)

# INFRA=0 leaves out the tests of infra/, and the environment that they need.
export INFRA
test: lint .venv-data/.ready $(if $(filter 0,$(INFRA)),,.venv-infra/.ready) ## lint, types, import rules and every test (PG=17: on PostgreSQL 17; ARGS="-k word": some)
	@$(BIN)/python -m pytest --numprocesses $(or $(JOBS),2) $(ARGS)

test-repeat: env .venv-data/.ready $(if $(filter 0,$(INFRA)),,.venv-infra/.ready) ## run the tests N times in random order, and name those that change their mind (N=5 ARGS="-k word")
	@$(BIN)/python -m tests.repeat --runs $(or $(N),5) $(if $(SEED),--seed $(SEED)) -- --numprocesses $(or $(JOBS),2) $(ARGS)

lint: env ## ruff, mypy, import-linter, the words of the product's language, spelling
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python tests/lint_language.py
	@$(BIN)/codespell

coverage: env .venv-data/.ready $(if $(filter 0,$(INFRA)),,.venv-infra/.ready) ## run the tests and show the lines and branches they miss (ARGS="-k word": some)
	@$(BIN)/python -m pytest --numprocesses $(or $(JOBS),2) --cov --cov-report=term --cov-report=html $(ARGS)

fmt: env ## put the code into shape
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

bench: env ## measure against plain COPY, on a file of 2 million rows
	@exec $(BIN)/python -m tests.bench $(ARGS)

bench-peers: env ## measure what a user would pick instead (pgloader, dlt, csvsql, pandas...) on the same file
	@exec $(BIN)/python -m tests.bench.peers $(ARGS)

bench-reading: env .venv-data/.ready ## hold how files are read against CleverCSV, DuckDB and Python's Sniffer
	@exec $(BIN)/python -m tests.bench.readings $(ARGS)

bench-pollock: env ## score how bad CSV files are read, on a copy of the Pollock benchmark (POLLOCK=folder)
	@exec $(BIN)/python -m tests.bench.pollock $(or $(POLLOCK),$(error Say where its copy is: make bench-pollock POLLOCK=folder)) $(ARGS)

synth: .venv-infra/.ready ## write the CloudFormation templates of a stage to cdk.out (STAGE=dev)
	@.venv-infra/bin/python -O -m infra $(or $(STAGE),dev) --out cdk.out

# Each of these types zappa's own commands, which do the work: zappa_hooks.py.
package: env ## make the zip for Lambda and check it: zappa package (STAGE=dev)
	@exec $(BIN)/zappa package $(or $(STAGE),dev)

lambda-figures: env ## measure size, cold starts and memory of the package in a Lambda on this machine
	@FIGURES=1 $(BIN)/python -m pytest tests/lambdas/test_figures.py -q -s

deploy: env .venv-infra/.ready ## put a stage on AWS, or bring it up to date: zappa deploy or update (STAGE=dev)
	@exec $(BIN)/python -m pipeline_site.deploy up $(or $(STAGE),$(error Say which stage: make deploy STAGE=dev))

destroy: env ## zappa undeploy; with the stage told twice, delete the data too (STAGE=dev DATA=dev)
	@exec $(BIN)/python -m pipeline_site.deploy down $(or $(STAGE),$(error Say which stage: make destroy STAGE=dev)) $(if $(DATA),--data $(DATA))

doctor: env ## look at every piece of a stage on AWS, and send a small file through (STAGE=dev)
	@exec $(BIN)/python -m pipeline_site.deploy doctor $(or $(STAGE),$(error Say which stage: make doctor STAGE=dev))

password: env ## give an account of a stage on AWS a new password (STAGE=dev NAME=ann)
	@exec $(BIN)/python -m pipeline_site.deploy.password $(or $(STAGE),$(error Say which stage: make password STAGE=dev NAME=ann)) $(or $(NAME),$(error Say whose: make password STAGE=dev NAME=ann))

zappa: env ## any other of zappa's commands (STAGE=dev ARGS=status, ARGS="manage 'runs --limit 5'")
	@set -- $(or $(ARGS),status) && command=$$1 && shift && \
		exec $(BIN)/zappa "$$command" $(or $(STAGE),$(error Say which stage: make zappa STAGE=dev ARGS=status)) "$$@"

screenshots: env ## take pictures of every page, of a site that was used for a month
	@exec $(BIN)/python -m tests.screenshots $(ARGS)

env: .venv/.ready .venv-aws/.ready ## the two environments, from pinned and hashed requirements

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

# Real files for the tests: packages as folders, without what they need to run; nothing is built or imported.
.venv-data/.ready: .venv/.uv $(IN)/real-files.txt
	@rm -rf .venv-data
	@$(SYNC) --python $(BIN)/python --target .venv-data --no-build $(IN)/real-files.txt
	@touch $@

# zappa's command has these; its handler, which is what answers on Lambda, has not.
COMMAND_ONLY = argcomplete certifi cfn-flip click hjson idna pip placebo python-slugify pyyaml requests \
	setuptools text-unidecode toml tqdm troposphere wheel

lock: .venv/.uv ## lock the newest versions that are a week old, with hashes (BEFORE=2026-11-20T00:00:00Z: as of then)
	@set -e; export UV_EXCLUDE_NEWER='$(BEFORE)'; \
	echo "Locking what was released before $$UV_EXCLUDE_NEWER (the same again: make lock BEFORE=$$UV_EXCLUDE_NEWER)"; \
	for set in uv app dev aws-local infra peers-pandas peers-dlt peers-csvkit peers-import-export peers-readings peers-pollock; do \
		$(LOCK) --output-file $(IN)/$$set.txt $(IN)/$$set.in; done; \
	$(LOCK) $(addprefix --no-emit-package ,$(COMMAND_ONLY)) --output-file $(IN)/lambda.txt $(IN)/lambda.in; \
	$(LOCK) --no-deps --no-build --output-file $(IN)/real-files.txt $(IN)/real-files.in

audit: env ## look up known vulnerabilities of every locked package (needs the internet)
	@exec $(BIN)/python -m pipeline_site.deploy.audit

licenses: env ## write docs/licenses.md, and check the licenses of what is deployed
	@exec $(BIN)/python -m pipeline_site.deploy.licenses

clean: ## remove what make made; .local, the demo's data, too
	@rm -rf .venv .venv-aws .venv-data .venv-infra .local cdk.out .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .build .coverage htmlcov static-root
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
