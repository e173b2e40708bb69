#!/usr/bin/env bash
# Everything a fresh machine needs: a virtual environment with Threadlab in it, and bubblewrap.
# Usage: scripts/setup.sh [run|dev]      (dev adds the tools of the tests)
set -euo pipefail
cd "$(dirname "$0")/.."
wanted=${1:-run}
venv=.venv

say() { printf '%s\n' "$*" >&2; }

# Installs a system package if this user may; fails otherwise.
install_package() {
    local sudo=()
    if [ "$(id -u)" != 0 ]; then
        sudo -n true 2>/dev/null || return 1
        sudo=(sudo -n)
    fi
    if command -v apt-get >/dev/null; then
        "${sudo[@]}" apt-get update -qq >&2
        DEBIAN_FRONTEND=noninteractive "${sudo[@]}" apt-get install -y -qq "$@" >&2
    elif command -v dnf >/dev/null; then
        "${sudo[@]}" dnf install -y -q "$@" >&2
    elif command -v pacman >/dev/null; then
        "${sudo[@]}" pacman -S --noconfirm --needed "$@" >&2
    elif command -v apk >/dev/null; then
        "${sudo[@]}" apk add -q "$@" >&2
    else
        return 1
    fi
}

new_enough='import sys; sys.exit(sys.version_info < (3, 11))'

find_python() {
    local name
    for name in "${PYTHON:-}" python3 python3.14 python3.13 python3.12 python3.11; do
        if [ -n "$name" ] && command -v "$name" >/dev/null && "$name" -c "$new_enough"; then
            printf '%s' "$name"
            return
        fi
    done
    return 1
}

make_venv() {
    local python
    if ! python=$(find_python); then
        install_package python3 && python=$(find_python) || {
            say "Threadlab needs Python 3.11 or newer: install it, or name one with PYTHON=/path/to/python3."
            exit 1
        }
    fi
    # Debian splits venv from Python.
    "$python" -m venv "$venv" >/dev/null 2>&1 || {
        install_package python3-venv && "$python" -m venv --clear "$venv"
    } || {
        say "Python's venv module is missing: install it (on Debian and Ubuntu: apt-get install python3-venv)."
        exit 1
    }
}

[ -x "$venv/bin/python" ] && "$venv/bin/python" -c "$new_enough" 2>/dev/null || make_venv

# Installed again only when what is needed has changed.
mark="$venv/.installed-$wanted"
state="$(sha256sum pyproject.toml | cut -d' ' -f1) $PWD"
if [ "$(cat "$mark" 2>/dev/null)" != "$state" ]; then
    extra=""
    [ "$wanted" = dev ] && extra="[dev]"
    say "Installing Threadlab into $venv (a minute or two)…"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -e ".$extra"
    printf '%s' "$state" >"$mark"
fi

if [ "$(uname -s)" = Linux ] && ! command -v bwrap >/dev/null; then
    say "Installing bubblewrap, the sandbox for the code…"
    install_package bubblewrap || {
        say "bubblewrap is missing: install it with your package manager (on Debian and Ubuntu: sudo apt-get install bubblewrap), then run this again."
        exit 1
    }
fi
