#!/bin/sh
# Make .venv, if need be, and install the given requirements files into it: with uv where it is installed, else
# with venv and pip. Says in one line what is missing. PYTHON=... chooses the interpreter.
set -u

fail() {
    echo "$*" >&2
    exit 1
}

new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

# python3, or else the newest python3.N that there is.
find_python() {
    candidates=python3
    minor=40
    while [ "$minor" -ge 11 ]; do
        candidates="$candidates python3.$minor"
        minor=$((minor - 1))
    done
    for candidate in ${PYTHON:-$candidates python}; do
        if new_enough "$candidate"; then
            echo "$candidate"
            return
        fi
    done
}

# A .venv that was moved, or made by a Python that is gone or too old, is made anew.
[ -x .venv/bin/python ] && new_enough .venv/bin/python || rm -rf .venv

python=$(find_python)
[ -n "$python" ] || [ -z "${PYTHON:-}" ] || fail "PYTHON is $PYTHON: there is none of that name, or it is too old for the course."
if command -v uv >/dev/null 2>&1; then
    tool=uv
    if [ ! -d .venv ]; then
        uv venv --quiet --python "${python:->=3.11}" .venv || fail "uv could not make .venv with Python 3.11 or newer."
    fi
    set -- uv pip install --compile-bytecode --python .venv/bin/python $(printf -- '-r %s ' "$@")
else
    tool=pip
    if [ ! -d .venv ]; then
        [ -n "$python" ] || fail "The course needs Python 3.11 or newer. Found: $(${PYTHON:-python3} --version 2>&1 | head -n 1)"
        "$python" -c 'import ensurepip, venv' 2>/dev/null ||
            fail "This Python lacks its venv module. On Debian and Ubuntu: apt install python3-venv"
        "$python" -m venv .venv >/dev/null || fail "$python could not make .venv."
    fi
    set -- .venv/bin/python -m pip install --disable-pip-version-check --retries 1 $(printf -- '-r %s ' "$@")
fi

echo "Installing the packages into .venv with $tool. The first time, this takes about a minute ..."
if ! "$@" >.venv/install.log 2>&1; then
    if grep -qiE 'connection|resolve|network|dns|timed out|unreachable' .venv/install.log; then
        fail "The packages could not be downloaded. Is there a network? (Details: .venv/install.log)"
    fi
    fail "The packages could not be installed: $(tail -n 1 .venv/install.log) (Details: .venv/install.log)"
fi
