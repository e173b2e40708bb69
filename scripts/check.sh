#!/usr/bin/env bash
# The whole check: lint, format, types, import directions, tests. Arguments go to pytest.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=.venv/bin
"$bin/ruff" check .
"$bin/ruff" format --check --quiet .
"$bin/mypy"
"$bin/lint-imports" --no-cache
"$bin/pytest" "$@"
