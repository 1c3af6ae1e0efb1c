import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from '../support/eventually.ts';
import { limit } from '../support/limits.ts';
import { isActive, property, steps } from './boot-scene.ts';
import { openMachine, type Machine } from './machine.ts';
import { installMetadata, metadataOf } from './machine-metadata.ts';
import { CONFIG, installScene, LOGS, SET_UP, SMALL_CONFIG } from './units-scene.ts';

const SINKS = ['/home/alice/.aws/credentials', '/etc/myapp/aws.env', '/srv/a b%c/iam.json'];

const SMALL_DROP_IN = `ReadWritePaths="-/etc/myapp"
ReadWritePaths="-/root"
ReadWritePaths="-/var/lib/metrics"
CapabilityBoundingSet=CAP_KILL
CapabilityBoundingSet=CAP_SYS_PTRACE`;

async function notifiedSoFar({ sh }: Machine): Promise<readonly string[]> {
  return (await sh(`for log in ${LOGS.join(' ')}; do wc -l < $log 2>/dev/null || echo 0; done`)).split('\n');
}

/** Rotates, has `pass` made, and looks whether every sink has the new key and every consumer was notified of it once. */
async function works(machine: Machine, pass: string): Promise<void> {
  const metadata = metadataOf(machine);
  const before = await notifiedSoFar(machine);
  await metadata.rotate();
  const said = await machine.sh(pass);
  const key = await metadata.currentKey();
  for (const path of SINKS) assert.ok(machine.read(path).includes(key), `${path}\n${said}`);
  const expected = before.map((count) => String(Number(count) + 1));
  await eventually(
    'every consumer was notified',
    async () => String(await notifiedSoFar(machine)) === String(expected),
  ).catch(async () => {
    assert.deepEqual(await notifiedSoFar(machine), expected, `${said}\n${await machine.journal('credrotate')}`);
  });
  const owners = await machine.sh(
    `stat -c '%a %U:%G' /home/alice/.aws/credentials /etc/myapp/aws.env '/srv/a b%c/iam.json'`,
  );
  assert.equal(owners, '600 alice:alice\n640 myapp:myapp\n600 root:root');
  // Hooks are not bound by our sandbox.
  await machine.sh('rm /etc/written-by-hook');
}

