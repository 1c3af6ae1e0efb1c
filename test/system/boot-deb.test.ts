import assert from 'node:assert/strict';
import { test } from 'node:test';
import { packageFast } from '../../scripts/package.ts';
import { eventually } from '../support/eventually.ts';
import { limit } from '../support/limits.ts';
import { nextVersion } from './boot-packages.ts';
import {
  becomesActive,
  CONFIG,
  installReader,
  isActive,
  property,
  readings,
  reads,
  SINK,
  STARTUP_WAIT,
  steps,
} from './boot-scene.ts';
import { openMachine } from './machine.ts';
import { installMetadata, metadataOf } from './machine-metadata.ts';

const CONFIGURATION = '/etc/credrotate/conf.d/sinks.yaml';

/** All that a package could leave behind; what others write while a machine runs is left out. */
const FIND = `find / -xdev \\( -path /tmp -o -path /root -o -path /var/cache -o -path /var/tmp -o -path /var/log -o -path /opt \\
  -o -path /var/lib/dpkg -o -path '/etc/*cache*' \\) -prune -o -print | sort`;

test('the .deb', async (t) => {
  const { deb } = await packageFast();
  const machine = await openMachine(t, (root) => {
    installMetadata(root, '--lifetime 6h');
    installReader(root);
    root.copyIn(deb, '/opt');
  });
  if (!machine) return;
  const step = steps(t, machine);
  const metadata = metadataOf(machine);
  const { sh } = machine;
  const last4 = async (): Promise<string> => (await metadata.currentKey()).slice(-4);
  await machine.booted();
  const before = new Set((await sh(FIND)).split('\n'));

  await step('installed, it says what to do in three lines and starts nothing', async () => {
    const said = await sh(
      `dpkg -i /opt/*.deb 2>&1 | grep -v -E '^(Selecting|Preparing|Unpacking|Setting|\\(Reading|Processing|Created)'`,
    );
    assert.match(
      said,
      /^credrotate: nothing is written yet.*\n.*credrotate check\n.*systemctl enable --now credrotate.*$/,
    );
    assert.deepEqual([await isActive(machine), await isActive(machine, 'credrotate.timer')], ['inactive', 'inactive']);
    assert.equal(await metadata.requests(), 0);
  });

  await step('active when the files are there, and not before', async () => {
    await metadata.setRole(null);
    machine.write(CONFIGURATION, CONFIG.replace(`${STARTUP_WAIT}s`, '1h'));
    await sh('systemctl enable --quiet credrotate reader; systemctl --no-block start credrotate reader');
    await eventually('it says what it waits for', async () =>
      (await property(machine, 'StatusText')).includes('no_role'),
    );
    assert.deepEqual([await isActive(machine), await isActive(machine, 'reader')], ['activating', 'inactive']);
    await metadata.setRole('demo-role');
    await reads(machine, [], `start ${await last4()}`);
    assert.equal(await isActive(machine), 'active');
    assert.equal(await sh(`stat -c '%a %U' ${SINK}`), '600 root');
    machine.write(CONFIGURATION, CONFIG);
  });

  await step('a rotation is seen by the unit that depends on it', async () => {
    const known = await readings(machine);
    await metadata.rotate();
    await sh('credrotate refresh');
    await reads(machine, known, `reload ${await last4()}`);
  });

  await step('restarted while a unit that is ordered after it runs, it tells that unit', async () => {
    const known = await readings(machine);
    await metadata.rotate();
    await sh(`timeout ${limit(20)} systemctl restart credrotate`);
    await reads(machine, known, `reload ${await last4()}`);
  });

  await step('reload reads the configuration again', async () => {
    const pid = await property(machine, 'MainPID');
    machine.write('/etc/credrotate/conf.d/app.yaml', 'sinks: [{ path: /etc/app.env, format: dotenv }]\n');
    await sh('systemctl reload credrotate');
    await eventually(
      'the new file is there',
      async () => (await machine.run(['test', '-s', '/etc/app.env'])).code === 0,
    );
    assert.deepEqual([await isActive(machine), await property(machine, 'MainPID')], ['active', pid]);
    await sh('rm /etc/credrotate/conf.d/app.yaml /etc/app.env; systemctl reload credrotate');
  });

  await step('one that is stuck is started again by the watchdog', async () => {
    machine.write('/opt/watchdog.conf', `[Service]\nWatchdogSec=${limit(3)}s\nRestartSec=100ms\n`);
    await sh('install -D -m 644 /opt/watchdog.conf /run/systemd/system/credrotate.service.d/watchdog.conf');
    await sh('systemctl daemon-reload; systemctl restart credrotate');
    const pinged = await property(machine, 'WatchdogTimestampMonotonic');
    const hasPinged = async (): Promise<boolean> => (await property(machine, 'WatchdogTimestampMonotonic')) !== pinged;
    await eventually('it answers the watchdog', hasPinged);
    await sh(`kill -STOP ${await property(machine, 'MainPID')}`);
    await eventually('it is started again', async () => (await property(machine, 'NRestarts')) === '1', 20_000);
    await becomesActive(machine);
    assert.match(await machine.journal('credrotate'), /watchdog/i);
    await sh('rm -r /run/systemd/system/credrotate.service.d; systemctl daemon-reload; systemctl restart credrotate');
  });

  await step('an upgrade keeps state and configuration, and tells of a rotation once', async () => {
    const next = machine.copyIn(await nextVersion(t, deb), '/opt');
    const known = await readings(machine);
    const generation = async (): Promise<number> =>
      Number(await sh(`sed -n 's/.*"generation": *\\([0-9]*\\).*/\\1/p' /var/lib/credrotate/state.json | head -n 1`));
    const were = await generation();
    const pid = await property(machine, 'MainPID');
    await metadata.rotate();
    await sh(`dpkg -i ${next} </dev/null`);
    await reads(machine, known, `reload ${await last4()}`);
    await becomesActive(machine);
    assert.notEqual(await property(machine, 'MainPID'), pid);
    assert.equal(await generation(), were + 1);
    assert.equal(machine.read(CONFIGURATION), CONFIG);
    await sh(`dpkg -i ${next} </dev/null`);
    await becomesActive(machine);
    await sh('credrotate refresh');
    await reads(machine, known, `reload ${await last4()}`);
  });

  await step('a boot with a role: the unit that is ordered after it finds its file', async () => {
    const known = await readings(machine);
    await sh(`rm ${SINK}`);
    await machine.reboot();
    await machine.booted();
    await reads(machine, known, `start ${await last4()}`);
  });

  await step('a boot without a role goes on, and the files come with the role', async () => {
    await sh(`rm ${SINK}`);
    machine.write('/opt/simulator/options', 'OPTIONS=--no-role\n');
    const known = await readings(machine);
    await machine.reboot();
    await machine.booted();
    assert.deepEqual((await readings(machine)).slice(known.length), ['start nothing']);
    const seconds = Number(await property(machine, 'ActiveEnterTimestampMonotonic')) / 1e6;
    const begun = Number(await property(machine, 'ExecMainStartTimestampMonotonic')) / 1e6;
    assert.ok(
      seconds - begun > STARTUP_WAIT - 1 && seconds - begun < 2 * STARTUP_WAIT,
      `${seconds - begun} s until it was active`,
    );
    await metadata.setRole('demo-role');
    await reads(machine, [...known, 'start nothing'], `reload ${await last4()}`);
  });

  await step('removed, it stops and leaves the files', async () => {
    await sh('dpkg --remove credrotate');
    assert.notEqual(await isActive(machine), 'active');
    assert.match(await sh(`cat ${SINK}; ls ${CONFIGURATION}`), new RegExp(await last4()));
  });

  await step('purged, it leaves nothing but the files', async () => {
    await sh('dpkg --purge credrotate');
    assert.equal(await sh('systemctl is-enabled reader && systemctl disable --quiet --now reader'), 'enabled');
    const left = (await sh(FIND)).split('\n').filter((path) => !before.has(path));
    assert.deepEqual(left, []);
    assert.equal(await sh('ls /run/credrotate 2>/dev/null || echo gone'), 'gone');
    await sh(`test -s ${SINK}`);
  });

  await step('no secret is in the journal', async () => {
    metadata.assertNoSecret('the journal', await sh('journalctl --no-pager'));
  });
});
