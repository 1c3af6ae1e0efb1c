import assert from 'node:assert/strict';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { applySinks, previewSinks } from '../../src/sinks/apply.ts';
import { ALICE, BOB, estateOf, actingDeps, skipsWithoutRoot } from '../support/acting.ts';
import { credentials } from '../support/credentials.ts';
import { applyRequest, sinkAt } from '../support/sinks.ts';

/** A user who decides what a source gives chooses the account to which the readers of its sinks go. */
describe('a source that a user decides', () => {
  test('feeds the sinks of that user, wherever they are, and no others', async (t) => {
    if (skipsWithoutRoot(t)) return;
    const { base, home } = estateOf(t, ALICE);
    const sinks = {
      alices: sinkAt(join(home, 'own'), { source: 'app' }),
      forAlice: sinkAt(join(base, 'for-alice'), { source: 'app', owner: ALICE }),
      forBob: sinkAt(join(base, 'for-bob'), { source: 'app', owner: BOB }),
      roots: sinkAt(join(base, 'roots'), { source: 'app' }),
    };
    const request = { ...applyRequest(Object.values(sinks)), credentials: credentials('1'), origin: { user: ALICE } };
    const previews = await previewSinks(actingDeps(), request);
    const { outcomes } = await applySinks(actingDeps(), request);
    const codes = [undefined, undefined, 'SINK_UNTRUSTED_SOURCE', 'SINK_UNTRUSTED_SOURCE'];
    for (const seen of [previews, outcomes])
      assert.deepEqual(
        seen.map(({ error }) => error?.code),
        codes,
      );
    assert.match(
      outcomes[2]?.error?.message ?? '',
      /expected a source that root or uid 2 decides, got app, which uid 1 decides$/,
    );
    assert.deepEqual([statSync(sinks.alices.path).uid, statSync(sinks.forAlice.path).uid], [ALICE, ALICE]);
    assert.ok(!existsSync(sinks.forBob.path) && !existsSync(sinks.roots.path));
  });

  test('may be trusted, which is the same as being root', async (t) => {
    if (skipsWithoutRoot(t)) return;
    const { base } = estateOf(t, ALICE);
    const sinks = [sinkAt(join(base, 'roots')), sinkAt(join(base, 'for-bob'), { owner: BOB })];
    const { outcomes } = await applySinks(actingDeps(), { ...applyRequest(sinks), origin: {} });
    assert.deepEqual(
      outcomes.map(({ error }) => error),
      [undefined, undefined],
    );
  });
});
