import assert from 'node:assert/strict';
import { chmodSync, chownSync, existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import type { ExecConsumer } from '../../src/core/config.ts';
import { Secret } from '../../src/core/secret.ts';
import type { Outcome } from '../../src/core/outcomes.ts';
import type { NotifyDeps, NotifyRequest } from '../../src/notify/contract.ts';
import { isRoot, needsRoot, NOBODY, notifyAndWatch, realDeps, requestFor, until } from '../support/consumer.ts';
import { fakeHost } from '../support/fake-tool-consumer.ts';
import { limit } from '../support/limits.ts';
import { tempDir } from '../support/temp-dir.ts';
import { brief } from './harness.ts';

interface Attempt {
  readonly consumer?: Partial<ExecConsumer>;
  readonly request?: Partial<NotifyRequest>;
  readonly deps?: Partial<NotifyDeps>;
}

/** Of a hook; milliseconds. */
const TIMEOUT = limit(10_000);

async function exec(command: readonly string[], { consumer, request, deps }: Attempt = {}): Promise<Outcome> {
  const whole: ExecConsumer = { name: 'hook', type: 'exec', when: 'changed', command, timeout: TIMEOUT, ...consumer };
  return await notifyAndWatch(realDeps(deps), requestFor(whole, request), AbortSignal.timeout(limit(30_000)));
}

/** In a directory that everybody may search and `uid` owns. */
function makeHook(context: TestContext, script: string, uid?: number): string {
  const directory = tempDir(context);
  const hook = join(directory, 'hook');
  writeFileSync(hook, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  chmodSync(directory, 0o755);
  if (uid !== undefined) chownSync(directory, uid, uid);
  return hook;
}

describe('a program', () => {
  test('is notified when it ends well', async (t) => {
    const hook = makeHook(t, 'exit 0');
    const result = await exec([hook]);
    const { at } = ('hook' in result && result.hook) || assert.fail('nothing is said of its run');
    const detail = `${hook} ended with exit code 0`;
    assert.deepEqual(result, { result: 'notified', detail, hook: { at, exitCode: 0, output: '' } });
  });

  test('that fails stays pending, and what it printed is kept without secrets', async (t) => {
    const hook = makeHook(t, 'echo its key is "$1"; echo and "$1" | base64 >&2; exit 9');
    const secret = 'wJalrXUtnFEMI/bPxRfiCYEXAMPLEKEY';
    const result = await exec([hook, secret], { deps: { secrets: () => [new Secret(secret)] } });
    assert.ok(result.result === 'pending' && result.hook);
    assert.equal(brief(result), 'CONSUMER_FAILED refused');
    assert.match(result.error.message, /expected exit code 0, got 9$/);
    assert.equal(result.hook.exitCode, 9);
    assert.match(result.hook.output, /^its key is \[secret\]\n\[secret\]/);
  });

  test('shows the end of a long output', async (t) => {
    const result = await exec([makeHook(t, 'seq 100000')]);
    const { output } = ('hook' in result && result.hook) || assert.fail('nothing is said of its run');
    assert.match(output, /\n99999\n100000\n$/);
    assert.equal(output.length, 4096);
  });

  test('gets its arguments as they are, no input, and a clean environment', async (t) => {
    const file = join(tempDir(t), 'out');
    const paths = ['/etc/app/aws.env', '/etc/app/with blank.json'];
    const hook = makeHook(t, '{ printf "%s|" "$@"; read line || echo; env; } >"$1"');
    process.env['CREDROTATE_TEST_SECRET'] = 'hunter2';
    t.after(() => delete process.env['CREDROTATE_TEST_SECRET']);
    const request = { paths, generation: 12, reason: 'retry' } as const;
    assert.equal(brief(await exec([hook, file, '$HOME; id', '--', '*'], { request })), 'notified');
    const [args, ...env] = readFileSync(file, 'utf8').trimEnd().split('\n');
    assert.equal(args, `${file}|$HOME; id|--|*|`);
    const { username, homedir, shell } = userInfo();
    assert.deepEqual(env.filter((line) => !line.startsWith('PWD=')).sort(), [
      paths[1],
      'CREDROTATE_CONSUMER=hook',
      'CREDROTATE_GENERATION=12',
      'CREDROTATE_REASON=retry',
      `CREDROTATE_SINKS=${paths[0] ?? ''}`,
      `HOME=${homedir}`,
      'LANG=C.UTF-8',
      `LOGNAME=${username}`,
      'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      `SHELL=${shell ?? ''}`,
      `USER=${username}`,
    ]);
  });

  test('is run even when the list of sinks is longer than a variable can be', async (t) => {
    const paths = Array.from({ length: 3000 }, (_, index) => `/etc/app/${'x'.repeat(60)}/${index}`);
    const hook = makeHook(t, '[ -z "$CREDROTATE_SINKS" ]');
    assert.equal(brief(await exec([hook], { request: { paths } })), 'notified');
  });

  test('is ended at its timeout, with its children', async (t) => {
    const file = join(tempDir(t), 'pid');
    const hook = makeHook(t, 'sleep 1000 & echo $! >"$1.part"; mv "$1.part" "$1"; wait');
    const result = await exec([hook, file], { consumer: { timeout: limit(1_000) } });
    assert.equal(brief(result), 'CONSUMER_TIMEOUT refused');
    const child = Number(readFileSync(file, 'utf8'));
    await until(() => !existsSync(`/proc/${child}`) || readFileSync(`/proc/${child}/stat`, 'latin1').includes(') Z '));
  });

  test('must exist, and be out of reach for others', async (t) => {
    const hook = makeHook(t, 'exit 0');
    assert.equal(brief(await exec([`${hook}.sh`])), 'CONSUMER_FAILED refused');
    chmodSync(hook, 0o775);
    assert.equal(brief(await exec([hook])), 'CONSUMER_UNSAFE refused');
    chmodSync(hook, 0o755);
    const link = join(tempDir(t), 'link');
    symlinkSync(hook, link);
    assert.equal(brief(await exec([link])), 'notified');
    chmodSync(join(hook, '..'), 0o777);
    assert.equal(brief(await exec([link])), 'CONSUMER_UNSAFE refused');
  });

  test('cannot be run as a user that is not there, nor by an agent that is not root as another', async (t) => {
    const hook = makeHook(t, 'exit 0');
    assert.equal(brief(await exec([hook], { consumer: { user: 'no-such-user' } })), 'CONSUMER_FAILED refused');
    const self = { uid: userInfo().uid || NOBODY, gid: NOBODY };
    const result = await exec([hook], { consumer: { user: 4711 }, deps: { self } });
    assert.match(JSON.stringify(result), /expected uid \d+, who the agent runs as, got 4711.*run the agent as root/);
  });
});

describe('a program of another user', { skip: needsRoot }, () => {
  test('runs as that user, with that user’s groups and home', async (t) => {
    // A member of some group, if there is one on this machine.
    const member = /^[^:]+:[^:]*:\d+:([a-z]\w*)/m.exec(readFileSync('/etc/group', 'utf8'))?.[1] ?? 'daemon';
    const hook = makeHook(t, '[ "$(id -un) $(id -G) $HOME" = "$1 $(id -G "$1") $(getent passwd "$1" | cut -d: -f6)" ]');
    assert.equal(brief(await exec([hook, member], { consumer: { user: member } })), 'notified');
  });

  test('is root’s all the same, and so is the script of an interpreter', async (t) => {
    const hook = makeHook(t, 'exit 0', NOBODY);
    for (const consumer of [{ user: NOBODY }, { user: 1 }, {}]) {
      for (const command of [[hook], ['/bin/sh', hook], ['/bin/sh', '-c', `. ${hook}`], ['/usr/bin/env', hook]]) {
        const result = await exec(command, { consumer });
        assert.equal(brief(result), 'CONSUMER_UNSAFE refused', command.join(' '));
        assert.match(JSON.stringify(result), /owned by uid 65534.*sudo install/);
      }
    }
    assert.equal(brief(await exec(['/bin/sh', makeHook(t, 'exit 0'), hook])), 'notified');
  });

  // Cause: a sandbox hides homes and /tmp from the agent, and not from a program that runs in a unit of its own.
  test('is not taken for safe because it is not there', async (t) => {
    const directory = tempDir(t);
    chmodSync(directory, 0o1777);
    for (const [expected, command] of [
      ['CONSUMER_FAILED refused', ['/bin/sh', '/nonexistent']],
      ['CONSUMER_FAILED refused', ['/bin/sh', '/root/no/such/script']],
      ['CONSUMER_FAILED refused', ['/bin/sh', '-c', ': /root/no/such/script']],
      ['CONSUMER_UNSAFE refused', ['/bin/sh', '-c', `: ${directory}/none`]],
      ['notified', ['/bin/sh', '-c', ': /root/none s/a/b']],
    ] as const) {
      assert.equal(brief(await exec(command)), expected, command.join(' '));
    }
  });
});

describe('a program under systemd', { skip: !isRoot && 'needs root: only then it is run in a unit' }, () => {
  test('runs in a unit of its own', async (t) => {
    const { host, install, calls } = fakeHost(t);
    install('systemd-run', 'printf "%s\\n" "$@" >$DIR/log');
    const hook = makeHook(t, 'exit 0');
    const result = await exec([hook, 'a b', '$HOME $$'], {
      consumer: { name: 'my app/x', user: 'daemon' },
      deps: { host },
    });
    assert.equal(brief(result), 'notified');
    assert.deepEqual(calls(), [
      '--wait',
      '--collect',
      '--quiet',
      '--pipe',
      '--unit=credrotate-notify-my_app_x.service',
      '--description=credrotate: notify-my app/x',
      '--uid=1',
      '--service-type=exec',
      `--property=RuntimeMaxSec=${TIMEOUT}ms`,
      '--property=TimeoutStopSec=1s',
      '--setenv=PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      '--setenv=LANG=C.UTF-8',
      '--setenv=CREDROTATE_CONSUMER=my app/x',
      '--setenv=CREDROTATE_GENERATION=7',
      '--setenv=CREDROTATE_REASON=changed',
      '--setenv=CREDROTATE_SINKS=/etc/app/aws.env',
      '--',
      hook,
      'a b',
      '$$HOME $$$$',
    ]);
  });

  test('that fails there stays pending', async (t) => {
    const { host, install } = fakeHost(t);
    install('systemd-run', 'exit 5');
    const result = await exec([makeHook(t, 'exit 0')], { deps: { host } });
    assert.match(JSON.stringify(result), /got 5.*sudo credrotate status/);
  });
});
