# Every target works alone on a fresh machine: it makes the environment it needs.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: setup demo demo-network dist check test test-all test-quick test-lowest bench torture docs docs-serve notebook figures clean

setup: $(READY)

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

# The main job on the embedded default: three methods on two synthetic domains, then a table and drawings.
demo: $(READY)
	$(BIN)/fedhca compare demo --methods local,fedavg,fedhca2 --seeds 0 --jobs 3 --out runs/demo

# The same between sites: a server and three sites as processes of their own, secured, kits made on the spot.
# Over Flower, where every message starts a process: make demo-network ENGINE=flower CHANGES=rounds=3
ENGINE ?= flare
demo-network: $(READY)
	$(BIN)/python examples/network.py $(ENGINE) $(CHANGES)

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python tests/audit.py

# Three at a time, as tests between processes mostly wait; one thread each. Every promise is tried once.
PYTEST = OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 3 --dist worksteal
test: $(READY)
	$(PYTEST) -m 'not whole'

# And what takes minutes more: both engines with processes killed, longer runs, more kills.
test-all: $(READY)
	$(PYTEST)

# For the loop of a change: the numbers and the laws, without whole commands, networks and pictures.
test-quick: $(READY)
	$(PYTEST) -m 'not whole' tests/unit/aggregation tests/unit/server tests/unit/wire tests/unit/config tests/unit/storage \
		tests/unit/tasks tests/laws/test_absence_laws.py tests/unit/test_floors.py

# All take an hour and a half and 25 GB of disk; QUICK=1 a few minutes. What needs other machines or engines is run by hand.
bench: $(READY)
	for script in $(if $(QUICK),$(BENCH),$(BENCH_SLOW) $(BENCH)); do \
		printf '\n%s %s\n\n' $$script '$(if $(QUICK),--quick)'; \
		$(BIN)/python benchmarks/$$script.py $(if $(QUICK),--quick) || exit 1; \
	done

# Kills, faults of the disk, random schedules, hostile input, a long run; an hour and a half, with QUICK=1 under five minutes.
torture: $(READY)
	$(BIN)/python tests/torture $(if $(QUICK),--quick)

BENCH := input_pipeline evaluation round server_step
BENCH_SLOW := edge_detection synthetic_scenes rules sent poisoned private

# Wheel and source distribution, in dist/, and a look into them.
dist: $(READY)
	rm -rf dist
	$(BIN)/python -m build --quiet --outdir dist .
	$(BIN)/python tests/packages.py dist

# With the lowest versions that pyproject.toml names, in an environment of its own: the tests of numbers, files, recipes and models.
LOWEST := .venv-lowest
INSTEAD ?=
test-lowest:
	$(PYTHON) -m venv --clear $(LOWEST)
	$(PYTHON) tests/lowest.py $(INSTEAD) > $(LOWEST)/constraints.txt
	$(LOWEST)/bin/pip install --quiet --constraint $(LOWEST)/constraints.txt '.[figures,hub,onnx,privacy,tensorboard,wandb]' pytest hypothesis beartype
	OMP_NUM_THREADS=1 $(LOWEST)/bin/python -m pytest -o addopts=-q tests/unit tests/laws tests/system/test_cli.py tests/system/test_sharing.py \
		--ignore tests/unit/engines

# The site in build/site; any link that leads nowhere is an error. It needs no network, and
# opens from the disk. What its pages claim (code, tables, links) is tested in tests/doc, which builds it as well.
export NO_MKDOCS_2_WARNING := 1
docs: $(READY)
	$(BIN)/python -m mkdocs build --strict

docs-serve: $(READY)
	$(BIN)/python -m mkdocs serve --dev-addr 127.0.0.1:8001

# The tutorial is run, and what it prints and draws written into page and notebook.
notebook: $(READY)
	$(BIN)/python docs/notebook.py

# Figures of docs/ from real numbers; those of the demo are read from the runs that `make demo` leaves.
figures: $(READY)
	for script in theorem_1 conflict round demo; do $(BIN)/python docs/figures/$$script.py || exit 1; done

clean:
	rm -rf $(VENV) $(LOWEST) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
