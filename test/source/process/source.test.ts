import assert from 'node:assert/strict';
import { chmodSync, chownSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import type { ProcessConfig } from '../../../src/core/config.ts';
import type { FailedFetch, Fetched, Source, SuccessfulFetch } from '../../../src/core/contracts.ts';
import type { SourceDeps } from '../../../src/source/contract.ts';
import { createSources } from '../../../src/source/registry.ts';
import { isRoot, NOBODY } from '../../support/consumer.ts';
import { HOUR, NOON } from '../../support/credentials.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { fakeHost } from '../../support/fake-tool-consumer.ts';
import { DOCUMENTS, KEY, MISBEHAVIOURS, printed, prints, SECRET, TOKEN } from '../../support/helpers.ts';
import { limit } from '../../support/limits.ts';
import { sourceDeps } from '../../support/sources.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { configOf } from '../../support/topology.ts';

const self = process.getuid?.() ?? 0;
const { signal } = new AbortController();

/** Without a service manager, whatever runs these tests. */
const host = { path: process.env['PATH'] ?? '', systemd: '/nonexistent', net: '/proc/net' };

function sourceOf(script: string, change: Partial<ProcessConfig> = {}, deps: Partial<SourceDeps> = {}): Source {
  const own: ProcessConfig = {
    ...{ type: 'process', name: 'helper', command: ['/bin/sh', '-c', script], user: self },
    ...{ environment: {}, timeout: limit(10_000), ...change },
  };
  return createSources({ ...configOf([]), sources: [own] }, sourceDeps({ host, ...deps }))('helper');
}

function good(fetched: Fetched): SuccessfulFetch {
  return fetched.ok ? fetched : assert.fail(`${fetched.error.code}: ${fetched.error.message}`);
}

async function failure(...given: Parameters<typeof sourceOf>): Promise<FailedFetch> {
  const fetched = await sourceOf(...given).fetch(signal);
  return fetched.ok ? assert.fail('it gave credentials') : fetched;
}

describe('a helper', () => {
  test('gives what it prints, and is asked again only before that ends', async () => {
    const source = sourceOf(prints(printed({ AccountId: '123456789012', Extra: {} })));
    const { credentials } = good(await source.fetch(signal));
    const values = [credentials.accessKeyId, credentials.secretAccessKey.reveal(), credentials.sessionToken.reveal()];
    assert.deepEqual(values, [KEY, SECRET, TOKEN]);
    assert.deepEqual(
      [credentials.accountId, credentials.endsUnknown, source.isIssuer],
      ['123456789012', undefined, true],
    );
    assert.ok(Math.abs(credentials.expiration - Date.now() - HOUR) < limit(20_000));
  });

  for (const [name, expiration] of [
    ['none', undefined],
    ['null', null],
    ["Go's time of nothing", '0001-01-01T00:00:00Z'],
  ] as const)
    test(`with ${name} for an expiration is believed for refresh.max_interval`, async () => {
      const clock = new FakeClock(NOON);
      const { credentials } = good(
        await sourceOf(prints(printed({ Expiration: expiration })), {}, { clock }).fetch(signal),
      );
      assert.deepEqual([credentials.expiration, credentials.endsUnknown], [NOON + 300_000, true]);
    });

  test('with a past expiration gives nothing', async () => {
    const { state, error } = await failure(prints(printed({}, -1000)));
    assert.deepEqual([state, error.code], ['expired', 'CREDENTIALS_EXPIRED']);
  });

  test('that quotes an argument is not shown', async () => {
    const command = ['/bin/sh', '-c', 'echo "no such $1" >&2; exit 1', 'sh', 'hunter22'];
    const { error } = await failure('', { command });
    assert.match(error.message, /is not shown/);
    assert.doesNotMatch(JSON.stringify(error), /hunter22/);
  });

  for (const [name, script, code, message] of MISBEHAVIOURS)
    test(`that ${name}`, async () => {
      const change = { timeout: 1000, environment: { HIDDEN: 'opensesame' } };
      const { error } = await failure(script, change);
      assert.equal(error.code, code);
      assert.match(error.message, message);
      assert.doesNotMatch(JSON.stringify(error), /opensesame|hunter22|1234\b|wJalr|ASIAHELPER/);
      assert.doesNotMatch(error.message, /-c/);
    });

  for (const [name, change, message] of DOCUMENTS)
    test(`that prints ${name}`, async () => {
      const { error, state } = await failure(prints(printed(change)));
      assert.deepEqual([error.code, state], ['SOURCE_MALFORMED', 'malformed']);
      assert.match(error.message, message);
    });

  test('may leave a child behind that holds its output', async () => {
    const startedAt = performance.now();
    good(await sourceOf(`sleep 60 & ${prints(printed())}`, { timeout: limit(30_000) }).fetch(signal));
    assert.ok(performance.now() - startedAt < limit(10_000));
  });

  test('gets its own environment and nothing of ours', async (t) => {
    const file = join(tempDir(t), 'env');
    const secret = secretFile(t, 'from a file\n');
    const environment = { PLAIN: 'a  b$c\\n', HIDDEN: { file: secret } };
    good(
      await sourceOf(`env > ${file}; ${prints(printed())}`, { environment }, { env: { AWS_PROFILE: 'x' } }).fetch(
        signal,
      ),
    );
    const lines = readFileSync(file, 'utf8').split('\n');
    for (const line of ['PLAIN=a  b$c\\n', 'HIDDEN=from a file', 'CREDROTATE_SOURCE=helper'])
      assert.ok(lines.includes(line), line);
    assert.ok(!lines.some((line) => line.startsWith('AWS_')));
  });

  test('is not run by one that it runs itself', async () => {
    const { error } = await failure(prints(printed()), {}, { env: { CREDROTATE_SOURCE: 'helper' } });
    assert.equal(error.code, 'SOURCE_DENIED');
  });

  test('runs once for all who ask at a time, and once in ten seconds', async (t) => {
    const clock = new FakeClock(NOON);
    const runs = join(tempDir(t), 'runs');
    const source = sourceOf(`echo >> ${runs}; ${prints(printed())}`, {}, { clock });
    await Promise.all([source.fetch(signal), source.fetch(signal)]);
    clock.advance(9_999);
    good(await source.fetch(signal));
    assert.equal(readFileSync(runs, 'utf8').length, 1);
    clock.advance(1);
    await source.fetch(signal);
    assert.equal(readFileSync(runs, 'utf8').length, 2);
  });

  test('ends with whoever asks', async () => {
    const stop = new AbortController();
    const fetched = sourceOf('sleep 60').fetch(stop.signal);
    stop.abort();
    await assert.rejects(fetched, { name: 'AbortError' });
  });

  test('that is not there, or another could exchange, is not run', async (t) => {
    const directory = tempDir(t);
    assert.equal((await failure('', { command: [join(directory, 'none')] })).error.code, 'SOURCE_UNREACHABLE');
    const helper = join(directory, 'helper');
    writeFileSync(helper, `#!/bin/sh\n${prints(printed())}\n`, { mode: 0o755 });
    good(await sourceOf('', { command: [helper] }).fetch(signal));
    chmodSync(directory, 0o777);
    const { error, retry } = await failure('', { command: [helper] });
    assert.deepEqual([error.code, retry], ['SOURCE_DENIED', 'later']);
    // What an interpreter is given to run counts as well.
    assert.equal((await failure('', { command: ['/bin/sh', helper] })).error.code, 'SOURCE_DENIED');
  });
});

/** A file of this user alone. */
function secretFile(t: TestContext, text: string, mode = 0o600): string {
  const path = join(tempDir(t), 'secret');
  writeFileSync(path, text, { mode });
  chmodSync(path, mode);
  return path;
}

describe('the file of a variable', () => {
  for (const [name, text, mode, code] of [
    ['that others can read', 'x', 0o640, 'SOURCE_DENIED'],
    ['of several lines', 'a\nb\n', 0o600, 'SOURCE_DENIED'],
    ['that is too long', 'x'.repeat(70_000), 0o600, 'SOURCE_DENIED'],
  ] as const)
    test(`${name} is refused`, async (t) => {
      const { error } = await failure(prints(printed()), { environment: { A: { file: secretFile(t, text, mode) } } });
      assert.equal(error.code, code);
      assert.doesNotMatch(error.message, /xxx/);
    });

  test('that is not there is told', async () => {
    const { error } = await failure(prints(printed()), { environment: { A: { file: '/nonexistent/secret' } } });
    assert.equal(error.code, 'SOURCE_UNREACHABLE');
    assert.match(error.message, /^\/nonexistent\/secret: expected the value of a variable, got no such file$/);
  });
});

describe('root', { skip: !isRoot && 'needs root' }, () => {
  test('runs no helper without a user, and says whose word it is', async (t) => {
    const command = ['/bin/sh', '-c', prints(printed())];
    const own: ProcessConfig = { type: 'process', name: 'helper', command, environment: {}, timeout: 1000 };
    const fetched = await createSources(
      { ...configOf([]), sources: [own] },
      sourceDeps({ host }),
    )('helper').fetch(signal);
    assert.ok(!fetched.ok && fetched.error.code === 'SOURCE_DENIED');
    const { origin } = good(await sourceOf(prints(printed()), { user: NOBODY }).fetch(signal));
    assert.equal(origin.user, NOBODY);
    const ids = join(tempDir(t), 'ids');
    writeFileSync(ids, '');
    chownSync(ids, NOBODY, NOBODY);
    chmodSync(dirname(ids), 0o755);
    const environment = { IDS: ids };
    good(await sourceOf(`id -u > "$IDS"; ${prints(printed())}`, { user: NOBODY, environment }).fetch(signal));
    assert.equal(readFileSync(ids, 'utf8'), `${NOBODY}\n`);
    assert.equal((await failure('', { user: 'no-such-user' })).error.code, 'SOURCE_DENIED');
  });

  test('lets systemd run it in a unit that shows nobody its variables and arguments', async (t) => {
    const { host: systemd, install, calls } = fakeHost(t);
    install(
      'systemd-run',
      `printf "%s\\n" "$@" >$DIR/log
while [ "$1" != -- ]; do shift; done; shift
for arg; do shift; set -- "$@" "$(printf %s "$arg" | sed 's/\\$\\$/$/g')"; done
exec "$@"`,
    );
    const environment = { HIDDEN: 'a  "b"$c\\' };
    const script = `[ "$HIDDEN" = 'a  "b"$c\\' ] && ! read -r line && ${prints(printed())}`;
    good(await sourceOf(script, { environment, user: NOBODY }, { host: systemd }).fetch(signal));
    const shown = calls().slice(0, calls().indexOf('--'));
    assert.ok(shown.includes('--unit=credrotate-source-helper.service'));
    assert.ok(shown.includes('--description=credrotate: source-helper'));
    assert.ok(shown.some((one) => /^--property=UnsetEnvironment=.*\bAWS_PROFILE\b/.test(one)));
    assert.doesNotMatch(shown.join('\n'), /HIDDEN|"b"/);
  });
});
