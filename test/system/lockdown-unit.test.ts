import assert from 'node:assert/strict';
import { test } from 'node:test';
import { join } from 'node:path';
import { eventually } from '../support/eventually.ts';
import { property, steps } from './boot-scene.ts';
import { openMachine } from './machine.ts';
import { installMetadata } from './machine-metadata.ts';

const ROOT = join(import.meta.dirname, '../..');
const UNIT = 'credrotate-lockdown.service';
const CONFIG = '/etc/credrotate/credrotate.yaml';

/** A firewall of the administrator's, which begins as all such files do. */
const FIREWALL = `#!/usr/sbin/nft -f
flush ruleset
table inet filter { chain input { type filter hook input priority filter; policy accept; }; }
`;

const ASK = `curl --silent --output /dev/null --max-time 20 --write-out '%{http_code}'`;
const REFUSED = '7';

test('the lockdown unit', async (t) => {
  const machine = await openMachine(t, (root) => {
    installMetadata(root, '--lifetime 6h');
    root.copyIn(join(ROOT, 'dist/credrotate'), '/usr/bin');
    root.copyIn(join(ROOT, `packaging/systemd/${UNIT}`), '/etc/systemd/system');
    root.write(CONFIG, 'sinks: []\nlockdown: { allow_users: [daemon] }\n');
    root.write('/etc/nftables.conf', FIREWALL);
  });
  if (!machine) return;
  const { sh } = machine;
  const step = steps(t, machine);
  await machine.booted();
  await sh(`systemctl enable --quiet nftables ${UNIT}`);
  await machine.reboot();
  await machine.booted();

  /** The exit code of curl where it got no answer. */
  const ask = (user: string, address: string): Promise<string> =>
    sh(`setpriv --reuid=${user} --clear-groups ${ASK} http://${address}/ || echo ' '$?`);
  const refusals = async (user: string): Promise<readonly boolean[]> => {
    const answers = await Promise.all(['169.254.169.254', '[fd00:ec2::254]'].map((address) => ask(user, address)));
    return answers.map((answer) => answer.endsWith(` ${REFUSED}`));
  };
  const reach = async (user: string): Promise<boolean> => {
    const [four, six] = await refusals(user);
    assert.equal(four, six, 'the two addresses are treated alike');
    return four === false;
  };
  const isLocked = async (): Promise<void> => {
    assert.deepEqual(await Promise.all(['root', 'daemon', 'nobody'].map(reach)), [true, true, false]);
    assert.match(await sh('credrotate lockdown status 2>/dev/null'), /^lockdown: on$/m);
  };

  await step('at boot it is there before the network', async () => {
    await isLocked();
    const since = async (unit: string): Promise<number> =>
      Number(await property(machine, 'ActiveEnterTimestampMonotonic', unit));
    assert.ok((await since(UNIT)) > 0 && (await since(UNIT)) <= (await since('network-pre.target')));
    assert.doesNotMatch(await sh('journalctl --no-pager --boot'), /ordering cycle/i);
  });

  await step('a firewall that flushes all rules on reload, restart, or stop and start', async () => {
    for (const commands of ['reload nftables', 'restart nftables', 'stop nftables; systemctl start nftables']) {
      await sh(`systemctl ${commands}`);
      // Ours follows by itself, and nobody waits for it.
      await eventually('nobody is refused', async () => !(await refusals('nobody')).includes(false));
      await isLocked();
    }
  });

  await step('rules that are flushed by hand are missed, and loaded again', async () => {
    await sh('nft flush ruleset');
    const { code, stdout } = await machine.run(['credrotate', 'lockdown', 'status']);
    assert.equal(code, 78);
    assert.match(stdout, /^lockdown: drifted: credrotate-lockdown.service is active, but its table is gone/);
    assert.match(await sh('credrotate check'), /^warning {3}metadata service: .*its table is gone/m);
    await sh(`systemctl reload ${UNIT}`);
    await isLocked();
    assert.doesNotMatch(await sh('credrotate check'), /warning/);
  });

  await step('rules that are removed by hand come back, which is said', async () => {
    assert.match(await sh('credrotate lockdown remove'), /\nuntil .* again; for good: systemctl disable --now/);
    await sh(`systemctl reload ${UNIT}`);
    await isLocked();
  });

  // Cause: with a package its user goes, and everybody was let in for that.
  await step('a user who is not there any more is left out, and nobody else let in', async () => {
    const config = machine.read(CONFIG);
    machine.write(CONFIG, config.replace('[daemon]', '[daemon, cwagent]'));
    await sh(`systemctl restart ${UNIT}`);
    assert.deepEqual(await Promise.all(['root', 'daemon', 'nobody'].map(reach)), [true, true, false]);
    const said = /lockdown\.allow_users: cwagent: expected a user of this machine/;
    for (const command of ['lockdown status', 'check']) assert.match(await sh(`credrotate ${command}`), said);
    assert.match(await machine.journal(UNIT), said);
    machine.write(CONFIG, config);
    await sh(`systemctl reload ${UNIT}`);
  });

  await step('stopped, it leaves nothing', async () => {
    await sh(`systemctl stop ${UNIT}`);
    assert.match(
      (await machine.run(['credrotate', 'lockdown', 'status'])).stdout,
      /drifted: .* enabled, but not active/,
    );
    // Its own end says nothing of how to come to it.
    assert.doesNotMatch(await machine.journal(UNIT), /for good: systemctl disable/);
    await sh(`systemctl disable --quiet ${UNIT}`);
    assert.ok(await reach('nobody'));
    assert.doesNotMatch(await sh('nft list ruleset'), /credrotate/);
    assert.equal((await machine.run(['credrotate', 'lockdown', 'status'])).code, 69);
  });
});
