import type { SinkEvidence } from '../core/outcomes.ts';
import type { EvidenceStatus } from './status.ts';

/** `untraced`: its consumers whose reads leave no trace, so that nobody can say that it was not read. */
export function evidenceStatus(evidence: SinkEvidence, untraced: readonly string[]): EvidenceStatus {
  const writtenAt = new Date(evidence.writtenAt).toISOString();
  if (evidence.kind === 'read') return { kind: 'read', writtenAt, readAt: new Date(evidence.readAt).toISOString() };
  if (evidence.kind === 'unread' && untraced.length > 0) return { kind: 'unknown', writtenAt, untraced };
  return { kind: evidence.kind, writtenAt };
}
