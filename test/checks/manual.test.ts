import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { commandLine, manualPages } from '../../scripts/manual.ts';
import { withCommandsBelow } from '../../scripts/manual/command-line.ts';
import { EXAMPLE } from '../../scripts/manual/configuration-page.ts';
import { references } from '../../scripts/reference.ts';
import { renderSchema } from '../../scripts/schema.ts';
import { EXIT_CODES } from '../../src/core/exit.ts';
import { loadYaml } from '../config/harness.ts';
import { asSchema } from '../config/json-schema.ts';
import { hasTool } from '../support/tools.ts';

const ROOT = join(import.meta.dirname, '../..');
const [programPage = '', configurationPage = ''] = (await manualPages()).map(({ text }) => plain(text));
const commands = withCommandsBelow(await commandLine());

/** What a reader sees of a page: no requests, no fonts, no escapes. */
function plain(roff: string): string {
  return roff
    .replace(/\\f[BIR]/g, '')
    .replace(/\\-/g, '-')
    .replace(/\\\(aq/g, "'")
    .replace(/\\\(dq/g, '"');
}

describe('credrotate(8)', () => {
  test('tells every command with its options and arguments', () => {
    assert.ok(commands.length > 10);
    for (const { path, options, arguments: args } of commands.slice(1)) {
      const start = programPage.indexOf(`\n.SS credrotate ${path.join(' ')}\n`);
      assert.notEqual(start, -1, path.join(' '));
      const [section = ''] = programPage.slice(start + 1).split(/\n\.S[SH] /);
      const terms = [...options.filter(({ names }) => !names.includes('--help')), ...args].map(({ term }) => term);
      for (const term of terms)
        assert.ok(section.includes(`\n${term.replace(/[<>]/g, '')}\n`), `${path.join(' ')}: ${term}`);
    }
  });

  test('tells every exit code', () => {
    const section = programPage.slice(programPage.indexOf('.SH EXIT STATUS'));
    for (const code of EXIT_CODES) assert.ok(section.includes(`.TP\n${code}\n`), String(code));
  });

  test('tells every variable that is read', () => {
    const sources = globSync('src/**/*.ts', { cwd: ROOT }).map((file) => readFileSync(join(ROOT, file), 'utf8'));
    const names = sources.flatMap((text) => [
      ...text.matchAll(/'((?:AWS_(?:EC2_)?META|AWS_EC2_INST|STATE_D|RUNTIME_D)\w+)'/g),
    ]);
    assert.ok(names.length > 5);
    for (const [, name = ''] of names) assert.ok(programPage.includes(`.TP\n${name}\n`), name);
  });
});

describe('credrotate.yaml(5)', () => {
  test('tells every setting with its default', async () => {
    const settings = settingsOf(JSON.parse(await renderSchema()));
    assert.ok(settings.length > 40);
    for (const [name, standard] of settings) {
      const notes = new RegExp(`\\.TP\n(?:\\w+\\.)*${name}\n(.*)`, 'g');
      const found = [...configurationPage.matchAll(notes)].map(([, text = '']) => text);
      assert.ok(found.length > 0, name);
      if (standard !== '')
        assert.ok(
          found.some((text) => text.includes(`default: ${standard}`)),
          `${name} ${standard}`,
        );
    }
  });

  test('tells what must be there', () => {
    const required = [...configurationPage.matchAll(/\.TP\n([\w.]+)\n.*; required$/gm)].map(([, name]) => name);
    assert.deepEqual(required, [
      'type',
      'role_arn',
      'command',
      'environment.NAME.file',
      'path',
      'format',
      'path',
      'keys',
      'type',
      'unit',
      'process.exe',
      'command',
      'schedule.pattern',
    ]);
  });

  test('has an example that is valid', (t) => {
    assert.ok(configurationPage.includes(EXAMPLE.trimEnd()));
    assert.equal(loadYaml(t, EXAMPLE).sinks.length, 2);
  });
});

describe('the references in docs/', async () => {
  for (const [path, text] of Object.entries(await references())) {
    test(`${path} is what npm run reference makes`, () => {
      assert.equal(readFileSync(join(ROOT, path), 'utf8'), text);
    });
  }
});

/** Names and defaults, wherever they stand. */
function settingsOf(schema: unknown): [name: string, standard: string][] {
  if (Array.isArray(schema)) return schema.flatMap(settingsOf);
  return Object.entries(asSchema(schema)).flatMap(([keyword, inner]) => {
    if (keyword !== 'properties') return typeof inner === 'object' ? settingsOf(inner) : [];
    return Object.entries(asSchema(inner)).flatMap(([name, one]) => {
      const standard = asSchema(one)['default'];
      const told = typeof standard === 'string' || typeof standard === 'boolean' ? String(standard) : '';
      return [[name, told] as [string, string], ...settingsOf(one)];
    });
  });
}

describe('what a tool says of them', async () => {
  const pages = await manualPages();
  for (const { name, text } of pages) {
    test(`groff has nothing against ${name}, and no line is too long`, (t) => {
      if (!hasTool('groff')) {
        t.skip('needs groff');
        return;
      }
      const arguments_ = ['-ww', '-man', '-Tutf8', '-rLL=80n', '-P-cbou'];
      const { stdout, stderr, status } = spawnSync('groff', arguments_, { input: text, encoding: 'utf8' });
      assert.deepEqual([status, stderr], [0, '']);
      for (const line of stdout.split('\n')) assert.ok(line.length <= 80 || /^ +\S+$/.test(line), line);
    });
  }

  for (const shell of ['bash', 'zsh', 'fish']) {
    test(`${shell} takes its completion`, (t) => {
      if (!hasTool(shell)) {
        t.skip(`needs ${shell}`);
        return;
      }
      const file = join(ROOT, `packaging/completions/credrotate.${shell}`);
      execFileSync(shell, ['-n', file], { stdio: ['ignore', 'inherit', 'pipe'] });
    });
  }
});
