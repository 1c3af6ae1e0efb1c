import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { openSite, type Ended, type Site } from '../support/agent.ts';
import { eventually } from '../support/eventually.ts';
import { keyReadingHook, startKeyReader } from './key-readers.ts';
import { onOneLine } from './errors.ts';
import { openShim, type Fault } from './shim.ts';
import type { Attempt } from './tally.ts';

/** Kills passes that write and tell, at one call after the other. */

export interface Scene {
  /** The calls of a whole pass, a line for each. */
  readonly trace: () => Promise<readonly string[]>;
  /** Kills a pass at that call; false when it had ended before. Fails unless the promises were kept. */
  readonly survive: (kill: NonNullable<Fault['kill']>) => Promise<boolean>;
}

interface SceneOptions {
  /** Before each try all is removed, so that it is a first pass that is killed. */
  readonly first: boolean;
  /** Not the agent is killed but the process that acts as a user, at one of its own calls. */
  readonly actor?: true;
}

const isRoot = process.getuid?.() === 0;
const NOBODY = 65_534;

interface SceneSink {
  /** Where it is, below the site's directory. */
  readonly name: string;
  /** What it is to look like. */
  readonly mode: string;
  readonly owner?: number;
  /** Of its format. */
  readonly [option: string]: unknown;
}

const SINKS: readonly SceneSink[] = [
  { name: 'out/credentials', format: 'aws-credentials', mode: '600' },
  { name: 'out/app.env', format: 'dotenv', mode: '640', ...(isRoot && { owner: NOBODY, group: NOBODY }) },
  {
    name: 'out/keys.json',
    format: 'json',
    mode: '400',
    keys: { access_key_id: 'aws.id', secret_access_key: 'aws.secret' },
  },
  // Its directory is removed before each try, so that the pass makes it.
  { name: 'made/below/iam.json', format: 'json', mode: '600' },
  // In a directory of that user, a process of whom writes it.
  ...(isRoot ? [{ name: 'user/iam.json', format: 'json', mode: '600', owner: NOBODY }] : []),
];

/** What others have in the files, and beside them. */
const FOREIGN = {
  'out/credentials': '# mine\n[other]\nregion = eu-west-1\n',
  'out/app.env': 'PORT=80\n',
  'out/keys.json': '{"name": "app"}\n',
  'out/credentials.123': 'a backup of the user\n',
} as const;

/** Undefined, with the test skipped, where calls cannot be counted. */
export async function openScene(t: TestContext, { first, ...whom }: SceneOptions): Promise<Scene | undefined> {
  const suffer = await openShim(t);
  if (!suffer) return undefined;
  const site = await openSite(t);
  const [daemon, hook] = [await startKeyReader(t, site), keyReadingHook(site)];
  const notify = ['daemon', 'hook'];
  const config = site.configure({
    sinks: SINKS.map(({ name, ...sink }) => ({ ...sink, path: site.path(name), notify })),
    consumers: { daemon: { type: 'signal', pid_file: daemon.pidFile }, hook: { type: 'exec', command: hook.command } },
  });
  const pass = async (env: NodeJS.ProcessEnv = {}) => await site.run(['once', ...config], { env });
  const prepare = async (): Promise<void> => {
    if (first || !existsSync(site.path('out'))) startAnew(site);
    if (!first && site.state() === '') assertDone(await pass());
    rmSync(site.path('made'), { recursive: true, force: true });
    site.metadata.rotate();
  };
  return {
    async trace() {
      await prepare();
      assertDone(await pass(suffer({ trace: site.path('trace') })));
      const lines = readFileSync(site.path('trace'), 'utf8').trimEnd().split('\n');
      return lines.map((line) => line.replaceAll(site.directory, ''));
    },
    async survive(kill) {
      await prepare();
      const before = sinks(site);
      if (!wasKilled(await pass(suffer({ kill, ...whom })), whom)) return false;
      const between = sinks(site);
      assertDone(await pass());
      const after = sinks(site);
      assertWhole({ before, between, after });
      assertKeepsForeign(site);
      assertNothingLeft(site);
      const { accessKeyId } = site.metadata.current();
      assert.ok([...after.values()].every((text) => text?.includes(accessKeyId)));
      assert.equal(hook.known(), accessKeyId, 'the hook was not notified');
      await eventually('the daemon is notified', () => daemon.known() === accessKeyId);
      return true;
    },
  };
}

