import { skewFact, sourceTime } from '../core/clock-skew.ts';
import type { ErrorInfo } from '../core/errors.ts';
import { EXIT, type ExitCode, exitCodeOfError } from '../core/exit.ts';
import { finding, type Finding, findingOf, found, type Remedy, remedyOf } from '../core/findings.ts';
import { shellWord } from '../core/printable.ts';
import { named, type SinkKey } from '../core/sink-id.ts';
import type { ConsumerStatus, NextPass, OnDisk, SinkStatus, Status } from './schema.ts';
import { lifeLeft, sourceOfSink, sourcesOf, subjectOf, type NamedSource } from './sources.ts';
import { duration } from './text.ts';

/** The basis of the assessment. */
export interface StatusFacts {
  /** As the last pass left it. */
  readonly status: Status;
  /** The starter of the next pass: the agent, a timer, cron, or nobody. */
  readonly keeper: NextPass;
  /** Undefined when the configuration is that of a command line. */
  readonly onDisk: OnDisk | undefined;
  /** True if credrotate.service or credrotate.timer of this systemd starts this agent. */
  readonly hasUnits: boolean;
}

interface Context extends StatusFacts {
  /** Epoch milliseconds. */
  readonly now: number;
  readonly host: HostSteps;
}

export type Exits = Readonly<Partial<Record<'once' | 'refresh' | 'status', ExitCode>>>;

/** A finding, and the exit code that it causes for each command; a command that is not listed is not affected. */
export interface JudgedFinding extends Finding {
  readonly exits?: Exits;
}

function everywhere(code: ExitCode): Exits {
  return { once: code, refresh: code, status: code };
}

interface HostSteps {
  /** Empty, or `sudo ` for an agent of root. */
  readonly sudo: string;
  readonly pass: string;
  /** Makes a pass that accepts whatever the source gives. */
  readonly accept: string;
  /** Starts what makes passes from now on. */
  readonly start: Remedy;
}

export function hostOf({ status, keeper, hasUnits }: StatusFacts): HostSteps {
  const sudo = status.agent.uid === 0 ? 'sudo ' : '';
  const isAgent = keeper.by === 'agent';
  const once = keeper.by === 'timer' ? `${sudo}systemctl start credrotate-once` : `${sudo}credrotate once`;
  return {
    sudo,
    pass: isAgent ? `${sudo}credrotate refresh` : once,
    accept: isAgent ? `${sudo}credrotate refresh --accept` : `${sudo}credrotate once --accept`,
    start: startOf(status, hasUnits),
  };
}

function startOf({ agent }: Status, hasUnits: boolean): Remedy {
  const cron = 'add --every 5m to the "credrotate once" that cron starts';
  if (!hasUnits) return { text: `keep "credrotate run" running under a supervisor, or ${cron}` };
  if (agent.mode === 'run')
    return { text: 'see why with systemctl status credrotate, and start it', line: 'sudo systemctl start credrotate' };
  return {
    text: `enable credrotate.timer or credrotate.service, or ${cron}`,
    line: 'sudo systemctl enable --now credrotate.timer',
  };
}

export function judgePass(context: Context): readonly JudgedFinding[] {
  const sources = sourcesOf(context.status).map((source) => judgeSource(source, context));
  return [...found(...sources), ...judgeSinks(context), ...judgeConsumers(context), ...judgeAgent(context)];
}

/** Judges what has changed since the last pass: what starts the next one, and the configuration on disk. */
export function judgeSince(context: Context): readonly JudgedFinding[] {
  return found(judgeNextPass(context), judgeConfiguration(context));
}

/** Whether the credentials in the files live, and whether others will come. */
function judgeSource(source: NamedSource, context: Context): JudgedFinding | undefined {
  const left = lifeLeft(source, context.now);
  if (left === undefined || left <= 0) return missing(source, left, context);
  if (source.state !== 'ok') return failing(source, left, context);
  return source.error && earlier(source, source.error, context);
}

/** The exit code for a failing source. */
function codeOf({ error }: NamedSource): ExitCode {
  const code = error && exitCodeOfError(error.code);
  return code === undefined || code === EXIT.done ? EXIT.tempFail : code;
}

function evidenceOf({ state, error }: NamedSource): readonly string[] {
  return [`the source is ${state}`, ...(error ? [said(error)] : [])];
}

function said({ code, message }: ErrorInfo): string {
  return `${code}: ${message}`;
}

function stepFor({ error }: NamedSource, { host }: Context): JudgedFinding['remedy'] {
  return error ? remedyOf(error) : { text: 'make a pass now', line: host.pass };
}

function missing(source: NamedSource, left: number | undefined, context: Context): JudgedFinding {
  return finding('credentials-missing', 'error', subjectOf('credentials', source), {
    problem: left === undefined ? 'there are none yet' : 'expired',
    since: left === undefined ? source.since : new Date(context.now + left).toISOString(),
    evidence: evidenceOf(source),
    remedy: stepFor(source, context),
    exits: everywhere(codeOf(source)),
  });
}

