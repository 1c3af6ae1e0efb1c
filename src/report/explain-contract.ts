import type { ErrorCode } from '../core/errors.ts';

export interface Explanation {
  /** In a few words. */
  readonly means: string;
  /** How it comes about. */
  readonly causes: readonly string[];
  /** What the administrator does next. */
  readonly remedies: readonly string[];
}

/** One for every code that begins with one of these words. */
export type Explanations<Word extends string> = Readonly<
  Record<Extract<ErrorCode, Word | `${Word}_${string}`>, Explanation>
>;
