import { describeSkew, sourceTime } from '../core/clock-skew.ts';
import type { ErrorInfo } from '../core/errors.ts';
import { EXIT, type ExitCode, exitCodeOfError } from '../core/exit.ts';
import { finding, type Finding, findingOf, found, type Remedy, remedyOf } from '../core/findings.ts';
import { shellWord } from '../core/shell-word.ts';
import { named, type SinkKey } from '../core/sink-id.ts';
import type { ConsumerStatus, NextPass, OnDisk, SinkStatus, Status } from './schema.ts';
import { duration } from './text.ts';

/** All that the assessment goes by. */
export interface Facts {
  /** As the last pass left it. */
  readonly status: Status;
  /** Who makes the next pass. */
  readonly keeper: NextPass;
  /** Undefined when the configuration is that of a command line. */
  readonly onDisk: OnDisk | undefined;
  /** Whether systemd is the service manager, and this the agent that its units are of. */
  readonly hasUnits: boolean;
}

interface Context extends Facts {
  /** Epoch milliseconds. */
  readonly now: number;
  /** Of the credentials in the files, in milliseconds; undefined when there are none. */
  readonly left: number | undefined;
  readonly host: HostSteps;
}

export type Exits = Readonly<Partial<Record<'once' | 'refresh' | 'status', ExitCode>>>;

/** A finding, and the exit code that it means for each command; none, where it does not touch it. */
export interface Judged extends Finding {
  readonly exits?: Exits;
}

function everywhere(code: ExitCode): Exits {
  return { once: code, refresh: code, status: code };
}

/** What an administrator does on this host, in the mode that it is in. */
interface HostSteps {
  /** Has a pass made now. */
  readonly pass: string;
  /** The same, taking what the source gives. */
  readonly accept: string;
  /** Has passes made from now on. */
  readonly start: Remedy;
}

export function hostOf({ status, keeper, hasUnits }: Facts): HostSteps {
  const sudo = status.agent.uid === 0 ? 'sudo ' : '';
  const isAgent = keeper.by === 'agent';
  const once = keeper.by === 'timer' ? `${sudo}systemctl start credrotate-once` : `${sudo}credrotate once`;
  return {
    pass: isAgent ? `${sudo}credrotate refresh` : once,
    accept: isAgent ? `${sudo}credrotate refresh --accept` : `${sudo}credrotate once --accept`,
    start: startOf(status, hasUnits, sudo),
  };
}

function startOf({ agent }: Status, hasUnits: boolean, sudo: string): Remedy {
  if (!hasUnits) {
    return { text: 'keep an agent, or tell once how often it is started (--every 5m)', line: `${sudo}credrotate run` };
  }
  if (agent.mode === 'run')
    return { text: 'see why with systemctl status credrotate, and start it', line: 'sudo systemctl start credrotate' };
  const text = 'start the timer or the agent, or tell once how often it is started (--every 5m)';
  return { text, line: 'sudo systemctl enable --now credrotate.timer' };
}

/** What the last pass left. */
export function judgePass(context: Context): readonly Judged[] {
  return [...found(judgeSource(context)), ...judgeSinks(context), ...judgeConsumers(context), ...judgeAgent(context)];
}

/** What has become of the host since: who makes the next pass, and what the configuration on disk is. */
export function judgeSince(context: Context): readonly Judged[] {
  return found(judgeNextPass(context), judgeConfiguration(context));
}

/** Whether the credentials in the files live, and whether others will come. */
function judgeSource(context: Context): Judged | undefined {
  const { status, left } = context;
  const { source } = status;
  if (left === undefined || left <= 0) return missing(context);
  if (source.state !== 'ok') return failing(context, left);
  return source.error && earlier(context, source.error);
}

/** What a failing source ends with where nothing covers it. */
function codeOf({ status: { source } }: Context): ExitCode {
  const code = source.error && exitCodeOfError(source.error.code);
  return code === undefined || code === EXIT.done ? EXIT.unreachable : code;
}

function evidenceOf({ status: { source } }: Context): readonly string[] {
  return source.error ? [`the source is ${source.state}`, said(source.error)] : [`the source is ${source.state}`];
}

function said({ code, message }: ErrorInfo): string {
  return `${code}: ${message}`;
}

