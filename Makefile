# Everything from a fresh clone: Python 3.11 or newer and make are all that is needed.
.DEFAULT_GOAL := help
.PHONY: help run test kills lint types contract catalogues catalogues-check facts-check compiled dev browser locks

VENV ?= .venv
PYTHON := $(VENV)/bin/python
PIP := $(PYTHON) -m pip --disable-pip-version-check --no-input
CHROMIUM := /usr/bin/chromium

help: ## say what there is to do
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1|\2/p' Makefile | while IFS='|' read -r what why; do \
	    printf '%-22s %s\n' "$$what" "$$why"; done

run: $(VENV)/runtime compiled ## start the service; without settings, a demo in the browser
	@exec $(PYTHON) -m bot run $(ARGS)

# Tests start the service again and again: each start would compile it anew.
test kills: export PYTHONDONTWRITEBYTECODE =

# Most tests wait for a process or a page, so several files run side by side, in the order of tests/conftest.py.
test: dev browser compiled ## run all tests; ARGS="tests/bot -k texts" runs some
	@exec $(PYTHON) -m pytest --numprocesses=auto --dist=loadfile --no-loadscope-reorder --durations=15 $(ARGS)

kills: dev compiled ## kill the running service 200 times per database, in the middle of everything
	@exec $(PYTHON) -m pytest tests/test_kill.py --kills 200 --at-telegrams-pace \
	    --junit-xml=build/kills.xml $(ARGS)

lint: dev ## look for mistakes and for another layout than ruff's
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

types: dev ## check the types
	$(VENV)/bin/mypy --strict

contract: dev ## check that imports go bot -> storage -> conversations
	$(VENV)/bin/lint-imports

catalogues: $(VENV)/runtime ## take new texts from the code to the translators, then say what is missing
	$(PYTHON) -m bot.catalogues extract
	$(PYTHON) -m bot.catalogues merge
	$(PYTHON) -m bot.catalogues compile
	$(PYTHON) -m bot.catalogues check

catalogues-check: $(VENV)/runtime ## check texts and translations, changing nothing
	$(PYTHON) -m bot.catalogues check

facts-check: $(VENV)/runtime ## check rules, questions, sources and recordings: texts, limits, age of reviews
	$(PYTHON) -m bot.rules_file check
	$(PYTHON) -m bot.questions_file check
	$(PYTHON) -m bot.clips check

compiled: $(VENV)/runtime
	@$(PYTHON) -m bot.catalogues compile

dev: $(VENV)/development

# A stamp is as old as the last installation: a changed lock installs again.
$(VENV)/runtime: requirements.txt | $(VENV)/bin/python
	@echo "Installing what Jisr needs: a minute or two, the first time."
	@$(PIP) install --quiet --require-hashes -r requirements.txt
	@touch $@

# requirements-dev.txt holds the runtime's pins too, so the runtime's stamp is as new.
$(VENV)/development: requirements-dev.txt requirements.txt | $(VENV)/bin/python
	@echo "Installing what Jisr and its tests need: a minute or two, the first time."
	@$(PIP) install --quiet --require-hashes -r requirements-dev.txt
	@touch $(VENV)/runtime $@

$(VENV)/bin/python:
	@found=""; \
	for python in python3.13 python3.12 python3.11 python3 python; do \
	    $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
	    found=$$python; \
	    $$python -c 'import ensurepip, venv' 2>/dev/null || continue; \
	    $$python -m venv --clear $(VENV) && exit 0; \
	    rm -rf $(VENV); exit 2; \
	done; \
	if [ -n "$$found" ]; then \
	    echo "$$found has no venv module. On Debian or Ubuntu, install it with: apt-get install python3-venv" >&2; \
	else \
	    echo "Jisr needs Python 3.11 or newer and found none. Install one from python.org or your system." >&2; \
	fi; \
	exit 2

browser:
	@[ -x $(CHROMIUM) ] && exit 0; \
	if ! command -v apt-get >/dev/null; then \
	    echo "The browser tests need Chromium at $(CHROMIUM). Install it there and try again." >&2; exit 2; \
	fi; \
	if [ "$$(id -u)" = 0 ]; then as_root=""; \
	elif sudo -n true 2>/dev/null; then as_root="sudo -n"; \
	else \
	    echo "The browser tests need Chromium. Install it with: sudo apt-get install chromium fonts-noto-core" >&2; \
	    exit 2; \
	fi; \
	echo "Installing Chromium for the browser tests."; \
	$$as_root apt-get update -q && \
	$$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y chromium fonts-noto-core

# The locks come from the public index alone, whatever pip is set up with here. Run with the oldest supported
# Python: newer ones need nothing more. The tests' set comes first, because it narrows the runtime's.
COMPILE_LOCK = env -u PIP_FIND_LINKS -u PIP_INDEX_URL -u PIP_EXTRA_INDEX_URL PIP_CONFIG_FILE=/dev/null \
    build/locks/bin/pip-compile --quiet --upgrade --generate-hashes --allow-unsafe --strip-extras --no-header \
    --no-emit-options --no-emit-index-url --no-emit-find-links --no-emit-trusted-host

locks: $(VENV)/bin/python ## lock the newest versions that pyproject.toml allows
	$(PYTHON) -m venv --clear build/locks
	build/locks/bin/python -m pip --disable-pip-version-check install --quiet 'pip-tools>=7.6,<8'
	$(COMPILE_LOCK) --extra dev --output-file requirements-dev.txt pyproject.toml
	$(COMPILE_LOCK) --constraint requirements-dev.txt --output-file requirements.txt pyproject.toml
