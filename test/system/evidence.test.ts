import assert from 'node:assert/strict';
import { chownSync, chmodSync, existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { Status } from '../../src/report/schema.ts';
import { openSite, type Ended, type Site } from '../support/agent.ts';
import { assertFiring, needsPromtool } from '../support/alerts.ts';
import { NOBODY, startProgram } from '../support/consumer.ts';
import { eventually } from '../support/eventually.ts';
import { hasOwnMounts, tmpfs } from './mounts.ts';

/** Told is not yet heard: who reads its file when it is signalled, who does not, and where nobody can know. */

const [library] = globSync('/usr/lib*/{*/,}faketime/libfaketimeMT.so.1');

/** By a wall clock that is so much ahead; of files it is not. */
const ahead = (by: string): NodeJS.ProcessEnv => ({ LD_PRELOAD: library, FAKETIME: by, NO_FAKE_STAT: '1' });

const REMOUNT = 'mount --bind "$0" "$0"; mount -o remount,bind,ro "$0"; exec "$@"';
const CONFINED = ['unshare', '--mount', '/bin/sh', '-c', REMOUNT];

const HEARD = 'while [ -d /proc/$PPID ]; do read line; done';

interface Cast {
  readonly name: string;
  readonly sink: string;
  readonly owner?: string | number;
  /** What it does on SIGHUP. */
  readonly on: (sink: string, mark: string) => string;
  readonly uid?: number;
  /** Sees the sink's directory through a read-only mount, as units with ProtectSystem= do. */
  readonly confined?: true;
}

const reads: Cast['on'] = (sink, mark) => `cat ${sink} > /dev/null; echo read > ${mark}`;
const ignores: Cast['on'] = (_sink, mark) => `echo caught > ${mark}`;

/** Starts a program that does so, and gives the consumer and the sink for the configuration. */
async function play(t: TestContext, site: Site, { name, sink, on, uid, confined, owner = uid }: Cast): Promise<object> {
  const mark = join(uid === undefined ? site.directory : join(sink, '..'), `${name}.mark`);
  const script = `trap '${on(sink, mark)}' HUP; echo ready; ${HEARD}`;
  const program = await startProgram(t, [...(confined ? [...CONFINED, dirname(sink)] : []), '/bin/sh', '-c', script], {
    ready: 'ready',
    ...(uid !== undefined && { uid }),
  });
  const pidFile = site.path(`${name}.pid`);
  writeFileSync(pidFile, String(program.pid));
  return {
    sink: { path: sink, format: 'dotenv', notify: [name], ...(owner !== undefined && { owner }) },
    consumer: { type: 'signal', pid_file: pidFile },
    mark,
  };
}

test('status, metrics and alert tell a consumer that reads from one that does not, and from one of which nobody knows', async (t) => {
  if (!hasOwnMounts(t)) return;
  if (library === undefined || needsPromtool) {
    t.skip('needs the packages faketime and prometheus');
    return;
  }
  const site = await openSite(t);
  chmodSync(site.directory, 0o755);
  mkdirSync(site.path('own'));
  mkdirSync(site.path('user'));
  chownSync(site.path('user'), NOBODY, NOBODY);
  const cast: readonly Cast[] = [
    { name: 'reader', sink: site.path('own/reader.env'), on: reads },
    { name: 'unread', sink: site.path('own/unread.env'), on: ignores },
    { name: 'blind', sink: join(tmpfs(t, 'noatime'), 'blind.env'), on: reads },
    { name: 'confined', sink: site.path('own/confined.env'), on: reads, confined: true },
    { name: 'user-reader', sink: site.path('user/reader.env'), on: reads, uid: NOBODY },
    { name: 'user-unread', sink: site.path('user/unread.env'), on: ignores, uid: NOBODY },
  ];
  const sinks: object[] = [];
  const consumers: Record<string, object> = {};
  const marks: string[] = [];
  for (const one of cast) {
    const { sink, consumer, mark } = (await play(t, site, one)) as { sink: object; consumer: object; mark: string };
    sinks.push(sink);
    marks.push(mark);
    consumers[one.name] = consumer;
  }
  mkdirSync(site.path('metrics'));
  const textfile = site.path('metrics/credrotate.prom');
  const config = site.configure({ sinks, consumers, metrics: { textfile } });

  const once = await site.run(['once', '--every', '5m', ...config]);
  assert.equal(once.code, 0, once.stdout + once.stderr);
  await eventually('all have caught it', () => marks.every((mark) => existsSync(mark)));
  const early = await site.run(['once', '--every', '5m', ...config]);
  assert.equal(early.code, 0, early.stdout);
  assert.deepEqual(deafOf(await site.run(['status', '--json'])), {
    reader: false,
    unread: undefined,
    blind: undefined,
    confined: undefined,
    'user-reader': false,
    'user-unread': undefined,
  });

  const env = ahead('+2m');
  assert.equal((await site.run(['once', '--every', '5m', ...config], { env })).code, 0);
  assert.deepEqual(deafOf(await site.run(['status', '--json'], { env })), {
    reader: false,
    unread: true,
    blind: undefined,
    confined: undefined,
    'user-reader': false,
    'user-unread': true,
  });
  const { code, stdout } = await site.run(['status'], { env });
  assert.equal(code, 0);
  assert.match(stdout, /\/own\/reader\.env\n.* read \d+ s after it was written\n/);
  assert.match(stdout, /\/own\/unread\.env\n.* not read since, as of the last pass\n/);
  const unknown = (why: string): RegExp =>
    new RegExp(`whether it was read cannot be known: ${why}\n`.replaceAll(' ', '\\s+'));
  assert.match(sectionOf(stdout, 'blind.env'), unknown('its mount notes no reads'));
  assert.match(sectionOf(stdout, 'own/confined.env'), unknown('reads of confined leave no trace'));
  assert.match(stdout, /\/user\/reader\.env\n.* read \d+ s after it was written\n/);
  assert.match(stdout, /^ {2}not_reading unread \(signal\)\n/m);
  const check = await site.run(['status', '--check'], { env });
  assert.match(
    check.stdout,
    /^CREDROTATE WARNING - .* unread: notified, but its files have not been read .* user-unread: notified, but its files/,
  );
  assert.equal(check.code, 1);
  const doctor = await site.run(['doctor', ...config], { env });
  const found = [...doctor.stdout.matchAll(/^warning (\S+) +consumer-not-reading$/gm)].map(([, name]) => name);
  assert.deepEqual([doctor.code, found.sort()], [78, ['unread', 'user-unread']], doctor.stdout);
  assertAlerts(site, readFileSync(textfile, 'utf8'));
});

/** What status says of a sink. */
function sectionOf(screen: string, path: string): string {
  const [first = ''] = screen.slice(screen.indexOf(`/${path}\n`)).split(/\n {2}\S/);
  return `${first}\n`;
}

function deafOf({ stdout }: Ended): Readonly<Record<string, boolean | undefined>> {
  const { consumers } = JSON.parse(stdout) as Status;
  return Object.fromEntries(consumers.map(({ name, notReading }) => [name, notReading]));
}

/** Had these numbers stood for a quarter of an hour, the two would be reported. */
function assertAlerts(site: Site, metrics: string): void {
  assert.match(metrics, /^credrotate_sink_read_timestamp_seconds\{path="\S+\/own\/unread\.env",part="\S+"\} 0$/m);
  assert.doesNotMatch(metrics, /^credrotate_sink_read_timestamp_seconds\{path="\S+\/(blind|confined)\.env"/m);
  const alerts = ['unread', 'user-unread'].map(
    (name) => `{alertname="CredrotateConsumerNotReading", consumer="${name}"}`,
  );
  assertFiring(site.directory, metrics, { minutes: 11, by: 'alertname, consumer', alerts });
}
