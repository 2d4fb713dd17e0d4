# Two commands do everything on a fresh machine: `make compare` and `make test`. A second call skips what is done.
PYTHON ?= python3
DATA ?=
PRESET ?= quick
RESULTS ?= results/local
BIN = .venv/bin

# Without kept bytecode every process compiles TensorFlow anew: 12 CPU seconds at each start.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: compare test lint lock clean

compare: .venv/installed
	$(BIN)/python -m experiments compare --preset $(PRESET) --results $(RESULTS) $(if $(DATA),--data $(DATA))

test: .venv/installed
	$(BIN)/python -m pytest -q -n auto

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

.venv/installed: requirements.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check uv==0.13.8
	$(BIN)/uv pip install --quiet --require-hashes --python $(BIN)/python -r requirements.txt
	touch $@

# Every version and hash anew, for Python 3.11 to 3.13 on Linux, macOS and Windows.
lock: .venv/installed
	for name in requirements requirements-gpu requirements-jax requirements-opensmile requirements-ssl requirements-browser \
	    requirements-notebook requirements-exports requirements-onnx; do \
	  $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
	    $$name.in -o $$name.txt; \
	done

clean:
	rm -rf .venv .cache results/local
