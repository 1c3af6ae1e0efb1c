/**
 * Sets a value of another profile again and again, as tools without a lock and a temp file do: reads the file, changes
 * it, empties it, fills it. `writer-child.ts <path> <pause>`, in milliseconds, until its standard input ends; then
 * prints how many values it has set, how many of them were another one when it came again, and for how many milliseconds
 * at most the file was not whole: longer than the product waits, where the machine lets this process wait.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

const [path = '', pause = ''] = process.argv.slice(2);
const input = { isOver: false };
process.stdin.resume().on('end', () => {
  input.isOver = true;
});

let sets = 0;
let lost = 0;
let longestGap = 0;
while (!input.isOver) {
  const text = readFileSync(path, 'utf8');
  if (sets > 0 && !text.includes(`\nregion = ${String(sets)}\n`)) lost++;
  sets++;
  const line = `region = ${String(sets)}\n`;
  const next = /^region = .*\n/m.test(text) ? text.replace(/^region = .*\n/m, line) : `${text}\n[other]\n${line}`;
  const emptied = performance.now();
  writeFileSync(path, next);
  longestGap = Math.max(longestGap, performance.now() - emptied);
  if (sets === 1) process.stdout.write('writing\n');
  await delay(Number(pause));
}
process.stdout.write(`${JSON.stringify({ sets, lost, longestGap })}\n`);
