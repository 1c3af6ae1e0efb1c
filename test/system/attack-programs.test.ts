import assert from 'node:assert/strict';
import { chmodSync, chownSync, existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { tally } from '../faults/tally.ts';
import { IRC } from './attack-ground.ts';
import { newsOf, openStage, type Stage } from './attack-stage.ts';

/** What an administrator writes so that a script runs; SCRIPT is its path, HOME the directory that it is in. */
const COMMANDS: readonly (readonly string[])[] = [
  ['SCRIPT'],
  ['/bin/sh', 'SCRIPT'],
  ['/bin/sh', '-e', '-u', 'SCRIPT', 'argument'],
  ['/bin/sh', '-o', 'errexit', 'SCRIPT'],
  ['/bin/bash', '--norc', 'SCRIPT'],
  ['/bin/bash', '--rcfile', '/dev/null', 'SCRIPT'],
  ['/bin/dash', '--', 'SCRIPT'],
  ['/usr/bin/env', 'SCRIPT'],
  ['/usr/bin/env', '-i', 'A=1', 'SCRIPT'],
  ['/usr/bin/env', '-S', '/bin/sh SCRIPT'],
  ['/usr/bin/env', 'sh', 'SCRIPT'],
  ['/usr/bin/env', 'PATH=HOME', 'script'],
  ['/usr/bin/env', '-C', 'HOME', './script'],
  ['/usr/bin/env', 'BASH_ENV=SCRIPT', 'bash', '-c', 'true'],
  ['/usr/bin/nice', 'SCRIPT'],
  ['/usr/bin/nice', '-n', '5', '/bin/sh', 'SCRIPT'],
  ['/usr/bin/timeout', '5', 'SCRIPT'],
  ['/usr/bin/timeout', '-k', '1', '5', 'sh', 'SCRIPT'],
  ['/usr/bin/setpriv', '--no-new-privs', 'SCRIPT'],
  ['/usr/bin/setpriv', '--no-new-privs', '--', '/usr/bin/nice', '/bin/sh', 'SCRIPT'],
  ['/bin/sh', '-c', 'SCRIPT'],
  ['/bin/sh', '-c', '. SCRIPT'],
  ['/bin/sh', '-c', 'cd HOME && ./script'],
  ['/bin/sh', '-c', 'cat<SCRIPT|sh'],
  ['/bin/sh', '-c', 'exec "$1"', 'sh', 'SCRIPT'],
  ['/bin/sh', '-ec', 'true;SCRIPT'],
  ['/bin/sh', 'LINK'],
  ['LINK'],
  ['/bin/sh', 'ROOTS'],
  ['ROOTS'],
  ['/usr/bin/python3', '-B', 'PYTHON'],
  ['/usr/bin/python3', '-c', "exec(open('PYTHON').read())"],
  ['/usr/bin/perl', '-w', 'PERL'],
  ['/usr/bin/perl', '-e', "do 'PERL'"],
  ['INTERPRETED'],
  ['ENVIRONED'],
];

/** A user's scripts, and root's that lead to them. Each makes the marker. */
function lay({ ground, site }: Stage, marker: string): (word: string) => string {
  const { home } = ground;
  const roots = site.path('hooks');
  mkdirSync(roots, { recursive: true, mode: 0o755 });
  const write = (path: string, text: string, owner: number): string => {
    rmSync(path, { force: true });
    writeFileSync(path, text);
    chownSync(path, owner, owner);
    chmodSync(path, 0o755);
    return path;
  };
  const script = write(join(home, 'script'), `#!/bin/sh\n/usr/bin/touch ${marker}\n`, IRC);
  const link = join(roots, 'link');
  rmSync(link, { force: true });
  symlinkSync(script, link);
  const paths: Readonly<Record<string, string>> = {
    SCRIPT: script,
    LINK: link,
    HOME: home,
    PYTHON: write(join(home, 'script.py'), `open('${marker}', 'w')\n`, IRC),
    PERL: write(join(home, 'script.pl'), `open(F, '>', '${marker}'); 1;\n`, IRC),
    // Root's file, but the user can put another in its place.
    ROOTS: write(join(home, 'roots'), `#!/bin/sh\n/usr/bin/touch ${marker}\n`, 0),
    // Root's scripts, with an interpreter that is the user's.
    INTERPRETED: write(join(roots, 'interpreted'), `#!${script}\n`, 0),
    ENVIRONED: write(join(roots, 'environed'), `#!/usr/bin/env ${script}\n`, 0),
  };
  return (word) => word.replace(/[A-Z]{4,}(?!_)/g, (name) => paths[name] ?? name);
}

describe('a script that a user can change', () => {
  test('in each place of a command', async (t) => {
    const stage = await openStage(t, IRC);
    const { site, ground } = stage;
    const marker = site.path('script-ran');
    await tally(t, 'interpreted scripts of a user', async (attempt) => {
      for (const words of COMMANDS) {
        if (!existsSync(words[0] ?? '') && words[0]?.startsWith('/')) continue;
        await attempt(async () => {
          const command = words.map(lay(stage, marker));
          const sinks = [{ path: site.path('out/notifying.env'), format: 'dotenv', notify: ['hook'] }];
          const consumers = { hook: { type: 'exec', command, timeout: '5s' } };
          const ended = await stage.run(['once', '--json', ...site.configure({ sinks, consumers })]);
          assert.ok(!existsSync(marker), `ran as root: ${words.join(' ')}`);
          assert.match(ended.stdout + ended.stderr, /CONSUMER_UNSAFE|hook\.command.*: expected /, words.join(' '));
          assert.notEqual(ended.code, 0);
          rmSync(join(ground.home, 'roots'));
          ground.inspect();
        });
        rmSync(marker, { force: true });
      }
    });
  });

  test("is not run, and root's is, by the same interpreters", async (t) => {
    const stage = await openStage(t, IRC);
    const { site } = stage;
    const marker = site.path('script-ran');
    const script = site.path('script');
    writeFileSync(script, `#!/bin/sh\n/usr/bin/touch ${marker}\n`, { mode: 0o755 });
    const own = COMMANDS.filter((words) => words.join(' ').includes('SCRIPT') && !words.join(' ').includes('BASH_ENV'));
    await tally(t, "interpreted scripts of root's", async (attempt) => {
      for (const words of own) {
        await attempt(async () => {
          const command = words.map((word) => word.replaceAll('SCRIPT', script));
          const sinks = [{ path: site.path('out/notifying.env'), format: 'dotenv', notify: ['hook'] }];
          const report = await stage.pass({ sinks, consumers: { hook: { type: 'exec', command, timeout: '5s' } } });
          assert.equal(newsOf(report, 'hook'), 'notified', words.join(' '));
          assert.ok(existsSync(marker), words.join(' '));
        });
        rmSync(marker, { force: true });
      }
    });
  });
});
