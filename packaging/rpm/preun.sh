# Before the files go; $1 is 0 for a removal, more for an upgrade.
if [ "$1" -eq 0 ]; then
  for unit in credrotate.timer credrotate-once.service credrotate.service credrotate-lockdown.service; do
    systemctl --no-reload disable "$unit" >/dev/null 2>&1 || :
    if [ -d /run/systemd/system ]; then
      systemctl stop "$unit" >/dev/null 2>&1 || :
    fi
  done
  # Without the command nobody could take away the rules that it loaded without the unit.
  if [ -d /run/systemd/system ]; then
    timeout 60 credrotate lockdown remove >/dev/null 2>&1 || :
  fi
  # It was made for the configuration of today, and would surprise whoever installs the package again.
  timeout 60 credrotate harden --undo >/dev/null 2>&1 || :
fi
