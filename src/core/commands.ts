import type { UserIds } from './contracts.ts';

export interface CommandResult {
  /** Null when it was ended by a signal. */
  readonly exitCode: number | null;
  /** Null too when it hangs in the kernel, and was given up. */
  readonly signal: NodeJS.Signals | null;
  readonly timedOut: boolean;
  /** The end of what it printed. */
  readonly output: string;
  /** The end of its standard error; to be shown, so the command must not print secrets there. */
  readonly complaint: string;
}

export interface CommandOptions {
  /** Milliseconds. */
  readonly timeout: number;
  readonly env: Readonly<Record<string, string>>;
  readonly ids?: UserIds;
  readonly signal?: AbortSignal;
  /** Bytes of each stream that are kept, from the end; 4 KiB where left out. */
  readonly keep?: number;
}

/**
 * Runs programs without a shell, standard input closed, with no descriptor of ours. A timeout ends the process group,
 * and is kept even if that hangs. Rejects only if the program cannot start (with the errno error; EBUSY while an
 * earlier run of the same still hangs) or when `signal` aborts, which ends the group as well.
 */
export interface Commands {
  run(command: readonly string[], options: CommandOptions): Promise<CommandResult>;
}
