import corpus from '../corpus/template/escapes.json' with { type: 'json' };
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
  rcloneConf: '/var/lib/backup-job/rclone.conf',
  s3cfg: '/var/lib/backup-job/.s3cfg',
  array: '/etc/php/aws.php',
  nginx: '/etc/nginx/aws.conf',
  value: '/etc/loads',
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
  - { path: ${SINKS.rcloneConf}, format: ini, preset: rclone, section: s3, owner: backup-job }
  - { path: ${SINKS.s3cfg}, format: ini, preset: s3cmd, owner: backup-job }
  - { path: ${SINKS.array}, format: template, template_file: /etc/credrotate/aws.php, escape: php, group: www-data, mode: 0640 }
  - { path: ${SINKS.nginx}, format: template, template_file: /etc/credrotate/nginx.conf, notify: [nginx] }
  - { directory: ${SINKS.value}, format: value, names: { access_key_id: id, secret_access_key: secret, session_token: token }, notify: [loads] }
consumers:
  app: { type: systemd, unit: app.service }
  legacy: { type: signal, pid_file: /run/legacy/legacy.pid }
  worker: { type: signal, process: { exe: /usr/bin/python3.11, user: worker } }
  unread: { type: systemd, unit: unread.service }
  php: { type: systemd, unit: ${PHP} }
  nginx: { type: systemd, unit: nginx.service, action: reload }
  loads: { type: systemd, unit: loads.service, action: restart, when: changed }
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

/** A file of the array, and what prints it with the next request. */
const ARRAY = `<?php return ['AWS_ACCESS_KEY_ID' => {{ access_key_id }}, 'AWS_SECRET_ACCESS_KEY' => {{ secret_access_key }},
  'AWS_SESSION_TOKEN' => {{ session_token }}];
`;
const PRINTS_ARRAY = `<?php foreach (require '${SINKS.array}' as $name => $value) echo "$name=$value\n";
`;

/** What is included into a server, which gives it to whoever asks. */
const NGINX = `set $id {{ access_key_id | nginx }};
set $secret {{ secret_access_key | nginx }};
set $token {{ session_token | nginx }};
`;
const SERVER = `server {
  listen 127.0.0.1:8080;
  include ${SINKS.nginx};
  location = /keys { return 200 "AWS_ACCESS_KEY_ID=$id\nAWS_SECRET_ACCESS_KEY=$secret\nAWS_SESSION_TOKEN=$token\n"; }
  include /etc/nginx/escapes/*.conf;
}
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
  'loads.service': `[Service]
LoadCredential=AWS_ACCESS_KEY_ID:${SINKS.value}/id
LoadCredential=AWS_SECRET_ACCESS_KEY:${SINKS.value}/secret
LoadCredential=AWS_SESSION_TOKEN:${SINKS.value}/token
ExecStart=/bin/sleep infinity
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

export const CONSUMERS = ['app', 'legacy', 'worker@1', 'worker@2', 'unread', PHP, 'nginx', 'loads'];

export function installConsumers(root: Pick<Machine, 'write' | 'copyIn'>): void {
  root.write('/opt/daemon', DAEMON, 0o755);
  root.write('/opt/pool-environment', POOL_ENVIRONMENT, 0o755);
  root.write('/var/www/keys.php', SCRIPT);
  root.write('/var/www/array.php', PRINTS_ARRAY);
  root.write('/etc/credrotate/aws.php', ARRAY);
  root.write('/etc/credrotate/nginx.conf', NGINX);
  root.write('/etc/nginx/sites-available/default', SERVER);
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

/** The keys that a program of PHP finds when it is asked now: in its environment, or in its array. */
export async function keysOfPhp(machine: Machine, script: 'keys' | 'array'): Promise<string> {
  const request = `env -i REQUEST_METHOD=GET SCRIPT_FILENAME=/var/www/${script}.php /usr/bin/cgi-fcgi`;
  return machine.sh(`${request} -bind -connect /run/php/php8.2-fpm.sock | ${AWS_VARIABLES}`);
}

/** The keys that are included in the server's configuration. */
export async function keysOfNginx(machine: Machine): Promise<string> {
  return machine.sh('curl -sf http://127.0.0.1:8080/keys');
}

/** The keys that systemd has loaded for the unit: with the dot, a newline at the end of one would show. */
export async function keysLoaded(machine: Machine): Promise<string> {
  return machine.sh(`cd /run/credentials/loads.service
    for name in AWS_*; do echo "$name=$(cat $name; echo .)"; done | sed 's/\\.$//'`);
}

interface Escape {
  readonly filter: string;
  readonly value: string;
  readonly escaped?: string;
}

/** What the filters make of the values of the corpus, read back by nginx and systemd; and the values. */
export async function readBack(machine: Machine): Promise<Readonly<Record<'is' | 'expected', readonly string[]>>> {
  const cases = (corpus.cases as readonly Escape[]).filter(({ escaped }) => escaped !== undefined);
  const [nginx, systemd] = ['nginx', 'systemd'].map((name) => cases.filter(({ filter }) => filter === name));
  const locations = nginx?.map(({ escaped = '' }, index) => `location = /${index} { return 200 ${escaped}; }\n`) ?? [];
  machine.write('/etc/nginx/escapes/all.conf', locations.join(''));
  const variables = systemd?.map(({ escaped = '' }, index) => `Environment=V${index}=${escaped}\n`) ?? [];
  const unit = ['[Service]\nType=oneshot\nStandardOutput=file:/run/escapes\nExecStart=/usr/bin/env -0\n', ...variables];
  machine.write('/etc/systemd/system/escapes.service', unit.join(''));
  await machine.sh('systemctl daemon-reload; systemctl start escapes; systemctl reload nginx');
  const print = async (...command: readonly string[]): Promise<string> => (await machine.run(command)).stdout;
  const environment = (await print('cat', '/run/escapes')).split('\0');
  const is: string[] = [];
  for (const index of locations.keys())
    is.push(await print('curl', '-sf', '--retry', '5', '--retry-all-errors', `http://127.0.0.1:8080/${index}`));
  const values: Readonly<Record<string, string>> = corpus.values;
  return {
    is: [
      ...is,
      ...variables.map((_, index) => environment.find((one) => one.startsWith(`V${index}=`))?.slice(3) ?? ''),
    ],
    expected: [...(nginx ?? []), ...(systemd ?? [])].map(({ value }) => values[value] ?? ''),
  };
}

/** The same, of the role. */
export async function environmentOfRole(machine: Machine): Promise<string> {
  return machine.sh(`credrotate export --format env-no-export | ${AWS_VARIABLES}`);
}
