import assert from 'node:assert/strict';
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { needsRoot } from '../support/consumer.ts';
import { FROM_SOURCE } from '../support/from-source.ts';
import { tempDir } from '../support/temp-dir.ts';
import { runInVolumes } from '../support/volumes.ts';

const APP = 1000;

/** In a namespace: `volume NAME MODE` mounts one; `look VOLUME PATH...` as the application; `lookAs FLAGS VOLUME PATH...`. */
const PROLOGUE = `
base=$1 child=$2; shift 2
cd /
volume() { mkdir -p "$base/$1"; mount -t tmpfs -o "mode=$2" credrotate-test "$base/$1"; }
as_app() { setpriv --reuid=${String(APP)} --regid=${String(APP)} --clear-groups "$@"; }
own() { as_app mkdir -m "$2" "$base/$1"; }
look() { as_app "$@"; }
`;

describe('a volume of a pod', { skip: needsRoot }, () => {
  const child = [...FROM_SOURCE, join(import.meta.dirname, 'volume-child.ts')];
  /** `script` ends in `look "$@" VOLUME PATH...`, or several of them. Gives the lines with `base` cut off. */
  const found = async (t: TestContext, script: string): Promise<string[]> => {
    const base = tempDir(t);
    chmodSync(base, 0o755);
    const printed = await runInVolumes(PROLOGUE + script, base, 'child', ...child);
    return printed.replaceAll(base, '').trimEnd().split('\n');
  };
  const one = async (t: TestContext, script: string): Promise<string> => (await found(t, script)).join('\n');

  for (const [kind, mode] of Object.entries({ emptyDir: '0777', 'in memory': '1777', 'with fsGroup': '2775' })) {
    test(`is used where it was named, ${kind}: a directory of ours in it, which is closed to all others`, async (t) => {
      const lines = await found(
        t,
        `
        volume creds ${mode}; ${mode === '2775' ? `chgrp ${String(APP)} "$base/creds"; ` : ''}
        own creds/aws 0700
        look "$@" "$base/creds" "$base/creds/aws" "$base/creds/made" "$base/creds/aws/deep"
        stat -c '%a %u' "$base/creds/made"`,
      );
      assert.deepEqual(lines, [
        '/creds/aws',
        '/creds + made, which is a volume',
        '/creds/aws + deep',
        `${mode === '2775' ? '' : ''}750 ${String(APP)}`,
      ]);
    });
  }

  test('is refused where it was not named', async (t) => {
    assert.match(
      await one(t, 'volume creds 0777; own creds/aws 0700; look "$@" "$base/other" "$base/creds/aws"'),
      /^refused: SINK_UNSAFE_PATH \/creds: expected a directory that its owner alone can write/,
    );
  });

  const REFUSED: Readonly<Record<string, readonly [script: string, message: RegExp]>> = {
    'if it is no mount': [
      'mkdir "$base/bare"; chmod 0777 "$base/bare"; look "$@" "$base/bare" "$base/bare/aws"; rmdir "$base/bare"',
      /\/bare: expected a mount point, since private_volumes names it/,
    ],
    'if an entry is another user’s': [
      'volume creds 0777; own creds/aws 0700; setpriv --reuid=33 --clear-groups touch "$base/creds/x"; look "$@" "$base/creds" "$base/creds/aws"',
      /\/creds\/x: expected an entry of the agent's own user, as all in a private volume, got 33$/,
    ],
    'if an entry is root’s': [
      'volume creds 0777; mkdir -m 0755 "$base/creds/aws"; look "$@" "$base/creds" "$base/creds/aws"',
      /\/creds\/aws: expected an entry of the agent's own user.*got 0$/,
    ],
    'if something is mounted in it': [
      'volume creds 0777; own creds/aws 0700; mount -t tmpfs -o mode=0700,uid=1000 x "$base/creds/aws"; look "$@" "$base/creds" "$base/creds/aws"',
      /\/creds\/aws: expected an entry.*got whoever mounted it$/,
    ],
    'for the volume itself': [
      'volume creds 0777; look "$@" "$base/creds" "$base/creds"',
      /\/creds: expected a directory in it, which the agent makes/,
    ],
    'for a directory in it that is open to others': [
      'volume creds 0777; own creds/aws 0755; look "$@" "$base/creds" "$base/creds/aws"',
      /\/creds\/aws: expected mode 0700 or 0750.*got mode 0755$/,
    ],
    'for a link in it, even our own': [
      'volume creds 0777; own creds/aws 0700; as_app ln -s aws "$base/creds/link"; look "$@" "$base/creds" "$base/creds/link"',
      /\/creds\/link: expected a directory, got a symlink where others make entries too$/,
    ],
    'through a link of another user': [
      'volume creds 0777; setpriv --reuid=33 --clear-groups ln -s /etc "$base/creds/aws"; look "$@" "$base/creds" "$base/creds/aws"',
      /\/creds\/aws: expected an entry of the agent's own user.*got 33$/,
    ],
  };
  for (const [name, [script, message]] of Object.entries(REFUSED)) {
    test(`is refused ${name}`, async (t) => {
      assert.match(await one(t, script), message);
    });
  }

  const PLACES = ['/tmp', '/var/tmp', '/dev/shm', '/run', '/run/lock', '/run/user', '/run/credentials'];

  test('is refused where every program of the machine makes files', async (t) => {
    const lines = await found(
      t,
      `
      mount -t tmpfs -o mode=1777 x /run; mkdir /run/lock /run/user /run/credentials
      mount -t tmpfs -o mode=1777 x /run/lock; mount -t tmpfs -o mode=1777 x /run/user
      mount -t tmpfs -o mode=1777 x /run/credentials; mount -t tmpfs -o mode=1777 x /var/tmp
      mount -t tmpfs -o mode=0777 x /dev/shm
      look "$@" ${PLACES.join(',')} ${PLACES.map((at) => `${at}/aws`).join(' ')}`,
    );
    assert.equal(lines.length, PLACES.length);
    for (const line of lines) assert.match(line, /: expected a volume of this pod alone, got one that all programs/);
  });

  test('is refused with each capability that others lack', async (t) => {
    for (const name of ['chown', 'dac_override', 'fowner']) {
      const caps = `--inh-caps=+${name} --ambient-caps=+${name}`;
      const script = `volume creds 0777; own creds/aws 0700; as_app ${caps} "$@" "$base/creds" "$base/creds/aws"`;
      assert.match(await one(t, script), /\/creds: expected a process without CAP_CHOWN.*got CapPrm [128ab]$/, name);
    }
    const harmless = `volume creds 0777; own creds/aws 0700; as_app --inh-caps=+net_bind_service --ambient-caps=+net_bind_service "$@" "$base/creds" "$base/creds/aws"`;
    assert.equal(await one(t, harmless), '/creds/aws');
  });

  test('is left by root to the owner of the sink', async (t) => {
    assert.equal(await one(t, 'volume creds 0777; "$@" "$base/creds" "$base/creds/aws"'), 'volume at /creds');
  });
});
