import type { Actor, Actors, Heard, User } from './contracts.ts';
import { AgentError, describeForeign, type ErrorCode } from './errors.ts';

export interface Partner {
  readonly user: User;
  /** Its work: a process that hangs blocks only the same work. */
  readonly subject: string;
  readonly maxBytes: number;
  readonly patienceMs: number;
  readonly codes: { readonly timeout: ErrorCode; readonly failed: ErrorCode };
  /** Unset: none. Begins each message: the path that it looks at. */
  readonly about?: string;
}

/** A process could not become its user, and has read nothing. */
export interface RefusedIdentity {
  readonly refused: string;
}

const TAKEN_OVER = 'find out who runs in its place: that user may have taken it over';

/**
 * A conversation with a process that acts as a user, who may have taken it over. Anything but an answer is
 * an AgentError with one of the partner's codes.
 */
export class Talk implements Disposable {
  readonly #actor: Actor;
  readonly #partner: Partner;
  /** Milliseconds; only time spent waiting is charged to the process. */
  #leftMs: number;

  constructor(actors: Actors, partner: Partner) {
    this.#partner = partner;
    this.#leftMs = partner.patienceMs;
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

  /** `parse` throws on anything that is not an answer. Rejects with its reason when `signal` aborts. */
  async hear<M extends object>(parse: (line: string) => M | RefusedIdentity, signal?: AbortSignal): Promise<M> {
    const heard = await this.#wait(signal);
    if (!heard.ok) throw this.#failed(`its end (${heard.why})`, 'look for it in the system log');
    let message: M | RefusedIdentity;
    try {
      message = parse(heard.line);
    } catch {
      throw this.#failed('a malformed answer', TAKEN_OVER);
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

  async #wait(signal?: AbortSignal): Promise<Heard> {
    signal?.throwIfAborted();
    const since = performance.now();
    const over = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      over.reject(this.#exhausted(`none in ${this.#partner.patienceMs / 1000} s`));
    }, this.#leftMs);
    const abort = (): void => {
      over.reject(signal?.reason);
    };
    signal?.addEventListener('abort', abort);
    try {
      return await Promise.race([this.#actor.hear(), over.promise]);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      this.#leftMs = Math.max(0, this.#leftMs - (performance.now() - since));
    }
  }

  #exhausted(got: string): AgentError {
    const hint =
      'see whether that file system answers (a network home may hang), and whether somebody stopped the process';
    return this.#error(this.#partner.codes.timeout, got, hint);
  }

  #failed(got: string, hint: string): AgentError {
    return this.#error(this.#partner.codes.failed, got, hint);
  }

  #error(code: ErrorCode, got: string, hint: string): AgentError {
    const { about, user } = this.#partner;
    const message = `expected an answer of the process for uid ${user.uid}, got ${got}`;
    return new AgentError(code, about === undefined ? message : `${about}: ${message}`, { hint });
  }
}