/** Each `step`th call, until a pass ends before it comes to that call; gives the number of calls. */
export async function killEach(
  scene: Pick<Scene, 'survive'>,
  { moment, step }: { readonly moment: 'before' | 'after'; readonly step: number },
  attempt: Attempt,
): Promise<number> {
  // The calls after which a kill is tried are not those before which it is.
  for (let call = moment === 'before' ? 1 : 1 + Math.floor(step / 2); ; call += step)
    if ((await attempt(() => scene.survive({ moment, call }))) === false) return call - 1;
}

function wasKilled({ code, signal, stdout }: Ended, { actor }: Pick<SceneOptions, 'actor'>): boolean {
  if (!actor) return signal !== null;
  if (code === 0) return false;
  assert.equal(code, 73, stdout);
  assert.match(onOneLine(stdout), /SINK_ACTOR_FAILED: \S+\/user\/iam\.json: .* got its end \(SIGKILL\)/);
  return true;
}

function assertDone({ code, stdout, stderr }: Ended): void {
  assert.equal(code, 0, stdout + stderr);
}

function startAnew(site: Site): void {
  for (const name of ['out', 'state', 'user']) {
    rmSync(site.path(name), { recursive: true, force: true });
    mkdirSync(site.path(name), { mode: 0o700 });
  }
  if (isRoot) chownSync(site.path('user'), NOBODY, NOBODY);
  // Others pass through it, to their own.
  chmodSync(site.directory, 0o711);
  for (const [name, text] of Object.entries(FOREIGN)) writeFileSync(site.path(name), text, { mode: 0o600 });
}

/** The bytes of each sink, having looked at its mode and owner unless it is still the file that was there before us. */
function sinks(site: Site): Map<string, string | undefined> {
  return new Map(
    SINKS.map((sink) => {
      const path = site.path(sink.name);
      const stat = lstatSync(path, { throwIfNoEntry: false });
      if (!stat) return [sink.name, undefined];
      const text = readFileSync(path, 'latin1');
      if (text !== Object.entries(FOREIGN).find(([name]) => name === sink.name)?.[1]) {
        assert.equal((stat.mode & 0o7777).toString(8), sink.mode, path);
        assert.equal(stat.uid, sink.owner ?? process.getuid?.(), path);
      }
      return [sink.name, text];
    }),
  );
}

interface Views {
  readonly before: Map<string, string | undefined>;
  readonly between: Map<string, string | undefined>;
  readonly after: Map<string, string | undefined>;
}

function assertWhole({ before, between, after }: Views): void {
  for (const [name, text] of between)
    assert.ok(text === before.get(name) || text === after.get(name), `${name} is neither old nor new`);
}

function assertKeepsForeign(site: Site): void {
  assert.ok(readFileSync(site.path('out/credentials'), 'utf8').startsWith(FOREIGN['out/credentials']));
  assert.ok(readFileSync(site.path('out/app.env'), 'utf8').startsWith(FOREIGN['out/app.env']));
  assert.equal(readFileSync(site.path('out/credentials.123'), 'utf8'), FOREIGN['out/credentials.123']);
}

/** A temp file that was not journalled yet may stay: nothing says whose it is, and it is empty. */
function assertNothingLeft(site: Site): void {
  const known = new Set([...SINKS.map(({ name }) => name), ...Object.keys(FOREIGN)].map((name) => site.path(name)));
  for (const directory of ['out', 'made/below', 'user']) {
    for (const name of readdirSync(site.path(directory))) {
      const path = join(site.path(directory), name);
      if (known.has(path)) continue;
      assert.equal(lstatSync(path).size, 0, `${path} is left`);
      rmSync(path);
    }
  }
  assert.deepEqual(readdirSync(site.path('state')).sort(), ['lock', 'state.json']);
  assert.deepEqual(readdirSync(site.path('run')), ['status.json']);
}
