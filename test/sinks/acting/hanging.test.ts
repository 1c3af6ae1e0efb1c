import assert from 'node:assert/strict';
import { closeSync, existsSync, openSync } from 'node:fs';
import { dlopen } from 'node:ffi';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { ACTING_LIMITS } from '../../../src/sinks/acting/patience.ts';
import { applySinks } from '../../../src/sinks/apply.ts';
import { previewSinks } from '../../../src/sinks/preview.ts';
import { actingDeps, actorsOf, BOB, estateOf, skipsWithoutRoot } from '../../support/acting.ts';
import { eventually } from '../../support/eventually.ts';
import { limit } from '../../support/limits.ts';
import { applyRequest, sinkAt } from '../../support/sinks.ts';

/** Milliseconds: so short that the others would not be done if they waited for it, were it what they waited for. */
const SHORT = { ...ACTING_LIMITS, deadline: limit(1_500), looking: limit(500), perSink: 0 };

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

  test('when the file system of a home hangs, for its user or for all', async (t) => {
    if (skipsWithoutRoot(t)) return;
    for (const forAll of [false, true]) {
      const { base, home } = estateOf(t, BOB);
      const recover = mountHanging(home, forAll);
      if (!recover) {
        t.skip('needs the right to mount FUSE');
        return;
      }
      try {
        const sinks = [join(home, 'a'), join(base, 'own')].map((path) => sinkAt(path));
        const { outcomes } = await applySinks(actingDeps(), applyRequest(sinks), SHORT);
        assert.equal(outcomes[1]?.result, 'written');
        // It is the user's whatever it presents, and root does not even look.
        const code = 'SINK_TIMEOUT';
        assert.partialDeepStrictEqual(outcomes[0], { result: 'failed', error: { code } });
        const [look] = await previewSinks(actingDeps(), applyRequest(sinks), SHORT);
        assert.equal(look?.error?.code, code);
      } finally {
        recover();
      }
    }
  });
});

const MNT_DETACH = 2;

/** A file system whose server never answers. Gives what takes it away; undefined where none can be mounted. */
function mountHanging(directory: string, forAll: boolean): (() => void) | undefined {
  if (!existsSync('/dev/fuse')) return undefined;
  const { functions: libc } = dlopen(null, {
    mount: { arguments: ['pointer', 'pointer', 'pointer', 'u64', 'pointer'], return: 'i32' },
    umount2: { arguments: ['pointer', 'i32'], return: 'i32' },
  });
  const text = (value: string): Buffer => Buffer.from(`${value}\0`);
  const server = openSync('/dev/fuse', 'r+');
  const options = `fd=${server},rootmode=40755,user_id=${BOB},group_id=${BOB}${forAll ? ',allow_other' : ''}`;
  const at = text(directory);
  if (libc.mount(text('hanging'), at, text('fuse'), 0n, text(options)) !== 0) {
    closeSync(server);
    return undefined;
  }
  return () => {
    closeSync(server);
    libc.umount2(at, MNT_DETACH);
  };
}
