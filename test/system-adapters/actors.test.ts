import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createActors } from '../../src/system/actors.ts';
import { needsRoot, USER } from '../support/consumer.ts';
import { executable } from '../support/product.ts';

// Cause: an agent that was to end waited for the process of a hanging home until its deadline.
test('a process that does not come to its end holds up no end of the agent', { skip: needsRoot }, async () => {
  const stop = new AbortController();
  const actors = createActors([executable], stop.signal);
  const options = { subject: 'nothing', maxBytes: 1000 };
  const user = { uid: USER, gid: USER };
  // It has not been told what to do.
  const heard = actors.start(user, options)?.hear();
  stop.abort();
  assert.deepEqual(await heard, { ok: false, why: 'the agent is stopping' });
  assert.deepEqual(await actors.start(user, options)?.hear(), { ok: false, why: 'the agent is stopping' });
});
