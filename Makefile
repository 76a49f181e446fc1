.DEFAULT_GOAL := help
PYTHON ?= python3.11
VENV := .venv
RUN := $(VENV)/bin/python
INSTALLED := $(VENV)/.installed
PORT ?= 8501

export HF_HUB_OFFLINE ?= 1
export RAGAS_DO_NOT_TRACK ?= true
export TOKENIZERS_PARALLELISM ?= false

.PHONY: help install run ask ingest test test-corpus eval bench lint lock

help: ## show these commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

install: $(INSTALLED) ## create .venv and install the pinned packages

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { echo "Prep RAG needs Python 3.11. Name yours: make install PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(RUN) || $(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --upgrade "pip>=26"
	$(RUN) -m pip install --quiet --constraint constraints.txt "torch==2.13.0"
	$(RUN) -m pip install --quiet --constraint constraints.txt --editable ".[evals,dev]"
	@touch $@

run: ingest ## ingest the guides and open the app
	$(RUN) -m streamlit run ui/app.py --server.port $(PORT)

ask: install ## answer one question: make ask Q="What is data leakage?"
	@$(RUN) -m rag "$(Q)"

ingest: install ## bring the index up to date with corpus/
	@$(RUN) -m ingest

test: install ## run the whole test suite, offline, on up to four processors
	$(RUN) -m pytest --numprocesses auto --maxprocesses 4 --dist worksteal

test-corpus: install ## check the guides: house rules, code blocks, numbers
	$(RUN) -m pytest tests/corpus

eval: ingest ## ask every golden question, measure every answer, hold the gates
	$(RUN) -m evals.run --split dev
	$(RUN) -m evals.run --split test

bench: ingest ## measure speed against LangChain and sentence-transformers, on this machine
	$(RUN) -m evals.bench

lint: install ## ruff and strict mypy
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy

lock: ## write constraints.txt from what is installed
	$(RUN) -m pip freeze --exclude-editable | sed 's/+cpu$$//' > constraints.txt
