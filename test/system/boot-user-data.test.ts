import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { test } from 'node:test';
import { packageFast } from '../../scripts/package.ts';
import { POOL } from '../../scripts/repository/apt.ts';
import { becomesActive, readings, SINK, steps } from './boot-scene.ts';
import { bootWith, cloudConfig, firstLines, imageConfig, openImage, repositoryLines } from './boot-user-data-scene.ts';
import { metadataOf } from './machine-metadata.ts';

/** For a system that has rpm alone. */
const DNF = `#!/bin/sh
for package; do :; done
exec rpm --dbpath /var/lib/rpm --nodeps --force-debian -U "$package"
`;

/** Whoever has it can fetch the package. */
const SIGNATURE = 'secret-of-the-link';

test('user data', async (t) => {
  const { deb, rpm } = await packageFast();
  const sha256 = createHash('sha256').update(readFileSync(deb)).digest('hex');
  const machine = await openImage(t, deb);
  if (!machine) return;
  const url = `http://127.0.0.1:8000/apt/${POOL}/${basename(deb)}`;
  const step = steps(t, machine);
  const metadata = metadataOf(machine);
  const { sh } = machine;
  const install = async (options: string): Promise<readonly [number, string]> => {
    const { code, stdout } = await machine.run(['sh', '-c', `sh /opt/install.sh ${options}`]);
    return [code, stdout];
  };
  const firstReading = async (instance: string, userData: string): Promise<void> => {
    const known = await readings(machine);
    await bootWith(machine, instance, userData);
    assert.deepEqual((await readings(machine)).slice(known.length), [
      `start ${(await metadata.currentKey()).slice(-4)}`,
    ]);
    await becomesActive(machine);
  };
  const forgetAll = async (): Promise<void> => {
    await sh('dpkg --purge credrotate; rm -rf /root/.aws /etc/credrotate; systemctl disable --quiet --now reader');
  };
  await machine.booted();
  await sh('systemctl enable --quiet --now packages');

  await step('the script refuses what it cannot trust, and installs nothing then', async () => {
    const sink = `--aws-credentials ${SINK}`;
    const wrong = '0'.repeat(64);
    await sh(`cd /opt/packages; echo "${wrong}  ${basename(deb)}" > WRONG; echo "${sha256}  other.deb" > OTHER`);
    for (const [code, options] of [
      [65, `--package ${url} --sha256 ${wrong} ${sink}`],
      [65, `--package /opt/packages/${basename(deb)} --sha256 ${wrong} ${sink}`],
      [65, `--package ${url} --sha256sums /opt/packages/WRONG ${sink}`],
      [65, `--package ${url} --sha256sums file:///opt/packages/OTHER ${sink}`],
      [65, `--package ${url} --sha256 ${sha256} --sha256sums /opt/packages/WRONG ${sink}`],
      [64, `--package ${url} ${sink}`],
      [64, `--package ${url} --sha256sums http://127.0.0.1:8000/WRONG ${sink}`],
      [64, `--package ${url} --sha256`],
      [64, `--package ${url} --sha256 ${sha256} --dotenv /etc/a.env --config /opt/c.yaml`],
      [64, `--repository http://127.0.0.1:8000 ${sink}`],
      [64, `--repository file:///srv --package ${url} ${sink}`],
      [66, `--repository file:///nowhere ${sink}`],
      [66, `--package ${url}.missing.deb --sha256 ${sha256} ${sink}`],
      [66, `--package "${url}.missing.deb?X-Amz-Signature=${SIGNATURE}" --sha256 ${sha256} ${sink}`],
      [64, `--package "${url}.zip?X-Amz-Signature=${SIGNATURE}" --sha256 ${sha256} ${sink}`],
    ] as const)
      assert.deepEqual([(await install(options))[0], options], [code, options]);
    assert.notEqual((await machine.run(['dpkg', '--status', 'credrotate'])).code, 0);
  });

  await step('without a role, the script says so, and leaves an agent that waits for one', async () => {
    await metadata.setRole(null);
    const [code, output] = await install(
      `--package ${url} --sha256 ${sha256} --wait 2s --dotenv "/etc/it's.env" --aws-credentials ${SINK} --profile p`,
    );
    assert.equal(code, 69, output);
    assert.equal(await sh('systemctl is-enabled credrotate'), 'enabled');
    await metadata.setRole('demo-role');
  });

  await step('run again, the script does what its options say, and leaves alone what they do not name', async () => {
    const drop = '/etc/credrotate/conf.d/50-user-data.yaml';
    const before = machine.read(drop);
    // A link with a signature, as an object store gives it to whoever may fetch a package that is not public.
    const link = `CREDROTATE_PACKAGE='http://me:${SIGNATURE}@${url.slice(7)}?X-Amz-Signature=${SIGNATURE}&x=/'`;
    const variables = `${link} CREDROTATE_SHA256=${sha256}`;
    // The last time nobody reads to the end what it says.
    for (const reader of ['cat', 'cat', 'true']) await sh(`${variables} sh /opt/install.sh --wait 30s | ${reader}`);
    const log = machine.read('/var/log/credrotate-install.log');
    assert.equal(log.match(/done, with exit code 0$/gm)?.length, 3, log);
    assert.doesNotMatch(log, new RegExp(SIGNATURE));
    assert.equal(machine.read(drop), before);
    const key = await metadata.currentKey();
    assert.ok((await sh(`cat "/etc/it's.env"`)).includes(key));
    assert.match(await sh('cat /root/.aws/credentials'), new RegExp(`^\\[p\\]\\naws_access_key_id *= *${key}$`, 'm'));
    await becomesActive(machine);
    assert.equal(await sh('stat -c %a /var/log/credrotate-install.log'), '600');
    await sh(`${variables} CREDROTATE_JSON_FILE=/etc/x.json sh /opt/install.sh --wait 30s`);
    assert.ok((await sh('cat /etc/x.json')).includes(key));
    assert.equal(machine.read(`${drop}.before`), before);
    // What does not go with the rest of the configuration changes nothing.
    machine.write('/etc/credrotate/credrotate.yaml', 'sinks: [{ path: /etc/y.json, format: json }]\n');
    const now = machine.read(drop);
    const [code, output] = await install(`--package ${url} --sha256 ${sha256} --json-file /etc/y.json`);
    assert.equal(code, 78, output);
    assert.match(output, /expected a file of its own/);
    assert.equal(machine.read(drop), now);
    await forgetAll();
  });

  await step('the script installs an .rpm where that is what the system has', async () => {
    const options = '--config /opt/config.yaml --wait 30s';
    machine.write('/opt/config.yaml', 'sinks: [{ path: /etc/r.json, format: json }]\n');
    machine.write('/usr/bin/dnf', DNF, 0o755);
    const [code, output] = await install(`--package ${machine.copyIn(rpm, '/opt/packages')} ${options}`);
    assert.equal(code, 0, output);
    assert.ok((await sh('cat /etc/r.json')).includes(await metadata.currentKey()));
    assert.equal(machine.read('/etc/credrotate/conf.d/50-user-data.yaml'), machine.read('/opt/config.yaml'));
    await sh('rpm --dbpath /var/lib/rpm -e credrotate; rm -r /etc/credrotate /var/lib/credrotate /usr/bin/dnf');
  });

  await step('the script, run by cloud-init at the first boot', async () => {
    const options = `--package ${url} --sha256 ${sha256} --aws-credentials ${SINK}`;
    await firstReading('i-script', `#!/bin/sh\nsh /opt/install.sh ${options} && systemctl enable --now reader\n`);
    await forgetAll();
  });

  await step('the few lines, run by cloud-init at the first boot', async () => {
    await firstReading('i-five', firstLines(url, sha256));
    await forgetAll();
  });

  await step('the lines that use the repository, run by cloud-init at the first boot', async () => {
    await firstReading('i-repository', repositoryLines());
    await forgetAll();
    const [code, output] = await install(`--repository file:///srv --aws-credentials ${SINK}`);
    assert.equal(code, 0, output);
    await forgetAll();
  });

  await step('the cloud-config, which cloud-init finds valid', async () => {
    machine.write('/opt/cloud-config.yaml', cloudConfig());
    assert.match(await sh('cloud-init schema --config-file /opt/cloud-config.yaml'), /Valid/);
    await firstReading('i-config', cloudConfig());
  });

  await step('in an image that has the package, a unit that starts with the boot finds its file', async () => {
    await sh('rm -r /root/.aws /etc/credrotate/conf.d/*; systemctl enable --quiet reader');
    await firstReading('i-image', imageConfig());
  });

  await step('no secret is in the journal, nor in a log', async () => {
    metadata.assertNoSecret('the journal', await sh('journalctl --no-pager'));
    for (const log of ['credrotate-install', 'cloud-init', 'cloud-init-output'])
      metadata.assertNoSecret(log, machine.read(`/var/log/${log}.log`));
  });
});
