import type { Credentials, Origin, Print } from '../core/credentials.ts';
import type { SinkConfig } from '../core/config.ts';
import type { ApplyResult, ForgetRequest, SinkPreview, SinkRecords, TempFile } from './contract.ts';

/** What one identity is to do with sinks, by itself. */
export type Job = Scope & (WriteWish | ForgetWish);

/** Where: the sinks of that identity. */
export interface Scope {
  readonly sinks: readonly SinkConfig[];
  /** Group ids. */
  readonly trustedGroups: readonly number[];
  /** To be swept. */
  readonly temps: readonly TempFile[];
}

/** To write sinks, or to look at what that would come to. */
export interface WriteWish {
  readonly kind: 'apply' | 'preview';
  readonly print: Print;
  readonly credentials: Credentials | undefined;
  readonly origin: Origin;
  readonly rotated: boolean;
  readonly records: SinkRecords;
}

/** To take what is ours out of sinks, or to look at that. It holds no secret. */
export interface ForgetWish extends Pick<ForgetRequest, 'keyId' | 'force'> {
  readonly kind: 'forget' | 'preview-forget';
}

/** With bytes where it was a look. */
export interface Done extends Omit<ApplyResult, 'outcomes'> {
  readonly outcomes: readonly SinkPreview[];
}

/** Whether a job of this kind changes nothing, and is answered with bytes to be shown. */
export function isLook(kind: Job['kind']): boolean {
  return kind === 'preview' || kind === 'preview-forget';
}
