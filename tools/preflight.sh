#!/bin/sh
# Look for what the build cannot bring itself. Print the Python to use; or say on standard error what
# is missing, with the one line that installs it, and fail.
#
#     preflight.sh          what building, testing and training need
#     preflight.sh prove    and what `make prove` needs: arm64's compiler and its emulator
set -u

modern='import sys; sys.exit(sys.version_info < (3, 11))'
python=''
for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
    if "$candidate" -c "$modern" >/dev/null 2>&1; then
        python=$candidate
        break
    fi
done

missing=''
name=python3
if [ -z "$python" ]; then
    if command -v python3 >/dev/null 2>&1; then
        name=python3.11
        echo "ClearProp needs Python 3.11 or newer; this is $(python3 --version 2>&1)." >&2
        missing="$name"
    fi
    missing="$missing $name-venv $name-dev"
else
    # Debian splits Python: for a pythonX.Y that is not its default the packages carry the version.
    case $python in python3.*) name=$python ;; esac
    "$python" -c 'import venv, ensurepip' >/dev/null 2>&1 || missing="$missing $name-venv"
    "$python" -c 'import os, sys, sysconfig
sys.exit(not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")))' \
        >/dev/null 2>&1 || missing="$missing $name-dev"
fi

command -v make >/dev/null 2>&1 || missing="$missing make"

compiler=''
for candidate in ${CXX:-c++ g++ clang++}; do
    if command -v "$candidate" >/dev/null 2>&1; then
        compiler=$candidate
        break
    fi
done
if [ -z "$compiler" ]; then
    missing="$missing g++"
elif ! echo 'int main() {}' | "$compiler" -std=c++20 -fsyntax-only -x c++ - >/dev/null 2>&1; then
    echo "ClearProp needs a C++20 compiler (g++ 10, clang 12 or newer); $compiler is not one." >&2
    missing="$missing g++"
fi

if [ "${1:-}" = prove ]; then
    command -v aarch64-linux-gnu-g++ >/dev/null 2>&1 || missing="$missing g++-aarch64-linux-gnu"
    command -v qemu-aarch64 >/dev/null 2>&1 || missing="$missing qemu-user"
fi

if [ -n "$missing" ]; then
    echo "Missing on this machine; on Debian or Ubuntu install it with:" >&2
    echo "  sudo apt install$(printf ' %s' $missing)" >&2
    exit 1
fi
echo "$python"
