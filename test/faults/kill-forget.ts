import assert from 'node:assert/strict';
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { TestContext } from 'node:test';
import { openSite, type Site } from '../support/agent.ts';
import { assertNoSecretBelow } from '../support/secrets.ts';
import type { Scene } from './kill.ts';
import { openShim } from './shim.ts';

/** Kills the forgetting of sinks, at one call after the other. */

const isRoot = process.getuid?.() === 0;
const NOBODY = 65_534;

/** Sinks, and what others have in their files. */
const SINKS: Readonly<Record<string, { readonly format: string; readonly foreign?: string; readonly owner?: number }>> =
  {
    'out/credentials': { format: 'aws-credentials', foreign: '[other]\nregion = x\n' },
    'out/iam.json': { format: 'json' },
    ...(isRoot && {
      'user/app.env': { format: 'dotenv', foreign: 'PORT=80\n', owner: NOBODY },
      'user/iam.json': { format: 'json', owner: NOBODY },
    }),
  };

/** Undefined, with the test skipped, where calls cannot be counted. */
export async function openForgetScene(t: TestContext): Promise<Pick<Scene, 'survive'> | undefined> {
  const suffer = await openShim(t);
  if (!suffer) return undefined;
  const site = await openSite(t);
  const config = site.configure({
    sinks: Object.entries(SINKS).map(([name, { foreign: _, ...options }]) => ({ path: site.path(name), ...options })),
  });
  const run = async (command: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<NodeJS.Signals | null> => {
    const { code, signal, stdout, stderr } = await site.run([...command, ...config], { env });
    if (signal === null) assert.equal(code, 0, stdout + stderr);
    return signal;
  };
  return {
    async survive(kill) {
      startAnew(site);
      await run(['once']);
      const written = look(site);
      const signal = await run(['forget', '--all'], suffer({ kill }));
      if (signal === null) return false;
      for (const [name, text] of Object.entries(look(site))) {
        assert.ok(text === written[name] || text === SINKS[name]?.foreign, `${name} is neither old nor new`);
      }
      await run(['forget', '--all']);
      for (const [name, text] of Object.entries(look(site))) assert.equal(text, SINKS[name]?.foreign, name);
      assert.deepEqual(readdirSync(site.path('state')), ['lock']);
      assertNoSecretBelow(site.directory);
      return true;
    },
  };
}

function startAnew(site: Site): void {
  // Its user passes through it.
  chmodSync(site.directory, 0o711);
  for (const name of ['out', 'user']) {
    rmSync(site.path(name), { recursive: true, force: true });
    mkdirSync(site.path(name), { mode: 0o700 });
  }
  for (const [name, { foreign }] of Object.entries(SINKS)) {
    if (foreign !== undefined) writeFileSync(site.path(name), foreign, { mode: 0o600 });
  }
  if (isRoot) for (const name of ['user', 'user/app.env']) chownSync(site.path(name), NOBODY, NOBODY);
}

function look(site: Site): Readonly<Record<string, string | undefined>> {
  const read = (path: string): string | undefined => (existsSync(path) ? readFileSync(path, 'utf8') : undefined);
  return Object.fromEntries(Object.keys(SINKS).map((name) => [name, read(site.path(name))]));
}
