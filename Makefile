# Three commands: `make demo`, `make monitor` and `make test`. Each sets up what it needs, once.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
MODELS := var/models
# Several at a time, each file by one of them: what a file shares is made once. The longest files come first
# (tests/conftest.py), so that nobody waits at the end for one who has just begun with one. Real parts are mostly waited
# for: four at a time keep two cores busy.
BESIDE := --dist loadfile --no-loadscope-reorder

.PHONY: demo monitor site test check real timed audit hardware live campaign invariants mutation lock clean

demo: $(VENV)/.ready
	$(BIN)/edge-gate demo --out demo-out --models $(MODELS)

# The page of the monitoring room with seven simulated gates behind it, at http://127.0.0.1:8080/, until interrupted.
monitor: $(VENV)/.ready
	$(BIN)/edge-gate simulate-site --room var/room

# A desk, a broker with TLS and an access list, and seven gate processes, until interrupted; it prints what to try.
site: $(VENV)/.ready
	$(BIN)/edge-gate site run --directory var/site --models $(MODELS)

test: check real timed

real: $(VENV)/.ready
	$(BIN)/pytest -n 4 $(BESIDE) -m "(real or slow) and not timed" -rs

timed: $(VENV)/.ready
	$(BIN)/pytest -m "(real or slow) and timed" -rs

check: $(VENV)/.ready
	$(BIN)/ruff format --check . && $(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --config setup.cfg
	$(BIN)/pytest -n 2 $(BESIDE) -m "not real and not slow"

# Known vulnerabilities of every pinned dependency, also of those of development; a version that nobody knows fails too.
STRICT ?= --strict
audit: $(VENV)/.ready
	$(BIN)/pip-audit $(STRICT) --require-hashes --disable-pip -r requirements/dev.txt

hardware: $(VENV)/.ready
	$(BIN)/python tests/hardware/rig.py $(BIN)/pytest tests/hardware

# The service units under a live systemd, on the same emulated machine.
live: $(VENV)/.ready
	$(BIN)/python tests/hardware/rig.py --live $(BIN)/pytest tests/hardware

invariants: $(VENV)/.ready
	$(BIN)/python -m tests.core.invariants 1000000

mutation: $(VENV)/.ready
	$(BIN)/mutmut run

$(VENV)/.ready: requirements/dev.txt setup.cfg pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --require-hashes -r requirements/dev.txt
	$(BIN)/pip install --quiet --no-deps --no-build-isolation -e .
	touch $@

campaign: $(VENV)/.ready
	$(BIN)/edge-gate bench campaign --interruptions 1000 --models $(MODELS)
	$(BIN)/edge-gate bench campaign --interruptions 200 --room

lock:
	scripts/lock

clean:
	rm -rf $(VENV) var demo-out mutants .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
