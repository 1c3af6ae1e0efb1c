import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { ValueSink } from '../../../src/core/config.ts';
import { FIELDS } from '../../../src/core/fields.ts';
import { Secret } from '../../../src/core/secret.ts';
import { applySinks, forgetSinks, previewSinks } from '../../../src/sinks/apply.ts';
import { loadFormats, renderSink } from '../../../src/sinks/formats/render.ts';
import { loadYaml } from '../../config/harness.ts';
import { applyRequest, sinkDeps } from '../../support/sinks.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { EXPIRATION, fresh, KEY, refuse, render, SECRET, TOKEN } from './rendering.ts';

const common = {
  path: '/nowhere',
  source: 'instance',
  mode: 0o600,
  notify: [],
  format: 'value',
  newline: false,
} as const;
const origin = { region: 'eu-west-1', role: 'app', instanceId: 'i-1', accountId: '123456789012' };
const deps = sinkDeps({ render: renderSink });

await loadFormats([{ ...common, field: 'role' }]);

describe('a value', () => {
  test('is the whole file, without a newline', () => {
    const all = FIELDS.map((field) => render({ sink: { ...common, field }, existing: 'old\n', origin }).text);
    const epoch = Date.parse(EXPIRATION);
    const times = [EXPIRATION, String(epoch / 1000), String(epoch)];
    assert.deepEqual(all, [KEY, SECRET, TOKEN, ...times, 'eu-west-1', '123456789012', 'app', 'i-1']);
  });

  test('ends with one where that is configured', () => {
    assert.equal(render({ sink: { ...common, field: 'session_token', newline: true } }).text, `${TOKEN}\n`);
  });

  test('is refused where it is not known, or would be more than one line', () => {
    assert.match(refuse({ sink: { ...common, field: 'region' } }), /^region: expected it to be known/);
    const credentials = { ...fresh, secretAccessKey: new Secret('two\nlines') };
    assert.match(refuse({ sink: { ...common, field: 'secret_access_key' }, credentials }), /control characters/);
  });

  test('is never shown', async (t) => {
    const sink: ValueSink = { ...common, path: join(tempDir(t), 'token'), field: 'session_token' };
    const [preview] = await previewSinks(deps, { ...applyRequest([]), sinks: [sink], rotated: true });
    assert.deepEqual(preview?.diff, ['+ the session_token']);
  });
});

test('a directory of values is a sink for each, and forgotten where nobody has touched it', async (t) => {
  const directory = tempDir(t);
  const { sinks } = loadYaml(
    t,
    `sinks: [{ format: value, directory: ${directory}, names: { session_token: TOKEN, access_key_id: ID } }]`,
  );
  const paths = ['ID', 'TOKEN'].map((name) => join(directory, name));
  assert.deepEqual(
    sinks.map(({ path }) => path),
    paths,
  );
  const request = { ...applyRequest([]), sinks, credentials: fresh };
  const { records } = await applySinks(deps, request);
  assert.deepEqual(
    paths.map((path) => readFileSync(path, 'utf8')),
    [KEY, TOKEN],
  );
  const wish = { ...request, keyId: undefined, force: false, records };
  chmodSync(paths[1] ?? '', 0o640);
  const { outcomes } = await forgetSinks(deps, wish);
  assert.deepEqual(
    outcomes.map(({ result, error }) => [result, error?.code]),
    [
      ['removed', undefined],
      ['refused', 'SINK_NOT_OURS'],
    ],
  );
  assert.deepEqual(paths.map(existsSync), [false, true]);
});
