import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { FieldKey, IniSink, PropertiesSink } from '../../../src/core/config.ts';
import type { Credentials } from '../../../src/core/credentials.ts';
import { FIELDS } from '../../../src/core/fields.ts';
import { Secret } from '../../../src/core/secret.ts';
import { loadFormats, renderSink } from '../../../src/sinks/formats/render.ts';
import iniCorpus from '../../corpus/ini/corpus.json' with { type: 'json' };
import propertiesCorpus from '../../corpus/properties/corpus.json' with { type: 'json' };
import { forget } from './forgetting.ts';
import { fresh, KEY, refuse, render, SECRET, TOKEN } from './rendering.ts';

const common = { path: '/nowhere', source: 'instance', mode: 0o600, notify: [] } as const;

function keysOf(keys: Readonly<Record<string, string | undefined>>): readonly FieldKey[] {
  return FIELDS.flatMap((field) =>
    Object.entries(keys).flatMap(([key, name]) => (name === field ? [{ field, key }] : [])),
  );
}

function iniSink(change: Partial<IniSink> = {}): IniSink {
  const keys = keysOf({ key: 'access_key_id', secret: 'secret_access_key', token: 'session_token' });
  return { ...common, format: 'ini', section: 'sec', keys, quote: 'none', ...change };
}

function propertiesSink(keys: Readonly<Record<string, string | undefined>>): PropertiesSink {
  return { ...common, format: 'properties', keys: keysOf(keys) };
}

await loadFormats([iniSink(), propertiesSink({})]);

interface Case {
  readonly id: string;
  readonly options: {
    readonly section?: string | null;
    readonly keys: Readonly<Record<string, string | undefined>>;
    readonly quote?: string;
  };
  readonly action: string;
  readonly warn?: readonly string[] | null;
  readonly before: string;
  readonly after?: string | null;
  readonly encoding?: string;
  readonly values?: Readonly<Record<string, string | undefined>>;
}

/** The credentials of a corpus. */
function given({ credentials }: Pick<typeof iniCorpus, 'credentials'>, { options, values = {} }: Case): Credentials {
  const own = { ...credentials };
  for (const [key, value] of Object.entries(values)) {
    const field = options.keys[key];
    if (field === 'access_key_id' && value !== undefined) own[field] = value;
  }
  return {
    accessKeyId: own.access_key_id,
    secretAccessKey: new Secret(own.secret_access_key),
    sessionToken: new Secret(own.session_token),
    expiration: Date.parse(own.expiration),
  };
}

function tryCase(one: Case, sink: IniSink | PropertiesSink, credentials: Credentials): void {
  const encoding = one.encoding === 'latin-1' ? 'latin1' : 'utf8';
  const made = renderSink(Buffer.from(one.before, encoding), credentials, sink, { region: 'eu-west-1' });
  if (one.action === 'refuse') {
    assert.ok(!made.ok, made.ok ? made.bytes.toString() : '');
    return;
  }
  assert.ok(made.ok, made.ok ? '' : made.error.message);
  assert.equal(made.bytes.toString(encoding), one.after);
  const about = made.warnings.filter((warning) => !warning.includes('UTF-8'));
  assert.equal(about.length, one.warn?.length ?? 0, about.join('\n'));
  const again = renderSink(made.bytes, credentials, sink, { region: 'eu-west-1' });
  assert.ok(again.ok && again.bytes.equals(made.bytes), 'a second pass changes what was written');
}

describe('ini: the files that were tried with real programs', () => {
  for (const one of iniCorpus.cases as readonly Case[]) {
    test(one.id, () => {
      const { section = null, keys, quote } = one.options;
      const sink = iniSink({ section, keys: keysOf(keys), quote: quote === 'double' ? 'double' : 'none' });
      tryCase(one, sink, given(iniCorpus, one));
    });
  }
});

describe('properties: the files that were tried with Java', () => {
  for (const one of propertiesCorpus.cases as readonly Case[]) {
    test(one.id, () => {
      tryCase(one, propertiesSink(one.options.keys), given(propertiesCorpus, one));
    });
  }
});

