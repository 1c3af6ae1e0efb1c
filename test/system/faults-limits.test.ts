import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { assertCurrent } from '../faults/errors.ts';
import { openShim } from '../faults/shim.ts';
import { tally } from '../faults/tally.ts';
import { openSite, reportOf, type Site } from '../support/agent.ts';

/** Daemon of every Debian. */
const USER = 1;
const MIB = 1024 * 1024;

/** How to start a program that gets so much memory; undefined, with the test skipped, where no group can be made. */
function confined(t: TestContext, megabytes: number): readonly string[] | undefined {
  const [base, file] = existsSync('/sys/fs/cgroup/memory/memory.limit_in_bytes')
    ? ['/sys/fs/cgroup/memory', 'memory.limit_in_bytes']
    : ['/sys/fs/cgroup', 'memory.max'];
  const group = join(base, `credrotate-test-${process.pid}`);
  try {
    mkdirSync(group);
    t.after(() => {
      rmdirSync(group);
    });
    writeFileSync(join(group, file), String(megabytes * MIB));
  } catch {
    t.skip('needs a control group of its own that limits memory');
    return undefined;
  }
  return ['/bin/sh', '-c', `echo $$ >${group}/cgroup.procs; exec "$0" "$@"`];
}

/** What whoever owns a file can have in it. */
const UNITS: Readonly<Record<string, string>> = {
  sections: '[default]\n',
  'sections with keys': '[default]\naws_session_token = x\n',
  assignments: 'a=b\n',
  'our assignments': 'AWS_SESSION_TOKEN=x\n',
  'blank lines': '\n',
  brackets: '[',
  quotes: '"',
  zeros: '\0',
};
const FORMATS = ['aws-credentials', 'dotenv', 'json'];

describe('a file whose content another user decides', () => {
  for (const size of [MIB, MIB + 1, 4 * MIB, 2 ** 40]) {
    test(`of ${size} bytes takes 256 MB at most, and stops no other`, async (t) => {
      const through = confined(t, 256);
      if (!through) return;
      const site = await openSite(t);
      mkdirSync(site.path('out'));
      await tally(t, `files of ${size} bytes in 256 MB`, async (attempt) => {
        for (const [what, unit] of Object.entries(UNITS)) {
          await attempt(async () => {
            const paths = FORMATS.map((format) => site.path(`out/${format}`));
            for (const path of paths) {
              writeFileSync(path, unit.repeat(Math.min(size, 16 * MIB) / unit.length));
              truncateSync(path, size);
              chownSync(path, USER, USER);
            }
            site.metadata.rotate();
            const sinks = FORMATS.map((format, n) => ({ path: paths[n], format, owner: USER }));
            const config = site.configure({ sinks: [...sinks, { path: site.path('out/own.json'), format: 'json' }] });
            const ended = await site.run(['once', '--json', ...config], { through });
            assert.equal(ended.signal, null, `${what}: ended by ${ended.signal ?? ''}`);
            assertCurrent(site, ['own.json']);
            const codes = reportOf(ended).sinks.map(({ error, result }) => error?.code ?? result);
            for (const [n, code] of codes.slice(0, FORMATS.length).entries()) {
              if (size > MIB) assert.equal(code, 'SINK_TOO_LARGE', what);
              else assert.match(code, /^(written|SINK_FORMAT_REFUSED)$/, what);
              if (code === 'written') assert.ok(statSync(paths[n] ?? '').size <= 2 * size + 64 * 1024, what);
            }
          });
        }
      });
    });
  }
});

const MANY = 20;
const KILLS = 25;
/** Between the calls at which a pass is killed, so that the kills meet all of its steps. */
const STEP = 7;

