import assert from 'node:assert/strict';
import { test } from 'node:test';
import { packageFast } from '../../scripts/package.ts';
import { CONFFILE, conffileDeb, configurationRpm, OLD_CONFFILE } from './boot-packages.ts';
import { becomesActive, CONFIG, installReader, readings, reads, SINK, steps } from './boot-scene.ts';
import { openMachine, type Machine } from './machine.ts';
import { installMetadata, metadataOf } from './machine-metadata.ts';

/** An administrator's, who wrote below what was there. */
const EDITED = OLD_CONFFILE.replace('sinks: []', CONFIG);

/** Whatever a package manager lays beside a file about which it would have liked to ask. */
const LEFT =
  'find /etc \\( -name "*.dpkg-*" -o -name "*.ucf-*" -o -name "*.rpmnew" -o -name "*.rpmsave" -o -name "*.rpmorig" \\)';

interface Way {
  readonly kind: string;
  readonly earlier: string;
  readonly now: string;
  readonly install: string;
  readonly downgrade: string;
  /** Gives one line that says that all of it is done. */
  readonly status: string;
  readonly isInstalled: string;
  readonly forget: string;
}

/** No terminal, and nobody who could answer. */
const alone = (command: string): string => `setsid timeout 100 ${command} <&- 2>&1`;
const APT = 'apt-get --yes -o Acquire::Retries=0';
const RPM = 'rpm --dbpath /var/lib/rpm';

const debWay = (earlier: string, now: string): Way => ({
  kind: '.deb',
  earlier,
  now,
  install: `${APT} install --reinstall`,
  downgrade: `${APT} --allow-downgrades install`,
  status: `dpkg-query --show --showformat='\${Status}' credrotate`,
  isInstalled: 'install ok installed',
  forget: 'dpkg --purge credrotate',
});

const rpmWay = (earlier: string, now: string): Way => ({
  kind: '.rpm',
  earlier,
  now,
  install: `${RPM} --nodeps --force-debian --force -U`,
  downgrade: `${RPM} --nodeps --force-debian --oldpackage -U`,
  status: `${RPM} -q --queryformat '%{NAME}\n' credrotate`,
  isInstalled: 'credrotate',
  forget: `${RPM} -e credrotate; rm -rf /etc/credrotate /var/lib/credrotate`,
});

test('upgrades', async (t) => {
  const { deb, rpm } = await packageFast();
  const [oldDeb, oldRpm] = await Promise.all([conffileDeb(t, deb), configurationRpm(t, rpm)]);
  const inside: string[] = [];
  const machine = await openMachine(t, (root) => {
    installMetadata(root, '--lifetime 6h');
    installReader(root);
    for (const file of [oldDeb, deb, oldRpm, rpm]) inside.push(root.copyIn(file, '/opt'));
  });
  if (!machine) return;
  await machine.booted();
  await machine.sh('systemctl enable --quiet --now reader');
  const [a = '', b = '', c = '', d = ''] = inside;
  for (const way of [debWay(a, b), rpmWay(c, d)]) await walk(steps(t, machine), machine, way);
});

async function walk(step: ReturnType<typeof steps>, machine: Machine, way: Way): Promise<void> {
  const { sh } = machine;
  const metadata = metadataOf(machine);
  const last4 = async (): Promise<string> => (await metadata.currentKey()).slice(-4);
  const isWhole = async (): Promise<void> => {
    assert.equal(await sh(way.status), way.isInstalled);
    assert.equal(await sh(LEFT), '');
  };
  const keepsOn = async (): Promise<void> => {
    await isWhole();
    assert.equal(machine.read(CONFFILE), EDITED);
    await becomesActive(machine);
    assert.match(await sh('credrotate check'), /^\/etc\/credrotate\/credrotate\.yaml: ok, 1 sink, 1 consumer$/m);
  };

  await step(`${way.kind}: an edited configuration of 0.1.0 stays in force, and nobody is asked`, async () => {
    await sh(alone(`${way.downgrade} ${way.earlier}`));
    machine.write(CONFFILE, EDITED);
    await sh(`rm -f ${SINK}`);
    const known = await readings(machine);
    await sh('systemctl enable --quiet --now credrotate');
    await reads(machine, known, `reload ${await last4()}`);
    await sh(alone(`${way.install} ${way.now}`));
    await keepsOn();
  });

  await step(`${way.kind}: installed again it is the same`, async () => {
    await sh(alone(`${way.install} ${way.now}`));
    await keepsOn();
  });

  await step(`${way.kind}: a state of another version is set aside, and everybody is notified once`, async () => {
    await sh('systemctl stop credrotate');
    await sh(`sed -i 's/"version": *[0-9]*/"version":99/' /var/lib/credrotate/state.json`);
    const known = await readings(machine);
    await sh(alone(`${way.install} ${way.now}`));
    await sh('systemctl start credrotate');
    await reads(machine, known, `reload ${await last4()}`);
    await sh('credrotate refresh; ls /var/lib/credrotate/state.json.unusable-*');
    assert.deepEqual((await readings(machine)).slice(known.length), [`reload ${await last4()}`]);
  });

  await step(`${way.kind}: one that nobody edited goes, and what is in conf.d counts`, async () => {
    await sh(`systemctl disable --quiet --now credrotate; ${way.forget}`);
    await sh(alone(`${way.downgrade} ${way.earlier}`));
    assert.equal(machine.read(CONFFILE), OLD_CONFFILE);
    machine.write('/etc/credrotate/conf.d/sinks.yaml', CONFIG);
    await sh(`systemctl enable --quiet --now credrotate; ${alone(`${way.install} ${way.now}`)}`);
    await isWhole();
    assert.equal(await sh('ls -A /etc/credrotate /etc/credrotate/conf.d'), listing('conf.d', 'sinks.yaml'));
    await becomesActive(machine);
    assert.ok((await sh(`cat ${SINK}`)).includes(await metadata.currentKey()));
  });

  await step(`${way.kind}: back to the earlier version, and on again`, async () => {
    await sh(alone(`${way.downgrade} ${way.earlier}`));
    await isWhole();
    await sh(alone(`${way.install} ${way.now}`));
    await isWhole();
    await becomesActive(machine);
    await sh(`systemctl disable --quiet --now credrotate; ${way.forget}`);
  });
}

function listing(above: string, below: string): string {
  return `/etc/credrotate:\n${above}\n\n/etc/credrotate/conf.d:\n${below}`;
}
