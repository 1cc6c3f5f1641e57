# Everything a checkout needs; `demo` and `test` are all that a new user has to know.

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PIP := $(BIN)/python -m pip --disable-pip-version-check

# MLX's back end on Linux: cpu, cuda12 or cuda13; what an installation was made with is kept.
EXTRA := $(or $(shell cat $(READY) 2>/dev/null),cpu)

SOAKED := KILLS WISHES FAULTS DISKS REAL FILES VOLUMES DAMAGES FUZZ READS NAMES WRITERS HUGE CALLS CUTS \
	MINUTES REQUESTS CLIENTS STATES POISON ONLY

# The rooms that decide, write and supervise: their own tests need no model and no minutes.
COVERED := core folders supervisor
COMMA := ,
SPACE := $(subst ,, )

GPU_ROOMS := tests/model tests/training tests/serving tests/evaluation
GPU_SAMPLE := tests/model/test_generation.py tests/model/test_adapters.py tests/serving/test_row_batch.py

.PHONY: help demo test test-families test-gpu coverage bench bench-growth bench-files clients soak fuzz-api ruff lint format docs \
	constraints release clean

help:
	@echo "make demo         watch a file become a better model (sets up $(VENV) first)"
	@echo "make test         lint, types, import contract and every test (sets up $(VENV) first)"
	@echo "make test-families  every family of models with its real texts through a daemon, bf16 and 4-bit"
	@echo "make test-gpu     the rooms that compute, as on a GPU: float32, bfloat16 and 4-bit bases"
	@echo "make coverage     branches of core, folders and supervisor that their tests take, with a floor"
	@echo "make bench        training, server, tokens and intake beside what people use (ROWS=my.jsonl)"
	@echo "make bench-growth whether a daemon grows over 1,000 files (FILES=100)"
	@echo "make bench-files  memory of reading a large array, and kills on the way through a .gz (MIB=500)"
	@echo "make clients      ordinary clients of Python and Node against a real server (needs PyPI and npm)"
	@echo "make soak         every fault at every place, 10,000 kills, attacks (KILLS=200 FAULTS=100)"
	@echo "make fuzz-api     calls made up from the server's OpenAPI document (CALLS=1000 SEED=1)"
	@echo "make ruff         lint and format: what pre-commit runs before a commit"
	@echo "make lint         the same, types, import contract: what it runs before a push"
	@echo "make format       mend what can be mended by machine"
	@echo "make docs         write the pages that are made from the code"
	@echo "make release      sdist and wheel in dist/; the wheel is tried where no source is"
	@echo "make constraints  resolve the hashed constraints anew"
	@echo "make EXTRA=cuda12 demo, in a fresh checkout: with MLX for an NVIDIA GPU (or cuda13)"
	@echo "make clean        remove $(VENV) and caches; never a folder of the daemon"

demo: $(READY)
	@$(BIN)/finetuned demo

# Compiled once: where Python is told to write no bytecode, each of the daemons that the tests start,
# a thousand and more, would compile all of it.
test: lint
	@$(BIN)/python -m compileall -q daemon tests
	$(BIN)/python -m pytest -n 3 --dist worksteal
	$(BIN)/python -m pytest -n 3 --dist worksteal --as-gpu 4bit $(GPU_SAMPLE)

# All of it, for each kind of numbers that bases have; one after another, so that each is read alone.
test-gpu: $(READY)
	@$(BIN)/python -m compileall -q daemon tests
	set -e; for kind in fp32 bf16 4bit; do \
		$(BIN)/python -m pytest -n 3 --dist worksteal --timeout 300 --as-gpu $$kind $(GPU_ROOMS); \
	done

# `make test` tries a sample of them.
test-families: $(READY)
	FINETUNED_FAMILIES=all $(BIN)/python -m pytest tests/end_to_end/test_model_families.py

# Under a tracer all rooms take an hour and more, so it is no part of `make test`.
coverage: $(READY)
	@rm -f .coverage .coverage.*
	$(BIN)/python -m coverage run -m pytest -q --timeout 600 $(COVERED:%=tests/%)
	@$(BIN)/python -m coverage combine --quiet
	$(BIN)/python -m coverage report --include "$(subst $(SPACE),$(COMMA),$(COVERED:%=daemon/%/*))"

bench: $(READY)
	@$(BIN)/python -m benchmarks.train_speed
	@$(BIN)/python -m benchmarks.judge_speed
	@$(BIN)/python -m benchmarks.serve_speed
	@$(BIN)/python -m benchmarks.dashboard_speed
	@$(BIN)/python -m benchmarks.encode_speed $(ROWS)
	@$(BIN)/python -m benchmarks.intake_speed $(ROWS)

bench-growth: $(READY)
	@$(BIN)/python -m benchmarks.growth --files $(or $(FILES),1000)

bench-files: $(READY)
	@$(BIN)/python -m benchmarks.large_files $(if $(MIB),--array-mib $(MIB))

fuzz-api: $(READY)
	@$(BIN)/python -m tests.serving.api_fuzz --calls $(or $(CALLS),400) --seed $(or $(SEED),1)

clients: $(READY)
	@$(BIN)/python -m tests.clients

soak: $(READY)
	@$(BIN)/python -m tests.reliability.soak $(foreach kind,$(SOAKED),$(if $($(kind)),--$(shell echo $(kind) | tr A-Z a-z) $($(kind))))

ruff: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

lint: ruff
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(READY)
	$(BIN)/python docs/make_settings.py
	$(BIN)/python docs/make_field_names.py
	$(BIN)/python docs/make_tree.py

release: $(READY)
	@.ci/release

constraints: $(READY)
	$(BIN)/python constraints/lock.py

clean:
	rm -rf $(VENV) dist build .coverage* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# One call of pip from the lock where there is one, so that nothing is resolved; else by ranges. The
# lock is for the CPU: its wheel goes before that of CUDA comes, because both own one library, and so
# does an earlier one of CUDA, whose library the lock's has just overwritten.
# The stamp is written last: a set-up that was interrupted is taken up again.
$(READY): pyproject.toml $(wildcard constraints/*.txt)
	@set -e; \
	if ! $(BIN)/python -c "import pip" 2>/dev/null; then \
		python=$$(sh .ci/find-python); \
		echo "Setting up $(VENV) with $$python"; \
		"$$python" -m venv --clear $(VENV); \
	fi; \
	lock=$$($(BIN)/python -c "import sys; print('constraints/%s-py%d%d.txt' % (sys.platform, *sys.version_info[:2]))"); \
	echo "Installing into $(VENV) (about a minute)"; \
	if [ -f "$$lock" ]; then \
		$(PIP) install --quiet --no-deps --require-hashes --only-binary :all: -r "$$lock" -r constraints/model.txt; \
		$(PIP) install --quiet --no-deps --no-build-isolation --editable .; \
		if [ "$(EXTRA)" != cpu ]; then \
			$(PIP) uninstall --quiet --yes mlx-cpu mlx-cuda-12 mlx-cuda-13; \
			$(PIP) install --quiet --no-build-isolation --editable '.[$(EXTRA)]'; \
		fi; \
	else \
		$(PIP) install --quiet --editable '.[$(EXTRA),dev]'; \
		$(PIP) install --quiet --no-deps -r constraints/model.txt; \
	fi; \
	echo $(EXTRA) > $@