test('the units', async (t) => {
  const machine = await openMachine(t, (root) => {
    installMetadata(root, '--lifetime 6h');
    installScene(root);
  });
  if (!machine) return;
  const step = steps(t, machine);
  const { sh, run } = machine;
  await machine.booted();
  await sh(SET_UP);
  const agentSees = async (command: string): Promise<string> =>
    sh(`nsenter --target $(systemctl show --value --property=MainPID credrotate) --mount -- ${command}`);

  await step('as installed, they lose no function', async () => {
    await sh('systemctl start credrotate; credrotate refresh');
    await works(machine, 'credrotate refresh');
    assert.doesNotMatch(await machine.journal('credrotate'), /SINK_|CONSUMER_|error/i);
  });

  await step('hardened, they lose none either', async () => {
    const said = await sh('credrotate harden; systemctl restart credrotate');
    assert.match(
      said,
      /credrotate\.service\.d\/.*written\n.*credrotate-once.*written\n.*systemctl restart credrotate/s,
    );
    await works(machine, 'credrotate refresh');
    await works(machine, 'credrotate refresh');
    assert.doesNotMatch(await sh('credrotate check'), /warning/);
  });

  await step('hardened, they see and write nothing else', async () => {
    assert.equal(await agentSees('ls /home'), 'alice');
    assert.equal(await agentSees('ls -A /root /tmp'), '/root:\n\n/tmp:');
    for (const path of ['/etc/new', '/usr/bin/new', '/srv/new', '/var/lib/new'])
      assert.match(await agentSees(`sh -c 'touch ${path} 2>&1 || true'`), /Read-only/, path);
    const bounding = await sh(
      `sed -n 's/^CapBnd:\\s*//p' /proc/$(systemctl show --value --property=MainPID credrotate)/status`,
    );
    // CHOWN, DAC_OVERRIDE, FOWNER, KILL, SETGID, SETUID, SYS_PTRACE
    assert.equal(
      BigInt(`0x${bounding}`),
      [0n, 1n, 3n, 5n, 6n, 7n, 19n].reduce((set, bit) => set | (1n << bit), 0n),
    );
  });

  await step('a sink outside of what is open is refused and reported, and stops no other', async () => {
    machine.write('/etc/credrotate/conf.d/new.yaml', 'sinks: [{ path: /srv/new/aws.env, format: dotenv }]\n');
    await sh('mkdir /srv/new');
    const checked = await run(['credrotate', 'check']);
    assert.equal(checked.code, 73, checked.stdout);
    assert.match(checked.stdout, /^failed {4}\/srv\/new\/aws\.env: .*confined.*\n.*hint: .*credrotate harden/m);
    await sh('systemctl reload credrotate');
    await works(machine, 'credrotate refresh || test $? -eq 73');
    const { stdout, code } = await run(['credrotate', 'refresh']);
    assert.equal(code, 73, stdout);
    assert.match(stdout, /\/srv\/new\/aws\.env.*EROFS.*\n.*hint: .*credrotate harden/);
    assert.equal(await sh('ls -A /srv/new'), '');
    await sh('credrotate harden; systemctl restart credrotate; credrotate refresh; test -s /srv/new/aws.env');
    await sh('rm /etc/credrotate/conf.d/new.yaml');
    assert.match(await sh('credrotate check'), /warning.*other configuration|warning.*another configuration/);
    await sh('credrotate harden; systemctl restart credrotate');
  });

  await step('the timer takes the place of the agent, and the agent that of the timer', async () => {
    const ended = (): Promise<string> => property(machine, 'ExecMainExitTimestampMonotonic', 'credrotate-once');
    const endedBefore = await ended();
    await sh('systemctl start credrotate.timer');
    assert.deepEqual([await isActive(machine), await isActive(machine, 'credrotate.timer')], ['inactive', 'active']);
    // The timer starts it at once. A pass that still notifies would take the place of the next one.
    await eventually('its first pass is over', async () => {
      const isOver = (await isActive(machine, 'credrotate-once')) === 'inactive';
      return isOver && (await ended()) !== endedBefore;
    });
    assert.equal(await property(machine, 'Result', 'credrotate-once'), 'success');
    const begun = performance.now();
    // One of the notified ones is ordered after the unit: it must not have to wait for its end.
    await works(machine, 'systemctl start credrotate-once');
    assert.ok(performance.now() - begun < limit(30_000));
    await eventually('it has ended', async () => (await isActive(machine, 'credrotate-once')) === 'inactive');
    assert.match(await sh('systemctl show --value --property=NextElapseUSecMonotonic credrotate.timer'), /\d/);
    await sh('systemctl start credrotate; credrotate refresh');
    assert.deepEqual([await isActive(machine), await isActive(machine, 'credrotate.timer')], ['active', 'inactive']);
    await sh('! systemctl enable --quiet credrotate.timer credrotate.service 2>&1');
    assert.match(await sh('credrotate check'), /warning.*both/);
    await sh('systemctl disable --quiet credrotate.timer credrotate.service');
    assert.doesNotMatch(await sh('credrotate check'), /both/);
  });

  await step('a unit of the boot that is ordered after the one-shot of the timer finds its file', async () => {
    await sh('systemctl stop credrotate; systemctl enable --quiet credrotate.timer app');
    await sh('rm -f /etc/myapp/aws.env /var/log/app-found-its-file');
    await machine.reboot();
    await machine.booted();
    await sh('systemctl is-active app; test -e /var/log/app-found-its-file');
    // Its start is over before every consumer is notified.
    await eventually('it has ended', async () => (await isActive(machine, 'credrotate-once')) === 'inactive');
    await sh('systemctl disable --quiet --now credrotate.timer; systemctl start legacy worker');
  });

  await step('hardened for root alone, they have hardly a capability, and lose no function', async () => {
    const before = await notifiedSoFar(machine);
    await sh('mkdir /var/lib/metrics; systemctl show --value --property=MainPID worker > /run/worker.pid');
    machine.write('/etc/credrotate/credrotate.yaml', SMALL_CONFIG);
    assert.equal(
      await sh('test ! -e /root/.aws; credrotate harden --dry-run | grep -E "CAP_|ReadWrite|Bind"'),
      SMALL_DROP_IN,
    );
    await sh('credrotate harden; systemctl restart credrotate; credrotate refresh');
    const key = await metadataOf(machine).currentKey();
    for (const path of ['/root/.aws/credentials', '/etc/myapp/small.env']) assert.ok(machine.read(path).includes(key));
    assert.match(machine.read('/var/lib/metrics/credrotate.prom'), /^credrotate_/m);
    const [worker, legacy, ...others] = (await notifiedSoFar(machine)).map(
      (count, index) => Number(count) - Number(before[index]),
    );
    assert.deepEqual([worker, legacy, ...others], [1, 1, 0, 0], await sh('credrotate status'));
    machine.write('/etc/credrotate/credrotate.yaml', CONFIG);
  });

  await step('undone, nothing stays of the drop-in but what others put there', async () => {
    const other = '/etc/systemd/system/credrotate.service.d/50-mine.conf';
    machine.write(other, '[Service]\n');
    const said = await sh('credrotate harden --undo; systemctl restart credrotate');
    assert.match(said, /removed\n.*removed/);
    assert.equal(
      await sh('find /etc/systemd/system -path "*credrotate*"'),
      `/etc/systemd/system/credrotate.service.d\n${other}`,
    );
    assert.match(await sh('credrotate harden --undo'), /nothing to undo/);
    await works(machine, 'credrotate refresh');
  });
});
