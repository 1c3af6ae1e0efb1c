#!/bin/sh
# Shows on a real instance that the packages do what the documentation says, and prints a result to keep:
#   sudo sh acceptance.sh PACKAGE [NEXT_PACKAGE]
# PACKAGE and NEXT_PACKAGE are .deb or .rpm files of the host's kind, the second of a later version. The instance needs a
# role, and must not have credrotate yet: everything that is made here is removed again at the end.
set -u

unit=acceptance.service
config=/etc/credrotate/conf.d/acceptance.yaml
work=/run/credrotate-acceptance
sink=$work/aws.env
notified=$work/notified
failed=0
count=0

usage() {
  sed -n '2,5s/^# \{0,1\}//p' "$0" >&2
  exit 64
}

# check WHAT COMMAND...: a row of the result.
check() {
  what=$1
  shift
  count=$((count + 1))
  if said=$("$@" 2>&1); then
    printf 'pass  %s\n' "$what"
  else
    failed=$((failed + 1))
    printf 'FAIL  %s\n' "$what"
    # No key of AWS leaves this host.
    printf '%s\n' "$said" | sed -E 's/[A-Za-z0-9+=]{16,}/[not shown]/g; s/^/      /' | tail -n 20
  fi
}

skip() {
  printf 'skip  %s: %s\n' "$1" "$2"
}

# until_true COMMAND...: within a minute.
until_true() {
  tries=60
  until "$@" >/dev/null 2>&1; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || { "$@"; return; }
    sleep 1
  done
}

describe_host() {
  echo "date      $(date -u +%Y-%m-%dT%H:%MZ)"
  echo "system    $(sed -n 's/^PRETTY_NAME="\(.*\)"$/\1/p' /etc/os-release)"
  echo "kernel    $(uname -sr), $(uname -m)"
  echo "systemd   $(systemctl --version | sed -n '1s/^systemd //p')"
  echo "libc      $(ldd --version 2>&1 | sed -n '1p')"
  echo "machine   $(systemd-detect-virt 2>/dev/null || true)"
  echo "SELinux   $(getenforce 2>/dev/null || echo none)"
  echo "package   ${package##*/}"
}

install_package() {
  case $1 in
    *.deb) DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y "$(readlink -f "$1")" </dev/null ;;
    *.rpm) if command -v dnf >/dev/null; then dnf install -y "$(readlink -f "$1")" </dev/null; else rpm -U "$1"; fi ;;
  esac
}

remove_package() {
  case $package in
    *.deb) dpkg --purge credrotate </dev/null ;;
    *.rpm) rpm -e credrotate ;;
  esac
}

prepare() {
  mkdir -p "$work"
  # A shell that notes each SIGHUP, and does not end by it.
  cat >"/run/systemd/system/$unit" <<END
[Unit]
After=credrotate.service
[Service]
ExecStart=/bin/sh -c 'trap "echo >> $notified" HUP; while :; do sleep 1; done'
ExecReload=/bin/kill -HUP \$MAINPID
END
  systemctl daemon-reload && systemctl start "$unit"
}

configure() {
  cat >"$config" <<END
sinks: [{ path: $sink, format: dotenv, notify: [acceptance] }]
consumers: { acceptance: { type: systemd, unit: $unit } }
END
}

# The file has the key that the metadata service gives now.
is_current() {
  key=$(credrotate get "meta-data/iam/security-credentials/$(credrotate get meta-data/iam/security-credentials/)" |
    sed -n 's/.*"AccessKeyId" *: *"\([A-Z0-9]*\)".*/\1/p')
  [ -n "$key" ] && grep -qx "AWS_ACCESS_KEY_ID=$key" "$sink"
}

has_mode() {
  [ "$(stat -c '%a %U:%G' "$sink")" = '600 root:root' ]
}

is_notified() {
  before=$(wc -l <"$notified" 2>/dev/null || echo 0)
  credrotate refresh --notify acceptance || return
  until_true sh -c "[ \"\$(wc -l <$notified)\" -gt $before ]"
}