function stepFor(context: Context): Judged['remedy'] {
  const { error } = context.status.source;
  return error ? remedyOf(error) : { text: 'have a pass made', line: context.host.pass };
}

function missing(context: Context): Judged {
  const { left, status } = context;
  return finding('credentials-missing', 'error', 'credentials', {
    problem: left === undefined ? 'there are none yet' : 'expired',
    since: left === undefined ? status.source.since : new Date(context.now + left).toISOString(),
    evidence: evidenceOf(context),
    remedy: stepFor(context),
    exits: everywhere(codeOf(context)),
  });
}

/** The files are good for now. */
function failing(context: Context, left: number): Judged {
  const { source } = context.status;
  return finding('source-failing', 'warning', 'source', {
    problem: 'gives nothing new',
    since: source.since,
    evidence: [`credentials good for ${duration(left)}`, ...evidenceOf(context)],
    remedy: stepFor(context),
    exits: { refresh: codeOf(context) },
  });
}

function earlier({ host }: Context, error: ErrorInfo): Judged {
  return finding('earlier-credentials', 'warning', 'source', {
    problem: 'gives credentials that expire before the current ones',
    evidence: [said(error)],
    remedy: {
      text: 'if it lasts, look at what answers at the metadata endpoint; if it is meant, have them taken',
      line: host.accept,
    },
  });
}

/** A sink of which nothing good is known is not up to date. */
function judgeSinks(context: Context): readonly Judged[] {
  return found(...named(context.status.sinks).map((sink) => judgeSink(sink, context)), ...judgeLeft(context));
}

type Named = SinkStatus & { readonly name: string };

function judgeSink(sink: Named, { host, left }: Context): Judged | undefined {
  const { name, result, error, since } = sink;
  // Without any credentials that is said once, for all of them.
  if (!error && (result !== 'unknown' || left === undefined)) return sink.isUnreachable ? unreachable(sink) : undefined;
  const found = error ?? { code: 'SINK_OUTDATED', message: 'the last pass did not look at it' };
  const finding = findingOf('sink-refused', { subject: name, problem: 'not up to date' }, found);
  const judged = {
    ...finding,
    ...(since !== undefined && { since }),
    exits: everywhere(exitCodeOfError(found.code)),
  };
  if (found.code !== 'SINK_OUTDATED') return judged;
  const text = error ? 'it is written as soon as the source gives credentials; have a pass made' : 'have a pass made';
  return { ...judged, id: 'sink-outdated', remedy: { text, line: host.pass } };
}

/** It is as configured, and of no use to them. */
function unreachable({ name, warnings, writtenAt }: Named): Judged {
  return finding('sink-unreachable', 'warning', name, {
    problem: 'its owner or group cannot reach it',
    ...(writtenAt !== undefined && { since: writtenAt }),
    evidence: warnings,
    remedy: { text: 'open the directories on the way to them, or have the file belong to others' },
  });
}

/** Files that were sinks once: nobody keeps or watches what is in them. */
function judgeLeft({ status: { sinks, left = [], source, agent }, keeper, now }: Context): readonly Judged[] {
  const names = named<SinkKey>([...sinks, ...left]).slice(sinks.length);
  return left.map((one, index): Judged => {
    const name = names[index]?.name ?? one.path;
    const life = Date.parse(one.expiration) - sourceTime(now, source.clockSkew);
    const sudo = agent.uid === 0 ? 'sudo ' : '';
    const forget = `${sudo}credrotate forget ${shellWord(name)}`;
    return finding('file-left', life > 0 ? 'warning' : 'note', name, {
      problem: `holds credentials that ${life > 0 ? 'live' : 'have expired'}, and is no sink any more`,
      evidence: [`key ${one.keyId}, ${life > 0 ? 'good for' : 'expired for'} ${duration(life)}`],
      remedy: {
        text: `take them out${keeper.by === 'agent' ? ', while the agent is stopped' : ''}, or let the file go with --keep`,
        line: forget,
      },
    });
  });
}

