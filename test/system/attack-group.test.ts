import assert from 'node:assert/strict';
import { chmodSync, chownSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { compile } from '../faults/compile.ts';
import { tally } from '../faults/tally.ts';
import { assertNoSecret } from '../support/secrets.ts';
import { Crew } from './attack-crew.ts';
import { LIST } from './attack-ground.ts';
import { isCurrent, openStage, resultOf, SLOWED } from './attack-stage.ts';

const SINKS = 20;
const PASSES = 20;

/** What a member can always do: delete, and put a file of their own in the place. It must be noticed. */
describe('a member of a trusted group', () => {
  for (const how of ['rename', 'link', 'exchange'] as const) {
    test(`puts a file of their own in the place of the temp file: ${how}`, async (t) => {
      const program = await compile(join(import.meta.dirname, 'attacker.c'), '-Wno-unused-result');
      if (program === undefined) {
        t.skip('needs cc: the attacker is made of test/system/attacker.c');
        return;
      }
      const stage = await openStage(t, LIST);
      const { ground, site } = stage;
      const directory = join(ground.base, 'shared');
      mkdirSync(directory);
      chownSync(directory, 0, LIST);
      chmodSync(directory, 0o2775);
      const paths = Array.from({ length: SINKS }, (_, n) => join(directory, `sink-${n}.env`));
      const sinks = paths.map((path) => ({ path, format: 'dotenv' }));
      using crew = new Crew(t, program, ground);
      crew.attack([['race', directory, how]]);
      const results = new Map<string, number>();
      await tally(t, `trusted group: temp file replaced (${how})`, async (attempt) => {
        for (let pass = 0; pass < PASSES; pass++) {
          const report = await stage.pass({ trusted_groups: [LIST], sinks }, pass % 4 === 0 ? SLOWED : {});
          await crew.pause();
          const ofMember = readdirSync(directory).filter((name) => lstatSync(join(directory, name)).uid !== 0);
          for (const path of paths) {
            await attempt(() => {
              const result = resultOf(report, path);
              results.set(result, (results.get(result) ?? 0) + 1);
              const isOurs = lstatSync(path, { throwIfNoEntry: false })?.uid === 0 && isCurrent(site, path);
              assert.ok(isOurs || !['written', 'repaired', 'unchanged'].includes(result), `${path}: ${result}`);
              for (const name of ofMember) assertNoSecret(name, readFileSync(join(directory, name), 'latin1'));
            });
          }
          for (const name of readdirSync(directory)) rmSync(join(directory, name));
          await attempt(() => {
            assert.equal(crew.said(), '', 'the member got what root wrote');
          });
          crew.goOn();
        }
      });
      crew.leave();
      t.diagnostic([...results].map(([result, times]) => `${result} ${times}`).join(', '));
      assert.ok(results.size > 1, 'no pass met the attack');
    });
  }
});
