import type { Actor, Actors, User } from '../../core/contracts.ts';
import { AgentError, describeForeign } from '../../core/errors.ts';
import type { Refused } from './message.ts';
import { Patience } from './patience.ts';

export interface Partner {
  readonly user: User;
  /** What it works on: one that hangs keeps others from the same work alone. */
  readonly subject: string;
  /** Of all that it may say. */
  readonly maxBytes: number;
  /** Milliseconds, in all. */
  readonly patience: number;
}

const TAKEN_OVER = 'find out who runs in its place: that user may have taken it over';

/** Words with a process that acts as a user. Whatever it does instead of answering is SINK_TIMEOUT or SINK_ACTOR_FAILED. */
export class Talk implements Disposable {
  readonly #actor: Actor;
  readonly #patience: Patience;
  readonly #uid: number;

  constructor(actors: Actors, { user, subject, maxBytes, patience }: Partner) {
    this.#uid = user.uid;
    this.#patience = new Patience(user.uid, patience);
    let actor: Actor | undefined;
    try {
      actor = actors.start(user, { subject, maxBytes });
    } catch (error) {
      throw this.#failed(describeForeign(error), 'see whether the machine can start programs: memory, process limits');
    }
    if (!actor) throw this.#patience.exhausted('one of an earlier pass that still hangs');
    this.#actor = actor;
  }

  say(line: string): void {
    this.#actor.say(line);
  }

  /** `parse` throws on anything that is not an answer. */
  async hear<M extends object>(parse: (line: string) => M | Refused): Promise<M> {
    const heard = await this.#patience.wait(this.#actor.hear());
    if (!heard.ok) throw this.#failed(`its end (${heard.why})`, 'look for it in the system log');
    let message: M | Refused;
    try {
      message = parse(heard.line);
    } catch {
      throw this.#failed('nonsense', TAKEN_OVER);
    }
    if (!('refused' in message)) return message;
    const hint = 'the agent needs CAP_SETUID and CAP_SETGID to act as users: see CapabilityBoundingSet= of its unit';
    throw this.#failed(message.refused, hint);
  }

  tooMuch(): AgentError {
    return this.#failed('one without end', TAKEN_OVER);
  }

  [Symbol.dispose](): void {
    this.#actor.end();
  }

  #failed(got: string, hint: string): AgentError {
    const message = `expected an answer of the process for uid ${this.#uid}, got ${got}`;
    return new AgentError('SINK_ACTOR_FAILED', message, { hint });
  }
}
