import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Fetched } from '../../src/core/contracts.ts';
import type { Credentials, Origin } from '../../src/core/credentials.ts';
import { accept } from '../../src/rotation/accept.ts';
import type { SourceMemory } from '../../src/rotation/state.ts';
import { credentials, HOUR, NOON } from '../support/credentials.ts';

const ORIGIN: Origin = { instanceId: 'i-1', role: 'web', accountId: '111122223333' };

const NOTHING: SourceMemory = { generation: 0, origin: {} };

type Change = Partial<Pick<Credentials, 'expiration' | 'lastUpdated' | 'endsUnknown'>> & { readonly origin?: Origin };

function answer(name: string, change: Change = {}): Fetched {
  const { origin = ORIGIN, ...rest } = change;
  return { ok: true, credentials: credentials(name, rest), origin };
}

function after(fetched: Fetched): SourceMemory {
  const decision = accept(fetched, NOTHING, NOON);
  assert.equal(decision.kind, 'new');
  return { ...NOTHING, generation: 1, origin: decision.origin, current: decision.current };
}

function failure(state: 'no_role' | 'denied' | 'unreachable' | 'malformed' | 'disabled' | 'expired'): Fetched {
  return { ok: false, state, error: { code: 'IMDS_UNREACHABLE', message: 'x' } };
}

describe('what becomes of an answer', () => {
  test('the first credentials are new, and nobody has moved', () => {
    const decision = accept(answer('A'), NOTHING, NOON);
    assert.ok(decision.kind === 'new');
    assert.equal(decision.moved, false);
    assert.deepEqual(decision.current, {
      fingerprint: decision.current.fingerprint,
      keyId: '…000A',
      expiration: NOON + 6 * HOUR,
      lifetime: 6 * HOUR,
      fetchedAt: NOON,
    });
  });

  test('an end that nobody stated makes no others worse', () => {
    const unknown = after(answer('A', { expiration: NOON + 12 * HOUR, endsUnknown: true }));
    assert.equal(accept(answer('B', { expiration: NOON + HOUR }), unknown, NOON).kind, 'new');
    assert.equal(
      accept(answer('B', { expiration: NOON + HOUR, endsUnknown: true }), after(answer('A')), NOON).kind,
      'new',
    );
  });

  test('the same credentials again are the same', () => {
    assert.equal(accept(answer('A'), after(answer('A')), NOON + HOUR).kind, 'same');
  });

  test('the same keys with another LastUpdated are the same, with the one that they came with first', () => {
    const first = after(answer('A', { lastUpdated: NOON }));
    const decision = accept(answer('A', { lastUpdated: NOON + 1000 }), first, NOON + HOUR);
    assert.ok(decision.kind === 'same');
    assert.equal(decision.credentials.lastUpdated, NOON);
    const without = accept(answer('A', { lastUpdated: NOON }), after(answer('A')), NOON + HOUR);
    assert.ok(without.kind === 'same');
    assert.equal('lastUpdated' in without.credentials, false);
  });

  for (const [what, expiration] of [
    ['later', NOON + 7 * HOUR],
    ['earlier', NOON + 5 * HOUR],
  ] as const) {
    test(`the same keys with a ${what} expiration are renewed: it is the source's word about its own keys`, () => {
      const decision = accept(answer('A', { expiration, lastUpdated: NOON }), after(answer('A')), NOON + HOUR);
      assert.ok(decision.kind === 'renewed');
      const first = after(answer('A')).current;
      assert.deepEqual(decision.current, {
        ...first,
        expiration,
        lastUpdated: NOON,
        lifetime: expiration - NOON - HOUR,
      });
    });
  }

  test('credentials that expire earlier never replace valid ones', () => {
    const decision = accept(answer('B', { expiration: NOON + 5 * HOUR }), after(answer('A')), NOON);
    assert.ok(decision.kind === 'keep');
    assert.equal(decision.error?.code, 'CREDENTIALS_OLDER');
    assert.equal(decision.state, 'ok');
  });

  test('credentials that expire at the same time, or later, replace', () => {
    for (const expiration of [NOON + 6 * HOUR, NOON + 7 * HOUR])
      assert.equal(accept(answer('B', { expiration }), after(answer('A')), NOON).kind, 'new');
  });

  test('once those that stand have expired, any valid ones are better', () => {
    const decision = accept(answer('B', { expiration: NOON + 5 * HOUR }), after(answer('A')), NOON + 6 * HOUR);
    assert.equal(decision.kind, 'new');
  });

  for (const [what, origin] of [
    ['role', { ...ORIGIN, role: 'db' }],
    ['account', { ...ORIGIN, accountId: '999900001111' }],
    ['instance', { ...ORIGIN, instanceId: 'i-2' }],
  ] as const) {
    test(`another ${what} counts whatever the expiration, and everybody is notified`, () => {
      const decision = accept(answer('B', { expiration: NOON + HOUR, origin }), after(answer('A')), NOON);
      assert.ok(decision.kind === 'new');
      assert.equal(decision.moved, true);
      assert.deepEqual(decision.origin, origin);
    });
  }

  test('an instance id that could not be read is not another instance', () => {
    const decision = accept(answer('A', { origin: { role: 'web' } }), after(answer('A')), NOON);
    assert.ok(decision.kind === 'same');
    assert.deepEqual(decision.origin, ORIGIN);
  });
});

test('an account that could not be found out in this pass is the one that is known', () => {
  const decision = accept(answer('B', { origin: { role: 'web' } }), after(answer('A')), NOON);
  assert.ok(decision.kind === 'new');
  assert.equal(decision.credentials.accountId, ORIGIN.accountId);
});

describe('the state of a source that fails', () => {
  const cases = [
    ['unreachable', 'stale', 'expired', 'unreachable'],
    ['malformed', 'stale', 'expired', 'malformed'],
    ['expired', 'stale', 'expired', 'expired'],
    ['no_role', 'no_role', 'no_role', 'no_role'],
    ['denied', 'denied', 'denied', 'denied'],
    ['disabled', 'disabled', 'disabled', 'disabled'],
  ] as const;
  for (const [got, beside, late, alone] of cases) {
    test(`${got}: ${beside} beside valid credentials, ${late} beside expired ones, ${alone} without any`, () => {
      const current = after(answer('A'));
      const states = [
        accept(failure(got), current, NOON + HOUR),
        accept(failure(got), current, NOON + 6 * HOUR),
        accept(failure(got), NOTHING, NOON),
      ].map((decision) => (decision.kind === 'keep' ? decision.state : decision.kind));
      assert.deepEqual(states, [beside, late, alone]);
    });
  }
});
