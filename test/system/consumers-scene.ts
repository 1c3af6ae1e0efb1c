import type { Machine } from './machine.ts';

/** The programs that take their keys from our files, and the files. */

export const USERS: readonly string[] = ['app', 'legacy', 'worker', 'backup-job'];

export const SINKS = {
  app: '/etc/app/aws.env',
  legacy: '/var/lib/legacy/iam.json',
  worker: '/etc/worker/credentials',
  unread: '/etc/unread.json',
  php: '/etc/php/aws.env',
  rclone: '/var/lib/backup-job/credentials',
  s3cmd: '/etc/backup-job.env',
} as const;

export const PHP = 'php8.2-fpm.service';

/** No pass comes by itself while the test runs. */
export const CONFIG = `sinks:
  - { path: ${SINKS.app}, format: dotenv, group: app, mode: 0640, notify: [app] }
  - { path: ${SINKS.legacy}, format: json, owner: legacy, notify: [legacy] }
  - { path: ${SINKS.worker}, format: aws-credentials, group: worker, mode: 0640, notify: [worker] }
  - { path: ${SINKS.unread}, format: json, notify: [unread] }
  - { path: ${SINKS.php}, format: dotenv, notify: [php] }
  - { path: ${SINKS.rclone}, format: aws-credentials, profile: backup, owner: backup-job }
  - { path: ${SINKS.s3cmd}, format: dotenv, owner: backup-job }
consumers:
  app: { type: systemd, unit: app.service }
  legacy: { type: signal, pid_file: /run/legacy/legacy.pid }
  worker: { type: signal, process: { exe: /usr/bin/python3.11, user: worker } }
  unread: { type: systemd, unit: unread.service }
  php: { type: systemd, unit: ${PHP} }
refresh: { max_interval: 1h }
`;

/**
 * Reads its file, if it is given one, at start and on SIGHUP, and says which key it found; forks if it is told where to
 * leave its process id.
 */
const DAEMON = `#!/usr/bin/python3
import os, re, signal, sys

path, pid_file = (sys.argv[1:] + [None, None])[:2]

def look(when):
    key = path and re.search('ASIA[A-Z2-7]{16}', open(path).read()).group()[-4:]
    print(when, key, flush=True)

signal.signal(signal.SIGHUP, lambda *_: look('reload'))
look('start')
if pid_file:
    child = os.fork()
    if child:
        with open(pid_file, 'w') as file:
            file.write(str(child))
        sys.exit()
while True:
    signal.pause()
`;

const POOL_ENVIRONMENT = `#!/bin/sh
# The programs of a pool get the variables that its configuration names, and no others.
set -eu
umask 077
pool=/etc/php/8.2/fpm/pool.d/zz-aws.conf
{ echo '[www]'; sed -n 's/^\\(AWS_[A-Z_]*\\)=\\(.*\\)$/env[\\1] = "\\2"/p' ${SINKS.php}; } > $pool.new
mv $pool.new $pool
`;

const SCRIPT = `<?php foreach (['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN'] as $name)
  echo $name, '=', getenv($name), "\\n";
`;

/** Keeps the keys of lines such as those of an environment. */
const AWS_VARIABLES = "sed -n -E '/^AWS_(ACCESS_KEY_ID|SECRET_ACCESS_KEY|SESSION_TOKEN)=/p'";

const UNITS: Readonly<Record<string, string>> = {
  'app.service': `[Service]
User=app
EnvironmentFile=${SINKS.app}
ExecStart=/bin/sleep infinity
`,
  'legacy.service': `[Service]
Type=forking
User=legacy
RuntimeDirectory=legacy
PIDFile=/run/legacy/legacy.pid
ExecStart=/opt/daemon ${SINKS.legacy} /run/legacy/legacy.pid
`,
  'worker@.service': `[Service]
User=worker
ExecStart=/opt/daemon ${SINKS.worker}
`,
  'unread.service': `[Service]
ExecStart=/opt/daemon
ExecReload=/bin/kill -HUP $MAINPID
`,
  [`${PHP}.d/environment.conf`]: `[Unit]
After=credrotate.service
[Service]
ExecStartPre=/opt/pool-environment
ExecReload=
ExecReload=/opt/pool-environment
ExecReload=/bin/kill -USR2 $MAINPID
`,
};

export const CONSUMERS = ['app', 'legacy', 'worker@1', 'worker@2', 'unread', PHP];

export function installConsumers(root: Pick<Machine, 'write' | 'copyIn'>): void {
  root.write('/opt/daemon', DAEMON, 0o755);
  root.write('/opt/pool-environment', POOL_ENVIRONMENT, 0o755);
  root.write('/var/www/keys.php', SCRIPT);
  for (const [name, text] of Object.entries(UNITS)) root.write(`/etc/systemd/system/${name}`, text);
}

/** What a unit has said since it was installed; a daemon says `start WXYZ`, `reload WXYZ`. */
export async function sayings(machine: Machine, unit: string): Promise<readonly string[]> {
  const text = await machine.sh(`journalctl --no-pager --output=cat --unit=${unit} _TRANSPORT=stdout`);
  return text.split('\n').filter((line) => line !== '');
}

/** The keys that the process was started with. */
export async function environmentOf(machine: Machine, pid: string): Promise<string> {
  return machine.sh(`tr '\\0' '\\n' < /proc/${pid}/environ | ${AWS_VARIABLES}`);
}

/** The keys that a program of PHP finds in its environment when it is asked now. */
export async function environmentOfPhp(machine: Machine): Promise<string> {
  const request = 'env -i REQUEST_METHOD=GET SCRIPT_FILENAME=/var/www/keys.php /usr/bin/cgi-fcgi';
  return machine.sh(`${request} -bind -connect /run/php/php8.2-fpm.sock | ${AWS_VARIABLES}`);
}

/** The same, of the role. */
export async function environmentOfRole(machine: Machine): Promise<string> {
  return machine.sh(`credrotate export --format env-no-export | ${AWS_VARIABLES}`);
}
