import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { describe, test } from 'node:test';
import { displayKeyId, formatExpiration, printOf, type Credentials } from '../../src/core/credentials.ts';
import { directoriesFor } from '../../src/core/directories.ts';
import { AgentError, toErrorInfo } from '../../src/core/errors.ts';
import { exitCodeOf } from '../../src/core/exit.ts';
import type { PassReport, SinkOutcome } from '../../src/core/outcomes.ts';
import { Secret } from '../../src/core/secret.ts';
import { credentials, NOON } from '../support/credentials.ts';

test('a secret cannot print', () => {
  const secret = new Secret('hunter2');
  const shown = [
    String(secret),
    secret.toString(),
    JSON.stringify({ secret }),
    inspect({ secret }, { showHidden: true, depth: 9 }),
  ];
  for (const text of shown) assert.doesNotMatch(text, /hunter2/);
  assert.equal(secret.reveal(), 'hunter2');
});

test('key ids show four characters, and none when they are all there is', () => {
  assert.equal(displayKeyId('ASIAEXAMPLE00000WXYZ'), '…WXYZ');
  assert.equal(displayKeyId('WXYZ'), '…');
});

test('a fingerprint changes with each part of the keys, does not run parts together, and not with the expiration', () => {
  const fingerprint = (of: Credentials): string => printOf(of).fingerprint;
  const prints = [
    credentials('A'),
    credentials('B'),
    credentials('A', { secretAccessKey: new Secret('x') }),
    credentials('A', { sessionToken: new Secret('x') }),
    credentials('A', { secretAccessKey: new Secret('ab'), sessionToken: new Secret('c') }),
    credentials('A', { secretAccessKey: new Secret('a'), sessionToken: new Secret('bc') }),
  ].map(fingerprint);
  assert.equal(new Set(prints).size, prints.length);
  assert.equal(fingerprint(credentials('A', { expiration: NOON, lastUpdated: NOON })), prints[0]);
});

test('an expiration is never written later than it is', () => {
  assert.equal(formatExpiration(NOON + 999), '2026-11-23T12:00:00Z');
});

test('what is foreign in an error does not come out', () => {
  const quoting = Object.assign(new Error("EACCES: permission denied, open '/home/alice/token=abc'"), {
    code: 'EACCES',
    syscall: 'open',
  });
  assert.deepEqual(toErrorInfo(quoting, 'SINK_UNREADABLE'), { code: 'SINK_UNREADABLE', message: 'EACCES on open' });
  assert.deepEqual(toErrorInfo(new SyntaxError('Unexpected token abc')), { code: 'INTERNAL', message: 'SyntaxError' });
  assert.deepEqual(toErrorInfo('abc'), { code: 'INTERNAL', message: 'string' });
  const own = new AgentError('USAGE', 'what', { hint: 'do', cause: quoting });
  assert.deepEqual(toErrorInfo(own), { code: 'USAGE', message: 'what', hint: 'do' });
});

describe('directories', () => {
  const cases = [
    ['root', {}, 0, '/var/lib/credrotate', '/run/credrotate'],
    ['under systemd, several', { STATE_DIRECTORY: '/s/a:/s/b', RUNTIME_DIRECTORY: '/r' }, 0, '/s/a', '/r'],
    ['a user', { XDG_STATE_HOME: '/x', XDG_RUNTIME_DIR: '/run/user/7' }, 7, '/x/credrotate', '/run/user/7/credrotate'],
    ['a user without XDG', {}, 7, '/home/u/.local/state/credrotate', '/home/u/.local/state/credrotate/run'],
  ] as const;
  for (const [who, env, uid, state, runtime] of cases) {
    test(who, () => {
      assert.deepEqual(directoriesFor(env, uid, '/home/u'), { state, runtime });
    });
  }
});

describe('exit codes', () => {
  const sink = (code: 'SINK_WRITE_FAILED' | 'SINK_UNSAFE_PATH'): SinkOutcome => ({
    path: '/x',
    format: 'json',
    result: 'failed',
    bytesChanged: false,
    drift: [],
    warnings: [],
    error: { code, message: 'x' },
  });
  const report = (change: Partial<PassReport>): PassReport => ({
    trigger: 'once',
    startedAt: NOON,
    finishedAt: NOON,
    generation: 1,
    rotated: false,
    source: { state: 'ok', origin: {} },
    sinks: [],
    consumers: [],
    errors: [],
    ...change,
  });
  const pending = [{ name: 'a', result: 'pending', generation: 1 }] as const;
  const source = (state: PassReport['source']['state']) => ({ source: { state, origin: {} } });
  const cases: [string, number, Partial<PassReport>][] = [
    ['all is well', 0, {}],
    ['stale but valid', 0, source('stale')],
    ['no role', 69, source('no_role')],
    ['metadata off', 69, source('disabled')],
    ['unreachable', 75, source('unreachable')],
    ['only expired credentials', 75, source('expired')],
    ['malformed', 76, source('malformed')],
    ['denied', 77, source('denied')],
    ['a sink failed', 73, { sinks: [sink('SINK_WRITE_FAILED')] }],
    ['a sink is refused', 77, { sinks: [sink('SINK_UNSAFE_PATH')] }],
    ['a consumer is pending', 74, { consumers: pending }],
    [
      'an absent consumer is nothing to do about',
      0,
      { consumers: [{ name: 'a', result: 'not_running', generation: 1 }] },
    ],
    [
      'a refused sink is named before a failed one',
      77,
      { sinks: [sink('SINK_WRITE_FAILED'), sink('SINK_UNSAFE_PATH')] },
    ],
    ['a failed sink before a pending consumer', 73, { sinks: [sink('SINK_WRITE_FAILED')], consumers: pending }],
    ['an unreachable source before a pending consumer', 75, { ...source('unreachable'), consumers: pending }],
    ['state that cannot be written', 73, { errors: [{ code: 'STATE_UNWRITABLE', message: 'x' }] }],
  ];
  for (const [what, code, change] of cases) {
    test(`${String(code)}: ${what}`, () => {
      assert.equal(exitCodeOf(report(change)), code);
    });
  }
});
