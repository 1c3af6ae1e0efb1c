import type { Command } from 'commander';
import type { Config } from '../core/config.ts';
import { EXIT, type ExitCode } from '../core/exit.ts';
import { printable } from '../core/printable.ts';
import type { Finding, Unseen } from '../doctor/contract.ts';
import { diagnose } from '../doctor/diagnose.ts';
import { printDoctor } from '../report/print-doctor.ts';
import { lookAtConsumers } from './look/consumers.ts';
import type { LookDeps } from './look/contract.ts';
import { lookAtMachine } from './look/machine.ts';
import { lookAtMetadata } from './look/metadata.ts';
import { lookAtSinks } from './look/sinks.ts';
import { readConfig, withConfig, type ConfigOptions } from './options.ts';
import { SAMPLE } from './sample.ts';
import { screenOf } from './screen.ts';
import { sinkDeps } from './session.ts';
import type { Run, World } from './world.ts';

interface DoctorOptions extends ConfigOptions {
  readonly json?: true;
}

export function addDoctor(program: Command, run: Run): void {
  withConfig(program.command('doctor'))
    .summary('find what is wrong, or will be')
    .description(
      'Look at the metadata service, the sinks, the consumers and their units, and say what is wrong, what was seen, ' +
        `and what to do. Changes nothing and tells nobody. Exit code ${EXIT.config} with an error or a warning.`,
    )
    .option('--json', 'print the findings as JSON')
    .action((options: DoctorOptions) => run((world) => doctor(world, options)));
}

async function doctor(world: World, options: DoctorOptions): Promise<ExitCode> {
  const config = await readConfig(world, options);
  const { clock } = await world.services();
  const { findings, unseen } = await examine(world, config, clock.now());
  const isRoot = world.uid === 0;
  world.print(
    options.json
      ? `${JSON.stringify({ version: 1, findings, unseen }, undefined, 2)}\n`
      : printDoctor({ findings, unseen, isRoot }, screenOf(world)),
  );
  return findings.some(({ severity }) => severity !== 'note') ? EXIT.config : EXIT.done;
}

async function examine(
  world: World,
  config: Config,
  now: number,
): Promise<{ readonly findings: readonly Finding[]; readonly unseen: readonly Unseen[] }> {
  const unseen = new Map<string, Unseen>();
  const services = await world.services();
  const deps: LookDeps = {
    sinks: sinkDeps(services),
    notify: { ...services, self: { uid: world.uid, gid: world.gid } },
    config,
    signal: world.stop,
    miss: (one) => unseen.set(one.subject, shown(one)),
  };
  const { fetched, metadata } = await lookAtMetadata(world, config);
  const machine = await lookAtMachine(world, fetched, deps.miss);
  const wish = fetched.ok ? fetched : { credentials: SAMPLE, origin: {} };
  const sinks = await lookAtSinks(deps, wish);
  const consumers = await lookAtConsumers(deps);
  const { lockdown } = metadata;
  if (lockdown.state === 'unknown') deps.miss({ subject: 'lockdown', reason: lockdown.reason ?? 'unknown' });
  const findings = diagnose({ sinks, consumers, metadata, machine }, now);
  return { findings: findings.map(harmless), unseen: [...unseen.values()] };
}

/** Names of files and programs, and what units set, may be anybody's words. */
function harmless(finding: Finding): Finding {
  const { subject, problem, evidence, remedy } = finding;
  const { text, line } = remedy;
  return {
    ...finding,
    subject: printable(subject),
    problem: printable(problem),
    evidence: evidence.map(printable),
    remedy: { text: printable(text), ...(line !== undefined && { line: printable(line) }) },
  };
}

function shown({ subject, reason }: Unseen): Unseen {
  return { subject: printable(subject), reason: printable(reason) };
}
