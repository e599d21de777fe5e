#!/bin/sh
# What the Dockerfile's RUN lines do, in a script that also runs without Docker.
#
#   install.sh build SRC OUT   build the wheel of the checkout SRC and install it into a new virtual environment OUT
#   install.sh state OUT       make the empty state directory that a new volume is a copy of
#
# PYTHON names the interpreter (default: python3). A virtual environment is not to be moved: OUT is its final place.
set -eu

build() {
    src=$(cd "$1" && pwd)
    out=$2
    python=${PYTHON:-python3}
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    "$python" -m venv "$work/tools"
    "$work/tools/bin/pip" wheel --quiet --disable-pip-version-check --no-cache-dir --no-deps \
        --wheel-dir "$work/wheel" "$src"
    "$python" -m venv "$out"
    "$out/bin/pip" install --quiet --disable-pip-version-check --no-cache-dir "$work"/wheel/causewatch-*.whl
    # The image installs nothing any more; compiled modules save start-up time on a read-only file system.
    "$out/bin/pip" uninstall --quiet --yes pip
    "$out/bin/python" -m compileall -q "$out/lib"
    "$out/bin/causewatch" --version
}

state() {
    mkdir -p "$1"
    chmod 0700 "$1"
}

usage() {
    echo "usage: install.sh build SRC OUT | install.sh state OUT" >&2
    exit 2
}

case "${1:-}:$#" in
    build:3) build "$2" "$3" ;;
    state:2) state "$2" ;;
    *) usage ;;
esac
