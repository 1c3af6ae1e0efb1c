import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { describe, test } from 'node:test';
import { displayKeyId, formatExpiration, versionOf, type Credentials } from '../../src/core/credentials.ts';
import { directoriesFor } from '../../src/core/directories.ts';
import { AgentError, toErrorInfo } from '../../src/core/errors.ts';
import { type ExitCode, worstOf } from '../../src/core/exit.ts';
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
  for (const other of ['WXYZ', 'hunter2hunter2hunter2', `ASIA${'x'.repeat(125)}`, 'ASIAEXAMPLE 0000WXYZ']) {
    assert.equal(displayKeyId(other), '[not shown]');
  }
});

test('a fingerprint changes with each part of the keys, does not run parts together, and not with the expiration', () => {
  const fingerprint = (of: Credentials): string => versionOf(of).fingerprint;
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

describe('the exit code to act on first', () => {
  const cases: [string, number, readonly ExitCode[]][] = [
    ['none is 0', 0, []],
    ['0 gives way to any', 74, [0, 74]],
    ['a refused sink before a failed one', 77, [73, 77]],
    ['a failed sink before a pending consumer', 73, [74, 73]],
    ['an unreachable source before a pending consumer', 75, [74, 75]],
    ['the configuration before all', 78, [64, 69, 70, 73, 74, 75, 76, 77, 78]],
  ];
  for (const [what, code, codes] of cases) {
    test(`${String(code)}: ${what}`, () => {
      assert.equal(worstOf(codes), code);
    });
  }
});
