# Needs only make and Python >= 3.12; everything else goes into .venv.
# `make demo PYTHON=/path/to/python3` forces an interpreter.

BIN := .venv/bin
STAMP := .venv/.installed
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: demo test check bench dashboard clean
.DEFAULT_GOAL := demo

demo: $(STAMP)
	$(BIN)/cosim demo --out out/demo

test: $(STAMP)
	$(BIN)/pytest -n auto -q

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(STAMP)
	$(BIN)/python -m benchmarks $(BENCH)

dashboard: $(STAMP)
	$(BIN)/cosim dashboard

clean:
	rm -rf out .mypy_cache .pytest_cache .ruff_cache .hypothesis .cosim-cache
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

# The first interpreter that runs, is recent enough and can make environments.
define FIND_PYTHON
for python in "$(PYTHON)" python3.13 python3.12 python3 python \
  $$(ls "$$HOME"/.pyenv/versions/*/bin/python3 2>/dev/null | sort -rV) \
  "$$(command -v uv >/dev/null 2>&1 && uv python find --no-project '>=3.12' 2>/dev/null)"; do \
  [ -n "$$python" ] || continue; \
  "$$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 12))' \
    >/dev/null 2>&1 && break; \
  python=; \
done; \
if [ -z "$$python" ]; then \
  echo "cosim needs Python 3.12 or later with its venv module (on Debian: apt install python3-venv);" >&2; \
  echo "none was found. Install one, or run: make $(MAKECMDGOALS) PYTHON=/path/to/python3" >&2; \
  exit 2; \
fi
endef

# First what comes from the registry, by hash; then the project itself, without dependencies.
$(STAMP): requirements.txt pyproject.toml
	@if ! $(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 12))' 2>/dev/null; then \
	  $(FIND_PYTHON); \
	  echo "Creating .venv with $$("$$python" --version)"; \
	  "$$python" -m venv --clear .venv || exit 1; \
	fi
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip >/dev/null
	@echo "Installing the pinned requirements (about a minute)"
	@$(BIN)/python -m pip install -qq --require-hashes -r requirements.txt
	@$(BIN)/python -m pip install -qq --no-deps --no-build-isolation -e .
	@touch $@
