import assert from 'node:assert/strict';
import { before, test, type TestContext } from 'node:test';
import { packageFast } from '../../scripts/package.ts';
import { blocksOf, pageOf, type Block } from '../support/pages.ts';
import { walk } from '../support/walk.ts';
import { eventually } from '../support/eventually.ts';
import { steps } from './boot-scene.ts';
import { openMachine, type Machine } from './machine.ts';
import { installMetadata, metadataOf } from './machine-metadata.ts';

/** The pages that lead through a task, word by word on a machine with systemd and the package. */

/** What an administrator of the pages has: an application with a unit, and users. */
const MYAPP = `[Service]
ExecStart=/bin/sleep infinity
ExecReload=/bin/true
`;

const OLD = { env: 'REGION=eu-central-1\nAWS_ACCESS_KEY_ID=AKIAOLDKEY1234567890\nAWS_SECRET_ACCESS_KEY=old\n' };
const STATIC = `# by hand
[default]
aws_access_key_id = AKIAOLDKEY1234567890
aws_secret_access_key = old
region = eu-central-1
`;

const BOTH = `sinks:
  - { path: /etc/myapp/aws.env, format: dotenv, notify: [myapp] }
  - { path: /root/.aws/credentials, format: aws-credentials, notify: [myapp] }
consumers: { myapp: { type: systemd, unit: myapp.service } }
`;

let deb: string;

before(async () => {
  ({ deb } = await packageFast());
});

/** A machine with the package in /root, and what `scene` makes of it; undefined where there can be none. */
async function openHost(t: TestContext, scene: string): Promise<Machine | undefined> {
  const machine = await openMachine(t, (root) => {
    installMetadata(root, '--lifetime 6h --role web-server');
    root.copyIn(deb, '/root');
    root.write('/usr/bin/sudo', '#!/bin/sh\nexec "$@"\n', 0o755);
    root.write('/etc/systemd/system/myapp.service', MYAPP);
  });
  await machine?.booted();
  await machine?.sh(`systemctl start myapp; ${scene}`);
  return machine;
}

/** Walks these blocks one after the other; no secret may ever be seen. */
async function walkOn(t: TestContext, machine: Machine, blocks: readonly Block[]): Promise<void> {
  assert.ok(blocks.length > 0);
  const step = steps(t, machine);
  const metadata = metadataOf(machine);
  await metadata.currentKey();
  const meanwhile: Readonly<Record<string, () => Promise<void>>> = {
    'new keys': metadata.rotate,
    reboot: async () => {
      await machine.reboot();
      await machine.booted();
    },
    // The files stand before any consumer is notified.
    'a moment': () =>
      eventually('every consumer is notified', async () => (await machine.run(['credrotate', 'status'])).code === 0),
  };
  for (const block of blocks) {
    await step(block.place, async () => {
      const happens = block.meanwhile === undefined ? undefined : meanwhile[block.meanwhile];
      assert.equal(happens === undefined, block.meanwhile === undefined, `no way to make happen: ${block.meanwhile}`);
      await happens?.();
      const shell = async (script: string): Promise<string> =>
        (await machine.run(['sh', '-c', `cd /root\n${script}`])).stdout;
      metadata.assertNoSecret(block.place, await walk(block, shell));
    });
  }
}

const INSTALL = 'dpkg -i /root/*.deb </dev/null';
const CONFIGURE = `${INSTALL}
mkdir -p /root/.aws /etc/myapp; printf '[other]\\nregion = x\\n' > /root/.aws/credentials; chmod 600 /root/.aws/credentials
cat > /etc/credrotate/credrotate.yaml <<END
${BOTH}END
systemctl enable --quiet --now credrotate`;

async function hasCurrentKey(machine: Machine, path: string): Promise<void> {
  const key = await metadataOf(machine).currentKey();
  await eventually(`${path} holds the current key`, () => machine.read(path).includes(key));
}

