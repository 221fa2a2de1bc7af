# `make lab` and `make test` are all that a reader needs. Without make (Windows): see README.md.
BIN := .venv/bin
UPGRADE := $(if $(PACKAGE),--upgrade-package $(PACKAGE),--upgrade)
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 $(UPGRADE) --no-header
# uv knows no newer platform of Pyodide's. For what depends on what, they are one: `sys_platform` is emscripten.
COMPILE_FOR_PAGES := $(BIN)/uv pip compile --quiet --python-platform wasm32-pyodide2024 --python-version 3.14 $(UPGRADE) --no-header
ROOT := $(if $(filter 0,$(shell id -u)),--allow-root)

# In the order of the files: test_lab.py takes longest. Named, so that four processes do not collect all others as well.
BROWSERS := --numprocesses=4 --no-loadscope-reorder $(shell grep -l 'mark\.browser' tests/test_*.py)

.PHONY: lab production test thorough lint outputs stress bench chaos picture links binder site pages lock clean

lab: .venv/lab-ready  ## open the course in JupyterLab; LAB="--port 9999 ..." adds options
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/jupyter lab $(ROOT) $(LAB) $(firstword $(sort $(wildcard notebooks/[0-9]*.ipynb)))

production: .venv/production-ready  ## what the lessons on production need besides: a broker, a proxy, and what speaks to them
	@echo "Ready for the lessons on production."

# What this spares is said there.
test thorough: export PYTHONPATH := $(CURDIR)/tests/instead$(if $(PYTHONPATH),:$(PYTHONPATH))
# They start hundreds of Pythons: what one has compiled is kept for the others, although Docker images often forbid it.
test thorough: export PYTHONDONTWRITEBYTECODE :=

test: .venv/test-ready lint  ## run everything that proves the course: lessons, wslab, rules, examples
ifdef TESTS
	@$(BIN)/python -m pytest $(TESTS)
else
	@$(BIN)/python -m pytest -m "not browser and not binder and not thorough"
	@$(BIN)/python -m tools.browser >/dev/null 2>&1 || true  # beside the tests, it would take three times as long
	@$(BIN)/python -m pytest -m "browser and not thorough" $(BROWSERS)
endif

thorough: .venv/test-ready  ## what is worth having, and not worth waiting for each time
	@$(BIN)/python -m pytest -m "thorough and not browser"
	@$(BIN)/python -m pytest -m "thorough and browser" $(BROWSERS)

lint: .venv/test-ready
	@$(BIN)/ruff check --quiet . && $(BIN)/ruff format --quiet --check .

outputs: .venv/test-ready  ## make the lessons' stored outputs anew; LESSONS="notebooks/01-*.ipynb" for some
	@$(BIN)/python -m tools.outputs $(LESSONS)

stress: .venv/test-ready  ## all lessons, or those in LESSONS, again and again while the CPU is busy; STRESS="--rounds 5" and other options
	@$(BIN)/python -m tools.stress $(STRESS) $(LESSONS)

bench: .venv/test-ready  ## what wslab costs, what an echo costs, and a message to many
	@$(BIN)/python -m tools.bench
	@$(BIN)/python -m tools.bench_echo
	@$(BIN)/python -m tools.bench_room
	@$(BIN)/python -m tools.bench_members
	@$(BIN)/python -m tools.bench_service
	@$(BIN)/python -m tools.bench_measuring

chaos: .venv/test-ready  ## kills workers and Redis of examples/service while a crowd speaks; CHAOS="--clients 5000" and other options
	@$(BIN)/python -m tools.chaos $(CHAOS)

picture: .venv/test-ready  ## the README's picture of a lesson, from a real JupyterLab
	@$(BIN)/python -m tools.picture

links: .venv/test-ready  ## all that follows from the lessons' file names: numbers, links, badges, headings of claims
	@$(BIN)/python -m tools.links

binder: .venv/test-ready  ## proves the course in an environment that is made as Binder makes its own
	@$(BIN)/python -m pytest --numprocesses=0 -m binder tests/test_binder.py

site: .venv/site-ready  ## the course as pages in which the lessons run, in build/site; needs npm
	@$(BIN)/python -m tools.site --run
	@echo "To run lessons there: $(BIN)/python -m http.server --bind 127.0.0.1 --directory build/site"

pages: .venv/site-ready  ## the same, to read only: without npm, and without a network
	@$(BIN)/python -m tools.site

lock: .venv/test-ready  ## make each requirements.txt anew, with the newest versions; PACKAGE=fastapi for that one alone
	$(COMPILE) requirements.in -o requirements.txt
	cd notebooks && ../$(COMPILE) production.in -o production.txt
	cd site && ../$(COMPILE) requirements.in -o requirements.txt
	cd tests && ../$(COMPILE) requirements.in -o requirements.txt
	cd site/browser && ../../$(COMPILE_FOR_PAGES) requirements.in -o requirements.txt

clean:
	rm -rf .venv

.venv/lab-ready: requirements.txt
	@sh tools/venv.sh requirements.txt && touch $@

.venv/production-ready: requirements.txt notebooks/production.txt
	@sh tools/venv.sh requirements.txt notebooks/production.txt && touch $@ .venv/lab-ready

.venv/site-ready: site/requirements.txt
	@sh tools/venv.sh site/requirements.txt && touch $@

.venv/test-ready: requirements.txt tests/requirements.txt
	@sh tools/venv.sh requirements.txt tests/requirements.txt && touch $@ .venv/lab-ready .venv/site-ready .venv/production-ready
