.PHONY: help setup demo test torture bench
help: ## What can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

setup: ## Set up: .venv with Threadlab in it, and the sandbox
	@scripts/setup.sh run

demo: ## Set up and run Threadlab here, with its own engine, and print the page's address
	@scripts/setup.sh run
	@.venv/bin/threadlab run

test: ## Set up and check everything: lint, format, types, import directions, tests
	@scripts/setup.sh dev
	@scripts/check.sh

torture: ## Set up, and kill one worker, then three, 200 times each, while people ask 1,000 things
	@scripts/setup.sh dev
	@.venv/bin/python -m tests.torture $(ARGS)

bench: ## Set up and measure; the figures stand in docs/reference/figures.md
	@scripts/setup.sh dev
	@.venv/bin/python -m tests.benchmarks
