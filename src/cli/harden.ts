import { basename, dirname } from 'node:path';
import type { Command } from 'commander';
import { AgentError } from '../core/errors.ts';
import { EXIT, type ExitCode } from '../core/exit.ts';
import { OwnDirectory } from '../files/own.ts';
import { systemctl, hasSystemd } from '../host/tool.ts';
import { dropIn } from '../harden/drop-in.ts';
import { readConfig, withConfig, type ConfigOptions } from './options.ts';
import { dropInPaths, surveyGround, UNITS } from '../harden/sandbox.ts';
import type { Run, World } from '../agent/world.ts';

interface HardenOptions extends ConfigOptions {
  readonly dryRun?: true;
  readonly undo?: true;
}

export function addHarden(program: Command, run: Run): void {
  withConfig(program.command('harden'))
    .summary('confine the units to what the configuration needs')
    .description('Write a systemd drop-in that removes every permission that the configuration does not need.')
    .option('--dry-run', 'print the drop-in, write nothing')
    .option('--undo', 'remove the drop-in')
    .action((options: HardenOptions) => run((world) => harden(world, options)));
}

async function harden(world: World, options: HardenOptions): Promise<ExitCode> {
  if (options.dryRun && options.undo)
    throw new AgentError('USAGE', 'harden: expected one of --dry-run and --undo, got both');
  if (options.undo) return await undo(world);
  const config = await readConfig(world, options);
  const text = dropIn(config, surveyGround(config));
  if (options.dryRun) {
    world.print(text);
    return EXIT.done;
  }
  requireRoot(world);
  for (const path of dropInPaths(UNITS)) {
    // Without the umask: the service manager and `check` read it.
    const directory = new OwnDirectory(dirname(path), world, { mode: 0o755 });
    await directory.write(basename(path), { bytes: Buffer.from(text), mode: 0o644 });
    world.show(`${path}: written\n`);
  }
  await reloadUnits(world);
  return EXIT.done;
}

async function undo(world: World): Promise<ExitCode> {
  requireRoot(world);
  const there = dropInPaths(UNITS).filter((path) => remove(world, path));
  for (const path of there) world.show(`${path}: removed\n`);
  if (there.length === 0) world.show('there is nothing to undo\n');
  else await reloadUnits(world);
  return EXIT.done;
}

/** False when there is none. Other drop-ins beside it stay. */
function remove(world: World, path: string): boolean {
  const directory = new OwnDirectory(dirname(path), world);
  if (!directory.has(basename(path))) return false;
  directory.remove(basename(path));
  using parent = new OwnDirectory(dirname(directory.path), world).open();
  parent.removeIfEmpty(basename(directory.path));
  return true;
}

function requireRoot({ uid }: World): void {
  if (uid === 0) return;
  throw new AgentError('USAGE', `harden: expected root, got uid ${uid}`, {
    hint: 'sudo credrotate harden; with --dry-run it prints what it would write',
  });
}

const RELOAD_TIMEOUT_MS = 60_000;

async function reloadUnits(world: World): Promise<void> {
  const services = await world.services();
  if (!hasSystemd(services)) return;
  const { exitCode } = await systemctl(services, ['daemon-reload'], { timeoutMs: RELOAD_TIMEOUT_MS });
  world.show(
    exitCode === 0
      ? 'it holds for what starts from now on: systemctl restart credrotate\n'
      : 'systemd has not read it yet: systemctl daemon-reload, then systemctl restart credrotate\n',
  );
}
