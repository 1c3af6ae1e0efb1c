import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Origin } from '../../src/core/credentials.ts';
import type { Source } from '../../src/core/contracts.ts';
import { createImdsSource } from '../../src/source/imds/source.ts';
import { document, imdsRig, imdsServer, inVain, ROLE } from '../support/imds-server.ts';
import { answer, hang, type Reply } from '../support/raw-server.ts';

const signal = new AbortController().signal;

async function originOf(source: Source): Promise<Origin> {
  const fetched = await source.fetch(signal);
  assert(fetched.ok);
  assert.equal(fetched.credentials.accountId, fetched.origin.accountId);
  const { endpoint: _endpoint, ...origin } = fetched.origin;
  return origin;
}

test('the account of the credentials wins over that of the instance', async (t) => {
  const server = await imdsServer(t);
  server.always('credentials', answer(200, document({ AccountId: '999999999999' })));
  const origin = await originOf(createImdsSource(imdsRig(t, server)));
  assert.deepEqual(origin, { instanceId: 'i-0abc', role: ROLE, accountId: '999999999999' });
});

describe('without an identity document, the instance id is asked for', () => {
  for (const [name, reply, known] of [
    ['404', answer(404), {}],
    ['HTML', answer(200, '<html>Welcome'), {}],
    ['another document', answer(200, '{"instanceId": 7, "accountId": "123456789012"}'), { accountId: '123456789012' }],
    ['a line break', answer(200, '{"instanceId": "i\\n"}'), {}],
  ] as [string, Reply, Origin][]) {
    test(name, async (t) => {
      const server = await imdsServer(t);
      server.always('document', reply);
      const source = createImdsSource(imdsRig(t, server));
      assert.deepEqual(await originOf(source), { instanceId: 'i-0abc', role: ROLE, ...known });
      assert.deepEqual(server.steps(), ['token', 'list', 'credentials', 'document', 'instance-id']);
      assert.equal((await originOf(source)).instanceId, 'i-0abc');
      assert.deepEqual(server.steps(), ['list', 'credentials']);
    });
  }
});

describe('not to know the instance is no error, is not waited for, and is tried again later', () => {
  for (const [name, reply] of [
    ['404', answer(404)],
    ['500', answer(500)],
    ['HTML', answer(200, '<html>Welcome')],
    ['nothing', answer(200)],
    ['a hang', hang],
  ] as const) {
    test(name, async (t) => {
      const server = await imdsServer(t);
      server.reply('document', answer(404), answer(404));
      server.reply('instance-id', reply === hang ? inVain(t, hang) : reply);
      const rig = imdsRig(t, server);
      const source = createImdsSource(rig);
      assert.deepEqual(await originOf(source), { role: ROLE });
      assert.deepEqual(rig.clock.sleeps, []);
      assert.deepEqual(await originOf(source), { role: ROLE, instanceId: 'i-0abc' });
    });
  }
});

test('an abort while the instance is asked for rejects', async (t) => {
  const abort = new AbortController();
  const server = await imdsServer(t);
  server.always('document', () => {
    abort.abort(new Error('enough'));
  });
  await assert.rejects(createImdsSource(imdsRig(t, server)).fetch(abort.signal), /enough/);
});
