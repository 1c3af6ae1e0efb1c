import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { TestContext } from 'node:test';
import { openSite, reportOf, said, type Ended, type Site } from '../support/agent.ts';
import type { Status } from '../../src/report/schema.ts';
import { eventually } from '../support/eventually.ts';
import { openShim, type Fault } from './shim.ts';
import { tally } from './tally.ts';

/** Makes calls on one sink fail, and looks at what becomes of it and of the others. */

export type Failing = Pick<NonNullable<Fault['fail']>, 'call' | 'errno'>;

/** Every way in which a disk refuses, at every call that puts a file in place. */
export const EVERY_FAILURE: readonly Failing[] = (
  ['open', 'fchown', 'fchmod', 'write', 'fsync', 'rename'] as const
).flatMap((call) => (['EIO', 'EDQUOT', 'ENOSPC', 'EROFS', 'EMFILE'] as const).map((errno) => ({ call, errno })));

const NAMES = ['credentials', 'app.env', 'iam.json'] as const;

/** Only what differs from a new file's is changed; only root gives a file to a group of others. */
const isRoot = process.geteuid?.() === 0;
const OTHERS = { mode: '0640', ...(isRoot && { group: 1 }) };

function configureThree(site: Site): readonly string[] {
  const formats = ['aws-credentials', 'dotenv', 'json'];
  return site.configure({
    sinks: NAMES.map((name, i) => ({ path: site.path(`out/${name}`), format: formats[i], ...OTHERS })),
  });
}

/**
 * One failure in each pass, of one sink after the other: the pass that meets the next failure must write what the one
 * before could not. Skips the test where calls cannot be made to fail.
 */
export async function failEach(t: TestContext, what: string, failures: readonly Failing[]): Promise<void> {
  const suffer = await openShim(t);
  if (!suffer) return;
  const site = await openSite(t);
  const config = configureThree(site);
  assert.equal((await site.run(['once', ...config])).code, 0);
  await tally(t, what, async (attempt) => {
    for (const [index, failing] of failures.filter(({ call }) => isRoot || call !== 'fchown').entries()) {
      const victim = NAMES[index % NAMES.length] ?? assert.fail();
      await attempt(async () => {
        const before = readFileSync(site.path(`out/${victim}`));
        site.metadata.rotate();
        const env = suffer({ fail: { ...failing, part: `/out/.${victim}.` } });
        assertFailed(site, await site.run(['once', '--json', ...config], { env }), { victim, ...failing });
        assert.deepEqual(readFileSync(site.path(`out/${victim}`)), before);
      });
    }
  });
  assert.equal((await site.run(['once', ...config])).code, 0);
  assertCurrent(site, NAMES);
}

interface Case extends Failing {
  readonly victim: (typeof NAMES)[number];
}

function assertFailed(site: Site, ended: Ended, { victim, call, errno }: Case): void {
  const what = `${errno} on ${call} of ${victim}`;
  const path = site.path(`out/${victim}`);
  assert.equal(ended.code, 73, what);
  for (const { sinks } of [reportOf(ended), statusOf(site)]) {
    const { result, error } = sinks.find((sink) => sink.path === path) ?? assert.fail(what);
    assert.deepEqual([result, error?.code], ['failed', 'SINK_WRITE_FAILED'], what);
    assert.equal(error?.message, `${path}: expected a complete write, got ${errno} on ${call}`);
    assert.ok(error.hint, what);
  }
  const others = NAMES.filter((name) => name !== victim);
  assertCurrent(site, others);
  assert.deepEqual(readdirSync(site.path('out')).sort(), [...NAMES].sort(), what);
}

export function assertCurrent(site: Site, names: readonly string[]): void {
  const { accessKeyId } = site.metadata.current();
  for (const name of names) assert.ok(readFileSync(site.path(`out/${name}`), 'utf8').includes(accessKeyId), name);
}

export function statusOf(site: Site): Status {
  return JSON.parse(readFileSync(site.path('run/status.json'), 'utf8')) as Status;
}

/** What is printed for people, whose lines are broken where the terminal ends. */
export function onOneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ');
}

/** An agent whose sink cannot be written for a while: it says so, and makes good by itself when it can. */
export async function failForAWhile(t: TestContext, failing: Failing): Promise<void> {
  const suffer = await openShim(t);
  if (!suffer) return;
  const site = await openSite(t);
  const whilst = site.path('fault');
  const env = suffer({ fail: { ...failing, part: '/out/.app.env.', whilst } });
  const agent = site.start(['run', ...configureThree(site)], { env });
  await said(agent, /rotation 1: key/);
  writeFileSync(whilst, '');
  site.metadata.rotate();
  assert.equal((await site.run(['refresh'])).code, 73);
  const { stdout } = await site.run(['status']);
  const message = `expected a complete write, got ${failing.errno} on ${failing.call}`;
  assert.match(
    onOneLine(stdout),
    new RegExp(`app\\.env: not up to date .*\\(SINK_WRITE_FAILED: \\S+/app\\.env: ${message}\\) hint: `, 'i'),
  );
  assertCurrent(site, ['credentials', 'iam.json']);
  rmSync(whilst);
  await eventually('it is written', () => statusOf(site).sinks.every(({ error }) => !error));
  assertCurrent(site, NAMES);
  assert.doesNotMatch(agent.output(), /repaired/, 'nobody has changed a file');
  assert.equal((await agent.stop()).code, 0);
}
