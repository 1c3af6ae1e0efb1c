import { EXIT, exitCodeOfError, type ExitCode } from '../core/exit.ts';
import type { ErrorInfo } from '../core/errors.ts';
import { remedyOf } from '../core/findings.ts';
import { everywhere, type Context, type Judged } from './assess-contract.ts';
import { duration } from './text.ts';

/** Whether the credentials in the files live, and whether others will come. */
export function judgeSource(context: Context): readonly Judged[] {
  const { status, left } = context;
  const { source } = status;
  if (left === undefined || left <= 0) return [missing(context)];
  if (source.state !== 'ok') return [failing(context, left)];
  return source.error ? [earlier(context, source.error)] : [];
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
  return {
    id: 'credentials-missing',
    severity: 'error',
    subject: 'credentials',
    problem: left === undefined ? 'there are none yet' : `they expired ${duration(left)} ago`,
    ...(left === undefined && { since: status.source.since }),
    evidence: evidenceOf(context),
    remedy: stepFor(context),
    exits: everywhere(codeOf(context)),
  };
}

/** The files are good for now. */
function failing(context: Context, left: number): Judged {
  const { source } = context.status;
  return {
    id: 'source-failing',
    severity: 'warning',
    subject: 'source',
    problem: 'gives nothing new',
    since: source.since,
    evidence: [`credentials good for ${duration(left)}`, ...evidenceOf(context)],
    remedy: stepFor(context),
    exits: { refresh: codeOf(context) },
  };
}

function earlier({ host }: Context, error: ErrorInfo): Judged {
  return {
    id: 'earlier-credentials',
    severity: 'warning',
    subject: 'source',
    problem: 'gives credentials that expire before the current ones, which are kept',
    evidence: [said(error)],
    remedy: {
      text: 'if it lasts, look at what answers at the metadata endpoint; if it is meant, have them taken',
      line: host.accept,
    },
    exits: {},
  };
}
