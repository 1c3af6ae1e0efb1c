import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { openSite, said, type Site } from '../support/agent.ts';
import { eventually } from '../support/eventually.ts';
import { assertNoSecret } from '../support/secrets.ts';
import { hasTool } from '../support/tools.ts';
import { troubleHost } from './troubled-host.ts';

/** With CREDROTATE_GOLDEN=write the transcripts are made again, to be looked at. */
const isWriting = process.env['CREDROTATE_GOLDEN'] === 'write';
const COLUMNS = 80;

/** As long as the real one, so that lines end where they do for the administrator of that place. */
const SITE = '/srv/www/web-server/current';
process.env['TMPDIR'] = '/tmp';

/** Root has a transcript of its own where it sees or owns more. */
const asUser = (name: string): string => (process.geteuid?.() === 0 ? `${name}-root` : name);

/** Command lines as they would be typed; `CONFIG` stands for the option that names the configuration. */
interface Transcript {
  readonly commands: readonly string[];
  readonly metadata?: Parameters<typeof openSite>[1];
  readonly config?: (site: Site, t: TestContext) => object | Promise<object>;
  readonly prepare?: (site: Site) => Promise<void> | void;
  /** As many lines of each output as are shown. */
  readonly lines?: number;
  /** What it says when there is no more to come, before somebody presses Ctrl-C. */
  readonly until?: RegExp;
}

const two = (site: Site): object => ({
  sinks: [
    { path: site.path('app.env'), format: 'dotenv', mode: '0640' },
    { path: site.path('iam.json'), format: 'json' },
  ],
});

const full = (site: Site): object => ({
  sinks: [{ path: site.path('app.env'), format: 'dotenv', mode: '0640', notify: ['web', 'legacy', 'hook'] }],
  consumers: {
    web: { type: 'exec', command: ['/bin/true'] },
    legacy: { type: 'signal', signal: 'SIGHUP', pid_file: '/run/no-legacy.pid' },
    hook: { type: 'exec', command: ['/bin/true'], when: 'expiring' },
  },
});

const hasRun = async (site: Site): Promise<void> => {
  writeFileSync(site.path('app.env'), 'DATABASE_URL=postgres://localhost\n', { mode: 0o640 });
  // As the credentials do, it ends half a minute before what is shown of it changes.
  assert.equal((await site.run(['once', '--every', '21570s', ...site.configure(two(site))])).code, 0);
};

/** A directory that is to be made, and one that others may change. */
const troubled = (site: Site): object => {
  mkdirSync(site.path('open'));
  chmodSync(site.path('open'), 0o777);
  const sinks = ['none/iam.json', 'open/iam.json'].map((name) => ({ path: site.path(name), format: 'json' }));
  return { sinks };
};

const besideAgent = async (site: Site): Promise<void> => {
  await said(site.start(['run', ...site.configure(two(site))]), /keeps 2 sinks fresh/);
  await eventually(
    'the first pass is over',
    () => existsSync(site.path('run/status.json')) && site.state().includes('"key'),
  );
  site.metadata.rotate();
};

const TRANSCRIPTS: Readonly<Record<string, Transcript>> = {
  once: { commands: ['once CONFIG', 'once CONFIG'], config: two },
  check: { commands: ['check CONFIG'], config: full },
  'check-troubled': { commands: ['check CONFIG', 'once CONFIG'], config: troubled },
  plan: { commands: ['plan CONFIG', 'plan CONFIG --bogus'], config: full },
  run: { commands: ['run CONFIG'], config: two, until: /rotation 1/ },
  status: { commands: ['status', 'status --check'], prepare: hasRun, metadata: { lifetime: 21_570_000 } },
  'status-without': { commands: ['status', 'status --check'] },
  exec: { commands: ['exec -- printenv AWS_CREDENTIAL_EXPIRATION', 'exec -- false', 'exec no-such-program'] },
  simulate: { commands: ['simulate --port 0'], until: /export/ },
  refresh: { commands: ['refresh', 'refresh'], prepare: besideAgent },
  'refresh-alone': { commands: ['refresh'] },
  forget: {
    commands: ['forget --all --dry-run CONFIG', 'forget --all CONFIG', 'forget CONFIG'],
    config: two,
    prepare: hasRun,
  },
  get: { commands: ['get meta-data/instance-id', 'get meta-data/iam/security-credentials/', 'get none'] },
  export: { commands: ['export --format env-no-export', 'export --format process'] },
  doctor: { commands: ['doctor CONFIG'], config: troubleHost, metadata: { v1: true } },
  [asUser('lockdown')]: { commands: ['lockdown status CONFIG'], config: two },
  [asUser('harden')]: { commands: ['harden --dry-run CONFIG'], config: two },
  init: { commands: ['init --dotenv /etc/myapp/aws.env --reload myapp -o -'] },
  explain: { commands: ['explain IMDS_NO_ROLE', 'explain 77', 'explain SINK_UNSAFE'] },
  'config-schema': { commands: ['config schema'], lines: 12 },
  version: { commands: ['-V'] },
  usage: { commands: ['stauts', `once --config ${SITE}/none.yaml`] },
};

