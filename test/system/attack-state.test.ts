import assert from 'node:assert/strict';
import { chmodSync, chownSync, lchownSync, lstatSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { linkSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { tally } from '../faults/tally.ts';
import { limit } from '../support/limits.ts';
import { CANARY, PROXY } from './attack-ground.ts';
import { openStage, type Settings, type Stage } from './attack-stage.ts';

/** Our own directories at a place that somebody else decides about. */
interface Place {
  readonly what: string;
  /** Gives the path. */
  readonly make: (stage: Stage) => string;
}

const own = (path: string): string => {
  chownSync(path, PROXY, PROXY);
  return path;
};

function makeDirectory(path: string, mode = 0o755): string {
  rmSync(path, { recursive: true, force: true });
  mkdirSync(path, { recursive: true });
  chmodSync(path, mode);
  return path;
}

const PLACES: readonly Place[] = [
  { what: "a user's directory", make: ({ ground }) => own(makeDirectory(join(ground.home, 'own'))) },
  { what: "root's directory in a user's", make: ({ ground }) => makeDirectory(join(ground.home, 'of-root'), 0o700) },
  {
    what: 'a directory that everybody can write',
    make: ({ ground }) => makeDirectory(join(ground.base, 'all'), 0o777),
  },
  { what: 'a sticky directory', make: ({ ground }) => makeDirectory(join(ground.base, 'sticky'), 0o1777) },
  {
    what: 'a directory that a group can write',
    make: ({ ground }) => {
      const path = makeDirectory(join(ground.base, 'group'));
      chownSync(path, 0, PROXY);
      chmodSync(path, 0o775);
      return path;
    },
  },
  {
    what: "a user's directory in a sticky one",
    make: ({ ground }) => {
      makeDirectory(join(ground.base, 'sticky'), 0o1777);
      return own(makeDirectory(join(ground.base, 'sticky/own')));
    },
  },
  {
    what: "a user's symlink to root's directory",
    make: ({ ground }) => {
      const path = join(ground.home, 'link');
      rmSync(path, { force: true });
      symlinkSync(join(ground.open), path);
      return path;
    },
  },
];

/** Everything that we would ever open, with a trap in its place. */
function plant(path: string, { ground, site }: Stage): void {
  if (lstatSync(path).isSymbolicLink()) return;
  const victim = join(ground.open, CANARY);
  const temps = [victim, join(ground.closed, CANARY)].map((file) => ({
    path: file,
    inode: String(lstatSync(file).ino),
  }));
  const state = site.state() === '' ? {} : (JSON.parse(site.state()) as object);
  writeFileSync(join(path, 'state.json'), JSON.stringify({ ...state, temps }));
  for (const name of ['lock', 'status.json', 'control.sock', 'credrotate.prom']) {
    symlinkSync(join(ground.open, `made-by-${name}`), join(path, name));
  }
  // Whatever a sweep would take for a temp file of ours.
  for (const name of ['state.json', 'status.json', 'credrotate.prom']) {
    symlinkSync(victim, join(path, `${name}.1.crtmp`));
    writeFileSync(join(path, `${name}.2.crtmp`), '');
    linkSync(join(path, 'state.json'), join(path, `${name}.3.crtmp`));
    utimesSync(join(path, `${name}.2.crtmp`), 1, 1);
  }
  for (const name of readdirSync(path)) lchownSync(join(path, name), PROXY, PROXY);
}

/** What a change of anything in it would change. */
function contentsOf(path: string): readonly string[] {
  return readdirSync(path).map((name) => {
    const { ino, mode, uid, size, ctimeNs } = lstatSync(join(path, name), { bigint: true });
    return [name, ino, mode, uid, size, ctimeNs].join(' ');
  });
}

/** Commands that look at our own directories, beside a pass. */
const COMMANDS = [['status'], ['refresh'], ['check'], ['plan'], ['doctor'], ['forget', '--dry-run'], ['run']] as const;

type Setting = (path: string) => { readonly env?: Record<string, string>; readonly config?: Settings };

const SETTINGS: Readonly<Record<string, Setting>> = {
  STATE_DIRECTORY: (path) => ({ env: { STATE_DIRECTORY: path } }),
  RUNTIME_DIRECTORY: (path) => ({ env: { RUNTIME_DIRECTORY: path } }),
  'metrics.textfile': (path) => ({ config: { metrics: { textfile: join(path, 'credrotate.prom') } } }),
};

async function eachPlace(
  t: TestContext,
  setting: string,
  work: (stage: Stage, path: string, turn: number) => Promise<void>,
): Promise<void> {
  const stage = await openStage(t, PROXY);
  await stage.pass({});
  let turn = 0;
  await tally(t, `planted ${setting}`, async (attempt) => {
    for (const { what, make } of PLACES) {
      for (const below of ['', 'to-be-made']) {
        await attempt(async () => {
          const path = make(stage);
          if (below === '') plant(path, stage);
          const before = contentsOf(path);
          await work(stage, join(path, below), turn++).catch((error: unknown) => {
            throw new Error(`${what}${below && `, ${below}`}`, { cause: error });
          });
          assert.deepEqual(contentsOf(path), before, what);
          rmSync(path, { recursive: true });
          stage.ground.inspect();
        });
      }
    }
  });
  stage.ground.inspectContents();
}

describe('our own directories where somebody else decides', { concurrency: true }, () => {
  for (const [name, setting] of Object.entries(SETTINGS)) {
    test(name, async (t) => {
      await eachPlace(t, name, async (stage, path, turn) => {
        const { env, config = {} } = setting(path);
        // A wrong configuration is refused as a whole; a wrong variable costs the memory, not the credentials.
        if (env) await stage.pass(config, { env });
        else await stage.run(['once', ...stage.site.configure({ sinks: [], ...config })]);
        const at = stage.site.configure({ sinks: [], ...config });
        for (const [command, ...more] of [turn, turn + 3].map((n) => COMMANDS[n % COMMANDS.length] ?? ['run'])) {
          const running = stage.site.start([command, ...more, ...at], { ...(env && { env }) });
          const timer = setTimeout(
            () => running.process.kill('SIGTERM'),
            command === 'run' ? limit(700) : limit(20_000),
          );
          const ended = await running.ended;
          clearTimeout(timer);
          assert.ok(command === 'run' || ended.signal === null, `${command} did not end`);
        }
      });
    });
  }

  test('a control socket that accepts and never answers', async (t) => {
    const stage = await openStage(t, PROXY);
    const directory = own(makeDirectory(join(stage.ground.home, 'run')));
    const server = createServer(() => undefined).listen(join(directory, 'control.sock'));
    t.after(() => server.close());
    await tally(t, 'planted control socket', async (attempt) => {
      for (const command of ['refresh', 'status', 'doctor']) {
        await attempt(async () => {
          const at = stage.site.configure({ sinks: [] });
          await stage.run([command, ...at], { env: { RUNTIME_DIRECTORY: directory } });
        });
      }
    });
  });
});
