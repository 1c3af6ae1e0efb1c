#!/bin/sh
# Installs credrotate on an instance, from its user data or by hand, and leaves the credential files in place.
# What follows the functions at the end is all that runs, so that a script that was cut off on its way does nothing.

set -u

usage() {
  cat <<'EOF'
usage: install.sh --repository URL SINKS [--wait DURATION]
       install.sh --package URL|FILE [--sha256 HEX | --sha256sums URL|FILE] SINKS [--wait DURATION]

Installs the package, writes the configuration that the options name, waits for the first credentials, and enables the
service. Safe to run again. Each option can be given as a variable instead.

  --repository URL           signed; https or file                    CREDROTATE_REPOSITORY
  --package URL|FILE         .deb or .rpm; https, http or file        CREDROTATE_PACKAGE
  --sha256 HEX               its SHA-256                              CREDROTATE_SHA256
  --sha256sums URL|FILE      or a list that has it; not over http     CREDROTATE_SHA256SUMS
                             one of the two is required for a URL
SINKS: a configuration, or files to keep, which are written to /etc/credrotate/conf.d/50-user-data.yaml beside what is
there. Without any, the configuration has to be there, and stays as it is.
  --config FILE              a configuration to install               CREDROTATE_CONFIG
  --aws-credentials FILE     a shared credentials file                CREDROTATE_AWS_CREDENTIALS
  --profile NAME             the profile in it (default)              CREDROTATE_PROFILE
  --dotenv FILE              NAME=value lines                         CREDROTATE_DOTENV
  --json-file FILE           the document of the metadata service     CREDROTATE_JSON_FILE
  --wait DURATION            for the first credentials (5m)           CREDROTATE_WAIT

Exit codes: 64 usage, 65 wrong checksum, 66 no package, 71 it could not be installed, 78 the options do not go with the
configuration that is there; others are those of credrotate.
All that it says is kept in /var/log/credrotate-install.log.
EOF
}

LOG=/var/log/credrotate-install.log
DROP_IN=/etc/credrotate/conf.d/50-user-data.yaml

EX_USAGE=64
EX_CHECKSUM=65
EX_NO_PACKAGE=66
EX_INSTALL=71
EX_CONFIG=78

say() {
  printf '%s credrotate-install: %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$*"
}

# fail CODE MESSAGE
fail() {
  say "$2"
  exit "$1"
}

repository=${CREDROTATE_REPOSITORY-}
package=${CREDROTATE_PACKAGE-}
sha256=${CREDROTATE_SHA256-}
sha256sums=${CREDROTATE_SHA256SUMS-}
config=${CREDROTATE_CONFIG-}
aws_credentials=${CREDROTATE_AWS_CREDENTIALS-}
profile=${CREDROTATE_PROFILE-}
dotenv=${CREDROTATE_DOTENV-}
json_file=${CREDROTATE_JSON_FILE-}
wait=${CREDROTATE_WAIT:-5m}

parse() {
  while [ $# -gt 0 ]; do
    [ $# -gt 1 ] || fail "$EX_USAGE" "$1: expected an option with its value (see --help)"
    case $1 in
      --repository) repository=${2%/} ;;
      --package) package=$2 ;;
      --sha256) sha256=$2 ;;
      --sha256sums) sha256sums=$2 ;;
      --config) config=$2 ;;
      --aws-credentials) aws_credentials=$2 ;;
      --profile) profile=$2 ;;
      --dotenv) dotenv=$2 ;;
      --json-file) json_file=$2 ;;
      --wait) wait=$2 ;;
      *) fail "$EX_USAGE" "$1: unknown option (see --help)" ;;
    esac
    shift 2
  done
}

