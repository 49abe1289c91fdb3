# animRL. `make` lists what there is. Everything runs with .venv/bin/python; nothing needs activating.

PYTHON ?=
TORCH_INDEX ?=
EXTRAS ?= dev,motion,viewer
TASK ?= walk
ARGS ?=
UNTIL ?= learned
DISK_GB ?= 4

VENV := .venv
INSTALLED := $(VENV)/.installed-$(EXTRAS)
RUN := $(VENV)/bin/python
PIP := $(RUN) -m pip --disable-pip-version-check
TORCH := $(shell sed -n 's/^\(torch==[^ ]*\).*/\1/p' constraints.txt)

.DEFAULT_GOAL := help
.PHONY: help install demo train eval view pictures test test-all check clean

help:
	@echo "make install    install into .venv; a few minutes the first time, nothing when up to date"
	@echo "make demo       play the policies that ship (TASK=walk: one of them), without training"
	@echo "make train      install, train TASK until it is learned, evaluate it, leave a video"
	@echo "make view       watch the newest run of TASK, or the policy that ships, in the browser"
	@echo "make eval       evaluate the newest run of TASK and leave a video"
	@echo "make test       the tests, without the slow ones"
	@echo "make test-all   all tests: two hours or more, an hour of training among them"
	@echo "make check      ruff and mypy"
	@echo "make pictures   the README's animations, made anew from the policies that ship"
	@echo "make clean      remove .venv and caches; runs and results stay"
	@echo ""
	@echo "Variables: TASK=walk    ARGS=\"--set rewards.terms.track_ee_pos=[0.3,0.0]\" (passed on to the script)"
	@echo "           UNTIL= (empty: make train goes on to the last iteration)"
	@echo "           PYTHON=python3.12    EXTRAS=dev,motion,viewer,gpu,browser    TORCH_INDEX=<pip index for torch>"

install: $(INSTALLED)

# Python, venv and disk are looked at first: each remedy is one line.
$(VENV)/.torch: constraints.txt
	@found=; for p in $(or $(PYTHON),python3.11 python3.12 python3.13 python3 python); do \
	  if "$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then found=$$p; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
	  echo "animRL needs Python 3.11 or newer$(if $(PYTHON),; '$(PYTHON)' is none): install it (e.g. 'sudo apt install python3.11 python3.11-venv') or name one: make PYTHON=/path/to/python3.11" >&2; exit 2; \
	fi; \
	if ! "$$found" -c 'import venv, ensurepip' >/dev/null 2>&1; then \
	  echo "$$found has no venv module: install it, e.g. 'sudo apt install python3-venv' (or python3.11-venv)" >&2; exit 2; \
	fi; \
	free=$$(df -Pk . | awk 'NR == 2 { print int($$4 / 1048576) }'); \
	if [ "$$free" -lt "$(DISK_GB)" ]; then \
	  echo "$$free GB free here, $(DISK_GB) GB needed: free some space; or take the CPU build of torch, see TORCH_INDEX in README.md" >&2; exit 2; \
	fi; \
	if ! $(RUN) -c 'import sys, pip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
	  echo "[1/3] Python environment in $(VENV) ($$("$$found" -V))"; \
	  "$$found" -m venv --clear $(VENV); \
	fi
	@echo "[2/3] $(TORCH) - the largest download: a minute or more"
	@$(PIP) install -q $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) $(TORCH)
	@touch $@

$(INSTALLED): $(VENV)/.torch setup.py pyproject.toml constraints.txt
	@echo "[3/3] animRL[$(EXTRAS)] and what it needs - about a minute or two"
	@$(PIP) install -q -c constraints.txt -e ".[$(EXTRAS)]"
	@touch $@
	@echo "Installed."

# All policies, unless TASK is given.
demo: install
	@$(RUN) animRL/scripts/demo.py $(if $(filter file,$(origin TASK)),,$(TASK)) $(ARGS)

train: install
	@$(RUN) animRL/scripts/train.py --task=$(TASK) $(if $(UNTIL),--until=$(UNTIL)) $(ARGS)
	@$(RUN) animRL/scripts/eval.py --task=$(TASK) --dv --load_run=-1 $(filter --experiment_name=%,$(ARGS))
	@echo "Video: $$(ls -t animRL/logs/*/*/animation.mp4 | head -n 1)"

eval: install
	@$(RUN) animRL/scripts/eval.py --task=$(TASK) --dv --load_run=-1 $(ARGS)

view: install
	@$(RUN) animRL/scripts/view.py --task=$(TASK) $(ARGS)

pictures: install
	@$(RUN) animRL/scripts/demo.py walk cartwheel --dv --dr --gif animRL/resources/images $(ARGS)

test: install
	@$(RUN) -m pytest -q -m "not slow" $(ARGS)

test-all: install
	@$(RUN) -m pytest -q $(ARGS)

check: install
	@$(RUN) -m ruff check .
	@$(RUN) -m ruff format --check .
	@$(RUN) -m mypy

clean:
	@rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
	@find animRL tests -name __pycache__ -type d -prune -exec rm -rf {} +
