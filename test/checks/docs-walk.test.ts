import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import { openSite } from '../support/agent.ts';
import { pageOf, type Block } from '../support/pages.ts';
import { isShown, stepsOf, walk } from '../support/walk.ts';

/** What can be walked on any machine and by any user; the rest is in test/system/docs.test.ts. */

function blocksUnder(page: string, section: string): readonly Block[] {
  const found = pageOf(page).blocks.filter((block) => block.section === section && block.kind === 'console');
  assert.ok(found.length > 0, `expected blocks under "${section}" of ${page}`);
  return found;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  // A TCP server's address is never a path or null while it listens.
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** In a fresh directory, beside other tests: the port of the page may be taken. */
async function walkHere(t: TestContext, block: Block): Promise<void> {
  const site = await openSite(t);
  const port = String(await freePort());
  const text = block.text.replaceAll('credrotate simulate', `credrotate simulate --port ${port}`);
  await walk({ ...block, text: text.replaceAll(':1338', `:${port}`) }, async (script) => {
    // The executable is the script's $0.
    const through = ['/bin/sh', '-c', `PATH="\${0%/*}:$PATH"\n${script}`];
    return (await site.run([], { through, cwd: site.path('home') })).stdout;
  });
}

describe('what the pages show is so', { concurrency: 2 }, () => {
  for (const [page, section] of [
    ['getting-started.md', 'Without EC2'],
    ['troubleshooting.md', 'Try it apart'],
  ] as const) {
    for (const block of blocksUnder(page, section)) test(block.place, (t) => walkHere(t, block));
  }
});

describe('what counts as shown', () => {
  const table: readonly [shown: string, printed: string, is: boolean][] = [
    ['key …WXYZ, 5 h 59 min left', 'key …A7TB, 6 h left', true],
    ['5 h left', '5 x left', false],
    ['key …WXYZ', 'key …', false],
    ['written   /a', 'written /a\n', true],
    ['written   /a', 'unchanged /a', false],
    ['written   .../a', 'written   /tmp/x/a', true],
    ['OK ...\n...', 'OK\nb\nc', false],
    ['OK ...\n...', 'OK  all\nb\nc', true],
    ['...\nlast', 'last', true],
    ['...\nlast', 'last\nmore', false],
    ['a', 'a\nb', false],
  ];
  for (const [shown, printed, is] of table) {
    test(`${JSON.stringify(shown)} ${is ? 'is' : 'is not'} ${JSON.stringify(printed)}`, () => {
      assert.equal(isShown(shown.split('\n'), printed), is);
    });
  }

  test('a command that fails, prints something else or is not reached fails the walk', async () => {
    const block: Block = {
      place: 'here',
      kind: 'console',
      text: '$ a \\\n  b\n1\n$ c',
      section: '',
      meanwhile: undefined,
    };
    assert.deepEqual(stepsOf(block), [
      { command: 'a \\\n  b', shown: ['1'] },
      { command: 'c', shown: [] },
    ]);
    const end = (code: number): string => `\n--- the command ended with ${code}\n`;
    const printing = (text: string) => walk(block, () => Promise.resolve(text));
    await printing(`1\n${end(0)}x${end(0)}`);
    for (const wrong of [`1\n${end(0)}${end(1)}`, `one\n${end(0)}${end(0)}`, `1\n${end(0)}`])
      await assert.rejects(printing(wrong), /here: /);
  });
});
