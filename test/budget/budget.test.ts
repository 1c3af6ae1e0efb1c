import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { bundle } from '../../scripts/bundle.ts';
import { openSite, type Site } from '../support/agent.ts';
import { ecsAnswer } from '../support/container.ts';
import { eventually } from '../support/eventually.ts';
import { KEY, printed, prints } from '../support/helpers.ts';
import { answer, rawServer } from '../support/raw-server.ts';
import { tempDir } from '../support/temp-dir.ts';
import { BOUNDS } from './bounds.ts';

const { scripts } = await bundle();
const LOADER_END = '})(require);\n';

describe('budget', () => {
  test('of the bundle', () => {
    assertWithin('characters', total(scripts), BOUNDS.bundle);
  });

  for (const [command, bound] of Object.entries(BOUNDS.loaded)) {
    test(`of the scripts that ${command} loads`, async (t) => {
      const site = await openSite(t);
      const config = oneSink(site);
      await site.run(['once', '--every', '1h', ...config]);
      const args = command === '--version' || command === 'status' ? [command] : [command, ...config];
      const names = await loadedBy(t, site, args);
      assertWithin('characters', total(scripts.filter(({ name }) => names.includes(name))), bound);
    });
  }

  test('of a host with the instance alone: nothing of TLS, signatures and XML', async (t) => {
    const site = await openSite(t);
    const names = await loadedBy(t, site, ['once', ...oneSink(site)]);
    const others = scripts.filter(({ text }) =>
      /AWS4-HMAC-SHA256|AssumeRoleResponse|getCACertificates|CredentialsUninitialized|CREDROTATE_SOURCE|got some of another/.test(
        text,
      ),
    );
    assert.ok(others.length >= 2, 'the scripts of the other sources are found');
    const heavy = [...others.map(({ name }) => name), 'tls', 'node:tls', 'https', 'node:https'];
    assert.deepEqual(
      names.filter((name) => heavy.includes(name)),
      [],
    );
  });

  test('of a container: nothing of the instance is asked, and nothing of TLS, signatures and XML loaded', async (t) => {
    const site = await openSite(t);
    const server = await rawServer(t, () => answer(200, ecsAnswer({ Expiration: '2099-01-01T00:00:00Z' })));
    const config = site.configure({
      sources: { task: { type: 'container', endpoint: `${server.origin}/` } },
      sinks: [{ path: site.path('iam.json'), format: 'json', source: 'task' }],
    });
    const names = await loadedBy(t, site, ['once', ...config]);
    const others = scripts.filter(({ text }) => /AWS4-HMAC-SHA256|WebIdentityToken|getCACertificates/.test(text));
    const heavy = [...others.map(({ name }) => name), 'tls', 'node:tls', 'https', 'node:https'];
    assert.deepEqual(
      names.filter((name) => heavy.includes(name)),
      [],
    );
    assertWithin(
      'characters',
      total(scripts.filter(({ name }) => names.includes(name))),
      BOUNDS.loaded.once + BOUNDS.container,
    );
    assert.equal(site.metadata.requests.length, 0);
  });

  for (const type of ['process', 'file'] as const)
    test(`of a ${type} as a source: nothing of the instance is asked, and nothing of TLS and signatures loaded`, async (t) => {
      const site = await openSite(t);
      const path = site.path('kept');
      writeFileSync(path, printed());
      const command = ['/bin/sh', '-c', prints(printed())];
      const own = type === 'file' ? { path, format: 'json' } : { command, user: process.getuid?.() };
      const config = site.configure({
        sources: { own: { type, ...own } },
        sinks: [{ path: site.path('iam.json'), format: 'json', source: 'own' }],
      });
      const names = await loadedBy(t, site, ['once', ...config]);
      assert.ok(readFileSync(site.path('iam.json'), 'utf8').includes(KEY));
      const loaded = scripts.filter(({ name }) => names.includes(name));
      assert.ok(!loaded.some(({ text }) => /AWS4-HMAC-SHA256|WebIdentityToken|getCACertificates/.test(text)));
      assert.ok(!names.some((name) => /^(?:node:)?(?:tls|https)$/.test(name)));
      assertWithin('characters', total(loaded), BOUNDS[type]);
      assert.equal(site.metadata.requests.length, 0);
    });

  test('of the requests of a one-shot, and of a further pass', async (t) => {
    const site = await openSite(t);
    const config = oneSink(site);
    await site.run(['once', ...config]);
    assert.equal(site.metadata.requests.length, BOUNDS.requests.first);
    await site.run(['once', ...config]);
    assert.equal(site.metadata.requests.length - BOUNDS.requests.first, BOUNDS.requests.once);
    site.start(['run', ...config]);
    await eventually('it takes requests', async () => (await site.run(['refresh'])).code === 0);
    const before = site.metadata.requests.length;
    assert.equal((await site.run(['refresh'])).code, 0);
    assert.equal(site.metadata.requests.length - before, BOUNDS.requests.pass);
  });

  test('of the wake-ups of an idle agent', async (t) => {
    const site = await openSite(t);
    const { process: child } = site.start(['run', ...oneSink(site)]);
    const count = (): number => wakeUps(child.pid ?? 0);
    await eventually('it is idle', async () => {
      const before = count();
      await delay(1_500);
      return count() - before <= 2;
    });
    const before = count();
    assert.ok(before > 0, 'nothing was counted');
    // Not a wait for something: the time is what is measured.
    await delay(5_000);
    assertWithin('wake-ups', count() - before, BOUNDS.wakeUps);
  });
});

function oneSink(site: Site): readonly string[] {
  return site.configure({ sinks: [{ path: site.path('iam.json'), format: 'json' }] });
}

function total(some: readonly { readonly text: string }[]): number {
  return some.reduce((sum, { text }) => sum + text.length, 0);
}

function assertWithin(what: string, count: number, bound: number): void {
  assert.ok(count <= bound, `expected at most ${bound} ${what}, got ${count}: see test/budget/bounds.ts`);
}

async function loadedBy(t: TestContext, site: Site, args: readonly string[]): Promise<readonly string[]> {
  const directory = tempDir(t);
  for (const { name, text } of scripts) {
    // The main script's own loader looks into the executable.
    writeFileSync(
      join(directory, name),
      text.slice(text.includes(LOADER_END) ? text.indexOf(LOADER_END) + LOADER_END.length : 0),
    );
  }
  const result = join(directory, 'names');
  const child = resolve(import.meta.dirname, 'count-child.ts');
  const through = ['/bin/sh', '-c', 'shift; exec "$0" "$@"', process.execPath];
  const ours = ['--disable-warning=ExperimentalWarning', child, directory, result];
  const { code, stderr } = await site.run([...ours, ...args], { through });
  assert.equal(code, 0, stderr);
  return JSON.parse(readFileSync(result, 'utf8')) as string[];
}

function wakeUps(pid: number): number {
  return readdirSync(`/proc/${pid}/task`)
    .map((task) => readFileSync(`/proc/${pid}/task/${task}/status`, 'utf8'))
    .reduce((sum, text) => sum + Number(/^voluntary_ctxt_switches:\s+(\d+)$/m.exec(text)?.[1]), 0);
}
