import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { openSite, said, type Site } from '../support/agent.ts';
import { outOfSight } from '../support/out-of-sight.ts';

const NAMES = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN', 'AWS_CREDENTIAL_EXPIRATION'];

function expected(site: Site): string[] {
  const { accessKeyId, secretAccessKey, token, expiration } = site.metadata.current();
  return [accessKeyId, secretAccessKey, token, new Date(expiration).toISOString().replace('.000Z', 'Z')];
}

describe('exec', { concurrency: 4 }, () => {
  test('gives the program the credentials, and nothing that would stand before them', async (t) => {
    const site = await openSite(t);
    const shadows = ['AWS_PROFILE', 'AWS_DEFAULT_PROFILE', 'AWS_SECURITY_TOKEN'];
    const env = { ...Object.fromEntries(shadows.map((name) => [name, 'other'])), KEPT: 'as it was' };
    const through = outOfSight(site.path('out'));
    assert.equal((await site.run(['exec', '--', 'env', '-0'], { env, through })).code, 0);
    const given = readFileSync(site.path('out'), 'utf8').split('\0').slice(0, -1);
    const found = new Map(given.map((line) => [line.split('=', 1)[0] ?? '', line.slice(line.indexOf('=') + 1)]));
    assert.deepEqual(
      NAMES.map((name) => found.get(name)),
      expected(site),
    );
    assert.equal(found.get('KEPT'), 'as it was');
    for (const name of shadows) assert.ok(!found.has(name), name);
  });

  test('gives the program what the environment asks its Node for, which root’s credrotate does not obey', async (t) => {
    const site = await openSite(t);
    const env = { NODE_DEBUG: 'fs,http,net', NODE_V8_COVERAGE: site.path('coverage') };
    const through = outOfSight(site.path('out'));
    const { code, stderr } = await site.run(['exec', '--', 'env'], { env, through });
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    const given = readFileSync(site.path('out'), 'utf8');
    assert.match(given, /^NODE_DEBUG=fs,http,net$/m);
    assert.match(given, /^NODE_V8_COVERAGE=/m);
    assert.doesNotMatch(given, /CREDROTATE_ASIDE/);
  });

  test('--from takes them out of a sink', async (t) => {
    const site = await openSite(t);
    const sink = site.path('s.json');
    await site.run(['once', '--json-file', sink]);
    const { code } = await site.run(['exec', '--from', sink, 'sh', '-c', 'echo "$AWS_ACCESS_KEY_ID"'], {
      through: outOfSight(site.path('out')),
      env: { AWS_EC2_METADATA_DISABLED: 'true' },
    });
    assert.deepEqual([code, readFileSync(site.path('out'), 'utf8').trim()], [0, expected(site)[0]]);
  });

  const ends: readonly (readonly [
    args: readonly string[],
    code: number | null,
    signal: string | null,
    said: RegExp,
  ])[] = [
    [['sh', '-c', 'exit 42'], 42, null, /^$/],
    [['--', 'sh', '-c', 'kill -TERM $$'], null, 'SIGTERM', /^$/],
    [['sh', '-c', 'echo out; echo err >&2', '--format', '--', '-x'], 0, null, /^out\nerr\n$/],
    [['no-such-program'], 127, null, /^credrotate: exec: no-such-program: expected a program, got nothing\n$/],
    [['/etc/passwd'], 126, null, /^credrotate: exec: \/etc\/passwd: expected a program, got .* cannot be executed\n$/],
    [['/etc'], 126, null, /cannot be executed/],
    [[''], 127, null, /expected a program, got nothing/],
  ];
  for (const [args, code, signal, output] of ends) {
    test(`${args.join(' ')}: ${code ?? signal}`, async (t) => {
      const site = await openSite(t);
      const ended = await site.run(['exec', ...args]);
      assert.deepEqual([ended.code, ended.signal], [code, signal]);
      assert.match(ended.stdout + ended.stderr, output);
    });
  }

  test('a script without #! is run by the shell', async (t) => {
    const site = await openSite(t);
    writeFileSync(site.path('script'), 'echo "$1 $AWS_CREDENTIAL_EXPIRATION"\n');
    chmodSync(site.path('script'), 0o755);
    const { code, stdout } = await site.run(['exec', '--', site.path('script'), 'until']);
    assert.deepEqual([code, stdout], [0, `until ${expected(site).at(-1)}\n`]);
  });

  test('without credentials runs nothing', async (t) => {
    const site = await openSite(t, { role: null });
    const { code, stdout } = await site.run(['exec', '--', 'echo', 'ran']);
    assert.deepEqual([code, stdout], [69, '']);
  });

  test('leaves no process in between: signals and standard input reach the program itself', async (t) => {
    const site = await openSite(t);
    const script =
      'trap "echo hup" HUP; trap "echo term; exit 3" TERM; read -r line; echo "up $line"; while :; do sleep 0.05; done';
    const running = site.start(['exec', '--', 'sh', '-c', script], { stdio: ['pipe', 'pipe', 'pipe'] });
    running.process.stdin?.write('hello\n');
    await said(running, /^up hello$/m);
    assert.match(readlinkSync(`/proc/${running.process.pid}/exe`), /sh$/);
    running.process.kill('SIGHUP');
    await said(running, /hup/);
    const { code } = await running.stop('SIGTERM');
    assert.equal(code, 3);
  });

  // Node raises it, and nothing tells what it was.
  test('the soft limit of open files is the hard one, unless prlimit sets another', async (t) => {
    const site = await openSite(t);
    const through = ['/bin/sh', '-c', 'ulimit -Sn 512; exec "$@"', 'sh'];
    const limits = async (...before: string[]): Promise<string> =>
      (await site.run(['exec', '--', ...before, 'sh', '-c', 'ulimit -Sn; ulimit -Hn'], { through })).stdout;
    const [soft, hard] = (await limits()).split('\n');
    assert.equal(soft, hard);
    assert.equal(await limits('prlimit', '--nofile=1024:'), `1024\n${hard}\n`);
  });

  // Cause: Node ignores SIGPIPE, blocks SIGUSR1 and makes pipes non-blocking, and all of it survives execve.
  test('leaves nothing of Node behind in the program', async (t) => {
    const site = await openSite(t);
    const script =
      'cat /proc/self/status; grep flags: /proc/self/fdinfo/[012]; stat -c "owner %u" /proc/self/mem; echo open $(ls /proc/self/fd)';
    const { stdout } = await site.run(['exec', '--', 'sh', '-c', script], { stdio: ['pipe', 'pipe', 'pipe'] });
    assert.match(stdout, /^SigIgn:\t0+$/m);
    // Shells clear the mask themselves, and would hide what was left in it.
    assert.equal(
      (await site.run(['exec', 'grep', 'SigBlk', '/proc/self/status'])).stdout,
      `SigBlk:\t${'0'.repeat(16)}\n`,
    );
    assert.match(stdout, /^NoNewPrivs:\t0$/m);
    assert.doesNotMatch(stdout, /flags:\s+0\d*4\d{3}$/m, 'O_NONBLOCK');
    // What this process itself was given is the test runner's affair.
    const inherited = execFileSync('/bin/sh', ['-c', 'echo open $(ls /proc/self/fd)'], { encoding: 'utf8' });
    assert.ok(stdout.endsWith(`\n${inherited}`), inherited);
    // Of a process that leaves no core file these belong to root.
    assert.match(stdout, new RegExp(`^owner ${process.getuid?.()}$`, 'm'));
  });
});
