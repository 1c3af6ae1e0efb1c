import assert from 'node:assert/strict';
import { test } from 'node:test';
import { packageFast } from '../../scripts/package.ts';
import type { Status } from '../../src/report/schema.ts';
import { eventually } from '../support/eventually.ts';
import { property, steps } from './boot-scene.ts';
import {
  BACKUPS,
  installBackups,
  isRefused,
  isRefusedWithOtherKeys,
  NO_METADATA,
  OWN_FILES,
  reads,
} from './consumers-backups.ts';
import {
  CONFIG,
  CONSUMERS,
  environmentOf,
  environmentOfRole,
  installConsumers,
  keysLoaded,
  keysOfNginx,
  keysOfPhp,
  PHP,
  readBack,
  sayings,
  SINKS,
  USERS,
} from './consumers-scene.ts';
import { type Machine, openMachine } from './machine.ts';
import { installMetadata, metadataOf } from './machine-metadata.ts';

/** Where programs have keys that follow a rotation, by a reload, a restart, or the next request. */
const LOOKS: readonly ((machine: Machine) => Promise<string>)[] = [
  (machine) => keysOfPhp(machine, 'keys'),
  (machine) => keysOfPhp(machine, 'array'),
  keysOfNginx,
  keysLoaded,
];

const DAEMONS = ['legacy', 'worker@1', 'worker@2', 'unread'];

test('real consumers', async (t) => {
  const { deb } = await packageFast();
  const machine = await openMachine(
    t,
    (root) => {
      installMetadata(root, '--lifetime 6h');
      installConsumers(root);
      installBackups(root);
      root.copyIn(deb, '/opt');
    },
    'consumers',
  );
  if (!machine) return;
  const step = steps(t, machine);
  const metadata = metadataOf(machine);
  const { sh } = machine;
  const last4 = async (): Promise<string> => (await metadata.currentKey()).slice(-4);
  const mainPid = (unit: string): Promise<string> => property(machine, 'MainPID', unit);
  const status = async (): Promise<Status> => JSON.parse(await sh('credrotate status --json')) as Status;
  /** Waits until each daemon has said so much, and gives all that they said. */
  const heard = async (lines: number): Promise<readonly (readonly string[])[]> => {
    const all = (): Promise<readonly (readonly string[])[]> =>
      Promise.all(DAEMONS.map((unit) => sayings(machine, unit)));
    await eventually('the daemons speak', async () => (await all()).every((said) => said.length >= lines));
    return all();
  };
  await machine.booted();

  await step('started after the agent, they find its files', async () => {
    await sh(`for user in ${USERS.join(' ')}; do useradd --system $user; done
      for user in legacy backup-job; do install -d -o $user -m 700 /var/lib/$user; done
      install -d /etc/app /etc/worker /etc/php; ${OWN_FILES}
      ${NO_METADATA}
      dpkg -i /opt/*.deb`);
    machine.write('/etc/credrotate/credrotate.yaml', CONFIG);
    await sh(`systemctl start credrotate; systemctl daemon-reload; systemctl restart s3 ${CONSUMERS.join(' ')}`);
    const start = `start ${await last4()}`;
    assert.deepEqual(await heard(1), [[start], [start], [start], ['start None']]);
    const role = await environmentOfRole(machine);
    assert.match(role, new RegExp(`^AWS_ACCESS_KEY_ID=${await metadata.currentKey()}\n.+\n.+$`));
    assert.equal(await environmentOf(machine, await mainPid('app')), role);
    const found = await Promise.all(LOOKS.map((look) => look(machine)));
    assert.deepEqual(
      found,
      LOOKS.map(() => role),
    );
    await eventually('the S3 double is ready', async () => (await sayings(machine, 's3')).includes('ready'));
  });
  const before = { key: await last4(), environment: await environmentOfRole(machine) };
  const pids = { app: await mainPid('app'), php: await mainPid(PHP) };

  for (const [name, backup] of Object.entries(BACKUPS)) {
    await step(`${name} reads with the keys of its file, and not with others`, async () => {
      await reads(machine, backup);
      await isRefusedWithOtherKeys(machine, backup);
    });
  }

  await step('old keys open nothing', async () => {
    await metadata.rotate();
    for (const { run, sink } of Object.values(BACKUPS)) await isRefused(machine, run(sink), 'ExpiredToken');
  });

  await step('after a rotation, daemons that are signalled and a pool that is reloaded have the new keys', async () => {
    await sh('credrotate refresh');
    const [start, reload] = [`start ${before.key}`, `reload ${await last4()}`];
    const both = [start, reload];
    assert.deepEqual(await heard(2), [both, both, both, ['start None', 'reload None']]);
    const role = await environmentOfRole(machine);
    assert.notEqual(role, before.environment);
    for (const look of LOOKS) await eventually('it has the new keys', async () => (await look(machine)) === role);
    assert.equal(await mainPid(PHP), pids.php);
  });

  await step('after a rotation, what is run for a moment reads with the new keys', async () => {
    for (const backup of Object.values(BACKUPS)) await reads(machine, backup);
  });

  await step('a unit with an environment is restarted when it is asked for, not for every rotation', async () => {
    const { consumers } = await status();
    assert.equal(consumers.find(({ name }) => name === 'app')?.result, 'scheduled');
    assert.deepEqual([await mainPid('app'), await environmentOf(machine, pids.app)], [pids.app, before.environment]);
    await sh('credrotate refresh --notify-all');
    await eventually('it is another process', async () => !['0', pids.app].includes(await mainPid('app')));
    assert.equal(await environmentOf(machine, await mainPid('app')), await environmentOfRole(machine));
  });

  await step('the status says whose files were read', async () => {
    await sh('credrotate refresh');
    const { sinks, consumers } = await status();
    const unread = sinks.filter(({ evidence }) => evidence?.kind !== 'read').map(({ path }) => path);
    assert.deepEqual(unread, [SINKS.unread]);
    const heardOf = consumers.filter(({ notReading }) => notReading === false).map(({ name }) => name);
    assert.deepEqual(heardOf.sort(), ['app', 'legacy', 'loads', 'nginx', 'php', 'worker']);
  });

  await step('nginx and systemd read back what their filters write', async () => {
    const { is, expected } = await readBack(machine);
    assert.deepEqual(is, expected);
  });

  await step('no secret is in the journal', async () => {
    metadata.assertNoSecret('the journal', await sh('journalctl --no-pager'));
  });
});
