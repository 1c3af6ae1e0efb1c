import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import type { SourceState } from '../../src/core/outcomes.ts';
import type { Fault, FaultKind } from '../../src/simulator/faults.ts';
import { openSite, said, type Running, type Site } from '../support/agent.ts';
import { eventually } from '../support/eventually.ts';
import { limit } from '../support/limits.ts';

/** Every state of the source as an administrator meets it: in the log, the status, the metric and the exit codes. */

/** Exit codes: of `refresh`, of `status` and `once`, and of `status --check`. */
type Codes = readonly [refresh: number, status: number, check: number];

interface Step {
  readonly state: SourceState;
  readonly codes: Codes;
  readonly code?: string;
  /** What the metadata service does meanwhile; healthy, where nothing is said. */
  readonly fault?: FaultKind;
  readonly role?: null;
}

const OK: Step = { state: 'ok', codes: [0, 0, 0] };

/** While there are no credentials, each is critical. */
const BEFORE: readonly Step[] = [
  { state: 'unreachable', codes: [75, 75, 2], code: 'IMDS_UNREACHABLE', fault: 'reset' },
  { state: 'malformed', codes: [76, 76, 2], code: 'IMDS_MALFORMED', fault: 'html' },
  { state: 'denied', codes: [77, 77, 2], code: 'IMDS_DENIED', fault: 'denied' },
  { state: 'no_role', codes: [69, 69, 2], code: 'IMDS_NO_ROLE', role: null },
  { state: 'expired', codes: [75, 75, 2], code: 'IMDS_EXPIRED', fault: 'expired' },
];

/** While good ones stand, each is a warning. */
const BESIDE: readonly Step[] = [
  { state: 'stale', codes: [75, 0, 1], code: 'IMDS_UNREACHABLE', fault: 'reset' },
  { state: 'denied', codes: [77, 0, 1], code: 'IMDS_DENIED', fault: 'denied' },
  { state: 'no_role', codes: [69, 0, 1], code: 'IMDS_NO_ROLE', role: null },
];

function configure(site: Site): readonly string[] {
  return site.configure({
    sinks: [{ path: site.path('iam.json'), format: 'json' }],
    imds: { timeout: '30s', attempts: 1 },
    metrics: { textfile: site.path('metrics.prom') },
  });
}

function set(site: Site, { fault, role }: Step): void {
  // Before its time nothing is expired, or refused, but the credentials.
  const at: Fault['at'] = fault === 'reset' ? 'any' : 'credentials';
  site.metadata.setFaults(fault ? [{ at, kind: fault }] : []);
  site.metadata.setRole(role === null ? null : 'demo-role');
}

async function check(site: Site, { state, codes: [, status, check], code }: Step): Promise<void> {
  const shown = await site.run(['status']);
  assert.equal(shown.code, status, shown.stdout);
  assert.match(shown.stdout, new RegExp(`^source +${state}\\b`, 'm'));
  // Its error, and what to do, which may take several lines.
  if (code !== undefined) assert.match(shown.stdout, new RegExp(`\\b${code}: [^]*?\\n +hint: \\S`, 'm'));
  const plugin = await site.run(['status', '--check']);
  assert.equal(plugin.code, check, plugin.stdout);
  assert.match(plugin.stdout, [/ OK - /, / WARNING - /, / CRITICAL - /][check] ?? /^$/);
  const states = readFileSync(site.path('metrics.prom'), 'utf8').matchAll(/^credrotate_source_state\S*"(\w+)"\} 1$/gm);
  assert.deepEqual(
    [...states].map(([, name]) => name),
    [state],
  );
}

function lines(agent: Running, state: SourceState): number {
  const what = state === 'ok' ? /source is ok again/g : new RegExp(`source is ${state}: .*\\(.+\\) state=`, 'g');
  return agent.output().match(what)?.length ?? 0;
}

describe('the states of the source', { concurrency: 2 }, () => {
  test('each change of state: one line with what to do, the status, the metric, the exit codes', async (t) => {
    const site = await openSite(t);
    const [first, ...others] = [...BEFORE, OK, ...BESIDE.flatMap((step) => [step, OK])];
    assert(first);
    set(site, first);
    const agent = site.start(['run', ...configure(site)]);
    await said(agent, /source is unreachable: /);
    for (const step of [first, ...others]) {
      set(site, step);
      const before: number = step === first ? 0 : lines(agent, step.state);
      for (let retry = 0; retry < 2; retry += 1) {
        const refreshed = await site.run(['refresh']);
        assert.equal(refreshed.code, step.codes[0], refreshed.stdout);
      }
      await check(site, step);
      assert.equal(lines(agent, step.state), before + 1, agent.output());
    }
  });

  test('stale until what stands has ended, then expired', async (t) => {
    const site = await openSite(t, { lifetime: limit(6_000) });
    const agent = site.start(['run', ...configure(site)]);
    await said(agent, /rotation 1: /);
    const { expiration } = site.metadata.current();
    site.metadata.setFaults([{ at: 'any', kind: 'reset' }]);
    assert.equal((await site.run(['refresh'])).code, 75);
    await check(site, { state: 'stale', codes: [75, 0, 1], code: 'IMDS_UNREACHABLE' });
    await eventually('they have expired', () => Date.now() > expiration, 30_000);
    // Before the next pass knows of it.
    assert.equal((await site.run(['status'])).code, 75);
    assert.equal((await site.run(['refresh'])).code, 75);
    await check(site, { state: 'expired', codes: [75, 75, 2], code: 'IMDS_UNREACHABLE' });
    assert.deepEqual([lines(agent, 'stale'), lines(agent, 'expired')], [1, 1]);
  });

  for (const step of [OK, ...BEFORE]) {
    test(`a one-shot, ${step.state}`, async (t) => {
      const site = await openSite(t);
      set(site, step);
      assert.equal((await site.run(['once', '--every', '1h', ...configure(site)])).code, step.codes[0]);
      await check(site, step);
    });
  }

  test('a one-shot, disabled', async (t) => {
    const site = await openSite(t);
    const env = { AWS_EC2_METADATA_DISABLED: 'true' };
    const { code, stdout } = await site.run(['once', '--every', '1h', ...configure(site)], { env });
    assert.equal(code, 69, stdout);
    await check(site, { state: 'disabled', codes: [69, 69, 2], code: 'IMDS_DISABLED' });
    assert.deepEqual(site.metadata.requests, []);
  });
});
