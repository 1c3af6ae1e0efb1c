import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chownSync,
  existsSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { tally } from '../faults/tally.ts';
import { CANARY, LP } from './attack-ground.ts';
import { agree, isCurrent, openStage, resultOf } from './attack-stage.ts';

function own(path: string): string {
  chownSync(path, LP, LP);
  return path;
}

/** The directory of a sink; it is missing, a file, or a link that leads nowhere, in turn. */
function lay(path: string, turn: number, uid: number): void {
  const directory = dirname(path);
  rmSync(directory, { recursive: true, force: true });
  if (turn % 3 === 0) return;
  mkdirSync(dirname(directory), { recursive: true, mode: 0o755 });
  if (turn % 7 === 0) writeFileSync(directory, '');
  else if (turn % 5 === 0) symlinkSync('/dev/null/there', directory);
  else mkdirSync(directory, { mode: 0o755 });
  for (const one of [dirname(directory), directory]) lchownSync(one, uid, uid);
}

describe('ways that lead elsewhere', () => {
  test('a symlink of a user in each position of a way', async (t) => {
    const stage = await openStage(t, LP);
    const { home, open, closed } = stage.ground;
    await tally(t, 'symlinks in each position, and .. behind them', async (attempt) => {
      for (const target of [
        open,
        closed,
        `${open}/../closed`,
        '../open',
        '../../closed',
        'd/../../open',
        '/proc/self',
      ]) {
        for (const name of ['L', 'L/sub', 'd/L', 'd/L/sub', 'd/L2']) {
          await attempt(async () => {
            for (const old of readdirSync(home)) rmSync(join(home, old), { recursive: true });
            own(mkdirSync(join(home, 'd'), { recursive: true }) ?? '');
            const link = name.startsWith('d/') ? join(home, 'd/L') : join(home, 'L');
            if (name === 'd/L2') symlinkSync('L', join(home, 'd/L2'));
            symlinkSync(target, link);
            lchownSync(link, LP, LP);
            for (const file of [`${home}/${name}/${CANARY}`, `${home}/${name}/new.env`])
              await stage.pass({ sinks: [{ path: file, format: 'dotenv' }] });
            rmSync(join(home, 'd/L2'), { recursive: true, force: true });
            stage.ground.inspect();
          });
        }
      }
    });
    stage.ground.inspectContents();
  });

  test('a configuration behind a link and ..', async (t) => {
    const stage = await openStage(t, LP);
    const { site, ground } = stage;
    mkdirSync(site.path('real/sub'), { recursive: true, mode: 0o755 });
    symlinkSync(site.path('real/sub'), site.path('link'));
    const path = site.path('out/there.env');
    writeFileSync(site.path('real/c.yaml'), JSON.stringify({ sinks: [{ path, format: 'dotenv' }] }));
    await tally(t, '.. behind the link to a configuration', async (attempt) => {
      await attempt(async () => {
        const ended = await stage.run(['once', '--config', site.path('link') + '/../c.yaml']);
        assert.equal(ended.code, 0, ended.stderr);
        assert.ok(isCurrent(site, path));
      });
      await attempt(async () => {
        symlinkSync(site.path('real/sub'), join(ground.home, 'link'));
        lchownSync(join(ground.home, 'link'), LP, LP);
        const ended = await stage.run(['once', '--config', join(ground.home, 'link') + '/../c.yaml']);
        assert.equal(ended.code, 78, ended.stdout);
      });
    });
  });

  test('more directories than descriptors, which fail as they are walked', async (t) => {
    const stage = await openStage(t, LP);
    const { site, ground } = stage;
    const names = Array.from({ length: 60 }, (_, n) => String(n));
    const paths = names.flatMap((n) => [site.path(`many/${n}/deep/app.env`), join(ground.home, n, 'deep/app.env')]);
    const through = ['/bin/bash', '-c', 'ulimit -n 96; exec "$0" "$@"'];
    await tally(t, 'a descriptor number that is reused', async (attempt) => {
      for (let pass = 0; pass < 6; pass++) {
        for (const [n, path] of paths.entries()) lay(path, n + pass, n % 2 === 1 ? LP : 0);
        const sinks = paths.map((path, n) => ({ path, format: 'dotenv', prefix: `OF_${n}_` }));
        const report = await stage.pass({ sinks }, { through });
        for (const [n, path] of paths.entries()) {
          await attempt(() => {
            const result = resultOf(report, path);
            const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
            assert.equal(text !== '', /^(written|repaired)$/.test(result), `${path}: ${result}`);
            assert.deepEqual([...new Set(text.match(/OF_\d+_/g) ?? [])], text === '' ? [] : [`OF_${n}_`]);
          });
        }
      }
    });
  });

  test('an access list that others added later', async (t) => {
    const stage = await openStage(t, LP);
    const directory = stage.site.path('etc');
    mkdirSync(directory, { mode: 0o755 });
    const path = join(directory, 'app.env');
    const sink = { path, format: 'dotenv' };
    await tally(t, 'an ACL added later', async (attempt) => {
      await attempt(async () => {
        assert.equal(resultOf(await stage.pass({ sinks: [sink] }), path), 'written');
        execFileSync('setfacl', ['-m', `u:${LP}:r`, path]);
        const ended = await stage.run(['once', '--json', ...stage.site.configure({ sinks: [sink] })]);
        assert.match(ended.stdout, /"result": "repaired"/);
        assert.doesNotMatch(execFileSync('getfacl', ['-p', path], { encoding: 'utf8' }), /user:[^:]/);
      });
      await attempt(async () => {
        execFileSync('setfacl', ['-m', `u:${LP}:rwx`, directory]);
        assert.equal(await agree(stage, sink), 'SINK_UNSAFE_PATH');
      });
    });
  });

  test('names that are no files of ours', async (t) => {
    const stage = await openStage(t, LP);
    const before = lstatSync('/dev/null').rdev;
    await tally(t, 'devices, pipes and what the kernel serves as sinks', async (attempt) => {
      for (const path of [
        '/dev/null',
        '/dev/stdout',
        '/dev/fd/2',
        '/proc/self/fd/1',
        '/proc/self/root/tmp/credrotate-attack',
        '/proc/self/environ',
        '/sys/kernel/credrotate',
        '/proc/1/root/tmp/credrotate-attack',
      ]) {
        await attempt(async () => {
          assert.match(resultOf(await stage.pass({ sinks: [{ path, format: 'dotenv' }] }), path), /^SINK_/, path);
        });
      }
    });
    assert.equal(lstatSync('/dev/null').rdev, before);
    assert.ok(!existsSync('/tmp/credrotate-attack'));
  });
});
