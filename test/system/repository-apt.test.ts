import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { packageFast } from '../../scripts/package.ts';
import { nextVersion } from './boot-packages.ts';
import { becomesActive, CONFIG, installReader, SINK, steps } from './boot-scene.ts';
import { openMachine } from './machine.ts';
import { installMetadata, metadataOf } from './machine-metadata.ts';
import { DAY, forgetSources, openKeys, publish, readmeCommands, repository } from './repository-scene.ts';

const SERVER = `[Service]
ExecStart=python3 -m http.server --bind 127.0.0.1 --directory /srv 8000
ExecStartPost=sh -c 'until curl --silent --output /dev/null http://127.0.0.1:8000/; do sleep 0.05; done'
`;
/** Fails where a signature is not good: without it apt warns, keeps its old lists, and ends with 0. */
const UPDATE = 'apt-get update -o APT::Update::Error-Mode=any -o Acquire::Retries=0 2>&1';
const UPGRADE = 'unattended-upgrade --verbose 2>&1';
const ORIGINS = 'Unattended-Upgrade::Origins-Pattern { "origin=credrotate"; };\n';

test('a repository for apt', async (t) => {
  const { deb } = await packageFast();
  const next = await nextVersion(t, deb);
  const keys = openKeys(t);
  const key = await keys.make('first');
  const machine = await openMachine(
    t,
    (root) => {
      installMetadata(root, '--lifetime 6h');
      installReader(root);
      root.write('/usr/bin/sudo', '#!/bin/sh\nexec "$@"\n', 0o755);
      root.write('/etc/systemd/system/repository.service', SERVER);
      root.write('/etc/apt/apt.conf.d/99-credrotate', ORIGINS);
      forgetSources(root.path('/etc/apt'));
    },
    'upgraded',
  );
  if (!machine) return;
  const step = steps(t, machine);
  const { sh } = machine;
  const serve = (from: string): void => {
    publish(from, machine.path('/srv'));
  };
  const refuses = async (what: RegExp): Promise<void> => {
    const { code, stdout } = await machine.run(['sh', '-c', UPDATE]);
    assert.notEqual(code, 0, stdout);
    assert.match(stdout, what);
  };
  const version = async (): Promise<string> => await sh(`dpkg-query --show --showformat='\${Version}' credrotate`);
  await machine.booted();
  await sh('systemctl start repository');
  const first = await repository(t, keys, { keys: [key], packages: [deb] });

  await step('the two commands of the README install, and a file is kept up to date', async () => {
    serve(first);
    await sh(readmeCommands(/apt-get/));
    machine.write('/etc/credrotate/conf.d/sinks.yaml', CONFIG);
    await sh('systemctl enable --quiet --now credrotate');
    await becomesActive(machine);
    assert.ok(machine.read(SINK).includes(await metadataOf(machine).currentKey()));
  });

  await step('an altered index is refused', async () => {
    const packages = machine.path('/srv/apt/dists/stable/InRelease');
    writeFileSync(packages, readFileSync(packages, 'utf8').replace('Origin: credrotate', 'Origin: credrotat3'));
    await refuses(/not signed|invalid|BADSIG/i);
  });

  await step('an expired index is refused', async () => {
    const date = Math.floor(Date.now() / 1000) - 15 * DAY;
    serve(await repository(t, keys, { keys: [key], packages: [deb], date }));
    await sh('rm -rf /var/lib/apt/lists/*');
    await refuses(/expired/i);
  });

  await step('one that another key has signed is refused', async () => {
    serve(await repository(t, keys, { keys: [await keys.make('stranger')], packages: [deb] }));
    await refuses(/NO_PUBKEY|not signed|key/i);
  });

  await step('an unattended upgrade takes the next version, and asks nobody', async () => {
    serve(await repository(t, keys, { keys: [key], packages: [next], to: first }));
    await sh(`${UPDATE}; setsid ${UPGRADE} <&-`);
    assert.equal(await version(), '1000');
    assert.equal(await sh("dpkg-query --show --showformat='${Status}' credrotate"), 'install ok installed');
    await becomesActive(machine);
  });

  await step('an earlier version is still there, for whoever pins it', async () => {
    const { version: earlier } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    await sh(`apt-get --yes --allow-downgrades install credrotate=${earlier}`);
    assert.equal(await version(), earlier);
  });

  await step('the next key is there before it signs, and then signs alone', async () => {
    const following = await keys.make('next');
    serve(await repository(t, keys, { keys: [key, following], packages: [next], to: first }));
    await sh(`${UPDATE}; apt-get --yes install credrotate-archive-keyring`);
    assert.equal(machine.read(KEYRING), readFileSync(join(first, 'credrotate-archive-keyring.asc'), 'utf8'));
    serve(await repository(t, keys, { keys: [following], packages: [next], to: first }));
    await sh(`rm -rf /var/lib/apt/lists/*; ${UPDATE}; apt-get --yes install credrotate`);
    assert.equal(await version(), '1000');
  });
});

const KEYRING = '/usr/share/keyrings/credrotate-archive-keyring.asc';
