import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { defaultConfig } from '../../src/config/assemble.ts';
import type { SystemdConsumer } from '../../src/core/config.ts';
import type { ConsumerFacts, Unseen } from '../../src/doctor/contract.ts';
import { lookAtConsumers } from '../../src/doctor/look/consumers.ts';
import { SAMPLE, type LookDeps } from '../../src/doctor/look/deps.ts';
import { lookAtSinks } from '../../src/doctor/look/sinks.ts';
import { renderSink } from '../../src/sinks/formats/render.ts';
import { realDeps, startSleep } from '../support/consumer.ts';
import { fakeHost } from '../support/fake-tool-consumer.ts';
import { limit } from '../support/limits.ts';
import { sinkAt, sinkDeps } from '../support/sinks.ts';

const APP: SystemdConsumer = {
  name: 'app',
  type: 'systemd',
  when: 'auto',
  unit: 'app.service',
  action: 'try-reload-or-restart',
  signal: 'SIGHUP',
  handlesSignal: false,
};

interface Site {
  readonly deps: LookDeps;
  readonly directory: string;
  readonly unseen: readonly Unseen[];
}

/** A host whose systemctl shows one unit. */
function openSite(t: TestContext, unit: string, consumer: Partial<SystemdConsumer> = {}, exitCode = 0): Site {
  const { host, directory, install } = fakeHost(t);
  writeFileSync(join(directory, 'unit'), unit.replaceAll('$DIR', directory));
  install('systemctl', `case $* in *" show "*) cat $DIR/unit; exit ${exitCode};; esac; exit 9`);
  const unseen: Unseen[] = [];
  const sinks = [sinkAt(join(directory, 'sink.env'), { notify: ['app'] })];
  const deps: LookDeps = {
    sinks: sinkDeps({ render: renderSink }),
    notify: realDeps({ host }),
    config: { ...defaultConfig(), sinks, consumers: [{ ...APP, ...consumer }] },
    signal: AbortSignal.timeout(limit(30_000)),
    miss: (one) => unseen.push(one),
  };
  return { deps, directory, unseen };
}

async function look(site: Site): Promise<ConsumerFacts> {
  const [facts] = await lookAtConsumers(site.deps);
  assert.ok(facts);
  return facts;
}

const UNIT = `\
Restart=on-failure
CanReload=yes
LoadState=loaded
MainPID=0
Environment=LANG=C "AWS_PROFILE=with blanks" AWS_ACCESS_KEY_ID=hidden-id PATH_AWS_PROFILE=no
EnvironmentFiles=$DIR/sink.env (ignore_errors=no)
EnvironmentFiles=$DIR/more.env (ignore_errors=yes)
EnvironmentFiles=$DIR/absent.env (ignore_errors=yes)
`;

describe('what is seen of a consumer', () => {
  test('a unit: how it reloads, its environment and its files', async (t) => {
    const site = openSite(t, UNIT);
    const more = join(site.directory, 'more.env');
    writeFileSync(join(site.directory, 'sink.env'), 'AWS_ACCESS_KEY_ID=x\n');
    writeFileSync(
      more,
      '# AWS_PROFILE=comment\nAWS_SHARED_CREDENTIALS_FILE="/srv/keys"\nAWS_SESSION_TOKEN=hidden-token\n',
    );
    const { unit, notifiedBy, processes } = await look(site);
    assert.deepEqual([notifiedBy, processes, site.unseen], ['reload', [], []]);
    assert.deepEqual([unit?.canReload, unit?.restart, unit?.isThere], [true, 'on-failure', true]);
    assert.deepEqual(unit?.environment, [
      { name: 'AWS_PROFILE', from: 'Environment=', value: 'with blanks' },
      { name: 'AWS_ACCESS_KEY_ID', from: 'Environment=' },
      { name: 'AWS_ACCESS_KEY_ID', from: join(site.directory, 'sink.env') },
      { name: 'AWS_SHARED_CREDENTIALS_FILE', from: more, value: '/srv/keys' },
      { name: 'AWS_SESSION_TOKEN', from: more },
    ]);
    assert.equal(unit.environmentFiles.length, 3);
    assert.doesNotMatch(JSON.stringify(unit), /hidden/);
  });

  test('a file of anybody that was made to be slow to read', async (t) => {
    const site = openSite(t, UNIT);
    writeFileSync(join(site.directory, 'more.env'), `AWS_PROFILE=a${' '.repeat(500_000)}b\n`);
    const since = performance.now();
    const { unit } = await look(site);
    assert.ok(unit?.environment.some(({ value }) => value?.length === 500_002));
    assert.ok(performance.now() - since < limit(5_000));
  });

  test('a unit that is notified by a restart, since it cannot reload', async (t) => {
    assert.equal((await look(openSite(t, 'LoadState=loaded\nCanReload=no\n'))).notifiedBy, 'restart');
  });

  test('a unit that is not there', async (t) => {
    const { unit } = await look(openSite(t, 'LoadState=not-found\nCanReload=no\n'));
    assert.equal(unit?.isThere, false);
  });

  test('what its main process would do with the signal', async (t) => {
    const { pid } = await startSleep(t);
    const site = openSite(t, `LoadState=loaded\nMainPID=${pid}\n`, { action: 'kill' });
    const { processes, trouble } = await look(site);
    assert.deepEqual([processes[0]?.pid, processes[0]?.program], [pid, 'sleep']);
    assert.deepEqual([processes[0]?.error?.code, trouble], ['CONSUMER_WOULD_DIE', undefined]);
  });

  test('nothing where systemctl gives no answer, which is said', async (t) => {
    const site = openSite(t, '', {}, 1);
    const { unit } = await look(site);
    assert.equal(unit, undefined);
    assert.ok(site.unseen.some(({ subject }) => subject === 'app.service'));
  });

  test("the confinement of the agent's own unit", async (t) => {
    const site = openSite(t, 'LoadState=loaded\nProtectSystem=strict\nReadWritePaths=/var/lib/other\n');
    const [sink] = await lookAtSinks(site.deps, { credentials: SAMPLE, origin: {} });
    assert.equal(sink?.closedBy, 'ProtectSystem=strict');
    const open = openSite(t, 'LoadState=loaded\nProtectSystem=strict\nReadWritePaths=$DIR\n');
    const [other] = await lookAtSinks(open.deps, { credentials: SAMPLE, origin: {} });
    assert.ok(other && !('closedBy' in other));
  });
});
