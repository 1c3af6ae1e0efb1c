import assert from 'node:assert/strict';
import { chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { ErrorCode } from '../../../src/core/errors.ts';
import { ACTING_LIMITS } from '../../../src/sinks/acting/message.ts';
import { applySinks } from '../../../src/sinks/apply.ts';
import { previewSinks } from '../../../src/sinks/apply.ts';
import { actingDeps, actorsOf, BOB, estateOf, skipsWithoutRoot } from '../../support/acting.ts';
import { eventually } from '../../support/eventually.ts';
import { mountHanging } from '../../support/fuse.ts';
import { limit } from '../../support/limits.ts';
import { applyRequest, sinkAt } from '../../support/sinks.ts';

/** Milliseconds: so short that the others would not be done if they waited for it, were it what they waited for. */
const SHORT = { ...ACTING_LIMITS, jobMs: limit(1_500), lookMs: limit(500), perSinkMs: 0 };

describe('a path that does not answer holds up nobody else', () => {
  test('when the process that acts there is stopped', async (t) => {
    if (skipsWithoutRoot(t)) return;
    const { base, home } = estateOf(t, BOB);
    const stop = (): Promise<void> => {
      for (const pid of actorsOf(BOB)) process.kill(pid, 'SIGSTOP');
      return Promise.resolve();
    };
    const sinks = [join(home, 'a'), join(base, 'own')].map((path) => sinkAt(path));
    const { outcomes, temps } = await applySinks(actingDeps(), applyRequest(sinks, { beforeWrite: stop }), SHORT);
    assert.partialDeepStrictEqual(outcomes, [
      { result: 'failed', bytesChanged: true, error: { code: 'SINK_TIMEOUT' } },
      { result: 'written' },
    ]);
    assert.match(outcomes[0]?.error?.message ?? '', /home\/a: expected an answer.* uid 2, got none in [\d.]+ s$/);
    assert.deepEqual(
      temps.map(({ uid }) => uid),
      [BOB],
    );
    await eventually('the end of the process', () => actorsOf(BOB).length === 0);
    const next = await applySinks(actingDeps(), applyRequest(sinks, { temps }));
    assert.deepEqual([next.outcomes[0]?.result, next.temps], ['written', []]);
  });

  for (const forAll of [false, true]) {
    test(`when a user serves the home ${forAll ? 'to all' : 'to nobody else'} and never answers`, async (t) => {
      if (skipsWithoutRoot(t)) return;
      const { base, home } = estateOf(t, BOB);
      using mount = mountHanging(t, home, { uid: BOB, forAll });
      if (!mount) return;
      await assertAlone(base, { path: join(home, 'a'), code: 'SINK_TIMEOUT' });
    });
  }

  test('when a user serves what lies over the file itself, which is not even asked', async (t) => {
    if (skipsWithoutRoot(t)) return;
    const { base } = estateOf(t, BOB);
    const path = join(base, 'a');
    writeFileSync(path, '');
    chownSync(path, BOB, BOB);
    using mount = mountHanging(t, path, { uid: BOB, forAll: true });
    if (!mount) return;
    await assertAlone(base, { path, owner: BOB, code: 'SINK_UNSAFE_PATH' });
  });

  test('when root has mounted what never answers', async (t) => {
    if (skipsWithoutRoot(t)) return;
    const { base } = estateOf(t, BOB);
    const share = join(base, 'share');
    mkdirSync(share);
    using mount = mountHanging(t, share, { uid: 0 });
    if (!mount) return;
    await assertAlone(base, { path: join(share, 'below/a'), code: 'SINK_TIMEOUT' });
  });
});

interface Alone {
  readonly path: string;
  readonly owner?: number;
  readonly code: ErrorCode;
}

/** Another sink is written all the same; a look and a pass say alike. */
async function assertAlone(base: string, { code, path, ...owner }: Alone): Promise<void> {
  const sinks = [sinkAt(path, owner), sinkAt(join(base, 'own'))];
  const { outcomes } = await applySinks(actingDeps(), applyRequest(sinks), SHORT);
  assert.deepEqual([outcomes[0]?.error?.code, outcomes[1]?.result], [code, 'written']);
  const [look] = await previewSinks(actingDeps(), applyRequest(sinks), SHORT);
  assert.equal(look?.error?.code, code);
}
