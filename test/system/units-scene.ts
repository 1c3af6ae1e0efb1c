import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Machine } from './machine.ts';

/** One of everything that the agent can be asked for, on a machine without the packages: only the units are tested. */

const ROOT = join(import.meta.dirname, '../..');

/** Notes each SIGHUP, and what hooks it was notified by. */
const DAEMON = `
trap 'echo SIGHUP >> "$1"' HUP
[ -z "\${2-}" ] || echo $$ > "$2"
while :; do sleep 3600 & wait $!; kill $!; done
`;

const UNITS: Readonly<Record<string, string>> = {
  // Of root, with all of root's capabilities.
  'legacy.service': `[Service]
ExecStart=/opt/legacy -c '. /opt/daemon' sh /var/log/legacy /run/legacy.pid
`,
  // Of a user, with a capability that the agent does not have.
  'worker.service': `[Service]
User=myapp
AmbientCapabilities=CAP_NET_BIND_SERVICE
LogsDirectory=worker
ExecStart=/opt/worker -c '. /opt/daemon' sh /var/log/worker/log
`,
  'app.service': `[Unit]
After=credrotate.service credrotate-once.service
[Service]
ExecStart=/bin/sh -c 'test -s /etc/myapp/aws.env && touch /var/log/app-found-its-file; exec sleep infinity'
ExecReload=/bin/sh -c 'echo reload >> /var/log/app'
[Install]
WantedBy=multi-user.target
`,
};

const HOOK = `#!/bin/sh
echo "$CREDROTATE_REASON" >> /var/log/hook && echo hook > /etc/written-by-hook
`;

export const CONFIG = `sinks:
  - { path: /home/alice/.aws/credentials, format: aws-credentials, notify: [worker] }
  - { path: /etc/myapp/aws.env, format: dotenv, owner: myapp, group: myapp, mode: 0640, notify: [app, hook] }
  - { path: '/srv/a b%c/iam.json', format: json, notify: [legacy] }
consumers:
  worker: { type: signal, signal: SIGHUP, process: { exe: /opt/worker, user: myapp } }
  legacy: { type: signal, signal: SIGHUP, pid_file: /run/legacy.pid }
  app: { type: systemd, unit: app.service }
  hook: { type: exec, command: [/usr/local/sbin/hook] }
`;

/** What needs few capabilities, with a directory that is yet to be made and a user's process found by root's pid file. */
export const SMALL_CONFIG = `sinks:
  - { path: /root/.aws/credentials, format: aws-credentials, notify: [legacy, worker] }
  - { path: /etc/myapp/small.env, format: dotenv }
consumers:
  legacy: { type: signal, signal: SIGHUP, pid_file: /run/legacy.pid }
  worker: { type: signal, signal: SIGHUP, pid_file: /run/worker.pid }
metrics: { textfile: /var/lib/metrics/credrotate.prom }
`;

/** What every consumer has written down of how often it was notified. */
export const LOGS = ['worker/log', 'legacy', 'app', 'hook'].map((name) => `/var/log/${name}`);

/** The executable with its units. */
export function installProduct(root: Pick<Machine, 'copyIn'>): void {
  root.copyIn(join(ROOT, 'dist/credrotate'), '/usr/bin');
  for (const name of ['credrotate.service', 'credrotate-once.service', 'credrotate.timer'])
    root.copyIn(join(ROOT, 'packaging/systemd', name), '/usr/lib/systemd/system');
}

export function installScene(root: Pick<Machine, 'path' | 'write' | 'copyIn'>): void {
  installProduct(root);
  root.write('/etc/credrotate/credrotate.yaml', CONFIG);
  root.write('/opt/daemon', DAEMON);
  root.write('/usr/local/sbin/hook', HOOK, 0o755);
  for (const [name, text] of Object.entries(UNITS)) root.write(`/etc/systemd/system/${name}`, text);
  mkdirSync(root.path('/etc/myapp'));
  mkdirSync(root.path('/srv/a b%c'));
  // One that is not a sink's: it must stay out of sight.
  mkdirSync(root.path('/home/bob'), { recursive: true });
}

/** Users, and programs that nobody else runs. */
export const SET_UP = `useradd --create-home alice; useradd --system myapp
cp /bin/dash /opt/legacy; cp /bin/dash /opt/worker
systemctl daemon-reload; systemctl start legacy worker app`;