/** What doctor means to be copied, lines of the log, and the one line of a plugin. */
const WHOLE: Readonly<Record<string, RegExp>> = {
  doctor: /^ {10}\w/,
  run: /^(\^C)?MOMENT /,
  status: /^CREDROTATE /,
  'status-without': /^CREDROTATE /,
};

/** With a command, which is copied. */
const HINT = /^ *hint: .*\bsudo /;

/** On a terminal of that width, without colours. The output, where secrets may be, comes in a file. */
function onTerminal(path: string): readonly string[] {
  return ['/bin/sh', '-c', `exec script -qec "stty cols ${COLUMNS} rows 24; exec $*" /dev/null > "$0"`, path];
}

/** What differs from run to run and from machine to machine has names instead. */
function steady(site: Site, text: string): string {
  const { accessKeyId, secretAccessKey, token } = site.metadata.current();
  return (
    text
      .replaceAll('\r\n', '\n')
      .replaceAll(site.directory, SITE)
      .replaceAll(/http:\/\/127\.0\.0\.1:\d{5}/g, 'http://127.0.0.1:41000')
      .replaceAll(accessKeyId, 'KEY-ID')
      .replaceAll(secretAccessKey, 'SECRET')
      .replaceAll(token, 'TOKEN')
      .replaceAll(/…\w{4}\b/g, '…TAIL')
      .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'MOMENT')
      .replaceAll(/expires in [^;,]+/g, 'expires in LIFE')
      .replaceAll(/\bpid \d+/g, 'pid PID')
      .replaceAll(/\b\d+ s ago/g, 'SOON ago')
      .replaceAll(/(nobody will make one|not up to date) for \d+ s\b/g, '$1')
      .replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d UTC/g, 'MOMENT')
      .replaceAll(/expiry=\d+s/g, 'expiry=SECONDS')
      .replaceAll(/(\bcredrotate |by version )\d+\.\d+\.\d+[^\s,]*/g, '$1VERSION')
      // The rules of this host, and what only root sees.
      .replace(/^note {4}metadata service[^]*?\n\n/m, '')
      .replace(/^not looked at[^]*?\n\n/m, '')
      .replace(/, 1 note$/m, '')
      .replaceAll(/^\d+\.\d+\.\d+\S*$/gm, 'VERSION')
  );
}

async function transcribe(t: TestContext, transcript: Transcript): Promise<string> {
  const { commands, metadata, config, prepare, lines } = transcript;
  const site = await openSite(t, metadata);
  assert.equal(site.directory.length, SITE.length);
  await prepare?.(site);
  const option = config ? site.configure(await config(site, t)).join(' ') : '';
  const parts: string[] = [];
  for (const command of commands) {
    const args = command.replace('CONFIG', option).replaceAll(SITE, site.directory).split(' ');
    const { code, text } = await runOnTerminal(site, args, transcript);
    if (!/^(export|get)/.test(command)) assertNoSecret(command, text);
    const ending = (some: string): string => (some === '' || some.endsWith('\n') ? some : `${some}\n`);
    const shown = lines === undefined ? text : text.split('\n', lines).join('\n');
    parts.push(`$ credrotate ${args.join(' ')}\n${ending(shown)}=> ${String(code)}\n`);
  }
  return steady(site, parts.join('\n'));
}

async function runOnTerminal(
  site: Site,
  args: readonly string[],
  { until }: Transcript,
): Promise<{ readonly code: number | null; readonly text: string }> {
  const path = site.path('out');
  const read = (): string => (existsSync(path) ? readFileSync(path, 'utf8') : '');
  const stdio = until ? (['pipe', 'pipe', 'pipe'] as const) : undefined;
  const running = site.start(args, {
    through: onTerminal(path),
    env: { TERM: 'dumb' },
    ...(stdio && { stdio: [...stdio] }),
  });
  if (until) {
    await eventually(String(until), () => until.test(read()));
    running.process.stdin?.write('\u0003');
  }
  const { code, stderr } = await running.ended;
  assert.equal(stderr, '');
  return { code, text: read() };
}

describe('transcripts', { concurrency: 3 }, () => {
  for (const [name, transcript] of Object.entries(TRANSCRIPTS)) {
    test(name, async (t) => {
      const missing = ['script', ...(name.startsWith('lockdown') ? ['nft'] : [])].filter((tool) => !hasTool(tool));
      if (missing.length > 0) {
        t.skip(`needs ${missing.join(', ')}`);
        return;
      }
      const text = await transcribe(t, transcript);
      const path = join(import.meta.dirname, 'golden', `${name}.txt`);
      if (isWriting) writeFileSync(path, text);
      assert.equal(text, readFileSync(path, 'utf8'));
      const isWhole = (line: string): boolean => HINT.test(line) || (WHOLE[name]?.test(line) ?? false);
      const long = text.split('\n').filter((line) => line.length > COLUMNS && !isWhole(line));
      assert.deepEqual(long, []);
    });
  }
});
