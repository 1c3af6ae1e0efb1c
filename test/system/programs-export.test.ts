import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import { fromProcess } from '@aws-sdk/credential-providers';
import { openSite, type Site } from '../support/agent.ts';
import { outOfSight } from '../support/out-of-sight.ts';
import { executable } from '../support/product.ts';
import { isMissing } from '../support/tools.ts';

const run = promisify(execFile);

/** Key id, secret key, token. */
function keysOf(site: Site): string[] {
  const { accessKeyId, secretAccessKey, token } = site.metadata.current();
  return [accessKeyId, secretAccessKey, token];
}

/** A profile whose keys come from the exporting program, and the environment in which AWS clients find it alone. */
function asProcess(site: Site, ...args: readonly string[]): NodeJS.ProcessEnv {
  const command = [executable, 'export', '--format', 'process', ...args].join(' ');
  writeFileSync(site.path('config'), `[profile program]\ncredential_process = ${command}\n`);
  writeFileSync(site.path('none'), '');
  const clients = { AWS_CONFIG_FILE: site.path('config'), AWS_SHARED_CREDENTIALS_FILE: site.path('none') };
  return { ...process.env, ...site.env, ...clients, PATH: process.env['PATH'], AWS_PROFILE: 'program' };
}

describe('credential_process = credrotate export', { concurrency: 3 }, () => {
  test('the AWS SDK for JavaScript', async (t) => {
    const site = await openSite(t);
    const env = asProcess(site);
    const files = { filepath: site.path('none'), configFilepath: site.path('config'), ignoreCache: true };
    // The provider hands on the environment of this process.
    const variable = 'AWS_EC2_METADATA_SERVICE_ENDPOINT';
    process.env[variable] = env[variable];
    t.after(() => Reflect.deleteProperty(process.env, variable));
    const found = await fromProcess({ profile: 'program', ...files })();
    assert.deepEqual([found.accessKeyId, found.secretAccessKey, found.sessionToken], keysOf(site));
    assert.equal(found.expiration?.getTime(), site.metadata.current().expiration);
  });

  test('botocore, from the metadata service and from a sink', async (t) => {
    if (await isMissing(t, 'python3', '-c', 'import botocore')) return;
    const site = await openSite(t);
    const { code } = await site.run(['export', '--format', 'json'], { through: outOfSight(site.path('out')) });
    assert.equal(code, 0);
    const script = `
from botocore.session import Session
keys = Session().get_credentials().get_frozen_credentials()
print(keys.access_key, keys.secret_key, keys.token)`;
    for (const args of [[], ['--from', site.path('out')]]) {
      const { stdout } = await run('python3', ['-c', script], { env: asProcess(site, ...args) });
      assert.deepEqual(stdout.trim().split(' '), keysOf(site));
    }
  });

  test('the aws command', async (t) => {
    if (await isMissing(t, 'aws', '--version')) return;
    const site = await openSite(t);
    // Its version 2.9 looks for a region there, and puts the path behind the endpoint as it is.
    const env = { ...asProcess(site), AWS_EC2_METADATA_SERVICE_ENDPOINT: `${site.metadata.url}/` };
    const { stdout } = await run('aws', ['configure', 'list'], { env });
    const [id = ''] = keysOf(site);
    assert.match(stdout, new RegExp(`access_key[ :]+\\*+${id.slice(-4)}[ :]+custom-process`));
    assert.ok(!existsSync(site.path('home/.aws')));
  });
});
