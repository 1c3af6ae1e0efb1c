import * as v from 'valibot';
import type { ErrorCode } from '../core/errors.ts';
import { FINDING_IDS, SEVERITIES } from '../core/findings.ts';
import { EXIT_CODES } from '../core/exit.ts';

/**
 * An agent's state, as `status.json` holds it: no secrets, readable by everybody. Times are RFC 3339; a field that is not
 * known is absent. What is not named here may come with later versions, and is passed over.
 */

const time = v.pipe(v.string(), v.isoTimestamp(), v.description('RFC 3339, in UTC'));
const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const text = v.string();

function list<const S extends v.GenericSchema>(
  item: S,
): v.SchemaWithPipe<readonly [v.ArraySchema<S, undefined>, v.ReadonlyAction<v.InferOutput<S>[]>]> {
  return v.pipe(v.array(item), v.readonly());
}

const code = v.custom<ErrorCode>((value) => typeof value === 'string' && /^[A-Z][A-Z_]{0,63}$/.test(value));
const error = v.object({
  code,
  message: text,
  hint: v.exactOptional(v.pipe(text, v.description('What the administrator does next.'))),
});

const origin = v.object({
  endpoint: v.exactOptional(text),
  instanceId: v.exactOptional(text),
  role: v.exactOptional(text),
  accountId: v.exactOptional(text),
});

const source = v.object({
  state: v.picklist(['ok', 'stale', 'expired', 'no_role', 'denied', 'unreachable', 'malformed', 'disabled']),
  origin,
  movedFrom: v.exactOptional(origin),
  clockSkew: v.exactOptional(v.pipe(v.number(), v.description("Our clock minus the source's, in milliseconds."))),
  since: v.pipe(time, v.description('Since when it has been in this state.')),
  keyId: v.exactOptional(v.pipe(text, v.description('Its last characters.'))),
  expiration: v.exactOptional(time),
  fetchedAt: v.exactOptional(v.pipe(time, v.description('When these credentials were first seen.'))),
  error: v.exactOptional(error),
});

const evidence = v.object({
  kind: v.pipe(
    v.picklist(['read', 'unread', 'unknown']),
    v.description('Whether anybody has read the file since it was written. unknown: nothing tells.'),
  ),
  writtenAt: time,
  readAt: v.exactOptional(v.pipe(time, v.description('The first read.'))),
  untraced: v.exactOptional(
    v.pipe(
      list(text),
      v.description(
        'Consumers that read it without leaving a trace. Absent when it is its file system that tells nothing.',
      ),
    ),
  ),
});

const sink = v.object({
  path: text,
  part: v.exactOptional(
    v.pipe(
      text,
      v.description(
        'What it keeps of the file: [profile], its first variable, or #/its/first/place. Absent: all of it.',
      ),
    ),
  ),
  format: text,
  result: v.pipe(
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
    v.description(
      'Of the last pass; of plan and check: what a pass would come to now. unknown: there have never been credentials.',
    ),
  ),
  drift: list(v.picklist(['missing', 'bytes', 'mode', 'owner'])),
  detail: v.exactOptional(v.pipe(text, v.description('In what it differed: mode 0666 instead of 0640.'))),
  diff: v.exactOptional(
    v.pipe(list(text), v.description('Of plan and forget --dry-run: what would change, by line, without secrets.')),
  ),
  warnings: list(text),
  isUnreachable: v.exactOptional(
    v.pipe(v.literal(true), v.description('Its owner or group cannot reach it; a warning says who and why.')),
  ),
  error: v.exactOptional(error),
  since: v.exactOptional(v.pipe(time, v.description('Since when it is not up to date.'))),
  writtenAt: v.exactOptional(v.pipe(time, v.description('When its bytes last changed.'))),
  evidence: v.exactOptional(v.pipe(evidence, v.description('Absent when the last pass wrote the file.'))),
});

const left = v.object({
  path: text,
  part: v.exactOptional(text),
  format: text,
  keyId: v.pipe(text, v.description('The last characters of the key that was written last.')),
  expiration: time,
});

const results = ['notified', 'started_since', 'not_running', 'scheduled', 'pending', 'ended'] as const;

const consumer = v.object({
  name: text,
  type: text,
  sinks: v.pipe(list(text), v.description('Paths.')),
  result: v.exactOptional(v.picklist(results)),
  generation: v.exactOptional(count),
  detail: v.exactOptional(text),
  error: v.exactOptional(error),
  known: v.exactOptional(
    v.pipe(
      v.object({
        generation: count,
        at: time,
        expiration: time,
        by: v.exactOptional(v.picklist(['notified', 'started_since', 'not_running'])),
      }),
      v.description('Of which rotation it knows, since when, and how it came to.'),
    ),
  ),
  pendingSince: v.exactOptional(v.pipe(time, v.description('Since when a notification is pending.'))),
  stale: v.exactOptional(
    v.pipe(
      list(v.object({ pid: count, startedAt: time })),
      v.description('Processes that go on with what they read before.'),
    ),
  ),
  notReading: v.exactOptional(
    v.pipe(
      v.boolean(),
      v.description('Notified, and nobody has read its sinks since. Absent when that cannot be known, or not yet.'),
    ),
  ),
  hook: v.exactOptional(
    v.pipe(
      v.object({ at: time, exitCode: v.exactOptional(count), more: text }),
      v.description(
        'Of a consumer with a program: when it last ended, with which exit code (absent: by a signal or its timeout), ' +
          'and the command that shows root what it printed.',
      ),
    ),
  ),
  dueAt: v.exactOptional(v.pipe(time, v.description('Of a scheduled one: when it is to be notified.'))),
  successor: v.exactOptional(
    v.pipe(
      v.object({ isRunning: v.boolean(), runsOutAt: time }),
      v.description('Of an ended one: whether another runs in its place, and when little is left of what that knows.'),
    ),
  ),
});

