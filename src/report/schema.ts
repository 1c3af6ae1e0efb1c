import * as v from 'valibot';
import { attempt, type ErrorCode } from '../core/errors.ts';
import { FINDING_IDS, type Level, SEVERITIES } from '../core/findings.ts';
import type { SourceState } from '../core/outcomes.ts';
import { EXIT_CODES } from '../core/exit.ts';

/**
 * The form of `--json` of every command, and of status.json: each command fills the parts that it knows. Times are
 * RFC 3339, no secrets. Unknown parts may come with later versions, and are ignored.
 */

const time = v.pipe(v.string(), v.isoTimestamp(), v.description('RFC 3339, in UTC'));
const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const text = v.string();
const maybe = v.exactOptional;

/** With its description in the JSON Schema. */
function said<const S extends v.GenericSchema>(
  item: S,
  words: string,
): v.SchemaWithPipe<readonly [S, v.DescriptionAction<v.InferOutput<S>, string>]> {
  return v.pipe(item, v.description(words));
}

function list<const S extends v.GenericSchema>(
  item: S,
): v.SchemaWithPipe<readonly [v.ArraySchema<S, undefined>, v.ReadonlyAction<v.InferOutput<S>[]>]> {
  return v.pipe(v.array(item), v.readonly());
}

const code = v.custom<ErrorCode>((value) => typeof value === 'string' && /^[A-Z][A-Z_]{0,63}$/.test(value));
const error = v.object({
  code,
  message: text,
  hint: maybe(said(text, 'What the administrator does next.')),
});

const origin = v.object({
  endpoint: maybe(text),
  instanceId: maybe(text),
  role: maybe(text),
  accountId: maybe(text),
  region: maybe(text),
  user: maybe(said(count, 'The id of the user who decides what the source gives, where that is not root.')),
});

export const SOURCE_STATES = [
  'ok',
  'stale',
  'expired',
  'no_role',
  'denied',
  'unreachable',
  'malformed',
  'disabled',
] as const satisfies readonly SourceState[];

const sourceEntries = {
  state: v.picklist(SOURCE_STATES),
  origin,
  movedFrom: maybe(origin),
  clockSkew: maybe(said(v.number(), "Our clock minus the source's, in milliseconds.")),
  since: said(time, 'Since when it has been in this state.'),
  keyId: maybe(said(text, 'Its last characters.')),
  expiration: maybe(time),
  fetchedAt: maybe(said(time, 'When these credentials were first seen.')),
  error: maybe(error),
};
const source = v.object(sourceEntries);

const namedSource = v.object({
  name: text,
  ...sourceEntries,
  generation: said(count, 'The number of its rotations so far.'),
  rotated: said(v.boolean(), 'Whether its last pass was a rotation.'),
});

const evidence = v.object({
  kind: said(
    v.picklist(['read', 'unread', 'unknown']),
    'Whether anybody has read the file since it was written. unknown: the file system keeps no access times.',
  ),
  writtenAt: time,
  readAt: maybe(said(time, 'The first read.')),
  untraced: maybe(
    said(
      list(text),
      'Consumers that read it without leaving a trace. Absent if its file system keeps no access times.',
    ),
  ),
});

const sink = v.object({
  path: text,
  part: maybe(
    said(text, 'What it keeps of the file: [profile], its first variable, or #/its/first/place. Absent: all of it.'),
  ),
  format: text,
  source: maybe(said(text, 'Whose credentials it holds. Absent: those of the instance.')),
  result: said(
    v.picklist([
      'written',
      'repaired',
      'unchanged',
      'outdated',
      'forgotten',
      'removed',
      'refused',
      'failed',
      'unknown',
    ]),
    'Of the last pass; of plan and check: of a pass made now. unknown: there have never been credentials.',
  ),
  drift: list(v.picklist(['missing', 'bytes', 'mode', 'owner'])),
  detail: maybe(said(text, 'In what it differed: mode 0666 instead of 0640.')),
  diff: maybe(said(list(text), 'Of plan and forget --dry-run: what would change, by line, without secrets.')),
  warnings: list(text),
  isUnreachable: maybe(said(v.literal(true), 'Its owner or group cannot reach it; a warning says who and why.')),
  error: maybe(error),
  since: maybe(said(time, 'Since when it is not up to date.')),
  writtenAt: maybe(said(time, 'When its bytes last changed.')),
  evidence: maybe(said(evidence, 'Absent when the last pass wrote the file.')),
});

