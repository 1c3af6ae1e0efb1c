import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe, test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import type { Simulator } from '../../src/simulator/simulator.ts';
import { limit } from '../support/limits.ts';
import { tempDir } from '../support/temp-dir.ts';
import { isMissing } from '../support/tools.ts';
import { start } from '../simulator/harness.ts';

const run = promisify(execFile);

const SDK = `
const { fromInstanceMetadata } = require('@aws-sdk/credential-providers');
fromInstanceMetadata()().then((found) => console.log(JSON.stringify(found)));
`;
const BOTO3 = `
import json, boto3
found = boto3.Session().get_credentials()
keys = found.get_frozen_credentials()
print(json.dumps([found.method, keys.access_key, keys.secret_key, keys.token]))
`;
const BOTOCORE_REGION = `
import os
from botocore.utils import InstanceMetadataRegionFetcher
# By itself it looks at no variable, and would ask the real service.
endpoint = os.environ['AWS_EC2_METADATA_SERVICE_ENDPOINT'] + '/'
print(InstanceMetadataRegionFetcher(base_url=endpoint, timeout=10).retrieve_region())
`;

/** Nothing but the simulator can give credentials, and version 1 is refused. */
function environment(t: TestContext, simulator: Simulator): NodeJS.ProcessEnv {
  const { PATH, PYENV_ROOT } = process.env;
  return {
    PATH,
    PYENV_ROOT,
    HOME: tempDir(t),
    AWS_EC2_METADATA_SERVICE_ENDPOINT: simulator.url,
    AWS_EC2_METADATA_V1_DISABLED: 'true',
    AWS_METADATA_SERVICE_TIMEOUT: '10',
  };
}

describe('clients that are not ours take it for the real service', { timeout: limit(120_000) }, () => {
  test('the AWS SDK for JavaScript', async (t) => {
    const simulator = await start(t);
    const { accessKeyId, secretAccessKey, token, expiration } = simulator.current();
    const { stdout } = await run(process.execPath, ['-e', SDK], { env: environment(t, simulator) });
    const found = JSON.parse(stdout) as Record<string, unknown>;
    assert.deepEqual(
      [found['accessKeyId'], found['secretAccessKey'], found['sessionToken'], found['expiration']],
      [accessKeyId, secretAccessKey, token, new Date(expiration).toISOString()],
    );
  });

  test('boto3', async (t) => {
    if (await isMissing(t, 'python3', '-c', 'import boto3')) return;
    const simulator = await start(t);
    const { accessKeyId, secretAccessKey, token } = simulator.current();
    const { stdout } = await run('python3', ['-c', BOTO3], { env: environment(t, simulator) });
    assert.deepEqual(JSON.parse(stdout), ['iam-role', accessKeyId, secretAccessKey, token]);
  });

  test('botocore, for the region', async (t) => {
    if (await isMissing(t, 'python3', '-c', 'import botocore')) return;
    const env = environment(t, await start(t));
    const { stdout } = await run('python3', ['-c', BOTOCORE_REGION], { env });
    assert.equal(stdout.trim(), 'us-east-1');
  });

  test('the aws command', async (t) => {
    if (await isMissing(t, 'aws', '--version')) return;
    const simulator = await start(t);
    const { accessKeyId, secretAccessKey } = simulator.current();
    // The one form that versions 1 and 2 share shows the last four characters.
    // Its version 2.9 puts the path behind the endpoint as it is.
    const env = { ...environment(t, simulator), AWS_EC2_METADATA_SERVICE_ENDPOINT: `${simulator.url}/` };
    const { stdout } = await run('aws', ['configure', 'list'], { env });
    const shown = (name: string) => new RegExp(`${name}[ :]+\\*+(\\S{4})[ :]+iam-role`).exec(stdout)?.[1];
    assert.deepEqual([shown('access_key'), shown('secret_key')], [accessKeyId.slice(-4), secretAccessKey.slice(-4)]);
  });
});
