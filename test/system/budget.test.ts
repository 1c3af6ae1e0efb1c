import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { BOUNDS } from '../budget/bounds.ts';
import { openSite, type Site } from '../support/agent.ts';

const CALLS = '%file,fsync,fdatasync,connect';

describe('budget', () => {
  test('of the system calls of a one-shot', async (t) => {
    const site = await openSite(t);
    const config = site.configure({
      sinks: [
        { path: site.path('credentials'), format: 'aws-credentials' },
        { path: site.path('app.env'), format: 'dotenv' },
        { path: site.path('iam.json'), format: 'json' },
      ],
    });
    await site.run(['once', ...config]);
    assertCalls(await callsOf(site, ['once', ...config]), BOUNDS.systemCalls.unchanged);
    site.metadata.rotate();
    assertCalls(await callsOf(site, ['once', ...config]), BOUNDS.systemCalls.written);
  });

  // A reload waits for it: it must not take long on any host, whatever the configuration names.
  test('of check --config-only: no sink, unit, process or name of a user, however many sinks', async (t) => {
    const site = await openSite(t);
    const opened = async (number: number): Promise<number> => {
      const sinks = Array.from({ length: number }, (_, index) => ({
        ...{ path: site.path(`sink-${index}`), format: 'json', notify: ['hook', 'unit', 'pid', 'exe'] },
        ...{ owner: 'zz-nobody', group: 'zz-nobody' },
      }));
      const consumers = {
        hook: { type: 'exec', command: ['/bin/hook-of-root'], user: 'zz-nobody' },
        unit: { type: 'systemd', unit: 'zz-no-such.service' },
        pid: { type: 'signal', pid_file: site.path('pid-file') },
        exe: { type: 'signal', process: { exe: '/bin/zz-exe' } },
      };
      const lines = await traceOf(
        site,
        ['check', '--config-only', ...site.configure({ sinks, consumers })],
        '%file,%network,execve',
      );
      assert.ok(
        lines.some((line) => line.includes('c.yaml"')),
        'nothing was traced',
      );
      const [, ...programs] = lines.filter((line) => line.includes(' execve('));
      const named = /sink-\d|pid-file|zz-|\/etc\/(?:passwd|group|nsswitch)|\/proc\/\d|systemctl|getent| connect\(/;
      assert.deepEqual([programs, lines.filter((line) => named.test(line))], [[], []]);
      return lines.filter((line) => / open(?:at)?\(/.test(line)).length;
    };
    // Node opens some of its own, sooner or later.
    assert.ok((await opened(1_000)) <= (await opened(1)) + 10);
  });
});

interface Calls {
  /** That name a path of the site, whose depth is always the same, or go by a descriptor of ours. */
  readonly paths: number;
  readonly connections: number;
  readonly syncs: number;
}

/** Each system call of these kinds, as it began. */
async function traceOf(site: Site, args: readonly string[], calls: string): Promise<readonly string[]> {
  const trace = site.path('trace');
  const strace = ['/usr/bin/strace', '-f', '-qq', '-s', '4096', '-e', `trace=${calls}`, '-o', trace];
  const { code, stderr } = await site.run(args, { through: strace });
  assert.equal(code, 0, stderr);
  return readFileSync(trace, 'utf8')
    .split('\n')
    .filter((line) => !/<\.\.\. \w+ resumed>/.test(line));
}

async function callsOf(site: Site, args: readonly string[]): Promise<Calls> {
  const begun = await traceOf(site, args, CALLS);
  const count = (pattern: RegExp): number => begun.filter((line) => pattern.test(line)).length;
  return {
    paths: begun.filter((line) => line.includes(`"${site.directory}`) || / "\/(?:proc\/self\/fd.*)?"/.test(line))
      .length,
    connections: count(/ connect\(/),
    syncs: count(/ f(?:data)?sync\(/),
  };
}

function assertCalls(found: Calls, bound: Calls): void {
  assert.ok(found.paths > 0 && found.connections > 0, 'nothing was counted');
  // One fewer is one that a power cut would miss.
  assert.equal(found.syncs, bound.syncs);
  for (const kind of ['paths', 'connections'] as const) {
    assert.ok(found[kind] <= bound[kind], `${kind}: expected at most ${bound[kind]}, got ${found[kind]}`);
  }
}
