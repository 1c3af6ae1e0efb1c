#!/bin/sh
# Runs a script of this project with the pinned Node, installing the packages first when they are
# missing or older than the lock file. All that it needs itself is sh and npm.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd "$root"

node=node_modules/.bin/node
stamp=node_modules/.credrotate-installed

installed() {
  [ -x "$node" ] && cmp -s package-lock.json "$stamp"
}

install() {
  echo "credrotate: installing packages (npm ci) ..." >&2
  npm ci --include=dev --include=optional --no-audit --no-fund --loglevel=error >&2
  if [ ! -x "$node" ]; then
    echo "credrotate: npm installed no Node for this machine ($(uname -sm))" >&2
    echo "  expected: Linux on x86_64 or aarch64" >&2
    exit 1
  fi
  cp package-lock.json "$stamp"
}

if ! installed; then
  # One at a time: npm ci begins by removing what is there. The kernel holds the lock, on a file that is always
  # there, so that none is left behind.
  exec 9<package-lock.json
  if command -v flock >/dev/null && ! flock --nonblock 9; then
    echo "credrotate: waiting for another installation in this directory ..." >&2
    flock 9
  fi
  installed || install
  exec 9<&-
fi

if ! trouble=$("$node" --version 2>&1); then
  echo "credrotate: the pinned Node does not start: $trouble" >&2
  echo "  do: install libatomic (Debian: apt-get install libatomic1; RPM: dnf install libatomic)" >&2
  exit 1
fi
PATH="$root/node_modules/.bin:$PATH"
export PATH
exec "$node" --disable-warning=ExperimentalWarning --import="$root/scripts/unbundled.ts" "$@"
