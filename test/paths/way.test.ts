import assert from 'node:assert/strict';
import { chmodSync, chownSync, lchownSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { AgentError } from '../../src/core/errors.ts';
import type { Way } from '../../src/paths/way.ts';
import { wayTo } from '../../src/paths/way.ts';
import { needsRoot, NOBODY } from '../support/consumer.ts';
import { tempDir } from '../support/temp-dir.ts';

function brief({ opening, worker, overrides }: Way): string {
  return `${opening} by ${worker}${overrides ? ', overriding' : ''}`;
}

function code(path: string): string | undefined {
  try {
    return brief(wayTo(path));
  } catch (error) {
    return error instanceof AgentError ? error.code : undefined;
  }
}

describe('the way to a sink', { skip: needsRoot }, () => {
  test('ends at the nearest directory that is there, behind symlinks', (t) => {
    const directory = tempDir(t);
    mkdirSync(join(directory, 'etc/app'), { recursive: true });
    symlinkSync('etc/app', join(directory, 'link'));
    assert.equal(brief(wayTo(join(directory, 'etc/app/a.json'))), `${directory}/etc/app by root`);
    assert.equal(brief(wayTo(join(directory, 'etc/new/deep/a.json'))), `${directory}/etc by root`);
    const linked = wayTo(join(directory, 'link/a.json'));
    assert.equal(brief(linked), `${directory}/etc/app by root`);
    for (const name of ['link', 'etc', 'etc/app']) assert.ok(linked.passed.includes(join(directory, name)), name);
    assert.equal(brief(wayTo(join(directory, 'link/new/a.json'))), `${directory}/etc/app by root`);
  });

  test('ends at what belongs to a user, which can be another one at any time', (t) => {
    const directory = tempDir(t);
    mkdirSync(join(directory, 'home/.aws'), { recursive: true });
    chownSync(join(directory, 'home'), NOBODY, NOBODY);
    symlinkSync('/etc', join(directory, 'home/etc'));
    for (const name of ['.aws/credentials', 'credentials', 'etc/passwd', 'missing/credentials'])
      assert.equal(brief(wayTo(join(directory, 'home', name))), `${directory}/home by user`, name);
    symlinkSync('home', join(directory, 'theirs'));
    lchownSync(join(directory, 'theirs'), NOBODY, NOBODY);
    assert.equal(code(join(directory, 'theirs/credentials')), `${directory}/home by user`);
  });

  test('says when root has to override rights', (t) => {
    const directory = tempDir(t);
    const file = join(directory, 'a.json');
    assert.equal(wayTo(file).overrides, false);
    writeFileSync(file, '');
    assert.equal(wayTo(file).overrides, false);
    chownSync(file, NOBODY, NOBODY);
    assert.equal(wayTo(file).overrides, true);
    assert.equal(wayTo(join(directory, 'b.json')).overrides, false);
    chmodSync(directory, 0o500);
    assert.equal(wayTo(join(directory, 'b.json')).overrides, true);
  });

  test('is none through a file', (t) => {
    const directory = tempDir(t);
    writeFileSync(join(directory, 'file'), '');
    assert.equal(code(join(directory, 'file/a.json')), 'SINK_UNREADABLE');
  });
});
