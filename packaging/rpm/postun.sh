# After the files went; $1 is 0 for a removal, more for an upgrade. What the agent wrote stays, and so does its state:
# rpm knows no purge.

is_enabled() {
  systemctl --quiet is-enabled "$1" 2>/dev/null
}

# It may be waiting for a role all the while.
runs() {
  case $(systemctl is-active "$1" 2>/dev/null) in
    active | activating | reloading) ;;
    *) return 1 ;;
  esac
}

# The one of the two ways that runs goes on with what is new; where none does, the one that was chosen begins.
restart() {
  for is_meant in runs is_enabled; do
    for unit in credrotate.service credrotate.timer; do
      if $is_meant "$unit"; then
        systemctl --no-block restart "$unit" >/dev/null 2>&1 || :
        return 0
      fi
    done
  done
}

if [ -d /run/systemd/system ]; then
  systemctl daemon-reload >/dev/null 2>&1 || :
  if [ "$1" -ge 1 ]; then
    restart
  fi
fi
if [ "$1" -eq 0 ]; then
  # The keys in them live on for hours.
  if [ -r /var/lib/credrotate/state.json ]; then
    sed -n '/^ "written": {/,/^ }/s/^    "path": "\(.*\)",\{0,1\}$/credrotate: \1 may still hold credentials/p' \
      /var/lib/credrotate/state.json || :
  fi
  rm -rf /run/credrotate
fi
