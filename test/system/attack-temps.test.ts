import assert from 'node:assert/strict';
import { chmodSync, chownSync, lchownSync, linkSync, lstatSync, lutimesSync, mkdirSync, readdirSync } from 'node:fs';
import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { tally } from '../faults/tally.ts';
import { SYS } from './attack-ground.ts';
import { openStage, resultOf, type Stage } from './attack-stage.ts';

/** Whose directory a sink is in, and who plants there. */
const PLACES: Readonly<Record<string, { readonly owner: number; readonly group: number; readonly mode: number }>> = {
  "root's": { owner: 0, group: 0, mode: 0o755 },
  "a trusted group's": { owner: 0, group: SYS, mode: 0o2775 },
  "a user's": { owner: SYS, group: SYS, mode: 0o755 },
};

/** Names as ours, of what is none of ours; all of it an hour old. */
function plant(directory: string, sink: string, uid: number): void {
  const at = (name: string): string => join(directory, `.${sink}${name}`);
  writeFileSync(at('.1.crtmp'), 'not empty');
  writeFileSync(at('.2.crtmp'), '');
  linkSync(at('.2.crtmp'), join(directory, 'of-others'));
  symlinkSync('/etc/passwd', at('.3.crtmp'));
  mkdirSync(at('.4.crtmp'));
  for (const name of ['.12345678901.crtmp', '.x.crtmp', '.5.crtmp.bak', '5.crtmp']) writeFileSync(at(name), '');
  writeFileSync(join(directory, '.other.6.crtmp'), '');
  writeFileSync(join(directory, `${sink}.7.crtmp`), '');
  for (const name of readdirSync(directory)) {
    lchownSync(join(directory, name), uid, uid);
    lutimesSync(join(directory, name), 1, 1);
  }
}

function portrait(directory: string): readonly string[] {
  return readdirSync(directory).map((name) => {
    const { ino, uid, size, mode } = lstatSync(join(directory, name), { bigint: true });
    return `${name} ${ino} ${uid} ${size} ${mode}`;
  });
}

async function passesOver(stage: Stage, path: string): Promise<void> {
  for (let n = 0; n < 2; n++) {
    const report = await stage.pass({ trusted_groups: [SYS], sinks: [{ path, format: 'dotenv' }] });
    assert.equal(resultOf(report, path), 'written');
  }
}

describe('names like those of our temp files', () => {
  test('are no reason to remove what is not ours', async (t) => {
    const stage = await openStage(t, SYS);
    await tally(t, 'planted temp names beside a sink', async (attempt) => {
      for (const [place, { owner, group, mode }] of Object.entries(PLACES)) {
        for (const planter of [0, SYS]) {
          await attempt(async () => {
            const directory = join(stage.ground.base, `of-${planter}-${owner}-${group}`);
            mkdirSync(directory);
            chownSync(directory, owner, group);
            chmodSync(directory, mode);
            plant(directory, 'app.env', planter);
            const before = portrait(directory);
            await passesOver(stage, join(directory, 'app.env'));
            const after = portrait(directory).filter((line) => !line.startsWith('app.env '));
            assert.deepEqual(after, before, `${place}, planted by ${planter}`);
          });
        }
      }
      await attempt(async () => {
        const directory = join(stage.ground.base, 'swept');
        mkdirSync(directory);
        writeFileSync(join(directory, '.app.env.7.crtmp'), '');
        lutimesSync(join(directory, '.app.env.7.crtmp'), 1, 1);
        await passesOver(stage, join(directory, 'app.env'));
        assert.deepEqual(readdirSync(directory), ['app.env'], 'what is ours stays');
      });
    });
    stage.ground.inspectContents();
  });
});
