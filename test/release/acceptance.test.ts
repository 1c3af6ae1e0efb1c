import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { packageFast } from '../../scripts/package.ts';
import { tally } from '../faults/tally.ts';
import { nextVersion } from '../system/boot-packages.ts';
import { openMachine } from '../system/machine.ts';
import { installMetadata, metadataOf } from '../system/machine-metadata.ts';

/** What the maintainer runs on real instances, here on a machine with a simulated service. */
test('the acceptance script', async (t) => {
  const { deb } = await packageFast();
  const next = await nextVersion(t, deb);
  const inside: string[] = [];
  const machine = await openMachine(t, (root) => {
    installMetadata(root, '--lifetime 6h');
    const script = join(import.meta.dirname, '../../packaging/acceptance.sh');
    for (const file of [deb, next, script]) inside.push(root.copyIn(file, '/opt'));
  });
  if (!machine) return;
  await machine.booted();
  const metadata = metadataOf(machine);
  await metadata.currentKey();
  const [now = '', later = '', script = ''] = inside;
  await tally(t, 'the acceptance script passes, and shows what fails', async (attempt) => {
    await attempt(async () => {
      const { code, stdout, stderr } = await machine.run(['sh', script, now, later]);
      assert.equal(code, 0, stdout + stderr);
      assert.match(stdout, /^result {4}(\d+) of \1 passed$/m);
      assert.match(stdout, /^skip {2}SELinux: it is not enforcing$/m);
      metadata.assertNoSecret('the acceptance script', stdout + stderr);
    });
    await attempt(async () => {
      await metadata.setRole(null);
      const { code, stdout } = await machine.run([
        'sh',
        '-c',
        `sed -i 's/--wait 2m/--wait 1s/; s/tries=60/tries=2/' "$0"; sh "$0" ${now}`,
        script,
      ]);
      assert.equal(code, 1, stdout);
      assert.match(stdout, /^FAIL {2}as from user data/m);
      assert.match(stdout, /^pass {2}it leaves nothing$/m);
    });
  });
});
