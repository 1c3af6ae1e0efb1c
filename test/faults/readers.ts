import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import type { SinkConfig } from '../../src/core/config.ts';
import { Secret } from '../../src/core/secret.ts';
import { applySinks } from '../../src/sinks/apply.ts';
import { renderSink } from '../../src/sinks/formats/render.ts';
import { credentials } from '../support/credentials.ts';
import { applyRequest, sinkDeps } from '../support/sinks.ts';
import { tempDir } from '../support/temp-dir.ts';
import { EVERY_FORMAT } from './formats.ts';
import type { ReaderFile, ReaderPlan, Sightings } from './reader-child.ts';
import { report } from './tally.ts';
import { FROM_SOURCE } from '../support/from-source.ts';

const deps = sinkDeps({ render: renderSink });

/** Of several lengths, so that a piece of one file is no file of another. */
const GENERATIONS = Array.from({ length: 64 }, (_, index) =>
  credentials(String(index), { sessionToken: new Secret(`token${String(index)}`.repeat(20 + index)) }),
);
const [FIRST = assert.fail()] = GENERATIONS;

export interface Race {
  readonly readers: number;
  /** Of each reader, at least. */
  readonly reads: number;
  readonly rotations: number;
}

/** Lets readers race with rotations of files in every format. */
export async function raceReaders(t: TestContext, race: Race): Promise<Sightings> {
  const directory = tempDir(t);
  const sinks = sinksIn(directory);
  await rotate(sinks, 0);
  const plan: ReaderPlan = { reads: race.reads, files: sinks.map(fileOf) };
  writeFileSync(join(directory, 'plan'), JSON.stringify(plan));
  const readers = await Promise.all(
    Array.from({ length: race.readers }, () => startReader(t, join(directory, 'plan'))),
  );
  for (let rotation = 1; rotation <= race.rotations; rotation++) await rotate(sinks, rotation);
  const sightings = await Promise.all(readers.map(async (stop) => await stop()));
  const sum = (name: keyof Sightings): number => sightings.reduce((total, each) => total + each[name], 0);
  return {
    reads: sum('reads'),
    seen: sum('seen'),
    torn: sum('torn'),
    missing: sum('missing'),
    wrongMode: sum('wrongMode'),
  };
}

/** What others have in the files: longer than a page, before and behind our own. */
const PADDING = 'x'.repeat(9_000);
const FOREIGN: Readonly<Record<string, string>> = {
  'aws-credentials': `[a]\nregion = ${PADDING}\n[default]\n[b]\nregion = ${PADDING}\n`,
  dotenv: `OTHER=${PADDING}\nAWS_ACCESS_KEY_ID=\nANOTHER=${PADDING}\n`,
  'json keys': `{"aws": {"other": "${PADDING}"}, "other": "${PADDING}"}`,
};

function sinksIn(directory: string): readonly SinkConfig[] {
  return Object.entries(EVERY_FORMAT).map(([format, sinkAt], index) => {
    const sink = sinkAt(join(directory, String(index)));
    const foreign = FOREIGN[format];
    if (foreign !== undefined) writeFileSync(sink.path, foreign);
    return sink;
  });
}

/** Bytes depend on the credentials alone, not on those that stood before. */
function fileOf(sink: SinkConfig): ReaderFile {
  const existing = readFileSync(sink.path);
  const known = GENERATIONS.map((generation) => {
    const rendered = renderSink(existing, generation, sink, {});
    return rendered.ok ? rendered.bytes.toString('latin1') : assert.fail(rendered.error.message);
  });
  assert.equal(new Set(known).size, GENERATIONS.length);
  return { path: sink.path, mode: sink.mode, known };
}

async function rotate(sinks: readonly SinkConfig[], generation: number): Promise<void> {
  const current = GENERATIONS[generation % GENERATIONS.length] ?? FIRST;
  const request = { ...applyRequest([]), sinks, credentials: current, origin: {} };
  const { outcomes } = await applySinks(deps, request);
  for (const { result, error } of outcomes) assert.equal(result, 'written', error?.message ?? result);
}

/** Gives what ends it and says what it saw. */
async function startReader(t: TestContext, plan: string): Promise<() => Promise<Sightings>> {
  const script = join(import.meta.dirname, 'reader-child.ts');
  const [node, ...flags] = FROM_SOURCE;
  const child = spawn(node, [...flags, script, plan], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  await once(child, 'spawn');
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const next = async (): Promise<string> => String((await lines.next()).value);
  assert.equal(await next(), 'reading');
  return async () => {
    child.stdin.end();
    return JSON.parse(await next()) as Sightings;
  };
}

/** Fails unless every read was of a whole file with its mode; what was seen of it becomes a row of the table. */
export function assertNoneLost(t: TestContext, what: string, sightings: Sightings): void {
  const { reads, seen, torn, missing, wrongMode } = sightings;
  const lost = torn + missing + wrongMode;
  report(t, { case: what, tries: reads, survived: reads - lost, lost });
  assert.deepEqual({ torn, missing, wrongMode }, { torn: 0, missing: 0, wrongMode: 0 });
  assert.ok(seen > GENERATIONS.length, `the readers saw only ${String(seen)} sets of bytes`);
}
