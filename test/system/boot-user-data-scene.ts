import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { installReader, SINK } from './boot-scene.ts';
import { openMachine, type Machine } from './machine.ts';
import { installMetadata } from './machine-metadata.ts';
import { forgetSources, openKeys, publish, repository } from './repository-scene.ts';

const ROOT = join(import.meta.dirname, '../..');
const SEED = '/var/lib/cloud/seed/nocloud';
const SERVER = `[Service]
ExecStart=python3 -m http.server --bind 127.0.0.1 --directory /srv 8000
ExecStartPost=sh -c 'until curl --silent --output /dev/null http://127.0.0.1:8000/; do sleep 0.05; done'
[Install]
WantedBy=multi-user.target
`;

/** No network to set up, and none of the locales that it would make. */
const CLOUD_INIT = 'datasource_list: [NoCloud]\nnetwork: { config: disabled }\nlocale: false\n';

/** There is no network: apt need not wait and ask again. */
const APT = 'Acquire::Retries "0";\n';

/** An image with the unit of an application, and a place on the network where the package is. */
export async function openImage(t: TestContext, deb: string): Promise<Machine | undefined> {
  const keys = openKeys(t);
  const made = await repository(t, keys, { keys: [await keys.make('first')], packages: [deb] });
  return openMachine(t, (root) => {
    installMetadata(root, '--lifetime 6h');
    installReader(root);
    root.copyIn(deb, '/opt/packages');
    publish(made, root.path('/srv'));
    forgetSources(root.path('/etc/apt'));
    root.copyIn(join(ROOT, 'packaging/user-data/install.sh'), '/opt');
    root.write('/etc/systemd/system/packages.service', SERVER);
    root.write('/etc/cloud/cloud.cfg.d/99-test.cfg', CLOUD_INIT);
    root.write('/etc/apt/apt.conf.d/99-test', APT);
  });
}

/** Boots the machine as another instance with this user data, and waits until all of that is done. */
export async function bootWith(machine: Machine, instance: string, userData: string): Promise<void> {
  machine.write(`${SEED}/meta-data`, `instance-id: ${instance}\n`);
  machine.write(`${SEED}/user-data`, userData);
  await machine.reboot();
  await machine.booted();
  const { stdout, code } = await machine.run(['cloud-init', 'status', '--long', '--wait']);
  const output = await machine.sh('cat /var/log/cloud-init-output.log');
  assert.equal(code, 0, `${stdout}\n${output.slice(-4000)}`);
}

/** The first script that the page shows, for the package that is there and the unit of our application. */
export function firstLines(url: string, sha256: string): string {
  const page = readFileSync(join(ROOT, 'docs/user-data.md'), 'utf8');
  const script = /```sh\n(#!\/bin\/sh -e\n[^`]*)```/.exec(page)?.[1] ?? assert.fail('the page has no script');
  return script
    .replace(/https:\/\/packages\.credrotate\.example\/\S+\.deb/, url)
    .replace('SHA256', sha256)
    .replaceAll(SINK_OF_THE_PAGE, SINK)
    .replace(/myapp/g, 'reader');
}

export function cloudConfig(): string {
  return ofThisPlace(readFileSync(join(ROOT, 'packaging/user-data/cloud-config.yaml'), 'utf8'));
}

/** The script of the page that uses the repository. */
export function repositoryLines(): string {
  const page = readFileSync(join(ROOT, 'docs/user-data.md'), 'utf8');
  return ofThisPlace(/```sh\n(#!\/bin\/sh -e\n[^`]*keyring[^`]*)```/.exec(page)?.[1] ?? assert.fail('no such script'));
}

/** What the page writes for an image that has the package. */
export function imageConfig(): string {
  const page = readFileSync(join(ROOT, 'docs/user-data.md'), 'utf8');
  return ofThisPlace(/```yaml\n(#cloud-config\n[^`]*)```/.exec(page)?.[1] ?? assert.fail('no such configuration'));
}

const SINK_OF_THE_PAGE = '/etc/myapp/credentials';

function ofThisPlace(text: string): string {
  return text
    .replaceAll('https://packages.credrotate.example', 'http://127.0.0.1:8000')
    .replaceAll(SINK_OF_THE_PAGE, SINK)
    .replace(/myapp/g, 'reader');
}
