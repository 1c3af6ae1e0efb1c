import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { eventually } from '../support/eventually.ts';
import { KEY, SECRET } from '../support/helpers.ts';
import { writeAuthority } from '../support/certificates.ts';
import { ROLE_ARN } from '../support/sts-scene.ts';
import { denied, type StsFault } from '../support/sts.ts';
import { tempDir } from '../support/temp-dir.ts';
import { property, steps } from './boot-scene.ts';
import { openMachine, type Machine } from './machine.ts';
import { installMetadata, metadataOf } from './machine-metadata.ts';
import { installProduct } from './units-scene.ts';

/** What harden leaves open has to reach STS, which is not on loopback. */
const ADDRESS = '10.20.30.40';
const FILE = '/etc/myapp/credentials';
const OTHER = '/srv/iam.json';

const CONFIG = `sources:
  backup:
    { type: assume_role, role_arn: '${ROLE_ARN}', external_id: x-1, endpoint: 'https://${ADDRESS}:8443', ca_file: /etc/credrotate/ca.pem }
sinks:
  - { path: ${FILE}, format: aws-credentials }
  - { path: ${FILE}, format: aws-credentials, profile: backup, source: backup }
  - { path: ${OTHER}, format: json }
`;

/** As another user; fails and hangs when told to. */
const HELPER = `#!/bin/sh
cd /var/lib/helper && { id -un; sed 's/.*://' /proc/self/cgroup | tail -n 1; readlink /proc/$$/fd/0; } > seen || exit 3
[ ! -e hang ] || exec sleep 611
[ ! -e fail ] || { echo "bad pin $PIN" >&2; exit 1; }
printf '{"Version":1,"AccessKeyId":"${KEY}","SecretAccessKey":"${SECRET}","SessionToken":"%s","Expiration":"%s"}' \\
  "$PIN" "$(date --utc --date='1 hour' +%FT%TZ)"
`;

const PIN = 'open-sesame';

const WITH_HELPER = `sources:
  helper:
    type: process
    user: daemon
    trusted_user: daemon
    command: [/usr/local/bin/helper, --pin, of-the-arguments]
    environment: { PIN: { file: /etc/credrotate/pin } }
    timeout: 2s
sinks:
  - { path: /srv/helper.json, format: json, source: helper }
`;

const UNIT = `[Service]
ExecStartPre=-ip address add ${ADDRESS}/32 dev lo
ExecStart=/opt/sts/${process.execPath.split('/').at(-1) ?? ''} /opt/test/system/roles-sts-child.ts ${ADDRESS} ${ROLE_ARN}
ExecStartPost=sh -c 'until curl --silent --fail --output /dev/null --request POST http://127.0.0.1:9101/; do sleep 0.05; done'
`;

function install(root: Pick<Machine, 'path' | 'write' | 'copyIn'>, directory: string): void {
  installMetadata(root, '--lifetime 6h');
  installProduct(root);
  root.write('/etc/credrotate/credrotate.yaml', CONFIG);
  const { file } = writeAuthority(directory, [`IP:${ADDRESS}`]);
  root.copyIn(file, '/etc/credrotate');
  for (const name of ['server.key', 'server.pem']) root.copyIn(join(directory, name), '/opt/sts');
  root.copyIn(process.execPath, '/opt/sts');
  root.copyIn(join(import.meta.dirname, 'roles-sts-child.ts'), '/opt/test/system');
  for (const name of ['sts', 'sts-rules', 'sts-signature', 'sts-xml'])
    root.copyIn(join(import.meta.dirname, `../support/${name}.ts`), '/opt/test/support');
  root.write('/opt/test/package.json', '{ "type": "module" }\n');
  root.write('/etc/systemd/system/sts.service', UNIT);
}

