import assert from 'node:assert/strict';
import type { SinkConfig } from '../../../src/core/config.ts';
import { forgetSink } from '../../../src/sinks/formats/render.ts';
import { jsonSink } from './rendering.ts';

const KEYS = { access_key_id: ['aws', 'id'], secret_access_key: ['aws', 'secret'], expiration: ['until'] };
export const keysSink = jsonSink({ keys: KEYS });

/** What is left, undefined when the file goes, and whose keys stood there. */
export function forget(
  sink: SinkConfig,
  existing: string | Buffer,
): { readonly text: string | undefined; readonly keyIds: readonly string[] } {
  const before = Buffer.from(existing);
  const first = forgetSink(before, sink);
  if (!first.ok) assert.fail(first.error.message);
  if (first.bytes !== undefined) {
    const second = forgetSink(first.bytes, sink);
    assert.ok(second.ok && second.bytes === first.bytes, 'something of ours was left');
  }
  return { text: first.bytes?.toString('latin1'), keyIds: first.keyIds };
}
