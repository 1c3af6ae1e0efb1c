/** What `credrotate demo` puts on its stage. DIRECTORY stands for the temporary directory. */

export const DEMO_CONFIG = `sinks:
  - path: DIRECTORY/credentials
    format: aws-credentials
  - path: DIRECTORY/app.env
    format: dotenv
    mode: 0640
  - path: DIRECTORY/iam.json
    format: json
    notify: [legacy]
consumers:
  legacy: { type: signal, pid_file: DIRECTORY/legacy.pid }
refresh:
  max_interval: 2s
`;

/** A program of the old kind: it knows nothing of roles, and reads its file at start and on SIGHUP. */
export const DEMO_LEGACY = `file=$1
load() { echo "pid $$ $1 key $(sed -n 's/.*"AccessKeyId" *: *"[^"]*\\(....\\)".*/…\\1/p' "$file")"; }
trap 'load "got SIGHUP, now uses"' HUP
load 'starts with'
echo $$ > "\${file%/*}/legacy.pid"
while :; do sleep 1 & wait $!; done
`;
