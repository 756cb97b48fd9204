# The only list of commands. Linux, Python 3.11 to 3.13 and make are enough for: setup, demo, test.
# `make check` uses more where it is there (node, npm, spin, gcc); what is missing is skipped out loud, and fails under CI.

.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS += --no-print-directory
# Where the environment forbids compiled files, every run of pytest would rewrite hypothesis anew.
export PYTHONDONTWRITEBYTECODE =

PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
  "$$p" -c 'import sys, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' >/dev/null 2>&1 \
  && { echo "$$p"; break; }; done)
BIN := .venv/bin
EVM := contracts/evm
FORGE := node_modules/@foundry-rs/forge-linux-amd64/bin/forge
PYTEST := $(BIN)/python -m pytest
PARALLEL := -n auto --maxprocesses 4 --dist loadfile
CODE := bridge relayer notary tests requirements/install.py
UV_COMPILE := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header \
  --python-version 3.11 $(UPGRADE)
# $(call need,tool,package): true if the tool is there; else says so, and fails under CI
need = command -v $(1) >/dev/null || { echo "SKIPPED $@: no $(1) on this machine (install $(2))"; [ -z "$${CI:-}" ]; exit $$?; }

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# --- for everyone ----------------------------------------------------------------------------------------------------

.PHONY: setup setup-test setup-check
setup: ## .venv with what the bridge needs to run
	@$(call install,run)
setup-test:
	@$(call install,test)
setup-check:
	@$(call install,check)

define install
	python="$(PYTHON)"; [ -n "$$python" ] || { echo "setup: needs Python 3.11, 3.12 or 3.13 with venv; none runs here."; \
	  echo "setup: install it (Debian: apt-get install python3 python3-venv) or name it: make PYTHON=/path/to/python3"; exit 1; }; \
	"$$python" requirements/install.py $(1)
endef

.PHONY: demo
demo: setup ## three transfers on an embedded network: one commits, one is refused, one expires
	@$(BIN)/naru demo

.PHONY: test
test: setup-test ## every test that needs Python only
	@$(PYTEST) $(PARALLEL) -m "not anvil and not slow" $(ARGS)

.PHONY: check check-side-by-side check-evm check-python
check: check-side-by-side e2e mutants ## everything that must be green before a commit
	@echo "make check: all green"
# Each of the two is mostly on one core, and neither needs the other; what takes all cores comes after them.
check-side-by-side: setup-check node
	@echo "contracts and Python are checked side by side, some nine minutes on two cores; each check tells when it is done"
	@$(MAKE) --jobs=2 --output-sync=line check-evm check-python
check-evm:
	@$(MAKE) --jobs=1 artifacts contracts tokens slither coverage 2>&1
check-python:
	@$(MAKE) --jobs=1 lint type proto cover custody wheel model 2>&1

.PHONY: clean
clean: ## remove what was built; .venv and node_modules stay
	@rm -rf build dist .cache .coverage .pytest_cache .mypy_cache .ruff_cache .hypothesis $(EVM)/out $(EVM)/cache
	@find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

# --- the parts of check ----------------------------------------------------------------------------------------------

.PHONY: lint
lint: setup-check ## ruff: rules and layout
	@$(BIN)/ruff check --quiet $(CODE) && $(BIN)/ruff format --quiet --check $(CODE) && echo "lint: clean"

.PHONY: type
type: setup-check ## mypy, strict, tests too
	@$(BIN)/mypy

.PHONY: proto
proto: setup-check ## gRPC stubs equal what the pinned generator makes (WRITE=1 makes them anew)
	@$(BIN)/python -m tests.tidy.stubs $(if $(WRITE),--write,--check)

.PHONY: vectors
vectors: setup-check ## write the test vectors anew
	@for name in statements orders schnorr_evm; do $(BIN)/python -m tests.vectors.$$name; done

.PHONY: diagram
diagram: setup-check ## write the state table and diagram of docs/protocol.md anew, from PLAN
	@$(BIN)/python -m tests.tidy.diagram --write

.PHONY: cover
cover: setup-check ## full branch coverage of the pure parts, bridge/core and bridge/frost, by their unit tests
	@$(PYTEST) -qq tests/unit/core tests/unit/frost --cov=bridge.core --cov=bridge.frost --cov-branch \
	  --cov-report=term-missing:skip-covered --cov-fail-under=100

$(EVM)/node_modules/.package-lock.json: $(EVM)/package-lock.json
	@cd $(EVM) && npm ci --no-audit --no-fund --loglevel=error && touch node_modules/.package-lock.json

