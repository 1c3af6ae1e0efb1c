import assert from 'node:assert/strict';
import { statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, test, type TestContext } from 'node:test';
import { AgentError } from '../../src/core/errors.ts';
import type { PassReport } from '../../src/core/outcomes.ts';
import { askControl, serveControl, type ControlRequest } from '../../src/agent/control.ts';
import { NOON } from '../support/credentials.ts';
import { ownDirectory } from '../support/own.ts';
import { tempDir } from '../support/temp-dir.ts';

const REPORT: PassReport = {
  trigger: 'refresh',
  startedAt: NOON,
  finishedAt: NOON,
  generation: 7,
  rotated: false,
  source: { name: 'instance', rotated: false, state: 'ok', origin: {} },
  sources: [],
  sinks: [],
  consumers: [],
  errors: [],
};

async function serve(t: TestContext, handle: (request: ControlRequest) => Promise<PassReport>): Promise<string> {
  const directory = tempDir(t);
  const server = await serveControl(ownDirectory(directory), handle);
  t.after(() => server[Symbol.asyncDispose]());
  return directory;
}

async function raw(directory: string, bytes: string): Promise<string> {
  const socket = connect(join(directory, 'control.sock'));
  socket.write(bytes);
  return text(socket).catch((error: unknown) => `closed: ${String(error)}`);
}

const NEVER = new AbortController().signal;

describe('the control socket', () => {
  test('carries a request and its report', async (t) => {
    const asked: ControlRequest[] = [];
    const directory = await serve(t, (request) => {
      asked.push(request);
      return Promise.resolve(REPORT);
    });
    assert.deepEqual(await askControl(ownDirectory(directory), { command: 'refresh', notifyAll: true }, NEVER), REPORT);
    await askControl(ownDirectory(directory), { command: 'refresh', notifyAll: false, notify: ['web'] }, NEVER);
    assert.deepEqual(asked, [
      { command: 'refresh', notifyAll: true },
      { command: 'refresh', notifyAll: false, notify: ['web'] },
    ]);
  });

  test('is for its own user alone', async (t) => {
    const directory = await serve(t, () => Promise.resolve(REPORT));
    assert.equal(statSync(join(directory, 'control.sock')).mode & 0o777, 0o600);
  });

  test('carries an error with its code and hint', async (t) => {
    const directory = await serve(t, () =>
      Promise.reject(new AgentError('AGENT_ABSENT', 'stopping', { hint: 'wait' })),
    );
    await assert.rejects(askControl(ownDirectory(directory), { command: 'refresh', notifyAll: false }, NEVER), {
      code: 'AGENT_ABSENT',
      message: 'stopping',
      hint: 'wait',
    });
  });

  test('answers nonsense with an error, cuts off what never ends, and goes on', async (t) => {
    const directory = await serve(t, () => Promise.resolve(REPORT));
    assert.match(await raw(directory, 'nonsense\n'), /"code":"INTERNAL"/);
    assert.match(await raw(directory, '{"command":"drop"}\n'), /"code":"USAGE"/);
    assert.doesNotMatch(await raw(directory, 'x'.repeat(100_000)), /report/);
    assert.deepEqual(
      await askControl(ownDirectory(directory), { command: 'refresh', notifyAll: false }, NEVER),
      REPORT,
    );
  });

  test('takes the place of one that a killed agent left', async (t) => {
    const directory = tempDir(t);
    writeFileSync(join(directory, 'control.sock'), '');
    const server = await serveControl(ownDirectory(directory), () => Promise.resolve(REPORT));
    t.after(() => server[Symbol.asyncDispose]());
    assert.deepEqual(
      await askControl(ownDirectory(directory), { command: 'refresh', notifyAll: false }, NEVER),
      REPORT,
    );
  });

  test('that nobody serves says how to start the agent', async (t) => {
    await assert.rejects(askControl(ownDirectory(tempDir(t)), { command: 'refresh', notifyAll: false }, NEVER), {
      code: 'AGENT_ABSENT',
      hint: /start one, .*: credrotate once$/,
    });
  });
});
