import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { parse } from 'yaml';
import { renderSchema } from '../../scripts/schema.ts';
import { tempDir } from '../support/temp-dir.ts';
import { load, loadYaml } from './harness.ts';
import { accepts, asSchema } from './json-schema.ts';

const ROOT = join(import.meta.dirname, '../..');
const SCHEMA = readFileSync(join(ROOT, 'packaging/schema/credrotate.schema.json'), 'utf8');
const schema: unknown = JSON.parse(SCHEMA);
const SHIPPED = readFileSync(join(ROOT, 'etc/credrotate.yaml'), 'utf8');

/** As the file says: a # with no blank after it, or an indented line, is an example. */
const EXAMPLES = SHIPPED.replace(/^sinks: \[\]\n/m, '').replace(/^#(?=\S| {2})/gm, '');

test('the JSON Schema is what npm run schema makes', async () => {
  assert.equal(SCHEMA, await renderSchema());
});

describe('the configuration that is installed', () => {
  test('is valid, and means the defaults', (t) => {
    const shipped = loadYaml(t, SHIPPED);
    const defaults = loadYaml(t, 'sinks: []');
    const place = { files: [], digest: undefined, path: undefined };
    assert.deepEqual({ ...shipped, ...place }, { ...defaults, ...place });
    assert.ok(accepts(schema, parse(SHIPPED)));
  });

  test('is valid with all its examples', (t) => {
    const template = join(tempDir(t), 'template');
    writeFileSync(template, '{{ session_token }}');
    const examples = EXAMPLES.replace('/etc/credrotate/aws.xml.template', template);
    const { result, text } = load(t, { 'credrotate.yaml': examples });
    assert.ok(result.ok, text);
    assert.ok(accepts(schema, parse(EXAMPLES)));
    assert.deepEqual(
      result.warnings.map(({ path }) => path),
      [
        'sources.pod',
        'sources.task',
        'sources.signer',
        'sources.signer.command[0]',
        'sources.ssm',
        'consumers.reload-script.command[0]',
        'imds.endpoint_mode',
        'metrics.textfile',
      ],
    );
  });

  test('shows every setting, with its default where it has one', () => {
    const shown = settingsOf(parse(EXAMPLES));
    const missing = settingsOfSchema(schema).filter(([path, standard]) => {
      const values = shown.filter(([other]) => other === path).map(([, value]) => value);
      return standard === undefined ? values.length === 0 : !values.includes(standard);
    });
    assert.deepEqual(missing, []);
  });
});

/** The path of a setting, and its value or default as text. */
type Setting = readonly [path: string, value: string | undefined];

function settingsOf(value: unknown, path = ''): Setting[] {
  if (Array.isArray(value)) return value.flatMap((item) => settingsOf(item, path));
  return Object.entries(asSchema(value)).flatMap(([key, inner]): Setting[] => {
    const at = ['.sources', '.consumers'].includes(path) ? `${path}.*` : `${path}.${key}`;
    return [[at, asText(inner)], ...settingsOf(inner, at)];
  });
}

function settingsOfSchema(schema: unknown, path = ''): Setting[] {
  const { properties, oneOf, items, additionalProperties } = asSchema(schema);
  return [
    ...Object.entries(asSchema(properties)).flatMap(([key, inner]): Setting[] => {
      const standard = asSchema(inner)['default'];
      const at = `${path}.${key}`;
      return [[at, standard === undefined ? undefined : asText(standard)], ...settingsOfSchema(inner, at)];
    }),
    ...[oneOf ?? [], items ?? []].flat().flatMap((inner) => settingsOfSchema(inner, path)),
    ...(typeof additionalProperties === 'object' ? settingsOfSchema(additionalProperties, `${path}.*`) : []),
  ];
}

/** An empty list or map stands for any, and 0600 is 600 to YAML. */
function asText(value: unknown): string {
  return typeof value === 'object' ? 'several' : JSON.stringify(value).replace(/^"?0?|"$/g, '');
}

describe('the JSON Schema agrees with the loader', () => {
  const samples: Readonly<Record<string, boolean>> = {
    'sinks: []': true,
    'sinks: [{ path: /a, format: json, mode: 0640, owner: 5 }]': true,
    'sinks: [{ path: /a, format: json, mode: "0o640" }]': true,
    'sinks: [{ path: /a, format: json, mode: rw }]': false,
    'sinks: [{ path: /a, format: json, shape: xml }]': false,
    'sinks: [{ path: /a, format: json, keys: { role: [a, b] } }]': true,
    'sinks: [{ path: a, format: json }]': false,
    'sinks: [{ path: /a }]': false,
    'sinks: [{ path: /a, format: dotenv, names: { expiration: null } }]': true,
    'sinks: [{ path: /a, format: dotenv, names: { session_token: null } }]': false,
    'sinks: [{ path: /a, format: dotenv, export: "true" }]': false,
    'sinks: [{ path: /a, format: dotenv, profile: x }]': false,
    'sinks: {}': false,
    'sinks: []\nconsumers: { a: { type: systemd, unit: b, action: restart, before: 90s } }': true,
    'sinks: []\nconsumers: { a: { type: signal, signal: HUP, process: { exe: /a } } }': true,
    'sinks: []\nconsumers: { a: { type: signal, signal: KILL, pid_file: /a } }': false,
    'sinks: []\nconsumers: { a: { type: exec, command: [/bin/sh, -c, "true"] } }': true,
    'sinks: []\nconsumers: { a: { type: exec, command: [] } }': false,
    'sinks: []\nconsumers: { a: { type: exec, command: [/bin/sh, 5] } }': false,
    'sinks: []\nconsumers: { "a b": { type: systemd, unit: b } }': false,
    'sinks: []\nconsumers: []': false,
    'sinks: []\nrefresh: { max_interval: 1h30m, schedule: { pattern: "0 0 * * *", timezone: UTC } }': true,
    'sinks: []\nrefresh: { max_interval: 5 }': false,
    'sinks: []\nrefresh: { schedule: { timezone: UTC } }': false,
    'sinks: []\nimds: { attempts: 4 }': true,
    'sinks: []\nimds: { attempts: 4.5 }': false,
    'sinks: []\nunknown: 1': false,
  };
  for (const [yaml, isValid] of Object.entries(samples)) {
    test(yaml.replace(/\s+/g, ' '), (t) => {
      const { result } = load(t, { 'credrotate.yaml': yaml });
      assert.deepEqual(
        { loader: result.ok, schema: accepts(schema, parse(yaml)) },
        { loader: isValid, schema: isValid },
      );
    });
  }
});