const attempts = {
  notified: v.exactOptional(count),
  started_since: v.exactOptional(count),
  not_running: v.exactOptional(count),
  scheduled: v.exactOptional(count),
  pending: v.exactOptional(count),
  ended: v.exactOptional(count),
};

const counters = v.object({
  imdsRequests: v.pipe(v.record(text, count), v.description('By HTTP status, or failed.')),
  sinkWrites: v.pipe(v.record(text, count), v.description('By path and part.')),
  notifications: v.pipe(
    v.record(text, v.object(attempts)),
    v.description('Attempts to notify a consumer, by its name and the result.'),
  ),
});

const agent = v.object({
  version: text,
  pid: count,
  startTime: v.pipe(count, v.description('Of the process, in milliseconds since the boot.')),
  bootId: text,
  uid: count,
  mode: v.picklist(['run', 'once']),
  every: v.exactOptional(v.pipe(count, v.description('Of once --every: in seconds.'))),
  stoppedAt: v.exactOptional(v.pipe(time, v.description('Absent while it runs, and of a one-shot.'))),
});

const configuration = v.pipe(
  v.object({
    path: v.pipe(text, v.description('The main file, there or not.')),
    files: v.pipe(list(text), v.description('In the order in which they were read.')),
    digest: v.pipe(text, v.description('Of the bytes of its files.')),
    meaning: v.pipe(text, v.description('Of what they mean.')),
    onDisk: v.pipe(
      v.object({
        state: v.picklist(['in_force', 'edited', 'refused', 'unknown']),
        since: v.exactOptional(v.pipe(time, v.description('The last change of its files.'))),
        problem: v.exactOptional(v.pipe(text, v.description('FILE:LINE:COLUMN: SETTING: MESSAGE'))),
      }),
      v.description('Beside the one in force.'),
    ),
  }),
  v.description('Absent when options of the command line named the sinks.'),
);

/** The sections of a report of an agent's state. */
const SECTIONS = {
  writtenAt: v.pipe(time, v.description('When the status was written.')),
  agent,
  configuration: v.exactOptional(configuration),
  generation: v.pipe(count, v.description('The number of rotations so far.')),
  source,
  lastPass: v.object({ at: time, trigger: text, rotated: v.boolean(), seconds: v.pipe(v.number(), v.minValue(0)) }),
  lastSuccess: v.exactOptional(
    v.pipe(time, v.description('The last pass that had good credentials and left every sink up to date.')),
  ),
  sinks: list(sink),
  consumers: list(consumer),
  left: v.exactOptional(
    v.pipe(list(left), v.description('Files that were sinks once, and hold what was written into them.')),
  ),
  counters: v.pipe(counters, v.description('Since the host was booted.')),
  errors: v.pipe(list(error), v.description("Trouble with the agent's own state.")),
};

const statusSchema = v.object({
  ...SECTIONS,
  /** What was found at the pass before, or when this was written: since when it has been so. */
  findings: v.exactOptional(list(v.object({ id: text, subject: text, since: v.exactOptional(time) }))),
  nextPass: v.exactOptional(
    v.pipe(
      v.object({ at: v.exactOptional(time), reason: v.exactOptional(text) }),
      v.description('When the agent plans the next pass, and why then. Absent after a one-shot.'),
    ),
  ),
});

export type Status = v.InferOutput<typeof statusSchema>;
/** Who made the last pass. */
export type AgentStatus = v.InferOutput<typeof agent>;
/** The configuration in force, and what has become of it on disk. */
type ConfigurationStatus = v.InferOutput<typeof configuration>;
/** The configuration on disk beside the one in force. `unknown`: it cannot be looked at. */
export type OnDisk = ConfigurationStatus['onDisk'];
export type SinkStatus = v.InferOutput<typeof sink>;
export type EvidenceStatus = v.InferOutput<typeof evidence>;
export type ConsumerStatus = v.InferOutput<typeof consumer>;
/** What was counted, by the labels of the metrics. */
export type Counters = v.InferOutput<typeof counters>;

/** Undefined when it is none, or one of another version. */
export function parseStatus(text: string): Status | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return v.is(v.object({ version: v.literal(2) }), value) ? v.parse(statusSchema, value) : undefined;
  } catch {
    return undefined;
  }
}

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