test('docs/getting-started.md', async (t) => {
  const machine = await openHost(t, 'groupadd myapp');
  if (!machine) return;
  const onEc2 = blocksOf([pageOf('getting-started.md')], 'console').filter(({ section }) => section !== 'Without EC2');
  await walkOn(t, machine, onEc2);
  await hasCurrentKey(machine, '/etc/myapp/credentials');
});

test('docs/migration.md', async (t) => {
  const machine = await openHost(t, `${INSTALL}; useradd --create-home alice; groupadd myapp; mkdir /etc/myapp`);
  if (!machine) return;
  machine.write('/etc/cron.d/aws-credentials', '* * * * * root /usr/local/sbin/fetch-keys\n');
  machine.write('/etc/myapp/aws.env', OLD.env);
  machine.write('/home/alice/.aws/credentials', STATIC, 0o600);
  await machine.sh(
    'chown root:myapp /etc/myapp/aws.env; chmod 640 /etc/myapp/aws.env; chown -R alice:alice /home/alice',
  );
  const blocks = blocksOf([pageOf('migration.md')], 'console');
  const under = (section: string): readonly Block[] => blocks.filter((block) => block.section === section);
  await walkOn(t, machine, under('From a cron script'));
  await hasCurrentKey(machine, '/etc/myapp/aws.env');
  assert.match(machine.read('/etc/myapp/aws.env'), /^REGION=eu-central-1$/m);
  await walkOn(t, machine, under('From keys that never change'));
  await hasCurrentKey(machine, '/home/alice/.aws/credentials');
  assert.match(machine.read('/home/alice/.aws/credentials'), /^# by hand$/m);
  await walkOn(t, machine, under('Back again'));
  assert.equal(machine.read('/home/alice/.aws/credentials'), STATIC);
});

test('docs/machine-images.md', async (t) => {
  const machine = await openHost(t, CONFIGURE);
  if (!machine) return;
  const blocks = blocksOf([pageOf('machine-images.md')], 'console');
  await walkOn(t, machine, blocks.slice(0, 1));
  assert.equal(machine.read('/root/.aws/credentials'), '[other]\nregion = x\n');
  await walkOn(t, machine, blocks.slice(1));
  await hasCurrentKey(machine, '/root/.aws/credentials');
  await t.test('and off', async () => {
    const off = blocksOf([pageOf('upgrade.md')], 'sh').find(({ section }) => section === 'Uninstall');
    await machine.sh(off?.text.replace('purge', 'purge -y') ?? 'false');
    assert.equal(
      await machine.sh('ls /etc/myapp; ls -d /var/lib/credrotate /usr/bin/credrotate 2>/dev/null || true'),
      '',
    );
  });
});

test('docs/upgrade.md and docs/timer.md', async (t) => {
  const machine = await openHost(t, CONFIGURE);
  if (!machine) return;
  const upgrade = blocksOf([pageOf('upgrade.md')], 'console');
  await walkOn(t, machine, upgrade);
  const [timer, cron, once] = blocksOf([pageOf('timer.md')], 'sh');
  await machine.sh(`set -e; groupadd myapp; mkdir -p /etc/cron.d\n${timer?.text}\n${cron?.text}`);
  // That of the timer may be at work.
  const isDone = async (): Promise<boolean> => (await machine.run(['sh', '-c', once?.text ?? 'false'])).code === 0;
  await eventually('the one-shot is done', isDone);
  await hasCurrentKey(machine, '/etc/myapp/aws.env');
  assert.equal(await machine.sh('systemctl is-active credrotate.timer'), 'active');
});

test('docs/non-root.md', async (t) => {
  const machine = await openHost(t, `${INSTALL}; useradd --create-home alice`);
  if (!machine) return;
  const page = pageOf('non-root.md');
  const [unit] = blocksOf([page], 'ini');
  machine.write('/home/alice/.config/systemd/user/credrotate.service', `${unit?.text ?? ''}\n`);
  // As pam_systemd does, which is not on this machine.
  const session = '[Service]\nEnvironment=XDG_RUNTIME_DIR=/run/user/%i\n';
  machine.write('/etc/systemd/system/user@.service.d/session.conf', session);
  await machine.sh('chown -R alice: /home/alice; systemctl daemon-reload; systemctl start "user@$(id -u alice)"');
  const asAlice = (block: Block): Block => {
    const script = block.text.replace(/^\$ (.*)$/gm, (_, command: string) => {
      const environment = 'HOME=/home/alice XDG_RUNTIME_DIR=/run/user/$(id -u alice)';
      return `$ runuser -u alice -- env ${environment} sh -c '${command}'`;
    });
    return { ...block, text: script };
  };
  await walkOn(t, machine, blocksOf([page], 'console').map(asAlice));
  await hasCurrentKey(machine, '/home/alice/.aws/credentials');
  assert.equal(await machine.sh('stat -c "%a %U" /home/alice/.aws/credentials'), '600 alice');
});

test('docs/after-a-leak.md', async (t) => {
  const machine = await openHost(t, CONFIGURE);
  if (!machine) return;
  await walkOn(t, machine, blocksOf([pageOf('after-a-leak.md')], 'console'));
  await hasCurrentKey(machine, '/etc/myapp/aws.env');
});

test('docs/applications.md: a format of your own', async (t) => {
  const machine = await openHost(t, `${INSTALL}; mkdir -p /etc/myapp /etc/hadoop/conf`);
  if (!machine) return;
  const inSection = pageOf('applications.md').blocks.filter(({ section }) => section === 'A format of your own');
  for (const [index, { text }] of inSection.filter(({ kind }) => kind === 'yaml').entries())
    machine.write(`/etc/credrotate/conf.d/${String(index)}.yaml`, `${text}\n`);
  await machine.sh('credrotate once');
  for (const file of ['/etc/myapp/settings.ini', '/etc/hadoop/conf/aws.xml']) await hasCurrentKey(machine, file);
  const read = 'import xml.dom.minidom as m; m.parse("/etc/hadoop/conf/aws.xml")';
  assert.equal(await machine.sh(`python3 -c '${read}'`), '');
});

test('docs: what other pages have one run', async (t) => {
  const machine = await openHost(t, `${INSTALL}; mkdir -p /usr/local/bin /var/lib/app; useradd --system cwagent`);
  if (!machine) return;
  const step = steps(t, machine);
  /** The words of a page as scripts, each of which ends with the first command that fails. */
  const runAll = async (page: string, elsewhere = /^$/): Promise<void> => {
    for (const { place, text } of blocksOf([pageOf(page)], 'sh').filter((block) => !elsewhere.test(block.text)))
      await step(place, async () => {
        await machine.sh(`set -e\n${text}`);
      });
  };
  const configure = async (page: string, ...sinks: readonly string[]): Promise<void> => {
    const [settings] = blocksOf([pageOf(page)], 'yaml');
    machine.write('/etc/credrotate/credrotate.yaml', `sinks: [${sinks.join()}]\n${settings?.text ?? ''}\n`);
    await machine.sh('credrotate once');
  };
  const noted = '#!/bin/sh\ntest -n "$AWS_SESSION_TOKEN" && ulimit -Sn > /root/limit\n';
  for (const path of ['/usr/bin/aws', '/usr/local/bin/backup']) machine.write(path, noted, 0o755);
  const sink = '{ path: /var/lib/app/aws.json, format: json }';
  await configure('lockdown.md', sink);
  await runAll('without-a-file.md');
  assert.equal(machine.read('/root/limit'), '1024\n');
  // The first makes the directory that the configuration names. promtool and jq are not on this machine.
  await machine.sh(blocksOf([pageOf('monitoring.md')], 'sh')[0]?.text ?? 'false');
  await configure('monitoring.md', sink);
  await runAll('monitoring.md', /promtool|jq/);
  assert.match(machine.read('/var/lib/node_exporter/textfile_collector/credrotate.prom'), /^credrotate_build_info/m);
  await configure('lockdown.md', sink);
  await runAll('lockdown.md');
  assert.match((await machine.run(['credrotate', 'lockdown', 'status'])).stdout, /^lockdown: off$/m);
});
