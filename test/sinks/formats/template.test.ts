import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, test } from 'node:test';
import { DOMParser } from '@xmldom/xmldom';
import { getProperties } from 'properties-file';
import { parse as parseToml } from 'smol-toml';
import { parse } from 'yaml';
import type { TemplateSink } from '../../../src/core/config.ts';
import { Secret } from '../../../src/core/secret.ts';
import { DELIMITERS, FILTERS, parseTemplate } from '../../../src/core/template.ts';
import { previewSinks } from '../../../src/sinks/apply.ts';
import { carriesExpiration, loadFormats, renderSink } from '../../../src/sinks/formats/render.ts';
import corpus from '../../corpus/template/escapes.json' with { type: 'json' };
import { applyRequest, sinkDeps } from '../../support/sinks.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { EXPIRATION, fresh, KEY, refuse, render, SECRET, TOKEN } from './rendering.ts';

function templateSink(template: string, change: Partial<TemplateSink> = {}): TemplateSink {
  const common = { path: '/nowhere', source: 'instance', mode: 0o600, notify: [] } as const;
  return { ...common, format: 'template', template, delimiters: DELIMITERS, ...change };
}

await loadFormats([templateSink('')]);

interface Escape {
  readonly filter: string;
  readonly value: string;
  readonly escaped?: string;
  readonly refuse?: boolean;
}

const VALUES: Readonly<Record<string, string>> = corpus.values;

describe('each filter', () => {
  for (const { filter, value, escaped, refuse: isRefused } of corpus.cases as readonly Escape[]) {
    const name = filter === 'none' ? 'raw' : filter;
    test(`${name}: ${value}`, () => {
      const credentials = { ...fresh, secretAccessKey: new Secret(VALUES[value] ?? '') };
      const request = { sink: templateSink(`{{ secret_access_key | ${name} }}`), credentials };
      if (isRefused) assert.match(refuse(request), /^secret_access_key: expected text that /);
      else assert.equal(render(request).text, escaped);
    });
  }

  test('is one of the corpus', () => {
    const tried = new Set(
      (corpus.cases as readonly Escape[]).map(({ filter }) => (filter === 'none' ? 'raw' : filter)),
    );
    assert.deepEqual(
      [...FILTERS].filter((filter) => !tried.has(filter)),
      [],
    );
  });

  test('is read back by a reader of its language', () => {
    for (const secret of Object.values(VALUES)) {
      const credentials = { ...fresh, secretAccessKey: new Secret(secret) };
      const written = (filter: string): string =>
        render({ sink: templateSink(`{{ secret_access_key | ${filter} }}`), credentials }).text;
      assert.equal(JSON.parse(written('json')), secret);
      assert.deepEqual(parse(`v: ${written('yaml')}\n`), { v: secret });
      assert.deepEqual({ ...parseToml(`v = ${written('toml')}\n`) }, { v: secret });
      const xml = new DOMParser().parseFromString(
        `<a b="${written('xml')}" c='${written('xml')}'>${written('xml')}</a>`,
        'text/xml',
      );
      const element = xml.documentElement;
      assert.deepEqual(
        [element?.getAttribute('b'), element?.getAttribute('c'), element?.textContent],
        [secret, secret, secret],
      );
      assert.deepEqual(
        { ...getProperties(`v=${written('properties')}\nw:${written('properties')}`) },
        { v: secret, w: secret },
      );
      assert.equal(decodeURIComponent(new URL(`https://k:${written('url')}@h/`).password), secret);
      const shell = spawnSync('sh', ['-c', `v=${written('shell')}; printf %s "$v"`], { encoding: 'utf8' });
      assert.equal(shell.stdout, secret);
    }
  });
});

describe('a template', () => {
  test('keeps every byte but its placeholders', () => {
    const template =
      '\u00e9 {{access_key_id}}\r\n{{  secret_access_key|json }}{{session_token}}\n{% }} ${x} {{expiration}}';
    const text = `\u00e9 ${KEY}\r\n${JSON.stringify(SECRET)}${TOKEN}\n{% }} \${x} ${EXPIRATION}`;
    assert.equal(render({ sink: templateSink(template), existing: 'other' }).text, text);
  });

  test('takes the filter of the file where a placeholder names none, and its delimiters', () => {
    const sink = templateSink('{{x}} <% session_token %> <% access_key_id | raw %>', {
      escape: 'php',
      delimiters: ['<%', '%>'],
    });
    assert.equal(render({ sink }).text, `{{x}} '${TOKEN}' ${KEY}`);
  });

  test('refuses what is not plain where no filter is named, and what is not known', () => {
    const credentials = { ...fresh, sessionToken: new Secret('a"b') };
    assert.match(refuse({ sink: templateSink('{{ session_token }}'), credentials }), /^session_token: expected only/);
    for (const [field, hint] of [
      ['region', /^set region: of the source .* or leave it out here/],
      ['role', /^leave it out here/],
    ] as const) {
      const made = renderSink(undefined, fresh, templateSink(`{{ ${field} }}`), {});
      assert.ok(!made.ok);
      assert.ok(made.error.message.startsWith(`${field}: expected it to be known`));
      assert.match(made.error.hint ?? '', hint);
    }
  });

  test('is shown by its placeholders alone', async (t) => {
    const sink = templateSink('[\n{{ session_token }}\n]\nkey={{ access_key_id | raw }}\n', {
      path: `${tempDir(t)}/file`,
      escape: 'json',
    });
    const deps = sinkDeps({ render: renderSink });
    const [preview] = await previewSinks(deps, { ...applyRequest([]), sinks: [sink], rotated: true });
    assert.deepEqual(preview?.diff, ['+ line 2: {{ session_token | json }}', '+ line 4: {{ access_key_id | raw }}']);
  });

  test('tells its readers when the credentials expire if it says so', () => {
    assert.deepEqual(
      ['{{ expiration_epoch }}', '{{ role }}'].map((text) => carriesExpiration(templateSink(text))),
      [true, false],
    );
  });

  test('is taken apart in linear time, whatever it is', () => {
    for (const text of ['{{'.repeat(500_000), '{{ role }}'.repeat(100_000), `${'{{\n'.repeat(300_000)}}}`]) {
      assert.ok(parseTemplate(text, DELIMITERS).faults.length > 0);
    }
  });
});
