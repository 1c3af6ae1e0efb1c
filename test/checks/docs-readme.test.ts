import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openSite } from '../support/agent.ts';
import { blocksOf, pageOf, README, ROOT } from '../support/pages.ts';
import { stepsOf, walk } from '../support/walk.ts';

test('the README shows what check says of mistakes, word by word', async (t) => {
  const block = blocksOf([README], 'console').find(({ text }) => text.startsWith('$ cat c.yaml\n'));
  const [configuration, check] = stepsOf(block ?? assert.fail('expected a block with a configuration'));
  const site = await openSite(t);
  writeFileSync(site.path('c.yaml'), `${configuration?.shown.join('\n') ?? ''}\n`, { mode: 0o644 });
  const [program, ...args] = check?.command.split(' ') ?? [];
  assert.equal(program, 'credrotate');
  const { code, stdout, stderr } = await site.run(args, { cwd: site.directory });
  assert.equal(`${stdout}${stderr}`.trimEnd(), check?.shown.join('\n'));
  assert.equal(code, 78);
});

test('the README shows what the demo prints', async (t) => {
  const block = blocksOf([README], 'console').find(({ text }) => text.startsWith('$ credrotate demo\n'));
  const site = await openSite(t);
  await walk(block ?? assert.fail('expected a block with the demo'), async (script) => {
    // The executable is the script's $0.
    const through = ['/bin/sh', '-c', `PATH="\${0%/*}:$PATH"\n${script}`];
    return (await site.run([], { through })).stdout;
  });
});

test('the README, the picture and docs/status.md show screens of status that a test prints', () => {
  const screen = (name: string): string => readFileSync(join(ROOT, `test/report/golden/${name}.txt`), 'utf8').trimEnd();
  assert.ok(README.text.includes(`\`\`\`console\n$ credrotate status\n${screen('ok')}\n\`\`\`\n`));
  assert.ok(pageOf('status.md').text.includes(`\`\`\`\n${screen('not-reading')}\n\`\`\`\n`));
});
