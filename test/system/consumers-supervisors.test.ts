import assert from 'node:assert/strict';
import { test } from 'node:test';
import { packageFast } from '../../scripts/package.ts';
import { tally } from '../faults/tally.ts';
import { DAEMONS } from '../release/daemons.ts';
import { eventually } from '../support/eventually.ts';
import { becomesActive, property } from './boot-scene.ts';
import { rotated } from './consumers-rotated.ts';
import { openMachine, type Machine } from './machine.ts';
import { installMetadata, metadataOf } from './machine-metadata.ts';

const SINK = '/etc/app/credentials';

/** A program without a handler, which its supervisor knows by a file of its number. */
const RUN = '#!/bin/sh\necho $$ >/run/$0.pid\nexec /bin/sleep infinity\n';
const SUPERVISED = {
  runit: '/srv/runit/app',
  s6: '/srv/s6/app',
  supervisord: '/srv/supervisord',
  monit: '/srv/monit',
} as const;
type Supervisor = keyof typeof SUPERVISED;
const SUPERVISORS = Object.keys(SUPERVISED) as Supervisor[];
const pidFileOf = (supervisor: Supervisor): string => `/run/${supervisor}-app.pid`;
const runOf = (supervisor: Supervisor): string => RUN.replace('$0', `${supervisor}-app`);

