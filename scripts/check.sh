#!/usr/bin/env bash
# The whole check: lint, format, types, import directions, tests. With arguments, which go to pytest,
# the tests run one after the other.
# With TESTS_ON=postgresql, tests that name no database run on PostgreSQL instead of SQLite.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=.venv/bin
"$bin/ruff" check .
"$bin/ruff" format --check --quiet .
"$bin/mypy"
"$bin/lint-imports" --no-cache
if [ $# -gt 0 ]; then
    "$bin/pytest" "$@"
else
    # Modules side by side, one more than there are cores, as much of a test is waiting; the long
    # ones of tests/acceptance come first.
    processes=$(($(nproc) < 5 ? $(nproc) + 1 : 6))
    "$bin/pytest" --numprocesses $processes --dist loadfile --no-loadscope-reorder -m "not alone"
    "$bin/pytest" -m alone
fi
