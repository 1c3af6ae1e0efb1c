import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  renameSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import type { FileConfig, SinkConfig } from '../../../src/core/config.ts';
import type { FailedFetch, Fetched, Source, SuccessfulFetch } from '../../../src/core/contracts.ts';
import type { SourceDeps } from '../../../src/source/contract.ts';
import { createSources } from '../../../src/source/registry.ts';
import { createActors } from '../../../src/system/actors.ts';
import { isRoot } from '../../support/consumer.ts';
import { HOUR } from '../../support/credentials.ts';
import { eventually } from '../../support/eventually.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { printed } from '../../support/helpers.ts';
import { sourceDeps } from '../../support/sources.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { configOf, jsonSink } from '../../support/topology.ts';

const { signal } = new AbortController();

/** Three values of one set, in the spelling of a format. */
function set(
  name: 'A' | 'B',
  separator = ' = ',
  keys = ['aws_access_key_id', 'aws_secret_access_key', 'aws_session_token'],
) {
  return keys.map((key, index) => `${key}${separator}${name}${String(index)}`).join('\n');
}

function write(path: string, text: string, ageMs = 60_000): string {
  writeFileSync(path, text, { mode: 0o600 });
  const at = new Date(Date.now() - ageMs);
  utimesSync(path, at, at);
  return path;
}

interface Options {
  readonly config?: Partial<FileConfig>;
  readonly deps?: Partial<SourceDeps>;
  readonly sinks?: readonly SinkConfig[];
}

function sourceAt(path: string, { config, deps, sinks = [] }: Options = {}): Source {
  const own: FileConfig = { type: 'file', name: 'app', path, format: 'aws-credentials', profile: 'default', ...config };
  return createSources({ ...configOf(sinks), sources: [own] }, sourceDeps(deps))('app');
}

function good(fetched: Fetched): SuccessfulFetch {
  return fetched.ok ? fetched : assert.fail(`${fetched.error.code}: ${fetched.error.message}`);
}

function bad(fetched: Fetched): FailedFetch {
  return fetched.ok ? assert.fail('it gave credentials') : fetched;
}

function valuesOf(fetched: Fetched): readonly string[] {
  const { accessKeyId, secretAccessKey, sessionToken } = good(fetched).credentials;
  return [accessKeyId, secretAccessKey.reveal(), sessionToken.reveal()];
}

const LATER = new Date(Date.now() + HOUR);
const iso = LATER.toISOString().replace(/\.\d+Z/, 'Z');
const seconds = Math.floor(LATER.getTime() / 1000);
const upper = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN'];

/** As others write them. The end: that of the file, or none. */
const LAYOUTS: readonly (readonly [name: string, text: string, config: Partial<FileConfig>, hasEnd: boolean])[] = [
  ['the SSM agent', `[default]\n${set('A')}\n`, {}, false],
  ["what AWS's workload credentials provider reads", `[default]\n${set('A', '=')}\n`, {}, false],
  ['Roles Anywhere, with another profile before it', `[other]\n${set('B')}\n\n[default]\n${set('A')}\n`, {}, false],
  ['tbot', `[default]\n${set('A', '     = ')}\nexpiration            = ${LATER.getTime()}\n`, {}, true],
  [
    'saml2aws',
    `[saml]\n${set('A')}\naws_security_token = A2\nx_security_token_expires = ${iso}\n`,
    { profile: 'saml' },
    true,
  ],
  ['aws-mfa', `[default]\n${set('A')}\nexpiration = ${iso.replace('T', ' ').replace('Z', '')}\n`, {}, true],
  ['an expiration in seconds', `[default]\n${set('A')}\naws_expiration = ${seconds}\n`, {}, true],
  ['an offset of hours', `[default]\n${set('A')}\naws_session_expiration = ${iso.replace('Z', '+00:00')}\n`, {}, true],
  ['comments and CRLF', `# kept by x\r\n[default]\r\n${set('A').replaceAll('\n', '\r\n')}\r\n`, {}, false],
  ['dotenv', `export OTHER=1\n${set('A', '=', upper)}\nEXPIRATION=soon\n`, { format: 'dotenv' }, false],
  ['dotenv with its end', `${set('A', '=', upper)}\nAWS_CREDENTIAL_EXPIRATION=${iso}\n`, { format: 'dotenv' }, true],
  ...Object.entries({
    process: { Version: 1, SessionToken: 'A2' },
    imds: { Code: 'Success', Type: 'AWS-HMAC', LastUpdated: iso, Token: 'A2' },
    container: { Token: 'A2', RoleArn: 'arn:aws:iam::123456789012:role/x' },
    superset: { Version: 1, Code: 'Success', Token: 'A2', SessionToken: 'A2' },
  }).map(
    ([shape, change]) =>
      [
        `json of shape ${shape}`,
        JSON.stringify({ AccessKeyId: 'A0', SecretAccessKey: 'A1', Expiration: iso, ...change }),
        { format: 'json' },
        true,
      ] as const,
  ),
  [
    'a cache of the AWS CLI',
    JSON.stringify({ Credentials: { AccessKeyId: 'A0', SecretAccessKey: 'A1', SessionToken: 'A2', Expiration: iso } }),
    { format: 'json' },
    true,
  ],
];

