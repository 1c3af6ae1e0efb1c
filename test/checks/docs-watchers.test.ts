import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { applySinks } from '../../src/sinks/apply.ts';
import { renderSink } from '../../src/sinks/formats/render.ts';
import { credentials } from '../support/credentials.ts';
import { eventually } from '../support/eventually.ts';
import { applyRequest, sinkAt, sinkDeps } from '../support/sinks.ts';
import { tempDir } from '../support/temp-dir.ts';

const PAGE = readFileSync(join(import.meta.dirname, '../../docs/watchers.md'), 'utf8');

/** Counts what each way of watching sees, and prints all counts after each event. Ready when it prints the first. */
const WATCHERS = `
import { watch, watchFile } from 'node:fs';
import { basename, dirname } from 'node:path';
const [, file] = process.argv;
const seen = { file: 0, directory: 0, watchFile: 0 };
const see = (what) => { seen[what]++; console.log(JSON.stringify(seen)); };
watch(file, () => see('file'));
watch(dirname(file), (_, name) => { if (name === basename(file)) see('directory'); });
watchFile(file, { interval: 20 }, () => see('watchFile'));
console.log(JSON.stringify(seen));
`;

test('a replaced file is seen as the page on watchers says', async (t) => {
  const path = join(tempDir(t), 'aws.env');
  const replace = async (generation: string): Promise<void> => {
    const request = applyRequest([sinkAt(path)], { credentials: credentials(generation) });
    const { outcomes } = await applySinks(sinkDeps({ render: renderSink }), request);
    assert.equal(outcomes[0]?.result, 'written');
  };
  await replace('0');
  const said = { node: '', byName: '', byFile: '' };
  const start = (name: keyof typeof said, command: string, args: readonly string[]): void => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'ignore'] });
    child.stdout.setEncoding('utf8').on('data', (text: string) => (said[name] += text));
    t.after(() => child.kill('SIGKILL'));
  };
  start('node', process.execPath, ['--input-type=module', '--eval', WATCHERS, path]);
  start('byName', 'tail', ['-F', path]);
  start('byFile', 'tail', ['-f', path]);
  const seen = (): Record<string, number> => JSON.parse(said.node.trim().split('\n').at(-1) ?? '{}') as never;
  const keyOf = (generation: string): string => credentials(generation).accessKeyId;
  const isReady = (): boolean =>
    said.node !== '' && said.byName.includes(keyOf('0')) && said.byFile.includes(keyOf('0'));
  await eventually('all watch', isReady);
  for (const generation of ['1', '2', '3']) {
    const before = seen();
    await replace(generation);
    await eventually(`replacement ${generation} is seen`, () => {
      const { directory = 0, watchFile = 0 } = seen();
      const isSeen = directory > (before['directory'] ?? 0) && watchFile > (before['watchFile'] ?? 0);
      return isSeen && said.byName.includes(keyOf(generation));
    });
    // The events of one process come in their order, so that it had its turn before the directory's.
    assert.equal(seen()['file'], 1, 'the first alone, as of the file that was there');
  }
  assert.ok(!said.byFile.includes(keyOf('1')) && !said.byFile.includes(keyOf('3')));
  for (const name of ['fs.watch(file)', 'fs.watch(directory)', 'fs.watchFile(file)', '`tail -F`', '`tail -f`'])
    assert.ok(PAGE.includes(name), name);
});
