import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Staged } from '../../../src/sinks/contract.ts';
import { Joint } from '../../../src/sinks/write/joint.ts';

/** Milliseconds: never, in a test. */
const EVER = 3_600_000;

describe('parties that write together', () => {
  test('share one call, made when each has staged or left', async () => {
    const calls: string[][] = [];
    using joint = new Joint(['a', 'b', 'c'], EVER, recorder(calls));
    const going = [joint.stage('a', staged('a1', 'a2')), joint.stage('b', staged('b1'))];
    await Promise.resolve();
    assert.deepEqual(calls, []);
    joint.leave('c');
    await Promise.all(going);
    assert.deepEqual(calls, [['a1', 'a2', 'b1']]);
  });

  test('have calls of their own from then on', async () => {
    const calls: string[][] = [];
    using joint = new Joint(['a'], EVER, recorder(calls));
    await joint.stage('a', staged('a1'));
    await joint.stage('a', staged('a2'));
    assert.deepEqual(calls, [['a1'], ['a2']]);
  });

  test('do not wait for ever for one of them', async () => {
    const calls: string[][] = [];
    using joint = new Joint(['a', 'late'], 20, recorder(calls));
    await joint.stage('a', staged('a1'));
    await joint.stage('late', staged('l1'));
    assert.deepEqual(calls, [['a1'], ['l1']]);
  });

  test('make no call when there is nothing', async () => {
    const calls: string[][] = [];
    using joint = new Joint(['a', 'b'], EVER, recorder(calls));
    joint.leave('a');
    joint.leave('b');
    await Promise.resolve();
    assert.deepEqual(calls, []);
  });
});

function staged(...names: readonly string[]): readonly Staged[] {
  return names.map((path) => ({ file: { path }, temp: { path: `${path}.1`, inode: '1' }, changing: [] }));
}

function recorder(calls: string[][]): (staged: readonly Staged[]) => Promise<void> {
  return async (staged) => {
    calls.push(staged.map(({ file }) => file.path));
    await Promise.resolve();
  };
}
