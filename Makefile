# Ce que l'on fait de la maison ; `make help` le liste. Il faut python3 (3.11 ou plus récent), python3-venv et make.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --no-input --disable-pip-version-check --no-compile
HOUSE := tests/test_house.py tests/test_repository.py
.DEFAULT_GOAL := help
.PHONY: run test check bench index lock help

run: $(VENV)/.ready ## Démarrer la hotline avec un exemple : http://127.0.0.1:8000
	@$(BIN)/hotline run --demo

test: $(VENV)/.ready-dev ## Installer ce que les tests demandent, puis les passer tous (ARGS="-k mot" pour choisir, ARGS="-n 0" pour un à la fois)
	@bash tests/peers/install.sh
	@$(BIN)/python -m pytest -n logical --dist loadfile $(ARGS)

check: $(VENV)/.ready-dev ## Vérifier le style, les types et les lois de la maison (une minute)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/python -m pytest $(HOUSE)

bench: $(VENV)/.ready-dev ## Mesurer débits et délais, sur SQLite et PostgreSQL (plusieurs minutes)
	@bash tests/peers/install.sh
	@$(BIN)/python -m tests.bench $(ARGS)

index: $(VENV)/.ready ## Refaire l'index livré avec le programme, après un changement dans knowledge/
	@$(BIN)/hotline knowledge index

lock: $(VENV)/.ready-dev ## Refaire requirements.lock et requirements-dev.lock d'après pyproject.toml
	@$(BIN)/python -c 'import uv' 2>/dev/null || $(PIP) uv
	@printf 'hatchling\neditables\n' | $(BIN)/uv pip compile -q pyproject.toml - --universal --generate-hashes \
	  --no-header --no-annotate -o requirements.lock >/dev/null
	@printf 'hatchling\neditables\n' | $(BIN)/uv pip compile -q pyproject.toml - --extra dev --universal --generate-hashes \
	  --no-header --no-annotate -o requirements-dev.lock >/dev/null

help: ## Lister les commandes
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-6s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(VENV)/.ready: requirements.lock pyproject.toml | $(VENV)/bin/python
	@echo "Installation de ce dont la hotline a besoin (une fois, moins d'une minute)…"
	@$(PIP) --require-hashes -r requirements.lock
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

# requirements-dev.lock tient tout ce que requirements.lock tient : un seul passage installe les deux
$(VENV)/.ready-dev: requirements-dev.lock requirements.lock pyproject.toml | $(VENV)/bin/python
	@echo "Installation de la hotline et des outils de test (une fois, une à deux minutes)…"
	@$(PIP) --require-hashes -r requirements-dev.lock
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $(VENV)/.ready $@

$(VENV)/bin/python:
	@command -v $(PYTHON) >/dev/null || { \
	  echo "Python 3.11 ou plus récent est nécessaire. Sur Debian ou Ubuntu : sudo apt install python3 python3-venv" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 ou plus récent est nécessaire ; ici : $$($(PYTHON) --version). Un autre : make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "Il manque le module venv. Sur Debian ou Ubuntu : sudo apt install python3-venv" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }
