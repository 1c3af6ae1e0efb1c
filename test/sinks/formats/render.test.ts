import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { SinkConfig } from '../../../src/core/config.ts';
import { runs } from '../../support/runs.ts';
import { awsSink, dotenvSink, jsonSink, tryRender } from './rendering.ts';

const keys = { access_key_id: ['a', 'id'], secret_access_key: ['a', 'key'], session_token: ['token'] };
const sinks: readonly SinkConfig[] = [awsSink(), dotenvSink(), jsonSink({ keys }), jsonSink({ shape: 'superset' })];

describe('any bytes are refused, or written so that a second pass changes nothing', () => {
  const snippets = [
    '[default]',
    'aws_session_token',
    'AWS_SESSION_TOKEN',
    '=',
    '\r',
    '\n',
    ' ',
    '"',
    '{"a":',
    '}',
    '\ufeff',
  ];
  const bytes = fc
    .array(fc.oneof(fc.uint8Array({ maxLength: 8 }), fc.constantFrom(...snippets)), { maxLength: 12 })
    .map((parts) => Buffer.concat(parts.map((part) => Buffer.from(part))));
  for (const sink of sinks) {
    test(JSON.stringify(sink), () => {
      fc.assert(
        fc.property(bytes, (existing) => void tryRender({ sink, existing })),
        { numRuns: runs(500) },
      );
    });
  }
});
