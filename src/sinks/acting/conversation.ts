import { dirname, join } from 'node:path';
import type { SinkConfig } from '../../core/config.ts';
import type { Actors, User } from '../../core/contracts.ts';
import type { TempFile } from '../contract.ts';
import type { Job } from '../job.ts';
import type { BeforeWrite, Staged } from '../replace.ts';
import { parseMessage } from './answer.ts';
import { encodeJob, GO } from './job.ts';
import { maxBytes, type DoneMessage, type StagedMessage } from './message.ts';
import type { ActingLimits } from './patience.ts';
import { Talk } from './talk.ts';

export interface Assigned {
  readonly user: User;
  readonly mount?: string | undefined;
  readonly job: Job;
}

/** A sink is staged again when another program changes it meanwhile, a few times. */
const STAGED_AT_MOST = 3;

/**
 * Has a process that acts as a user do a job. What it says is checked, and can do no more than be wrong about that
 * user's own sinks.
 */
export class Conversation {
  /** Of the job, and then those that were staged since. */
  readonly temps: TempFile[];
  /** The sinks that may have other bytes by now. */
  readonly changing = new Set<SinkConfig>();
  readonly #assigned: Assigned;
  readonly #beforeWrite: BeforeWrite;

  constructor(assigned: Assigned, beforeWrite: BeforeWrite) {
    this.#assigned = assigned;
    this.#beforeWrite = beforeWrite;
    this.temps = [...assigned.job.temps];
  }

  /** Rejects with SINK_TIMEOUT and SINK_ACTOR_FAILED; the process is ended in any case. */
  async hold(actors: Actors, { deadline, perSink }: ActingLimits): Promise<DoneMessage> {
    const { user, mount = 'sinks', job } = this.#assigned;
    const patience = deadline + perSink * job.sinks.length;
    using talk = new Talk(actors, { user, subject: mount, maxBytes: maxBytes(job), patience });
    talk.say(encodeJob(job));
    for (;;) {
      const message = await talk.hear((line) => parseMessage(line, { ...job, temps: this.temps.length }));
      if ('done' in message) return message.done;
      const staged = message.staged.flatMap((one) => this.#locate(one) ?? []);
      this.temps.push(...staged.map(({ temp }) => temp));
      if (this.temps.length > job.temps.length + STAGED_AT_MOST * job.sinks.length) throw talk.tooMuch();
      await this.#beforeWrite(staged);
      for (const sink of staged.flatMap(({ changing }) => changing)) this.changing.add(sink);
      talk.say(GO);
    }
  }

  /** Beside the sink, whatever the process may have meant. */
  #locate({ sink: index, name, inode, changing }: StagedMessage): Staged | undefined {
    const { user, job } = this.#assigned;
    const file = job.sinks[index];
    if (!file) return undefined;
    const temp = { path: join(dirname(file.path), name), inode, uid: user.uid };
    return { file, temp, changing: changing.flatMap((each) => job.sinks[each] ?? []) };
  }
}