/** Rows of the table of docs/applications.md: programs that catch the signal for ends of their own. */
const CAUGHT = {
  zsh: [/zsh, which ends on it/, '/usr/bin/zsh -c "while :; do sleep 1; done"'],
  's6-supervise': [/s6's supervisor, which keeps it/, `/usr/bin/s6-supervise ${SUPERVISED.s6}`],
  runsvdir: [/runsvdir, which ends all/, '/usr/bin/runsvdir -P /srv/runit'],
  supervisord: [
    /supervisord, which restarts all/,
    '/usr/bin/supervisord --nodaemon -c /etc/supervisor/supervisord.conf',
  ],
} as const satisfies Readonly<Record<string, readonly [RegExp, string]>>;
const unitOf = (name: string): string => `caught-${name}`;

/**
 * Units whose program asks systemd for what somebody else might ask it for just after the signal. They are enabled:
 * systemd forgets what was of a unit that is down and that nothing names.
 */
const ASKING = {
  'stopped-unit': ['stop', ''],
  'stopped-signal': ['stop', ''],
  'restarted-signal': ['restart', 'ExecStartPre=/bin/sleep 4\n'],
} as const;
const asking = (name: keyof typeof ASKING): string => `[Service]
${ASKING[name][1]}ExecStart=/bin/bash -c 'echo $$$$ >/run/${name}.pid; trap "systemctl ${ASKING[name][0]} --no-block ${name}" HUP; trap "exit 0" TERM; while :; do sleep 0.1; done'
[Install]
WantedBy=multi-user.target
`;

/** Of a user's own manager. */
const THEIRS: Readonly<Record<string, string>> = {
  reloads:
    '[Service]\nExecStart=/bin/sh -c "trap \'echo told >>$HOME/told\' HUP; while :; do sleep 0.1; done"\nExecReload=/bin/kill -HUP $MAINPID\n',
  'reload-ends-it': '[Service]\nExecStart=/bin/sleep infinity\nExecReload=/bin/kill -HUP $MAINPID\n',
  restarts: '[Service]\nExecStart=/bin/sleep infinity\n',
};

/** Those of the daemons of test/release that begin in a moment. */
const FAST = Object.entries(DAEMONS).filter(([name]) =>
  ['cron', 'dnsmasq', 'haproxy', 'nginx', 'rsyslog'].includes(name),
);

const theirs = { type: 'systemd', user: 'app' } as const;
const CONSUMERS: Readonly<Record<string, object>> = {
  ...Object.fromEntries(
    Object.keys(CAUGHT).map((name) => [
      unitOf(name),
      { type: 'systemd', unit: `${unitOf(name)}.service`, action: 'kill' },
    ]),
  ),
  ...Object.fromEntries(SUPERVISORS.map((name) => [name, { type: 'signal', pid_file: pidFileOf(name) }])),
  ...Object.fromEntries(
    FAST.map(([name, { unit, consumer }]) => [name, consumer ?? { type: 'systemd', unit, action: 'reload' }]),
  ),
  'stopped-unit': { type: 'systemd', unit: 'stopped-unit.service', action: 'kill' },
  'stopped-signal': { type: 'signal', pid_file: '/run/stopped-signal.pid' },
  'restarted-signal': { type: 'signal', pid_file: '/run/restarted-signal.pid' },
  reloads: { ...theirs, unit: 'reloads.service', action: 'reload' },
  'reload-ends-it': { ...theirs, unit: 'reload-ends-it.service' },
  restarts: { ...theirs, unit: 'restarts.service', action: 'restart', when: 'changed' },
};

const configured = (consumers: object): string =>
  JSON.stringify({
    sinks: [{ path: SINK, format: 'aws-credentials', notify: Object.keys(consumers) }],
    consumers,
    refresh: { max_interval: '1h' },
  });

test('real supervisors, and programs that keep a signal to themselves', async (t) => {
  const { deb } = await packageFast();
  const machine = await openMachine(
    t,
    (root) => {
      install(root);
      root.copyIn(deb, '/opt');
    },
    'supervisors',
  );
  if (!machine) return;
  const { sh } = machine;
  const metadata = metadataOf(machine);
  await machine.booted();
  await sh(`useradd --create-home app; install -d /etc/app; dpkg -i /opt/*.deb; systemctl stop credrotate supervisor monit
    install -d -o app ~app/.config ~app/.config/systemd ~app/.config/systemd/user; loginctl enable-linger app`);
  for (const [name, text] of Object.entries(THEIRS))
    machine.write(`/home/app/.config/systemd/user/${name}.service`, text);
  await sh(
    `systemctl daemon-reload; systemctl enable --now ${Object.keys(ASKING).join(' ')}
    systemctl start ${Object.keys(CAUGHT).map(unitOf).join(' ')} monit`,
  );
  await eventually("the user's manager answers", async () => (await machine.run(asApp('daemon-reload'))).code === 0);
  await sh(asApp('start', ...Object.keys(THEIRS)).join(' '));
  const files = SUPERVISORS.map((name) => `test -s ${pidFileOf(name)}`).join(' && ');
  await eventually('supervised programs run', async () => (await machine.run(['sh', '-c', files])).code === 0);
  machine.write('/etc/credrotate/credrotate.yaml', configured(CONSUMERS));
  await sh('systemctl start credrotate');
  await becomesActive(machine);
  const before = await pidsOf(machine);
  for (const [, { edit }] of FAST) if (edit !== '') await sh(edit);
  const done = await rotated(machine, metadata);
  for (const [name, { result, error, message, hint }] of Object.entries(done))
    t.diagnostic([name.padEnd(22), result, error, message, hint].join(' '));
  await tally(t, 'programs that keep a signal to themselves, spared', async (attempt) => {
    for (const [name, [says]] of Object.entries(CAUGHT)) {
      await attempt(async () => {
        const { error, message = '' } = done[unitOf(name)] ?? {};
        assert.equal(error, 'CONSUMER_WOULD_DIE', name);
        assert.match(message, says);
        assert.equal(await property(machine, 'MainPID', unitOf(name)), before[unitOf(name)]);
      });
    }
  });
  await tally(t, 'daemons that begin in a moment, notified once, with their new configuration', async (attempt) => {
    for (const [name, { proof }] of FAST) {
      await attempt(async () => {
        const { result, count, error } = done[name] ?? {};
        assert.deepEqual([name, result, count, error], [name, 'notified', 1, undefined]);
        await eventually(`${name} has it`, async () => (await machine.run(['sh', '-c', proof])).code === 0);
      });
    }
  });
  await tally(t, 'units that somebody else stops or restarts just after the signal', async (attempt) => {
    for (const [name, [verb]] of Object.entries(ASKING)) {
      await attempt(() => {
        assert.deepEqual([name, done[name]?.result], [name, verb === 'stop' ? 'not_running' : 'notified']);
      });
    }
  });
  await tally(t, "units of a user's own manager", async (attempt) => {
    await attempt(async () => {
      assert.equal(done['reloads']?.result, 'notified');
      await eventually('it has reloaded', () =>
        sh('test -s /home/app/told').then(
          () => true,
          () => false,
        ),
      );
    });
    await attempt(() => {
      assert.equal(done['reload-ends-it']?.error, 'CONSUMER_WOULD_DIE');
    });
    await attempt(async () => {
      assert.equal(done['restarts']?.result, 'notified');
      assert.notEqual(await theirPid(machine, 'restarts'), before['restarts']);
    });
  });
  await tally(t, "supervisors' restarts, by the line of the hint", async (attempt) => {
    const lines = Object.fromEntries(SUPERVISORS.map((name) => [name, lineOf(done[name]?.hint ?? '')]));
    const consumers = Object.entries({ ...lines, monit: ['/usr/bin/monit', 'restart', 'app'] });
    machine.write(
      '/etc/credrotate/credrotate.yaml',
      configured(Object.fromEntries(consumers.map(([name, command]) => [name, { type: 'exec', command }]))),
    );
    await sh('systemctl reload credrotate');
    const { stdout } = await machine.run(['credrotate', 'refresh', '--notify', ...SUPERVISORS]);
    for (const [name, command] of consumers) {
      await attempt(async () => {
        assert.match(stdout, new RegExp(`^notified +${name}`, 'm'), command.join(' '));
        await eventually(`${name} has restarted its program`, async () => {
          const pid = (await machine.run(['cat', pidFileOf(name as Supervisor)])).stdout;
          return (
            pid !== '' && pid !== before[name] && (await machine.run(['test', '-d', `/proc/${pid.trim()}`])).code === 0
          );
        });
      });
    }
  });
});

/** The command of the consumer in a hint; NAME is for the administrator to fill in. */
function lineOf(hint: string): readonly string[] {
  const [, words = ''] = /command: \[(.*?)\]/.exec(hint) ?? [];
  return words.split(', ').map((word) => word.replaceAll('"', '').replace(/^NAME$/, 'app'));
}

/** Of units by their names, and of supervised programs as their files have them. */
async function pidsOf(machine: Machine): Promise<Readonly<Record<string, string>>> {
  const units = Object.keys(CAUGHT).map(async (name) => [
    unitOf(name),
    await property(machine, 'MainPID', unitOf(name)),
  ]);
  const files = SUPERVISORS.map(async (name) => [name, (await machine.run(['cat', pidFileOf(name)])).stdout]);
  const restarts = theirPid(machine, 'restarts').then((pid) => ['restarts', pid]);
  return Object.fromEntries(await Promise.all([...units, ...files, restarts])) as Readonly<Record<string, string>>;
}

async function theirPid(machine: Machine, unit: string): Promise<string> {
  return (await machine.run(asApp('show', '--value', '--property=MainPID', unit))).stdout.trim();
}

const asApp = (...command: string[]): string[] => [
  ...['runuser', '-u', 'app', '--', 'env', 'XDG_RUNTIME_DIR=/run/user/1000', 'systemctl', '--user', ...command],
];

function install(root: Pick<Machine, 'path' | 'write' | 'copyIn'>): void {
  installMetadata(root, '--lifetime 6h');
  for (const [name, [, start]] of Object.entries(CAUGHT))
    root.write(`/etc/systemd/system/${unitOf(name)}.service`, `[Service]\nExecStart=${start}\n`);
  for (const name of Object.keys(ASKING) as (keyof typeof ASKING)[])
    root.write(`/etc/systemd/system/${name}.service`, asking(name));
  for (const [, { files = {} }] of FAST) for (const [path, text] of Object.entries(files)) root.write(path, text);
  for (const name of ['runit', 's6'] as const) root.write(`${SUPERVISED[name]}/run`, runOf(name), 0o755);
  for (const name of ['supervisord', 'monit'] as const) root.write(SUPERVISED[name], runOf(name), 0o755);
  root.write('/etc/supervisor/conf.d/app.conf', `[program:app]\ncommand=${SUPERVISED.supervisord}\n`);
  const start = `"/bin/sh -c '${SUPERVISED.monit} &'"`;
  const monit = `set httpd port 2812 and use address 127.0.0.1 allow 127.0.0.1
check process app with pidfile ${pidFileOf('monit')}
  start program = ${start}
  stop program = "/usr/bin/pkill --pidfile ${pidFileOf('monit')}"
`;
  root.write('/etc/monit/conf.d/app', monit);
}
