import assert from 'node:assert/strict';
import { chmodSync, lstatSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, test, type TestContext } from 'node:test';
import type { AtomicFiles } from '../../../src/core/contracts.ts';
import { idOf } from '../../../src/core/sink-id.ts';
import { applySinks } from '../../../src/sinks/apply.ts';
import type { ApplyRequest, TempFile } from '../../../src/sinks/contract.ts';
import { applyRequest, sinkAt, sinkDeps } from '../../support/sinks.ts';
import { tempDir } from '../../support/temp-dir.ts';

const deps = sinkDeps();

describe('sinks of one rotation', () => {
  test('are all there under temp names, empty and journalled, before one is filled', async (t) => {
    const paths = oldFiles(t, 3);
    const calls: { temps: readonly TempFile[]; changing: readonly string[]; sizes: number[]; modes: number[] }[] = [];
    const beforeWrite: ApplyRequest['beforeWrite'] = async (temps, changing) => {
      await allElseIsOver();
      const stats = temps.map(({ path }) => lstatSync(path));
      calls.push({
        temps,
        changing,
        sizes: stats.map(({ size }) => size),
        modes: stats.map((stat) => stat.mode & 0o777),
      });
    };
    await applySinks(
      deps,
      applyRequest(
        paths.map((path) => sinkAt(path)),
        { beforeWrite },
      ),
    );
    const [call = assert.fail('no journal')] = calls;
    assert.equal(calls.length, 1);
    assert.deepEqual(call.sizes, [0, 0, 0]);
    assert.deepEqual(call.modes, [0o600, 0o600, 0o600]);
    assert.deepEqual(
      call.changing,
      paths.map((path) => idOf(sinkAt(path))),
    );
    assert.deepEqual(
      call.temps.map(({ path }) => path.replace(/\.([^/]+)\.\d+\.crtmp$/, '$1')),
      paths,
    );
    // Renaming keeps the inode, so the journal named the very files.
    assert.deepEqual(
      call.temps.map(({ inode }) => inode),
      paths.map((path) => String(lstatSync(path).ino)),
    );
  });

  test('are all filled and synced before one is renamed', async (t) => {
    const paths = oldFiles(t, 30);
    let staged = 0;
    let stagedAtOnce = 0;
    const files: AtomicFiles = {
      replace: (path, stage) =>
        deps.files.replace(path, async (temp) => {
          await stage(temp);
          // Those that waited for each other go on in one turn of the event loop; those that did not, as each is synced.
          if (staged++ === 0) setImmediate(() => (stagedAtOnce = staged));
        }),
    };
    const { outcomes } = await applySinks({ ...deps, files }, applyRequest(paths.map((path) => sinkAt(path))));
    assert.deepEqual(new Set(outcomes.map(({ result }) => result)), new Set(['written']));
    assert.equal(stagedAtOnce, 30);
  });

  test('are seen by a reader of the whole directory under their own names alone, and others with a dot', async (t) => {
    const names = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN'];
    const directory = tempDir(t);
    for (const name of names) writeFileSync(join(directory, name), 'old', { mode: 0o600 });
    const seen: (readonly string[])[] = [];
    const look = (): void => {
      seen.push(readdirSync(directory));
    };
    const files: AtomicFiles = {
      replace: (path, stage) =>
        deps.files.replace(path, async (temp) => {
          look();
          await stage(temp);
          look();
        }),
    };
    const sinks = names.map((name) => sinkAt(join(directory, name)));
    await applySinks({ ...deps, files }, applyRequest(sinks));
    assert.equal(Math.max(...seen.map(({ length }) => length)), 6, 'each has its temp file at once');
    for (const found of seen) assert.deepEqual(found.filter((name) => !name.startsWith('.')).sort(), names);
    assert.deepEqual(readdirSync(directory).sort(), names);
  });

  test('are written though the journal cannot be', async (t) => {
    const path = join(tempDir(t), 'a');
    const beforeWrite = (): Promise<never> => Promise.reject(new Error('no space for the journal'));
    const { outcomes } = await applySinks(deps, applyRequest([sinkAt(path)], { beforeWrite }));
    assert.partialDeepStrictEqual(outcomes, [{ result: 'written' }]);
  });

  test('whose bytes stay are not named as changing', async (t) => {
    const { path } = await written(t);
    chmodSync(path, 0o644);
    let changing: readonly string[] | undefined;
    const beforeWrite: ApplyRequest['beforeWrite'] = (_temps, names) => {
      changing = names;
      return Promise.resolve();
    };
    await applySinks(deps, applyRequest([sinkAt(path)], { rotated: false, beforeWrite }));
    assert.deepEqual(changing, []);
  });

  test('do not stop each other: one of ten fails at each step', async (t) => {
    const directory = tempDir(t);
    const broken: Record<string, () => void> = {
      format: () => {
        writeFileSync(join(directory, 'format'), 'refuse\n');
      },
      kind: () => {
        mkdirSync(join(directory, 'kind'));
      },
      ['n'.repeat(250)]: () => undefined,
    };
    const names = [...Object.keys(broken), ...Array.from({ length: 7 }, (_, index) => `sound${String(index)}`)];
    for (const prepare of Object.values(broken)) prepare();
    const sinks = names.map((name) => sinkAt(join(directory, name)));
    const { outcomes, records } = await applySinks(deps, applyRequest(sinks));
    assert.deepEqual(
      outcomes.map(({ path }) => basename(path)),
      names,
    );
    const codes = outcomes.map(({ error }) => error?.code);
    assert.deepEqual(codes.slice(0, 3), ['SINK_FORMAT_REFUSED', 'SINK_NOT_REGULAR', 'SINK_WRITE_FAILED']);
    assert.deepEqual(new Set(outcomes.slice(3).map(({ result }) => result)), new Set(['written']));
    assert.equal(Object.keys(records).length, 7);
  });

  test('of which none could be staged leave the journal alone', async (t) => {
    let calls = 0;
    const beforeWrite = async (): Promise<void> => {
      await Promise.resolve();
      calls++;
    };
    const sink = sinkAt(join(tempDir(t), 'n'.repeat(250)));
    const { outcomes } = await applySinks(deps, applyRequest([sink], { beforeWrite }));
    assert.partialDeepStrictEqual(outcomes, [{ error: { code: 'SINK_WRITE_FAILED' } }]);
    assert.match(outcomes[0]?.error?.hint ?? '', /237 bytes/);
    assert.equal(calls, 0);
  });
});

/** What does not wait for us has come to its end: no call of the file system is under way. */
async function allElseIsOver(): Promise<void> {
  do await turn();
  while (process.getActiveResourcesInfo().some((resource) => resource.startsWith('FSReq')));
}

async function written(t: TestContext): Promise<{ path: string; records: ApplyRequest['records'] }> {
  const path = join(tempDir(t), 'a');
  const { records } = await applySinks(deps, applyRequest([sinkAt(path)]));
  return { path, records };
}

function oldFiles(t: TestContext, count: number): string[] {
  const directory = tempDir(t);
  const paths = Array.from({ length: count }, (_, index) => join(directory, `sink${String(index)}`));
  for (const path of paths) writeFileSync(path, 'OTHER=1\n', { mode: 0o600 });
  return paths;
}