.PHONY: node
node:
	@$(call need,npm,nodejs and npm); $(MAKE) $(EVM)/node_modules/.package-lock.json

.PHONY: contracts
contracts: node ## forge build and tests (CI=1: longer campaigns)
	@$(call need,npm,nodejs and npm); cd $(EVM) && FOUNDRY_PROFILE=$(if $(CI),ci,default) $(FORGE) test

.PHONY: coverage
coverage: setup-check node ## lines and branches of the contracts that their tests reach, 95 % at the least
	@$(call need,npm,nodejs and npm); $(BIN)/python -m tests.tidy.coverage

# Slither needs an older web3 than the bridge: its packages have a list and an environment of their own.
.cache/slither/installed: requirements/slither.txt | setup-check
	@$(BIN)/uv venv --quiet --allow-existing --python $(BIN)/python .cache/slither/venv
	@$(BIN)/uv pip sync --quiet --require-hashes --only-binary :all: --python .cache/slither/venv/bin/python $< && touch $@

.PHONY: slither
slither: setup-check node .cache/slither/installed ## Slither: what it finds in the contracts is answered in slither-answers.toml
	@$(call need,npm,nodejs and npm); $(BIN)/python -m tests.tidy.slither

.PHONY: custody
custody: setup-check ## keys sealed under a key on a PKCS#11 token, on SoftHSM
	@$(call need,softhsm2-util,softhsm2); $(PYTEST) -q tests/conformance/test_custody.py tests/unit/custody

.PHONY: artifacts
artifacts: setup-check node ## committed ABI and bytecode equal what the pinned compiler makes (WRITE=1 makes them anew)
	@$(call need,npm,nodejs and npm); $(BIN)/python $(EVM)/tools/artifacts $(if $(WRITE),,--check) && echo "artifacts: fresh"

.PHONY: tokens
tokens: setup-check node ## what tokens' refusals become, as forge's tests saw it (WRITE=1 writes docs/tokens.md anew)
	@$(call need,npm,nodejs and npm); $(BIN)/python -m tests.tidy.tokens $(if $(WRITE),--write)

# xdist would put the files with the fewest tests last, which take longest here.
.PHONY: e2e
e2e: setup-check node ## end-to-end on two anvil nodes, the real T-REX, and what waits for time-outs
	@$(PYTEST) $(PARALLEL) --no-loadscope-reorder -m "slow or anvil"

.PHONY: full
full: setup-check ## the committee's proofs at their full sizes: 100 transfers for each lie, 1,000 cases of the second FROST
	@NARU_FULL=1 $(PYTEST) tests/integration/test_lying_node.py tests/scenarios/test_lying_nodes.py tests/unit/frost/test_reference.py

.PHONY: wheel
wheel: setup-check ## build the wheel, install it into a clean .venv elsewhere, run it
	@$(BIN)/python -m tests.tidy.wheel

.PHONY: model
model: setup-check ## the protocol's model and its mutants, by Spin
	@$(call need,spin,spin); $(call need,gcc,gcc); $(BIN)/python -m tests.model.run

.PHONY: mutants
mutants: setup-check ## break each rule in a copy; the test it names must turn red
	@$(BIN)/python -m tests.mutants.run $(ARGS)

# --- benchmarks ------------------------------------------------------------------------------------------------------

.PHONY: bench bench-gas bench-committee
bench: bench-gas bench-committee ## every benchmark
bench-gas: setup-test node ## gas of every step on two anvil nodes, into build/gas.json and docs/performance.md
	@$(call need,npm,nodejs and npm); $(BIN)/python -m tests.bench.gas
bench-committee: setup-test ## list signatures a second of three committees, real processes, into build/committee.json
	@$(BIN)/python -m tests.bench.committee $(ARGS)

# --- for maintainers -------------------------------------------------------------------------------------------------

.PHONY: lock
lock: setup-check ## requirements/*.txt anew from pyproject.toml (UPGRADE=--upgrade: newest versions)
	@$(UV_COMPILE) pyproject.toml --group build --group test --group check -o requirements/check.txt
	@$(UV_COMPILE) pyproject.toml --group build --group test -c requirements/check.txt -o requirements/test.txt
	@$(UV_COMPILE) pyproject.toml --group build -c requirements/check.txt -o requirements/run.txt
	@$(UV_COMPILE) --group slither -o requirements/slither.txt
	@wc -l requirements/*.txt