is_active() {
  systemctl is-active credrotate.service
}

repairs() {
  echo 'AWS_ACCESS_KEY_ID=damaged' >"$sink"
  credrotate refresh
  is_current
}

hardens() {
  credrotate harden && systemctl restart credrotate.service && credrotate refresh && repairs
}

starts_again() {
  pid=$(systemctl show --value --property=MainPID credrotate.service)
  systemctl kill --signal=KILL credrotate.service || return
  until_true sh -c "systemctl is-active credrotate.service && [ \"\$(systemctl show --value --property=MainPID credrotate.service)\" != $pid ]"
}

upgrades() {
  pid=$(systemctl show --value --property=MainPID credrotate.service)
  install_package "$1" || return
  until_true is_active
  [ "$(systemctl show --value --property=MainPID credrotate.service)" != "$pid" ] && is_current && grep -q acceptance "$config"
}

locks_down() {
  credrotate lockdown apply --help >/dev/null || return
  credrotate lockdown apply || return
  ! runuser -u nobody -- credrotate get meta-data/instance-id || return
  credrotate refresh || return
  credrotate lockdown remove
}

no_denials() {
  ! ausearch -m avc -ts boot 2>/dev/null | grep credrotate
}

# The secret goes through a pipe: everybody can read the arguments of a program.
no_secrets_in_journal() {
  grep -q '^AWS_SECRET_ACCESS_KEY=.' "$sink" || return
  journalctl --no-pager --unit=credrotate.service >"$work/journal"
  ! sed -n 's/^AWS_SECRET_ACCESS_KEY=//p' "$sink" | grep -qF -f - "$work/journal"
}

leaves_nothing() {
  [ -z "$(find /etc /usr /var/lib /run -xdev -name 'credrotate*' -not -path "$work*" -not -path '/run/systemd/*' \
    -not -path '*/dpkg/*' -not -path '*/rpm/*' -print)" ]
}

clean_up() {
  systemctl stop "$unit" 2>/dev/null
  rm -rf "$work" "/run/systemd/system/$unit"
  systemctl daemon-reload
}

if [ $# -lt 1 ] || [ $# -gt 2 ] || [ ! -f "$1" ]; then usage; fi
[ "$(id -u)" = 0 ] || { echo 'acceptance: expected root' >&2; exit 77; }
if command -v credrotate >/dev/null; then
  echo 'acceptance: expected a host without credrotate, found one with it: nothing was done' >&2
  exit 78
fi
package=$1
trap clean_up EXIT
describe_host
prepare
check 'the package installs, and asks nothing' install_package "$package"
check 'it starts nothing before files are named' sh -c '! systemctl is-active credrotate.service'
configure
check 'as from user data: one pass that waits for the role' credrotate once --wait 2m
check 'the file has the current key' is_current
check 'the file is for root alone' has_mode
check 'the agent starts' systemctl enable --now credrotate.service
check 'the agent is active' is_active
check 'status says OK' credrotate status
check 'doctor finds no error' credrotate doctor
check 'a unit is notified' is_notified
check 'a changed file is repaired' repairs
check 'a killed agent starts again' starts_again
check 'hardened, it works as before' hardens
if command -v nft >/dev/null; then check 'lockdown keeps others out' locks_down; else skip lockdown 'there is no nft'; fi
if [ "$(getenforce 2>/dev/null)" = Enforcing ]; then check 'SELinux denies it nothing' no_denials; else skip SELinux 'it is not enforcing'; fi
if [ -n "${2-}" ]; then check 'an upgrade keeps files and configuration, and starts it again' upgrades "$2"; else skip upgrade 'no second package was given'; fi
check 'no secret is in the journal' no_secrets_in_journal
systemctl disable --quiet --now credrotate.service
check 'its file is removed' credrotate forget --all
rm -f "$config"
check 'harden is undone' credrotate harden --undo
check 'the package is removed' remove_package
check 'it leaves nothing' leaves_nothing
printf 'result    %s of %s passed\n' "$((count - failed))" "$count"
[ "$failed" = 0 ]
