import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { openSite, said, type Site } from '../support/agent.ts';
import { eventually } from '../support/eventually.ts';
import { outOfSight } from '../support/out-of-sight.ts';
import { assertNoSecret } from '../support/secrets.ts';
import { hasTool } from '../support/tools.ts';

/** With CREDROTATE_GOLDEN=write the transcripts are made anew, to be looked at. */
const isWriting = process.env['CREDROTATE_GOLDEN'] === 'write';
const COLUMNS = 80;

/** Root has a transcript of its own where it sees or owns more. */
const asUser = (name: string): string => (process.geteuid?.() === 0 ? `${name}-root` : name);

/** Command lines as they would be typed; `CONFIG` stands for the option that names the configuration. */
interface Transcript {
  readonly commands: readonly string[];
  readonly config?: (site: Site) => object;
  readonly prepare?: (site: Site) => Promise<void> | void;
  /** As many lines of each output as are shown. */
  readonly lines?: number;
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
    web: { type: 'systemd', unit: 'web.service' },
    legacy: { type: 'signal', signal: 'SIGHUP', pid_file: '/run/legacy.pid' },
    hook: { type: 'exec', command: ['/bin/true'], tell: 'expiring' },
  },
});

const hasRun = async (site: Site): Promise<void> => {
  writeFileSync(site.path('app.env'), 'DATABASE_URL=postgres://localhost\n', { mode: 0o640 });
  assert.equal((await site.run(['once', ...site.configure(two(site))])).code, 0);
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
  refresh: { commands: ['refresh', 'refresh'], prepare: besideAgent },
  'refresh-alone': { commands: ['refresh'] },
  forget: {
    commands: ['forget --all --dry-run CONFIG', 'forget --all CONFIG', 'forget CONFIG'],
    config: two,
    prepare: hasRun,
  },
  get: { commands: ['get meta-data/instance-id', 'get meta-data/iam/security-credentials/', 'get none'] },
  export: { commands: ['export --format env-no-export', 'export --format process'] },
  doctor: { commands: ['doctor CONFIG'], config: full },
  [asUser('lockdown')]: { commands: ['lockdown status CONFIG'], config: two },
  [asUser('harden')]: { commands: ['harden --dry-run CONFIG'], config: two },
  init: { commands: ['init --dotenv /etc/myapp/aws.env --reload myapp -o -'] },
  explain: { commands: ['explain IMDS_NO_ROLE', 'explain 77', 'explain SINK_UNSAFE'] },
  'config-schema': { commands: ['config schema'], lines: 12 },
  version: { commands: ['--version'] },
  usage: { commands: ['stauts', 'once --config /site/none.yaml'] },
};

/** An error keeps to one line, so that it can be searched for, wherever it came from. */
const WHOLE = /^(?:credrotate:| {10})?\s?[A-Z]+(?:_[A-Z]+)*: /;

/** What differs from run to run and from machine to machine has names instead. */
function steady(site: Site, text: string): string {
  const { accessKeyId, secretAccessKey, token } = site.metadata.current();
  return (
    text
      .replaceAll(site.directory, '/site')
      .replaceAll(site.metadata.url, 'http://simulator')
      .replaceAll(accessKeyId, 'KEY-ID')
      .replaceAll(secretAccessKey, 'SECRET')
      .replaceAll(token, 'TOKEN')
      .replaceAll(/…\w{4}\b/g, '…TAIL')
      .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'MOMENT')
      .replaceAll(/expires in [^;,]+/g, 'expires in LIFE')
      .replaceAll(/\bpid \d+/g, 'pid PID')
      .replaceAll(/^(credrotate )\d+\.\d+\.\d+\S*/gm, '$1VERSION')
      // The rules of this host, and what only root sees.
      .replace(/^note {4}metadata service[^]*?\n\n/m, '')
      .replace(/^not looked at[^]*?\n\n/m, '')
      .replace(/, 1 note(?= \(docs)/, '')
      .replaceAll(/^\d+\.\d+\.\d+\S*$/gm, 'VERSION')
  );
}

async function transcribe(site: Site, { commands, config, prepare, lines }: Transcript): Promise<string> {
  await prepare?.(site);
  const option = config ? site.configure(config(site)).join(' ') : '';
  const parts: string[] = [];
  for (const command of commands) {
    const args = command.replace('CONFIG', option).replaceAll('/site', site.directory).split(' ');
    const { code, stderr } = await site.run(args, { through: outOfSight(site.path('out')) });
    const text = readFileSync(site.path('out'), 'utf8');
    if (!/^(export|get)/.test(command)) assertNoSecret(command, text);
    const ending = (some: string): string => (some === '' || some.endsWith('\n') ? some : `${some}\n`);
    const shown = lines === undefined ? text : text.split('\n', lines).join('\n');
    parts.push(`$ credrotate ${args.join(' ')}\n${ending(shown)}${stderr}=> ${String(code)}\n`);
  }
  return steady(site, parts.join('\n'));
}

describe('transcripts', { concurrency: 3 }, () => {
  for (const [name, transcript] of Object.entries(TRANSCRIPTS)) {
    test(name, async (t) => {
      if (name.startsWith('lockdown') && !hasTool('nft')) {
        t.skip('needs nft');
        return;
      }
      const site = await openSite(t);
      const text = await transcribe(site, transcript);
      const path = join(import.meta.dirname, 'golden', `${name}.txt`);
      if (isWriting) writeFileSync(path, text);
      assert.equal(text, readFileSync(path, 'utf8'));
      assert.deepEqual(
        text.split('\n').filter((line) => line.length > COLUMNS && !WHOLE.test(line)),
        [],
      );
    });
  }
});
