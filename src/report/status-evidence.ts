import type { SinkEvidence } from '../core/outcomes.ts';

/** Whether anybody has read a sink since it was written, as a status says it. Times are RFC 3339. */
export interface EvidenceStatus {
  readonly kind: SinkEvidence['kind'];
  readonly writtenAt: string;
  readonly readAt?: string;
  /** Why it is unknown, when it is not for the file system: consumers that read it without leaving a trace. */
  readonly untraced?: readonly string[];
}

/** `untraced`: its consumers whose reads leave no trace, so that nobody can say that it was not read. */
export function evidenceStatus(evidence: SinkEvidence, untraced: readonly string[]): EvidenceStatus {
  const writtenAt = new Date(evidence.writtenAt).toISOString();
  if (evidence.kind === 'read') return { kind: 'read', writtenAt, readAt: new Date(evidence.readAt).toISOString() };
  if (evidence.kind === 'unread' && untraced.length > 0) return { kind: 'unknown', writtenAt, untraced };
  return { kind: evidence.kind, writtenAt };
}
