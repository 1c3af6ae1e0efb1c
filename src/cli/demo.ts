import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Command } from 'commander';
import type { Run, World } from '../agent/world.ts';
import { EXIT, type ExitCode } from '../core/exit.ts';
import { createSimulator, type Simulator } from '../simulator/simulator.ts';

export function addDemo(program: Command, run: Run): void {
  program
    .command('demo')
    .summary('see it work: half a minute, on this machine alone')
    .description('Show the keys change twice: a simulated metadata service, three files and a program that reloads.')
    .action(() => run(demo));
}

const ROTATIONS = 2;
const ROTATE_EVERY = 9_000;
const LIMIT_MS = 60_000;

interface Stage {
  readonly directory: string;
  readonly simulator: Simulator;
  /** Starts a program whose lines are shown under a name. */
  readonly start: (who: string, command: readonly string[], onLine?: (line: string) => void) => Player;
  readonly say: (who: string, line: string) => void;
}

async function demo(world: World): Promise<ExitCode> {
  const directory = await mkdtemp(join(tmpdir(), 'credrotate-demo-'));
  const simulator = await createSimulator({ lifetime: 90_000, rotateEvery: ROTATE_EVERY });
  const env = {
    ...world.env,
    AWS_EC2_METADATA_SERVICE_ENDPOINT: simulator.url,
    STATE_DIRECTORY: join(directory, 'state'),
    RUNTIME_DIRECTORY: join(directory, 'run'),
  };
  const players: Player[] = [];
  const say: Stage['say'] = (who, line) => {
    world.show(`${new Date().toISOString().slice(11, 19)}  ${who.padEnd(7)} ${line}\n`);
  };
  const start: Stage['start'] = (who, command, onLine) => {
    const player = play(command, env, (line) => {
      say(who, line);
      onLine?.(line);
    });
    players.push(player);
    return player;
  };
  try {
    await writeFile(join(directory, 'credrotate.yaml'), DEMO_CONFIG.replaceAll('DIRECTORY', directory));
    await writeFile(join(directory, 'legacy.sh'), DEMO_LEGACY);
    return await story(world, { directory, simulator, start, say });
  } finally {
    await Promise.all(players.map(end));
    await simulator.close();
    await rm(directory, { recursive: true, force: true });
  }
}

async function story(world: World, stage: Stage): Promise<ExitCode> {
  const { directory, simulator, start, say } = stage;
  const config = ['--config', join(directory, 'credrotate.yaml')];
  say('demo', `a metadata service is simulated on loopback; it gives new keys every ${String(ROTATE_EVERY / 1000)} s`);
  say('demo', 'first, as from user data, one pass before the application starts: credrotate once');
  const once = start('once', [...world.self, 'once', ...config]);
  if ((await once.ended) !== EXIT.done) return EXIT.internal;
  await showFiles(stage);

  say('demo', 'now an old application, which reads its file at start and on SIGHUP; and the agent: credrotate run');
  const { promise: complete, resolve } = Promise.withResolvers<boolean>();
  const loads: string[] = [];
  start('legacy', ['/bin/sh', join(directory, 'legacy.sh'), join(directory, 'iam.json')], (line) => {
    if (loads.push(line) > ROTATIONS) resolve(true);
  });
  start('agent', [...world.self, 'run', ...config]);
  const limit = setTimeout(resolve, LIMIT_MS, false);
  void world.stopped().then(() => {
    resolve(false);
  });
  const reloaded = await complete;
  clearTimeout(limit);
  await showFiles(stage);
  if (!reloaded || !loads.at(-1)?.endsWith(simulator.current().accessKeyId.slice(-4))) {
    say('demo', 'the application does not use the current keys: the demo has failed');
    return EXIT.internal;
  }
  say(
    'demo',
    'the keys changed twice: three files followed, and the application got one SIGHUP each time. Cleaning up.',
  );
  return EXIT.done;
}

async function showFiles({ directory, say }: Stage): Promise<void> {
  for (const name of ['credentials', 'app.env', 'iam.json']) {
    const path = join(directory, name);
    const [{ mode, size }, text] = await Promise.all([stat(path), readFile(path, 'utf8')]);
    const key = /A[KS]IA[A-Z0-9]{12}([A-Z0-9]{4})/.exec(text)?.[1] ?? '?';
    say('files', `${(mode & 0o777).toString(8)} ${String(size).padStart(5)} bytes  key …${key}  ${name}`);
  }
}

interface Player {
  readonly process: ChildProcess;
  /** Resolves with its exit code when it has ended and all its lines are shown. */
  readonly ended: Promise<number | null>;
}

function play(command: readonly string[], env: NodeJS.ProcessEnv, onLine: (line: string) => void): Player {
  const [program = '', ...args] = command;
  const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  for (const stream of [child.stdout, child.stderr]) createInterface(stream).on('line', onLine);
  return { process: child, ended: once(child, 'close').then(() => child.exitCode) };
}

async function end(player: Player): Promise<void> {
  player.process.kill('SIGTERM');
  await player.ended;
}

const DEMO_CONFIG = `sinks:
  - path: DIRECTORY/credentials
    format: aws-credentials
  - path: DIRECTORY/app.env
    format: dotenv
    mode: 0640
  - path: DIRECTORY/iam.json
    format: json
    notify: [legacy]
consumers:
  legacy: { type: signal, pid_file: DIRECTORY/legacy.pid }
refresh:
  max_interval: 2s
`;

/** A program of the old kind: it knows nothing of roles, and reads its file at start and on SIGHUP. */
const DEMO_LEGACY = `file=$1
load() { echo "pid $$ $1 key $(sed -n 's/.*"AccessKeyId" *: *"[^"]*\\(....\\)".*/…\\1/p' "$file")"; }
trap 'load "got SIGHUP, now uses"' HUP
load 'starts with'
echo $$ > "\${file%/*}/legacy.pid"
while :; do sleep 1 & wait $!; done
`;
