import assert from 'node:assert/strict';
import { test } from 'node:test';
import { packageFast } from '../../scripts/package.ts';
import { eventually } from '../support/eventually.ts';
import { limit } from '../support/limits.ts';
import { isActive, property, steps } from './boot-scene.ts';
import { openMachine, type Machine } from './machine.ts';

/** As user data leaves it before the package is there. This machine has no metadata service, so the start takes long. */
const DROP_IN = '/etc/credrotate/conf.d/50-user-data.yaml';
const CONFIG = 'sinks: [{ path: /etc/credrotate/aws.env, format: dotenv }]\nstartup_wait: 5m\n';
const LINKS = '/etc/systemd/system/multi-user.target.wants/credrotate.service';
const INSTALL = `timeout ${limit(30)} dpkg -i /opt/*.deb 2>&1 </dev/null`;

test('the maintainer scripts', async (t) => {
  const { deb, rpm } = await packageFast();
  const machine = await openMachine(t, (root) => {
    root.copyIn(deb, '/opt');
    root.copyIn(rpm, '/opt');
  });
  if (!machine) return;
  const step = steps(t, machine);
  const { sh } = machine;
  await machine.booted();

  await step('with a configuration the agent starts, and nobody waits for it', async () => {
    machine.write(DROP_IN, CONFIG);
    assert.match(await sh(INSTALL), /credrotate: it keeps the configured files fresh/);
    await startsAnew(machine);
    assert.equal(await isEnabled(machine), 'enabled');
  });

  await step('an upgrade starts one again that is still waiting', async () => {
    const pid = await property(machine, 'MainPID');
    await sh(`systemctl disable --quiet credrotate; ${INSTALL}`);
    await startsAnew(machine, pid);
    assert.equal(await isEnabled(machine), 'disabled');
    await sh('systemctl enable --quiet credrotate');
  });

  await step('the timer stays the way that was chosen', async () => {
    await sh(`systemctl start credrotate.timer; ${INSTALL}`);
    assert.deepEqual([await isActive(machine), await isActive(machine, 'credrotate.timer')], ['inactive', 'active']);
  });

  await step('removed and installed again, it starts again', async () => {
    await sh('dpkg --remove credrotate');
    const units = 'systemctl list-units --all --plain --no-legend "credrotate*"';
    assert.equal(await sh(`${units} | grep -v -w -e inactive -e failed || true`), '');
    await sh(INSTALL);
    await startsAnew(machine);
    assert.equal(await isEnabled(machine), 'enabled');
  });

  await step('purged, it takes its own files, and no other', async () => {
    const harden = '/etc/systemd/system/credrotate.service.d/10-credrotate-harden.conf';
    machine.write(harden, '[Service]\n');
    machine.write('/etc/credrotate/aws.env', 'AWS_ACCESS_KEY_ID=x\n');
    await sh('dpkg --purge credrotate');
    const ours = '/etc/credrotate /var/lib/credrotate /run/credrotate /etc/systemd/system/credrotate*';
    assert.equal(await sh(`find ${ours} ${LINKS} 2>/dev/null || true`), '/etc/credrotate\n/etc/credrotate/aws.env');
  });

  await step('where the administrator forbids starts, none happens', async () => {
    machine.write(DROP_IN, CONFIG);
    machine.write('/usr/sbin/policy-rc.d', '#!/bin/sh\nexit 101\n', 0o755);
    await sh(INSTALL);
    assert.equal(await isActive(machine), 'inactive');
    await sh(`test -L ${LINKS}; rm /usr/sbin/policy-rc.d`);
    // A mount point cannot be removed, and must not keep the package manager from its work.
    await sh(
      'mkdir /var/lib/credrotate; mount -t tmpfs none /var/lib/credrotate; touch /var/lib/credrotate/state.json',
    );
    await sh('dpkg --purge credrotate; test -z "$(ls /var/lib/credrotate)"');
    await sh('umount /var/lib/credrotate; rmdir /var/lib/credrotate');
  });

  await step('where systemd does not run, as in the making of an image, all is ready for its first boot', async () => {
    machine.write(DROP_IN, CONFIG);
    await sh(`unshare --mount sh -c 'mount -t tmpfs none /run && ${INSTALL}'`);
    assert.equal(await isActive(machine), 'inactive');
    await sh(`test -L ${LINKS}; unshare --mount sh -c 'mount -t tmpfs none /run && dpkg --purge credrotate'`);
  });

  await step('the .rpm starts it too, and nobody waits', async () => {
    machine.write(DROP_IN, CONFIG);
    const install = `timeout ${limit(30)} rpm --dbpath /var/lib/rpm --nodeps --force-debian`;
    assert.match(await sh(`${install} -i /opt/*.rpm 2>&1`), /credrotate: it keeps the configured files fresh/);
    await startsAnew(machine);
    assert.equal(await isEnabled(machine), 'enabled');
    const pid = await property(machine, 'MainPID');
    await sh(`${install} -U --force /opt/*.rpm 2>&1`);
    await startsAnew(machine, pid);
    await sh('rpm --dbpath /var/lib/rpm -e credrotate');
    assert.equal(await sh(`find /run/credrotate ${LINKS} 2>/dev/null || true`), '');
  });
});

/** As another process than that before, and still waits for credentials. */
async function startsAnew(machine: Machine, before = '0'): Promise<void> {
  await eventually('a new process', async () => !['0', before].includes(await property(machine, 'MainPID')));
  assert.equal(await isActive(machine), 'activating');
}

async function isEnabled(machine: Machine): Promise<string> {
  return (await machine.run(['systemctl', 'is-enabled', 'credrotate'])).stdout.trim();
}
