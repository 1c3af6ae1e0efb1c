import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { openSite, type Site } from '../support/agent.ts';
import { outOfSight } from '../support/out-of-sight.ts';
import { executable } from '../support/product.ts';
import { hasTool } from '../support/tools.ts';

const run = promisify(execFile);

const NAMES = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN', 'AWS_CREDENTIAL_EXPIRATION'];
const SHOW = `printf '%s\\n' ${NAMES.map((name) => `"$${name}"`).join(' ')}`;

function expected(site: Site): string[] {
  const { accessKeyId, secretAccessKey, token, expiration } = site.metadata.current();
  return [accessKeyId, secretAccessKey, token, new Date(expiration).toISOString().replace('.000Z', 'Z')];
}

async function exported(site: Site, ...args: readonly string[]): Promise<string> {
  const { code, stderr } = await site.run(['export', ...args], { through: outOfSight(site.path('out')) });
  assert.deepEqual([code, stderr], [0, '']);
  return readFileSync(site.path('out'), 'utf8');
}

describe('export', { concurrency: 4 }, () => {
  test('process is what credential_process gives', async (t) => {
    const site = await openSite(t, { accountId: '111122223333' });
    const [AccessKeyId, SecretAccessKey, SessionToken, Expiration] = expected(site);
    const document = { Version: 1, AccessKeyId, SecretAccessKey, SessionToken, Expiration, AccountId: '111122223333' };
    assert.deepEqual(JSON.parse(await exported(site)), document);
    assert.deepEqual(JSON.parse(await exported(site, '--format', 'process')), document);
    const { Token, Code } = JSON.parse(await exported(site, '--format', 'json')) as Record<string, unknown>;
    assert.deepEqual([Token, Code], [SessionToken, 'Success']);
  });

  for (const [format, shell, script] of [
    ['env', 'sh', `eval "$(cat "$0")"; exec /bin/sh -c '${SHOW.replaceAll("'", "'\\''")}'`],
    ['env-no-export', 'sh', `eval "$(cat "$0")"; ${SHOW}`],
    ['fish', 'fish', `source $argv[1]; exec /bin/sh -c ${JSON.stringify(SHOW).replaceAll('$', '\\$')}`],
  ] as const) {
    test(`${format} is evaluated by ${shell}`, async (t) => {
      if (!hasTool(shell)) {
        t.skip(`needs ${shell}`);
        return;
      }
      const site = await openSite(t);
      await exported(site, '--format', format);
      const { stdout } = await run(shell, ['-c', script, site.path('out')], { env: { HOME: site.path('home') } });
      assert.deepEqual(stdout.trimEnd().split('\n'), expected(site));
    });
  }

  test('eval "$(credrotate export --format env)"', async (t) => {
    const site = await openSite(t);
    const script = `eval "$('${executable}' export --format env)"; ${SHOW}`;
    const { stdout } = await run('/bin/sh', ['-c', script], { env: site.env });
    assert.deepEqual(stdout.trimEnd().split('\n'), expected(site));
  });

  test('without credentials fails, with nothing on standard output', async (t) => {
    const site = await openSite(t, { role: null });
    const { code, stdout, stderr } = await site.run(['export', '--format', 'env']);
    assert.deepEqual([code, stdout], [69, '']);
    assert.match(stderr, /^credrotate: IMDS_NO_ROLE: /);
  });

  test('a reader that leaves too early is no trouble', async (t) => {
    const site = await openSite(t);
    const through = ['/bin/sh', '-c', '"$@" | true', 'sh'];
    assert.deepEqual((await site.run(['export'], { through })).stderr, '');
  });
});

describe('export --from', { concurrency: 4 }, () => {
  async function withSink(t: TestContext, shape: string): Promise<{ site: Site; sink: string }> {
    const site = await openSite(t);
    const sink = site.path(`${shape}.json`);
    const config = site.configure({ sinks: [{ path: sink, format: 'json', shape }] });
    assert.equal((await site.run(['once', ...config])).code, 0);
    return { site, sink };
  }

  for (const shape of ['imds', 'process', 'container', 'superset']) {
    test(`reads a sink of shape ${shape}, without the network`, async (t) => {
      const { site, sink } = await withSink(t, shape);
      const before = site.metadata.requests.length;
      const { AccessKeyId, SecretAccessKey, SessionToken, Expiration } = JSON.parse(
        await exported(site, '--from', sink),
      ) as Record<string, unknown>;
      assert.deepEqual([AccessKeyId, SecretAccessKey, SessionToken, Expiration], expected(site));
      assert.equal(site.metadata.requests.length, before);
    });
  }

  test('what cannot be used is refused, and not quoted', async (t) => {
    const { site, sink } = await withSink(t, 'superset');
    const text = readFileSync(sink, 'utf8');
    await run('mkfifo', [site.path('fifo')]);
    mkdirSync(site.path('directory'));
    const files: readonly (readonly [name: string, content: string | undefined, exit: number, error: RegExp])[] = [
      ['expired', text.replace(/"Expiration" : "\d{4}/, '"Expiration" : "2020'), 75, /CREDENTIALS_EXPIRED: .*at 2020-/],
      ['torn', text.slice(0, -20), 77, /SINK_FORMAT_REFUSED: \S+torn: expected a JSON object/],
      ['two-tokens', text.replace(/"Token" : "/, '"Token" : "x'), 77, /SINK_FORMAT_REFUSED: .* one session token/],
      ['denied', text.replace('Success', 'Failed'), 77, /SINK_FORMAT_REFUSED: .*expected Code Success/],
      ['version', text.replace('"Version" : 1', '"Version" : 2'), 77, /SINK_FORMAT_REFUSED: .*expected Version 1/],
      [
        'line',
        text.replace(/("SecretAccessKey" : ")/, '$1\\n'),
        77,
        /SINK_FORMAT_REFUSED: .*SecretAccessKey in visible/,
      ],
      ['keyless', '{"Expiration": "2999-01-01T00:00:00Z"}', 77, /SINK_FORMAT_REFUSED: .*AccessKeyId.* got none/],
      ['endless', text.padEnd(100_000), 77, /SINK_NOT_REGULAR: .*at most 65536 bytes, got more/],
      ['fifo', undefined, 77, /SINK_NOT_REGULAR: .*a regular file/],
      ['directory', undefined, 77, /SINK_NOT_REGULAR: .*a regular file/],
      ['nothing', undefined, 73, /SINK_UNREADABLE: .*ENOENT/],
      ['odd\u001b[31m\n', undefined, 73, /odd\\u\{1b\}\[31m\\n: expected to read/],
    ];
    for (const [name, content, exit, error] of files) {
      if (content !== undefined) writeFileSync(site.path(name), content);
      const { code, stdout, stderr } = await site.run(['export', '--from', site.path(name)]);
      assert.deepEqual([name, code, stdout], [name, exit, '']);
      assert.match(stderr, error);
      assert.match(stderr, /\n {2}hint: /);
    }
  });

  test('reads with the rights of the caller', async (t) => {
    if (process.getuid?.() !== 0) {
      t.skip('needs root, to become somebody else');
      return;
    }
    const { site, sink } = await withSink(t, 'process');
    chmodSync(site.directory, 0o755);
    const through = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
    const { code, stderr } = await site.run(['export', '--from', sink], { through });
    assert.equal(code, 73);
    assert.match(stderr, /SINK_UNREADABLE: .*EACCES/);
  });
});
