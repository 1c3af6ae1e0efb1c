import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { EXIT, type ExitCode } from '../core/exit.ts';
import { createSimulator, type Simulator } from '../simulator/simulator.ts';
import { DEMO_CONFIG, DEMO_LEGACY } from './demo-files.ts';
import { describeFile, end, play, type Player } from './demo-stage.ts';
import type { Run, World } from '../agent/world.ts';

export function addDemo(program: Command, run: Run): void {
  program
    .command('demo')
    .summary('see it work: half a minute, on this machine alone')
    .description('Show two rotations with a simulated metadata service, three files and a program that reloads.')
    .action(() => run(demo));
}

const ROTATIONS = 2;
const ROTATE_EVERY = 9_000;
/** A demo that has not come to its end by then has failed. */
const LIMIT = 60_000;

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
  const players: Player[] = [];
  const say: Stage['say'] = (who, line) => {
    world.show(`${new Date().toISOString().slice(11, 19)}  ${who.padEnd(7)} ${line}\n`);
  };
  const start: Stage['start'] = (who, command, onLine) => {
    const player = play(command, environment(world, directory, simulator.url), (line) => {
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

function environment(world: World, directory: string, endpoint: string): NodeJS.ProcessEnv {
  return {
    ...world.env,
    AWS_EC2_METADATA_SERVICE_ENDPOINT: endpoint,
    STATE_DIRECTORY: join(directory, 'state'),
    RUNTIME_DIRECTORY: join(directory, 'run'),
  };
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
  const limit = setTimeout(resolve, LIMIT, false);
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
  say('demo', 'two rotations, three files, one SIGHUP each. Cleaning up.');
  return EXIT.done;
}

async function showFiles({ directory, say }: Stage): Promise<void> {
  for (const name of ['credentials', 'app.env', 'iam.json']) say('files', await describeFile(join(directory, name)));
}
