import type { Actor, Actors, User } from '../../core/contracts.ts';
import { AgentError, describeForeign, type ErrorCode } from '../../core/errors.ts';
import type { Refused } from './answer.ts';

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
  readonly #partner: Partner;
  /** Milliseconds; only time spent waiting is charged to the process. */
  #left: number;

  constructor(actors: Actors, partner: Partner) {
    this.#partner = partner;
    this.#left = partner.patience;
    let actor: Actor | undefined;
    try {
      actor = actors.start(partner.user, partner);
    } catch (error) {
      throw this.#failed(describeForeign(error), 'see whether the machine can start programs: memory, process limits');
    }
    if (!actor) throw this.#exhausted('one of an earlier pass that still hangs');
    this.#actor = actor;
  }

  say(line: string): void {
    this.#actor.say(line);
  }

  /** `parse` throws on anything that is not an answer. */
  async hear<M extends object>(parse: (line: string) => M | Refused): Promise<M> {
    const heard = await this.#wait(this.#actor.hear());
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

  /** Rejects with SINK_TIMEOUT when no patience is left. */
  async #wait<T>(promise: Promise<T>): Promise<T> {
    const since = performance.now();
    const timeout = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      timeout.reject(this.#exhausted(`none in ${this.#partner.patience / 1000} s`));
    }, this.#left);
    try {
      return await Promise.race([promise, timeout.promise]);
    } finally {
      clearTimeout(timer);
      this.#left = Math.max(0, this.#left - (performance.now() - since));
    }
  }

  #exhausted(got: string): AgentError {
    const hint =
      'see whether that file system answers (a network home may hang), and whether somebody stopped the process';
    return this.#error('SINK_TIMEOUT', got, hint);
  }

  #failed(got: string, hint: string): AgentError {
    return this.#error('SINK_ACTOR_FAILED', got, hint);
  }

  #error(code: ErrorCode, got: string, hint: string): AgentError {
    const message = `expected an answer of the process for uid ${this.#partner.user.uid}, got ${got}`;
    return new AgentError(code, message, { hint });
  }
}