const left = v.object({
  path: text,
  part: maybe(text),
  format: text,
  keyId: said(text, 'The last characters of the key that was written last.'),
  expiration: time,
});

const results = ['notified', 'started_since', 'not_running', 'scheduled', 'pending', 'ended'] as const;

const consumer = v.object({
  name: text,
  type: text,
  sinks: said(list(text), 'Paths.'),
  result: maybe(v.picklist(results)),
  generation: maybe(count),
  detail: maybe(text),
  error: maybe(error),
  known: maybe(
    said(
      v.object({
        generation: count,
        source: maybe(said(text, 'Of the rotations of this source. Absent: of the instance.')),
        at: time,
        expiration: time,
        by: maybe(v.picklist(['notified', 'started_since', 'not_running'])),
      }),
      'The rotation that it was last notified of, when, and how: by a notification, or since it started later or did not run.',
    ),
  ),
  pendingSince: maybe(said(time, 'Since when a notification is pending.')),
  usingFormer: maybe(
    said(
      list(v.object({ pid: count, startedAt: time })),
      'Of a pending one: processes that still use the former credentials.',
    ),
  ),
  notReading: maybe(
    said(v.boolean(), 'Notified, and nobody has read its sinks since. Absent when that cannot be known, or not yet.'),
  ),
  hook: maybe(
    said(
      v.object({ at: time, exitCode: maybe(count), more: text }),
      'Of a consumer with a program: when it last ended, with which exit code (absent: by a signal or its timeout), ' +
        'and the command that shows root what it printed.',
    ),
  ),
  dueAt: maybe(said(time, 'Of a scheduled one: when it is to be notified.')),
  successor: maybe(
    said(
      v.object({ isRunning: v.boolean(), runsOutAt: time }),
      'Of an ended one: whether another runs in its place, and when the credentials of that are about to expire.',
    ),
  ),
});

const counters = v.object({
  imdsRequests: said(v.record(text, count), 'By HTTP status, or failed.'),
  sinkWrites: said(v.record(text, count), 'By path and part.'),
  notifications: said(
    v.record(text, v.object(v.entriesFromList(results, maybe(count)))),
    'Attempts to notify a consumer, by its name and the result.',
  ),
});

const agent = v.object({
  version: text,
  pid: count,
  startTime: said(count, 'Of the process, in milliseconds since the boot.'),
  bootId: text,
  uid: count,
  mode: v.picklist(['run', 'once']),
  every: maybe(said(count, 'Of once --every: in seconds.')),
  stoppedAt: maybe(said(time, 'Absent while it runs, and of a one-shot.')),
});

const configuration = said(
  v.object({
    path: said(text, 'The main file, there or not.'),
    files: said(list(text), 'In the order in which they were read.'),
    templates: maybe(said(list(text), 'Templates that were read with them.')),
    digest: said(text, 'Of the bytes of its files.'),
    meaning: said(text, 'Of what they mean.'),
    onDisk: said(
      v.object({
        state: v.picklist(['in_force', 'edited', 'refused', 'unknown']),
        since: maybe(said(time, 'The last change of its files.')),
        problem: maybe(said(text, 'FILE:LINE:COLUMN: SETTING: MESSAGE')),
      }),
      'Beside the one in force.',
    ),
  }),
  'Absent when options of the command line named the sinks.',
);

/** The sections of a report of an agent's state. */
const SECTIONS = {
  writtenAt: said(time, 'When the status was written.'),
  agent,
  configuration: maybe(configuration),
  generation: said(count, 'The number of rotations so far.'),
  source,
  sources: maybe(
    said(list(namedSource), 'Of several, each; source is the one in the worst state, generation their sum.'),
  ),
  lastPass: v.object({ at: time, trigger: text, rotated: v.boolean(), seconds: v.pipe(v.number(), v.minValue(0)) }),
  lastSuccess: maybe(said(time, 'The last pass that had good credentials and left every sink up to date.')),
  sinks: list(sink),
  consumers: list(consumer),
  left: maybe(said(list(left), 'Files that were sinks once, and hold what was written into them.')),
  counters: said(counters, 'Since the host was booted.'),
  errors: said(list(error), "Trouble with the agent's own state."),
};

