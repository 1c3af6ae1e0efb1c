import { spawnSync } from 'node:child_process';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { timeCommands, type Command } from '../measure.ts';
import type { Row } from '../rows.ts';
import type { Setting } from '../setting.ts';
import { Site } from '../site.ts';

const GROUP = 'whole processes';
const NAIVE = join(import.meta.dirname, '..', 'naive.sh');
/** What the naive script runs. */
const TOOLS = ['/usr/bin/curl', '/usr/bin/wget', '/usr/bin/jq', '/bin/chmod', '/bin/sh'];

/** `once` and the other commands beside the script that people have today, and beside Node itself. */
export async function startupRows(setting: Setting): Promise<Row[]> {
  return [
    ...(await warmRows(setting)),
    ...(await keptRows(setting)),
    ...(await coldRows(setting)),
    ...(await awsRows(setting)),
    ...(await commandRows(setting)),
  ];
}

async function warmRows(setting: Setting): Promise<Row[]> {
  const { site } = setting;
  const once = onceCommand(setting);
  const rotate = (): Promise<void> => site.rotate();
  const times = await timeCommands({
    naive: naiveCommand(setting),
    written: { ...once, before: rotate },
    first: {
      ...once,
      before: () => {
        site.fresh('once/state');
      },
    },
    unchanged: once,
    bundle: { ...once, argv: [setting.node, setting.plainBundle, ...once.argv.slice(1)], before: rotate },
  });
  const row = (name: string, ours: Row['ours'], more: Partial<Row> = {}): Row => {
    return { group: GROUP, name, unit: 'ms', ours, against: { name: 'naive script', value: times.naive }, ...more };
  };
  return [
    row('once, three sinks written', times.written, { budget: { of: 'ratio', limit: 1, aim: 0.85 } }),
    row('once, nothing changed', times.unchanged),
    row('once, without state', times.first),
    row('once, a plain bundle on Node', times.bundle),
  ];
}

/** Beside a service that keeps its connections. */
async function keptRows(setting: Setting): Promise<Row[]> {
  await using site = await Site.open('keep');
  const kept = { ...setting, site };
  const { naive, ours } = await timeCommands({
    naive: naiveCommand(kept),
    ours: { ...onceCommand(kept), before: () => site.rotate() },
  });
  const against = { name: 'naive script, same service', value: naive };
  return [{ group: GROUP, name: 'once, connections kept', unit: 'ms', ours, against }];
}

async function coldRows(setting: Setting): Promise<Row[]> {
  const { site } = setting;
  // What still runs, as the double of the service does, stays in the page cache.
  const executable = join(site.directory, 'copy');
  copyFileSync(setting.executable, executable);
  const tools = [...TOOLS, ...librariesOf(TOOLS)];
  const times = await timeCommands({
    naive: {
      ...naiveCommand(setting),
      before: () => {
        evict(tools);
      },
    },
    ours: {
      ...onceCommand({ ...setting, executable }),
      before: async () => {
        await site.rotate();
        evict([executable]);
      },
    },
  });
  const against = { name: 'naive script, cold', value: times.naive };
  return [{ group: GROUP, name: 'once, from a cold page cache', unit: 'ms', ours: times.ours, against }];
}

async function awsRows(setting: Setting): Promise<Row[]> {
  const { site, aws } = setting;
  if (aws === undefined) {
    console.error('bench: no AWS CLI (package awscli, or its path in AWS_CLI): its row is left out');
    return [];
  }
  // Its version 2.9 puts the path behind the endpoint as it is.
  const env = { ...site.env('aws'), AWS_EC2_METADATA_SERVICE_ENDPOINT: `${site.endpoint}/` };
  const times = await timeCommands({
    aws: { argv: [aws, 'configure', 'list'], env, isPeer: true },
    ours: { ...onceCommand(setting), before: () => site.rotate() },
  });
  const against = { name: 'aws CLI', value: times.aws };
  const budget = { of: 'ratio', limit: 0.3 } as const;
  return [{ group: GROUP, name: 'once, three sinks written', unit: 'ms', ours: times.ours, against, budget }];
}

async function commandRows(setting: Setting): Promise<Row[]> {
  const { executable, node } = setting;
  const { argv, env } = onceCommand(setting);
  const config = argv.slice(-2);
  const { node: bare, ...commands } = await timeCommands({
    node: { argv: [node, '-e', '0'] },
    '--version': { argv: [executable, '--version'], ...(env && { env }) },
    check: { argv: [executable, 'check', ...config], ...(env && { env }) },
    'check --config-only': { argv: [executable, 'check', '--config-only', ...config], ...(env && { env }) },
    status: { argv: [executable, 'status'], ...(env && { env }) },
  });
  const against = { name: 'node -e 0', value: bare };
  return Object.entries(commands).map(([name, ours]) => ({ group: GROUP, name, unit: 'ms', ours, against }));
}

function naiveCommand({ site }: Setting): Command {
  return { argv: ['/bin/sh', NAIVE, site.endpoint, site.fresh('naive')], isPeer: true };
}

function onceCommand({ site, executable }: Setting): Command {
  const directory = site.fresh('once/sinks');
  const config = site.write('once.yaml', {
    sinks: [
      { path: join(directory, 'credentials'), format: 'aws-credentials' },
      { path: join(directory, 'app.env'), format: 'dotenv' },
      { path: join(directory, 'iam.json'), format: 'json' },
    ],
  });
  // As from a cron line: else `status` says that nobody makes the next pass, and ends with 75.
  return { argv: [executable, 'once', '--every', '5m', '--config', config], env: site.env('once') };
}

/** But for those that every program has, and that some program runs with at any time. */
function librariesOf(programs: readonly string[]): string[] {
  const { stdout } = spawnSync('/usr/bin/ldd', programs, { encoding: 'utf8' });
  return [...new Set(stdout.matchAll(/=> (\/\S+)/g).map(([, path = '']) => path))];
}

/** Takes files out of the page cache, but for pages that a running program has mapped. */
function evict(paths: readonly string[]): void {
  for (const path of paths) {
    const { status, stderr } = spawnSync('/bin/dd', [`if=${path}`, 'iflag=nocache', 'count=0', 'status=none']);
    if (status !== 0) throw new Error(`${path}: expected to be evicted from the page cache: ${String(stderr)}`);
  }
}
