// Runs files of tests with Node's own runner, and ends with a table of the tests that were skipped.
import { join, relative } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { executable, PRODUCT_VARIABLE } from '../test/support/product.ts';
import { FROM_SOURCE } from '../test/support/from-source.ts';
import { limit, LOAD_VARIABLE, measureLoad } from '../test/support/limits.ts';

/** What the command line asks for. */
export interface Selection {
  /** Of names of files. */
  readonly parts: readonly string[];
  /** Of names of tests; all where there is none. */
  readonly pattern: RegExp | undefined;
}

export interface Suite {
  /** In the order in which they begin; absolute. */
  readonly files: readonly string[];
  readonly pattern?: RegExp | undefined;
  /** Files that run at a time. */
  readonly streams: number;
  /** For one test, on two idle cores; milliseconds. */
  readonly testLimit: number;
}

interface Skip {
  readonly reason: string;
  readonly file: string;
  readonly name: string;
}

/**
 * Node keeps what it has compiled of the sources, which halves what a small file costs. Not by its variable: programs that
 * tests start would inherit that, and write the cache under limits and faults that are meant for something else.
 */
const CACHE = join(import.meta.dirname, '../dist/.cache/compiled');
const ENABLE = `import { enableCompileCache } from 'node:module'; enableCompileCache(${JSON.stringify(CACHE)})`;

const PATTERN = '--test-name-pattern=';

export function selectionOf(args: readonly string[]): Selection {
  const unknown = args.find((argument) => argument.startsWith('-') && !argument.startsWith(PATTERN));
  if (unknown !== undefined) throw new Error(`expected parts of file names, or ${PATTERN}REGEXP, got ${unknown}`);
  const pattern = args.find((argument) => argument.startsWith(PATTERN))?.slice(PATTERN.length);
  return {
    parts: args.filter((argument) => !argument.startsWith('-')),
    pattern: pattern === undefined ? undefined : new RegExp(pattern),
  };
}

/** The system's own programs come first, as on the machines that we are for: not those of somebody's version manager. */
const PROGRAMS = [
  join(import.meta.dirname, '../node_modules/.bin'),
  ...['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'],
];

/** Gives the exit code. Where CI=true is in the environment, a test that is skipped is a failure. */
export async function runSuite({ files, pattern, streams, testLimit }: Suite): Promise<number> {
  process.env[PRODUCT_VARIABLE] = executable;
  process.env['PATH'] = [...PROGRAMS, process.env['PATH']].join(':');
  process.env[LOAD_VARIABLE] ??= String(measureLoad());
  const load = `limits are ${process.env[LOAD_VARIABLE]} times as long as on an idle machine`;
  console.log(`${files.length} files, ${streams} at a time; ${load}`);
  const events = run({
    files: [...files],
    concurrency: streams,
    timeout: limit(testLimit),
    // The cache first, so that it has what the next one loads, too.
    execArgv: [`--import=data:text/javascript,${encodeURIComponent(ENABLE)}`, ...FROM_SOURCE.slice(1)],
    ...(pattern && { testNamePatterns: pattern }),
  });
  endIfSilent(events, files, 2 * limit(testLimit));
  const skips: Skip[] = [];
  const failed: string[] = [];
  events.on('test:fail', ({ name }) => failed.push(name));
  events.on('test:pass', ({ skip, file = '', name }) => {
    if (skip !== undefined) skips.push({ reason: String(skip), file: relative(process.cwd(), file), name });
  });
  await pipeline(events, new spec(), process.stdout, { end: false });
  printSkips(skips);
  return failed.length > 0 || (skips.length > 0 && process.env['CI'] === 'true') ? 1 : 0;
}

/** The limit of a test does not end what a test leaves behind, which can hold up its file for ever. */
function endIfSilent(events: ReturnType<typeof run>, files: readonly string[], silence: number): void {
  const open = new Set(files);
  const timer = setTimeout(() => {
    console.error(`nothing happened for ${silence / 1000} s; not over: ${[...open].join(', ')}`);
    process.exit(1);
  }, silence).unref();
  events.on('data', () => timer.refresh());
  events.on('test:complete', ({ file = '', name }) => {
    if (file === name) open.delete(file);
  });
}

function printSkips(skips: readonly Skip[]): void {
  const rows = skips.map(({ reason, file, name }) => `${reason}: ${file}: ${name}`).sort();
  console.log(`\n${rows.length === 0 ? 'no test was skipped' : `skipped tests:\n  ${rows.join('\n  ')}`}`);
}
