import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { packageFast } from '../../scripts/package.ts';
import { provideTools } from '../../scripts/package/tools.ts';
import { limit } from '../support/limits.ts';
import { tempDir } from '../support/temp-dir.ts';
import { steps } from '../system/boot-scene.ts';
import { openMachine, type Machine } from '../system/machine.ts';
import { installMetadata, metadataOf } from '../system/machine-metadata.ts';

const run = promisify(execFile);
const COLLECTION = 'packaging/ansible';
const TOOLS = { 'ansible-playbook': 'ansible-core', 'ansible-lint': 'ansible-lint' };

/** For a run of a playbook; milliseconds. */
const LIMIT = 180_000;

test('the collection has nothing that ansible-lint finds', async () => {
  await provideTools(TOOLS);
  await run('ansible-lint', ['--offline', '--strict', COLLECTION]);
});

test('the role, on a machine that runs', async (t) => {
  await provideTools(TOOLS);
  const { deb } = await packageFast();
  const machine = await openMachine(
    t,
    (root) => {
      installMetadata(root, '--role web');
    },
    'ansible',
  );
  if (machine === undefined) return;
  await machine.booted();
  const { sh } = machine;
  const metadata = metadataOf(machine);
  const play = await openAnsible(t, machine);
  const step = steps(t, machine);
  const json = { path: '/etc/app.json', format: 'json', mode: '0640' };
  const vars = { credrotate_package: deb, credrotate_drop_ins: { app: { sinks: [json] } } };

  await step('check mode on a bare host says what it cannot foresee, and leaves nothing', async () => {
    const { stdout } = await play(vars, '--check');
    assert.match(stdout, /credrotate is not installed yet/);
    assert.equal(await sh('ls /etc | grep -c credrotate || true'), '0');
  });

  await step('the first run installs, configures and starts', async () => {
    const { changed, stdout } = await play(vars);
    assert.ok(changed > 0);
    assert.match(stdout, /"level": "ok"/);
    assert.ok((await sh('cat /etc/app.json')).includes(await metadata.currentKey()));
    assert.equal(await sh('stat -c %a /etc/app.json'), '640');
    assert.equal(await sh('systemctl is-enabled credrotate'), 'enabled');
  });

  await step('a second run, and check mode, change nothing', async () => {
    assert.equal((await play(vars)).changed, 0);
    assert.equal((await play(vars, '--check')).changed, 0);
    assert.equal(await sh('ls -d /run/credrotate-* || true'), '');
  });

  const two = { ...vars, credrotate_drop_ins: { app: { sinks: [json, { ...json, path: '/etc/b.json' }] } } };

  await step('check mode foresees what a pass would write, and writes nothing', async () => {
    const { stdout } = await play(two, '--check', '--diff');
    assert.match(stdout, /TASK \[.*Foresee what a pass would change\] \*+\nchanged/);
    assert.equal(await sh('ls /etc/b.json || true'), '');
    assert.ok(!machine.read('/etc/credrotate/conf.d/app.yaml').includes('b.json'));
  });

  await step('a change is brought into force by a reload', async () => {
    const before = await sh('systemctl show --value --property=MainPID credrotate');
    assert.ok((await play(two)).changed > 0);
    await sh('timeout 30 sh -c "until test -s /etc/b.json; do sleep 0.1; done"');
    assert.equal(await sh('systemctl show --value --property=MainPID credrotate'), before);
    assert.equal((await play(two)).changed, 0);
  });

  await step('one mistake anywhere, and nothing is replaced', async () => {
    const wrong = { other: { sinks: [{ ...json, path: '/etc/c.json', notify: ['nobody'] }] } };
    const both = { ...two.credrotate_drop_ins, ...wrong };
    await assert.rejects(play({ ...vars, credrotate_drop_ins: both }), /expected the name of a consumer, got/);
    assert.ok(machine.read('/etc/credrotate/conf.d/app.yaml').includes('b.json'));
    assert.equal(existsSync(machine.path('/etc/credrotate/conf.d/other.yaml')), false);
    assert.equal(await sh('ls -d /run/credrotate-* || true'), '');
    const number = { app: { sinks: [{ ...json, mode: 416 }] } };
    await assert.rejects(play({ ...vars, credrotate_drop_ins: number }), /each mode in quotes/);
  });

  await step('what is not wanted goes, the units are confined, the timer takes over', async () => {
    await sh('echo "sinks: [{ path: /etc/d.json, format: json }]" > /etc/credrotate/conf.d/hand.yaml');
    const all = { ...vars, credrotate_purge: true, credrotate_harden: true };
    assert.ok((await play(all)).changed > 0);
    assert.equal(await sh('ls /etc/credrotate/conf.d'), 'app.yaml');
    assert.match(await sh('systemctl show --value --property=DropInPaths credrotate'), /credrotate-harden/);
    assert.equal(await sh('systemctl is-active credrotate'), 'active');
    assert.equal((await play(all)).changed, 0);
    assert.ok((await play({ ...all, credrotate_service: 'timer' })).changed > 0);
    assert.equal(await sh('systemctl is-enabled credrotate.timer'), 'enabled');
    assert.equal((await play({ ...all, credrotate_service: 'timer' })).changed, 0);
  });
});

interface Played {
  /** Tasks that changed something. */
  readonly changed: number;
  readonly stdout: string;
}

/** The collection as it is installed, and a way into the machine without a network: its shell stands for ssh. */
async function openAnsible(
  t: TestContext,
  machine: Machine,
): Promise<(vars: object, ...options: readonly string[]) => Promise<Played>> {
  const place = tempDir(t);
  await run('ansible-galaxy', ['collection', 'build', COLLECTION, '--output-path', place]);
  const archive = join(place, 'credrotate-fleet-1.0.0.tar.gz');
  await run('ansible-galaxy', ['collection', 'install', '--offline', archive, '--collections-path', place]);
  const ssh = join(place, 'ssh');
  const enter = `nsenter --target ${String(machine.leader())} --all`;
  writeFileSync(
    ssh,
    `#!/bin/sh\nfor last; do :; done\nexec env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin ${enter} -- sh -c "$last"\n`,
  );
  chmodSync(ssh, 0o755);
  const settings = { ansible_ssh_executable: ssh, ansible_ssh_transfer_method: 'piped' };
  writeFileSync(join(place, 'hosts.json'), JSON.stringify({ all: { hosts: { machine: settings } } }));
  const tasks = [
    { 'ansible.builtin.import_role': { name: 'credrotate.fleet.credrotate' } },
    { 'ansible.builtin.debug': { var: 'credrotate_status' } },
  ];
  writeFileSync(join(place, 'play.json'), JSON.stringify([{ hosts: 'all', tasks }]));
  const env = {
    ...process.env,
    ANSIBLE_COLLECTIONS_PATH: place,
    ANSIBLE_HOME: place,
    ANSIBLE_NOCOLOR: '1',
    LC_ALL: 'C.UTF-8',
  };
  return async (vars, ...options) => {
    const args = ['--inventory', 'hosts.json', '--extra-vars', JSON.stringify(vars), ...options, 'play.json'];
    const { stdout } = await run('ansible-playbook', args, { cwd: place, env, timeout: limit(LIMIT) }).catch(
      (error: unknown) => {
        const said = error instanceof Error && 'stdout' in error ? error.stdout : undefined;
        throw new Error(typeof said === 'string' ? said : 'ansible-playbook said nothing', { cause: error });
      },
    );
    return { changed: Number(/changed=(\d+)/.exec(stdout)?.[1]), stdout };
  };
}
