import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { openSite, reportOf } from '../support/agent.ts';
import { isRoot, startHupPrinter, USER } from '../support/consumer.ts';
import { compile } from '../faults/compile.ts';

/** The first of those that came after Linux 5.4, the oldest that we promise; the same on x86-64 and arm64. */
const CLOSE_RANGE = 436;
const PIDFD_OPEN = 434;
const LAST = 0xffff;

type Errno = 'ENOSYS' | 'EPERM' | 'EACCES';

/** How to start a program that is refused these system calls; undefined, with the test skipped, without a compiler. */
async function denying(
  t: TestContext,
  first: number,
  last: number,
  errno: Errno,
): Promise<readonly string[] | undefined> {
  const deny = await compile(join(import.meta.dirname, '../faults/deny.c'));
  if (deny !== undefined) return [deny, String(first), String(last), String(constants.errno[errno])];
  t.skip('needs cc: system calls are refused by a program that is made of test/faults/deny.c');
  return undefined;
}

/** A careless shell leaves a descriptor open. */
const LEAVING_ONE_OPEN = ['/bin/sh', '-c', 'exec 9</etc/passwd; exec "$0" "$@"'];

describe('where the kernel lacks what came after Linux 5.4', () => {
  for (const errno of ['ENOSYS', 'EPERM', 'EACCES'] as const) {
    test(`or a filter refuses it with ${errno}, all works as elsewhere`, async (t) => {
      const deny = await denying(t, CLOSE_RANGE, LAST, errno);
      if (!deny) return;
      const site = await openSite(t);
      chmodSync(site.directory, 0o755);
      mkdirSync(site.path('theirs'), { mode: 0o700 });
      const hook = site.path('hook');
      writeFileSync(hook, '#!/bin/sh\nls /proc/self/fd >"$1"\n', { mode: 0o755 });
      const program = await startHupPrinter(t, isRoot ? { uid: USER } : {});
      writeFileSync(site.path('theirs/app.pid'), String(program.pid));
      if (isRoot) for (const name of ['theirs', 'theirs/app.pid']) chownSync(site.path(name), USER, USER);
      const config = site.configure({
        sinks: [
          { path: site.path('own/a.json'), format: 'json', notify: ['hook', 'app'] },
          { path: site.path('theirs/b.json'), format: 'json' },
        ],
        consumers: {
          hook: { type: 'exec', command: [hook, site.path('descriptors')] },
          app: { type: 'signal', signal: 'SIGHUP', pid_file: site.path('theirs/app.pid') },
        },
      });
      const ended = await site.run(['once', '--json', ...config], { through: [...LEAVING_ONE_OPEN, ...deny] });
      assert.equal(ended.code, 0, ended.stdout + ended.stderr);
      const { sinks, consumers } = reportOf(ended);
      assert.deepEqual(
        [...sinks, ...consumers].map(({ result }) => result),
        ['written', 'written', 'notified', 'notified'],
      );
      // Beside the standard streams the directory that ls reads.
      assert.equal(readFileSync(site.path('descriptors'), 'utf8'), '0\n1\n2\n3\n');
    });
  }

  for (const errno of ['ENOSYS', 'EPERM', 'EACCES'] as const) {
    test(`a filter that refuses to hold a process (${errno}) has nobody signalled, and says so`, async (t) => {
      const deny = await denying(t, PIDFD_OPEN, PIDFD_OPEN, errno);
      if (!deny) return;
      const site = await openSite(t);
      const program = await startHupPrinter(t);
      writeFileSync(site.path('app.pid'), String(program.pid));
      const config = site.configure({
        sinks: [{ path: site.path('a.json'), format: 'json', notify: ['app'] }],
        consumers: { app: { type: 'signal', signal: 'SIGHUP', pid_file: site.path('app.pid') } },
      });
      const ended = await site.run(['once', '--json', ...config], { through: deny });
      const { sinks, consumers } = reportOf(ended);
      assert.deepEqual([sinks[0]?.result, consumers[0]?.result], ['written', 'pending']);
      assert.match(JSON.stringify(consumers[0]), /pidfd_open/);
      assert.equal(program.output(), 'ready\n');
    });
  }
});
