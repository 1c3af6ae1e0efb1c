/**
 * Reads files in a tight loop until its standard input ends, and as often as it is told at least, and prints what it saw
 * as JSON: `reader-child.ts <plan>`, the path of a {@link ReaderPlan}. Prints `reading` before it begins.
 */
import { closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { isErrno } from '../../src/core/errors.ts';

export interface ReaderPlan {
  readonly reads: number;
  readonly files: readonly ReaderFile[];
}

export interface ReaderFile {
  readonly path: string;
  readonly mode: number;
  /** All that may stand in it, as latin-1. */
  readonly known: readonly string[];
}

export interface Sightings {
  readonly reads: number;
  /** Of how many sets of bytes, over all files. */
  readonly seen: number;
  readonly torn: number;
  readonly missing: number;
  readonly wrongMode: number;
}

/** In a row, before a moment's rest: without it, readers take the processors from what they are to read beside. */
const ROUNDS = 50;
const plan = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as ReaderPlan;
const files = plan.files.map(({ path, mode, known }) => ({ path, mode, known: new Set(known) }));
const uid = process.getuid?.();
const space = Buffer.alloc(1 << 20);
const seen = new Set<string>();
const counts = { reads: 0, torn: 0, missing: 0, wrongMode: 0 };
const input = { isOver: false };
process.stdin.resume().on('end', () => {
  input.isOver = true;
});

process.stdout.write('reading\n');
while (!input.isOver || counts.reads < plan.reads) {
  for (let round = 0; round < ROUNDS; round++) files.forEach(look);
  await delay(1);
}
process.stdout.write(`${JSON.stringify({ seen: seen.size, ...counts } satisfies Sightings)}\n`);

function look({ path, mode, known }: (typeof files)[number]): void {
  counts.reads++;
  const fd = open(path);
  if (fd === undefined) {
    counts.missing++;
    return;
  }
  try {
    const stat = fstatSync(fd);
    if ((stat.mode & 0o7777) !== mode || stat.uid !== uid) counts.wrongMode++;
    const text = readAll(fd);
    if (known.has(text)) seen.add(text);
    else counts.torn++;
  } finally {
    closeSync(fd);
  }
}

function open(path: string): number | undefined {
  try {
    return openSync(path, 'r');
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
}

function readAll(fd: number): string {
  let length = 0;
  for (let count = 1; count > 0; length += count) count = readSync(fd, space, length, space.length - length, null);
  return space.toString('latin1', 0, length);
}
