# make reproduce              everything, from a fresh clone to the claims table and the paper
# make reproduce SCALE=smoke  the same, tiny, in a temporary copy
# make reproduce SCALE=full   the same at the size of the published work, on a GPU, in .scales/full: hours, can be resumed
# make verify                 all of it again in a clean clone, compared with what is committed (SCALE=smoke: only tries it)
# make test                   lint, types, tests
# make kills                  10 kills of the pipeline at smoke scale: are the results those of an undisturbed run?
# make robustness             all tests of robustness and 50 kills, noted in results/robustness.json: half an hour
# make image                  the container (TARGET=runtime, test or paper); README.md says what to do with it
# make bench                  how fast the parts are beside the usual way, results/bench; JAXPM=python: N-body, too
# make bench-gpu              what a GPU does for it, and whether it computes the same: under 9 minutes, results/gpu
# make browser-check          the paper's page in a real browser; as root on Debian or Ubuntu, it installs Chromium
# make api                    a page for each module, from its docstrings, in build/api
# make container-check        builds and uses it on this machine, without Docker; as root, on Debian or Ubuntu
PYTHON ?= python3
SCALE ?= laptop
TARGET ?= runtime
# VENV=folder uses an environment that is there, as the containers do; without it, .venv is made and kept up to date
BIN = $(or $(VENV),.venv)/bin

.PHONY: setup reproduce verify test paper real check kills robustness bench bench-gpu image container-check browser browser-check api
setup: $(if $(VENV),,.venv/installed)

.venv/installed: requirements.txt tests/peers.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12) and "Python 3.11 or 3.12 is needed: make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv
	@echo "Installing the pinned packages into .venv: a minute or two, more if torch has to bring CUDA along"
	$(BIN)/pip install --quiet --requirement requirements.txt
	$(BIN)/pip install --quiet --no-deps --requirement tests/peers.txt --editable .
	touch $@

reproduce: setup
	$(BIN)/python -m analysis reproduce --scale $(SCALE)$(if $(KEEP), --keep $(KEEP))

verify: setup
	$(BIN)/python -m analysis verify --scale $(SCALE)

test: check
	$(BIN)/pytest --numprocesses auto

kills: setup
	$(BIN)/python tests/robustness/kills.py --kills 10 $(if $(UNDISTURBED),--undisturbed $(UNDISTURBED))

robustness: setup
	ROBUSTNESS=results/robustness.json $(BIN)/pytest tests/robustness
	$(BIN)/python tests/robustness/kills.py --kills 50 --out results/robustness.json

check: setup
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: setup
	$(BIN)/python -m analysis bench stamps --out results/bench/stamps.json
	$(BIN)/python -m analysis bench training --out results/bench/training.json
	$(if $(JAXPM),$(BIN)/python -m analysis bench nbody --peers $(JAXPM) --out results/bench/nbody.json)
	$(BIN)/python -m analysis bench feature-importance --out results/bench/feature-importance.json
	$(BIN)/python -m analysis bench apply --out results/bench/apply.json

bench-gpu: setup
	$(BIN)/python -m analysis bench gpu

image:
	docker build --target $(TARGET) --tag compendium$(patsubst %,:%,$(filter-out runtime,$(TARGET))) \
	  --build-arg SOURCE="$$(git remote get-url origin | sed 's|//.*@|//|')" \
	  --build-arg REVISION="$$(git rev-parse HEAD)" --build-arg VERSION="$$(git describe --always --dirty --tags)" .

container-check: setup
	$(BIN)/python docker/container_check.py

browser:
	@test -x /usr/bin/chromium || { apt-get update -qq; apt-get install -qq --yes --no-install-recommends chromium; } \
	  || { echo "No /usr/bin/chromium, and it could not be installed: the page cannot be seen by a browser"; exit 1; }

browser-check: setup browser
	$(BIN)/pytest tests/paper/test_browser.py

api: setup
	PDOC_ALLOW_EXEC=1 $(BIN)/python -W error::UserWarning -m pdoc --output-directory build/api --docformat numpy analysis \
	  '!analysis.nbody_gan._jaxpm_peer'

paper: setup
	$(BIN)/python -m analysis paper render

real: setup
	$(BIN)/python -m analysis feature-importance real --real-data "$${REAL_DATA:?set it to the folder of the real tables}"
	$(BIN)/python -m analysis survey real-stamps --real-data "$${REAL_DATA:?set it to the folder of the real tables}"
	$(BIN)/python -m analysis anchoring measure --real-data "$$REAL_DATA"
	$(BIN)/python -m analysis pit-calibration real --real-data "$$REAL_DATA"
	$(BIN)/python -m analysis spectroscopic-completeness real --real-data "$$REAL_DATA"
	$(BIN)/python -m analysis redshift-distributions real --real-data "$$REAL_DATA"
	$(BIN)/python -m analysis star-galaxy real --real-data "$$REAL_DATA"
	$(BIN)/python -m analysis adversarial real --real-data "$$REAL_DATA"
