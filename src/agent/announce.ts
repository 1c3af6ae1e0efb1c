import { describeSkew } from '../core/clock-skew.ts';
import type { Log } from '../core/contracts.ts';
import { formatExpiration, movesBetween } from '../core/credentials.ts';
import type { ErrorCode, ErrorInfo } from '../core/errors.ts';
import type { ConsumerOutcome, SinkOutcome, SourceOutcome, SourceState } from '../core/outcomes.ts';
import { linesOf } from '../core/printable.ts';
import { named } from '../core/sink-id.ts';
import type { FilesReport } from '../rotation/rotate.ts';

const LABELS = { endpoint: 'endpoint', instanceId: 'instance', role: 'role', accountId: 'account' } as const;
const MOVE_HINT =
  'every consumer is notified; if nobody intended it, CloudTrail shows who associated another instance profile';
const NOT_READING_HINT =
  'see whether the program reads them again when notified; a program that never does needs a restart';

/**
 * Logs each change of state once, not each retry, so that a healthy hour is a handful of
 * lines and a sick one is not a flood.
 */
export class Announcer {
  readonly #log: Log;
  readonly #said = new Map<string, string>();
  /** Of each failing source: its state, and the error codes logged since that began. */
  readonly #sourceTrouble = new Map<string, { readonly state: SourceState; readonly codes: readonly ErrorCode[] }>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** `of`: which source it is, where there are several. */
  pass(report: FilesReport, of: Of = {}): void {
    this.#move(report.source, of);
    this.#source(report.source, of);
    this.#clock(report, of);
    for (const sink of named(report.sinks)) this.#sink(sink);
    for (const error of report.errors)
      if (this.#isNews('state', error.code)) this.#log.error(line(error), { event: 'state_trouble' });
    if (report.errors.length === 0) this.#over('state', 'state is written again');
    this.#rotation(report, of);
  }

  consumer(outcome: ConsumerOutcome): void {
    const subject = `consumer ${outcome.name}`;
    const fields = { event: `consumer_${outcome.result}`, consumer: outcome.name, generation: outcome.generation };
    if (outcome.result === 'ended' && outcome.error) {
      if (this.#isNews(subject, outcome.error.code)) this.#log.error(`${outcome.name}: ${line(outcome.error)}`, fields);
      return;
    }
    if (outcome.error) {
      if (!this.#isNews(subject, outcome.error.code)) return;
      this.#log.warn(`${outcome.name} not notified yet, will try again: ${line(outcome.error)}`, fields);
    } else {
      this.#said.delete(subject);
      const message = `${outcome.name}: ${outcome.detail ?? outcome.result}`;
      if (outcome.result === 'notified') this.#log.info(message, fields);
      else this.#log.debug(message, fields);
    }
    for (const words of linesOf(outcome.hook?.output))
      this.#log.info(`${outcome.name} printed: ${words}`, { event: 'hook_output', consumer: outcome.name });
  }

  /** An unknown verdict changes nothing. */
  notReading(consumers: Readonly<Record<string, boolean>>): void {
    for (const [name, isNotReading] of Object.entries(consumers)) {
      const subject = `not_reading ${name}`;
      const fields = { event: 'consumer_not_reading', consumer: name };
      if (!isNotReading) this.#over(subject, `${name}: its files are read again`);
      else if (this.#isNews(subject, 'not_reading'))
        this.#log.warn(`${name} was notified, but nobody has read its files since (${NOT_READING_HINT})`, fields);
    }
  }

  #move({ movedFrom, origin }: SourceOutcome, of: Of): void {
    if (!movedFrom) return;
    const changes = movesBetween(movedFrom, origin).map(
      (key) => `${LABELS[key]} ${movedFrom[key] ?? ''} became ${origin[key] ?? ''}`,
    );
    this.#log.warn(`${changes.join(', ')} (${MOVE_HINT})`, { event: 'source_moved', ...of });
  }

  #source({ name, state, error, keyId }: SourceOutcome, of: Of): void {
    const before = this.#sourceTrouble.get(name);
    if (!error) {
      this.#sourceTrouble.delete(name);
      if (before) this.#log.info(`${said('source', of)} is ok again`, { event: 'source_recovered', ...of });
      return;
    }
    const codes = before?.state === state ? before.codes : [];
    if (codes.includes(error.code)) return;
    this.#sourceTrouble.set(name, { state, codes: [...codes, error.code] });
    // A role that has not come yet is what an instance without one starts with.
    const isAwaited = state === 'no_role' && keyId === undefined;
    const level = state === 'ok' || state === 'stale' || isAwaited ? 'warn' : 'error';
    const fields = { event: 'source_state', ...of, state, code: error.code };
    this.#log[level](`${said('source', of)} is ${state}: ${line(error)}`, fields);
  }

  /** Unknown until the source has answered in this boot. */
  #clock({ source: { clockSkew }, finishedAt }: FilesReport, of: Of): void {
    if (clockSkew === undefined) return;
    const warning = describeSkew(clockSkew, finishedAt);
    if (warning === undefined) this.#over('clock', 'the clock of this host is right again');
    else if (this.#isNews('clock', 'wrong')) this.#log.warn(warning, { event: 'clock_skew', ...of });
  }

  #sink(sink: SinkOutcome & { readonly name: string }): void {
    const { name } = sink;
    const subject = `sink ${name}`;
    const fields = { event: `sink_${sink.result}`, sink: name };
    if (sink.error) {
      if (this.#isNews(subject, sink.error.code)) this.#log.error(`${sink.result}: ${line(sink.error)}`, fields);
      return;
    }
    this.#over(subject, `${name} is written again`);
    if (sink.result === 'repaired')
      this.#log.warn(`repaired ${name}: ${sink.detail ?? ''}`, { ...fields, drift: sink.drift });
    if (sink.result === 'written') this.#log.debug(`wrote ${name}`, fields);
    for (const warning of sink.warnings)
      if (this.#isNews(`${subject} ${warning}`, 'warned'))
        this.#log.warn(`${name}: ${warning}`, { event: 'sink_warning', sink: name });
  }

  #rotation(report: FilesReport, of: Of): void {
    if (!report.rotated) return;
    const written = report.sinks.filter((sink) => sink.result === 'written').length;
    const { keyId, origin, expiration } = report.source;
    const { acceptedBy } = report;
    this.#log.info(
      `${of.source === undefined ? '' : `${of.source}: `}rotation ${String(report.generation)}: key ${keyId ?? '…'} of role ${origin.role ?? '(unknown)'}, ` +
        `valid until ${formatExpiration(expiration ?? 0)}, ${String(written)} of ${String(report.sinks.length)} sinks written` +
        (acceptedBy === undefined ? '' : `, accepted by uid ${String(acceptedBy)}`),
      { event: 'rotation', ...of, generation: report.generation, ...(acceptedBy !== undefined && { acceptedBy }) },
    );
  }

  #over(subject: string, message: string): void {
    if (this.#said.delete(subject)) this.#log.info(message, { event: `${subject.replace(/ .*/, '')}_recovered` });
  }

  #isNews(subject: string, what: string): boolean {
    if (this.#said.get(subject) === what) return false;
    this.#said.set(subject, what);
    return true;
  }
}

interface Of {
  readonly source?: string;
}

function said(what: string, { source }: Of): string {
  return source === undefined ? what : `${what} ${source}`;
}

function line(error: ErrorInfo): string {
  return error.hint === undefined ? error.message : `${error.message} (${error.hint})`;
}
