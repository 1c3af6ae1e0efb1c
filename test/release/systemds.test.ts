import assert from 'node:assert/strict';
import { test } from 'node:test';
import { packageFast } from '../../scripts/package.ts';
import { nextVersion } from '../system/boot-packages.ts';
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
} from '../system/boot-scene.ts';
import { SUITES } from '../system/machine-image.ts';
import { openMachine } from '../system/machine.ts';
import { installMetadata, metadataOf } from '../system/machine-metadata.ts';

/** The package under the systemd of each Debian beside the one of `test/system`. */
for (const suite of SUITES) {
  test(`Debian ${suite}`, async (t) => {
    const { deb } = await packageFast();
    const next = await nextVersion(t, deb);
    const inside: string[] = [];
    const machine = await openMachine(
      t,
      (root) => {
        installMetadata(root, '--lifetime 6h');
        installReader(root);
        for (const file of [deb, next]) inside.push(root.copyIn(file, '/opt'));
      },
      suite,
    );
    if (!machine) return;
    const step = steps(t, machine);
    const metadata = metadataOf(machine);
    const { sh } = machine;
    const last4 = async (): Promise<string> => (await metadata.currentKey()).slice(-4);
    const [now = '', later = ''] = inside;
    await machine.booted();
    t.diagnostic(await sh('systemctl --version | head -n 1'));

    await step('installed and enabled, the file is there before the unit that is ordered after it', async () => {
      await sh(`dpkg -i ${now} </dev/null`);
      machine.write('/etc/credrotate/conf.d/sinks.yaml', CONFIG);
      await sh('systemctl enable --quiet credrotate reader; systemctl start credrotate reader');
      await reads(machine, [], `start ${await last4()}`);
      assert.equal(await isActive(machine), 'active');
    });

    await step('a rotation is notified', async () => {
      const known = await readings(machine);
      await metadata.rotate();
      await sh('credrotate refresh');
      await reads(machine, known, `reload ${await last4()}`);
    });

    await step('hardened, it works as before, and systemd understands all of its units', async () => {
      const known = await readings(machine);
      await sh('credrotate harden; systemctl restart credrotate');
      await metadata.rotate();
      await sh('credrotate refresh; credrotate status');
      await reads(machine, known, `reload ${await last4()}`);
      assert.doesNotMatch(
        await sh('journalctl --no-pager --output=cat'),
        /credrotate.*(Unknown (key|lvalue|section)|Failed to parse)/,
      );
      await sh('credrotate harden --undo; systemctl restart credrotate');
    });

    await step('the timer makes passes in its place', async () => {
      await sh('systemctl disable --quiet --now credrotate; systemctl enable --quiet --now credrotate.timer');
      await metadata.rotate();
      // It counts as started when the files are there, and ends when the reader has been watched.
      await sh('systemctl start credrotate-once; while systemctl -q is-active credrotate-once; do sleep 0.1; done');
      await sh('credrotate status');
      assert.ok(machine.read(SINK).includes(await metadata.currentKey()));
      await sh('systemctl disable --quiet --now credrotate.timer; systemctl enable --quiet --now credrotate');
      await becomesActive(machine);
    });

    await step('an upgrade starts it again, and a boot finds the file', async () => {
      const pid = await property(machine, 'MainPID');
      await sh(`dpkg -i ${later} </dev/null`);
      await becomesActive(machine);
      assert.notEqual(await property(machine, 'MainPID'), pid);
      const known = await readings(machine);
      await sh(`rm ${SINK}`);
      await machine.reboot();
      await machine.booted();
      await reads(machine, known, `start ${await last4()}`);
    });

    await step('purged, it leaves what it wrote for others, and nothing of its own', async () => {
      await sh('rm /etc/credrotate/conf.d/sinks.yaml; dpkg --purge credrotate </dev/null');
      assert.equal(
        await sh(
          'find /etc /usr /var/lib /run -name "credrotate*" -not -path "/var/lib/dpkg/*" -not -path "/run/systemd/*"',
        ),
        '',
      );
      assert.ok(machine.read(SINK).includes('aws_access_key_id'));
    });
  });
}