describe('a file', () => {
  for (const [name, text, config, hasEnd] of LAYOUTS)
    test(`as it is written: ${name}`, async (t) => {
      const fetched = await sourceAt(write(join(tempDir(t), 'file'), text), { config }).fetch(signal);
      assert.deepEqual(valuesOf(fetched), ['A0', 'A1', 'A2']);
      const { expiration, endsUnknown } = good(fetched).credentials;
      assert.equal(endsUnknown, hasEnd ? undefined : true);
      if (hasEnd) assert.equal(Math.floor(expiration / 1000), seconds);
    });

  for (const [name, text, config, message] of [
    ['empty', '', {}, /expected the profile default, got none/],
    ['without the profile', `[other]\n${set('A')}`, {}, /expected the profile default, got none/],
    ['half', '[default]\naws_access_key_id = A0\naws_secret_access', {}, /line 3/],
    [
      'without a token',
      `[default]\n${set('A').split('\n').slice(0, 2).join('\n')}`,
      {},
      /expected the field SessionToken, got none/,
    ],
    [
      'with an end that is no time',
      `[default]\n${set('A')}\naws_expiration = soon`,
      {},
      /expected Expiration as an RFC 3339 time/,
    ],
    ['half a document', printed().slice(0, 40), { format: 'json' }, /expected a JSON object, got something else/],
    ['a document of failure', JSON.stringify({ Code: 'Failed' }), { format: 'json' }, /expected Code Success/],
  ] as const)
    test(`that is ${name} gives nothing, and says so`, async (t) => {
      const { error, state } = bad(await sourceAt(write(join(tempDir(t), 'file'), text), { config }).fetch(signal));
      assert.deepEqual([error.code, state], ['SOURCE_MALFORMED', 'malformed']);
      assert.match(error.message, message);
      assert.doesNotMatch(JSON.stringify(error), /\bA[012]\b|ASIA/);
    });

  test('that has ended, or is not there, gives nothing', async (t) => {
    const path = join(tempDir(t), 'file');
    assert.equal(bad(await sourceAt(path).fetch(signal)).error.code, 'SOURCE_UNREACHABLE');
    write(path, `[default]\n${set('A')}\naws_expiration = 2020-01-01T00:00:00Z\n`);
    const { error, state } = bad(await sourceAt(path).fetch(signal));
    assert.deepEqual([error.code, state], ['CREDENTIALS_EXPIRED', 'expired']);
  });

  test('that is just being written is read again until it is whole', async (t) => {
    const path = write(join(tempDir(t), 'file'), `[default]\n${set('A')}\n`);
    const source = sourceAt(path);
    assert.deepEqual(valuesOf(await source.fetch(signal)), ['A0', 'A1', 'A2']);
    // An in-place writer: first nothing, then a half of one set beside a half of the other, then all of it.
    const states = [
      '',
      `[default]\n${set('B').split('\n')[0]}\n${set('A').split('\n').slice(1).join('\n')}\n`,
      `[default]\n${set('B')}\n`,
    ];
    const isOver = { yet: false };
    void (async () => {
      for (const state of states) {
        writeFileSync(path, state);
        await new Promise((go) => setTimeout(go, 300));
      }
      isOver.yet = true;
    })();
    assert.deepEqual(valuesOf(await source.fetch(signal)), ['B0', 'B1', 'B2']);
    await eventually('the writer is done', () => isOver.yet);
  });

  test('of two sets at once is never taken', async (t) => {
    const path = write(join(tempDir(t), 'file'), `[default]\n${set('A')}\n`);
    const source = sourceAt(path);
    good(await source.fetch(signal));
    write(path, `[default]\n${set('B').split('\n')[0]}\n${set('A').split('\n').slice(1).join('\n')}\n`);
    assert.match(bad(await source.fetch(signal)).error.message, /of one set, got some of another$/);
    write(path, `[default]\n${set('B')}\n`);
    assert.deepEqual(valuesOf(await source.fetch(signal)), ['B0', 'B1', 'B2']);
  });

  test('keeps an end that nobody knows until half of it is over', async (t) => {
    const clock = new FakeClock(Date.now());
    const source = sourceAt(write(join(tempDir(t), 'file'), `[default]\n${set('A')}\n`), { deps: { clock } });
    const ends = async () => good(await source.fetch(signal)).credentials.expiration - clock.now();
    assert.equal(await ends(), 300_000);
    clock.advance(149_000);
    assert.equal(await ends(), 151_000);
    clock.advance(2_000);
    assert.equal(await ends(), 300_000);
    assert.deepEqual([source.interval, source.isIssuer], [60_000, undefined]);
  });

  test('tells of a rename over it and of a write to it, and of no other file', async (t) => {
    const directory = tempDir(t);
    const path = write(join(directory, 'file'), 'x');
    const stop = new AbortController();
    t.after(() => {
      stop.abort();
    });
    let count = 0;
    await sourceAt(path).watch?.(() => (count += 1), stop.signal);
    write(join(directory, 'other'), 'y');
    renameSync(write(join(directory, 'new'), 'z'), path);
    await eventually('the rename', () => count === 1);
    writeFileSync(path, 'w');
    await eventually('the write', () => count === 2);
  });
});

