import assert from 'node:assert/strict';
import { chownSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { compile } from '../faults/compile.ts';
import { tally } from '../faults/tally.ts';
import { BACKUP } from './attack-ground.ts';
import { Crew } from './attack-crew.ts';
import { openStage } from './attack-stage.ts';

const PASSES = 15;

describe('what root starts as a user', () => {
  test('lends its descriptors to nobody', async (t) => {
    const program = await compile(join(import.meta.dirname, 'attacker.c'), '-Wno-unused-result');
    if (program === undefined) {
      t.skip('needs cc: the attacker is made of test/system/attacker.c');
      return;
    }
    const stage = await openStage(t, BACKUP);
    const { ground } = stage;
    const pidFile = join(ground.home, 'app.pid');
    writeFileSync(pidFile, `${process.pid}\n`);
    chownSync(pidFile, BACKUP, BACKUP);
    // A pass that acts as the user for a sink may have closed all of them.
    const ofUser = { path: join(ground.home, 'app.env'), owner: BACKUP };
    const ofRoot = { path: stage.site.path('out/app.env') };
    const consumers = {
      file: { type: 'signal', signal: 'SIGHUP', pid_file: pidFile, handles_signal: true },
      hook: { type: 'exec', command: ['/bin/sleep', '0.1'], user: BACKUP, timeout: '2s' },
    };
    // What a shell or a service manager left open, beyond the numbers that Node closes by itself.
    const lend = ['/bin/bash', '-c', 'exec 100<"$0" 101<"$0/credentials" && exec "$@"', ground.closed];
    using crew = new Crew(t, program, ground);
    crew.attack([['steal', '1']]);
    let looked = 0;
    await tally(t, 'descriptors of what acts as a user', async (attempt) => {
      for (let n = 0; n < PASSES; n++) {
        await attempt(async () => {
          const sink = { ...(n % 3 === 2 ? ofUser : ofRoot), format: 'dotenv', notify: ['file', 'hook'] };
          await stage.pass({ sinks: [sink], consumers }, { through: lend });
          await crew.pause();
          const lines = crew.said().split('\n').filter(Boolean);
          looked = Number(lines.findLast((line) => line.startsWith('looked'))?.split(' ')[1] ?? 0);
          assert.deepEqual(
            lines.filter((line) => !line.startsWith('looked')),
            [],
          );
          crew.goOn();
        });
      }
    });
    assert.ok(looked > 0, 'no process of the user was met');
    assert.match(readFileSync(pidFile, 'utf8'), /^\d+\n$/);
  });
});
