# After the files are there; $1 is 1 for the first installation, more for an upgrade. Nothing starts before there is
# something to write, and the package manager waits for no start.

# A configuration that can be used is said to be ok, with the number of its sinks.
has_sinks() {
  timeout 60 /usr/bin/credrotate check --config-only 2>/dev/null | grep -q ': ok, [1-9]'
}

# Versions up to 0.1.0 installed a configuration that named nothing. As it was installed it goes; edited, it stays in
# force: the package still owns its name.
retire_configuration() {
  file=/etc/credrotate/credrotate.yaml
  for installed in b69ed7c9b38f18fe3f24f1803ab751eb5d5f86016142a711b56ffeba1f2bb838 \
    6800b897ad1fd10c50214b77146f19540735430336ea285ff68457f6f6d08edd; do
    if echo "$installed  $file" | sha256sum --check --status 2>/dev/null; then rm -f "$file"; fi
  done
}

if [ "$1" -gt 1 ]; then
  retire_configuration
fi
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
    echo '  1. name the files to write in /etc/credrotate/conf.d (credrotate init), and try it: credrotate check'
    echo '  2. systemctl enable --now credrotate, or credrotate.timer for no resident process'
  fi
fi
