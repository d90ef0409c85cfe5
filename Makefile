# Needs Python 3.11+ and nothing else; everything goes into .venv.
PYTHON ?= python3
BIN := .venv/bin
export SERAB_DATA ?= data
DEMO := runs/demo

SCRIPTS := docs/javascripts

.PHONY: demo test test-tf coverage lint types bench docs lock clean

demo: .venv/installed  ## demo speech, pre-train, evaluate, compare with random weights
	$(BIN)/python train.py data=demo run_dir=$(DEMO)/train resume=auto
	$(BIN)/python -m serab.prepare DEMO --source $(SERAB_DATA)/demo-speech
	$(BIN)/python evaluate.py ckpt=$(DEMO)/train tasks=[DEMO] run_dir=$(DEMO)/evaluate
	$(BIN)/python evaluate.py extractor=random tasks=[DEMO] run_dir=$(DEMO)/evaluate-random
	$(BIN)/python -m serab.report $(DEMO)/evaluate $(DEMO)/evaluate-random --out $(DEMO)/report

test: .venv/installed  ## the whole suite
	$(BIN)/python -m pytest

test-tf: .venv-tf/installed  ## VGGish, YAMNet and TRILL, in an environment with TensorFlow
	.venv-tf/bin/python -m pytest tests/serab/extractors/test_saved_model.py \
		tests/serab/extractors/test_contract.py

coverage: .venv/installed  ## the suite again, with the lines that it never runs
	$(BIN)/python -m pytest --cov=models --cov=datamodules --cov=serab --cov-report=term:skip-covered

lint: .venv/installed types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/installed  ## of the modules that others build on, see pyproject.toml
	$(BIN)/mypy

bench: .venv/installed  ## benchmarks that need no data, briefly: runs/bench/bench.md, and .json to compare
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks

docs: .venv/installed $(SCRIPTS)/mermaid.min.js  ## the documentation as a site that needs no network: site/index.html
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

# for diagrams and the search from a disk; where npm is missing a reader's browser fetches them
$(SCRIPTS)/mermaid.min.js:
	mkdir -p $(SCRIPTS)
	-cd $(SCRIPTS) && npm pack --silent mermaid@11.17.2 iframe-worker@1.0.4 \
		&& tar -xzOf iframe-worker-1.0.4.tgz package/shim/index.js > iframe-worker.js \
		&& tar -xzOf mermaid-11.17.2.tgz package/dist/mermaid.min.js > mermaid.tmp \
		&& mv mermaid.tmp mermaid.min.js
	rm -f $(SCRIPTS)/*.tgz

lock:  ## requirements.txt and requirements-tf.txt anew from pyproject.toml
	$(BIN)/uv pip compile --universal --quiet --python-version 3.11 --extra dev --extra transformers \
		--extra analyses --extra onnx --extra opensmile --extra store --extra sweeps --extra tensorboard --extra av --extra docs --extra tflite --extra mteb pyproject.toml -o requirements.txt
	$(BIN)/uv pip compile --universal --quiet --python-version 3.11 --extra dev --extra transformers \
		--extra analyses --extra onnx --extra opensmile --extra store --extra sweeps --extra tensorboard --extra av --extra docs --extra tflite --extra mteb --extra tensorflow \
		-c requirements.txt pyproject.toml -o requirements-tf.txt

# uv installs in a third of pip's time; without it pip does the same
.venv/installed: requirements.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet uv \
		&& $(BIN)/python -m uv pip sync --quiet --compile-bytecode --python $(BIN)/python requirements.txt \
		|| $(BIN)/python -m pip install --quiet -r requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .  # the command serab
	touch $@

.venv-tf/installed: requirements-tf.txt
	test -x .venv-tf/bin/python || $(PYTHON) -m venv .venv-tf
	.venv-tf/bin/python -m pip install --quiet uv
	.venv-tf/bin/python -m uv pip sync --quiet --python .venv-tf/bin/python requirements-tf.txt
	touch $@

clean:
	rm -rf .venv .venv-tf runs report site docs/javascripts
