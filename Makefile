# make install  finkd in .venv, with all that it needs
# make run    the quick start: sample corpus, offline teacher; table and page in runs/quickstart
# make test   everything that CI checks
# make test-fast   the tests that are quick, in about a minute
# make pages  write again what the program writes in README.md and docs: lists, tables, pictures of the code
# make docs   the documentation as a site in docs/_build/html, without a network
# make lock   pin every package again, with the hashes of its files, after a change of pyproject.toml (needs uv)
# make clean  remove the environment and all runs

PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
INSTALLED := $(VENV)/.installed
# Two processes share two cores: with a thread for each core in both they would wait for each other. A process that has
# finished takes tests from the other one (worksteal), which sets up fixtures of modules less often than --dist load.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal
COMPILE := uv pip compile --quiet --config-file .ci/requirements/uv.toml
LOCK := $(COMPILE) --constraint .ci/requirements/torch.txt pyproject.toml

.PHONY: install help run test test-fast lint pages docs lock clean
.DELETE_ON_ERROR:

install: $(INSTALLED)

help:
	@sed -n 's/^# make/make/p' Makefile

run: $(INSTALLED)
	$(BIN)/finkd run experiments/configs/quickstart.yaml

test: lint docs
	$(PYTEST)

test-fast: $(INSTALLED)
	$(PYTEST) -m "not slow"

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python docs/scripts/pages.py --check

pages: $(INSTALLED)
	$(BIN)/python docs/scripts/pages.py

docs: $(INSTALLED)
	OMP_NUM_THREADS=1 $(BIN)/python -m sphinx --quiet --fail-on-warning --fresh-env docs docs/_build/html
	$(BIN)/python docs/scripts/links.py docs/_build/html README.md

# What is installed is what the lock holds, file by file: pip refuses a file of another hash, and nothing is downloaded to
# build finkd. PyTorch comes after the packages that it needs, so that it can bring nothing but itself and CUDA.
#
# A machine without an NVIDIA driver must not be made to download gigabytes of CUDA: the registry's torch is asked what it
# would bring along before anything is installed.
$(INSTALLED): pyproject.toml .ci/requirements/dev.lock .ci/requirements/torch.txt
	$(PYTHON) -m venv $(VENV)
	@if ! command -v nvidia-smi >/dev/null && \
	    $(PIP) install --dry-run --report - --requirement .ci/requirements/torch.txt 2>/dev/null | grep -q '"name": "nvidia-'; then \
	    echo "make: this torch would download CUDA and there is no NVIDIA driver here." \
	         "Set PIP_EXTRA_INDEX_URL to PyTorch's CPU index (see pytorch.org, 'Get started'), or ALLOW_CUDA=1." >&2; \
	    test -n "$(ALLOW_CUDA)"; \
	fi
	@echo "make: installing some 170 packages and PyTorch, which takes two to five minutes"
	$(PIP) install --require-hashes --no-deps --requirement .ci/requirements/dev.lock
	$(PIP) install --requirement .ci/requirements/torch.txt
	$(PIP) install --no-deps --no-build-isolation --editable .
	$(PIP) check
	touch $@

lock:
	$(LOCK) --extra build --extra all --extra dev --extra docs --extra offline --output-file .ci/requirements/dev.lock
	$(LOCK) --extra build --extra export --extra serve --output-file .ci/requirements/runtime.lock
	$(LOCK) --extra build --extra tune --extra postgres --extra offline --output-file .ci/requirements/tuning.lock
	$(COMPILE) --constraint .ci/requirements/runtime.lock .ci/requirements/graph.in --output-file .ci/requirements/graph.lock

clean:
	rm -rf $(VENV) runs
