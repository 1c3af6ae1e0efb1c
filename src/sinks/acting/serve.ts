import { basename } from 'node:path';
import type { ErrorInfo } from '../../core/errors.ts';
import { sinkId } from '../../core/sink-id.ts';
import { openDirectory } from '../../paths/policies.ts';
import { type BeforeWrite, isPreview, type Job, type SinkDeps, type SinkPreview } from '../contract.ts';
import { type Authority, authorityOf, walkerOf } from '../place/places.ts';
import type { SinkRecord } from '../record.ts';
import { work } from '../write/work.ts';
import type { DoneMessage, LookAnswer, Message, SinkMessage } from './answer.ts';
import { decodeTask, GO, LIMITS, type LookTask } from './message.ts';

/** The pipes of a process that acts as another user. */
export interface Channel {
  /** The next line, undefined when the agent is gone. */
  readonly read: () => string | undefined;
  readonly write: (line: string) => void;
}

/** Does the task of the first line with the identity of this process, already the user's. */
export async function serve(deps: SinkDeps, line: string, channel: Channel): Promise<void> {
  const task = decodeTask(line);
  if (task.kind === 'look') answer(channel, { authorities: look(deps, task) });
  else answer(channel, { done: await serveJob(deps, channel, task) });
}

function look(deps: SinkDeps, { directories, ...trust }: LookTask): readonly Authority[] {
  const walker = walkerOf(deps, trust);
  return directories.flatMap((directory) => {
    using found = openDirectory('sink', directory, walker);
    return authorityOf(found) ?? [];
  });
}

/** Has the agent journal each temp file before its first byte. */
async function serveJob(deps: SinkDeps, channel: Channel, job: Job): Promise<DoneMessage> {
  const journal = [...job.temps];
  const indexOf = ({ path }: { readonly path: string }): number => job.sinks.findIndex((sink) => sink.path === path);
  const beforeWrite: BeforeWrite = async (staged) => {
    journal.push(...staged.map(({ temp }) => temp));
    answer(channel, {
      staged: staged.map(({ file, temp: { path, inode }, changing }) => {
        const indexes = changing.map((sink) => job.sinks.indexOf(sink));
        return { sink: indexOf(file), name: basename(path), inode, changing: indexes };
      }),
    });
    if (channel.read() !== GO) throw new Error('the agent is gone');
    await Promise.resolve();
  };
  const { outcomes, records, temps } = await work(deps, job, beforeWrite);
  const kept = new Set(temps);
  return {
    sinks: outcomes.map((one) => ({ ...describe(one, records[sinkId(one)]), ...(isPreview(job.kind) && shown(one)) })),
    kept: journal.flatMap((temp, index) => (kept.has(temp) ? [index] : [])),
  };
}

function shown({ current, next }: SinkPreview): Pick<SinkMessage, 'current' | 'next'> {
  if (!next || next.length + (current?.length ?? 0) > LIMITS.shown) return {};
  return { ...(current && { current: current.toString('base64') }), next: next.toString('base64') };
}

/** An outcome without the parts that the agent knows. */
function describe(outcome: SinkPreview, record?: SinkRecord): SinkMessage {
  const { path, part, format, current, next, diff, error, warnings, ...said } = outcome;
  return {
    ...said,
    warnings: warnings.slice(0, LIMITS.warnings).map((warning) => warning.slice(0, LIMITS.warning)),
    ...(diff && { diff: diff.slice(0, LIMITS.diff) }),
    ...(error && { error: cut(error) }),
    ...(record && { record }),
  };
}

function cut({ code, message, hint }: ErrorInfo): ErrorInfo {
  const short = { code, message: message.slice(0, LIMITS.text) };
  return hint === undefined ? short : { ...short, hint: hint.slice(0, LIMITS.text) };
}

function answer(channel: Channel, message: Message | LookAnswer): void {
  channel.write(JSON.stringify(message));
}
