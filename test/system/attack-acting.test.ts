import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  lchownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { DotenvSink } from '../../src/core/config.ts';
import type { SinkOutcome } from '../../src/core/outcomes.ts';
import { applySinks } from '../../src/sinks/apply.ts';
import type { ApplyRequest } from '../../src/sinks/contract.ts';
import { actingDeps, BOB, estateOf, runAs, skipsWithoutRoot } from '../support/acting.ts';
import { applyRequest, sinkAt } from '../support/sinks.ts';

/** What a user puts in the way of root, and that it harms nobody but that user. */
describe('a user gains nothing by', () => {
  test('a symlink to a file of root in place of the sink', async (t) => {
    if (skipsWithoutRoot(t)) return;
    const { home, vault, assertVaultUntouched } = estateOf(t, BOB);
    plantLink(join(vault, 'credentials'), join(home, 'a'));
    assertFailed(await apply(sinkAt(join(home, 'a'))), 'SINK_NOT_REGULAR');
    assertVaultUntouched();
  });

  test('a symlink to a directory of root on the way', async (t) => {
    if (skipsWithoutRoot(t)) return;
    const { home, vault, assertVaultUntouched } = estateOf(t, BOB);
    plantLink(vault, join(home, 'link'));
    for (const name of ['credentials', 'other', 'made/other']) {
      assertFailed(await apply(sinkAt(join(home, 'link', name))), 'SINK_UNREADABLE', 'SINK_WRITE_FAILED');
    }
    assertVaultUntouched();
  });

  test('a hard link to a file of root in place of the sink', async (t) => {
    if (skipsWithoutRoot(t)) return;
    const { home, vault } = estateOf(t, BOB);
    // As if protected_hardlinks were off.
    linkSync(join(vault, 'credentials'), join(home, 'a'));
    assertFailed(await apply(sinkAt(join(home, 'a'))), 'SINK_UNREADABLE');
    chmodSync(join(vault, 'credentials'), 0o644);
    assert.equal((await apply(sinkAt(join(home, 'a')))).result, 'written');
    const { uid, mode, nlink } = lstatSync(join(vault, 'credentials'));
    assert.deepEqual([uid, mode & 0o777, nlink], [0, 0o644, 1]);
    assert.equal(readFileSync(join(vault, 'credentials'), 'latin1'), 'CANARY=1\n');
  });

  test('a symlink in place of the temp file, once it is there', async (t) => {
    if (skipsWithoutRoot(t)) return;
    const { home, vault, assertVaultUntouched } = estateOf(t, BOB);
    const beforeWrite: ApplyRequest['beforeWrite'] = (temps) => {
      for (const { path } of temps) {
        unlinkSync(path);
        plantLink(join(vault, 'credentials'), path);
      }
      return Promise.resolve();
    };
    const outcome = await apply(sinkAt(join(home, 'a')), { beforeWrite });
    assertFailed(outcome, 'SINK_CONFLICT');
    assert.ok(!outcome.bytesChanged, 'the link was not renamed');
    assertVaultUntouched();
  });

  test('a FIFO, a file without end, or one far too large', async (t) => {
    if (skipsWithoutRoot(t)) return;
    const { home } = estateOf(t, BOB);
    const paths = ['fifo', 'sparse', 'endless'].map((name) => join(home, name)) as [string, string, string];
    assert.equal(spawnSync('mkfifo', [paths[0]]).status, 0);
    writeFileSync(paths[1], '');
    truncateSync(paths[1], 2 ** 40);
    writeFileSync(paths[2], '');
    for (const path of paths) chownSync(path, BOB, BOB);
    using writer = runAs(BOB, APPEND_FOR_EVER, paths[2]);
    assert.ok(writer.stdout);
    await once(writer.stdout, 'data');
    const sinks = [...paths, join(home, 'sound')].map((path) => sinkAt(path, { only: true }));
    const { outcomes } = await applySinks(actingDeps(), applyRequest(sinks));
    const codes = outcomes.map(({ error }) => error?.code);
    assert.deepEqual([codes[0], codes[1], codes[3]], ['SINK_NOT_REGULAR', 'SINK_TOO_LARGE', undefined]);
    assert.ok([undefined, 'SINK_CONFLICT', 'SINK_UNVERIFIED', 'SINK_TOO_LARGE'].includes(codes[2]), String(codes[2]));
  });

  test('moving the directory away and a link to one of root in its place, while its sink is written', async (t) => {
    if (skipsWithoutRoot(t)) return;
    const { home, vault, assertVaultUntouched } = estateOf(t, BOB);
    mkdirSync(join(home, 'd'));
    chownSync(join(home, 'd'), BOB, BOB);
    const beforeWrite: ApplyRequest['beforeWrite'] = () => {
      renameSync(join(home, 'd'), join(home, 'moved'));
      plantLink(vault, join(home, 'd'));
      return Promise.resolve();
    };
    assertFailed(await apply(sinkAt(join(home, 'd/credentials')), { beforeWrite }), 'SINK_UNVERIFIED');
    assertVaultUntouched();
  });

  test('swapping a directory for a link to one of root without pause', async (t) => {
    if (skipsWithoutRoot(t)) return;
    // Open to all, so that only who writes protects it.
    const { home, vault, assertVaultUntouched } = estateOf(t, BOB, true);
    const path = join(home, 'd/credentials');
    using swapper = runAs(BOB, SWAP_FOR_EVER, home, vault);
    const results = new Set<string>();
    const isMet = (): boolean => results.has('failed') || results.has('refused');
    for (const end = performance.now() + 2_000; performance.now() < end || !isMet();) {
      const { result } = await apply(sinkAt(path));
      results.add(result);
    }
    assert.equal(swapper.exitCode, null);
    assertVaultUntouched();
  });
});

const APPEND_FOR_EVER = `
  import { appendFileSync } from 'node:fs';
  for (let n = 0; ; n++) {
    appendFileSync(process.argv[1], 'X=1\\n');
    if (n === 10) console.log('going');
  }`;

/** The directory, which our own process may make again meanwhile, and the link, in turn under one name. */
const SWAP_FOR_EVER = `
  import { mkdirSync, renameSync, symlinkSync, unlinkSync } from 'node:fs';
  const [, home, vault] = process.argv;
  process.chdir(home);
  const attempt = (act, ...args) => { try { act(...args); } catch {} };
  for (let n = 0; ; n = (n + 1) % 50) {
    attempt(mkdirSync, 'd', 0o700);
    attempt(renameSync, 'd', 'aside' + n);
    attempt(symlinkSync, vault, 'd');
    attempt(unlinkSync, 'd');
    attempt(renameSync, 'aside' + n, 'd');
  }`;

function plantLink(target: string, path: string): void {
  symlinkSync(target, path);
  lchownSync(path, BOB, BOB);
}

async function apply(sink: DotenvSink, change: Partial<ApplyRequest> = {}): Promise<SinkOutcome> {
  const { outcomes } = await applySinks(actingDeps(), applyRequest([sink], change));
  return outcomes[0] ?? assert.fail('no outcome');
}

function assertFailed({ error }: SinkOutcome, ...codes: readonly string[]): void {
  assert.ok(error && codes.includes(error.code), JSON.stringify(error));
}