validate() {
  [ "$(id -u)" = 0 ] || fail "$EX_USAGE" 'expected to run as root'
  # The key that says whether all else is good comes from there.
  case $repository in
    '' | https://* | file://*) ;;
    *) fail "$EX_USAGE" "--repository: expected https or file, got $(shown "$repository")" ;;
  esac
  [ -z "$repository" ] || [ -z "$package" ] || fail "$EX_USAGE" '--repository: expected it, or --package, got both'
  case $repository$(shown "$package") in
    https://* | file://* | *.deb | *.rpm) ;;
    '') fail "$EX_USAGE" 'expected --repository or --package, got none' ;;
    *) fail "$EX_USAGE" "--package: expected a name ending in .deb or .rpm, got $(shown "$package")" ;;
  esac
  # Whoever can change the package on its way could change the list too.
  case $sha256sums in
    http://*) fail "$EX_USAGE" '--sha256sums: expected https or a file; or give --sha256' ;;
  esac
  if is_url "$package" && [ -z "$sha256$sha256sums" ]; then
    fail "$EX_USAGE" '--sha256: expected the checksum of what comes from a URL, got none'
  fi
  if [ -n "$config" ] && [ -n "$aws_credentials$dotenv$json_file" ]; then
    fail "$EX_USAGE" '--config: expected it, or files to keep, got both'
  fi
  [ -z "$config" ] || [ -r "$config" ] || fail "$EX_USAGE" "--config: $config cannot be read"
}

is_url() {
  case $1 in
    *://*) return 0 ;;
    *) return 1 ;;
  esac
}

# A URL without what only we shall know: the password of a user, the signature of a link.
shown() {
  printf %s "$1" | sed 's|^\([a-z]*://\)[^/?]*@|\1|; s|^\([a-z]*://[^?]*\)?.*|\1|'
}

# fetch URL|FILE TARGET
fetch() {
  case $1 in
    # Whatever it is redirected to: nobody on the way may choose what we read.
    https://*) download '=https' "$1" "$2" ;;
    http://*) download '=http,https' "$1" "$2" ;;
    file://*) cp -- "${1#file://}" "$2" ;;
    *://*) fail "$EX_USAGE" "$(shown "$1"): expected https, http or file" ;;
    *) cp -- "$1" "$2" ;;
  esac || fail "$EX_NO_PACKAGE" "$(shown "$1"): could not be had"
}

# download PROTOCOLS URL TARGET: a server that says nothing must not hold up the boot.
download() {
  curl --fail --silent --show-error --location --proto "$1" --retry 5 --retry-connrefused --connect-timeout 10 \
    --speed-limit 1000 --speed-time 30 --output "$3" -- "$2"
}

# verify FILE NAME: fails unless the file has each checksum that was given.
verify() {
  actual=$(sha256sum <"$1" | cut -d ' ' -f 1)
  if [ -n "$sha256sums" ]; then
    fetch "$sha256sums" "$work/SHA256SUMS"
    listed=$(awk -v name="$2" '$2 == name || $2 == "*" name { print $1 }' "$work/SHA256SUMS")
    [ -n "$listed" ] || fail "$EX_CHECKSUM" "$(shown "$sha256sums"): $2 is not in it"
    expect "$listed" "$2"
  fi
  [ -z "$sha256" ] || expect "$sha256" "$2"
}

# expect CHECKSUM NAME
expect() {
  [ "$(printf %s "$1" | tr 'A-F' 'a-f')" = "$actual" ] && return
  fail "$EX_CHECKSUM" "$2: expected SHA-256 $1, got $actual; nothing was installed"
}

# The keys and the place of the repository; the package manager does the rest.
install_from_repository() {
  if command -v apt-get >/dev/null; then
    export DEBIAN_FRONTEND=noninteractive
    fetch "$repository/credrotate-archive-keyring.asc" "$work/keyring"
    fetch "$repository/credrotate.sources" "$work/sources"
    install -D -m 644 "$work/keyring" /usr/share/keyrings/credrotate-archive-keyring.asc
    install -D -m 644 "$work/sources" /etc/apt/sources.list.d/credrotate.sources
    apt_update && apt_install credrotate
  else
    fetch "$repository/credrotate.repo" "$work/repo"
    install -D -m 644 "$work/repo" /etc/yum.repos.d/credrotate.repo
    dnf --quiet --assumeyes install credrotate
  fi || fail "$EX_INSTALL" "credrotate could not be installed from $repository"
}

# A signature that is not good is a failure, and so is what else it would only warn of. Others update at boot too, and
# apt waits for no lock here.
apt_update() {
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    apt-get --quiet --quiet -o APT::Update::Error-Mode=any update && return
    sleep 3
  done
  return 1
}

