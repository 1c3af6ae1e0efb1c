import assert from 'node:assert/strict';
import { chmodSync, chownSync, lstatSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import type { SinkConfig } from '../../../src/core/config.ts';
import type { SinkOutcome } from '../../../src/core/outcomes.ts';
import { applySinks, previewSinks } from '../../../src/sinks/apply.ts';
import type { SinkRecords } from '../../../src/sinks/contract.ts';
import { renderSink } from '../../../src/sinks/formats/render.ts';
import { actingDeps, BOB, estateOf, skipsWithoutRoot } from '../../support/acting.ts';
import { applyRequest, sinkDeps } from '../../support/sinks.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { dotenvSink } from '../formats/rendering.ts';

const deps = sinkDeps({ render: renderSink });
/** On every distribution: games, or another. */
const GROUP = 60;

interface Done {
  readonly outcome: SinkOutcome;
  readonly records: SinkRecords;
}

async function pass(sink: SinkConfig, records: SinkRecords = {}, own = deps): Promise<Done> {
  const request = { ...applyRequest([], { records, rotated: false }), sinks: [sink] };
  const { outcomes, records: known } = await applySinks(own, request);
  return { outcome: outcomes[0] ?? assert.fail('no outcome'), records: known };
}

function existing(t: TestContext, mode: number, path = join(tempDir(t), 'aws.env')): string {
  writeFileSync(path, 'OTHER=1\n');
  chmodSync(path, mode);
  return path;
}

function usual(path: string): SinkConfig {
  return { ...dotenvSink(), path, isUsualMode: true };
}

describe('a file that had another mode before it became a sink', () => {
  test('is said with both and the line that keeps it, in a look and in every pass, until that is configured', async (t) => {
    const path = existing(t, 0o640);
    const look = await previewSinks(deps, { ...applyRequest([]), sinks: [usual(path)] });
    const expected = /^\S+:\S+ 0640, which it had before, becomes \S+:\S+ 0600, .* configure mode: "0640" to keep it/;
    assert.match(look[0]?.warnings.join() ?? '', expected);
    const first = await pass(usual(path));
    assert.match(first.outcome.warnings.join(), expected);
    const second = await pass(usual(path), first.records);
    assert.equal(second.outcome.result, 'unchanged');
    assert.match(second.outcome.warnings.join(), expected);
    const rotated = await applySinks(deps, { ...applyRequest([], { records: second.records }), sinks: [usual(path)] });
    assert.match(rotated.outcomes[0]?.warnings.join() ?? '', expected);
    for (const mode of [0o640, 0o600]) {
      const { outcome, records } = await pass({ ...dotenvSink({ mode }), path }, rotated.records);
      assert.deepEqual(outcome.warnings, []);
      assert.equal(lstatSync(path).mode & 0o777, mode);
      assert.ok(Object.values(records).every(({ former }) => former === undefined));
    }
  });

  test('is not said of one that is as usual, that was not there, or that was ours', async (t) => {
    const path = existing(t, 0o600);
    assert.deepEqual((await pass(usual(path))).outcome.warnings, []);
    const { outcome, records } = await pass(usual(`${path}.new`));
    assert.deepEqual(outcome.warnings, []);
    chmodSync(`${path}.new`, 0o644);
    const repaired = await pass(usual(`${path}.new`), records);
    assert.deepEqual(repaired.outcome.warnings, []);
    assert.partialDeepStrictEqual(repaired.outcome, { result: 'repaired', drift: ['mode'] });
    assert.equal(repaired.outcome.detail, 'mode 0644 instead of 0600');
  });

  test('names its owner and group too, as the user database does', async (t) => {
    if (skipsWithoutRoot(t)) return;
    const path = existing(t, 0o640);
    chownSync(path, BOB, GROUP);
    const { outcome } = await pass(usual(path));
    assert.match(
      outcome.warnings.join(),
      /^[a-z]+:[a-z0-9]+ 0640, .* becomes root:root 0600, .* configure owner: [a-z]+ and group: [a-z0-9]+ and mode: "0640" to/,
    );
    const other = existing(t, 0o640);
    chownSync(other, 0, GROUP);
    const named = await pass({ ...usual(other), group: GROUP });
    assert.match(named.outcome.warnings.join(), /configure mode: "0640" to keep it/);
  });

  test('on the path of a user is said by the process of that user, who can choose the mode alone', async (t) => {
    if (skipsWithoutRoot(t)) return;
    const { home } = estateOf(t, BOB);
    const path = existing(t, 0o644, join(home, 'aws.env'));
    const first = await pass(usual(path), {}, actingDeps());
    assert.match(first.outcome.warnings.join(), /^root:root 0644, .* configure mode: "0644" to keep it/);
    const again = await pass(usual(path), first.records, actingDeps());
    assert.equal(again.outcome.result, 'unchanged');
    assert.match(again.outcome.warnings.join(), /^root:root 0644, /);
  });
});
