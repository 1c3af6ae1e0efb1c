import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { SinkOutcome } from '../../src/core/outcomes.ts';
import { applySinks } from '../../src/sinks/apply.ts';
import { renderSink } from '../../src/sinks/formats/render.ts';
import { credentials } from '../support/credentials.ts';
import { applyRequest, sinkDeps } from '../support/sinks.ts';
import { tempDir } from '../support/temp-dir.ts';
import { awsSink } from '../sinks/formats/rendering.ts';
import { report } from './tally.ts';
import { FROM_SOURCE } from '../support/from-source.ts';

const deps = sinkDeps({ render: renderSink, clock: { now: () => Date.now() } });

/** Of a user, and set by nobody: whoever overwrites the file with a part of it loses it for good. */
const STATIC = '[static]\naws_access_key_id = AKIASTATIC\naws_secret_access_key = x\n';

interface Race {
  readonly what: string;
  /** Program and arguments; the path and the pause follow. */
  readonly writer: readonly string[];
  /** Milliseconds. */
  readonly pause: number;
  readonly rotations: number;
}

/** The product trusts no file that was emptied a shorter time ago; milliseconds. A writer who is kept waiting loses. */
const WAIT = 100;

/**
 * Rotates a profile beside a tool that sets another one in the same file. At the end ours is current and no profile is
 * gone; of theirs that is lost which they read before and wrote after a rename of ours, or the other way round.
 */
export async function raceWriter(t: TestContext, race: Race): Promise<void> {
  const { what, writer, pause, rotations } = race;
  const path = join(tempDir(t), 'credentials');
  writeFileSync(path, STATIC, { mode: 0o600 });
  const stop = await startWriter(t, [...writer, path, String(pause)]);
  for (let rotation = 1; rotation <= rotations; rotation++) {
    await rotate(path, rotation);
    await delay(pause / 2);
  }
  const { sets, lost, longestGap = 0 } = await stop();
  if (longestGap > WAIT / 2) {
    t.diagnostic(`once more: the machine let the writer wait for ${Math.round(longestGap)} ms in the middle`);
    await raceWriter(t, race);
    return;
  }
  const last = await rotate(path, rotations + 1);
  assert.equal(last.result, 'written', last.error?.message ?? '');
  const text = readFileSync(path, 'utf8');
  assert.ok(text.includes(STATIC), text);
  assert.ok(text.includes(credentials(String(rotations + 1)).accessKeyId));
  assert.match(text, /^\[other\]\n\w+ = \d+$/m);
  report(t, { case: `sets of another profile by ${what}`, tries: sets, survived: sets - lost, lost });
}

async function rotate(path: string, generation: number): Promise<SinkOutcome> {
  const request = { ...applyRequest([]), sinks: [awsSink({ path })], credentials: credentials(String(generation)) };
  const { outcomes } = await applySinks(deps, { ...request, origin: {} });
  return outcomes[0] ?? assert.fail('no outcome');
}

interface Told {
  readonly sets: number;
  readonly lost: number;
  /** Milliseconds; where the writer measures it. */
  readonly longestGap?: number;
}

/** Gives what ends it and says what it did. */
async function startWriter(t: TestContext, [program = '', ...args]: readonly string[]): Promise<() => Promise<Told>> {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const next = async (): Promise<string> => String((await lines.next()).value);
  assert.equal(await next(), 'writing');
  return async () => {
    child.stdin.end();
    return JSON.parse(await next()) as Told;
  };
}

export const IN_PLACE = [...FROM_SOURCE, join(import.meta.dirname, 'writer-child.ts')];
