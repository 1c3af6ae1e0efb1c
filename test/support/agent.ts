import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { StatusReport } from '../../src/report/report.ts';
import { eventually } from './eventually.ts';
import { canRunHere, runHere } from './in-process.ts';
import { executable } from './product.ts';
import { assertNoSecret, assertNoSecretBelow, openMetadata, type Metadata } from './secrets.ts';
import { tempDir } from './temp-dir.ts';

/** The product as its users have it, run against a simulated metadata service in directories of its own. */

type Environment = Readonly<Record<string, string | undefined>>;

export interface RunOptions {
  /** Over the site's own; undefined takes a variable away. */
  readonly env?: Environment;
  readonly cwd?: string;
  /** Program and arguments that are to start the executable: `['setpriv', …]`. */
  readonly through?: readonly string[];
  readonly stdio?: StdioOptions;
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly process: ChildProcess;
  /** Both streams as far as they came. */
  readonly output: () => string;
  readonly ended: Promise<Ended>;
  /** Sends a signal and waits for the end. */
  readonly stop: (signal?: NodeJS.Signals) => Promise<Ended>;
}

export interface Site {
  /** Fresh, 0700. */
  readonly directory: string;
  readonly metadata: Metadata;
  readonly env: Environment;
  /** A path below the directory. */
  readonly path: (name: string) => string;
  /** Writes a configuration and gives the option that names it. YAML takes JSON. */
  readonly configure: (config: object | string) => readonly ['--config', string];
  /** Runs a command to its end: of the executable, or in this process where that makes no difference. */
  readonly run: (args: readonly string[], options?: RunOptions) => Promise<Ended>;
  /** Starts the executable; killed when the test ends. */
  readonly start: (args: readonly string[], options?: RunOptions) => Running;
  /** The text of state.json; empty while there is none. */
  readonly state: () => string;
}

export async function openSite(t: TestContext, options: Parameters<typeof openMetadata>[1] = {}): Promise<Site> {
  const metadata = await openMetadata(t, options);
  const processes: Running[] = [];
  t.after(async () => {
    await Promise.all(processes.map((one) => one.stop('SIGKILL')));
    inspect();
  });
  const directory = tempDir(t);
  const path = (name: string): string => join(directory, name);
  const env = environment(directory, metadata.url);
  const inspect = (): void => {
    for (const one of processes) assertNoSecret('output', one.output());
    for (const name of ['state', 'run']) assertNoSecretBelow(path(name));
  };
  const start: Site['start'] = (args, { through = [], ...rest } = {}) => {
    const running = launch([...through, executable, ...args], { ...rest, env: { ...env, ...rest.env } });
    processes.push(running);
    return running;
  };
  return {
    directory,
    metadata,
    env,
    path,
    start,
    configure: (config) => {
      writeFileSync(path('c.yaml'), typeof config === 'string' ? config : JSON.stringify(config));
      return ['--config', path('c.yaml')];
    },
    run: async (args, more = {}) => {
      const ended = canRunHere(args, more)
        ? await runHere(args, { ...env, ...more.env })
        : await start(args, more).ended;
      for (const name of ['stdout', 'stderr'] as const) assertNoSecret(name, ended[name]);
      inspect();
      return { signal: null, ...ended };
    },
    state: () => (existsSync(path('state/state.json')) ? readFileSync(path('state/state.json'), 'utf8') : ''),
  };
}

/** Nothing of the test's own environment: neither its AWS variables nor its service manager's. */
function environment(directory: string, endpoint: string): Environment {
  for (const name of ['state', 'run', 'home']) mkdirSync(join(directory, name), { mode: 0o700 });
  return {
    PATH: '/usr/bin:/bin',
    HOME: join(directory, 'home'),
    STATE_DIRECTORY: join(directory, 'state'),
    RUNTIME_DIRECTORY: join(directory, 'run'),
    AWS_EC2_METADATA_SERVICE_ENDPOINT: endpoint,
  };
}

function launch([program = '', ...args]: readonly string[], options: Omit<RunOptions, 'through'>): Running {
  const child = spawn(program, args, { cwd: '/', stdio: ['ignore', 'pipe', 'pipe'], ...options });
  const texts = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name]?.setEncoding('utf8').on('data', (text: string) => (texts[name] += text));
  const ended = once(child, 'close').then(() => ({ code: child.exitCode, signal: child.signalCode, ...texts }));
  return {
    process: child,
    output: () => texts.stdout + texts.stderr,
    ended,
    stop: (signal = 'SIGTERM') => {
      child.kill(signal);
      return ended;
    },
  };
}

/** What `--json` printed. */
export function reportOf({ stdout, stderr }: Ended): StatusReport {
  try {
    return JSON.parse(stdout) as StatusReport;
  } catch {
    throw new Error(`expected a report as JSON, got:\n${stdout}${stderr}`);
  }
}

/** Waits until a process has printed something. */
export async function said(running: Running, what: RegExp): Promise<void> {
  await eventually(String(what), () => what.test(running.output())).catch(() => {
    throw new Error(`expected ${String(what)} to be said, got:\n${running.output()}`);
  });
}
