import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { describe, test, type TestContext } from 'node:test';
import type { SignalName } from '../../src/core/config.ts';
import { isRoot, privateCopy, startProgram, until } from '../support/consumer.ts';
import { tempDir } from '../support/temp-dir.ts';
import { brief, makePidFile, signalByPidFile } from './harness.ts';

/** Says when Node is through its own start: what it catches may change until then. */
const NODE = 'setInterval(() => {}, 1000); console.log("ready")';

/** What each catches, or blocks, by itself: the program in it has no handler. */
const PROGRAMS: readonly (readonly [name: RegExp, signal: SignalName, command: readonly string[], ready?: string])[] = [
  [/Node\.js, which opens its debugger/, 'SIGUSR1', [process.execPath, '-e', NODE], 'ready'],
  [/PHP on the command line, which ends/, 'SIGHUP', ['/usr/bin/php', '-r', 'while (true) sleep(1);']],
  [/PHP on the command line, which ends/, 'SIGUSR1', ['/usr/bin/php', '-r', 'while (true) sleep(1);']],
  [/Erlang's BEAM, which ends/, 'SIGUSR1', ['/usr/bin/erl', '-noshell', '-eval', 'timer:sleep(infinity)']],
  [/Ruby, which ends/, 'SIGHUP', ['/usr/bin/ruby', '-e', 'sleep']],
  [/every signal, as a shell/, 'SIGHUP', ['/bin/bash', '-c', 'trap "echo bye" EXIT; while :; do read -t 9; done']],
  [/timeout, which passes it on/, 'SIGHUP', ['/usr/bin/timeout', '1000', 'sleep', '1000']],
  [/dumb-init, which passes it on/, 'SIGHUP', ['/usr/bin/dumb-init', 'sleep', '1000']],
  [/catatonit, which passes it on/, 'SIGHUP', ['/usr/bin/catatonit', 'sleep', '1000']],
  ...(isRoot
    ? ([[/sudo, which passes it on/, 'SIGHUP', ['/usr/bin/sudo', '-u', 'nobody', 'sleep', '1000']]] as const)
    : []),
];

describe('a program that catches a signal and has no use for it is spared', () => {
  for (const [named, signal, command, ready] of PROGRAMS) {
    test(`${signal}: ${command.slice(0, 2).join(' ')}`, async (t) => {
      const program = await startProgram(t, command, ready === undefined ? {} : { ready });
      await until(() => catches(program.pid, signal));
      const result = await signalByPidFile(makePidFile(t, program.pid), { consumer: { signal } });
      assert.equal(brief(result), 'CONSUMER_WOULD_DIE refused');
      assert.match(JSON.stringify(result), named);
      assert.match(JSON.stringify(result), /handles_signal: true/);
      assert.ok(program.isRunning());
      if (!named.source.includes('passes')) return;
      // What a wrapper runs is in a group of its own.
      process.kill(program.pid, 'SIGTERM');
      await until(() => !program.isRunning());
    });
  }
});

test('a program that nobody knows, and that ends in good order on the signal, is seen by the watch', async (t) => {
  const script = 'trap "exit 0" HUP; echo ready; while :; do sleep 0.1; done';
  const program = await startProgram(t, [unknown(t), '-c', script], { ready: 'ready' });
  const result = await signalByPidFile(makePidFile(t, program.pid));
  assert.equal(result.result, 'ended');
  assert.match(JSON.stringify(result), /CONSUMER_ENDED.*pid \d+: expected it to survive SIGHUP.*refresh --notify app/);
});

test('a program whose successor has taken over has survived', async (t) => {
  const exe = unknown(t);
  const script = `trap '${exe} -c "while :; do sleep 0.1; done" & exit 0' HUP; echo ready; while :; do sleep 0.1; done`;
  const program = await startProgram(t, [exe, '-c', script], { ready: 'ready' });
  assert.equal(brief(await signalByPidFile(makePidFile(t, program.pid))), 'notified');
  // The successor is in its group.
  process.kill(-program.pid, 'SIGKILL');
});

/** Nobody else runs it. */
function unknown(t: TestContext): string {
  return privateCopy('/bin/sh', tempDir(t), 'unknown');
}

/** Catches it, or blocks it to fetch it; for the moment of a spawn, everything is blocked. */
function catches(pid: number, signal: SignalName): boolean {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const has = (name: string, one: SignalName | 'SIGSEGV'): boolean => {
    const [, set = '0'] = new RegExp(`^${name}:\\s*(\\w+)$`, 'm').exec(status) ?? [];
    return (BigInt(`0x${set}`) & (1n << BigInt(constants.signals[one] - 1))) !== 0n;
  };
  return has('SigCgt', signal) || (has('SigBlk', signal) && !has('SigBlk', 'SIGSEGV'));
}
