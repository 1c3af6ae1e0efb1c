import * as v from 'valibot';
import { FINDING_IDS, SEVERITIES } from '../core/findings.ts';
import { EXIT_CODES } from './explain-exit.ts';
import { count, list, SECTIONS, text, time } from './status.ts';

/**
 * What every command reports with `--json`, and what status.json holds: one form, of which each command fills what it
 * knows. Times are RFC 3339, no secrets. What is not named here may come with later versions.
 */

const finding = v.object({
  id: v.picklist(FINDING_IDS),
  severity: v.picklist(SEVERITIES),
  subject: v.pipe(text, v.description('A path, the name of a consumer, or what it is about.')),
  problem: text,
  since: v.exactOptional(time),
  evidence: v.pipe(list(text), v.description('What was seen, and where.')),
  remedy: v.object({
    text,
    line: v.exactOptional(v.pipe(text, v.description('A command, or a line of configuration, to be copied.'))),
  }),
});

const nextPass = v.object({
  by: v.picklist(['agent', 'timer', 'period', 'nobody']),
  life: v.picklist(['alive', 'stopped', 'killed', 'overdue', 'unknown']),
  at: v.exactOptional(time),
  reason: v.exactOptional(text),
  since: v.exactOptional(v.pipe(time, v.description('Since when nobody makes one, or it is overdue.'))),
  evidence: text,
});

const lockdown = v.object({
  state: v.picklist(['on', 'off', 'drifted', 'unknown']),
  reason: v.exactOptional(text),
  rollbackInSeconds: v.exactOptional(v.pipe(count, v.description('Of a trial.'))),
  users: v.exactOptional(list(count)),
  containers: v.exactOptional(v.picklist(['allow', 'deny'])),
  refused: v.pipe(list(count), v.description('User ids that were refused in the last day.')),
});

export const reportSchema = v.object({
  version: v.literal(2),
  command: v.pipe(text, v.description('Which command reports; run, where it is status.json.')),
  at: time,
  level: v.pipe(v.picklist(['ok', 'warning', 'unknown', 'critical']), v.description('The worst of the findings.')),
  exitCode: v.pipe(v.picklist(EXIT_CODES), v.description('That the command ends with.')),
  findings: v.pipe(list(finding), v.description('The worst first.')),
  writtenAt: v.exactOptional(SECTIONS.writtenAt),
  agent: v.exactOptional(SECTIONS.agent),
  generation: v.exactOptional(SECTIONS.generation),
  source: v.exactOptional(SECTIONS.source),
  lastPass: v.exactOptional(SECTIONS.lastPass),
  sinks: v.exactOptional(SECTIONS.sinks),
  consumers: v.exactOptional(SECTIONS.consumers),
  left: SECTIONS.left,
  counters: v.exactOptional(SECTIONS.counters),
  errors: v.exactOptional(SECTIONS.errors),
  configuration: SECTIONS.configuration,
  lastSuccess: SECTIONS.lastSuccess,
  nextPass: v.exactOptional(v.pipe(nextPass, v.description('Who makes the next pass.'))),
  unseen: v.exactOptional(
    v.pipe(list(v.object({ subject: text, reason: text })), v.description('What could not be looked at.')),
  ),
  lockdown: v.exactOptional(lockdown),
});

export type Report = v.InferOutput<typeof reportSchema>;
export type NextPass = v.InferOutput<typeof nextPass>;
export type LockdownReport = v.InferOutput<typeof lockdown>;