install_from_file() {
  name=$(shown "$package")
  name=${name##*/}
  fetch "$package" "$work/$name"
  verify "$work/$name" "$name"
  install_package "$work/$name"
}

# The package managers see to what the package depends on. What administrators changed below /etc stays.
install_package() {
  case $1 in
    *.deb)
      export DEBIAN_FRONTEND=noninteractive
      apt_install "$1" || { apt_update && apt_install "$1"; }
      ;;
    *.rpm)
      if command -v dnf >/dev/null; then dnf --quiet --assumeyes install "$1"; else yum --quiet --assumeyes install "$1"; fi
      ;;
  esac || fail "$EX_INSTALL" "$1: could not be installed"
}

# Waits for others who install at boot.
apt_install() {
  apt-get --quiet --quiet --yes --no-install-recommends -o DPkg::Lock::Timeout=300 \
    -o Dpkg::Options::=--force-confold install "$1"
}

configure() {
  if [ -z "$config$aws_credentials$dotenv$json_file" ]; then
    case $(credrotate check 2>/dev/null) in
      *': ok, 0 sinks, '*) fail "$EX_USAGE" 'expected a configuration with sinks, or files to keep, got none' ;;
    esac
    say 'the configuration that is there stays as it is'
    return
  fi
  if [ -n "$config" ]; then cat -- "$config"; else write_sinks; fi >"$work/config"
  [ -s "$work/config" ] || fail "$EX_USAGE" "--config: expected a configuration, got an empty file"
  if cmp -s "$work/config" "$DROP_IN"; then return; fi
  [ ! -e "$DROP_IN" ] || cp -p "$DROP_IN" "$work/before"
  install -D -m 644 "$work/config" "$DROP_IN"
  said=$(credrotate check 2>&1 >/dev/null) || case $? in
    78)
      if [ -e "$work/before" ]; then cp -p "$work/before" "$DROP_IN"; else rm "$DROP_IN"; fi
      fail "$EX_CONFIG" "what the options say does not go with the configuration that is there: $said"
      ;;
  esac
  if [ -e "$work/before" ]; then cp -p "$work/before" "$DROP_IN.before"; fi
  # One that runs goes by what was there before; it starts again at the end.
  if systemctl --quiet is-active credrotate.service; then systemctl stop credrotate.service; fi
  say "$DROP_IN is written"
}

write_sinks() {
  echo 'sinks:'
  [ -z "$aws_credentials" ] || sink aws-credentials "$aws_credentials"
  [ -z "$aws_credentials" ] || [ -z "$profile" ] || printf '    profile: %s\n' "$(quote "$profile")"
  [ -z "$dotenv" ] || sink dotenv "$dotenv"
  [ -z "$json_file" ] || sink json "$json_file"
}

# sink FORMAT PATH
sink() {
  printf '  - path: %s\n    format: %s\n' "$(quote "$2")" "$1"
}

# As a quoted text of YAML.
quote() {
  printf "'%s'" "$(printf %s "$1" | sed "s/'/''/g")"
}

# Nothing here waits for the service: early in a boot, it would wait for us. Who chose the timer keeps it.
start_service() {
  if systemctl --quiet is-enabled credrotate.timer 2>/dev/null; then return; fi
  systemctl --quiet enable credrotate.service || return
  systemctl --no-block reload-or-restart credrotate.service
}

main() {
  parse "$@"
  validate
  work=$(mktemp -d) || fail "$EX_INSTALL" 'no temporary directory could be made'
  trap 'rm -rf "$work"' EXIT
  # The package manager's own user reads the package.
  chmod 755 "$work"
  if [ -n "$repository" ]; then install_from_repository; else install_from_file; fi
  say "installed: credrotate $(credrotate -V)"
  configure
  code=0
  credrotate once --wait "$wait" || code=$?
  start_service || fail "$EX_INSTALL" 'credrotate.service could not be enabled'
  say "done, with exit code $code"
  exit "$code"
}

case ${1-} in
  -h | --help)
    usage
    exit 0
    ;;
esac

umask 077
touch "$LOG" 2>/dev/null || LOG=/dev/null
umask 022
# A pipe has no exit code but that of its end: ours takes a way of its own. Whoever reads may go away (-p).
exec 4>&1
code=$({ { (main "$@" 2>&1) 3>&- 4>&-; echo "$?" >&3; } | tee -p -a "$LOG" >&4; } 3>&1)
exit "$code"
