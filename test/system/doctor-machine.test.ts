import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Finding } from '../../src/core/findings.ts';
import type { Unseen } from '../../src/doctor/contract.ts';
import { eventually } from '../support/eventually.ts';
import { executable } from '../support/product.ts';
import { openMachine, type Machine } from './machine.ts';
import { installMetadata } from './machine-metadata.ts';

const CONFIG = `
sinks:
  - { path: /root/.aws/credentials, format: aws-credentials, notify: [profile, rclone] }
  - { path: /etc/app/aws.env, format: dotenv, notify: [file, killed, gone] }
  - { path: /srv/mounted.env, format: dotenv }
consumers:
  file: { type: systemd, unit: file.service }
  profile: { type: systemd, unit: profile.service }
  killed: { type: systemd, unit: killed.service, action: kill, signal: SIGHUP }
  rclone: { type: systemd, unit: rclone.service }
  gone: { type: systemd, unit: gone.service }
`;

const SERVICES = {
  file: 'EnvironmentFile=-/etc/app/aws.env\nExecStart=/bin/sleep infinity\nExecReload=/bin/true',
  profile: 'Environment="AWS_PROFILE=some other" NAME=x\nExecStart=/bin/sleep infinity',
  killed: 'ExecStart=/bin/sleep infinity\nRestart=on-failure',
  rclone: 'ExecStart=/opt/rclone infinity\nExecReload=/bin/true',
} as const;

/** What is wrong at first: subject, id and severity. */
const WRONG = [
  'next pass nobody-refreshes error',
  '/srv/mounted.env sink-mounted error',
  '/srv/mounted.env sink-refused error',
  '/root/.aws/credentials sink-confined error',
  'gone unit-missing error',
  'profile environment-shadows error',
  'file environment-file-reload error',
  'killed signal-not-handled error',
  '/root/.aws/credentials default-profile warning',
  'killed unit-stays-down warning',
  'rclone never-rereads warning',
  'profile unit-cannot-reload note',
  'metadata service imdsd-in-the-way note',
  'metadata service endpoint-open note',
];

const CURE = `
umount /srv/mounted.env
rm /srv/mounted.env
rm /etc/systemd/system/credrotate.service.d/home.conf /etc/systemd/system/profile.service.d/* 2>/dev/null || true
sed -i 's/^Environment=.*//' /etc/systemd/system/profile.service
sed -i '/unit: gone.service/d; s/, gone]/]/; s/unit: killed.service.*}/unit: killed.service }/' /etc/credrotate/credrotate.yaml
sed -i 's/unit: \\(file\\|rclone\\).service }/unit: \\1.service, action: restart }/' /etc/credrotate/credrotate.yaml
sed -i 's/aws-credentials,/aws-credentials, profile: app,/' /etc/credrotate/credrotate.yaml
ip route del prohibit 169.254.169.254
systemctl daemon-reload
systemctl start credrotate
`;

async function examine(
  machine: Machine,
  through: readonly string[] = [],
  command = 'doctor',
): Promise<{ found: string[]; unseen: Unseen[]; code: number }> {
  const { stdout, stderr, code } = await machine.run([...through, 'credrotate', command, '--json']);
  assert.equal(stderr, '');
  const { findings, unseen } = JSON.parse(stdout) as { findings: Finding[]; unseen: Unseen[] };
  return { found: findings.map(({ subject, id, severity }) => `${subject} ${id} ${severity}`), unseen, code };
}

test('the doctor on a host with systemd, a reload that is refused, and what users are told', async (t) => {
  const machine = await openMachine(t, (root) => {
    installMetadata(root, '--lifetime 6h');
    root.copyIn(executable, '/usr/bin');
    root.write('/etc/credrotate/credrotate.yaml', CONFIG);
    const unit = join(import.meta.dirname, '../../packaging/systemd/credrotate.service');
    root.write('/etc/systemd/system/credrotate.service', readFileSync(unit, 'utf8'));
    root.write('/etc/systemd/system/credrotate.service.d/home.conf', '[Service]\nProtectHome=read-only\n');
    for (const [name, text] of Object.entries(SERVICES))
      root.write(`/etc/systemd/system/${name}.service`, `[Service]\n${text}\n`);
  });
  if (!machine) return;
  await machine.booted();
  await machine.sh(`
    cp /bin/sleep /opt/rclone
    touch /srv/mounted.env && mount --bind /srv/mounted.env /srv/mounted.env
    ip route add prohibit 169.254.169.254
    systemctl start ${Object.keys(SERVICES).join(' ')}`);

  const wrong = await examine(machine);
  assert.deepEqual(wrong.found.toSorted(), WRONG.toSorted());
  assert.deepEqual([wrong.unseen, wrong.code], [[], 78]);
  assert.equal(await machine.sh('systemctl is-active killed'), 'active');
  const checked = await examine(machine, [], 'check');
  for (const finding of ['/root/.aws/credentials sink-confined error', 'gone unit-missing error'])
    assert.ok(checked.found.includes(finding), checked.found.join('\n'));
  assert.notEqual(checked.code, 0);

  const others = await examine(machine, ['runuser', '-u', 'nobody', '--']);
  const places = others.unseen.map(({ subject }) => subject);
  assert.ok(places.includes('/root/.aws/credentials') && places.includes('lockdown'), places.join());

  await machine.sh(CURE);
  const isQuiet = async (): Promise<boolean> => (await machine.run(['credrotate', 'status'])).code === 0;
  await eventually('everybody is notified', isQuiet);
  const cured = await examine(machine);
  assert.deepEqual(cured.found, [
    'profile unit-cannot-reload note',
    'killed unit-cannot-reload note',
    'metadata service endpoint-open note',
  ]);
  assert.deepEqual([cured.unseen, cured.code], [[], 0]);
  assert.deepEqual(await examine(machine, [], 'check'), { found: [], unseen: [], code: 0 });

  const checkCode = async (): Promise<number> => (await machine.run(['credrotate', 'status', '--check'])).code;
  const reload = ['systemctl', 'reload', 'credrotate'];
  machine.write('/etc/credrotate/conf.d/typo.yaml', 'sinks: {\n');
  assert.notEqual((await machine.run(reload)).code, 0);
  assert.match(await machine.journal('credrotate'), /\/conf\.d\/typo\.yaml:\d+:\d+: /);
  assert.deepEqual([await checkCode(), await machine.sh('systemctl is-active credrotate')], [1, 'active']);
  await machine.sh('rm /etc/credrotate/conf.d/typo.yaml');
  assert.deepEqual([(await machine.run(reload)).code, await checkCode()], [0, 0]);

  const asNobody = (...args: readonly string[]) =>
    machine.run(['runuser', '-u', 'nobody', '--', 'credrotate', ...args]);
  const theirs = /^agent +the host's, in \/run\/credrotate$/m;
  const own = /^agent +your own \(uid 65534\), in \S+; for the host's: sudo credrotate$/m;
  for (const [command, whose] of Object.entries({ status: theirs, doctor: theirs, check: own, plan: own })) {
    const { stdout, stderr } = await asNobody(command);
    assert.match(stdout, whose, `${command}: ${stdout}${stderr}`);
  }
  const { stdout, code } = await asNobody('status', '--check');
  assert.deepEqual([stdout.slice(0, 15), code], ['CREDROTATE OK -', 0], stdout);
  const refresh = await asNobody('refresh');
  assert.match(refresh.stderr, /uid 65534 has asked for its own; for the host's: sudo credrotate refresh/);
});
