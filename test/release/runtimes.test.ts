import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { packageFast } from '../../scripts/package.ts';
import { tally } from '../faults/tally.ts';
import { limit } from '../support/limits.ts';
import { tempDir } from '../support/temp-dir.ts';
import { becomesActive, property } from '../system/boot-scene.ts';
import { rotated } from '../system/consumers-rotated.ts';
import { openMachine } from '../system/machine.ts';
import { installMetadata, metadataOf } from '../system/machine-metadata.ts';

/** Rows of the table of docs/applications.md whose programs are too large for every run: signal, program, what is said. */
const ROWS: Readonly<Record<string, readonly [signal: string, start: string, says: RegExp]>> = {
  'r-hup': ['SIGHUP', '/usr/bin/Rscript -e "while (TRUE) Sys.sleep(1)"', /expected a handler for SIGHUP, got none/],
  'r-usr1': ['SIGUSR1', '/usr/bin/Rscript -e "while (TRUE) Sys.sleep(1)"', /got R, which ends on it/],
  'r-usr2': ['SIGUSR2', '/usr/bin/Rscript -e "while (TRUE) Sys.sleep(1)"', /got R, which ends on it/],
  'deno-hup': ['SIGHUP', '/opt/deno run /opt/idle.mjs', /got Deno, which ends on it/],
  'deno-usr1': ['SIGUSR1', '/opt/deno run /opt/idle.mjs', /got Deno, which takes it without doing anything/],
  'deno-usr2': ['SIGUSR2', '/opt/deno run /opt/idle.mjs', /expected a handler for SIGUSR2, got none/],
  'bun-hup': ['SIGHUP', '/opt/bun /opt/idle.mjs', /expected a handler for SIGHUP, got none/],
  'bun-usr1': ['SIGUSR1', '/opt/bun /opt/idle.mjs', /expected a handler for SIGUSR1, got none/],
};
const NAMES = Object.keys(ROWS);

/** From npm, without what it would run at its installation. */
const PACKAGES = ['deno@2.9.6', 'bun@1.4.5'];

test('runtimes that are too large for every run', async (t) => {
  const { deb } = await packageFast();
  const directory = tempDir(t);
  const install = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--prefix', directory, ...PACKAGES];
  await promisify(execFile)('npm', install, { timeout: limit(300_000) });
  const machine = await openMachine(
    t,
    (root) => {
      installMetadata(root, '--lifetime 6h');
      for (const file of globSync(['@deno/*/deno', '@oven/*/bin/bun'], { cwd: join(directory, 'node_modules') }))
        root.copyIn(join(directory, 'node_modules', file), '/opt');
      root.write('/opt/idle.mjs', 'setInterval(() => undefined, 1000);\n');
      for (const [name, [, start]] of Object.entries(ROWS))
        root.write(`/etc/systemd/system/${name}.service`, `[Service]\nEnvironment=HOME=/root\nExecStart=${start}\n`);
      root.copyIn(deb, '/opt');
    },
    'runtimes',
  );
  if (!machine) return;
  const { sh } = machine;
  await machine.booted();
  await sh(`chmod 755 /opt /opt/deno /opt/bun; mkdir -p /etc/app; dpkg -i /opt/*.deb; systemctl stop credrotate
    systemctl daemon-reload; systemctl start ${NAMES.join(' ')}`);
  const consumers = Object.fromEntries(
    Object.entries(ROWS).map(([name, [signal]]) => [
      name,
      { type: 'systemd', unit: `${name}.service`, action: 'kill', signal },
    ]),
  );
  const sinks = [{ path: '/etc/app/credentials', format: 'aws-credentials', notify: NAMES }];
  machine.write(
    '/etc/credrotate/credrotate.yaml',
    JSON.stringify({ sinks, consumers, refresh: { max_interval: '1h' } }),
  );
  await sh('systemctl start credrotate');
  await becomesActive(machine);
  const done = await rotated(machine, metadataOf(machine));
  await tally(t, 'runtimes that end on a signal, or make nothing of it, spared', async (attempt) => {
    for (const [name, [, , says]] of Object.entries(ROWS)) {
      await attempt(async () => {
        t.diagnostic(`${name.padEnd(10)} ${done[name]?.message ?? ''}`);
        assert.equal(done[name]?.error, 'CONSUMER_WOULD_DIE', name);
        assert.match(done[name].message, says);
        assert.equal(await property(machine, 'ActiveState', name), 'active');
      });
    }
  });
});