/** Whether somebody keeps the files up to date from now on. */
function judgeNextPass({ keeper, host }: Context): Judged | undefined {
  const { life, since, evidence } = keeper;
  if (life === 'alive') return undefined;
  if (life === 'unknown') {
    return finding('next-pass-unknown', 'unknown', 'next pass', {
      problem: 'nobody can tell from here whether one will be made',
      evidence: [evidence],
      remedy: { text: 'ask as root', line: 'sudo credrotate status' },
      exits: { status: EXIT.unreachable },
    });
  }
  return finding('nobody-refreshes', 'error', 'next pass', {
    problem: life === 'overdue' ? 'it is overdue' : 'nobody will make one',
    ...(since !== undefined && { since }),
    evidence: [evidence],
    remedy: host.start,
    exits: { status: EXIT.unreachable },
  });
}

/** So long somebody may be at work on the files; milliseconds. */
const EDITING = 600_000;

/** Whether the configuration on disk is the one in force: a wrong one would show at the next start, when it hurts. */
function judgeConfiguration(context: Context): Judged | undefined {
  const { onDisk, now } = context;
  if (onDisk?.state === 'refused') return refused(context, onDisk);
  const isForgotten = onDisk?.state === 'edited' && !(now - Date.parse(onDisk.since ?? '') < EDITING);
  return isForgotten ? edited(context, onDisk) : undefined;
}

function common({ status }: Context, { since }: OnDisk): Pick<Judged, 'severity' | 'subject' | 'since'> {
  const subject = status.configuration?.files[0] ?? 'configuration';
  return { severity: 'warning', subject, ...(since !== undefined && { since }) };
}

function refused(context: Context, onDisk: OnDisk): Judged {
  return {
    ...common(context, onDisk),
    id: 'config-refused',
    problem: 'refused as it is on disk, so that the former one is in force and the next start fails,',
    evidence: [onDisk.problem ?? 'it cannot be read'],
    remedy: { text: 'correct it, and see that nothing is left', line: 'sudo credrotate check --config-only' },
  };
}

function edited(context: Context, onDisk: OnDisk): Judged {
  const { status, host, hasUnits } = context;
  const reload = hasUnits ? 'sudo systemctl reload credrotate' : `kill -HUP ${status.agent.pid}`;
  return {
    ...common(context, onDisk),
    id: 'config-not-in-force',
    problem: 'changed on disk and not in force',
    evidence: [],
    remedy: { text: 'bring it into force', line: status.agent.mode === 'run' ? reload : host.pass },
  };
}

/** Whether those who use the files know of them. */
function judgeConsumers(context: Context): readonly Judged[] {
  return found(...context.status.consumers.map((consumer) => judge(consumer, context)));
}

function judge(consumer: ConsumerStatus, { host, keeper, now }: Context): Judged | undefined {
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
    problem: 'notified, but nobody has read its files',
    ...(known && { since: known.at }),
    evidence: [],
    // Only an agent can be asked for it.
    remedy: keeper.by === 'agent' ? { ...again, line: `${host.pass} --notify ${subject}` } : again,
  });
}

/** Its successor has the new files, until little is left of the credentials in them. */
function judgeEnd(consumer: ConsumerStatus, now: number): Judged {
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

/** What is said of a notification that has not reached its consumer. */
function undelivered(
  { error, pendingSince }: ConsumerStatus,
  hint: string,
): Pick<Judged, 'since' | 'evidence' | 'remedy' | 'exits'> {
  return {
    ...(pendingSince !== undefined && { since: pendingSince }),
    evidence: error ? [said(error)] : [],
    remedy: { text: error?.hint ?? hint },
    exits: everywhere(EXIT.consumerPending),
  };
}

/** What the agent cannot keep, and whether it knows the time. */
function judgeAgent({ status: { errors, source, lastPass } }: Context): readonly Judged[] {
  const skew = describeSkew(source.clockSkew, Date.parse(lastPass.at));
  const clock =
    skew !== undefined &&
    finding('clock-skew', 'warning', 'clock', {
      problem: 'the clock of this host has been wrong',
      evidence: [skew.replace(/: set it right.*$/, '')],
      remedy: {
        text: 'set it right, and have it kept right: AWS refuses requests that are signed at a wrong time',
        line: 'sudo timedatectl set-ntp true',
      },
    });
  const state = errors.map((error) =>
    finding('state-unwritable', 'warning', 'state', {
      problem: 'what the agent must remember is in its memory alone',
      evidence: [said(error)],
      remedy: remedyOf(error),
      exits: everywhere(EXIT.sinkFailed),
    }),
  );
  return found<Judged>(...state, clock || undefined);
}
