import assert from 'node:assert/strict';
import { chmodSync, chownSync, lstatSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { openSite, reportOf } from '../support/agent.ts';
import { BOB, estateOf, skipsWithoutRoot } from '../support/acting.ts';
import { tempDir } from '../support/temp-dir.ts';

describe('files in a directory of another user', () => {
  test('are checked, planned and written with the rights of that user', async (t) => {
    if (skipsWithoutRoot(t)) return;
    const site = await openSite(t);
    const { home } = estateOf(t, BOB);
    const path = join(home, '.aws/credentials');
    const sinks = [
      { path, format: 'aws-credentials' },
      { path: join(home, 'iam.json'), format: 'json' },
    ];
    const config = site.configure({ sinks });

    const checked = await site.run(['check', ...config]);
    assert.equal(checked.code, 0, checked.stdout);
    assert.match(checked.stdout, /credentials \(will be created\)/);
    const planned = await site.run(['plan', ...config]);
    assert.match(
      planned.stdout,
      /would write .*credentials: a new file of mode 0600\n {2}\+ # Kept .*\n {2}\+ \[default\]\n/,
    );
    assert.deepEqual(readdirSync(home), []);

    const first = await site.run(['once', '--json', ...config]);
    assert.deepEqual(
      reportOf(first).sinks.map(({ result }) => result),
      ['written', 'written'],
      first.stdout,
    );
    const { uid, mode } = lstatSync(path);
    assert.deepEqual([uid, mode & 0o777], [BOB, 0o600]);
    assert.match(
      readFileSync(path, 'latin1'),
      new RegExp(`aws_access_key_id *= *${site.metadata.current().accessKeyId}`),
    );
    const again = await site.run(['once', '--json', ...config]);
    assert.deepEqual(
      reportOf(again).sinks.map(({ result }) => result),
      ['unchanged', 'unchanged'],
    );
    assert.match(site.state(), /"temps": \[\]/);
  });

  test('are refused to an agent that is not root, which check says', async (t) => {
    if (skipsWithoutRoot(t)) return;
    const site = await openSite(t);
    const { base, home } = estateOf(t, BOB);
    writeFileSync(join(base, 'c.yaml'), `sinks: [{ path: ${join(home, 'a')}, format: json }]\n`, { mode: 0o644 });
    const through = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
    const env = { STATE_DIRECTORY: undefined, RUNTIME_DIRECTORY: undefined, HOME: '/' };
    const checked = await site.run(['check', '--config', join(base, 'c.yaml')], { through, env });
    assert.equal(checked.code, 77, checked.stdout + checked.stderr);
    assert.match(checked.stdout, /expected a path of root and uid 65534 alone, got a part of it owned by uid 2/);
  });
});

// Cause: after one pass of their own, a user took their own status for that of the host.
test('without root every report says whose agent it speaks of, and how to ask for the host', async (t) => {
  if (skipsWithoutRoot(t)) return;
  const site = await openSite(t);
  const home = tempDir(t);
  chownSync(home, BOB, BOB);
  chmodSync(site.directory, 0o755);
  const config = site.configure({ sinks: [{ path: join(home, 'a.json'), format: 'json' }] });
  const options = {
    through: ['setpriv', `--reuid=${BOB}`, `--regid=${BOB}`, '--clear-groups'],
    env: { STATE_DIRECTORY: undefined, RUNTIME_DIRECTORY: undefined, HOME: home, XDG_STATE_HOME: join(home, 'state') },
  };
  for (const args of [['check'], ['plan'], ['once', '--every', '1h'], ['doctor']]) {
    const { stdout } = await site.run([...args, ...config], options);
    assert.match(stdout, new RegExp(`^agent {5}.*uid ${BOB}.*host's`, 'm'), `${args.join(' ')}: ${stdout}`);
  }
  assert.match((await site.run(['status'], options)).stdout, /^agent {7}your own \(uid/m);
  assert.match((await site.run(['status', '--check'], options)).stdout, /^CREDROTATE OK/);
  assert.doesNotMatch((await site.run(['doctor', ...config], options)).stdout, /nobody-refreshes/);
  const refresh = await site.run(['refresh'], options);
  assert.match(refresh.stderr, new RegExp(`uid ${BOB} has asked for its own; for the host's: sudo credrotate refresh`));
});
