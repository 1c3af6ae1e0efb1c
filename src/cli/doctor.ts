import type { Command } from 'commander';
import { hasUnits, lookAtFacts } from '../agent/facts.ts';
import { readStatus, spokenOf, stateDirectory } from '../agent/published.ts';
import type { Run, World } from '../agent/world.ts';
import type { Config } from '../core/config.ts';
import { AgentError } from '../core/errors.ts';
import { EXIT, type ExitCode } from '../core/exit.ts';
import { byWeight, type Finding } from '../core/findings.ts';
import { printable } from '../core/printable.ts';
import type { Unseen } from '../doctor/contract.ts';
import { diagnose } from '../doctor/judge/diagnose.ts';
import { printDoctor } from '../doctor/print.ts';
import { assess, reportOf } from '../report/report.ts';
import { readState } from '../rotation/store.ts';
import { lookAtConsumers } from '../doctor/look/consumers.ts';
import { openLook, SAMPLE } from '../doctor/look/deps.ts';
import { lookAtMachine, lookAtMetadata } from '../doctor/look/host.ts';
import { lookAtSinks } from '../doctor/look/sinks.ts';
import { lookAtSources } from '../doctor/look/sources.ts';
import { readConfig, withConfig, type ConfigOptions } from './options.ts';
import { jsonOption, type ReportOptions, screenOf, showLaidOut, whoseLine } from './show-report.ts';

type DoctorOptions = ConfigOptions & ReportOptions;

export function addDoctor(program: Command, run: Run): void {
  withConfig(program.command('doctor'))
    .summary('find what is wrong, or will be')
    .description(
      'Examine the metadata service, the sinks, the consumers and their units, and report problems with evidence and ' +
        `remedy. Changes nothing and notifies nobody. Exit code ${EXIT.config} with an error or a warning.`,
    )
    .addOption(jsonOption())
    .action((options: DoctorOptions) => run((world) => doctor(world, options)));
}

async function doctor(world: World, options: DoctorOptions): Promise<ExitCode> {
  const config = await readConfig(world, options);
  const { clock } = await world.services();
  const now = clock.now();
  const { findings, unseen } = await examine(world, config, now);
  const exitCode = findings.some(({ severity }) => severity !== 'note') ? EXIT.config : EXIT.done;
  const report = reportOf('doctor', { exitCode, findings, unseen }, now);
  return showLaidOut(world, options, report, () => {
    const text = printDoctor(findings, unseen, world.uid === 0, screenOf(world));
    return text + whoseLine(world, spokenOf(world));
  });
}

async function examine(
  world: World,
  config: Config,
  now: number,
): Promise<{ readonly findings: readonly Finding[]; readonly unseen: readonly Unseen[] }> {
  const { deps, unseen } = await openLook(world, config);
  const directories = spokenOf(world);
  const known = await findingsOfStatus(world, now);
  const { fetched, metadata } = await lookAtMetadata(world, config);
  const machine = {
    ...lookAtMachine({ ...world, directories }, fetched, deps.miss),
    hasStatus: known !== undefined,
    hasUnits: hasUnits(await world.services(), directories.runtime),
  };
  const given = fetched.ok ? fetched : { credentials: SAMPLE, origin: {} };
  const sinks = await lookAtSinks(deps, { ...given, records: readState(stateDirectory(world)).sinks });
  const consumers = await lookAtConsumers(deps);
  const { lockdown } = metadata;
  if (lockdown.state === 'unknown') deps.miss({ subject: 'lockdown', reason: lockdown.reason ?? 'unknown' });
  const sources = await lookAtSources(deps, world.env, now);
  const own = diagnose({ sources, sinks, consumers, metadata, machine }, now);
  const findings = [...own, ...(known ?? []).filter((finding) => !own.some((other) => isSame(other, finding)))];
  return { findings: findings.map(harmless).toSorted(byWeight), unseen: [...unseen.values()] };
}

/** The same assessment as that of all other commands; undefined where no agent has left a status. */
async function findingsOfStatus(world: World, now: number): Promise<readonly Finding[] | undefined> {
  try {
    const { status, directories } = readStatus(world);
    return assess(await lookAtFacts(world, status, directories.runtime), now).findings;
  } catch (error) {
    if (error instanceof AgentError && error.code === 'AGENT_ABSENT') return undefined;
    throw error;
  }
}

/** Whether both are one finding: the present one is kept, since it says more than that of the last pass. */
function isSame(one: Finding, other: Finding): boolean {
  return one.id === other.id && (one.subject === other.subject || one.id === 'source-failing');
}

/** A user may have chosen names of files and programs, and settings of units. */
function harmless(finding: Finding): Finding {
  const { text, line } = finding.remedy;
  return {
    ...finding,
    subject: printable(finding.subject),
    problem: printable(finding.problem),
    evidence: finding.evidence.map(printable),
    remedy: { text: printable(text), ...(line !== undefined && { line: printable(line) }) },
  };
}
