import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import corpus from '../corpus/template/escapes.json' with { type: 'json' };
import { javaReader, javaStream } from '../differential/host-readers.ts';
import { report } from '../faults/tally.ts';
import { hasTool } from '../support/tools.ts';

/** What each filter makes of the values of the corpus, as the formats' own tests have it, read back by its real readers. */

interface Escape {
  readonly filter: string;
  readonly value: string;
  readonly escaped?: string;
}

const VALUES: Readonly<Record<string, string>> = corpus.values;
const CASES = corpus.cases as readonly Escape[];

/** Gives the values back from their escaped forms. */
type Read = (escaped: readonly string[]) => Promise<readonly string[]> | readonly string[];

/** The program gets a list of texts as JSON, and answers with a list. */
const by =
  (program: string, ...args: readonly string[]): Read =>
  (escaped) => {
    const { stdout, stderr, status } = spawnSync(program, args, { input: JSON.stringify(escaped), encoding: 'utf8' });
    assert.equal(status, 0, `${program}: ${stderr}`);
    return JSON.parse(stdout) as readonly string[];
  };

const python = (imports: string, value: string): Read =>
  by('python3', '-c', `import json, sys, ${imports}\nprint(json.dumps([${value} for x in json.load(sys.stdin)]))`);

const php = (value: string): Read =>
  by(
    'php',
    '-r',
    `echo json_encode(array_map(fn($x) => ${value}, json_decode(stream_get_contents(STDIN))), JSON_THROW_ON_ERROR);`,
  );

const ruby = (library: string, value: string): Read =>
  by('ruby', '-rjson', `-r${library}`, '-e', `puts JSON.dump(JSON.parse($stdin.read).map { |x| ${value} })`);

const shell =
  (program: string): Read =>
  (escaped) =>
    escaped.map((one) => spawnSync(program, ['-c', `v=${one}; printf %s "$v"`], { encoding: 'utf8' }).stdout);

const java =
  ({ read }: typeof javaStream): Read =>
  async (escaped) =>
    (await read(escaped.map((one) => `v=${one}\n`))).map((seen) => seen?.['v'] ?? '');

/** nginx and systemd read theirs on a machine: consumers-real.test.ts. */
const READERS: Readonly<Record<string, Readonly<Record<string, Read>>>> = {
  json: {
    Python: python('json', 'json.loads(x)'),
    PHP: php('json_decode($x)'),
    Ruby: ruby('json', 'JSON.parse(x)'),
  },
  yaml: { Psych: ruby('psych', 'Psych.load("v: #{x}\\n")["v"]') },
  toml: { tomllib: python('tomllib', 'tomllib.loads("v = " + x)["v"]') },
  xml: {
    'ElementTree, text': python('xml.etree.ElementTree as E', 'E.fromstring("<v>" + x + "</v>").text'),
    'ElementTree, attribute': python('xml.etree.ElementTree as E', 'E.fromstring("<v a=\'" + x + "\'/>").get("a")'),
  },
  php: { PHP: php('eval("return $x;")') },
  'php-ini': {
    'PHP, normal': php('parse_ini_string("v = $x", false, INI_SCANNER_NORMAL)["v"]'),
    'PHP, raw': php('parse_ini_string("v = $x", false, INI_SCANNER_RAW)["v"]'),
  },
  properties: { 'Java, stream': java(javaStream), 'Java, reader': java(javaReader) },
  shell: { dash: shell('dash'), bash: shell('bash') },
  url: { urllib: python('urllib.parse', 'urllib.parse.unquote(x)'), PHP: php('rawurldecode($x)') },
};

for (const [filter, readers] of Object.entries(READERS)) {
  test(`${filter} is read back by ${Object.keys(readers).join('; ')}`, async (t) => {
    const missing = ['bash', 'dash', 'java', 'php', 'python3', 'ruby'].filter((name) => !hasTool(name));
    if (missing.length > 0) {
      t.skip(`needs ${missing.join(', ')}: what is written is not read back by them`);
      return;
    }
    const cases = CASES.filter((one) => one.filter === filter && one.escaped !== undefined);
    const expected = cases.map(({ value }) => VALUES[value] ?? '');
    for (const [name, read] of Object.entries(readers))
      assert.deepEqual(await read(cases.map(({ escaped = '' }) => escaped)), expected, name);
    const tries = cases.length * Object.keys(readers).length;
    report(t, { case: `escapes read back: ${filter}`, tries, survived: tries, lost: 0 });
  });
}
