import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { SinkConfig } from '../../src/core/config.ts';
import { renderSink } from '../../src/sinks/formats/render.ts';
import { fresh } from '../sinks/formats/rendering.ts';
import { mutate, pick, seeded } from './mutate.ts';

/** What a reader sees in a file: values by their places. Undefined: it rejects the file. */
export type Seen = Readonly<Record<string, string>> | undefined;

export interface Reader {
  readonly name: string;
  /** In order, one for each file. */
  readonly read: (files: readonly string[]) => Promise<readonly Seen[]> | readonly Seen[];
  /** Warnings after which this reader is not held to what it sees. */
  readonly excused?: RegExp;
}

export interface Subject {
  readonly sink: SinkConfig;
  readonly shapes: { readonly files: readonly string[]; readonly pool: readonly string[] };
  readonly count: number;
  readonly readers: readonly Reader[];
  /** What must be seen of the credentials, by place. */
  readonly target: Readonly<Record<string, string>>;
  /** Whether a place is ours, or may come to be seen: what it was before does not matter. */
  readonly isOurs: (place: string, before: string) => boolean;
}

/** One for all runs: a file that fails does so everywhere. */
const SEED = 20_261_130;

interface Written {
  readonly before: string;
  readonly after: string;
  readonly warnings: readonly string[];
}

/**
 * The rule: each reader sees exactly the new credentials, and all else as before, or the file is refused and untouched.
 * Prints a table; a disagreement fails.
 */
export async function tryFiles(t: TestContext, subject: Subject): Promise<void> {
  const refusals = new Map<string, number>();
  const written: Written[] = [];
  for (const before of filesOf(subject)) {
    const made = renderSink(Buffer.from(before), fresh, subject.sink, {});
    if (made.ok) written.push({ before, after: made.bytes.toString(), warnings: made.warnings });
    else {
      const reason = made.error.message.replace(/^line \d+: /, '');
      refusals.set(reason, (refusals.get(reason) ?? 0) + 1);
    }
  }
  const refused = subject.count - written.length;
  t.diagnostic(`${subject.sink.format}: ${subject.count} files, ${written.length} written, ${refused} refused`);
  const most = [...refusals].sort(([, a], [, b]) => b - a);
  for (const [reason, count] of most) t.diagnostic(`${String(count).padStart(6)} x ${reason}`);
  const disagreements: string[] = [];
  for (const reader of subject.readers) disagreements.push(...(await judge(t, subject, reader, written)));
  assert.deepEqual(disagreements.slice(0, 5), [], `${disagreements.length} disagreements`);
  assert.ok(written.length > subject.count / 4, `only ${written.length} files were written`);
}

function filesOf({ shapes, count }: Subject): readonly string[] {
  const random = seeded(SEED);
  return Array.from({ length: count }, () => mutate(pick(random, shapes.files), shapes.pool, random));
}

async function judge(
  t: TestContext,
  subject: Subject,
  { name, read, excused }: Reader,
  written: readonly Written[],
): Promise<readonly string[]> {
  const [before, after] = [await read(written.map((one) => one.before)), await read(written.map((one) => one.after))];
  let unread = 0;
  let warned = 0;
  const wrong = written.flatMap((one, index) => {
    if (before[index] === undefined && after[index] === undefined) unread++;
    if (before[index] === undefined && after[index] === undefined) return [];
    const found = differences(subject, one.before, before[index], after[index]);
    if (found.length > 0 && one.warnings.some((warning) => excused?.test(warning))) {
      warned++;
      return [];
    }
    return found.length === 0
      ? []
      : [`${name}: ${found.join(', ')}: ${JSON.stringify(one.before)} -> ${JSON.stringify(one.after)}`];
  });
  t.diagnostic(`  ${name}: ${unread} unread before and after, ${warned} warned of, ${wrong.length} disagreements`);
  return wrong;
}

/** The places where a reader does not see what it should. */
export function differences(
  { target, isOurs }: Pick<Subject, 'target' | 'isOurs'>,
  before: string,
  was: Seen,
  is: Seen,
): readonly string[] {
  if (is === undefined) return ['is rejected'];
  const places = new Set([...Object.keys(was ?? {}), ...Object.keys(was === undefined ? {} : is)]);
  return [
    ...Object.keys(target).filter((place) => is[place] !== target[place]),
    ...[...places].filter((place) => !(place in target) && !isOurs(place, before) && was?.[place] !== is[place]),
  ];
}
