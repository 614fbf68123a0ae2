# make run    the quick start: sample corpus, offline teacher; table and page in runs/quickstart
# make test   everything that CI checks
# make clean  remove the environment and all runs

PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
INSTALLED := $(VENV)/.installed

.PHONY: run test lint clean
.DELETE_ON_ERROR:

run: $(INSTALLED)
	$(BIN)/finkd run experiments/configs/quickstart.yaml

test: lint
	$(BIN)/python -m pytest -n 2

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python docs/include.py --check README.md docs/results.md docs/data.md docs/compression.md
	$(BIN)/python docs/literature.py --check

# A machine without an NVIDIA driver must not be made to download gigabytes of CUDA: the registry's torch is asked what it
# would bring along before anything is installed.
$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	@if ! command -v nvidia-smi >/dev/null && \
	    $(PIP) install --dry-run --report - --constraint constraints.txt torch 2>/dev/null | grep -q '"name": "nvidia-'; then \
	    echo "make: this torch would download CUDA and there is no NVIDIA driver here." \
	         "Set PIP_EXTRA_INDEX_URL to PyTorch's CPU index (see pytorch.org, 'Get started'), or ALLOW_CUDA=1." >&2; \
	    test -n "$(ALLOW_CUDA)"; \
	fi
	$(PIP) install --constraint constraints.txt torch
	$(PIP) install --constraint constraints.txt --editable '.[offline,dev]'
	touch $@

clean:
	rm -rf $(VENV) runs