const statusSchema = v.object({
  ...SECTIONS,
  /** The findings of the former pass, or of this one: since when each lasts. */
  findings: maybe(list(v.object({ id: text, subject: text, since: maybe(time) }))),
  nextPass: maybe(
    said(
      v.object({ at: maybe(time), reason: maybe(text) }),
      'When the agent plans the next pass, and why then. Absent after a one-shot.',
    ),
  ),
});

export type Status = v.InferOutput<typeof statusSchema>;
/** The process that made the last pass. */
export type AgentStatus = v.InferOutput<typeof agent>;
/** The configuration on disk beside the one in force. `unknown`: it cannot be looked at. */
export type OnDisk = v.InferOutput<typeof configuration>['onDisk'];
export type SinkStatus = v.InferOutput<typeof sink>;
export type EvidenceStatus = v.InferOutput<typeof evidence>;
export type ConsumerStatus = v.InferOutput<typeof consumer>;
/** Counts by the labels of the metrics. */
export type Counters = v.InferOutput<typeof counters>;

/** Undefined when it is none, or one of another version. */
export function parseStatus(text: string): Status | undefined {
  return attempt(() => {
    const value: unknown = JSON.parse(text);
    return v.is(v.object({ version: v.literal(2) }), value) ? v.parse(statusSchema, value) : undefined;
  }, undefined);
}

const finding = v.object({
  id: v.picklist(FINDING_IDS),
  severity: v.picklist(SEVERITIES),
  subject: said(text, 'A path, the name of a consumer, or what it is about.'),
  problem: text,
  since: maybe(time),
  evidence: said(list(text), 'What was seen, and where.'),
  remedy: v.object({
    text,
    line: maybe(said(text, 'A command, or a line of configuration, to be copied.')),
  }),
});

const nextPass = v.object({
  by: v.picklist(['agent', 'timer', 'period', 'nobody']),
  life: v.picklist(['alive', 'stopped', 'killed', 'overdue', 'unknown']),
  at: maybe(time),
  reason: maybe(text),
  since: maybe(said(time, 'Since when nobody makes one, or it is overdue.')),
  evidence: text,
});

const lockdown = v.object({
  state: v.picklist(['on', 'off', 'drifted', 'unknown']),
  reason: maybe(text),
  rollbackInSeconds: maybe(said(count, 'Of a trial.')),
  addresses: maybe(said(list(v.string()), 'Of container roles, closed beside those of the metadata service.')),
  users: maybe(list(count)),
  containers: maybe(v.picklist(['allow', 'deny'])),
  refused: said(list(count), 'User ids that were refused in the last day.'),
});

function eachMaybe<E extends v.ObjectEntries>(entries: E): { [K in keyof E]: v.ExactOptionalSchema<E[K], undefined> } {
  const all = Object.entries(entries).map(([name, one]) => [name, maybe(one)]);
  return Object.fromEntries(all) as ReturnType<typeof eachMaybe<E>>;
}

export const LEVELS = ['ok', 'warning', 'unknown', 'critical'] as const satisfies readonly Level[];

export const reportSchema = v.object({
  version: v.literal(2),
  command: said(text, 'Which command reports; run, where it is status.json.'),
  at: time,
  level: said(v.picklist(LEVELS), 'The worst of the findings.'),
  exitCode: said(v.picklist(EXIT_CODES), 'That the command ends with.'),
  findings: said(list(finding), 'The worst first.'),
  ...eachMaybe(SECTIONS),
  nextPass: maybe(said(nextPass, 'Who makes the next pass.')),
  unseen: maybe(said(list(v.object({ subject: text, reason: text })), 'What could not be looked at.')),
  lockdown: maybe(lockdown),
});

export type Report = v.InferOutput<typeof reportSchema>;
export type NextPass = v.InferOutput<typeof nextPass>;