test('an assumed role in a hardened unit', async (t) => {
  const machine = await openMachine(t, (root) => {
    install(root, tempDir(t));
  });
  if (!machine) return;
  const step = steps(t, machine);
  const { sh, run } = machine;
  const metadata = metadataOf(machine);
  const sts = async (...options: readonly string[]): Promise<string> =>
    sh(`curl --silent --show-error --fail ${options.join(' ')} http://127.0.0.1:9101/`);
  const fail = async (fault: StsFault | null): Promise<string> =>
    sts('--request PUT', `--data '${JSON.stringify(fault)}'`);
  const rotateBase = async (): Promise<void> => {
    await metadata.rotate();
    await sts('--request POST');
  };
  const keys = (): readonly string[] =>
    [...machine.read(FILE).matchAll(/^aws_access_key_id *= *(\S+)$/gm)].map(([, id = '']) => id);
  const refresh = async (...sources: readonly string[]): Promise<{ code: number; text: string }> => {
    const { code, stdout, stderr } = await run(['credrotate', 'refresh', '--source', ...sources]);
    return { code, text: (stdout + stderr).replaceAll(/\s+/g, ' ') };
  };
  await machine.booted();

  await step('reaches STS, which is not on loopback', async () => {
    await sh(
      'mkdir /etc/myapp; systemctl daemon-reload; systemctl start sts; credrotate harden; systemctl start credrotate',
    );
    assert.notEqual(await property(machine, 'ProtectSystem', 'credrotate'), 'no');
    const { code, text } = await refresh('backup');
    assert.equal(code, 0, text);
    assert.deepEqual(keys(), [await metadata.currentKey(), await sts()]);
    assert.equal((await run(['credrotate', 'status', '--check'])).code, 0);
  });

  await step('is assumed with the keys of a base that has rotated', async () => {
    const before = await sts();
    await rotateBase();
    assert.equal((await refresh('instance')).code, 0);
    const { code, text } = await refresh('backup');
    assert.equal(code, 0, text);
    assert.notEqual(await sts(), before);
    assert.equal(await sh('curl --silent --fail http://127.0.0.1:9101/caller'), await metadata.currentKey());
    assert.deepEqual(keys(), [await metadata.currentKey(), await sts()]);
  });

  const troubles: readonly [what: string, begin: () => Promise<unknown>, end: () => Promise<unknown>, said: RegExp][] =
    [
      ['denied', () => fail(denied()), () => fail(null), /STS_DENIED.*trust policy of the role/],
      ['away', () => sh('systemctl stop sts'), () => sh('systemctl start sts'), /STS_UNREACHABLE.*no way to STS/],
    ];
  for (const [what, begin, end, said] of troubles) {
    await step(`that is ${what} is said, with what to do, and the other files go on`, async () => {
      const [, session] = keys();
      await rotateBase();
      await begin();
      const { text } = await refresh('instance', 'backup');
      assert.match(text, said);
      assert.deepEqual(keys(), [await metadata.currentKey(), session]);
      assert.ok(machine.read(OTHER).includes(await metadata.currentKey()));
      const { stdout } = await run(['credrotate', 'status']);
      assert.match(stdout.replaceAll(/\s+/g, ' '), said);
      await end();
      await sts('--request POST');
      assert.equal((await refresh('backup')).code, 0);
      assert.deepEqual(keys(), [await metadata.currentKey(), await sts()]);
    });
  }

  await step(
    'a helper has its user, its own unit that the sandbox does not bind, and no secret of it is told',
    async () => {
      machine.write('/usr/local/bin/helper', HELPER, 0o755);
      machine.write('/etc/credrotate/pin', `${PIN}\n`, 0o600);
      machine.write('/etc/credrotate/conf.d/helper.yaml', WITH_HELPER);
      const restart = 'systemctl restart credrotate';
      await sh(`install --directory --owner=daemon /var/lib/helper; credrotate harden; ${restart}`);
      const { code, text } = await refresh('helper');
      assert.equal(code, 0, text);
      assert.match(machine.read('/srv/helper.json'), new RegExp(`${KEY}.*${PIN}`, 's'));
      const seen = machine.read('/var/lib/helper/seen').split('\n');
      assert.equal(seen[0], 'daemon');
      assert.match(seen[1] ?? '', /credrotate-source-helper\.service$/);
      assert.equal(seen[2], '/dev/null');
      const said: string[] = [];
      for (const [trouble, what] of [
        ['fail', /is not shown, since it may hold a secret/],
        ['hang', /expected an end within 2 s, got none/],
      ] as const) {
        // An answer counts for ten seconds, in one process.
        await sh(`touch /var/lib/helper/${trouble}; ${restart}`);
        const refused = await refresh('helper');
        assert.match(refused.text, what);
        said.push(refused.text, await sh('credrotate status || true'));
        assert.ok(machine.read('/srv/helper.json').includes(KEY), 'the former credentials stay');
      }
      await eventually('nothing of it is left', async () => {
        return (
          (await sh(
            "systemctl list-units --all --plain --no-legend 'credrotate-source-*'; pgrep -f '^sleep 611' || true",
          )) === ''
        );
      });
      for (const all of [
        ...said,
        await sh('journalctl --no-pager --output=verbose'),
        machine.read('/var/lib/credrotate/state.json'),
      ])
        for (const secret of [PIN, SECRET, 'of-the-arguments']) assert.ok(!all.includes(secret), secret);
    },
  );
});
