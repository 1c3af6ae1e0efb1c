import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { openSite } from '../support/agent.ts';
import { failEach, failForAWhile, type Failing } from './errors.ts';

/** The system suite tries every failure of every call. */
const FAILURES: readonly Failing[] = [
  { call: 'write', errno: 'ENOSPC' },
  // libuv has no name for it: it was an internal error once.
  { call: 'write', errno: 'EDQUOT' },
  { call: 'fsync', errno: 'EIO' },
  { call: 'rename', errno: 'EROFS' },
  { call: 'open', errno: 'EMFILE' },
  { call: 'fchown', errno: 'EIO' },
];

describe('a sink whose disk refuses', { concurrency: 2 }, () => {
  test('keeps its old bytes, with an error that names path and errno, and stops no other', async (t) => {
    await failEach(t, 'failing calls', FAILURES);
  });

  test('is written by the running agent when the disk takes it again', async (t) => {
    await failForAWhile(t, { call: 'fsync', errno: 'EIO' });
  });

  test('for good, because its name is too long, stops no other', async (t) => {
    const site = await openSite(t);
    const paths = ['a'.repeat(250), 'iam.json'].map((name) => site.path(name));
    const config = site.configure({ sinks: paths.map((path) => ({ path, format: 'json' })) });
    const { code, stdout } = await site.run(['once', ...config]);
    assert.equal(code, 73);
    assert.match(
      stdout,
      /^failed +\S+\/a{250}\n +SINK_WRITE_FAILED: \S+a{250}: .* ENAMETOOLONG on open\n +hint: shorten/m,
    );
    assert.match(stdout, /^written +\S+\/iam\.json$/m);
  });
});
