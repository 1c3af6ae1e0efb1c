import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';

const run = promisify(execFile);
const MODULE = new URL('../../src/system/memory.ts', import.meta.url).href;

/** Prints, in megabytes of its own memory: the growth by many blocks, and what is left of it. */
const SCRIPT = `
import { readFileSync } from 'node:fs';
import { giveBackMemory } from '${MODULE}';
const own = () => Number(/^Anonymous: +(\\d+)/m.exec(readFileSync('/proc/self/smaps_rollup', 'utf8'))[1]) / 1000;
giveBackMemory();
const before = own();
let blocks = Array.from({ length: 1500 }, () => Buffer.alloc(64 * 1024, 1));
const grown = own() - before;
// What stays is spread among what goes, so that nothing goes by itself.
blocks = blocks.filter((_, index) => index % 50 === 0);
giveBackMemory();
console.log(JSON.stringify([grown, own() - before]));
`;

/** Prints whether a function that is called very often is optimized by then (V8's bits 4 and 5: TurboFan, Maglev). */
const HOT = `
import { giveBackMemory } from '${MODULE}';
if (process.argv[1] === 'after') giveBackMemory();
const hot = (x) => { let sum = 0; for (let i = 0; i < 100; i++) sum += i % x; return sum; };
for (let i = 0; i < 1e5; i++) hot(i + 1);
console.log((%GetOptimizationStatus(hot) & 0b110000) !== 0);
`;

test('from then on no code is optimized, which would be kept', async () => {
  const options = [
    '--allow-natives-syntax',
    '--disable-warning=ExperimentalWarning',
    '--input-type=module',
    '--eval',
    HOT,
  ];
  assert.equal((await run(process.execPath, options)).stdout, 'true\n');
  assert.equal((await run(process.execPath, [...options, 'after'])).stdout, 'false\n');
});

test('what is free goes back to the kernel, though blocks between are in use', async () => {
  const options = ['--disable-warning=ExperimentalWarning', '--input-type=module', '--eval', SCRIPT];
  const [grown = NaN, left = NaN] = JSON.parse((await run(process.execPath, options)).stdout) as number[];
  assert.ok(grown > 90, `grew by ${grown} MB`);
  assert.ok(left < 10, `${left} MB are left`);
});
