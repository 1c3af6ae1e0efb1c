# After the files are there; $1 is 1 for the first installation, more for an upgrade. Nothing starts before there is
# something to write, and the package manager waits for no start.

# A configuration that can be used is said to be ok, with the number of its sinks.
has_sinks() {
  timeout 60 /usr/bin/credrotate check --config-only 2>/dev/null | grep -q ': ok, [1-9]'
}

if [ -d /run/systemd/system ]; then
  systemctl daemon-reload >/dev/null 2>&1 || :
fi
if [ "$1" -eq 1 ]; then
  if has_sinks; then
    systemctl enable credrotate.service >/dev/null 2>&1 || :
    if [ -d /run/systemd/system ]; then
      systemctl --no-block start credrotate.service >/dev/null 2>&1 || :
    fi
    echo 'credrotate: it keeps the configured files fresh from now on; see: credrotate status'
  else
    echo 'credrotate: nothing is written yet. To begin:'
    echo '  1. name the files to write in /etc/credrotate/credrotate.yaml, and try it: credrotate check'
    echo '  2. systemctl enable --now credrotate, or credrotate.timer for no resident process'
  fi
fi
