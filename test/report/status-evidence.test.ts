import assert from 'node:assert/strict';
import { test } from 'node:test';
import { evidenceStatus } from '../../src/report/build-status.ts';
import { NOON } from '../support/credentials.ts';

const WRITTEN = { writtenAt: NOON };
const written = { writtenAt: new Date(NOON).toISOString() };

// Cause: a file that a confined unit reads through a read-only mount was said not to be read.
test('a sink is not said to be unread where a consumer of it reads without a trace', () => {
  const unread = { kind: 'unread', ...WRITTEN } as const;
  assert.deepEqual(evidenceStatus(unread, []), { kind: 'unread', ...written });
  assert.deepEqual(evidenceStatus(unread, ['web']), { kind: 'unknown', ...written, untraced: ['web'] });
});

test('a read that shows is a read, and a file system that shows none is the reason', () => {
  const read = evidenceStatus({ kind: 'read', ...WRITTEN, readAt: NOON + 2_000 }, ['web']);
  assert.deepEqual(read, { kind: 'read', ...written, readAt: new Date(NOON + 2_000).toISOString() });
  assert.deepEqual(evidenceStatus({ kind: 'unknown', ...WRITTEN }, ['web']), { kind: 'unknown', ...written });
});
