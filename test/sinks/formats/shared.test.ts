import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { SinkConfig } from '../../../src/core/config.ts';
import { forgetSink, renderSink } from '../../../src/sinks/formats/render.ts';
import type { Subject } from '../../differential/differential.ts';
import { mutate, pick, seeded } from '../../differential/mutate.ts';
import { DOTENV, INI, JSON_FILES } from '../../differential/shapes.ts';
import { runs } from '../../support/runs.ts';
import { awsSink, dotenvSink, fresh, jsonSink } from './rendering.ts';

const B_NAMES = {
  accessKeyId: 'B_AWS_ACCESS_KEY_ID',
  secretAccessKey: 'B_AWS_SECRET_ACCESS_KEY',
  sessionToken: 'B_AWS_SESSION_TOKEN',
  expiration: 'B_AWS_CREDENTIAL_EXPIRATION',
};

/** Two sinks of one file, and files that others have. */
const PAIRS: Readonly<Record<string, readonly [SinkConfig, SinkConfig, Subject['shapes']]>> = {
  'aws-credentials': [awsSink(), awsSink({ profile: 'other' }), INI],
  dotenv: [dotenvSink(), dotenvSink({ prefix: 'B_', names: B_NAMES }), DOTENV],
  json: [
    jsonSink({ keys: { access_key_id: ['aws', 'id'], secret_access_key: ['aws', 'secret'] } }),
    jsonSink({ keys: { access_key_id: ['b', 'id'], secret_access_key: ['b', 'secret'] } }),
    JSON_FILES,
  ],
};

describe('two sinks of one file', () => {
  for (const [format, [one, two, shapes]] of Object.entries(PAIRS)) {
    test(`${format}: neither undoes the other, whatever else the file holds`, () => {
      const random = seeded(20_261_130);
      let both = 0;
      for (let count = runs(400); count > 0; count--) {
        const before = Buffer.from(mutate(pick(random, shapes.files), shapes.pool, random));
        const first = renderSink(before, fresh, one, {});
        if (!first.ok) continue;
        const second = renderSink(first.bytes, fresh, two, {});
        if (!second.ok) continue;
        both++;
        for (const sink of [one, two]) {
          const again = renderSink(second.bytes, fresh, sink, {});
          const text = second.bytes.toString();
          assert.ok(again.ok, `refused after both: ${JSON.stringify(text)}`);
          assert.equal(again.bytes.toString(), text);
        }
        const forgotten = forgetSink(second.bytes, two);
        if (!forgotten.ok || !forgotten.bytes) continue;
        const kept = renderSink(forgotten.bytes, fresh, one, {});
        assert.ok(kept.ok && kept.bytes.equals(forgotten.bytes), JSON.stringify(forgotten.bytes.toString()));
      }
      assert.ok(both > 50, `only ${both} files took both`);
    });
  }
});