describe('a sink of ours', () => {
  const sink = (path: string): SinkConfig => jsonSink(path);

  test('is no source, by whatever way; another profile of its file is one', async (t) => {
    const directory = tempDir(t);
    const path = write(join(directory, 'file'), printed());
    symlinkSync(path, join(directory, 'link'));
    symlinkSync(directory, join(directory, 'way'));
    for (const [name, written] of [
      ['file', 'file'],
      ['link', 'file'],
      ['file', 'way/file'],
    ] as const) {
      const sinks = [sink(join(directory, written))];
      const source = sourceAt(join(directory, name), { config: { format: 'json' }, sinks });
      const { error, retry } = bad(await source.fetch(signal));
      assert.deepEqual([error.code, retry], ['SOURCE_DENIED', 'later']);
    }
    const profiles = write(join(directory, 'profiles'), `[default]\n${set('A')}\n`);
    const beside = { ...sink(profiles), format: 'aws-credentials', profile: 'backup' } as SinkConfig;
    good(await sourceAt(profiles, { sinks: [beside] }).fetch(signal));
  });
});

/** A directory of a user's, which others may search. */
function homeOf(t: TestContext, uid: number): string {
  const home = join(tempDir(t), 'home');
  mkdirSync(home);
  chmodSync(dirname(home), 0o755);
  chownSync(home, uid, uid);
  return home;
}

describe("a user's file", { skip: !isRoot && 'needs root' }, () => {
  const ALICE = 1;
  const program = [process.execPath, join(import.meta.dirname, '../../../src/main.ts')];
  const deps = { actors: createActors(program) };

  test('is read with their rights, and is their word', async (t) => {
    const home = homeOf(t, ALICE);
    const path = write(join(home, 'credentials'), `[default]\n${set('A')}\n`);
    chownSync(path, ALICE, ALICE);
    const source = sourceAt(path, { deps });
    const fetched = good(await source.fetch(signal));
    assert.deepEqual([valuesOf(fetched), fetched.origin.user], [['A0', 'A1', 'A2'], ALICE]);
    assert.equal(await source.user?.(signal), ALICE);
    // What they cannot read themselves root does not read for them.
    const secret = write(join(tempDir(t), 'secret'), `[default]\n${set('B')}\n`);
    unlinkSync(path);
    symlinkSync(secret, path);
    assert.equal(bad(await source.fetch(signal)).ok, false);
  });

  test("in a directory where everybody makes files is nobody's", async (t) => {
    const directory = tempDir(t);
    chmodSync(directory, 0o1777);
    const path = write(join(directory, 'credentials'), `[default]\n${set('A')}\n`);
    for (const uid of [0, ALICE]) {
      chownSync(path, uid, uid);
      assert.equal(bad(await sourceAt(path, { deps }).fetch(signal)).error.code, 'SOURCE_DENIED');
    }
  });
});
