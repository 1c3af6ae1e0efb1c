import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import type { Fetched } from '../../src/core/contracts.ts';
import { createImdsSource } from '../../src/source/imds/source.ts';
import { imdsRig, imdsServer, type Step } from '../support/imds-server.ts';
import { raw } from '../support/raw-server.ts';

/**
 * Answers in the shape, headers and bytes, in which EC2 and emulators have been seen to give them; the keys are the
 * ones of AWS's own documentation. Lines of a head end with CRLF on the wire, and the last line feed is the file's.
 */
function recorded(name: string): string {
  const text = readFileSync(join(import.meta.dirname, 'fixtures', `${name}.http`), 'utf8');
  const [, head = '', body = ''] = /^(.*?\n)\n(.*)\n$/s.exec(text) ?? [];
  assert.match(head, new RegExp(`^Content-Length: ${Buffer.byteLength(body)}$`, 'm'), `${name}: not whole`);
  return `${head.replaceAll('\n', '\r\n')}\r\n${body}`;
}

type Recordings = Partial<Record<Step, string>>;

const HEALTHY: Recordings = {
  token: 'token',
  list: 'role-list',
  credentials: 'credentials',
  document: 'identity-document',
};

async function fetch(t: TestContext, recordings: Recordings): Promise<Fetched> {
  const server = await imdsServer(t);
  // The keys are the steps of the type above.
  for (const [step, name] of Object.entries(recordings)) server.always(step as Step, raw(recorded(name)));
  return createImdsSource(imdsRig(t, server, { attempts: 1 })).fetch(new AbortController().signal);
}

describe('answers as they were recorded', () => {
  test('a healthy instance', async (t) => {
    const fetched = await fetch(t, HEALTHY);
    assert(fetched.ok);
    const { secretAccessKey, sessionToken, ...open } = fetched.credentials;
    assert.deepEqual(open, {
      accessKeyId: 'ASIAIOSFODNN7EXAMPLE',
      expiration: Date.UTC(2026, 10, 23, 17, 36, 53),
      lastUpdated: Date.UTC(2026, 10, 23, 11, 2, 26),
      accountId: '123456789012',
    });
    assert.equal(secretAccessKey.reveal(), 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY');
    assert.match(sessionToken.reveal(), /^IQoJb3JpZ2luX2Vj.*==$/);
    assert.partialDeepStrictEqual(fetched.origin, {
      instanceId: 'i-0123456789abcdef0',
      role: 'web-server',
      accountId: '123456789012',
    });
    assert.equal(fetched.clockSkew, -1000);
  });

  test('credentials that name their account, and more that nobody knows', async (t) => {
    const fetched = await fetch(t, { ...HEALTHY, credentials: 'extended-credentials', document: '404' });
    assert(fetched.ok);
    assert.equal(fetched.credentials.accountId, '123456789012');
  });

  test('an emulator: compact JSON with a line feed, nanoseconds and an offset, no header of ours', async (t) => {
    const fetched = await fetch(t, { ...HEALTHY, credentials: 'emulator-credentials' });
    assert(fetched.ok);
    assert.equal(fetched.credentials.expiration, Date.UTC(2026, 10, 23, 12, 15, 0, 123));
  });

  const failures: readonly [what: string, recordings: Recordings, state: string, message: RegExp][] = [
    ['an instance without a role', { list: '404' }, 'no_role', /^role list: expected a role, got status 404$/],
    ['a role that EC2 may not assume', { credentials: 'refused-role' }, 'denied', /AssumeRoleUnauthorizedAccess \(EC2/],
    ['the service switched off', { token: '403' }, 'denied', /api\/token: expected status 200, got 403$/],
    ['a token that is refused twice', { list: '401' }, 'denied', /expected status 200, got 401$/],
    ['a token request that is refused', { token: '400' }, 'malformed', /expected status 200, got 400$/],
  ];
  for (const [what, recordings, state, message] of failures) {
    test(what, async (t) => {
      const fetched = await fetch(t, { ...HEALTHY, ...recordings });
      assert(!fetched.ok);
      assert.equal(fetched.state, state);
      assert.match(fetched.error.message, message);
    });
  }
});