/** The files are good for now. */
function failing(source: NamedSource, left: number, context: Context): JudgedFinding {
  return finding('source-failing', 'warning', subjectOf('source', source), {
    problem: 'gives nothing new',
    since: source.since,
    evidence: [`credentials good for ${duration(left)}`, ...evidenceOf(source)],
    remedy: stepFor(source, context),
    exits: { refresh: codeOf(source) },
  });
}

function earlier(source: NamedSource, error: ErrorInfo, { host }: Context): JudgedFinding {
  return finding('earlier-credentials', 'warning', subjectOf('source', source), {
    problem: 'gives credentials that expire before the current ones',
    evidence: [said(error)],
    remedy: {
      text: 'if it lasts, find out what answers at the metadata endpoint; if the change is intended, accept these credentials',
      line: host.accept,
    },
  });
}

/** A sink that is not known to be up to date is not up to date. */
function judgeSinks(context: Context): readonly JudgedFinding[] {
  return found(...named(context.status.sinks).map((sink) => judgeSink(sink, context)), ...judgeLeft(context));
}

type NamedSink = SinkStatus & { readonly name: string };

function judgeSink(sink: NamedSink, { host, now, status }: Context): JudgedFinding | undefined {
  const { name, result, error, since } = sink;
  const source = sourceOfSink(status, sink);
  const hasCredentials = source && lifeLeft(source, now) !== undefined;
  // Without any credentials, credentials-missing says so once for all sinks.
  if (!error && (result !== 'unknown' || !hasCredentials))
    return sink.isUnreachable ? sinkUnreachable(sink) : undefined;
  const cause = error ?? { code: 'SINK_OUTDATED', message: 'the last pass did not look at it' };
  const judged = {
    ...findingOf('sink-refused', { subject: name, problem: 'not up to date' }, cause),
    ...(since !== undefined && { since }),
    exits: everywhere(exitCodeOfError(cause.code)),
  };
  if (cause.code !== 'SINK_OUTDATED') return judged;
  const text = `${error ? 'it will be written as soon as the source gives credentials; to try at once, ' : ''}make a pass`;
  return { ...judged, id: 'sink-outdated', remedy: { text, line: host.pass } };
}

/** The sink is as configured, but a directory shuts out its owner or group. */
function sinkUnreachable({ name, warnings, writtenAt }: NamedSink): JudgedFinding {
  return finding('sink-unreachable', 'warning', name, {
    problem: 'its owner or group cannot reach it',
    ...(writtenAt !== undefined && { since: writtenAt }),
    evidence: warnings,
    remedy: {
      text: 'let the configured owner or group search the directories above it (x), or configure another owner or group',
    },
  });
}

/** Judges files that were sinks once: nothing keeps them up to date. */
function judgeLeft({ status, keeper, hasUnits, host, now }: Context): readonly JudgedFinding[] {
  const { sinks, left: files = [], source } = status;
  const names = named<SinkKey>([...sinks, ...files]).slice(sinks.length);
  // forget needs the lock, which a running agent holds.
  const isLocked = keeper.by === 'agent';
  const [before, after] =
    isLocked && hasUnits ? ['sudo systemctl stop credrotate && ', '; sudo systemctl start credrotate'] : ['', ''];
  return files.map((file, index): JudgedFinding => {
    const name = names[index]?.name ?? file.path;
    const lifeMs = Date.parse(file.expiration) - sourceTime(now, source.clockSkew);
    const isValid = lifeMs > 0;
    return finding('file-left', isValid ? 'warning' : 'note', name, {
      problem: `holds ${isValid ? 'valid' : 'expired'} credentials, and is no longer a sink`,
      evidence: [`key ${file.keyId}, ${isValid ? 'good for' : 'expired for'} ${duration(lifeMs)}`],
      remedy: {
        text: `remove the credentials from it, or stop tracking it with forget --keep${isLocked ? ', while the agent is stopped' : ''}`,
        line: `${before}${host.sudo}credrotate forget ${shellWord(name)}${after}`,
      },
    });
  });
}

function judgeNextPass({ keeper, host }: Context): JudgedFinding | undefined {
  const { life, since, evidence } = keeper;
  if (life === 'alive') return undefined;
  if (life === 'unknown') {
    return finding('next-pass-unknown', 'unknown', 'next pass', {
      problem: 'nobody can tell from here whether one will be made',
      evidence: [evidence],
      remedy: { text: 'ask as root', line: 'sudo credrotate status' },
      exits: { status: EXIT.tempFail },
    });
  }
  return finding('nobody-refreshes', 'error', 'next pass', {
    problem: life === 'overdue' ? 'it is overdue' : 'nobody will make one',
    ...(since !== undefined && { since }),
    evidence: [evidence],
    remedy: host.start,
    exits: { status: EXIT.tempFail },
  });
}

/** A changed configuration may still be being edited for this long. */
const EDITING_MS = 600_000;

