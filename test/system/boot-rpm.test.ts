import assert from 'node:assert/strict';
import { test } from 'node:test';
import { packageFast } from '../../scripts/package.ts';
import { eventually } from '../support/eventually.ts';
import {
  becomesActive,
  CONFIG,
  installReader,
  isActive,
  property,
  readings,
  reads,
  SINK,
  steps,
} from './boot-scene.ts';
import { openMachine } from './machine.ts';
import { installMetadata, metadataOf } from './machine-metadata.ts';

const CONFIGURATION = '/etc/credrotate/credrotate.yaml';
/** Debian's rpm keeps its database elsewhere, knows no packages that ours could need, and wants to be asked twice. */
const RPM = 'rpm --dbpath /var/lib/rpm';
const FORCE = '--nodeps --force-debian';

test('the .rpm', async (t) => {
  const { rpm } = await packageFast();
  const machine = await openMachine(t, (root) => {
    installMetadata(root, '--lifetime 6h');
    installReader(root);
    root.copyIn(rpm, '/opt');
  });
  if (!machine) return;
  const step = steps(t, machine);
  const metadata = metadataOf(machine);
  const { sh } = machine;
  const last4 = async (): Promise<string> => (await metadata.currentKey()).slice(-4);
  await machine.booted();

  await step('installed, it says what to do in three lines, starts nothing, and is as it was packed', async () => {
    const said = await sh(`${RPM} -i ${FORCE} /opt/*.rpm 2>&1`);
    assert.match(
      said,
      /^credrotate: nothing is written yet.*\n.*credrotate check\n.*systemctl enable --now credrotate.*$/,
    );
    assert.deepEqual([await isActive(machine), await isActive(machine, 'credrotate.timer')], ['inactive', 'inactive']);
    assert.equal(await metadata.requests(), 0);
    assert.equal(await sh(`${RPM} -V credrotate --nodeps`), '');
  });

  await step('the timer writes the files with the boot, without a resident process', async () => {
    machine.write(CONFIGURATION, CONFIG);
    await sh('systemctl enable --quiet --now reader; systemctl enable --quiet credrotate.timer');
    const known = await readings(machine);
    await machine.reboot();
    await eventually('the file is there', async () => (await machine.run(['test', '-s', SINK])).code === 0, 60_000);
    await eventually('nothing stays', async () => (await isActive(machine, 'credrotate-once')) === 'inactive');
    assert.equal(await isActive(machine, 'credrotate.timer'), 'active');
    assert.equal(await property(machine, 'Result', 'credrotate-once'), 'success');
    assert.ok((await readings(machine)).slice(known.length).includes(`reload ${await last4()}`));
  });

  await step('one way ends the other', async () => {
    await sh('systemctl start credrotate');
    assert.deepEqual([await isActive(machine), await isActive(machine, 'credrotate.timer')], ['active', 'inactive']);
    await sh('systemctl start credrotate.timer');
    assert.deepEqual([await isActive(machine), await isActive(machine, 'credrotate.timer')], ['inactive', 'active']);
    await sh('! systemctl enable --quiet credrotate 2>&1');
    await machine.reboot();
    await machine.booted();
    const both = [await isActive(machine), await isActive(machine, 'credrotate.timer')];
    assert.deepEqual(both.sort(), ['active', 'inactive']);
    await sh('systemctl disable --quiet credrotate.timer; systemctl start credrotate');
  });

  await step('an upgrade keeps state and configuration, and tells of a rotation once', async () => {
    const known = await readings(machine);
    const pid = await property(machine, 'MainPID');
    await metadata.rotate();
    await sh(`${RPM} -U --force ${FORCE} /opt/*.rpm`);
    await reads(machine, known, `reload ${await last4()}`);
    await becomesActive(machine);
    assert.notEqual(await property(machine, 'MainPID'), pid);
    assert.equal(machine.read(CONFIGURATION), CONFIG);
    assert.equal(await sh(`${RPM} -V credrotate --nodeps`), '');
  });

  await step('erased, it stops, and leaves the files and the edited configuration', async () => {
    await sh(`credrotate harden; ${RPM} -e credrotate`);
    assert.notEqual(await isActive(machine), 'active');
    assert.match(await sh(`cat ${SINK}`), new RegExp(await last4()));
    const left = 'find / -xdev -name "*credrotate*" -not -path "/opt/*" -not -path "/var/log/*" | sort';
    assert.deepEqual((await sh(left)).split('\n'), [
      '/etc/credrotate',
      '/etc/credrotate/credrotate.yaml',
      '/var/lib/credrotate',
    ]);
  });

  await step('no secret is in the journal', async () => {
    metadata.assertNoSecret('the journal', await sh('journalctl --no-pager'));
  });
});
