import assert from 'node:assert/strict';
import { chmodSync } from 'node:fs';
import { test } from 'node:test';
import { packageFast } from '../../scripts/package.ts';
import { tally } from '../faults/tally.ts';
import { eventually } from '../support/eventually.ts';
import { becomesActive, property } from '../system/boot-scene.ts';
import { rotated } from '../system/consumers-rotated.ts';
import { DAEMONS, type Daemon } from './daemons.ts';
import { openMachine, type Machine } from '../system/machine.ts';
import { installMetadata, metadataOf } from '../system/machine-metadata.ts';

const NAMES = Object.keys(DAEMONS);
const SINK = '/etc/daemons/credentials';

/** With a daemon that ignores the signal, and two that the signal would end. */
const REFUSED: Readonly<Record<string, string>> = {
  redis: 'CONSUMER_IGNORES',
  'no-handler': 'CONSUMER_WOULD_DIE',
  'reload-ends-it': 'CONSUMER_WOULD_DIE',
};

const UNITS: Readonly<Record<string, string>> = {
  'no-handler.service': '[Service]\nExecStart=/bin/sleep infinity\n',
  'reload-ends-it.service': '[Service]\nExecStart=/bin/sleep infinity\nExecReload=/bin/kill -HUP $MAINPID\n',
};

const CONFIG = {
  sinks: [{ path: SINK, format: 'aws-credentials', notify: [...NAMES, ...Object.keys(REFUSED)] }],
  consumers: {
    ...Object.fromEntries(
      Object.entries(DAEMONS).map(([name, { unit, consumer }]) => [
        name,
        consumer ?? { type: 'systemd', unit, action: 'reload' },
      ]),
    ),
    redis: { type: 'systemd', unit: 'redis-server.service', action: 'kill' },
    'no-handler': { type: 'systemd', unit: 'no-handler.service', action: 'kill' },
    'reload-ends-it': { type: 'systemd', unit: 'reload-ends-it.service' },
  },
  refresh: { max_interval: '1h' },
};

test('real daemons', async (t) => {
  const { deb } = await packageFast();
  const machine = await openMachine(
    t,
    (root) => {
      installMetadata(root, '--lifetime 6h');
      for (const { files = {} } of Object.values(DAEMONS))
        for (const [path, text] of Object.entries(files)) root.write(path, text, path.endsWith('/run') ? 0o755 : 0o644);
      for (const [name, text] of Object.entries(UNITS)) root.write(`/etc/systemd/system/${name}`, text);
      root.copyIn(deb, '/opt');
      chmodSync(root.path('/opt'), 0o755);
    },
    'daemons',
  );
  if (!machine) return;
  const { sh } = machine;
  const metadata = metadataOf(machine);
  await machine.booted();
  const units = [...Object.values(DAEMONS).map(({ unit }) => unit), 'redis-server.service', ...Object.keys(UNITS)];
  await sh(`mkdir -p /etc/daemons; dpkg -i /opt/*.deb; systemctl stop credrotate; systemctl daemon-reload`);
  for (const unit of units) await machine.run(['systemctl', 'restart', unit]);
  machine.write('/etc/credrotate/credrotate.yaml', JSON.stringify(CONFIG));
  await sh('systemctl start credrotate');
  await becomesActive(machine);

  const before = await mainPids(machine);
  for (const { edit } of Object.values(DAEMONS)) if (edit !== '') await sh(edit);
  const first = await rotated(machine, metadata);
  for (const [name, { result, count, error = '' }] of Object.entries(first))
    t.diagnostic(`${name.padEnd(14)} ${result} ${count} ${error}`);
  await tally(t, 'daemons notified once, alive, with their new configuration', async (attempt) => {
    for (const [name, daemon] of Object.entries(DAEMONS)) {
      await attempt(async () => {
        const { count, result, error } = first[name] ?? {};
        assert.deepEqual([name, result, count, error], [name, 'notified', 1, undefined]);
        assert.equal(await mainPid(machine, daemon), before[name], `${name} is another process`);
        await eventually(
          `${name} has its new configuration`,
          async () => (await machine.run(['sh', '-c', daemon.proof])).code === 0,
        );
      });
    }
  });
  await tally(t, 'programs that a signal would end, or that ignore it, spared', async (attempt) => {
    for (const [name, code] of Object.entries(REFUSED)) {
      await attempt(() => {
        assert.deepEqual([first[name]?.result, first[name]?.error], ['pending', code], name);
      });
    }
  });
  await sh('systemctl is-active redis-server no-handler reload-ends-it');

  await upgrade(machine, before);
  const second = await rotated(machine, metadata);
  for (const [name, { result, count, error = '' }] of Object.entries(second))
    t.diagnostic(`upgraded: ${name.padEnd(14)} ${result} ${count} ${error}`);
  await tally(t, 'daemons notified after an upgrade has replaced their executables', async (attempt) => {
    for (const [name, daemon] of Object.entries(DAEMONS)) {
      await attempt(async () => {
        const { count, result, error } = second[name] ?? {};
        assert.deepEqual([name, result, count, error], [name, 'notified', 1, undefined]);
        assert.equal(await mainPid(machine, daemon), before[name], `${name} is another process`);
      });
    }
  });
});

/** Of a unit without a main process, by its pid file. */
async function mainPid(machine: Machine, { unit, consumer }: Daemon): Promise<string> {
  const file = consumer?.pid_file;
  if (file === undefined) return await property(machine, 'MainPID', unit);
  return (await machine.run(['cat', file])).stdout.trim();
}

async function mainPids(machine: Machine): Promise<Readonly<Record<string, string>>> {
  const pids = await Promise.all(
    Object.entries(DAEMONS).map(async ([name, daemon]) => [name, await mainPid(machine, daemon)] as const),
  );
  const down = pids.flatMap(([name, pid]) => (pid === '0' || pid === '' ? (DAEMONS[name]?.unit ?? []) : []));
  const journals = await Promise.all(down.map((unit) => machine.journal(unit)));
  assert.deepEqual(down, [], journals.join('\n'));
  return Object.fromEntries(pids);
}

/** As dpkg does it: another file takes the place of the executable, whose processes go on. */
async function upgrade(machine: Machine, pids: Readonly<Record<string, string>>): Promise<void> {
  const list = Object.values(pids).join(' ');
  await machine.sh(`for pid in ${list}; do readlink /proc/$pid/exe; done | sort -u | while read -r exe; do
    case $exe in */systemd|*' (deleted)') continue ;; esac
    cp -a "$exe" "$exe.dpkg-new"; mv "$exe.dpkg-new" "$exe"; done`);
}