describe('ini', () => {
  const OURS = `key = ${KEY}\nsecret = ${SECRET}\ntoken = ${TOKEN}\n`;

  test('is forgotten key by key, and with its section where that is all', () => {
    const others = '[zz]\na = 1\n';
    assert.deepEqual(forget(iniSink(), `${others}\n[sec]\n${OURS}`), { text: others, keyIds: [KEY] });
    assert.deepEqual(forget(iniSink(), `[sec]\n${OURS}region = x\n`), { text: '[sec]\nregion = x\n', keyIds: [KEY] });
    assert.deepEqual(forget(iniSink(), `[sec]\n${OURS}`), { text: undefined, keyIds: [KEY] });
    assert.deepEqual(forget(iniSink({ section: null, quote: 'double' }), `key="${KEY}"\n[a]\nkey=1\n`), {
      text: '[a]\nkey=1\n',
      keyIds: [KEY],
    });
    assert.deepEqual(forget(iniSink(), others), { text: others, keyIds: [] });
    const noted = '[sec] # ask before changing\n';
    assert.deepEqual(forget(iniSink(), `${noted}${OURS}`), { text: noted, keyIds: [KEY] });
  });

  test('warns of a key of ours that the program takes first', () => {
    const existing = `[default]\n[backup]\nkey = AKIAOTHER\n`;
    const { warnings } = render({ sink: iniSink({ section: 'default', preset: 's3cmd' }), existing });
    assert.deepEqual(warnings, [
      'line 3: a key of ours in another section: s3cmd ignores sections and takes the last one of the file',
    ]);
    const { warnings: rclone } = render({ sink: iniSink({ preset: 'rclone' }) });
    const needsType = 'rclone needs type = s3 in the section too, and provider';
    assert.deepEqual(rclone, [needsType]);
    for (const [existing, expected] of [
      ['[sec]\nregion = x\n', [needsType]],
      ['[sec]\ntype = s3\n', []],
    ] as const)
      assert.deepEqual(render({ sink: iniSink({ preset: 'rclone' }), existing }).warnings, expected);
  });

  test('warns of an old name of pgBackRest beside one of ours', () => {
    const keys = keysOf({ 'repo1-s3-key': 'access_key_id', 'repo1-s3-key-secret': 'secret_access_key' });
    const sink = iniSink({ preset: 'pgbackrest', section: 'global', keys });
    const { warnings } = render({ sink, existing: '[global]\nrepo-path=/\nrepo-s3-key=old\n' });
    assert.deepEqual(warnings, ['line 3: an old name of a key of ours: pgBackRest refuses the file with both']);
  });

  // Cause: the second line stayed, which most readers take, where keys were missing.
  test('leaves one line of each key, also where others are added below it', () => {
    const { text } = render({ sink: iniSink(), existing: '[sec]\ntoken = x\ntoken = y\n' });
    assert.equal(text, `[sec]\ntoken = ${TOKEN}\nkey = ${KEY}\nsecret = ${SECRET}\n`);
  });

  test('keeps a line without an end, and puts what is missing before what is indented', () => {
    assert.equal(
      render({ sink: iniSink(), existing: `[sec]\nkey = ${KEY}\nsecret=x\ntoken = y` }).text,
      `[sec]\nkey = ${KEY}\nsecret=${SECRET}\ntoken = ${TOKEN}`,
    );
    assert.equal(
      render({ sink: iniSink(), existing: '[sec]\n  region = x\n' }).text,
      `[sec]\n${OURS.replaceAll(/^(?=.)/gm, '  ')}  region = x\n`,
    );
    assert.equal(render({ sink: iniSink({ section: null }), existing: '# mine' }).text, `# mine\n${OURS}`);
  });

  test('writes above lines without a value as deep as they are, so that they are no part of a value', () => {
    for (const line of ['\tskip-networking', '    flag\n  region = x']) {
      const { text } = render({ sink: iniSink(), existing: `[sec]\n${line}\n` });
      assert.ok(text.includes(KEY));
      assert.equal(render({ sink: iniSink(), existing: text }).text, text);
    }
  });

  test('refuses what some reader takes for something else', () => {
    assert.match(refuse({ sink: iniSink(), existing: '[sec] x\nkey = 1\n' }), /^line 1: expected section headers/);
    assert.match(refuse({ sink: iniSink(), existing: '[sec]\nkey = 1\n\n # c\n\tmore\n' }), /^line 5: .*Python/);
    assert.match(refuse({ sink: iniSink(), existing: '[sec]\na = 1\n    b = 2\n  key = 1\n' }), /^line 4: .*Python/);
    assert.match(refuse({ sink: iniSink(), existing: '[sec]\n[ sec ]\n' }), /^line 2: expected one name/);
    assert.match(refuse({ sink: iniSink(), existing: 'RCLONE_ENCRYPT_V0:\nabc\n' }), /encrypted/);
    assert.match(refuse({ sink: iniSink(), existing: '[sec]\n'.repeat(17) }), /at most 16 copies/);
    assert.match(refuse({ sink: iniSink(), existing: `[sec]\n${'key = 1\n'.repeat(65)}` }), /at most 64 lines/);
    const credentials = { ...fresh, sessionToken: new Secret('a;b') };
    assert.match(refuse({ sink: iniSink(), credentials }), /^session_token: expected only letters/);
  });
});

describe('properties', () => {
  const sink = propertiesSink({ 'a.id': 'access_key_id', 'a.key': 'secret_access_key' });

  test('are forgotten key by key, with all their lines', () => {
    assert.deepEqual(forget(sink, `x=1\na.id: ${KEY}\na.key=abc\\\n  def\ny=2\n`), {
      text: 'x=1\ny=2\n',
      keyIds: [KEY],
    });
    assert.deepEqual(forget(sink, `a.id=${KEY}\n`), { text: undefined, keyIds: [KEY] });
  });

  test('put a delimiter where a blank was one, and end a line that has no end', () => {
    assert.equal(render({ sink, existing: 'a.id old\nx=1' }).text, `a.id=${KEY}\na.key=${SECRET}\nx=1`);
    assert.equal(render({ sink, existing: 'x=1' }).text, `x=1\na.id=${KEY}\na.key=${SECRET}\n`);
  });

  test('are refused where a key or the file does not end on its line', () => {
    assert.match(refuse({ sink, existing: 'x=1\\' }), /ends in a backslash/);
    assert.match(refuse({ sink, existing: 'a.\\\n  id=1\n' }), /^line 1: expected a key of ours on one line/);
    assert.equal(render({ sink, existing: 'x=1\\\n\na.id=2\n' }).text, `x=1\\\n\na.id=${KEY}\na.key=${SECRET}\n`);
  });
});