describe('kill -9 of passes over many sinks, one of them in a home', () => {
  test('leaves nothing beside the sinks when a pass has come to its end', async (t) => {
    const suffer = await openShim(t);
    if (!suffer) return;
    const site = await openSite(t);
    chmodSync(site.directory, 0o711);
    mkdirSync(site.path('home'), { recursive: true });
    chownSync(site.path('home'), USER, USER);
    const names = Array.from({ length: MANY }, (_, n) => `${n}.env`);
    const paths = [...names.map((name) => site.path(`out/${name}`)), site.path('home/app.env')];
    const config = site.configure({ sinks: paths.map((path) => ({ path, format: 'dotenv' })) });
    assert.equal((await site.run(['once', ...config])).code, 0);
    await tally(t, `kill -9 in passes over ${MANY} sinks and one in a home`, async (attempt) => {
      for (let kill = 0; kill < KILLS; kill++) {
        await attempt(async () => {
          const before = new Map(paths.map((path) => [path, readFileSync(path, 'utf8')]));
          site.metadata.rotate();
          const env = suffer({ kill: { moment: kill % 2 === 0 ? 'before' : 'after', call: 1 + kill * STEP } });
          await site.run(['once', ...config], { env });
          const { token } = site.metadata.current();
          for (const path of paths) {
            const text = readFileSync(path, 'utf8');
            assert.ok(text === before.get(path) || text.includes(token), `${path} is neither old nor new`);
          }
        });
      }
      await attempt(async () => {
        age(site, ['out', 'home']);
        assert.equal((await site.run(['once', ...config])).code, 0);
        assert.deepEqual(readdirSync(site.path('out')).sort(), names.toSorted());
        assert.deepEqual(readdirSync(site.path('home')), ['app.env']);
        site.metadata.rotate();
        assert.equal((await site.run(['once', ...config])).code, 0);
        for (const path of paths) assert.ok(readFileSync(path, 'utf8').includes(site.metadata.current().token), path);
      });
    });
  });
});

/** As if what is there had been there for an hour. */
function age(site: Site, directories: readonly string[]): void {
  const then = Date.now() / 1000 - 3_600;
  for (const path of directories.map((name) => site.path(name)))
    for (const name of readdirSync(path)) utimesSync(join(path, name), then, then);
}

interface Missing {
  readonly what: string;
  /** Below the site; `home` is the user's. */
  readonly path: string;
  readonly sink?: object;
  /** What is said of a sink that is refused. */
  readonly refused?: RegExp;
  /** Mode, owner and group of what was made. */
  readonly made?: Readonly<Record<string, string>>;
}

const MISSING: readonly Missing[] = [
  { what: 'one, for root', path: 'a/app.env', made: { a: '750 0:0' } },
  { what: 'several, for root', path: 'a/b/c/app.env', made: { a: '750 0:0', 'a/b': '750 0:0', 'a/b/c': '750 0:0' } },
  { what: 'for an owner', path: 'a/app.env', sink: { owner: USER }, made: { a: `750 0:${USER}` } },
  {
    what: 'for a group',
    path: 'a/app.env',
    sink: { group: USER, mode: '0640' },
    made: { a: `750 0:${USER}` },
  },
  { what: 'for all', path: 'a/app.env', sink: { mode: '0644' }, made: { a: '711 0:0' } },
  { what: "one in a user's tree", path: 'home/.aws/credentials', made: { 'home/.aws': `700 ${USER}:${USER}` } },
  { what: "two in a user's tree", path: 'home/a/b/app.env', refused: /SINK_UNSAFE_PATH: .*install -d -m 700/ },
  { what: 'a home of nobody yet', path: '/home/credrotate-none/.aws/credentials', refused: /make its user first/ },
];

describe('directories that are missing', () => {
  test('are made for whom they are, or refused with what to do', async (t) => {
    await tally(t, 'missing directories', async (attempt) => {
      for (const { what, path: name, sink, refused, made = {} } of MISSING) {
        await attempt(async () => {
          const site = await openSite(t);
          chmodSync(site.directory, 0o711);
          mkdirSync(site.path('home'), { recursive: true });
          chownSync(site.path('home'), USER, USER);
          const path = name.startsWith('/') ? name : site.path(name);
          const ended = await site.run([
            'once',
            '--json',
            ...site.configure({ sinks: [{ path, format: 'dotenv', ...sink }] }),
          ]);
          const [{ result, error } = assert.fail()] = reportOf(ended).sinks;
          if (refused) assert.match(`${error?.code}: ${error?.message} ${error?.hint}`, refused, what);
          else assert.equal(result, 'written', `${what}: ${error?.message}`);
          for (const [directory, expected] of Object.entries(made)) {
            const { mode, uid, gid } = statSync(site.path(directory));
            assert.equal(`${(mode & 0o7777).toString(8)} ${uid}:${gid}`, expected, what);
          }
          assert.equal(existsSync(path), !refused, what);
        });
      }
    });
  });
});
