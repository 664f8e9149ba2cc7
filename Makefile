# make run    prepare .venv and start billhook; the demo where nothing is configured
# make test   the test suite: on any Linux machine with Python alone
# make chaos  what it only samples, in full: crashes beside faults and 10,000 orders of things, on both databases (hours)
# make browser  the console in Debian's Chromium, driven by Playwright; skips where there is none
# make check  ruff, mypy --strict, the documentation's own tests, and billhook and docker-compose.yml started as they are written
# make fmt    format the code
# make bench  door, latency, runs and kill, measured here; each prints its figures
# Hundreds of processes start here: without bytecode each of them compiles every module anew, and the tests take twice as long.
unexport PYTHONDONTWRITEBYTECODE
.PHONY: run test chaos browser check bench fmt

run:
	@sh ops/venv local
	@exec .venv/bin/billhook up

test:
	@sh ops/venv test
	@exec .venv/bin/python -m pytest -q -n 3 --dist worksteal $(ARGS)

chaos:
	@sh ops/venv test
	@exec .venv/bin/python -m pytest -q -n 2 --dist worksteal -m slow --timeout 600 $(ARGS)

browser:
	@sh ops/venv dev
	@exec .venv/bin/python -m pytest -q -m browser -p no:cacheprovider --timeout 300 tests/browser $(ARGS)

check:
	@sh ops/venv dev
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/python -m pytest -q -m "" tests/test_authors.py tests/test_readme.py tests/workers/test_traces.py tests/workers/test_up_running.py tests/test_compose.py tests/test_simulate_page.py

fmt:
	@sh ops/venv dev
	@.venv/bin/ruff check --fix-only .
	@.venv/bin/ruff format .

bench:
	@sh ops/venv bench
	@exec .venv/bin/python -m tests.bench $(ARGS)
