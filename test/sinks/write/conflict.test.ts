import assert from 'node:assert/strict';
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  lstatSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Exchanged } from '../../../src/core/contracts.ts';
import { applySinks } from '../../../src/sinks/apply.ts';
import { applyRequest, keyLine, letTimePass, sinkAt, sinkDeps } from '../../support/sinks.ts';
import { credentials } from '../../support/credentials.ts';
import { tempDir } from '../../support/temp-dir.ts';

const KEY = `${keyLine(credentials('1').accessKeyId)}\n`;
const deps = sinkDeps();

/** What another program does between our read and our rename; the journal is written in between. */
describe('a file that another program', () => {
  const others: Record<string, { write: (path: string) => void; becomes: string }> = {
    'rewrites is merged again, and what it wrote is kept': {
      write: (path) => {
        writeFileSync(path, 'OTHER=2\n');
      },
      becomes: `OTHER=2\n${KEY}`,
    },
    'replaces is merged again': {
      write: (path) => {
        rmSync(path);
        writeFileSync(path, 'OTHER=3\n', { mode: 0o600 });
      },
      becomes: `OTHER=3\n${KEY}`,
    },
    'changes in place, to the same length, is merged again': {
      write: (path) => {
        writeFileSync(path, 'OTHER=9\n', { flag: 'r+' });
      },
      becomes: `OTHER=9\n${KEY}`,
    },
    'changes in place, putting its time back, is merged again': {
      write: (path) => {
        const { atime, mtime } = lstatSync(path);
        writeFileSync(path, 'OTHER=8\n', { flag: 'r+' });
        utimesSync(path, atime, mtime);
      },
      becomes: `OTHER=8\n${KEY}`,
    },
    'removes is made': {
      write: (path) => {
        rmSync(path);
      },
      becomes: KEY,
    },
  };
  for (const [what, { write, becomes }] of Object.entries(others)) {
    test(what, async (t) => {
      const path = join(tempDir(t), 'a');
      writeFileSync(path, 'OTHER=1\n', { mode: 0o600 });
      // A time without fractions can be put back exactly.
      utimesSync(path, 1, 1);
      letTimePass(path);
      const { outcomes, calls } = await applyBeside(path, (call) => {
        if (call === 1) write(path);
      });
      assert.partialDeepStrictEqual(outcomes, [{ result: 'written' }]);
      assert.equal(calls, 2);
      assert.equal(readFileSync(path, 'utf8'), becomes);
      assert.deepEqual(readdirSync(join(path, '..')), ['a']);
    });
  }

  test('makes where there was none is merged', async (t) => {
    const path = join(tempDir(t), 'a');
    await applyBeside(path, (call) => {
      if (call === 1) writeFileSync(path, 'OTHER=1\n');
    });
    assert.equal(readFileSync(path, 'utf8'), `OTHER=1\n${KEY}`);
  });

  test('keeps changing is left to it after three tries', async (t) => {
    const path = join(tempDir(t), 'a');
    const { outcomes, records, calls } = await applyBeside(path, (call) => {
      appendFileSync(path, `OTHER=${String(call)}\n`);
    });
    assert.partialDeepStrictEqual(outcomes, [
      { result: 'failed', bytesChanged: false, error: { code: 'SINK_CONFLICT' } },
    ]);
    assert.match(outcomes[0]?.error?.message ?? '', new RegExp(`^${path}: `));
    assert.equal(calls, 3);
    assert.deepEqual(records, {});
    assert.equal(readFileSync(path, 'utf8'), 'OTHER=1\nOTHER=2\nOTHER=3\n');
    assert.deepEqual(readdirSync(join(path, '..')), ['a']);
  });

  test('makes a symlink is refused', async (t) => {
    const path = join(tempDir(t), 'a');
    const { outcomes } = await applyBeside(path, (call) => {
      if (call === 1) symlinkSync('b', path);
    });
    assert.partialDeepStrictEqual(outcomes, [{ result: 'refused', error: { code: 'SINK_NOT_REGULAR' } }]);
  });

  test('changes holds up no other sink, and is tried again alone', async (t) => {
    const directory = tempDir(t);
    const batches: string[][] = [];
    const sinks = ['a', 'b'].map((name) => sinkAt(join(directory, name)));
    const { outcomes } = await applySinks(
      deps,
      applyRequest(sinks, {
        beforeWrite: (_temps, changing) => {
          batches.push(changing.map((id) => id.replace(/^.*(.) A$/, '$1')));
          if (batches.length === 1) writeFileSync(join(directory, 'a'), 'OTHER=1\n');
          return Promise.resolve();
        },
      }),
    );
    assert.deepEqual(
      outcomes.map(({ result }) => result),
      ['written', 'written'],
    );
    assert.deepEqual(batches, [['a', 'b'], ['a']]);
  });
});

describe('a file that is changed right after the rename is reported, with what is in it:', () => {
  const acts: Readonly<Record<string, readonly [(path: string) => void, RegExp]>> = {
    'more bytes': [
      (path) => {
        appendFileSync(path, 'MORE=1\n');
      },
      /expected \d+ bytes, mode 600, owner .*, got \d+ bytes.*: the new credentials are not in it$/,
    ],
    'other bytes of that length': [
      (path) => {
        writeFileSync(path, 'x'.repeat(statSync(path).size));
        chmodSync(path, 0o640);
      },
      /mode 640.*: the new credentials are not in it$/,
    ],
    'another mode': [
      (path) => {
        chmodSync(path, 0o644);
      },
      /mode 600, owner .*, got \d+ bytes, mode 644.*: the new credentials are in it$/,
    ],
    nothing: [
      (path) => {
        rmSync(path);
      },
      /got no file: the new credentials are not in it$/,
    ],
  };
  // As the writer says it, which looks at once whether its own file has the name.
  const exchanged: typeof acts = {
    'another file with other bytes': [
      (path) => {
        rmSync(path);
        writeFileSync(path, 'theirs\n');
        throw new Exchanged(true);
      },
      /another file took the place of the new one: the new credentials are not in it$/,
    ],
    'another file with the same bytes': [
      (path) => {
        copyFileSync(path, `${path}.copy`);
        renameSync(`${path}.copy`, path);
        throw new Exchanged(true);
      },
      /another file took the place of the new one: the new credentials are in it$/,
    ],
  };
  for (const [what, [act, message]] of Object.entries({ ...acts, ...exchanged })) {
    test(what, async (t) => {
      const path = join(tempDir(t), 'a');
      const files = {
        replace: async (...args: Parameters<typeof deps.files.replace>) => {
          await deps.files.replace(...args);
          act(path);
        },
      };
      const { outcomes, records } = await applySinks({ ...deps, files }, applyRequest([sinkAt(path)]));
      assert.partialDeepStrictEqual(outcomes, [
        // Its consumers are to be notified.
        { result: 'failed', bytesChanged: true, error: { code: 'SINK_UNVERIFIED' } },
      ]);
      assert.match(outcomes[0]?.error?.message ?? '', message);
      assert.deepEqual(records, {});
    });
  }
});

/** `act` is called with the number of the try, when the temp file is there. */
async function applyBeside(
  path: string,
  act: (call: number) => void,
): Promise<Awaited<ReturnType<typeof applySinks>> & { calls: number }> {
  let calls = 0;
  const result = await applySinks(
    deps,
    applyRequest([sinkAt(path)], {
      beforeWrite: () => {
        act(++calls);
        return Promise.resolve();
      },
    }),
  );
  return { ...result, calls };
}
