import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { lstatSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { openSite, type Site } from '../support/agent.ts';

/** Every file and directory, and what changes when one is touched. */
function snapshot(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' }).map((name) => {
    const { ino, ctimeNs } = lstatSync(join(directory, name), { bigint: true });
    return `${name} ${ino} ${ctimeNs}`;
  });
}

function config(site: Site): readonly string[] {
  const hook = { type: 'exec', command: ['/bin/true'] };
  return site.configure({
    sinks: [
      { path: site.path('c'), format: 'aws-credentials', notify: ['web', 'db'] },
      { path: site.path('e'), format: 'dotenv', mode: '0640' },
    ],
    consumers: { web: hook, db: { ...hook, when: 'expiring' } },
  });
}

describe('check', { concurrency: 2 }, () => {
  test('looks at configuration and sinks, without the network', async (t) => {
    const site = await openSite(t);
    const options = config(site);
    const before = snapshot(site.directory);
    const { code, stdout, stderr } = await site.run(['check', ...options]);
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(stdout, /c\.yaml: ok, 2 sinks, 2 consumers\nok {8}\S+\/c \(will be created\)\n/);
    assert.deepEqual(snapshot(site.directory), before);
    assert.deepEqual(site.metadata.requests, []);
  });

  test('names a sink that would be refused', async (t) => {
    const site = await openSite(t);
    writeFileSync(site.path('c'), 'garbage\n');
    const { code, stdout } = await site.run(['check', ...config(site)]);
    assert.equal(code, 77);
    assert.match(stdout, /^refused {3}\S+\/c\n +SINK_FORMAT_REFUSED: .*\n +hint: /m);
    assert.deepEqual(site.metadata.requests, []);
  });
});

// Cause: opening a FIFO waits for a writer, where no signal reaches us.
test('what is no file in place of the status makes nobody wait', async (t) => {
  const site = await openSite(t);
  const options = config(site);
  await site.run(['once', '--every', '1h', ...options]);
  const path = site.path('run/status.json');
  rmSync(path);
  execFileSync('mkfifo', [path]);
  const { code, stdout } = await site.run(['status', '--check']);
  assert.deepEqual([code, stdout.slice(0, 21)], [3, 'CREDROTATE UNKNOWN - ']);
  assert.equal((await site.run(['once', '--every', '1h', ...options])).code, 0);
  assert.ok(lstatSync(path).isFile());
});
