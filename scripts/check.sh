#!/usr/bin/env bash
# The whole check: lint, format, types, import directions, tests. Arguments go to pytest.
# With TESTS_ON=postgresql, tests that name no database run on PostgreSQL instead of SQLite.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=.venv/bin
"$bin/ruff" check .
"$bin/ruff" format --check --quiet .
"$bin/mypy"
"$bin/lint-imports" --no-cache
"$bin/pytest" "$@"
