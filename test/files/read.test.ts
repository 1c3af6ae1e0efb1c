import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, openSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { MAX_BYTES, readFile } from '../../src/files/read.ts';
import { closedAtEnd, type Descriptor } from '../../src/paths/descriptor.ts';
import { Held } from '../../src/paths/held.ts';
import { openDirectory } from '../../src/paths/policies.ts';
import { tempDir } from '../support/temp-dir.ts';

const CODES = { notRegular: 'SINK_NOT_REGULAR', tooLarge: 'SINK_TOO_LARGE' } as const;

function read(directory: string, name: string): Buffer | undefined {
  using found = openDirectory('sink', directory, { uid: process.geteuid?.() ?? 0 });
  assert.ok(found.kind === 'directory');
  using held = found.held.find(name);
  return held && readFile(held, CODES).bytes;
}

function writeNew(path: string): string {
  writeFileSync(path, '');
  return path;
}

/** By this process so far, as the kernel counts. */
function bytesRead(): number {
  return Number(/^rchar: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'))?.[1]);
}

describe('the reader for files that others can write', () => {
  test('reads whole files up to its limit, and none above', (t) => {
    const directory = tempDir(t);
    const file = join(directory, 'file');
    for (const length of [0, 1, 64 * 1024, 64 * 1024 + 1, MAX_BYTES]) {
      writeFileSync(file, Buffer.alloc(length, 'x'));
      assert.equal(read(directory, 'file')?.length, length);
    }
    truncateSync(file, MAX_BYTES + 1);
    assert.throws(() => read(directory, 'file'), { code: 'SINK_TOO_LARGE' });
    truncateSync(file, 2 ** 40);
    assert.throws(() => read(directory, 'file'), { code: 'SINK_TOO_LARGE' });
    assert.equal(read(directory, 'none'), undefined);
  });

  test('reads nothing of one that is larger', (t) => {
    const directory = tempDir(t);
    truncateSync(writeNew(join(directory, 'file')), 16 * MAX_BYTES);
    const before = bytesRead();
    assert.throws(() => read(directory, 'file'), { code: 'SINK_TOO_LARGE', message: /got 16777216$/ });
    assert.ok(bytesRead() - before < MAX_BYTES / 8, 'it was read');
  });

  test('leaves the access time to the real readers', (t) => {
    const directory = tempDir(t);
    writeFileSync(join(directory, 'file'), 'x');
    const before = statSync(join(directory, 'file'), { bigint: true }).atimeNs;
    read(directory, 'file');
    assert.equal(statSync(join(directory, 'file'), { bigint: true }).atimeNs, before);
  });

  test('believes no file system that serves another file than the one that was looked at', (t) => {
    const directory = tempDir(t);
    const [seen = '', served = ''] = ['seen', 'served'].map((name) => join(directory, name));
    for (const file of [seen, served]) writeFileSync(file, 'x');
    class Lying extends Held {
      override reopen(flags: number): Descriptor {
        return closedAtEnd(openSync(served, flags));
      }
    }
    using held = new Lying(openSync(seen, 'r'), seen);
    assert.throws(() => readFile(held, CODES), { code: 'ESTALE' });
  });

  test('waits for nobody and opens no device', async (t) => {
    const directory = tempDir(t);
    execFileSync('mkfifo', [join(directory, 'fifo')]);
    mkdirSync(join(directory, 'directory'));
    await using server = createServer();
    await new Promise<void>((resolve) => server.listen(join(directory, 'socket'), resolve));
    for (const name of ['fifo', 'directory', 'socket']) {
      assert.throws(() => read(directory, name), { code: 'SINK_NOT_REGULAR' }, name);
    }
  });
});
