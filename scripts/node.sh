#!/bin/sh
# Runs a script of this project with the pinned Node, installing the packages first when they are
# missing or older than the lock file. All that it needs itself is sh and npm.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd "$root"

node=node_modules/.bin/node
stamp=node_modules/.credrotate-installed

if ! cmp -s package-lock.json "$stamp" || [ ! -x "$node" ]; then
  echo "credrotate: installing packages (npm ci) ..." >&2
  npm ci --no-audit --no-fund --loglevel=error >&2
  if [ ! -x "$node" ]; then
    echo "credrotate: npm installed no Node for this machine ($(uname -sm))." >&2
    echo "  expected: Linux on x86_64 or aarch64, with npm's optional dependencies on" >&2
    echo "  do: npm config delete omit; npm ci --include=optional" >&2
    exit 1
  fi
  if ! "$node" --version >/dev/null 2>&1; then
    echo "credrotate: the pinned Node does not start: $("$node" --version 2>&1 || true)" >&2
    echo "  do: install libatomic (Debian: apt-get install libatomic1; RPM: dnf install libatomic)" >&2
    exit 1
  fi
  cp package-lock.json "$stamp"
fi
PATH="$root/node_modules/.bin:$PATH"
export PATH
exec "$node" --disable-warning=ExperimentalWarning "$@"
