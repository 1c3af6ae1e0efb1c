import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Barrier } from '../../../src/sinks/write/joint.ts';

describe('a barrier', () => {
  test('opens for those who arrived when each of the others has arrived or left, after its action', async () => {
    const events: string[] = [];
    const barrier = new Barrier(['a', 'b', 'c'], async () => {
      await Promise.resolve();
      events.push('action');
    });
    const arrive = async (party: string): Promise<void> => {
      events.push(`${party} arrives`);
      await barrier.arrive(party);
      events.push(`${party} goes on`);
    };
    const going = [arrive('a'), arrive('b')];
    await Promise.resolve();
    barrier.leave('c');
    await Promise.all(going);
    assert.deepEqual(events, ['a arrives', 'b arrives', 'action', 'a goes on', 'b goes on']);
  });

  test('fails for everybody when its action does', async () => {
    const barrier = new Barrier(['a', 'b'], () => Promise.reject(new Error('no journal')));
    const arrivals = [barrier.arrive('a'), barrier.arrive('b')];
    for (const arrival of arrivals) await assert.rejects(arrival, { message: 'no journal' });
  });

  test('acts once, however often they leave', async () => {
    let actions = 0;
    const barrier = new Barrier(['a'], async () => {
      await Promise.resolve();
      actions++;
    });
    await barrier.arrive('a');
    barrier.leave('a');
    barrier.leave('a');
    assert.equal(actions, 1);
  });
});