/** Judges the configuration on disk: a wrong one would otherwise only show at the next start. */
function judgeConfiguration(context: Context): JudgedFinding | undefined {
  const { onDisk, now } = context;
  if (onDisk?.state === 'refused') return refused(context, onDisk);
  const isForgotten = onDisk?.state === 'edited' && !(now - Date.parse(onDisk.since ?? '') < EDITING_MS);
  return isForgotten ? edited(context, onDisk) : undefined;
}

function common({ status }: Context, { since }: OnDisk): Pick<JudgedFinding, 'severity' | 'subject' | 'since'> {
  const subject = status.configuration?.files[0] ?? 'configuration';
  return { severity: 'warning', subject, ...(since !== undefined && { since }) };
}

function refused(context: Context, onDisk: OnDisk): JudgedFinding {
  return {
    ...common(context, onDisk),
    id: 'config-refused',
    problem: 'invalid on disk',
    evidence: [onDisk.problem ?? 'it cannot be read'],
    remedy: {
      text: 'correct it, and check it again: until then the former one stays in force, and the next start fails',
      line: `${context.host.sudo}credrotate check --config-only`,
    },
  };
}

function edited(context: Context, onDisk: OnDisk): JudgedFinding {
  const { status, host, hasUnits } = context;
  const reload = hasUnits ? 'sudo systemctl reload credrotate' : `${host.sudo}kill -HUP ${status.agent.pid}`;
  return {
    ...common(context, onDisk),
    id: 'config-not-in-force',
    problem: 'changed on disk and not in force',
    evidence: [],
    remedy: { text: 'bring it into force', line: status.agent.mode === 'run' ? reload : host.pass },
  };
}

function judgeConsumers(context: Context): readonly JudgedFinding[] {
  return found(...context.status.consumers.map((consumer) => judgeConsumer(consumer, context)));
}

function judgeConsumer(consumer: ConsumerStatus, { host, keeper, now }: Context): JudgedFinding | undefined {
  const { name: subject, result, notReading, known } = consumer;
  if (result === 'ended') return judgeEnd(consumer, now);
  if (result === 'pending') {
    return finding('consumer-pending', 'warning', subject, {
      problem: 'notification pending',
      ...undelivered(consumer, 'nothing is lost: it is tried again'),
    });
  }
  if (!notReading) return undefined;
  const again = { text: 'notify it again and look in a minute; one that never reads needs a restart' };
  return finding('consumer-not-reading', 'warning', subject, {
    problem: 'notified, but its files have not been read',
    ...(known && { since: known.at }),
    evidence: [],
    // Only an agent takes such a request.
    remedy: keeper.by === 'agent' ? { ...again, line: `${host.pass} --notify ${subject}` } : again,
  });
}

/** A successor has read the new files: critical only once the credentials in them are about to expire. */
function judgeEnd(consumer: ConsumerStatus, now: number): JudgedFinding {
  const { name: subject, successor } = consumer;
  const isDown = successor?.isRunning !== true;
  const runsOut = successor && now >= Date.parse(successor.runsOutAt);
  const problem = isDown
    ? 'it ended when it was notified, and does not run'
    : `it ended when it was notified; another runs in its place, and ${runsOut ? 'its credentials run out' : 'is not notified'}`;
  return finding('consumer-ended', isDown || runsOut ? 'error' : 'warning', subject, {
    problem,
    ...undelivered(consumer, 'credrotate explain CONSUMER_ENDED'),
  });
}

function undelivered(
  { error, pendingSince }: ConsumerStatus,
  hint: string,
): Pick<JudgedFinding, 'since' | 'evidence' | 'remedy' | 'exits'> {
  return {
    ...(pendingSince !== undefined && { since: pendingSince }),
    evidence: error ? [said(error)] : [],
    remedy: { text: error?.hint ?? hint },
    exits: everywhere(EXIT.consumerPending),
  };
}

/** Where a one-shot has no place for a state, and leaves nothing to be done later, there is nothing to remember. */
function isNothingLost({ code }: ErrorInfo, { consumers }: Status): boolean {
  return code === 'STATE_ABSENT' && consumers.every(({ pendingSince }) => pendingSince === undefined);
}

function judgeAgent({ status }: Context): readonly JudgedFinding[] {
  const { errors, lastPass } = status;
  const skews = sourcesOf(status).map(({ clockSkew }) => skewFact(clockSkew, Date.parse(lastPass.at)));
  const skew = skews.find((one) => one !== undefined);
  const clock =
    skew &&
    finding('clock-skew', 'warning', 'clock', {
      problem: 'the clock of this host has been wrong',
      evidence: [skew],
      remedy: {
        text: 'let a time service set it right: AWS refuses requests that are signed at a wrong time',
        line: 'sudo timedatectl set-ntp true',
      },
    });
  const state = errors.map((error) =>
    finding('state-unwritable', 'warning', 'state', {
      problem: 'not saved on disk',
      evidence: [said(error)],
      remedy: remedyOf(error),
      exits: { ...everywhere(exitCodeOfError(error.code)), ...(isNothingLost(error, status) && { once: EXIT.done }) },
    }),
  );
  return found<JudgedFinding>(...state, clock || undefined);
}
