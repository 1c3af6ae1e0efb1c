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
});

interface Calls {
  /** That name a path of the site, whose depth is always the same. */
  readonly paths: number;
  readonly connections: number;
  readonly syncs: number;
}

async function callsOf(site: Site, args: readonly string[]): Promise<Calls> {
  const trace = site.path('trace');
  const strace = ['/usr/bin/strace', '-f', '-qq', '-e', `trace=${CALLS}`, '-o', trace];
  const { code, stderr } = await site.run(args, { through: strace });
  assert.equal(code, 0, stderr);
  const lines = readFileSync(trace, 'utf8').split('\n');
  const begun = lines.filter((line) => !/<\.\.\. \w+ resumed>/.test(line));
  const count = (pattern: RegExp): number => begun.filter((line) => pattern.test(line)).length;
  return {
    paths: begun.filter((line) => line.includes(`"${site.directory}`)).length,
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
