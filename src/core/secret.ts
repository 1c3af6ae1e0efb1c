import { inspect } from 'node:util';

const REDACTED = '[secret]';

/**
 * A value that must never be printed. Every way of turning it into text gives `[secret]`;
 * only the formats, which write it into files, and the job for a process that acts as another user call
 * {@link Secret.reveal}.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return REDACTED;
  }

  toJSON(): string {
    return REDACTED;
  }

  [inspect.custom](): string {
    return REDACTED;
  }
}
