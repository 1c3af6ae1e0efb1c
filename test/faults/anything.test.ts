import assert from 'node:assert/strict';
import { lstatSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { displayKeyId } from '../../src/core/credentials.ts';
import { applySinks, forgetSinks } from '../../src/sinks/apply.ts';
import { forgetSink, renderSink } from '../../src/sinks/formats/render.ts';
import { runs } from '../support/runs.ts';
import { applyRequest, sinkDeps } from '../support/sinks.ts';
import { tempDir } from '../support/temp-dir.ts';
import { EVERY_FORMAT } from './formats.ts';

const deps = { ...sinkDeps({ render: renderSink }), forget: forgetSink };
const request = { ...applyRequest([]), origin: {} };
const { accessKeyId, secretAccessKey, sessionToken } = request.credentials;

const snippets = [
  '[default]\n',
  'a = b\n',
  '{"aws": {}}',
  '{',
  '"',
  'AWS_SESSION_TOKEN=',
  '\r\n',
  '\0',
  '\uFEFF',
  '# ',
];
const bytes = fc
  .array(fc.oneof(fc.uint8Array({ maxLength: 8 }), fc.constantFrom(...snippets)), { maxLength: 8 })
  .map((parts) => Buffer.concat(parts.map((part) => Buffer.from(part))));

for (const [format, sinkAt] of Object.entries(EVERY_FORMAT)) {
  test(`${format}: any file is left alone or becomes what it must, and is given back`, async (t) => {
    const sink = sinkAt(join(tempDir(t), 'sink'));
    const look = (): unknown => [readFileSync(sink.path), lstatSync(sink.path, { bigint: true })];
    const apply = async (): Promise<string | undefined> =>
      (await applySinks(deps, { ...request, sinks: [sink] })).outcomes[0]?.result;
    const property = fc.asyncProperty(bytes, async (existing) => {
      writeFileSync(sink.path, existing, { mode: 0o600 });
      const rendered = renderSink(existing, request.credentials, sink, {});
      const before = look();
      const result = await apply();
      assert.equal(result, rendered.ok ? 'written' : 'refused');
      assert.deepEqual(readdirSync(join(sink.path, '..')), ['sink']);
      if (!rendered.ok) {
        assert.deepEqual(look(), before);
        return;
      }
      assert.deepEqual(readFileSync(sink.path), rendered.bytes);
      assert.equal(lstatSync(sink.path).mode & 0o7777, sink.mode);
      const written = look();
      assert.equal(await apply(), 'unchanged');
      assert.deepEqual(look(), written);

      const keyId = displayKeyId(accessKeyId);
      const { outcomes } = await forgetSinks(deps, { ...request, sinks: [sink], keyId, force: false });
      assert.match(outcomes[0]?.result ?? '', /^(forgotten|removed)$/);
      const left = outcomes[0]?.result === 'removed' ? '' : readFileSync(sink.path, 'latin1');
      for (const secret of [secretAccessKey.reveal(), sessionToken.reveal()]) assert.ok(!left.includes(secret));
    });
    await fc.assert(property, { numRuns: runs(60) });
  });
}
