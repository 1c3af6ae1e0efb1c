import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, fstatSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { describe, test, type TestContext } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { createLog } from '../../src/system/log.ts';
import { tempDir } from '../support/temp-dir.ts';

const LOG = createRequire(import.meta.url).resolve('../../src/system/log.ts');

describe('the stream', () => {
  /** Logs in a process of its own, as the agent does. */
  const program = (body: string): string[] => [
    '--disable-warning=ExperimentalWarning',
    '--input-type=module',
    '-e',
    `import { createLog } from ${JSON.stringify(LOG)};
     const log = createLog({ level: 'info', format: 'auto' }, { env: process.env });
     ${body}`,
  ];
  const runWithStderr = (t: TestContext, env: (path: string) => Record<string, string>): string => {
    const path = join(tempDir(t), 'stderr');
    writeFileSync(path, '');
    const fd = openSync(path, 'a');
    t.after(() => {
      closeSync(fd);
    });
    const body = "log.info('m', { event: 'e' });";
    assert.equal(
      spawnSync(process.execPath, program(body), { stdio: ['ignore', 'ignore', fd], env: env(path) }).status,
      0,
    );
    return readFileSync(path, 'utf8');
  };
  const identity = (path: string): string => {
    const fd = openSync(path, 'r');
    const { dev, ino } = fstatSync(fd, { bigint: true });
    closeSync(fd);
    return `${String(dev)}:${String(ino)}`;
  };

  test('is journald where systemd says so of this very stream', (t) => {
    assert.equal(
      runWithStderr(t, (path) => ({ JOURNAL_STREAM: identity(path) })),
      '<6>m\n',
    );
  });

  test('is for people where it was redirected, or systemd said nothing', (t) => {
    assert.match(
      runWithStderr(t, () => ({ JOURNAL_STREAM: '9:1' })),
      /Z info {2}m\n$/,
    );
    assert.match(
      runWithStderr(t, () => ({})),
      /Z info {2}m\n$/,
    );
  });

  test('gets the last line before the process ends, in order', () => {
    const body = "for (let i = 0; i < 3000; i++) log.info('x'.repeat(100), { event: 'e', i }); process.exitCode = 7;";
    const { status, stderr } = spawnSync(process.execPath, program(body), { encoding: 'utf8' });
    assert.equal(status, 7);
    const numbers = (stderr.match(/(?<= i=)\d+$/gm) ?? []).map(Number);
    assert.deepEqual(
      numbers,
      Array.from({ length: 3000 }, (_, index) => index),
    );
  });

  test('may be closed by its reader while we go on', async () => {
    const body = `process.stdin.once('data', () => {
      for (let i = 0; i < 100; i++) log.error('m', { event: 'e' });
      setImmediate(() => { log.error('m', { event: 'e' }); process.stdout.write('alive'); process.stdin.destroy(); });
    }); log.info('ready', { event: 'e' });`;
    const child = spawn(process.execPath, program(body), { stdio: ['pipe', 'pipe', 'pipe'] });
    let out = '';
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.once('data', () => {
      child.stderr.destroy();
      child.stdin.write('go\n');
    });
    const status = await new Promise((resolve) => child.once('close', resolve));
    assert.deepEqual({ status, out }, { status: 0, out: 'alive' });
  });

  test('is not filled without end while nobody reads it', async () => {
    let release: (() => void) | undefined;
    let text = '';
    const stream = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        text += chunk.toString();
        if (text.length > 2000) done();
        else release = done;
      },
    });
    const log = createLog({ level: 'info', format: 'text' }, { stream, env: {} });
    for (let index = 0; index < 5000; index++) {
      log.info('x'.repeat(1000), { event: 'e' });
      if (index === 0) await setImmediate();
    }
    assert.ok(stream.writableLength < 2 * 1024 * 1024, String(stream.writableLength));
    release?.();
    await setImmediate();
    log.info('after', { event: 'e' });
    await setImmediate();
    assert.match(text, /warn {2}\d{4} lines were not kept: nobody read the log\n.* after\n$/);
  });
});
