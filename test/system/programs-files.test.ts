import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { fromIni, fromProcess } from '@aws-sdk/credential-providers';
import { parseKnownFiles } from '@smithy/shared-ini-file-loader';
import dotenv from 'dotenv';
import { openSite, type Site } from '../support/agent.ts';
import { isMissing } from '../support/tools.ts';

const run = promisify(execFile);

const NAMES = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN', 'AWS_CREDENTIAL_EXPIRATION'];

/** A site whose files stand, beside what others have in them. */
async function written(t: TestContext): Promise<Site> {
  const site = await openSite(t);
  writeFileSync(
    site.path('credentials'),
    '# ours\n[default]\nregion = eu-west-1\n\n[legacy]\naws_session_token = old\n',
  );
  writeFileSync(site.path('app.env'), 'PORT=80\n');
  writeFileSync(
    site.path('config'),
    `[profile program]\ncredential_process = /bin/cat ${site.path('superset.json')}\n`,
  );
  const config = site.configure({
    sinks: [
      { path: site.path('credentials'), format: 'aws-credentials', profile: 'legacy' },
      { path: site.path('app.env'), format: 'dotenv' },
      { path: site.path('superset.json'), format: 'json', shape: 'superset' },
    ],
  });
  assert.equal((await site.run(['once', ...config])).code, 0);
  return site;
}

function keysOf(site: Site): string[] {
  const { accessKeyId, secretAccessKey, token } = site.metadata.current();
  return [accessKeyId, secretAccessKey, token];
}

function files(site: Site): { readonly filepath: string; readonly configFilepath: string } {
  return { filepath: site.path('credentials'), configFilepath: site.path('config') };
}

/** Where the AWS clients may look, and nowhere else. */
function awsEnvironment(site: Site): NodeJS.ProcessEnv {
  const { PATH, PYENV_ROOT } = process.env;
  return {
    PATH,
    PYENV_ROOT,
    HOME: site.path('home'),
    AWS_SHARED_CREDENTIALS_FILE: site.path('credentials'),
    AWS_CONFIG_FILE: site.path('config'),
    AWS_EC2_METADATA_DISABLED: 'true',
  };
}

const BOTOCORE = `
import json, sys
from botocore.session import Session
found = [Session(profile=name).get_credentials().get_frozen_credentials() for name in sys.argv[1:]]
print(json.dumps([[keys.access_key, keys.secret_key, keys.token] for keys in found]))
`;

describe('programs that read the files get the credentials', { concurrency: 3 }, () => {
  test('the AWS SDK for JavaScript: profile and credential_process', async (t) => {
    const site = await written(t);
    const known = await parseKnownFiles({ profile: 'legacy', ...files(site), ignoreCache: true });
    assert.deepEqual(known['default'], { region: 'eu-west-1' });
    for (const provider of [
      fromIni({ profile: 'legacy', ...files(site), ignoreCache: true }),
      fromProcess({ profile: 'program', ...files(site), ignoreCache: true }),
    ]) {
      const found = await provider();
      assert.deepEqual([found.accessKeyId, found.secretAccessKey, found.sessionToken], keysOf(site));
    }
  });

  test('botocore: profile and credential_process', async (t) => {
    if (await isMissing(t, 'python3', '-c', 'import botocore')) return;
    const site = await written(t);
    const { stdout } = await run('python3', ['-c', BOTOCORE, 'legacy', 'program'], { env: awsEnvironment(site) });
    assert.deepEqual(JSON.parse(stdout), [keysOf(site), keysOf(site)]);
  });

  test('the aws command', async (t) => {
    if (await isMissing(t, 'aws', '--version')) return;
    const site = await written(t);
    const { stdout } = await run('aws', ['configure', 'list', '--profile', 'legacy'], { env: awsEnvironment(site) });
    // The one form that versions 1 and 2 share shows the last four characters.
    const shown = (name: string) =>
      new RegExp(`${name}[ :]+\\*+(\\S{4})[ :]+shared-credentials-file`).exec(stdout)?.[1];
    const [id = '', secret = ''] = keysOf(site);
    assert.deepEqual([shown('access_key'), shown('secret_key')], [id.slice(-4), secret.slice(-4)]);
  });

  test('sh and the npm package dotenv', async (t) => {
    const site = await written(t);
    const expiration = new Date(site.metadata.current().expiration).toISOString().replace('.000Z', 'Z');
    const expected = ['80', ...keysOf(site), expiration];
    const names = ['PORT', ...NAMES];

    const parsed = dotenv.parse(readFileSync(site.path('app.env')));
    assert.deepEqual(
      names.map((name) => parsed[name]),
      expected,
    );
    const script = `. ${site.path('app.env')}; printf '%s\\n' ${names.map((name) => `"$${name}"`).join(' ')}`;
    const { stdout } = await run('/bin/sh', ['-c', script], { env: {} });
    assert.deepEqual(stdout.trimEnd().split('\n'), expected);
  });
});
