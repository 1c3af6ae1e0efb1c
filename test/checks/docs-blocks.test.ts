import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import type { Command } from 'commander';
import { parse, parseAllDocuments } from 'yaml';
import { describeProgram } from '../../src/cli/program.ts';
import { load } from '../config/harness.ts';
import { tempDir } from '../support/temp-dir.ts';
import { hasTool } from '../support/tools.ts';
import { blocksOf, PAGES as PAGES_OF_DOCS, README, type Block } from '../support/pages.ts';
import { stepsOf } from '../support/walk.ts';

const PAGES = [README, ...PAGES_OF_DOCS];
const program = await describeProgram('0');

describe('configurations in the pages', () => {
  const blocks = blocksOf(PAGES, 'yaml');

  test('there are some', () => {
    assert.ok(blocks.length > 10);
  });

  for (const { place, text } of blocks) {
    test(`${place} is right`, (t) => {
      for (const yaml of configurationsIn(text)) {
        const { result, text: problems } = load(t, { 'credrotate.yaml': yaml });
        assert.ok(result.ok, problems);
      }
    });
  }
});

/** The block itself, what a cloud-config writes, or the ConfigMap of a manifest; the system tests run manifests. */
function configurationsIn(text: string): readonly string[] {
  if (text.startsWith('services:')) return [];
  if (text.startsWith('apiVersion:')) {
    const documents = parseAllDocuments(text).map((one) => one.toJS() as { data?: Readonly<Record<string, string>> });
    return documents.flatMap(({ data = {} }) => Object.values(data));
  }
  if (!text.startsWith('#cloud-config')) return [text];
  const { write_files: files = [] } = parse(text) as { write_files?: { path: string; content: string }[] };
  const found = files.filter(({ path }) => path.startsWith('/etc/credrotate/')).map(({ content }) => content);
  assert.ok(found.length > 0, 'expected it to write a configuration');
  return found;
}

interface Line {
  readonly place: string;
  readonly text: string;
}

/** Commands of blocks, and of the running text where they are more than a name. */
function commandLines(): readonly Line[] {
  const scripts = blocksOf(PAGES, 'sh').flatMap(({ place, text }) =>
    whole(text).map((line) => ({ place, text: line })),
  );
  const shown = blocksOf(PAGES, 'console').flatMap((block) =>
    stepsOf(block).flatMap(({ command }) => whole(command).map((text) => ({ place: block.place, text }))),
  );
  const inline = PAGES.flatMap(({ name, prose }) =>
    [...prose.replaceAll('\n', ' ').matchAll(/`([^`]+)`/g)].map(([, text = '']) => ({ place: `docs/${name}`, text })),
  );
  return [...scripts, ...shown, ...inline];
}

function whole(script: string): string[] {
  return script.replace(/\\\n\s*/g, '').split('\n');
}

/** The words behind a program's name, wherever a command of the line begins with it. */
function callsOf(name: string, { text }: Line): readonly (readonly string[])[] {
  return text
    .replace(/(?:^|\s)#\s.*$/, '')
    .split(/\s*(?:&&|\|\||[;|&](?!\w)|\$\(|=\s+(?=\/))\s*/)
    .flatMap((part) => {
      const words = part
        .trim()
        .replace(/["')]+$/, '')
        .split(/\s+/);
      if (words[0] === 'sudo') words.shift();
      return words[0]?.replace(/^.*\//, '') === name && words.length > 1 ? [words.slice(1)] : [];
    });
}

describe('credrotate as the pages call it', () => {
  const calls = commandLines().flatMap((line) => callsOf('credrotate', line).map((words) => ({ ...line, words })));

  test('is called often', () => {
    assert.ok(calls.length > 50);
  });

  test('knows every command and option', () => {
    const wrong = calls.flatMap(({ place, text, words }) => {
      const unknown = unknownIn(program, words);
      return unknown === undefined ? [] : [`${place}: ${text}: ${unknown}`];
    });
    assert.deepEqual(wrong, []);
  });
});

/** The first word that a command does not know. What a capital word or a name stands for is not looked at. */
function unknownIn(command: Command, [first, ...rest]: readonly string[]): string | undefined {
  if (first === undefined || first === '--' || first === '--help' || first === '--version') return undefined;
  if (first.startsWith('-')) {
    const name = first.replace(/=.*$/, '');
    const isKnown = command.options.some(({ long, short }) => long === name || short === name);
    return isKnown ? unknownIn(command, rest) : name;
  }
  const next = command.commands.find((one) => one.name() === first);
  if (next !== undefined) return unknownIn(next, rest);
  return command.commands.length > 0 && /^[a-z]/.test(first) ? first : unknownIn(command, rest);
}

test('the AWS CLI takes its commands in the pages', async (t) => {
  const calls = commandLines().flatMap((line) => callsOf('aws', line).map((words) => ({ ...line, words })));
  const complete = calls.filter(({ words }) => words.length > 2 && words[0] !== 's3');
  assert.ok(complete.length > 3);
  if (!hasTool('aws')) {
    t.skip('needs the AWS CLI');
    return;
  }
  // What their file:// leads to.
  const directory = tempDir(t);
  for (const { text } of blocksOf(PAGES, 'json')) writeFileSync(join(directory, 'revoke.json'), text);
  cpSync('packaging/ssm', join(directory, 'packaging/ssm'), { recursive: true });
  for (const { place, text, words } of complete) {
    const env = { PATH: process.env['PATH'], HOME: '/proc/nonexistent', AWS_DEFAULT_REGION: 'eu-central-1' };
    // It checks what it was told, and asks nobody.
    await promisify(execFile)('aws', [...words, '--generate-cli-skeleton', 'output'], { env, cwd: directory }).catch(
      (error: unknown) => {
        assert.fail(`${place}: ${text}: ${String(error)}`);
      },
    );
  }
});

test('scripts in the pages are scripts of sh', () => {
  for (const { place, text } of [...blocksOf(PAGES, 'sh'), ...blocksOf(PAGES, 'console').map(asScript)]) {
    const { status, stderr } = spawnSync('/bin/sh', ['-n'], { input: text, encoding: 'utf8' });
    assert.equal(status, 0, `${place}: ${stderr}`);
  }
});

function asScript(block: Block): Line {
  const commands = stepsOf(block).map(({ command }) => command);
  return { place: block.place, text: commands.join('\n') };
}
