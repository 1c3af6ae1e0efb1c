import { basename } from 'node:path';
import type { ErrorInfo } from '../../core/errors.ts';
import type { SinkOutcome } from '../../core/outcomes.ts';
import type { ApplyResult, ForgetResult, SinkPreview, SinkRecord } from '../contract.ts';
import { forgetOwn, previewForgetOwn } from '../forget-own.ts';
import type { ForgetDeps } from '../inspect.ts';
import { applyOwn } from '../own.ts';
import { previewOwn } from '../preview-own.ts';
import { walkerOf } from '../places.ts';
import { openDirectory } from '../../paths/policies.ts';
import type { BeforeWrite, Staged } from '../replace.ts';
import { verdictOf, type Verdict } from '../verdict.ts';
import { decodeTask, GO, type Job, type Look } from './job.ts';
import { LIMITS, type DoneMessage, type Message, type SinkMessage, type Verdicts } from './message.ts';

/** The pipes of a process that acts as another user. */
export interface Channel {
  /** The next line, undefined when the agent is gone. */
  readonly read: () => string | undefined;
  readonly write: (line: string) => void;
}

/** Does the job of the first line with this process's own identity, which is the user's by now. */
export async function serve(deps: ForgetDeps, line: string, channel: Channel): Promise<void> {
  const task = decodeTask(line);
  if (task.kind === 'look') tell(channel, { verdicts: look(deps, task) });
  else tell(channel, { done: await work(deps, channel, task) });
}

async function work(deps: ForgetDeps, channel: Channel, job: Job): Promise<DoneMessage> {
  switch (job.kind) {
    case 'apply':
      return await change(channel, job, (beforeWrite) => applyOwn(deps, { ...job, beforeWrite }));
    case 'forget':
      return await change(channel, job, (beforeWrite) => forgetOwn(deps, job, beforeWrite));
    case 'preview':
      return show(await previewOwn(deps, job));
    case 'preview-forget':
      return show(previewForgetOwn(deps, job));
  }
}

function look(deps: ForgetDeps, task: Look): readonly Verdict[] {
  const walker = walkerOf(deps, task);
  return task.directories.flatMap((directory) => {
    using found = openDirectory('sink', directory, walker);
    return verdictOf(found) ?? [];
  });
}

type Act = (beforeWrite: BeforeWrite) => Promise<ForgetResult & Partial<Pick<ApplyResult, 'records'>>>;

/** Has the agent journal each temp file before its first byte. */
async function change(channel: Channel, job: Job, act: Act): Promise<DoneMessage> {
  const indexes = new Map(job.sinks.map(({ path }, index) => [path, index]));
  const journal = [...job.temps];
  const {
    outcomes,
    temps,
    records = {},
  } = await act(async (staged: readonly Staged[]) => {
    journal.push(...staged.map(({ temp }) => temp));
    tell(channel, {
      staged: staged.map(({ sink, temp: { path, inode }, bytesChanged }) => {
        return { sink: indexes.get(sink.path) ?? -1, name: basename(path), inode, bytesChanged };
      }),
    });
    if (channel.read() !== GO) throw new Error('the agent is gone');
    await Promise.resolve();
  });
  const kept = new Set(temps);
  return {
    sinks: outcomes.map((outcome) => describe(outcome, records[outcome.path])),
    kept: journal.flatMap((temp, index) => (kept.has(temp) ? [index] : [])),
  };
}

function show(previews: readonly SinkPreview[]): DoneMessage {
  return { sinks: previews.map((one) => ({ ...describe(one), ...shown(one) })), kept: [] };
}

function shown({ current, next }: SinkPreview): Pick<SinkMessage, 'current' | 'next'> {
  if (!next || next.length + (current?.length ?? 0) > LIMITS.shown) return {};
  return { ...(current && { current: current.toString('base64') }), next: next.toString('base64') };
}

function describe(outcome: SinkOutcome, record?: SinkRecord): SinkMessage {
  const { result, bytesChanged, drift, warnings, evidence, error } = outcome;
  return {
    result,
    bytesChanged,
    drift,
    warnings: warnings.slice(0, LIMITS.warnings).map((warning) => warning.slice(0, LIMITS.warning)),
    ...(evidence && { evidence }),
    ...(error && { error: cut(error) }),
    ...(record && { record }),
  };
}

function cut({ code, message, hint }: ErrorInfo): ErrorInfo {
  const short = { code, message: message.slice(0, LIMITS.text) };
  return hint === undefined ? short : { ...short, hint: hint.slice(0, LIMITS.text) };
}

function tell(channel: Channel, message: Message | Verdicts): void {
  channel.write(JSON.stringify(message));
}
