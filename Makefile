# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Everything a contributor or a responder in training types; `make help` tells.
PYTHON ?= python3
HOSTS ?= 3
ENGINES ?= 20.10,26,28
CHECKS := lint types units sanity host-units ansible-lint browser package

.DEFAULT_GOAL := help
.PHONY: help setup lab lab-down demo test integration system contain containment zoo compat clean $(CHECKS)

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "make CHECK          one check alone: $(CHECKS)"

setup: ## make .venv with pinned versions (fast when nothing changed)
	@$(PYTHON) tools/setup.py

lab: ## raise a fleet on this machine: HOSTS=8 ENGINES=20.10,26,28,28-containerd
	@lab/lab up --hosts $(HOSTS) --engines $(ENGINES)

lab-down: ## take the fleet down
	@lab/lab down

demo: setup lab ## triage of the fleet's compromised hosts
	@.venv/bin/python -m tools.demo

test: setup ## all checks, with a fleet raised and removed on the way
	@.venv/bin/python -m tools.check

$(CHECKS): setup
	@.venv/bin/python -m tools.check $@

integration: setup ## the modules on the fleet's engines (make lab first)
	@.venv/bin/python -m tools.check integration

system: setup ## the playbooks over the fleet (make lab first)
	@.venv/bin/python -m tools.check system

contain: setup ## what changes containers, engines taking turns (make lab first)
	@.venv/bin/python -m tools.check contain

containment: setup ## the same, all of it on every engine; long (make lab first)
	@.venv/bin/python -m tools.check containment

zoo: setup ## every break-in the lab knows is found, in a fleet of its own; long
	@.venv/bin/python -m tools.check zoo

compat: setup ## unit tests and syntax on every supported release of ansible-core
	@PATH="$$(.venv/bin/python -m tools.pythons)" .venv/bin/nox --session compat

clean: ## remove what the checks made; .venv and evidence/ stay
	@rm -rf build .mypy_cache .ruff_cache .pytest_cache tests/output
