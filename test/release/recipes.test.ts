import assert from 'node:assert/strict';
import { test } from 'node:test';
import { packageFast } from '../../scripts/package.ts';
import { writeAuthority } from '../support/certificates.ts';
import { eventually } from '../support/eventually.ts';
import { tempDir } from '../support/temp-dir.ts';
import { becomesActive, steps } from '../system/boot-scene.ts';
import { installS3 } from '../system/consumers-backups.ts';
import { openMachine } from '../system/machine.ts';
import { installMetadata, metadataOf } from '../system/machine-metadata.ts';

/** Rows of the table of docs/applications.md whose programs are too large for every run. */

const CONFIG = `sinks:
  - { path: /etc/pgbackrest.conf, format: ini, preset: pgbackrest }
  - { path: /etc/app/gdalrc, format: ini, preset: gdal }
  - { path: /etc/app/duply, format: template, escape: shell, template_file: /etc/credrotate/duply }
  - format: value
    directory: /etc/app/env
    names: { access_key_id: AWS_ACCESS_KEY_ID, secret_access_key: AWS_SECRET_ACCESS_KEY, session_token: AWS_SESSION_TOKEN }
refresh: { max_interval: 1h }
`;

const PGBACKREST = `[global]
repo1-type=s3
repo1-path=/
repo1-s3-bucket=backups
repo1-s3-endpoint=localhost
repo1-s3-region=us-east-1
repo1-s3-uri-style=path
repo1-storage-port=9443
repo1-storage-ca-file=/opt/s3/ca.pem
`;

const GDALRC = `[configoptions]
AWS_S3_ENDPOINT=127.0.0.1:9000
AWS_HTTPS=NO
AWS_VIRTUAL_HOSTING=FALSE
AWS_REGION=us-east-1
`;

const DUPLY = `export AWS_ACCESS_KEY_ID={{ access_key_id }}
export AWS_SECRET_ACCESS_KEY={{ secret_access_key }}
export AWS_SESSION_TOKEN={{ session_token }}
`;

/** Reads with the keys of its file, with what it says then and with keys that were rotated away. */
const PROGRAMS: Readonly<Record<string, { readonly version: string; readonly run: string; readonly says: RegExp }>> = {
  pgBackRest: {
    version: 'pgbackrest version',
    run: 'pgbackrest --log-level-file=off repo-ls; pgbackrest --log-level-file=off repo-get hello.txt',
    says: /^hello\.txt\nread with the keys of the role$/,
  },
  GDAL: {
    version: 'gdalinfo --version',
    run: 'GDAL_CONFIG_FILE=/etc/app/gdalrc ogrinfo -ro -so -al CSV:/vsis3/backups/hello.txt',
    says: /Layer name: hello/,
  },
  duplicity: {
    version: 'duplicity --version',
    run: '. /etc/app/duply; duplicity collection-status --s3-endpoint-url http://127.0.0.1:9000 boto3+s3://backups',
    says: /Found 0 secondary backup chains/,
  },
};

test('recipes with programs that are too large for every run', async (t) => {
  const { deb } = await packageFast();
  const directory = tempDir(t);
  const { key, cert } = writeAuthority(directory);
  const machine = await openMachine(
    t,
    (root) => {
      installMetadata(root, '--lifetime 6h');
      installS3(root);
      root.copyIn(`${directory}/ca.pem`, '/opt/s3');
      root.write('/opt/s3/server.key', key);
      root.write('/opt/s3/server.pem', cert);
      root.write(
        '/etc/systemd/system/s3-tls.service',
        '[Service]\nDynamicUser=yes\nExecStart=/opt/s3/node /opt/s3/consumers-s3-child.ts 9443 /opt/s3/server.key /opt/s3/server.pem\n',
      );
      root.write('/etc/hosts', '127.0.0.1 localhost\n');
      root.write('/etc/pgbackrest.conf', PGBACKREST);
      root.write('/etc/app/gdalrc', GDALRC);
      root.write('/etc/credrotate/duply', DUPLY);
      root.copyIn(deb, '/opt');
    },
    'recipes',
  );
  if (!machine) return;
  const { sh } = machine;
  const metadata = metadataOf(machine);
  const step = steps(t, machine);
  await machine.booted();

  await step('the programs are there', async () => {
    for (const [name, { version }] of Object.entries(PROGRAMS))
      t.diagnostic(
        `${name}: ${(await machine.run(['sh', '-c', `${version} 2>&1`])).stdout.trim().split('\n')[0] ?? ''}`,
      );
    await sh('dpkg -i /opt/*.deb; systemctl stop credrotate');
    machine.write('/etc/credrotate/credrotate.yaml', CONFIG);
    await sh('systemctl start credrotate; systemctl daemon-reload; systemctl start s3 s3-tls');
    await becomesActive(machine);
    for (const port of ['http://127.0.0.1:9000', 'https://127.0.0.1:9443'])
      await eventually(`${port} answers`, async () => (await machine.run(['curl', '-sk', port])).code === 0);
  });

  const reads = async (): Promise<void> => {
    for (const [name, { run, says }] of Object.entries(PROGRAMS)) assert.match(await sh(run), says, name);
    const environment = await sh('envdir /etc/app/env env');
    assert.match(environment, new RegExp(`^AWS_ACCESS_KEY_ID=${await metadata.currentKey()}$`, 'm'));
    const names = environment.split('\n').flatMap((line) => /^AWS_\w+(?==.)/.exec(line)?.[0] ?? []);
    assert.deepEqual(names.sort(), ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN']);
  };

  await step('each reads with the keys of its file', reads);

  await step('each is refused with keys that were rotated away, and reads again after a pass', async () => {
    await metadata.rotate();
    for (const [name, { run, says }] of Object.entries(PROGRAMS)) {
      const { stdout, stderr } = await machine.run(['sh', '-euc', run]);
      assert.doesNotMatch(stdout, says, name);
      assert.match(stdout + stderr, /ExpiredToken|403/, name);
    }
    await sh('credrotate refresh');
    await reads();
  });
});
