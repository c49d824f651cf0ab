# `make demo` and `make test` set up what they need. Python 3.11+ and make have to be installed.
PYTHON ?= python3
CORES ?= all
BIN := .venv/bin
SETUP := .venv/.set-up
# If it is set, as in some container images, every process compiles torch, diffusers and the rest again, for seconds.
unexport PYTHONDONTWRITEBYTECODE
# The pinned MkDocs stays; its theme warns of the next version.
export NO_MKDOCS_2_WARNING := 1

.PHONY: help setup demo test check docs bench format schema pins audit-pins clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

setup: $(SETUP) ## make .venv with the packages pinned in envs/requirements.txt

$(SETUP): envs/requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; PYTHON=/path/to/python3.11 make $(MAKECMDGOALS) names one"; exit 1; }
	$(PYTHON) -m venv .venv
	@# --no-compile: Python compiles the few modules that are used when they are first imported.
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile -r envs/requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

demo: $(SETUP) ## run the whole pipeline on sample sequences, to results/report.html
	$(BIN)/snakemake --cores $(CORES)
	@test -f results/report.html || $(BIN)/snakemake --cores $(CORES) --forcerun draw_provenance

check: $(SETUP) ## formatters, linters, types, import rules and the fast tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check --quiet .
	$(BIN)/snakefmt --check Snakefile workflow/rules
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo --no-cache
	$(BIN)/mkdocs build --strict --quiet
	$(BIN)/pytest -q -n auto -m "not slow"

test: check ## all tests
	$(BIN)/pytest -q -n auto --dist loadfile -m slow

docs: $(SETUP) ## build the documentation as a site, to site/index.html
	$(BIN)/mkdocs build --strict

bench: $(SETUP) ## measure the speed promises beside their peers, in one table
	$(BIN)/python benchmarks/all.py

format: $(SETUP) ## format code and workflow
	$(BIN)/ruff check --fix --quiet .
	$(BIN)/ruff format --quiet .
	$(BIN)/snakefmt Snakefile workflow/rules

schema: $(SETUP) ## write the configuration's schema and reference, and the diagram of imports, from the code
	$(BIN)/python -m inpainting.config
	$(BIN)/python docs/scripts/configuration.py
	$(BIN)/python docs/scripts/rooms.py

pins: ## renew envs/requirements.txt from envs/requirements.in
	rm -rf .venv/pins && $(PYTHON) -m venv .venv/pins
	.venv/pins/bin/pip install --quiet --disable-pip-version-check -r envs/requirements.in
	{ echo "# Made by 'make pins' from requirements.in."; .venv/pins/bin/pip freeze --all --exclude pip | sed 's/+cpu//'; } \
	  | grep -viE '^(nvidia-|triton|cuda-)' > envs/requirements.txt
	rm -rf .venv/pins

audit-pins: ## look the pinned packages up in the public list of vulnerabilities (needs the network)
	rm -rf .venv/pins && $(PYTHON) -m venv .venv/pins
	.venv/pins/bin/pip install --quiet --disable-pip-version-check pip-audit
	.venv/pins/bin/pip-audit --strict --no-deps --disable-pip -r envs/requirements.txt; code=$$?; rm -rf .venv/pins; exit $$code

clean: ## remove results
	rm -rf results
