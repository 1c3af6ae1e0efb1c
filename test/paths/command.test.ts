import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { judgeCommand } from '../../src/paths/command.ts';
import { needsRoot } from '../support/consumer.ts';
import { tempDir } from '../support/temp-dir.ts';
import { BOB, self } from './looks.ts';

/** Root's directory, with one of a user's in it. */
function openHooks(t: TestContext): { readonly root: string; readonly bob: string } {
  const root = tempDir(t);
  chmodSync(root, 0o755);
  const bob = join(root, 'bob');
  mkdirSync(bob, { mode: 0o755 });
  chownSync(bob, BOB, BOB);
  return { root, bob };
}

function script(path: string, text: string, owner = 0): string {
  writeFileSync(path, text);
  chmodSync(path, 0o755);
  chownSync(path, owner, owner);
  return path;
}

/** The words that are to blame, and for what. */
function faults(...command: readonly string[]): readonly string[] {
  return judgeCommand(command, self).map(({ word, isUnsafe, isMissing, error }) => {
    const kind = isUnsafe ? 'unsafe' : isMissing ? 'missing' : 'unseen';
    return `${word} ${kind}: ${error.message}`;
  });
}

function unsafe(found: readonly string[], word: number, at: string): void {
  assert.equal(found.length, 1, found.join('\n'));
  assert.ok(found.join().startsWith(`${word} unsafe: ${at}: expected a path of root alone`), found.join());
}

// Cause: root's script with a first line that names a user's interpreter ran that, as root.
describe('the interpreter that a first line names', { skip: needsRoot }, () => {
  for (const [what, line] of Object.entries({
    'by its path': (theirs: string) => `#!${theirs}`,
    'after blanks, with an argument': (theirs: string) => `#! \t${theirs} -x`,
    'as what env runs': (theirs: string) => `#!/usr/bin/env ${theirs}`,
    'as what env runs after an option': (theirs: string) => `#!/usr/bin/env -S sh ${theirs}`,
    'without an end of the line': (theirs: string) => `#!${theirs}`,
    'with the end of line of another system': (theirs: string) => `#!${theirs}\r`,
  })) {
    test(`is held to the rule for programs: ${what}`, (t) => {
      const { root, bob } = openHooks(t);
      const theirs = script(join(bob, 'interpreter'), '#!/bin/sh\n', BOB);
      const end = what.startsWith('without') ? '' : '\n';
      const hook = script(join(root, 'hook'), `${line(theirs)}${end}`);
      unsafe(faults(hook), 0, bob);
      unsafe(faults('/usr/bin/nice', hook), 1, bob);
    });
  }

  test('has one itself, and so on as far as the kernel goes', (t) => {
    const { root, bob } = openHooks(t);
    const theirs = script(join(bob, 'interpreter'), '#!/bin/sh\n', BOB);
    let hook = script(join(root, '0'), `#!${theirs}\n`);
    for (const name of ['1', '2', '3']) hook = script(join(root, name), `#!${hook}\n`);
    unsafe(faults(hook), 0, bob);
    const loop = join(root, 'loop');
    script(loop, `#!${loop}\n`);
    assert.deepEqual(faults(loop), []);
  });

  test('that is not there is missing', (t) => {
    const { root } = openHooks(t);
    const hook = script(join(root, 'hook'), '#!/usr/bin/credrotate-none\n');
    assert.match(faults(hook).join('\n'), /^0 missing: \/usr\/bin\/credrotate-none: expected a file, got ENOENT/);
  });

  test("is root's in an ordinary script, and none in a program or an empty file", (t) => {
    const { root } = openHooks(t);
    for (const text of ['#!/bin/sh\n', '#!/usr/bin/env sh\n', '#!/bin/sh -eu\n', '#!\n', '', '\x7fELF\0'])
      assert.deepEqual(faults(script(join(root, 'hook'), text)), [], JSON.stringify(text));
    assert.deepEqual(faults('/bin/sh'), []);
  });

  test('says nothing of a script that is given to one', (t) => {
    const { root, bob } = openHooks(t);
    const theirs = script(join(bob, 'interpreter'), '#!/bin/sh\n', BOB);
    const hook = script(join(root, 'hook'), `#!${theirs}\n`);
    assert.deepEqual(faults('/bin/sh', hook), []);
  });
});

describe('words of a command within a word', { skip: needsRoot }, () => {
  // Cause: the whole word was taken for a path that is not there.
  test('are judged one by one', (t) => {
    const { root, bob } = openHooks(t);
    const hook = script(join(root, 'hook'), '#!/bin/sh\n');
    const theirs = script(join(bob, 'hook'), '#!/bin/sh\n', BOB);
    assert.deepEqual(faults('/usr/bin/env', '-S', `/bin/sh ${hook}`), []);
    assert.deepEqual(faults('/bin/sh', '-c', `/bin/sh ${hook} && ${hook} >/dev/null`), []);
    unsafe(faults('/usr/bin/env', '-S', `/bin/sh ${theirs}`), 2, bob);
    unsafe(faults('/bin/sh', '-c', `${hook};${theirs}`), 2, bob);
  });

  test('are one path where the first of them is no program', (t) => {
    const { root } = openHooks(t);
    assert.match(faults('/usr/bin/nice', join(root, 'no such/hook')).join('\n'), /^1 missing: .*no such\/hook: /);
    assert.match(faults('/usr/bin/nice', '/tmp/no such').join('\n'), /^1 unsafe: \/tmp: /);
  });
});
